/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Receive queues: set-up, and what they take. */

#include <folio_wire.h>

#include "folio_ethdev.h"

/*
 * Padded copies write whole lines, so the fast path takes what fits the data room rounded down.
 * The limits change under a running burst (MTU): each is one aligned word.
 */
static uint32_t
longest_frame(uint32_t mtu, uint32_t max_frame)
{
	return RTE_MIN(mtu + FOLIO_FRAME_OVERHEAD, max_frame);
}

static void
set_limits(struct folio_rx_queue *q, uint32_t mtu, uint32_t max_frame)
{
	uint32_t frame_max = longest_frame(mtu, max_frame);
	uint32_t fast_max = RTE_MIN(frame_max, RTE_ALIGN_FLOOR(q->room, FOLIO_WIRE_LINE));

	q->frame_max = frame_max;
	q->fast_max = fast_max;
}

uint32_t
folio_rx_longest_frame(const struct rte_eth_dev *dev)
{
	return longest_frame(dev->data->mtu, folio_adapter(dev)->max_frame);
}

void
folio_rx_update_limits(struct rte_eth_dev *dev)
{
	struct folio_adapter *a = folio_adapter(dev);
	uint16_t i;

	dev->data->scattered_rx = 0;
	for (i = 0; i < dev->data->nb_rx_queues; i++) {
		struct folio_rx_queue *q = dev->data->rx_queues[i];

		if (q == NULL)
			continue;
		set_limits(q, dev->data->mtu, a->max_frame);
		if (q->scatter)
			dev->data->scattered_rx = 1;
	}
}

/* A chain of mbufs is for applications that have asked for chains. */
static int
check_room(const struct rte_eth_dev *dev, uint16_t qid, uint16_t mtu, uint32_t room, bool scatter)
{
	uint32_t frame = longest_frame(mtu, folio_adapter(dev)->max_frame);

	if (scatter || frame <= room)
		return 0;
	FOLIO_LOG(ERR, "%s: rx queue %u: MTU %u makes frames of up to %u bytes, an mbuf has room for "
		  "%u: allowed is an MTU of %u at most, or larger mbufs, or RX_OFFLOAD_SCATTER",
		  dev->data->name, qid, mtu, frame, room, room - FOLIO_FRAME_OVERHEAD);
	return -EINVAL;
}

int
folio_rx_check_mtu(const struct rte_eth_dev *dev, uint16_t mtu)
{
	uint16_t i;
	int ret;

	for (i = 0; i < dev->data->nb_rx_queues; i++) {
		const struct folio_rx_queue *q = dev->data->rx_queues[i];

		ret = q == NULL ? 0 : check_room(dev, i, mtu, q->room, q->scatter);
		if (ret != 0)
			return ret;
	}
	return 0;
}

int
folio_rx_queue_setup(struct rte_eth_dev *dev, uint16_t qid, uint16_t nb_desc,
		     unsigned int socket, const struct rte_eth_rxconf *conf,
		     struct rte_mempool *pool)
{
	struct folio_adapter *a = folio_adapter(dev);
	uint32_t room = rte_pktmbuf_data_room_size(pool);
	struct folio_rx_queue *q;
	/* ethdev leaves out of conf what the whole port has. */
	uint64_t offloads = conf->offloads | dev->data->dev_conf.rxmode.offloads;
	bool scatter = (offloads & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
	struct rte_mbuf init = {
		.data_off = RTE_PKTMBUF_HEADROOM,
		.nb_segs = 1,
		.port = dev->data->port_id,
	};
	int ret;

	RTE_SET_USED(nb_desc); /* a ring has the slots that the region's geometry gives it */
	if (room < RTE_PKTMBUF_HEADROOM + FOLIO_WIRE_LINE) {
		FOLIO_LOG(ERR, "%s: rx queue %u: mempool %s has %u bytes of data room: allowed is "
			  "%u and more", dev->data->name, qid, pool->name, room,
			  RTE_PKTMBUF_HEADROOM + FOLIO_WIRE_LINE);
		return -EINVAL;
	}
	if ((rte_pktmbuf_priv_flags(pool) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF) != 0) {
		FOLIO_LOG(ERR, "%s: rx queue %u: mempool %s has pinned external buffers: allowed "
			  "are pools with buffers of their own", dev->data->name, qid, pool->name);
		return -EINVAL;
	}
	ret = check_room(dev, qid, dev->data->mtu, room - RTE_PKTMBUF_HEADROOM, scatter);
	if (ret != 0)
		return ret;
	q = folio_queue_new(dev, FOLIO_RX, qid, sizeof(*q), socket);
	if (q == NULL)
		return -ENOMEM;
	rte_mbuf_refcnt_set(&init, 1);
	memcpy(q->rearm, (uint8_t *)&init + offsetof(struct rte_mbuf, data_off), sizeof(q->rearm));
	q->pool = pool;
	q->data_off = RTE_PKTMBUF_HEADROOM;
	q->room = room - RTE_PKTMBUF_HEADROOM;
	q->common.offloads = offloads;
	q->common.deferred_start = conf->rx_deferred_start;
	q->scatter = scatter;
	q->offload = &a->rx_offload;
	folio_gate_init(&q->offload_gate);
	q->stats = a->kept[qid].rx;
	dev->data->rx_queues[qid] = q;
	folio_rx_update_limits(dev);
	return 0;
}

void
folio_rxq_info_get(struct rte_eth_dev *dev, uint16_t qid, struct rte_eth_rxq_info *info)
{
	const struct folio_rx_queue *q = dev->data->rx_queues[qid];
	const struct folio_adapter *a = folio_adapter(dev);

	if (q == NULL)
		return;
	info->mp = q->pool;
	info->scattered_rx = q->scatter;
	info->rx_buf_size = (uint16_t)q->room;
	info->nb_desc = (uint16_t)folio_datapath(a)->ring_size(a->port);
	info->conf.offloads = q->common.offloads;
	info->conf.rx_deferred_start = q->common.deferred_start;
	info->conf.rx_drop_en = 0;
}
