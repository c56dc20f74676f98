/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_ARENA_H
#define FOLIO_ARENA_H

/*
 * Carves shared memory into rings and buffers. All bookkeeping is private: not a byte of it lies in
 * the memory that is carved, so whoever writes there cannot move anything. Nothing is given back
 * but everything at once.
 */

#include "memory/shm.h"

struct folio_arena {
	const struct folio_shm *shm;
	uint64_t used; /* bytes from the start on */
};

void folio_arena_begin(struct folio_arena *a, const struct folio_shm *shm);

/*
 * The next `len` bytes that are contiguous for the device, aligned to `align`, a power of two, by
 * their place in the mapping and by their device address.
 *
 * Returns their offset and their device address; false if there are none. Then nothing is taken.
 */
bool folio_arena_take(struct folio_arena *a, uint64_t len, uint64_t align, uint64_t *offset,
		      uint64_t *addr);

/*
 * The next n * stride bytes, of which each stride is contiguous for the device. addr gets the
 * device address of each, plus `skip`.
 *
 * Returns the offset of the first; false if there is no such place.
 */
bool folio_arena_take_array(struct folio_arena *a, uint32_t n, uint32_t stride, uint32_t skip,
			    uint64_t *offset, uint64_t *addr);

#endif /* FOLIO_ARENA_H */
