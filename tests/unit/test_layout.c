/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* From a geometry to the place of every byte: limits, alignment, no overlap, no overflow. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "native/layout.h"
#include "util.h"

/* A place for areas that nobody accesses: only addresses are computed. */
#define FAKE_AREA ((uint8_t *)(uintptr_t)(UINT64_C(1) << 42))

static const struct folio_geometry plain = {
	.queues = 1,
	.ring_size = 2048,
	.slot_size = 2048,
	.page_shift = 21,
};

struct limit {
	const char *name;
	size_t field; /* offset in struct folio_geometry */
	uint32_t min;
	uint32_t max;
};

static const struct limit limits[] = {
	{"queues", offsetof(struct folio_geometry, queues), 1, 64},
	{"ring_size", offsetof(struct folio_geometry, ring_size), 64, 32768},
	{"slot_size", offsetof(struct folio_geometry, slot_size), 256, 65536},
	{"page_shift", offsetof(struct folio_geometry, page_shift), 12, 30},
};

static void
set_field(struct folio_geometry *g, const struct limit *lim, uint32_t value)
{
	memcpy((uint8_t *)g + lim->field, &value, sizeof(value));
}

static void
assert_contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", text, part);
}

/* Refused with -EINVAL and a line that names field, value and range; *l is left alone. */
static void
check_refused(const struct limit *lim, uint32_t value)
{
	struct folio_layout l, before;
	struct folio_geometry g = plain;
	struct folio_error err = {.text = ""};
	char part[64];

	memset(&l, 0x5a, sizeof(l));
	before = l;
	set_field(&g, lim, value);
	assert_int_equal(folio_layout_init(&l, &g, 0, &err), -EINVAL);
	snprintf(part, sizeof(part), "%s=%u ", lim->name, value);
	assert_contains(err.text, part);
	snprintf(part, sizeof(part), "allowed is %u to %u", lim->min, lim->max);
	assert_contains(err.text, part);
	assert_memory_equal(&l, &before, sizeof(l));
	assert_int_equal(folio_layout_init(&l, &g, 0, NULL), -EINVAL);
}

static void
check_accepted(const struct limit *lim, uint32_t value)
{
	struct folio_layout l;
	struct folio_geometry g = plain;

	set_field(&g, lim, value);
	assert_int_equal(folio_layout_init(&l, &g, 0, NULL), 0);
	assert_memory_equal(&l.geom, &g, sizeof(g));
}

static void
test_limits_of_every_field(void **state)
{
	static const uint32_t absurd[] = {UINT16_MAX, 1u << 31, UINT32_MAX};
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_LEN(limits); i++) {
		check_refused(&limits[i], 0);
		check_refused(&limits[i], limits[i].min - 1);
		check_accepted(&limits[i], limits[i].min);
		check_accepted(&limits[i], limits[i].max);
		check_refused(&limits[i], limits[i].max + 1);
		for (j = 0; j < ARRAY_LEN(absurd); j++) {
			if (absurd[j] > limits[i].max)
				check_refused(&limits[i], absurd[j]);
		}
	}
}

static void
test_ring_size_is_a_power_of_two(void **state)
{
	struct folio_geometry g = plain;
	struct folio_error err;
	struct folio_layout l;
	uint32_t n;
	bool power;

	(void)state;
	for (n = FOLIO_WIRE_RING_MIN; n <= FOLIO_WIRE_RING_MAX; n++) {
		g.ring_size = n;
		power = __builtin_popcount(n) == 1;
		assert_int_equal(folio_layout_init(&l, &g, 0, &err), power ? 0 : -EINVAL);
	}
	g.ring_size = 96;
	assert_int_equal(folio_layout_init(&l, &g, 0, &err), -EINVAL);
	assert_contains(err.text, "ring_size=96 ");
	assert_contains(err.text, "power of two");
	assert_contains(err.text, "64 to 32768");
}

