/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FRAME_H
#define FRAME_H

/**
 * @file
 * The frames that are sent: Ethernet, IPv4, UDP, and a payload that is left as it is.
 */

#include <stdalign.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#define FRAME_MIN 60
#define FRAME_MAX 65000 /**< an mbuf has room for little more */
#define FRAME_IMIX 0
#define FRAME_IMIX_MAX 1518
#define FRAME_HEADER_LEN                                                                           \
	(sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr))
#define FRAME_CYCLE 12

/** A frame's length and its headers. */
struct frame_template {
	alignas(RTE_CACHE_LINE_SIZE) uint8_t header[FRAME_HEADER_LEN];
	uint16_t len;
};

/** The frames that follow each other, again and again. */
struct frames {
	struct frame_template cycle[FRAME_CYCLE];
	uint32_t next;
};

/**
 * Prepare the frames of a job.
 *
 * @param size Length without checksum, or FRAME_IMIX: 64, 570 and 1518 bytes at 7:4:1.
 */
void frames_init(struct frames *f, uint32_t size, const struct rte_ether_addr *src,
		 const struct rte_ether_addr *dst);

/**
 * Make frames of mbufs as a pool hands them out: lengths and headers are written, like testpmd's
 * txonly does.
 *
 * @return Bytes of all frames.
 */
uint64_t frames_build(struct frames *f, struct rte_mbuf **pkts, uint32_t n);

#endif /* FRAME_H */
