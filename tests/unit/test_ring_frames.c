/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Frames in a ring: descriptors that are judged, and frames of several slots and in pieces. */

#include <string.h>

#include "ring_rig.h"

#define CANARY 0xc5

static void
test_frame_slots(void **state)
{
	uint32_t len, n;

	(void)state;
	assert_int_equal(folio_frame_slots(STRIDE, 0), 1);
	for (len = 1; len <= FOLIO_WIRE_FRAME_MAX; len++) {
		n = folio_frame_slots(STRIDE, len);
		assert_true(n * STRIDE >= len && (n - 1) * STRIDE < len);
	}
	assert_int_equal(folio_frame_slots(65600, FOLIO_WIRE_FRAME_MAX), 1);
}

static void
test_bad_lengths_are_dropped(void **state)
{
	static const uint32_t bad[] = {
		0, 1, 2, 12, 13, MAX_FRAME + 1, MAX_FRAME + 2, UINT16_MAX, 1u << 16, (1u << 16) + 1,
		(1u << 16) + 60, 1u << 31, (1u << 31) + 60, UINT32_MAX - 1, UINT32_MAX,
	};
	struct rig *r = *state;
	struct folio_frame f;
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		assert_false(folio_desc_is_plain(bad[i], STRIDE));
		assert_int_equal(judge(r, bad[i], &f), FOLIO_DROP);
		assert_int_equal(f.slots, 1);
		assert_int_equal(f.len, 0);
		assert_int_equal(r->c.bad_length, i + 1);
		/* With flags on top it is still one violation. */
		assert_false(folio_desc_is_plain(bad[i] | UINT64_MAX << 32, STRIDE));
	}
	assert_int_equal(rig_violations(&r->c), ARRAY_LEN(bad));
	assert_int_equal(judge(r, UINT64_MAX, &f), FOLIO_DROP);
	assert_int_equal(rig_violations(&r->c), ARRAY_LEN(bad) + 1);
	assert_int_equal(r->c.broken, 0);
}

static void
test_good_lengths_are_taken(void **state)
{
	struct rig *r = *state;
	struct folio_frame f;
	uint32_t len;

	for (len = FOLIO_WIRE_FRAME_MIN; len <= MAX_FRAME; len++) {
		assert_int_equal(folio_desc_is_plain(len, STRIDE), len <= STRIDE);
		assert_int_equal(judge(r, len, &f), FOLIO_TAKE);
		assert_int_equal(f.len, len);
		assert_int_equal(f.slots, (len + STRIDE - 1) / STRIDE);
	}
	assert_int_equal(f.slots, RING);
	assert_int_equal(rig_violations(&r->c), 0);
}

/* The one comparison of the fast path never says yes where the long check says no. */
static void
test_the_fast_check_agrees_with_the_long_one(void **state)
{
	struct rig *r = *state;
	struct folio_frame f;
	uint64_t seed = 11, desc;
	uint32_t i, max;

	for (i = 0; i < 200000; i++) {
		max = FOLIO_WIRE_FRAME_MIN +
		      (uint32_t)(util_random(&seed) % (STRIDE - FOLIO_WIRE_FRAME_MIN + 1));
		desc = util_random(&seed) >> util_random(&seed) % 64;
		if (!folio_desc_is_plain(desc, max))
			continue;
		assert_true(desc <= max);
		assert_int_equal(judge(r, desc, &f), FOLIO_TAKE);
		assert_int_equal(f.len, desc);
		assert_int_equal(f.slots, 1);
	}
	assert_false(folio_desc_is_plain(13, FOLIO_WIRE_FRAME_MIN));
	assert_true(folio_desc_is_plain(14, FOLIO_WIRE_FRAME_MIN));
	assert_false(folio_desc_is_plain(15, FOLIO_WIRE_FRAME_MIN));
}

static void
test_every_unknown_flag_is_dropped(void **state)
{
	static const uint32_t lens[] = {14, 60, STRIDE, STRIDE + 1, MAX_FRAME};
	struct rig *r = *state;
	struct folio_frame f;
	uint64_t n = 0;
	unsigned int bit;
	size_t i;

	for (bit = 32; bit < 64; bit++) {
		for (i = 0; i < ARRAY_LEN(lens); i++) {
			uint64_t desc = lens[i] | UINT64_C(1) << bit;

			assert_false(folio_desc_is_plain(desc, STRIDE));
			assert_int_equal(judge(r, desc, &f), FOLIO_DROP);
			assert_int_equal(f.slots, (lens[i] + STRIDE - 1) / STRIDE);
			assert_int_equal(f.len, 0);
			assert_int_equal(r->c.bad_flags, ++n);
		}
	}
	assert_int_equal(rig_violations(&r->c), n);
	assert_int_equal(r->c.broken, 0);
}

