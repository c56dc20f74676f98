/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * TCP segmentation. rte_gso has none for IPv6, changes the packet's flags, and its segments refer
 * to the packet, which then cannot be given back by the pool's short way. The bursts copy in any
 * case: here segments are copies, and the packet is only read.
 */

#include <rte_ip.h>
#include <rte_memcpy.h>
#include <rte_tcp.h>

#include "folio_offload_tx.h"

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* A place in a packet. */
struct place {
	const struct rte_mbuf *seg;
	uint32_t off;
};

static struct place
place_at(const struct rte_mbuf *m, uint32_t off)
{
	for (; m != NULL && off >= m->data_len; m = m->next)
		off -= m->data_len;
	return (struct place){m, off};
}

/* Bytes that are there in a row, of len that are wanted; none if the packet ends. */
static uint32_t
piece(struct place *from, uint32_t len)
{
	if (from->seg != NULL && from->off == from->seg->data_len)
		*from = place_at(from->seg->next, 0);
	return from->seg == NULL ? 0 : RTE_MIN(len, from->seg->data_len - from->off);
}

static void
read_bytes(struct place from, uint8_t *to, uint32_t len)
{
	while (len > 0) {
		uint32_t part = piece(&from, len);

		if (part == 0)
			return;
		memcpy(to, rte_pktmbuf_mtod_offset(from.seg, const void *, from.off), part);
		to += part;
		from.off += part;
		len -= part;
	}
}

bool
folio_tso_begin(struct folio_tso *t, struct rte_mbuf *m)
{
	uint32_t l3 = folio_offload_tx_l3(m), l4 = l3 + m->l3_len, ihl;
	const uint8_t *ip = t->bytes + l3;

	t->header = l4 + m->l4_len;
	t->payload = m->pkt_len - t->header;
	t->size = m->tso_segsz;
	t->count = t->payload == 0 ? 1 : (t->payload + t->size - 1) / t->size;
	t->next = 0;
	read_bytes(place_at(m, 0), t->bytes, t->header);
	if ((t->bytes[l4 + offsetof(struct rte_tcp_hdr, data_off)] >> 4) * 4u != m->l4_len)
		return false;
	/* All that completing a segment will ask for. A fragment's payload is no TCP segment. */
	if ((m->ol_flags & RTE_MBUF_F_TX_IPV4) == 0)
		return ip[0] >> 4 == 6;
	ihl = (ip[0] & 0xfu) * RTE_IPV4_IHL_MULTIPLIER;
	return ip[0] >> 4 == 4 && ihl >= sizeof(struct rte_ipv4_hdr) && ihl <= m->l3_len &&
	       (get16(ip + offsetof(struct rte_ipv4_hdr, fragment_offset)) &
		(RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG)) == 0;
}

/* The header of segment i, which has so many bytes of payload. */
static void
write_header(const struct folio_tso *t, struct rte_mbuf *m, uint32_t i, uint32_t payload)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	uint8_t *ip = p + folio_offload_tx_l3(m), *tcp = ip + m->l3_len, *field;
	uint32_t seq;

	memcpy(p, t->bytes, t->header);
	if ((m->ol_flags & RTE_MBUF_F_TX_IPV4) != 0) {
		put16(ip + offsetof(struct rte_ipv4_hdr, total_length),
		      (uint32_t)m->l3_len + m->l4_len + payload);
		field = ip + offsetof(struct rte_ipv4_hdr, packet_id);
		put16(field, get16(field) + i);
	} else {
		put16(ip + offsetof(struct rte_ipv6_hdr, payload_len),
		      (uint32_t)m->l3_len + m->l4_len + payload - sizeof(struct rte_ipv6_hdr));
	}
	field = tcp + offsetof(struct rte_tcp_hdr, sent_seq);
	seq = get32(field) + i * t->size;
	put16(field, seq >> 16);
	put16(field + 2, seq);
	/* The end is said at the end, and a smaller window once. */
	field = tcp + offsetof(struct rte_tcp_hdr, tcp_flags);
	if (i + 1 < t->count)
		*field &= (uint8_t)~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
	if (i > 0)
		*field &= (uint8_t)~RTE_TCP_CWR_FLAG;
}

/* len bytes behind the header, in as many mbufs as it takes. False: there are not enough. */
static bool
append(struct rte_mbuf *first, struct place *from, uint32_t len, struct rte_mempool *pool)
{
	struct rte_mbuf *m = first;

	first->pkt_len += len;
	while (len > 0) {
		uint32_t part = piece(from, RTE_MIN(len, (uint32_t)rte_pktmbuf_tailroom(m)));

		if (part == 0) {
			m->next = rte_pktmbuf_alloc(pool);
			if (m->next == NULL)
				return false;
			m = m->next;
			first->nb_segs++;
			continue;
		}
		rte_memcpy(rte_pktmbuf_mtod_offset(m, void *, m->data_len),
			   rte_pktmbuf_mtod_offset(from->seg, const void *, from->off), part);
		m->data_len += part;
		from->off += part;
		len -= part;
	}
	return true;
}

/* Segment i; its payload begins at `from`, which moves to the next one's. NULL: no mbufs. */
static struct rte_mbuf *
cut_one(const struct folio_tso *t, const struct folio_tx_offload *o, uint32_t i, struct place *from)
{
	uint32_t payload = RTE_MIN(t->size, t->payload - i * t->size);
	const struct rte_mbuf *pkt = t->pkt;
	struct rte_mbuf *m = rte_pktmbuf_alloc(o->pool);

	if (m == NULL)
		return NULL;
	m->ol_flags = (pkt->ol_flags & (FOLIO_TX_TAGS | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6 |
					RTE_MBUF_F_TX_IP_CKSUM)) | RTE_MBUF_F_TX_TCP_CKSUM;
	m->tx_offload = pkt->tx_offload;
	m->vlan_tci = pkt->vlan_tci;
	m->vlan_tci_outer = pkt->vlan_tci_outer;
	m->data_len = (uint16_t)t->header;
	m->pkt_len = t->header;
	write_header(t, m, i, payload);
	if (append(m, from, payload, o->pool) && folio_offload_tx_complete(m, o->other_does))
		return m;
	rte_pktmbuf_free(m);
	return NULL;
}

uint16_t
folio_tso_cut(const struct folio_tso *t, const struct folio_tx_offload *o, struct rte_mbuf **out,
	      uint16_t n)
{
	struct place from = place_at(t->pkt, t->header + t->next * t->size);
	uint16_t i;

	n = (uint16_t)RTE_MIN((uint32_t)n, t->count - t->next);
	for (i = 0; i < n; i++) {
		out[i] = cut_one(t, o, t->next + i, &from);
		if (out[i] == NULL)
			break;
	}
	return i;
}
