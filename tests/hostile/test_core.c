/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * The core against the hostile peer, row by row and for both roles: one thread, so that every case
 * goes the same way each time. After each attack the victim, which was never restarted, must carry
 * traffic again.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "duel.h"

static void
test_V1_packet_lengths(void **state)
{
	run_row(state, "V1");
}

static void
test_V2_over_the_end_of_the_ring(void **state)
{
	run_row(state, "V2");
}

/* Frames that the ring carries and the buffer does not: dropped, and the buffer's end respected. */
static void
test_V3_larger_than_the_buffer(void **state)
{
	static const uint32_t rooms[] = {14, 64, 100, 1514, 2048, 8999};
	struct duel d;
	size_t i;
	int role;

	run_row(state, "V3");
	for (role = 0; role < 2; role++) {
		begin(&d, role == 0, *state);
		d.sends = false;
		for (i = 0; i < ARRAY_LEN(rooms); i++) {
			uint64_t received = d.received;

			d.room = rooms[i];
			assert_true(peer_send(&d.peer, 9000));
			victim_step(&d);
			assert_true(peer_send(&d.peer, rooms[i] + 1));
			victim_step(&d);
			assert_int_equal(d.received, received);
			assert_true(peer_send(&d.peer, rooms[i]));
			victim_step(&d);
			assert_int_equal(d.received, received + 1);
			assert_int_equal(peer_pending(&d.peer), 0);
		}
		d.room = MAX_FRAME;
		d.sends = true;
		traffic_flows(&d);
		end(&d);
	}
}

static void
test_V4_shorter_than_the_header(void **state)
{
	run_row(state, "V4");
}

/* Both ends of both rings are put close to 2^32, where the attacks of the row are made again. */
static void
go_to_the_wrap(struct duel *d)
{
	struct folio_cons *c = &folio_port_rxq(d->victim, 0)->ring;
	struct folio_prod *p = &folio_port_txq(d->victim, 0)->ring;
	const uint32_t at = UINT32_MAX - 30;

	d->sends = false;
	while (peer_pending(&d->peer) != 0)
		victim_step(d);
	peer_talk(&d->peer, 0);
	c->head = c->seen = c->published = at;
	p->head = p->seen = at;
	store32(&peer_index(&d->peer, d->peer.own)->produced, at);
	store32(&peer_index(&d->peer, d->peer.own)->consumed, at);
	store32(&peer_index(&d->peer, d->peer.victim)->produced, at);
	store32(&peer_index(&d->peer, d->peer.victim)->consumed, at);
	d->peer.produced = d->peer.consumed = at;
	d->sends = true;
}

/* "Consumed" by one more than there is, in a ring that is not full. */
static void
one_more_than_was_sent(struct duel *d)
{
	struct folio_counters before = counters(d);
	static uint8_t frame[60];
	struct folio_buf bufs[BURST];
	uint32_t sent;
	unsigned int i;

	d->sends = false;
	peer_comes(d);
	for (i = 0; i < BURST; i++)
		bufs[i] = (struct folio_buf){.data = frame, .len = sizeof(frame)};
	for (sent = 0; sent < RING - BURST / 2; sent++)
		assert_int_equal(folio_send(d->victim, 0, bufs, 1), 1);
	store32(&peer_index(&d->peer, d->peer.own)->consumed, sent + 1);
	assert_int_equal(folio_send(d->victim, 0, bufs, BURST), -ENETDOWN);
	assert_int_equal(counters(d).violations[FOLIO_TX_BAD_INDEX],
			 before.violations[FOLIO_TX_BAD_INDEX] + 1);
	d->sends = true;
	peer_comes(d);
	traffic_flows(d);
}

/* Frames that the victim knows of, and has not taken, are taken back. */
static void
taken_back_after_a_look(struct duel *d)
{
	static uint8_t room[RING][64];
	struct folio_counters before = counters(d);
	struct folio_buf bufs[RING];
	unsigned int i;

	for (i = 0; i < RING; i++)
		bufs[i] = (struct folio_buf){.data = room[i], .room = sizeof(room[i])};
	for (i = 0; i < 20; i++)
		assert_true(peer_send(&d->peer, 60));
	assert_int_equal(folio_recv(d->victim, 0, bufs, 1), 1);
	store32(&peer_index(&d->peer, d->peer.own)->produced, d->peer.produced - 15);
	assert_int_equal(folio_recv(d->victim, 0, bufs, RING), 0);
	assert_int_equal(counters(d).violations[FOLIO_RX_BAD_INDEX],
			 before.violations[FOLIO_RX_BAD_INDEX] + 1);
	peer_comes(d);
	traffic_flows(d);
}

static void
test_V5_indices(void **state)
{
	struct duel d;
	size_t i;
	int role;

	run_row(state, "V5");
	for (role = 0; role < 2; role++) {
		begin(&d, role == 0, *state);
		for (i = 0; i < attacks_count; i++) {
			if (!attack_is_of(&attacks[i], "V5", d.victim_is_guest))
				continue;
			go_to_the_wrap(&d);
			attack_once(&d, &attacks[i]);
		}
		go_to_the_wrap(&d);
		traffic_flows(&d);
		assert_true(d.peer.produced < UINT32_MAX / 2);
		one_more_than_was_sent(&d);
		taken_back_after_a_look(&d);
		end(&d);
	}
}

static void
test_V6_unknown_bits(void **state)
{
	run_row(state, "V6");
}

/* No offload has a place: a descriptor is a length and 32 flags, of which none is taken. */
static void
test_V7_no_offload_fields(void **state)
{
	assert_int_equal(sizeof(folio_wire_desc), 8);
	assert_int_equal(FOLIO_WIRE_FEATURES_KNOWN, 0);
	run_row(state, "V7");
}

