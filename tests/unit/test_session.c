/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * The handshake: two sessions that step against each other on two header pages in plain memory,
 * and one session against a peer that writes whatever it likes.
 */

#include <stdlib.h>
#include <string.h>

#include "native/session.h"
#include "boundary/shared.h"
#include "util.h"

#define SILENT_STEPS (1000 / FOLIO_TICK_MS)
#define PENALTY_STEPS (100 / FOLIO_TICK_MS)
/* More than any handshake takes: a SETTLE that times out, a penalty, and a few steps. */
#define ENOUGH_STEPS 40

struct side {
	struct folio_session s;
	struct folio_wire_header *page;
	bool open; /* what the caller does with its rings */
	bool alive;
	unsigned int opens;
	unsigned int closes;
	unsigned int resets;
};

struct pair {
	struct side guest;
	struct side host;
};

static const struct folio_geometry geometry = {4, 256, 2048, 21};

static struct side *
peer_of(struct pair *p, const struct side *x)
{
	return x == &p->guest ? &p->host : &p->guest;
}

/* A new process on this side, on what a predecessor may have left. */
static void
attach(struct pair *p, struct side *x)
{
	enum folio_role role = x == &p->guest ? FOLIO_GUEST : FOLIO_HOST;

	memset(x->page, 0, sizeof(*x->page));
	memset(&x->s, 0, sizeof(x->s));
	x->s.reject = -1;
	x->open = false;
	x->alive = true;
	folio_session_attach(&x->s, role, x->page, peer_of(p, x)->page, &geometry);
}

static int
setup(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -1;
	p->guest.page = aligned_alloc(FOLIO_WIRE_PAGE, FOLIO_WIRE_PAGE);
	p->host.page = aligned_alloc(FOLIO_WIRE_PAGE, FOLIO_WIRE_PAGE);
	if (p->guest.page == NULL || p->host.page == NULL)
		return -1;
	memset(p->host.page, 0, sizeof(*p->host.page));
	attach(p, &p->guest);
	attach(p, &p->host);
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct pair *p = *state;

	free(p->guest.page);
	free(p->host.page);
	free(p);
	return 0;
}

/*
 * One step, carried out as a port does. Whatever the peer does meanwhile, rings are only opened
 * when closed, and a side that plays by the rules never resets what the other one is using.
 */
static enum folio_action
step(struct pair *p, struct side *x)
{
	const struct side *peer = peer_of(p, x);
	uint32_t beat = folio_fetch32(&x->page->heartbeat);
	enum folio_action a = folio_session_step(&x->s);

	assert_true(folio_session_valid(&x->s));
	assert_int_equal(folio_fetch32(&x->page->heartbeat), beat + 1);
	switch (a) {
	case FOLIO_DO_CLOSE: /* once more after silence: no harm */
		x->open = false;
		x->closes++;
		break;
	case FOLIO_DO_RESET:
		if (peer->alive)
			assert_false(peer->open);
		x->open = false;
		x->resets++;
		folio_session_answer(&x->s);
		break;
	case FOLIO_DO_OPEN:
		assert_false(x->open);
		assert_int_equal(x->s.acked, folio_fetch64(&peer->page->generation));
		assert_int_equal(x->s.generation, folio_fetch64(&peer->page->ack));
		x->open = true;
		x->opens++;
		break;
	case FOLIO_DO_REMAP:
		x->open = false;
		break;
	default:
		break;
	}
	if (x->open)
		assert_int_equal(x->s.state, FOLIO_SESSION_UP);
	return a;
}

static void
step_both(struct pair *p, unsigned int n)
{
	while (n-- > 0) {
		step(p, &p->guest);
		step(p, &p->host);
	}
}

static void
assert_up(const struct pair *p)
{
	assert_true(p->guest.open && p->host.open);
	assert_int_equal(p->guest.s.link, FOLIO_LINK_UP);
	assert_int_equal(p->host.s.link, FOLIO_LINK_UP);
	assert_int_equal(p->guest.s.generation, p->host.s.acked);
	assert_int_equal(p->host.s.generation, p->guest.s.acked);
}

static void
bring_up(struct pair *p)
{
	folio_session_start(&p->guest.s);
	folio_session_start(&p->host.s);
	step_both(p, ENOUGH_STEPS);
	assert_up(p);
}

static uint64_t
violations(const struct folio_session *s)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < FOLIO_VIOLATIONS; i++)
		n += s->violations[i];
	return n;
}

