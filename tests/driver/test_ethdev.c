/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Every ethdev operation of the driver, through the public API: two ports in one process. */

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <folio_wire.h>
#include <rte_malloc.h>
#include <rte_pmd_folio.h>

#include "pair.h"

#define WAIT_STEPS 20000
#define OVERHEAD 22

static void
exchange(const struct pair *p, uint16_t queue, uint32_t len, uint32_t seed, uint32_t segs)
{
	struct rte_mbuf *m;

	send_one(p->guest, queue, make_frame(common_pool, len, seed, segs));
	m = receive_one(p->host, queue);
	check_frame(m, len, seed);
	rte_pktmbuf_free(m);
	send_one(p->host, queue, make_frame(common_pool, len, seed + 1, segs));
	m = receive_one(p->guest, queue);
	check_frame(m, len, seed + 1);
	rte_pktmbuf_free(m);
}

static void
test_info(void **state)
{
	struct rte_eth_dev_info info;
	uint32_t ptypes[4];
	struct pair p;

	(void)state;
	pair_open(&p, ",queues=3,ring_size=256", ",queues=8", NULL);
	assert_int_equal(rte_eth_dev_info_get(p.guest, &info), 0);
	assert_string_equal(info.driver_name, "net_folio");
	assert_int_equal(info.max_rx_queues, 3);
	assert_int_equal(info.max_tx_queues, 3);
	assert_int_equal(info.max_mac_addrs, 1);
	assert_true(info.max_mtu >= 9600);
	assert_int_equal(info.max_rx_pktlen - info.max_mtu, OVERHEAD);
	assert_int_equal(info.default_rxportconf.ring_size, 256);
	assert_true(info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
	assert_true(info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE);
	assert_true(info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER);
	assert_true(info.dev_capa & RTE_ETH_DEV_CAPA_RUNTIME_RX_QUEUE_SETUP);
	assert_true(*info.dev_flags & RTE_ETH_DEV_INTR_LSC);
	assert_int_equal(rte_eth_dev_info_get(p.host, &info), 0);
	assert_int_equal(info.max_rx_queues, 8);
	assert_int_equal(rte_eth_dev_get_supported_ptypes(p.guest, RTE_PTYPE_ALL_MASK, ptypes, 4),
			 1);
	assert_int_equal(ptypes[0], RTE_PTYPE_L2_ETHER);
	pair_close(&p);
}

static void
test_lengths(void **state)
{
	const struct port_setup setup = {.mtu = 9600};
	struct pair p;
	uint32_t len;

	(void)state;
	pair_open(&p, ",ring_size=128,slot_size=1024", "", &setup);
	for (len = 14; len <= 9600 + OVERHEAD; len = len < 2400 ? len + 1 : len + 97)
		exchange(&p, 0, len, len, len > 2000 ? 8 : 1);
	exchange(&p, 0, 9600 + OVERHEAD, 7, 8);
	assert_int_equal(xstat(p.guest, "violation_rx_bad_length"), 0);
	pair_close(&p);
}

static void
test_segments(void **state)
{
	const struct port_setup setup = {.mtu = 9000, .tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS};
	struct pair p;
	uint32_t segs;

	(void)state;
	pair_open(&p, "", "", &setup);
	for (segs = 1; segs <= 40; segs++) {
		exchange(&p, 0, 60 + segs, segs, segs);
		exchange(&p, 0, 1500, segs, segs);
		if (segs >= 5)
			exchange(&p, 0, 9000, segs, segs);
	}
	pair_close(&p);
}

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
	struct port_setup setup = {.mtu = 2000};
	struct rte_mbuf *held[64], *m;
	struct rte_eth_stats stats;
	struct rte_mempool *tiny;
	struct pair p;
	int i;

	(void)state;
	tiny = rte_pktmbuf_pool_create("tiny", 63, 0, 0, RTE_PKTMBUF_HEADROOM + 1024,
				       SOCKET_ID_ANY);
	assert_non_null(tiny);
	setup.pool = tiny;
	pair_open(&p, "", "", &setup);
	assert_int_equal(rte_pktmbuf_alloc_bulk(tiny, held, 62), 0);
	for (i = 0; i < 4; i++)
		send_one(p.guest, 0, make_frame(common_pool, 2000, i, 1));
	/* One mbuf is left, the frame needs two. */
	expect_silence(p.host, 0);
	assert_int_equal(rte_mempool_avail_count(tiny), 1);
	assert_int_equal(rte_eth_stats_get(p.host, &stats), 0);
	assert_true(stats.rx_nombuf > 0);
	held[62] = rte_pktmbuf_alloc(tiny);
	expect_silence(p.host, 0);
	rte_pktmbuf_free_bulk(held, 63);
	for (i = 0; i < 4; i++) {
		assert_int_equal(rte_eth_rx_burst(p.host, 0, &m, 1), 1);
		check_frame(m, 2000, i);
		rte_pktmbuf_free(m);
	}
	pair_close(&p);
	assert_int_equal(rte_mempool_avail_count(tiny), 63);
	rte_mempool_free(tiny);
}

