/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Receive and transmit bursts of the vf datapath. Compiled once per instruction set;
 * FOLIO_BURST_OPS is the name of the table to define. Nothing here allocates but from the mempool
 * or executes an instruction that traps in an SNP guest; the doorbell is one store a burst.
 */

#include "boundary/copy_kernel.h"
#include "folio_mbuf.h"
#include "vf/port.h"

/* Buffers ahead of the copy that are asked for. */
#define RX_AHEAD 4

#define ALWAYS_INLINE static __rte_always_inline

/* For folio_mbuf_scatter(). A piece that begins in the middle of a line is not padded. */
static void
copy_piece(const void *ring, uint32_t at, uint32_t offset, void *dst, uint32_t len)
{
	folio_kernel_exact(dst, folio_advq_buf(ring, at) + offset, len);
}

/* How far a receive burst has come. */
struct progress {
	uint32_t s;    /* place of the next buffer */
	uint32_t stop; /* behind the last that the card has */
	uint16_t got;
	uint16_t n;    /* mbufs allocated: pkts[got] to pkts[n - 1] are not filled */
	bool starved;  /* there were fewer than asked for: that is counted */
	uint64_t bytes;
	uint64_t word; /* loaded at s */
};

/*
 * Plain frames, an mbuf each, from the one on whose word was loaded. Returns true if the burst is
 * over, false with the word of one that is not plain, or not there: nobody loads it again. The card
 * is not trusted.
 */
ALWAYS_INLINE bool
receive_row(const struct folio_rx_queue *rq, const struct folio_advq *from, struct rte_mbuf **pkts,
	    struct progress *progress)
{
	const uint32_t max = RTE_MIN(rq->fast_max, from->max_frame);
	const uint64_t rearm[2] = {rq->rearm[0], rq->rearm[1]};
	const uint16_t data_off = rq->data_off;
	uint32_t s = progress->s, until;
	uint64_t word = progress->word, bytes = 0;
	struct folio_advq q; /* a copy: stores to packets can't alias it */

	if (unlikely(from->dropping != 0))
		return false;
	folio_advq_copy(&q, from);
	pkts += progress->got;
	until = s + RTE_MIN((uint32_t)progress->n - progress->got, progress->stop - s);
	while (likely(folio_advq_rx_is_plain(&q, word, max))) {
		struct rte_mbuf *m = *pkts;
		uint32_t len = folio_advq_rx_len(word);

		folio_advq_prefetch_read(&q, s + RX_AHEAD);
		folio_kernel_padded((uint8_t *)m->buf_addr + data_off, folio_advq_buf(&q, s), len);
		folio_mbuf_fill(m, rearm, len);
		bytes += len;
		pkts++;
		if (++s == until)
			break;
		word = folio_advq_rx_word(&q, s);
	}
	progress->got += (uint16_t)(s - progress->s);
	progress->s = s;
	progress->bytes += bytes;
	progress->word = word;
	return s == until;
}

/* The frame at p->s is not plain. False: the burst ends before it. */
static __rte_noinline bool
receive_slow(struct folio_rx_queue *rq, struct folio_advq *q, struct rte_mbuf **pkts,
	     struct progress *p)
{
	struct folio_reserve reserve = {.pkts = pkts, .used = p->got, .n = p->n};
	enum folio_advq_verdict verdict = folio_advq_rx_judge(q, p->word);
	uint32_t len = folio_advq_rx_len(p->word);

	if (verdict == FOLIO_ADVQ_NONE)
		return false;
	if (verdict == FOLIO_ADVQ_TAKE && folio_mbuf_takes(rq, len)) {
		if (!folio_mbuf_scatter(rq, &reserve, q, p->s, len, copy_piece)) {
			rq->stats.nombuf += !p->starved;
			p->n = reserve.n;
			return false;
		}
		p->got++;
		p->bytes += len;
	}
	p->n = reserve.n;
	p->s++;
	return true;
}

/* Fewer mbufs than asked for. Returns how many there are. */
static __rte_noinline uint16_t
starve(struct folio_rx_queue *rq, struct rte_mbuf **pkts, uint16_t n)
{
	rq->stats.nombuf++;
	return folio_mbuf_alloc_fewer(rq, pkts, n);
}

ALWAYS_INLINE uint16_t
receive_from(struct folio_rx_queue *rq, struct folio_vf_end *end, struct rte_mbuf **pkts,
	     uint16_t n)
{
	struct folio_advq *q = &end->q;
	struct progress p = {.s = q->head};
	uint32_t tail;

	p.word = folio_advq_rx_word(q, p.s);
	if ((p.word & FOLIO_ADVQ_RX_DONE) == 0 || n == 0)
		return 0; /* nothing is allocated for a poll in vain */
	p.stop = p.s + q->size - 1;
	n = RTE_MIN(n, q->size - 1);
	if (unlikely(rte_mempool_get_bulk(rq->pool, (void **)pkts, n) != 0)) {
		n = starve(rq, pkts, n);
		if (n == 0)
			return 0;
		p.starved = true;
	}
	p.n = n;
	while (!receive_row(rq, q, pkts, &p)) {
		if ((p.word & FOLIO_ADVQ_RX_DONE) == 0 || !receive_slow(rq, q, pkts, &p) ||
		    p.got == p.n || p.s == p.stop)
			break;
		p.word = folio_advq_rx_word(q, p.s);
	}
	if (p.got < p.n)
		rte_mempool_put_bulk(rq->pool, (void **)&pkts[p.got], p.n - p.got);
	if (unlikely(!folio_vf_stands(end))) {
		rte_pktmbuf_free_bulk(pkts, p.got);
		return 0;
	}
	folio_advq_rx_commit(q, p.s - q->head);
	if (folio_advq_rx_tell(q, &tail))
		folio_vf_ring(end, tail);
	rq->stats.packets += p.got;
	rq->stats.bytes += p.bytes;
	return p.got;
}

