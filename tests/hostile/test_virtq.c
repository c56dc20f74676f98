/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Virtqueues against a hostile device: each act of tools/hostile-device/acts.c, in each kind of ring,
 * at the beginning and where indices wrap. Nothing outside of rings and buffers is touched (they lie
 * between inaccessible pages, everything else is ASan's), the act is counted under its own name and
 * no other, and a queue that is set up anew works.
 */

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/util.h"
#include "../virtio/rig.h"

#define SIZE 64
#define ROOM 256
#define MAX_FRAME 2000
#define CANARY 0xc5
#define FORMS 9 /* of an act */
#define STORM_BURSTS 2000
#define STORM_CHANGES 50000

enum { INDEX, ID, LENGTH, CHAIN, COUNTERS, NONE };

static const struct rig_config kinds[] = {
	{.packed = false},
	{.packed = false, .mergeable = true},
	{.packed = false, .in_order = true},
	{.packed = true},
	{.packed = true, .mergeable = true},
	{.packed = true, .in_order = true},
};

static const uint32_t bases[] = {0, 0x10000 - 2 * SIZE, 0x80000000, UINT32_MAX - 2 * SIZE + 1};

static struct rig *
open_kind(size_t kind)
{
	struct rig_config cfg = kinds[kind];

	cfg.size = SIZE;
	cfg.room = ROOM;
	cfg.max_frame = MAX_FRAME;
	return rig_open(&cfg);
}

static void
counts(const struct folio_virtq *q, uint64_t to[COUNTERS])
{
	to[INDEX] = q->bad_index;
	to[ID] = q->bad_id;
	to[LENGTH] = q->bad_length;
	to[CHAIN] = q->bad_chain;
}

/* One counter moved, by one; or none. Then nothing is counted any more. */
static void
only(struct folio_virtq *q, int which, const char *act)
{
	uint64_t now[COUNTERS];
	int i;

	counts(q, now);
	for (i = 0; i < COUNTERS; i++) {
		if (now[i] != (i == which))
			fail_msg("%s: counter %d is %llu", act, i, (unsigned long long)now[i]);
	}
	q->bad_index = 0;
	q->bad_id = 0;
	q->bad_length = 0;
	q->bad_chain = 0;
}

/* The victim's bursts: frames of all lengths out; in, what comes, into buffers with a margin. */
static void
victim_bursts(struct rig *r, uint64_t seed)
{
	static uint8_t out[MAX_FRAME], in[8][MAX_FRAME + 64];
	struct bursts_frame f[8];
	uint32_t i, got, n = 1 + (uint32_t)(seed % 8), room = seed % 3 == 0 ? 128 : MAX_FRAME;

	for (i = 0; i < n; i++)
		f[i] = (struct bursts_frame){out,
					     14 + (uint32_t)(seed >> i * 4) % (MAX_FRAME - 13)};
	(void)bursts_send(&r->tx.q, r->cfg.packed, f, n, (uint32_t)(seed % 5) * 100, r->exact);
	assert_true(folio_virtq_valid(&r->tx.q));
	for (i = 0; i < n; i++) {
		f[i].data = in[i];
		memset(in[i] + room, CANARY, 64);
	}
	got = bursts_receive(&r->rx.q, r->cfg.packed, f, n, room, (uint32_t)(seed % 5) * 100,
			     r->exact);
	assert_true(got <= n);
	for (i = 0; i < got; i++)
		assert_in_range(f[i].len, FOLIO_VIRTQ_FRAME_MIN, room);
	for (i = 0; i < n; i++)
		assert_true(util_all_bytes(in[i] + room, CANARY, 64));
	assert_true(folio_virtq_valid(&r->rx.q));
}

/* What transmit does when it runs out of buffers, before it gives the device anything else. */
static void
look(struct rig *r)
{
	if (r->cfg.packed)
		(void)folio_packed_tx_room(&r->tx.q, UINT32_MAX);
	else
		(void)folio_split_tx_room(&r->tx.q, UINT32_MAX);
}

/* One act, as it is before any other. Returns whether it could be done. */
static bool
act_once(struct rig *r, const struct model_act *a, bool receive, uint64_t form, uint32_t base,
	 int counted)
{
	struct rig_queue *rq = receive ? &r->rx : &r->tx;
	bool breaks = counted == INDEX || counted == ID || counted == CHAIN;

	rig_attach(r, base);
	/* Some traffic, and chains that are outstanding. */
	rig_traffic(r, 8, false, form + 1);
	victim_bursts(r, 1 + form * 16);
	victim_bursts(r, UINT64_C(0x777777771) + form * 16);
	look(r);
	if (!a->act(&rq->dev, form))
		return false;
	look(r);
	victim_bursts(r, form * 8 + 7);
	victim_bursts(r, UINT64_C(0x123456789abc) * (form + 1));
	only(&rq->q, counted, a->name);
	only(receive ? &r->tx.q : &r->rx.q, NONE, a->name);
	assert_int_equal(rq->q.broken != 0, breaks);
	if (breaks) {
		/* It looks empty, or full, until it is attached again. */
		struct bursts_frame f = {(uint8_t[MAX_FRAME]){0}, 60};

		assert_int_equal(receive ? bursts_receive(&rq->q, r->cfg.packed, &f, 1, MAX_FRAME,
							  0, r->exact)
					 : bursts_send(&rq->q, r->cfg.packed, &f, 1, 0, r->exact),
				 0);
	}
	rig_attach(r, base);
	rig_traffic(r, 8, false, form + 2);
	return true;
}

/* In all kinds of rings; `least` of them must be able to. */
static void
act_everywhere(const char *name, bool receive, int counted, unsigned int least)
{
	const struct model_act *a = model_find_act(name);
	unsigned int done = 0, b;
	uint64_t form;
	size_t i;

	assert_non_null(a);
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		struct rig *r = open_kind(i);
		bool could = false;

		for (form = 0; form < FORMS; form++) {
			for (b = 0; b < ARRAY_LEN(bases); b++)
				could |= act_once(r, a, receive, form, bases[b], counted);
		}
		done += could;
		rig_close(r);
	}
	assert_int_equal(done, least);
}

