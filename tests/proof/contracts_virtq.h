/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_PROOF_CONTRACTS_VIRTQ_H
#define FOLIO_PROOF_CONTRACTS_VIRTQ_H

/*
 * Contracts of lib/virtio/, put in front of its files for WP, which proves them for every size.
 * They say of whatever the device wrote: an index is a distance within what the device has; an id is
 * compared, and nothing is computed from it; a length is within the buffer, or it is not used; what
 * is read and written is one buffer, or an entry of a private table.
 */

#include <stddef.h>
#include <stdint.h>

/*@ requires room: len == 0 || \valid(dst + (0 .. len - 1));
    requires there: len == 0 || \valid_read(src + (0 .. len - 1));
    assigns dst[0 .. len - 1];
*/
void proof_exact(uint8_t *dst, const uint8_t *src, size_t len);

#define exact(dst, src, len) proof_exact((uint8_t *)(dst), (const uint8_t *)(src), len)

#include "pieces_virtq.h"

/* Of bits: proved by mask.smt2, as those of contracts.h. */
/*@ admit lemma mask_bounds:
      \forall integer x, y; 0 <= x < 0x100000000 && 0 <= y < 0x100000000 ==>
        0 <= (x & y) <= x && (x & y) <= y;
    admit lemma wrap_below:
      \forall integer x; -0x100000000 <= x < 0 ==> (uint32_t)x == x + 0x100000000;
    admit lemma wrap_below_16:
      \forall integer x; -0x10000 <= x < 0 ==> (uint16_t)x == x + 0x10000;
    lemma mul_mono:
      \forall integer x, y, z; 0 <= x <= y && 0 <= z ==> 0 <= z * x <= z * y;
    lemma buffer_in_queue:
      \forall integer i, m, s; 0 <= i < 0x100000000 && 0 <= m < 0x100000000 && 0 < s ==>
        0 <= s * (i & m) <= s * m;
    lemma buffer_offset:
      \forall integer i, m, s; 0 <= i <= m <= 32767 && 0 <= s <= 65664 ==>
        0 <= i * s <= m * s <= 2151612288;
    lemma queue_bytes:
      \forall integer m, s; 0 <= m <= 32767 && 128 <= s <= 65664 ==>
        128 <= (m + 1) * s <= 2151677952;
*/

/*@ predicate vq_memory(struct folio_virtq *q) =
      \valid(q) && vq_shape(q) && vq_tables(q) && vq_buffers(q);

    predicate vq_split(struct folio_virtq *q) =
      \valid_read(q->elem + (0 .. q->mask)) && \valid_read(q->back);

    predicate vq_packed(struct folio_virtq *q) = \valid(q->desc + (0 .. q->mask));

    logic integer vq_has(struct folio_virtq *q) = (uint16_t)(q->avail - q->used);
    logic integer vq_known(struct folio_virtq *q) = (uint16_t)(q->seen - q->used);

    predicate vq_gave_up(struct folio_virtq *q) =
      q->broken == 1 && q->seen == q->used && (uint32_t)(q->tail - q->head) == q->size;
*/

/*@ requires \valid_read(p);
    assigns \nothing;
*/
static uint16_t folio_fetch16(const folio_shared_u16 *p);

/*@ requires \valid_read(p);
    assigns \nothing;
*/
static uint16_t folio_fetch16_acquire(const folio_shared_u16 *p);

/*@ requires \valid_read(p);
    assigns \nothing;
*/
static uint64_t folio_fetch64(const folio_shared_u64 *p);

/*@ requires \valid_read(p);
    assigns \nothing;
*/
static uint64_t folio_fetch64_acquire(const folio_shared_u64 *p);

/*@ requires \true;
    assigns \nothing;
*/
static void folio_shared_fence(void);

/*@ requires \valid(counter);
    assigns *counter;
*/
static void folio_count(uint64_t *counter);

/*@ requires \valid(q) && vq_shape(q);
    assigns q->seen, q->head;
    ensures q->seen == q->used && (uint32_t)(q->tail - q->head) == q->size;
*/
static void folio_virtq_stay_broken(struct folio_virtq *q);

