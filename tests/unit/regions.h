/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef REGIONS_H
#define REGIONS_H

/* Regions in files of a private folder, for the tests of lib/native/region.h. */

#include <sys/types.h>

#include "native/region.h"
#include "boundary/shared.h"
#include "util.h"

extern struct folio_layout small_layout; /* made by main() */

bool exists(const char *path);
void make_file(const char *path, const void *content, size_t len, off_t size);
void write_at(const char *path, off_t offset, uint8_t value, size_t len);

/* They succeed, or the test fails. */
void open_region(struct folio_region *r, const char *path, enum folio_role role);
void map_region(struct folio_region *r); /* with the small layout */

/* For a child process: it writes one byte to this address. */
int write_to(void *arg);

#endif /* REGIONS_H */
