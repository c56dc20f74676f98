/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Receive and transmit bursts of the virtio datapath. Compiled once per instruction set;
 * FOLIO_BURST_OPS is the name of the table to define. Nothing here allocates but from the mempool
 * or executes an instruction that traps in an SNP guest; the only system call is the doorbell, for
 * a device that asks for one.
 *
 * What kind of rings there are is agreed on when the device is there, and looked at once a burst.
 */

#include "boundary/copy_kernel.h"
#include "folio_mbuf.h"
#include "folio_meta.h"
#include "folio_offload_tx.h"
#include "virtio/vport.h"

/* Buffers ahead of the copy that are asked for. */
#define RX_AHEAD 4

#define ALWAYS_INLINE static __rte_always_inline

ALWAYS_INLINE uint64_t
rx_word(const struct folio_virtq *q, const bool packed, uint32_t s)
{
	return packed ? folio_packed_rx_word(q, s) : folio_split_rx_word(q, s);
}

ALWAYS_INLINE uint32_t
rx_len(const bool packed, uint64_t word)
{
	return packed ? folio_packed_rx_len(word) : folio_split_rx_len(word);
}

ALWAYS_INLINE bool
rx_is_plain(const struct folio_virtq *q, const bool packed, uint32_t s, uint64_t word, uint32_t max)
{
	return packed ? folio_packed_rx_is_plain(q, s, word, max)
		      : folio_split_rx_is_plain(q, s, word, max);
}

ALWAYS_INLINE void
rx_commit(struct folio_virtq *q, const bool packed, uint32_t n)
{
	if (packed)
		folio_packed_rx_commit(q, n);
	else
		folio_split_rx_commit(q, n);
}

ALWAYS_INLINE bool
wants_doorbell(const struct folio_virtq *q, const bool packed)
{
	return packed ? folio_packed_wants_doorbell(q) : folio_split_wants_doorbell(q);
}

/* For folio_mbuf_scatter(). */
static void
copy_piece(const void *ring, uint32_t at, uint32_t offset, void *dst, uint32_t len)
{
	folio_virtq_rx_piece(ring, at, offset, dst, len, folio_kernel_exact);
}

/* How far a receive burst has come. */
struct progress {
	uint32_t s;    /* place of the next buffer */
	uint32_t stop; /* behind the last that may be returned; split: that is known to be */
	uint16_t got;
	uint16_t n;    /* mbufs allocated: pkts[got] to pkts[n - 1] are not filled */
	bool starved;  /* there were fewer than asked for: that is counted */
	uint64_t bytes;
	uint64_t word; /* loaded at s; bufs too, if it was looked at */
	uint32_t bufs;
};

/*
 * Plain frames, a buffer and an mbuf each, from the one on whose word was loaded. Returns true if
 * the burst is over, false with word and bufs of one that is not plain, or in a packed ring not
 * back: nobody loads them again.
 */
ALWAYS_INLINE bool
receive_row(const struct folio_rx_queue *rq, const struct folio_virtq *from, const bool packed,
	    const bool merged, struct rte_mbuf **pkts, struct progress *progress)
{
	const uint32_t max = RTE_MIN(rq->fast_max, from->plain_max);
	const uint64_t rearm[2] = {rq->rearm[0], rq->rearm[1]};
	const uint16_t data_off = rq->data_off;
	uint32_t s = progress->s, bufs = FOLIO_VIRTQ_UNSEEN, until;
	uint64_t word = progress->word, bytes = 0;
	struct folio_virtq q; /* a copy: stores to packets can't alias it */

	folio_virtq_copy(&q, from);
	pkts += progress->got;
	until = s + RTE_MIN((uint32_t)progress->n - progress->got, progress->stop - s);
	while (likely(rx_is_plain(&q, packed, s, word, max))) {
		struct rte_mbuf *m = *pkts;
		uint32_t len = rx_len(packed, word);

		if (merged) {
			bufs = folio_virtq_num_buffers(&q, s);
			if (unlikely(bufs != 1))
				break;
			bufs = FOLIO_VIRTQ_UNSEEN;
		}
		if (packed || until - s > RX_AHEAD)
			folio_virtq_prefetch_read(&q, s + RX_AHEAD, merged);
		folio_kernel_padded((uint8_t *)m->buf_addr + data_off, folio_virtq_data(&q, s), len);
		folio_mbuf_fill(m, rearm, len);
		bytes += len;
		pkts++;
		if (++s == until)
			break;
		word = rx_word(&q, packed, s);
	}
	progress->got += (uint16_t)(s - progress->s);
	progress->s = s;
	progress->bytes += bytes;
	progress->word = word;
	progress->bufs = bufs;
	return s == until;
}

