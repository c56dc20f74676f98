/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <string.h>

#include "check.h"
#include "hook.h"
#include "session_checks.h"
#include "boundary/shared.h"

struct both both;

uint64_t
session_violations(const struct folio_session *s)
{
	uint64_t sum = 0;
	int v;

	for (v = 0; v < FOLIO_VIOLATIONS; v++)
		sum += s->violations[v];
	return sum;
}

bool
same_geometry(const struct folio_geometry *a, const struct folio_geometry *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

void
check_published(int who)
{
	const struct folio_session *s = &both.side[who].s;
	struct folio_wire_header h;
	bool started = s->state == FOLIO_SESSION_OFFER || s->state == FOLIO_SESSION_UP;

	CHECK(folio_session_valid(s));
	memcpy(&h, both.raw[who], sizeof(h));
	CHECK(h.magic.raw == FOLIO_WIRE_MAGIC && h.version.raw == FOLIO_WIRE_VERSION);
	CHECK(h.role.raw == (uint32_t)who && h.features.raw == FOLIO_WIRE_FEATURES_KNOWN);
	CHECK(h.generation.raw == s->generation && h.ack.raw == s->acked);
	CHECK(h.state.raw == (started ? FOLIO_WIRE_STATE_STARTED : FOLIO_WIRE_STATE_STOPPED));
	CHECK(h.heartbeat.raw == s->heartbeat);
	CHECK(h.queues.raw == s->geom.queues && h.ring_size.raw == s->geom.ring_size);
	CHECK(h.slot_size.raw == s->geom.slot_size && h.page_shift.raw == s->geom.page_shift);
}

static void
take_view(struct view *v, const struct folio_wire_header *h)
{
	const struct hook_log *log = hook_loads();
	unsigned int i, known = 0;

	memset(v, 0, sizeof(*v));
#define TAKE(name, to)                                                                             \
	if (log->loads[i].field == &h->name) {                                                     \
		v->to = (__typeof__(v->to))log->loads[i].value;                                    \
		known++;                                                                           \
	}
	for (i = 0; i < log->n; i++) {
		TAKE(magic, magic)
		TAKE(version, version)
		TAKE(role, role)
		TAKE(generation, generation)
		TAKE(ack, ack)
		TAKE(state, state)
		TAKE(refusal, refusal)
		TAKE(heartbeat, heartbeat)
		TAKE(queues, geom.queues)
		TAKE(ring_size, geom.ring_size)
		TAKE(slot_size, geom.slot_size)
		TAKE(page_shift, geom.page_shift)
	}
#undef TAKE
	CHECK_MSG(known == 12 && log->n == 12, "a step looks at each field once");
}

int
fault_of(const struct view *v, int peer, bool *there)
{
	*there = false;
	if (v->magic == 0 || (v->magic == FOLIO_WIRE_MAGIC && v->state == FOLIO_WIRE_STATE_ABSENT))
		return -1;
	if (v->magic != FOLIO_WIRE_MAGIC)
		return FOLIO_PEER_BAD_MAGIC;
	if (v->version != 1)
		return FOLIO_PEER_BAD_VERSION;
	if (v->role != (uint32_t)peer)
		return FOLIO_PEER_BAD_ROLE;
	if (v->state == FOLIO_WIRE_STATE_STOPPED)
		return -1;
	if (v->state != FOLIO_WIRE_STATE_STARTED || v->generation == 0)
		return FOLIO_PEER_BAD_STATE;
	*there = true;
	return -1;
}

void
check_counted(const struct folio_session *before, const struct folio_session *after, int fault)
{
	int v;

	for (v = 0; v < FOLIO_VIOLATIONS; v++) {
		uint64_t more = after->violations[v] - before->violations[v];

		CHECK_MSG(more == 0 || (more == 1 && v == fault && before->suspicion > 0),
			  "violation %d counted, the header is %d", v, fault);
	}
	if (fault < 0)
		CHECK(after->suspicion <= before->suspicion);
}

void
check_step(int who, const struct folio_session *before, enum folio_action action)
{
	struct side *me = &both.side[who];
	const struct folio_session *s = &me->s;
	struct view v;
	bool there, agreed, up = before->state == FOLIO_SESSION_UP;
	int fault;

	take_view(&v, (const struct folio_wire_header *)both.peer[other(who)]);
	fault = fault_of(&v, other(who), &there);
	agreed = there && before->acked != 0 && v.generation == s->acked && s->generation != 0 &&
		 v.ack == s->generation;
	CHECK(s->heartbeat == before->heartbeat + 1);
	CHECK(s->quiet == (v.heartbeat != before->peer_beat ? 0
			   : before->quiet < QUIET ? before->quiet + 1 : QUIET) ||
	      action == FOLIO_DO_OPEN);
	CHECK(s->peer_refusal == v.refusal);
	CHECK(same_geometry(&s->geom, &before->geom));
	check_published(who);

	switch (before->state) {
	case FOLIO_SESSION_STOPPED:
		CHECK(s->state == FOLIO_SESSION_STOPPED && action == FOLIO_DO_NOTHING);
		break;
	case FOLIO_SESSION_SETTLE:
		CHECK(s->state == FOLIO_SESSION_SETTLE || s->state == FOLIO_SESSION_OFFER);
		CHECK(action == FOLIO_DO_NOTHING || action == FOLIO_DO_RESET);
		break;
	case FOLIO_SESSION_OFFER:
		CHECK(action != FOLIO_DO_CLOSE);
		CHECK(s->state != FOLIO_SESSION_STOPPED);
		CHECK(action != FOLIO_DO_REMAP || (who == HOST && there &&
						   !same_geometry(&v.geom, &s->geom)));
		break;
	case FOLIO_SESSION_UP:
		CHECK(s->state == (agreed ? FOLIO_SESSION_UP : FOLIO_SESSION_OFFER));
		CHECK(action != FOLIO_DO_RESET && action != FOLIO_DO_REMAP);
		CHECK(agreed || action == FOLIO_DO_CLOSE);
		CHECK(!agreed || s->silent == (s->quiet >= QUIET));
		break;
	}
	if (up || before->state == FOLIO_SESSION_OFFER) {
		if (there && who == GUEST && before->state == FOLIO_SESSION_OFFER &&
		    v.ack == before->generation && !same_geometry(&v.geom, &s->geom))
			fault = FOLIO_PEER_BAD_GEOMETRY;
		check_counted(before, s, fault);
	} else {
		check_counted(before, s, -1);
	}
	if (action == FOLIO_DO_OPEN) {
		CHECK(s->state == FOLIO_SESSION_UP && !s->silent && !me->open);
		CHECK(there && v.generation == s->acked && v.ack == s->generation && v.ack != 0);
		CHECK_MSG(up || !me->stale, "the rings were not reset");
		if (!up && who == GUEST)
			CHECK(same_geometry(&v.geom, &s->geom));
		me->open = me->stale = true;
	} else if (action != FOLIO_DO_NOTHING) {
		me->open = false;
	}
	CHECK(me->open == (s->state == FOLIO_SESSION_UP && !s->silent));
	CHECK((s->link == FOLIO_LINK_UP) == me->open || action == FOLIO_DO_REMAP);
	if (s->state != before->state && s->state == FOLIO_SESSION_OFFER && !up)
		CHECK(s->generation != 0 && s->offered);
	CHECK(s->reject < 0 || s->detail.text[0] != '\0');
	CHECK(strnlen(s->detail.text, sizeof(s->detail.text)) < sizeof(s->detail.text));
}
