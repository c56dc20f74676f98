/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef SESSION_CHECKS_H
#define SESSION_CHECKS_H

/* What must follow from what a session's step loaded: for fuzz_session. */

#include <stdbool.h>
#include <stdint.h>

#include "native/session.h"

#define PAGE FOLIO_WIRE_PAGE
#define QUIET 50 /* steps without a heartbeat */

/* The side, as hook.h's owner too. */
enum { GUEST = 1, HOST = 2 };

struct side {
	struct folio_session s;
	bool mapped; /* the host knows the guest's geometry */
	bool started;
	bool open;  /* the rings may be used */
	bool stale; /* they were, since their last reset */
	uint64_t violations;
};

/* What a step loaded, by name. */
struct view {
	uint64_t magic, generation, ack;
	uint32_t version, role, state, refusal, heartbeat;
	struct folio_geometry geom;
};

struct both {
	uint8_t *raw[3], *own[3], *peer[3]; /* by the side that writes the page */
	struct side side[3];
	struct folio_geometry guest;
};

extern struct both both;

static inline int
other(int who)
{
	return GUEST + HOST - who;
}

uint64_t session_violations(const struct folio_session *s);
bool same_geometry(const struct folio_geometry *a, const struct folio_geometry *b);

/* Our own page says what we know, whatever was written into it. */
void check_published(int who);

/* The violation that such a header is, -1 for none; of two the first by the wire format. */
int fault_of(const struct view *v, int peer, bool *there);

/* At most one more, of the kind that this header is, and only on the second look. */
void check_counted(const struct folio_session *before, const struct folio_session *after,
		   int fault);

/* After a step of this side, which did `action`; it was `before`. */
void check_step(int who, const struct folio_session *before, enum folio_action action);

#endif /* SESSION_CHECKS_H */
