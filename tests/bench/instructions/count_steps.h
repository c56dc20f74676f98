/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef COUNT_STEPS_H
#define COUNT_STEPS_H

/*
 * Instructions counted by the processor's trap flag: one signal for each. Slow, but on the real
 * processor, with instruction sets that callgrind does not know, and of programs without symbols.
 */

#include <stdint.h>

/* Count from here. Nothing may be called in between that sets the signal's handler. */
void count_steps_begin(void);

/* Returns the instructions since count_steps_begin(), with a few that are always the same. */
uint64_t count_steps_end(void);

struct rte_mbuf;
typedef uint16_t (*burst_fn)(void *queue, struct rte_mbuf **pkts, uint16_t n);

/* Do a burst of *n, which says how many it was: the instructions beyond those of a burst in vain. */
uint64_t count_steps_of(burst_fn burst, void *queue, struct rte_mbuf **pkts, uint16_t *n);

#endif /* COUNT_STEPS_H */
