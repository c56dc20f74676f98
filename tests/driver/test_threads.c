/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Each queue has a thread of its own on both sides, as the worker threads of applications do. */

#include <pthread.h>

#include "pair.h"

#define QUEUES 4
#define FRAMES 3000

struct worker {
	pthread_t thread;
	struct rte_mempool *pool;
	uint16_t from;
	uint16_t to;
	uint16_t queue;
	unsigned int received;
	unsigned int wrong; /* cmocka's checks are for the thread that runs the test */
};

static uint32_t
frame_length(unsigned int i)
{
	return 60 + i * 37 % 1400;
}

static uint32_t
frame_seed(const struct worker *w, unsigned int i)
{
	return (w->from * QUEUES + w->queue) * FRAMES + i;
}

static struct rte_mbuf *
frame(const struct worker *w, unsigned int i)
{
	return make_frame(w->pool, frame_length(i), frame_seed(w, i), 1);
}

static bool
is_frame(const struct rte_mbuf *m, const struct worker *w, unsigned int i)
{
	struct rte_mbuf *expected = frame(w, i);
	bool same = m->pkt_len == expected->pkt_len && m->nb_segs == 1 &&
		memcmp(rte_pktmbuf_mtod(m, void *), rte_pktmbuf_mtod(expected, void *),
		       m->pkt_len) == 0;

	rte_pktmbuf_free(expected);
	return same;
}

/* Sends all its frames on a queue of one port, and receives them from that of the other. */
static void *
work(void *arg)
{
	unsigned int sent = 0, step, n, i;
	struct worker *w = arg;
	struct rte_mbuf *m[8], *out;

	for (step = 0; step < 1000 * FRAMES && w->received < FRAMES; step++) {
		if (sent < FRAMES) {
			out = frame(w, sent);
			if (rte_eth_tx_burst(w->from, w->queue, &out, 1) == 1)
				sent++;
			else
				rte_pktmbuf_free(out);
		}
		n = rte_eth_rx_burst(w->to, w->queue, m, RTE_DIM(m));
		for (i = 0; i < n; i++)
			w->wrong += !is_frame(m[i], w, w->received + i);
		rte_pktmbuf_free_bulk(m, n);
		w->received += n;
		if (n == 0)
			sched_yield();
	}
	return NULL;
}

static void
test_a_thread_for_each_queue(void **state)
{
	struct port_setup setup = {.queues = QUEUES};
	struct worker workers[2 * QUEUES];
	struct rte_eth_stats stats;
	struct pair p;
	uint16_t q;
	size_t i;

	(void)state;
	/* There are fewer CPUs than threads: one that holds the pool may have to wait for one. */
	setup.pool = rte_pktmbuf_pool_create_by_ops("threads", 1023, 0, 0,
						    RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY,
						    "lf_stack");
	assert_non_null(setup.pool);
	pair_open(&p, ",queues=4", ",queues=4", &setup);
	for (i = 0; i < RTE_DIM(workers); i++) {
		q = i % QUEUES;
		workers[i] = i < QUEUES ?
			(struct worker){.from = p.guest, .to = p.host, .queue = q} :
			(struct worker){.from = p.host, .to = p.guest, .queue = q};
		workers[i].pool = setup.pool;
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (i = 0; i < RTE_DIM(workers); i++)
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
	for (i = 0; i < RTE_DIM(workers); i++) {
		assert_int_equal(workers[i].received, FRAMES);
		assert_int_equal(workers[i].wrong, 0);
	}
	for (i = 0; i < 2; i++) {
		assert_int_equal(rte_eth_stats_get(i == 0 ? p.guest : p.host, &stats), 0);
		assert_int_equal(stats.ipackets, QUEUES * FRAMES);
		assert_int_equal(stats.opackets, QUEUES * FRAMES);
	}
	pair_close(&p);
	assert_int_equal(rte_mempool_in_use_count(setup.pool), 0);
	rte_mempool_free(setup.pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_thread_for_each_queue),
	};

	return cmocka_run_group_tests_name("driver_threads", tests, eal_setup, eal_teardown);
}
