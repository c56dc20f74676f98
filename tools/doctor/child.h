/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef CHILD_H
#define CHILD_H

/* Somebody else's code is tried in a process of its own: it may crash, hang, print, or exit. */

#include <stdbool.h>
#include <stddef.h>

/* Writes what it has to say to fd, and returns whether all is well. */
typedef bool (*child_fn)(const char *arg, int fd);

/* Run it. Returns what fn returned; out holds what it said, or why it could not. */
bool child_run(child_fn fn, const char *arg, char *out, size_t size);

#endif /* CHILD_H */