/* Header of a started peer that plays by the rules so far. */
static void
fake_peer(const struct pair *p, const struct side *x, struct folio_wire_header *h,
	  uint64_t generation)
{
	memset(h, 0, sizeof(*h));
	folio_put64(&h->magic, FOLIO_WIRE_MAGIC);
	folio_put32(&h->version, FOLIO_WIRE_VERSION);
	folio_put32(&h->role, x == &p->guest ? FOLIO_WIRE_ROLE_HOST : FOLIO_WIRE_ROLE_GUEST);
	folio_put32(&h->state, FOLIO_WIRE_STATE_STARTED);
	folio_put32(&h->queues, geometry.queues);
	folio_put32(&h->ring_size, geometry.ring_size);
	folio_put32(&h->slot_size, geometry.slot_size);
	folio_put32(&h->page_shift, geometry.page_shift);
	folio_put64(&h->generation, generation);
}

/* Side x up against a fake peer of this generation, in the page of the other side. */
static struct folio_wire_header *
up_against_fake(struct pair *p, struct side *x, uint64_t generation)
{
	struct folio_wire_header *h = peer_of(p, x)->page;
	unsigned int i;

	peer_of(p, x)->alive = false;
	fake_peer(p, x, h, generation);
	folio_session_start(&x->s);
	for (i = 0; i < ENOUGH_STEPS && !x->open; i++) {
		step(p, x);
		folio_put64(&h->ack, x->s.generation);
	}
	assert_true(x->open);
	return h;
}

