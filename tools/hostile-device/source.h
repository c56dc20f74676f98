/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef SOURCE_H
#define SOURCE_H

/*
 * Traffic of the hostile device: numbered frames, which the driver's application is to send back
 * (testpmd's forward modes io and macswap do), each checked byte by byte; or an echo of whatever
 * comes. One thread uses it.
 */

#include "model.h"

#define SOURCE_PAIRS 64
#define SOURCE_FRAME_MIN 60u
#define SOURCE_FRAME_MAX 9728u

struct source_config {
	bool echo;    /* send back what comes, and make nothing */
	bool macswap; /* echo: with the addresses swapped */
	uint32_t max_frame;
	uint64_t rate; /* frames a second; 0: as many as the driver takes */
};

struct source_counts {
	uint64_t sent;
	uint64_t back;	 /* frames of ours, whole and in order; echo: whatever came */
	uint64_t forged; /* anything else, while it is our own doing */
	uint64_t wrong;	 /* anything else: changed, longer, shorter, twice, never sent */
	uint64_t fresh;	 /* of those back: sent behind source_mark() */
	uint64_t headers; /* with anything in it, although no offload was agreed on */
};

struct source_pair {
	uint64_t next;	     /* sequence number */
	uint64_t expected;   /* at least this number comes next */
	uint64_t barrier;    /* what comes before this one may be our own doing */
	uint64_t mark;	     /* see source_mark() */
	uint32_t in_flight;
	uint64_t moved_at;   /* ns: something came back, or was given up */
};

struct source {
	struct source_config cfg;
	struct source_counts counts;
	struct source_pair pair[SOURCE_PAIRS];
	bool paused;	/* take nothing, return nothing */
	uint64_t begun; /* ns: for the rate */
	uint64_t due;	/* frames that were due since then */
	const char *wrong; /* why the last wrong frame was */
	uint64_t wrong_at; /* its number, and its length */
	uint32_t wrong_len;
};

/* From here on what comes back may be forged, until frames that are sent behind the end come. */
void source_attack_begins(struct source *s);
void source_attack_ends(struct source *s);

/* Frames that are sent from here on are fresh; none is yet. */
void source_mark(struct source *s);

/* For struct backend_config; ctx is the source. */
bool source_serve(void *ctx, unsigned int pair, struct model_queue *rx, struct model_queue *tx);

uint64_t source_now(void); /* ns */

#endif /* SOURCE_H */
