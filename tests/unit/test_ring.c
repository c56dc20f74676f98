/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* The indices of a ring: whole slots come and go, and what the peer says of them is judged. */

#include "ring_rig.h"

static uint32_t
frame_len(uint32_t n)
{
	return FOLIO_WIRE_FRAME_MIN + n * 13 % (STRIDE - FOLIO_WIRE_FRAME_MIN + 1);
}

/* Send up to n one-slot frames, published together. Returns how many there was room for. */
static uint32_t
send_frames(struct rig *r, uint32_t *number, uint32_t n)
{
	uint32_t room = folio_prod_room(&r->p, n);
	uint32_t i;

	if (n > room)
		n = room;
	for (i = 0; i < n; i++, (*number)++)
		folio_prod_put(&r->p, r->p.head + i, frame_data(r, *number), frame_len(*number),
			       r->exact);
	folio_prod_publish(&r->p, r->p.head + n);
	return n;
}

/* Receive up to n one-slot frames and compare them with what was sent. */
static uint32_t
recv_frames(struct rig *r, uint32_t *number, uint32_t n)
{
	uint32_t avail = folio_cons_avail(&r->c, n);
	uint32_t i;

	if (n > avail)
		n = avail;
	for (i = 0; i < n; i++, (*number)++) {
		uint64_t desc = folio_cons_desc(&r->c, r->c.head + i);

		assert_true(folio_desc_is_plain(desc, r->c.stride));
		assert_int_equal(desc, frame_len(*number));
		folio_cons_get(&r->c, r->c.head + i, r->in, (uint32_t)desc, r->padded);
		assert_memory_equal(r->in, frame_data(r, *number), (uint32_t)desc);
	}
	folio_cons_commit(&r->c, r->c.head + n);
	return n;
}

static void
test_attached_ends_share_one_ring(void **state)
{
	struct rig *r = *state;

	assert_ptr_equal(r->p.data, r->c.data);
	assert_ptr_equal(r->p.desc, r->c.desc);
	assert_ptr_equal(r->p.produced, r->c.produced);
	assert_ptr_equal(r->p.consumed, r->c.consumed);
	assert_ptr_equal(r->p.produced, rig_produced(r));
	assert_ptr_equal(r->c.consumed, rig_consumed(r));
	assert_ptr_equal(r->p.data, rig_data(r));
	assert_int_equal(r->p.size, RING);
	assert_int_equal(r->p.mask, RING - 1);
	assert_int_equal(r->p.stride, STRIDE);
	assert_int_equal(r->p.max_frame, MAX_FRAME);
	assert_int_equal(r->c.size, RING);
	assert_int_equal(r->c.mask, RING - 1);
	assert_int_equal(r->c.stride, STRIDE);
	assert_int_equal(r->c.max_frame, MAX_FRAME);
	assert_int_equal(r->c.lag, RING / 8);
}

static void
test_fill_and_drain(void **state)
{
	struct rig *r = *state;
	uint32_t sent = 0, got = 0;

	assert_int_equal(folio_cons_avail(&r->c, 1), 0);
	assert_int_equal(send_frames(r, &sent, RING + 5), RING);
	assert_int_equal(folio_prod_room(&r->p, 1), 0);
	assert_int_equal(send_frames(r, &sent, 1), 0);
	assert_int_equal(recv_frames(r, &got, RING + 5), RING);
	assert_int_equal(recv_frames(r, &got, 1), 0);
	assert_int_equal(folio_prod_room(&r->p, 1), RING);
	assert_int_equal(got, sent);
	assert_int_equal(rig_violations(&r->c) + r->p.bad_index, 0);
}

/* Bursts that are no divisor of the ring, for many times round. */
static void
run_traffic(struct rig *r, uint32_t rounds)
{
	uint32_t sent = 0, got = 0, i;
	uint64_t seed = 3;

	for (i = 0; i < rounds; i++) {
		send_frames(r, &sent, (uint32_t)(util_random(&seed) % (RING + 1)));
		recv_frames(r, &got, (uint32_t)(util_random(&seed) % (RING + 1)));
		assert_true(sent - got <= RING);
	}
	while (got < sent)
		assert_true(recv_frames(r, &got, 7) > 0);
	assert_true(sent > rounds * 8);
	assert_int_equal(rig_violations(&r->c) + r->p.bad_index, 0);
	assert_int_equal(r->p.broken + r->c.broken, 0);
}

