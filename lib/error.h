/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_ERROR_H
#define FOLIO_ERROR_H

#include <stdarg.h>
#include <stdio.h>

#include <folio.h>

/* Write the line for the user, if there is somebody to read it, and return the errno given. */
__attribute__((format(printf, 3, 4))) static inline int
folio_fail(struct folio_error *err, int ret, const char *fmt, ...)
{
	va_list ap;

	if (err != NULL) {
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
	}
	return ret;
}

#endif /* FOLIO_ERROR_H */