static void
test_mtu(void **state)
{
	struct rte_eth_stats stats;
	struct rte_eth_dev_info info;
	struct rte_mbuf *m;
	struct pair p;
	uint16_t mtu;

	(void)state;
	pair_open(&p, ",ring_size=64,slot_size=256", "", NULL);
	assert_int_equal(rte_eth_dev_get_mtu(p.host, &mtu), 0);
	assert_int_equal(mtu, RTE_ETHER_MTU);
	exchange(&p, 0, 1500 + OVERHEAD, 1, 1);

	send_one(p.guest, 0, make_frame(common_pool, 1500 + OVERHEAD + 1, 1, 1));
	expect_silence(p.host, 0);
	assert_int_equal(rte_eth_stats_get(p.host, &stats), 0);
	assert_int_equal(stats.ierrors, 1);
	assert_int_equal(xstat(p.host, "rx_q0_oversize"), 1);

	assert_int_equal(rte_eth_dev_set_mtu(p.host, 9600), 0);
	assert_int_equal(rte_eth_dev_get_mtu(p.host, &mtu), 0);
	assert_int_equal(mtu, 9600);
	send_one(p.guest, 0, make_frame(common_pool, 9600 + OVERHEAD, 2, 8));
	m = receive_one(p.host, 0);
	check_frame(m, 9600 + OVERHEAD, 2);
	rte_pktmbuf_free(m);

	assert_int_equal(rte_eth_dev_info_get(p.guest, &info), 0);
	assert_true(info.max_mtu < UINT16_MAX);
	assert_int_not_equal(rte_eth_dev_set_mtu(p.guest, info.max_mtu + 1), 0);
	assert_int_equal(rte_eth_dev_set_mtu(p.guest, info.max_mtu), 0);

	/* What does not fit the rings is dropped and counted, and does not block the queue. */
	send_one(p.guest, 0, make_frame(common_pool, info.max_rx_pktlen + 1, 3, 16));
	send_one(p.guest, 0, make_frame(common_pool, 13, 3, 1));
	assert_int_equal(rte_eth_stats_get(p.guest, &stats), 0);
	assert_int_equal(stats.oerrors, 2);
	assert_int_equal(xstat(p.guest, "tx_q0_bad_length"), 2);
	exchange(&p, 0, 100, 4, 1);
	pair_close(&p);
}

/* Segments that don't add up to pkt_len: nothing is sent, least of all old memory. */
static void
test_bad_chain(void **state)
{
	struct rte_mbuf *m;
	struct pair p;

	(void)state;
	pair_open(&p, "", "", NULL);
	m = make_frame(common_pool, 200, 1, 2);
	m->pkt_len = 400;
	send_one(p.guest, 0, m);
	expect_silence(p.host, 0);
	assert_int_equal(xstat(p.guest, "tx_q0_bad_chain"), 1);
	exchange(&p, 0, 200, 2, 2);
	pair_close(&p);
}

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
	pair_close(&p);
}

