/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_RSS_H
#define FOLIO_RSS_H

/*
 * Receive side scaling: a hash of addresses and ports, and by it the queue that gets a packet. Both
 * are the receiver's: what the peer does decides only which of the queues has the work of
 * distributing.
 */

#include <rte_net.h>

#include "folio_compat.h"

#define FOLIO_RSS_KEY 40
#define FOLIO_RSS_RETA 128

/* Extension headers of IPv6 are passed over: the addresses are those of its header. */
#define FOLIO_RSS_TYPES \
	(RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP)

struct folio_spread;
struct folio_rx_queue;

/* Of a port. Bursts read: what changes is stored at once, a key in the place that is not in use. */
struct folio_rss {
	uint64_t types; /* RTE_ETH_RSS_* that are hashed */
	uint32_t current; /* of the keys */
	uint32_t keys[2][FOLIO_RSS_KEY / sizeof(uint32_t)]; /* as rte_softrss_be() wants them */
	uint16_t reta[FOLIO_RSS_RETA];
	struct folio_spread *spread; /* NULL: packets stay on the queue that they arrive on */
	uint8_t key[FOLIO_RSS_KEY]; /* control's */
};

/* Of RTE_ETH_RX_OFFLOAD_* and FOLIO_RX_*: what a burst has to do. */
uint64_t folio_rss_work(const struct rte_eth_dev *dev);

/* Was it asked for when the port was configured? */
bool folio_rss_is_on(const struct rte_eth_dev *dev);

/* The port is configured. 0, or a negative errno and a line for the user. */
int folio_rss_configure(struct rte_eth_dev *dev);

/* Sets the packet's hash, if it has one; its type and lengths are those of its own bytes. */
void folio_rss_hash(const struct folio_rss *rss, struct rte_mbuf *m, uint32_t type,
		    const struct rte_net_hdr_lens *lens);

/* Ops of ethdev. */
int folio_rss_hash_update(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf);
int folio_rss_hash_conf_get(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf);
int folio_reta_update(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *reta, uint16_t n);
int folio_reta_query(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *reta, uint16_t n);

/*
 * folio_spread.c: packets from the queue that has received them to the queue that the table names,
 * over a ring for each two queues: one thread fills it and another one empties it, so that none can
 * be held up by one that was stopped, or killed, in the middle.
 *
 * set_up: the port starts, no burst is inside; -ENOMEM with a line for the user.
 */
int folio_spread_set_up(struct rte_eth_dev *dev);
void folio_spread_release(struct folio_rss *rss);

/* A queue takes part, or not any more; no burst is inside. What others have sent it is dropped. */
void folio_spread_enable(const struct folio_rss *rss, uint16_t queue, bool on);

/* No burst is inside any queue: nothing stays in a ring. */
void folio_spread_drain(const struct folio_rss *rss);

/* Up to n packets that others have for this queue. */
uint16_t folio_spread_take(struct folio_rx_queue *q, struct rte_mbuf **pkts, uint16_t n);

/*
 * Of n packets that have arrived on this queue, those for others go to them, or are dropped and
 * counted if they have no room. Returns how many stay.
 */
uint16_t folio_spread_give(struct folio_rx_queue *q, struct rte_mbuf **pkts, uint16_t n);

#endif /* FOLIO_RSS_H */
