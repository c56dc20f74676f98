/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * bench-limit: how many packets a second can two threads copy through shared memory? See --help.
 *
 * The limit of whatever copies into a shared region on one CPU and out of it on another: no mbufs,
 * no descriptors, no checks.
 */

#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "limit.h"
#include "options.h"

#define HUGE_PAGE (2UL << 20)
#define WARM_UP 0.2 /* of the time that is measured, before it */
#define TRIAL 0.25  /* the same, of a trial's length */
/* A mempool's element: headers and headroom before a packet, and testpmd's room for one. */
#define BUFFER_HEADERS 320
#define BUFFER_ROOM 2048
/* What the search goes up to. */
#define SLOTS_LARGEST 4096
#define BUFFERS_LARGEST 512
#define PORT_STRIDE (33 * LINE) /* folio's, for 2048 bytes */

extern const struct work work_portable;
#if defined(__x86_64__)
extern const struct work work_avx2, work_avx512;
#endif

/* What a trial measures: a tuning, and an instruction set. */
struct candidate {
	struct tuning tuning;
	const struct work *work;
	double mpps;
	double shares[2]; /* of its CPU that each thread had */
};

struct bench {
	struct options options;
	struct side sides[2];
	struct ring rings[2];
	uint8_t *memory; /* both rings' slots, then both sides' buffers */
	size_t bytes;
	bool huge;
	uint32_t trials;
};

static void
fail(const char *what)
{
	fprintf(stderr, "bench-limit: %s\n", what);
	exit(1);
}

static double
read_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* The CPU time in seconds of a thread so far. */
static double
cpu_time(pthread_t thread)
{
	clockid_t clock;

	if (pthread_getcpuclockid(thread, &clock) != 0)
		fail("a thread has no clock");
	return read_clock(clock);
}

static void
sleep_for(double seconds)
{
	struct timespec ts = {.tv_sec = (time_t)seconds};

	ts.tv_nsec = (long)((seconds - (double)ts.tv_sec) * 1e9);
	nanosleep(&ts, NULL);
}

static uint32_t
buffer_stride(const struct options *o)
{
	uint32_t room = o->size < BUFFER_ROOM ? BUFFER_ROOM : (o->size + LINE - 1) / LINE * LINE;

	return room + BUFFER_HEADERS;
}

/* For the largest candidate. Huge pages, if there are any; else the kernel may make some. */
static void
allocate(struct bench *b, const struct tuning *largest)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;

	b->bytes = 2 * (size_t)largest->slots * largest->stride +
		   2 * (size_t)largest->buffers * buffer_stride(&b->options);
	b->bytes = (b->bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	b->memory = mmap(NULL, b->bytes, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB, -1, 0);
	b->huge = b->memory != MAP_FAILED;
	if (!b->huge) {
		b->memory = mmap(NULL, b->bytes, PROT_READ | PROT_WRITE, flags & ~MAP_POPULATE, -1,
				 0);
		if (b->memory == MAP_FAILED)
			fail("no memory for the rings");
		(void)madvise(b->memory, b->bytes, MADV_HUGEPAGE);
	}
	memset(b->memory, 0, b->bytes);
}

/* Side 0 sends through ring 0; ring 1 leads back. */
static void
prepare(struct bench *b, const struct tuning *t)
{
	const struct options *o = &b->options;
	uint8_t *at = b->memory;
	int i;

	for (i = 0; i < 2; i++) {
		b->rings[i].head = 0;
		b->rings[i].tail = 0;
		b->rings[i].slots = at;
		at += (size_t)t->slots * t->stride;
	}
	for (i = 0; i < 2; i++) {
		struct side *s = &b->sides[i];

		s->tuning = *t;
		s->out = &b->rings[i];
		s->in = &b->rings[1 - i];
		s->buffers = at;
		s->buffer_stride = buffer_stride(o);
		s->lines = (o->size + LINE - 1) / LINE;
		s->touch = o->touch;
		s->inject = i == 0 ? INJECT : 0;
		s->packets = 0;
		s->stop = false;
		at += (size_t)t->buffers * s->buffer_stride;
	}
}

struct task {
	void (*run)(struct side *s);
	struct side *side;
};

static void *
run_task(void *arg)
{
	const struct task *task = arg;

	task->run(task->side);
	return NULL;
}

static void
start(pthread_t *thread, struct task *task, int cpu)
{
	pthread_attr_t attr;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	if (pthread_create(thread, &attr, run_task, task) != 0) {
		fprintf(stderr, "bench-limit: --cpus: no thread can run on CPU %d\n", cpu);
		exit(1);
	}
	pthread_attr_destroy(&attr);
}

/* The rate at which side 1 receives, and whether anybody was in the way. */
static void
measure(struct bench *b, struct candidate *c, double seconds)
{
	const struct options *o = &b->options;
	struct task tasks[2] = {
		{o->loop ? c->work->forward : c->work->send, &b->sides[0]},
		{o->loop ? c->work->forward : c->work->receive, &b->sides[1]},
	};
	pthread_t threads[2];
	uint64_t packets;
	double time;
	int i;

	prepare(b, &c->tuning);
	for (i = 0; i < 2; i++)
		start(&threads[i], &tasks[i], o->cpus[i]);
	sleep_for(WARM_UP * seconds);
	for (i = 0; i < 2; i++)
		c->shares[i] = cpu_time(threads[i]);
	time = read_clock(CLOCK_MONOTONIC);
	packets = b->sides[1].packets;
	sleep_for(seconds);
	packets = b->sides[1].packets - packets;
	time = read_clock(CLOCK_MONOTONIC) - time;
	for (i = 0; i < 2; i++)
		c->shares[i] = (cpu_time(threads[i]) - c->shares[i]) / time;
	for (i = 0; i < 2; i++)
		b->sides[i].stop = true;
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	c->mpps = (double)packets / time / 1e6;
	b->trials++;
}

