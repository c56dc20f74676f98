/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_OFFLOAD_RX_H
#define FOLIO_OFFLOAD_RX_H

/*
 * What a network card would do with a packet that it receives, in software, above the bursts of any
 * datapath. Only a port that was asked for something of it has the layer. Packets are private mbufs
 * by then, but their bytes are the peer's: each length in them is bounded by the packet's own
 * before it is used.
 */

#include "boundary/gate.h"
#include "folio_compat.h"
#include "folio_filter.h"
#include "folio_rss.h"

/* Packets are parsed for these; their types come with it. */
#define FOLIO_RX_CKSUMS (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM | \
			 RTE_ETH_RX_OFFLOAD_TCP_CKSUM)

/* What the layer does, for the whole port. */
#define FOLIO_RX_SOFT_OFFLOADS (FOLIO_RX_CKSUMS | RTE_ETH_RX_OFFLOAD_VLAN_STRIP | \
				RTE_ETH_RX_OFFLOAD_QINQ_STRIP | RTE_ETH_RX_OFFLOAD_VLAN_FILTER | \
				RTE_ETH_RX_OFFLOAD_RSS_HASH)

/* What bursts do besides RTE_ETH_RX_OFFLOAD_*. */
#define FOLIO_RX_PTYPES (UINT64_C(1) << 63)
#define FOLIO_RX_MACS (UINT64_C(1) << 62)	 /* the port is not promiscuous */
#define FOLIO_RX_SOME_GROUPS (UINT64_C(1) << 61) /* nor takes it all of multicast */
#define FOLIO_RX_HASH (UINT64_C(1) << 60)
#define FOLIO_RX_SPREAD (UINT64_C(1) << 59) /* over the queues, by the hash */

#define FOLIO_RX_FILTERED (FOLIO_RX_MACS | RTE_ETH_RX_OFFLOAD_VLAN_FILTER)
#define FOLIO_RX_STRIPPED (RTE_ETH_RX_OFFLOAD_VLAN_STRIP | RTE_ETH_RX_OFFLOAD_QINQ_STRIP)

#define FOLIO_RX_PARSED (FOLIO_RX_CKSUMS | FOLIO_RX_PTYPES | FOLIO_RX_HASH)

/* Of a port; in memory that secondary processes share. */
struct folio_rx_offload {
	uint64_t work; /* RTE_ETH_RX_OFFLOAD_* and FOLIO_RX_*; 0: the layer is left out */
	uint32_t ptypes; /* those of the masks that are wanted */
	bool ptypes_set; /* the application said so */
	struct folio_filter filter;
	struct folio_rss rss;
};

/* Ahead of the first start. */
void folio_offload_rx_init(struct rte_eth_dev *dev);

/* The application has asked for something, or not any more. Bursts may run. */
void folio_offload_rx_update(struct rte_eth_dev *dev);

uint16_t folio_offload_receive(void *queue, struct rte_mbuf **pkts, uint16_t n);

/* A queue takes part, or not any more; it may be NULL. False: a burst is still inside. */
struct folio_rx_queue;
bool folio_offload_rx_enable(struct folio_rx_queue *q, bool on);

/*
 * folio_offload_rx_parse.c: sets a packet's type, as far as it is wanted, its hash, and flags for
 * those of FOLIO_RX_CKSUMS that `work` has.
 */
void folio_offload_rx_parse(const struct folio_rx_offload *o, uint64_t work, struct rte_mbuf *m);

/* Ops of ethdev. */
const uint32_t *folio_supported_ptypes_get(struct rte_eth_dev *dev FOLIO_PTYPES_ARG);
int folio_ptypes_set(struct rte_eth_dev *dev, uint32_t mask);
int folio_vlan_offload_set(struct rte_eth_dev *dev, int mask);

#endif /* FOLIO_OFFLOAD_RX_H */
