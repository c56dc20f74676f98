/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_COPY_H
#define FOLIO_COPY_H

/*
 * Copies across the boundary. Two shapes, because the two directions owe different things:
 *
 * exact  - into shared memory: reads len bytes, writes len bytes, not one more.
 * padded - into private memory: len is rounded up to whole lines on both sides. The source must lie
 *	    in a slot (whose stride is whole lines), the destination must have the room.
 *
 * A peer may rewrite the source while it is copied. The result is then some mixture, but private:
 * nothing decides on a byte before it was copied.
 */

#include <stddef.h>
#include <stdint.h>

#include <folio.h>

typedef void (*folio_copy_fn)(void *dst, const void *src, size_t len);

struct folio_copy {
	enum folio_isa isa;
	folio_copy_fn exact;
	folio_copy_fn padded;
};

/* Bytes that a padded copy of len bytes moves. */
static inline size_t
folio_copy_padded_len(size_t len)
{
	return (len + 63) & ~(size_t)63;
}

/* The kernels for the widest instruction set up to max that this CPU has. Uses CPUID. */
const struct folio_copy *folio_copy_select(enum folio_isa max);

#endif /* FOLIO_COPY_H */
