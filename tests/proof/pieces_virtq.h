/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_PROOF_PIECES_VIRTQ_H
#define FOLIO_PROOF_PIECES_VIRTQ_H

/*
 * As pieces.h, of virtqueues: that a part ends where its buffer does is a relation. WP proves it
 * for every size of queue and buffer; EVA proves at every call that what is required here holds.
 */

#include "virtio/queue.h"

/* What a queue is attached with. Private tables, and the buffers, which the device writes. */
/*@ predicate vq_shape(struct folio_virtq *q) =
      1 <= q->size <= 32768 && q->mask == q->size - 1 && 64 <= q->room <= 65600 &&
      q->stride == q->room + 64 && 14 <= q->plain_max <= q->room &&
      q->plain_max <= q->max_frame <= 65535;

    predicate vq_tables(struct folio_virtq *q) =
      \valid(q->at + (0 .. q->mask)) && \valid(q->note + (0 .. q->mask)) &&
      \valid(q->said + (0 .. q->mask)) && \valid(q->lens + (0 .. q->mask)) &&
      \separated(q, q->at + (0 .. q->mask), q->note + (0 .. q->mask), q->said + (0 .. q->mask),
                 q->lens + (0 .. q->mask), q->bufs + (0 .. q->size * q->stride - 1));

    predicate vq_buffers(struct folio_virtq *q) = \valid(q->bufs + (0 .. q->size * q->stride - 1));

    predicate vq_ids(struct folio_virtq *q) =
      \forall integer i; 0 <= i <= q->mask ==> q->at[i] <= q->mask;

    predicate vq_lens(struct folio_virtq *q) =
      \forall integer i; 0 <= i <= q->mask ==> q->lens[i] <= q->room + 12;
*/

/*@ requires shape: \valid(q) && vq_shape(q);
    requires tables: vq_tables(q) && vq_ids(q);
    requires buffers: vq_buffers(q);
    requires length: offset <= 65600 && len <= 65600;
    requires there: len == 0 || \valid_read((uint8_t *)src + (0 .. len - 1));
    assigns q->bufs[0 .. q->size * q->stride - 1], q->note[0 .. q->mask];
*/
void folio_virtq_tx_piece(struct folio_virtq *q, uint32_t s, uint32_t offset, const void *src,
			  uint32_t len, folio_copy_fn exact);

/*@ requires shape: \valid_read(q) && vq_shape(q);
    requires tables: vq_tables(q);
    requires buffers: vq_buffers(q);
    requires returned: vq_lens(q) && q->lens[0] >= 12;
    requires room: len == 0 || \valid((uint8_t *)dst + (0 .. len - 1));
    requires private: len == 0 || \separated(q, q->at + (0 .. q->mask), q->lens + (0 .. q->mask),
      (uint8_t *)dst + (0 .. len - 1));
    assigns ((uint8_t *)dst)[0 .. len - 1];
*/
void folio_virtq_rx_piece(const struct folio_virtq *q, uint32_t s, uint32_t offset, void *dst,
			  uint32_t len, folio_copy_fn exact);

#endif /* FOLIO_PROOF_PIECES_VIRTQ_H */
