/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "boundary/shared.h"
#include "count.h"
#include "error.h"
#include "native/session.h"

/* All times are in steps of FOLIO_TICK_MS: a starved control thread can't mistake its own pause. */
#define QUIET_STEPS (1000 / FOLIO_TICK_MS)  /* no heartbeat for so long: silent */
#define STARVED_MS (5 * FOLIO_TICK_MS)	    /* a step so late: there is no CPU for us */
#define SETTLE_STEPS (200 / FOLIO_TICK_MS)  /* a peer that does not let go is left behind */
#define PENALTY_STEPS (100 / FOLIO_TICK_MS) /* between two resets: storms cost us little */
#define SUSPECT_STEPS (1000 / FOLIO_TICK_MS) /* two odd looks within so many are no accident */

/* A private copy of what a step looks at. */
struct view {
	uint64_t magic;
	uint32_t version;
	uint32_t role;
	uint32_t state;
	uint32_t refusal;
	uint32_t heartbeat;
	uint64_t generation;
	uint64_t ack;
	struct folio_geometry geom;
};

/* Each field once. The state first: what was published before it is visible after. */
static void
look(struct view *v, const struct folio_wire_header *h)
{
	v->state = folio_fetch32_acquire(&h->state);
	folio_shared_fence();
	v->generation = folio_fetch64_acquire(&h->generation);
	v->magic = folio_fetch64(&h->magic);
	v->version = folio_fetch32(&h->version);
	v->role = folio_fetch32(&h->role);
	v->ack = folio_fetch64_acquire(&h->ack);
	v->refusal = folio_fetch32(&h->refusal);
	v->heartbeat = folio_fetch32(&h->heartbeat);
	v->geom.queues = folio_fetch32(&h->queues);
	v->geom.ring_size = folio_fetch32(&h->ring_size);
	v->geom.slot_size = folio_fetch32(&h->slot_size);
	v->geom.page_shift = folio_fetch32(&h->page_shift);
}

/*
 * Our header, all of it, from private state: whatever the peer or a former owner of the memory did
 * to it is gone after the next step. What a reader must see first is stored first; the fences are
 * for memory that is mapped write-combining, and cost nothing here.
 */
static void
publish(const struct folio_session *s)
{
	bool started = s->state == FOLIO_SESSION_OFFER || s->state == FOLIO_SESSION_UP;
	struct folio_wire_header *h = s->own;

	folio_put64_release(&h->magic, FOLIO_WIRE_MAGIC);
	folio_put32(&h->version, FOLIO_WIRE_VERSION);
	folio_put32(&h->role, s->role == FOLIO_GUEST ? FOLIO_WIRE_ROLE_GUEST
						     : FOLIO_WIRE_ROLE_HOST);
	folio_put64(&h->features, FOLIO_WIRE_FEATURES_KNOWN);
	folio_put32(&h->queues, s->geom.queues);
	folio_put32(&h->ring_size, s->geom.ring_size);
	folio_put32(&h->slot_size, s->geom.slot_size);
	folio_put32(&h->page_shift, s->geom.page_shift);
	folio_put32(&h->refusal, s->refusal);
	folio_put32(&h->heartbeat, s->heartbeat);
	folio_shared_fence();
	if (started) {
		folio_put64_release(&h->generation, s->generation);
		folio_shared_fence();
		folio_put32_release(&h->state, FOLIO_WIRE_STATE_STARTED);
		folio_shared_fence();
		folio_put64_release(&h->ack, s->acked);
	} else {
		/* Who sees the next generation must not find the last one's answer with it. */
		folio_put32_release(&h->state, FOLIO_WIRE_STATE_STOPPED);
		folio_shared_fence();
		folio_put64_release(&h->ack, s->acked);
		folio_shared_fence();
		folio_put64_release(&h->generation, s->generation);
	}
	folio_shared_fence();
}