#define RECEIVE true
#define TRANSMIT false
#define ALL ARRAY_LEN(kinds)
#define OF_ONE_KIND (ALL / 2) /* split, or packed */
#define MERGEABLE 2

static void
test_Q1_id_out_of_range(void **state)
{
	(void)state;
	act_everywhere("id-out-of-range", RECEIVE, ID, ALL);
	act_everywhere("id-out-of-range", TRANSMIT, ID, ALL);
	act_everywhere("id-of-more-bits", RECEIVE, ID, OF_ONE_KIND);
	act_everywhere("id-of-more-bits", TRANSMIT, ID, OF_ONE_KIND);
}

static void
test_Q1_id_not_outstanding(void **state)
{
	(void)state;
	act_everywhere("id-not-outstanding", TRANSMIT, ID, ALL);
}

static void
test_Q1_id_twice(void **state)
{
	(void)state;
	act_everywhere("id-twice", RECEIVE, ID, ALL);
	act_everywhere("id-twice", TRANSMIT, ID, ALL);
}

static void
test_Q1_id_inside_a_chain(void **state)
{
	(void)state;
	act_everywhere("id-inside-a-chain", TRANSMIT, ID, ALL);
}

static void
test_Q1_id_and_flags_of_different_times(void **state)
{
	(void)state;
	act_everywhere("id-after-flags", RECEIVE, ID, OF_ONE_KIND);
	act_everywhere("id-after-flags", TRANSMIT, ID, OF_ONE_KIND);
}

static void
test_Q1_length_larger_than_posted(void **state)
{
	(void)state;
	act_everywhere("length-longer", RECEIVE, LENGTH, ALL);
	/* Of what was transmitted it means nothing. */
	act_everywhere("length-longer", TRANSMIT, NONE, ALL);
}

