/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_PROOF_CONTRACTS_H
#define FOLIO_PROOF_CONTRACTS_H

/*
 * Contracts of lib/native/ring.[ch], put in front of lib/native/ring.c for WP, which proves them
 * for every geometry at once. They say two things: nothing outside of the ring and of the caller's
 * buffer is touched, and the indices keep their distances whatever the peer writes.
 */

#include <stddef.h>
#include <stdint.h>

/* The copy kernels, which EVA looks at. `src` may change meanwhile: it is read, no more. */
/*@ requires room: len == 0 || \valid(dst + (0 .. len - 1));
    requires there: len == 0 || \valid_read(src + (0 .. len - 1));
    assigns dst[0 .. len - 1];
*/
void proof_exact(uint8_t *dst, const uint8_t *src, size_t len);

/*@ requires room: \valid(dst + (0 .. (len + 63) / 64 * 64 - 1));
    requires there: \valid_read(src + (0 .. (len + 63) / 64 * 64 - 1));
    assigns dst[0 .. (len + 63) / 64 * 64 - 1];
*/
void proof_padded(uint8_t *dst, const uint8_t *src, size_t len);

/* A call of the kernel that a function was given is a call of what it promises. */
#define exact(dst, src, len) proof_exact((uint8_t *)(dst), (const uint8_t *)(src), len)
#define padded(dst, src, len) proof_padded((uint8_t *)(dst), (const uint8_t *)(src), len)

#include "pieces.h"

/* Bits are not arithmetic for the provers: what is admitted here is proved on bits by mask.smt2. */
/*@ admit lemma mask_bounds:
      \forall integer x, y; 0 <= x < 0x100000000 && 0 <= y < 0x100000000 ==>
        0 <= (x & y) <= x && (x & y) <= y;
    lemma mul_mono:
      \forall integer x, y, z; 0 <= x <= y && 0 <= z ==> 0 <= z * x <= z * y;
    lemma slot_in_ring:
      \forall integer i, m, s; 0 <= i < 0x100000000 && 0 <= m < 0x100000000 && 0 < s ==>
        0 <= s * (i & m) <= s * m;
    lemma slot_offset:
      \forall integer i, m, s; 0 <= i <= m <= 32767 && 0 <= s <= 65600 ==>
        0 <= i * s <= m * s <= 2149515200;
    lemma ring_bytes:
      \forall integer m, s; 63 <= m <= 32767 && 320 <= s <= 65600 ==>
        20480 <= (m + 1) * s <= 2149580800;
    admit lemma wrap_below:
      \forall integer x; -0x100000000 <= x < 0 ==> (uint32_t)x == x + 0x100000000;
    admit lemma wrap_above:
      \forall integer x; 0x100000000 <= x < 0x200000000 ==> (uint32_t)x == x - 0x100000000;
    admit lemma low_half:
      \forall integer d; 0 <= d < 0x10000000000000000 && (d & 0xffffffff00000000) == 0 ==>
        (d & 0xffffffff) == d;
    admit lemma or_none:
      \forall integer x, y; 0 <= x < 0x100000000 && 0 <= y < 0x100000000 && (x | y) == 0 ==>
        x == 0 && y == 0;
    lemma whole_lines:
      \forall integer n, s; 0 <= n <= s && s % 64 == 0 ==> (n + 63) / 64 * 64 <= s;
*/

