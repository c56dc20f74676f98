/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* What the driver knows of a port, for people: rte_eth_dev_priv_dump(). */

#include <inttypes.h>

#include <folio_wire.h>
#include <rte_version.h>

#include "folio_layers.h"

static void
dump_status(const struct folio_status *st, FILE *file)
{
	fprintf(file, "role: %s\nlink: %s\n", st->role == FOLIO_GUEST ? "guest" : "host",
		folio_link_name(st->link));
	if (st->detail[0] != '\0')
		fprintf(file, "detail: %s\n", st->detail);
	if (st->region[0] != '\0')
		fprintf(file, "region: %s\n", st->region);
	fprintf(file, "caching: %s\nread cost: %u %%\n", folio_caching_name(st->caching),
		st->read_cost);
	fprintf(file, "geometry: queues=%u ring_size=%u slot_size=%u stride=%u max_frame=%u\n",
		st->queues, st->ring_size, st->slot_size, st->stride, st->max_frame);
	fprintf(file, "memory: %" PRIu64 " bytes on pages of %u\n", st->region_size, st->page_size);
	fprintf(file, "generation: %" PRIu64 ", the peer's %" PRIu64 "\n", st->generation,
		st->peer_generation);
}

static uint32_t
used(const struct rte_eth_dev *dev, enum folio_direction dir, uint16_t q)
{
	const struct folio_adapter *a = folio_adapter(dev);

	return folio_datapath(a)->used(a->port, dir, q);
}

static void
dump_rx_queue(const struct rte_eth_dev *dev, uint16_t i, FILE *file)
{
	const struct folio_rx_queue *q = dev->data->rx_queues[i];

	if (q == NULL)
		return;
	fprintf(file, "rx queue %u: %s, mempool %s of %u mbufs with room for %u bytes, %s, frames up "
		"to %u bytes (%u on the short way), %u slots filled\n", i,
		dev->data->rx_queue_state[i] == RTE_ETH_QUEUE_STATE_STARTED ? "started" : "stopped",
		q->pool->name, q->pool->size, q->room, q->scatter ? "chains" : "no chains",
		q->frame_max, q->fast_max, used(dev, FOLIO_RX, i));
}

static void
dump_tx_queue(const struct rte_eth_dev *dev, uint16_t i, FILE *file)
{
	const struct folio_tx_queue *q = dev->data->tx_queues[i];

	if (q == NULL)
		return;
	fprintf(file, "tx queue %u: %s, %s, %u slots filled\n", i,
		dev->data->tx_queue_state[i] == RTE_ETH_QUEUE_STATE_STARTED ? "started" : "stopped",
		q->fast_free ? "fast free" : "no fast free",
		used(dev, FOLIO_TX, i));
}

int
folio_priv_dump(struct rte_eth_dev *dev, FILE *file)
{
	const struct folio_adapter *a = folio_adapter(dev);
	const struct folio_datapath *d = folio_datapath(a);
	uint64_t values[FOLIO_COUNTERS_MAX];
	struct folio_counter_info info;
	struct folio_status st;
	unsigned int c;
	uint16_t i;

	if (folio_is_closed(dev))
		return -ENODEV;
	d->status(a->port, &st);
	fprintf(file, "folio %s, wire version %u, %s\n", folio_version(), FOLIO_WIRE_VERSION,
		rte_version());
	fprintf(file, "path: %s\n", a->loopback ? "none (loopback)" : d->path(a->port));
	fprintf(file, "datapath: %s\n", d->name);
	dump_status(&st, file);
	fprintf(file, "copy: %s\nspeed: %s\nqueues at most: %u\nlongest frame ever: %u\n",
		folio_isa_name(folio_layers[dev->data->port_id].datapath->isa), a->speed.name,
		a->max_queues, a->max_frame);
	for (i = 0; i < dev->data->nb_rx_queues; i++)
		dump_rx_queue(dev, i, file);
	for (i = 0; i < dev->data->nb_tx_queues; i++)
		dump_tx_queue(dev, i, file);
	d->count(a->port, values);
	for (c = 0; c < d->counters; c++) {
		d->counter_info(c, &info);
		fprintf(file, "%s: %" PRIu64 "\n", info.name, values[c]);
	}
	return 0;
}
