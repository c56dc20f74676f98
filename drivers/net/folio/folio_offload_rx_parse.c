/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Types, hashes and checksums of received packets. The bytes are the peer's: each length in them is
 * bounded by the packet's own before it is used. What cannot be verified is UNKNOWN: fragments,
 * lengths that lie, UDP without a checksum.
 */

#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_net.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "folio_cksum.h"
#include "folio_offload_rx.h"

#define IPV4_MAX 60
#define SUM_GOOD UINT16_MAX /* of data with its checksum */

/* An IP packet, as far as what it carries needs it. */
struct carrier {
	uint32_t l4;   /* where its header begins */
	uint32_t len;  /* bytes from there to the IP packet's end; within the packet */
	uint64_t sum;  /* of the addresses */
};

/*
 * With a routing header the destination that the checksum covers is another than the header's: it is
 * not verified. rte_net has walked the same headers up to `end`.
 */
static bool
has_routing_header(const struct rte_mbuf *m, uint8_t proto, uint32_t at, uint32_t end)
{
	uint8_t copy[2];

	while (at < end) {
		const uint8_t *ext = rte_pktmbuf_read(m, at, sizeof(copy), copy);

		if (proto == IPPROTO_ROUTING || ext == NULL)
			return true;
		proto = ext[0];
		at += (ext[1] + 1u) * 8;
	}
	return false;
}

/* False: there is nothing that could be verified. */
static bool
read_ipv4(const struct rte_mbuf *m, const struct rte_net_hdr_lens *lens, uint64_t work,
	  struct carrier *c, uint64_t *flags)
{
	uint8_t copy[IPV4_MAX];
	const struct rte_ipv4_hdr *ip;
	uint32_t total;

	if (lens->l3_len < sizeof(*ip) || lens->l3_len > sizeof(copy))
		return false;
	ip = rte_pktmbuf_read(m, lens->l2_len, lens->l3_len, copy);
	if (ip == NULL)
		return false;
	if ((work & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) != 0)
		*flags |= folio_sum_bytes(ip, lens->l3_len) == SUM_GOOD
				  ? RTE_MBUF_F_RX_IP_CKSUM_GOOD : RTE_MBUF_F_RX_IP_CKSUM_BAD;
	total = rte_be_to_cpu_16(ip->total_length);
	if (total < lens->l3_len || total > m->pkt_len - lens->l2_len)
		return false;
	c->l4 = lens->l2_len + lens->l3_len;
	c->len = total - lens->l3_len;
	c->sum = folio_sum_bytes(&ip->src_addr, 2 * sizeof(ip->src_addr));
	return true;
}

static bool
read_ipv6(const struct rte_mbuf *m, const struct rte_net_hdr_lens *lens, struct carrier *c)
{
	struct rte_ipv6_hdr copy;
	const struct rte_ipv6_hdr *ip = rte_pktmbuf_read(m, lens->l2_len, sizeof(copy), &copy);
	uint32_t total;

	if (ip == NULL)
		return false;
	total = sizeof(*ip) + rte_be_to_cpu_16(ip->payload_len);
	if (total < lens->l3_len || total > m->pkt_len - lens->l2_len)
		return false;
	c->l4 = lens->l2_len + lens->l3_len;
	c->len = total - lens->l3_len;
	c->sum = folio_sum_bytes(&ip->src_addr, 2 * sizeof(ip->src_addr));
	return !has_routing_header(m, ip->proto, lens->l2_len + (uint32_t)sizeof(*ip), c->l4);
}

static uint64_t
verify(const struct rte_mbuf *m, const struct carrier *c, uint8_t proto, uint32_t len)
{
	uint64_t sum = c->sum;

	sum += rte_cpu_to_be_16(proto);
	sum += rte_cpu_to_be_16((uint16_t)len);
	sum += folio_sum_packet(m, c->l4, len);
	return folio_sum_fold(sum) == SUM_GOOD ? RTE_MBUF_F_RX_L4_CKSUM_GOOD
					       : RTE_MBUF_F_RX_L4_CKSUM_BAD;
}

static uint64_t
verify_udp(const struct rte_mbuf *m, const struct carrier *c)
{
	struct rte_udp_hdr copy;
	const struct rte_udp_hdr *udp;
	uint32_t len;

	if (c->len < sizeof(*udp))
		return RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN;
	udp = rte_pktmbuf_read(m, c->l4, sizeof(copy), &copy);
	if (udp == NULL || udp->dgram_cksum == 0)
		return RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN;
	len = rte_be_to_cpu_16(udp->dgram_len);
	if (len < sizeof(*udp) || len > c->len)
		return RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN;
	return verify(m, c, IPPROTO_UDP, len);
}

static uint64_t
verify_l4(const struct rte_mbuf *m, const struct carrier *c, uint32_t type, uint64_t work)
{
	if (type == RTE_PTYPE_L4_UDP && (work & RTE_ETH_RX_OFFLOAD_UDP_CKSUM) != 0)
		return verify_udp(m, c);
	if (type == RTE_PTYPE_L4_TCP && (work & RTE_ETH_RX_OFFLOAD_TCP_CKSUM) != 0 &&
	    c->len >= sizeof(struct rte_tcp_hdr))
		return verify(m, c, IPPROTO_TCP, c->len);
	return RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN;
}

/* Flags that are there already are of who knows better: a datapath that has agreed on something. */
void
folio_offload_rx_parse(const struct folio_rx_offload *o, uint64_t work, struct rte_mbuf *m)
{
	struct rte_net_hdr_lens lens = {0};
	struct carrier c;
	uint64_t flags = 0;
	uint32_t type;
	bool found = false;

	type = rte_net_get_ptype(m, &lens, RTE_PTYPE_L2_MASK | RTE_PTYPE_L3_MASK |
						   RTE_PTYPE_L4_MASK);
	m->packet_type = type & __atomic_load_n(&o->ptypes, __ATOMIC_RELAXED);
	if ((work & FOLIO_RX_HASH) != 0)
		folio_rss_hash(&o->rss, m, type, &lens);
	if ((work & FOLIO_RX_CKSUMS) == 0)
		return;
	if (RTE_ETH_IS_IPV4_HDR(type))
		found = read_ipv4(m, &lens, work, &c, &flags);
	else if (RTE_ETH_IS_IPV6_HDR(type))
		found = read_ipv6(m, &lens, &c);
	if (found && (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == 0)
		flags |= verify_l4(m, &c, type & RTE_PTYPE_L4_MASK, work);
	m->ol_flags |= flags;
}
