/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VIRTIO_PACKED_H
#define FOLIO_VIRTIO_PACKED_H

/*
 * Packed virtqueue, the driver's side (virtio 1.2, section 2.8). No indirect descriptors. The
 * device is not trusted: length, id and flags of a returned descriptor are one load of eight bytes,
 * and with one comparison both the flags and the id are those that are expected.
 *
 * Place s of `at` is descriptor s mod size; its wrap counter follows from s. Nothing else is kept.
 *
 * Order. The driver stores buffers and descriptors, the first of a burst last and with release. The
 * device's word is loaded with acquire: the buffer comes after.
 */

#include "virtio/queue.h"

/* Upper half of a word: id, and the two flags that say whose it is. */
#define FOLIO_PACKED_STATE (UINT32_C(0xffff) | \
			    (uint32_t)(VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED) << 16)

/* As their namesakes in split.h. */
uint32_t folio_packed_reclaim(struct folio_virtq *q);
enum folio_virtq_verdict folio_packed_rx_judge(struct folio_virtq *q, uint32_t s, uint64_t word,
					       uint32_t bufs, struct folio_virtq_frame *frame);
void folio_packed_tx_chain(struct folio_virtq *q, uint32_t len, uint32_t bufs);
void folio_packed_rx_fill(struct folio_virtq *q);
void folio_packed_tx_ready(struct folio_virtq *q);
bool folio_packed_watch(struct folio_virtq *q);

/* The wrap counter, 1 at first, as a flag of a descriptor that is given at place s. */
static inline uint32_t
folio_packed_given(const struct folio_virtq *q, uint32_t s)
{
	return (s & q->size) == 0 ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
}

/* Both flags of a descriptor that was given at place s and came back. */
static inline uint32_t
folio_packed_back(const struct folio_virtq *q, uint32_t s)
{
	return (s & q->size) == 0 ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0;
}

/* Was the descriptor at place s returned, whatever its id? */
static inline bool
folio_packed_is_back(const struct folio_virtq *q, uint32_t s, uint64_t word)
{
	return ((uint32_t)(word >> 48) & (VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED)) ==
	       folio_packed_back(q, s);
}

/* There is no index: a burst looks at each descriptor. A queue has them all with the device. */
static inline uint32_t
folio_packed_rx_avail(struct folio_virtq *q, uint32_t want)
{
	(void)want;
	return __builtin_expect(q->broken, 0) ? 0 : q->size;
}

/* The one load of the descriptor at place s. */
static inline uint64_t
folio_packed_rx_word(const struct folio_virtq *q, uint32_t s)
{
	return folio_fetch64_acquire(&q->desc[s & q->mask].rest);
}

static inline uint32_t
folio_packed_rx_len(uint64_t word)
{
	return (uint32_t)word - VIRTIO_NET_HDR_LEN;
}

/* The buffer that was expected is back, with a length that is allowed: as in split.h. */
static inline bool
folio_packed_rx_is_plain(const struct folio_virtq *q, uint32_t s, uint64_t word, uint32_t max)
{
	uint32_t expected = folio_virtq_at(q, s) | folio_packed_back(q, s) << 16;

	return ((uint32_t)(word >> 32) & FOLIO_PACKED_STATE) == expected &&
	       folio_packed_rx_len(word) - FOLIO_VIRTQ_FRAME_MIN <= max - FOLIO_VIRTQ_FRAME_MIN;
}

/* Transmit: the oldest buffer that the device has came back, and it heads no chain. */
static inline bool
folio_packed_is_oldest(const struct folio_virtq *q, uint64_t word)
{
	uint16_t id = folio_virtq_at(q, q->head);

	return ((uint32_t)(word >> 32) & FOLIO_PACKED_STATE) ==
	       (id | folio_packed_back(q, q->head) << 16) &&
	       (q->note[id] & FOLIO_VIRTQ_MORE) == 0;
}

/*
 * Store a descriptor that is given at place s with buffer `id`, the first since the last
 * publication in private memory only.
 */
