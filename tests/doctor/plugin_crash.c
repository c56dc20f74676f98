/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* A plugin that prints, on both outputs, and dies while it is loaded. */

#include <signal.h>
#include <stdio.h>

__attribute__((constructor)) static void
crash(void)
{
	printf("a plugin's output\n");
	fflush(stdout);
	fprintf(stderr, "a plugin's error\n");
	signal(SIGABRT, SIG_DFL);
	raise(SIGABRT);
}
