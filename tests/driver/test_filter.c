/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* What a port does not want to receive: by destination address and VLAN; and tags, stripped. */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pair.h"

#define VLAN (RTE_ETH_RX_OFFLOAD_VLAN_STRIP | RTE_ETH_RX_OFFLOAD_QINQ_STRIP | \
	      RTE_ETH_RX_OFFLOAD_VLAN_FILTER)
#define LEN 80u

static struct rte_ether_addr own = {{2, 0xaa, 0xbb, 0xcc, 0xdd, 0xee}};
static struct rte_ether_addr other = {{2, 0xaa, 0xbb, 0xcc, 0xdd, 0xef}};
static struct rte_ether_addr group = {{1, 0, 0x5e, 0, 0, 9}};
static struct rte_ether_addr group2 = {{0x33, 0x33, 0, 0, 0, 9}};
static struct rte_ether_addr broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

/* The receiver is folio's port; its address is `own`. */
struct link {
	struct pair pair;
	uint16_t from;
	uint16_t to;
};

static void
open_link(struct link *l, uint64_t offloads)
{
	const struct port_setup setup = {.rx_offloads = offloads};

	pair_open(&l->pair, "", "", &setup);
	l->from = pair_sender(&l->pair);
	l->to = pair_receiver(&l->pair);
	assert_int_equal(rte_eth_dev_default_mac_addr_set(l->to, &own), 0);
}

static void
close_link(struct link *l)
{
	pair_close(&l->pair);
}

/* To this address, with the first n of these tags; each is an ethertype and what follows it. */
static struct rte_mbuf *
frame(const struct rte_ether_addr *to, const uint16_t (*tags)[2], unsigned int n, uint32_t len)
{
	struct rte_mbuf *m = make_frame(common_pool, len, 7, 1);
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	unsigned int i;

	memcpy(p, to, 6);
	p += 12;
	for (i = 0; i < n; i++, p += 4) {
		p[0] = (uint8_t)(tags[i][0] >> 8);
		p[1] = (uint8_t)tags[i][0];
		p[2] = (uint8_t)(tags[i][1] >> 8);
		p[3] = (uint8_t)tags[i][1];
	}
	p[0] = 0x08;
	p[1] = 0x06;
	return m;
}

static uint64_t
filtered(const struct link *l)
{
	return xstat(l->to, "rx_q0_filtered");
}

/* A frame that is dropped, and one that is not. */
static void
expect(const struct link *l, const struct rte_ether_addr *to, uint16_t vlan, bool passes)
{
	const uint16_t tags[][2] = {{0x8100, vlan}};
	uint64_t before = filtered(l), packets = queue_packets(l->to, 0);
	struct rte_mbuf *m;

	send_one(l->from, 0, frame(to, tags, vlan != 0, LEN));
	if (passes) {
		m = receive_one(l->to, 0);
		assert_memory_equal(rte_pktmbuf_mtod(m, void *), to, 6);
		assert_int_equal(m->nb_segs, 1);
		rte_pktmbuf_free(m);
	} else {
		expect_silence(l->to, 0);
	}
	assert_int_equal(filtered(l), before + !passes);
	assert_int_equal(queue_packets(l->to, 0), packets + passes);
}

/* A link between two: everything is for us, until the application says otherwise. */
static void
test_promiscuous(void **state)
{
	struct rte_eth_stats stats;
	struct link l;

	(void)state;
	open_link(&l, 0);
	assert_int_equal(rte_eth_promiscuous_get(l.to), 1);
	assert_int_equal(rte_eth_allmulticast_get(l.to), 1);
	expect(&l, &other, 0, true);
	assert_int_equal(rte_eth_promiscuous_disable(l.to), 0);
	expect(&l, &other, 0, false);
	expect(&l, &own, 0, true);
	expect(&l, &group, 0, true);
	expect(&l, &broadcast, 0, true);
	assert_int_equal(rte_eth_allmulticast_disable(l.to), 0);
	expect(&l, &group, 0, false);
	expect(&l, &broadcast, 0, true);
	expect(&l, &own, 0, true);
	assert_int_equal(rte_eth_promiscuous_enable(l.to), 0);
	expect(&l, &group, 0, true);
	expect(&l, &other, 0, true);

	/* It stays over a stop; what is dropped so is no error. */
	assert_int_equal(rte_eth_promiscuous_disable(l.to), 0);
	assert_int_equal(rte_eth_dev_stop(l.to), 0);
	start(l.to);
	wait_link(l.to, true);
	wait_link(l.from, true);
	expect(&l, &other, 0, false);
	expect(&l, &own, 0, true);
	assert_int_equal(rte_eth_stats_get(l.to, &stats), 0);
	assert_int_equal(stats.ierrors, 0);
	assert_int_equal(stats.imissed, 0);
	assert_int_equal(stats.ibytes, stats.ipackets * LEN);
	close_link(&l);
}

