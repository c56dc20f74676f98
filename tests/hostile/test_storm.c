/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Two real sides under traffic in this process, and a thread that does nothing but change the
 * memory between them, as fast as it can. Meanwhile anything may be counted and lost, and nothing may be
 * written beyond a buffer; afterwards traffic must flow in both directions without a restart.
 * How much is done is counted in what the victim does and never in time: a busy machine takes longer.
 * $FOLIO_TEST_ALL: ten times as much. $FOLIO_CUTS is how often the file is cut. $FOLIO_SEED is where to
 * begin. Only a campaign (./run hostile) has $FOLIO_MUTATE_SECONDS, for how long memory is mutated a role.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mutate.h"
#include "port.h"
#include "../unit/util.h"

#define RING 64
#define SLOT 256
#define AREA (2u << 20)
#define ROOM 2048
#define MARGIN 64
#define BURST 16
#define CANARY 0xc5
#define ENOUGH 2000 /* good frames that show that traffic flows */
#define CUTS 20
#define MUTATIONS (1u << 20)
#define VIOLATIONS 10 /* that the victim of mutations counts at least */

/* What the victim of a storm gets done meanwhile, at least. */
#define ROUNDS 1000
#define TICKS 100

/* A thread can't use cmocka: its assertions jump to the main thread's stack. */
#define THREAD_ASSERT(cond)                                                                        \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                 \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct side {
	struct folio *port;
	uint64_t received; /* frames of any kind */
	uint64_t good;	   /* of these, as they were sent */
	uint64_t rounds;   /* a burst in each direction */
	uint64_t ticks;
	bool shutdown;
	pthread_t data, control;
	uint64_t seed;
};

struct arena {
	char path[160];
	struct side side[2]; /* guest, host */
};

