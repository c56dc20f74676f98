/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Metadata of a packet, from an mbuf that is sent and to one that was received. */

#include <errno.h>

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "folio_meta.h"

#define TX_L4_WORK (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)
#define TX_TUNNEL (RTE_MBUF_F_TX_TUNNEL_MASK | RTE_MBUF_F_TX_OUTER_IPV4 | \
		   RTE_MBUF_F_TX_OUTER_IPV6)

/*
 * The sum of a TCP or UDP pseudo header with this length of L4. False: not an IP header that the
 * flags tell of, or its length is not that of the packet.
 */
static bool
pseudo_sum(const struct rte_mbuf *m, uint32_t l4_len, bool segments, uint16_t *sum)
{
	const void *ip = rte_pktmbuf_mtod_offset(m, const void *, m->l2_len);
	const struct rte_ipv4_hdr *ip4 = ip;
	const struct rte_ipv6_hdr *ip6 = ip;
	uint32_t seed;

	/* With this flag the sums leave the length out. What is there of it may not fit 16 bits. */
	if ((m->ol_flags & RTE_MBUF_F_TX_IPV4) != 0) {
		if (m->l3_len < sizeof(*ip4) || rte_ipv4_hdr_len(ip4) != m->l3_len ||
		    (!segments && rte_be_to_cpu_16(ip4->total_length) != m->l3_len + l4_len))
			return false;
		seed = rte_ipv4_phdr_cksum(ip4, RTE_MBUF_F_TX_TCP_SEG);
	} else if ((m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0) {
		if (m->l3_len != sizeof(*ip6) ||
		    (!segments && rte_be_to_cpu_16(ip6->payload_len) != l4_len))
			return false;
		seed = rte_ipv6_phdr_cksum(ip6, RTE_MBUF_F_TX_TCP_SEG);
	} else {
		return false;
	}
	seed += rte_cpu_to_be_16((uint16_t)l4_len) + rte_cpu_to_be_16((uint16_t)(l4_len >> 16));
	*sum = __rte_raw_cksum_reduce(seed);
	return true;
}

int
folio_meta_of_mbuf(struct rte_mbuf *m, struct folio_meta *meta)
{
	uint64_t work = m->ol_flags & TX_L4_WORK;
	bool segments = (work & RTE_MBUF_F_TX_TCP_SEG) != 0;
	bool udp = (work & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_UDP_CKSUM;
	uint32_t start = (uint32_t)m->l2_len + m->l3_len;
	uint32_t header = segments ? m->l4_len : udp ? sizeof(struct rte_udp_hdr)
						     : sizeof(struct rte_tcp_hdr);
	unaligned_uint16_t *field;
	uint16_t sum;

	if (work == 0)
		return 0;
	if ((work & RTE_MBUF_F_TX_UDP_SEG) != 0 || (segments && udp) ||
	    (work & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_SCTP_CKSUM ||
	    (m->ol_flags & TX_TUNNEL) != 0 || m->l2_len < FOLIO_META_START_MIN ||
	    header < (udp ? sizeof(struct rte_udp_hdr) : sizeof(struct rte_tcp_hdr)) ||
	    start + header > m->data_len || m->data_len > m->pkt_len ||
	    !pseudo_sum(m, m->pkt_len - start, segments, &sum))
		return -ENOTSUP;
	if (segments && m->tso_segsz == 0)
		return -ENOTSUP;
	*meta = (struct folio_meta){
		.flags = FOLIO_META_CSUM,
		.csum_start = (uint16_t)start,
		.csum_offset = udp ? FOLIO_META_UDP_CSUM : FOLIO_META_TCP_CSUM,
		.hdr_len = (uint16_t)(start + header),
	};
	/* One segment is an ordinary packet. */
	if (segments && m->pkt_len - start - header > m->tso_segsz) {
		meta->gso_type = (m->ol_flags & RTE_MBUF_F_TX_IPV4) != 0 ? FOLIO_GSO_TCP4
									 : FOLIO_GSO_TCP6;
		meta->gso_size = m->tso_segsz;
	}
	field = rte_pktmbuf_mtod_offset(m, unaligned_uint16_t *, start + meta->csum_offset);
	if (*field != sum)
		*field = sum;
	return 1;
}

/* Byte i of a chain, which has more than i. */
static uint8_t *
byte_at(struct rte_mbuf *m, uint32_t i)
{
	for (; i >= m->data_len; m = m->next)
		i -= m->data_len;
	return rte_pktmbuf_mtod_offset(m, uint8_t *, i);
}

/*
 * Sum of all bytes from `start` on. rte_raw_cksum_mbuf() loses carries behind a segment of an odd
 * number of bytes.
 */
static uint16_t
sum_behind(const struct rte_mbuf *m, uint32_t start)
{
	uint32_t sum = 0, done = 0;
	uint16_t part;

	for (; m != NULL; m = m->next) {
		if (start >= m->data_len) {
			start -= m->data_len;
			continue;
		}
		part = rte_raw_cksum(rte_pktmbuf_mtod_offset(m, const void *, start),
				     m->data_len - start);
		sum += done % 2 != 0 ? rte_bswap16(part) : part;
		done += m->data_len - start;
		start = 0;
	}
	return __rte_raw_cksum_reduce(sum);
}

static void
complete_checksum(struct rte_mbuf *m, const struct folio_meta *meta)
{
	uint32_t at = (uint32_t)meta->csum_start + meta->csum_offset;
	uint16_t sum = sum_behind(m, meta->csum_start);
	uint8_t bytes[2];

	/* 0 is UDP's word for "none"; to TCP both are the same. */
	sum = sum == 0xffff ? 0xffff : (uint16_t)~sum;
	memcpy(bytes, &sum, sizeof(bytes));
	*byte_at(m, at) = bytes[0];
	*byte_at(m, at + 1) = bytes[1];
}

void
folio_meta_to_mbuf(struct rte_mbuf *m, const struct folio_meta *meta)
{
	if ((meta->flags & FOLIO_META_CSUM) != 0)
		complete_checksum(m, meta);
	if (meta->gso_type == FOLIO_GSO_NONE)
		return;
	m->ol_flags |= RTE_MBUF_F_RX_LRO;
	m->tx_offload = 0;
	m->tso_segsz = meta->gso_size;
}