static void
check_halted(struct rig *r, uint64_t desc, uint32_t head)
{
	uint64_t before = r->c.bad_chain;
	struct folio_frame f;

	assert_int_equal(folio_cons_judge(&r->c, desc, head, &f), FOLIO_HALT);
	assert_int_equal(f.len, 0);
	assert_int_equal(r->c.bad_chain, before + 1);
	assert_int_equal(r->c.broken, 1);
	folio_cons_commit(&r->c, head);
	assert_int_equal(folio_cons_avail(&r->c, 1), 0);
	assert_int_equal(folio_cons_avail(&r->c, RING), 0);
	folio_put32(rig_produced(r), folio_fetch32(rig_produced(r)) + 1);
	assert_int_equal(folio_cons_avail(&r->c, RING), 0);
	assert_int_equal(rig_violations(&r->c), before + 1);
}

/* A frame of every number of slots, when one slot less was published; also within a burst. */
static void
test_frame_beyond_what_was_published(void **state)
{
	struct rig *r = *state;
	struct folio_frame f;
	uint32_t slots, done;
	size_t i;

	for (i = 0; i < ARRAY_LEN(places); i++) {
		for (slots = 2; slots <= RING; slots++) {
			uint32_t at = places[i];
			uint32_t least = (slots - 1) * STRIDE + 1;

			rig_move_to(r, at);
			folio_put32(rig_produced(r), at + slots - 1);
			assert_int_equal(folio_cons_avail(&r->c, RING), slots - 1);
			check_halted(r, least, at);

			done = (RING - slots) / 2;
			rig_move_to(r, at);
			folio_put32(rig_produced(r), at + done + slots);
			assert_int_equal(folio_cons_avail(&r->c, RING), done + slots);
			assert_int_equal(folio_cons_judge(&r->c, least, at + done, &f), FOLIO_TAKE);
			assert_int_equal(f.slots, slots);
			check_halted(r, least | UINT64_C(1) << 40, at + done + 1);
		}
	}
}

/* Piece by piece: parts[] are the lengths of the pieces. */
static void
put_pieces(struct rig *r, uint32_t at, const uint8_t *src, const uint32_t *parts, size_t n)
{
	uint32_t offset = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		folio_prod_piece(&r->p, at, offset, src + offset, parts[i], r->exact);
		offset += parts[i];
	}
	folio_prod_describe(&r->p, at, offset);
}

static void
get_pieces(struct rig *r, uint32_t at, uint8_t *dst, const uint32_t *parts, size_t n)
{
	uint32_t offset = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		folio_cons_piece(&r->c, at, offset, dst + offset, parts[i], r->exact);
		offset += parts[i];
	}
}

/* Of the ring's bytes, exactly the len from slot `at` on (round the end) are no canary. */
static void
check_only_frame_written(struct rig *r, uint32_t at, const uint8_t *src, uint32_t len)
{
	const uint8_t *data = rig_data(r);
	uint64_t start = (uint64_t)(at % RING) * STRIDE;
	uint32_t first = len < MAX_FRAME - start ? len : (uint32_t)(MAX_FRAME - start);

	assert_memory_equal(data + start, src, first);
	assert_memory_equal(data, src + first, len - first);
	if (first < len)
		assert_true(util_all_bytes(data + len - first, CANARY, MAX_FRAME - len));
	else
		assert_true(util_all_bytes(data + start + len, CANARY, MAX_FRAME - start - len) &&
			    util_all_bytes(data, CANARY, start));
	/* Up to the end of the page behind the ring. */
	assert_true(util_all_bytes(data + MAX_FRAME, CANARY, r->l.data_len - MAX_FRAME));
}

static void
check_frame_at(struct rig *r, uint32_t at, uint32_t len)
{
	uint32_t slots = folio_frame_slots(STRIDE, len);
	const uint8_t *src = frame_data(r, at);
	struct folio_frame f;

	rig_move_to(r, at);
	memset(rig_data(r), CANARY, r->l.data_len);
	memset(r->in, CANARY, sizeof(r->in));
	put_pieces(r, at, src, &len, 1);
	folio_prod_publish(&r->p, at + slots);
	check_only_frame_written(r, at, src, len);

	assert_int_equal(folio_cons_avail(&r->c, 1), slots);
	assert_int_equal(folio_cons_judge(&r->c, folio_cons_desc(&r->c, at), at, &f), FOLIO_TAKE);
	assert_int_equal(f.len, len);
	assert_int_equal(f.slots, slots);
	get_pieces(r, at, r->in, &len, 1);
	assert_memory_equal(r->in, src, len);
	assert_true(util_all_bytes(r->in + len, CANARY, 64));
	folio_cons_commit(&r->c, at + slots);
}

