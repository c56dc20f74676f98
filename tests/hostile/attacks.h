/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef ATTACKS_H
#define ATTACKS_H

/*
 * What the entries of attacks.c do, each with an argument of its own. False: it could not be
 * carried out. The lengths are for rings of 64 slots of 256 bytes.
 */

#include <stddef.h>

#include "peer.h"

#define STRIDE 320
#define MAX_FRAME 20480
#define FEW 10 /* waits in which a victim has noticed */
#define PATIENCE 300
#define FLAG(n) (UINT64_C(1) << (FOLIO_WIRE_DESC_FLAGS_SHIFT + (n)))
#define JUNK 0x77777777u
#define HEADER(field) offsetof(struct folio_wire_header, field)

/* What other_geometry() and geometry_changes() write: field offset and content. */
#define GEOMETRY(field, value) ((uint64_t)HEADER(field) << 32 | (value))

/* Behave, and give the victim time, so often. */
void attacks_beats(struct peer *p, unsigned int n);

/* The victim has taken all that was sent: what comes next is what it looks at next. */
bool attacks_settle(struct peer *p);

/* attacks_frames.c: indices, descriptors and data (V, T). */
bool descriptor(struct peer *p, uint64_t desc);
bool good_length(struct peer *p, uint64_t len);
bool over_the_end(struct peer *p, uint64_t desc);
bool wrapped_at_the_end(struct peer *p, uint64_t len);
bool short_lengths(struct peer *p, uint64_t below);
bool produced_is(struct peer *p, uint64_t distance);
bool consumed_is(struct peer *p, uint64_t distance);
bool partial_frame(struct peer *p, uint64_t published);
bool every_flag(struct peer *p, uint64_t len);
bool undefined_bytes(struct peer *p, uint64_t rounds);
bool all_features(struct peer *p, uint64_t features);
bool metadata(struct peer *p, uint64_t value);
bool endless(struct peer *p, uint64_t rounds);
bool replayed_index(struct peer *p, uint64_t times);
bool flip_fields(struct peer *p, uint64_t times);
bool rewrite_payload(struct peer *p, uint64_t rounds);
bool overwrite_index(struct peer *p, uint64_t value);
bool overwrite_rings(struct peer *p, uint64_t rounds);
bool overwrite_header(struct peer *p, uint64_t value);

/* attacks_session.c: headers, files and sessions (L). */
bool wrong32(struct peer *p, uint64_t offset);
bool wrong_role(struct peer *p, uint64_t offset);
bool no_generation(struct peer *p, uint64_t generation);
bool wrong_offer(struct peer *p, uint64_t offset);
bool other_geometry(struct peer *p, uint64_t value);
bool geometry_changes(struct peer *p, uint64_t value);
bool cut(struct peer *p, uint64_t left);
bool unlink_file(struct peer *p, uint64_t arg);
bool replace_file(struct peer *p, uint64_t arg);
bool remove_permissions(struct peer *p, uint64_t mode);
bool generation_storm(struct peer *p, uint64_t times);
bool takes_nothing(struct peer *p, uint64_t times);
bool returns_with_other_rings(struct peer *p, uint64_t queues);
bool two_peers(struct peer *p, uint64_t times);

#endif /* ATTACKS_H */
