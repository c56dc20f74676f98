/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef BURSTS_H
#define BURSTS_H

/*
 * Bursts of a user of lib/virtio, as the driver's without mbufs: for unit tests, the hostile
 * device, the fuzzer, and what is counted of instructions. `packed` is a constant wherever speed
 * counts.
 */

#include <string.h>

#include "virtio/packed.h"
#include "virtio/split.h"

#define BURSTS_INLINE static inline __attribute__((always_inline))

struct bursts_frame {
	uint8_t *data;
	uint32_t len;
};

/* Buffers behind virtqueue set-up, and the first rings. */
static inline void
bursts_rx_start(struct folio_virtq *q, bool packed)
{
	if (packed)
		folio_packed_rx_fill(q);
	else
		folio_split_rx_fill(q);
}

static inline void
bursts_tx_start(struct folio_virtq *q, bool packed)
{
	if (packed)
		folio_packed_tx_ready(q);
	else
		folio_split_tx_ready(q);
}

static inline void
bursts_put_pieces(struct folio_virtq *q, bool packed, const struct bursts_frame *f, uint32_t bufs,
		  uint32_t piece, folio_copy_fn exact)
{
	uint32_t done, part;

	for (done = 0; done < f->len; done += part) {
		part = piece != 0 && piece < f->len - done ? piece : f->len - done;
		folio_virtq_tx_piece(q, q->tail, done, f->data + done, part, exact);
	}
	if (packed)
		folio_packed_tx_chain(q, f->len, bufs);
	else
		folio_split_tx_chain(q, f->len, bufs);
}

/* Returns how many of the n frames were sent, in pieces if `piece` is not 0. */
BURSTS_INLINE uint32_t
bursts_send(struct folio_virtq *q, const bool packed, const struct bursts_frame *f, uint32_t n,
	    uint32_t piece, folio_copy_fn exact)
{
	uint32_t room = packed ? folio_packed_tx_room(q, n) : folio_split_tx_room(q, n);
	uint32_t i;

	for (i = 0; i < n; i++) {
		uint32_t bufs = folio_virtq_frame_bufs(q, f[i].len);

		if (bufs > room) {
			if (bufs == 1)
				break; /* what is free was looked at */
			room = packed ? folio_packed_tx_room(q, bufs)
				      : folio_split_tx_room(q, bufs);
			if (bufs > room)
				break;
		}
		if (bufs > 1 || piece != 0)
			bursts_put_pieces(q, packed, &f[i], bufs, piece, exact);
		else if (packed)
			folio_packed_tx_put(q, f[i].data, f[i].len, exact);
		else
			folio_split_tx_put(q, f[i].data, f[i].len, exact);
		room -= bufs;
	}
	if (i == 0)
		return 0;
	if (packed)
		folio_packed_tx_publish(q);
	else
		folio_split_tx_publish(q);
	return i;
}

/* Cold: a frame that is not plain. Returns the buffers to go on by, 0 to end the burst. */
static inline uint32_t
bursts_take(struct folio_virtq *q, bool packed, uint32_t s, uint64_t word, uint32_t bufs,
	    uint32_t room, uint32_t piece, struct bursts_frame *f, uint32_t *got,
	    folio_copy_fn exact)
{
	struct folio_virtq_frame frame = {0};
	enum folio_virtq_verdict verdict;
	uint32_t done, part;

	verdict = packed ? folio_packed_rx_judge(q, s, word, bufs, &frame)
			 : folio_split_rx_judge(q, s, word, bufs, &frame);
	if (verdict == FOLIO_VIRTQ_NONE || verdict == FOLIO_VIRTQ_HALT)
		return 0;
	if (verdict == FOLIO_VIRTQ_DROP || frame.len > room)
		return frame.bufs;
	for (done = 0; done < frame.len; done += part) {
		part = piece != 0 && piece < frame.len - done ? piece : frame.len - done;
		folio_virtq_rx_piece(q, s, done, f->data + done, part, exact);
	}
	f->len = frame.len;
	(*got)++;
	return frame.bufs;
}

/* Receive up to n frames into buffers with so much room; longer ones are lost. Returns how many. */
BURSTS_INLINE uint32_t bursts_receive(struct folio_virtq *q, const bool packed,
				      struct bursts_frame *f, uint32_t n, uint32_t room,
				      uint32_t piece, folio_copy_fn exact)
{
	uint32_t avail = packed ? folio_packed_rx_avail(q, n) : folio_split_rx_avail(q, n);
	const uint32_t max = room < q->plain_max ? room : q->plain_max, s = q->head;
	uint32_t done = 0, got = 0, step;

	while (got < n && done < avail) {
		uint64_t word = packed ? folio_packed_rx_word(q, s + done)
				       : folio_split_rx_word(q, s + done);
		uint32_t bufs = FOLIO_VIRTQ_UNSEEN;
		bool plain = packed ? folio_packed_rx_is_plain(q, s + done, word, max)
				    : folio_split_rx_is_plain(q, s + done, word, max);

		if (plain && q->mergeable) {
			bufs = folio_virtq_num_buffers(q, s + done);
			plain = bufs == 1;
		}
		if (__builtin_expect(plain && piece == 0, 1)) {
			f[got].len = packed ? folio_packed_rx_len(word) : folio_split_rx_len(word);
			exact(f[got].data, folio_virtq_data(q, s + done), f[got].len);
			got++;
			done++;
			continue;
		}
		step = bursts_take(q, packed, s + done, word, bufs, room, piece, &f[got], &got,
				   exact);
		if (step == 0)
			break;
		done += step;
	}
	if (packed)
		folio_packed_rx_commit(q, done);
	else
		folio_split_rx_commit(q, done);
	return got;
}

#endif /* BURSTS_H */