/*@ requires \valid(q) && vq_shape(q) && \valid(counter);
    requires \separated(counter, &q->seen, &q->head, &q->used, &q->tail, &q->size, &q->broken);
    assigns *counter, q->broken, q->seen, q->head;
    ensures \result == 0 && vq_gave_up(q);
*/
uint32_t folio_virtq_give_up(struct folio_virtq *q, uint64_t *counter);

/*@ requires \valid_read(q) && vq_shape(q) && vq_buffers(q);
    assigns \nothing;
    ensures place: \result == q->bufs + (id & q->mask) * q->stride;
    ensures whole: \valid(\result + (0 .. q->stride - 1));
    ensures inside: (id & q->mask) * q->stride + q->stride <= q->size * q->stride;
*/
static uint8_t *folio_virtq_buf(const struct folio_virtq *q, uint32_t id);

/*@ requires \valid_read(q) && vq_shape(q) && \valid_read(q->at + (0 .. q->mask));
    assigns \nothing;
    ensures \result == q->at[s & q->mask];
*/
static uint16_t folio_virtq_at(const struct folio_virtq *q, uint32_t s);

/*@ requires vq_memory(q);
    assigns \nothing;
    ensures \valid_read(\result + (0 .. q->room - 1));
*/
static const uint8_t *folio_virtq_data(const struct folio_virtq *q, uint32_t s);

/*@ requires vq_memory(q);
    assigns \nothing;
    ensures \valid((uint8_t *)\result + (0 .. 11));
*/
static struct folio_header *folio_virtq_header(const struct folio_virtq *q, uint32_t id);

/*@ requires vq_memory(q);
    assigns \nothing;
*/
static uint16_t folio_virtq_num_buffers(const struct folio_virtq *q, uint32_t s);

/*@ requires \valid_read(h);
    assigns \nothing;
*/
static uint16_t folio_header_buffers(const struct folio_header *h);

/*@ requires vq_memory(q) && vq_ids(q);
    requires in: (uint32_t)(s - q->head) < (uint32_t)(q->tail - q->head) <= q->size;
    assigns q->at[0 .. q->mask], q->shuffled, q->broken, q->seen, q->head, q->bad_id;
    ensures vq_ids(q);
    ensures found: \result != 0 ==> q->at[s & q->mask] == id && q->broken == \old(q->broken) &&
      q->seen == \old(q->seen) && q->head == \old(q->head);
    ensures unknown: \result == 0 ==> vq_gave_up(q);
*/
bool folio_virtq_find(struct folio_virtq *q, uint32_t s, uint32_t id);

/* The device's index, and its words. */

/*@ requires vq_memory(q) && vq_split(q);
    requires vq_known(q) <= vq_has(q);
    assigns q->seen, q->broken, q->head, q->bad_index;
    ensures distance: vq_known(q) <= vq_has(q);
    ensures no_way_back: \result != 0 ==> \result >= (uint16_t)(\old(q->seen) - q->used);
    ensures returned: \result != 0 ==> \result == vq_known(q) <= vq_has(q);
    ensures bad: q->broken != \old(q->broken) ==> vq_gave_up(q) && \result == 0;
    ensures kept: q->broken == \old(q->broken) ==> q->head == \old(q->head);
*/
uint32_t folio_split_refresh(struct folio_virtq *q);

/*@ requires vq_memory(q) && vq_split(q);
    requires vq_known(q) <= vq_has(q);
    assigns q->seen, q->broken, q->head, q->bad_index;
    ensures distance: vq_known(q) <= vq_has(q);
    ensures returned: \result != 0 ==> \result == vq_known(q) <= vq_has(q);
*/
static uint32_t folio_split_rx_avail(struct folio_virtq *q, uint32_t want);

/*@ requires vq_memory(q) && vq_split(q);
    assigns \nothing;
*/
static uint64_t folio_split_rx_word(const struct folio_virtq *q, uint32_t s);

/*@ requires \true;
    assigns \nothing;
    ensures \result == (uint32_t)((uint32_t)(word >> 32) - 12);
*/
static uint32_t folio_split_rx_len(uint64_t word);

