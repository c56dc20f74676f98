/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include "virtio/packed.h"
#include "virtio/split.h"

/* Device not trusted: any index, any flags; the result is a number between 0 and the size. */
static uint32_t
split_used(const struct folio_virtq *q, bool receive)
{
	uint16_t idx = folio_fetch16(&q->back->idx);
	uint16_t n = receive ? (uint16_t)(idx - __atomic_load_n(&q->used, __ATOMIC_RELAXED))
			     : (uint16_t)(__atomic_load_n(&q->avail, __ATOMIC_RELAXED) - idx);

	return n <= q->size ? n : 0;
}

/*
 * Buffers that a returned descriptor at place s stands for: its chain, and with IN_ORDER all before
 * the one that it names. Device not trusted: the id in the word is any; the result is below twice
 * the size.
 */
static uint32_t
packed_step(const struct folio_virtq *q, uint32_t s, uint64_t word, bool receive)
{
	uint32_t before = 0;

	if (q->in_order && !receive)
		before = ((uint32_t)(word >> 32) - folio_virtq_at(q, s)) & q->mask;
	return before + 1 + (q->note[folio_virtq_at(q, s + before) & q->mask] & FOLIO_VIRTQ_MORE);
}

static uint32_t
packed_used(const struct folio_virtq *q, bool receive)
{
	uint32_t head = __atomic_load_n(&q->head, __ATOMIC_RELAXED);
	uint32_t has = __atomic_load_n(&q->tail, __ATOMIC_RELAXED) - head;
	uint64_t word;
	uint32_t n = 0;

	if (has > q->size)
		return 0; /* one was read later than the other */
	while (n < has) {
		word = folio_packed_rx_word(q, head + n);
		if (!folio_packed_is_back(q, head + n, word))
			break;
		n += packed_step(q, head + n, word, receive);
	}
	if (n > has)
		n = has;
	return receive ? n : has - n;
}

uint32_t
folio_virtq_used(const struct folio_virtq *q, bool packed, bool receive)
{
	return packed ? packed_used(q, receive) : split_used(q, receive);
}
