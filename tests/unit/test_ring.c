/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * One ring, both ends in one thread, over two private areas between inaccessible pages: the area
 * of the producer's side holds the ring, the area of the consumer's side its index. The ring under
 * test is the middle one of three.
 */

#include <stdlib.h>
#include <string.h>

#include "native/ring.h"
#include "util.h"

#define QUEUES 3
#define QUEUE 1
#define RING 64
#define SLOT 256
#define STRIDE 320
#define MAX_FRAME (RING * STRIDE)
#define CANARY 0xc5

struct rig {
	struct folio_layout l;
	uint8_t *area;	/* the producer's */
	uint8_t *index; /* the consumer's */
	struct folio_prod p;
	struct folio_cons c;
	folio_copy_fn exact;
	folio_copy_fn padded;
	uint8_t out[MAX_FRAME + 64]; /* what is sent */
	uint8_t in[MAX_FRAME + 64];  /* what was received */
};

static int
setup(void **state)
{
	const struct folio_geometry g = {QUEUES, RING, SLOT, FOLIO_WIRE_SHIFT_MIN};
	const struct folio_copy *k = folio_copy_select(FOLIO_ISA_AUTO);
	struct rig *r = calloc(1, sizeof(*r));

	if (r == NULL || folio_layout_init(&r->l, &g, 0, NULL) != 0)
		return -1;
	r->area = util_guarded_map(r->l.area_size);
	r->index = util_guarded_map(r->l.area_size);
	r->exact = k->exact;
	r->padded = k->padded;
	util_random_fill(r->out, sizeof(r->out), 1);
	folio_prod_attach(&r->p, &r->l, r->area, r->index, QUEUE);
	folio_cons_attach(&r->c, &r->l, r->area, r->index, QUEUE);
	folio_prod_reset(&r->p);
	folio_cons_reset(&r->c);
	*state = r;
	return 0;
}

static int
teardown(void **state)
{
	struct rig *r = *state;
	bool valid = folio_prod_valid(&r->p) && folio_cons_valid(&r->c);

	util_guarded_unmap(r->area, r->l.area_size);
	util_guarded_unmap(r->index, r->l.area_size);
	free(r);
	return valid ? 0 : -1; /* whatever a test did to the ends */
}

/* What the peer of either end writes. */
static folio_shared_u32 *
shared_produced(struct rig *r)
{
	return &folio_layout_index(&r->l, r->area, QUEUE)->produced;
}

static folio_shared_u32 *
shared_consumed(struct rig *r)
{
	return &folio_layout_index(&r->l, r->index, QUEUE)->consumed;
}

static uint8_t *
ring_data(struct rig *r)
{
	return folio_layout_data(&r->l, r->area, QUEUE);
}

/* Both ends at rest at an index, as after so many slots of traffic. */
static void
move_to(struct rig *r, uint32_t at)
{
	folio_prod_reset(&r->p);
	folio_cons_reset(&r->c);
	r->p.head = at;
	r->p.seen = at;
	r->c.head = at;
	r->c.seen = at;
	r->c.published = at;
	folio_put32(shared_produced(r), at);
	folio_put32(shared_consumed(r), at);
}

static uint64_t
count_of(const struct folio_cons *c)
{
	return c->bad_index + c->bad_length + c->bad_flags + c->bad_chain;
}

