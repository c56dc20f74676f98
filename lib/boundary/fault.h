/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_FAULT_H
#define FOLIO_FAULT_H

/*
 * A local peer can take away memory that we have mapped: it cuts the file, or punches a hole that
 * cannot be filled again. Whoever touches it gets SIGBUS. For watched mappings a handler of ours
 * puts private zeroed memory in their place, so that the burst goes on harmlessly, and remembers
 * it, so that the control thread leaves the region. Every other SIGBUS goes to the handler that
 * was there before.
 *
 * The handler reads one table of fixed size and makes one system call. This file has the only
 * mutable globals of the core: signal handlers belong to the process.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boundary/shared.h"

/* Mappings that can be watched at a time: two a region, three for a device. */
#define FOLIO_FAULT_MAX 256

/*
 * Watch a whole mapping that was just made, with its protection (PROT_READ ...). Returns 0, or
 * -ENOSPC if too many are. Installs the handler if it is not there.
 */
int folio_fault_watch(void *mem, size_t len, int prot);

/* To be called before unmapping, when nobody touches the memory any more. Unknown is fine. */
void folio_fault_unwatch(const void *mem);

/* Was (part of) this watched mapping gone when it was touched, and is it private memory now? */
bool folio_fault_hit(const void *mem);

/*
 * For bursts: how many replacements have begun, of any mapping of the process. One that has changed
 * since the mapping was made, looked at behind what was copied, says that this may be none of the
 * peer's. Then folio_fault_settled() says whether all that have begun are done, so that
 * folio_fault_hit() knows of them.
 */
extern uint32_t folio_fault_begun;

static inline uint32_t
folio_fault_epoch(void)
{
	folio_read_fence();
	return __atomic_load_n(&folio_fault_begun, __ATOMIC_RELAXED);
}

bool folio_fault_settled(uint32_t epoch);

/*
 * A burst on a mapping has seen another epoch than that which it knows. If all faults are settled
 * and none was in this mapping, the new one is known from now on.
 */
void folio_fault_renew(uint32_t *known, const void *mem);

/*
 * For the control thread, now and then: an application may have installed a handler of its own
 * after us. One that has stayed for a second is there to stay, and ours goes in front of it.
 */
void folio_fault_keep(void);

#endif /* FOLIO_FAULT_H */
