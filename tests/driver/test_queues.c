/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Queues: many, of different numbers, set up, started and stopped at any time. */

#include <stdio.h>

#include "pair.h"

static void
test_queues(void **state)
{
	const struct port_setup setup = {.queues = 64};
	struct rte_eth_stats stats;
	struct rte_mbuf *m;
	struct pair p;
	uint16_t q, other;
	char name[32];

	(void)state;
	NEEDS(host_is_folio());
	pair_open(&p, ",queues=64,ring_size=64,slot_size=256", ",queues=64", &setup);
	for (q = 0; q < 64; q++) {
		exchange(&p, q, 100 + q, q, 1);
		send_one(p.guest, q, make_frame(common_pool, 64, q, 1));
		for (other = 0; other < 64; other++) {
			if (other != q)
				expect_silence(p.host, other);
		}
		m = receive_one(p.host, q);
		check_frame(m, 64, q);
		rte_pktmbuf_free(m);
		snprintf(name, sizeof(name), "rx_q%u_packets", q);
		assert_int_equal(xstat(p.host, name), 2);
	}
	assert_int_equal(rte_eth_stats_get(p.host, &stats), 0);
	assert_int_equal(stats.ipackets, 128);
	assert_int_equal(queue_packets(p.host, 3), 2);
	pair_close(&p);
}

/* A guest with fewer queues than the host has configured, and the other way round. */
static void
test_uneven_queues(void **state)
{
	const struct port_setup setup = {.queues = 4};
	struct rte_mbuf *m;
	struct pair p;

	(void)state;
	NEEDS(is_native());
	region_path(p.path, sizeof(p.path));
	{
		char args[256];

		snprintf(args, sizeof(args), "path=%s,queues=2", p.path);
		assert_int_equal(attach("net_folio0", args, &p.guest), 0);
		snprintf(args, sizeof(args), "role=host,path=%s,queues=4", p.path);
		assert_int_equal(attach("net_folio1", args, &p.host), 0);
	}
	configure(p.guest, &(struct port_setup){.queues = 2});
	configure(p.host, &setup);
	start(p.host);
	start(p.guest);
	wait_link(p.guest, true);
	wait_link(p.host, true);
	exchange(&p, 1, 500, 1, 1);
	m = make_frame(common_pool, 64, 1, 1);
	assert_int_equal(rte_eth_tx_burst(p.host, 3, &m, 1), 0);
	rte_pktmbuf_free(m);
	expect_silence(p.host, 3);
	/* It has no ring, so there is nothing that is done or free. */
	assert_int_equal(rte_eth_tx_descriptor_status(p.host, 3, 0), RTE_ETH_TX_DESC_UNAVAIL);
	assert_int_equal(rte_eth_rx_descriptor_status(p.host, 3, 0), RTE_ETH_RX_DESC_UNAVAIL);
	assert_int_equal(rte_eth_rx_queue_count(p.host, 3), 0);
	assert_int_equal(rte_eth_tx_descriptor_status(p.host, 1, 0), RTE_ETH_TX_DESC_DONE);
	assert_int_equal(rte_eth_dev_set_link_down(p.guest), 0);
	wait_link(p.host, false);
	assert_int_equal(rte_eth_tx_descriptor_status(p.host, 1, 0), RTE_ETH_TX_DESC_UNAVAIL);
	pair_close(&p);
}

