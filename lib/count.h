/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_COUNT_H
#define FOLIO_COUNT_H

/* Counters with one writer, which anybody may read at any time. */

#include <stdint.h>

#include <folio.h>

/* Kinds of violation. Not in folio.h: programs must not rely on a number that grows. */
#define FOLIO_VIOLATIONS (FOLIO_PEER_BAD_MESSAGE + 1)

static inline void
folio_count(uint64_t *counter)
{
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

static inline uint64_t
folio_counted(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

#endif /* FOLIO_COUNT_H */
