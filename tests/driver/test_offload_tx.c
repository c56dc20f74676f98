/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Transmit offloads: what arrives is compared with what this file makes of the packet, two bytes at
 * a time. The guest sends, the host receives.
 */

#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_tcp.h>

#include "packet.h"
#include "pair.h"

#define OFFLOADS (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM | \
		  RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO | \
		  RTE_ETH_TX_OFFLOAD_VLAN_INSERT | RTE_ETH_TX_OFFLOAD_QINQ_INSERT | \
		  RTE_ETH_TX_OFFLOAD_MULTI_SEGS)

static const struct port_setup offloads = {
	.mtu = 2000, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER, .tx_offloads = OFFLOADS};

static void
open_pair(struct pair *p, const char *args)
{
	srand(1);
	pair_open(p, args, "", &offloads);
}

/* Send; what arrives is the packet, complete. */
static void
send_and_check(const struct pair *p, struct rte_mbuf *m, const struct packet *k)
{
	struct rte_mbuf *r;

	assert_int_equal(rte_eth_tx_prepare(p->guest, 0, &m, 1), 1);
	send_one(p->guest, 0, m);
	r = receive_one(p->host, 0);
	check_packet(r, k);
	rte_pktmbuf_free(r);
}

static void
test_checksums(void **state)
{
	struct packet k;
	struct pair p;
	unsigned int i;

	(void)state;
	NEEDS(guest_is_folio());
	open_pair(&p, "");
	for (i = 0; i < 2000; i++) {
		packet_make(&k, i & 1, (i & 2) != 0, i < 800 ? i / 4 : (uint32_t)rand() % 1400);
		k.flags &= ~(rand() % 4 == 0 ? RTE_MBUF_F_TX_IP_CKSUM : 0);
		k.pad = rand() % 3 == 0 ? rand() % 20 : 0;
		send_and_check(&p, packet_mbuf(&k, common_pool, 1 + rand() % 6), &k);
	}
	assert_int_equal(xstat(p.guest, "tx_q0_bad_offload"), 0);
	pair_close(&p);
}

/* A UDP checksum that comes out as 0 is sent as 0xffff: 0 is none. TCP's is not. */
static void
test_checksum_zero(void **state)
{
	struct packet k;
	struct pair p;
	unsigned int i;

	(void)state;
	NEEDS(guest_is_folio());
	open_pair(&p, "");
	for (i = 0; i < 4; i++) {
		packet_make(&k, i & 1, (i & 2) != 0, 100);
		packet_make_sum_zero(&k);
		send_and_check(&p, packet_mbuf(&k, common_pool, 1), &k);
	}
	pair_close(&p);
}

static void
test_tags(void **state)
{
	struct packet k;
	struct rte_mbuf *m;
	struct pair p;
	unsigned int i;

	(void)state;
	NEEDS(guest_is_folio());
	open_pair(&p, "");
	for (i = 0; i < 1000; i++) {
		packet_make(&k, i & 1, (i & 2) != 0, (uint32_t)rand() % 1400);
		if ((i & 4) != 0)
			k.flags = 0;
		k.flags |= RTE_MBUF_F_TX_VLAN | ((i & 8) != 0 ? RTE_MBUF_F_TX_QINQ : 0);
		k.flags &= ~((i & 24) == 24 ? RTE_MBUF_F_TX_VLAN : 0);
		m = packet_mbuf(&k, common_pool, 1 + rand() % 4);
		if (rand() % 2 == 0 && m->nb_segs == 1) {
			/* No headroom. */
			memmove(m->buf_addr, rte_pktmbuf_mtod(m, void *), m->data_len);
			m->data_off = 0;
		}
		send_and_check(&p, m, &k);
	}
	pair_close(&p);
}

static void
no_free(void *addr, void *arg)
{
	(void)addr;
	*(unsigned int *)arg += 1;
}