/* Frame number n: a piece of the pattern that no other nearby frame has. */
static const uint8_t *
frame_data(const struct rig *r, uint32_t n)
{
	return r->out + n * 7 % 8192;
}

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
	assert_ptr_equal(r->p.produced, shared_produced(r));
	assert_ptr_equal(r->c.consumed, shared_consumed(r));
	assert_ptr_equal(r->p.data, ring_data(r));
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
	assert_int_equal(count_of(&r->c) + r->p.bad_index, 0);
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
	assert_int_equal(count_of(&r->c) + r->p.bad_index, 0);
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
		move_to(r, 0 - before);
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
		assert_int_equal(folio_fetch32(shared_produced(r)), 0);
		assert_int_equal(folio_cons_avail(&r->c, 1), 0);
	}
	folio_prod_publish(&r->p, 5);
	assert_int_equal(folio_fetch32(shared_produced(r)), 5);
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
		assert_int_equal(folio_fetch32(shared_consumed(r)), last);
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
	assert_int_equal(folio_fetch32(shared_consumed(r)), 0);
	folio_cons_commit(&r->c, 5);
	assert_int_equal(folio_fetch32(shared_consumed(r)), 0);
	assert_int_equal(folio_cons_avail(&r->c, 1), 0);
	assert_int_equal(folio_fetch32(shared_consumed(r)), 5);
}

/* The peer's index is not looked at while enough is known: it may be anything meanwhile. */
static void
test_peer_index_is_read_only_when_needed(void **state)
{
	struct rig *r = *state;

	folio_put32(shared_consumed(r), 12345);
	assert_int_equal(folio_prod_room(&r->p, RING), RING);
	assert_int_equal(r->p.bad_index, 0);
	folio_put32(shared_consumed(r), 0);

	folio_prod_publish(&r->p, 10);
	assert_int_equal(folio_cons_avail(&r->c, 1), 10);
	folio_put32(shared_produced(r), 12345);
	assert_int_equal(folio_cons_avail(&r->c, 10), 10);
	assert_int_equal(r->c.bad_index, 0);
	assert_int_equal(folio_cons_avail(&r->c, 11), 0);
	assert_int_equal(r->c.bad_index, 1);
}

/* Where indices stand when the peer lies: anywhere, and at every edge of 32 bits. */
static const uint32_t places[] = {
	0, 1, RING, 12345, (1u << 31) - 3, 1u << 31, RING / 2,
	UINT32_MAX - RING, UINT32_MAX - 2, UINT32_MAX,
};

