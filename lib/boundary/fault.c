/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "boundary/fault.h"

/* A handler that was in front of ours for so long will not go by itself. */
#define STAY_SECONDS 1

/*
 * `start` is written last when an entry is made and first when it goes: an entry with a start is
 * complete. While a thread can touch a mapping its entry stays as it is.
 */
struct entry {
	uintptr_t start; /* 0: free */
	size_t len;
	int prot;
	uint32_t hit;
};

static struct entry entries[FOLIO_FAULT_MAX];

uint32_t folio_fault_begun;
static uint32_t done;

/*
 * Whoever installs a handler after us may pass on to ours what is not his. When ours then goes in
 * front of his it must be another one with another predecessor, or the two would pass a signal on
 * to each other for ever. Hence a small ladder of handlers. Whoever displaces all of them wins.
 */
#define LEVELS 4

/*
 * Other copies of this code may be in the process (the driver's and libfolio's). Theirs in front of
 * ours is as good as ours, if it passes on to ours: else the copies would displace each other until
 * all handlers are used up. Copies know each other's handlers by flags that mean nothing for
 * SIGBUS, and ask them by calling them with a code that the kernel does not have. This is an
 * interface between versions: do not change it.
 */
#define MARK (SA_NOCLDSTOP | SA_NOCLDWAIT)
#define ASK_CODE 0x666f6c69

struct question {
	const void *whom; /* a copy's entries */
	bool heard;	  /* it is behind this handler, with none but copies in between */
};

static struct sigaction before[LEVELS]; /* what handler i found */
static unsigned int levels;		 /* handlers in use; the rest is for the lock's holder */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int watched;
static struct timespec displaced_at; /* since when ours is not in front; tv_sec 0: it is */

static bool
put_private_memory(struct entry *e, uintptr_t start, size_t len, int prot)
{
	bool placed;

	__atomic_fetch_add(&folio_fault_begun, 1, __ATOMIC_SEQ_CST);
	/*
	 * The bare system call: sanitizers intercept the function, and may not be entered.
	 */
	placed = syscall(SYS_mmap, start, len, prot,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) ==
		 (long)start;
	if (placed)
		__atomic_store_n(&e->hit, 1, __ATOMIC_RELEASE);
	__atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
	return placed;
}

/* Put private memory where the fault was. All of the mapping: nothing of it is of use any more. */
static bool
replace(uintptr_t addr)
{
	unsigned int i;

	for (i = 0; i < FOLIO_FAULT_MAX; i++) {
		struct entry *e = &entries[i];
		uintptr_t start = __atomic_load_n(&e->start, __ATOMIC_ACQUIRE);
		/* Acquired, so that the second look at the start comes after them. */
		size_t len = __atomic_load_n(&e->len, __ATOMIC_ACQUIRE);
		int prot = __atomic_load_n(&e->prot, __ATOMIC_ACQUIRE);

		/*
		 * Of entries that come and go meanwhile, none is the one that we are looking for.
		 */
		if (start == 0 || addr - start >= len ||
		    __atomic_load_n(&e->start, __ATOMIC_RELAXED) != start)
			continue;
		return put_private_memory(e, start, len, prot);
	}
	return false;
}

bool
folio_fault_settled(uint32_t epoch)
{
	return __atomic_load_n(&done, __ATOMIC_SEQ_CST) == epoch;
}

void
folio_fault_renew(uint32_t *known, const void *mem)
{
	uint32_t epoch = folio_fault_epoch();

	if (folio_fault_settled(epoch) && !folio_fault_hit(mem))
		*known = epoch;
}

/* What the kernel would have done without a handler. */
static void
die_of(int sig, const siginfo_t *info)
{
	struct sigaction act = {.sa_handler = SIG_DFL};

	sigaction(sig, &act, NULL);
	/* An instruction that faults does it again, with the right address for a core dump. */
	if (info->si_code != BUS_ADRERR && info->si_code != BUS_ADRALN)
		raise(sig); /* blocked until the handler returns */
}

static void
pass_on(const struct sigaction *to, int sig, siginfo_t *info, void *context)
{
	if ((to->sa_flags & SA_SIGINFO) != 0)
		to->sa_sigaction(sig, info, context);
	else if (to->sa_handler == SIG_IGN && info->si_code <= 0)
		return; /* sent by a process. A fault cannot be ignored. */
	else if (to->sa_handler == SIG_DFL || to->sa_handler == SIG_IGN)
		die_of(sig, info);
	else
		to->sa_handler(sig);
}

static bool
is_a_copys(const struct sigaction *act)
{
	return (act->sa_flags & (MARK | SA_SIGINFO)) == (MARK | SA_SIGINFO);
}

/* Not in a signal: another copy wants to know whether `before` leads to it. */
static void
answer(unsigned int level, siginfo_t *info)
{
	struct question *q = info->si_addr;

	if (q->whom == entries)
		q->heard = true;
	else if (is_a_copys(&before[level]))
		before[level].sa_sigaction(SIGBUS, info, NULL);
}

