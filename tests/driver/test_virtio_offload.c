/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Transmit offloads that are left to a virtio device: a back end looks at what it gets of them, and
 * completes it as the standard says.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "echo.h"
#include "packet.h"

#define CSUM BIT(VIRTIO_NET_F_CSUM)
#define TSO (BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6))
#define OFFLOADS (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM | \
		  RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_VLAN_INSERT | \
		  RTE_ETH_TX_OFFLOAD_QINQ_INSERT | RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
#define L2 14u
#define GOT_MAX 64

static const char *const rings[] = {"", ",packed=0"};

/* What the back end got. */
static struct {
	struct virtio_net_hdr_mrg_rxbuf header[GOT_MAX];
	uint8_t bytes[GOT_MAX][PACKET_MAX];
	uint32_t len[GOT_MAX];
	uint32_t n;
	bool hold; /* it takes nothing */
} got;

static bool
serve(void *ctx, unsigned int pair, struct model_queue *rx, struct model_queue *tx)
{
	uint32_t n = __atomic_load_n(&got.n, __ATOMIC_RELAXED);
	uint8_t header[MODEL_HEADER];
	int len;

	(void)ctx;
	(void)pair;
	(void)rx;
	if (__atomic_load_n(&got.hold, __ATOMIC_ACQUIRE) || n == GOT_MAX)
		return false;
	len = model_read(tx, got.bytes[n], PACKET_MAX, header);
	if (len <= 0)
		return false;
	memcpy(&got.header[n], header, sizeof(header));
	got.len[n] = (uint32_t)len;
	model_return(tx, 0, 0);
	model_publish(tx);
	__atomic_store_n(&got.n, n + 1, __ATOMIC_RELEASE);
	return true;
}

static uint16_t
open_port(struct echo *e, uint64_t features, const char *more, uint64_t offloads)
{
	struct backend_config cfg = echo_honest;

	cfg.features |= features;
	cfg.serve = serve;
	got.n = 0;
	got.hold = false;
	echo_open(e, &cfg);
	return echo_port(e, more, &(struct port_setup){.tx_offloads = offloads});
}

static void
close_port(struct echo *e, uint16_t port)
{
	detach(port);
	assert_null(backend_error(e->b));
	echo_close(e);
}

static uint64_t
agreed(struct echo *e)
{
	uint64_t features = backend_features(echo_hold(e));

	echo_release(e);
	return features & (CSUM | TSO);
}

static void
wait_frames(uint32_t n)
{
	unsigned int i;

	for (i = 0; i < WAIT_STEPS && __atomic_load_n(&got.n, __ATOMIC_ACQUIRE) < n; i++)
		usleep(1000);
	assert_int_equal(got.n, n);
}

/* Frame i as a mbuf, its checksum completed if that is asked for. False: it was not. */
static bool
complete(uint32_t i, struct rte_mbuf **m)
{
	const struct virtio_net_hdr *h = &got.header[i].hdr;
	uint32_t at = h->csum_start + h->csum_offset;
	bool asked = h->flags == VIRTIO_NET_HDR_F_NEEDS_CSUM;
	uint16_t sum;

	if (asked) {
		assert_true(h->csum_start >= L2 && at + 2 <= got.len[i]);
		sum = internet_checksum(got.bytes[i] + h->csum_start, got.len[i] - h->csum_start);
		sum = sum == 0 && h->csum_offset == 6 ? 0xffff : sum;
		got.bytes[i][at] = (uint8_t)(sum >> 8);
		got.bytes[i][at + 1] = (uint8_t)sum;
	} else {
		static const struct virtio_net_hdr_mrg_rxbuf none;

		assert_memory_equal(&got.header[i], &none, sizeof(none));
	}
	*m = rte_pktmbuf_alloc(common_pool);
	memcpy(rte_pktmbuf_append(*m, (uint16_t)got.len[i]), got.bytes[i], got.len[i]);
	return asked;
}

static uint32_t
tag_bytes(const struct packet *k)
{
	if ((k->flags & RTE_MBUF_F_TX_QINQ) != 0)
		return 8;
	return (k->flags & RTE_MBUF_F_TX_VLAN) != 0 ? 4 : 0;
}