static uint64_t
load(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void
add(uint64_t *p, uint64_t n)
{
	__atomic_store_n(p, *p + n, __ATOMIC_RELAXED);
}

static bool
is_set(const bool *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void
set(bool *p)
{
	__atomic_store_n(p, true, __ATOMIC_RELEASE);
}

static uint64_t
checksum(const uint8_t *data, uint32_t len)
{
	uint64_t sum = len;
	uint32_t i;

	for (i = 0; i < len; i++)
		sum = sum * 31 + ((const volatile uint8_t *)data)[i];
	return sum;
}

/* T2: what an application has got does not change any more, whoever writes to the region. */
static void
receive_burst(struct side *s)
{
	static __thread uint8_t room[BURST][ROOM + MARGIN];
	struct folio_buf bufs[BURST];
	uint64_t sums[BURST];
	uint16_t n, i;

	for (i = 0; i < BURST; i++) {
		bufs[i] = (struct folio_buf){.data = room[i], .room = ROOM};
		memset(room[i] + ROOM, CANARY, MARGIN);
	}
	n = folio_recv(s->port, 0, bufs, BURST);
	THREAD_ASSERT(n <= BURST);
	for (i = 0; i < n; i++) {
		THREAD_ASSERT(bufs[i].len >= FOLIO_WIRE_FRAME_MIN && bufs[i].len <= ROOM);
		sums[i] = checksum(room[i], bufs[i].len);
	}
	for (i = 0; i < n; i++) {
		THREAD_ASSERT(sums[i] == checksum(room[i], bufs[i].len));
		add(&s->good, peer_frame_ok(room[i], bufs[i].len));
	}
	for (i = 0; i < BURST; i++)
		THREAD_ASSERT(util_all_bytes(room[i] + ROOM, CANARY, MARGIN));
	add(&s->received, n);
}

static void *
data_thread(void *arg)
{
	static __thread uint8_t out[BURST][ROOM];
	struct side *s = arg;
	struct folio_buf bufs[BURST];
	uint16_t i;

	while (!is_set(&s->shutdown)) {
		receive_burst(s);
		for (i = 0; i < BURST; i++) {
			uint32_t len = 14 + (uint32_t)(peer_random(&s->seed) % 500);

			peer_frame_make(out[i], len, (uint32_t)s->seed);
			bufs[i] = (struct folio_buf){.data = out[i], .len = len};
		}
		if (folio_send(s->port, 0, bufs, BURST) < 0)
			sched_yield();
		add(&s->rounds, 1);
	}
	return NULL;
}

static void *
control_thread(void *arg)
{
	struct side *s = arg;

	while (!is_set(&s->shutdown)) {
		folio_tick(s->port);
		add(&s->ticks, 1);
		usleep(1000);
	}
	return NULL;
}

static void
open_arena(struct arena *a, const char *dir)
{
	int i;

	memset(a, 0, sizeof(*a));
	snprintf(a->path, sizeof(a->path), "%s/region", dir);
	for (i = 0; i < 2; i++) {
		struct side *s = &a->side[i];
		struct folio_config cfg = {.role = i == 0 ? FOLIO_GUEST : FOLIO_HOST,
					   .path = a->path, .queues = 1};

		if (i == 0) {
			cfg.ring_size = RING;
			cfg.slot_size = SLOT;
		}
		s->seed = 77 + (uint64_t)i;
		s->port = folio_open(&cfg, NULL);
		assert_non_null(s->port);
		assert_int_equal(folio_start(s->port), 0);
		assert_int_equal(pthread_create(&s->control, NULL, control_thread, s), 0);
		assert_int_equal(pthread_create(&s->data, NULL, data_thread, s), 0);
	}
}

static void
close_arena(struct arena *a)
{
	int i;

	for (i = 0; i < 2; i++) {
		set(&a->side[i].shutdown);
		pthread_join(a->side[i].data, NULL);
		pthread_join(a->side[i].control, NULL);
	}
	for (i = 0; i < 2; i++)
		folio_close(a->side[i].port);
	(void)unlink(a->path);
}

/* For the reader of a failure. */
static void
describe(const struct arena *a)
{
	struct folio_status st;
	int i;

	for (i = 0; i < 2; i++) {
		const struct folio_prod *p = &folio_port_txq(a->side[i].port, 0)->ring;
		const struct folio_cons *c = &folio_port_rxq(a->side[i].port, 0)->ring;

		folio_status(a->side[i].port, &st);
		print_message("%s: %s (%s), ring broken %u %u, sent %u, taken %u, received %u, "
			      "told %u\n", i == 0 ? "guest" : "host", folio_link_name(st.link),
			      st.detail, p->broken, c->broken, p->head, p->seen, c->head,
			      c->published);
	}
}

/* Good frames arrive on both sides. The runner's time limit is for the case that they don't. */
static void
traffic_flows(struct arena *a)
{
	uint64_t before[2] = {load(&a->side[0].good), load(&a->side[1].good)};
	unsigned int n = 0;
	int i;

	for (i = 0; i < 2; i++) {
		while (load(&a->side[i].good) < before[i] + ENOUGH) {
			usleep(1000);
			if (++n % 10000 == 0)
				describe(a);
		}
	}
}

static uint64_t
first_seed(void)
{
	const char *env = getenv("FOLIO_SEED");

	return env != NULL ? strtoull(env, NULL, 0) | 1 : 20261125;
}

/* The attacker's view of the region: on the side of `attacker`, 0 guest or 1 host. */
static struct peer
look_in(const struct arena *a, int attacker)
{
	const struct geometry g = {1, RING, SLOT, 21};
	struct peer p = {.seed = first_seed()};

	assert_true(peer_open(&p, a->path, attacker == 0, &g));
	return p;
}

/* Ten times as much in the long form. */
static unsigned int
effort(void)
{
	return getenv("FOLIO_TEST_ALL") != NULL ? 10 : 1;
}

/* What a side has got done since it was looked at first. */
struct progress {
	const struct side *side;
	uint64_t rounds, ticks;
};

static struct progress
look_at(const struct side *s)
{
	return (struct progress){s, load(&s->rounds), load(&s->ticks)};
}

static bool
has_worked(const struct progress *p)
{
	return load(&p->side->rounds) - p->rounds >= ROUNDS * effort() &&
	       load(&p->side->ticks) - p->ticks >= TICKS * effort();
}

static void
storm(void **state, void (*change)(struct peer *p, uint64_t r))
{
	struct progress victim;
	struct arena a;
	struct peer p;
	uint64_t n, start;
	int attacker;

	for (attacker = 0; attacker < 2; attacker++) {
		open_arena(&a, *state);
		traffic_flows(&a);
		p = look_in(&a, attacker);
		victim = look_at(&a.side[1 - attacker]);
		start = load(&a.side[1 - attacker].received);
		for (n = 0; n % 1000 != 0 || !has_worked(&victim); n++)
			change(&p, peer_random(&p.seed));
		print_message("%llu changes, the %s received %llu\n", (unsigned long long)n,
			      attacker == 0 ? "host" : "guest",
			      (unsigned long long)(load(&a.side[1 - attacker].received) - start));
		peer_close(&p);
		traffic_flows(&a);
		close_arena(&a);
	}
}

static void
flip_index(struct peer *p, uint64_t r)
{
	struct folio_wire_index *x = peer_index(p, p->own);
	folio_shared_u32 *field = r & 1 ? &x->produced : &x->consumed;
	uint32_t good = load32(field);

	store32(field, r & 2 ? (uint32_t)(r >> 32) : good + (uint32_t)(r >> 8) % (2 * RING) - RING);
	store32(field, good);
}

static void
test_T1_indices_at_full_speed(void **state)
{
	storm(state, flip_index);
}

/* Right and wrong in turn, so that a second look would find the other one. */
static void
flip_descriptor(struct peer *p, uint64_t r)
{
	folio_wire_desc *d = peer_desc(p, p->own, (uint32_t)r);
	const uint64_t values[] = {60, UINT32_MAX, 13, 60 | UINT64_C(1) << 40, 20480, 320, 321, r};

	store64(d, values[(r >> 32) % ARRAY_LEN(values)]);
	store64(d, 60 + (r >> 50) % 260);
}

static void
test_T1_descriptors_at_full_speed(void **state)
{
	storm(state, flip_descriptor);
}

static void
flip_header(struct peer *p, uint64_t r)
{
	folio_shared_u32 *field = (folio_shared_u32 *)p->own + r % 18;
	uint32_t good = load32(field);

	store32(field, r & (1u << 20) ? (uint32_t)(r >> 32) : good ^ 1u << (r >> 32) % 32);
	store32(field, good);
}

static void
test_T1_header_at_full_speed(void **state)
{
	storm(state, flip_header);
}

static void
rewrite_slot(struct peer *p, uint64_t r)
{
	uint8_t *slot = peer_slot(p, p->own, (uint32_t)r);

	memset(slot, (int)(r >> 32), p->stride);
}

static void
test_T2_payload_at_full_speed(void **state)
{
	storm(state, rewrite_slot);
}

static void
overwrite_victim(struct peer *p, uint64_t r)
{
	folio_shared_u32 *word = (folio_shared_u32 *)(p->victim + r % (p->used / 4) * 4);

	store32(word, (uint32_t)(r >> 32));
}

static void
test_T3_own_area_at_full_speed(void **state)
{
	storm(state, overwrite_victim);
}

static void
new_generation(struct peer *p, uint64_t r)
{
	struct folio_wire_header *h = peer_header(p->own);

	store64(&h->generation, r);
	store64(&h->ack, r & 1 ? load64(&peer_header(p->victim)->generation) : r);
	store32(&h->state, (uint32_t)(r >> 8) % 4);
}

static void
test_L4_generations_at_full_speed(void **state)
{
	storm(state, new_generation);
}

/* L3: the file is cut to anything between nothing and almost all, under bursts of both sides. */
static void
test_L3_cut_under_traffic(void **state)
{
	const char *env = getenv("FOLIO_CUTS");
	unsigned int cut, wanted = env != NULL ? (unsigned int)atoi(env) : CUTS * effort();
	struct folio_counters c[2];
	uint64_t seed = first_seed(), cuts[2];
	struct arena a;
	off_t left;
	int i;

	open_arena(&a, *state);
	for (cut = 0; cut < wanted; cut++) {
		uint64_t before = load(&a.side[0].good) + 50, after = load(&a.side[1].good) + 50;

		while (load(&a.side[0].good) < before || load(&a.side[1].good) < after)
			usleep(100);
		/* In the used part of either area: most of an area is alignment. */
		left = (off_t)(peer_random(&seed) % 2 * AREA + peer_random(&seed) % 40000);
		while (truncate(a.path, left) != 0) /* while they change to a new file */
			assert_int_equal(errno, ENOENT);
	}
	traffic_flows(&a);
	for (i = 0; i < 2; i++) {
		folio_counters(a.side[i].port, &c[i]);
		cuts[i] = c[i].violations[FOLIO_PEER_CUT_REGION];
	}
	print_message("%u cuts, counted by the guest %llu, by the host %llu\n", wanted,
		      (unsigned long long)cuts[0], (unsigned long long)cuts[1]);
	/* A side that comes late finds a file that is whole again, and its replaced memory. */
	for (i = 0; i < 2; i++)
		assert_in_range(cuts[i], 1, wanted);
	close_arena(&a);
}

static time_t
seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static uint64_t
violations_of(const struct side *s)
{
	struct folio_counters c;
	uint64_t sum = 0;
	int v;

	folio_counters(s->port, &c);
	for (v = 0; v < FOLIO_VIOLATIONS; v++)
		sum += c.violations[v];
	return sum;
}

static void
mutate_memory(void **state, enum mutate_at at)
{
	const char *seconds = getenv("FOLIO_MUTATE_SECONDS");
	struct folio_counters c;
	const struct side *victim;
	struct progress since;
	time_t end = seconds_now() + (seconds != NULL ? atoi(seconds) : 0);
	uint64_t n = 0, found = 0;
	struct arena a;
	struct peer p;

	open_arena(&a, *state);
	traffic_flows(&a);
	p = look_in(&a, 1);
	p.seed ^= (uint64_t)at << 32;
	victim = &a.side[at == MUTATE_FOR_GUEST ? 0 : 1];
	since = look_at(victim);
	do {
		mutate(&p, at, 64);
		n += 64;
		/* At times rarely enough for sessions to come up in between. */
		if (n % 65536 == 0) {
			usleep((useconds_t)(peer_random(&p.seed) % 4 * 50000));
			found = violations_of(victim);
		}
	} while (seconds != NULL ? seconds_now() < end
				 : n < MUTATIONS * effort() || !has_worked(&since) ||
				   found < VIOLATIONS * effort());
	peer_close(&p);
	found = violations_of(victim);
	folio_counters(victim->port, &c);
	print_message("%llu mutations, the victim counted %llu violations, %llu sessions\n",
		      (unsigned long long)n, (unsigned long long)found,
		      (unsigned long long)c.link_ups);
	assert_true(found > 0);
	traffic_flows(&a);
	close_arena(&a);
}

static void
test_mutated_under_a_guest(void **state)
{
	mutate_memory(state, MUTATE_FOR_GUEST);
}

static void
test_mutated_under_a_host(void **state)
{
	mutate_memory(state, MUTATE_FOR_HOST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, util_dir_setup, util_dir_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_T1_indices_at_full_speed),
		TEST(test_T1_descriptors_at_full_speed),
		TEST(test_T1_header_at_full_speed),
		TEST(test_T2_payload_at_full_speed),
		TEST(test_T3_own_area_at_full_speed),
		TEST(test_L3_cut_under_traffic),
		TEST(test_L4_generations_at_full_speed),
		TEST(test_mutated_under_a_guest),
		TEST(test_mutated_under_a_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
