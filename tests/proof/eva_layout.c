/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Any geometry, any size of region, and a user who wants to know what is wrong or does not. */

#include "eva.h"
#include "native/layout.h"

/* A number below what is allowed, above it, or allowed. */
static uint32_t
number(uint32_t which, uint32_t min, uint32_t max)
{
	switch (which % 3) {
	case 0:
		return Frama_C_unsigned_int_interval(0, min - 1);
	case 1:
		return Frama_C_unsigned_int_interval(max + 1, UINT32_MAX);
	default:
		return Frama_C_unsigned_int_interval(min, max);
	}
}

static void
check(uint32_t which)
{
	const struct folio_geometry g = {
		.queues = number(which, FOLIO_WIRE_QUEUES_MIN, FOLIO_WIRE_QUEUES_MAX),
		.ring_size = number(which / 3, FOLIO_WIRE_RING_MIN, FOLIO_WIRE_RING_MAX),
		.slot_size = number(which / 9, FOLIO_WIRE_SLOT_MIN, FOLIO_WIRE_SLOT_MAX),
		.page_shift = number(which / 27, FOLIO_WIRE_SHIFT_MIN, FOLIO_WIRE_SHIFT_MAX),
	};
	struct folio_error err;
	struct folio_layout l;

	if (folio_layout_init(&l, &g, any_u64, maybe() ? &err : NULL) != 0)
		return;
	/*@ assert wire: FOLIO_WIRE_RING_MIN <= l.geom.ring_size <= FOLIO_WIRE_RING_MAX &&
	      FOLIO_WIRE_QUEUES_MIN <= l.geom.queues <= FOLIO_WIRE_QUEUES_MAX; */
	/*@ assert shape: 320 <= l.stride <= 65600 && l.stride % 64 == 0 &&
	      14 <= l.max_frame <= FOLIO_WIRE_FRAME_MAX; */
	/*@ assert size: l.region_size < 0x8000000000; */
}

/* The cases together are every geometry that fits its fields; EVA looks at each by itself. */
void
main(void)
{
	uint32_t which;

	/*@ loop unroll 81; */
	for (which = 0; which < 81; which++)
		check(which);
}
