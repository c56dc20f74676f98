/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* folio.h: peers that break the rules, by a third mapping of the file. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "duo.h"

#define POLLS 10000 /* within so many of nothing, an index is published once more */

static void
reopen_guest_without_bring_up(struct duo *d, uint32_t ring)
{
	duo_close_side(d, &d->guest);
	d->guest = duo_open(d, FOLIO_GUEST, (struct folio_config){.ring_size = ring});
	folio_start(d->guest);
	duo_tick(d, 3);
}

/* Peers that break the rules. */

static unsigned int
drain(struct folio *f, uint32_t q)
{
	struct folio_buf b = {.data = duo_landing, .room = sizeof(duo_landing)};
	unsigned int n = 0;

	while (folio_recv(f, q, &b, 1) == 1)
		n++;
	return n;
}

struct attack {
	const char *name;
	void (*make)(const struct raw *r, enum folio_role attacker);
	enum folio_violation counts;
	bool ends_session;
};

static folio_shared_u64 *
first_desc(const struct raw *r, enum folio_role attacker)
{
	return folio_layout_desc(&r->l, raw_area(r, attacker), 0);
}

static struct folio_wire_index *
index_lines(const struct raw *r, enum folio_role attacker)
{
	return folio_layout_index(&r->l, raw_area(r, attacker), 0);
}

static void
bad_short(const struct raw *r, enum folio_role attacker)
{
	folio_put64(first_desc(r, attacker), 13);
}

static void
bad_long(const struct raw *r, enum folio_role attacker)
{
	folio_put64(first_desc(r, attacker), UINT32_MAX);
}

static void
bad_flags(const struct raw *r, enum folio_role attacker)
{
	folio_put64(first_desc(r, attacker), 60 | UINT64_C(1) << 63);
}

static void
bad_chain(const struct raw *r, enum folio_role attacker)
{
	folio_put64(first_desc(r, attacker), MAX_FRAME);
}

static void
bad_produced(const struct raw *r, enum folio_role attacker)
{
	folio_put32(&index_lines(r, attacker)->produced, RING + 1);
}

static void
bad_produced_far(const struct raw *r, enum folio_role attacker)
{
	folio_put32(&index_lines(r, attacker)->produced, 1u << 31);
}

static void
bad_consumed(const struct raw *r, enum folio_role attacker)
{
	folio_put32(&index_lines(r, attacker)->consumed, RING + 1);
}

static void
bad_consumed_back(const struct raw *r, enum folio_role attacker)
{
	folio_put32(&index_lines(r, attacker)->consumed, UINT32_MAX);
}

static const struct attack attacks[] = {
	{"short", bad_short, FOLIO_RX_BAD_LENGTH, false},
	{"long", bad_long, FOLIO_RX_BAD_LENGTH, false},
	{"flags", bad_flags, FOLIO_RX_BAD_FLAGS, false},
	{"chain", bad_chain, FOLIO_RX_BAD_CHAIN, true},
	{"produced", bad_produced, FOLIO_RX_BAD_INDEX, true},
	{"produced far", bad_produced_far, FOLIO_RX_BAD_INDEX, true},
	{"consumed", bad_consumed, FOLIO_TX_BAD_INDEX, true},
	{"consumed back", bad_consumed_back, FOLIO_TX_BAD_INDEX, true},
};

static uint64_t
renegotiations(const struct folio *f)
{
	struct folio_counters c;

	folio_counters(f, &c);
	return c.renegotiations;
}

static void
check_attack(const struct duo *d, const struct attack *a, enum folio_role attacker)
{
	struct folio *victim = attacker == FOLIO_GUEST ? d->host : d->guest;
	struct folio *peer = attacker == FOLIO_GUEST ? d->guest : d->host;
	uint64_t before = duo_violation(victim, a->counts), ended = renegotiations(victim);
	uint64_t all = duo_violations(victim), peer_all = duo_violations(peer);
	struct raw r = raw_map(d);
	unsigned int i, got = 0;

	/* Something under way in both directions; then the peer's half of it changes. */
	assert_true(duo_send(peer, 0, 0, 60));
	assert_true(duo_send(victim, 0, 0, 60));
	a->make(&r, attacker);
	for (i = 0; i < 3; i++) {
		got += drain(victim, 0);
		while (duo_send(victim, 0, 0, 60)) /* until it has to look at the peer's index */
			;
	}
	assert_int_equal(got, a->counts == FOLIO_TX_BAD_INDEX);
	assert_int_equal(duo_violation(victim, a->counts), before + 1);
	assert_int_equal(duo_violations(victim), all + 1);

	/* The peer behaves again. */
	if (a->ends_session) {
		assert_true(folio_tick(victim));
		assert_false(folio_link_is_up(victim));
		duo_bring_up(d);
	} else {
		assert_int_equal(drain(peer, 0), RING);
		duo_tick(d, 10);
		assert_true(duo_is_up(d));
	}
	assert_int_equal(renegotiations(victim), ended + a->ends_session);
	duo_check_queue(d, 0);
	duo_check_queue(d, 1);
	assert_int_equal(duo_violations(victim), all + 1);
	assert_int_equal(duo_violations(peer), peer_all);
	raw_unmap(&r);
}