/*@ predicate covers(integer slots, integer stride, integer len) = len <= slots * stride;

    predicate plain(integer plain_max, integer stride, integer max_frame) =
      14 <= plain_max <= stride && plain_max <= max_frame;

    predicate prod_memory(struct folio_prod *p) =
      \valid(p) && shape(p->size, p->mask, p->stride, p->max_frame) &&
      plain(p->plain_max, p->stride, p->max_frame) &&
      \valid(p->data + (0 .. p->size * p->stride - 1)) && \valid(p->desc + (0 .. p->size - 1)) &&
      \valid(p->produced) && \valid_read(p->consumed) && \valid_read(p->generation) &&
      \separated(p, p->data + (0 .. p->size * p->stride - 1), p->desc + (0 .. p->size - 1),
                 p->produced, p->consumed);

    predicate prod_indices(struct folio_prod *p) =
      (uint32_t)(p->head - p->seen) <= p->size &&
      (p->broken != 0 ==> (uint32_t)(p->head - p->seen) == p->size);

    predicate cons_memory(struct folio_cons *c) =
      \valid(c) && shape(c->size, c->mask, c->stride, c->max_frame) &&
      plain(c->plain_max, c->stride, c->max_frame) &&
      \valid_read(c->data + (0 .. c->size * c->stride - 1)) &&
      \valid_read(c->desc + (0 .. c->size - 1)) && \valid_read(c->produced) &&
      \valid(c->consumed) && \valid_read(c->generation) &&
      \separated(c, c->data + (0 .. c->size * c->stride - 1), c->desc + (0 .. c->size - 1),
                 c->produced, c->consumed);

    predicate cons_indices(struct folio_cons *c) =
      (uint32_t)(c->seen - c->head) <= c->size && (c->broken != 0 ==> c->seen == c->head);
*/

/*@ requires \valid_read(p);
    assigns \nothing;
*/
static uint32_t folio_fetch32(const folio_shared_u32 *p);

/*@ requires \valid_read(p);
    assigns \nothing;
*/
static uint32_t folio_fetch32_acquire(const folio_shared_u32 *p);

/*@ requires \valid_read(p);
    assigns \nothing;
*/
static uint64_t folio_fetch64(const folio_shared_u64 *p);

/*@ requires \valid(p);
    assigns *p;
*/
static void folio_put32(folio_shared_u32 *p, uint32_t v);

/*@ requires \valid(p);
    assigns *p;
*/
static void folio_put32_release(folio_shared_u32 *p, uint32_t v);

/*@ requires \valid(p);
    assigns *p;
*/
static void folio_put64(folio_shared_u64 *p, uint64_t v);

/*@ requires \true;
    assigns \nothing;
*/
static void folio_shared_fence(void);

/*@ requires \true;
    assigns \nothing;
*/
static void folio_read_fence(void);

/*@ requires \valid(counter);
    assigns *counter;
*/
static void folio_count(uint64_t *counter);

/*@ requires \valid_read(l) && 320 <= l->stride <= 65600 && 14 <= l->max_frame <= 65536;
    assigns \nothing;
    ensures plain(\result, l->stride, l->max_frame);
    ensures longest: \result == l->stride || \result == l->max_frame;
*/
static uint32_t plain_max(const struct folio_layout *l);

/*@ requires 63 <= mask <= 32767 && 320 <= stride <= 65600;
    requires \valid_read(data + (0 .. (mask + 1) * stride - 1));
    assigns \nothing;
    ensures \result == data + (i & mask) * stride;
    ensures \valid_read(\result + (0 .. stride - 1));
*/
static uint8_t *folio_layout_slot(uint8_t *data, uint32_t stride, uint32_t mask, uint32_t i);

/*@ requires 320 <= stride <= 65600 && len <= 65536;
    assigns \nothing;
    ensures 1 <= \result <= 205;
    ensures \result == 1 <==> len <= stride;
    ensures enough: covers(\result, stride, len);
    ensures not_more: len > stride ==> (\result - 1) * stride < len;
*/
static uint32_t folio_frame_slots(uint32_t stride, uint32_t len);

/*@ requires 63 <= mask <= 32767 && 320 <= stride <= 65600;
    requires offset <= (mask + 1) * stride;
    assigns \nothing;
    ensures 0 <= \result < (mask + 1) * stride;
*/
static uint64_t piece_start(uint32_t at, uint32_t mask, uint32_t stride, uint32_t offset);

