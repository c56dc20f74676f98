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
};

static const struct named_offset tx_names[] = {
	{"packets", offsetof(struct folio_tx_stats, packets)},
	{"bytes", offsetof(struct folio_tx_stats, bytes)},
	{"bad_length", offsetof(struct folio_tx_stats, bad_length)},
	{"bad_chain", offsetof(struct folio_tx_stats, bad_chain)},
	{"lost", offsetof(struct folio_tx_stats, lost)},
};

static uint64_t
delta(const void *now, const void *base, size_t offset)
{
	return *(const uint64_t *)((const uint8_t *)now + offset) -
	       *(const uint64_t *)((const uint8_t *)base + offset);
}

/* Counters since the last reset: struct folio_counters is nothing but uint64_t. */
static void
port_counters(const struct folio_adapter *a, struct folio_counters *c)
{
	uint64_t *v = (uint64_t *)c;
	const uint64_t *base = (const uint64_t *)&a->base;
	size_t i;

	RTE_BUILD_BUG_ON(sizeof(*c) != (FOLIO_VIOLATIONS + 3) * sizeof(uint64_t));
	folio_counters(a->port, c);
	for (i = 0; i < sizeof(*c) / sizeof(*v); i++)
		v[i] -= base[i];
}

int
folio_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats FOLIO_STATS_QUEUE_ARG)
{
	struct folio_counters c;
	uint16_t i;

	if (folio_is_closed(dev))
		return -ENODEV;
	for (i = 0; i < dev->data->nb_rx_queues; i++) {
		const struct folio_rx_queue *q = dev->data->rx_queues[i];
		uint64_t packets, bytes;

		if (q == NULL)
			continue;
		packets = q->stats.packets - q->base.packets;
		bytes = q->stats.bytes - q->base.bytes;
		stats->ipackets += packets;
		stats->ibytes += bytes;
		stats->ierrors += q->stats.oversize - q->base.oversize;
		stats->rx_nombuf += q->stats.nombuf - q->base.nombuf;
		if (FOLIO_HAVE_QUEUE_STATS(stats) && i < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
			FOLIO_STATS_QUEUES(stats)->q_ipackets[i] = packets;
			FOLIO_STATS_QUEUES(stats)->q_ibytes[i] = bytes;
		}
	}
	for (i = 0; i < dev->data->nb_tx_queues; i++) {
		const struct folio_tx_queue *q = dev->data->tx_queues[i];
		uint64_t packets, bytes;

		if (q == NULL)
			continue;
		packets = q->stats.packets - q->base.packets;
		bytes = q->stats.bytes - q->base.bytes;
		stats->opackets += packets;
		stats->obytes += bytes;
		stats->oerrors += q->stats.bad_length - q->base.bad_length;
		stats->oerrors += q->stats.bad_chain - q->base.bad_chain;
		stats->oerrors += q->stats.lost - q->base.lost;
		if (FOLIO_HAVE_QUEUE_STATS(stats) && i < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
			FOLIO_STATS_QUEUES(stats)->q_opackets[i] = packets;
			FOLIO_STATS_QUEUES(stats)->q_obytes[i] = bytes;
		}
	}
	port_counters(folio_adapter(dev), &c);
	stats->ierrors += c.violations[FOLIO_RX_BAD_LENGTH] + c.violations[FOLIO_RX_BAD_FLAGS] +
			  c.violations[FOLIO_RX_BAD_CHAIN] + c.violations[FOLIO_RX_BAD_INDEX];
	return 0;
}

int
folio_stats_reset(struct rte_eth_dev *dev)
{
	struct folio_adapter *a = folio_adapter(dev);
	uint16_t i;

	if (folio_is_closed(dev))
		return -ENODEV;
	for (i = 0; i < dev->data->nb_rx_queues; i++) {
		struct folio_rx_queue *q = dev->data->rx_queues[i];

		if (q != NULL)
			q->base = q->stats;
	}
	for (i = 0; i < dev->data->nb_tx_queues; i++) {
		struct folio_tx_queue *q = dev->data->tx_queues[i];

		if (q != NULL)
			q->base = q->stats;
	}
	folio_counters(a->port, &a->base);
	return 0;
}

static unsigned int
xstats_count(const struct rte_eth_dev *dev)
{
	return FOLIO_VIOLATIONS + 3 + dev->data->nb_rx_queues * RTE_DIM(rx_names) +
	       dev->data->nb_tx_queues * RTE_DIM(tx_names);
}

int
folio_xstats_get_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int n)
{
	unsigned int count = xstats_count(dev);
	unsigned int i = 0, q, k;

	if (names == NULL || n < count)
		return count;
	for (k = 0; k < FOLIO_VIOLATIONS; k++, i++)
		snprintf(names[i].name, sizeof(names[i].name), "violation_%s",
			 folio_violation_name(k));
	snprintf(names[i++].name, sizeof(names[0].name), "link_ups");
	snprintf(names[i++].name, sizeof(names[0].name), "renegotiations");
	snprintf(names[i++].name, sizeof(names[0].name), "ended_bursts");
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
	struct folio_counters c;
	unsigned int i = 0, k;
	uint16_t j;

	if (folio_is_closed(dev))
		return -ENODEV;
	if (xstats == NULL || n < count)
		return count;
	port_counters(folio_adapter(dev), &c);
	for (k = 0; k < FOLIO_VIOLATIONS; k++)
		xstats[i++].value = c.violations[k];
	xstats[i++].value = c.link_ups;
	xstats[i++].value = c.renegotiations;
	xstats[i++].value = c.ended_bursts;
	for (j = 0; j < dev->data->nb_rx_queues; j++) {
		const struct folio_rx_queue *q = dev->data->rx_queues[j];

		for (k = 0; k < RTE_DIM(rx_names); k++)
			xstats[i++].value = q == NULL ? 0 : delta(&q->stats, &q->base,
								  rx_names[k].offset);
	}
	for (j = 0; j < dev->data->nb_tx_queues; j++) {
		const struct folio_tx_queue *q = dev->data->tx_queues[j];

		for (k = 0; k < RTE_DIM(tx_names); k++)
			xstats[i++].value = q == NULL ? 0 : delta(&q->stats, &q->base,
								  tx_names[k].offset);
	}
	for (i = 0; i < count; i++)
		xstats[i].id = i;
	return count;
}
