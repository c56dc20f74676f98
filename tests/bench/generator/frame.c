/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <netinet/in.h>
#include <string.h>

#include "frame.h"

/* RFC 2544's addresses for tests. Whoever answers UDP echo answers this. */
#define SRC_IP RTE_IPV4(198, 18, 0, 1)
#define DST_IP RTE_IPV4(198, 18, 0, 2)
#define UDP_PORT 9
#define UDP_ECHO_PORT 7
#define UDP_CHECKSUM 0xffff /* some: with none, nobody would compute one */
#define TTL 64

struct headers {
	struct rte_ether_hdr eth;
	struct rte_ipv4_hdr ip;
	struct rte_udp_hdr udp;
} __attribute__((packed, aligned(2)));

static void
init_template(struct frame_template *t, uint32_t len, const struct rte_ether_addr *src,
	      const struct rte_ether_addr *dst)
{
	uint16_t ip_len = (uint16_t)(len - sizeof(struct rte_ether_hdr));
	struct headers h = {
		.eth = {
			.dst_addr = *dst,
			.src_addr = *src,
			.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4),
		},
		.ip = {
			.version_ihl = RTE_IPV4_VHL_DEF,
			.total_length = rte_cpu_to_be_16(ip_len),
			.time_to_live = TTL,
			.next_proto_id = IPPROTO_UDP,
			.src_addr = rte_cpu_to_be_32(SRC_IP),
			.dst_addr = rte_cpu_to_be_32(DST_IP),
		},
		.udp = {
			.src_port = RTE_BE16(UDP_PORT),
			.dst_port = RTE_BE16(UDP_ECHO_PORT),
			.dgram_len = rte_cpu_to_be_16(
				(uint16_t)(ip_len - sizeof(struct rte_ipv4_hdr))),
			.dgram_cksum = RTE_BE16(UDP_CHECKSUM),
		},
	};

	RTE_BUILD_BUG_ON(sizeof(h) != FRAME_HEADER_LEN);
	h.ip.hdr_checksum = rte_ipv4_cksum(&h.ip);
	memcpy(t->header, &h, sizeof(h));
	t->len = (uint16_t)len;
}

void
frames_init(struct frames *f, uint32_t size, const struct rte_ether_addr *src,
	    const struct rte_ether_addr *dst)
{
	/* Spread, so that a burst is much like another. */
	static const uint16_t imix[FRAME_CYCLE] = {
		64, 570, 64, 64, 570, 64, FRAME_IMIX_MAX, 64, 570, 64, 64, 570,
	};
	uint32_t i;

	for (i = 0; i < FRAME_CYCLE; i++)
		init_template(&f->cycle[i], size == FRAME_IMIX ? imix[i] : size, src, dst);
	f->next = 0;
}

/* A pool promises one segment and one owner; the rest is its last user's. */
uint64_t
frames_build(struct frames *f, struct rte_mbuf **pkts, uint32_t n)
{
	uint32_t next = f->next, i;
	uint64_t bytes = 0;

	for (i = 0; i < n; i++) {
		const struct frame_template *t = &f->cycle[next];
		struct rte_mbuf *m = pkts[i];

		next = next + 1 == FRAME_CYCLE ? 0 : next + 1;
		m->data_off = RTE_PKTMBUF_HEADROOM;
		m->ol_flags = 0;
		m->pkt_len = t->len;
		m->data_len = t->len;
		memcpy(rte_pktmbuf_mtod(m, void *), t->header, FRAME_HEADER_LEN);
		bytes += t->len;
	}
	f->next = next;
	return bytes;
}