/* For tests of both roles. */
static struct side *
side_of(struct pair *p, int i)
{
	return i == 0 ? &p->guest : &p->host;
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

/* L4: a new generation every step costs a reset per penalty, not one per step. */
static void
test_generation_storm(void **state)
{
	const unsigned int steps = 100 * PENALTY_STEPS;
	struct pair *p = *state;
	int i;

	for (i = 0; i < 2; i++) {
		struct side *x = side_of(p, i);
		struct folio_wire_header *h = up_against_fake(p, x, 1);
		unsigned int n, since = 0, answers = 0;
		uint64_t ack = folio_fetch64(&x->page->ack), now;

		x->resets = 0;
		for (n = 0; n < steps; n++) {
			folio_put64(&h->generation, 1000 + n);
			folio_put64(&h->ack, x->s.generation);
			step(p, x);
			now = folio_fetch64(&x->page->ack);
			since++;
			if (now == ack)
				continue;
			if (answers > 0)
				assert_true(since >= PENALTY_STEPS);
			ack = now;
			since = 0;
			answers++;
		}
		assert_true(answers <= steps / PENALTY_STEPS + 1);
		assert_true(answers > 1);
		assert_true(x->resets <= answers);
		assert_int_equal(violations(&x->s), 0);
		/* It behaves again. */
		for (n = 0; n < ENOUGH_STEPS; n++)
			step(p, x);
		assert_true(x->open);
		attach(p, &p->guest);
		attach(p, &p->host);
	}
}

/* What makes a header unacceptable, by the offset of a 32-bit field and a value. */
struct bad {
	size_t field;
	uint32_t value;
	enum folio_violation kind;
	uint32_t refusal;
};

#define FIELD(name) offsetof(struct folio_wire_header, name)

static const struct bad bads[] = {
	{FIELD(magic), 0x12345678, FOLIO_PEER_BAD_MAGIC, FOLIO_WIRE_REFUSED_GEOMETRY},
	{FIELD(magic) + 4, 0, FOLIO_PEER_BAD_MAGIC, FOLIO_WIRE_REFUSED_GEOMETRY},
	{FIELD(version), 0, FOLIO_PEER_BAD_VERSION, FOLIO_WIRE_REFUSED_VERSION},
	{FIELD(version), 2, FOLIO_PEER_BAD_VERSION, FOLIO_WIRE_REFUSED_VERSION},
	{FIELD(version), UINT32_MAX, FOLIO_PEER_BAD_VERSION, FOLIO_WIRE_REFUSED_VERSION},
	{FIELD(role), 0, FOLIO_PEER_BAD_ROLE, FOLIO_WIRE_REFUSED_ROLE},
	{FIELD(role), 3, FOLIO_PEER_BAD_ROLE, FOLIO_WIRE_REFUSED_ROLE},
	{FIELD(role), UINT32_MAX, FOLIO_PEER_BAD_ROLE, FOLIO_WIRE_REFUSED_ROLE},
	{FIELD(state), 3, FOLIO_PEER_BAD_STATE, FOLIO_WIRE_REFUSED_STATE},
	{FIELD(state), 1u << 31, FOLIO_PEER_BAD_STATE, FOLIO_WIRE_REFUSED_STATE},
	{FIELD(state), UINT32_MAX, FOLIO_PEER_BAD_STATE, FOLIO_WIRE_REFUSED_STATE},
};

static void
put_field(struct folio_wire_header *h, size_t offset, uint32_t value)
{
	memcpy((uint8_t *)h + offset, &value, sizeof(value));
}

static void
check_rejected(struct pair *p, struct side *x, const struct bad *b)
{
	struct folio_wire_header *h = peer_of(p, x)->page;
	uint64_t before = x->s.violations[b->kind], all = violations(&x->s);
	uint64_t ack = folio_fetch64(&x->page->ack);
	unsigned int n;

	/* One look is not enough: it may have come while the header was written. */
	step(p, x);
	assert_int_equal(x->s.violations[b->kind], before);
	for (n = 0; n < 3 * PENALTY_STEPS; n++) {
		step(p, x);
		assert_false(x->open);
		/* Once per kind and generation. */
		assert_int_equal(x->s.violations[b->kind], before + 1);
	}
	assert_int_equal(x->s.link, FOLIO_LINK_REJECTED);
	assert_int_equal(x->s.reject, b->kind);
	assert_int_not_equal(x->s.detail.text[0], '\0');
	assert_int_equal(folio_fetch32(&x->page->refusal), b->refusal);
	folio_put64(&h->generation, folio_fetch64(&h->generation) + 1000);
	for (n = 0; n < PENALTY_STEPS; n++)
		step(p, x);
	assert_int_equal(x->s.violations[b->kind], before + 2);
	assert_int_equal(violations(&x->s), all + 2);
	/* The geometry is judged after our answer, for the host repeats it in its own. */
	if (b->kind != FOLIO_PEER_BAD_GEOMETRY)
		assert_true(folio_fetch64(&x->page->ack) == 0 ||
			    folio_fetch64(&x->page->ack) == ack);
}

/* L1: while the link is to come up, and while it is up. */
static void
test_every_reject(void **state)
{
	struct pair *p = *state;
	unsigned int n;
	size_t i;
	int who;

	for (i = 0; i < 2 * ARRAY_LEN(bads); i++) {
		for (who = 0; who < 2; who++) {
			const struct bad *b = &bads[i / 2];
			struct side *x = side_of(p, who);
			struct folio_wire_header *h;

			attach(p, &p->guest);
			attach(p, &p->host);
			if (i % 2 == 0) {
				h = up_against_fake(p, x, 9);
			} else {
				h = peer_of(p, x)->page;
				peer_of(p, x)->alive = false;
				fake_peer(p, x, h, 9);
				folio_session_start(&x->s);
				step(p, x); /* settle */
			}
			put_field(h, b->field, b->value);
			check_rejected(p, x, b);

			/* It behaves again. */
			fake_peer(p, x, h, 11);
			folio_put64(&h->ack, x->s.generation);
			for (n = 0; n < ENOUGH_STEPS; n++)
				step(p, x);
			assert_true(x->open);
			assert_int_equal(x->s.reject, -1);
			assert_int_equal(x->s.detail.text[0], '\0');
			assert_int_equal(folio_fetch32(&x->page->refusal), FOLIO_WIRE_REFUSED_NOT);
		}
	}
}

/* The peer claims our own role. */
static void
test_peer_has_our_role(void **state)
{
	struct pair *p = *state;
	int who;

	for (who = 0; who < 2; who++) {
		struct side *x = side_of(p, who);
		struct folio_wire_header *h = up_against_fake(p, x, 9);
		struct bad b = {FIELD(role), folio_fetch32(&x->page->role), FOLIO_PEER_BAD_ROLE,
				FOLIO_WIRE_REFUSED_ROLE};

		put_field(h, b.field, b.value);
		check_rejected(p, x, &b);
		attach(p, &p->guest);
		attach(p, &p->host);
	}
}

static void
test_started_without_a_generation(void **state)
{
	struct pair *p = *state;
	struct bad b = {0, 0, FOLIO_PEER_BAD_STATE, FOLIO_WIRE_REFUSED_STATE};
	int who;

	for (who = 0; who < 2; who++) {
		struct side *x = side_of(p, who);
		struct folio_wire_header *h = up_against_fake(p, x, 9);
		unsigned int n;

		folio_put64(&h->generation, 0);
		for (n = 0; n < 20; n++)
			step(p, x);
		assert_false(x->open);
		assert_int_equal(x->s.link, FOLIO_LINK_REJECTED);
		assert_int_equal(x->s.violations[b.kind], 1);
		assert_int_equal(folio_fetch32(&x->page->refusal), b.refusal);
		attach(p, &p->guest);
		attach(p, &p->host);
	}
}

/* V6: what has no meaning (yet) is not looked at. */
static void
test_unknown_bits_are_ignored(void **state)
{
	struct pair *p = *state;
	struct folio_wire_header *h;

	h = p->host.page;
	p->host.alive = false;
	fake_peer(p, &p->guest, h, 3);
	folio_put64(&h->features, UINT64_MAX);
	folio_put32(&h->reserved0, UINT32_MAX);
	memset(h->reserved, 0xff, sizeof(h->reserved));
	folio_session_start(&p->guest.s);
	step(p, &p->guest);
	folio_put64(&h->ack, p->guest.s.generation);
	assert_int_equal(step(p, &p->guest), FOLIO_DO_OPEN);
	assert_int_equal(violations(&p->guest.s), 0);
}

static const size_t geometry_fields[] = {FIELD(queues), FIELD(ring_size), FIELD(slot_size),
					 FIELD(page_shift)};

static void
test_guest_rejects_another_geometry(void **state)
{
	struct pair *p = *state;
	struct bad b = {0, 0, FOLIO_PEER_BAD_GEOMETRY, FOLIO_WIRE_REFUSED_GEOMETRY};
	struct folio_wire_header *h = p->host.page;
	unsigned int n;
	size_t i;

	for (i = 0; i < ARRAY_LEN(geometry_fields); i++) {
		attach(p, &p->guest);
		p->host.alive = false;
		fake_peer(p, &p->guest, h, 9);
		put_field(h, geometry_fields[i], 0);
		folio_session_start(&p->guest.s);
		step(p, &p->guest);
		folio_put64(&h->ack, p->guest.s.generation);
		check_rejected(p, &p->guest, &b);
		fake_peer(p, &p->guest, h, 10);
		folio_put64(&h->ack, p->guest.s.generation);
		for (n = 0; n < ENOUGH_STEPS; n++)
			step(p, &p->guest);
		assert_true(p->guest.open);
	}
}

static void
test_host_maps_another_geometry_anew(void **state)
{
	struct pair *p = *state;
	struct folio_wire_header *h = p->guest.page;
	unsigned int n;
	size_t i;

	for (i = 0; i < ARRAY_LEN(geometry_fields); i++) {
		attach(p, &p->host);
		p->guest.alive = false;
		fake_peer(p, &p->host, h, 9);
		put_field(h, geometry_fields[i], 12345);
		folio_session_start(&p->host.s);
		step(p, &p->host);
		for (n = 0; n < 5; n++)
			assert_int_equal(step(p, &p->host), FOLIO_DO_REMAP);
		assert_int_equal(folio_fetch64(&p->host.page->ack), 0);
		/* No violation yet: who maps it judges it. */
		assert_int_equal(violations(&p->host.s), 0);
	}
}

/* Frozen at the answer: what the peer writes there later has no effect at all. */
static void
test_geometry_changed_after_the_answer(void **state)
{
	struct pair *p = *state;
	unsigned int n;
	size_t i;
	int who;

	for (who = 0; who < 2; who++) {
		struct side *x = side_of(p, who);
		struct folio_wire_header *h = up_against_fake(p, x, 9);

		for (i = 0; i < ARRAY_LEN(geometry_fields); i++) {
			put_field(h, geometry_fields[i], UINT32_MAX);
			for (n = 0; n < 10; n++) {
				folio_put32(&h->heartbeat, folio_fetch32(&h->heartbeat) + 1);
				assert_int_equal(step(p, x), FOLIO_DO_NOTHING);
			}
		}
		assert_true(x->open);
		assert_int_equal(violations(&x->s), 0);
		assert_memory_equal(&x->s.geom, &geometry, sizeof(geometry));
		assert_int_equal(folio_fetch32(&x->page->queues), geometry.queues);
		attach(p, &p->guest);
		attach(p, &p->host);
	}
}

/* T3: the peer overwrites our header. What we are and know is not read from there. */
static void
test_own_header_overwritten(void **state)
{
	struct pair *p = *state;
	struct folio_wire_header *h = up_against_fake(p, &p->guest, 9);
	uint64_t generation = p->guest.s.generation;
	unsigned int n;

	for (n = 0; n < 20; n++) {
		memset(p->guest.page, 0xff, sizeof(*p->guest.page));
		folio_put32(&h->heartbeat, n + 1);
		assert_int_equal(folio_session_step(&p->guest.s), FOLIO_DO_NOTHING);
	}
	assert_int_equal(p->guest.s.link, FOLIO_LINK_UP);
	assert_int_equal(p->guest.s.generation, generation);
	assert_int_equal(p->guest.s.acked, 9);
	assert_int_equal(p->guest.s.heartbeat, folio_fetch32(&p->guest.page->heartbeat));
}

/* Our reason for not answering reaches the peer's user, and goes away with its cause. */
static void
test_refusal_is_seen_by_the_peer(void **state)
{
	struct pair *p = *state;
	unsigned int n;

	folio_session_start(&p->guest.s);
	folio_session_start(&p->host.s);
	step_both(p, 1);
	/* Its owner repairs its header in every step. */
	for (n = 0; n < 5; n++) {
		folio_put32(&p->guest.page->version, 2);
		step(p, &p->host);
	}
	assert_int_equal(p->host.s.link, FOLIO_LINK_REJECTED);
	step(p, &p->guest);
	assert_int_equal(p->guest.s.link, FOLIO_LINK_REFUSED);
	assert_int_equal(p->guest.s.peer_refusal, FOLIO_WIRE_REFUSED_VERSION);
	folio_put32(&p->guest.page->version, FOLIO_WIRE_VERSION);
	step_both(p, ENOUGH_STEPS);
	assert_up(p);
	assert_int_equal(p->guest.s.peer_refusal, FOLIO_WIRE_REFUSED_NOT);
	assert_int_equal(p->host.s.violations[FOLIO_PEER_BAD_VERSION], 1);
}

/* A host that has nothing mapped only posts its refusal, STOPPED. */
static void
test_refusal_of_a_stopped_peer(void **state)
{
	struct pair *p = *state;

	folio_put32(&p->host.page->refusal, FOLIO_WIRE_REFUSED_QUEUES);
	folio_session_start(&p->guest.s);
	step(p, &p->guest);
	step(p, &p->guest);
	assert_int_equal(p->guest.s.link, FOLIO_LINK_REFUSED);
	assert_int_equal(p->guest.s.peer_refusal, FOLIO_WIRE_REFUSED_QUEUES);
	assert_int_equal(violations(&p->guest.s), 0);
}

static void
test_over_limit(void **state)
{
	static const struct {
		const char *name;
		size_t field;
		uint32_t refusal;
	} cases[] = {
		{"queues=5,", offsetof(struct folio_geometry, queues), FOLIO_WIRE_REFUSED_QUEUES},
		{"ring_size=257,", offsetof(struct folio_geometry, ring_size),
		 FOLIO_WIRE_REFUSED_RING_SIZE},
		{"slot_size=2049,", offsetof(struct folio_geometry, slot_size),
		 FOLIO_WIRE_REFUSED_SLOT_SIZE},
		{"page_shift=22,", offsetof(struct folio_geometry, page_shift),
		 FOLIO_WIRE_REFUSED_GEOMETRY},
	};
	struct pair *p = *state;
	struct folio_session *s = &p->host.s;
	struct folio_geometry g;
	uint32_t value;
	size_t i;

	assert_int_equal(folio_session_over_limit(s, &geometry, &geometry, 1),
			 FOLIO_WIRE_REFUSED_NOT);
	assert_int_equal(violations(s), 0);
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		g = geometry;
		memcpy(&value, (uint8_t *)&g + cases[i].field, sizeof(value));
		value++;
		memcpy((uint8_t *)&g + cases[i].field, &value, sizeof(value));
		assert_int_equal(folio_session_over_limit(s, &g, &geometry, 10 + i),
				 cases[i].refusal);
		assert_int_equal(folio_session_over_limit(s, &g, &geometry, 10 + i),
				 cases[i].refusal);
		assert_int_equal(s->violations[FOLIO_PEER_OVER_LIMIT], i + 1);
		assert_int_equal(s->link, FOLIO_LINK_REJECTED);
		assert_non_null(strstr(s->detail.text, cases[i].name));
	}
	g = geometry;
	g.page_shift = 12;
	assert_int_equal(folio_session_over_limit(s, &g, &geometry, 99), FOLIO_WIRE_REFUSED_NOT);
	assert_int_equal(violations(s), ARRAY_LEN(cases));
}