static void
test_queue_start_stop(void **state)
{
	const struct port_setup setup = {.queues = 2, .deferred = true};
	struct rte_mbuf *m;
	struct pair p;

	(void)state;
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
	struct rte_eth_rxq_info rx;
	struct rte_eth_txq_info tx;
	struct rte_mempool *pool;
	struct rte_mbuf *m;
	struct pair p;

	(void)state;
	pool = rte_pktmbuf_pool_create("runtime", 127, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	pair_open(&p, ",queues=2", ",queues=2", &setup);
	assert_int_equal(rte_eth_dev_rx_queue_stop(p.host, 1), 0);
	assert_int_equal(rte_eth_rx_queue_setup(p.host, 1, 512, 0, NULL, pool), 0);
	assert_int_equal(rte_eth_dev_rx_queue_start(p.host, 1), 0);
	assert_int_equal(rte_eth_dev_tx_queue_stop(p.host, 1), 0);
	assert_int_equal(rte_eth_tx_queue_setup(p.host, 1, 512, 0, NULL), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(p.host, 1), 0);
	assert_int_equal(rte_eth_rx_queue_info_get(p.host, 1, &rx), 0);
	assert_ptr_equal(rx.mp, pool);
	assert_int_equal(rx.nb_desc, 2048);
	assert_int_equal(rte_eth_tx_queue_info_get(p.host, 1, &tx), 0);
	assert_int_equal(tx.nb_desc, 2048);
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

static void
test_modes(void **state)
{
	const struct rte_ether_addr mac = {{2, 1, 2, 3, 4, 5}}, multicast = {{1, 0, 0, 0, 0, 1}};
	struct rte_eth_burst_mode mode;
	struct rte_ether_addr got;
	struct pair p;

	(void)state;
	pair_open(&p, ",mac=02:aa:bb:cc:dd:ee", "", NULL);
	assert_int_equal(rte_eth_macaddr_get(p.guest, &got), 0);
	assert_memory_equal(got.addr_bytes, "\x02\xaa\xbb\xcc\xdd\xee", 6);
	assert_int_equal(rte_eth_dev_default_mac_addr_set(
		p.guest, (struct rte_ether_addr *)(uintptr_t)&mac), 0);
	assert_int_equal(rte_eth_macaddr_get(p.guest, &got), 0);
	assert_memory_equal(&got, &mac, sizeof(mac));
	assert_int_not_equal(rte_eth_dev_default_mac_addr_set(
		p.guest, (struct rte_ether_addr *)(uintptr_t)&multicast), 0);
	assert_int_equal(rte_eth_macaddr_get(p.host, &got), 0);
	assert_true(rte_is_local_admin_ether_addr(&got));

	assert_int_equal(rte_eth_promiscuous_enable(p.guest), 0);
	assert_int_equal(rte_eth_promiscuous_get(p.guest), 1);
	assert_int_equal(rte_eth_promiscuous_disable(p.guest), 0);
	assert_int_equal(rte_eth_promiscuous_get(p.guest), 0);
	assert_int_equal(rte_eth_allmulticast_enable(p.guest), 0);
	assert_int_equal(rte_eth_allmulticast_get(p.guest), 1);
	assert_int_equal(rte_eth_allmulticast_disable(p.guest), 0);

	assert_int_equal(rte_eth_rx_burst_mode_get(p.guest, 0, &mode), 0);
	assert_non_null(strstr(mode.info, "copy"));
	assert_int_equal(rte_eth_tx_burst_mode_get(p.guest, 0, &mode), 0);
	assert_non_null(strstr(mode.info, "copy"));
	assert_int_equal(rte_eth_tx_done_cleanup(p.guest, 0, 0), 0);
	pair_close(&p);
}

static void
test_stats(void **state)
{
	struct rte_eth_stats stats;
	struct pair p;
	int i;

	(void)state;
	pair_open(&p, "", "", NULL);
	for (i = 0; i < 10; i++)
		exchange(&p, 0, 100, i, 1);
	assert_int_equal(rte_eth_stats_get(p.guest, &stats), 0);
	assert_int_equal(stats.ipackets, 10);
	assert_int_equal(stats.ibytes, 1000);
	assert_int_equal(stats.opackets, 10);
	assert_int_equal(stats.obytes, 1000);
	assert_int_equal(queue_packets(p.guest, 0), 10);
	assert_int_equal(xstat(p.guest, "rx_q0_bytes"), 1000);
	assert_int_equal(xstat(p.guest, "tx_q0_packets"), 10);
	assert_int_equal(xstat(p.guest, "link_ups"), 1);
	assert_int_equal(rte_eth_stats_reset(p.guest), 0);
	assert_int_equal(rte_eth_stats_get(p.guest, &stats), 0);
	assert_int_equal(stats.ipackets + stats.opackets + stats.ibytes + stats.obytes, 0);
	exchange(&p, 0, 100, 1, 1);
	assert_int_equal(xstat(p.guest, "rx_q0_packets"), 1);
	assert_int_equal(rte_eth_xstats_reset(p.guest), 0);
	assert_int_equal(xstat(p.guest, "rx_q0_packets"), 0);
	assert_int_equal(xstat(p.guest, "link_ups"), 0);
	pair_close(&p);
}

static void
test_descriptor_status(void **state)
{
	struct rte_mbuf *m;
	struct pair p;
	int i;

	(void)state;
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

/* 32 frames of two slots, as many as a ring of 64 has; all free, but the guest knows of half. */
static void
open_with_old_news(struct pair *p, struct rte_mbuf **m)
{
	unsigned int i;

	pair_open(p, ",ring_size=64,slot_size=256", "", NULL);
	for (i = 0; i < 16; i++)
		send_one(p->guest, 0, make_frame(common_pool, 500, i, 1));
	for (i = 0; i < 16; i++) {
		m[0] = receive_one(p->host, 0);
		check_frame(m[0], 500, i);
		rte_pktmbuf_free(m[0]);
	}
	expect_silence(p->host, 0);
	for (i = 0; i < 32; i++)
		m[i] = make_frame(common_pool, 500, i, 1);
}

/* A burst of frames of several slots takes all the room there is. */
static void
test_room_for_long_frames(void **state)
{
	struct rte_mbuf *m[32];
	struct pair p;
	int i;

	(void)state;
	open_with_old_news(&p, m);
	assert_int_equal(rte_eth_tx_burst(p.guest, 0, m, 32), 32);
	for (i = 0; i < 32; i++) {
		m[0] = receive_one(p.host, 0);
		check_frame(m[0], 500, i);
		rte_pktmbuf_free(m[0]);
	}
	pair_close(&p);
}

/* The peer breaks framing in the middle of a burst: what was taken is counted. */
static void
test_lost(void **state)
{
	struct rte_eth_stats stats;
	struct rte_mbuf *m[32];
	struct folio_wire_index *index;
	struct stat st;
	struct pair p;
	uint16_t sent;
	uint8_t *mem;
	int fd;

	(void)state;
	open_with_old_news(&p, m);
	fd = open(p.path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	mem = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(mem, MAP_FAILED);
	close(fd);
	index = (struct folio_wire_index *)(mem + st.st_size / 2 + 4096); /* behind the header */
	__atomic_store_n(&index->consumed.raw, 1u << 30, __ATOMIC_RELAXED);
	sent = rte_eth_tx_burst(p.guest, 0, m, 32);
	rte_pktmbuf_free_bulk(&m[sent], 32 - sent);
	assert_in_range(sent, 1, 31);
	assert_int_equal(xstat(p.guest, "tx_q0_lost"), sent);
	assert_int_equal(xstat(p.guest, "tx_q0_packets"), 16);
	assert_int_equal(xstat(p.guest, "violation_tx_bad_index"), 1);
	assert_int_equal(rte_eth_stats_get(p.guest, &stats), 0);
	assert_int_equal(stats.oerrors, sent);
	assert_int_equal(stats.opackets, 16);
	munmap(mem, st.st_size);
	pair_close(&p);
}

static void
test_fast_free(void **state)
{
	const struct port_setup setup = {
		.tx_offloads = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE | RTE_ETH_TX_OFFLOAD_MULTI_SEGS};
	struct rte_eth_burst_mode mode;
	struct rte_mbuf *m[32];
	struct pair p;
	uint16_t n;
	int i;

	(void)state;
	pair_open(&p, "", "", &setup);
	assert_int_equal(rte_eth_tx_burst_mode_get(p.guest, 0, &mode), 0);
	assert_non_null(strstr(mode.info, "fast free"));
	for (i = 0; i < 32; i++)
		m[i] = make_frame(common_pool, 60 + i * 40, i, i % 4 == 3 ? 3 : 1);
	assert_int_equal(rte_eth_tx_burst(p.guest, 0, m, 32), 32);
	n = rte_eth_rx_burst(p.host, 0, m, 32);
	assert_int_equal(n, 32);
	for (i = 0; i < 32; i++)
		check_frame(m[i], 60 + i * 40, i);
	rte_pktmbuf_free_bulk(m, n);
	pair_close(&p);
}

/* What a queue was promised holds for that queue only, also when it is set up again later. */
static void
test_fast_free_is_per_queue(void **state)
{
	const struct port_setup setup = {.tx_offloads = 0};
	struct rte_eth_txconf fast = {.offloads = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE};
	struct rte_mempool *other;
	struct rte_mbuf *m[2], *r;
	struct pair p;

	(void)state;
	other = rte_pktmbuf_pool_create("other", 63, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					SOCKET_ID_ANY);
	pair_open(&p, "", "", &setup);
	assert_int_equal(rte_eth_dev_tx_queue_stop(p.guest, 0), 0);
	assert_int_equal(rte_eth_tx_queue_setup(p.guest, 0, 0, 0, &fast), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(p.guest, 0), 0);
	exchange(&p, 0, 64, 1, 1);
	assert_int_equal(rte_eth_dev_tx_queue_stop(p.guest, 0), 0);
	assert_int_equal(rte_eth_tx_queue_setup(p.guest, 0, 0, 0, NULL), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(p.guest, 0), 0);
	m[0] = make_frame(common_pool, 64, 1, 1);
	m[1] = make_frame(other, 64, 2, 1);
	rte_mbuf_refcnt_update(m[1], 1);
	assert_int_equal(rte_eth_tx_burst(p.guest, 0, m, 2), 2);
	assert_int_equal(rte_mbuf_refcnt_read(m[1]), 1);
	assert_int_equal(rte_mempool_avail_count(other), 62);
	rte_pktmbuf_free(m[1]);
	assert_int_equal(rte_mempool_avail_count(other), 63);
	while (rte_eth_rx_burst(p.host, 0, &r, 1) == 1)
		rte_pktmbuf_free(r);
	pair_close(&p);
	rte_mempool_free(other);
}

/* A port starts with a queue that is yet to be set up. */
static void
test_missing_queue(void **state)
{
	struct rte_eth_conf conf = {0};
	struct pair p;

	(void)state;
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

/* The burst takes mbufs for many frames; a frame that needs them all gets them. */
static void
test_scatter_from_a_small_pool(void **state)
{
	struct port_setup setup = {.mtu = 4000};
	struct rte_mempool *small;
	struct rte_mbuf *m[32];
	struct pair p;
	int i;

	(void)state;
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

/* A frame that somebody else holds too is copied, not taken. */
static void
test_shared_mbuf(void **state)
{
	struct rte_mbuf *m, *r;
	struct pair p;

	(void)state;
	pair_open(&p, "", "", NULL);
	m = make_frame(common_pool, 128, 5, 1);
	rte_mbuf_refcnt_update(m, 1);
	send_one(p.guest, 0, m);
	assert_int_equal(rte_mbuf_refcnt_read(m), 1);
	r = receive_one(p.host, 0);
	assert_ptr_not_equal(r, m);
	check_frame(r, 128, 5);
	check_frame(m, 128, 5);
	rte_pktmbuf_free(r);
	rte_pktmbuf_free(m);
	pair_close(&p);
}

/* Fields that the last user of an mbuf left behind don't show. */
static void
test_clean_mbufs(void **state)
{
	struct rte_mbuf *m[256];
	struct pair p;
	int i;

	(void)state;
	pair_open(&p, "", "", NULL);
	assert_int_equal(rte_pktmbuf_alloc_bulk(common_pool, m, RTE_DIM(m)), 0);
	for (i = 0; i < (int)RTE_DIM(m); i++) {
		m[i]->ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_RSS_HASH;
		m[i]->vlan_tci = 77;
		m[i]->hash.rss = 0xdeadbeef;
		m[i]->data_off = 5;
		m[i]->packet_type = ~0u;
		m[i]->port = 9;
	}
	rte_pktmbuf_free_bulk(m, RTE_DIM(m));
	for (i = 0; i < 512; i++) {
		struct rte_mbuf *r;

		send_one(p.guest, 0, make_frame(common_pool, 64, i, 1));
		r = receive_one(p.host, 0);
		assert_int_equal(r->ol_flags, 0);
		assert_int_equal(r->vlan_tci, 0);
		assert_int_equal(r->hash.rss, 0);
		assert_int_equal(r->data_off, RTE_PKTMBUF_HEADROOM);
		assert_int_equal(r->packet_type, RTE_PTYPE_L2_ETHER);
		assert_int_equal(r->port, p.host);
		assert_int_equal(r->nb_segs, 1);
		assert_null(r->next);
		rte_pktmbuf_free(r);
	}
	pair_close(&p);
}

static int
count_event(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	(void)port;
	(void)type;
	(void)ret;
	__atomic_fetch_add((int *)arg, 1, __ATOMIC_RELAXED);
	return 0;
}

static void
wait_events(int *events, int n)
{
	unsigned int i;

	for (i = 0; i < WAIT_STEPS && __atomic_load_n(events, __ATOMIC_RELAXED) < n; i++)
		usleep(1000);
	assert_int_equal(__atomic_load_n(events, __ATOMIC_RELAXED), n);
}

static void
test_link_events(void **state)
{
	const struct port_setup setup = {.lsc = true};
	static int events;
	struct pair p;

	(void)state;
	events = 0;
	pair_open(&p, "", "", &setup);
	assert_int_equal(rte_eth_dev_callback_register(p.guest, RTE_ETH_EVENT_INTR_LSC,
						       count_event, &events), 0);
	assert_int_equal(rte_eth_dev_stop(p.host), 0);
	wait_link(p.host, false);
	wait_link(p.guest, false);
	wait_events(&events, 1);
	start(p.host);
	wait_link(p.guest, true);
	wait_link(p.host, true);
	wait_events(&events, 2);
	exchange(&p, 0, 64, 1, 1);
	assert_int_equal(rte_eth_dev_set_link_down(p.host), 0);
	wait_link(p.guest, false);
	assert_int_equal(rte_eth_dev_set_link_up(p.host), 0);
	wait_link(p.guest, true);
	wait_link(p.host, true);
	exchange(&p, 0, 64, 1, 1);
	assert_int_equal(rte_eth_dev_callback_unregister(p.guest, RTE_ETH_EVENT_INTR_LSC,
							 count_event, &events), 0);
	pair_close(&p);
}

/* Start succeeds without a peer; either side comes first, goes away, comes back. */
static void
test_start_order(void **state)
{
	struct rte_eth_link link;
	char args[256];
	struct pair p;
	struct rte_mbuf *m;
	int round;

	(void)state;
	for (round = 0; round < 4; round++) {
		bool host_first = round & 1;

		region_path(p.path, sizeof(p.path));
		snprintf(args, sizeof(args), "role=%s,path=%s", host_first ? "host" : "guest",
			 p.path);
		assert_int_equal(attach("net_folio0", args, host_first ? &p.host : &p.guest), 0);
		configure(host_first ? p.host : p.guest, &(struct port_setup){0});
		start(host_first ? p.host : p.guest);
		assert_int_equal(rte_eth_link_get_nowait(host_first ? p.host : p.guest, &link), 0);
		assert_int_equal(link.link_status, RTE_ETH_LINK_DOWN);
		m = make_frame(common_pool, 64, 1, 1);
		assert_int_equal(rte_eth_tx_burst(host_first ? p.host : p.guest, 0, &m, 1), 0);
		rte_pktmbuf_free(m);
		snprintf(args, sizeof(args), "role=%s,path=%s", host_first ? "guest" : "host",
			 p.path);
		assert_int_equal(attach("net_folio1", args, host_first ? &p.guest : &p.host), 0);
		configure(host_first ? p.guest : p.host, &(struct port_setup){0});
		start(host_first ? p.guest : p.host);
		wait_link(p.guest, true);
		wait_link(p.host, true);
		exchange(&p, 0, 64, 1, 1);
		/* Both orders of leaving. */
		if (round & 2) {
			detach(p.host);
			wait_link(p.guest, false);
			detach(p.guest);
		} else {
			detach(p.guest);
			wait_link(p.host, false);
			detach(p.host);
		}
	}
}

/* What Open vSwitch does: stop, configure anew with other queues, start. */
static void
test_reconfigure(void **state)
{
	struct pair p;
	int i;

	(void)state;
	pair_open(&p, ",queues=4", ",queues=4", NULL);
	for (i = 1; i <= 4; i++) {
		const struct port_setup setup = {.queues = i, .mtu = 1500 + i * 1000};

		assert_int_equal(rte_eth_dev_stop(p.host), 0);
		configure(p.host, &setup);
		start(p.host);
		assert_int_equal(rte_eth_dev_stop(p.guest), 0);
		configure(p.guest, &setup);
		start(p.guest);
		wait_link(p.guest, true);
		wait_link(p.host, true);
		exchange(&p, i - 1, 1500 + i * 1000, i, 4);
	}
	pair_close(&p);
}

static void
test_loopback(void **state)
{
	const struct port_setup setup = {.queues = 2, .mtu = 9000};
	struct rte_mbuf *m;
	uint16_t port, q;
	uint32_t len;

	(void)state;
	assert_int_equal(attach("net_folio0", "loopback=1,queues=2", &port), 0);
	configure(port, &setup);
	start(port);
	wait_link(port, true);
	for (q = 0; q < 2; q++) {
		for (len = 14; len < 9000; len += 111) {
			send_one(port, q, make_frame(common_pool, len, len, 1 + len / 2000));
			m = receive_one(port, q);
			check_frame(m, len, len);
			rte_pktmbuf_free(m);
		}
	}
	detach(port);
}

static unsigned int
open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static size_t
heap_in_use(void)
{
	struct rte_malloc_socket_stats stats;

	assert_int_equal(rte_malloc_get_socket_stats(0, &stats), 0);
	return stats.heap_allocsz_bytes;
}

/* Plug and unplug, with traffic between: no file, descriptor or memory stays. */
static void
test_hotplug(void **state)
{
	unsigned int files = 0;
	size_t heap = 0;
	struct pair p;
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		pair_open(&p, "", "", NULL);
		exchange(&p, 0, 1000, i, 1);
		pair_close(&p);
		/* The first round also pays for what EAL keeps for ever. */
		if (i == 0) {
			files = open_files();
			heap = heap_in_use();
		}
	}
	assert_int_equal(open_files(), files);
	assert_int_equal(heap_in_use(), heap);
}

static void
test_several_pairs(void **state)
{
	char a[128], b[128], args[256];
	struct pair p, q;

	(void)state;
	region_path(a, sizeof(a));
	region_path(b, sizeof(b));
	snprintf(args, sizeof(args), "role=guest,path=%s", a);
	assert_int_equal(attach("net_folio0", args, &p.guest), 0);
	snprintf(args, sizeof(args), "role=host,path=%s", a);
	assert_int_equal(attach("net_folio1", args, &p.host), 0);
	snprintf(args, sizeof(args), "role=guest,path=%s", b);
	assert_int_equal(attach("net_folio2", args, &q.guest), 0);
	snprintf(args, sizeof(args), "role=host,path=%s", b);
	assert_int_equal(attach("net_folio3", args, &q.host), 0);
	configure(p.guest, &(struct port_setup){0});
	configure(p.host, &(struct port_setup){0});
	configure(q.guest, &(struct port_setup){0});
	configure(q.host, &(struct port_setup){0});
	start(p.guest);
	start(q.guest);
	start(p.host);
	start(q.host);
	wait_link(p.guest, true);
	wait_link(p.host, true);
	wait_link(q.guest, true);
	wait_link(q.host, true);
	exchange(&p, 0, 64, 1, 1);
	exchange(&q, 0, 64, 2, 1);
	pair_close(&p);
	exchange(&q, 0, 64, 3, 1);
	pair_close(&q);
}

/* The peer writes nonsense: named counters, and traffic after it behaves again. */
static void
test_violations(void **state)
{
	static const struct {
		uint64_t desc;
		const char *counter;
	} cases[] = {
		{0, "violation_rx_bad_length"},
		{13, "violation_rx_bad_length"},
		{65537, "violation_rx_bad_length"},
		{UINT32_MAX, "violation_rx_bad_length"},
		{64 | UINT64_C(1) << 32, "violation_rx_bad_flags"},
		{64 | UINT64_C(1) << 63, "violation_rx_bad_flags"},
		{60000, "violation_rx_bad_chain"},
	};
	const size_t desc_off = 4096 + 4096; /* one queue: behind header and index page */
	struct pair p;
	uint8_t *guest_area;
	size_t i;
	int fd;

	(void)state;
	pair_open(&p, "", "", NULL);
	fd = open(p.path, O_RDWR);
	assert_true(fd >= 0);
	guest_area = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(guest_area, MAP_FAILED);
	for (i = 0; i < RTE_DIM(cases); i++) {
		volatile uint64_t *desc = (uint64_t *)(guest_area + desc_off);
		uint64_t before = xstat(p.host, cases[i].counter);

		/* A new session starts at slot 0. */
		assert_int_equal(rte_eth_dev_stop(p.guest), 0);
		wait_link(p.host, false);
		start(p.guest);
		wait_link(p.guest, true);
		wait_link(p.host, true);
		send_one(p.guest, 0, make_frame(common_pool, 64, 1, 1));
		*desc = cases[i].desc;
		expect_silence(p.host, 0);
		assert_int_equal(xstat(p.host, cases[i].counter), before + 1);
	}
	/* The last one lost framing: both find to a new session without a restart. */
	while (xstat(p.host, "renegotiations") == 0)
		usleep(1000);
	wait_link(p.guest, true);
	wait_link(p.host, true);
	while (xstat(p.guest, "link_ups") != xstat(p.host, "link_ups"))
		usleep(1000);
	exchange(&p, 0, 64, 1, 1);
	munmap(guest_area, 1 << 20);
	close(fd);
	pair_close(&p);
}

static void
test_status(void **state)
{
	__typeof__(rte_pmd_folio_status_get) *get;
	struct folio_status st;
	struct pair p;

	(void)state;
	get = (__typeof__(get))dlsym(dlopen(getenv("FOLIO_PLUGIN"), RTLD_LAZY),
				     "rte_pmd_folio_status_get");
	assert_non_null(get);
	pair_open(&p, ",ring_size=512,slot_size=1024", "", NULL);
	assert_int_equal(get(p.guest, &st, sizeof(st)), 0);
	assert_int_equal(st.link, FOLIO_LINK_UP);
	assert_int_equal(st.ring_size, 512);
	assert_int_equal(st.slot_size, 1024);
	assert_int_equal(get(p.host, &st, sizeof(st)), 0);
	assert_int_equal(st.role, FOLIO_HOST);
	assert_int_equal(st.ring_size, 512);
	assert_int_equal(get(77, &st, sizeof(st)), -ENODEV);
	assert_int_equal(get(p.host, NULL, 0), -EINVAL);
	pair_close(&p);
}

/* Ports are stopped, started and closed while other threads poll them, as applications do. */
struct poller {
	uint16_t port;
	int stop;
	uint64_t received;
};

/* Wait until the other thread has received something new. */
static void
wait_traffic(struct poller *p)
{
	uint64_t before = __atomic_load_n(&p->received, __ATOMIC_RELAXED);
	unsigned int i;

	for (i = 0; i < WAIT_STEPS; i++) {
		if (__atomic_load_n(&p->received, __ATOMIC_RELAXED) > before)
			return;
		usleep(1000);
	}
	fail_msg("port %u receives nothing any more", p->port);
}

static void *
poll_port(void *arg)
{
	struct poller *p = arg;
	struct rte_mbuf *m[32];
	uint16_t n, sent;

	while (!__atomic_load_n(&p->stop, __ATOMIC_RELAXED)) {
		n = rte_eth_rx_burst(p->port, 0, m, 32);
		rte_pktmbuf_free_bulk(m, n);
		__atomic_fetch_add(&p->received, n, __ATOMIC_RELAXED);
		if (rte_pktmbuf_alloc_bulk(common_pool, m, 8) != 0)
			continue;
		for (n = 0; n < 8; n++)
			rte_pktmbuf_append(m[n], 100);
		sent = rte_eth_tx_burst(p->port, 0, m, 8);
		rte_pktmbuf_free_bulk(&m[sent], 8 - sent);
	}
	return NULL;
}

static void
test_restart_under_traffic(void **state)
{
	struct poller g = {0}, h = {0};
	pthread_t tg, th;
	struct pair p;
	int i;

	(void)state;
	pair_open(&p, "", "", NULL);
	g.port = p.guest;
	h.port = p.host;
	assert_int_equal(pthread_create(&tg, NULL, poll_port, &g), 0);
	assert_int_equal(pthread_create(&th, NULL, poll_port, &h), 0);
	for (i = 0; i < 20; i++) {
		uint16_t port = i & 1 ? p.guest : p.host;

		/* The link, not the port: ethdev forbids bursts on a stopped port. */
		assert_int_equal(rte_eth_dev_set_link_down(port), 0);
		assert_int_equal(rte_eth_dev_set_link_up(port), 0);
		wait_link(p.guest, true);
		wait_link(p.host, true);
		wait_traffic(&g);
		wait_traffic(&h);
	}
	__atomic_store_n(&g.stop, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&h.stop, 1, __ATOMIC_RELAXED);
	pthread_join(tg, NULL);
	pthread_join(th, NULL);
	for (i = 0; i < 2; i++) {
		uint16_t port = i ? p.guest : p.host;

		assert_int_equal(xstat(port, "violation_rx_bad_index"), 0);
		assert_int_equal(xstat(port, "violation_tx_bad_index"), 0);
		assert_int_equal(xstat(port, "violation_rx_bad_length"), 0);
		assert_int_equal(xstat(port, "violation_rx_bad_flags"), 0);
	}
	pair_close(&p);
}

/* A mempool that keeps whoever allocates from it waiting: how a test stands still in a burst. */
static struct {
	void *objs[256];
	unsigned int count;
	bool blocked;
	bool waiting;
} stall;

static int
stall_alloc(struct rte_mempool *mp)
{
	(void)mp;
	stall.count = 0;
	return 0;
}

static void
stall_free(struct rte_mempool *mp)
{
	(void)mp;
}

static int
stall_enqueue(struct rte_mempool *mp, void *const *objs, unsigned int n)
{
	(void)mp;
	assert_true(stall.count + n <= RTE_DIM(stall.objs));
	memcpy(&stall.objs[stall.count], objs, n * sizeof(*objs));
	stall.count += n;
	return 0;
}

static int
stall_dequeue(struct rte_mempool *mp, void **objs, unsigned int n)
{
	(void)mp;
	while (__atomic_load_n(&stall.blocked, __ATOMIC_ACQUIRE)) {
		__atomic_store_n(&stall.waiting, true, __ATOMIC_RELEASE);
		usleep(1000);
	}
	if (n > stall.count)
		return -ENOBUFS;
	stall.count -= n;
	memcpy(objs, &stall.objs[stall.count], n * sizeof(*objs));
	return 0;
}

static unsigned int
stall_count(const struct rte_mempool *mp)
{
	(void)mp;
	return stall.count;
}

static const struct rte_mempool_ops stall_ops = {
	.name = "stall",
	.alloc = stall_alloc,
	.free = stall_free,
	.enqueue = stall_enqueue,
	.dequeue = stall_dequeue,
	.get_count = stall_count,
};

RTE_MEMPOOL_REGISTER_OPS(stall_ops);

static void *
receive_slowly(void *arg)
{
	return receive_one(*(uint16_t *)arg, 0);
}

/* Who stops a port, and then frees its mempool, has to know that a burst still uses it. */
static void
test_stop_with_a_burst_inside(void **state)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create_by_ops(
		"stall", RTE_DIM(stall.objs), 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY, "stall");
	struct rte_eth_rxq_info info;
	struct rte_mbuf *m;
	pthread_t receiver;
	struct pair p;
	void *received;

	(void)state;
	assert_non_null(pool);
	pair_open(&p, "", "", &(struct port_setup){.pool = pool});
	__atomic_store_n(&stall.blocked, true, __ATOMIC_RELEASE);
	send_one(p.guest, 0, make_frame(common_pool, 100, 1, 1));
	assert_int_equal(pthread_create(&receiver, NULL, receive_slowly, &p.host), 0);
	while (!__atomic_load_n(&stall.waiting, __ATOMIC_ACQUIRE))
		usleep(1000);

	assert_int_equal(rte_eth_dev_rx_queue_stop(p.host, 0), -EBUSY);
	assert_int_equal(rte_eth_rx_queue_info_get(p.host, 0, &info), 0);
	assert_int_equal(info.queue_state, RTE_ETH_QUEUE_STATE_STARTED);
	assert_int_equal(rte_eth_dev_stop(p.host), -EBUSY);
	__atomic_store_n(&stall.blocked, false, __ATOMIC_RELEASE);
	pthread_join(receiver, &received);
	m = received;
	check_frame(m, 100, 1);
	rte_pktmbuf_free(m);

	assert_int_equal(rte_eth_dev_stop(p.host), 0);
	start(p.host);
	wait_link(p.guest, true);
	wait_link(p.host, true);
	exchange(&p, 0, 200, 2, 1);
	pair_close(&p);
	rte_mempool_free(pool);
}

#define TEST(f) cmocka_unit_test_teardown(f, check_nothing_left)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_info),
		TEST(test_lengths),
		TEST(test_segments),
		TEST(test_scatter),
		TEST(test_no_mbufs),
		TEST(test_mtu),
		TEST(test_bad_chain),
		TEST(test_queues),
		TEST(test_uneven_queues),
		TEST(test_queue_start_stop),
		TEST(test_runtime_setup),
		TEST(test_modes),
		TEST(test_stats),
		TEST(test_descriptor_status),
		TEST(test_room_for_long_frames),
		TEST(test_lost),
		TEST(test_fast_free),
		TEST(test_fast_free_is_per_queue),
		TEST(test_missing_queue),
		TEST(test_scatter_from_a_small_pool),
		TEST(test_shared_mbuf),
		TEST(test_clean_mbufs),
		TEST(test_link_events),
		TEST(test_start_order),
		TEST(test_reconfigure),
		TEST(test_loopback),
		TEST(test_hotplug),
		TEST(test_several_pairs),
		TEST(test_violations),
		TEST(test_status),
		TEST(test_restart_under_traffic),
		TEST(test_stop_with_a_burst_inside),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