static void
test_Q1_length_smaller_than_the_headers(void **state)
{
	(void)state;
	act_everywhere("length-shorter", RECEIVE, LENGTH, ALL);
	act_everywhere("length-shorter", TRANSMIT, NONE, ALL);
}

static void
test_Q1_index_ahead_of_what_is_outstanding(void **state)
{
	(void)state;
	act_everywhere("index-ahead", RECEIVE, INDEX, OF_ONE_KIND);
	act_everywhere("index-ahead", TRANSMIT, INDEX, OF_ONE_KIND);
}

static void
test_Q1_index_back(void **state)
{
	(void)state;
	act_everywhere("index-back", RECEIVE, INDEX, OF_ONE_KIND);
	act_everywhere("index-back", TRANSMIT, INDEX, OF_ONE_KIND);
}

static void
test_Q1_index_off_by_half(void **state)
{
	(void)state;
	act_everywhere("index-far", RECEIVE, INDEX, OF_ONE_KIND);
	act_everywhere("index-far", TRANSMIT, INDEX, OF_ONE_KIND);
}

static void
test_Q1_flags_flipped_without_an_id(void **state)
{
	(void)state;
	/*
	 * The id that the driver wrote is still there: a buffer that is returned, with any content.
	 */
	act_everywhere("flags-without-id", RECEIVE, NONE, OF_ONE_KIND);
	act_everywhere("flags-without-id", TRANSMIT, NONE, OF_ONE_KIND);
}

static void
test_Q1_wrong_wrap_counter(void **state)
{
	(void)state;
	/* Nothing was returned. */
	act_everywhere("flags-of-wrong-wrap", RECEIVE, NONE, OF_ONE_KIND);
	act_everywhere("flags-of-wrong-wrap", TRANSMIT, NONE, OF_ONE_KIND);
}

static void
test_Q2_descriptors_rewritten(void **state)
{
	(void)state;
	act_everywhere("rewrite-descriptors", RECEIVE, NONE, ALL);
	act_everywhere("rewrite-descriptors", TRANSMIT, NONE, ALL);
}

static void
test_Q2_driver_area_rewritten(void **state)
{
	(void)state;
	act_everywhere("rewrite-driver-area", RECEIVE, NONE, ALL);
	act_everywhere("rewrite-driver-area", TRANSMIT, NONE, ALL);
}

static void
test_Q2_buffers_rewritten(void **state)
{
	(void)state;
	act_everywhere("rewrite-buffers", RECEIVE, NONE, ALL);
	act_everywhere("rewrite-buffers", TRANSMIT, NONE, ALL);
}

/* Q2: what was rewritten is not read back: the next frames are sent from where we say. */
static void
test_Q2_private_state_wins(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		struct rig *r = open_kind(i);
		struct folio_virtq before;
		uint8_t data[60] = {0};
		struct bursts_frame f = {data, sizeof(data)};

		assert_int_equal(bursts_send(&r->tx.q, r->cfg.packed, &f, 1, 0, r->exact), 1);
		before = r->tx.q;
		assert_true(model_find_act("rewrite-descriptors")->act(&r->tx.dev, 99));
		assert_true(model_find_act("rewrite-driver-area")->act(&r->tx.dev, 99));
		assert_memory_equal(&before, &r->tx.q, sizeof(before));
		assert_int_equal(bursts_send(&r->tx.q, r->cfg.packed, &f, 1, 0, r->exact), 1);
		assert_int_equal(r->tx.q.tail, before.tail + 1);
		if (r->cfg.packed)
			assert_int_equal(r->tx.dev.ring[1].addr, r->tx.addr[1]);
		else
			assert_int_equal(r->tx.dev.avail->idx, 2);
		rig_close(r);
	}
}

static void
test_Q3_every_field_at_any_value(void **state)
{
	(void)state;
	act_everywhere("header-fields", RECEIVE, NONE, ALL);
}

