/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Which of the received packets an application wants. Their bytes are the peer's. */

#include "folio_ethdev.h"

static uint64_t
mac_word(const void *mac)
{
	uint64_t word = 0;

	memcpy(&word, mac, RTE_ETHER_ADDR_LEN);
	return word;
}

/* Bursts. */

static bool
has_mac(const struct folio_filter *f, uint64_t word)
{
	uint32_t current = __atomic_load_n(&f->current, __ATOMIC_ACQUIRE);
	const struct folio_filter_table *t = &f->tables[current];
	uint32_t i, n = __atomic_load_n(&t->count, __ATOMIC_RELAXED);

	for (i = 0; i < n; i++) {
		if (__atomic_load_n(&t->macs[i], __ATOMIC_RELAXED) == word)
			return true;
	}
	return false;
}

static bool
wants_destination(const struct folio_filter *f, uint64_t work, const struct rte_ether_hdr *eth)
{
	if (rte_is_multicast_ether_addr(&eth->dst_addr) &&
	    ((work & FOLIO_RX_SOME_GROUPS) == 0 || rte_is_broadcast_ether_addr(&eth->dst_addr)))
		return true;
	return has_mac(f, mac_word(&eth->dst_addr));
}

/* By the outer tag; one of VLAN 0 has a priority only. A tag that is cut off is of no VLAN. */
static bool
wants_vlan(const struct folio_filter *f, const struct rte_mbuf *m, const struct rte_ether_hdr *eth)
{
	const struct rte_vlan_hdr *tag = (const void *)(eth + 1);
	uint16_t id;

	if (eth->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN) &&
	    eth->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_QINQ))
		return true;
	if (m->data_len < sizeof(*eth) + sizeof(*tag))
		return false;
	id = rte_be_to_cpu_16(tag->vlan_tci) & RTE_ETHER_MAX_VLAN_ID;
	return id == 0 || (__atomic_load_n(&f->vlans[id / 64], __ATOMIC_RELAXED) >> id % 64 & 1) != 0;
}

/* A frame has 14 bytes at least, and all of them in its first segment. */
uint16_t
folio_filter_packets(const struct folio_filter *f, uint64_t work, struct rte_mbuf **pkts,
		     uint16_t n, struct folio_rx_stats *stats)
{
	uint16_t i, left = 0;

	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

		if (((work & FOLIO_RX_MACS) == 0 || wants_destination(f, work, eth)) &&
		    ((work & RTE_ETH_RX_OFFLOAD_VLAN_FILTER) == 0 || wants_vlan(f, m, eth))) {
			pkts[left++] = m;
			continue;
		}
		stats->filtered++;
		stats->packets--;
		stats->bytes -= m->pkt_len;
		rte_pktmbuf_free(m);
	}
	return left;
}

/* Control. */

static struct folio_filter *
filter_of(const struct rte_eth_dev *dev)
{
	return &folio_adapter(dev)->rx_offload.filter;
}

uint64_t
folio_filter_work(const struct folio_filter *f)
{
	if (!f->selective)
		return 0;
	return FOLIO_RX_MACS | (f->some_groups ? FOLIO_RX_SOME_GROUPS : 0);
}

static void
add(struct folio_filter_table *t, uint32_t *n, const struct rte_ether_addr *mac)
{
	if (!rte_is_zero_ether_addr(mac))
		__atomic_store_n(&t->macs[(*n)++], mac_word(mac), __ATOMIC_RELAXED);
}

void
folio_filter_update(struct rte_eth_dev *dev)
{
	const struct folio_adapter *a = folio_adapter(dev);
	struct folio_filter *f = filter_of(dev);
	struct folio_filter_table *t = &f->tables[1 - f->current];
	uint32_t i, n = 0;

	for (i = 0; i < FOLIO_MACS; i++)
		add(t, &n, &a->macs[i]);
	for (i = 0; i < f->group_count; i++)
		add(t, &n, &f->groups[i]);
	__atomic_store_n(&t->count, n, __ATOMIC_RELAXED);
	__atomic_store_n(&f->current, 1 - f->current, __ATOMIC_RELEASE);
}

static int
set_mode(struct rte_eth_dev *dev, bool *mode, bool on)
{
	if (*mode != on) {
		*mode = on;
		folio_offload_rx_update(dev);
	}
	return 0;
}

int
folio_promiscuous_enable(struct rte_eth_dev *dev)
{
	return set_mode(dev, &filter_of(dev)->selective, false);
}

int
folio_promiscuous_disable(struct rte_eth_dev *dev)
{
	return set_mode(dev, &filter_of(dev)->selective, true);
}

int
folio_allmulticast_enable(struct rte_eth_dev *dev)
{
	return set_mode(dev, &filter_of(dev)->some_groups, false);
}

int
folio_allmulticast_disable(struct rte_eth_dev *dev)
{
	return set_mode(dev, &filter_of(dev)->some_groups, true);
}

int
folio_mac_addr_add(struct rte_eth_dev *dev, struct rte_ether_addr *mac, uint32_t index,
		   uint32_t pool)
{
	if (pool != 0) {
		FOLIO_LOG(ERR, "%s: pool=%u of a MAC address: allowed is 0", dev->data->name, pool);
		return -ENOTSUP;
	}
	rte_ether_addr_copy(mac, &folio_adapter(dev)->macs[index]);
	folio_filter_update(dev);
	return 0;
}

void
folio_mac_addr_remove(struct rte_eth_dev *dev, uint32_t index)
{
	folio_adapter(dev)->macs[index] = (struct rte_ether_addr){0};
	folio_filter_update(dev);
}

int
folio_set_mc_addr_list(struct rte_eth_dev *dev, struct rte_ether_addr *list, uint32_t n)
{
	struct folio_filter *f = filter_of(dev);
	uint32_t i;

	if (n > FOLIO_GROUPS) {
		FOLIO_LOG(ERR, "%s: %u multicast addresses: allowed are %u", dev->data->name, n,
			  FOLIO_GROUPS);
		return -ENOSPC;
	}
	for (i = 0; i < n; i++) {
		if (!rte_is_multicast_ether_addr(&list[i])) {
			FOLIO_LOG(ERR, "%s: multicast address %u: " RTE_ETHER_ADDR_PRT_FMT
				  ": allowed are those of groups", dev->data->name, i,
				  RTE_ETHER_ADDR_BYTES(&list[i]));
			return -EINVAL;
		}
	}
	if (n > 0)
		memcpy(f->groups, list, n * sizeof(*list));
	f->group_count = n;
	folio_filter_update(dev);
	return 0;
}

int
folio_vlan_filter_set(struct rte_eth_dev *dev, uint16_t vlan, int on)
{
	uint64_t *word = &filter_of(dev)->vlans[vlan / 64];
	uint64_t bit = RTE_BIT64(vlan % 64);

	__atomic_store_n(word, on ? *word | bit : *word & ~bit, __ATOMIC_RELAXED);
	return 0;
}
