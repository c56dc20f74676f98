/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FILES_H
#define FILES_H

/* Two ports over a file to which others do things. */

#include "boundary/shared.h"
#include "native/region.h"
#include "duo.h"

#define TICKS 100 /* in which two that can find each other do */

/* With a small geometry; a port that can be had is started. Of open_side() it has to be. */
extern const struct folio_config small;
struct folio *try_open(const struct duo *e, enum folio_role role, uint64_t size,
	struct folio_error *err);
struct folio *open_side(const struct duo *e, enum folio_role role, uint64_t size);

/* So many ticks of whoever is open; of the link TICKS, and then it is up without a word. */
void tick(const struct duo *e, unsigned int n);
void check_link(const struct duo *e);

/* The link is so, and the port's detail has these words. */
void check_says(struct folio *f, enum folio_link link, const char *words);

/* A file with this content at one place, zeroes elsewhere. */
void make_file(const char *path, mode_t mode, off_t size, off_t at, const char *text);

/* What a guest and a host leave that died while their link was up. */
void leave_a_region(struct duo *e);

#endif /* FILES_H */