static void
test_many_times_round(void **state)
{
	run_traffic(*state, 2000);
}

static void
test_indices_wrap_at_32_bits(void **state)
{
	struct rig *r = *state;
	uint32_t before;

	for (before = 0; before <= RING + 1; before++) {
		rig_move_to(r, 0 - before);
		run_traffic(r, 20);
		assert_true(r->p.head < UINT32_MAX / 2);
	}
}

static void
test_neighbour_rings_are_left_alone(void **state)
{
	struct rig *r = *state;
	uint32_t q;

	run_traffic(r, 100);
	for (q = 0; q < QUEUES; q++) {
		if (q == QUEUE)
			continue;
		assert_true(util_all_bytes(folio_layout_data(&r->l, r->area, q), 0, r->l.data_len));
		assert_true(util_all_bytes(folio_layout_desc(&r->l, r->area, q), 0, r->l.desc_len));
		assert_true(util_all_bytes(folio_layout_index(&r->l, r->area, q), 0,
					   sizeof(struct folio_wire_index)));
		assert_true(util_all_bytes(folio_layout_index(&r->l, r->index, q), 0,
					   sizeof(struct folio_wire_index)));
	}
	assert_true(util_all_bytes(r->area, 0, sizeof(struct folio_wire_header)));
	assert_true(util_all_bytes(r->area + r->l.meta_off, 0, r->l.data_off - r->l.meta_off));
	assert_true(util_all_bytes(r->index + r->l.desc_off, 0, r->l.area_size - r->l.desc_off));
}

static void
test_nothing_is_visible_before_publish(void **state)
{
	struct rig *r = *state;
	uint32_t i;

	for (i = 0; i < 5; i++) {
		folio_prod_put(&r->p, i, r->out, 60, r->exact);
		assert_int_equal(folio_fetch32(rig_produced(r)), 0);
		assert_int_equal(folio_cons_avail(&r->c, 1), 0);
	}
	folio_prod_publish(&r->p, 5);
	assert_int_equal(folio_fetch32(rig_produced(r)), 5);
	assert_int_equal(folio_cons_avail(&r->c, 1), 5);
}

static void
test_consumer_publishes_every_lag_slots(void **state)
{
	struct rig *r = *state;
	uint32_t i, last = 0;

	folio_prod_publish(&r->p, RING);
	assert_int_equal(folio_cons_avail(&r->c, 1), RING);
	for (i = 1; i <= RING; i++) {
		folio_cons_commit(&r->c, i);
		if (i % (RING / 8) == 0)
			last = i;
		assert_int_equal(folio_fetch32(rig_consumed(r)), last);
	}
}

static void
test_consumer_publishes_when_idle(void **state)
{
	struct rig *r = *state;

	folio_prod_publish(&r->p, 5);
	assert_int_equal(folio_cons_avail(&r->c, 1), 5);
	folio_cons_commit(&r->c, 2);
	/* Three are left: not idle, wherever the caller looks. */
	assert_int_equal(folio_cons_avail(&r->c, 4), 3);
	assert_int_equal(folio_fetch32(rig_consumed(r)), 0);
	folio_cons_commit(&r->c, 5);
	assert_int_equal(folio_fetch32(rig_consumed(r)), 0);
	assert_int_equal(folio_cons_avail(&r->c, 1), 0);
	assert_int_equal(folio_fetch32(rig_consumed(r)), 5);
}

/* The peer's index is not looked at while enough is known: it may be anything meanwhile. */
static void
test_peer_index_is_read_only_when_needed(void **state)
{
	struct rig *r = *state;

	folio_put32(rig_consumed(r), 12345);
	assert_int_equal(folio_prod_room(&r->p, RING), RING);
	assert_int_equal(r->p.bad_index, 0);
	folio_put32(rig_consumed(r), 0);

	folio_prod_publish(&r->p, 10);
	assert_int_equal(folio_cons_avail(&r->c, 1), 10);
	folio_put32(rig_produced(r), 12345);
	assert_int_equal(folio_cons_avail(&r->c, 10), 10);
	assert_int_equal(r->c.bad_index, 0);
	assert_int_equal(folio_cons_avail(&r->c, 11), 0);
	assert_int_equal(r->c.bad_index, 1);
}