/* What others see as well is not changed: a second reference, a clone, external memory. */
static void
test_shared(void **state)
{
	struct rte_mbuf_ext_shared_info shared = {.free_cb = no_free};
	static uint8_t external[2048], before[2048];
	struct rte_mbuf *m, *clone, *copy;
	struct packet k;
	struct pair p;
	unsigned int i, freed = 0;

	(void)state;
	NEEDS(guest_is_folio());
	open_pair(&p, "");
	shared.fcb_opaque = &freed;
	for (i = 0; i < 400; i++) {
		packet_make(&k, i & 1, (i & 2) != 0, (uint32_t)rand() % 1400);
		k.flags |= (i & 4) != 0 ? RTE_MBUF_F_TX_VLAN : 0;
		m = packet_mbuf(&k, common_pool, 1 + rand() % 4);
		copy = rte_pktmbuf_copy(m, common_pool, 0, UINT32_MAX);
		if ((i & 8) != 0) {
			clone = rte_pktmbuf_clone(m, common_pool);
			clone->ol_flags |= k.flags;
			send_and_check(&p, clone, &k);
		} else {
			rte_pktmbuf_refcnt_update(m, 1);
			send_and_check(&p, m, &k);
		}
		assert_int_equal(rte_mbuf_refcnt_read(m), 1);
		check_same(m, copy);
		rte_pktmbuf_free(m);

		packet_bytes(&k, external);
		rte_mbuf_ext_refcnt_set(&shared, 1);
		m = rte_pktmbuf_alloc(common_pool);
		rte_pktmbuf_attach_extbuf(m, external, 0, sizeof(external), &shared);
		m->data_off = 0;
		m->data_len = (uint16_t)packet_len(&k);
		m->pkt_len = packet_len(&k);
		packet_ask(&k, m);
		send_and_check(&p, m, &k);
		packet_bytes(&k, before);
		assert_memory_equal(external, before, packet_len(&k));
		assert_int_equal(freed, i + 1);
		rte_pktmbuf_free(copy);
	}
	pair_close(&p);
}

/* The application's mbufs are freed the short way, copies are not, whoever is first. */
static void
test_fast_free(void **state)
{
	struct port_setup setup = offloads;
	struct rte_mbuf *m[32], *r[32];
	struct packet k[32];
	struct pair p;
	unsigned int i, n;

	(void)state;
	NEEDS(guest_is_folio());
	setup.tx_offloads |= RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	srand(1);
	pair_open(&p, "", "", &setup);
	for (i = 0; i < 32; i++) {
		packet_make(&k[i], false, true, 100 + i);
		k[i].flags = i % 3 == 0 ? 0 : k[i].flags;
		m[i] = packet_mbuf(&k[i], common_pool, 1);
		if (i % 5 == 1) {
			/* To be copied for want of headroom. */
			k[i].flags |= RTE_MBUF_F_TX_VLAN;
			m[i]->ol_flags = k[i].flags;
			memmove(m[i]->buf_addr, rte_pktmbuf_mtod(m[i], void *), m[i]->data_len);
			m[i]->data_off = 0;
		}
	}
	assert_int_equal(rte_eth_tx_burst(p.guest, 0, m, 32), 32);
	n = rte_eth_rx_burst(p.host, 0, r, 32);
	assert_int_equal(n, 32);
	for (i = 0; i < n; i++)
		check_packet(r[i], &k[i]);
	rte_pktmbuf_free_bulk(r, n);
	pair_close(&p);
}

/* The queue's own pool, and all that is in it. */
static struct rte_mempool *
own_pool(uint16_t port)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "folio_tx_%u_0", port);
	return rte_mempool_lookup(name);
}

