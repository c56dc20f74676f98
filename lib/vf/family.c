/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <stddef.h>

#include "vf/family.h"

#define INTEL 0x8086

static const struct {
	uint16_t device;
	const struct folio_vf_family *family;
} known[] = {
	{0x10ca, &folio_igbvf},	  /* 82576 */
	{0x1520, &folio_igbvf},	  /* I350 */
	{0x10ed, &folio_ixgbevf}, /* 82599 */
	{0x1515, &folio_ixgbevf}, /* X540 */
	{0x1565, &folio_ixgbevf}, /* X550 */
	{0x15a8, &folio_ixgbevf}, /* X550EM_x */
	{0x15c5, &folio_ixgbevf}, /* X550EM_a */
};

const struct folio_vf_family *
folio_vf_family_of(uint16_t vendor, uint16_t device)
{
	size_t i;

	for (i = 0; vendor == INTEL && i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].device == device)
			return known[i].family;
	}
	return NULL;
}
