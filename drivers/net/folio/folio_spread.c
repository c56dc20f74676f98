/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Packets go from the queue that has received them to the queue that the RSS table names. */

#include <rte_malloc.h>
#include <rte_ring.h>

#include "folio_ethdev.h"

/* Packets that may wait for a queue, of each other one. */
#define RING_SIZE 1024

/* In memory that secondary processes share: so are rings. */
struct folio_spread {
	uint16_t queues;
	struct {
		uint64_t pending; /* a bit for each ring that may hold something */
		bool open;
	} __rte_cache_aligned to[FOLIO_WIRE_QUEUES_MAX];
	struct rte_ring *rings[]; /* of queues * queues; none from a queue to itself */
};

_Static_assert(FOLIO_WIRE_QUEUES_MAX <= 64, "a bit for each queue");

static struct rte_ring *
ring_of(const struct folio_spread *s, uint16_t from, uint16_t to)
{
	return s->rings[from * s->queues + to];
}

uint16_t
folio_spread_take(struct folio_rx_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	struct folio_spread *s = q->offload->rss.spread;
	uint16_t me = q->common.queue_id, got = 0, i;
	uint64_t pending, again = 0;

	if (__atomic_load_n(&s->to[me].pending, __ATOMIC_RELAXED) == 0)
		return 0;
	pending = __atomic_exchange_n(&s->to[me].pending, 0, __ATOMIC_ACQUIRE);
	for (; pending != 0; pending &= pending - 1) {
		uint16_t from = (uint16_t)rte_bsf64(pending);
		unsigned int left = 1;

		if (got < n)
			got += rte_ring_sc_dequeue_burst(ring_of(s, from, me), (void **)pkts + got,
							 n - got, &left);
		if (left > 0)
			again |= RTE_BIT64(from);
	}
	if (again != 0)
		__atomic_fetch_or(&s->to[me].pending, again, __ATOMIC_RELAXED);
	q->stats.packets += got;
	for (i = 0; i < got; i++)
		q->stats.bytes += pkts[i]->pkt_len;
	return got;
}

/* A packet without a hash goes where hash 0 would. */
static uint16_t
queue_for(const struct folio_rss *rss, const struct rte_mbuf *m)
{
	uint32_t hash = (m->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0 ? m->hash.rss : 0;

	return __atomic_load_n(&rss->reta[hash % FOLIO_RSS_RETA], __ATOMIC_RELAXED);
}

uint16_t
folio_spread_give(struct folio_rx_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	const struct folio_rss *rss = &q->offload->rss;
	struct folio_spread *s = rss->spread;
	uint16_t me = q->common.queue_id, left = 0, i;
	uint64_t given = 0;

	/* RSS is switched off: packets stay. */
	if (__atomic_load_n(&rss->types, __ATOMIC_RELAXED) == 0)
		return n;
	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint16_t to = queue_for(rss, m);

		if (to == me || to >= s->queues) {
			pkts[left++] = m;
			continue;
		}
		/* Those that are not counted here are counted by whoever gets them. */
		q->stats.packets--;
		q->stats.bytes -= m->pkt_len;
		if (__atomic_load_n(&s->to[to].open, __ATOMIC_RELAXED) &&
		    rte_ring_sp_enqueue(ring_of(s, me, to), m) == 0) {
			given |= RTE_BIT64(to);
		} else {
			q->stats.missed++;
			rte_pktmbuf_free(m);
		}
	}
	for (; given != 0; given &= given - 1)
		__atomic_fetch_or(&s->to[rte_bsf64(given)].pending, RTE_BIT64(me), __ATOMIC_RELEASE);
	return left;
}

static void
drain(const struct folio_spread *s, uint16_t to)
{
	uint16_t from;

	for (from = 0; from < s->queues; from++) {
		struct rte_ring *r = ring_of(s, from, to);
		void *m;

		while (r != NULL && rte_ring_sc_dequeue(r, &m) == 0)
			rte_pktmbuf_free(m);
	}
}

/* Others may see a queue that is closed as open for as long as their burst lasts. */
void
folio_spread_enable(const struct folio_rss *rss, uint16_t queue, bool on)
{
	struct folio_spread *s = rss->spread;

	if (s == NULL || queue >= s->queues)
		return;
	if (!on)
		__atomic_store_n(&s->to[queue].open, false, __ATOMIC_RELAXED);
	drain(s, queue);
	if (on)
		__atomic_store_n(&s->to[queue].open, true, __ATOMIC_RELAXED);
}

void
folio_spread_drain(const struct folio_rss *rss)
{
	const struct folio_spread *s = rss->spread;
	uint16_t q;

	for (q = 0; s != NULL && q < s->queues; q++)
		drain(s, q);
}

void
folio_spread_release(struct folio_rss *rss)
{
	struct folio_spread *s = rss->spread;
	uint32_t i;

	if (s == NULL)
		return;
	folio_spread_drain(rss);
	rss->spread = NULL;
	for (i = 0; i < (uint32_t)s->queues * s->queues; i++)
		rte_free(s->rings[i]);
	rte_free(s);
}

static struct rte_ring *
new_ring(int socket)
{
	struct rte_ring *r = rte_zmalloc_socket("folio_spread", rte_ring_get_memsize(RING_SIZE),
						RTE_CACHE_LINE_SIZE, socket);

	/* Not one that can be looked up. */
	if (r != NULL)
		(void)rte_ring_init(r, "folio_spread", RING_SIZE,
				    RING_F_SP_ENQ | RING_F_SC_DEQ);
	return r;
}

/* Queues with an entry in the table, and nothing else, have packets given to them. */
int
folio_spread_set_up(struct rte_eth_dev *dev)
{
	struct folio_rss *rss = &folio_adapter(dev)->rx_offload.rss;
	uint16_t queues = dev->data->nb_rx_queues, from, to;
	bool wanted = folio_rss_is_on(dev) && queues > 1;
	int socket = dev->data->numa_node;
	struct folio_spread *s;

	if (rss->spread != NULL && wanted && rss->spread->queues == queues)
		return 0;
	folio_spread_release(rss);
	if (!wanted)
		return 0;
	s = rte_zmalloc_socket("folio_spread", sizeof(*s) + (size_t)queues * queues *
			       sizeof(*s->rings), RTE_CACHE_LINE_SIZE, socket);
	if (s == NULL)
		goto no_memory;
	s->queues = queues;
	rss->spread = s;
	for (from = 0; from < queues; from++) {
		for (to = 0; to < queues; to++) {
			if (from == to)
				continue;
			s->rings[from * queues + to] = new_ring(socket);
			if (ring_of(s, from, to) == NULL)
				goto no_memory;
		}
	}
	return 0;

no_memory:
	folio_spread_release(rss);
	FOLIO_LOG(ERR, "%s: no memory for %u rings of %u packets, to spread them over %u queues",
		  dev->data->name, queues * (queues - 1), RING_SIZE, queues);
	return -ENOMEM;
}
