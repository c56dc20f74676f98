/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include "virtio/split.h"

/* Device not trusted: its index is valid from the one seen last to all that it has. */
uint32_t
folio_split_refresh(struct folio_virtq *q)
{
	uint16_t idx, known = q->seen - q->used;

	if (q->broken)
		return 0;
	idx = folio_fetch16_acquire(&q->back->idx);
	if (q->weak)
		folio_shared_fence();
	if ((uint16_t)(idx - q->seen) > (uint16_t)(q->avail - q->used) - known)
		return folio_virtq_give_up(q, &q->bad_index);
	q->seen = idx;
	return (uint16_t)(idx - q->used);
}

/* Device not trusted: ids are looked up by folio_virtq_take(), but for those that are expected. */
uint32_t
folio_split_reclaim(struct folio_virtq *q)
{
	uint32_t known = folio_split_refresh(q), chains;
	struct folio_virtq c; /* a copy: see there */
	uint32_t used, id;

	while (known > 0) {
		folio_virtq_copy(&c, q);
		used = q->used;
		do {
			id = (uint32_t)folio_fetch64(&c.elem[used & c.mask]);
			if (!folio_split_is_oldest(&c, id))
				break;
			c.head++;
			used++;
		} while (--known > 0);
		q->head = c.head;
		q->used = (uint16_t)used;
		if (known == 0)
			break;
		chains = folio_virtq_take(q, id);
		if (chains > known)
			chains = folio_virtq_give_up(q, &q->bad_index);
		if (chains == 0)
			break;
		q->used = (uint16_t)(q->used + chains);
		known -= chains;
	}
	return q->size - (q->tail - q->head); /* 0 if it is broken */
}

enum folio_virtq_verdict
folio_split_rx_judge(struct folio_virtq *q, uint32_t s, uint64_t word, uint32_t bufs,
		     struct folio_virtq_frame *frame)
{
	return folio_virtq_judge(q, false, s, (uint32_t)word, (uint32_t)(word >> 32), bufs, frame);
}

/* Ring entries are said from place q->avail on, which receive has for the place q->tail. */
void
folio_split_rx_say(struct folio_virtq *q, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		folio_split_say(q, folio_virtq_at(q, q->tail + i));
	q->avail = (uint16_t)(q->avail - n); /* folio_split_rx_commit() counts them */
}

void
folio_split_rx_fill(struct folio_virtq *q)
{
	uint32_t i;

	for (i = 0; i < q->size; i++) {
		folio_put64(&q->desc[i].addr, q->addr[i]);
		folio_put64(&q->desc[i].rest, (uint64_t)VIRTQ_DESC_F_WRITE << 32 |
			    (q->room + VIRTIO_NET_HDR_LEN));
		folio_split_say(q, (uint16_t)i);
	}
	q->tail = q->size;
	folio_put16(&q->ring->flags, VIRTQ_AVAIL_F_NO_INTERRUPT);
	folio_put16_release(&q->ring->idx, q->avail);
}

void
folio_split_tx_ready(struct folio_virtq *q)
{
	uint32_t i;

	for (i = 0; i < q->size; i++)
		folio_put64(&q->desc[i].addr, q->addr[i]);
	folio_put16(&q->ring->flags, VIRTQ_AVAIL_F_NO_INTERRUPT);
}

void
folio_split_tx_chain(struct folio_virtq *q, uint32_t len, uint32_t bufs)
{
	uint32_t part = len < q->room ? len : q->room;
	uint16_t head = folio_virtq_at(q, q->tail);
	uint32_t i;

	folio_virtq_clean(q, head);
	q->note[head] = (uint16_t)(bufs - 1);
	part += VIRTIO_NET_HDR_LEN;
	len += VIRTIO_NET_HDR_LEN;
	for (i = 0; i < bufs; i++) {
		uint16_t id = folio_virtq_at(q, q->tail + i);
		uint64_t rest = part;

		len -= part;
		if (i + 1 < bufs)
			rest |= (uint64_t)VIRTQ_DESC_F_NEXT << 32 |
				(uint64_t)folio_virtq_at(q, q->tail + i + 1) << 48;
		folio_put64(&q->desc[id].rest, rest);
		part = len < q->room + VIRTIO_NET_HDR_LEN ? len : q->room + VIRTIO_NET_HDR_LEN;
	}
	folio_split_say(q, head);
	q->tail += bufs;
}

bool
folio_split_watch(struct folio_virtq *q)
{
	return folio_virtq_watch(q, (folio_fetch16(&q->back->flags) & VIRTQ_USED_F_NO_NOTIFY) != 0);
}