/* Without buffers for a copy nothing is lost: it waits. What needs none goes. */
static void
test_no_buffers(void **state)
{
	struct rte_mbuf *m[3], *r;
	struct rte_mempool *pool;
	struct packet k, plain;
	struct pair p;
	void *held[127];

	(void)state;
	NEEDS(guest_is_folio());
	open_pair(&p, "");
	pool = own_pool(p.guest);
	assert_non_null(pool);
	assert_int_equal(rte_mempool_get_bulk(pool, held, 127), 0);
	packet_make(&plain, false, true, 50);
	packet_make(&k, true, true, 60);
	m[0] = packet_mbuf(&plain, common_pool, 1);
	m[1] = packet_mbuf(&k, common_pool, 1);
	m[2] = packet_mbuf(&plain, common_pool, 1);
	rte_pktmbuf_refcnt_update(m[1], 1);
	assert_int_equal(rte_eth_tx_burst(p.guest, 0, m, 3), 1);
	assert_int_equal(rte_eth_tx_burst(p.guest, 0, &m[1], 2), 0);
	rte_mempool_put_bulk(pool, held, 127);
	assert_int_equal(rte_eth_tx_burst(p.guest, 0, &m[1], 2), 2);
	r = receive_one(p.host, 0);
	check_packet(r, &plain);
	rte_pktmbuf_free(r);
	r = receive_one(p.host, 0);
	check_packet(r, &k);
	rte_pktmbuf_free(r);
	r = receive_one(p.host, 0);
	check_packet(r, &plain);
	rte_pktmbuf_free(r);
	rte_pktmbuf_free(m[1]);
	assert_int_equal(rte_mempool_avail_count(pool), 127);
	pair_close(&p);
	assert_null(own_pool(p.guest));
}

/* The ring is full: what is not sent is sent later, and once. */
static void
test_ring_full(void **state)
{
	enum {N = 100};
	struct rte_mbuf *m[N], *r;
	struct packet k[N];
	struct pair p;
	unsigned int i, sent;

	(void)state;
	NEEDS(guest_is_folio());
	open_pair(&p, ",ring_size=64");
	for (i = 0; i < N; i++) {
		packet_make(&k[i], i & 1, true, 100 + i);
		k[i].flags |= RTE_MBUF_F_TX_VLAN;
		m[i] = packet_mbuf(&k[i], common_pool, 1 + i % 3);
		if (i % 4 == 0)
			rte_pktmbuf_refcnt_update(m[i], 1);
	}
	sent = rte_eth_tx_burst(p.guest, 0, m, N);
	assert_in_range(sent, 1, N - 1);
	for (i = 0; i < N; i++) {
		r = receive_one(p.host, 0);
		check_packet(r, &k[i]);
		rte_pktmbuf_free(r);
		if (sent < N)
			sent += rte_eth_tx_burst(p.guest, 0, &m[sent], (uint16_t)(N - sent));
	}
	assert_int_equal(sent, N);
	expect_silence(p.host, 0);
	for (i = 0; i < N; i += 4)
		rte_pktmbuf_free(m[i]);
	pair_close(&p);
}

