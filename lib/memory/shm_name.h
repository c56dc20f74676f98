/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_SHM_NAME_H
#define FOLIO_SHM_NAME_H

/* What memory is called: by its devarg. */

#include <stdbool.h>

#include <folio.h>

/* A path that begins so names a socket over which sealed memory is passed. */
#define FOLIO_SOCKET_PREFIX "unix:"

/*
 * "key=value", to begin lines for the user with. Long values are shortened, so that there is room
 * for what is wrong with them. To be freed; NULL: out of memory.
 */
char *folio_shm_name(const char *key, const char *value);

/* Directly in /dev are devices: a file of that name would be a mistake that hides the real one. */
bool folio_shm_is_device_name(const char *path);

/* There is nothing of such a name. Returns -ENODEV with a line for the user. */
int folio_shm_no_device(const char *name, struct folio_error *err);

#endif /* FOLIO_SHM_NAME_H */
