/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef PLAY_H
#define PLAY_H

/* A case, from honest traffic to honest traffic. */

#include "cases.h"
#include "options.h"
#include "source.h"

/* What the driver did about it, in the last round. */
enum play_answer {
	PLAY_NOT_PLAYED, /* this kind of queue or connection has no such thing */
	PLAY_GOES_ON,	 /* traffic flows as before */
	PLAY_RESET,	 /* gave the device up, or stopped a ring */
	PLAY_NOTHING,	 /* neither: the device hung up */
};

struct play_result {
	uint64_t played;
	enum play_answer answer;
	uint64_t back, forged, wrong, headers; /* frames: see source.h */
	uint64_t written; /* buffers that changed while the device had them */
	uint64_t found;	  /* places in its memory with the text that was looked for */
	bool recovered;	  /* traffic flowed behind it, each time */
	char error[160];  /* what the driver did wrong while the device was honest */
};

struct play {
	struct backend *b;
	struct source source;
	const struct options *o;
	uint64_t random;
	char regions[2048]; /* the memory table that was printed last */
};

/* Returns false if it cannot listen. */
bool play_open(struct play *p, const struct options *o);
void play_close(struct play *p);

/* As often as the options say. Ends early when play_stop is set. */
void play_case(struct play *p, const struct device_case *c, struct play_result *r);

/* A line of it. */
void play_print(const struct device_case *c, const struct play_result *r);

/* Nothing is wrong with the driver. */
bool play_is_good(const struct play_result *r);

extern volatile int play_stop;

#endif /* PLAY_H */
