/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_SHM_MAP_H
#define FOLIO_SHM_MAP_H

/* Mapping shared memory, and why it cannot be had. */

#include "native/region.h"

/* What is used of the halves of r->fd: ours to write, the peer's to read. */
int folio_shm_map_halves(struct folio_region *r, const struct folio_layout *l,
			 struct folio_error *err);

/*
 * A memfd that nobody can execute, where the kernel has such (else one that can be); flags are
 * memfd_create()'s. Returns a descriptor that is closed on exec, or -1 and errno. Does not block.
 */
int folio_shm_memfd(unsigned int flags);

/* Ask for memory of a node before it is touched. Negative: anywhere. */
void folio_shm_place(void *mem, uint64_t len, int numa_node);

/*
 * `what` (e.g. "map") of so many bytes failed with this errno: a line for the user. On huge pages
 * it tells how many are needed, and how many there are.
 */
int folio_shm_no_memory(const struct folio_region *r, const char *what, uint64_t bytes, int error,
			struct folio_error *err);

/* Huge pages of this size that nobody has or was promised. */
uint64_t folio_shm_free_huge_pages(uint64_t page_size);

#endif /* FOLIO_SHM_MAP_H */