/* A host looks at a copy of the guest's header before it maps anything. */
static void
test_peek(void **state)
{
	struct pair *p = *state;
	struct folio_wire_header h;
	struct folio_session s = {.role = FOLIO_HOST, .reject = -1};
	struct folio_geometry g;
	uint64_t generation;
	size_t i;

	memset(&h, 0, sizeof(h));
	assert_int_equal(folio_session_peek(&s, &h, &g, &generation), 0);
	assert_int_equal(s.link, FOLIO_LINK_NO_PEER);
	fake_peer(p, &p->host, &h, 42);
	assert_int_equal(folio_session_peek(&s, &h, &g, &generation), 1);
	assert_memory_equal(&g, &geometry, sizeof(g));
	assert_int_equal(generation, 42);
	folio_put32(&h.state, FOLIO_WIRE_STATE_STOPPED);
	assert_int_equal(folio_session_peek(&s, &h, &g, &generation), 0);
	assert_int_equal(violations(&s), 0);

	for (i = 0; i < ARRAY_LEN(bads); i++) {
		uint64_t before = s.violations[bads[i].kind];

		fake_peer(p, &p->host, &h, 100 + i);
		put_field(&h, bads[i].field, bads[i].value);
		assert_int_equal(folio_session_peek(&s, &h, &g, &generation), -1);
		assert_int_equal(folio_session_peek(&s, &h, &g, &generation), -1);
		assert_int_equal(s.violations[bads[i].kind], before + 1);
		assert_int_equal(s.link, FOLIO_LINK_REJECTED);
	}
}

