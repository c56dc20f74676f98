/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <inttypes.h>
#include <stdio.h>

#include <rte_cycles.h>
#include <rte_version.h>

#include "answer.h"

/* A string of JSON. Bytes beyond ASCII are not ours, and need not be UTF-8. */
static void
put_string(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if (*text < ' ' || *text > '~')
			printf("\\u%04x", (unsigned char)*text);
		else
			putchar(*text);
	}
	putchar('"');
}

static void
put_member(const char *name, const char *text)
{
	printf(", \"%s\": ", name);
	put_string(text);
}

void
answer_ready(const struct generator *g)
{
	const struct port *p = &g->port;

	printf("{\"ready\": true");
	put_member("dpdk", rte_version());
	put_member("driver", p->driver);
	put_member("rx_mode", p->rx_mode.info);
	put_member("tx_mode", p->tx_mode.info);
	put_member("touch", g->touch->isa);
	printf(", \"queues\": %u, \"frame\": %u, \"mbufs\": %u, \"mtu\": %u, "
	       "\"rx_descriptors\": %u, \"tx_descriptors\": %u, \"fast_free\": %s}\n",
	       g->options.queues, g->options.frame, g->options.mbufs, p->mtu, p->rx_descriptors,
	       p->tx_descriptors, p->fast_free ? "true" : "false");
}

void
answer_done(enum op op)
{
	printf("{\"%s\": true}\n", command_name(op));
}

static void
put_counters(const struct counters *c, uint64_t ns)
{
	printf("\"rx_packets\": %" PRIu64 ", \"rx_bytes\": %" PRIu64 ", \"tx_packets\": %" PRIu64
	       ", \"tx_bytes\": %" PRIu64 ", \"tx_dropped\": %" PRIu64 ", \"ns\": %" PRIu64 "}\n",
	       c->rx_packets, c->rx_bytes, c->tx_packets, c->tx_bytes, c->tx_dropped, ns);
}

void
answer_count(const struct generator *g, bool stopped)
{
	struct counters count;
	uint64_t ns = count_read(&g->count, &count);

	fputs(stopped ? "{\"stopped\": true, " : "{", stdout);
	put_counters(&count, ns);
}

void
answer_remote(const struct generator *g, const struct command *c)
{
	const struct message *m = &g->control.answer;
	char text[160];

	if (!g->control.answered) {
		answer_error("no answer from the peer: a generator has to respond there");
	} else if (m->refused) {
		snprintf(text, sizeof(text), "the peer refuses %s: its frames are %u to %u bytes "
			 "long", command_name(c->op), FRAME_MIN, m->frame);
		answer_error(text);
	} else {
		printf("{\"remote\": \"%s\", \"frame\": %u, ", command_name(c->op),
		       m->frame);
		put_counters(&m->count, m->ns);
	}
}

/* There are none if the port took no packet that was due in the time that counts. */
static void
put_ns(const char *name, const struct histogram *h, double value)
{
	if (h->count > 0)
		printf(", \"%s_ns\": %.1f", name, value);
	else
		printf(", \"%s_ns\": null", name);
}

void
answer_latency(const struct generator *g, const struct command *c)
{
	const struct latency *l = &g->latency;
	const struct histogram *h = &l->cycles;
	double ns = 1e9 / (double)rte_get_tsc_hz();
	double achieved = l->seconds > 0 ? (double)l->returned / l->seconds : 0;
	double offered = (double)c->value[KEY_RATE];

	printf("{\"count\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"foreign\": %" PRIu64, h->count,
	       l->sent - l->received, l->foreign);
	printf(", \"offered_pps\": %.0f, \"achieved_pps\": %.0f",
	       offered > 0 ? offered : achieved, achieved);
	put_ns("mean", h, ns * (double)h->sum / (double)h->count);
	put_ns("p50", h, ns * histogram_quantile(h, 0.5));
	put_ns("p99", h, ns * histogram_quantile(h, 0.99));
	put_ns("p999", h, ns * histogram_quantile(h, 0.999));
	put_ns("max", h, ns * (double)h->max);
	puts("}");
}

void
answer_link(void)
{
	struct rte_eth_link link = {0};

	(void)rte_eth_link_get_nowait(PORT, &link);
	printf("{\"link\": \"%s\"}\n", link.link_status == RTE_ETH_LINK_UP ? "up" : "down");
}

void
answer_error(const char *text)
{
	printf("{\"error\": ");
	put_string(text);
	printf("}\n");
}
