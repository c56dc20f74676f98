/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include "packet.h"

#include <stdlib.h>
#include <string.h>

#include "pair.h"

#define L2 14u
#define TCP 6
#define UDP 17

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t
add16(uint32_t sum, const uint8_t *p, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		sum += (i & 1) == 0 ? (uint32_t)p[i] << 8 : p[i];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

uint16_t
internet_checksum(const uint8_t *p, uint32_t len)
{
	return (uint16_t)~add16(0, p, len);
}

uint16_t
l4_checksum(const uint8_t *ip, bool v6, uint32_t l3_len, uint32_t l4_bytes, uint8_t proto)
{
	uint32_t sum = v6 ? add16(0, ip + 8, 32) : add16(0, ip + 12, 8);

	return (uint16_t)~add16(sum + proto + l4_bytes, ip + l3_len, l4_bytes);
}

void
packet_make(struct packet *k, bool v6, bool tcp, uint32_t payload)
{
	*k = (struct packet){
		.v6 = v6,
		.tcp = tcp,
		.options = (uint32_t)rand() % 3 * (v6 ? 8 : 4),
		.tcp_options = tcp ? (uint32_t)rand() % 4 * 4 : 0,
		.payload = payload,
		.flags = (v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM) |
			 (tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM),
		.inner = (uint16_t)rand(),
		.outer = (uint16_t)rand(),
		.tcp_flags = 0x10,
		.seed = (uint32_t)rand(),
	};
}

uint32_t
packet_l3_len(const struct packet *k)
{
	return (k->v6 ? 40 : 20) + k->options;
}

uint32_t
packet_l4_len(const struct packet *k)
{
	return k->tcp ? 20 + k->tcp_options : 8;
}

uint32_t
packet_len(const struct packet *k)
{
	uint32_t len = L2 + packet_l3_len(k) + packet_l4_len(k) + k->payload + k->pad;

	return RTE_MAX(len, L2);
}

static void
fill(uint8_t *p, uint32_t len, uint32_t seed)
{
	uint32_t i;

	for (i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = (uint8_t)(seed >> 24);
	}
}

void
packet_bytes(const struct packet *k, uint8_t *out)
{
	uint32_t l3 = packet_l3_len(k), l4 = packet_l4_len(k);
	uint8_t *ip = out + L2, *p = ip + l3;

	fill(out, packet_len(k), k->seed);
	put16(out + 12, k->v6 ? 0x86dd : 0x0800);
	if (k->v6) {
		ip[0] = 0x60;
		put16(ip + 4, k->options + l4 + k->payload);
		ip[6] = k->tcp ? TCP : UDP;
	} else {
		ip[0] = (uint8_t)(0x40 | l3 / 4);
		put16(ip + 2, (l3 + l4 + k->payload) & 0xffff);
		put16(ip + 6, 0x4000);
		ip[9] = k->tcp ? TCP : UDP;
	}
	if (k->tcp) {
		p[12] = (uint8_t)(l4 / 4 << 4);
		p[13] = k->tcp_flags;
	} else {
		put16(p + 4, 8 + k->payload);
	}
	if (k->fix != 0)
		put16(p + l4, k->fix);
}

void
packet_finish(const struct packet *k, uint8_t *bytes)
{
	uint8_t *ip = bytes + L2, *l4 = ip + packet_l3_len(k), *field = l4 + (k->tcp ? 16 : 6);
	uint32_t sum;

	if ((k->flags & RTE_MBUF_F_TX_L4_MASK) != 0) {
		put16(field, 0);
		sum = l4_checksum(ip, k->v6, packet_l3_len(k), packet_l4_len(k) + k->payload,
				  k->tcp ? TCP : UDP);
		put16(field, sum == 0 && !k->tcp ? 0xffff : sum);
	}
	if ((k->flags & RTE_MBUF_F_TX_IP_CKSUM) != 0) {
		put16(ip + 10, 0);
		put16(ip + 10, internet_checksum(ip, packet_l3_len(k)));
	}
}

void
packet_make_sum_zero(struct packet *k)
{
	static uint8_t bytes[PACKET_MAX];
	uint8_t *ip = bytes + L2, *l4 = ip + packet_l3_len(k);

	packet_bytes(k, bytes);
	put16(l4 + (k->tcp ? 16 : 6), 0);
	put16(l4 + packet_l4_len(k), 0);
	k->fix = l4_checksum(ip, k->v6, packet_l3_len(k), packet_l4_len(k) + k->payload,
			     k->tcp ? TCP : UDP);
	assert_int_not_equal(k->fix, 0);
}

void
packet_ask(const struct packet *k, struct rte_mbuf *m)
{
	m->ol_flags |= k->flags;
	m->l2_len = L2;
	m->l3_len = packet_l3_len(k) & 0x1ff;
	m->l4_len = packet_l4_len(k) & 0xff;
	m->vlan_tci = k->inner;
	m->vlan_tci_outer = k->outer;
}

struct rte_mbuf *
packet_mbuf(const struct packet *k, struct rte_mempool *pool, unsigned int segs)
{
	static uint8_t bytes[PACKET_MAX];
	uint32_t len = packet_len(k), done = 0;
	struct rte_mbuf *head = rte_pktmbuf_alloc(pool), *m = head;

	packet_bytes(k, bytes);
	for (;;) {
		uint32_t room = rte_pktmbuf_tailroom(m), left = len - done;
		uint32_t part = left;

		if (segs > 1)
			part = (uint32_t)rand() % RTE_MIN(left + 1, 2 * len / segs);
		part = RTE_MIN(part, room);
		memcpy(rte_pktmbuf_append(m, (uint16_t)part), bytes + done, part);
		done += part;
		segs -= segs > 1;
		if (done == len && segs == 1)
			break;
		m->next = rte_pktmbuf_alloc(pool);
		m = m->next;
		assert_non_null(m);
		head->nb_segs++;
	}
	head->pkt_len = len;
	packet_ask(k, head);
	return head;
}

void
packet_spoil(struct rte_mbuf *m)
{
	struct rte_mbuf *seg;

	if (rand() % 2 == 0)
		m->ol_flags ^= UINT64_C(1) << (40 + rand() % 21);
	if (rand() % 4 == 0)
		m->ol_flags |= ((uint64_t)rand() << 40) & RTE_MBUF_F_TX_OFFLOAD_MASK;
	if (rand() % 3 == 0)
		m->l2_len = rand() & 0x7f;
	if (rand() % 3 == 0)
		m->l3_len = rand() & 0x1ff;
	if (rand() % 3 == 0)
		m->l4_len = rand() & 0xff;
	if (rand() % 3 == 0) {
		m->outer_l2_len = rand() & 0x7f;
		m->outer_l3_len = rand() & 0x1ff;
	}
	m->tso_segsz = (uint16_t)(rand() % 4 == 0 ? rand() : rand() % 100);
	if (rand() % 16 == 0)
		m->pkt_len = (uint32_t)rand();
	if (rand() % 16 == 0)
		m->nb_segs = (uint16_t)rand();
	for (seg = m; seg != NULL; seg = seg->next) {
		if (rand() % 3 == 0 && seg->data_len > 0)
			rte_pktmbuf_mtod(seg, uint8_t *)[rand() % seg->data_len] = (uint8_t)rand();
	}
}

void
check_packet(const struct rte_mbuf *m, const struct packet *k)
{
	static uint8_t bytes[PACKET_MAX], got[PACKET_MAX], tags[8];
	uint32_t n = (k->flags & RTE_MBUF_F_TX_QINQ) != 0 ? 8
		     : (k->flags & RTE_MBUF_F_TX_VLAN) != 0 ? 4 : 0;
	const uint8_t *p = rte_pktmbuf_read(m, 0, m->pkt_len, got);

	put16(tags, 0x88a8);
	put16(tags + 2, k->outer);
	put16(tags + 4, 0x8100);
	put16(tags + 6, k->inner);
	packet_bytes(k, bytes);
	packet_finish(k, bytes);
	assert_int_equal(m->pkt_len, packet_len(k) + n);
	assert_memory_equal(p, bytes, 12);
	assert_memory_equal(p + 12, tags + 8 - n, n);
	assert_memory_equal(p + 12 + n, bytes + 12, packet_len(k) - 12);
}

void
check_same(const struct rte_mbuf *a, const struct rte_mbuf *b)
{
	static uint8_t of_a[PACKET_MAX], of_b[PACKET_MAX];

	assert_int_equal(a->pkt_len, b->pkt_len);
	assert_memory_equal(rte_pktmbuf_read(a, 0, a->pkt_len, of_a),
			    rte_pktmbuf_read(b, 0, b->pkt_len, of_b), a->pkt_len);
}