static void
test_queue_start_stop(void **state)
{
	const struct port_setup setup = {.queues = 2, .deferred = true};
	struct rte_mbuf *m;
	struct pair p;

	(void)state;
	NEEDS(is_native());
	pair_open(&p, ",queues=2", ",queues=2", &setup);
	m = make_frame(common_pool, 64, 1, 1);
	assert_int_equal(rte_eth_tx_burst(p.guest, 0, &m, 1), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(p.guest, 0), 0);
	send_one(p.guest, 0, m);
	expect_silence(p.host, 0);
	assert_int_equal(rte_eth_dev_rx_queue_start(p.host, 0), 0);
	m = receive_one(p.host, 0);
	check_frame(m, 64, 1);
	rte_pktmbuf_free(m);

	assert_int_equal(rte_eth_dev_rx_queue_stop(p.host, 0), 0);
	send_one(p.guest, 0, make_frame(common_pool, 65, 2, 1));
	expect_silence(p.host, 0);
	assert_int_equal(rte_eth_dev_rx_queue_start(p.host, 0), 0);
	m = receive_one(p.host, 0);
	check_frame(m, 65, 2);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_eth_dev_tx_queue_stop(p.guest, 0), 0);
	m = make_frame(common_pool, 64, 1, 1);
	assert_int_equal(rte_eth_tx_burst(p.guest, 0, &m, 1), 0);
	rte_pktmbuf_free(m);
	pair_close(&p);
}

