/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Compiled once per instruction set; FOLIO_COPY_OPS is the name of the table to define. */

#include "boundary/copy.h"
#include "boundary/copy_kernel.h"

static void
exact(void *dst, const void *src, size_t len)
{
	folio_kernel_exact(dst, src, len);
}

static void
padded(void *dst, const void *src, size_t len)
{
	folio_kernel_padded(dst, src, len);
}

extern const struct folio_copy FOLIO_COPY_OPS;

const struct folio_copy FOLIO_COPY_OPS = {
	.isa = FOLIO_KERNEL_ISA,
	.exact = exact,
	.padded = padded,
};
