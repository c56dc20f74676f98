/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_SHM_SOURCE_H
#define FOLIO_SHM_SOURCE_H

/* What each kind of shared memory does in its own way; for memory/ and native/region.c only. */

#include "native/region.h"

struct folio_region_source {
	/* What is said of a region that was lost, behind its name. */
	const char *lost;
	/* As folio_region_grow(). */
	int (*grow)(struct folio_region *r, uint64_t size, struct folio_error *err);
	/* As folio_region_peek(). */
	bool (*peek)(const struct folio_region *r, struct folio_wire_header *copy);
	/*
	 * Map both areas: set own, peer and mapped, or say why not. NULL: halves of the file
	 * (shm_map.h).
	 */
	int (*map)(struct folio_region *r, const struct folio_layout *l, struct folio_error *err);
	/* Have memory behind a range. Returns 0 or a positive errno. */
	int (*reserve)(struct folio_region *r, uint64_t offset, uint64_t len);
	/* Zero a range, and give its memory back if that is possible. Best effort. */
	void (*discard)(struct folio_region *r, uint64_t offset, uint64_t len);
	/* As folio_region_post(). NULL: into the host's half of the file. */
	void (*post)(struct folio_region *r, const struct folio_wire_header *h);
	/* As folio_region_poll(). NULL: nothing to do. */
	int (*poll)(struct folio_region *r, struct folio_error *err);
	/* As folio_region_is_cut() and folio_region_lost(). */
	bool (*is_cut)(const struct folio_region *r);
	bool (*is_lost)(const struct folio_region *r);
	/* Last look at the file before its descriptor is closed. */
	void (*release)(struct folio_region *r);
};

/*
 * Fill in r, whose role and name are set. On failure the caller closes the region, whatever it has
 * come to.
 */
int folio_region_open_file(struct folio_region *r, const char *path, bool keep,
			   struct folio_error *err);
int folio_region_open_node(struct folio_region *r, const char *path, struct folio_error *err);
int folio_region_open_bar(struct folio_region *r, const struct folio_pci_place *place,
			  struct folio_error *err);
int folio_region_open_memfd(struct folio_region *r, const char *path, struct folio_error *err);

/* Take the role on r->fd; a line for the user if somebody else has it. */
int folio_region_lock_role(struct folio_region *r, struct folio_error *err);

/*
 * Is there nothing, or folio's magic, at the guest's end of the region or where a host's header may
 * be?
 */
bool folio_region_is_folios(const struct folio_region *r);

/* A guest takes over from a predecessor whose host may live: remember how far its area reached. */
void folio_region_note_predecessor(struct folio_region *r);

#endif /* FOLIO_SHM_SOURCE_H */
