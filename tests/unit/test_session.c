/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* The handshake of two sides that play by the rules, and come and go as they like. */

#include <string.h>

#include "handshake.h"

static void
bring_up(struct pair *p)
{
	folio_session_start(&p->guest.s);
	folio_session_start(&p->host.s);
	step_both(p, ENOUGH_STEPS);
	assert_up(p);
}

static void
test_attach_says_who_we_are(void **state)
{
	struct pair *p = *state;
	const struct folio_wire_header *g = p->guest.page, *h = p->host.page;

	assert_int_equal(folio_fetch64(&g->magic), FOLIO_WIRE_MAGIC);
	assert_int_equal(folio_fetch32(&g->version), FOLIO_WIRE_VERSION);
	assert_int_equal(folio_fetch32(&g->role), FOLIO_WIRE_ROLE_GUEST);
	assert_int_equal(folio_fetch32(&h->role), FOLIO_WIRE_ROLE_HOST);
	assert_int_equal(folio_fetch32(&g->state), FOLIO_WIRE_STATE_STOPPED);
	assert_int_equal(folio_fetch64(&g->generation), 0);
	assert_int_equal(folio_fetch64(&g->ack), 0);
	assert_int_equal(folio_fetch32(&g->refusal), FOLIO_WIRE_REFUSED_NOT);
	assert_int_equal(folio_fetch64(&g->features), FOLIO_WIRE_FEATURES_KNOWN);
	assert_int_equal(folio_fetch32(&g->queues), geometry.queues);
	assert_int_equal(folio_fetch32(&h->ring_size), geometry.ring_size);
	assert_int_equal(folio_fetch32(&h->slot_size), geometry.slot_size);
	assert_int_equal(folio_fetch32(&h->page_shift), geometry.page_shift);
	assert_true(util_all_bytes(g->reserved, 0, sizeof(g->reserved)));
	assert_int_equal(folio_fetch32(&g->reserved0), 0);
}

static void
test_stopped_sessions_do_nothing(void **state)
{
	struct pair *p = *state;

	step_both(p, 100);
	assert_int_equal(p->guest.opens + p->guest.resets + p->host.opens + p->host.resets, 0);
	assert_int_equal(p->guest.s.link, FOLIO_LINK_STOPPED);
	assert_int_equal(folio_fetch64(&p->guest.page->generation), 0);
	assert_int_equal(folio_fetch32(&p->guest.page->heartbeat), 100);
}

static void
test_either_side_starts_first(void **state)
{
	struct pair *p = *state;
	int i;

	for (i = 0; i < 2; i++) {
		struct side *first = side_of(p, i), *second = side_of(p, !i);

		attach(p, first);
		attach(p, second);
		folio_session_start(&first->s);
		step_both(p, 100);
		assert_int_equal(first->s.link, FOLIO_LINK_NO_PEER);
		assert_false(first->open);
		folio_session_start(&second->s);
		/* Offer, answer, see the answer: no waiting in between. */
		step_both(p, 4);
		assert_up(p);
		assert_int_equal(violations(&first->s) + violations(&second->s), 0);
	}
}

static void
test_both_start_at_once(void **state)
{
	struct pair *p = *state;

	folio_session_start(&p->guest.s);
	folio_session_start(&p->host.s);
	step_both(p, 4);
	assert_up(p);
	step_both(p, 1000);
	assert_up(p);
	assert_int_equal(p->guest.opens, 1);
	assert_int_equal(p->host.opens, 1);
	assert_int_equal(p->guest.closes + p->host.closes, 0);
	assert_int_equal(folio_fetch32(&p->guest.page->refusal), FOLIO_WIRE_REFUSED_NOT);
}

static void
test_second_side_attaches_late(void **state)
{
	struct pair *p = *state;

	memset(p->host.page, 0, sizeof(*p->host.page));
	folio_session_start(&p->guest.s);
	while (p->guest.s.heartbeat < 200) {
		step(p, &p->guest);
		assert_int_not_equal(p->guest.s.link, FOLIO_LINK_REJECTED);
	}
	assert_int_equal(p->guest.s.link, FOLIO_LINK_NO_PEER);
	attach(p, &p->host);
	folio_session_start(&p->host.s);
	step_both(p, 4);
	assert_up(p);
}

