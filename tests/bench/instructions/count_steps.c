/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "count_steps.h"

static volatile uint64_t steps;

static void
on_trap(int number)
{
	(void)number;
	steps++;
}

#ifdef __x86_64__

/* The flag is bit 8. What lies below the stack pointer may be in use. */
#define SET_TRAP(change) \
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\t" change "\n\tpopfq\n\t" \
			 "lea 128(%%rsp), %%rsp" ::: "memory", "cc")

void
count_steps_begin(void)
{
	struct sigaction action = {.sa_handler = on_trap};

	if (sigaction(SIGTRAP, &action, NULL) != 0) {
		perror("sigaction");
		exit(1);
	}
	steps = 0;
	SET_TRAP("orq $0x100, (%%rsp)");
}

uint64_t
count_steps_end(void)
{
	SET_TRAP("andq $~0x100, (%%rsp)");
	return steps;
}

#else

void
count_steps_begin(void)
{
	(void)on_trap;
	fprintf(stderr, "instructions are counted by steps on x86 only\n");
	exit(1);
}

uint64_t
count_steps_end(void)
{
	return steps;
}

#endif

static uint16_t
nothing(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	(void)queue;
	(void)pkts;
	return n;
}

static __attribute__((noinline)) uint64_t
steps_of(burst_fn burst, void *queue, struct rte_mbuf **pkts, uint16_t *n)
{
	count_steps_begin();
	*n = burst(queue, pkts, *n);
	return count_steps_end();
}

uint64_t
count_steps_of(burst_fn burst, void *queue, struct rte_mbuf **pkts, uint16_t *n)
{
	static uint64_t in_vain;
	uint16_t none = 0;

	if (in_vain == 0)
		in_vain = steps_of(nothing, NULL, NULL, &none);
	return steps_of(burst, queue, pkts, n) - in_vain;
}
