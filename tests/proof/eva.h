/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_PROOF_EVA_H
#define FOLIO_PROOF_EVA_H

/* For the programs that EVA analyses: values and choices that are anything. */

#include <__fc_builtin.h>
#include <stdbool.h>
#include <stdint.h>

extern volatile uint32_t any_u32;
extern volatile uint64_t any_u64;
extern volatile int any_int;

static inline bool
maybe(void)
{
	return any_int != 0;
}

#endif /* FOLIO_PROOF_EVA_H */