static void
test_addresses(void **state)
{
	struct rte_ether_addr mac = other, groups[130];
	struct link l;
	unsigned int i;

	(void)state;
	open_link(&l, 0);
	assert_int_equal(rte_eth_promiscuous_disable(l.to), 0);
	assert_int_equal(rte_eth_dev_mac_addr_add(l.to, &other, 0), 0);
	expect(&l, &other, 0, true);
	expect(&l, &own, 0, true);
	assert_int_equal(rte_eth_dev_mac_addr_remove(l.to, &other), 0);
	expect(&l, &other, 0, false);
	assert_int_equal(rte_eth_dev_default_mac_addr_set(l.to, &other), 0);
	expect(&l, &other, 0, true);
	expect(&l, &own, 0, false);
	assert_int_equal(rte_eth_dev_mac_addr_add(l.to, &own, 1), -ENOTSUP);

	/* 64 in all, its own included. */
	for (i = 1; i < 64; i++) {
		mac.addr_bytes[1] = (uint8_t)i;
		assert_int_equal(rte_eth_dev_mac_addr_add(l.to, &mac, 0), 0);
	}
	mac.addr_bytes[1] = 99;
	assert_int_equal(rte_eth_dev_mac_addr_add(l.to, &mac, 0), -ENOSPC);
	expect(&l, &mac, 0, false);
	mac.addr_bytes[1] = 63;
	expect(&l, &mac, 0, true);

	/* The port knows them after a stop. */
	assert_int_equal(rte_eth_dev_stop(l.to), 0);
	start(l.to);
	wait_link(l.to, true);
	wait_link(l.from, true);
	expect(&l, &mac, 0, true);
	expect(&l, &own, 0, false);

	/* Groups. */
	for (i = 0; i < RTE_DIM(groups); i++) {
		groups[i] = group;
		groups[i].addr_bytes[3] = (uint8_t)i;
	}
	assert_int_equal(rte_eth_allmulticast_disable(l.to), 0);
	expect(&l, &group2, 0, false);
	groups[1] = group2;
	assert_int_equal(rte_eth_dev_set_mc_addr_list(l.to, groups, 128), 0);
	expect(&l, &group, 0, true);
	expect(&l, &group2, 0, true);
	expect(&l, &groups[127], 0, true);
	expect(&l, &groups[128], 0, false);
	expect(&l, &mac, 0, true);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(l.to, groups, 129), -ENOSPC);
	groups[0] = own;
	assert_int_equal(rte_eth_dev_set_mc_addr_list(l.to, groups, 2), -EINVAL);
	expect(&l, &group, 0, true); /* nothing has changed */
	assert_int_equal(rte_eth_dev_set_mc_addr_list(l.to, &group2, 1), 0);
	expect(&l, &group, 0, false);
	expect(&l, &group2, 0, true);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(l.to, NULL, 0), 0);
	expect(&l, &group2, 0, false);
	close_link(&l);
}

/* A burst of wanted and unwanted: what is wanted keeps its order. */
static void
test_mixture(void **state)
{
	struct rte_mbuf *m[32], *r[32];
	unsigned int i, n = 0, want = 0;
	struct link l;

	(void)state;
	open_link(&l, 0);
	assert_int_equal(rte_eth_promiscuous_disable(l.to), 0);
	for (i = 0; i < 32; i++)
		m[i] = frame(i % 3 == 0 ? &other : &own, NULL, 0, 100 + i);
	assert_int_equal(rte_eth_tx_burst(l.from, 0, m, 32), 32);
	while (n < 21) {
		unsigned int got = rte_eth_rx_burst(l.to, 0, r, 32), j;

		for (j = 0; j < got; j++, want++, n++) {
			want += want % 3 == 0;
			assert_int_equal(r[j]->pkt_len, 100 + want);
		}
		rte_pktmbuf_free_bulk(r, got);
	}
	expect_silence(l.to, 0);
	assert_int_equal(filtered(&l), 11);
	close_link(&l);
}