static void
test_stop_and_restart(void **state)
{
	struct pair *p = *state;
	int i;

	bring_up(p);
	for (i = 0; i < 2; i++) {
		struct side *x = side_of(p, i), *peer = side_of(p, !i);
		uint64_t old = x->s.generation;

		x->open = false;
		folio_session_stop(&x->s);
		assert_int_equal(folio_fetch32(&x->page->state), FOLIO_WIRE_STATE_STOPPED);
		assert_int_equal(folio_fetch64(&x->page->ack), 0);
		assert_int_equal(x->s.link, FOLIO_LINK_STOPPED);
		step_both(p, 5);
		assert_false(peer->open);
		assert_int_equal(peer->s.link, FOLIO_LINK_NO_PEER);
		assert_int_equal(folio_fetch64(&peer->page->ack), 0);

		folio_session_start(&x->s);
		step_both(p, ENOUGH_STEPS);
		assert_up(p);
		assert_int_not_equal(x->s.generation, old);
	}
	assert_int_equal(violations(&p->guest.s) + violations(&p->host.s), 0);
}

/* Stop and start between two steps of the peer: it must not take the new session for the old. */
static void
test_restart_faster_than_the_peer_looks(void **state)
{
	struct pair *p = *state;
	unsigned int resets;

	bring_up(p);
	resets = p->host.resets;
	p->guest.open = false;
	folio_session_stop(&p->guest.s);
	folio_session_start(&p->guest.s);
	/* The host still answers the last generation: the guest waits for it to let go. */
	assert_int_equal(step(p, &p->guest), FOLIO_DO_NOTHING);
	assert_int_equal(p->guest.s.link, FOLIO_LINK_SETTLING);
	assert_int_equal(step(p, &p->host), FOLIO_DO_CLOSE);
	step_both(p, ENOUGH_STEPS);
	assert_up(p);
	assert_int_equal(p->host.resets, resets + 1);
}

/* A peer that never lets go of the last generation is left behind after 200 ms of steps. */
static void
test_peer_that_does_not_let_go(void **state)
{
	struct pair *p = *state;
	unsigned int steps = 0, resets;
	uint64_t old;

	up_against_fake(p, &p->guest, 77);
	old = p->guest.s.generation;
	p->guest.open = false;
	folio_session_stop(&p->guest.s);
	assert_true(folio_session_peer_holds(&p->guest.s));
	folio_session_start(&p->guest.s);
	resets = p->guest.resets;
	while (p->guest.resets == resets) {
		step(p, &p->guest);
		assert_true(++steps <= 200 / FOLIO_TICK_MS);
	}
	assert_int_equal(steps, 200 / FOLIO_TICK_MS);
	assert_int_not_equal(p->guest.s.generation, old);
	assert_false(folio_session_peer_holds(&p->guest.s));
}

static void
test_renegotiate(void **state)
{
	struct pair *p = *state;
	int i;

	bring_up(p);
	for (i = 0; i < 2; i++) {
		struct side *x = side_of(p, i), *peer = side_of(p, !i);
		uint64_t old = x->s.generation;
		unsigned int n, resets = peer->resets;

		x->open = false;
		folio_session_renegotiate(&x->s);
		assert_int_equal(x->s.link, FOLIO_LINK_SETTLING);
		/* No new offer for 100 ms of steps: who breaks every session costs little. */
		for (n = 1; n < PENALTY_STEPS; n++) {
			step_both(p, 1);
			assert_int_equal(folio_fetch32(&x->page->state), FOLIO_WIRE_STATE_STOPPED);
		}
		step_both(p, ENOUGH_STEPS);
		assert_up(p);
		assert_int_not_equal(x->s.generation, old);
		assert_int_equal(peer->resets, resets + 1);
	}
}

static void
test_both_renegotiate_at_once(void **state)
{
	struct pair *p = *state;

	bring_up(p);
	p->guest.open = false;
	p->host.open = false;
	folio_session_renegotiate(&p->guest.s);
	folio_session_renegotiate(&p->host.s);
	step_both(p, ENOUGH_STEPS);
	assert_up(p);
}

static void
test_silent_peer_and_its_return(void **state)
{
	struct pair *p = *state;
	unsigned int n, i;

	bring_up(p);
	for (i = 0; i < 2; i++) {
		struct side *x = side_of(p, (int)i), *peer = side_of(p, !i);
		uint64_t generation = x->s.generation;
		unsigned int resets = x->resets;

		step(p, peer);
		step(p, x);
		for (n = 1; n < SILENT_STEPS; n++)
			assert_int_equal(step(p, x), FOLIO_DO_NOTHING);
		assert_int_equal(x->s.link, FOLIO_LINK_UP);
		assert_int_equal(step(p, x), FOLIO_DO_CLOSE);
		for (n = 0; n < 3 * SILENT_STEPS; n++) {
			assert_int_equal(x->s.link, FOLIO_LINK_SILENT);
			assert_int_equal(step(p, x), FOLIO_DO_NOTHING);
		}
		/* The same session goes on: nothing was lost. */
		step(p, peer);
		assert_int_equal(step(p, x), FOLIO_DO_OPEN);
		assert_up(p);
		assert_int_equal(x->s.generation, generation);
		assert_int_equal(x->resets, resets);
	}
}

