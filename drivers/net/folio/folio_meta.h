/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_META_MBUF_H
#define FOLIO_META_MBUF_H

/*
 * Metadata of a packet: from the flags of an mbuf that is sent, and to one that was received.
 * Private memory only; what came from a peer was judged by folio_meta_valid() before.
 */

#include <rte_mbuf.h>

#include "boundary/meta.h"

/*
 * What a receiver has to know of a packet whose TCP or UDP checksum, or whose cutting into
 * segments, is left to it. The sum of the pseudo header is put into the packet's checksum field,
 * whatever the application had there; it includes the length, as receivers want it and unlike what
 * rte_eth_tx_prepare() has for TSO. IP header checksums are the caller's.
 *
 * Returns 1; or 0 if the flags ask for nothing of the kind; or -ENOTSUP if the packet cannot be
 * described so (tunnels, SCTP, IPv6 with extension headers, bytes behind the IP packet, headers in
 * several segments or with lengths that make no sense): its checksum has to be computed.
 */
int folio_meta_of_mbuf(struct rte_mbuf *m, struct folio_meta *meta);

/*
 * Make a received packet what its application expects: the checksum is completed, in whichever
 * segments it lies, as the packet may be forwarded to where nobody would do it. A packet of several
 * TCP segments, which only applications get that have asked for RTE_ETH_RX_OFFLOAD_TCP_LRO, is
 * marked as such. The metadata is valid for m->pkt_len.
 */
void folio_meta_to_mbuf(struct rte_mbuf *m, const struct folio_meta *meta);

#endif /* FOLIO_META_MBUF_H */
