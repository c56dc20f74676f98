/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "boundary/gate.h"

#define WAIT_STEP_NS 100000
#define WAIT_SECONDS 1

/*
 * Looks at gates that are busy: longer than most bursts take, and nothing that a tick would feel.
 * Where there is one thread only (the fuzzers) nobody leaves meanwhile.
 */
#ifdef FOLIO_GATE_LOOKS
#define LOOKS FOLIO_GATE_LOOKS
#else
#define LOOKS 500
#endif

#if defined(__SANITIZE_THREAD__)
#define NO_MEMBARRIER 1 /* ThreadSanitizer does not know what it does */
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NO_MEMBARRIER 1
#endif
#endif

static bool
membarrier(int cmd)
{
#ifdef NO_MEMBARRIER
	(void)cmd;
	return false;
#else
	return syscall(SYS_membarrier, cmd, 0, 0) == 0;
#endif
}

void
folio_gate_init(struct folio_gate *g)
{
	g->open = 0;
	g->busy = 0;
	g->phase = FOLIO_GATE_EMPTY;
	g->fenced = !membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

void
folio_gate_open(struct folio_gate *g)
{
	g->phase = FOLIO_GATE_OPEN;
	__atomic_store_n(&g->open, 1, __ATOMIC_RELEASE);
}

/* Store that the gates are closed. Does a barrier have to tell somebody? */
static bool
shut(struct folio_gate *const *gates, unsigned int n)
{
	bool barrier = false;
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct folio_gate *g = gates[i];

		if (g->phase == FOLIO_GATE_OPEN) {
			__atomic_exchange_n(&g->open, 0, __ATOMIC_SEQ_CST);
			g->phase = g->fenced ? FOLIO_GATE_BARRED : FOLIO_GATE_SHUT;
		}
		barrier |= g->phase == FOLIO_GATE_SHUT;
	}
	return barrier;
}

/* Look once at each gate behind the barrier. Is nobody inside? */
static bool
nobody_inside(struct folio_gate *const *gates, unsigned int n)
{
	bool empty = true;
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct folio_gate *g = gates[i];

		/* A poller that only knocks is busy now and then: seen empty once is enough. */
		if (g->phase == FOLIO_GATE_BARRED && __atomic_load_n(&g->busy, __ATOMIC_SEQ_CST) == 0)
			g->phase = FOLIO_GATE_EMPTY;
		empty &= g->phase == FOLIO_GATE_EMPTY;
	}
	return empty;
}

static void
relax(void)
{
#ifdef __x86_64__
	__builtin_ia32_pause();
#else
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
#endif
}

bool
folio_gates_close(struct folio_gate *const *gates, unsigned int n)
{
	unsigned int i;

	if (shut(gates, n)) {
		/* Without it nothing is known (a seccomp filter came late?): never unmap then. */
		if (!membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
			return false;
		for (i = 0; i < n; i++) {
			if (gates[i]->phase == FOLIO_GATE_SHUT)
				gates[i]->phase = FOLIO_GATE_BARRED;
		}
	}
	for (i = 0; i < LOOKS; i++) {
		if (nobody_inside(gates, n))
			return true;
		relax();
	}
	return false;
}

void
folio_patience_begin(struct folio_patience *p)
{
	clock_gettime(CLOCK_MONOTONIC, &p->until);
	p->until.tv_sec += WAIT_SECONDS;
}

bool
folio_patience_sleep(const struct folio_patience *p)
{
	const struct timespec step = {.tv_nsec = WAIT_STEP_NS};
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec > p->until.tv_sec ||
	    (now.tv_sec == p->until.tv_sec && now.tv_nsec > p->until.tv_nsec))
		return false;
	nanosleep(&step, NULL);
	return true;
}

bool
folio_gate_close(struct folio_gate *g)
{
	struct folio_patience patience;

	folio_patience_begin(&patience);
	while (!folio_gates_close(&g, 1)) {
		if (!folio_patience_sleep(&patience))
			return false;
	}
	return true;
}

bool
folio_gate_await(struct folio_gate *g, const struct folio_patience *p, pthread_mutex_t *lock,
		 const bool *enabled)
{
	bool done = false, wait = true;

	while (!done && wait && folio_patience_sleep(p)) {
		pthread_mutex_lock(lock);
		wait = !*enabled;
		done = wait && folio_gates_close(&g, 1);
		pthread_mutex_unlock(lock);
	}
	return done;
}
