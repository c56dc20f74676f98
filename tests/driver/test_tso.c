/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * TCP segmentation: the host receives segments that together are what the guest sent. Everything of
 * a segment is checked against the packet.
 */

#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>

#include "packet.h"
#include "pair.h"

#define OFFLOADS (RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_VLAN_INSERT | \
		  RTE_ETH_TX_OFFLOAD_QINQ_INSERT | RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
#define L2 14u
#define FIN_PSH 0x09
#define CWR 0x80

static const struct port_setup offloads = {
	.mtu = 9000, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER, .tx_offloads = OFFLOADS};

static uint32_t
get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t
get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static struct rte_mbuf *
tso_mbuf(struct packet *k, uint32_t payload, uint16_t size, unsigned int segs)
{
	struct rte_mbuf *m;

	packet_make(k, rand() & 1, true, payload);
	k->flags = (k->flags & ~RTE_MBUF_F_TX_L4_MASK) | RTE_MBUF_F_TX_TCP_SEG;
	k->tcp_flags = 0x10 | FIN_PSH | CWR | 0x40;
	m = packet_mbuf(k, common_pool, segs);
	m->tso_segsz = size;
	return m;
}

static uint32_t
segments(const struct packet *k, uint16_t size)
{
	return k->payload == 0 ? 1 : (k->payload + size - 1) / size;
}

/* Bytes of VLAN tags, which have to be there. */
static uint32_t
check_tags(const struct packet *k, const uint8_t *p)
{
	uint32_t n = (k->flags & RTE_MBUF_F_TX_QINQ) != 0 ? 8
		     : (k->flags & RTE_MBUF_F_TX_VLAN) != 0 ? 4 : 0;

	if (n > 4) {
		assert_int_equal(get16(p + 12), 0x88a8);
		assert_int_equal(get16(p + 14), k->outer);
	}
	if (n > 0) {
		assert_int_equal(get16(p + 8 + n), 0x8100);
		assert_int_equal(get16(p + 10 + n), k->inner);
	}
	return n;
}

/* Segment i of a packet. */
static void
check_segment(struct rte_mbuf *m, const struct packet *k, uint16_t size, uint32_t i)
{
	static uint8_t all[PACKET_MAX], got[PACKET_MAX];
	uint32_t l3 = packet_l3_len(k), l4 = packet_l4_len(k), count = segments(k, size);
	uint32_t payload = RTE_MIN((uint32_t)size, k->payload - i * size), tags;
	uint8_t *ip, *tcp, *whole = all + L2 + l3;

	assert_int_equal(rte_pktmbuf_read(m, 0, m->pkt_len, got) != NULL, 1);
	if (m->nb_segs == 1)
		memcpy(got, rte_pktmbuf_mtod(m, void *), m->pkt_len);
	packet_bytes(k, all);
	tags = check_tags(k, got);
	assert_int_equal(m->pkt_len, tags + L2 + l3 + l4 + payload);
	ip = got + tags + L2;
	tcp = ip + l3;
	if (!k->v6) {
		assert_int_equal(internet_checksum(ip, l3), 0);
		assert_int_equal(get16(ip + 2), l3 + l4 + payload);
		assert_int_equal(get16(ip + 4), (get16(all + L2 + 4) + i) & 0xffff);
		/* For the comparison below. */
		memcpy(ip + 2, all + L2 + 2, 4);
		memcpy(ip + 10, all + L2 + 10, 2);
	} else {
		assert_int_equal(get16(ip + 4), l3 + l4 + payload - 40);
	}
	assert_int_equal(l4_checksum(ip, k->v6, l3, l4 + payload, 6), 0);
	assert_int_equal(get32(tcp + 4), (uint32_t)(get32(whole + 4) + i * size));
	assert_int_equal(tcp[13] & FIN_PSH, i + 1 == count ? FIN_PSH : 0);
	assert_int_equal(tcp[13] & CWR, i == 0 ? CWR : 0);
	assert_int_equal(tcp[13] & 0x50, 0x50);
	assert_memory_equal(tcp + l4, whole + l4 + i * size, payload);
	/* All the rest is the packet's. */
	put16(ip + (k->v6 ? 4 : 10), get16(all + L2 + (k->v6 ? 4 : 10)));
	memcpy(tcp + 4, whole + 4, 4);
	tcp[13] = whole[13];
	memcpy(tcp + 16, whole + 16, 2);
	assert_memory_equal(got, all, 12);
	assert_memory_equal(got + tags + 12, all + 12, L2 - 12 + l3 + l4);
}

static void
receive_segments(uint16_t port, const struct packet *k, uint16_t size, uint32_t from,
		 uint32_t until)
{
	for (; from < until; from++) {
		struct rte_mbuf *m = receive_one(port, 0);

		check_segment(m, k, size, from);
		rte_pktmbuf_free(m);
	}
}