/*@ requires 63 <= mask <= 32767 && 320 <= stride <= 65600;
    requires pos < (mask + 1) * stride;
    assigns \nothing;
    ensures \result <= len;
    ensures pos + \result <= (mask + 1) * stride;
*/
static uint32_t piece_first(uint64_t pos, uint32_t mask, uint32_t stride, uint32_t len);

/* What tests and fuzzers ask of an end is what is proved here of every function. */
/*@ requires \true;
    assigns \nothing;
    ensures \result != 0 <==> shape(size, mask, stride, max_frame) && (size & mask) == 0 &&
      plain(plain_max, stride, max_frame);
*/
static bool folio_ring_valid(uint32_t size, uint32_t mask, uint32_t stride, uint32_t max_frame,
			     uint32_t plain_max);

/*@ requires \valid_read(p);
    assigns \nothing;
    ensures \result != 0 <==> shape(p->size, p->mask, p->stride, p->max_frame) &&
      (p->size & p->mask) == 0 && plain(p->plain_max, p->stride, p->max_frame) && prod_indices(p);
*/
static bool folio_prod_valid(const struct folio_prod *p);

/*@ requires \valid_read(c);
    assigns \nothing;
    ensures \result != 0 <==> shape(c->size, c->mask, c->stride, c->max_frame) &&
      (c->size & c->mask) == 0 && plain(c->plain_max, c->stride, c->max_frame) &&
      cons_indices(c) && (uint32_t)(c->head - c->published) <= c->size;
*/
static bool folio_cons_valid(const struct folio_cons *c);

/*@ requires prod_memory(p);
    assigns p->head, p->seen, p->broken, *p->produced;
    ensures prod_memory(p) && prod_indices(p);
*/
void folio_prod_reset(struct folio_prod *p);

/*@ requires \valid(p) && \valid(counter) && \separated(counter, &p->head, &p->size, &p->seen,
      &p->broken);
    assigns *counter, p->seen, p->broken;
    ensures \result == 0 && p->broken == 1 && p->seen == (uint32_t)(p->head - p->size);
*/
static uint32_t prod_give_up(struct folio_prod *p, uint64_t *counter);

/*@ requires prod_memory(p);
    assigns p->weak;
    ensures prod_memory(p);
*/
void folio_prod_weaken(struct folio_prod *p);

/*@ requires \valid_read(generation);
    assigns \nothing;
*/
static bool folio_generation_is(const folio_shared_u64 *generation, uint64_t value);

/*@ requires prod_memory(p);
    assigns p->bad_index, p->ended, p->seen, p->broken;
    ensures \result == 0 && p->broken == 1 && p->seen == (uint32_t)(p->head - p->size);
*/
static uint32_t prod_bad_index(struct folio_prod *p);

/*@ requires prod_memory(p);
    assigns p->session;
    ensures prod_memory(p);
*/
void folio_prod_begin(struct folio_prod *p, uint64_t generation);

/*@ requires prod_memory(p) && prod_indices(p);
    assigns p->seen, p->broken, p->bad_index, p->ended, p->looks, *p->produced;
    ensures prod_memory(p) && prod_indices(p);
    ensures room: \result == p->size - (uint32_t)(p->head - p->seen);
    ensures no_way_back: p->broken == 0 ==>
      (uint32_t)(p->head - p->seen) <= (uint32_t)(p->head - \old(p->seen));
*/
uint32_t folio_prod_refresh(struct folio_prod *p);

/*@ requires prod_memory(p) && prod_indices(p);
    assigns p->seen, p->broken, p->bad_index, p->ended, p->looks, *p->produced;
    ensures prod_memory(p) && prod_indices(p);
    ensures room: \result == p->size - (uint32_t)(p->head - p->seen);
*/
static uint32_t folio_prod_room(struct folio_prod *p, uint32_t want);

/*@ requires len > 0;
    assigns \nothing;
    ensures 1 <= \result <= 20;
*/
static uint32_t folio_prod_ahead(uint32_t len);