static void
test_stride_is_an_odd_number_of_lines(void **state)
{
	struct folio_geometry g = plain;
	struct folio_layout l;
	uint32_t n;

	(void)state;
	for (n = FOLIO_WIRE_SLOT_MIN; n <= FOLIO_WIRE_SLOT_MAX; n++) {
		g.slot_size = n;
		assert_int_equal(folio_layout_init(&l, &g, 0, NULL), 0);
		assert_int_equal(l.stride % FOLIO_WIRE_LINE, 0);
		assert_int_equal(l.stride / FOLIO_WIRE_LINE % 2, 1);
		assert_true(l.stride >= n);
		assert_true(l.stride < n + 2 * FOLIO_WIRE_LINE);
	}
	g.slot_size = 2048;
	assert_int_equal(folio_layout_init(&l, &g, 0, NULL), 0);
	assert_int_equal(l.stride, 2112);
}

static void
test_longest_frame(void **state)
{
	struct folio_geometry g = plain;
	struct folio_layout l;

	(void)state;
	assert_int_equal(folio_layout_init(&l, &g, 0, NULL), 0);
	assert_int_equal(l.max_frame, FOLIO_WIRE_FRAME_MAX);
	/* The smallest ring carries no more than its own bytes. */
	g.ring_size = FOLIO_WIRE_RING_MIN;
	g.slot_size = FOLIO_WIRE_SLOT_MIN;
	assert_int_equal(folio_layout_init(&l, &g, 0, NULL), 0);
	assert_int_equal(l.max_frame, 64 * 320);
	/* 64 slots of 1088 bytes are more than 64 KiB, of 960 less. */
	g.slot_size = 1024;
	assert_int_equal(folio_layout_init(&l, &g, 0, NULL), 0);
	assert_int_equal(l.max_frame, FOLIO_WIRE_FRAME_MAX);
	g.slot_size = 960;
	assert_int_equal(folio_layout_init(&l, &g, 0, NULL), 0);
	assert_int_equal(l.max_frame, 64 * 960);
}

/* The next part of an area: behind the last one, on a page of its own. */
static void
check_part(uint64_t *end, const void *start, uint64_t len)
{
	uint64_t off = (uint64_t)((const uint8_t *)start - FAKE_AREA);

	assert_true(off >= *end);
	assert_int_equal(off % FOLIO_WIRE_PAGE, 0);
	assert_true(len > 0);
	*end = off + len;
}

static void
check_geometry(const struct folio_geometry *g)
{
	struct folio_layout l;
	uint64_t stride, slots, end = 0;
	uint32_t q;

	assert_int_equal(folio_layout_init(&l, g, 0, NULL), 0);
	/* Widths are recomputed here in 64 bits from the rules of the wire format. */
	stride = ((g->slot_size + UINT64_C(63)) / 64 | 1) * 64;
	slots = (uint64_t)g->queues * g->ring_size;
	assert_int_equal(l.stride, stride);
	assert_true(l.desc_len >= (uint64_t)g->ring_size * 8);
	assert_true(l.meta_len >= (uint64_t)g->ring_size * 32);
	assert_true(l.data_len >= g->ring_size * stride);

	check_part(&end, folio_layout_header(FAKE_AREA), sizeof(struct folio_wire_header));
	check_part(&end, folio_layout_index(&l, FAKE_AREA, 0),
		   g->queues * sizeof(struct folio_wire_index));
	for (q = 0; q < g->queues; q++)
		check_part(&end, folio_layout_desc(&l, FAKE_AREA, q), g->ring_size * UINT64_C(8));
	for (q = 0; q < g->queues; q++)
		check_part(&end, FAKE_AREA + l.meta_off + q * l.meta_len,
			   g->ring_size * UINT64_C(32));
	for (q = 0; q < g->queues; q++)
		check_part(&end, folio_layout_data(&l, FAKE_AREA, q), g->ring_size * stride);

	assert_true(end <= l.used);
	assert_true(l.used <= l.area_size);
	assert_int_equal(l.used % FOLIO_WIRE_PAGE, 0);
	assert_int_equal(l.area_size % (UINT64_C(1) << g->page_shift), 0);
	assert_true(l.area_size - l.used < UINT64_C(1) << g->page_shift);
	assert_int_equal(l.region_size, 2 * l.area_size);
	assert_true(l.area_size > slots * (stride + 40));
}