/* One beat a second is alive. */
static void
test_slow_peer_is_not_silent(void **state)
{
	struct pair *p = *state;
	unsigned int round, n;

	bring_up(p);
	for (round = 0; round < 5; round++) {
		step(p, &p->host);
		for (n = 0; n < SILENT_STEPS; n++)
			assert_int_equal(step(p, &p->guest), FOLIO_DO_NOTHING);
	}
}

static void
test_silent_peer_is_replaced(void **state)
{
	struct pair *p = *state;
	unsigned int n;

	bring_up(p);
	p->host.alive = false;
	for (n = 0; n <= SILENT_STEPS; n++)
		step(p, &p->guest);
	assert_int_equal(p->guest.s.link, FOLIO_LINK_SILENT);
	attach(p, &p->host);
	folio_session_start(&p->host.s);
	step_both(p, ENOUGH_STEPS);
	assert_up(p);
}

/* A successor zeroes the header first, waits a few ticks, and then begins. */
static void
test_peer_dies_and_comes_back(void **state)
{
	struct pair *p = *state;
	int i;

	bring_up(p);
	for (i = 0; i < 2; i++) {
		struct side *x = side_of(p, i), *peer = side_of(p, !i);
		unsigned int resets = x->resets;

		memset(peer->page, 0, sizeof(*peer->page));
		peer->open = false;
		peer->alive = false;
		assert_int_equal(step(p, x), FOLIO_DO_CLOSE);
		assert_int_equal(x->s.link, FOLIO_LINK_NO_PEER);
		/* What it may read is zeroed before it learns that we let go. */
		assert_int_equal(step(p, x), FOLIO_DO_RESET);
		assert_int_equal(folio_fetch64(&x->page->ack), 0);
		assert_int_equal(step(p, x), FOLIO_DO_NOTHING);
		attach(p, peer);
		folio_session_start(&peer->s);
		step_both(p, ENOUGH_STEPS);
		assert_up(p);
		assert_int_equal(x->resets, resets + 1);
	}
	assert_int_equal(violations(&p->guest.s) + violations(&p->host.s), 0);
}

/* The generation changes while the link is up: close, then reset, then answer. */
static void
test_new_generation_while_up(void **state)
{
	struct pair *p = *state;
	int i;

	for (i = 0; i < 2; i++) {
		struct side *x = side_of(p, i);
		struct folio_wire_header *h = up_against_fake(p, x, 100);
		unsigned int n;

		folio_put64(&h->generation, 101);
		assert_int_equal(step(p, x), FOLIO_DO_CLOSE);
		assert_int_equal(folio_fetch64(&x->page->ack), 100);
		for (n = 0; n < PENALTY_STEPS && folio_fetch64(&x->page->ack) == 100; n++)
			step(p, x);
		assert_int_equal(folio_fetch64(&x->page->ack), 101);
		assert_int_equal(x->resets, 1); /* the first offer found them fresh */
		step(p, x);
		assert_true(x->open);
		attach(p, &p->guest);
		attach(p, &p->host);
	}
}

/* The answer to a generation waits until the caller has carried out the reset. */
static void
test_reset_that_takes_long(void **state)
{
	struct pair *p = *state;
	struct side *x = &p->guest;
	struct folio_wire_header *h = up_against_fake(p, x, 100);
	unsigned int n = 0;

	folio_put64(&h->generation, 101);
	assert_int_equal(step(p, x), FOLIO_DO_CLOSE);
	while (folio_session_step(&x->s) != FOLIO_DO_RESET)
		assert_true(++n < PENALTY_STEPS);
	for (n = 0; n < 10; n++) {
		assert_int_equal(folio_session_step(&x->s), FOLIO_DO_RESET);
		assert_int_equal(folio_fetch64(&x->page->ack), 100);
	}
	folio_session_answer(&x->s);
	assert_int_equal(folio_fetch64(&x->page->ack), 101);
	assert_int_equal(step(p, x), FOLIO_DO_OPEN);
}

/*
 * A peer that took its answer back and gives it again has reset its rings in between, as we do
 * before every answer. Ours must not go on where they were.
 */
