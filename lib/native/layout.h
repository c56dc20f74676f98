/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_LAYOUT_H
#define FOLIO_LAYOUT_H

/*
 * From a geometry to the place of every byte. A pure function, and the only code that adds to a
 * base address; the hot path's slot arithmetic is here too.
 */

#include <stdint.h>

#include <folio.h>
#include <folio_wire.h>

/* A guest's areas start on 2 MiB: a huge page of whatever the file lies on can back them. */
#define FOLIO_LAYOUT_SHIFT 21

struct folio_geometry {
	uint32_t queues;
	uint32_t ring_size;  /* slots, a power of two */
	uint32_t slot_size;  /* payload bytes */
	uint32_t page_shift; /* areas are aligned to 1 << page_shift bytes */
};

/* Offsets are relative to the start of an area. */
struct folio_layout {
	struct folio_geometry geom;
	uint32_t stride;    /* bytes from slot to slot, an odd number of cache lines */
	uint32_t max_frame; /* bytes */
	uint64_t index_off;
	uint64_t desc_off;
	uint64_t desc_len; /* bytes a queue, as for the next two */
	uint64_t meta_off;
	uint64_t meta_len;
	uint64_t data_off;
	uint64_t data_len;
	uint64_t used; /* bytes of an area that carry something */
	uint64_t area_size;
	uint64_t region_size;
};

/*
 * Compute the layout of a geometry, after checking every field against the limits of the wire
 * format and, if region_size is not 0, against the true size of the region.
 *
 * Returns 0, -EINVAL (a field out of range) or -ENOSPC (region too small); the error line names the
 * field, its value and what is allowed. *l is written on success only.
 */
int folio_layout_init(struct folio_layout *l, const struct folio_geometry *g, uint64_t region_size,
		      struct folio_error *err);

/* Where things are in the area that starts at area. q must be below geom.queues. */
struct folio_wire_header *folio_layout_header(void *area);
struct folio_wire_index *folio_layout_index(const struct folio_layout *l, void *area, uint32_t q);
folio_wire_desc *folio_layout_desc(const struct folio_layout *l, void *area, uint32_t q);
uint8_t *folio_layout_data(const struct folio_layout *l, void *area, uint32_t q);

/* Slot i of a ring; any i: it is masked. */
static inline uint8_t *
folio_layout_slot(uint8_t *data, uint32_t stride, uint32_t mask, uint32_t i)
{
	return data + (uint64_t)(i & mask) * stride;
}

#endif /* FOLIO_LAYOUT_H */