static void
test_nothing_overlaps(void **state)
{
	static const uint32_t queues[] = {1, 2, 3, 15, 16, 17, 63, 64};
	static const uint32_t rings[] = {64, 128, 512, 2048, 16384, 32768};
	static const uint32_t slots[] = {256, 257, 320, 2048, 9000, 65535, 65536};
	static const uint32_t shifts[] = {12, 16, 21, 30};
	struct folio_geometry g;
	size_t a, b, c, d;

	(void)state;
	for (a = 0; a < ARRAY_LEN(queues); a++) {
		for (b = 0; b < ARRAY_LEN(rings); b++) {
			for (c = 0; c < ARRAY_LEN(slots); c++) {
				for (d = 0; d < ARRAY_LEN(shifts); d++) {
					g.queues = queues[a];
					g.ring_size = rings[b];
					g.slot_size = slots[c];
					g.page_shift = shifts[d];
					check_geometry(&g);
				}
			}
		}
	}
}

static void
test_the_largest_geometry(void **state)
{
	const struct folio_geometry g = {64, 32768, 65536, 30};
	const uint64_t data = UINT64_C(64) * 32768 * 65600;
	struct folio_layout l;

	(void)state;
	assert_int_equal(folio_layout_init(&l, &g, 0, NULL), 0);
	assert_int_equal(l.used, 4096 + 64 * 256 + UINT64_C(64) * 32768 * (8 + 32) + data);
	assert_int_equal(l.data_off, l.used - data);
	assert_true(l.region_size < UINT64_C(1) << 39);
	/* The last slot of the last queue ends inside the area. */
	assert_ptr_equal(folio_layout_slot(folio_layout_data(&l, FAKE_AREA, 63), l.stride, 32767,
					   32767) + l.stride,
			 FAKE_AREA + l.used);
}

static void
test_any_slot_number_is_masked(void **state)
{
	static const uint32_t wild[] = {64, 65, 127, 1u << 16, 1u << 31, UINT32_MAX - 63,
					UINT32_MAX};
	uint8_t *data = FAKE_AREA;
	size_t i;
	uint32_t n;

	(void)state;
	for (n = 0; n < 64; n++)
		assert_ptr_equal(folio_layout_slot(data, 320, 63, n), data + n * 320);
	for (i = 0; i < ARRAY_LEN(wild); i++)
		assert_ptr_equal(folio_layout_slot(data, 320, 63, wild[i]),
				 data + wild[i] % 64 * 320);
}

static void
test_true_size_of_the_region(void **state)
{
	struct folio_error err = {.text = ""};
	struct folio_layout l, again;
	char part[64];
	uint64_t need;

	(void)state;
	assert_int_equal(folio_layout_init(&l, &plain, 0, NULL), 0);
	need = l.region_size;
	assert_int_equal(folio_layout_init(&again, &plain, need, &err), 0);
	assert_memory_equal(&again, &l, sizeof(l));
	assert_int_equal(folio_layout_init(&again, &plain, need + 1, &err), 0);
	assert_int_equal(folio_layout_init(&again, &plain, UINT64_MAX, &err), 0);

	memset(&again, 0x5a, sizeof(again));
	l = again;
	assert_int_equal(folio_layout_init(&again, &plain, need - 1, &err), -ENOSPC);
	assert_memory_equal(&again, &l, sizeof(l));
	snprintf(part, sizeof(part), "%llu bytes", (unsigned long long)need - 1);
	assert_contains(err.text, part);
	snprintf(part, sizeof(part), "need %llu", (unsigned long long)need);
	assert_contains(err.text, part);
	assert_contains(err.text, "queues=1 ring_size=2048 slot_size=2048");
	assert_int_equal(folio_layout_init(&again, &plain, 1, &err), -ENOSPC);
	assert_int_equal(folio_layout_init(&again, &plain, need / 2, NULL), -ENOSPC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits_of_every_field),
		cmocka_unit_test(test_ring_size_is_a_power_of_two),
		cmocka_unit_test(test_stride_is_an_odd_number_of_lines),
		cmocka_unit_test(test_longest_frame),
		cmocka_unit_test(test_nothing_overlaps),
		cmocka_unit_test(test_the_largest_geometry),
		cmocka_unit_test(test_any_slot_number_is_masked),
		cmocka_unit_test(test_true_size_of_the_region),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