/* L12: a header that is odd in another way at every look, or not odd at every second one. */
static void
test_L12_alternating_headers(void **state)
{
	struct pair *p = *state;
	struct folio_wire_header *h = p->host.page;
	struct folio_session *s = &p->guest.s;
	unsigned int i, with_nobody, rejected;

	if (h == NULL) /* GCC follows the sanitizers' check of it, and warns of what is behind */
		abort();
	for (with_nobody = 0; with_nobody < 2; with_nobody++) {
		uint64_t before = violations(s);

		attach(p, &p->guest);
		before = violations(s);
		folio_session_start(s);
		p->host.alive = false;
		rejected = 0;
		for (i = 0; i < 20; i++) {
			fake_peer(p, &p->guest, h, 7 + with_nobody);
			if (with_nobody && i % 2 == 0)
				memset(h, 0, sizeof(*h));
			else if (i % 4 < 2)
				folio_put64(&h->magic, 42);
			else
				folio_put32(&h->version, 9);
			step(p, &p->guest);
			rejected += s->link == FOLIO_LINK_REJECTED;
			assert_true(s->link != FOLIO_LINK_REJECTED || s->detail.text[0] != '\0');
		}
		assert_int_equal(violations(s) - before, 2); /* each kind once in a generation */
		assert_true(rejected >= 8);
	}
	/* Once only, and long ago, is still an accident. */
	attach(p, &p->guest);
	folio_session_start(s);
	for (i = 0; i < 5; i++) {
		unsigned int n;

		fake_peer(p, &p->guest, h, 9);
		folio_put64(&h->magic, 42);
		step(p, &p->guest);
		memset(h, 0, sizeof(*h));
		for (n = 0; n < 2 * SILENT_STEPS; n++)
			step(p, &p->guest);
	}
	assert_int_equal(violations(s), 0);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
		TEST(test_generation_storm),
		TEST(test_every_reject),
		TEST(test_peer_has_our_role),
		TEST(test_started_without_a_generation),
		TEST(test_unknown_bits_are_ignored),
		TEST(test_guest_rejects_another_geometry),
		TEST(test_host_maps_another_geometry_anew),
		TEST(test_geometry_changed_after_the_answer),
		TEST(test_own_header_overwritten),
		TEST(test_refusal_is_seen_by_the_peer),
		TEST(test_refusal_of_a_stopped_peer),
		TEST(test_over_limit),
		TEST(test_peek),
		TEST(test_L12_alternating_headers),
		TEST(test_generations_differ),
		TEST(test_random_events),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
