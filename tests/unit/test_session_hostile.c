/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* The handshake with a peer that asks for what is refused, or writes what it likes. */

#include <stdlib.h>
#include <string.h>

#include "handshake.h"

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, handshake_setup, handshake_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests_name("session_hostile", tests, NULL, NULL);
}
