/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "boundary/gate.h"

#define WAIT_STEP_NS 20000
#define WAIT_SECONDS 1

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
	g->fenced = !membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

void
folio_gate_open(struct folio_gate *g)
{
	__atomic_store_n(&g->open, 1, __ATOMIC_RELEASE);
}

static bool
is_past(const struct timespec *deadline)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > deadline->tv_sec ||
	       (now.tv_sec == deadline->tv_sec && now.tv_nsec > deadline->tv_nsec);
}

bool
folio_gate_close(struct folio_gate *g)
{
	const struct timespec step = {.tv_nsec = WAIT_STEP_NS};
	struct timespec deadline;

	__atomic_exchange_n(&g->open, 0, __ATOMIC_SEQ_CST);
	/* Without the barrier nothing is known (a seccomp filter came late?): never unmap then. */
	if (!g->fenced && !membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		return false;
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += WAIT_SECONDS;
	while (__atomic_load_n(&g->busy, __ATOMIC_SEQ_CST) != 0) {
		if (is_past(&deadline))
			return false;
		nanosleep(&step, NULL);
	}
	return true;
}
