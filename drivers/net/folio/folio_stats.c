/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Basic, per-queue and extended statistics. The datapath's counters only ever grow; a reset
 * remembers where they were, so that it can't race with a burst. Works in secondary processes.
 */

#include "folio_ethdev.h"

struct named_offset {
	const char *name;
	size_t offset;
};

static const struct named_offset rx_names[] = {
	{"packets", offsetof(struct folio_rx_stats, packets)},
	{"bytes", offsetof(struct folio_rx_stats, bytes)},
	{"nombuf", offsetof(struct folio_rx_stats, nombuf)},
	{"oversize", offsetof(struct folio_rx_stats, oversize)},
	{"pool_too_small", offsetof(struct folio_rx_stats, pool_too_small)},
	{"missed", offsetof(struct folio_rx_stats, missed)},
	{"filtered", offsetof(struct folio_rx_stats, filtered)},
};

static const struct named_offset tx_names[] = {
	{"packets", offsetof(struct folio_tx_stats, packets)},
	{"bytes", offsetof(struct folio_tx_stats, bytes)},
	{"bad_length", offsetof(struct folio_tx_stats, bad_length)},
	{"bad_chain", offsetof(struct folio_tx_stats, bad_chain)},
	{"lost", offsetof(struct folio_tx_stats, lost)},
	{"bad_offload", offsetof(struct folio_tx_stats, bad_offload)},
};

/* Every structure of counters is nothing but uint64_t. */
static void
subtract(void *now, const void *base, size_t size)
{
	const uint64_t *b = base;
	uint64_t *v = now;
	size_t i;

	for (i = 0; i < size / sizeof(*v); i++)
		v[i] -= b[i];
}

static uint64_t
value_at(const void *stats, size_t offset)
{
	return *(const uint64_t *)((const uint8_t *)stats + offset);
}

/* Where the counters of queue q are, whether there is such a queue or not. */
static const struct folio_rx_stats *
rx_now(const struct rte_eth_dev *dev, uint16_t q)
{
	const struct folio_rx_queue *queue = q < dev->data->nb_rx_queues ? dev->data->rx_queues[q]
									 : NULL;

	return queue != NULL ? &queue->stats : &folio_adapter(dev)->kept[q].rx;
}

static const struct folio_tx_stats *
tx_now(const struct rte_eth_dev *dev, uint16_t q)
{
	const struct folio_tx_queue *queue = q < dev->data->nb_tx_queues ? dev->data->tx_queues[q]
									 : NULL;

	return queue != NULL ? &queue->stats : &folio_adapter(dev)->kept[q].tx;
}

/* Since the last reset. */
static struct folio_rx_stats
rx_stats(const struct rte_eth_dev *dev, uint16_t q)
{
	struct folio_rx_stats s = *rx_now(dev, q);

	subtract(&s, &folio_adapter(dev)->kept[q].rx_base, sizeof(s));
	return s;
}

static struct folio_tx_stats
tx_stats(const struct rte_eth_dev *dev, uint16_t q)
{
	struct folio_tx_stats s = *tx_now(dev, q);

	subtract(&s, &folio_adapter(dev)->kept[q].tx_base, sizeof(s));
	return s;
}

/* What the datapath counts, since the last reset. */
static void
port_counters(const struct folio_adapter *a, uint64_t values[FOLIO_COUNTERS_MAX])
{
	folio_datapath(a)->count(a->port, values);
	subtract(values, a->base, folio_datapath(a)->counters * sizeof(*values));
}