/* Frame 0 is the packet; the device was asked to complete it, or not. */
static void
check_got(const struct packet *k, bool asked)
{
	const struct virtio_net_hdr *h = &got.header[0].hdr;
	struct rte_mbuf *m;

	wait_frames(1);
	assert_int_equal(complete(0, &m), asked);
	if (asked) {
		assert_int_equal(h->gso_type, VIRTIO_NET_HDR_GSO_NONE);
		assert_int_equal(h->gso_size, 0);
		assert_int_equal(h->csum_start, L2 + tag_bytes(k) + packet_l3_len(k));
		assert_int_equal(h->csum_offset, k->tcp ? 16 : 6);
		assert_int_equal(got.header[0].num_buffers, 0);
	}
	check_packet(m, k);
	rte_pktmbuf_free(m);
	got.n = 0;
}

/* What the device is asked to do, and what of it is not for a device. */
static void
test_checksums(void **state)
{
	struct rte_mbuf *m, *copy;
	struct echo e = {0};
	struct packet k;
	uint16_t port;
	unsigned int i, r;
	bool asked;

	(void)state;
	srand(1);
	for (r = 0; r < RTE_DIM(rings); r++) {
		port = open_port(&e, CSUM | TSO, rings[r], OFFLOADS);
		assert_int_equal(agreed(&e), CSUM);
		for (i = 0; i < 1200; i++) {
			packet_make(&k, i & 1, (i & 2) != 0, (uint32_t)rand() % 1400);
			k.pad = i % 7 == 0 ? 4 : 0;
			k.flags = i % 5 == 0 ? 0 : k.flags;
			k.flags |= i % 4 == 0 ? RTE_MBUF_F_TX_VLAN : 0;
			k.flags |= i % 8 == 0 ? RTE_MBUF_F_TX_QINQ : 0;
			asked = (k.flags & RTE_MBUF_F_TX_L4_MASK) != 0 && k.pad == 0 &&
				!(k.v6 && k.options != 0);
			m = packet_mbuf(&k, common_pool, 1 + rand() % 4);
			copy = rte_pktmbuf_copy(m, common_pool, 0, UINT32_MAX);
			rte_pktmbuf_refcnt_update(m, i % 3 == 0 ? 1 : 0);
			send_one(port, 0, m);
			check_got(&k, asked);
			if (i % 3 == 0) {
				check_same(m, copy);
				assert_int_equal(m->ol_flags, copy->ol_flags);
				rte_pktmbuf_free(m);
			}
			rte_pktmbuf_free(copy);
		}
		assert_int_equal(xstat(port, "tx_q0_bad_offload"), 0);
		close_port(&e, port);
	}
}

/* Nothing is agreed on that the port was not configured with, or the device does not offer. */
static void
test_negotiation(void **state)
{
	static const struct {
		uint64_t offered;
		uint64_t offloads;
		uint64_t agreed;
	} cases[] = {
		{CSUM | TSO, 0, 0},
		{CSUM | TSO, RTE_ETH_TX_OFFLOAD_MULTI_SEGS, 0},
		{CSUM | TSO, RTE_ETH_TX_OFFLOAD_VLAN_INSERT, 0},
		{CSUM | TSO, RTE_ETH_TX_OFFLOAD_UDP_CKSUM, CSUM},
		{CSUM | TSO, RTE_ETH_TX_OFFLOAD_TCP_TSO, CSUM | TSO},
		{CSUM, RTE_ETH_TX_OFFLOAD_TCP_TSO, CSUM},
		{0, RTE_ETH_TX_OFFLOAD_TCP_TSO, 0},
		/* Segments have checksums: who does not complete those cannot cut. */
		{TSO, RTE_ETH_TX_OFFLOAD_TCP_TSO, 0},
	};
	struct echo e = {0};
	uint16_t port;
	size_t i;

	(void)state;
	for (i = 0; i < RTE_DIM(cases); i++) {
		port = open_port(&e, cases[i].offered, "", cases[i].offloads);
		assert_int_equal(agreed(&e), cases[i].agreed);
		assert_int_equal(xstat(port, "violation_bad_offers"), i == RTE_DIM(cases) - 1);
		close_port(&e, port);
	}
}

