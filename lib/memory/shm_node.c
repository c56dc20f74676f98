/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * A file of the kernel module: the best way in a virtual machine. It maps the memory write-back and
 * zeroes it when its owner dies.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "memory/node.h"
#include "memory/shm_device.h"

static int
node_grow(struct folio_region *r, uint64_t size, struct folio_error *err)
{
	int ret;

	if (!r->allocates || r->size >= size)
		return folio_device_grow(r, size, err);
	if (r->size != 0)
		return folio_fail(err, -ENOSPC,
				  "region too small: %s has %" PRIu64 " bytes, the geometry needs "
				  "%" PRIu64, r->name, r->size, size);
	ret = folio_node_alloc(r->fd, r->name, size, r->numa_node, 0, err);
	if (ret != 0)
		return ret;
	r->size = size;
	return 0;
}

static bool
node_is_gone(const struct folio_region *r)
{
	return folio_node_is_gone(r->fd);
}

static const struct folio_region_source node_source = {
	.lost = "is gone",
	.grow = node_grow,
	.peek = folio_device_peek,
	.reserve = folio_device_reserve,
	.discard = folio_device_discard,
	.is_cut = node_is_gone,
	.is_lost = node_is_gone,
	.release = folio_device_release,
};

int
folio_region_open_node(struct folio_region *r, const char *path, struct folio_error *err)
{
	struct folio_ioctl_info info;
	int ret;

	r->path = strdup(path);
	if (r->path == NULL)
		return folio_fail(err, -ENOMEM, "out of memory");
	ret = folio_node_open(path, r->name, &info, err);
	if (ret < 0)
		return ret;
	r->fd = ret;
	r->source = &node_source;
	r->size = info.size;
	r->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
	r->caching = folio_node_caching(&info);
	r->allocates = info.kind == FOLIO_IOCTL_KIND_ALLOC;
	if (r->allocates) {
		/* Private to this process until a host is told where it lies. */
		snprintf(r->detail, sizeof(r->detail), "shared by the kernel module");
		if (r->role == FOLIO_GUEST)
			return 0;
		return folio_fail(err, -EINVAL, "%s shares memory of a guest: allowed with it is "
				  "role=guest", r->name);
	}
	snprintf(r->detail, sizeof(r->detail), "a BAR, through the kernel module");
	ret = folio_device_map_first(r);
	if (ret != 0)
		return folio_fail(err, ret, "%s: cannot map it: %s", r->name, strerror(-ret));
	/* Zeroed by the module since the last owner: what is here now the other side wrote. */
	folio_device_measure(r);
	return 0;
}
