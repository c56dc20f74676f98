/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* What the device says of a received frame, and whether to believe it. Off the fast path. */

#include "virtio/packed.h"
#include "virtio/split.h"

/* One more buffer of a frame, at place s. False: the device has not returned it. */
static bool
next_buffer(const struct folio_virtq *q, bool packed, uint32_t s, uint32_t *id, uint32_t *len)
{
	uint64_t word;

	if (s == q->tail)
		return false;
	if (packed) {
		word = folio_packed_rx_word(q, s);
		*id = (uint16_t)(word >> 32);
		*len = (uint32_t)word;
		return folio_packed_is_back(q, s, word);
	}
	if (s - q->head >= (uint16_t)(q->seen - q->used))
		return false;
	word = folio_split_rx_word(q, s);
	*id = (uint32_t)word;
	*len = (uint32_t)(word >> 32);
	return true;
}

/* Is the buffer that was returned at place s one that the device has? Then it is at[s] now. */
static bool
has(struct folio_virtq *q, uint32_t s, uint32_t id)
{
	return id == folio_virtq_at(q, s) || folio_virtq_find(q, s, id);
}

/*
 * Keep what the device says that it wrote into buffer i of a frame, for who copies: nothing where
 * it is more than there is room for, or nothing but a header. Device not trusted: len is any.
 */
static bool
keep_len(struct folio_virtq *q, uint32_t i, uint32_t len)
{
	uint32_t least = i == 0 ? VIRTIO_NET_HDR_LEN : 0;
	bool fits = len > least && len <= q->room + VIRTIO_NET_HDR_LEN;

	q->lens[i & q->mask] = fits ? len : 0;
	return fits;
}

/* Device not trusted: total is what it says of all buffers together, headers included. */
static enum folio_virtq_verdict
by_length(struct folio_virtq *q, bool fits, uint64_t total, struct folio_virtq_frame *frame)
{
	if (!fits || total < VIRTIO_NET_HDR_LEN + FOLIO_VIRTQ_FRAME_MIN ||
	    total > VIRTIO_NET_HDR_LEN + (uint64_t)q->max_frame) {
		folio_count(&q->bad_length);
		frame->len = 0;
		return FOLIO_VIRTQ_DROP;
	}
	frame->len = (uint32_t)(total - VIRTIO_NET_HDR_LEN);
	return FOLIO_VIRTQ_TAKE;
}

/* Device not trusted: id, len and what the header says are any numbers. */
enum folio_virtq_verdict
folio_virtq_judge(struct folio_virtq *q, bool packed, uint32_t s, uint32_t id, uint32_t len,
		  uint32_t bufs, struct folio_virtq_frame *frame)
{
	uint64_t total = 0;
	bool fits = true;
	uint32_t i = 0;

	if (!has(q, s, id))
		return FOLIO_VIRTQ_HALT;
	if (bufs == FOLIO_VIRTQ_UNSEEN)
		bufs = q->mergeable ? folio_virtq_num_buffers(q, s) : 1;
	for (;;) {
		fits &= keep_len(q, i, len);
		total += len;
		if (++i == bufs)
			break;
		/*
		 * A frame is returned whole. If not, or if it is said to have no buffer, or more
		 * than there are, where the next one begins is anybody's guess.
		 */
		if (!next_buffer(q, packed, s + i, &id, &len)) {
			folio_virtq_give_up(q, &q->bad_chain);
			return FOLIO_VIRTQ_HALT;
		}
		if (!has(q, s + i, id))
			return FOLIO_VIRTQ_HALT;
	}
	frame->bufs = bufs;
	return by_length(q, fits, total, frame);
}
