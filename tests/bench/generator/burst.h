/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef BURST_H
#define BURST_H

/** @file Single bursts, counted. Inline: they are all that a job's loop does. */

#include <string.h>

#include <rte_branch_prediction.h>

#include "generator.h"

static inline void
count_sent(struct generator *g, uint64_t packets, uint64_t bytes)
{
	count_add(&g->count.tx_packets, packets);
	count_add(&g->count.tx_bytes, bytes);
}

static inline uint64_t
burst_bytes(struct rte_mbuf **pkts, uint32_t n)
{
	uint64_t bytes = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		bytes += pkts[i]->pkt_len;
	return bytes;
}

/**
 * Fill up what waits to n packets. An empty pool is no error: the peer may hold the buffers.
 *
 * @return How many more packets wait now.
 */
static inline uint32_t
burst_fill(struct generator *g, struct pending *p, uint32_t n, bool touch)
{
	struct rte_mbuf **pkts = p->pkts + p->n;
	uint32_t more = n - p->n;

	if (more == 0 || rte_mempool_get_bulk(g->port.pool, (void **)pkts, more) != 0)
		return 0;
	p->bytes += frames_build(&g->frames, pkts, more);
	if (touch)
		g->touch->write(pkts, more, g->touched++);
	p->n = n;
	return more;
}

/** Offer to the port what waits. */
static inline void
burst_send(struct generator *g, uint16_t queue, struct pending *p)
{
	uint16_t sent = rte_eth_tx_burst(PORT, queue, p->pkts, (uint16_t)p->n);
	uint64_t left;

	if (likely(sent == p->n)) {
		count_sent(g, sent, p->bytes);
		p->n = 0;
		p->bytes = 0;
		return;
	}
	p->n -= sent;
	memmove(p->pkts, p->pkts + sent, p->n * sizeof(p->pkts[0]));
	left = burst_bytes(p->pkts, p->n);
	count_sent(g, sent, p->bytes - left);
	p->bytes = left;
}

/** Give up what the port never took. */
static inline void
burst_forget(struct pending *p)
{
	rte_pktmbuf_free_bulk(p->pkts, p->n);
	p->n = 0;
	p->bytes = 0;
}

static inline uint16_t
burst_receive(struct generator *g, uint16_t queue, struct rte_mbuf **pkts, uint16_t max,
	      bool touch)
{
	uint16_t n = rte_eth_rx_burst(PORT, queue, pkts, max);

	if (n == 0)
		return 0;
	count_add(&g->count.rx_packets, n);
	count_add(&g->count.rx_bytes, burst_bytes(pkts, n));
	if (touch)
		g->touched += g->touch->read(pkts, n);
	return n;
}

#endif /* BURST_H */
