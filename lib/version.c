/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <folio.h>

/* The build says; what is compiled without it, as by the fuzzers, is of no version. */
#ifndef FOLIO_VERSION
#define FOLIO_VERSION "unknown"
#endif

const char *
folio_version(void)
{
	return FOLIO_VERSION;
}
