/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include "boundary/copy.h"

extern const struct folio_copy folio_copy_portable;
#ifdef __x86_64__
extern const struct folio_copy folio_copy_sse;
extern const struct folio_copy folio_copy_avx2;
extern const struct folio_copy folio_copy_avx512;
#endif

const struct folio_copy *
folio_copy_select(enum folio_isa max)
{
#ifdef __x86_64__
	if (max == FOLIO_ISA_AUTO)
		max = FOLIO_ISA_AVX512;
	if (max >= FOLIO_ISA_AVX512 && __builtin_cpu_supports("avx512f") &&
	    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	    __builtin_cpu_supports("bmi2"))
		return &folio_copy_avx512;
	if (max >= FOLIO_ISA_AVX2 && __builtin_cpu_supports("avx2") &&
	    __builtin_cpu_supports("bmi2"))
		return &folio_copy_avx2;
	if (max >= FOLIO_ISA_SSE)
		return &folio_copy_sse;
#else
	(void)max;
#endif
	return &folio_copy_portable;
}

const char *
folio_isa_name(enum folio_isa isa)
{
	static const char *const names[FOLIO_ISA_COUNT] = {
		[FOLIO_ISA_AUTO] = "auto",
		[FOLIO_ISA_PORTABLE] = "portable",
		[FOLIO_ISA_SSE] = "sse",
		[FOLIO_ISA_AVX2] = "avx2",
		[FOLIO_ISA_AVX512] = "avx512",
	};

	return (unsigned int)isa < FOLIO_ISA_COUNT ? names[isa] : "unknown";
}
