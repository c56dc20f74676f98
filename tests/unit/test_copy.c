/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Every copy kernel of this CPU: what was asked for is copied, and not one byte around it is read
 * (inaccessible pages) or written (inaccessible pages, and canaries where a page can't be).
 *
 * Two sources without a byte in common take turns, so that what an earlier copy left behind never
 * passes for the result of a later one.
 */

#include <stdio.h>
#include <string.h>

#include "boundary/copy.h"
#include "util.h"

#define LEN_MAX 10000
#define ALIGNS 64
#define CANARY 0xc5
#define MARGIN 128
#define ROOM (6 * 4096) /* LEN_MAX, alignment and margins, in whole pages */

static uint8_t *sources[2];
static uint8_t *target;

/* The kernel of an instruction set, or NULL after saying that this CPU has none. */
static const struct folio_copy *
kernel_of(const void *state)
{
	enum folio_isa isa = *(const enum folio_isa *)state;
	const struct folio_copy *k = folio_copy_select(isa);

	if (k->isa == isa)
		return k;
	print_message("skipped: this CPU has no %s\n", folio_isa_name(isa));
	return NULL;
}

static const uint8_t *
source(size_t turn)
{
	return sources[turn & 1];
}

static void
check_around(const uint8_t *dst, size_t before, size_t len, size_t behind)
{
	assert_true(util_all_bytes(dst - before, CANARY, before));
	assert_true(util_all_bytes(dst + len, CANARY, behind));
}

/* All lengths, both ends at an inaccessible page. */
static void
test_exact_at_the_end_of_memory(void **state)
{
	const struct folio_copy *k = kernel_of(*state);
	size_t len, before;

	if (k == NULL)
		skip();
	memset(target, CANARY, ROOM);
	for (len = 0; len <= LEN_MAX; len++) {
		const uint8_t *src = source(len) + ROOM - len;
		uint8_t *dst = target + ROOM - len;

		k->exact(dst, src, len);
		before = ROOM - len < MARGIN ? ROOM - len : MARGIN;
		check_around(dst, before, len, 0);
		assert_int_equal(memcmp(dst, src, len), 0);
	}
}

/* All lengths, both starts at an inaccessible page. */
static void
test_exact_at_the_start_of_memory(void **state)
{
	const struct folio_copy *k = kernel_of(*state);
	size_t len;

	if (k == NULL)
		skip();
	memset(target, CANARY, ROOM);
	for (len = 0; len <= LEN_MAX; len++) {
		k->exact(target, source(len), len);
		check_around(target, 0, len, MARGIN);
		assert_int_equal(memcmp(target, source(len), len), 0);
	}
}

/* Lengths up to max for one pair of alignments. */
static void
sweep(const struct folio_copy *k, size_t src_align, size_t dst_align, size_t max)
{
	uint8_t *dst = target + MARGIN + dst_align;
	size_t len;

	memset(target, CANARY, max + 2 * MARGIN + ALIGNS);
	for (len = 0; len <= max; len++) {
		const uint8_t *src = source(len) + src_align;

		k->exact(dst, src, len);
		check_around(dst, MARGIN, len, MARGIN);
		assert_int_equal(memcmp(dst, src, len), 0);
	}
}

/* Every pair of alignments, for lengths that reach every loop and tail of a kernel. */
static void
test_exact_at_every_pair_of_alignments(void **state)
{
	const struct folio_copy *k = kernel_of(*state);
	size_t s, d;

	if (k == NULL)
		skip();
	for (s = 0; s < ALIGNS; s++) {
		for (d = 0; d < ALIGNS; d++)
			sweep(k, s, d, 340);
	}
}

/* Every length at every alignment of either side, in pairs that differ. */
static void
test_exact_of_every_length(void **state)
{
	const struct folio_copy *k = kernel_of(*state);
	size_t a;

	if (k == NULL)
		skip();
	for (a = 0; a < ALIGNS; a++)
		sweep(k, a, (a * 37 + 11) % ALIGNS, LEN_MAX);
}

/* All lengths: source slot and room end at an inaccessible page, where the rounding up ends. */
static void
test_padded_rounds_up_to_a_line_and_no_further(void **state)
{
	const struct folio_copy *k = kernel_of(*state);
	size_t len, padded, before;

	if (k == NULL)
		skip();
	for (len = 0; len <= LEN_MAX; len++) {
		const uint8_t *src;
		uint8_t *dst;

		padded = folio_copy_padded_len(len);
		assert_true(padded >= len && padded < len + 64 && padded % 64 == 0);
		src = source(len) + ROOM - padded;
		dst = target + ROOM - padded;
		before = ROOM - padded < MARGIN ? ROOM - padded : MARGIN;
		memset(dst - before, CANARY, before + padded);
		k->padded(dst, src, len);
		check_around(dst, before, padded, 0);
		assert_int_equal(memcmp(dst, src, len), 0);
	}
}

/* A slot starts on a line, private memory anywhere. */
static void
test_padded_to_every_alignment(void **state)
{
	const struct folio_copy *k = kernel_of(*state);
	size_t a, len;

	if (k == NULL)
		skip();
	for (a = 0; a < ALIGNS; a++) {
		uint8_t *dst = target + MARGIN + a;

		memset(target, CANARY, ROOM);
		for (len = 0; len <= LEN_MAX; len++) {
			k->padded(dst, source(len), len);
			check_around(dst, MARGIN, folio_copy_padded_len(len), MARGIN);
			assert_int_equal(memcmp(dst, source(len), len), 0);
		}
	}
}

/* The longest frames: 64 KiB and a little less. */
static void
test_longest_frames(void **state)
{
	const size_t room = 65536;
	const struct folio_copy *k = kernel_of(*state);
	uint8_t *src, *dst;
	size_t len;

	if (k == NULL)
		skip();
	src = util_guarded_map(room);
	dst = util_guarded_map(room);
	for (len = room - 300; len <= room; len++) {
		util_random_fill(src, 4096, len);
		memset(src + 4096, (int)len, room - 4096);
		memset(dst, ~(int)len, room);
		k->exact(dst + room - len, src + room - len, len);
		assert_int_equal(memcmp(dst + room - len, src + room - len, len), 0);
		assert_true(util_all_bytes(dst, (uint8_t)~len, room - len));
		memset(dst, ~(int)len, room);
		k->padded(dst, src, len);
		assert_int_equal(memcmp(dst, src, len), 0);
	}
	util_guarded_unmap(src, room);
	util_guarded_unmap(dst, room);
}

/* Never wider than what was asked for; asking for too much is no error. */
static void
test_selection(void **state)
{
	int isa;

	(void)state;
	for (isa = FOLIO_ISA_AUTO; isa <= FOLIO_ISA_COUNT; isa++) {
		const struct folio_copy *k = folio_copy_select(isa);

		assert_true((int)k->isa <= isa || isa == FOLIO_ISA_AUTO);
		assert_int_not_equal(k->isa, FOLIO_ISA_AUTO);
		assert_non_null(k->exact);
		assert_non_null(k->padded);
		assert_string_not_equal(folio_isa_name(k->isa), "unknown");
	}
	assert_int_equal(folio_copy_select(FOLIO_ISA_PORTABLE)->isa, FOLIO_ISA_PORTABLE);
	assert_ptr_equal(folio_copy_select(FOLIO_ISA_AUTO), folio_copy_select(FOLIO_ISA_AVX512));
	assert_string_equal(folio_isa_name(FOLIO_ISA_AVX2), "avx2");
	assert_string_equal(folio_isa_name(FOLIO_ISA_COUNT), "unknown");
}

static int
group_setup(void **state)
{
	size_t i;

	(void)state;
	sources[0] = util_guarded_map(ROOM);
	sources[1] = util_guarded_map(ROOM);
	target = util_guarded_map(ROOM);
	util_random_fill(sources[0], ROOM, 2026);
	for (i = 0; i < ROOM; i++)
		sources[1][i] = sources[0][i] ^ 0xff;
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	util_guarded_unmap(sources[0], ROOM);
	util_guarded_unmap(sources[1], ROOM);
	util_guarded_unmap(target, ROOM);
	return 0;
}

static enum folio_isa isas[] = {FOLIO_ISA_PORTABLE, FOLIO_ISA_SSE, FOLIO_ISA_AVX2,
				FOLIO_ISA_AVX512};

#define FOR_ISA(test, i, word)                                                                     \
	{                                                                                          \
		.name = #test " (" word ")", .test_func = test, .initial_state = &isas[i]          \
	}
#define FOR_EVERY_ISA(test)                                                                        \
	FOR_ISA(test, 0, "portable"), FOR_ISA(test, 1, "sse"), FOR_ISA(test, 2, "avx2"),           \
		FOR_ISA(test, 3, "avx512")

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_selection),
		FOR_EVERY_ISA(test_exact_at_the_end_of_memory),
		FOR_EVERY_ISA(test_exact_at_the_start_of_memory),
		FOR_EVERY_ISA(test_exact_at_every_pair_of_alignments),
		FOR_EVERY_ISA(test_exact_of_every_length),
		FOR_EVERY_ISA(test_padded_rounds_up_to_a_line_and_no_further),
		FOR_EVERY_ISA(test_padded_to_every_alignment),
		FOR_EVERY_ISA(test_longest_frames),
	};

	return cmocka_run_group_tests_name("copy", tests, group_setup, group_teardown);
}
