/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* The layer of transmit offloads: its bursts, and what a queue has for them. */

#include <rte_malloc.h>

#include "folio_layers.h"
#include "folio_offload_tx.h"

/* Packets that are handed on together. */
#define CHUNK 32

/*
 * Buffers of a queue. All are back when a chunk is sent: the longest packet that can be copied
 * takes 33, so that one always can be.
 */
#define POOL_MBUFS 127

/* What was made ready for the bursts below. */
struct chunk {
	struct rte_mbuf *out[CHUNK];
	uint32_t copies; /* a bit for each: it is not the application's mbuf, but a copy */
	uint16_t n;
};

enum verdict {
	READY,
	BAD,	 /* to be dropped */
	SEGMENT, /* to be cut */
	STARVED, /* no buffers for a copy now */
};

static eth_tx_burst_t
below(const struct folio_tx_queue *q)
{
	return folio_layers[q->common.port_id].lanes_tx;
}

/* May and can the packet be changed where it is? */
static bool
is_ours(const struct rte_mbuf *m)
{
	return RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1 &&
	       m->data_len >= folio_offload_tx_need(m) &&
	       ((m->ol_flags & FOLIO_TX_TAGS) == 0 ||
		rte_pktmbuf_headroom(m) >= 2 * RTE_VLAN_HLEN);
}

/* Add a packet to the chunk, if it can be sent with it. */
static enum verdict
make_ready(struct folio_tx_queue *q, struct rte_mbuf *m, struct chunk *c)
{
	struct rte_mbuf *out = m;

	if (likely((m->ol_flags & FOLIO_TX_WORK) == 0)) {
		c->out[c->n++] = m;
		return READY;
	}
	if (folio_offload_tx_judge(m, q->max_frame) != 0)
		return BAD;
	if ((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0 &&
	    !folio_offload_tx_is_cut_there(m, q->offload))
		return SEGMENT;
	if (!is_ours(m)) {
		out = rte_pktmbuf_copy(m, q->offload->pool, 0, UINT32_MAX);
		if (out == NULL)
			return STARVED;
	}
	if (!folio_offload_tx_complete(out, q->offload->other_does)) {
		if (out != m)
			rte_pktmbuf_free(out);
		return BAD;
	}
	c->copies |= (uint32_t)(out != m) << c->n;
	c->out[c->n++] = out;
	return READY;
}

/* Send a chunk, which was made of pkts. Returns how many went. */
static uint16_t
send_chunk(struct folio_tx_queue *q, struct rte_mbuf *const *pkts, struct chunk *c)
{
	uint16_t sent, i;

	if (c->n == 0)
		return 0;
	q->fast_free = q->offload->fast_free && c->copies == 0;
	sent = below(q)(q, c->out, c->n);
	for (i = 0; c->copies != 0; i++, c->copies >>= 1) {
		if ((c->copies & 1) != 0)
			rte_pktmbuf_free(i < sent ? pkts[i] : c->out[i]);
	}
	return sent;
}

/* Send what is left of the packet that is being cut. True: nothing is. */
static bool
send_segments(struct folio_tx_queue *q)
{
	struct folio_tso *t = &q->offload->tso;
	struct rte_mbuf *out[CHUNK];

	q->fast_free = false;
	while (t->next < t->count) {
		uint16_t n = folio_tso_cut(t, q->offload, out, CHUNK);
		uint16_t sent = n == 0 ? 0 : below(q)(q, out, n);

		t->next += sent;
		if (sent < n)
			rte_pktmbuf_free_bulk(&out[sent], n - sent);
		if (sent < n || n == 0)
			return false;
	}
	rte_pktmbuf_free(t->pkt);
	t->pkt = NULL;
	return true;
}

/*
 * Send a judged packet in segments. It is begun if there is room for all of them, or for as many as
 * half a ring takes; then the queue has it, and what does not go now goes before what is sent next.
 */
static enum verdict
send_in_segments(struct folio_tx_queue *q, struct rte_mbuf *m)
{
	const struct folio_layers *l = &folio_layers[q->common.port_id];
	struct folio_tso *t = &q->offload->tso;

	if (!folio_tso_begin(t, m))
		return BAD;
	if ((l->lanes_tx == l->datapath->tx || l->lanes_tx == l->datapath->tx_leaving) &&
	    !l->datapath->tx_has_room(q, t->count, t->header + t->size))
		return STARVED;
	t->pkt = m;
	if (send_segments(q) || t->next > 0)
		return READY;
	t->pkt = NULL;
	return STARVED;
}

static void
drop(struct folio_tx_queue *q, struct rte_mbuf *m)
{
	q->stats.bad_offload++;
	rte_pktmbuf_free(m);
}

static uint16_t
send_all(struct folio_tx_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	enum verdict verdict = READY;
	uint16_t i = 0, sent;

	while (i < n && q->offload->tso.pkt == NULL) {
		struct chunk c = {.n = 0};

		do
			verdict = make_ready(q, pkts[i + c.n], &c);
		while (verdict == READY && c.n < CHUNK && i + c.n < n);
		sent = send_chunk(q, &pkts[i], &c);
		i += sent;
		if (sent < c.n)
			break;
		if (verdict == SEGMENT)
			verdict = send_in_segments(q, pkts[i]);
		else if (verdict == READY)
			continue;
		if (verdict == STARVED) {
			if (c.n == 0)
				break;
			continue; /* the chunk's buffers are free again */
		}
		if (verdict == BAD)
			drop(q, pkts[i]);
		i++;
	}
	return i;
}

/* The other end may be another one at each burst. */
static void
ask_other(struct folio_tx_queue *q)
{
	const struct folio_burst *datapath = folio_layers[q->common.port_id].datapath;

	if (datapath->tx_other_does != NULL)
		q->offload->other_does = datapath->tx_other_does(q, &q->offload->longest);
}

uint16_t
folio_offload_transmit(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct folio_tx_queue *q = queue;

	if (!folio_gate_enter(&q->offload->gate))
		return 0;
	ask_other(q);
	if (likely(q->offload->tso.pkt == NULL) || send_segments(q))
		n = send_all(q, pkts, n);
	else
		n = 0;
	folio_gate_leave(&q->offload->gate);
	return n;
}

static struct rte_mempool *
new_pool(const struct folio_tx_queue *q, int socket)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "folio_tx_%u_%u", q->common.port_id, q->common.queue_id);
	return rte_pktmbuf_pool_create(name, POOL_MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, socket);
}

