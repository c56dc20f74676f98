/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * What queues of both directions have in common: release, start, stop, what they say of themselves.
 */

#include <rte_malloc.h>

#include "folio_layers.h"
#include "folio_offload_tx.h"

static const char *const names[FOLIO_DIRECTIONS] = {[FOLIO_RX] = "rx", [FOLIO_TX] = "tx"};

static void **
queues(const struct rte_eth_dev *dev, enum folio_direction dir)
{
	return dir == FOLIO_RX ? dev->data->rx_queues : dev->data->tx_queues;
}

static uint16_t
count(const struct rte_eth_dev *dev, enum folio_direction dir)
{
	return dir == FOLIO_RX ? dev->data->nb_rx_queues : dev->data->nb_tx_queues;
}

static bool
enable(struct rte_eth_dev *dev, enum folio_direction dir, uint16_t qid, bool on)
{
	struct folio_adapter *a = folio_adapter(dev);
	bool all_out = folio_datapath(a)->enable(a->port, dir, qid, on);

	if (dir == FOLIO_TX)
		all_out &= folio_offload_tx_enable(queues(dev, dir)[qid], on);
	else
		all_out &= folio_offload_rx_enable(queues(dev, dir)[qid], on);
	return all_out;
}

static void
set_state(struct rte_eth_dev *dev, enum folio_direction dir, uint16_t qid, uint8_t state)
{
	if (dir == FOLIO_RX)
		dev->data->rx_queue_state[qid] = state;
	else
		dev->data->tx_queue_state[qid] = state;
}

/* A queue is a struct folio_queue and more: of `size` bytes, zeroed. */
void *
folio_queue_new(struct rte_eth_dev *dev, enum folio_direction dir, uint16_t qid, size_t size,
		unsigned int socket)
{
	struct folio_adapter *a = folio_adapter(dev);
	struct folio_queue *q;

	q = rte_zmalloc_socket("folio_queue", size, __alignof__(struct folio_rx_queue), (int)socket);
	if (q == NULL) {
		FOLIO_LOG(ERR, "%s: %s queue %u: no memory", dev->data->name, names[dir], qid);
		return NULL;
	}
	q->end = folio_datapath(a)->end(a->port, dir, qid);
	q->port_id = dev->data->port_id;
	q->queue_id = qid;
	return q;
}

static void
release(struct rte_eth_dev *dev, enum folio_direction dir, uint16_t qid)
{
	struct folio_kept *kept = &folio_adapter(dev)->kept[qid];
	void *q = queues(dev, dir)[qid];
	bool all_out;

	if (q == NULL)
		return;
	all_out = enable(dev, dir, qid, false);
	if (dir == FOLIO_RX)
		kept->rx = ((struct folio_rx_queue *)q)->stats;
	else
		kept->tx = ((struct folio_tx_queue *)q)->stats;
	queues(dev, dir)[qid] = NULL;
	if (all_out && dir == FOLIO_TX)
		folio_offload_tx_release(q);
	if (all_out)
		rte_free(q);
	else
		FOLIO_LOG(ERR, "%s: %s queue %u: a burst does not return, its memory is kept",
			  dev->data->name, names[dir], qid);
}

void
folio_rx_queue_release(struct rte_eth_dev *dev, uint16_t qid)
{
	release(dev, FOLIO_RX, qid);
}

void
folio_tx_queue_release(struct rte_eth_dev *dev, uint16_t qid)
{
	release(dev, FOLIO_TX, qid);
}

static int
start(struct rte_eth_dev *dev, enum folio_direction dir, uint16_t qid)
{
	(void)enable(dev, dir, qid, true);
	set_state(dev, dir, qid, RTE_ETH_QUEUE_STATE_STARTED);
	return 0;
}

static int
stop(struct rte_eth_dev *dev, enum folio_direction dir, uint16_t qid)
{
	if (!enable(dev, dir, qid, false)) {
		(void)enable(dev, dir, qid, true); /* a burst is inside: it runs */
		return -EBUSY;
	}
	set_state(dev, dir, qid, RTE_ETH_QUEUE_STATE_STOPPED);
	return 0;
}

int
folio_rx_queue_start(struct rte_eth_dev *dev, uint16_t qid)
{
	return start(dev, FOLIO_RX, qid);
}

int
folio_rx_queue_stop(struct rte_eth_dev *dev, uint16_t qid)
{
	return stop(dev, FOLIO_RX, qid);
}