/* Requests that make no sense: refused by prepare, dropped and counted by the burst. */
static void
test_bad_requests(void **state)
{
	static const struct {
		uint64_t flags;
		int error;
		uint8_t l2_len;
		uint16_t l3_len;
		uint16_t pkt_len;
		uint16_t less; /* by what it is less than its segment's */
	} bad[] = {
		{RTE_MBUF_F_TX_TCP_CKSUM, EINVAL, 14, 20, 0, 0},
		{RTE_MBUF_F_TX_IP_CKSUM, EINVAL, 14, 20, 0, 0},
		{RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_IPV6, EINVAL, 14, 40, 0, 0},
		{RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6, EINVAL, 14, 40, 0,
		 0},
		{RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_IPV4, EINVAL, 14, 19, 0, 0},
		{RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV6, EINVAL, 14, 39, 0, 0},
		{RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4, EINVAL, 14, 511, 0, 0},
		{RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV4, EINVAL, 127, 20, 154, 0},
		{RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM, EINVAL, 14, 20, 0,
		 0},
		{RTE_MBUF_F_TX_VLAN, EINVAL, 0, 0, 10, 0},
		{RTE_MBUF_F_TX_QINQ, EINVAL, 0, 0, 10, 0},
		{RTE_MBUF_F_TX_VLAN, EINVAL, 0, 0, 13, 0},
		{RTE_MBUF_F_TX_VLAN, EINVAL, 0, 0, 200, 1},
		{RTE_MBUF_F_TX_SCTP_CKSUM | RTE_MBUF_F_TX_IPV4, ENOTSUP, 14, 20, 0, 0},
		{RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_IPV4, ENOTSUP, 14, 20, 0, 0},
		{RTE_MBUF_F_TX_SEC_OFFLOAD, ENOTSUP, 14, 20, 0, 0},
		{RTE_MBUF_F_TX_OUTER_IP_CKSUM | RTE_MBUF_F_TX_OUTER_IPV4, ENOTSUP, 14, 20, 0, 0},
		{RTE_MBUF_F_TX_OUTER_UDP_CKSUM, ENOTSUP, 14, 20, 0, 0},
		{RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_OUTER_IPV4 |
		 RTE_MBUF_F_TX_IP_CKSUM, ENOTSUP, 14, 20, 0, 0},
	};
	struct rte_eth_stats stats;
	struct rte_mbuf *m;
	struct pair p;
	size_t i;

	(void)state;
	NEEDS(guest_is_folio());
	open_pair(&p, "");
	for (i = 0; i < RTE_DIM(bad); i++) {
		m = make_frame(common_pool, bad[i].pkt_len != 0 ? bad[i].pkt_len : 200, 1, 1);
		m->ol_flags = bad[i].flags;
		m->l2_len = bad[i].l2_len;
		m->l3_len = bad[i].l3_len;
		m->l4_len = 20;
		m->pkt_len -= bad[i].less;
		assert_int_equal(rte_eth_tx_prepare(p.guest, 0, &m, 1), 0);
		assert_int_equal(rte_errno, bad[i].error);
		send_one(p.guest, 0, m);
		expect_silence(p.host, 0);
		assert_int_equal(xstat(p.guest, "tx_q0_bad_offload"), i + 1);
	}
	assert_int_equal(rte_eth_stats_get(p.guest, &stats), 0);
	assert_int_equal(stats.oerrors, i);
	exchange(&p, 0, 100, 3, 1);
	pair_close(&p);
}

/* The packet is not what the flags say: that is seen in its bytes only. */
static void
test_bad_bytes(void **state)
{
	struct packet k, good;
	struct rte_mbuf *m;
	struct pair p;
	unsigned int i;

	(void)state;
	NEEDS(guest_is_folio());
	open_pair(&p, "");
	for (i = 0; i < 7; i++) {
		packet_make(&k, i >= 5, true, 100);
		m = packet_mbuf(&k, common_pool, 1);
		switch (i) {
		case 0: *rte_pktmbuf_mtod_offset(m, uint8_t *, 14) = 0x65; break; /* version */
		case 1: *rte_pktmbuf_mtod_offset(m, uint8_t *, 14) = 0x44; break; /* header of 16 */
		case 2: *rte_pktmbuf_mtod_offset(m, uint8_t *, 14) = 0x4f; break; /* of 60 */
		case 3: *rte_pktmbuf_mtod_offset(m, uint8_t *, 16) = 0xff; break; /* total length */
		case 4: memset(rte_pktmbuf_mtod_offset(m, uint8_t *, 16), 0, 2); break;
		case 5: *rte_pktmbuf_mtod_offset(m, uint8_t *, 14) = 0x45; break;
		case 6: memset(rte_pktmbuf_mtod_offset(m, uint8_t *, 18), 0xff, 2); break;
		}
		send_one(p.guest, 0, m);
		expect_silence(p.host, 0);
		assert_int_equal(xstat(p.guest, "tx_q0_bad_offload"), i + 1);
		packet_make(&good, false, true, 10);
		send_and_check(&p, packet_mbuf(&good, common_pool, 1), &good);
	}
	pair_close(&p);
}

