/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef MOUNTS_H
#define MOUNTS_H

/*
 * File systems of our own, in a mount namespace of a child process, which takes them with it. The
 * child can't use cmocka; it says what went wrong on stderr.
 */

#include <folio.h>

#include "util.h"

#define MOUNTS_REFUSED 77 /* the child may not do it: its exit code */

/* In the child: mount it on dir, for the child alone. Returns 0 or MOUNTS_REFUSED. */
int mounts_own(const char *dir, const char *type, const char *options);

/* In the child: say what is wrong. Returns the exit code for it. */
int mounts_complain(const char *what, const struct folio_error *err);

/* Run fn(arg) in a child. The test is skipped if the child says MOUNTS_REFUSED: it lacks `what`. */
void mounts_check(int (*fn)(void *arg), void *arg, const char *what);

#endif /* MOUNTS_H */
