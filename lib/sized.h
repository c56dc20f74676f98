/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_SIZED_H
#define FOLIO_SIZED_H

/*
 * Structures that grow at their ends, between a program and a library that were compiled at
 * different times.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* From the program; false if it sets something that is not known here. */
static inline bool
folio_sized_take(void *own, size_t own_size, const void *given, size_t size)
{
	const uint8_t *bytes = given;
	size_t i;

	memset(own, 0, own_size);
	memcpy(own, given, size < own_size ? size : own_size);
	for (i = own_size; i < size; i++) {
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

/* To the program: what it does not know is left out, what is not known here is zero. */
static inline void
folio_sized_give(void *given, size_t size, const void *own, size_t own_size)
{
	memset(given, 0, size);
	memcpy(given, own, size < own_size ? size : own_size);
}

#endif /* FOLIO_SIZED_H */
