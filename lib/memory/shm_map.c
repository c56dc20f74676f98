/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <sys/mman.h>

#include "memory/shm_map.h"
#include "memory/shm_pages.h"

/*
 * Areas may be aligned to far more than they use. The rest is left out: a process that locks its
 * memory (mlockall) pays for all that is mapped. The last piece is as long as a larger page that
 * may back it.
 */
static uint64_t
mapped_length(const struct folio_region *r, const struct folio_layout *l)
{
	uint64_t to = UINT64_C(1) << FOLIO_LAYOUT_SHIFT;
	uint64_t len;

	if (to < r->page_size)
		to = r->page_size;
	len = (l->used + to - 1) / to * to;
	return len < l->area_size ? len : l->area_size;
}

int
folio_shm_map_halves(struct folio_region *r, const struct folio_layout *l, struct folio_error *err)
{
	uint64_t own_off = r->role == FOLIO_GUEST ? 0 : l->area_size;
	uint64_t peer_off = l->area_size - own_off;
	uint64_t len = mapped_length(r, l);
	void *own, *peer;
	int error;

	own = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, (off_t)own_off);
	if (own == MAP_FAILED)
		return folio_shm_no_memory(r->name, r->page_size, "map", 2 * len, errno, err);
	peer = mmap(NULL, len, PROT_READ, MAP_SHARED, r->fd, (off_t)peer_off);
	if (peer == MAP_FAILED) {
		error = errno;
		munmap(own, len);
		return folio_shm_no_memory(r->name, r->page_size, "map", 2 * len, error, err);
	}
	if (r->first == NULL) /* a device's memory is where it is */
		folio_shm_place(own, len, r->numa_node);
	r->mapped = len;
	r->own = own;
	r->peer = peer;
	return 0;
}