int
folio_tx_queue_start(struct rte_eth_dev *dev, uint16_t qid)
{
	return start(dev, FOLIO_TX, qid);
}

int
folio_tx_queue_stop(struct rte_eth_dev *dev, uint16_t qid)
{
	return stop(dev, FOLIO_TX, qid);
}

/* Those that are set up, but for those that the application wants to start itself. */
void
folio_queues_start(struct rte_eth_dev *dev)
{
	enum folio_direction dir;
	uint16_t i;

	for (dir = 0; dir < FOLIO_DIRECTIONS; dir++) {
		for (i = 0; i < count(dev, dir); i++) {
			const struct folio_queue *q = queues(dev, dir)[i];

			if (q == NULL) /* may be set up later, at run time */
				continue;
			if (q->deferred_start)
				(void)stop(dev, dir, i);
			else
				(void)start(dev, dir, i);
		}
	}
}

int
folio_queues_stop(struct rte_eth_dev *dev)
{
	enum folio_direction dir;
	int ret = 0;
	uint16_t i;

	for (dir = 0; dir < FOLIO_DIRECTIONS; dir++) {
		for (i = 0; i < count(dev, dir); i++)
			ret |= stop(dev, dir, i);
	}
	return ret == 0 ? 0 : -EBUSY;
}

void
folio_queues_release(struct rte_eth_dev *dev)
{
	enum folio_direction dir;
	uint16_t i;

	for (dir = 0; dir < FOLIO_DIRECTIONS; dir++) {
		for (i = 0; i < count(dev, dir); i++)
			release(dev, dir, i);
	}
}

int
folio_rx_burst_mode_get(struct rte_eth_dev *dev, uint16_t qid, struct rte_eth_burst_mode *mode)
{
	const struct folio_rx_queue *q = dev->data->rx_queues[qid];

	if (q == NULL)
		return -EINVAL;
	snprintf(mode->info, sizeof(mode->info), "%s copy%s%s",
		 folio_isa_name(folio_layers[q->common.port_id].datapath->isa),
		 q->scatter ? ", scattered" : "",
		 q->offload->work != 0 ? ", offloads in software" : "");
	return 0;
}

int
folio_tx_burst_mode_get(struct rte_eth_dev *dev, uint16_t qid, struct rte_eth_burst_mode *mode)
{
	const struct folio_tx_queue *q = dev->data->tx_queues[qid];

	if (q == NULL)
		return -EINVAL;
	snprintf(mode->info, sizeof(mode->info), "%s copy%s%s",
		 folio_isa_name(folio_layers[q->common.port_id].datapath->isa),
		 q->fast_free ? ", fast free" : "",
		 q->offload != NULL ? ", offloads in software" : "");
	return 0;
}

static struct folio_adapter *
adapter_of(const struct folio_queue *q)
{
	return folio_adapter(&rte_eth_devices[q->port_id]);
}

folio_queue_count_t
folio_rx_queue_count(void *queue)
{
	const struct folio_queue *q = queue;
	struct folio_adapter *a = adapter_of(q);

	return folio_datapath(a)->used(a->port, FOLIO_RX, q->queue_id);
}

int
folio_rx_descriptor_status(void *queue, uint16_t offset)
{
	const struct folio_queue *q = queue;
	struct folio_adapter *a = adapter_of(q);
	const struct folio_datapath *d = folio_datapath(a);

	if (offset >= d->ring_size(a->port))
		return -EINVAL;
	if (!d->has_rings(a->port, q->queue_id))
		return RTE_ETH_RX_DESC_UNAVAIL;
	return offset < d->used(a->port, FOLIO_RX, q->queue_id) ? RTE_ETH_RX_DESC_DONE
								: RTE_ETH_RX_DESC_AVAIL;
}

int
folio_tx_descriptor_status(void *queue, uint16_t offset)
{
	const struct folio_queue *q = queue;
	struct folio_adapter *a = adapter_of(q);
	const struct folio_datapath *d = folio_datapath(a);
	uint32_t size = d->ring_size(a->port);

	/*
	 * Counted from the next slot to fill: the ones behind the free ones are still the peer's.
	 */
	if (offset >= size)
		return -EINVAL;
	if (!d->has_rings(a->port, q->queue_id))
		return RTE_ETH_TX_DESC_UNAVAIL;
	return offset < size - d->used(a->port, FOLIO_TX, q->queue_id) ? RTE_ETH_TX_DESC_DONE
								       : RTE_ETH_TX_DESC_FULL;
}
