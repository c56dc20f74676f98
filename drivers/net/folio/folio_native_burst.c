/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Receive and transmit bursts of the native datapath. Compiled once per instruction set;
 * FOLIO_BURST_OPS is the name of the table to define. Nothing here allocates but from the mempool,
 * calls the kernel, or executes an instruction that traps in an SNP guest.
 */

#include "boundary/copy_kernel.h"
#include "folio_mbuf.h"
#include "port.h"

/* For folio_mbuf_scatter(). */
static void
copy_piece(const void *ring, uint32_t at, uint32_t offset, void *dst, uint32_t len)
{
	folio_cons_piece(ring, at, offset, dst, len, folio_kernel_exact);
}

enum slow_result {
	SLOW_RECEIVED,
	SLOW_DROPPED,
	SLOW_NO_MBUFS, /* end the burst; the frame stays */
	SLOW_STOP,     /* end the burst; framing is lost */
};

/* A descriptor that the fast check did not take: several slots, several mbufs, or a violation. */
static __rte_noinline enum slow_result
receive_slow(struct folio_rx_queue *q, struct folio_reserve *r, uint64_t desc, uint32_t head,
	     struct folio_frame *frame)
{
	struct folio_rxq *end = q->common.end;

	switch (folio_cons_judge(&end->ring, desc, head, frame)) {
	case FOLIO_HALT:
		return SLOW_STOP;
	case FOLIO_DROP:
		return SLOW_DROPPED;
	case FOLIO_TAKE:
		break;
	}
	if (!folio_mbuf_takes(q, frame->len))
		return SLOW_DROPPED;
	return folio_mbuf_scatter(q, r, &end->ring, head, frame->len, copy_piece) ? SLOW_RECEIVED
										  : SLOW_NO_MBUFS;
}

/*
 * Plain frames in the slots from *head to until - 1: they take a slot and an mbuf each. Moves *head
 * to the first slot that holds something else and returns its descriptor, which nobody fetches a
 * second time. Slots are filled up to `stop`.
 */
static __rte_always_inline uint64_t
receive_row(const struct folio_rx_queue *q, const struct folio_cons *c, struct rte_mbuf **pkts,
	    uint32_t *head, uint32_t until, uint32_t stop, uint64_t *bytes)
{
	const uint64_t rearm[2] = {q->rearm[0], q->rearm[1]};
	const uint32_t fast_max = RTE_MIN(q->fast_max, c->plain_max);
	const uint16_t data_off = q->data_off;
	uint32_t at = *head;
	uint64_t sum = 0, desc = 0;

	for (; at != until; at++, pkts++) {
		struct rte_mbuf *m = *pkts;
		uint32_t len;

		desc = folio_cons_desc(c, at);
		if (unlikely(!folio_desc_is_plain(desc, fast_max)))
			break;
		len = (uint32_t)desc;
		folio_cons_prefetch(c, at, stop - at);
		folio_cons_get(c, at, (uint8_t *)m->buf_addr + data_off, len, folio_kernel_padded);
		folio_mbuf_fill(m, rearm, len);
		sum += len;
	}
	*head = at;
	*bytes += sum;
	return desc;
}

/* Out of the way of the ordinary case. */
static __rte_noinline void
discard(struct rte_mbuf **pkts, uint16_t n)
{
	rte_pktmbuf_free_bulk(pkts, n);
}

/*
 * The frames of a burst that came as far as slot `head` go to the application, and their slots back
 * to the peer; unless the session ended under the burst: then what it copied is nothing that
 * anybody sent.
 */
static __rte_always_inline uint16_t
deliver(struct folio_rx_queue *q, struct rte_mbuf **pkts, uint16_t n, uint32_t head, uint64_t bytes)
{
	struct folio_rxq *end = q->common.end;
	struct folio_cons *c = &end->ring;

	if (unlikely(!folio_cons_stands(c))) {
		discard(pkts, n);
		return 0;
	}
	folio_cons_commit(c, head);
	q->stats.packets += n;
	q->stats.bytes += bytes;
	return n;
}

