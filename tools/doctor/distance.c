/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "probe.h"

/*
 * How far are two CPUs apart? Two processes, each on one of them, pass a cache line to and fro. The
 * median of many short batches is taken: a batch during which either lost its CPU does not count.
 */

#define MAX_CPU 4096
#define BATCHES 101
#define ENOUGH 11      /* batches, for a median */
#define ROUNDS 100     /* a batch: 5 to 60 us */
#define TRY_NS 100000000 /* for all batches, where others use the CPUs, too */
#define DEADLINE 5     /* seconds for the process that does it */

struct table {
	_Alignas(128) _Atomic uint32_t ball; /* even: the server's turn, odd: the returner's */
	_Alignas(128) _Atomic bool over;
};

static bool
pin(unsigned int cpu)
{
	unsigned long mask[MAX_CPU / (8 * sizeof(unsigned long))] = {0};
	const unsigned int bits = 8 * sizeof(mask[0]);

	if (cpu >= MAX_CPU)
		return false;
	mask[cpu / bits] = 1ul << cpu % bits;
	return sched_setaffinity(0, sizeof(mask), (const cpu_set_t *)mask) == 0;
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void
give_back(struct table *t)
{
	uint32_t turn;

	while (!atomic_load_explicit(&t->over, memory_order_relaxed)) {
		turn = atomic_load_explicit(&t->ball, memory_order_acquire);
		if (turn % 2 == 1)
			atomic_store_explicit(&t->ball, turn + 1, memory_order_release);
	}
}

/* A round trip in ns; 0 if the time ended first. */
static uint64_t
batch(struct table *t, uint32_t *turn, uint64_t end)
{
	uint64_t start = now_ns();
	unsigned int i, spins = 0;

	for (i = 0; i < ROUNDS; i++, *turn += 2) {
		atomic_store_explicit(&t->ball, *turn + 1, memory_order_release);
		while (atomic_load_explicit(&t->ball, memory_order_acquire) != *turn + 2)
			if (++spins % 65536 == 0 && now_ns() > end)
				return 0;
	}
	return (now_ns() - start) / ROUNDS;
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool
serve(struct table *t, int fd)
{
	uint64_t times[BATCHES], end = now_ns() + TRY_NS;
	uint32_t turn = 0;
	unsigned int n = 0;

	while (n < BATCHES && now_ns() < end) {
		times[n] = batch(t, &turn, end);
		if (times[n] == 0)
			break;
		n++;
	}
	if (n < ENOUGH) {
		dprintf(fd, "others use them");
		return false;
	}
	qsort(times, n, sizeof(times[0]), compare);
	dprintf(fd, "%llu", (unsigned long long)times[n / 2]);
	return true;
}

/* arg: two CPUs. Another process plays the other side. */
static bool
measure(const char *arg, int fd)
{
	unsigned int cpus[2];
	struct table *t;
	bool done;
	pid_t pid;

	t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t == MAP_FAILED || sscanf(arg, "%u %u", &cpus[0], &cpus[1]) != 2 || !pin(cpus[0])) {
		dprintf(fd, "not allowed on CPU %u", cpus[0]);
		return false;
	}
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (pin(cpus[1]))
			give_back(t);
		_exit(EXIT_SUCCESS);
	}
	if (pid < 0) {
		dprintf(fd, "cannot fork: %s", strerror(errno));
		return false;
	}
	done = serve(t, fd);
	atomic_store(&t->over, true);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return done;
}

bool
probe_round_trip(const struct probe *p, unsigned int a, unsigned int b, unsigned int *ns,
		 char why[PROBE_WHY])
{
	char text[48];

	if (probe_is_here(p)) {
		snprintf(text, sizeof(text), "%u %u", a, b);
		if (!child_run(measure, text, DEADLINE, why, PROBE_WHY))
			return false;
	} else {
		snprintf(text, sizeof(text), "roundtrip %u %u", a, b);
		if (!probe_answer(p, text, why, PROBE_WHY))
			snprintf(why, PROBE_WHY, "another machine");
	}
	return sscanf(why, "%u", ns) == 1;
}
