/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef PACKET_H
#define PACKET_H

/* TCP and UDP packets, and what has to arrive of them: nothing of it is DPDK's or the driver's. */

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define PACKET_MAX 66000

struct packet {
	bool v6;
	bool tcp;
	uint32_t options;     /* bytes, of IPv4, or behind IPv6's header */
	uint32_t tcp_options; /* bytes */
	uint32_t payload;     /* bytes */
	uint32_t pad;	      /* bytes behind the IP packet */
	uint64_t flags;	      /* what is asked of the driver */
	uint16_t inner;	      /* VLAN tags */
	uint16_t outer;
	uint16_t fix;	      /* bytes of the payload, for a checksum of choice */
	uint8_t tcp_flags;
	uint32_t seed;
};

/* Anything random about it; all checksums are asked for. */
void packet_make(struct packet *k, bool v6, bool tcp, uint32_t payload);

/* Such that its checksum comes out as zero. */
void packet_make_sum_zero(struct packet *k);

uint32_t packet_l3_len(const struct packet *k);
uint32_t packet_l4_len(const struct packet *k);
uint32_t packet_len(const struct packet *k);

/* As the application has it: with rubbish for checksums. */
void packet_bytes(const struct packet *k, uint8_t *out);

/* With the checksums that were asked for. */
void packet_finish(const struct packet *k, uint8_t *bytes);

/* In a chain of segments of random lengths, some of them empty, with flags and lengths. */
struct rte_mbuf *packet_mbuf(const struct packet *k, struct rte_mempool *pool, unsigned int segs);
void packet_ask(const struct packet *k, struct rte_mbuf *m);

/* Random flags and lengths, and a few random bytes. */
void packet_spoil(struct rte_mbuf *m);

/* m is what has to arrive. */
void check_packet(const struct rte_mbuf *m, const struct packet *k);

/* Two packets have the same bytes. */
void check_same(const struct rte_mbuf *a, const struct rte_mbuf *b);

/* Of all these bytes, as RFC 1071 says: 0 if a checksum among them is right. */
uint16_t internet_checksum(const uint8_t *p, uint32_t len);

/* Of what is behind an IP header of l3_len bytes, with the pseudo header: 0 if it is right. */
uint16_t l4_checksum(const uint8_t *ip, bool v6, uint32_t l3_len, uint32_t l4_bytes, uint8_t proto);

#endif /* PACKET_H */
