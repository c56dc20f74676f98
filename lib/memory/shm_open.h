/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_SHM_OPEN_H
#define FOLIO_SHM_OPEN_H

/* For shm.c: what is opened in its own way by each kind of memory. */

#include "memory/bar.h"
#include "memory/shm.h"

/*
 * Open it, map it and say where the device finds it. `name` begins lines for the user. On failure
 * the caller closes whatever it has come to, and base is NULL.
 *
 * Return 0 or a negative errno with a line for the user.
 */
int folio_shm_open_memfd(struct folio_shm *m, const struct folio_shm_config *cfg, const char *name,
			 struct folio_error *err);
int folio_shm_open_file(struct folio_shm *m, const struct folio_shm_config *cfg, const char *name,
			struct folio_error *err);
int folio_shm_open_node(struct folio_shm *m, const char *path, const struct folio_shm_config *cfg,
			const char *name, struct folio_error *err);
int folio_shm_open_bar(struct folio_shm *m, const struct folio_shm_config *cfg, const char *name,
		       struct folio_error *err);

/* Take both roles of m->fd. Returns 0 or a negative errno with a line for the user. */
int folio_shm_lock(const struct folio_shm *m, const char *name, struct folio_error *err);

/* The device has so many bytes: are they enough? m->size becomes what is wanted, in whole pages. */
int folio_shm_check_size(struct folio_shm *m, uint64_t size, const struct folio_shm_config *cfg,
			 const char *name, struct folio_error *err);

/* Map all of m->size. Returns 0 or a negative errno. */
int folio_shm_map(struct folio_shm *m);

/* The next so many bytes are at this device address. Returns false if there are too many pieces. */
bool folio_shm_add_piece(struct folio_shm *m, uint64_t addr, uint64_t len);

static inline uint64_t
folio_shm_round_up(uint64_t size, uint64_t page)
{
	return (size + page - 1) / page * page;
}

#endif /* FOLIO_SHM_OPEN_H */
