/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Every geometry there is, one slot size a stride: what the contracts of the rings take as given.
 * The rings of a queue lie behind each other, in the area, on pages of their own, and the shape is
 * the one of pieces.h. Prints how many layouts it has seen.
 */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "native/layout.h"

#define LINE FOLIO_WIRE_LINE
#define PAGE FOLIO_WIRE_PAGE

static void
require(bool ok, const char *what, const struct folio_geometry *g)
{
	if (ok)
		return;
	printf("%s: queues=%u ring_size=%u slot_size=%u page_shift=%u\n", what, g->queues,
	       g->ring_size, g->slot_size, g->page_shift);
	exit(1);
}

static void
check(const struct folio_geometry *g)
{
	uint8_t *base = NULL;
	struct folio_layout l;
	uint64_t ring, end;
	uint32_t q;

	require(folio_layout_init(&l, g, 0, NULL) == 0, "accepted", g);
	ring = (uint64_t)g->ring_size * l.stride;
	require(l.stride % (2 * LINE) == LINE && l.stride >= g->slot_size &&
		l.stride < g->slot_size + 2 * LINE && l.stride >= 320 && l.stride <= 65600,
		"stride", g);
	require(l.max_frame >= g->slot_size && l.max_frame <= FOLIO_WIRE_FRAME_MAX &&
		l.max_frame <= ring, "longest frame", g);
	require(l.index_off == PAGE, "index behind the header", g);
	end = l.index_off + g->queues * sizeof(struct folio_wire_index);
	for (q = 0; q < g->queues; q++) {
		uint64_t at = (uint64_t)(uintptr_t)folio_layout_desc(&l, base, q);

		require(at >= end && at % PAGE == 0, "descriptors", g);
		end = at + g->ring_size * sizeof(folio_wire_desc);
	}
	for (q = 0; q < g->queues; q++) {
		uint64_t at = l.meta_off + q * l.meta_len;

		require(at >= end && at % PAGE == 0, "metadata", g);
		end = at + g->ring_size * sizeof(struct folio_wire_meta);
	}
	for (q = 0; q < g->queues; q++) {
		uint64_t at = (uint64_t)(uintptr_t)folio_layout_data(&l, base, q);

		require(at >= end && at % PAGE == 0, "slots", g);
		end = at + ring;
	}
	require(end <= l.used && l.used <= l.area_size && l.region_size == 2 * l.area_size &&
		l.area_size % (UINT64_C(1) << g->page_shift) == 0, "area", g);
}

int
main(void)
{
	struct folio_geometry g;
	unsigned long n = 0;

	for (g.ring_size = FOLIO_WIRE_RING_MIN; g.ring_size <= FOLIO_WIRE_RING_MAX;
	     g.ring_size *= 2) {
		for (g.slot_size = FOLIO_WIRE_SLOT_MIN; g.slot_size <= FOLIO_WIRE_SLOT_MAX;
		     g.slot_size += LINE) {
			for (g.queues = 1; g.queues <= FOLIO_WIRE_QUEUES_MAX; g.queues++) {
				g.page_shift = FOLIO_WIRE_SHIFT_MIN + n++ %
					(FOLIO_WIRE_SHIFT_MAX - FOLIO_WIRE_SHIFT_MIN + 1);
				check(&g);
			}
		}
	}
	printf("%lu layouts\n", n);
	return 0;
}