static inline void
folio_packed_give(struct folio_virtq *q, uint32_t s, uint16_t id, uint32_t len, uint32_t flags,
		  uint16_t chain)
{
	uint32_t i = s & q->mask;
	uint64_t rest = (uint64_t)(flags | folio_packed_given(q, s)) << 48 |
			(uint64_t)chain << 32 | len;

	if (__builtin_expect(q->said[i] != id, 0)) {
		q->said[i] = id;
		folio_put64(&q->desc[i].addr, q->addr[id]);
	}
	if (q->held) {
		folio_put64(&q->desc[i].rest, rest);
		return;
	}
	q->held = true;
	q->first_at = i;
	q->first = rest;
}

static inline void
folio_packed_publish(struct folio_virtq *q)
{
	if (__builtin_expect(q->broken, 0))
		folio_virtq_stay_broken(q);
	if (!q->held)
		return;
	q->held = false;
	folio_put64_release(&q->desc[q->first_at].rest, q->first);
}

/* Let the device have the next n buffers to receive into. */
static inline void
folio_packed_rx_give(struct folio_virtq *q, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		uint16_t id = folio_virtq_at(q, q->tail + i);

		folio_packed_give(q, q->tail + i, id, q->room + VIRTIO_NET_HDR_LEN,
				  VIRTQ_DESC_F_WRITE, id);
	}
	q->tail += n;
	folio_packed_publish(q);
}

/* What a descriptor says that gives buffer `id` to receive into at place s. */
static inline uint64_t
folio_packed_rx_rest(const struct folio_virtq *q, uint32_t s, uint32_t id)
{
	return (uint64_t)(VIRTQ_DESC_F_WRITE | folio_packed_given(q, s)) << 48 |
	       (uint64_t)id << 32 | (q->room + VIRTIO_NET_HDR_LEN);
}

/* The n oldest buffers were read: the device may have them again. Once per burst. */
static inline void
folio_packed_rx_commit(struct folio_virtq *q, uint32_t n)
{
	struct folio_virtq c; /* a copy: see there */
	uint32_t i, s;

	if (n == 0)
		return;
	if (__builtin_expect(q->shuffled, 0)) {
		q->head += n;
		folio_packed_rx_give(q, n);
		return;
	}
	/* Every buffer goes back to where it was, and its address is still there. */
	folio_virtq_copy(&c, q);
	s = c.tail;
	for (i = 1; i < n; i++)
		folio_put64(&c.desc[(s + i) & c.mask].rest,
			    folio_packed_rx_rest(&c, s + i, (s + i) & c.mask));
	q->head = c.head + n;
	q->tail = s + n;
	if (__builtin_expect(q->broken, 0))
		folio_virtq_stay_broken(q);
	folio_put64_release(&c.desc[s & c.mask].rest, folio_packed_rx_rest(&c, s, s & c.mask));
}

static inline uint32_t
folio_packed_tx_room(struct folio_virtq *q, uint32_t want)
{
	uint32_t room = q->size - (q->tail - q->head);

	return __builtin_expect(room >= want, 1) ? room : folio_packed_reclaim(q);
}

static inline void
folio_packed_tx_put(struct folio_virtq *q, const void *src, uint32_t len, folio_copy_fn exact)
{
	uint16_t id = folio_virtq_at(q, q->tail);

	folio_virtq_clean(q, id);
	exact(folio_virtq_buf(q, id) + FOLIO_VIRTQ_LINE, src, len);
	folio_packed_give(q, q->tail, id, len + VIRTIO_NET_HDR_LEN, 0, id);
	q->tail++;
}

static inline void
folio_packed_tx_publish(struct folio_virtq *q)
{
	folio_packed_publish(q);
}

static inline bool
folio_packed_wants_doorbell(const struct folio_virtq *q)
{
	if (__builtin_expect(__atomic_load_n(&q->doorbell, __ATOMIC_RELAXED) == 0, 1))
		return false;
	folio_shared_fence();
	return folio_fetch16(&q->dev_event->flags) != VIRTQ_EVENT_DISABLE;
}

#endif /* FOLIO_VIRTIO_PACKED_H */
