/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef HANDSHAKE_H
#define HANDSHAKE_H

/*
 * Two sessions that step against each other on two header pages in plain memory, and one session
 * against a peer that writes whatever it likes.
 */

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

extern const struct folio_geometry geometry;

struct side *peer_of(struct pair *p, const struct side *x);

/* A new process on this side, on what a predecessor may have left. */
void attach(struct pair *p, struct side *x);
int handshake_setup(void **state);
int handshake_teardown(void **state);

/*
 * One step, carried out as a port does. Whatever the peer does meanwhile, rings are only opened
 * when closed, and a side that plays by the rules never resets what the other one is using.
 */
enum folio_action step(struct pair *p, struct side *x);
void step_both(struct pair *p, unsigned int n);
void assert_up(const struct pair *p);
uint64_t violations(const struct folio_session *s);

/* Header of a started peer that plays by the rules so far. */
void fake_peer(const struct pair *p, const struct side *x, struct folio_wire_header *h,
	uint64_t generation);

/* Side x up against a fake peer of this generation, in the page of the other side. */
struct folio_wire_header *up_against_fake(struct pair *p, struct side *x, uint64_t generation);

/* For tests of both roles. */
struct side *side_of(struct pair *p, int i);

#endif /* HANDSHAKE_H */
