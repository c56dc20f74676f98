/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Transmit offloads of one packet: is what it asks for possible, and then: do it. Headers may be at
 * any address: they are read and written byte by byte.
 */

#include <folio_wire.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "folio_cksum.h"
#include "folio_meta.h"
#include "folio_offload_tx.h"

#define ABOUT_IP (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG)
#define LEAVABLE (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG)
#define SUPPORTED (FOLIO_TX_TAGS | ABOUT_IP)

/* With tags it still fits its field. */
#define L2_LEN_MAX 100u

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void
put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Bytes of the transport header whose checksum is asked for; 0: of none. */
static uint32_t
l4_need(uint64_t flags)
{
	switch (flags & RTE_MBUF_F_TX_L4_MASK) {
	case RTE_MBUF_F_TX_TCP_CKSUM:
		return sizeof(struct rte_tcp_hdr);
	case RTE_MBUF_F_TX_UDP_CKSUM:
		return sizeof(struct rte_udp_hdr);
	default:
		return 0;
	}
}

static uint32_t
tag_bytes(uint64_t flags)
{
	if ((flags & RTE_MBUF_F_TX_QINQ) != 0)
		return 2 * RTE_VLAN_HLEN;
	return (flags & RTE_MBUF_F_TX_VLAN) != 0 ? RTE_VLAN_HLEN : 0;
}

