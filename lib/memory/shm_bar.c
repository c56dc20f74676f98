/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* A region in BAR2 of an ivshmem device, through sysfs unless the kernel module has it. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "memory/bar.h"
#include "memory/shm_device.h"

static bool
bar_is_gone(const struct folio_region *r)
{
	return folio_bar_is_gone(r->fd, r->path);
}

static const struct folio_region_source bar_source = {
	.lost = "is gone",
	.grow = folio_device_grow,
	.peek = folio_device_peek,
	.reserve = folio_device_reserve,
	.discard = folio_device_discard,
	.is_cut = bar_is_gone,
	.is_lost = bar_is_gone,
	.release = folio_device_release,
};

/* What is opened is the region's from the start. */
static int
open_sysfs(struct folio_region *r, const struct folio_bar *b, struct folio_error *err)
{
	int ret;

	r->fd = b->fd;
	r->path = b->path;
	r->size = b->size;
	r->caching = b->caching;
	snprintf(r->detail, sizeof(r->detail), "%s", b->detail);
	r->source = &bar_source;
	r->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
	ret = folio_region_lock_role(r, err);
	if (ret != 0)
		return ret;
	ret = folio_device_map_first(r);
	if (ret != 0)
		return folio_bar_explain_map(r->name, r->path, ret, err);
	/* Another program's, or the peer's doing: left alone until somebody clears it. */
	if (r->role == FOLIO_GUEST && !folio_region_is_folios(r))
		return folio_fail(err, -EUCLEAN, "%s is not a folio region: its memory starts with "
				  "something else (allowed: zeroes, a folio region): it is left alone",
				  r->name);
	folio_region_note_predecessor(r);
	folio_device_measure(r);
	return 0;
}

int
folio_region_open_bar(struct folio_region *r, const struct folio_pci_place *place,
		      struct folio_error *err)
{
	struct folio_bar b;
	int ret;

	ret = folio_bar_open(&b, place, r->name, err);
	if (ret != 0)
		return ret;
	if (b.node == NULL)
		return open_sysfs(r, &b, err);
	ret = folio_region_open_node(r, b.node, err);
	free(b.node);
	return ret;
}
