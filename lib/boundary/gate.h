/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_GATE_H
#define FOLIO_GATE_H

/*
 * A gate in front of one end of a ring. The datapath thread enters and leaves it around every
 * burst with two plain stores and a load; the control thread closes it and looks until no burst is
 * inside, so that rings can be reset, remapped and unmapped while applications poll.
 *
 * It is Dekker's algorithm made asymmetric: the full barrier that the datapath side would need is
 * executed on its behalf by membarrier(2) on the control side. Where the kernel has no
 * membarrier, `fenced` makes the datapath pay for it itself.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* How far control has come with closing a gate. */
enum folio_gate_phase {
	FOLIO_GATE_EMPTY,  /* nobody is inside, and nobody gets in */
	FOLIO_GATE_OPEN,
	FOLIO_GATE_SHUT,   /* nobody gets in who has not been told so yet */
	FOLIO_GATE_BARRED, /* nobody gets in; a burst may be inside */
};

struct folio_gate {
	uint32_t open;	 /* written by control */
	uint32_t busy;	 /* written by the datapath thread */
	uint32_t fenced; /* constant after init */
	uint32_t phase;	 /* control only: enum folio_gate_phase */
};

void folio_gate_init(struct folio_gate *g);

static inline void
folio_gate_leave(struct folio_gate *g)
{
	__atomic_store_n(&g->busy, 0, __ATOMIC_RELEASE);
}

/* Returns false when the gate is closed: then the ring must not be touched, and no leave. */
static inline bool
folio_gate_enter(struct folio_gate *g)
{
	uint32_t open;

	if (__builtin_expect(g->fenced, 0)) {
		__atomic_exchange_n(&g->busy, 1, __ATOMIC_SEQ_CST);
		open = __atomic_load_n(&g->open, __ATOMIC_SEQ_CST);
	} else {
		__atomic_store_n(&g->busy, 1, __ATOMIC_RELAXED);
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		open = __atomic_load_n(&g->open, __ATOMIC_ACQUIRE);
	}
	if (__builtin_expect(open != 0, 1))
		return true;
	folio_gate_leave(g);
	return false;
}

/* Control side. Opening publishes everything written before it. */
void folio_gate_open(struct folio_gate *g);

/*
 * Close n gates with one barrier for all, and look for some microseconds whether anybody is inside.
 * Never sleeps. Returns false if a burst may still be inside: what it uses must not be touched.
 * Calling again looks again.
 */
bool folio_gates_close(struct folio_gate *const *gates, unsigned int n);

/*
 * For calls that have to wait until bursts have left: about a second in all, however many there are
 * (a datapath thread may be stopped in a debugger, or be the very thread that a signal handler
 * interrupted). No lock may be held that control work needs.
 */
struct folio_patience {
	struct timespec until;
};

void folio_patience_begin(struct folio_patience *p);

/* Sleep a little; false, at once, when the time is up. */
bool folio_patience_sleep(const struct folio_patience *p);

/* Close one gate and wait for that long. False: a burst is still inside. */
bool folio_gate_close(struct folio_gate *g);

/*
 * A gate was closed with the lock held, for a queue that is not to take part any more, and a burst
 * was inside: wait for it, with the lock in hand only to look. False: it is still there, or the
 * queue is enabled again.
 */
bool folio_gate_await(struct folio_gate *g, const struct folio_patience *p, pthread_mutex_t *lock,
		      const bool *enabled);

#endif /* FOLIO_GATE_H */