uint32_t
folio_offload_tx_need(const struct rte_mbuf *m)
{
	uint32_t l4 = l4_need(m->ol_flags), need = 2 * RTE_ETHER_ADDR_LEN;

	if ((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0)
		l4 = m->l4_len;
	if ((m->ol_flags & ABOUT_IP) != 0)
		need = RTE_MAX(need, folio_offload_tx_l3(m) + m->l3_len + l4);
	return need;
}

/* So many segments as it says, which add up to pkt_len. */
static bool
adds_up(const struct rte_mbuf *m)
{
	uint32_t len = m->pkt_len, sum = 0;
	uint16_t segs = m->nb_segs;

	for (; m != NULL && segs > 0; m = m->next, segs--)
		sum += m->data_len;
	return m == NULL && segs == 0 && sum == len;
}

static bool
lengths_fit(const struct rte_mbuf *m, uint32_t max_frame)
{
	uint32_t ip = (m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0 ? sizeof(struct rte_ipv6_hdr)
							      : sizeof(struct rte_ipv4_hdr);
	bool tso = (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0;
	uint32_t need = folio_offload_tx_need(m), len = m->pkt_len;

	if ((m->ol_flags & ABOUT_IP) != 0 && m->l3_len < ip)
		return false;
	if (tso) {
		if (m->l4_len < sizeof(struct rte_tcp_hdr) || len < need)
			return false;
		len = need + RTE_MIN(len - need, (uint32_t)m->tso_segsz);
		if (len - folio_offload_tx_l3(m) > UINT16_MAX)
			return false;
	}
	return len >= FOLIO_WIRE_FRAME_MIN && len >= need &&
	       len + tag_bytes(m->ol_flags) <= max_frame;
}

int
folio_offload_tx_judge(const struct rte_mbuf *m, uint32_t max_frame)
{
	uint64_t flags = m->ol_flags;
	bool is_ip = (flags & (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6)) != 0;

	if ((flags & FOLIO_TX_WORK & ~SUPPORTED) != 0 ||
	    (flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_SCTP_CKSUM ||
	    ((flags & RTE_MBUF_F_TX_TCP_SEG) != 0 && folio_offload_tx_has_tunnel(m)))
		return -ENOTSUP;
	if (((flags & RTE_MBUF_F_TX_IP_CKSUM) != 0 && !is_ip) ||
	    ((flags & RTE_MBUF_F_TX_TCP_SEG) != 0 &&
	     (flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_UDP_CKSUM) ||
	    (flags & (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6)) ==
		    (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6) ||
	    rte_validate_tx_offload(m) != 0)
		return -EINVAL;
	return adds_up(m) && lengths_fit(m, max_frame) ? 0 : -EINVAL;
}

/* An IP header, as far as checksums are about it. */
struct ip_part {
	uint32_t header;  /* bytes that its own checksum covers; 0: it has none */
	uint32_t payload; /* bytes behind l3_len */
	uint32_t at;	  /* of the addresses, which are in the pseudo header */
	uint32_t addresses; /* bytes */
};

/* `room`: bytes of the packet from the header on. False: it is not what the flags say. */
static bool
read_ip(const uint8_t *p, uint64_t flags, uint32_t l3_len, uint32_t room, struct ip_part *ip)
{
	uint32_t total;

	if ((flags & RTE_MBUF_F_TX_IPV4) != 0) {
		ip->header = (p[0] & 0xfu) * RTE_IPV4_IHL_MULTIPLIER;
		ip->at = offsetof(struct rte_ipv4_hdr, src_addr);
		ip->addresses = 2 * sizeof(rte_be32_t);
		total = get16(p + offsetof(struct rte_ipv4_hdr, total_length));
		if (p[0] >> 4 != 4 || ip->header < sizeof(struct rte_ipv4_hdr) ||
		    ip->header > l3_len)
			return false;
	} else {
		ip->header = 0;
		ip->at = offsetof(struct rte_ipv6_hdr, src_addr);
		ip->addresses = 2 * 16;
		total = get16(p + offsetof(struct rte_ipv6_hdr, payload_len)) +
			(uint32_t)sizeof(struct rte_ipv6_hdr);
		if (p[0] >> 4 != 6)
			return false;
	}
	ip->payload = total - l3_len;
	return l3_len <= total && total <= room;
}

/* The sum over pseudo header and payload; the field is zero. */
static uint16_t
sum_l4(const struct rte_mbuf *m, uint32_t l3, const struct ip_part *ip, uint8_t proto)
{
	const uint8_t *p = rte_pktmbuf_mtod_offset(m, const uint8_t *, l3);
	const uint8_t tail[4] = {0, proto, (uint8_t)(ip->payload >> 8), (uint8_t)ip->payload};

	return folio_sum_fold((uint64_t)folio_sum_packet(m, l3 + m->l3_len, ip->payload) +
			      folio_sum_bytes(p + ip->at, ip->addresses) +
			      folio_sum_bytes(tail, sizeof(tail)));
}

/* Store what makes a sum come out right. 0xffff is zero, too, and UDP's 0 means something else. */
static void
store_sum(uint8_t *field, uint16_t sum, bool udp)
{
	uint16_t cksum = (uint16_t)~sum;

	if (cksum == 0 && udp)
		cksum = UINT16_MAX;
	memcpy(field, &cksum, sizeof(cksum));
}

/* Does the other end do the work on L4 that a packet asks for? Then it holds the pseudo sum. */
static bool
is_left(struct rte_mbuf *m, uint32_t other_does)
{
	struct folio_meta meta;

	return (other_does & FOLIO_TX_CSUM) != 0 && m->l2_len <= L2_LEN_MAX &&
	       folio_meta_of_mbuf(m, &meta) > 0;
}

bool
folio_offload_tx_is_cut_there(const struct rte_mbuf *m, const struct folio_tx_offload *o)
{
	bool v6 = (m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0;
	uint32_t l3 = folio_offload_tx_l3(m), l4 = l3 + m->l3_len;
	const uint8_t *ip, *flags;
	uint8_t space[2];

	if ((o->other_does & (v6 ? FOLIO_TX_TSO6 : FOLIO_TX_TSO4)) == 0 || m->l2_len > L2_LEN_MAX ||
	    m->l2_len < RTE_ETHER_HDR_LEN || m->pkt_len - l3 > UINT16_MAX ||
	    m->pkt_len + tag_bytes(m->ol_flags) > o->longest)
		return false;
	ip = rte_pktmbuf_read(m, l3, 1, &space[0]);
	flags = rte_pktmbuf_read(m, l4 + offsetof(struct rte_tcp_hdr, tcp_flags), 1, &space[1]);
	/* A smaller window is to be said once: a device has to know of that, and need not. */
	return ip != NULL && flags != NULL && (*flags & RTE_TCP_CWR_FLAG) == 0 &&
	       m->l3_len == (v6 ? sizeof(struct rte_ipv6_hdr)
				: (*ip & 0xfu) * RTE_IPV4_IHL_MULTIPLIER);
}

/* The IP header of a packet that is cut elsewhere is that of the whole. */
static bool
write_length(const struct rte_mbuf *m, uint8_t *ip)
{
	const uint8_t *tcp = ip + m->l3_len;
	uint32_t len = m->pkt_len - folio_offload_tx_l3(m);

	if ((tcp[offsetof(struct rte_tcp_hdr, data_off)] >> 4) * 4u != m->l4_len)
		return false;
	if ((m->ol_flags & RTE_MBUF_F_TX_IPV4) == 0) {
		put16(ip + offsetof(struct rte_ipv6_hdr, payload_len),
		      (uint16_t)(len - sizeof(struct rte_ipv6_hdr)));
		return true;
	}
	put16(ip + offsetof(struct rte_ipv4_hdr, total_length), (uint16_t)len);
	return (get16(ip + offsetof(struct rte_ipv4_hdr, fragment_offset)) &
		(RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG)) == 0;
}

/* `left` gets the flags of what is left to the other end. */
static bool
complete_checksums(struct rte_mbuf *m, uint32_t other_does, uint64_t *left)
{
	uint64_t flags = m->ol_flags;
	uint32_t l3 = folio_offload_tx_l3(m), need = l4_need(flags);
	bool udp = (flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_UDP_CKSUM;
	uint8_t *p = rte_pktmbuf_mtod_offset(m, uint8_t *, l3);
	uint8_t *field = p + m->l3_len + (udp ? offsetof(struct rte_udp_hdr, dgram_cksum)
					      : offsetof(struct rte_tcp_hdr, cksum));
	struct ip_part ip;

	if ((flags & RTE_MBUF_F_TX_TCP_SEG) != 0 && !write_length(m, p))
		return false;
	if (!read_ip(p, flags, m->l3_len, m->pkt_len - l3, &ip) || ip.payload < need)
		return false;
	if ((flags & LEAVABLE) != 0 && is_left(m, other_does)) {
		*left = flags & LEAVABLE;
	} else if ((flags & RTE_MBUF_F_TX_TCP_SEG) != 0) {
		return false;
	} else if (need > 0) {
		memset(field, 0, sizeof(uint16_t));
		store_sum(field, sum_l4(m, l3, &ip, udp ? IPPROTO_UDP : IPPROTO_TCP), udp);
	}
	if ((flags & RTE_MBUF_F_TX_IP_CKSUM) != 0) {
		field = p + offsetof(struct rte_ipv4_hdr, hdr_checksum);
		memset(field, 0, sizeof(uint16_t));
		store_sum(field, folio_sum_bytes(p, ip.header), false);
		/* It goes with the request to cut the packet, also when that is made again. */
		if ((*left & RTE_MBUF_F_TX_TCP_SEG) != 0)
			*left |= RTE_MBUF_F_TX_IP_CKSUM;
	}
	return true;
}

static void
insert_tags(struct rte_mbuf *m)
{
	uint32_t bytes = tag_bytes(m->ol_flags);
	uint8_t *old = rte_pktmbuf_mtod(m, uint8_t *);
	uint8_t *p = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)bytes);

	memmove(p, old, 2 * RTE_ETHER_ADDR_LEN);
	p += 2 * RTE_ETHER_ADDR_LEN;
	if ((m->ol_flags & RTE_MBUF_F_TX_QINQ) != 0) {
		put16(p, RTE_ETHER_TYPE_QINQ);
		put16(p + 2, m->vlan_tci_outer);
		p += RTE_VLAN_HLEN;
	}
	put16(p, RTE_ETHER_TYPE_VLAN);
	put16(p + 2, m->vlan_tci);
	if (folio_offload_tx_has_tunnel(m))
		m->outer_l2_len += bytes;
	else
		m->l2_len += bytes;
}

bool
folio_offload_tx_complete(struct rte_mbuf *m, uint32_t other_does)
{
	uint64_t left = 0;

	if ((m->ol_flags & ABOUT_IP) != 0 && !complete_checksums(m, other_does, &left))
		return false;
	if ((m->ol_flags & FOLIO_TX_TAGS) != 0)
		insert_tags(m);
	m->ol_flags &= ~FOLIO_TX_WORK | left;
	return true;
}
