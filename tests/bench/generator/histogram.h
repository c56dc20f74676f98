/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef HISTOGRAM_H
#define HISTOGRAM_H

/**
 * @file
 * How often a value occurred, in classes that are at most 0.8 % of the value wide: every power of
 * two is divided into as many.
 */

#include <stdint.h>

#define HISTOGRAM_PARTS_LOG2 7
#define HISTOGRAM_VALUE_LOG2 40 /**< larger values count as just below 2^40 */
#define HISTOGRAM_CLASSES                                                                          \
	((HISTOGRAM_VALUE_LOG2 - HISTOGRAM_PARTS_LOG2 + 1U) << HISTOGRAM_PARTS_LOG2)

struct histogram {
	uint64_t count;
	uint64_t sum;
	uint64_t max;
	uint64_t classes[HISTOGRAM_CLASSES];
};

/* Below 2^8 each value is its own class; then each power of two is divided into 2^7 classes. */
static inline uint32_t
histogram_class(uint64_t value)
{
	const uint64_t limit = (UINT64_C(1) << HISTOGRAM_VALUE_LOG2) - 1;
	uint32_t shift;

	value = value > limit ? limit : value;
	shift = 63 - (uint32_t)__builtin_clzll(value | 1 << HISTOGRAM_PARTS_LOG2) -
		HISTOGRAM_PARTS_LOG2;
	return (shift << HISTOGRAM_PARTS_LOG2) + (uint32_t)(value >> shift);
}

static inline void
histogram_add(struct histogram *h, uint64_t value)
{
	h->count++;
	h->sum += value;
	h->max = value > h->max ? value : h->max;
	h->classes[histogram_class(value)]++;
}

/** The value, the middle of its class, that a share of all values does not exceed. */
double histogram_quantile(const struct histogram *h, double share);

#endif /* HISTOGRAM_H */
