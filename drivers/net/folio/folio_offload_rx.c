/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* The burst of a port with receive offloads, and what the application asks for. */

#include "folio_ethdev.h"
#include "folio_layers.h"

/*
 * Both tags of a frame that has two, the outer one of a provider's; or the one that it has. A tag
 * that is cut off stays.
 */
static void
strip_tags(struct rte_mbuf *m, uint64_t work)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	const struct rte_vlan_hdr *tags = (const void *)(eth + 1);

	if ((work & RTE_ETH_RX_OFFLOAD_QINQ_STRIP) != 0 &&
	    eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_QINQ) &&
	    m->data_len >= sizeof(*eth) + 2 * sizeof(*tags) &&
	    tags[0].eth_proto == rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN)) {
		m->vlan_tci_outer = rte_be_to_cpu_16(tags[0].vlan_tci);
		m->vlan_tci = rte_be_to_cpu_16(tags[1].vlan_tci);
		m->ol_flags |= RTE_MBUF_F_RX_QINQ | RTE_MBUF_F_RX_QINQ_STRIPPED |
			       RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		memmove(rte_pktmbuf_adj(m, 2 * sizeof(*tags)), eth, 2 * RTE_ETHER_ADDR_LEN);
	} else if ((work & RTE_ETH_RX_OFFLOAD_VLAN_STRIP) != 0 &&
		   m->data_len >= sizeof(*eth) + sizeof(*tags)) {
		(void)rte_vlan_strip(m);
	}
}

static uint16_t
receive(struct folio_rx_queue *q, uint64_t work, struct rte_mbuf **pkts, uint16_t n)
{
	const struct folio_rx_offload *o = q->offload;
	uint16_t i;

	n = folio_layers[q->common.port_id].lanes_rx(q, pkts, n);
	if ((work & FOLIO_RX_FILTERED) != 0)
		n = folio_filter_packets(&o->filter, work, pkts, n, &q->stats);
	if ((work & FOLIO_RX_STRIPPED) != 0) {
		for (i = 0; i < n; i++)
			strip_tags(pkts[i], work);
	}
	if ((work & FOLIO_RX_PARSED) != 0) {
		for (i = 0; i < n; i++)
			folio_offload_rx_parse(o, work, pkts[i]);
	}
	return n;
}

/* Half of a burst at most is what others have received, so that neither of the two is put off. */
static __rte_noinline uint16_t
receive_spread(struct folio_rx_queue *q, uint64_t work, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t got = folio_spread_take(q, pkts, n - n / 2);
	uint16_t fresh = receive(q, work, pkts + got, n - got);

	return got + folio_spread_give(q, pkts + got, fresh);
}

/*
 * The work may change under a burst: what it has begun with holds for its end. The gate is for the
 * queue's memory, which lives until no burst is inside.
 */
uint16_t
folio_offload_receive(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct folio_rx_queue *q = queue;
	uint64_t work;

	if (!folio_gate_enter(&q->offload_gate))
		return 0;
	work = __atomic_load_n(&q->offload->work, __ATOMIC_RELAXED);
	n = (work & FOLIO_RX_SPREAD) != 0 ? receive_spread(q, work, pkts, n)
					  : receive(q, work, pkts, n);
	folio_gate_leave(&q->offload_gate);
	return n;
}

bool
folio_offload_rx_enable(struct folio_rx_queue *q, bool on)
{
	if (q == NULL)
		return true;
	if (on) {
		folio_spread_enable(&q->offload->rss, q->common.queue_id, true);
		folio_gate_open(&q->offload_gate);
		return true;
	}
	if (!folio_gate_close(&q->offload_gate))
		return false;
	folio_spread_enable(&q->offload->rss, q->common.queue_id, false);
	return true;
}

static struct folio_rx_offload *
offload_of(const struct rte_eth_dev *dev)
{
	return &folio_adapter(dev)->rx_offload;
}

void
folio_offload_rx_init(struct rte_eth_dev *dev)
{
	offload_of(dev)->ptypes = RTE_PTYPE_ALL_MASK;
	folio_filter_update(dev);
}

/* Every packet has this type, whoever asks. */
static bool
wants_ptypes(const struct folio_rx_offload *o)
{
	return o->ptypes_set && (o->ptypes & ~RTE_PTYPE_L2_MASK) != 0;
}

void
folio_offload_rx_update(struct rte_eth_dev *dev)
{
	struct folio_rx_offload *o = offload_of(dev);
	uint64_t work = dev->data->dev_conf.rxmode.offloads & FOLIO_RX_SOFT_OFFLOADS;

	work &= ~RTE_ETH_RX_OFFLOAD_RSS_HASH;
	work |= folio_rss_work(dev);
	work |= folio_filter_work(&o->filter);
	if (wants_ptypes(o))
		work |= FOLIO_RX_PTYPES;
	__atomic_store_n(&o->work, work, __ATOMIC_RELAXED);
	if (dev->data->dev_started)
		folio_layers_change_rx(dev);
}

/* Packets are parsed where somebody asks for what comes of it: else there are no more types. */
const uint32_t *
folio_supported_ptypes_get(struct rte_eth_dev *dev FOLIO_PTYPES_ARG)
{
	static const uint32_t plain[] = {RTE_PTYPE_L2_ETHER, RTE_PTYPE_UNKNOWN};
	static const uint32_t parsed[] = {
		RTE_PTYPE_L2_ETHER,
		RTE_PTYPE_L2_ETHER_VLAN,
		RTE_PTYPE_L2_ETHER_QINQ,
		RTE_PTYPE_L3_IPV4,
		RTE_PTYPE_L3_IPV4_EXT,
		RTE_PTYPE_L3_IPV6,
		RTE_PTYPE_L3_IPV6_EXT,
		RTE_PTYPE_L4_FRAG,
		RTE_PTYPE_L4_TCP,
		RTE_PTYPE_L4_UDP,
		RTE_PTYPE_L4_SCTP,
		RTE_PTYPE_UNKNOWN,
	};

	if ((offload_of(dev)->work & FOLIO_RX_PARSED) != 0) {
		FOLIO_PTYPES_SET(RTE_DIM(parsed) - 1);
		return parsed;
	}
	FOLIO_PTYPES_SET(RTE_DIM(plain) - 1);
	return plain;
}

int
folio_ptypes_set(struct rte_eth_dev *dev, uint32_t mask)
{
	struct folio_rx_offload *o = offload_of(dev);

	__atomic_store_n(&o->ptypes, mask, __ATOMIC_RELAXED);
	o->ptypes_set = true;
	folio_offload_rx_update(dev);
	return 0;
}

/* ethdev has written to rxmode.offloads what is wanted, and refused what is not offered. */
int
folio_vlan_offload_set(struct rte_eth_dev *dev, int mask)
{
	RTE_SET_USED(mask);
	folio_offload_rx_update(dev);
	return 0;
}
