/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include "virtio/packed.h"

/* Device not trusted: ids are looked up by folio_virtq_take(), but for the one that is expected. */
static bool
take_back(struct folio_virtq *q, uint64_t word)
{
	return folio_packed_is_back(q, q->head, word) &&
	       folio_virtq_take(q, (uint16_t)(word >> 32)) != 0;
}

/* Device not trusted: what is not the ordinary case as a whole is for take_back(). */
uint32_t
folio_packed_reclaim(struct folio_virtq *q)
{
	struct folio_virtq c; /* a copy: see there */
	uint64_t word;

	while (q->head != q->tail && !q->broken) {
		folio_virtq_copy(&c, q);
		do {
			word = folio_packed_rx_word(&c, c.head);
		} while (folio_packed_is_oldest(&c, word) && ++c.head != c.tail);
		q->head = c.head;
		if (c.head == c.tail || !take_back(q, word))
			break;
	}
	return q->size - (q->tail - q->head); /* 0 if it is broken */
}

enum folio_virtq_verdict
folio_packed_rx_judge(struct folio_virtq *q, uint32_t s, uint64_t word, uint32_t bufs,
		      struct folio_virtq_frame *frame)
{
	if (!folio_packed_is_back(q, s, word))
		return FOLIO_VIRTQ_NONE;
	return folio_virtq_judge(q, true, s, (uint16_t)(word >> 32), (uint32_t)word, bufs, frame);
}

void
folio_packed_rx_fill(struct folio_virtq *q)
{
	folio_put16(&q->event->flags, VIRTQ_EVENT_DISABLE);
	folio_packed_rx_give(q, q->size);
}

void
folio_packed_tx_ready(struct folio_virtq *q)
{
	folio_put16(&q->event->flags, VIRTQ_EVENT_DISABLE);
}

void
folio_packed_tx_chain(struct folio_virtq *q, uint32_t len, uint32_t bufs)
{
	uint32_t part = len < q->room ? len : q->room;
	uint16_t head = folio_virtq_at(q, q->tail);
	uint32_t i;

	folio_virtq_clean(q, head);
	q->note[head] = (uint16_t)(bufs - 1);
	part += VIRTIO_NET_HDR_LEN;
	len += VIRTIO_NET_HDR_LEN;
	for (i = 0; i < bufs; i++) {
		len -= part;
		folio_packed_give(q, q->tail + i, folio_virtq_at(q, q->tail + i), part,
				  i + 1 < bufs ? VIRTQ_DESC_F_NEXT : 0, head);
		part = len < q->room + VIRTIO_NET_HDR_LEN ? len : q->room + VIRTIO_NET_HDR_LEN;
	}
	q->tail += bufs;
}

bool
folio_packed_watch(struct folio_virtq *q)
{
	return folio_virtq_watch(q, folio_fetch16(&q->dev_event->flags) == VIRTQ_EVENT_DISABLE);
}
