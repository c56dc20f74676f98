/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <rte_cycles.h>
#include <rte_pause.h>

#include "burst.h"
#include "control.h"
#include "traffic.h"

#define QUEUE 0
#define TRIES 1024 /* to get a message out; a request is repeated anyway */
#define LISTEN_BURST 32
#define REPEAT_MS 10
#define DEADLINE_MS 5000 /* others may have the peer's CPU for seconds */

/* What the responder does until the next request. */
struct state {
	enum message_op op; /* MESSAGE_STOP: it just listens */
	uint16_t burst;
	bool touch;
	bool asked;
	struct message request; /* the latest, if asked */
	struct message answer;	/* to it */
};

static uint64_t
cycles_of(uint64_t ms)
{
	return rte_get_tsc_hz() / 1000 * ms;
}

static void
listen_only(struct state *s)
{
	s->op = MESSAGE_STOP;
	s->burst = LISTEN_BURST;
	s->touch = false;
}

static void
send_message(struct generator *g, struct message *m)
{
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(g->port.pool);
	uint32_t tries;

	if (pkt == NULL)
		return;
	m->src = g->port.mac;
	m->frame = g->options.frame;
	message_write((uint8_t *)rte_pktmbuf_append(pkt, MESSAGE_LEN), m);
	for (tries = 0; tries < TRIES; tries++) {
		if (rte_eth_tx_burst(PORT, QUEUE, &pkt, 1) == 1)
			return;
		rte_pause();
	}
	rte_pktmbuf_free(pkt);
}

/* Messages are not counted: what is measured is the rest. */
static bool
take_message(struct generator *g, const struct rte_mbuf *pkt, struct message *m)
{
	if (!message_read(rte_pktmbuf_mtod(pkt, const uint8_t *), pkt->data_len, m))
		return false;
	count_add(&g->count.rx_packets, (uint64_t)-1);
	count_add(&g->count.rx_bytes, -(uint64_t)pkt->pkt_len);
	return true;
}

/*
 * Look for messages among received packets, from the last one on: of several requests the latest
 * counts. While traffic is measured the first other packet ends the search, so that it costs
 * nothing; after the traffic there will be a request, which is repeated until it is answered.
 *
 * Returns the number of packets before those that were looked at.
 */
static uint16_t
find_request(struct generator *g, const struct state *s, struct rte_mbuf **pkts, uint16_t n,
	     struct message *request, bool *found)
{
	struct message m;

	for (; n > 0; n--) {
		if (!take_message(g, pkts[n - 1], &m)) {
			if (s->op != MESSAGE_STOP)
				break;
		} else if (m.kind == MESSAGE_REQUEST && !*found) {
			*request = m;
			*found = true;
		}
	}
	return n;
}

/* Go on with what was asked for until there is another request. */
static bool
await_request(struct generator *g, const struct state *s, struct message *request)
{
	struct rte_mbuf *pkts[BURST_MAX];
	bool found = false;
	uint16_t q, n, others;

	while (!found && job_goes_on(g)) {
		for (q = 0; q < g->options.queues && !found; q++) {
			n = burst_receive(g, q, pkts, s->burst, s->touch);
			if (n == 0)
				continue;
			others = find_request(g, s, pkts, n, request, &found);
			if (s->op == MESSAGE_ECHO && others > 0)
				traffic_forward(g, q, pkts, others);
			else
				others = 0;
			rte_pktmbuf_free_bulk(pkts + others, n - others);
		}
	}
	return found;
}

static void
answer(struct generator *g, struct state *s)
{
	s->answer.ns = count_read(&g->count, &s->answer.count);
	send_message(g, &s->answer);
}

/* An answer got lost if its request comes again. One that is older than that was late. */
static bool
is_repeated(struct generator *g, struct state *s, const struct message *request)
{
	if (!s->asked || request->asker != s->request.asker ||
	    (int32_t)(request->sequence - s->request.sequence) > 0)
		return false;
	if (request->sequence == s->request.sequence)
		answer(g, s);
	return true;
}

/* Answer, then do it: the asker is waiting for what comes. */
static void
obey(struct generator *g, struct state *s, const struct message *request)
{
	struct command *c = &g->command;
	bool allowed = command_from_message(request, g->options.frame, c);
	uint64_t until;

	s->asked = true;
	s->request = *request;
	s->answer = (struct message){
		.kind = MESSAGE_ANSWER,
		.op = request->op,
		.refused = !allowed,
		.asker = request->asker,
		.sequence = request->sequence,
		.dst = request->src,
	};
	answer(g, s);
	if (!allowed)
		return;
	g->peer = request->src;
	switch (request->op) {
	case MESSAGE_RECEIVE:
	case MESSAGE_ECHO:
		s->op = request->op;
		s->burst = (uint16_t)c->value[KEY_BURST];
		s->touch = c->value[KEY_TOUCH] != 0;
		break;
	case MESSAGE_SEND:
	case MESSAGE_BOTH:
		until = rte_get_tsc_cycles() + cycles_of(c->value[KEY_MS]);
		frames_init(&g->frames, (uint32_t)c->value[KEY_SIZE], &g->port.mac, &g->peer);
		traffic_exchange_until(g, request->op == MESSAGE_BOTH, until);
		listen_only(s);
		break;
	case MESSAGE_STOP:
		listen_only(s);
		break;
	case MESSAGE_NEXT:
	case MESSAGE_QUIT:
		g->leave = c->op;
		g->told_to_leave = true;
		break;
	case MESSAGE_COUNT: /* was answered */
		break;
	}
}

void
control_respond(struct generator *g)
{
	struct state s = {0};
	struct message request;

	listen_only(&s);
	while (!g->told_to_leave && await_request(g, &s, &request))
		if (!is_repeated(g, &s, &request))
			obey(g, &s, &request);
}

/* Whatever else arrives is counted and freed, so that there is room for answers. */
static bool
find_answer(struct generator *g, const struct message *request, struct message *found)
{
	struct rte_mbuf *pkts[LISTEN_BURST];
	struct message m;
	bool answered = false;
	uint16_t q, n, i;

	for (q = 0; q < g->options.queues; q++) {
		n = burst_receive(g, q, pkts, LISTEN_BURST, false);
		for (i = 0; i < n; i++) {
			if (!take_message(g, pkts[i], &m) || m.kind != MESSAGE_ANSWER ||
			    m.asker != request->asker || m.sequence != request->sequence)
				continue;
			*found = m;
			answered = true;
		}
		rte_pktmbuf_free_bulk(pkts, n);
	}
	return answered;
}

void
control_ask(struct generator *g)
{
	struct control *c = &g->control;
	const uint64_t deadline = rte_get_tsc_cycles() + cycles_of(DEADLINE_MS);
	uint64_t repeat = 0, now;
	struct message request = {
		.kind = MESSAGE_REQUEST,
		.asker = c->asker,
		.sequence = ++c->sequence,
		.dst = g->peer,
	};

	command_to_message(&g->command, &request);
	c->answered = false;
	while (!c->answered && (now = rte_get_tsc_cycles()) < deadline && job_goes_on(g)) {
		if (now >= repeat) {
			send_message(g, &request);
			repeat = now + cycles_of(REPEAT_MS);
		}
		c->answered = find_answer(g, &request, &c->answer);
	}
	if (c->answered)
		g->peer = c->answer.src;
}