/* The producer knows that `freed` of its `filled` slots are free, when the peer says `says`. */
static void
check_producer_refuses(struct rig *r, uint32_t at, uint32_t filled, uint32_t freed, uint32_t says)
{
	uint64_t before;
	int i;

	move_to(r, at);
	before = r->p.bad_index;
	folio_prod_publish(&r->p, at + filled);
	folio_put32(shared_consumed(r), at + freed);
	assert_int_equal(folio_prod_refresh(&r->p), RING - filled + freed);

	folio_put32(shared_consumed(r), says);
	assert_int_equal(folio_prod_refresh(&r->p), 0);
	assert_int_equal(r->p.bad_index, before + 1);
	assert_int_equal(r->p.broken, 1);
	/* Full from here on, also if the peer takes it back; counted once. */
	for (i = 0; i < 3; i++) {
		assert_int_equal(folio_prod_room(&r->p, 1), 0);
		assert_int_equal(folio_prod_room(&r->p, RING), 0);
		assert_int_equal(folio_prod_refresh(&r->p), 0);
		folio_put32(shared_consumed(r), at + freed);
	}
	assert_int_equal(r->p.bad_index, before + 1);
	assert_int_equal(r->p.head, at + filled);
	assert_int_equal(folio_fetch32(shared_produced(r)), at + filled);

	folio_prod_reset(&r->p);
	assert_int_equal(r->p.broken, 0);
	assert_int_equal(folio_fetch32(shared_produced(r)), 0);
	folio_put32(shared_consumed(r), 0);
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
				move_to(r, places[i]);
				folio_prod_publish(&r->p, places[i] + filled);
				folio_put32(shared_consumed(r), places[i] + freed);
				assert_int_equal(folio_prod_refresh(&r->p), RING - filled + freed);
				assert_int_equal(folio_prod_refresh(&r->p), RING - filled + freed);
				folio_put32(shared_consumed(r), places[i] + filled);
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
	folio_put32(shared_consumed(r), 99);
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

	move_to(r, at);
	before = r->c.bad_index;
	folio_put32(shared_produced(r), at + known);
	assert_int_equal(folio_cons_refresh(&r->c), known);

	folio_put32(shared_produced(r), says);
	assert_int_equal(folio_cons_refresh(&r->c), 0);
	assert_int_equal(r->c.bad_index, before + 1);
	assert_int_equal(r->c.broken, 1);
	/* Empty from here on, also if the peer takes it back; counted once. */
	for (i = 0; i < 3; i++) {
		assert_int_equal(folio_cons_avail(&r->c, 1), 0);
		assert_int_equal(folio_cons_avail(&r->c, RING), 0);
		assert_int_equal(folio_cons_refresh(&r->c), 0);
		folio_put32(shared_produced(r), at + known);
	}
	assert_int_equal(count_of(&r->c), before + 1);
	assert_int_equal(r->c.head, at);

	folio_cons_reset(&r->c);
	assert_int_equal(r->c.broken, 0);
	assert_int_equal(folio_fetch32(shared_consumed(r)), 0);
	folio_put32(shared_produced(r), RING);
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
				move_to(r, places[i]);
				folio_put32(shared_produced(r), places[i] + known);
				assert_int_equal(folio_cons_refresh(&r->c), known);
				folio_put32(shared_produced(r), places[i] + more);
				assert_int_equal(folio_cons_refresh(&r->c), more);
			}
		}
	}
	assert_int_equal(count_of(&r->c), 0);
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
		move_to(r, (uint32_t)base);
		r->c.seen = (uint32_t)base + known;
		folio_put32(shared_produced(r), (uint32_t)says);
		folio_cons_refresh(&r->c);
		assert_int_equal(r->c.broken, !good);

		good = false;
		for (v = base; v <= base + known; v++)
			good |= (uint32_t)v == (uint32_t)says;
		r->p.head = (uint32_t)base + known;
		folio_put32(shared_consumed(r), (uint32_t)says);
		folio_prod_refresh(&r->p);
		assert_int_equal(r->p.broken, !good);
	}
}

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

/* A full ring, and the descriptor of its first slot as the peer likes it. */
static enum folio_verdict
judge(struct rig *r, uint64_t desc, struct folio_frame *frame)
{
	uint64_t fetched;

	move_to(r, 0);
	folio_put32(shared_produced(r), RING);
	assert_int_equal(folio_cons_avail(&r->c, 1), RING);
	folio_put64(&folio_layout_desc(&r->l, r->area, QUEUE)[0], desc);
	fetched = folio_cons_desc(&r->c, 0);
	assert_int_equal(fetched, desc);
	memset(frame, 0x5a, sizeof(*frame));
	return folio_cons_judge(&r->c, fetched, 0, frame);
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
	assert_int_equal(count_of(&r->c), ARRAY_LEN(bad));
	assert_int_equal(judge(r, UINT64_MAX, &f), FOLIO_DROP);
	assert_int_equal(count_of(&r->c), ARRAY_LEN(bad) + 1);
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
	assert_int_equal(count_of(&r->c), 0);
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
	assert_int_equal(count_of(&r->c), n);
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
	folio_put32(shared_produced(r), folio_fetch32(shared_produced(r)) + 1);
	assert_int_equal(folio_cons_avail(&r->c, RING), 0);
	assert_int_equal(count_of(&r->c), before + 1);
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

			move_to(r, at);
			folio_put32(shared_produced(r), at + slots - 1);
			assert_int_equal(folio_cons_avail(&r->c, RING), slots - 1);
			check_halted(r, least, at);

			done = (RING - slots) / 2;
			move_to(r, at);
			folio_put32(shared_produced(r), at + done + slots);
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
	const uint8_t *data = ring_data(r);
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

	move_to(r, at);
	memset(ring_data(r), CANARY, r->l.data_len);
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
	assert_int_equal(count_of(&r->c), 0);
}

