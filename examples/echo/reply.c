/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <string.h>

#include <rte_arp.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "reply.h"

/* Named differently by different releases of DPDK. */
#define ECHO_REQUEST 8
#define ECHO_REPLY 0

#define UDP_ECHO_PORT RTE_BE16(7)
#define REPLY_TTL 64
/* Everything but "don't fragment": more fragments follow, or this one is not the first. */
#define FRAGMENT_BITS RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)

/* A header to read and write, or NULL if the first segment does not hold all of it. */
static void *
header(struct rte_mbuf *m, uint32_t offset, uint32_t len)
{
	if (offset + len > rte_pktmbuf_data_len(m))
		return NULL;
	return rte_pktmbuf_mtod_offset(m, void *, offset);
}

/* Not "this network" (0/8), not loopback (127/8), not multicast, reserved or broadcast (224/3). */
bool
reply_is_host_addr(rte_be32_t ip)
{
	uint32_t a = rte_be_to_cpu_32(ip);

	return a >> 24 != 0 && a >> 24 != 127 && a >> 29 != 7;
}

static void
reply_ether(struct rte_ether_hdr *eth, const struct reply_self *self)
{
	rte_ether_addr_copy(&eth->src_addr, &eth->dst_addr);
	rte_ether_addr_copy(&self->mac, &eth->src_addr);
}

static enum reply_kind
reply_arp(struct rte_mbuf *m, const struct reply_self *self)
{
	struct rte_arp_hdr *arp = header(m, sizeof(struct rte_ether_hdr), sizeof(*arp));

	if (arp == NULL || arp->arp_hardware != RTE_BE16(RTE_ARP_HRD_ETHER) ||
	    arp->arp_protocol != RTE_BE16(RTE_ETHER_TYPE_IPV4) ||
	    arp->arp_hlen != RTE_ETHER_ADDR_LEN || arp->arp_plen != sizeof(rte_be32_t) ||
	    arp->arp_opcode != RTE_BE16(RTE_ARP_OP_REQUEST) || arp->arp_data.arp_tip != self->ip)
		return REPLY_NONE;

	arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REPLY);
	arp->arp_data.arp_tha = arp->arp_data.arp_sha;
	arp->arp_data.arp_tip = arp->arp_data.arp_sip;
	arp->arp_data.arp_sha = self->mac;
	arp->arp_data.arp_sip = self->ip;
	return REPLY_ARP;
}

/*
 * The checksum is updated by the one word that changes (RFC 1624), not computed again: it stays
 * right over segments that are never looked at, and a damaged request stays recognisable as such.
 */
static enum reply_kind
reply_icmp(struct rte_mbuf *m, uint32_t offset, uint32_t len)
{
	struct rte_icmp_hdr *icmp = header(m, offset, sizeof(*icmp));
	uint32_t sum;

	if (icmp == NULL || len < sizeof(*icmp) || icmp->icmp_type != ECHO_REQUEST ||
	    icmp->icmp_code != 0)
		return REPLY_NONE;

	sum = (uint16_t)~icmp->icmp_cksum;
	sum += (uint16_t)~RTE_BE16(ECHO_REQUEST << 8);
	sum += RTE_BE16(ECHO_REPLY << 8);
	sum = (sum & 0xffff) + (sum >> 16);
	icmp->icmp_type = ECHO_REPLY;
	icmp->icmp_cksum = (uint16_t)~sum;
	return REPLY_ICMP;
}

/* The checksum stays as it is: exchanging addresses and ports does not change their sum. */
static enum reply_kind
reply_udp(struct rte_mbuf *m, uint32_t offset, uint32_t len)
{
	struct rte_udp_hdr *udp = header(m, offset, sizeof(*udp));
	uint32_t dgram_len;

	if (udp == NULL || len < sizeof(*udp) || udp->dst_port != UDP_ECHO_PORT)
		return REPLY_NONE;
	dgram_len = rte_be_to_cpu_16(udp->dgram_len);
	if (dgram_len < sizeof(*udp) || dgram_len > len)
		return REPLY_NONE;
	/* Two echo services that answer each other would never end; port 0 wants no answer. */
	if (udp->src_port == UDP_ECHO_PORT || udp->src_port == 0)
		return REPLY_NONE;

	udp->dst_port = udp->src_port;
	udp->src_port = UDP_ECHO_PORT;
	return REPLY_UDP;
}

static enum reply_kind
reply_ipv4(struct rte_mbuf *m, const struct reply_self *self)
{
	const uint32_t ip_at = sizeof(struct rte_ether_hdr);
	struct rte_ipv4_hdr *ip = header(m, ip_at, sizeof(*ip));
	enum reply_kind kind = REPLY_NONE;
	uint32_t hdr_len, total;

	if (ip == NULL || ip->version_ihl >> 4 != IPVERSION)
		return REPLY_NONE;
	hdr_len = rte_ipv4_hdr_len(ip);
	total = rte_be_to_cpu_16(ip->total_length);
	if (hdr_len < sizeof(*ip) || header(m, ip_at, hdr_len) == NULL || total < hdr_len ||
	    total > rte_pktmbuf_pkt_len(m) - ip_at || rte_raw_cksum(ip, hdr_len) != 0xffff)
		return REPLY_NONE;
	if ((ip->fragment_offset & FRAGMENT_BITS) != 0)
		return REPLY_NONE;
	/* Our own address as the sender's is forged: an answer would come back to us. */
	if (ip->dst_addr != self->ip || ip->src_addr == self->ip ||
	    !reply_is_host_addr(ip->src_addr))
		return REPLY_NONE;

	if (ip->next_proto_id == IPPROTO_ICMP)
		kind = reply_icmp(m, ip_at + hdr_len, total - hdr_len);
	else if (ip->next_proto_id == IPPROTO_UDP)
		kind = reply_udp(m, ip_at + hdr_len, total - hdr_len);
	if (kind == REPLY_NONE)
		return REPLY_NONE;

	ip->dst_addr = ip->src_addr;
	ip->src_addr = self->ip;
	ip->time_to_live = REPLY_TTL;
	/* Options are for the way here. The header keeps its length: the payload stays in place. */
	memset(ip + 1, RTE_IPV4_HDR_OPT_NOP, hdr_len - sizeof(*ip));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, hdr_len);
	return kind;
}

enum reply_kind
reply_in_place(struct rte_mbuf *m, const struct reply_self *self)
{
	struct rte_ether_hdr *eth = header(m, 0, sizeof(*eth));
	enum reply_kind kind = REPLY_NONE;
	bool to_us;

	if (eth == NULL || !rte_is_unicast_ether_addr(&eth->src_addr))
		return REPLY_NONE;
	to_us = rte_is_same_ether_addr(&eth->dst_addr, &self->mac);
	if (eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_ARP) &&
	    (to_us || rte_is_broadcast_ether_addr(&eth->dst_addr)))
		kind = reply_arp(m, self);
	else if (eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4) && to_us)
		kind = reply_ipv4(m, self);
	/* The reply is as long as the request, its padding included. */
	if (kind != REPLY_NONE)
		reply_ether(eth, self);
	return kind;
}
