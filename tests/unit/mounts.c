/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>

#include "mounts.h"

int
mounts_own(const char *dir, const char *type, const char *options)
{
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("folio-unit", dir, type, 0, options) != 0)
		return MOUNTS_REFUSED;
	return 0;
}

int
mounts_complain(const char *what, const struct folio_error *err)
{
	fprintf(stderr, "%s (errno %d) \"%s\"\n", what, errno, err->text);
	return 1;
}

void
mounts_check(int (*fn)(void *arg), void *arg, const char *what)
{
	int status = util_run_child(fn, arg);

	if (util_exited(status, MOUNTS_REFUSED)) {
		print_message("skipped: %s\n", what);
		skip();
	}
	assert_true(util_exited(status, 0));
}
