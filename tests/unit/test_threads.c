/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Threads, for ThreadSanitizer too. Everything is bounded by counts; the test runner's time limit
 * is for what hangs.
 */

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port.h"
#include "util.h"

/* A thread can't use cmocka: its assertions jump to the main thread's stack. */
#define THREAD_ASSERT(cond)                                                                        \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                 \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static uint64_t
load(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void
store(uint64_t *p, uint64_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELAXED);
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

static void
start_thread(pthread_t *t, void *(*fn)(void *), void *arg)
{
	assert_int_equal(pthread_create(t, NULL, fn, arg), 0);
}

/* The gate. */

#define GATE_ENTRIES 300000
#define GATE_CLOSES 3000

struct gate_test {
	struct folio_gate gate;
	uint64_t guarded; /* plain: whoever is on the wrong side of the gate is a data race */
	uint64_t entered;
	uint64_t bounced;
	bool closer_done;
};

static bool
close_one(struct folio_gate *g)
{
	return folio_gates_close(&g, 1);
}

static void *
gate_user(void *arg)
{
	struct gate_test *t = arg;
	uint64_t before;

	while (t->entered < GATE_ENTRIES || !is_set(&t->closer_done)) {
		if (!folio_gate_enter(&t->gate)) {
			t->bounced++;
			sched_yield();
			continue;
		}
		before = t->guarded++;
		__atomic_signal_fence(__ATOMIC_SEQ_CST); /* the compiler must store and load */
		THREAD_ASSERT(t->guarded == before + 1);
		t->entered++;
		folio_gate_leave(&t->gate);
	}
	return NULL;
}

static void *
gate_closer(void *arg)
{
	struct gate_test *t = arg;
	uint64_t before;
	int i, n;

	for (i = 0; i < GATE_CLOSES; i++) {
		while (!close_one(&t->gate)) /* a starved thread may be inside for long */
			sched_yield();
		before = t->guarded;
		for (n = 0; n < 50; n++) {
			t->guarded += 1000;
			__atomic_signal_fence(__ATOMIC_SEQ_CST);
			THREAD_ASSERT(t->guarded == before + 1000 * ((uint64_t)n + 1));
		}
		t->guarded = before;
		folio_gate_open(&t->gate);
		if (i % 16 == 0)
			sched_yield();
	}
	set(&t->closer_done);
	return NULL;
}

static void
check_gate(bool fenced)
{
	static struct gate_test t;
	pthread_t user, closer;

	memset(&t, 0, sizeof(t));
	folio_gate_init(&t.gate);
	if (fenced)
		t.gate.fenced = 1;
	assert_false(folio_gate_enter(&t.gate));
	folio_gate_open(&t.gate);
	start_thread(&user, gate_user, &t);
	start_thread(&closer, gate_closer, &t);
	pthread_join(closer, NULL);
	pthread_join(user, NULL);
	assert_int_equal(t.guarded, t.entered);
}

static void
test_gate(void **state)
{
	(void)state;
	check_gate(false);
}

/* As on a kernel without membarrier(2). */
static void
test_gate_with_fences(void **state)
{
	(void)state;
	check_gate(true);
}

/* A burst that does not leave: closing gives up, and can be had again. One of many holds up all. */
static void
test_gate_that_cannot_be_closed(void **state)
{
	struct folio_gate g[3], *all[] = {&g[0], &g[1], &g[2]};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(g); i++) {
		folio_gate_init(&g[i]);
		folio_gate_open(&g[i]);
	}
	g[0].fenced = 1;
	for (i = 0; i < ARRAY_LEN(g); i++) {
		assert_true(folio_gate_enter(&g[i]));
		assert_false(folio_gates_close(all, ARRAY_LEN(g)));
		folio_gate_leave(&g[i]);
		assert_true(folio_gates_close(all, ARRAY_LEN(g)));
		assert_false(folio_gate_enter(&g[0]) || folio_gate_enter(&g[1]) ||
			     folio_gate_enter(&g[2]));
		/* Who knocks at a closed gate is not inside. */
		g[i].busy = 1;
		assert_true(folio_gates_close(all, ARRAY_LEN(g)));
		g[i].busy = 0;
		folio_gate_open(&g[0]);
		folio_gate_open(&g[1]);
		folio_gate_open(&g[2]);
	}
	assert_true(close_one(&g[1]));
	assert_true(folio_gate_enter(&g[2]));
	folio_gate_leave(&g[2]);
}

/* Two ports, streams in both directions, and somebody who stops and starts one of them. */

#define FRAMES 200000
#define RESTARTS 30
#define LEN_MAX 1600 /* up to six slots */
#define BURST 16

struct end {
	struct folio *port;
	struct end *peer;
	uint64_t received; /* written by the data thread only */
	uint64_t ticks;	   /* written by the control thread only */
	bool shutdown;
};

/* Length and content follow from the number that a frame begins with (and ends with). */
static uint32_t
frame_len(uint64_t number)
{
	return 16 + (uint32_t)(number * 2654435761u % (LEN_MAX - 16 + 1));
}