int
folio_offload_tx_set_up(const struct rte_eth_dev *dev, struct folio_tx_queue *q)
{
	uint64_t offloads = dev->data->dev_conf.txmode.offloads | q->common.offloads;
	int socket = dev->data->numa_node;
	struct folio_tx_offload *o;

	q->fast_free = (q->common.offloads & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE) != 0;
	if (!folio_offload_tx_is_asked_for(offloads)) {
		folio_offload_tx_release(q);
		return 0;
	}
	if (q->offload == NULL) {
		o = rte_zmalloc_socket("folio_tx", sizeof(*o), RTE_CACHE_LINE_SIZE, socket);
		if (o != NULL)
			o->pool = new_pool(q, socket);
		if (o == NULL || o->pool == NULL) {
			rte_free(o);
			FOLIO_LOG(ERR, "%s: tx queue %u: no memory for %u mbufs of %u bytes, which "
				  "transmit offloads need", dev->data->name, q->common.queue_id,
				  POOL_MBUFS, RTE_MBUF_DEFAULT_BUF_SIZE);
			return -ENOMEM;
		}
		folio_gate_init(&o->gate);
		q->offload = o;
	}
	q->offload->fast_free = q->fast_free;
	return 0;
}

int
folio_offload_tx_set_up_all(const struct rte_eth_dev *dev)
{
	uint16_t i;
	int ret = 0;

	for (i = 0; i < dev->data->nb_tx_queues && ret == 0; i++) {
		if (dev->data->tx_queues[i] != NULL)
			ret = folio_offload_tx_set_up(dev, dev->data->tx_queues[i]);
	}
	return ret;
}

void
folio_offload_tx_release(struct folio_tx_queue *q)
{
	if (q->offload == NULL)
		return;
	rte_mempool_free(q->offload->pool);
	rte_free(q->offload);
	q->offload = NULL;
}

bool
folio_offload_tx_enable(struct folio_tx_queue *q, bool on)
{
	if (q == NULL || q->offload == NULL)
		return true;
	if (on) {
		folio_gate_open(&q->offload->gate);
		return true;
	}
	if (!folio_gate_close(&q->offload->gate))
		return false;
	/* The application gets all of its mbufs back. */
	rte_pktmbuf_free(q->offload->tso.pkt);
	q->offload->tso.pkt = NULL;
	return true;
}
