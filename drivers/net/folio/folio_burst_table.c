/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include "folio_ethdev.h"

extern const struct folio_burst folio_burst_portable;
#ifdef __x86_64__
extern const struct folio_burst folio_burst_sse;
extern const struct folio_burst folio_burst_avx2;
extern const struct folio_burst folio_burst_avx512;
#endif

const struct folio_burst *
folio_burst_get(enum folio_isa isa)
{
	switch (isa) {
#ifdef __x86_64__
	case FOLIO_ISA_AVX512:
		return &folio_burst_avx512;
	case FOLIO_ISA_AVX2:
		return &folio_burst_avx2;
	case FOLIO_ISA_SSE:
		return &folio_burst_sse;
#endif
	default:
		return &folio_burst_portable;
	}
}
