/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef CHECK_H
#define CHECK_H

/* What a fuzzer holds to be true at all times. Not assert(): it says what it found, and stays. */

#include <stdio.h>
#include <stdlib.h>

#define CHECK_MSG(cond, ...)                                                                       \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: %s: not so: %s: ", __FILE__, __LINE__, __func__,   \
				#cond);                                                            \
			fprintf(stderr, __VA_ARGS__);                                              \
			fputc('\n', stderr);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define CHECK(cond) CHECK_MSG(cond, "broken promise")

#endif /* CHECK_H */