/*@ requires \valid(p) && shape(p->size, p->mask, p->stride, p->max_frame);
    requires \valid(p->data + (0 .. p->size * p->stride - 1));
    assigns \nothing;
*/
static void folio_prod_prefetch(struct folio_prod *p, uint32_t at, uint32_t len);

/*@ requires prod_memory(p) && 0 < len <= p->stride;
    requires \valid_read((uint8_t *)src + (0 .. len - 1));
    assigns only_this_slot: p->data[(at & p->mask) * p->stride ..
                                    (at & p->mask) * p->stride + len - 1],
      p->desc[at & p->mask];
*/
static void folio_prod_put(struct folio_prod *p, uint32_t at, const void *src, uint32_t len,
			   folio_copy_fn exact);

/*@ requires prod_memory(p);
    assigns p->desc[at & p->mask];
*/
static void folio_prod_describe(struct folio_prod *p, uint32_t at, uint32_t len);

/*@ requires prod_memory(p) && p->head == head;
    requires (uint32_t)(head - p->seen) <= p->size || p->broken != 0;
    assigns p->seen, *p->produced;
    ensures prod_memory(p) && prod_indices(p);
    ensures p->head == head;
    ensures p->broken == 0 ==> p->seen == \old(p->seen);
    ensures \result == 0 <==> p->broken != 0;
*/
bool folio_prod_publish_slow(struct folio_prod *p, uint32_t head);

/*@ requires prod_memory(p) && prod_indices(p);
    requires (uint32_t)(head - p->seen) <= p->size || p->broken != 0;
    assigns p->head, p->seen, *p->produced;
    ensures prod_memory(p) && prod_indices(p);
    ensures p->head == head;
    ensures whole: \result == 0 <==> p->broken != 0;
*/
static bool folio_prod_publish(struct folio_prod *p, uint32_t head);

/*@ requires cons_memory(c);
    assigns c->head, c->seen, c->published, c->broken, *c->consumed;
    ensures cons_memory(c) && cons_indices(c);
*/
void folio_cons_reset(struct folio_cons *c);

/*@ requires \valid(c) && \valid(counter) && \separated(counter, &c->seen, &c->broken);
    assigns *counter, c->seen, c->broken;
    ensures \result == 0 && c->broken == 1 && c->seen == head;
*/
static uint32_t cons_give_up(struct folio_cons *c, uint32_t head, uint64_t *counter);

/*@ requires cons_memory(c);
    assigns c->session, c->expected;
    ensures cons_memory(c);
*/
void folio_cons_begin(struct folio_cons *c, uint64_t generation);

/*@ requires cons_memory(c);
    assigns \nothing;
*/
static bool cons_has_ended(const struct folio_cons *c);

/*@ requires cons_memory(c);
    assigns c->bad_index, c->ended, c->seen, c->broken;
    ensures \result == 0 && c->broken == 1 && c->seen == c->head;
*/
static uint32_t cons_bad_index(struct folio_cons *c);

/*@ requires cons_memory(c);
    assigns c->seen, c->broken, c->ended;
    ensures cons_memory(c);
    ensures stands: \result != 0 ==> c->seen == \old(c->seen) && c->broken == \old(c->broken);
    ensures ended: \result == 0 ==> c->broken != 0 && c->seen == c->head;
*/
bool folio_cons_stands_slow(struct folio_cons *c);

/*@ requires cons_memory(c);
    assigns c->seen, c->broken, c->ended;
    ensures cons_memory(c);
    ensures stands: \result != 0 ==> c->seen == \old(c->seen) && c->broken == \old(c->broken);
    ensures ended: \result == 0 ==> c->broken != 0 && c->seen == c->head;
*/
static bool folio_cons_stands(struct folio_cons *c);

