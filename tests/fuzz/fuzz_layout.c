/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Geometry to places: every accepted one against the rules of docs/wire-format.md, computed here a
 * second time in numbers that cannot wrap; every refused one for its reason.
 */

#include <errno.h>

#include "check.h"
#include "input.h"
#include "native/layout.h"

typedef unsigned __int128 wide;

static wide
up(wide v, wide to)
{
	return (v + to - 1) / to * to;
}

/* Near the limits more often than not. */
static uint32_t
field(struct input *in, uint32_t min, uint32_t max)
{
	uint8_t how = input_u8(in);
	uint8_t by = input_u8(in);

	switch (how % 8) {
	case 0:
		return min + by % 4 - 1;
	case 1:
		return max + by % 4 - 2;
	case 2:
		return UINT32_C(1) << by % 32;
	case 3:
		return (UINT32_C(1) << by % 32) + how / 8 % 3 - 1;
	case 4:
		return input_u32(in);
	default:
		return min + input_u32(in) % (max - min + 1);
	}
}

static bool
is_valid(const struct folio_geometry *g)
{
	return g->queues >= 1 && g->queues <= 64 && g->ring_size >= 64 && g->ring_size <= 32768 &&
	       __builtin_popcount(g->ring_size) == 1 && g->slot_size >= 256 &&
	       g->slot_size <= 65536 && g->page_shift >= 12 && g->page_shift <= 30;
}

static void
check_text(const struct folio_error *err)
{
	size_t len = strnlen(err->text, sizeof(err->text));

	CHECK(len > 0 && len < sizeof(err->text));
}

static void
check_places(const struct folio_layout *l, uint32_t q, uint32_t slot)
{
	uint8_t *area = (uint8_t *)(uintptr_t)0x10000000000;
	uint8_t *end = area + l->area_size;
	uint8_t *index = (uint8_t *)folio_layout_index(l, area, q);
	uint8_t *desc = (uint8_t *)folio_layout_desc(l, area, q);
	uint8_t *data = folio_layout_data(l, area, q);
	uint32_t mask = l->geom.ring_size - 1;
	uint8_t *first = folio_layout_slot(data, l->stride, mask, slot);

	CHECK((uint8_t *)folio_layout_header(area) == area);
	CHECK(index == area + 4096 + q * 256u);
	CHECK(index + 256 <= area + l->desc_off);
	CHECK(desc >= area + l->desc_off && (uintptr_t)desc % 4096 == 0);
	CHECK(desc + l->geom.ring_size * 8u <= area + l->meta_off);
	CHECK(data >= area + l->data_off && (uintptr_t)data % 4096 == 0);
	CHECK(data + (uint64_t)l->geom.ring_size * l->stride <= end);
	CHECK(first == data + (uint64_t)(slot % l->geom.ring_size) * l->stride);
	CHECK(first + l->stride <= end);
	if (q > 0) {
		CHECK(desc - (uint8_t *)folio_layout_desc(l, area, q - 1) >=
		      (ptrdiff_t)(l->geom.ring_size * 8u));
		CHECK(data - folio_layout_data(l, area, q - 1) >=
		      (ptrdiff_t)((uint64_t)l->geom.ring_size * l->stride));
	}
}

static void
check_layout(const struct folio_layout *l, const struct folio_geometry *g)
{
	wide lines = up(g->slot_size, 64) / 64;
	wide stride = (lines % 2 == 0 ? lines + 1 : lines) * 64;
	wide ring = stride * g->ring_size;
	wide desc = 4096 + up((wide)g->queues * 256, 4096);
	wide meta = desc + g->queues * up((wide)g->ring_size * 8, 4096);
	wide data = meta + g->queues * up((wide)g->ring_size * 32, 4096);
	wide used = data + g->queues * up(ring, 4096);
	wide area = up(used, (wide)1 << g->page_shift);

	CHECK(memcmp(&l->geom, g, sizeof(*g)) == 0);
	CHECK(l->stride == stride);
	CHECK(l->max_frame == (ring < 65536 ? ring : 65536));
	CHECK(l->index_off == 4096);
	CHECK(l->desc_off == desc);
	CHECK(l->meta_off == meta);
	CHECK(l->data_off == data);
	CHECK(l->used == used);
	CHECK(l->area_size == area);
	CHECK(l->region_size == 2 * area);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct input in = {bytes, len};
	struct folio_geometry g = {
		.queues = field(&in, FOLIO_WIRE_QUEUES_MIN, FOLIO_WIRE_QUEUES_MAX),
		.ring_size = field(&in, FOLIO_WIRE_RING_MIN, FOLIO_WIRE_RING_MAX),
		.slot_size = field(&in, FOLIO_WIRE_SLOT_MIN, FOLIO_WIRE_SLOT_MAX),
		.page_shift = field(&in, FOLIO_WIRE_SHIFT_MIN, FOLIO_WIRE_SHIFT_MAX),
	};
	struct folio_layout l, untouched;
	struct folio_error err = {.text = ""};
	uint64_t size = 0;
	int ret;

	if (input_u8(&in) % 4 == 0) { /* any geometry: a valid ring size is rare otherwise */
		g.ring_size = UINT32_C(64) << input_below(&in, 10);
	}
	memset(&l, 0xa5, sizeof(l));
	untouched = l;
	ret = folio_layout_init(&l, &g, 0, &err);
	if (!is_valid(&g)) {
		CHECK(ret == -EINVAL);
		CHECK(memcmp(&l, &untouched, sizeof(l)) == 0);
		check_text(&err);
		CHECK(folio_layout_init(&l, &g, 0, NULL) == -EINVAL);
		return 0;
	}
	CHECK(ret == 0 && err.text[0] == '\0');
	check_layout(&l, &g);
	check_places(&l, input_u8(&in) % g.queues, input_u32(&in));

	/* A region of any size, or about as large as is needed. */
	size = input_u8(&in) % 2 == 0 ? input_u64(&in) : l.region_size + input_u8(&in) - 128;
	if (size == 0)
		return 0;
	untouched = l;
	memset(&l, 0xa5, sizeof(l));
	ret = folio_layout_init(&l, &g, size, &err);
	CHECK(ret == (size < untouched.region_size ? -ENOSPC : 0));
	if (ret == 0)
		CHECK(memcmp(&l, &untouched, sizeof(l)) == 0);
	else
		check_text(&err);
	return 0;
}
