/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Transmit queues: set-up, release, start, stop, what they say of themselves. */

#include <rte_errno.h>
#include <rte_malloc.h>

#include "folio_ethdev.h"

int
folio_tx_queue_setup(struct rte_eth_dev *dev, uint16_t qid, uint16_t nb_desc,
		     unsigned int socket, const struct rte_eth_txconf *conf)
{
	struct folio_tx_queue *q;

	RTE_SET_USED(nb_desc); /* a ring has the slots that the region's geometry gives it */
	q = rte_zmalloc_socket("folio_tx_queue", sizeof(*q), __alignof__(*q), socket);
	if (q == NULL) {
		FOLIO_LOG(ERR, "%s: tx queue %u: no memory", dev->data->name, qid);
		return -ENOMEM;
	}
	q->end = folio_port_txq(folio_adapter(dev)->port, qid);
	q->port_id = dev->data->port_id;
	q->queue_id = qid;
	/* ethdev leaves out here what the whole port has. */
	q->offloads = conf->offloads | dev->data->dev_conf.txmode.offloads;
	q->stats = folio_adapter(dev)->kept[qid].tx;
	q->fast_free = (q->offloads & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE) != 0;
	q->deferred_start = conf->tx_deferred_start;
	dev->data->tx_queues[qid] = q;
	return 0;
}

void
folio_tx_queue_release(struct rte_eth_dev *dev, uint16_t qid)
{
	struct folio_tx_queue *q = dev->data->tx_queues[qid];
	struct folio_adapter *a = folio_adapter(dev);
	bool all_out;

	if (q == NULL)
		return;
	all_out = folio_port_enable_tx(a->port, qid, false);
	a->kept[qid].tx = q->stats;
	dev->data->tx_queues[qid] = NULL;
	if (all_out)
		rte_free(q);
	else
		FOLIO_LOG(ERR, "%s: tx queue %u: a burst does not return, its memory is kept",
			  dev->data->name, qid);
}

int
folio_tx_queue_start(struct rte_eth_dev *dev, uint16_t qid)
{
	(void)folio_port_enable_tx(folio_adapter(dev)->port, qid, true);
	dev->data->tx_queue_state[qid] = RTE_ETH_QUEUE_STATE_STARTED;
	return 0;
}

int
folio_tx_queue_stop(struct rte_eth_dev *dev, uint16_t qid)
{
	struct folio *port = folio_adapter(dev)->port;

	if (!folio_port_enable_tx(port, qid, false)) {
		(void)folio_port_enable_tx(port, qid, true); /* a burst is inside: it runs */
		return -EBUSY;
	}
	dev->data->tx_queue_state[qid] = RTE_ETH_QUEUE_STATE_STOPPED;
	return 0;
}

void
folio_txq_info_get(struct rte_eth_dev *dev, uint16_t qid, struct rte_eth_txq_info *info)
{
	const struct folio_tx_queue *q = dev->data->tx_queues[qid];

	if (q == NULL)
		return;
	info->nb_desc = folio_port_ring_size(folio_adapter(dev)->port);
	info->conf.offloads = q->offloads;
	info->conf.tx_deferred_start = q->deferred_start;
}

int
folio_tx_burst_mode_get(struct rte_eth_dev *dev, uint16_t qid, struct rte_eth_burst_mode *mode)
{
	const struct folio_tx_queue *q = dev->data->tx_queues[qid];

	if (q == NULL)
		return -EINVAL;
	snprintf(mode->info, sizeof(mode->info), "%s copy%s",
		 folio_isa_name(folio_adapter(dev)->burst->isa),
		 q->fast_free ? ", fast free" : "");
	return 0;
}

int
folio_tx_descriptor_status(void *queue, uint16_t offset)
{
	struct folio_tx_queue *q = queue;
	struct folio_adapter *a = folio_adapter(&rte_eth_devices[q->port_id]);
	uint32_t size = folio_port_ring_size(a->port);

	/*
	 * Counted from the next slot to fill: the ones behind the free ones are still the peer's.
	 */
	if (offset >= size)
		return -EINVAL;
	if (!folio_port_has_rings(a->port, q->queue_id))
		return RTE_ETH_TX_DESC_UNAVAIL;
	return offset < size - folio_port_tx_used(a->port, q->queue_id) ? RTE_ETH_TX_DESC_DONE
									 : RTE_ETH_TX_DESC_FULL;
}

/*
 * What would have to be done to a packet on its way. The flags for its kind (IPv4, a tunnel, ...)
 * ask for nothing by themselves.
 */
#define TX_WORK (RTE_MBUF_F_TX_OFFLOAD_MASK & \
		 ~(RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_OUTER_IPV4 | \
		   RTE_MBUF_F_TX_OUTER_IPV6 | RTE_MBUF_F_TX_TUNNEL_MASK))

/* As the burst will see it: so many segments, which add up to pkt_len. */
static bool
is_sound(const struct rte_mbuf *m, uint32_t max_frame)
{
	uint32_t len = m->pkt_len, sum = 0;
	uint16_t segs = m->nb_segs;

	if (len < FOLIO_WIRE_FRAME_MIN || len > max_frame)
		return false;
	for (; m != NULL && segs > 0; m = m->next, segs--)
		sum += m->data_len;
	return m == NULL && segs == 0 && sum == len;
}

uint16_t
folio_tx_prepare(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct folio_tx_queue *q = queue;
	uint32_t max_frame = folio_adapter(&rte_eth_devices[q->port_id])->max_frame;
	uint16_t i;

	/* The guest's rings may carry less than what this port can ever carry. */
	if (folio_gate_enter(&q->end->gate)) {
		max_frame = q->end->ring.max_frame;
		folio_gate_leave(&q->end->gate);
	}
	for (i = 0; i < n; i++) {
		if ((pkts[i]->ol_flags & TX_WORK) != 0) {
			rte_errno = ENOTSUP;
			break;
		}
		if (!is_sound(pkts[i], max_frame)) {
			rte_errno = EINVAL;
			break;
		}
	}
	return i;
}

/* A burst frees its mbufs as soon as they are copied: there are never any left. */
int
folio_tx_done_cleanup(void *queue, uint32_t free_cnt)
{
	RTE_SET_USED(queue);
	RTE_SET_USED(free_cnt);
	return 0;
}
