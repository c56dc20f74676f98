/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* A plugin that never finishes loading. */

#include <unistd.h>

__attribute__((constructor)) static void
hang(void)
{
	for (;;)
		pause();
}