static struct rte_mbuf *
tso_mbuf(struct packet *k, bool v6, uint32_t payload, uint16_t size)
{
	struct rte_mbuf *m;

	packet_make(k, v6, true, payload);
	k->options = v6 ? 0 : k->options;
	k->flags = (k->flags & ~RTE_MBUF_F_TX_L4_MASK) | RTE_MBUF_F_TX_TCP_SEG;
	k->tcp_flags = 0x19;
	m = packet_mbuf(k, common_pool, 1 + rand() % 40);
	m->tso_segsz = size;
	return m;
}

/* One frame for the device to cut. Its checksum is right when it is completed as a whole. */
static void
check_tso(const struct packet *k, uint16_t size)
{
	static uint8_t all[PACKET_MAX];
	uint32_t l3 = packet_l3_len(k), l4 = packet_l4_len(k), tags = tag_bytes(k);
	const struct virtio_net_hdr *h = &got.header[0].hdr;
	uint8_t *p = got.bytes[0], *ip = p + L2 + tags;
	uint16_t sum;

	wait_frames(1);
	assert_int_equal(got.len[0], packet_len(k) + tags);
	assert_int_equal(h->flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(h->gso_type, k->v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(h->gso_size, size);
	assert_int_equal(h->csum_start, L2 + tags + l3);
	assert_int_equal(h->csum_offset, 16);
	assert_int_equal(h->hdr_len, L2 + tags + l3 + l4);
	packet_bytes(k, all);
	if (!k->v6) {
		assert_int_equal(internet_checksum(ip, l3), 0);
		assert_int_equal(ip[2] << 8 | ip[3], l3 + l4 + k->payload);
		memcpy(ip + 10, all + L2 + 10, 2);
	}
	sum = internet_checksum(ip + l3, l4 + k->payload);
	ip[l3 + 16] = (uint8_t)(sum >> 8);
	ip[l3 + 17] = (uint8_t)sum;
	assert_int_equal(l4_checksum(ip, k->v6, l3, l4 + k->payload, 6), 0);
	memcpy(ip + l3 + 16, all + L2 + l3 + 16, 2);
	assert_memory_equal(p, all, 12);
	assert_memory_equal(p + tags + 12, all + 12, packet_len(k) - 12);
	got.n = 0;
}

static void
test_tso(void **state)
{
	const uint64_t offloads = OFFLOADS | RTE_ETH_TX_OFFLOAD_TCP_TSO;
	struct echo e = {0};
	struct rte_mbuf *m;
	struct packet k;
	uint16_t port;
	unsigned int i, r;

	(void)state;
	srand(2);
	for (r = 0; r < RTE_DIM(rings); r++) {
		port = open_port(&e, CSUM | TSO, rings[r], offloads);
		for (i = 0; i < 200; i++) {
			uint16_t size = 500 + rand() % 1000;

			m = tso_mbuf(&k, i & 1, size + 1 + (uint32_t)rand() % 63000, size);
			/* Applications need not know what stands there. */
			if (!k.v6 && m->data_len >= L2 + 20)
				memset(rte_pktmbuf_mtod_offset(m, void *, L2 + 2), 0, 2);
			m->ol_flags |= k.flags |= i % 3 == 0 ? RTE_MBUF_F_TX_VLAN : 0;
			rte_pktmbuf_refcnt_update(m, i % 5 == 0 ? 1 : 0);
			send_one(port, 0, m);
			check_tso(&k, size);
			if (i % 5 == 0)
				rte_pktmbuf_free(m);
		}
		/* What is not longer than a segment is only completed. */
		m = tso_mbuf(&k, false, 1000, 1000);
		k.flags ^= RTE_MBUF_F_TX_TCP_SEG ^ RTE_MBUF_F_TX_TCP_CKSUM;
		send_one(port, 0, m);
		check_got(&k, true);
		close_port(&e, port);
	}
}

/* What this device does not cut, the port does: IPv6, a smaller window, extension headers. */
static void
test_tso_in_software(void **state)
{
	enum {SIZE = 1000, COUNT = 5};
	struct echo e = {0};
	struct rte_mbuf *m;
	struct packet k;
	uint16_t port;
	uint32_t i, j;

	(void)state;
	srand(3);
	port = open_port(&e, CSUM | BIT(VIRTIO_NET_F_HOST_TSO4), "", RTE_ETH_TX_OFFLOAD_TCP_TSO);
	for (i = 0; i < 2; i++) {
		m = tso_mbuf(&k, i == 0, COUNT * SIZE, SIZE);
		if (i == 1) {
			rte_pktmbuf_free(m);
			m = tso_mbuf(&k, false, COUNT * SIZE, SIZE);
			k.tcp_flags |= 0x80;
			rte_pktmbuf_free(m);
			m = packet_mbuf(&k, common_pool, 3);
			m->tso_segsz = SIZE;
		}
		send_one(port, 0, m);
		wait_frames(COUNT);
		for (j = 0; j < COUNT; j++) {
			uint32_t l3 = packet_l3_len(&k), l4 = packet_l4_len(&k);

			assert_int_equal(got.header[j].hdr.gso_type, VIRTIO_NET_HDR_GSO_NONE);
			assert_true(complete(j, &m));
			rte_pktmbuf_free(m);
			assert_int_equal(got.len[j], L2 + l3 + l4 + SIZE);
			assert_int_equal(l4_checksum(got.bytes[j] + L2, k.v6, l3, l4 + SIZE, 6), 0);
		}
		got.n = 0;
	}
	close_port(&e, port);
}

/* A header is one frame's only: the next one in the same buffer has none. */
static void
test_headers_are_cleared(void **state)
{
	struct packet k, plain;
	struct echo e = {0};
	uint16_t port;
	unsigned int i, r;

	(void)state;
	srand(4);
	for (r = 0; r < RTE_DIM(rings); r++) {
		port = open_port(&e, CSUM, r == 0 ? ",ring_size=64" : ",ring_size=64,packed=0",
				 OFFLOADS);
		for (i = 0; i < 64 * 4; i++) {
			packet_make(&k, false, true, 100);
			plain = k;
			plain.flags = 0;
			k = i / 64 % 2 == 0 ? k : plain;
			send_one(port, 0, packet_mbuf(&k, common_pool, 1));
			check_got(&k, i / 64 % 2 == 0);
		}
		close_port(&e, port);
	}
}

/*
 * A packet that was made ready for one device waits, as it has no room, and meets another one that
 * completes nothing.
 */
static void
test_other_device(void **state)
{
	struct backend_config cfg = echo_honest;
	struct rte_mbuf *m[65];
	struct echo e = {0};
	struct packet k;
	uint16_t port, i;

	(void)state;
	srand(5);
	port = open_port(&e, CSUM, ",ring_size=64", OFFLOADS);
	__atomic_store_n(&got.hold, true, __ATOMIC_RELEASE);
	(void)echo_hold(&e); /* whatever it was at is done */
	echo_release(&e);
	packet_make(&k, false, true, 300);
	for (i = 0; i < RTE_DIM(m); i++)
		m[i] = packet_mbuf(&k, common_pool, 1);
	assert_int_equal(rte_eth_tx_burst(port, 0, m, 65), 64);
	assert_int_equal(m[64]->ol_flags & RTE_MBUF_F_TX_L4_MASK, RTE_MBUF_F_TX_TCP_CKSUM);
	echo_close(&e);
	wait_link(port, false);
	cfg.serve = serve;
	got.hold = false;
	got.n = 0;
	echo_open(&e, &cfg);
	wait_link(port, true);
	assert_int_equal(agreed(&e), 0);
	send_one(port, 0, m[64]);
	check_got(&k, false);
	close_port(&e, port);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_checksums),
		TEST(test_negotiation),
		TEST(test_tso),
		TEST(test_tso_in_software),
		TEST(test_headers_are_cleared),
		TEST(test_other_device),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
