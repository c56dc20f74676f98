/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_MEMORY_CACHING_H
#define FOLIO_MEMORY_CACHING_H

#include <stdbool.h>

#include <folio.h>

/*
 * Is the order of loads and stores not kept, as in memory that is mapped write-combining? Then they
 * are fenced.
 */
static inline bool
folio_caching_is_weak(enum folio_caching caching)
{
	return caching != FOLIO_CACHING_WRITE_BACK && caching != FOLIO_CACHING_UNCACHED;
}

#endif /* FOLIO_MEMORY_CACHING_H */