/*@ requires vq_memory(q) && 14 <= max <= q->room;
    assigns \nothing;
    ensures expected: \result != 0 ==> (uint32_t)word == q->at[s & q->mask];
    ensures fits: \result != 0 ==> 14 <= (uint32_t)((uint32_t)(word >> 32) - 12) <= max;
*/
static bool folio_split_rx_is_plain(const struct folio_virtq *q, uint32_t s, uint64_t word,
				    uint32_t max);

/*@ requires \valid_read(q) && vq_shape(q) && \valid_read(q->at + (0 .. q->mask)) &&
      \valid_read(q->note + (0 .. q->mask)) && vq_ids(q);
    assigns \nothing;
    ensures \result != 0 ==> id == q->at[q->head & q->mask];
*/
static bool folio_split_is_oldest(const struct folio_virtq *q, uint32_t id);

/*@ requires vq_memory(q) && vq_packed(q);
    assigns \nothing;
*/
static uint64_t folio_packed_rx_word(const struct folio_virtq *q, uint32_t s);

/*@ requires \true;
    assigns \nothing;
    ensures \result == (uint32_t)((uint32_t)word - 12);
*/
static uint32_t folio_packed_rx_len(uint64_t word);

/*@ requires \valid_read(q);
    assigns \nothing;
    ensures \result == 0 || \result == 0x8080;
*/
static uint32_t folio_packed_back(const struct folio_virtq *q, uint32_t s);

/*@ requires \valid_read(q);
    assigns \nothing;
*/
static bool folio_packed_is_back(const struct folio_virtq *q, uint32_t s, uint64_t word);

/*@ requires vq_memory(q) && 14 <= max <= q->room;
    assigns \nothing;
    ensures fits: \result != 0 ==> 14 <= (uint32_t)((uint32_t)word - 12) <= max;
*/
static bool folio_packed_rx_is_plain(const struct folio_virtq *q, uint32_t s, uint64_t word,
				     uint32_t max);

/* The judge. */

/*@ requires vq_memory(q) && vq_split(q) && vq_packed(q) && \valid(id) && \valid(len);
    requires \separated(q, id, len);
    assigns *id, *len;
    ensures \result != 0 ==> s != q->tail;
    ensures known: \result != 0 && packed == 0 ==> (uint32_t)(s - q->head) < vq_known(q);
*/
static bool next_buffer(const struct folio_virtq *q, bool packed, uint32_t s, uint32_t *id,
			uint32_t *len);

/*@ requires vq_memory(q) && vq_ids(q);
    requires in: (uint32_t)(s - q->head) < (uint32_t)(q->tail - q->head) <= q->size;
    assigns q->at[0 .. q->mask], q->shuffled, q->broken, q->seen, q->head, q->bad_id;
    ensures vq_ids(q);
    ensures found: \result != 0 ==> q->at[s & q->mask] == id && q->broken == \old(q->broken) &&
      q->seen == \old(q->seen) && q->head == \old(q->head);
    ensures unknown: \result == 0 ==> vq_gave_up(q);
*/
static bool has(struct folio_virtq *q, uint32_t s, uint32_t id);

/*@ requires \valid(q) && vq_shape(q) && vq_lens(q) && \valid(q->lens + (0 .. q->mask)) &&
      \separated(q, q->lens + (0 .. q->mask));
    assigns q->lens[i & q->mask];
    ensures clamped: vq_lens(q);
    ensures first: \result != 0 ==> 0 < q->lens[i & q->mask] == len <= q->room + 12;
    ensures header: \result != 0 && i == 0 ==> q->lens[0] > 12;
*/
static bool keep_len(struct folio_virtq *q, uint32_t i, uint32_t len);

/*@ requires \valid(q) && vq_shape(q) && \valid(frame) && \separated(q, frame);
    assigns frame->len, q->bad_length;
    ensures \result == FOLIO_VIRTQ_TAKE || \result == FOLIO_VIRTQ_DROP;
    ensures taken: \result == FOLIO_VIRTQ_TAKE ==> fits != 0 && 14 <= frame->len <= q->max_frame &&
      frame->len == total - 12;
*/
static enum folio_virtq_verdict by_length(struct folio_virtq *q, bool fits, uint64_t total,
					  struct folio_virtq_frame *frame);

#endif /* FOLIO_PROOF_CONTRACTS_VIRTQ_H */