static void
handle(unsigned int level, int sig, siginfo_t *info, void *context)
{
	int saved = errno;

	if (info->si_code == ASK_CODE && context == NULL) {
		answer(level, info);
		return;
	}
	/* BUS_ADRERR: nothing behind a mapping. Others are broken memory, or sent by somebody. */
	if (info->si_code != BUS_ADRERR || !replace((uintptr_t)info->si_addr))
		pass_on(&before[level], sig, info, context);
	errno = saved;
}

#define HANDLER(level)                                                                             \
	static void handler##level(int sig, siginfo_t *info, void *context)                        \
	{                                                                                          \
		handle(level, sig, info, context);                                                 \
	}

HANDLER(0)
HANDLER(1)
HANDLER(2)
HANDLER(3)

static void (*const handlers[LEVELS])(int, siginfo_t *, void *) = {
	handler0, handler1, handler2, handler3,
};

/* With the lock held: see to it that a handler of ours is in front. */
static void
install(void)
{
	struct sigaction act = {.sa_flags = SA_SIGINFO | SA_ONSTACK | MARK};

	struct sigaction found;

	displaced_at.tv_sec = 0;
	if (sigaction(SIGBUS, NULL, &found) != 0)
		return;
	/* Somebody put back what he had found before us: nothing leads to ours any more. */
	if ((found.sa_flags & SA_SIGINFO) == 0 &&
	    (found.sa_handler == SIG_DFL || found.sa_handler == SIG_IGN))
		levels = 0;
	if (levels == LEVELS)
		return;
	/* Written before it can be needed, not by the call that installs ours. */
	before[levels] = found;
	act.sa_sigaction = handlers[levels];
	sigemptyset(&act.sa_mask);
	if (sigaction(SIGBUS, &act, NULL) == 0)
		levels++;
}

/* Is it ours that gets the signal first, but for other copies? */
static bool
is_in_front(void)
{
	struct question q = {.whom = entries};
	siginfo_t info = {.si_signo = SIGBUS, .si_code = ASK_CODE, .si_addr = &q};
	struct sigaction now;

	if (sigaction(SIGBUS, NULL, &now) == 0 && is_a_copys(&now))
		now.sa_sigaction(SIGBUS, &info, NULL);
	return q.heard;
}

/* With the lock held and nothing watched: go, if nobody has come after us. */
static void
uninstall(void)
{
	struct sigaction now;

	if (levels == 0 || sigaction(SIGBUS, NULL, &now) != 0 ||
	    (now.sa_flags & SA_SIGINFO) == 0 || now.sa_sigaction != handlers[levels - 1])
		return; /* without entries ours passes everything on */
	levels--;
	sigaction(SIGBUS, &before[levels], NULL);
}

int
folio_fault_watch(void *mem, size_t len, int prot)
{
	int ret = -ENOSPC;
	unsigned int i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < FOLIO_FAULT_MAX && ret != 0; i++) {
		struct entry *e = &entries[i];

		if (e->start != 0)
			continue;
		__atomic_store_n(&e->len, len, __ATOMIC_RELAXED);
		__atomic_store_n(&e->prot, prot, __ATOMIC_RELAXED);
		__atomic_store_n(&e->hit, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&e->start, (uintptr_t)mem, __ATOMIC_RELEASE);
		watched++;
		ret = 0;
	}
	if (ret == 0 && !is_in_front())
		install();
	pthread_mutex_unlock(&lock);
	return ret;
}

static struct entry *
find(const void *mem)
{
	unsigned int i;

	for (i = 0; i < FOLIO_FAULT_MAX; i++) {
		if (__atomic_load_n(&entries[i].start, __ATOMIC_ACQUIRE) == (uintptr_t)mem)
			return &entries[i];
	}
	return NULL;
}

void
folio_fault_unwatch(const void *mem)
{
	struct entry *e;

	if (mem == NULL)
		return;
	pthread_mutex_lock(&lock);
	e = find(mem);
	if (e != NULL) {
		__atomic_store_n(&e->start, 0, __ATOMIC_SEQ_CST);
		watched--;
		if (watched == 0)
			uninstall();
	}
	pthread_mutex_unlock(&lock);
}

bool
folio_fault_hit(const void *mem)
{
	const struct entry *e = mem != NULL ? find(mem) : NULL;

	return e != NULL && __atomic_load_n(&e->hit, __ATOMIC_ACQUIRE) != 0;
}

void
folio_fault_keep(void)
{
	struct timespec now;

	pthread_mutex_lock(&lock);
	if (watched == 0 || is_in_front()) {
		displaced_at.tv_sec = 0;
	} else {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (displaced_at.tv_sec == 0)
			displaced_at = now;
		else if (now.tv_sec - displaced_at.tv_sec > STAY_SECONDS)
			install();
	}
	pthread_mutex_unlock(&lock);
}