/* As long as the ring. The pattern is no longer than that, so always its first bytes. */
static void
test_frames_that_fill_the_ring(void **state)
{
	struct rig *r = *state;
	uint32_t start, len;

	for (start = 0; start < RING; start += 7) {
		for (len = MAX_FRAME - STRIDE; len <= MAX_FRAME; len += 64) {
			move_to(r, start);
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

			memset(ring_data(r), CANARY, r->l.data_len);
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
		memset(ring_data(r), CANARY, r->l.data_len);
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
			memset(ring_data(r), CANARY, r->l.data_len);
			folio_prod_put(&r->p, at, r->out, len, r->exact);
			check_only_frame_written(r, at, r->out, len);
			assert_int_equal(folio_cons_desc(&r->c, at), len);
		}
	}
}

/* T3: what the peer writes over our published indices changes nothing for us. */
static void
test_private_indices_win(void **state)
{
	struct rig *r = *state;
	uint32_t sent = 0, got = 0;

	send_frames(r, &sent, 10);
	folio_put32(shared_produced(r), 0xdeadbeef);
	assert_int_equal(folio_prod_room(&r->p, RING - 10), RING - 10);
	assert_int_equal(r->p.head, 10);
	send_frames(r, &sent, 5);
	assert_int_equal(folio_fetch32(shared_produced(r)), 15);

	assert_int_equal(recv_frames(r, &got, 8), 8);
	assert_int_equal(folio_fetch32(shared_consumed(r)), 8);
	folio_put32(shared_consumed(r), 0xdeadbeef);
	assert_int_equal(recv_frames(r, &got, 7), 7);
	assert_int_equal(recv_frames(r, &got, 1), 0);
	assert_int_equal(folio_fetch32(shared_consumed(r)), 15);
	assert_int_equal(folio_prod_refresh(&r->p), RING);
	assert_int_equal(count_of(&r->c) + r->p.bad_index, 0);
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
	move_to(r, 0);
	test_nothing_is_visible_before_publish(state);
	/* A full ring gets going again by the consumer's next look alone. */
	move_to(r, 0);
	assert_int_equal(send_frames(r, &sent, RING), RING);
	assert_int_equal(recv_frames(r, &got, RING - 1), RING - 1);
	assert_int_equal(folio_prod_room(&r->p, 1), 0);
	assert_int_equal(recv_frames(r, &got, 2), 1);
	assert_int_equal(folio_prod_room(&r->p, 1), RING - 1);
	move_to(r, 0);
	test_producer_stays_full_after_the_burst_that_broke_it(state);
}

static void
test_reset_keeps_the_counters(void **state)
{
	struct rig *r = *state;
	struct folio_frame f;
	uint32_t sent = 0;

	send_frames(r, &sent, 3);
	folio_put32(shared_consumed(r), 77);
	folio_put32(shared_produced(r), 777);
	folio_prod_refresh(&r->p);
	folio_cons_refresh(&r->c);
	judge(r, 13, &f);
	judge(r, 60 | UINT64_C(1) << 32, &f);
	folio_prod_reset(&r->p);
	folio_cons_reset(&r->c);
	assert_int_equal(r->p.head | r->p.seen | r->p.broken, 0);
	assert_int_equal(r->c.head | r->c.seen | r->c.published | r->c.broken, 0);
	assert_int_equal(folio_fetch32(shared_produced(r)), 0);
	assert_int_equal(folio_fetch32(shared_consumed(r)), 0);
	assert_int_equal(r->p.bad_index, 1);
	assert_int_equal(r->c.bad_index, 1);
	assert_int_equal(r->c.bad_length, 1);
	assert_int_equal(r->c.bad_flags, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
		TEST(test_private_indices_win),
		TEST(test_weak_memory_is_fenced),
		TEST(test_reset_keeps_the_counters),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