/* The producer knows that `freed` of its `filled` slots are free, when the peer says `says`. */
static void
check_producer_refuses(struct rig *r, uint32_t at, uint32_t filled, uint32_t freed, uint32_t says)
{
	uint64_t before;
	int i;

	rig_move_to(r, at);
	before = r->p.bad_index;
	folio_prod_publish(&r->p, at + filled);
	folio_put32(rig_consumed(r), at + freed);
	assert_int_equal(folio_prod_refresh(&r->p), RING - filled + freed);

	folio_put32(rig_consumed(r), says);
	assert_int_equal(folio_prod_refresh(&r->p), 0);
	assert_int_equal(r->p.bad_index, before + 1);
	assert_int_equal(r->p.broken, 1);
	/* Full from here on, also if the peer takes it back; counted once. */
	for (i = 0; i < 3; i++) {
		assert_int_equal(folio_prod_room(&r->p, 1), 0);
		assert_int_equal(folio_prod_room(&r->p, RING), 0);
		assert_int_equal(folio_prod_refresh(&r->p), 0);
		folio_put32(rig_consumed(r), at + freed);
	}
	assert_int_equal(r->p.bad_index, before + 1);
	assert_int_equal(r->p.head, at + filled);
	assert_int_equal(folio_fetch32(rig_produced(r)), at + filled);

	folio_prod_reset(&r->p);
	assert_int_equal(r->p.broken, 0);
	assert_int_equal(folio_fetch32(rig_produced(r)), 0);
	folio_put32(rig_consumed(r), 0);
	assert_int_equal(folio_prod_room(&r->p, RING), RING);
}

static void
test_producer_refuses_bad_indices(void **state)
{
	static const uint32_t fills[][2] = {
		{0, 0}, {1, 0}, {1, 1}, {RING, 0}, {RING, 1}, {RING, RING}, {RING - 1, RING / 2},
	};
	struct rig *r = *state;
	size_t i, j;

	for (i = 0; i < ARRAY_LEN(places); i++) {
		for (j = 0; j < ARRAY_LEN(fills); j++) {
			uint32_t at = places[i], filled = fills[j][0], freed = fills[j][1];
			uint32_t head = at + filled, seen = at + freed;

			check_producer_refuses(r, at, filled, freed, head + 1);
			check_producer_refuses(r, at, filled, freed, head + 2);
			check_producer_refuses(r, at, filled, freed, head + RING);
			check_producer_refuses(r, at, filled, freed, head + (1u << 31));
			check_producer_refuses(r, at, filled, freed, seen - 1);
			check_producer_refuses(r, at, filled, freed, seen - RING);
			check_producer_refuses(r, at, filled, freed, seen - RING - 1);
			check_producer_refuses(r, at, filled, freed, seen + (1u << 31));
		}
	}
}

static void
test_producer_accepts_every_good_index(void **state)
{
	struct rig *r = *state;
	uint32_t filled, freed;
	size_t i;

	for (i = 0; i < ARRAY_LEN(places); i++) {
		for (filled = 0; filled <= RING; filled += 4) {
			for (freed = 0; freed <= filled; freed++) {
				rig_move_to(r, places[i]);
				folio_prod_publish(&r->p, places[i] + filled);
				folio_put32(rig_consumed(r), places[i] + freed);
				assert_int_equal(folio_prod_refresh(&r->p), RING - filled + freed);
				assert_int_equal(folio_prod_refresh(&r->p), RING - filled + freed);
				folio_put32(rig_consumed(r), places[i] + filled);
				assert_int_equal(folio_prod_refresh(&r->p), RING);
			}
		}
	}
	assert_int_equal(r->p.bad_index, 0);
	assert_int_equal(r->p.broken, 0);
}

/*
 * A burst that finds out half-way publishes what it has already written. The ring is full for it
 * from then on all the same.
 */
static void
test_producer_stays_full_after_the_burst_that_broke_it(void **state)
{
	struct rig *r = *state;

	folio_prod_put(&r->p, 0, r->out, 60, r->exact);
	folio_put32(rig_consumed(r), 99);
	assert_int_equal(folio_prod_refresh(&r->p), 0);
	folio_prod_publish(&r->p, 1);
	assert_int_equal(folio_prod_room(&r->p, 1), 0);
	assert_int_equal(folio_prod_room(&r->p, RING), 0);
	assert_int_equal(r->p.bad_index, 1);
}