static void
test_vlan_filter(void **state)
{
	const uint16_t qinq[][2] = {{0x88a8, 7}, {0x8100, 5}};
	struct link l;

	(void)state;
	open_link(&l, RTE_ETH_RX_OFFLOAD_VLAN_FILTER);
	expect(&l, &own, 5, false);
	expect(&l, &own, 0, true); /* no tag */
	expect(&l, &own, 0x2000, true); /* a priority */
	assert_int_equal(rte_eth_dev_vlan_filter(l.to, 5, 1), 0);
	assert_int_equal(rte_eth_dev_vlan_filter(l.to, 4095, 1), 0);
	expect(&l, &own, 5, true);
	expect(&l, &own, 0xe005, true);
	expect(&l, &own, 4, false);
	expect(&l, &own, 69, false);
	expect(&l, &own, 4095, true);
	/* Both filters hold. */
	assert_int_equal(rte_eth_promiscuous_disable(l.to), 0);
	expect(&l, &other, 5, false);
	assert_int_equal(rte_eth_promiscuous_enable(l.to), 0);
	assert_int_equal(rte_eth_dev_vlan_filter(l.to, 5, 0), 0);
	expect(&l, &own, 5, false);

	/* The outer tag decides. */
	send_one(l.from, 0, frame(&own, qinq, 2, LEN));
	expect_silence(l.to, 0);
	assert_int_equal(rte_eth_dev_vlan_filter(l.to, 7, 1), 0);
	send_one(l.from, 0, frame(&own, qinq, 2, LEN));
	rte_pktmbuf_free(receive_one(l.to, 0));

	/* Switched off and on while the port runs; it has not forgotten. */
	assert_int_equal(rte_eth_dev_set_vlan_offload(l.to, 0), 0);
	expect(&l, &own, 4, true);
	assert_int_equal(rte_eth_dev_set_vlan_offload(l.to, RTE_ETH_VLAN_FILTER_OFFLOAD), 0);
	expect(&l, &own, 4, false);
	expect(&l, &own, 7, true);
	close_link(&l);
}

/* What is stripped of n tags: s. */
static void
check_strip(const struct link *l, const uint16_t (*tags)[2], unsigned int n, unsigned int s,
	    uint64_t flags)
{
	struct rte_mbuf *m = frame(&own, tags, n, LEN), *want = frame(&own, tags + s, n - s, LEN);
	const uint8_t *p;

	send_one(l->from, 0, m);
	m = receive_one(l->to, 0);
	p = rte_pktmbuf_mtod(m, const uint8_t *);
	if (m->ol_flags != flags)
		fail_msg("flags 0x%" PRIx64 ", not 0x%" PRIx64, m->ol_flags, flags);
	assert_int_equal(m->pkt_len, LEN - 4 * s);
	assert_int_equal(m->data_len, LEN - 4 * s);
	assert_memory_equal(p, rte_pktmbuf_mtod(want, const uint8_t *), 14 + 4 * (n - s));
	assert_memory_equal(p + 14 + 4 * (n - s),
			    rte_pktmbuf_mtod_offset(want, const uint8_t *, 14 + 4 * n),
			    LEN - 14 - 4 * n);
	if (s > 0)
		assert_int_equal(m->vlan_tci, tags[s - 1][1]);
	if (s == 2)
		assert_int_equal(m->vlan_tci_outer, tags[0][1]);
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(want);
}

static void
test_strip(void **state)
{
	const uint64_t one = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	const uint64_t two = one | RTE_MBUF_F_RX_QINQ | RTE_MBUF_F_RX_QINQ_STRIPPED;
	const uint16_t tag[][2] = {{0x8100, 0xa123}, {0x8100, 0x4567}, {0x8100, 1}};
	const uint16_t qinq[][2] = {{0x88a8, 0xa123}, {0x8100, 0x4567}, {0x8100, 1}};
	const uint16_t outer[][2] = {{0x88a8, 0xa123}, {0x88a8, 1}};
	struct link l;

	(void)state;
	open_link(&l, 0);
	check_strip(&l, tag, 1, 0, 0);
	assert_int_equal(rte_eth_dev_set_vlan_offload(l.to, RTE_ETH_VLAN_STRIP_OFFLOAD), 0);
	check_strip(&l, tag, 0, 0, 0);
	check_strip(&l, tag, 1, 1, one);
	check_strip(&l, tag, 2, 1, one);
	check_strip(&l, qinq, 2, 0, 0);
	assert_int_equal(rte_eth_dev_set_vlan_offload(l.to, RTE_ETH_QINQ_STRIP_OFFLOAD), 0);
	check_strip(&l, tag, 1, 0, 0);
	check_strip(&l, qinq, 2, 2, two);
	check_strip(&l, qinq, 3, 2, two);
	check_strip(&l, outer, 1, 0, 0);
	check_strip(&l, outer, 2, 0, 0);
	assert_int_equal(rte_eth_dev_set_vlan_offload(l.to, RTE_ETH_QINQ_STRIP_OFFLOAD |
						      RTE_ETH_VLAN_STRIP_OFFLOAD), 0);
	check_strip(&l, tag, 1, 1, one);
	check_strip(&l, qinq, 2, 2, two);
	assert_int_equal(rte_eth_dev_get_vlan_offload(l.to), RTE_ETH_QINQ_STRIP_OFFLOAD |
							     RTE_ETH_VLAN_STRIP_OFFLOAD);
	assert_int_equal(rte_eth_dev_set_vlan_offload(l.to, RTE_ETH_VLAN_EXTEND_OFFLOAD), -EINVAL);
	assert_int_equal(rte_eth_dev_set_vlan_offload(l.to, 0), 0);
	check_strip(&l, tag, 1, 0, 0);
	close_link(&l);
}

