/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_PROOF_BURSTS_H
#define FOLIO_PROOF_BURSTS_H

#include "pieces.h"

/*
 * EVA does not see through the one comparison. WP proves that it is the two that are added here, so
 * they change nothing; that its caller's bound keeps a copy in its slot is still EVA's to prove.
 */
#define folio_desc_is_plain(desc, max) \
	(folio_desc_is_plain(desc, max) && (desc) >= FOLIO_WIRE_FRAME_MIN && (desc) <= (max))

#endif /* FOLIO_PROOF_BURSTS_H */
