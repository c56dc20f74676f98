/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_SHM_PAGES_H
#define FOLIO_SHM_PAGES_H

/* The pages behind shared memory: where they lie, and why they cannot be had. */

#include <stdint.h>

#include <folio.h>

/* Ask for memory of a node before it is touched. Negative: anywhere. */
void folio_shm_place(void *mem, uint64_t len, int numa_node);

/*
 * `what` (e.g. "map") of so many bytes failed with this errno: a line for the user that begins with
 * the memory's name. On huge pages it tells how many are needed, and how many there are.
 */
int folio_shm_no_memory(const char *name, uint32_t page_size, const char *what, uint64_t bytes,
			int error, struct folio_error *err);

/* Huge pages of this size that nobody has or was promised. */
uint64_t folio_shm_free_huge_pages(uint64_t page_size);

#endif /* FOLIO_SHM_PAGES_H */
