/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Memory has no speed: a port says that it has the one that its user names. */

#include <stdio.h>
#include <string.h>

#include "folio_ethdev.h"

#define DEFAULT_SPEED "100G" /* as DPDK's memif says since 22.11 */

#define SPEED(name) {#name, RTE_ETH_SPEED_NUM_##name, RTE_ETH_LINK_SPEED_##name}

static const struct folio_speed speeds[] = {
	SPEED(10G), SPEED(20G), SPEED(25G),  SPEED(40G),
	SPEED(50G), SPEED(56G), SPEED(100G), SPEED(200G),
#ifdef FOLIO_HAVE_400G
	SPEED(400G),
#endif
};

const struct folio_speed *
folio_speed_find(const char *name)
{
	size_t i;

	if (name == NULL)
		name = DEFAULT_SPEED;
	for (i = 0; i < RTE_DIM(speeds); i++) {
		if (strcmp(speeds[i].name, name) == 0)
			return &speeds[i];
	}
	return NULL;
}

const char *
folio_speed_names(void)
{
	static char names[64];
	size_t i, len = 0;

	for (i = 0; i < RTE_DIM(speeds) && len < sizeof(names); i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
					i > 0 ? ", " : "", speeds[i].name);
	return names;
}
