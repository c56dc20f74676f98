/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_MBUF_H
#define FOLIO_MBUF_H

/*
 * What the bursts of every datapath do with mbufs: private memory only. Included once in each
 * datapath's bursts, which are compiled once per instruction set.
 */

#include "folio_ethdev.h"

/*
 * A plain frame's mbuf fields, in four stores. The pool's rules give next == NULL; what the last
 * user may have left elsewhere is covered by ol_flags == 0.
 */
static __rte_always_inline void
folio_mbuf_fill(struct rte_mbuf *m, const uint64_t rearm[2], uint32_t len)
{
	uint64_t desc[2] = {
		RTE_PTYPE_L2_ETHER | (uint64_t)len << 32, /* packet_type, pkt_len */
		(uint16_t)len,				  /* data_len, vlan_tci, rss */
	};

	RTE_BUILD_BUG_ON(offsetof(struct rte_mbuf, ol_flags) !=
			 offsetof(struct rte_mbuf, data_off) + 8);
	RTE_BUILD_BUG_ON(offsetof(struct rte_mbuf, pkt_len) !=
			 offsetof(struct rte_mbuf, packet_type) + 4);
	RTE_BUILD_BUG_ON(offsetof(struct rte_mbuf, data_len) !=
			 offsetof(struct rte_mbuf, packet_type) + 8);
	memcpy((uint8_t *)m + offsetof(struct rte_mbuf, data_off), rearm, 2 * sizeof(*rearm));
	memcpy((uint8_t *)m + offsetof(struct rte_mbuf, packet_type), desc, sizeof(desc));
}

/* The mbufs that a burst allocated and has not filled: pkts[used] to pkts[n - 1]. */
struct folio_reserve {
	struct rte_mbuf **pkts;
	uint16_t used;
	uint16_t n;
};

/*
 * A further segment: from the far end of the reserve, so that the pool which the burst itself has
 * emptied is asked last. pkts[used] is the frame's first mbuf.
 */
static struct rte_mbuf *
folio_mbuf_next(struct folio_rx_queue *q, struct folio_reserve *r)
{
	return r->n > r->used + 1 ? r->pkts[--r->n] : rte_mbuf_raw_alloc(q->pool);
}

/* Give back the segments behind the first, which stays with the burst. */
static void
folio_mbuf_drop_segments(struct rte_mbuf *first)
{
	struct rte_mbuf *m = first->next, *next;

	first->next = NULL;
	first->nb_segs = 1;
	for (; m != NULL; m = next) {
		next = m->next;
		m->next = NULL;
		rte_mbuf_raw_free(m);
	}
}

/* Copy bytes [offset, offset + len) of the frame at place `at` of a ring. */
typedef void (*folio_piece_fn)(const void *ring, uint32_t at, uint32_t offset, void *dst,
			       uint32_t len);

/* Spread a frame over a chain of mbufs. False: there are not enough of them. */
static __rte_always_inline bool
folio_mbuf_scatter(struct folio_rx_queue *q, struct folio_reserve *r, const void *ring, uint32_t at,
		   uint32_t len, folio_piece_fn piece)
{
	struct rte_mbuf *first = r->pkts[r->used];
	struct rte_mbuf *m = first;
	uint32_t done = 0;

	folio_mbuf_fill(first, q->rearm, 0);
	for (;;) {
		uint32_t part = RTE_MIN(len - done, q->room);

		piece(ring, at, done, rte_pktmbuf_mtod(m, void *), part);
		m->data_len = (uint16_t)part;
		done += part;
		if (done == len)
			break;
		m->next = folio_mbuf_next(q, r);
		if (m->next == NULL) {
			folio_mbuf_drop_segments(first);
			return false;
		}
		m = m->next;
		folio_mbuf_fill(m, q->rearm, 0);
		first->nb_segs++;
	}
	first->pkt_len = len;
	return true;
}

/* May the queue's application have a frame of this length? If not, it is counted. */
static inline bool
folio_mbuf_takes(struct folio_rx_queue *q, uint32_t len)
{
	if (len > q->frame_max || (len > q->room && !q->scatter)) {
		q->stats.oversize++;
		return false;
	}
	if (len > (uint64_t)q->pool->size * q->room) {
		/*
		 * Not even all its mbufs would do: to wait for them would stop the queue for good.
		 */
		q->stats.pool_too_small++;
		return false;
	}
	return true;
}

/* As many mbufs as the pool has, fewer than n. */
static __rte_noinline uint16_t
folio_mbuf_alloc_fewer(struct folio_rx_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	for (n /= 2; n > 0; n /= 2) {
		if (rte_mempool_get_bulk(q->pool, (void **)pkts, n) == 0)
			return n;
	}
	return 0;
}

/* The mbufs of a transmit burst have been copied. `chained`: some have several segments. */
static __rte_always_inline void
folio_mbuf_free_sent(const struct folio_tx_queue *q, struct rte_mbuf **pkts, uint16_t n,
		     bool chained)
{
	if (q->fast_free && likely(!chained && n > 0))
		rte_mempool_put_bulk(pkts[0]->pool, (void **)pkts, n);
	else
		rte_pktmbuf_free_bulk(pkts, n);
}

#endif /* FOLIO_MBUF_H */
