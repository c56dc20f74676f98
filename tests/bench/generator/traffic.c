/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <string.h>

#include <rte_pause.h>

#include "traffic.h"

/*
 * How often a forwarded packet is offered before it is dropped. Without an end two sides that both
 * forward, with full rings, would wait for each other.
 */
#define TRIES 256

/* Fill up what waits to a burst. An empty pool is no error: the peer may hold the buffers. */
static void
fill_pending(struct generator *g, struct pending *p, uint32_t burst, bool touch)
{
	struct rte_mbuf **pkts = p->pkts + p->n;
	uint32_t n = burst - p->n;

	if (n == 0 || rte_mempool_get_bulk(g->port.pool, (void **)pkts, n) != 0)
		return;
	p->bytes += frames_build(&g->frames, pkts, n);
	if (touch)
		g->touch->write(pkts, n, g->touched++);
	p->n = burst;
}

static void
count_sent(struct generator *g, uint64_t packets, uint64_t bytes)
{
	count_add(&g->count.tx_packets, packets);
	count_add(&g->count.tx_bytes, bytes);
}

static uint64_t
sum_bytes(struct rte_mbuf **pkts, uint32_t n)
{
	uint64_t bytes = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		bytes += pkts[i]->pkt_len;
	return bytes;
}

static void
send_pending(struct generator *g, uint16_t queue)
{
	struct pending *p = &g->pending[queue];
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
	left = sum_bytes(p->pkts, p->n);
	count_sent(g, sent, p->bytes - left);
	p->bytes = left;
}

static uint16_t
receive_burst(struct generator *g, uint16_t queue, struct rte_mbuf **pkts, uint16_t burst,
	      bool touch)
{
	uint16_t n = rte_eth_rx_burst(PORT, queue, pkts, burst);

	if (n == 0)
		return 0;
	count_add(&g->count.rx_packets, n);
	count_add(&g->count.rx_bytes, sum_bytes(pkts, n));
	if (touch)
		g->touched += g->touch->read(pkts, n);
	return n;
}

static void
forward(struct generator *g, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t bytes = sum_bytes(pkts, n);
	uint16_t sent = rte_eth_tx_burst(PORT, queue, pkts, n);
	uint32_t tries;

	for (tries = 1; unlikely(sent < n) && tries < TRIES; tries++) {
		rte_pause();
		sent += rte_eth_tx_burst(PORT, queue, pkts + sent, n - sent);
	}
	if (unlikely(sent < n)) {
		bytes -= sum_bytes(pkts + sent, n - sent);
		rte_pktmbuf_free_bulk(pkts + sent, n - sent);
		count_add(&g->count.tx_dropped, n - sent);
	}
	count_sent(g, sent, bytes);
}

/* What the port never took. */
static void
free_pending(struct generator *g)
{
	uint16_t q;

	for (q = 0; q < g->options.queues; q++) {
		struct pending *p = &g->pending[q];

		rte_pktmbuf_free_bulk(p->pkts, p->n);
		p->n = 0;
		p->bytes = 0;
	}
}

/* Constant flags make a loop of its own of each job. */
static __rte_always_inline void
exchange(struct generator *g, bool receive, bool send)
{
	const uint16_t burst = (uint16_t)g->command.value[KEY_BURST];
	const bool touch = g->command.value[KEY_TOUCH] != 0;
	struct rte_mbuf *pkts[BURST_MAX];
	uint16_t q, n;

	while (job_goes_on(g)) {
		for (q = 0; q < g->options.queues; q++) {
			if (receive) {
				n = receive_burst(g, q, pkts, burst, touch);
				rte_pktmbuf_free_bulk(pkts, n);
			}
			if (send) {
				fill_pending(g, &g->pending[q], burst, touch);
				send_pending(g, q);
			}
		}
	}
	free_pending(g);
}

void
traffic_send(struct generator *g)
{
	exchange(g, false, true);
}

void
traffic_receive(struct generator *g)
{
	exchange(g, true, false);
}

void
traffic_both(struct generator *g)
{
	exchange(g, true, true);
}

void
traffic_echo(struct generator *g)
{
	const uint16_t burst = (uint16_t)g->command.value[KEY_BURST];
	const bool touch = g->command.value[KEY_TOUCH] != 0;
	struct rte_mbuf *pkts[BURST_MAX];
	uint16_t q, n;

	while (job_goes_on(g)) {
		for (q = 0; q < g->options.queues; q++) {
			n = receive_burst(g, q, pkts, burst, touch);
			if (n > 0)
				forward(g, q, pkts, n);
		}
	}
}

void
traffic_loop(struct generator *g)
{
	const uint32_t burst = (uint32_t)g->command.value[KEY_BURST];
	uint32_t left = (uint32_t)g->command.value[KEY_INJECT];
	struct pending *p = &g->pending[0];

	while (left > 0 && job_goes_on(g)) {
		fill_pending(g, p, RTE_MIN(burst, left), g->command.value[KEY_TOUCH] != 0);
		left -= p->n;
		send_pending(g, 0);
		left += p->n;
	}
	free_pending(g);
	traffic_echo(g);
}
