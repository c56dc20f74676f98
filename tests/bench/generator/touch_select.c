/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include "touch.h"

extern const struct touch touch_portable;
#if defined(__x86_64__)
extern const struct touch touch_avx2;
#endif

const struct touch *
touch_select(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		return &touch_avx2;
#endif
	return &touch_portable;
}