/* The consumer has read up to `at` and knows of `known` more, when the peer says `says`. */
static void
check_consumer_refuses(struct rig *r, uint32_t at, uint32_t known, uint32_t says)
{
	uint64_t before;
	int i;

	rig_move_to(r, at);
	before = r->c.bad_index;
	folio_put32(rig_produced(r), at + known);
	assert_int_equal(folio_cons_refresh(&r->c), known);

	folio_put32(rig_produced(r), says);
	assert_int_equal(folio_cons_refresh(&r->c), 0);
	assert_int_equal(r->c.bad_index, before + 1);
	assert_int_equal(r->c.broken, 1);
	/* Empty from here on, also if the peer takes it back; counted once. */
	for (i = 0; i < 3; i++) {
		assert_int_equal(folio_cons_avail(&r->c, 1), 0);
		assert_int_equal(folio_cons_avail(&r->c, RING), 0);
		assert_int_equal(folio_cons_refresh(&r->c), 0);
		folio_put32(rig_produced(r), at + known);
	}
	assert_int_equal(rig_violations(&r->c), before + 1);
	assert_int_equal(r->c.head, at);

	folio_cons_reset(&r->c);
	assert_int_equal(r->c.broken, 0);
	assert_int_equal(folio_fetch32(rig_consumed(r)), 0);
	folio_put32(rig_produced(r), RING);
	assert_int_equal(folio_cons_avail(&r->c, RING), RING);
}

static void
test_consumer_refuses_bad_indices(void **state)
{
	static const uint32_t knowns[] = {0, 1, RING / 2, RING - 1, RING};
	struct rig *r = *state;
	size_t i, j;

	for (i = 0; i < ARRAY_LEN(places); i++) {
		for (j = 0; j < ARRAY_LEN(knowns); j++) {
			uint32_t at = places[i], known = knowns[j];

			check_consumer_refuses(r, at, known, at + RING + 1);
			check_consumer_refuses(r, at, known, at + 2 * RING);
			check_consumer_refuses(r, at, known, at + known + RING + 1);
			check_consumer_refuses(r, at, known, at + (1u << 31));
			check_consumer_refuses(r, at, known, at + known - (1u << 31));
			check_consumer_refuses(r, at, known, at - 1);
			check_consumer_refuses(r, at, known, at - RING);
			if (known > 0) {
				check_consumer_refuses(r, at, known, at + known - 1);
				check_consumer_refuses(r, at, known, at);
			}
		}
	}
}

static void
test_consumer_accepts_every_good_index(void **state)
{
	struct rig *r = *state;
	uint32_t known, more;
	size_t i;

	for (i = 0; i < ARRAY_LEN(places); i++) {
		for (known = 0; known <= RING; known++) {
			for (more = known; more <= RING; more++) {
				rig_move_to(r, places[i]);
				folio_put32(rig_produced(r), places[i] + known);
				assert_int_equal(folio_cons_refresh(&r->c), known);
				folio_put32(rig_produced(r), places[i] + more);
				assert_int_equal(folio_cons_refresh(&r->c), more);
			}
		}
	}
	assert_int_equal(rig_violations(&r->c), 0);
	assert_int_equal(r->c.broken, 0);
}

/* Any 32-bit number against the plain statement of the rule in 64 bits. */
static void
test_random_indices(void **state)
{
	struct rig *r = *state;
	uint64_t seed = 7;
	uint32_t i;

	for (i = 0; i < 300000; i++) {
		uint64_t base = (UINT64_C(1) << 32) + (uint32_t)util_random(&seed);
		uint32_t known = (uint32_t)(util_random(&seed) % (RING + 1));
		uint64_t says = util_random(&seed) % 2 ? util_random(&seed)
						       : base - 130 + util_random(&seed) % 260;
		uint64_t v;
		bool good = false;

		for (v = base + known; v <= base + RING; v++)
			good |= (uint32_t)v == (uint32_t)says;
		rig_move_to(r, (uint32_t)base);
		r->c.seen = (uint32_t)base + known;
		folio_put32(rig_produced(r), (uint32_t)says);
		folio_cons_refresh(&r->c);
		assert_int_equal(r->c.broken, !good);

		good = false;
		for (v = base; v <= base + known; v++)
			good |= (uint32_t)v == (uint32_t)says;
		r->p.head = (uint32_t)base + known;
		folio_put32(rig_consumed(r), (uint32_t)says);
		folio_prod_refresh(&r->p);
		assert_int_equal(r->p.broken, !good);
	}
}

