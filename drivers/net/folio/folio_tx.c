/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Transmit queues: set-up, and what they send. */

#include <folio_wire.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#include "folio_offload_tx.h"

int
folio_tx_queue_setup(struct rte_eth_dev *dev, uint16_t qid, uint16_t nb_desc,
		     unsigned int socket, const struct rte_eth_txconf *conf)
{
	struct folio_adapter *a = folio_adapter(dev);
	struct folio_tx_queue *q;
	int ret;

	RTE_SET_USED(nb_desc); /* a ring has the slots that the region's geometry gives it */
	q = folio_queue_new(dev, FOLIO_TX, qid, sizeof(*q), socket);
	if (q == NULL)
		return -ENOMEM;
	/* ethdev leaves out here what the whole port has. */
	q->common.offloads = conf->offloads | dev->data->dev_conf.txmode.offloads;
	q->common.deferred_start = conf->tx_deferred_start;
	q->max_frame = a->max_frame;
	q->stats = a->kept[qid].tx;
	ret = folio_offload_tx_set_up(dev, q);
	if (ret != 0) {
		rte_free(q);
		return ret;
	}
	dev->data->tx_queues[qid] = q;
	return 0;
}

void
folio_txq_info_get(struct rte_eth_dev *dev, uint16_t qid, struct rte_eth_txq_info *info)
{
	const struct folio_tx_queue *q = dev->data->tx_queues[qid];
	const struct folio_adapter *a = folio_adapter(dev);

	if (q == NULL)
		return;
	info->nb_desc = (uint16_t)folio_datapath(a)->ring_size(a->port);
	info->conf.offloads = q->common.offloads;
	info->conf.tx_deferred_start = q->common.deferred_start;
}

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

/*
 * Nothing is written: whatever a packet has where a checksum is to be, the burst puts the right one
 * there. It needs no pseudo header's.
 */
uint16_t
folio_tx_check(const struct folio_tx_queue *q, struct rte_mbuf *const *pkts, uint16_t n,
	       uint32_t max_frame)
{
	uint16_t i;

	for (i = 0; i < n; i++) {
		int ret;

		if ((pkts[i]->ol_flags & FOLIO_TX_WORK) == 0)
			ret = is_sound(pkts[i], max_frame) ? 0 : -EINVAL;
		else if (q->offload != NULL)
			ret = folio_offload_tx_judge(pkts[i], max_frame);
		else
			ret = -ENOTSUP;
		if (ret != 0) {
			rte_errno = -ret;
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
