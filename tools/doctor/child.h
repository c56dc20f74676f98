/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef CHILD_H
#define CHILD_H

/* What may crash, hang, print or exit is tried in a process of its own. */

#include <stdbool.h>
#include <stddef.h>

#define CHILD_SECONDS 15 /* for somebody else's code */

/* Writes what it has to say to fd, and returns whether all is well. */
typedef bool (*child_fn)(const char *arg, int fd);

/*
 * Run it, for at most so many seconds. Returns what fn returned; out holds what it said, or why it
 * could not.
 */
bool child_run(child_fn fn, const char *arg, unsigned int seconds, char *out, size_t size);

#endif /* CHILD_H */