static void
test_attacks(void **state)
{
	struct duo *d = *state;
	size_t i;

	for (i = 0; i < 2 * ARRAY_LEN(attacks); i++) {
		duo_open_both(d, 2);
		check_attack(d, &attacks[i / 2], i % 2 ? FOLIO_HOST : FOLIO_GUEST);
		duo_close_side(d, &d->host);
		folio_close(d->guest);
		d->guest = NULL;
	}
}

/* The burst that finds the index broken half-way was the last one of the session. */
static void
test_nothing_is_sent_after_a_bad_index(void **state)
{
	struct duo *d = *state;
	const struct folio_buf long_frames[2] = {
		{.data = duo_pattern, .len = 60 * STRIDE},
		{.data = duo_pattern, .len = 60 * STRIDE},
	};
	struct raw r;

	duo_open_both(d, 1);
	r = raw_map(d);
	bad_consumed(&r, FOLIO_HOST);
	assert_int_equal(folio_send(d->guest, 0, long_frames, 2), -ENETDOWN);
	assert_int_equal(duo_violation(d->guest, FOLIO_TX_BAD_INDEX), 1);
	assert_false(duo_send(d->guest, 0, 0, 60));
	raw_unmap(&r);
}

/* Ring 1 is broken when the file goes away; the next guest has no ring 1. */
static void
test_broken_ring_is_forgotten_with_its_file(void **state)
{
	struct duo *d = *state;
	struct raw r;

	duo_open_both(d, 2);
	r = raw_map(d);
	folio_put32(&folio_layout_index(&r.l, raw_area(&r, FOLIO_GUEST), 1)->produced, 1u << 31);
	duo_expect_none(d->host, 1);
	assert_int_equal(duo_violation(d->host, FOLIO_RX_BAD_INDEX), 1);
	raw_unmap(&r);
	assert_int_equal(unlink(d->path), 0);
	folio_close(d->guest);
	d->guest = duo_open_guest(d, 1);
	folio_start(d->guest);
	duo_bring_up(d);
	duo_tick(d, 50);
	assert_true(duo_is_up(d));
	assert_int_equal(renegotiations(d->host), 0);
	duo_check_queue(d, 0);
}

/* A peer that breaks every session at once costs a renegotiation per penalty, and no more. */
static void
test_storm_of_bad_indices(void **state)
{
	const unsigned int rounds = 500;
	struct duo *d = *state;
	unsigned int i;
	struct raw r;

	duo_open_both(d, 1);
	r = raw_map(d);
	for (i = 0; i < rounds; i++) {
		duo_tick(d, 1);
		bad_produced_far(&r, FOLIO_GUEST);
		duo_expect_none(d->host, 0);
	}
	assert_true(renegotiations(d->host) > 1);
	assert_true(renegotiations(d->host) <= rounds / (100 / FOLIO_TICK_MS) + 1);
	assert_true(duo_violation(d->host, FOLIO_RX_BAD_INDEX) <= renegotiations(d->host) + 1);
	duo_tick(d, 50); /* the last bad index may be found once more */
	duo_bring_up(d);
	duo_check_queue(d, 0);
	raw_unmap(&r);
}

/* Headers of either side overwritten while the link is up. */
static void
test_peer_header_overwritten(void **state)
{
	static const struct {
		size_t field;
		enum folio_violation counts;
	} cases[] = {
		{offsetof(struct folio_wire_header, magic), FOLIO_PEER_BAD_MAGIC},
		{offsetof(struct folio_wire_header, version), FOLIO_PEER_BAD_VERSION},
		{offsetof(struct folio_wire_header, role), FOLIO_PEER_BAD_ROLE},
		{offsetof(struct folio_wire_header, state), FOLIO_PEER_BAD_STATE},
	};
	struct duo *d = *state;
	unsigned int n;
	struct raw r;
	size_t i;

	duo_open_both(d, 1);
	r = raw_map(d);
	for (i = 0; i < 2 * ARRAY_LEN(cases); i++) {
		enum folio_role attacker = i % 2 ? FOLIO_HOST : FOLIO_GUEST;
		struct folio *victim = i % 2 ? d->guest : d->host;
		uint8_t *field = (uint8_t *)raw_header(&r, attacker) + cases[i / 2].field;
		uint64_t before = duo_violation(victim, cases[i / 2].counts);
		uint32_t good, bad = 0x77777777;

		memcpy(&good, field, sizeof(good));
		for (n = 0; n < 20; n++) {
			/* Its owner would repair it in its next tick. */
			memcpy(field, &bad, sizeof(bad));
			folio_tick(victim);
		}
		assert_false(folio_link_is_up(victim));
		if (cases[i / 2].counts == FOLIO_PEER_BAD_STATE) {
			/* The peer, which lost our answer, writes it too: once a generation. */
			assert_in_range(duo_violation(victim, cases[i / 2].counts), before + 1,
					before + n);
		} else {
			assert_int_equal(duo_link(victim), FOLIO_LINK_REJECTED);
			/* Once more if the peer begins a new generation. */
			assert_in_range(duo_violation(victim, cases[i / 2].counts), before + 1,
					before + 2);
		}
		assert_false(duo_send(victim, 0, 0, 60));
		memcpy(field, &good, sizeof(good));
		duo_bring_up(d);
		duo_check_queue(d, 0);
	}
	assert_int_equal(duo_violation(d->guest, FOLIO_RX_BAD_INDEX), 0);
	assert_int_equal(duo_violation(d->host, FOLIO_RX_BAD_INDEX), 0);
	raw_unmap(&r);
}

