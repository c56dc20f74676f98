/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef REPLY_H
#define REPLY_H

/**
 * @file
 * Turns a request into its reply, in place: ARP, ICMP echo and UDP echo for one IPv4 address.
 *
 * A pure function of the frame: no ports, no state. Every field of a frame is the sender's claim,
 * and is checked against the bytes that are there before it is used.
 */

#include <stdbool.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

/** What a frame was answered as. */
enum reply_kind {
	REPLY_NONE, /**< not for us, malformed, or nothing to say: the frame is unchanged */
	REPLY_ARP,
	REPLY_ICMP,
	REPLY_UDP,
	REPLY_KINDS,
};

/** Whom the requests have to be for. */
struct reply_self {
	struct rte_ether_addr mac;
	rte_be32_t ip;
};

/** @return Whether an address (network order) can be that of one host, e.g. not a multicast one. */
bool reply_is_host_addr(rte_be32_t ip);

/**
 * Answer a frame.
 *
 * @param m The frame, writable. It may have several segments if its headers are in the first.
 * @param self Our addresses.
 * @return What m is a reply to now, or REPLY_NONE.
 */
enum reply_kind reply_in_place(struct rte_mbuf *m, const struct reply_self *self);

#endif /* REPLY_H */
