/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef DUEL_H
#define DUEL_H

/* A port of the core as the victim, in one thread with a peer that attacks it. */

#include "peer.h"
#include "port.h"
#include "../unit/util.h"

#define RING 64
#define SLOT 256
#define STRIDE 320
#define MAX_FRAME (RING * STRIDE)
#define BURST 8
#define CANARY 0xc5

struct duel {
	char path[160];
	struct folio *victim;
	bool victim_is_guest;
	struct peer peer;
	uint64_t received; /* by the victim */
	uint64_t bad;	   /* of these, not what the peer sends when it behaves */
	uint32_t room;
	bool sends;
};

/* The victim's application: a burst each way. What is behind the room stays as it is. */
void victim_bursts(struct duel *d);
void victim_step(void *ctx);
struct folio_counters counters(const struct duel *d);

/* After whatever happened to the file: meet in it, or in a new one. */
void peer_comes(struct duel *d);

/* Frames in both directions, byte for byte. */
void traffic_flows(struct duel *d);
void begin(struct duel *d, bool victim_is_guest, const char *dir);

/* The real other side comes, too: it finds a victim in good order. */
void end(struct duel *d);
void attack_once(struct duel *d, const struct attack *a);

/* All attacks of a row, one after the other against the same victim, which is never restarted. */
void run_row(void **state, const char *row);

#endif /* DUEL_H */