/* The frame at p->s is not plain. False: the burst ends before it. */
static __rte_noinline bool
receive_slow(struct folio_rx_queue *rq, struct folio_virtq *q, bool packed, struct rte_mbuf **pkts,
	     struct progress *p)
{
	struct folio_reserve reserve = {.pkts = pkts, .used = p->got, .n = p->n};
	struct folio_virtq_frame frame = {0};
	enum folio_virtq_verdict verdict;
	bool received = false;

	verdict = packed ? folio_packed_rx_judge(q, p->s, p->word, p->bufs, &frame)
			 : folio_split_rx_judge(q, p->s, p->word, p->bufs, &frame);
	if (verdict == FOLIO_VIRTQ_NONE || verdict == FOLIO_VIRTQ_HALT)
		return false;
	if (verdict == FOLIO_VIRTQ_TAKE && folio_mbuf_takes(rq, frame.len)) {
		if (!folio_mbuf_scatter(rq, &reserve, q, p->s, frame.len, copy_piece)) {
			rq->stats.nombuf += !p->starved;
			p->n = reserve.n;
			return false;
		}
		received = true;
	}
	p->n = reserve.n;
	p->s += frame.bufs;
	p->got += received;
	p->bytes += received ? frame.len : 0;
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
receive_from(struct folio_rx_queue *rq, struct folio_vq *end, const bool packed, const bool merged,
	     struct rte_mbuf **pkts, uint16_t n)
{
	struct folio_virtq *q = &end->q;
	struct progress p = {.s = q->head, .n = n};
	uint32_t avail;

