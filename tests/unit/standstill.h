/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef STANDSTILL_H
#define STANDSTILL_H

/*
 * Two ports whose bursts stand still. Time is the test's own, so that it knows who sleeps, how long
 * in all, and can act meanwhile.
 */

#include "duo.h"
#include "port_state.h"

#define FRAME 9000
#define FRAMES 32
#define ENOUGH 100 /* rounds of ticks in which two that behave get together */
#define SETTLE (200 / FOLIO_TICK_MS)

/* Time, instead of the C library's. */
struct fake_time {
	uint64_t now;	/* ns */
	uint64_t slept; /* by whoever slept */
	unsigned int sleeps;
	void (*meanwhile)(void); /* at each sleep */
};

extern struct fake_time fake_time;

/* For a copy kernel that stands still: after so many copies, and what happens then. */
struct stall {
	unsigned int copies_left;
	void (*then)(struct duo *d);
	struct duo *duo;
};

extern struct stall stall;

/* duo_setup(), with neither a stall nor a sleeper. The other fixture is duo_teardown(). */
int standstill_setup(void **state);

/* Bursts that do not return. */
void set_busy(struct folio *f, uint32_t busy);

/* ENOUGH ticks of both, whatever they say before; the link is up behind them. */
void bring_up(struct duo *d);

/* Both, started, with slots and rings for a few long frames. */
extern const struct folio_config standstill_shape;
void open_duo(struct duo *d, uint32_t queues);

/* Traffic: frame n is full of n. What arrives is whole. */
extern uint8_t frame[FRAME];
void send_frames(struct folio *f, unsigned int n, uint32_t len);
unsigned int recv_frames(struct folio *f, unsigned int n, uint32_t len);
void check_traffic(struct duo *d);

/* What a peer does meanwhile: the guest is the one that sends, and ends the session. */
void tick_guest(struct duo *d, unsigned int n);
void restarts(struct duo *d);

#endif /* STANDSTILL_H */
