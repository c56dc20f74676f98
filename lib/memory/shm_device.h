/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_SHM_DEVICE_H
#define FOLIO_SHM_DEVICE_H

/* For shm_node.c and shm_bar.c: the parts of a source that are the same for both. */

#include "memory/shm_source.h"

/* Map the first page, which tells whether the device can be mapped at all. */
int folio_device_map_first(struct folio_region *r);

/*
 * What a page table says of caching is half the truth in a virtual machine: the host's has the
 * other half. Reading the memory tells.
 */
void folio_device_measure(struct folio_region *r);

/*
 * Touch every page of a range. This kernel's page tables are complete; the hypervisor's are not,
 * and in a confidential machine a page that was never touched may even have to be converted first.
 */
void folio_device_touch(const void *mem, uint64_t len);

int folio_device_grow(struct folio_region *r, uint64_t size, struct folio_error *err);
bool folio_device_peek(const struct folio_region *r, struct folio_wire_header *copy);
int folio_device_reserve(struct folio_region *r, uint64_t offset, uint64_t len);
void folio_device_discard(struct folio_region *r, uint64_t offset, uint64_t len);
void folio_device_release(struct folio_region *r);

#endif /* FOLIO_SHM_DEVICE_H */
