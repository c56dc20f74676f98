/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_CLOCK_H
#define FOLIO_CLOCK_H

/* The monotonic clock, for control. No burst asks for the time: that may trap. */

#include <stdint.h>
#include <time.h>

static inline uint64_t
folio_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t
folio_now_ms(void)
{
	return folio_now_ns() / 1000000;
}

#endif /* FOLIO_CLOCK_H */
