/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include "vf/advq.h"

void
folio_advq_attach(struct folio_advq *q, const struct folio_advq_memory *m, uint64_t errors)
{
	q->head = 0;
	q->tail = 0;
	q->size = m->size;
	q->mask = m->size - 1;
	q->stride = m->stride;
	q->max_frame = m->max_frame;
	q->weak = 0;
	q->dropping = 0;
	q->told = 0;
	q->marks = 0;
	q->marks_done = 0;
	q->errors = errors;
	q->mark = m->mark;
	q->addr = m->addr;
	q->desc = m->desc;
	q->bufs = m->bufs;
	memset(q->desc, 0, folio_advq_ring_bytes(m->size));
	memset(q->bufs, 0, (uint64_t)m->size * m->stride);
}

void
folio_advq_rx_fill(struct folio_advq *q)
{
	uint32_t i;

	for (i = 0; i < q->size; i++)
		folio_put64(&q->desc[i].addr, q->addr[i]);
	q->tail = q->size - 1;
	q->told = q->tail;
}

bool
folio_advq_valid(const struct folio_advq *q)
{
	uint32_t given = q->tail - q->head, marks = q->marks - q->marks_done;
	uint32_t at = q->head, i;

	if (q->size < 2 || (q->size & (q->size - 1)) != 0 || q->mask != q->size - 1 ||
	    given >= q->size || marks > given || q->tail - q->told >= q->size)
		return false;
	if (q->max_frame < FOLIO_ADVQ_FRAME_MIN || q->max_frame > q->stride)
		return false;
	/* Marks go up, and the last is behind all that was told. */
	for (i = q->marks_done; i != q->marks; i++) {
		uint32_t behind = q->mark[i & q->mask];

		if (behind == at || behind - q->head > given)
			return false;
		at = behind;
	}
	return marks == 0 || at == q->told;
}

/* The card is not trusted: it may give frames without end, of any length, and any bits. */
enum folio_advq_verdict
folio_advq_rx_judge(struct folio_advq *q, uint64_t word)
{
	uint32_t len = folio_advq_rx_len(word);
	bool ends = (word & FOLIO_ADVQ_RX_END) != 0;

	if ((word & FOLIO_ADVQ_RX_DONE) == 0)
		return FOLIO_ADVQ_NONE;
	if (q->dropping != 0 || !ends) {
		/* Counted once, at its beginning. Its end goes too, or it would pass as a frame. */
		if (q->dropping == 0)
			folio_count(&q->bad_chain);
		q->dropping = !ends;
		return FOLIO_ADVQ_DROP;
	}
	if ((word & q->errors) != 0) {
		folio_count(&q->bad_frame);
		return FOLIO_ADVQ_DROP;
	}
	if (len < FOLIO_ADVQ_FRAME_MIN || len > q->max_frame) {
		folio_count(&q->bad_length);
		return FOLIO_ADVQ_DROP;
	}
	return FOLIO_ADVQ_TAKE;
}

uint32_t
folio_advq_rx_used(const struct folio_advq *q)
{
	uint32_t at = __atomic_load_n(&q->head, __ATOMIC_RELAXED), n;

	for (n = 0; n < q->size - 1; n++, at++) {
		uint64_t word = folio_fetch64(&q->desc[at & q->mask].state);

		if ((word & FOLIO_ADVQ_RX_DONE) == 0)
			break;
	}
	return n;
}

uint32_t
folio_advq_tx_used(const struct folio_advq *q)
{
	uint32_t n = __atomic_load_n(&q->tail, __ATOMIC_RELAXED) -
		     __atomic_load_n(&q->head, __ATOMIC_RELAXED);

	return n < q->size ? n : 0;
}

uint32_t
folio_advq_tx_reported(const struct folio_advq *q, uint32_t marks)
{
	uint32_t at = __atomic_load_n(&q->marks_done, __ATOMIC_RELAXED), n;

	for (n = 0; n < q->size && at != marks; n++, at++) {
		uint32_t behind = __atomic_load_n(&q->mark[at & q->mask], __ATOMIC_RELAXED);
		uint64_t word = folio_fetch64(&q->desc[(behind - 1) & q->mask].state);

		if ((word & FOLIO_ADVQ_TX_DONE) == 0)
			break;
	}
	return at;
}