/*@ requires cons_memory(c) && \valid(counter) &&
      \separated(counter, &c->seen, &c->broken, &c->ended, &c->head, &c->size, &c->weak,
                 &c->generation, &c->session);
    assigns *counter, c->seen, c->broken, c->ended;
    ensures \result == FOLIO_DROP || \result == FOLIO_HALT;
    ensures skip: \result == FOLIO_DROP ==>
      c->seen == \old(c->seen) && c->broken == \old(c->broken);
    ensures halt: \result == FOLIO_HALT ==> c->seen == head && c->broken == 1;
*/
static enum folio_verdict cons_drop(struct folio_cons *c, uint32_t head, uint64_t *counter);

/*@ requires cons_memory(c);
    assigns c->weak, c->lag;
    ensures cons_memory(c);
*/
void folio_cons_weaken(struct folio_cons *c);

/*@ requires cons_memory(c) && cons_indices(c);
    assigns c->seen, c->broken, c->bad_index, c->ended, c->published, c->idle, *c->consumed;
    ensures cons_memory(c) && cons_indices(c);
    ensures filled: \result == (uint32_t)(c->seen - c->head);
    ensures no_way_back: c->broken == 0 ==> \result >= (uint32_t)(\old(c->seen) - c->head);
*/
uint32_t folio_cons_refresh(struct folio_cons *c);

/*@ requires cons_memory(c) && cons_indices(c);
    assigns c->seen, c->broken, c->bad_index, c->ended, c->published, c->idle, *c->consumed;
    ensures cons_memory(c) && cons_indices(c);
    ensures filled: \result == (uint32_t)(c->seen - c->head);
*/
static uint32_t folio_cons_avail(struct folio_cons *c, uint32_t want);

/*@ requires cons_memory(c);
    assigns \nothing;
*/
static uint64_t folio_cons_desc(const struct folio_cons *c, uint32_t at);

/*@ requires 14 <= max <= 65600;
    assigns \nothing;
    ensures \result != 0 <==> 14 <= desc <= max;
*/
static bool folio_desc_is_plain(uint64_t desc, uint32_t max);

/*@ requires cons_memory(c);
    requires \valid(frame) && \separated(frame, c);
    requires published: 1 <= (uint32_t)(c->seen - head) <= c->size;
    assigns *frame, c->seen, c->broken, c->ended, c->bad_length, c->bad_flags, c->bad_chain;
    ensures \result == FOLIO_TAKE || \result == FOLIO_DROP || \result == FOLIO_HALT;
    ensures no_flags: \result == FOLIO_TAKE ==> desc == frame->len;
    ensures length: \result == FOLIO_TAKE ==> 14 <= frame->len <= c->max_frame;
    ensures fits: \result == FOLIO_TAKE ==> covers(frame->slots, c->stride, frame->len);
    ensures skip: \result != FOLIO_HALT ==>
      1 <= frame->slots <= (uint32_t)(c->seen - head) && c->seen == \old(c->seen) &&
      c->broken == \old(c->broken);
    ensures halt: \result == FOLIO_HALT ==> c->seen == head && c->broken == 1;
*/
enum folio_verdict folio_cons_judge(struct folio_cons *c, uint64_t desc, uint32_t head,
				    struct folio_frame *frame);

/*@ requires cons_memory(c);
    assigns \nothing;
*/
static void folio_cons_prefetch(const struct folio_cons *c, uint32_t at, uint32_t left);

/*@ requires cons_memory(c) && len <= c->stride;
    requires room: \valid((uint8_t *)dst + (0 .. (len + 63) / 64 * 64 - 1));
    assigns ((uint8_t *)dst)[0 .. (len + 63) / 64 * 64 - 1];
*/
static void folio_cons_get(const struct folio_cons *c, uint32_t at, void *dst, uint32_t len,
			   folio_copy_fn padded);

/*@ requires cons_memory(c);
    assigns c->head, c->published, *c->consumed;
    ensures c->head == head;
*/
static void folio_cons_commit(struct folio_cons *c, uint32_t head);

#endif /* FOLIO_PROOF_CONTRACTS_H */