/* Never 0, never the last one; random so that a successor's differs from a crashed owner's. */
static uint64_t
new_generation(uint64_t last)
{
	struct timespec now;
	uint64_t g = 0;

	if (getrandom(&g, sizeof(g), GRND_NONBLOCK) != (ssize_t)sizeof(g)) {
		clock_gettime(CLOCK_REALTIME, &now);
		g = (uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec;
	}
	return g == 0 || g == last ? last + 1 : g;
}

static uint32_t
refusal_code(int reject)
{
	switch (reject) {
	case FOLIO_PEER_BAD_VERSION:
		return FOLIO_WIRE_REFUSED_VERSION;
	case FOLIO_PEER_BAD_ROLE:
		return FOLIO_WIRE_REFUSED_ROLE;
	case FOLIO_PEER_BAD_STATE:
		return FOLIO_WIRE_REFUSED_STATE;
	default:
		return FOLIO_WIRE_REFUSED_GEOMETRY;
	}
}

void
folio_session_reject(struct folio_session *s, enum folio_violation v, uint64_t generation)
{
	bool believed = s->suspicion > 0;

	s->suspicion = SUSPECT_STEPS;
	if (!believed) {
		s->link = FOLIO_LINK_HANDSHAKE;
		return;
	}
	s->link = FOLIO_LINK_REJECTED;
	s->reject = v;
	if (s->reject_gen != generation)
		s->reject_kinds = 0;
	s->reject_gen = generation;
	if ((s->reject_kinds & 1u << v) != 0)
		return;
	s->reject_kinds |= 1u << v;
	folio_count(&s->violations[v]);
	s->refusal = refusal_code(v);
}

/* There is nothing to say against the peer, or no peer. */
static void
no_complaint(struct folio_session *s)
{
	s->reject = -1;
	s->detail.text[0] = '\0';
	s->refusal = FOLIO_WIRE_REFUSED_NOT;
}

static void
accept_peer(struct folio_session *s)
{
	no_complaint(s);
	s->suspicion = 0;
	s->reject_kinds = 0;
}

/* What a look at the peer's header shows. */
enum presence {
	NOBODY,
	ODD, /* something that is no peer of ours */
	THERE,
};

/* Is there a started peer of our kind? The geometry is a matter of its own. */
static enum presence
peer_presence(struct folio_session *s, const struct view *v)
{
	uint32_t peer_role = s->role == FOLIO_GUEST ? FOLIO_WIRE_ROLE_HOST : FOLIO_WIRE_ROLE_GUEST;

	if (v->magic == 0 ||
	    (v->magic == FOLIO_WIRE_MAGIC && v->state == FOLIO_WIRE_STATE_ABSENT)) {
		no_complaint(s);
		s->link = FOLIO_LINK_NO_PEER;
		return NOBODY;
	}
	if (v->magic != FOLIO_WIRE_MAGIC) {
		folio_fail(&s->detail, 0, "the peer's header is not folio's (magic 0x%" PRIx64 ")",
			   v->magic);
		folio_session_reject(s, FOLIO_PEER_BAD_MAGIC, v->generation);
		return ODD;
	}
	if (v->version != FOLIO_WIRE_VERSION) {
		folio_fail(&s->detail, 0, "the peer speaks wire version %u, this is version %u",
			   v->version, FOLIO_WIRE_VERSION);
		folio_session_reject(s, FOLIO_PEER_BAD_VERSION, v->generation);
		return ODD;
	}
	if (v->role != peer_role) {
		folio_fail(&s->detail, 0, "the peer says that its role is %u, expected %u", v->role,
			   peer_role);
		folio_session_reject(s, FOLIO_PEER_BAD_ROLE, v->generation);
		return ODD;
	}
	if (v->state == FOLIO_WIRE_STATE_STOPPED) {
		no_complaint(s);
		s->link = v->refusal == FOLIO_WIRE_REFUSED_NOT ? FOLIO_LINK_NO_PEER
							       : FOLIO_LINK_REFUSED;
		return NOBODY;
	}
	if (v->state != FOLIO_WIRE_STATE_STARTED || v->generation == 0) {
		folio_fail(&s->detail, 0, "the peer's state is %u with generation 0x%" PRIx64,
			   v->state, v->generation);
		folio_session_reject(s, FOLIO_PEER_BAD_STATE, v->generation);
		return ODD;
	}
	return THERE;
}

static bool
peer_is_there(struct folio_session *s, const struct view *v)
{
	return peer_presence(s, v) == THERE;
}

/* Time passes for what is suspected. */
static void
forget_suspicion(struct folio_session *s)
{
	if (s->suspicion > 0)
		s->suspicion--;
}

static bool
same_geometry(const struct folio_geometry *a, const struct folio_geometry *b)
{
	return a->queues == b->queues && a->ring_size == b->ring_size &&
	       a->slot_size == b->slot_size && a->page_shift == b->page_shift;
}

uint32_t
folio_session_over_limit(struct folio_session *s, const struct folio_geometry *geom,
			 const struct folio_geometry *limit, uint64_t generation)
{
	const struct {
		const char *name;
		uint32_t value;
		uint32_t max;
		uint32_t refusal;
	} checks[] = {
		{"queues", geom->queues, limit->queues, FOLIO_WIRE_REFUSED_QUEUES},
		{"ring_size", geom->ring_size, limit->ring_size, FOLIO_WIRE_REFUSED_RING_SIZE},
		{"slot_size", geom->slot_size, limit->slot_size, FOLIO_WIRE_REFUSED_SLOT_SIZE},
		{"page_shift", geom->page_shift, limit->page_shift, FOLIO_WIRE_REFUSED_GEOMETRY},
	};
	size_t i;

	for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (checks[i].value <= checks[i].max)
			continue;
		folio_fail(&s->detail, 0, "the guest offers %s=%u, this port accepts at most %u",
			   checks[i].name, checks[i].value, checks[i].max);
		folio_session_reject(s, FOLIO_PEER_OVER_LIMIT, generation);
		return checks[i].refusal;
	}
	return FOLIO_WIRE_REFUSED_NOT;
}