static void
frame_make(uint8_t *data, uint64_t number)
{
	uint32_t len = frame_len(number);

	memset(data, (int)(number * 7), len);
	memcpy(data, &number, sizeof(number));
	memcpy(data + len - sizeof(number), &number, sizeof(number));
}

static uint64_t
frame_check(const uint8_t *data, uint32_t len)
{
	uint64_t number, again;

	memcpy(&number, data, sizeof(number));
	THREAD_ASSERT(len == frame_len(number));
	memcpy(&again, data + len - sizeof(again), sizeof(again));
	THREAD_ASSERT(number == again);
	if (len > 2 * sizeof(number))
		THREAD_ASSERT(util_all_bytes(data + sizeof(number), (uint8_t)(number * 7),
					     len - 2 * sizeof(number)));
	return number;
}

static uint32_t
send_burst(struct end *e, uint8_t (*room)[LEN_MAX], uint64_t *next)
{
	struct folio_buf bufs[BURST];
	int sent;
	uint16_t n;

	for (n = 0; n < BURST; n++) {
		frame_make(room[n], *next + n);
		bufs[n] = (struct folio_buf){.data = room[n], .len = frame_len(*next + n)};
	}
	sent = folio_send(e->port, 0, bufs, BURST);
	if (sent < 0)
		return 0;
	*next += (uint32_t)sent;
	return (uint32_t)sent;
}

static uint32_t
recv_burst(struct end *e, uint8_t (*room)[LEN_MAX], uint64_t *last)
{
	struct folio_buf bufs[BURST];
	uint64_t number;
	uint16_t n, i;

	for (n = 0; n < BURST; n++)
		bufs[n] = (struct folio_buf){.data = room[n], .room = LEN_MAX};
	n = folio_recv(e->port, 0, bufs, BURST);
	for (i = 0; i < n; i++) {
		number = frame_check(room[i], bufs[i].len);
		/* Lost by a restart, yes; twice or out of order, never. */
		THREAD_ASSERT(number > *last);
		*last = number;
	}
	store(&e->received, e->received + n);
	return n;
}

static void *
data_thread(void *arg)
{
	static __thread uint8_t out[BURST][LEN_MAX], in[BURST][LEN_MAX];
	struct end *e = arg;
	uint64_t next = 1, last = 0;
	uint32_t moved;

	while (!is_set(&e->shutdown)) {
		moved = send_burst(e, out, &next) + recv_burst(e, in, &last);
		if (moved == 0)
			sched_yield();
	}
	return NULL;
}

/*
 * A session leaves a peer behind that does not let go of the rings within ten steps, and counts
 * what it finds in them then. That is no subject here, so no end is far ahead of a starved one.
 */
static void *
control_thread(void *arg)
{
	struct end *e = arg;

	while (!is_set(&e->shutdown)) {
		if (e->ticks < load(&e->peer->ticks) + 3) {
			folio_tick(e->port);
			store(&e->ticks, e->ticks + 1);
		}
		usleep(500);
	}
	return NULL;
}

/* What monitoring does: everything that may be called from any thread at any time. */
static void *
watch_thread(void *arg)
{
	struct folio_counters c, later;
	struct end *e = arg;
	struct folio_status st;

	while (!is_set(&e->shutdown)) {
		folio_counters(e->port, &c);
		folio_status(e->port, &st);
		folio_counters(e->port, &later);
		THREAD_ASSERT(c.link_ups <= later.link_ups);
		(void)folio_link_is_up(e->port);
		(void)folio_port_rx_used(e->port, 0);
		(void)folio_port_tx_used(e->port, 0);
		usleep(500);
	}
	return NULL;
}

static void
wait_for(const uint64_t *counter, uint64_t value)
{
	while (load(counter) < value)
		usleep(200);
}

/* Stop and start one end; each time wait until frames flow again, in both directions. */
static void
restart_many_times(struct end *ends)
{
	uint64_t a, b;
	int i;

	for (i = 0; i < RESTARTS; i++) {
		struct folio *f = ends[i % 2].port;

		folio_stop(f);
		THREAD_ASSERT(!folio_link_is_up(f));
		if (i % 3 == 0)
			usleep(2000); /* the other end notices, or does not */
		THREAD_ASSERT(folio_start(f) == 0);
		a = load(&ends[0].received);
		b = load(&ends[1].received);
		wait_for(&ends[0].received, a + 500);
		wait_for(&ends[1].received, b + 500);
	}
}