	avail = packed ? folio_packed_rx_avail(q, n) : folio_split_rx_avail(q, n);
	p.stop = p.s + avail;
	if (avail == 0 || n == 0)
		return 0;
	p.word = rx_word(q, packed, p.s);
	if (packed && !folio_packed_is_back(q, p.s, p.word))
		return 0; /* nothing is allocated for a poll in vain */
	n = RTE_MIN(n, avail);
	if (unlikely(rte_mempool_get_bulk(rq->pool, (void **)pkts, n) != 0)) {
		n = starve(rq, pkts, n);
		if (n == 0)
			return 0;
		p.starved = true;
	}
	p.n = n;
	while (!receive_row(rq, q, packed, merged, pkts, &p)) {
		if ((packed && !folio_packed_is_back(q, p.s, p.word)) ||
		    !receive_slow(rq, q, packed, pkts, &p) || p.got == p.n || p.s == p.stop)
			break;
		p.word = rx_word(q, packed, p.s);
	}
	if (p.got < p.n)
		rte_mempool_put_bulk(rq->pool, (void **)&pkts[p.got], p.n - p.got);
	if (unlikely(!folio_vq_stands(end))) {
		rte_pktmbuf_free_bulk(pkts, p.got);
		return 0;
	}
	rx_commit(q, packed, p.s - q->head);
	if (unlikely(wants_doorbell(q, packed)))
		folio_vq_ring(end);
	rq->stats.packets += p.got;
	rq->stats.bytes += p.bytes;
	return p.got;
}

static uint16_t
receive(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct folio_rx_queue *rq = queue;
	struct folio_vq *end = rq->common.end;
	uint16_t got = 0;

	if (!folio_gate_enter(&end->gate))
		return 0;
	switch (end->kind) {
	case FOLIO_VQ_SPLIT:
		got = receive_from(rq, end, false, false, pkts, n);
		break;
	case FOLIO_VQ_PACKED:
		got = receive_from(rq, end, true, false, pkts, n);
		break;
	case FOLIO_VQ_SPLIT_MERGED:
		got = receive_from(rq, end, false, true, pkts, n);
		break;
	case FOLIO_VQ_PACKED_MERGED:
		got = receive_from(rq, end, true, true, pkts, n);
		break;
	}
	folio_gate_leave(&end->gate);
	return got;
}

ALWAYS_INLINE uint32_t
tx_room(struct folio_virtq *q, const bool packed, uint32_t want)
{
	return packed ? folio_packed_tx_room(q, want) : folio_split_tx_room(q, want);
}

/*
 * A frame of several segments, several buffers, or not fit to be sent; max is the longest that is.
 * Returns the buffers used, 0 if the frame is to be dropped, UINT32_MAX if there is no room for it
 * now.
 */
static __rte_noinline uint32_t
transmit_slow(struct folio_tx_queue *tq, struct folio_virtq *q, bool packed,
	      const struct rte_mbuf *m, uint32_t max)
{
	uint32_t len = m->pkt_len, done = 0, bufs;

	if (len < FOLIO_VIRTQ_FRAME_MIN || len > max) {
		tq->stats.bad_length++;
		return 0;
	}
	bufs = folio_virtq_frame_bufs(q, len);
	if (bufs > tx_room(q, packed, bufs))
		return UINT32_MAX;
	for (; m != NULL && done < len; m = m->next) {
		uint32_t part = RTE_MIN((uint32_t)m->data_len, len - done);

		folio_virtq_tx_piece(q, q->tail, done, rte_pktmbuf_mtod(m, const void *), part,
				     folio_kernel_exact);
		done += part;
	}
	if (done < len) {
		/* Nothing was described or published: the buffers are simply used again. */
		tq->stats.bad_chain++;
		return 0;
	}
	if (packed)
		folio_packed_tx_chain(q, len, bufs);
	else
		folio_split_tx_chain(q, len, bufs);
	return bufs;
}

/*
 * A frame that leaves work to the device. UINT32_MAX also if that does not do it, as it is another
 * one than was asked: the frame goes back to whoever can do it.
 */
static __rte_noinline uint32_t
transmit_leaving(struct folio_tx_queue *tq, struct folio_vq *end, bool packed, struct rte_mbuf *m)
{
	struct folio_virtq *q = &end->q;
	uint32_t s = q->tail, needs = FOLIO_VQ_CSUM, max = q->max_frame, bufs;
	struct folio_meta meta;

	if (folio_meta_of_mbuf(m, &meta) <= 0) {
		tq->stats.bad_offload++;
		return 0;
	}
	if (meta.gso_type != FOLIO_GSO_NONE) {
		needs |= meta.gso_type == FOLIO_GSO_TCP4 ? FOLIO_VQ_TSO4 : FOLIO_VQ_TSO6;
		max = folio_virtq_gso_max(q);
	}
	if ((end->does & needs) != needs)
		return UINT32_MAX;
	bufs = transmit_slow(tq, q, packed, m, max);
	if (bufs != 0 && bufs != UINT32_MAX)
		folio_virtq_tx_meta(q, s, &meta);
	return bufs;
}

ALWAYS_INLINE bool
leaves_work(const struct rte_mbuf *m, const bool leaving)
{
	return leaving && unlikely((m->ol_flags & FOLIO_TX_WORK) != 0);
}

ALWAYS_INLINE bool
tx_is_plain(const struct rte_mbuf *m, uint32_t max, const bool leaving)
{
	return !leaves_work(m, leaving) && m->nb_segs == 1 &&
	       (uint32_t)m->data_len - FOLIO_VIRTQ_FRAME_MIN <= max - FOLIO_VIRTQ_FRAME_MIN;
}

/* Plain frames, a buffer each, for which there is room. Returns how many there were. */
ALWAYS_INLINE uint16_t
transmit_row(struct folio_virtq *to, const bool packed, const bool leaving,
	     struct rte_mbuf **pkts, uint32_t n, uint64_t *bytes)
{
	const uint32_t max = to->plain_max;
	struct folio_virtq q; /* a copy, as above */
	uint64_t sum = 0;
	uint32_t i;

	folio_virtq_copy(&q, to);
	for (i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];
		uint32_t len = m->data_len;