/* A queue is released and set up again while the port runs. */
static void
test_runtime_setup(void **state)
{
	const struct port_setup setup = {.queues = 2};
	struct rte_eth_dev_info info;
	struct rte_eth_rxq_info rx;
	struct rte_eth_txq_info tx;
	struct rte_mempool *pool;
	struct rte_mbuf *m;
	struct pair p;

	(void)state;
	NEEDS(host_is_folio());
	pool = rte_pktmbuf_pool_create("runtime", 127, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	pair_open(&p, ",queues=2", ",queues=2", &setup);
	assert_int_equal(rte_eth_dev_info_get(p.host, &info), 0);
	assert_int_equal(rte_eth_dev_rx_queue_stop(p.host, 1), 0);
	assert_int_equal(rte_eth_rx_queue_setup(p.host, 1, 512, 0, NULL, pool), 0);
	assert_int_equal(rte_eth_dev_rx_queue_start(p.host, 1), 0);
	assert_int_equal(rte_eth_dev_tx_queue_stop(p.host, 1), 0);
	assert_int_equal(rte_eth_tx_queue_setup(p.host, 1, 512, 0, NULL), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(p.host, 1), 0);
	assert_int_equal(rte_eth_rx_queue_info_get(p.host, 1, &rx), 0);
	assert_ptr_equal(rx.mp, pool);
	assert_int_equal(rx.nb_desc, info.default_rxportconf.ring_size);
	assert_int_equal(rte_eth_tx_queue_info_get(p.host, 1, &tx), 0);
	assert_int_equal(tx.nb_desc, info.default_txportconf.ring_size);
	send_one(p.guest, 1, make_frame(common_pool, 300, 9, 1));
	m = receive_one(p.host, 1);
	assert_ptr_equal(m->pool, pool);
	check_frame(m, 300, 9);
	rte_pktmbuf_free(m);
	exchange(&p, 0, 300, 1, 1);
	pair_close(&p);
	assert_int_equal(rte_mempool_avail_count(pool), 127);
	rte_mempool_free(pool);
}

/* A port starts with a queue that is yet to be set up. */
static void
test_missing_queue(void **state)
{
	struct rte_eth_conf conf = {0};
	struct pair p;

	(void)state;
	NEEDS(is_native());
	region_path(p.path, sizeof(p.path));
	{
		char args[256];

		snprintf(args, sizeof(args), "path=%s,queues=2", p.path);
		assert_int_equal(attach("net_folio0", args, &p.guest), 0);
	}
	assert_int_equal(rte_eth_dev_configure(p.guest, 2, 2, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(p.guest, 1, 0, 0, NULL, common_pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(p.guest, 1, 0, 0, NULL), 0);
	start(p.guest);
	assert_int_equal(rte_eth_rx_queue_setup(p.guest, 0, 0, 0, NULL, common_pool), 0);
	assert_int_equal(rte_eth_dev_set_link_down(p.guest), 0);
	assert_int_equal(rte_eth_dev_stop(p.guest), 0);
	assert_int_not_equal(rte_eth_dev_set_link_up(p.guest), 0);
	detach(p.guest);
}

static void
test_descriptor_status(void **state)
{
	struct rte_mbuf *m;
	struct pair p;
	int i;

	(void)state;
	NEEDS(is_native());
	pair_open(&p, ",ring_size=64", "", NULL);
	assert_int_equal(rte_eth_rx_queue_count(p.host, 0), 0);
	assert_int_equal(rte_eth_rx_descriptor_status(p.host, 0, 0), RTE_ETH_RX_DESC_AVAIL);
	assert_int_equal(rte_eth_rx_descriptor_status(p.host, 0, 64), -EINVAL);
	assert_int_equal(rte_eth_tx_descriptor_status(p.guest, 0, 0), RTE_ETH_TX_DESC_DONE);
	for (i = 0; i < 64; i++)
		send_one(p.guest, 0, make_frame(common_pool, 64, i, 1));
	assert_int_equal(rte_eth_rx_queue_count(p.host, 0), 64);
	assert_int_equal(rte_eth_rx_descriptor_status(p.host, 0, 63), RTE_ETH_RX_DESC_DONE);
	assert_int_equal(rte_eth_tx_descriptor_status(p.guest, 0, 0), RTE_ETH_TX_DESC_FULL);
	assert_int_equal(rte_eth_tx_descriptor_status(p.guest, 0, 64), -EINVAL);
	m = make_frame(common_pool, 64, 0, 1);
	assert_int_equal(rte_eth_tx_burst(p.guest, 0, &m, 1), 0);
	rte_pktmbuf_free(m);
	for (i = 0; i < 64; i++) {
		m = receive_one(p.host, 0);
		check_frame(m, 64, i);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(rte_eth_rx_queue_count(p.host, 0), 0);
	pair_close(&p);
}

/* A deferred queue that comes at run time waits for its start, like every other. */
static void
test_deferred_at_run_time(void **state)
{
	const struct rte_eth_rxconf rx = {.rx_deferred_start = 1};
	const struct rte_eth_txconf tx = {.tx_deferred_start = 1};
	const struct rte_eth_conf conf = {0};
	struct rte_mbuf *m;
	char args[256];
	struct pair p;

	(void)state;
	NEEDS(is_native());
	region_path(p.path, sizeof(p.path));
	snprintf(args, sizeof(args), "path=%s,queues=2", p.path);
	assert_int_equal(attach("net_folio0", args, &p.guest), 0);
	snprintf(args, sizeof(args), "role=host,path=%s,queues=2", p.path);
	assert_int_equal(attach("net_folio1", args, &p.host), 0);
	configure(p.guest, &(struct port_setup){.queues = 2});
	assert_int_equal(rte_eth_dev_configure(p.host, 2, 2, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(p.host, 1, 0, 0, NULL, common_pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(p.host, 1, 0, 0, NULL), 0);
	start(p.guest);
	start(p.host);
	wait_link(p.guest, true);
	wait_link(p.host, true);

	assert_int_equal(rte_eth_rx_queue_setup(p.host, 0, 0, 0, &rx, common_pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(p.host, 0, 0, 0, &tx), 0);
	send_one(p.guest, 0, make_frame(common_pool, 100, 1, 1));
	expect_silence(p.host, 0);
	m = make_frame(common_pool, 100, 2, 1);
	assert_int_equal(rte_eth_tx_burst(p.host, 0, &m, 1), 0);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_eth_dev_rx_queue_start(p.host, 0), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(p.host, 0), 0);
	m = receive_one(p.host, 0);
	check_frame(m, 100, 1);
	rte_pktmbuf_free(m);
	exchange(&p, 0, 200, 3, 1);
	exchange(&p, 1, 200, 4, 1);
	pair_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_queues),
		TEST(test_uneven_queues),
		TEST(test_queue_start_stop),
		TEST(test_runtime_setup),
		TEST(test_missing_queue),
		TEST(test_descriptor_status),
		TEST(test_deferred_at_run_time),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
