/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_PROOF_PIECES_H
#define FOLIO_PROOF_PIECES_H

/*
 * Contracts of the two copies that may wrap at the end of a ring. That a part ends where its slot
 * or the ring does is a relation between two variables: WP proves it, for every geometry, and EVA,
 * which knows ranges only, proves at every call that what is required here holds.
 */

#include "native/ring.h"

/* What folio_layout_init() makes of a geometry that it accepts. */
/*@ predicate shape(integer size, integer mask, integer stride, integer max_frame) =
      64 <= size <= 32768 && mask == size - 1 && 320 <= stride <= 65600 && stride % 64 == 0 &&
      14 <= max_frame <= 65536 && max_frame <= size * stride;
*/

/*@ requires end: \valid(p) && shape(p->size, p->mask, p->stride, p->max_frame);
    requires ring: \valid(p->data + (0 .. p->size * p->stride - 1));
    requires private: \separated(p, p->data + (0 .. p->size * p->stride - 1));
    requires length: offset + len <= p->size * p->stride;
    requires there: len == 0 || \valid_read((uint8_t *)src + (0 .. len - 1));
    assigns p->data[0 .. p->size * p->stride - 1] \from ((uint8_t *)src)[0 .. len - 1];
*/
void folio_prod_piece(struct folio_prod *p, uint32_t at, uint32_t offset, const void *src,
		      uint32_t len, folio_copy_fn exact);

/*@ requires end: \valid_read(c) && shape(c->size, c->mask, c->stride, c->max_frame);
    requires ring: \valid_read(c->data + (0 .. c->size * c->stride - 1));
    requires length: offset + len <= c->size * c->stride;
    requires room: len == 0 || \valid((uint8_t *)dst + (0 .. len - 1));
    requires private: len == 0 || \separated(c, (uint8_t *)dst + (0 .. len - 1));
    assigns ((uint8_t *)dst)[0 .. len - 1] \from c->data[0 .. c->size * c->stride - 1];
*/
void folio_cons_piece(const struct folio_cons *c, uint32_t at, uint32_t offset, void *dst,
		      uint32_t len, folio_copy_fn exact);

#endif /* FOLIO_PROOF_PIECES_H */