static uint16_t
receive(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct folio_rx_queue *rq = queue;
	struct folio_vf_end *end = rq->common.end;

	if (!folio_gate_enter(&end->gate))
		return 0;
	n = receive_from(rq, end, pkts, n);
	folio_gate_leave(&end->gate);
	return n;
}

/*
 * A frame of several segments, or not fit to be sent; there is room. Returns its length as sent, 0 if
 * it is to be dropped.
 */
static __rte_noinline uint32_t
transmit_slow(struct folio_tx_queue *tq, struct folio_advq *q, const struct rte_mbuf *m)
{
	uint32_t len = m->pkt_len, done = 0, sent;

	if (len < FOLIO_ADVQ_FRAME_MIN || len > q->max_frame) {
		tq->stats.bad_length++;
		return 0;
	}
	sent = folio_advq_tx_pad(q, len);
	for (; m != NULL && done < len; m = m->next) {
		uint32_t part = RTE_MIN((uint32_t)m->data_len, len - done);

		folio_kernel_exact(folio_advq_buf(q, q->tail) + done,
				   rte_pktmbuf_mtod(m, const void *), part);
		done += part;
	}
	if (done < len) {
		/* Nothing was described: the buffer is simply used again. */
		tq->stats.bad_chain++;
		return 0;
	}
	folio_advq_tx_describe(q, sent);
	return sent;
}

ALWAYS_INLINE bool
tx_is_plain(const struct rte_mbuf *m, uint32_t max)
{
	return m->nb_segs == 1 &&
	       (uint32_t)m->data_len - FOLIO_ADVQ_FRAME_MIN <= max - FOLIO_ADVQ_FRAME_MIN;
}

/* Plain frames for which there is room. Returns how many there were. */
ALWAYS_INLINE uint16_t
transmit_row(struct folio_advq *to, struct rte_mbuf **pkts, uint32_t n, uint64_t *bytes,
	     uint32_t *last)
{
	const uint32_t max = to->max_frame;
	struct folio_advq q; /* a copy, as above */
	uint64_t sum = 0;
	uint32_t i, sent = *last;

	folio_advq_copy(&q, to);
	for (i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];
		uint32_t len = m->data_len;

		if (unlikely(!tx_is_plain(m, max)))
			break;
		folio_advq_prefetch_write(&q, q.tail + folio_advq_ahead(len), len);
		sent = folio_advq_tx_pad(&q, len);
		folio_kernel_exact(folio_advq_buf(&q, q.tail), rte_pktmbuf_mtod(m, const void *),
				   len);
		folio_advq_tx_describe(&q, sent);
		sum += len;
	}
	to->tail = q.tail;
	*last = sent;
	*bytes += sum;
	return (uint16_t)i;
}

ALWAYS_INLINE uint16_t
transmit_to(struct folio_tx_queue *tq, struct folio_vf_end *end, struct rte_mbuf **pkts,
	    uint16_t n)
{
	struct folio_advq *q = &end->q;
	uint32_t room = folio_advq_tx_room(q, n), last = 0, len;
	uint64_t bytes = 0;
	uint16_t dropped = 0, i = 0;
	bool chained = false;

	for (;;) {
		uint16_t row = transmit_row(q, &pkts[i], RTE_MIN((uint32_t)n - i, room), &bytes,
					    &last);

		i += row;
		room -= row;
		if (likely(i == n) || room == 0)
			break;
		len = transmit_slow(tq, q, pkts[i]);
		chained |= pkts[i]->nb_segs > 1;
		dropped += len == 0;
		room -= len != 0;
		last = len != 0 ? len : last;
		bytes += len != 0 ? pkts[i]->pkt_len : 0;
		i++;
	}
	if (likely(i != dropped))
		folio_vf_ring(end, folio_advq_tx_publish(q, last));
	tq->stats.packets += i - dropped;
	tq->stats.bytes += bytes;
	/* Copied: the mbufs have done their work. */
	folio_mbuf_free_sent(tq, pkts, i, chained);
	return i;
}

static uint16_t
transmit(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct folio_tx_queue *tq = queue;
	struct folio_vf_end *end = tq->common.end;

	if (!folio_gate_enter(&end->gate))
		return 0;
	n = transmit_to(tq, end, pkts, n);
	/* Last: who has stopped a port may free its mempools. */
	folio_gate_leave(&end->gate);
	return n;
}

static bool
has_room(void *queue, uint32_t frames, uint32_t len)
{
	struct folio_tx_queue *tq = queue;
	struct folio_vf_end *end = tq->common.end;
	bool room = false;

	RTE_SET_USED(len); /* a buffer holds the longest frame */
	if (folio_gate_enter(&end->gate)) {
		uint32_t want = RTE_MIN(frames, end->q.size / 2);

		room = folio_advq_tx_room(&end->q, want) >= want;
		folio_gate_leave(&end->gate);
	}
	return room;
}

extern const struct folio_burst FOLIO_BURST_OPS;

const struct folio_burst FOLIO_BURST_OPS = {
	.isa = FOLIO_KERNEL_ISA,
	.rx = receive,
	.tx = transmit,
	.tx_has_room = has_room,
};