/* Frames that end within a tag: they are not stripped, and a filter has nothing to go by. */
static void
test_short_frames(void **state)
{
	static const uint16_t types[] = {0x8100, 0x88a8};
	struct rte_mbuf *m, *before;
	struct link l;
	uint32_t len;
	unsigned int i;

	(void)state;
	open_link(&l, VLAN & ~RTE_ETH_RX_OFFLOAD_VLAN_FILTER);
	for (i = 0; i < 2; i++) {
		for (len = 14; len < 26; len++) {
			const uint16_t tags[][2] = {{types[i], 5}, {0x8100, 6}};
			uint32_t stripped = i == 1 ? (len >= 22 ? 8 : 0) : len >= 18 ? 4 : 0;

			m = frame(&own, tags, 2, LEN);
			m->data_len = (uint16_t)len;
			m->pkt_len = len;
			before = rte_pktmbuf_copy(m, common_pool, 0, UINT32_MAX);
			send_one(l.from, 0, m);
			m = receive_one(l.to, 0);
			assert_int_equal(m->pkt_len, len - stripped);
			assert_memory_equal(rte_pktmbuf_mtod(m, void *),
					    rte_pktmbuf_mtod(before, void *), 12);
			assert_memory_equal(rte_pktmbuf_mtod_offset(m, void *, 12),
					    rte_pktmbuf_mtod_offset(before, void *, 12 + stripped),
					    len - stripped - 12);
			rte_pktmbuf_free(m);
			rte_pktmbuf_free(before);
		}
	}
	assert_int_equal(rte_eth_dev_set_vlan_offload(l.to, RTE_ETH_VLAN_FILTER_OFFLOAD), 0);
	assert_int_equal(rte_eth_dev_vlan_filter(l.to, 5, 1), 0);
	for (len = 14; len < 20; len++) {
		const uint16_t tags[][2] = {{0x8100, 5}};

		m = frame(&own, tags, 1, LEN);
		m->data_len = (uint16_t)len;
		m->pkt_len = len;
		send_one(l.from, 0, m);
		if (len >= 18)
			rte_pktmbuf_free(receive_one(l.to, 0));
		else
			expect_silence(l.to, 0);
	}
	assert_int_equal(filtered(&l), 4);
	close_link(&l);
}

struct changes {
	uint16_t port;
	bool stop;
};

static void *
change(void *arg)
{
	struct changes *c = arg;
	struct rte_ether_addr groups[] = {group, group2};
	unsigned int i;

	for (i = 0; !__atomic_load_n(&c->stop, __ATOMIC_RELAXED); i++) {
		(void)rte_eth_promiscuous_disable(c->port);
		(void)rte_eth_dev_mac_addr_add(c->port, &other, 0);
		(void)rte_eth_dev_set_mc_addr_list(c->port, groups, 1 + (i & 1));
		(void)rte_eth_dev_set_vlan_offload(c->port, RTE_ETH_VLAN_STRIP_OFFLOAD);
		(void)rte_eth_dev_mac_addr_remove(c->port, &other);
		(void)rte_eth_promiscuous_enable(c->port);
		(void)rte_eth_dev_set_vlan_offload(c->port, 0);
		usleep(100);
	}
	return NULL;
}

/* Modes change under traffic: a packet for an address that always is ours arrives. */
static void
test_changes_under_traffic(void **state)
{
	const uint16_t tags[][2] = {{0x8100, 5}};
	struct changes c = {0};
	struct rte_mbuf *m;
	pthread_t thread;
	struct link l;
	unsigned int i;

	(void)state;
	open_link(&l, 0);
	c.port = l.to;
	assert_int_equal(pthread_create(&thread, NULL, change, &c), 0);
	for (i = 0; i < 20000; i++) {
		send_one(l.from, 0, frame(&own, tags, i & 1, LEN));
		m = receive_one(l.to, 0);
		assert_int_equal(m->pkt_len, (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0
						     ? LEN - 4 : LEN);
		rte_pktmbuf_free(m);
	}
	__atomic_store_n(&c.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	close_link(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_promiscuous),
		TEST(test_addresses),
		TEST(test_mixture),
		TEST(test_vlan_filter),
		TEST(test_strip),
		TEST(test_short_frames),
		TEST(test_changes_under_traffic),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
