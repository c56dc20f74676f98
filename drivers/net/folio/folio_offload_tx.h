/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_OFFLOAD_TX_H
#define FOLIO_OFFLOAD_TX_H

/*
 * Transmit offloads in software: checksums, VLAN tags, TCP segmentation. A layer above the bursts
 * of any datapath, which a port has only if it was configured with one of these offloads. L4
 * checksums and segmentation are left to the other end where that does them.
 *
 * The application's lengths and flags are bounded against the packet before anything is read or
 * written: what does not fit together is dropped and counted. Packets are completed in place; one
 * whose first segment others may see, or whose headers are spread, in a copy. Copies and segments
 * are in mbufs of a pool of the queue's own, which are back in it when the burst ends, as the
 * bursts below copy. What is not sent goes back to the application such that it can be sent again:
 * as it was, or complete and without the flags of what is done.
 */

#include "boundary/gate.h"
#include "folio_ethdev.h"

/* What the layer does, for the whole port. */
#define FOLIO_TX_SOFT_OFFLOADS \
	(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM | \
	 RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO | \
	 RTE_ETH_TX_OFFLOAD_VLAN_INSERT | RTE_ETH_TX_OFFLOAD_QINQ_INSERT)

/*
 * What would have to be done to a packet on its way. The flags for its kind (IPv4, a tunnel, ...)
 * ask for nothing by themselves.
 */
#define FOLIO_TX_WORK \
	(RTE_MBUF_F_TX_OFFLOAD_MASK & \
	 ~(RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_OUTER_IPV4 | \
	   RTE_MBUF_F_TX_OUTER_IPV6 | RTE_MBUF_F_TX_TUNNEL_MASK))

#define FOLIO_TX_TAGS (RTE_MBUF_F_TX_VLAN | RTE_MBUF_F_TX_QINQ)

/* Of any packet: all that its lengths can name, of which l4_len has 8 bits. */
#define FOLIO_TX_HEADERS_MAX 1024u

/* A packet that becomes segments. It belongs to the queue once the first of them is sent. */
struct folio_tso {
	struct rte_mbuf *pkt; /* NULL: none is */
	uint32_t header; /* bytes */
	uint32_t payload;
	uint32_t size;	 /* payload of a segment */
	uint32_t count;
	uint32_t next;	 /* the segment to be sent next */
	uint8_t bytes[FOLIO_TX_HEADERS_MAX]; /* the header */
};

/* What a transmit queue has for it. */
struct folio_tx_offload {
	struct folio_gate gate; /* open while the queue is: the work here is outside of the end's */
	struct rte_mempool *pool;
	bool fast_free; /* what the application promised, of its own mbufs */
	uint32_t other_does; /* FOLIO_TX_*: what the other end does, in this burst */
	uint32_t longest;    /* frame that it cuts */
	struct folio_tso tso;
};

/* Do these offloads of a port need the layer? */
static inline bool
folio_offload_tx_is_asked_for(uint64_t offloads)
{
	return (offloads & FOLIO_TX_SOFT_OFFLOADS) != 0;
}

static inline bool
folio_offload_tx_has_tunnel(const struct rte_mbuf *m)
{
	return (m->ol_flags & (RTE_MBUF_F_TX_OUTER_IPV4 | RTE_MBUF_F_TX_OUTER_IPV6)) != 0;
}

/* Where the (inner) network header begins. */
static inline uint32_t
folio_offload_tx_l3(const struct rte_mbuf *m)
{
	uint32_t outer = folio_offload_tx_has_tunnel(m) ? m->outer_l2_len + m->outer_l3_len : 0;

	return outer + m->l2_len;
}

/* What a port that has the layer would leave to the other end: FOLIO_TX_*. */
static inline uint32_t
folio_offload_tx_leaves(const struct rte_eth_dev *dev)
{
	uint64_t offloads = dev->data->dev_conf.txmode.offloads;
	uint32_t leaves = 0;

	if ((offloads & (RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM)) != 0)
		leaves |= FOLIO_TX_CSUM;
	if ((offloads & RTE_ETH_TX_OFFLOAD_TCP_TSO) != 0)
		leaves |= FOLIO_TX_CSUM | FOLIO_TX_TSO4 | FOLIO_TX_TSO6;
	return leaves;
}

/* folio_offload_tx.c */
uint16_t folio_offload_transmit(void *queue, struct rte_mbuf **pkts, uint16_t n);

/*
 * The queue gets what it needs, or has it taken away, as the port's offloads say; no burst is
 * inside. 0, or -ENOMEM with a line for the user.
 */
int folio_offload_tx_set_up(const struct rte_eth_dev *dev, struct folio_tx_queue *q);
int folio_offload_tx_set_up_all(const struct rte_eth_dev *dev);
void folio_offload_tx_release(struct folio_tx_queue *q);

/*
 * The queue takes part, or not any more; q may be NULL. False: a burst is still inside. The end's
 * own gate is closed first.
 */
bool folio_offload_tx_enable(struct folio_tx_queue *q, bool on);

/*
 * folio_offload_tx_packet.c: can and may the packet be completed, as far as its flags and lengths
 * say? 0, -ENOTSUP or -EINVAL. Reads no packet data.
 */
int folio_offload_tx_judge(const struct rte_mbuf *m, uint32_t max_frame);

/* Bytes from the front of a judged packet on that have to be in its first segment. */
uint32_t folio_offload_tx_need(const struct rte_mbuf *m);

/*
 * Complete a judged packet that is in a private first segment, with its headers and with headroom
 * for its tags, but for what the other end does: the flags for that stay. False: its bytes are not
 * what its flags say; then nothing was changed.
 */
bool folio_offload_tx_complete(struct rte_mbuf *m, uint32_t other_does);

/* Is a judged packet that is to be cut one that the other end cuts? */
bool folio_offload_tx_is_cut_there(const struct rte_mbuf *m, const struct folio_tx_offload *o);

/* folio_offload_tx_tso.c: begin with a judged packet. False: its bytes do not fit its flags. */
bool folio_tso_begin(struct folio_tso *t, struct rte_mbuf *m);

/* Up to n segments, from t->next on, complete. Returns how many there are mbufs for. */
uint16_t folio_tso_cut(const struct folio_tso *t, const struct folio_tx_offload *o,
		       struct rte_mbuf **out, uint16_t n);

#endif /* FOLIO_OFFLOAD_TX_H */