static void
test_V8_chains(void **state)
{
	run_row(state, "V8");
}

/* A slot that is published again and again is one frame, and each frame is a copy of its own. */
static void
test_V9_no_ids_to_replay(void **state)
{
	struct duel d;
	int role, i;

	run_row(state, "V9");
	for (role = 0; role < 2; role++) {
		begin(&d, role == 0, *state);
		for (i = 0; i < 3 * RING; i++) {
			uint64_t received = d.received;

			peer_beat(&d.peer);
			assert_true(peer_send(&d.peer, 60));
			victim_step(&d);
			store32(&peer_index(&d.peer, d.peer.own)->produced, d.peer.produced);
			victim_step(&d);
			assert_int_equal(d.received, received + 1);
			peer_talk(&d.peer, 0);
		}
		end(&d);
	}
}

static void
test_T1_flipped_fields(void **state)
{
	run_row(state, "T1");
}

static void
test_T2_rewritten_payload(void **state)
{
	run_row(state, "T2");
}

static void
test_T3_own_state_overwritten(void **state)
{
	run_row(state, "T3");
}

/* Nothing is encrypted or authenticated on the way: what crosses is the frame, and only that. */
static void
test_T4_no_crypto(void **state)
{
	uint8_t frame[200];
	struct folio_buf b = {.data = frame, .len = sizeof(frame)};
	struct duel d;
	uint32_t at;
	int role;

	run_row(state, "T4");
	for (role = 0; role < 2; role++) {
		begin(&d, role == 0, *state);
		d.sends = false;
		peer_talk(&d.peer, 0);
		at = d.peer.consumed;
		assert_int_equal(load32(&peer_index(&d.peer, d.peer.victim)->produced), at);
		memset(peer_slot(&d.peer, d.peer.victim, at), CANARY, STRIDE);
		peer_frame_make(frame, sizeof(frame), 4);
		assert_int_equal(folio_send(d.victim, 0, &b, 1), 1);
		assert_int_equal(load64(peer_desc(&d.peer, d.peer.victim, at)), sizeof(frame));
		assert_memory_equal(peer_slot(&d.peer, d.peer.victim, at), frame, sizeof(frame));
		assert_true(util_all_bytes(peer_slot(&d.peer, d.peer.victim, at) + sizeof(frame),
					   CANARY, STRIDE - sizeof(frame)));
		end(&d);
	}
}

static void
test_L1_header(void **state)
{
	run_row(state, "L1");
}

static void
test_L2_queue_counts(void **state)
{
	run_row(state, "L2");
}

static void
test_L3_file(void **state)
{
	run_row(state, "L3");
}

/* Between two ticks the file is cut, touched, and made whole again: the size tells nothing. */
static void
test_L3_cut_and_mended(void **state)
{
	struct folio_counters before, after;
	struct duel d;
	int role;

	for (role = 0; role < 2; role++) {
		begin(&d, role == 0, *state);
		before = counters(&d);
		assert_int_equal(ftruncate(d.peer.fd, 0), 0);
		victim_bursts(&d);
		assert_int_equal(ftruncate(d.peer.fd, (off_t)d.peer.size), 0);
		folio_tick(d.victim);
		assert_false(folio_link_is_up(d.victim));
		after = counters(&d);
		assert_int_equal(after.violations[FOLIO_PEER_CUT_REGION],
				 before.violations[FOLIO_PEER_CUT_REGION] + 1);
		peer_close(&d.peer);
		peer_comes(&d);
		traffic_flows(&d);
		end(&d);
	}
}

static void
test_L4_generation_storm(void **state)
{
	run_row(state, "L4");
}

static void
test_L5_peer_that_stalls_or_returns(void **state)
{
	run_row(state, "L5");
}

/* Two that keep to the lock can't be there at once; two that don't are one hostile peer. */
static void
test_L6_two_peers(void **state)
{
	struct folio_config cfg = {.queues = 1, .ring_size = RING, .slot_size = SLOT};
	struct folio_error err;
	struct duel d;
	int role;

	run_row(state, "L6");
	for (role = 0; role < 2; role++) {
		begin(&d, role == 0, *state);
		cfg.role = d.victim_is_guest ? FOLIO_GUEST : FOLIO_HOST;
		cfg.path = d.path;
		assert_null(folio_open(&cfg, &err));
		assert_non_null(strstr(err.text, "is taken"));
		traffic_flows(&d);
		end(&d);
	}
}

/* A port has its file and nothing else to be woken by; bytes without a meaning stay without one. */
static void
test_L7_no_doorbells(void **state)
{
	unsigned int fds = util_open_fds();
	struct duel d;

	begin(&d, true, *state);
	assert_int_equal(util_open_fds(), fds + 2); /* the victim's and the peer's */
	end(&d);
	run_row(state, "L7");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, util_dir_setup, util_dir_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_V1_packet_lengths),
		TEST(test_V2_over_the_end_of_the_ring),
		TEST(test_V3_larger_than_the_buffer),
		TEST(test_V4_shorter_than_the_header),
		TEST(test_V5_indices),
		TEST(test_V6_unknown_bits),
		TEST(test_V7_no_offload_fields),
		TEST(test_V8_chains),
		TEST(test_V9_no_ids_to_replay),
		TEST(test_T1_flipped_fields),
		TEST(test_T2_rewritten_payload),
		TEST(test_T3_own_state_overwritten),
		TEST(test_T4_no_crypto),
		TEST(test_L1_header),
		TEST(test_L2_queue_counts),
		TEST(test_L3_file),
		TEST(test_L3_cut_and_mended),
		TEST(test_L4_generation_storm),
		TEST(test_L5_peer_that_stalls_or_returns),
		TEST(test_L6_two_peers),
		TEST(test_L7_no_doorbells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
