/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_SEALED_H
#define FOLIO_SEALED_H

/* Memory of our own for somebody else to have, too: he cannot cut it. */

#include <stdbool.h>
#include <stdint.h>

#define FOLIO_SEALED_HUGE_SHIFT 21
#define FOLIO_SEALED_HUGE_PAGE (UINT32_C(1) << FOLIO_SEALED_HUGE_SHIFT)

/*
 * An empty memfd that nobody can execute, where the kernel has such (else one that can be); flags
 * are memfd_create()'s. Returns a descriptor that is closed on exec, or -1 and errno.
 */
int folio_sealed_memfd(unsigned int flags);

/*
 * Make a memfd of len bytes, on huge pages if told so, map it read-write with all its memory, from
 * the node if that is not negative, and seal it. F_SEAL_SEAL comes with every set of seals.
 *
 * Returns its descriptor, or a negative errno; then nothing is left behind. Takes as long as
 * populating so many bytes takes.
 */
int folio_sealed_make(void **mem, uint64_t len, bool huge, int seals, int numa_node);

#endif /* FOLIO_SEALED_H */