/* Any flags and lengths on any packet: nothing is read or written beyond it, and none is kept. */
static void
test_random_requests(void **state)
{
	struct rte_mbuf *m[8], *r[64];
	unsigned int i, j, n, used = rte_mempool_in_use_count(common_pool);
	struct packet k;
	struct pair p;

	(void)state;
	NEEDS(guest_is_folio());
	open_pair(&p, "");
	for (i = 0; i < 6000; i++) {
		for (j = 0; j < RTE_DIM(m); j++) {
			packet_make(&k, rand() & 1, rand() & 1, (uint32_t)rand() % 300);
			m[j] = packet_mbuf(&k, common_pool, 1 + rand() % 3);
			packet_spoil(m[j]);
		}
		for (j = 0; j < RTE_DIM(m);) {
			j += rte_eth_tx_burst(p.guest, 0, &m[j], (uint16_t)(RTE_DIM(m) - j));
			n = rte_eth_rx_burst(p.host, 0, r, RTE_DIM(r));
			rte_pktmbuf_free_bulk(r, n);
		}
	}
	do {
		(void)rte_eth_tx_burst(p.guest, 0, NULL, 0);
		n = rte_eth_rx_burst(p.host, 0, r, RTE_DIM(r));
		rte_pktmbuf_free_bulk(r, n);
	} while (n > 0);
	assert_in_range(xstat(p.guest, "tx_q0_bad_offload"), 1000, 48000);
	assert_int_equal(rte_mempool_in_use_count(common_pool), used);
	assert_int_equal(rte_mempool_avail_count(own_pool(p.guest)), 127);
	packet_make(&k, false, true, 10);
	send_and_check(&p, packet_mbuf(&k, common_pool, 1), &k);
	pair_close(&p);
}

/* They are the port's, and a port that is configured without has none of it. */
static void
test_capabilities(void **state)
{
	struct rte_eth_burst_mode mode;
	struct rte_eth_dev_info info;
	struct rte_mbuf *m;
	struct packet k;
	struct pair p;

	(void)state;
	NEEDS(guest_is_folio());
	open_pair(&p, "");
	assert_int_equal(rte_eth_dev_info_get(p.guest, &info), 0);
	assert_int_equal(info.tx_offload_capa & OFFLOADS, OFFLOADS);
	assert_int_equal(info.tx_queue_offload_capa & OFFLOADS, RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
	assert_int_equal(rte_eth_tx_burst_mode_get(p.guest, 0, &mode), 0);
	assert_non_null(strstr(mode.info, "offloads in software"));

	/* The queue stays; what it has for offloads goes, and comes back. */
	assert_int_equal(rte_eth_dev_stop(p.guest), 0);
	assert_int_equal(rte_eth_dev_configure(p.guest, 1, 1, &(struct rte_eth_conf){0}), 0);
	assert_int_equal(rte_eth_tx_queue_setup(p.guest, 0, 0, 0, NULL), 0);
	start(p.guest);
	wait_link(p.guest, true);
	wait_link(p.host, true);
	assert_null(own_pool(p.guest));
	packet_make(&k, false, true, 10);
	m = packet_mbuf(&k, common_pool, 1);
	assert_int_equal(rte_eth_tx_prepare(p.guest, 0, &m, 1), 0);
	assert_int_equal(rte_errno, ENOTSUP);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_eth_dev_stop(p.guest), 0);
	assert_int_equal(rte_eth_dev_configure(p.guest, 1, 1, &(struct rte_eth_conf){
				 .txmode.offloads = OFFLOADS}), 0);
	start(p.guest);
	wait_link(p.guest, true);
	wait_link(p.host, true);
	send_and_check(&p, packet_mbuf(&k, common_pool, 1), &k);
	pair_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_checksums),
		TEST(test_checksum_zero),
		TEST(test_tags),
		TEST(test_shared),
		TEST(test_fast_free),
		TEST(test_no_buffers),
		TEST(test_ring_full),
		TEST(test_bad_requests),
		TEST(test_bad_bytes),
		TEST(test_random_requests),
		TEST(test_capabilities),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