static void
test_sizes(void **state)
{
	static const uint16_t sizes[] = {1, 48, 536, 1200, 1448, 1999, 2000, 4096, 8800};
	struct rte_mbuf *m;
	struct packet k;
	struct pair p;
	unsigned int i;

	(void)state;
	NEEDS(guest_is_folio());
	srand(1);
	pair_open(&p, "", "", &offloads);
	for (i = 0; i < 600; i++) {
		uint16_t size = sizes[i % RTE_DIM(sizes)];
		uint32_t payload = (uint32_t)rand() % RTE_MIN(200u * size, 65200u);

		if (i % 20 < RTE_DIM(sizes))
			payload = payload / size * size; /* and none at all */
		m = tso_mbuf(&k, payload, size, 1 + rand() % 40);
		m->ol_flags |= k.flags |= (i & 1) != 0 ? RTE_MBUF_F_TX_VLAN : 0;
		m->ol_flags |= k.flags |= (i & 2) != 0 ? RTE_MBUF_F_TX_QINQ : 0;
		assert_int_equal(rte_eth_tx_prepare(p.guest, 0, &m, 1), 1);
		send_one(p.guest, 0, m);
		receive_segments(p.host, &k, size, 0, segments(&k, size));
	}
	expect_silence(p.host, 0);
	pair_close(&p);
}

/* Among others in a burst, shared or not: the packet is only read. */
static void
test_in_a_burst(void **state)
{
	enum {N = 8, SIZE = 1000};
	struct rte_mbuf *m[N], *copy[N], *r;
	struct packet k[N];
	struct pair p;
	unsigned int round, i;

	(void)state;
	NEEDS(guest_is_folio());
	srand(2);
	pair_open(&p, "", "", &offloads);
	for (round = 0; round < 50; round++) {
		for (i = 0; i < N; i++) {
			if (rand() % 2 == 0) {
				packet_make(&k[i], rand() & 1, rand() & 1, (uint32_t)rand() % 1000);
				m[i] = packet_mbuf(&k[i], common_pool, 1 + rand() % 3);
			} else {
				m[i] = tso_mbuf(&k[i], (uint32_t)rand() % 20000, SIZE,
						1 + rand() % 9);
			}
			copy[i] = rte_pktmbuf_copy(m[i], common_pool, 0, UINT32_MAX);
			rte_pktmbuf_refcnt_update(m[i], 1);
		}
		assert_int_equal(rte_eth_tx_burst(p.guest, 0, m, N), N);
		for (i = 0; i < N; i++) {
			if ((k[i].flags & RTE_MBUF_F_TX_TCP_SEG) != 0) {
				receive_segments(p.host, &k[i], SIZE, 0, segments(&k[i], SIZE));
			} else {
				r = receive_one(p.host, 0);
				check_packet(r, &k[i]);
				rte_pktmbuf_free(r);
			}
			check_same(m[i], copy[i]);
			assert_int_equal(m[i]->ol_flags, copy[i]->ol_flags);
			assert_int_equal(rte_mbuf_refcnt_read(m[i]), 1);
			rte_pktmbuf_free(m[i]);
			rte_pktmbuf_free(copy[i]);
		}
	}
	pair_close(&p);
}

/* A packet for which the ring has no room waits as a whole, and stays the application's. */
static void
test_ring_full(void **state)
{
	enum {SIZE = 1000, PLAIN = 50};
	struct rte_mbuf *m, *copy, *r;
	struct packet k, plain;
	struct pair p;
	unsigned int i;

	(void)state;
	NEEDS(guest_is_folio());
	srand(3);
	pair_open(&p, ",ring_size=64", "", &offloads);
	packet_make(&plain, false, true, 100);
	plain.flags = 0;
	for (i = 0; i < PLAIN; i++)
		send_one(p.guest, 0, packet_mbuf(&plain, common_pool, 1));
	m = tso_mbuf(&k, 20 * SIZE - 1, SIZE, 20);
	copy = rte_pktmbuf_copy(m, common_pool, 0, UINT32_MAX);
	assert_int_equal(rte_eth_tx_burst(p.guest, 0, &m, 1), 0);
	check_same(m, copy);
	assert_int_equal(m->ol_flags, copy->ol_flags);
	for (i = 0; i < PLAIN; i++) {
		r = receive_one(p.host, 0);
		check_packet(r, &plain);
		rte_pktmbuf_free(r);
	}
	expect_silence(p.host, 0);
	send_one(p.guest, 0, m);
	receive_segments(p.host, &k, SIZE, 0, 20);
	expect_silence(p.host, 0);
	rte_pktmbuf_free(copy);
	pair_close(&p);
}

