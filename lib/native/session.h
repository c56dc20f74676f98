/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_SESSION_H
#define FOLIO_SESSION_H

/*
 * When may the rings be used? Handshake, generations and liveness, as a state machine over the two
 * header pages that a control thread steps about every FOLIO_TICK_MS. It knows nothing of rings:
 * it tells its caller when to close them, reset them and open them.
 *
 *	STOPPED --start--> SETTLE --reset--> OFFER <--> UP
 *
 * SETTLE waits for the peer to let go of the last generation, OFFER for it to answer the new one.
 */

#include <stdbool.h>
#include <stdint.h>

#include "count.h"
#include "native/layout.h"

enum folio_session_state {
	FOLIO_SESSION_STOPPED,
	FOLIO_SESSION_SETTLE,
	FOLIO_SESSION_OFFER,
	FOLIO_SESSION_UP,
};

enum folio_action {
	FOLIO_DO_NOTHING,
	FOLIO_DO_CLOSE, /* stop using the rings */
	FOLIO_DO_RESET, /* stop using the rings, zero and reset ours, then folio_session_answer() */
	FOLIO_DO_REMAP, /* host: the guest has a new geometry, attach anew */
	FOLIO_DO_OPEN,	/* the rings may be used */
};

struct folio_session {
	enum folio_role role;
	struct folio_wire_header *own;	      /* shared, written */
	const struct folio_wire_header *peer; /* shared, the peer's */
	struct folio_geometry geom;	      /* in use; frozen at attach */
	enum folio_session_state state;
	bool dirty;	       /* the rings were open since their last reset */
	bool silent;	       /* UP, but the peer's heartbeat stands still */
	bool offered;	       /* our generation was published with STARTED */
	uint64_t generation;   /* ours, as published; 0 before the first offer */
	uint64_t held;	       /* our last session's, which the peer may still hold; 0 none */
	uint64_t acked;	       /* the peer's that we answered, 0 none */
	uint64_t answering;    /* the peer's generation that a RESET is under way for, 0 ours */
	uint32_t heartbeat;    /* ours */
	uint32_t peer_beat;    /* the peer's, as last seen */
	uint32_t quiet;	       /* steps since it moved */
	bool starved;	       /* a step of ours was late since then */
	uint32_t waited;       /* steps in SETTLE, or for a host of another geometry */
	uint32_t settle_min;   /* at least so many */
	uint32_t hold_off;     /* steps before the next RESET for the peer */
	enum folio_link link;  /* why the link is as it is, for people */
	uint32_t refusal;      /* what we say of the peer */
	uint32_t peer_refusal; /* what the peer says of us */
	uint32_t suspicion;    /* steps in which one more odd look at the peer is believed */
	int reject;	       /* enum folio_violation, or -1: why the peer is not acceptable */
	uint64_t reject_gen;   /* its generation then */
	uint32_t reject_kinds; /* what was counted in that generation, a bit per violation */
	uint64_t violations[FOLIO_VIOLATIONS]; /* FOLIO_PEER_* only */
	struct folio_error detail;
};

/*
 * Begin with mapped, zeroed headers: publishes who we are, STOPPED. Counters in *s survive, so zero
 * it before the first use.
 */
void folio_session_attach(struct folio_session *s, enum folio_role role, void *own_area,
			  void *peer_area, const struct folio_geometry *geom);

void folio_session_start(struct folio_session *s);

/*
 * The rings are closed: say that we stopped using them. This and the next one publish a generation
 * that is new, before anybody touches our rings: a burst of the peer's that stood still looks at it
 * and knows that what it copied is of no session.
 */
void folio_session_stop(struct folio_session *s);

/* The rings are closed because framing was lost: end this generation, offer another. */
void folio_session_renegotiate(struct folio_session *s);

/*
 * Zero a header page: first nobody is there, and last it is no longer folio's. What is stored
 * afterwards is seen afterwards.
 */
void folio_session_wipe_header(void *area);

/* The next step comes so long after the last one. Without it a step is taken to be in time. */
void folio_session_late(struct folio_session *s, uint64_t ms);

/* One step; heartbeat included. The caller carries out what is returned before the next step. */
enum folio_action folio_session_step(struct folio_session *s);

/*
 * What holds of an attached session between two calls, whatever the peer writes. For unit tests and
 * fuzzers.
 */
static inline bool
folio_session_valid(const struct folio_session *s)
{
	bool offered = s->state == FOLIO_SESSION_OFFER || s->state == FOLIO_SESSION_UP;

	return s->state <= FOLIO_SESSION_UP && s->link <= FOLIO_LINK_UP &&
	       s->reject >= -1 && s->reject < FOLIO_VIOLATIONS && s->offered == offered &&
	       (s->generation != 0 || !offered) && (s->acked == 0 || offered) &&
	       (s->held == 0 || (!offered && s->held != s->generation)) &&
	       (s->state != FOLIO_SESSION_UP || (s->acked != 0 && s->dirty)) &&
	       (!s->silent || s->state == FOLIO_SESSION_UP) &&
	       (s->link != FOLIO_LINK_UP || (s->state == FOLIO_SESSION_UP && !s->silent));
}

/* After FOLIO_DO_RESET was carried out. */
void folio_session_answer(struct folio_session *s);

/* The peer answered our generation and has not let go of it. Stopped sessions only. */
bool folio_session_peer_holds(const struct folio_session *s);

/*
 * Decode a private copy of the guest's header for a host that has not mapped anything yet.
 *
 * Returns 1, the geometry and the generation if a started guest of this version is there, 0 if
 * nobody is, or -1 if something is wrong, after counting it.
 */
int folio_session_peek(struct folio_session *s, const struct folio_wire_header *copy,
		       struct folio_geometry *geom, uint64_t *generation);

/*
 * Is an offered geometry beyond what this host accepts? Returns FOLIO_WIRE_REFUSED_NOT, or after
 * counting it the code that tells the guest why.
 */
uint32_t folio_session_over_limit(struct folio_session *s, const struct folio_geometry *geom,
				  const struct folio_geometry *limit, uint64_t generation);

/*
 * A peer is not acceptable. Counted once per kind and generation, and only when another look said
 * so a moment ago, of whatever kind: a header that is being written or wiped looks odd for one.
 */
void folio_session_reject(struct folio_session *s, enum folio_violation v, uint64_t generation);

#endif /* FOLIO_SESSION_H */
