/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef MUTATE_H
#define MUTATE_H

/*
 * Rewrites shared memory at random: bytes, words, whole structures, of the area of either side.
 * Where the structures are follows from the geometry that a peer has; what is written is noise, or
 * (which gets further) what was there with a little changed, or values at the edge of the valid.
 */

#include "peer.h"

/* Which side reads most of what is changed. */
enum mutate_at { MUTATE_ALL, MUTATE_FOR_GUEST, MUTATE_FOR_HOST };

/* So many mutations. Every choice follows from p->seed. */
void mutate(struct peer *p, enum mutate_at at, unsigned int n);

#endif /* MUTATE_H */
