/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_REGION_H
#define FOLIO_REGION_H

/*
 * Where shared memory comes from: a file on hugetlbfs, tmpfs or a disk, or private memory for a
 * loopback port. Who has which role is settled by a lock on the file, which the kernel drops when
 * its owner dies.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <folio.h>

#include "layout.h"

struct folio_region {
	int fd;		    /* -1: no file */
	char *path;	    /* NULL for private memory */
	enum folio_role role;
	bool ours;	    /* folio made the file: it may grow, and the last one out removes it */
	bool fresh;	    /* this open created it, and the port is not up yet */
	uint32_t page_size; /* of the pages behind the file */
	uint64_t size;	    /* of the file when it was last looked at */
	uint64_t mapped;    /* bytes an area; 0: not mapped */
	uint64_t old_area;  /* guest: bytes that a crashed predecessor wrote */
	uint64_t posted;    /* offset of a header that was posted without mapping; 0: none */
	void *own;	    /* read-write */
	void *peer;	    /* read-only */
};

/*
 * Open the file, or create it (empty), and take the role. With `keep` a file that is created is not
 * marked as folio's own, so that nobody removes it at the end. Checks that the file is a regular one,
 * writable, and empty, zeroed or a folio region.
 *
 * Returns 0 or a negative errno with a line for the user; then nothing is left behind.
 */
int folio_region_open(struct folio_region *r, const char *path, enum folio_role role, bool keep,
		      struct folio_error *err);

/* Guest: make the file at least size bytes long; refuses if it is fixed and too short. */
int folio_region_grow(struct folio_region *r, uint64_t size, struct folio_error *err);

/*
 * Private copy of the guest's header page, without mapping anything. The file changes at any
 * moment; the copy does not. Returns false if the file is too short.
 */
bool folio_region_peek(const struct folio_region *r, struct folio_wire_header *copy);

/*
 * Map both areas, reserve the memory of ours (on numa_node unless that is negative) and zero it.
 * With private memory (path NULL) the two areas are one.
 */
int folio_region_map(struct folio_region *r, const struct folio_layout *l, int numa_node,
		     struct folio_error *err);

/* Zero what we write, behind the header page. Touches no page that is never used. */
void folio_region_zero(struct folio_region *r, const struct folio_layout *l);

/* Resolve the page tables of what the peer writes, so that no burst takes a page fault for it. */
void folio_region_populate(const struct folio_region *r, const struct folio_layout *l);

/*
 * Host, nothing mapped: put a header where ours would be in this layout, to tell the guest why there
 * is nobody. Best effort; wiped by the next post, map or close.
 */
void folio_region_post(struct folio_region *r, const struct folio_layout *l,
		       const struct folio_wire_header *h);

/* The file was cut shorter than what is mapped, or memory of it is gone: see fault.h. */
bool folio_region_is_cut(const struct folio_region *r);

/* The file was unlinked, replaced or cut: nobody will meet us there any more. */
bool folio_region_lost(const struct folio_region *r);

void folio_region_unmap(struct folio_region *r);

/* Unmap, drop the role, remove the file if it is folio's own and nobody else has it. */
void folio_region_close(struct folio_region *r);

#endif /* FOLIO_REGION_H */