/* How far a receive burst has come. */
struct progress {
	uint32_t head;
	uint32_t stop; /* slots are filled up to here */
	uint16_t got;
	uint16_t n;    /* mbufs allocated: pkts[got] to pkts[n - 1] are not filled */
	bool starved;  /* there were fewer than asked for; counted once a burst */
	uint64_t bytes;
};

/*
 * The rest of a burst, and its end, from a slot on that holds no plain frame, but `desc`. Apart
 * from the ordinary case, so that this does without what is needed here only.
 */
static __rte_noinline uint16_t
receive_mixed(struct folio_rx_queue *q, struct rte_mbuf **pkts, uint64_t desc, struct progress *p)
{
	struct folio_rxq *end = q->common.end;
	const struct folio_cons c = end->ring;
	uint32_t until, first;

	do {
		struct folio_reserve reserve = {.pkts = pkts, .used = p->got, .n = p->n};
		struct folio_frame frame;

		switch (receive_slow(q, &reserve, desc, p->head, &frame)) {
		case SLOW_RECEIVED:
			p->bytes += frame.len;
			p->got++;
			/* fallthrough */
		case SLOW_DROPPED:
			p->head += frame.slots;
			break;
		case SLOW_NO_MBUFS:
			p->starved = true;
			/* fallthrough */
		case SLOW_STOP:
			p->stop = p->head;
			break;
		}
		p->n = reserve.n;
		first = p->head;
		until = first + RTE_MIN((uint32_t)p->n - p->got, p->stop - first);
		desc = receive_row(q, &c, &pkts[p->got], &p->head, until, p->stop, &p->bytes);
		p->got += p->head - first;
	} while (p->head != until);
	if (p->got < p->n)
		rte_mempool_put_bulk(q->pool, (void **)&pkts[p->got], p->n - p->got);
	q->stats.nombuf += p->starved;
	p->got = deliver(q, pkts, p->got, p->head, p->bytes);
	folio_gate_leave(&end->gate);
	return p->got;
}

/* The rest of a burst of up to n frames for which the pool has not enough mbufs now. */
static __rte_noinline uint16_t
receive_starved(struct folio_rx_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	struct folio_rxq *end = q->common.end;
	struct folio_cons *c = &end->ring;
	struct progress p = {
		.head = c->head,
		.stop = c->seen,
		.n = folio_mbuf_alloc_fewer(q, pkts, n),
		.starved = true,
	};

	if (p.n > 0)
		return receive_mixed(q, pkts, folio_cons_desc(c, p.head), &p);
	q->stats.nombuf++;
	folio_gate_leave(&end->gate);
	return 0;
}

static uint16_t
receive(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct folio_rx_queue *q = queue;
	struct folio_rxq *end = q->common.end;
	struct folio_cons c; /* a copy: stores to packets can't alias it */
	uint32_t head, until, stop;
	uint64_t desc, bytes = 0;

	if (!folio_gate_enter(&end->gate))
		return 0;
	stop = folio_cons_avail(&end->ring, n);
	n = RTE_MIN(n, stop);
	if (n == 0)
		goto leave;
	if (unlikely(rte_mempool_get_bulk(q->pool, (void **)pkts, n) != 0))
		return receive_starved(q, pkts, n);

	c = end->ring;
	head = c.head;
	stop += head;
	until = head + n;
	desc = receive_row(q, &c, pkts, &head, until, stop, &bytes);
	if (unlikely(head != until)) {
		struct progress p = {
			.head = head,
			.stop = stop,
			.got = (uint16_t)(n - (until - head)),
			.n = n,
			.bytes = bytes,
		};

		return receive_mixed(q, pkts, desc, &p);
	}
	n = deliver(q, pkts, n, head, bytes);
leave:
	folio_gate_leave(&end->gate);
	return n;
}

