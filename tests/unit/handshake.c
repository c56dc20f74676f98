/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <stdlib.h>
#include <string.h>

#include "handshake.h"

const struct folio_geometry geometry = {4, 256, 2048, 21};

struct side *
peer_of(struct pair *p, const struct side *x)
{
	return x == &p->guest ? &p->host : &p->guest;
}

void
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

int
handshake_setup(void **state)
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

int
handshake_teardown(void **state)
{
	struct pair *p = *state;

	free(p->guest.page);
	free(p->host.page);
	free(p);
	return 0;
}

enum folio_action
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

void
step_both(struct pair *p, unsigned int n)
{
	while (n-- > 0) {
		step(p, &p->guest);
		step(p, &p->host);
	}
}

void
assert_up(const struct pair *p)
{
	assert_true(p->guest.open && p->host.open);
	assert_int_equal(p->guest.s.link, FOLIO_LINK_UP);
	assert_int_equal(p->host.s.link, FOLIO_LINK_UP);
	assert_int_equal(p->guest.s.generation, p->host.s.acked);
	assert_int_equal(p->host.s.generation, p->guest.s.acked);
}

uint64_t
violations(const struct folio_session *s)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < FOLIO_VIOLATIONS; i++)
		n += s->violations[i];
	return n;
}

void
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

struct folio_wire_header *
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

struct side *
side_of(struct pair *p, int i)
{
	return i == 0 ? &p->guest : &p->host;
}