/* T3. A header that the peer wiped is whole again after our next step, without a restart. */
static void
test_own_header_wiped(void **state)
{
	struct duo *d = *state;
	struct raw r;
	int i;

	duo_open_both(d, 1);
	r = raw_map(d);
	for (i = 0; i < 2; i++) {
		memset(raw_header(&r, i ? FOLIO_GUEST : FOLIO_HOST), 0, FOLIO_WIRE_PAGE);
		duo_tick(d, 3);
		duo_bring_up(d);
		duo_check_queue(d, 0);
	}
	raw_unmap(&r);
}

/*
 * T3. Our published index was put back to a value that the peer takes for true, when we have
 * nothing new to publish: it must not stay so, or both would wait for each other for ever.
 */
static void
test_own_index_put_back(void **state)
{
	struct duo *d = *state;
	unsigned int i;
	struct raw r;

	duo_open_both(d, 1);
	r = raw_map(d);
	for (i = 0; i < RING; i++)
		assert_true(duo_send(d->guest, 0, i, 60));
	assert_false(duo_send(d->guest, 0, i, 60));
	folio_put32(&index_lines(&r, FOLIO_GUEST)->produced, 0);
	duo_expect_none(d->host, 0);
	for (i = 0; i < POLLS; i++)
		assert_false(duo_send(d->guest, 0, 0, 60));
	for (i = 0; i < RING; i++)
		duo_expect(d->host, 0, i, 60);
	duo_expect_none(d->host, 0);
	folio_put32(&index_lines(&r, FOLIO_HOST)->consumed, 0);
	assert_false(duo_send(d->guest, 0, 0, 60));
	for (i = 0; i < POLLS; i++)
		duo_expect_none(d->host, 0);
	duo_check_queue(d, 0);
	assert_int_equal(duo_violations(d->guest) + duo_violations(d->host), 0);
	raw_unmap(&r);
}

/*
 * While the host is stopped, a guest comes with larger rings, over the place of the host's header,
 * and goes again. Both meet all the same.
 */
static void
test_stopped_host_is_overrun(void **state)
{
	struct duo *d = *state;

	duo_open_both(d, 1);
	folio_stop(d->host);
	reopen_guest_without_bring_up(d, 8192);
	reopen_guest_without_bring_up(d, 2048);
	folio_start(d->host);
	duo_bring_up(d);
	duo_check_queue(d, 0);
}

/* What a started guest could write into an otherwise zeroed file. */
static void
fake_guest(const struct duo *d, uint32_t queues, uint32_t ring, uint32_t slot, uint32_t shift,
	   uint64_t generation)
{
	struct folio_wire_header h;
	int fd = open(d->path, O_RDWR | O_CLOEXEC);

	memset(&h, 0, sizeof(h));
	folio_put64(&h.magic, FOLIO_WIRE_MAGIC);
	folio_put32(&h.version, FOLIO_WIRE_VERSION);
	folio_put32(&h.role, FOLIO_WIRE_ROLE_GUEST);
	folio_put32(&h.state, FOLIO_WIRE_STATE_STARTED);
	folio_put64(&h.generation, generation);
	folio_put32(&h.queues, queues);
	folio_put32(&h.ring_size, ring);
	folio_put32(&h.slot_size, slot);
	folio_put32(&h.page_shift, shift);
	assert_int_equal(pwrite(fd, &h, sizeof(h), 0), sizeof(h));
	close(fd);
}