/* Also of queues that are configured no more: what was counted stays counted. */
int
folio_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats FOLIO_STATS_QUEUE_ARG)
{
	const struct folio_adapter *a = folio_adapter(dev);
	uint64_t values[FOLIO_COUNTERS_MAX];
	struct folio_counter_info info;
	unsigned int c;
	uint16_t i;

	if (folio_is_closed(dev))
		return -ENODEV;
	for (i = 0; i < a->max_queues; i++) {
		struct folio_rx_stats rx = rx_stats(dev, i);
		struct folio_tx_stats tx = tx_stats(dev, i);

		stats->ipackets += rx.packets;
		stats->ibytes += rx.bytes;
		stats->imissed += rx.missed;
		stats->ierrors += rx.oversize + rx.pool_too_small;
		stats->rx_nombuf += rx.nombuf;
		stats->opackets += tx.packets;
		stats->obytes += tx.bytes;
		stats->oerrors += tx.bad_length + tx.bad_chain + tx.lost + tx.bad_offload;
		if (FOLIO_HAVE_QUEUE_STATS(stats) && i < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
			FOLIO_STATS_QUEUES(stats)->q_ipackets[i] = rx.packets;
			FOLIO_STATS_QUEUES(stats)->q_ibytes[i] = rx.bytes;
			FOLIO_STATS_QUEUES(stats)->q_opackets[i] = tx.packets;
			FOLIO_STATS_QUEUES(stats)->q_obytes[i] = tx.bytes;
		}
	}
	port_counters(a, values);
	for (c = 0; c < folio_datapath(a)->counters; c++) {
		folio_datapath(a)->counter_info(c, &info);
		stats->ierrors += info.rx_error ? values[c] : 0;
	}
	return 0;
}

int
folio_stats_reset(struct rte_eth_dev *dev)
{
	struct folio_adapter *a = folio_adapter(dev);
	uint16_t i;

	if (folio_is_closed(dev))
		return -ENODEV;
	for (i = 0; i < a->max_queues; i++) {
		a->kept[i].rx_base = *rx_now(dev, i);
		a->kept[i].tx_base = *tx_now(dev, i);
	}
	folio_datapath(a)->count(a->port, a->base);
	return 0;
}

static unsigned int
xstats_count(const struct rte_eth_dev *dev)
{
	return folio_datapath(folio_adapter(dev))->counters + dev->data->nb_rx_queues * RTE_DIM(rx_names) +
	       dev->data->nb_tx_queues * RTE_DIM(tx_names);
}

int
folio_xstats_get_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int n)
{
	const struct folio_datapath *d = folio_datapath(folio_adapter(dev));
	unsigned int count = xstats_count(dev);
	struct folio_counter_info info;
	unsigned int i = 0, q, k;

	if (names == NULL || n < count)
		return count;
	for (k = 0; k < d->counters; k++, i++) {
		d->counter_info(k, &info);
		snprintf(names[i].name, sizeof(names[i].name), "%s%s",
			 info.violation ? "violation_" : "", info.name);
	}
	for (q = 0; q < dev->data->nb_rx_queues; q++)
		for (k = 0; k < RTE_DIM(rx_names); k++, i++)
			snprintf(names[i].name, sizeof(names[i].name), "rx_q%u_%s", q,
				 rx_names[k].name);
	for (q = 0; q < dev->data->nb_tx_queues; q++)
		for (k = 0; k < RTE_DIM(tx_names); k++, i++)
			snprintf(names[i].name, sizeof(names[i].name), "tx_q%u_%s", q,
				 tx_names[k].name);
	return count;
}

int
folio_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *xstats, unsigned int n)
{
	unsigned int count = xstats_count(dev);
	uint64_t values[FOLIO_COUNTERS_MAX];
	unsigned int i = 0, k;
	uint16_t j;

	if (folio_is_closed(dev))
		return -ENODEV;
	if (xstats == NULL || n < count)
		return count;
	port_counters(folio_adapter(dev), values);
	for (; i < folio_datapath(folio_adapter(dev))->counters; i++)
		xstats[i].value = values[i];
	for (j = 0; j < dev->data->nb_rx_queues; j++) {
		struct folio_rx_stats rx = rx_stats(dev, j);

		for (k = 0; k < RTE_DIM(rx_names); k++)
			xstats[i++].value = value_at(&rx, rx_names[k].offset);
	}
	for (j = 0; j < dev->data->nb_tx_queues; j++) {
		struct folio_tx_stats tx = tx_stats(dev, j);

		for (k = 0; k < RTE_DIM(tx_names); k++)
			xstats[i++].value = value_at(&tx, tx_names[k].offset);
	}
	for (i = 0; i < count; i++)
		xstats[i].id = i;
	return count;
}