static void
run_streams(const char *dir, uint64_t frames, bool watched)
{
	struct folio_config cfg = {.ring_size = 256, .slot_size = 256};
	struct end ends[2] = {0};
	pthread_t threads[6];
	struct folio_counters c;
	char path[PATH_MAX];
	unsigned int i, n = 0;
	int v;

	snprintf(path, sizeof(path), "%s/region", dir);
	cfg.path = path;
	for (i = 0; i < 2; i++) {
		cfg.role = i == 0 ? FOLIO_GUEST : FOLIO_HOST;
		ends[i].port = folio_open(&cfg, NULL);
		ends[i].peer = &ends[1 - i];
		assert_non_null(ends[i].port);
		assert_int_equal(folio_start(ends[i].port), 0);
	}
	for (i = 0; i < 2; i++) {
		start_thread(&threads[n++], control_thread, &ends[i]);
		start_thread(&threads[n++], data_thread, &ends[i]);
		if (watched)
			start_thread(&threads[n++], watch_thread, &ends[i]);
	}
	restart_many_times(ends);
	for (i = 0; i < 2; i++)
		wait_for(&ends[i].received, frames);
	for (i = 0; i < 2; i++)
		set(&ends[i].shutdown);
	while (n > 0)
		pthread_join(threads[--n], NULL);
	for (i = 0; i < 2; i++) {
		folio_counters(ends[i].port, &c);
		for (v = 0; v < FOLIO_VIOLATIONS; v++)
			assert_int_equal(c.violations[v], 0);
		assert_int_equal(c.renegotiations, 0);
		assert_true(c.link_ups >= RESTARTS);
		folio_close(ends[i].port);
	}
	assert_int_equal(util_dir_entries(dir), 0);
}

static void
test_streams(void **state)
{
	run_streams(*state, FRAMES, false);
}

static void
test_streams_while_watched(void **state)
{
	run_streams(*state, FRAMES / 10, true);
}

/*
 * One ring between two threads. The two ports above map the file twice, and to ThreadSanitizer what
 * lies at different addresses is different memory: it sees nothing of their rings. A loopback port
 * has one mapping, so here every index, descriptor and payload byte is looked at; the copies are
 * memcpy(), which it knows, and the SSE kernel, which it instruments.
 */

#define RING_FRAMES 30000

static void *
ring_sender(void *arg)
{
	static __thread uint8_t out[BURST][LEN_MAX];
	struct end *e = arg;
	uint64_t next = 1;

	while (next <= RING_FRAMES) {
		if (send_burst(e, out, &next) == 0)
			sched_yield();
	}
	return NULL;
}

static void *
ring_receiver(void *arg)
{
	static __thread uint8_t in[BURST][LEN_MAX];
	struct end *e = arg;
	uint64_t last = 0;

	while (last < RING_FRAMES) {
		if (recv_burst(e, in, &last) == 0)
			sched_yield();
		THREAD_ASSERT(e->received == last); /* nothing lost */
	}
	return NULL;
}

static void
run_ring(enum folio_isa isa)
{
	const struct folio_config cfg = {
		.role = FOLIO_GUEST,
		.loopback = true,
		.ring_size = 64,
		.slot_size = 256,
		.isa = isa,
	};
	struct end e = {.port = folio_open(&cfg, NULL)};
	pthread_t sender, receiver;

	assert_non_null(e.port);
	assert_int_equal(folio_start(e.port), 0);
	start_thread(&receiver, ring_receiver, &e);
	start_thread(&sender, ring_sender, &e);
	pthread_join(sender, NULL);
	pthread_join(receiver, NULL);
	folio_close(e.port);
}

static void
test_ring_portable(void **state)
{
	(void)state;
	run_ring(FOLIO_ISA_PORTABLE);
}

static void
test_ring_sse(void **state)
{
	(void)state;
	run_ring(FOLIO_ISA_SSE);
}

/* How many slots are filled is told to all who ask, whatever control is doing. */

#define ASKED 20000
#define WAITING 5

static void *
asking_thread(void *arg)
{
	struct folio *f = arg;
	int i;

	for (i = 0; i < ASKED; i++) {
		THREAD_ASSERT(folio_port_rx_used(f, 0) == WAITING);
		THREAD_ASSERT(folio_port_tx_used(f, 0) == WAITING);
	}
	return NULL;
}

static void
test_many_ask(void **state)
{
	const struct folio_config cfg = {.role = FOLIO_GUEST, .loopback = true};
	struct folio_buf out = {.data = (void *)(uintptr_t)"0123456789abcdef", .len = 16};
	struct folio *f = folio_open(&cfg, NULL);
	pthread_t threads[3];
	struct folio_status st;
	unsigned int i;

	(void)state;
	assert_non_null(f);
	assert_int_equal(folio_start(f), 0);
	for (i = 0; i < WAITING; i++)
		assert_int_equal(folio_send(f, 0, &out, 1), 1);
	for (i = 0; i < 3; i++)
		start_thread(&threads[i], asking_thread, f);
	for (i = 0; i < ASKED; i++)
		folio_status(f, &st);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	folio_stop(f);
	assert_int_equal(folio_port_rx_used(f, 0), 0);
	folio_close(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gate),
		cmocka_unit_test(test_gate_with_fences),
		cmocka_unit_test(test_gate_that_cannot_be_closed),
		cmocka_unit_test(test_ring_portable),
		cmocka_unit_test(test_ring_sse),
		cmocka_unit_test(test_many_ask),
		cmocka_unit_test_setup_teardown(test_streams, util_dir_setup, util_dir_teardown),
		cmocka_unit_test_setup_teardown(test_streams_while_watched, util_dir_setup,
						util_dir_teardown),
	};

	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
