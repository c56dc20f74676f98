/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Received frames and the mempool: chains, small pools, empty pools, frames that are too long. */

#include <stdio.h>

#include "pair.h"

/* Small mbufs on one side: a received frame becomes a chain. */
static void
test_scatter(void **state)
{
	struct port_setup setup = {.mtu = 2000, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	struct rte_mempool *small;
	struct rte_eth_rxq_info info;
	struct rte_mbuf *m;
	struct pair p;
	uint32_t len;

	(void)state;
	NEEDS(host_is_folio());
	small = rte_pktmbuf_pool_create("small", 511, 0, 0, RTE_PKTMBUF_HEADROOM + 100,
					SOCKET_ID_ANY);
	assert_non_null(small);
	setup.pool = small;
	pair_open(&p, "", "", &setup);
	assert_int_equal(rte_eth_rx_queue_info_get(p.host, 0, &info), 0);
	assert_true(info.scattered_rx);
	for (len = 14; len <= 2000; len += 3) {
		send_one(p.guest, 0, make_frame(common_pool, len, len, 1));
		m = receive_one(p.host, 0);
		assert_int_equal(m->nb_segs, (len + 99) / 100);
		check_frame(m, len, len);
		rte_pktmbuf_free(m);
	}
	pair_close(&p);
	assert_int_equal(rte_mempool_avail_count(small), 511);
	rte_mempool_free(small);
}

/* An empty pool loses nothing: the frames wait in the ring. */
static void
test_no_mbufs(void **state)
{
	struct port_setup setup = {.mtu = 2000, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	struct rte_mbuf *held[64], *m[4];
	struct rte_eth_stats stats;
	struct rte_mempool *tiny;
	struct pair p;
	int i;

	(void)state;
	NEEDS(host_is_folio());
	tiny = rte_pktmbuf_pool_create("tiny", 63, 0, 0, RTE_PKTMBUF_HEADROOM + 1024,
				       SOCKET_ID_ANY);
	assert_non_null(tiny);
	setup.pool = tiny;
	pair_open(&p, "", "", &setup);
	assert_int_equal(rte_pktmbuf_alloc_bulk(tiny, held, 62), 0);
	for (i = 0; i < 4; i++)
		send_one(p.guest, 0, make_frame(common_pool, 2000, i, 1));
	/* One mbuf is left, the frame needs two: each burst counts once, whatever it asked for. */
	expect_silence(p.host, 0);
	assert_int_equal(xstat(p.host, "rx_q0_nombuf"), 1);
	assert_int_equal(rte_eth_rx_burst(p.host, 0, m, 4), 0);
	assert_int_equal(xstat(p.host, "rx_q0_nombuf"), 2);
	assert_int_equal(rte_mempool_avail_count(tiny), 1);
	assert_int_equal(rte_eth_stats_get(p.host, &stats), 0);
	assert_int_equal(stats.rx_nombuf, 2);
	held[62] = rte_pktmbuf_alloc(tiny);
	expect_silence(p.host, 0);
	assert_int_equal(xstat(p.host, "rx_q0_nombuf"), 3);
	rte_pktmbuf_free_bulk(held, 63);
	for (i = 0; i < 4; i++) {
		assert_int_equal(rte_eth_rx_burst(p.host, 0, m, 1), 1);
		check_frame(m[0], 2000, i);
		rte_pktmbuf_free(m[0]);
	}
	pair_close(&p);
	assert_int_equal(rte_mempool_avail_count(tiny), 63);
	rte_mempool_free(tiny);
}

/* The burst takes mbufs for many frames; a frame that needs them all gets them. */
static void
test_scatter_from_a_small_pool(void **state)
{
	struct port_setup setup = {.mtu = 4000, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	struct rte_mempool *small;
	struct rte_mbuf *m[32];
	struct pair p;
	int i;

	(void)state;
	NEEDS(host_is_folio());
	small = rte_pktmbuf_pool_create("scarce", 63, 0, 0, RTE_PKTMBUF_HEADROOM + 100,
					SOCKET_ID_ANY);
	setup.pool = small;
	pair_open(&p, "", "", &setup);
	for (i = 0; i < 32; i++)
		send_one(p.guest, 0, make_frame(common_pool, 3600, i, 2));
	for (i = 0; i < 32; i++) {
		assert_int_equal(rte_eth_rx_burst(p.host, 0, m, 32), 1);
		check_frame(m[0], 3600, i);
		rte_pktmbuf_free(m[0]);
	}
	pair_close(&p);
	assert_int_equal(rte_mempool_avail_count(small), 63);
	rte_mempool_free(small);
}

/* A frame that the pool could never hold is not waited for; one that it just holds is received. */
static void
test_pool_that_is_too_small(void **state)
{
	enum {MBUFS = 24, ROOM = 256};
	struct port_setup setup = {.mtu = 9000, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	const uint32_t lens[] = {60, 9000, MBUFS * ROOM + 1, 61, MBUFS * ROOM, 62};
	const uint32_t fit[] = {60, 61, MBUFS * ROOM, 62};
	struct rte_eth_stats stats;
	struct rte_mbuf *m[32];
	struct pair p;
	unsigned int got = 0, i, polls;
	uint16_t n, j;

	(void)state;
	NEEDS(host_is_folio());
	setup.pool = rte_pktmbuf_pool_create("two-dozen", MBUFS, 0, 0, RTE_PKTMBUF_HEADROOM + ROOM,
					     SOCKET_ID_ANY);
	assert_non_null(setup.pool);
	pair_open(&p, "", "", &setup);
	for (i = 0; i < RTE_DIM(lens); i++)
		send_one(p.guest, 0, make_frame(common_pool, lens[i], lens[i], 1 + lens[i] / 2000));
	for (polls = 0; polls < 100; polls++) {
		n = rte_eth_rx_burst(p.host, 0, m, 32);
		for (j = 0; j < n; j++) {
			assert_true(got < RTE_DIM(fit));
			check_frame(m[j], fit[got], fit[got]);
			got++;
		}
		rte_pktmbuf_free_bulk(m, n);
	}
	assert_int_equal(got, RTE_DIM(fit));
	assert_int_equal(xstat(p.host, "rx_q0_pool_too_small"), 2);
	assert_int_equal(rte_eth_stats_get(p.host, &stats), 0);
	assert_int_equal(stats.ierrors, 2);
	pair_close(&p);
	assert_int_equal(rte_mempool_avail_count(setup.pool), MBUFS);
	rte_mempool_free(setup.pool);
}

/*
 * The peer's MTU is larger than ours: nothing is delivered, in chains or else, and all is counted.
 * What is longer than a buffer, a device that was given one for each frame does not send.
 */
static void
test_longer_than_the_mtu(void **state)
{
	static const uint32_t lens[] = {1523, 1524, 1600, 2047, 2048, 2049, 2112, 2113, 4000, 9018,
					32768, 65535, 65536};
	struct rte_eth_stats stats;
	const size_t n = is_native() ? RTE_DIM(lens) : 5;
	struct rte_mbuf *m[32];
	struct pair p;
	size_t i;

	(void)state;
	NEEDS(host_is_folio());
	pair_open(&p, "", "", NULL);
	for (i = 0; i < n; i++) {
		send_one(p.guest, 0, make_frame(common_pool, lens[i], 1, 1 + lens[i] / 1000));
		assert_int_equal(rte_eth_rx_burst(p.host, 0, m, 32), 0);
		assert_int_equal(xstat(p.host, "rx_q0_oversize"), i + 1);
		exchange(&p, 0, 1522, 2, 1);
	}
	assert_int_equal(rte_eth_stats_get(p.host, &stats), 0);
	assert_int_equal(stats.ierrors, n);
	pair_close(&p);
}

/*
 * Chains are for who asks for them; else an MTU that needs them is refused wherever it comes from.
 */
static void
test_mtu_needs_scatter(void **state)
{
	const struct rte_eth_conf jumbo = {.rxmode = {.mtu = 9000}};
	struct rte_eth_rxconf scatter = {.offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	struct rte_mempool *large;
	struct rte_mbuf *m;
	struct pair p;
	uint16_t mtu;

	(void)state;
	NEEDS(host_is_folio());
	large = rte_pktmbuf_pool_create("large", 63, 0, 0, RTE_PKTMBUF_HEADROOM + 9022,
					SOCKET_ID_ANY);
	assert_non_null(large);
	pair_open(&p, "", "", NULL);
	assert_int_equal(rte_eth_dev_set_mtu(p.host, 2048 - 22 + 1), -EINVAL);
	assert_int_equal(rte_eth_dev_get_mtu(p.host, &mtu), 0);
	assert_int_equal(mtu, RTE_ETHER_MTU);
	assert_int_equal(rte_eth_dev_set_mtu(p.host, 2048 - 22), 0);
	exchange(&p, 0, 1522, 1, 1);
	send_one(p.guest, 0, make_frame(common_pool, 2048, 2, 2));
	m = receive_one(p.host, 0);
	check_frame(m, 2048, 2);
	assert_int_equal(m->nb_segs, 1);
	rte_pktmbuf_free(m);

	/* At the start, for queues that were set up before; and at their set-up. */
	assert_int_equal(rte_eth_dev_stop(p.host), 0);
	assert_int_equal(rte_eth_dev_configure(p.host, 1, 1, &jumbo), 0);
	assert_int_equal(rte_eth_dev_start(p.host), -EINVAL);
	assert_int_equal(rte_eth_rx_queue_setup(p.host, 0, 0, 0, NULL, common_pool), -EINVAL);
	assert_int_equal(rte_eth_rx_queue_setup(p.host, 0, 0, 0, &scatter, common_pool), 0);
	assert_int_equal(rte_eth_dev_start(p.host), 0);
	wait_link(p.host, true);
	wait_link(p.guest, true);
	send_one(p.guest, 0, make_frame(common_pool, 9022, 3, 5));
	m = receive_one(p.host, 0);
	check_frame(m, 9022, 3);
	assert_int_equal(m->nb_segs, 5);
	rte_pktmbuf_free(m);

	/* Large mbufs do as well. */
	assert_int_equal(rte_eth_dev_stop(p.host), 0);
	assert_int_equal(rte_eth_rx_queue_setup(p.host, 0, 0, 0, NULL, large), 0);
	assert_int_equal(rte_eth_dev_start(p.host), 0);
	wait_link(p.host, true);
	wait_link(p.guest, true);
	send_one(p.guest, 0, make_frame(common_pool, 9022, 4, 5));
	m = receive_one(p.host, 0);
	check_frame(m, 9022, 4);
	assert_int_equal(m->nb_segs, 1);
	rte_pktmbuf_free(m);
	pair_close(&p);
	rte_mempool_free(large);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_scatter),
		TEST(test_no_mbufs),
		TEST(test_scatter_from_a_small_pool),
		TEST(test_pool_that_is_too_small),
		TEST(test_longer_than_the_mtu),
		TEST(test_mtu_needs_scatter),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
