/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* A port's counters by index and by name. */

#include <errno.h>
#include <string.h>

#include "port.h"

/* Behind the violations, in the order of struct folio_counters. */
static const char *const more[] = {"link_ups", "renegotiations", "rx_too_long", "ended_bursts"};

#define MORE (sizeof(more) / sizeof(more[0]))
#define COUNTERS (FOLIO_VIOLATIONS + MORE)

_Static_assert(sizeof(struct folio_counters) == COUNTERS * sizeof(uint64_t), "a name a counter");

unsigned int
folio_counter_count(void)
{
	return COUNTERS;
}

const char *
folio_counter_name(unsigned int index)
{
	if (index >= COUNTERS)
		return NULL;
	return index < FOLIO_VIOLATIONS ? folio_violation_name((enum folio_violation)index)
					: more[index - FOLIO_VIOLATIONS];
}

int
folio_counter_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < COUNTERS; i++) {
		if (strcmp(folio_counter_name(i), name) == 0)
			return (int)i;
	}
	return -ENOENT;
}

uint64_t
folio_counter(const struct folio *f, unsigned int index)
{
	struct folio_counters c;
	uint64_t value = 0;

	if (index >= COUNTERS)
		return 0;
	folio_counters(f, &c);
	memcpy(&value, (const uint8_t *)&c + index * sizeof(value), sizeof(value));
	return value;
}
