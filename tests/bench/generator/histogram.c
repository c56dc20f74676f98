/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <math.h>

#include "histogram.h"

#define PARTS (1U << HISTOGRAM_PARTS_LOG2)

/* The other way round: the middle of a class. */
static double
class_middle(uint32_t class)
{
	uint32_t shift = class < 2 * PARTS ? 0 : class / PARTS - 1;
	uint64_t first = (uint64_t)(class - shift * PARTS) << shift;

	return (double)first + (double)((UINT64_C(1) << shift) - 1) / 2;
}

double
histogram_quantile(const struct histogram *h, double share)
{
	uint64_t rank = (uint64_t)ceil(share * (double)h->count), seen = 0;
	uint32_t class;

	for (class = 0; class < HISTOGRAM_CLASSES; class++) {
		seen += h->classes[class];
		if (seen >= rank && seen > 0)
			return fmin(class_middle(class), (double)h->max);
	}
	return 0;
}