int
folio_session_peek(struct folio_session *s, const struct folio_wire_header *copy,
		   struct folio_geometry *geom, uint64_t *generation)
{
	struct view v;

	look(&v, copy);
	forget_suspicion(s);
	switch (peer_presence(s, &v)) {
	case NOBODY:
		return 0;
	case ODD:
		return -1;
	case THERE:
		break;
	}
	*geom = v.geom;
	*generation = v.generation;
	return 1;
}

void
folio_session_attach(struct folio_session *s, enum folio_role role, void *own_area,
		     void *peer_area, const struct folio_geometry *geom)
{
	s->role = role;
	s->own = folio_layout_header(own_area);
	s->peer = folio_layout_header(peer_area);
	s->geom = *geom;
	s->state = FOLIO_SESSION_STOPPED;
	s->dirty = false;
	s->silent = false;
	s->offered = false;
	s->generation = 0;
	s->held = 0;
	s->acked = 0;
	s->answering = 0;
	s->quiet = 0;
	s->starved = false;
	s->hold_off = 0;
	s->link = FOLIO_LINK_STOPPED;
	s->refusal = FOLIO_WIRE_REFUSED_NOT;
	s->peer_refusal = FOLIO_WIRE_REFUSED_NOT;
	s->suspicion = 0;
	s->reject = -1;
	s->reject_kinds = 0;
	s->detail.text[0] = '\0';

	publish(s);
}

void
folio_session_wipe_header(void *area)
{
	struct folio_wire_header *h = folio_layout_header(area);
	const size_t behind_magic = offsetof(struct folio_wire_header, version);

	folio_put32_release(&h->state, FOLIO_WIRE_STATE_ABSENT);
	folio_put64_release(&h->generation, 0);
	memset((uint8_t *)h + behind_magic, 0, sizeof(*h) - behind_magic);
	folio_put64_release(&h->magic, 0);
	folio_shared_fence();
}

/* Our rings are about to be another session's: from here on our generation is another one. */
static void
end_session(struct folio_session *s)
{
	s->acked = 0;
	s->silent = false;
	if (!s->offered)
		return;
	s->offered = false;
	s->held = s->generation;
	s->generation = new_generation(s->generation);
}

static void
begin_settle(struct folio_session *s, uint32_t at_least)
{
	s->state = FOLIO_SESSION_SETTLE;
	s->waited = 0;
	s->settle_min = at_least;
	end_session(s);
	s->link = FOLIO_LINK_SETTLING;
	publish(s);
}

void
folio_session_start(struct folio_session *s)
{
	begin_settle(s, 0);
}

void
folio_session_stop(struct folio_session *s)
{
	s->state = FOLIO_SESSION_STOPPED;
	end_session(s);
	s->link = FOLIO_LINK_STOPPED;
	publish(s);
}

void
folio_session_renegotiate(struct folio_session *s)
{
	begin_settle(s, PENALTY_STEPS);
}

bool
folio_session_peer_holds(const struct folio_session *s)
{
	return s->held != 0 && folio_fetch64_acquire(&s->peer->ack) == s->held;
}

void
folio_session_answer(struct folio_session *s)
{
	s->dirty = false;
	if (s->state == FOLIO_SESSION_SETTLE) {
		if (s->generation == 0)
			s->generation = new_generation(0);
		s->offered = true;
		s->held = 0;
		s->state = FOLIO_SESSION_OFFER;
		s->link = FOLIO_LINK_NO_PEER;
	} else if (s->answering != 0) {
		s->acked = s->answering;
		s->hold_off = PENALTY_STEPS;
	} else {
		/* The peer is gone. A session ends once: whoever comes gets a new generation. */
		begin_settle(s, 0);
		return;
	}
	publish(s);
}

static enum folio_action
step_settle(struct folio_session *s, const struct view *v)
{
	bool held = s->held != 0 && v->ack == s->held;

	s->waited++;
	if ((held && s->waited < SETTLE_STEPS) || s->waited < s->settle_min)
		return FOLIO_DO_NOTHING;
	if (s->dirty)
		return FOLIO_DO_RESET;
	folio_session_answer(s);
	return FOLIO_DO_NOTHING;
}

/*
 * The peer's generation, or its absence (0), is new: reset our rings if they were used, and say so.
 */