/*
 * A frame of several segments, several slots, or not fit to be sent, of a burst of n.
 * Returns the slots used, 0 if the frame is to be dropped, UINT32_MAX if there is no room for it
 * now.
 */
static __rte_noinline uint32_t
transmit_slow(struct folio_tx_queue *q, const struct rte_mbuf *m, uint32_t head, uint32_t n)
{
	struct folio_txq *end = q->common.end;
	struct folio_prod *p = &end->ring;
	uint32_t len = m->pkt_len;
	uint32_t slots, used, done = 0;

	if (len < FOLIO_WIRE_FRAME_MIN || len > p->max_frame) {
		q->stats.bad_length++;
		return 0;
	}
	slots = folio_frame_slots(p->stride, len);
	used = head - p->head;
	if (slots + used > folio_prod_room(p, slots + used))
		return UINT32_MAX;
	for (; m != NULL && done < len; m = m->next) {
		uint32_t part = RTE_MIN((uint32_t)m->data_len, len - done);

		folio_prod_piece(p, head, done, rte_pktmbuf_mtod(m, const void *), part,
				 folio_kernel_exact);
		done += part;
	}
	if (done < len) {
		/* Nothing was described or published: the slots are simply used again. */
		q->stats.bad_chain++;
		return 0;
	}
	folio_prod_describe(p, head, len);
	/* The room that the burst asked for was that of n slots. */
	(void)folio_prod_room(p, used + slots + n);
	return slots;
}

static uint16_t
transmit(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct folio_tx_queue *q = queue;
	struct folio_txq *end = q->common.end;
	struct folio_prod p; /* a copy, as above */
	uint32_t head, stop, max;
	uint64_t bytes = 0;
	bool chained = false;
	uint16_t dropped = 0;
	uint16_t i;

	if (!folio_gate_enter(&end->gate))
		return 0;
	stop = folio_prod_room(&end->ring, n);
	p = end->ring;
	head = p.head;
	stop += head;
	max = p.plain_max;
	for (i = 0; i < n && (int32_t)(stop - head) > 0; i++) {
		const struct rte_mbuf *m = pkts[i];
		uint32_t len = m->data_len;
		uint32_t slots;

		if (likely(m->nb_segs == 1 &&
			   len - FOLIO_WIRE_FRAME_MIN <= max - FOLIO_WIRE_FRAME_MIN)) {
			folio_prod_put(&p, head, rte_pktmbuf_mtod(m, const void *), len,
				       folio_kernel_exact);
			bytes += len;
			head++;
			continue;
		}
		slots = transmit_slow(q, m, head, n);
		if (slots == UINT32_MAX)
			break;
		/* The slow path may have learnt of more room than we knew of. */
		stop = end->ring.seen + p.size;
		chained |= m->nb_segs > 1;
		dropped += slots == 0;
		bytes += slots == 0 ? 0 : m->pkt_len;
		head += slots;
	}
	if (likely(head != p.head && folio_prod_publish(&end->ring, head))) {
		q->stats.packets += i - dropped;
		q->stats.bytes += bytes;
	} else {
		/* Nothing was sent, or a lost session took it, like what is in the ring. */
		q->stats.lost += i - dropped;
	}
	/* Copied: the mbufs have done their work. */
	folio_mbuf_free_sent(q, pkts, i, chained);
	/* Last: who has stopped a port may free its mempools. */
	folio_gate_leave(&end->gate);
	return i;
}

static bool
has_room(void *queue, uint32_t frames, uint32_t len)
{
	struct folio_tx_queue *q = queue;
	struct folio_txq *end = q->common.end;
	struct folio_prod *p = &end->ring;
	bool room = false;

	if (folio_gate_enter(&end->gate)) {
		uint64_t want = (uint64_t)frames * folio_frame_slots(p->stride, len);

		want = RTE_MIN(want, p->size / 2);
		room = folio_prod_room(p, (uint32_t)want) >= want;
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