static void
test_peer_takes_its_answer_back(void **state)
{
	struct pair *p = *state;
	struct side *x = &p->guest;
	struct folio_wire_header *h = up_against_fake(p, x, 5);
	unsigned int n, resets = x->resets;

	folio_put64(&h->ack, 0);
	assert_int_equal(step(p, x), FOLIO_DO_CLOSE);
	step(p, x);
	assert_false(x->open);
	for (n = 0; n < ENOUGH_STEPS && !x->open; n++) {
		folio_put64(&h->ack, x->s.generation);
		step(p, x);
	}
	assert_true(x->open);
	assert_true(x->resets > resets);
}

/* Between closing the rings and looking at what changed, nobody may be told that frames flow. */
static void
test_closed_is_not_called_up(void **state)
{
	struct pair *p = *state;
	struct folio_wire_header *h = up_against_fake(p, &p->guest, 5);

	folio_put64(&h->ack, 0);
	assert_int_equal(step(p, &p->guest), FOLIO_DO_CLOSE);
	assert_int_not_equal(p->guest.s.link, FOLIO_LINK_UP);
}

static void
test_generations_differ(void **state)
{
	struct pair *p = *state;
	uint64_t seen[32];
	size_t i, j;

	for (i = 0; i < ARRAY_LEN(seen); i++) {
		folio_session_start(&p->guest.s);
		assert_int_equal(step(p, &p->guest), FOLIO_DO_NOTHING);
		seen[i] = folio_fetch64(&p->guest.page->generation);
		assert_int_not_equal(seen[i], 0);
		for (j = 0; j < i; j++)
			assert_int_not_equal(seen[j], seen[i]);
		folio_session_stop(&p->guest.s);
	}
}

/* Anything may happen at any time, as long as neither control thread starves. */
static void
one_event(struct pair *p, uint64_t *seed)
{
	struct side *x = side_of(p, (int)(util_random(seed) >> 20 & 1));

	switch (util_random(seed) >> 20 & 3) {
	case 0:
		x->open = false;
		folio_session_stop(&x->s);
		break;
	case 1:
		if (x->s.state == FOLIO_SESSION_STOPPED)
			folio_session_start(&x->s);
		break;
	case 2:
		if (x->s.state != FOLIO_SESSION_UP)
			break;
		x->open = false;
		folio_session_renegotiate(&x->s);
		break;
	default:
		/* Killed. Its successor gives the peer three ticks, see retire_predecessor(). */
		assert_int_equal(violations(&x->s), 0);
		memset(x->page, 0, sizeof(*x->page));
		x->alive = false;
		x->open = false;
		step(p, peer_of(p, x));
		step(p, peer_of(p, x));
		attach(p, x);
		break;
	}
}

static void
test_random_events(void **state)
{
	struct pair *p = *state;
	uint64_t seed = 17;
	unsigned int round, n;

	for (round = 0; round < 3000; round++) {
		n = (unsigned int)(util_random(&seed) >> 20) % 4;
		while (n-- > 0)
			one_event(p, &seed);
		for (n = (unsigned int)(util_random(&seed) >> 20) % 12; n > 0; n--) {
			unsigned int i;

			for (i = (unsigned int)(util_random(&seed) >> 20) % 3; i > 0; i--)
				step(p, &p->guest);
			step_both(p, 1);
			for (i = (unsigned int)(util_random(&seed) >> 20) % 3; i > 0; i--)
				step(p, &p->host);
		}
		if (round % 10 != 0)
			continue;
		if (p->guest.s.state == FOLIO_SESSION_STOPPED)
			folio_session_start(&p->guest.s);
		if (p->host.s.state == FOLIO_SESSION_STOPPED)
			folio_session_start(&p->host.s);
		step_both(p, ENOUGH_STEPS);
		assert_up(p);
	}
	assert_int_equal(violations(&p->guest.s) + violations(&p->host.s), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, handshake_setup, handshake_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_attach_says_who_we_are),
		TEST(test_stopped_sessions_do_nothing),
		TEST(test_either_side_starts_first),
		TEST(test_both_start_at_once),
		TEST(test_second_side_attaches_late),
		TEST(test_stop_and_restart),
		TEST(test_restart_faster_than_the_peer_looks),
		TEST(test_peer_that_does_not_let_go),
		TEST(test_renegotiate),
		TEST(test_both_renegotiate_at_once),
		TEST(test_silent_peer_and_its_return),
		TEST(test_slow_peer_is_not_silent),
		TEST(test_silent_peer_is_replaced),
		TEST(test_peer_dies_and_comes_back),
		TEST(test_new_generation_while_up),
		TEST(test_reset_that_takes_long),
		TEST(test_peer_takes_its_answer_back),
		TEST(test_closed_is_not_called_up),
		TEST(test_generations_differ),
		TEST(test_random_events),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
