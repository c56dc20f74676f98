/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * A file of the kernel module: the best way in a virtual machine. It maps the memory write-back and
 * zeroes it when its owner dies.
 */

#include <errno.h>
#include <fcntl.h>
#include <folio_ioctl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "error.h"
#include "memory/shm_device.h"

static int
node_grow(struct folio_region *r, uint64_t size, struct folio_error *err)
{
	struct folio_ioctl_alloc alloc = {
		.size = size,
		.node = r->numa_node >= 0 ? (uint32_t)r->numa_node : UINT32_MAX,
	};

	if (!r->allocates || r->size >= size)
		return folio_device_grow(r, size, err);
	if (r->size != 0)
		return folio_fail(err, -ENOSPC,
				  "region too small: %s has %" PRIu64 " bytes, the geometry needs "
				  "%" PRIu64, r->name, r->size, size);
	if (ioctl(r->fd, FOLIO_IOCTL_ALLOC, &alloc) != 0)
		return folio_fail(err, -errno, "%s: cannot share %" PRIu64 " bytes of memory: %s%s",
				  r->name, size, strerror(errno),
				  errno == ENOMEM ? " (see RLIMIT_MEMLOCK, and the module's parameters "
						    "max_alloc and min_chunk)" : "");
	r->size = size;
	return 0;
}

static bool
node_is_gone(const struct folio_region *r)
{
	struct folio_ioctl_info info;

	return ioctl(r->fd, FOLIO_IOCTL_INFO, &info) != 0;
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

static enum folio_caching
node_caching(uint32_t caching)
{
	switch (caching) {
	case FOLIO_IOCTL_CACHING_WRITE_BACK:
		return FOLIO_CACHING_WRITE_BACK;
	case FOLIO_IOCTL_CACHING_WRITE_COMBINING:
		return FOLIO_CACHING_WRITE_COMBINING;
	case FOLIO_IOCTL_CACHING_UNCACHED:
		return FOLIO_CACHING_UNCACHED;
	default:
		return FOLIO_CACHING_UNKNOWN;
	}
}

static int
open_node(struct folio_region *r, const char *path, struct folio_error *err)
{
	r->path = strdup(path);
	if (r->path == NULL)
		return folio_fail(err, -ENOMEM, "out of memory");
	/* It need not be the module's: do not wait for a modem, nor become its session's leader. */
	r->fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (r->fd < 0 && errno == EBUSY)
		return folio_fail(err, -EBUSY, "%s is taken: another port, of this process or of "
				  "another, has %s", r->name, path);
	if (r->fd < 0)
		return folio_fail(err, -errno, "%s: cannot open %s for writing: %s", r->name, path,
				  strerror(errno));
	return 0;
}

int
folio_region_open_node(struct folio_region *r, const char *path, struct folio_error *err)
{
	struct folio_ioctl_info info;
	int ret;

	ret = open_node(r, path, err);
	if (ret != 0)
		return ret;
	if (ioctl(r->fd, FOLIO_IOCTL_INFO, &info) != 0)
		return folio_fail(err, -EINVAL, "%s is neither a regular file nor a device of the "
				  "folio kernel module", r->name);
	if (info.version != FOLIO_IOCTL_VERSION)
		return folio_fail(err, -EPROTO, "%s: the kernel module speaks version %u of its "
				  "interface, this is version %u", r->name, info.version,
				  FOLIO_IOCTL_VERSION);
	r->source = &node_source;
	r->size = info.size;
	r->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
	r->caching = node_caching(info.caching);
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
