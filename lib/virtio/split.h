/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VIRTIO_SPLIT_H
#define FOLIO_VIRTIO_SPLIT_H

/*
 * Split virtqueue, the driver's side (virtio 1.2, section 2.7). No indirect descriptors. The device
 * is not trusted: its index is compared as a distance, each element is one load.
 *
 * Order. The driver stores buffers, descriptors and ring entries, then publishes the available
 * index with release. The device's used index is loaded with acquire: elements and buffers come
 * after.
 */

#include "virtio/queue.h"

/* Cold half of the next two: load the used index and check it. Returns how many are known now. */
uint32_t folio_split_refresh(struct folio_virtq *q);

/* Give back all that the device returned. Returns the buffers that are free now. */
uint32_t folio_split_reclaim(struct folio_virtq *q);

/* Cold: a frame that is not plain, word (and bufs: see folio_virtq_judge()) loaded at place s. */
enum folio_virtq_verdict folio_split_rx_judge(struct folio_virtq *q, uint32_t s, uint64_t word,
					      uint32_t bufs, struct folio_virtq_frame *frame);

/* Cold: give n buffers from place q->tail on again, some of which changed places. */
void folio_split_rx_say(struct folio_virtq *q, uint32_t n);

/* Describe the frame of len bytes in `bufs` buffers from place q->tail on, and give it. */
void folio_split_tx_chain(struct folio_virtq *q, uint32_t len, uint32_t bufs);

/* Receive: let the device have all buffers, once, behind folio_virtq_attach(). */
void folio_split_rx_fill(struct folio_virtq *q);

/* Transmit: the same, with no buffer given. */
void folio_split_tx_ready(struct folio_virtq *q);

/* Returned buffers; looks at the shared index only when fewer than want are known. */
static inline uint32_t
folio_split_rx_avail(struct folio_virtq *q, uint32_t want)
{
	uint32_t known = (uint16_t)(q->seen - q->used);

	return __builtin_expect(known >= want, 1) ? known : folio_split_refresh(q);
}

/* The one load of the element that the device returned s-th. */
static inline uint64_t
folio_split_rx_word(const struct folio_virtq *q, uint32_t s)
{
	return folio_fetch64(&q->elem[s & q->mask]);
}

static inline uint32_t
folio_split_rx_len(uint64_t word)
{
	return (uint32_t)(word >> 32) - VIRTIO_NET_HDR_LEN;
}

/*
 * The buffer that was expected, and a length that is allowed: nothing else is to be checked. max is
 * at least FOLIO_VIRTQ_FRAME_MIN, at most plain_max.
 */
static inline bool
folio_split_rx_is_plain(const struct folio_virtq *q, uint32_t s, uint64_t word, uint32_t max)
{
	return (uint32_t)word == folio_virtq_at(q, s) &&
	       folio_split_rx_len(word) - FOLIO_VIRTQ_FRAME_MIN <= max - FOLIO_VIRTQ_FRAME_MIN;
}

/* Transmit: `id` is the oldest buffer that the device has, and it heads no chain. */
static inline bool
folio_split_is_oldest(const struct folio_virtq *q, uint32_t id)
{
	uint16_t oldest = folio_virtq_at(q, q->head);

	return id == oldest && (q->note[oldest] & FOLIO_VIRTQ_MORE) == 0;
}

/* The n oldest buffers were read: the device may have them again. Once per burst. */
static inline void
folio_split_rx_commit(struct folio_virtq *q, uint32_t n)
{
	if (n == 0)
		return; /* a poll in vain does not take the index's line from the device */
	if (__builtin_expect(q->shuffled, 0))
		folio_split_rx_say(q, n);
	/* A ring entry is where it was when its buffer was given last: it says the same. */
	q->head += n;
	q->tail += n;
	q->used = (uint16_t)(q->used + n);
	q->avail = (uint16_t)(q->avail + n);
	if (__builtin_expect(q->broken | q->weak, 0))
		folio_virtq_before_publish(q);
	folio_put16_release(&q->ring->idx, q->avail);
}

/* Free buffers; looks at the shared index only when fewer than want are known to be free. */
static inline uint32_t
folio_split_tx_room(struct folio_virtq *q, uint32_t want)
{
	uint32_t room = q->size - (q->tail - q->head);

	return __builtin_expect(room >= want, 1) ? room : folio_split_reclaim(q);
}

/* Say in the ring that the chain of buffer `id` is given next. */
static inline void
folio_split_say(struct folio_virtq *q, uint16_t id)
{
	uint32_t i = q->avail & q->mask;

	if (__builtin_expect(q->said[i] != id, 0)) {
		q->said[i] = id;
		folio_put16(&q->ring->ring[i], id);
	}
	q->avail++;
}

/* Copy a frame of one buffer to the next free one, and describe it. */
static inline void
folio_split_tx_put(struct folio_virtq *q, const void *src, uint32_t len, folio_copy_fn exact)
{
	uint16_t id = folio_virtq_at(q, q->tail);

	folio_virtq_clean(q, id);
	exact(folio_virtq_buf(q, id) + FOLIO_VIRTQ_LINE, src, len);
	folio_put64(&q->desc[id].rest, len + VIRTIO_NET_HDR_LEN);
	folio_split_say(q, id);
	q->tail++;
}

/* Let the device have all that was put. Once per burst. */
static inline void
folio_split_tx_publish(struct folio_virtq *q)
{
	if (__builtin_expect(q->broken | q->weak, 0))
		folio_virtq_before_publish(q);
	folio_put16_release(&q->ring->idx, q->avail);
}

/*
 * After publishing: does the device want a doorbell? While it polls, `doorbell` is 0 and nothing is
 * loaded: folio_split_watch() sees when that changes.
 */
static inline bool
folio_split_wants_doorbell(const struct folio_virtq *q)
{
	if (__builtin_expect(__atomic_load_n(&q->doorbell, __ATOMIC_RELAXED) == 0, 1))
		return false;
	/* The index must be out before the flags are looked at: the device does it the other way. */
	folio_shared_fence();
	return (folio_fetch16(&q->back->flags) & VIRTQ_USED_F_NO_NOTIFY) == 0;
}

/*
 * For the control thread, now and then, at any time: look whether the device polls. True if a
 * doorbell may be due, as the datapath did not look. That is so at two looks in a row: the index of
 * a burst which still saw that none is wanted may be out only after the first.
 */
bool folio_split_watch(struct folio_virtq *q);

#endif /* FOLIO_VIRTIO_SPLIT_H */