/* From every slot of the ring, hence over its end too; just before 2^32 as well. */
static void
test_frames_of_several_slots(void **state)
{
	static const uint32_t lens[] = {STRIDE + 1,	2 * STRIDE - 1, 2 * STRIDE,
					2 * STRIDE + 1, 5 * STRIDE - 64, 9 * STRIDE + 14};
	struct rig *r = *state;
	uint32_t start;
	size_t i;

	for (start = 0; start < RING; start++) {
		for (i = 0; i < ARRAY_LEN(lens); i++) {
			check_frame_at(r, start, lens[i]);
			check_frame_at(r, start - RING, lens[i]);
		}
	}
	assert_int_equal(rig_violations(&r->c), 0);
}

/* As long as the ring. The pattern is no longer than that, so always its first bytes. */
static void
test_frames_that_fill_the_ring(void **state)
{
	struct rig *r = *state;
	uint32_t start, len;

	for (start = 0; start < RING; start += 7) {
		for (len = MAX_FRAME - STRIDE; len <= MAX_FRAME; len += 64) {
			rig_move_to(r, start);
			put_pieces(r, start, r->out, &len, 1);
			folio_prod_publish(&r->p, start + folio_frame_slots(STRIDE, len));
			assert_int_equal(folio_cons_avail(&r->c, 1),
					 folio_frame_slots(STRIDE, len));
			memset(r->in, CANARY, sizeof(r->in));
			get_pieces(r, start, r->in, &len, 1);
			assert_memory_equal(r->in, r->out, len);
			assert_true(util_all_bytes(r->in + len, CANARY, sizeof(r->in) - len));
		}
	}
}

/* Every split of a frame into two pieces on one end, in one piece on the other; near the wrap. */
static void
test_every_split_into_pieces(void **state)
{
	const uint32_t len = 3 * STRIDE - 7;
	struct rig *r = *state;
	uint32_t start, cut;

	for (start = RING - 4; start <= RING; start++) {
		for (cut = 0; cut <= len; cut++) {
			const uint32_t parts[] = {cut, len - cut};

			memset(rig_data(r), CANARY, r->l.data_len);
			put_pieces(r, start, r->out, parts, 2);
			check_only_frame_written(r, start, r->out, len);
			memset(r->in, 0, len);
			get_pieces(r, start, r->in, &len, 1);
			assert_memory_equal(r->in, r->out, len);
			memset(r->in, 0, len);
			get_pieces(r, start, r->in, parts, 2);
			assert_memory_equal(r->in, r->out, len);
		}
	}
}

/* Many small pieces, as of a long chain of buffers. */
static void
test_many_pieces(void **state)
{
	struct rig *r = *state;
	uint32_t parts[RING * 4];
	uint64_t seed = 5;
	uint32_t round, total;
	size_t n;

	for (round = 0; round < 300; round++) {
		total = 0;
		for (n = 0; n < ARRAY_LEN(parts); n++) {
			parts[n] = (uint32_t)(util_random(&seed) % 81);
			total += parts[n];
		}
		assert_true(total <= MAX_FRAME);
		memset(rig_data(r), CANARY, r->l.data_len);
		put_pieces(r, round, r->out, parts, n);
		check_only_frame_written(r, round, r->out, total);
		memset(r->in, 0, total);
		get_pieces(r, round, r->in, parts, n);
		assert_memory_equal(r->in, r->out, total);
	}
}

/* D1: not one byte that lies behind the frame in private memory reaches the region. */
static void
test_exactly_len_bytes_are_written(void **state)
{
	struct rig *r = *state;
	uint32_t len, at;

	for (len = FOLIO_WIRE_FRAME_MIN; len <= STRIDE; len++) {
		for (at = 0; at <= RING; at += RING - 1) {
			memset(rig_data(r), CANARY, r->l.data_len);
			folio_prod_put(&r->p, at, r->out, len, r->exact);
			check_only_frame_written(r, at, r->out, len);
			assert_int_equal(folio_cons_desc(&r->c, at), len);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame_slots),
		TEST(test_bad_lengths_are_dropped),
		TEST(test_good_lengths_are_taken),
		TEST(test_the_fast_check_agrees_with_the_long_one),
		TEST(test_every_unknown_flag_is_dropped),
		TEST(test_frame_beyond_what_was_published),
		TEST(test_frames_of_several_slots),
		TEST(test_frames_that_fill_the_ring),
		TEST(test_every_split_into_pieces),
		TEST(test_many_pieces),
		TEST(test_exactly_len_bytes_are_written),
	};

	return cmocka_run_group_tests_name("ring_frames", tests, NULL, NULL);
}