		if (unlikely(!tx_is_plain(m, max, leaving)))
			break;
		folio_virtq_prefetch_write(&q, q.tail + folio_virtq_ahead(len), len);
		if (packed)
			folio_packed_tx_put(&q, rte_pktmbuf_mtod(m, const void *), len,
					    folio_kernel_exact);
		else
			folio_split_tx_put(&q, rte_pktmbuf_mtod(m, const void *), len,
					   folio_kernel_exact);
		sum += len;
	}
	folio_virtq_tx_keep(to, &q);
	*bytes += sum;
	return (uint16_t)i;
}

ALWAYS_INLINE uint16_t
transmit_to(struct folio_tx_queue *tq, struct folio_vq *end, const bool packed,
	    const bool leaving, struct rte_mbuf **pkts, uint16_t n)
{
	struct folio_virtq *q = &end->q;
	uint32_t room = tx_room(q, packed, n);
	uint64_t bytes = 0;
	uint16_t dropped = 0, i = 0;
	bool chained = false;

	for (;;) {
		uint32_t bufs;

		i += transmit_row(q, packed, leaving, &pkts[i], RTE_MIN((uint32_t)n - i, room),
				  &bytes);
		if (likely(i == n))
			break;
		/* Known room need not be all there is, if frames took more of it than one each. */
		room = q->size - (q->tail - q->head);
		if (room == 0 && i > 0)
			room = tx_room(q, packed, 1);
		if (room == 0)
			break; /* what is behind it is not looked at */
		if (tx_is_plain(pkts[i], q->plain_max, leaving))
			continue;
		if (leaves_work(pkts[i], leaving))
			bufs = transmit_leaving(tq, end, packed, pkts[i]);
		else
			bufs = transmit_slow(tq, q, packed, pkts[i], q->max_frame);
		if (bufs == UINT32_MAX)
			break;
		/* It may have learnt of more room than was known. */
		room = q->size - (q->tail - q->head);
		chained |= pkts[i]->nb_segs > 1;
		dropped += bufs == 0;
		bytes += bufs == 0 ? 0 : pkts[i]->pkt_len;
		i++;
	}
	if (likely(i != dropped)) {
		if (packed)
			folio_packed_tx_publish(q);
		else
			folio_split_tx_publish(q);
		if (unlikely(wants_doorbell(q, packed)))
			folio_vq_ring(end);
	}
	if (likely(!q->broken)) {
		tq->stats.packets += i - dropped;
		tq->stats.bytes += bytes;
	} else {
		tq->stats.lost += i - dropped;
	}
	/* Copied: the mbufs have done their work. */
	folio_mbuf_free_sent(tq, pkts, i, chained);
	return i;
}

ALWAYS_INLINE uint16_t
transmit_through(struct folio_tx_queue *tq, const bool leaving, struct rte_mbuf **pkts, uint16_t n)
{
	struct folio_vq *end = tq->common.end;

	if (!folio_gate_enter(&end->gate))
		return 0;
	if (folio_vq_is_packed(end))
		n = transmit_to(tq, end, true, leaving, pkts, n);
	else
		n = transmit_to(tq, end, false, leaving, pkts, n);
	/* Last: who has stopped a port may free its mempools. */
	folio_gate_leave(&end->gate);
	return n;
}

static uint16_t
transmit(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	return transmit_through(queue, false, pkts, n);
}

static uint16_t
transmit_what_leaves(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	return transmit_through(queue, true, pkts, n);
}

static uint32_t
device_does(void *queue, uint32_t *longest)
{
	struct folio_tx_queue *tq = queue;
	struct folio_vq *end = tq->common.end;
	uint32_t does = 0;

	*longest = 0;
	if (folio_gate_enter(&end->gate)) {
		does = end->does;
		*longest = folio_virtq_gso_max(&end->q);
		folio_gate_leave(&end->gate);
	}
	return does;
}

static bool
has_room(void *queue, uint32_t frames, uint32_t len)
{
	struct folio_tx_queue *tq = queue;
	struct folio_vq *end = tq->common.end;
	struct folio_virtq *q = &end->q;
	bool room = false;

	if (folio_gate_enter(&end->gate)) {
		uint64_t want = (uint64_t)frames * folio_virtq_frame_bufs(q, len);

		want = RTE_MIN(want, q->size / 2);
		room = tx_room(q, folio_vq_is_packed(end), (uint32_t)want) >= want;
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
	.tx_leaving = transmit_what_leaves,
	.tx_other_does = device_does,
};