/* T3: what the peer writes over our published indices changes nothing for us. */
static void
test_private_indices_win(void **state)
{
	struct rig *r = *state;
	uint32_t sent = 0, got = 0;

	send_frames(r, &sent, 10);
	folio_put32(rig_produced(r), 0xdeadbeef);
	assert_int_equal(folio_prod_room(&r->p, RING - 10), RING - 10);
	assert_int_equal(r->p.head, 10);
	send_frames(r, &sent, 5);
	assert_int_equal(folio_fetch32(rig_produced(r)), 15);

	assert_int_equal(recv_frames(r, &got, 8), 8);
	assert_int_equal(folio_fetch32(rig_consumed(r)), 8);
	folio_put32(rig_consumed(r), 0xdeadbeef);
	assert_int_equal(recv_frames(r, &got, 7), 7);
	assert_int_equal(recv_frames(r, &got, 1), 0);
	assert_int_equal(folio_fetch32(rig_consumed(r)), 15);
	assert_int_equal(folio_prod_refresh(&r->p), RING);
	assert_int_equal(rig_violations(&r->c) + r->p.bad_index, 0);
}

/* Fences are slower, and nothing else is different. */
static void
test_weak_memory_is_fenced(void **state)
{
	struct rig *r = *state;

	uint32_t sent = 0, got = 0;

	folio_prod_weaken(&r->p);
	folio_cons_weaken(&r->c);
	test_many_times_round(state);
	rig_move_to(r, 0);
	test_nothing_is_visible_before_publish(state);
	/* A full ring gets going again by the consumer's next look alone. */
	rig_move_to(r, 0);
	assert_int_equal(send_frames(r, &sent, RING), RING);
	assert_int_equal(recv_frames(r, &got, RING - 1), RING - 1);
	assert_int_equal(folio_prod_room(&r->p, 1), 0);
	assert_int_equal(recv_frames(r, &got, 2), 1);
	assert_int_equal(folio_prod_room(&r->p, 1), RING - 1);
	rig_move_to(r, 0);
	test_producer_stays_full_after_the_burst_that_broke_it(state);
}

static void
test_reset_keeps_the_counters(void **state)
{
	struct rig *r = *state;
	struct folio_frame f;
	uint32_t sent = 0;

	send_frames(r, &sent, 3);
	folio_put32(rig_consumed(r), 77);
	folio_put32(rig_produced(r), 777);
	folio_prod_refresh(&r->p);
	folio_cons_refresh(&r->c);
	judge(r, 13, &f);
	judge(r, 60 | UINT64_C(1) << 32, &f);
	folio_prod_reset(&r->p);
	folio_cons_reset(&r->c);
	assert_int_equal(r->p.head | r->p.seen | r->p.broken, 0);
	assert_int_equal(r->c.head | r->c.seen | r->c.published | r->c.broken, 0);
	assert_int_equal(folio_fetch32(rig_produced(r)), 0);
	assert_int_equal(folio_fetch32(rig_consumed(r)), 0);
	assert_int_equal(r->p.bad_index, 1);
	assert_int_equal(r->c.bad_index, 1);
	assert_int_equal(r->c.bad_length, 1);
	assert_int_equal(r->c.bad_flags, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_attached_ends_share_one_ring),
		TEST(test_fill_and_drain),
		TEST(test_many_times_round),
		TEST(test_indices_wrap_at_32_bits),
		TEST(test_neighbour_rings_are_left_alone),
		TEST(test_nothing_is_visible_before_publish),
		TEST(test_consumer_publishes_every_lag_slots),
		TEST(test_consumer_publishes_when_idle),
		TEST(test_peer_index_is_read_only_when_needed),
		TEST(test_producer_refuses_bad_indices),
		TEST(test_producer_accepts_every_good_index),
		TEST(test_producer_stays_full_after_the_burst_that_broke_it),
		TEST(test_consumer_refuses_bad_indices),
		TEST(test_consumer_accepts_every_good_index),
		TEST(test_random_indices),
		TEST(test_private_indices_win),
		TEST(test_weak_memory_is_fenced),
		TEST(test_reset_keeps_the_counters),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