static void
try(struct bench *b, struct candidate *best, struct candidate c)
{
	measure(b, &c, TRIAL * b->options.seconds);
	if (c.mpps > best->mpps)
		*best = c;
}

/* Other values of one number of the tuning. */
static void
try_values(struct bench *b, struct candidate *best, size_t offset, const uint32_t *values, size_t n)
{
	const struct candidate before = *best;
	size_t i;

	for (i = 0; i < n; i++) {
		struct candidate c = before;
		uint32_t *value = (uint32_t *)((char *)&c.tuning + offset);

		if (*value == values[i])
			continue;
		*value = values[i];
		if (c.tuning.burst <= c.tuning.buffers)
			try(b, best, c);
	}
}

#define TRY(b, best, field, ...)								\
	do {											\
		const uint32_t values[] = {__VA_ARGS__};					\
												\
		try_values(b, best, offsetof(struct tuning, field), values,			\
			   sizeof(values) / sizeof(values[0]));					\
	} while (0)

/* The instruction sets that this CPU has, the widest first. */
static size_t
list_work(const struct work **works)
{
	size_t n = 0;

#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
		works[n++] = &work_avx512;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
		works[n++] = &work_avx2;
#endif
	works[n++] = &work_portable;
	return n;
}

static const struct work *
choose_work(const char *name, const struct work *const *works, size_t n)
{
	size_t i;

	for (i = 0; i < n && name != NULL; i++)
		if (strcmp(works[i]->isa, name) == 0)
			return works[i];
	if (name == NULL)
		return works[0];
	fprintf(stderr, "bench-limit: --copy=%s: allowed is", name);
	for (i = 0; i < n; i++)
		fprintf(stderr, " %s", works[i]->isa);
	fputs(" on this CPU\n", stderr);
	exit(2);
}

/* One thing after the other, each time going on from the best so far. */
static void
search(struct bench *b, struct candidate *best, const struct work *const *works, size_t n)
{
	const uint32_t closest = best->tuning.stride, odd = closest | LINE;
	const struct candidate before = *best;
	size_t i;

	best->mpps = 0; /* trials are compared with trials */
	try(b, best, before);
	for (i = 1; i < n && b->options.copy == NULL; i++) {
		struct candidate c = before;

		c.work = works[i];
		try(b, best, c);
	}
	TRY(b, best, ahead, 0, 1, 2, 4, 8, 16, 32);
	TRY(b, best, stride, odd, odd < PORT_STRIDE ? PORT_STRIDE : odd + 2 * LINE);
	TRY(b, best, fetch, 0, 1, 2, 4, 8, 16);
	TRY(b, best, burst, 16, 32, 64, 128);
	TRY(b, best, buffers, 32, 128, BUFFERS_LARGEST);
	TRY(b, best, slots, 1024, 2048, SLOTS_LARGEST);
	if (!b->options.loop)
		TRY(b, best, slots, 256, 512);
}

static void
print(const struct bench *b, const struct candidate *c)
{
	const struct options *o = &b->options;
	const struct tuning *t = &c->tuning;

	printf("{\"mpps\": %.4f, \"size\": %u, \"touch\": %s, \"loop\": %s, \"seconds\": %g, "
	       "\"copy\": \"%s\", \"slots\": %u, \"burst\": %u, \"stride\": %u, \"buffers\": %u, "
	       "\"ahead\": %u, \"fetch\": %u, \"cpu_share\": [%.3f, %.3f], \"huge_pages\": %s, "
	       "\"trials\": %u}\n",
	       c->mpps, o->size, o->touch ? "true" : "false", o->loop ? "true" : "false",
	       o->seconds, c->work->isa, t->slots, t->burst, t->stride, t->buffers, t->ahead,
	       t->fetch, c->shares[0], c->shares[1], b->huge ? "true" : "false", b->trials);
}

static uint32_t
larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

int
main(int argc, char **argv)
{
	static struct bench b;
	const struct work *works[3];
	struct tuning largest;
	struct candidate first, best;
	size_t n;

	options_parse(argc, argv, &b.options);
	n = list_work(works);
	first = (struct candidate){.tuning = b.options.tuning,
				   .work = choose_work(b.options.copy, works, n)};
	largest = first.tuning;
	if (b.options.best) {
		largest.slots = larger(largest.slots, SLOTS_LARGEST);
		largest.stride = larger(largest.stride + 3 * LINE, PORT_STRIDE);
		largest.buffers = larger(largest.buffers, BUFFERS_LARGEST);
	}
	allocate(&b, &largest);
	measure(&b, &first, b.options.seconds);
	best = first;
	if (b.options.best) {
		search(&b, &best, works, n);
		/* Not the best trial's figure: that would be the luckiest one. */
		measure(&b, &best, b.options.seconds);
		if (first.mpps > best.mpps)
			best = first;
	}
	if (best.mpps <= 0)
		fail("no packet arrived");
	print(&b, &best);
	munmap(b.memory, b.bytes);
	return 0;
}
