/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_FILTER_H
#define FOLIO_FILTER_H

/*
 * Which of the received packets an application wants: by destination address and VLAN. A port is
 * promiscuous until its application says that it is not: the link is one between two, and what the
 * other end sends is for us, whatever address it has learnt.
 *
 * Control changes what bursts read: each word is stored at once, and a list of addresses goes into
 * the table that is not in use. A burst that is so slow that it meets the next change but one may
 * decide by a mixture of lists.
 */

#include "folio_compat.h"

#define FOLIO_MACS 64	/* addresses of the port, its own included */
#define FOLIO_GROUPS 128 /* multicast addresses */

struct folio_filter_table {
	uint32_t count;
	uint64_t macs[FOLIO_MACS + FOLIO_GROUPS];
};

struct folio_filter {
	uint64_t vlans[(RTE_ETHER_MAX_VLAN_ID + 1) / 64]; /* that pass */
	uint32_t current; /* of the tables */
	struct folio_filter_table tables[2];
	/* Control's. */
	bool selective; /* not promiscuous */
	bool some_groups; /* not all of multicast */
	uint32_t group_count;
	struct rte_ether_addr groups[FOLIO_GROUPS];
};

struct folio_rx_stats;

/* Of FOLIO_RX_MACS, FOLIO_RX_SOME_GROUPS: what a burst has to do. */
uint64_t folio_filter_work(const struct folio_filter *f);

/* Frees the packets that are not wanted, and closes the gaps. Returns how many are left. */
uint16_t folio_filter_packets(const struct folio_filter *f, uint64_t work, struct rte_mbuf **pkts,
			      uint16_t n, struct folio_rx_stats *stats);

/* One of the port's addresses has changed. */
void folio_filter_update(struct rte_eth_dev *dev);

/* Ops of ethdev. */
int folio_promiscuous_enable(struct rte_eth_dev *dev);
int folio_promiscuous_disable(struct rte_eth_dev *dev);
int folio_allmulticast_enable(struct rte_eth_dev *dev);
int folio_allmulticast_disable(struct rte_eth_dev *dev);
int folio_mac_addr_add(struct rte_eth_dev *dev, struct rte_ether_addr *mac, uint32_t index,
		       uint32_t pool);
void folio_mac_addr_remove(struct rte_eth_dev *dev, uint32_t index);
int folio_set_mc_addr_list(struct rte_eth_dev *dev, struct rte_ether_addr *list, uint32_t n);
int folio_vlan_filter_set(struct rte_eth_dev *dev, uint16_t vlan, int on);

#endif /* FOLIO_FILTER_H */
