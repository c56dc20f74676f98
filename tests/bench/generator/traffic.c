/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <rte_cycles.h>
#include <rte_pause.h>

#include "burst.h"
#include "traffic.h"

/*
 * How often a forwarded packet is offered before it is dropped. Without an end two sides that both
 * forward, with full rings, would wait for each other.
 */
#define TRIES 256

void
traffic_forward(struct generator *g, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t bytes = burst_bytes(pkts, n);
	uint16_t sent = rte_eth_tx_burst(PORT, queue, pkts, n);
	uint32_t tries;

	for (tries = 1; unlikely(sent < n) && tries < TRIES; tries++) {
		rte_pause();
		sent += rte_eth_tx_burst(PORT, queue, pkts + sent, n - sent);
	}
	if (unlikely(sent < n)) {
		bytes -= burst_bytes(pkts + sent, n - sent);
		rte_pktmbuf_free_bulk(pkts + sent, n - sent);
		count_add(&g->count.tx_dropped, n - sent);
	}
	count_sent(g, sent, bytes);
}

/* Constant arguments make a loop of its own of each job. Without a time limit: until is 0. */
static __rte_always_inline void
exchange(struct generator *g, bool receive, bool send, uint64_t until)
{
	const uint16_t burst = (uint16_t)g->command.value[KEY_BURST];
	const bool touch = g->command.value[KEY_TOUCH] != 0;
	struct rte_mbuf *pkts[BURST_MAX];
	uint16_t q, n;

	while (job_goes_on(g) && (until == 0 || rte_get_tsc_cycles() < until)) {
		for (q = 0; q < g->options.queues; q++) {
			if (receive) {
				n = burst_receive(g, q, pkts, burst, touch);
				rte_pktmbuf_free_bulk(pkts, n);
			}
			if (send) {
				burst_fill(g, &g->pending[q], burst, touch);
				burst_send(g, q, &g->pending[q]);
			}
		}
	}
	for (q = 0; q < g->options.queues; q++)
		burst_forget(&g->pending[q]);
}

void
traffic_send(struct generator *g)
{
	exchange(g, false, true, 0);
}

void
traffic_receive(struct generator *g)
{
	exchange(g, true, false, 0);
}

void
traffic_both(struct generator *g)
{
	exchange(g, true, true, 0);
}

void
traffic_exchange_until(struct generator *g, bool receive, uint64_t until)
{
	if (receive)
		exchange(g, true, true, until);
	else
		exchange(g, false, true, until);
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
			n = burst_receive(g, q, pkts, burst, touch);
			if (n > 0)
				traffic_forward(g, q, pkts, n);
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
		burst_fill(g, p, RTE_MIN(burst, left), g->command.value[KEY_TOUCH] != 0);
		left -= p->n;
		burst_send(g, 0, p);
		left += p->n;
	}
	burst_forget(p);
	traffic_echo(g);
}