/* Frames of one buffer with any header arrive as they are. */
static void
test_Q3_the_header_changes_no_frame(void **state)
{
	size_t i;
	uint64_t form;

	(void)state;
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		struct rig *r = open_kind(i);
		uint8_t room[ROOM], first = 1;
		struct bursts_frame f = {room, 0};

		for (form = 0; form < 1000; form++) {
			assert_true(model_find_act("header-fields")->act(&r->rx.dev, form * 12345));
			assert_int_equal(
				bursts_receive(&r->rx.q, r->cfg.packed, &f, 1, ROOM, 0, r->exact),
				1);
			assert_int_equal(f.len, 60);
			assert_memory_equal(room, &first, 1);
			assert_true(util_all_bytes(room + 1, 0, 59));
		}
		assert_true(rig_is_clean(r));
		rig_close(r);
	}
}

static void
test_Q3_number_of_buffers(void **state)
{
	(void)state;
	act_everywhere("buffers-none", RECEIVE, CHAIN, MERGEABLE);
	act_everywhere("buffers-most", RECEIVE, CHAIN, MERGEABLE);
	act_everywhere("buffers-more", RECEIVE, CHAIN, MERGEABLE);
}

/* One buffer is said, and another one has it: without MRG_RXBUF the field means nothing. */
static void
test_Q3_number_of_buffers_that_was_not_negotiated(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		struct rig *r = open_kind(i);
		uint8_t room[ROOM];
		struct bursts_frame f = {room, 0};

		if (!r->cfg.mergeable) {
			r->rx.dev.mergeable = true; /* says the device */
			assert_true(model_find_act("buffers-most")->act(&r->rx.dev, 0));
			assert_int_equal(
				bursts_receive(&r->rx.q, r->cfg.packed, &f, 1, ROOM, 0, r->exact),
				1);
			assert_int_equal(f.len, 60);
			assert_true(rig_is_clean(r));
		}
		rig_close(r);
	}
}

/* In order was agreed on, and the device does as it likes. */
static void
test_Q1_order_that_was_agreed_on(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		struct rig *r = open_kind(i);
		uint8_t room[ROOM];
		struct bursts_frame f = {room, 0};

		if (r->cfg.in_order) {
			assert_int_equal(model_collect(&r->rx.dev), SIZE);
			model_return(&r->rx.dev, 1, 72);
			model_publish(&r->rx.dev);
			assert_int_equal(
				bursts_receive(&r->rx.q, r->cfg.packed, &f, 1, ROOM, 0, r->exact),
				0);
			only(&r->rx.q, ID, "not in order");
			assert_int_equal(r->rx.q.broken, 1);
		}
		rig_close(r);
	}
}

/* A batch that ends beyond the used index. */
static void
test_Q1_batch_beyond_the_index(void **state)
{
	uint8_t data[60] = {0};
	struct bursts_frame f[SIZE];
	struct rig *r = open_kind(2);
	unsigned int i;

	(void)state;
	for (i = 0; i < SIZE; i++)
		f[i] = (struct bursts_frame){data, sizeof(data)};
	assert_int_equal(bursts_send(&r->tx.q, false, f, SIZE, 0, r->exact), SIZE);
	assert_int_equal(model_collect(&r->tx.dev), SIZE);
	model_say_used(&r->tx.dev, r->tx.dev.held[9]->id, 0, 9); /* ten, and says nine */
	model_publish(&r->tx.dev);
	assert_int_equal(bursts_send(&r->tx.q, false, f, 1, 0, r->exact), 0);
	only(&r->tx.q, INDEX, "batch");
	assert_int_equal(r->tx.q.broken, 1);
	assert_true(folio_virtq_valid(&r->tx.q));
	rig_close(r);
}

struct storm {
	struct rig *r;
	bool stop;
	uint64_t seed, changes;
};