/* More segments than the ring has room: the rest goes before what is sent next. */
static void
test_longer_than_the_ring(void **state)
{
	enum {SIZE = 300, COUNT = 200};
	struct packet k, plain;
	struct rte_mbuf *m, *r;
	struct pair p;
	unsigned int i, waiting = 0;

	(void)state;
	NEEDS(guest_is_folio());
	srand(4);
	pair_open(&p, ",ring_size=64", "", &offloads);
	m = tso_mbuf(&k, COUNT * SIZE, SIZE, 20);
	send_one(p.guest, 0, m);
	packet_make(&plain, true, true, 100);
	m = packet_mbuf(&plain, common_pool, 1);
	assert_int_equal(rte_eth_tx_burst(p.guest, 0, &m, 1), 0);
	for (i = 0; i < COUNT; i++) {
		receive_segments(p.host, &k, SIZE, i, i + 1);
		if (waiting == 0)
			waiting = rte_eth_tx_burst(p.guest, 0, &m, 1);
	}
	assert_int_equal(waiting, 1);
	r = receive_one(p.host, 0);
	check_packet(r, &plain);
	rte_pktmbuf_free(r);
	expect_silence(p.host, 0);

	/* An empty burst does as well; and a queue that is stopped keeps nothing. */
	m = tso_mbuf(&k, COUNT * SIZE, SIZE, 20);
	send_one(p.guest, 0, m);
	for (i = 0; i < COUNT; i++) {
		receive_segments(p.host, &k, SIZE, i, i + 1);
		assert_int_equal(rte_eth_tx_burst(p.guest, 0, NULL, 0), 0);
	}
	m = tso_mbuf(&k, COUNT * SIZE, SIZE, 20);
	send_one(p.guest, 0, m);
	assert_int_not_equal(rte_mempool_in_use_count(common_pool), 0);
	assert_int_equal(rte_eth_dev_stop(p.guest), 0);
	while (rte_eth_rx_burst(p.host, 0, &r, 1) == 1)
		rte_pktmbuf_free(r);
	assert_int_equal(rte_mempool_in_use_count(common_pool), 0);
	pair_close(&p);
}

static void
test_no_buffers(void **state)
{
	enum {SIZE = 1000, COUNT = 20, KEPT = 119};
	char name[RTE_MEMPOOL_NAMESIZE];
	struct rte_mempool *pool;
	struct rte_mbuf *m;
	struct packet k;
	struct pair p;
	void *held[127];

	(void)state;
	NEEDS(guest_is_folio());
	srand(5);
	pair_open(&p, "", "", &offloads);
	snprintf(name, sizeof(name), "folio_tx_%u_0", p.guest);
	pool = rte_mempool_lookup(name);
	assert_non_null(pool);
	assert_int_equal(rte_mempool_get_bulk(pool, held, 127), 0);
	m = tso_mbuf(&k, COUNT * SIZE, SIZE, 20);
	assert_int_equal(rte_eth_tx_burst(p.guest, 0, &m, 1), 0);
	/* With some of them it goes in more pieces. */
	rte_mempool_put_bulk(pool, &held[KEPT], 127 - KEPT);
	send_one(p.guest, 0, m);
	receive_segments(p.host, &k, SIZE, 0, COUNT);
	rte_mempool_put_bulk(pool, held, KEPT);
	assert_int_equal(rte_mempool_avail_count(pool), 127);
	pair_close(&p);
}

static void
test_bad_requests(void **state)
{
	struct rte_mbuf *m;
	struct packet k;
	struct pair p;
	uint8_t *b;
	unsigned int i;

	(void)state;
	NEEDS(guest_is_folio());
	srand(6);
	pair_open(&p, "", "", &offloads);
	for (i = 0; i < 9; i++) {
		do {
			m = tso_mbuf(&k, 4000, i == 0 ? 0 : 1000, 2);
			if (k.v6 || m->data_len < 100)
				rte_pktmbuf_free(m);
		} while (k.v6 || m->data_len < 100);
		b = rte_pktmbuf_mtod_offset(m, uint8_t *, L2);
		switch (i) {
		case 1: m->ol_flags &= ~RTE_MBUF_F_TX_IP_CKSUM; break;
		case 2: m->tso_segsz = 65535; m->pkt_len += 1; break;
		case 3: m->l4_len = 16; break;
		case 4: m->tso_segsz = 9700; m->l4_len = 255; break;
		case 5: m->l4_len += 4; break;	  /* not what TCP says */
		case 6: put16(b + 6, 0x2000); break; /* a fragment */
		case 7: b[0] = 0x44; break;
		case 8: b[0] = 0x65; break;
		}
		if (i <= 4 && i != 4) {
			assert_int_equal(rte_eth_tx_prepare(p.guest, 0, &m, 1), 0);
			assert_int_equal(rte_errno, EINVAL);
		}
		send_one(p.guest, 0, m);
		expect_silence(p.host, 0);
		assert_int_equal(xstat(p.guest, "tx_q0_bad_offload"), i + 1);
	}
	m = tso_mbuf(&k, 4000, 1000, 2);
	send_one(p.guest, 0, m);
	receive_segments(p.host, &k, 1000, 0, 4);
	pair_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sizes),
		TEST(test_in_a_burst),
		TEST(test_ring_full),
		TEST(test_longer_than_the_ring),
		TEST(test_no_buffers),
		TEST(test_bad_requests),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
