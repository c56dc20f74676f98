/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Usage: pingpong [CPU CPU]
 *        pingpong --spin [CPU CPU]
 *
 * How far are two CPUs apart? Two threads pass one cache line to and fro; prints the time of a
 * round trip in ns: the median of many batches, so that a preemption does not count. Then, how much
 * longer one takes to add numbers while the other does so: siblings, which share a core, nearly
 * twice as long, as their round trip alone does not tell on every processor. Virtual CPUs move
 * between siblings, one L3 and two L3s while a benchmark runs: this tells where they are now.
 *
 * With --spin a thread of idle priority spins on each CPU until the process is killed: it keeps the
 * CPUs awake and yields to everybody.
 */

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define BATCHES 41
#define ROUNDS 1000 /* a batch: 50 to 600 us */
#define LAST (BATCHES * ROUNDS * 2)
#define SUMS 7
#define SUM_ROUNDS 100000 /* a few hundred us */

static struct {
	_Alignas(128) _Atomic uint32_t ball; /* even: the server's turn, odd: the returner's */
	_Alignas(128) _Atomic int spinning;
	_Alignas(128) _Atomic int adding;
} shared;

static void
relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static void
fail(const char *what)
{
	fprintf(stderr, "pingpong: %s\n", what);
	exit(1);
}

static void
pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0)
		fail("cannot pin a thread to its CPU");
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void
wait_for(uint32_t turn)
{
	while (atomic_load_explicit(&shared.ball, memory_order_acquire) != turn)
		; /* no pause: it costs more than a sibling's answer */
}

static void *
returner(void *arg)
{
	uint32_t turn;

	pin(*(const int *)arg);
	for (turn = 1; turn < LAST; turn += 2) {
		wait_for(turn);
		atomic_store_explicit(&shared.ball, turn + 1, memory_order_release);
	}
	return NULL;
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* As many additions at a time as a core can do by itself. */
static uint64_t
add_numbers(void)
{
	uint64_t sums[8] = {0}, start = now_ns();
	uint32_t i, j;

	for (i = 0; i < SUM_ROUNDS; i++) {
		for (j = 0; j < 8; j++) {
			sums[j] += j;
			__asm__ volatile("" : "+r"(sums[j]));
		}
	}
	return now_ns() - start;
}

static void *
adder(void *arg)
{
	pin(*(const int *)arg);
	atomic_store(&shared.adding, 1);
	while (atomic_load(&shared.adding))
		add_numbers();
	return NULL;
}

static uint64_t
median_sum(void)
{
	uint64_t sums[SUMS];
	int i;

	for (i = 0; i < SUMS; i++)
		sums[i] = add_numbers();
	qsort(sums, SUMS, sizeof(sums[0]), compare);
	return sums[SUMS / 2];
}

/* The other CPU idles, then it adds. */
static double
slow_down(int *peer)
{
	uint64_t alone, both;
	pthread_t thread;

	alone = median_sum();
	if (pthread_create(&thread, NULL, adder, peer) != 0)
		fail("cannot create a thread");
	while (!atomic_load(&shared.adding))
		relax();
	both = median_sum();
	atomic_store(&shared.adding, 0);
	pthread_join(thread, NULL);
	return (double)both / (double)alone;
}

static void
measure(const int *cpus)
{
	static uint64_t batch[BATCHES];
	uint32_t turn = 0, i, b;
	pthread_t thread;
	uint64_t start;
	int peer = cpus[1];

	if (pthread_create(&thread, NULL, returner, &peer) != 0)
		fail("cannot create a thread");
	pin(cpus[0]);
	for (b = 0; b < BATCHES; b++) {
		start = now_ns();
		for (i = 0; i < ROUNDS; i++, turn += 2) {
			atomic_store_explicit(&shared.ball, turn + 1, memory_order_release);
			wait_for(turn + 2);
		}
		batch[b] = now_ns() - start;
	}
	pthread_join(thread, NULL);
	qsort(batch, BATCHES, sizeof(batch[0]), compare);
	printf("%.1f %.2f\n", (double)batch[BATCHES / 2] / ROUNDS, slow_down(&peer));
}

static void *
spinner(void *arg)
{
	static const struct sched_param none;

	pin(*(const int *)arg);
	if (pthread_setschedparam(pthread_self(), SCHED_IDLE, &none) != 0)
		fail("cannot set the idle priority");
	atomic_fetch_add(&shared.spinning, 1);
	for (;;)
		relax();
	return NULL;
}

static void
spin(int *cpus)
{
	pthread_t thread;
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* never outlive the script */
	for (i = 0; i < 2; i++)
		if (pthread_create(&thread, NULL, spinner, &cpus[i]) != 0)
			fail("cannot create a thread");
	while (atomic_load(&shared.spinning) < 2)
		usleep(1000);
	puts("spinning");
	fflush(stdout);
	for (;;)
		pause();
}

int
main(int argc, char **argv)
{
	int cpus[2] = {0, 1};
	int first = 1;
	int do_spin;

	do_spin = argc > 1 && strcmp(argv[1], "--spin") == 0;
	first += do_spin;
	if (argc == first + 2) {
		cpus[0] = atoi(argv[first]);
		cpus[1] = atoi(argv[first + 1]);
	} else if (argc != first) {
		fail("usage: pingpong [--spin] [CPU CPU]");
	}
	if (cpus[0] < 0 || cpus[1] < 0 || cpus[0] >= CPU_SETSIZE || cpus[1] >= CPU_SETSIZE ||
	    cpus[0] == cpus[1])
		fail("two different CPUs are needed");
	if (do_spin)
		spin(cpus);
	measure(cpus);
	return 0;
}
