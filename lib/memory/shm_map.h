/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_SHM_MAP_H
#define FOLIO_SHM_MAP_H

/* Mapping shared memory of which each side writes one half. */

#include "native/region.h"

/* What is used of the halves of r->fd: ours to write, the peer's to read. */
int folio_shm_map_halves(struct folio_region *r, const struct folio_layout *l,
			 struct folio_error *err);

#endif /* FOLIO_SHM_MAP_H */