static void *
storm_thread(void *arg)
{
	struct storm *s = arg;

	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE)) {
		uint64_t x = util_random(&s->seed);

		model_storm(x >> 63 != 0 ? &s->r->rx.dev : &s->r->tx.dev, x);
		__atomic_store_n(&s->changes, s->changes + 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static uint64_t
found(const struct rig *r)
{
	return r->rx.q.bad_index + r->rx.q.bad_id + r->rx.q.bad_length + r->rx.q.bad_chain +
	       r->tx.q.bad_index + r->tx.q.bad_id;
}

/* T1, T2: rings, headers and buffers change at full speed under every load. */
static void
storm(size_t kind)
{
	struct storm s = {.r = open_kind(kind), .seed = 20261130 + kind};
	uint64_t seed = 77 + kind;
	struct rig *r = s.r;
	pthread_t thread;
	uint32_t i, attached = 0;

	assert_int_equal(pthread_create(&thread, NULL, storm_thread, &s), 0);
	/* The runner's time limit is for the case that nothing is ever found. */
	for (i = 0; i < STORM_BURSTS || found(r) == 0 ||
	     __atomic_load_n(&s.changes, __ATOMIC_RELAXED) < STORM_CHANGES; i++) {
		victim_bursts(r, util_random(&seed));
		if (i % 16 == 0)
			sched_yield(); /* the two may have one processor */
		(void)(r->cfg.packed ? folio_packed_wants_doorbell(&r->tx.q)
				     : folio_split_wants_doorbell(&r->tx.q));
		if (r->rx.q.broken != 0 || r->tx.q.broken != 0) {
			struct rig_queue *rq = r->rx.q.broken != 0 ? &r->rx : &r->tx;

			/* As rig_attach(), which looks at what it wrote. */
			folio_virtq_attach(&rq->q, &rq->m);
			rq->q.mergeable = r->cfg.mergeable && rq->dev.receive;
			if (rq->dev.receive)
				bursts_rx_start(&rq->q, r->cfg.packed);
			else
				bursts_tx_start(&rq->q, r->cfg.packed);
			attached++;
		}
	}
	__atomic_store_n(&s.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	print_message("kind %zu: %llu changes, %llu violations, attached %u times\n", kind,
		      (unsigned long long)s.changes, (unsigned long long)found(r), attached);
	memset(&r->rx.q, 0, sizeof(r->rx.q));
	memset(&r->tx.q, 0, sizeof(r->tx.q));
	rig_attach(r, 0);
	rig_traffic(r, 200, false, 1);
	rig_close(r);
}

static void
test_T1_everything_changes_at_full_speed(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(kinds); i++)
		storm(i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_Q1_id_out_of_range),
		cmocka_unit_test(test_Q1_id_not_outstanding),
		cmocka_unit_test(test_Q1_id_twice),
		cmocka_unit_test(test_Q1_id_inside_a_chain),
		cmocka_unit_test(test_Q1_id_and_flags_of_different_times),
		cmocka_unit_test(test_Q1_length_larger_than_posted),
		cmocka_unit_test(test_Q1_length_smaller_than_the_headers),
		cmocka_unit_test(test_Q1_index_ahead_of_what_is_outstanding),
		cmocka_unit_test(test_Q1_index_back),
		cmocka_unit_test(test_Q1_index_off_by_half),
		cmocka_unit_test(test_Q1_flags_flipped_without_an_id),
		cmocka_unit_test(test_Q1_wrong_wrap_counter),
		cmocka_unit_test(test_Q1_order_that_was_agreed_on),
		cmocka_unit_test(test_Q1_batch_beyond_the_index),
		cmocka_unit_test(test_Q2_descriptors_rewritten),
		cmocka_unit_test(test_Q2_driver_area_rewritten),
		cmocka_unit_test(test_Q2_buffers_rewritten),
		cmocka_unit_test(test_Q2_private_state_wins),
		cmocka_unit_test(test_Q3_every_field_at_any_value),
		cmocka_unit_test(test_Q3_the_header_changes_no_frame),
		cmocka_unit_test(test_Q3_number_of_buffers),
		cmocka_unit_test(test_Q3_number_of_buffers_that_was_not_negotiated),
		cmocka_unit_test(test_T1_everything_changes_at_full_speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