static enum folio_action
answer_to(struct folio_session *s, uint64_t generation)
{
	s->answering = generation;
	if (s->dirty)
		return FOLIO_DO_RESET;
	folio_session_answer(s);
	return FOLIO_DO_NOTHING;
}

static enum folio_action
step_offer(struct folio_session *s, const struct view *v)
{
	if (!peer_is_there(s, v))
		return s->dirty || s->acked != 0 ? answer_to(s, 0) : FOLIO_DO_NOTHING;

	if (v->generation != s->acked) {
		/* A host looks at the geometry here only: after the answer it is frozen. */
		if (s->role == FOLIO_HOST && !same_geometry(&v->geom, &s->geom))
			return FOLIO_DO_REMAP;
		s->link = FOLIO_LINK_HANDSHAKE;
		if (s->hold_off > 0)
			return FOLIO_DO_NOTHING;
		if (answer_to(s, v->generation) == FOLIO_DO_RESET)
			return FOLIO_DO_RESET;
	} else if (s->dirty) {
		/* It took its answer back: its rings are not what they were. Begin anew. */
		folio_session_renegotiate(s);
		return FOLIO_DO_NOTHING;
	}
	if (v->ack != s->generation) {
		accept_peer(s);
		s->link = v->refusal == FOLIO_WIRE_REFUSED_NOT ? FOLIO_LINK_HANDSHAKE
							       : FOLIO_LINK_REFUSED;
		return FOLIO_DO_NOTHING;
	}
	/* A host that has answered has adopted our geometry, and repeats it. */
	if (s->role == FOLIO_GUEST && !same_geometry(&v->geom, &s->geom)) {
		folio_fail(&s->detail, 0, "the host adopted another geometry than ours");
		folio_session_reject(s, FOLIO_PEER_BAD_GEOMETRY, v->generation);
		/*
		 * It may have read what somebody scribbled over our offer, and looks at a geometry
		 * once a generation: after a while it gets another one.
		 */
		if (++s->waited >= QUIET_STEPS)
			folio_session_renegotiate(s);
		return FOLIO_DO_NOTHING;
	}
	accept_peer(s);
	s->state = FOLIO_SESSION_UP;
	s->link = FOLIO_LINK_UP;
	s->dirty = true;
	s->silent = false;
	s->quiet = 0;
	s->starved = false;
	return FOLIO_DO_OPEN;
}

/*
 * What keeps our steps waiting for a CPU keeps the peer's waiting, too, if it runs on the same
 * machine. Then it has twice the time; not more, or whoever is starved for good would never see
 * that a peer died.
 */
static uint32_t
patience(const struct folio_session *s)
{
	return s->starved ? 2 * QUIET_STEPS : QUIET_STEPS;
}

void
folio_session_late(struct folio_session *s, uint64_t ms)
{
	/* A peer that was found silent is not so no longer because of that. */
	if (ms > STARVED_MS && !s->silent)
		s->starved = true;
}

static void
note_heartbeat(struct folio_session *s, uint32_t beat)
{
	if (beat != s->peer_beat) {
		s->peer_beat = beat;
		s->quiet = 0;
		s->starved = false;
	} else if (s->quiet < patience(s)) {
		s->quiet++;
	}
}

static enum folio_action
step_up(struct folio_session *s, const struct view *v)
{
	bool agreed = peer_is_there(s, v) && v->generation == s->acked && v->ack == s->generation;

	if (!agreed) {
		/* What changed is looked at in the next step, when the rings are closed. */
		s->state = FOLIO_SESSION_OFFER;
		s->silent = false;
		if (s->link == FOLIO_LINK_UP || s->link == FOLIO_LINK_SILENT)
			s->link = FOLIO_LINK_HANDSHAKE;
		return FOLIO_DO_CLOSE;
	}
	if (s->quiet >= patience(s)) {
		s->link = FOLIO_LINK_SILENT;
		if (s->silent)
			return FOLIO_DO_NOTHING;
		s->silent = true;
		return FOLIO_DO_CLOSE;
	}
	s->link = FOLIO_LINK_UP;
	if (!s->silent)
		return FOLIO_DO_NOTHING;
	s->silent = false;
	return FOLIO_DO_OPEN;
}

enum folio_action
folio_session_step(struct folio_session *s)
{
	struct view v;

	s->heartbeat++;
	publish(s);
	look(&v, s->peer);
	forget_suspicion(s);
	note_heartbeat(s, v.heartbeat);
	s->peer_refusal = v.refusal;
	if (s->hold_off > 0)
		s->hold_off--;

	switch (s->state) {
	case FOLIO_SESSION_SETTLE:
		return step_settle(s, &v);
	case FOLIO_SESSION_OFFER:
		return step_offer(s, &v);
	case FOLIO_SESSION_UP:
		return step_up(s, &v);
	default:
		return FOLIO_DO_NOTHING;
	}
}