/* L1, L2: geometry that is out of range, or larger than the file. */
static void
test_host_is_offered_bad_geometries(void **state)
{
	static const uint32_t bad[][4] = {
		{0, RING, SLOT, 21},	      {65, RING, SLOT, 21},
		{65535, RING, SLOT, 21},      {1u << 16 | 1, RING, SLOT, 21},
		{UINT32_MAX, RING, SLOT, 21}, {1, 0, SLOT, 21},
		{1, 63, SLOT, 21},	      {1, 96, SLOT, 21},
		{1, 65536, SLOT, 21},	      {1, UINT32_MAX, SLOT, 21},
		{1, RING, 0, 21},	      {1, RING, 255, 21},
		{1, RING, 65537, 21},	      {1, RING, UINT32_MAX, 21},
		{1, RING, SLOT, 0},	      {1, RING, SLOT, 11},
		{1, RING, SLOT, 31},	      {1, RING, SLOT, 64},
		{1, RING, SLOT, UINT32_MAX},  {64, 32768, 65536, 30},
		{1, RING, SLOT, 23}, /* valid, but 16 MiB of region in a file of 4 */
		{8, 32768, 2048, 21},
	};
	struct duo *d = *state;
	unsigned int n;
	size_t i;

	duo_make_file(d, 4 << 20);
	d->host = duo_open_host(d, 64);
	folio_start(d->host);
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		fake_guest(d, bad[i][0], bad[i][1], bad[i][2], bad[i][3], i + 1);
		for (n = 0; n < 20; n++)
			folio_tick(d->host);
		assert_int_equal(duo_link(d->host), FOLIO_LINK_REJECTED);
		assert_int_equal(duo_violation(d->host, FOLIO_PEER_BAD_GEOMETRY), i + 1);
		assert_int_equal(duo_violations(d->host), i + 1);
	}
	/* A guest that behaves is welcome. */
	d->guest = duo_open_guest(d, 1);
	folio_start(d->guest);
	duo_bring_up(d);
	duo_check_queue(d, 0);
	duo_close_and_remove(d);
}

/* L4: everything random, for thousands of ticks; then a guest that behaves. */
static void
test_host_survives_random_guests(void **state)
{
	const off_t size = 8 << 20;
	struct duo *d = *state;
	uint64_t seed = 31;
	unsigned int i;

	duo_make_file(d, size);
	d->host = duo_open_host(d, 2);
	folio_start(d->host);
	for (i = 0; i < 3000; i++) {
		/* Mostly valid, so that it is mapped and remapped as well. */
		fake_guest(d, 1 + (uint32_t)(util_random(&seed) % 3),
			   64u << util_random(&seed) % 4, 256u << util_random(&seed) % 4,
			   12 + (uint32_t)(util_random(&seed) % 12), 1 + util_random(&seed) % 3);
		if (util_random(&seed) % 16 == 0) {
			int fd = open(d->path, O_RDWR | O_CLOEXEC);
			uint64_t junk = util_random(&seed);

			assert_int_equal(pwrite(fd, &junk, sizeof(junk),
						(off_t)(util_random(&seed) % 9 * 8)), 8);
			close(fd);
		}
		folio_tick(d->host);
		duo_expect_none(d->host, 0);
		duo_send(d->host, 0, 0, 60);
		assert_false(folio_link_is_up(d->host));
	}
	assert_true(duo_violation(d->host, FOLIO_PEER_OVER_LIMIT) > 0);
	fake_guest(d, 0, 0, 0, 0, 0); /* its lock is free: a successor may take over */
	d->guest = duo_open_guest(d, 1);
	folio_start(d->guest);
	duo_bring_up(d);
	duo_check_queue(d, 0);
	duo_close_and_remove(d);
}

/* L5: the peer never consumes. Sending ends, and nothing else does. */
static void
test_peer_that_never_receives(void **state)
{
	struct duo *d = *state;
	uint32_t i;

	duo_open_both(d, 1);
	for (i = 0; i < 1000; i++) {
		assert_int_equal(duo_send(d->guest, 0, i, 60), i < RING);
		duo_tick(d, 1);
		duo_pass(d->host, d->guest, 0, i, 60);
	}
	assert_true(duo_is_up(d));
	for (i = 0; i < RING; i++)
		duo_expect(d->host, 0, i, 60);
	duo_check_queue(d, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, duo_setup, duo_teardown_empty)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_attacks),
		TEST(test_nothing_is_sent_after_a_bad_index),
		TEST(test_broken_ring_is_forgotten_with_its_file),
		TEST(test_storm_of_bad_indices),
		TEST(test_peer_header_overwritten),
		TEST(test_own_header_wiped),
		TEST(test_own_index_put_back),
		TEST(test_stopped_host_is_overrun),
		TEST(test_host_is_offered_bad_geometries),
		TEST(test_host_survives_random_guests),
		TEST(test_peer_that_never_receives),
	};

	duo_make_pattern();
	return cmocka_run_group_tests_name("port_hostile", tests, NULL, NULL);
}
