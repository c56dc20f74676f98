/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * What the ways to a device's memory have in common: it has a fixed size, and nobody allocates it.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "boundary/copy.h"
#include "boundary/fault.h"
#include "boundary/shared.h"
#include "clock.h"
#include "error.h"
#include "memory/shm_device.h"

/* How the cost of reading is found out: the best of some rounds of some copies of a page. */
#define COST_ROUNDS 5
#define COST_COPIES 32

static uint64_t
best_read_ns(folio_copy_fn padded, void *dst, const void *src)
{
	uint64_t best = UINT64_MAX;
	int round, i;

	for (round = 0; round < COST_ROUNDS; round++) {
		uint64_t start = folio_now_ns(), took;

		for (i = 0; i < COST_COPIES; i++)
			padded(dst, src, FOLIO_WIRE_PAGE);
		took = folio_now_ns() - start;
		if (took < best)
			best = took;
	}
	return best > 0 ? best : 1;
}

void
folio_device_measure(struct folio_region *r)
{
	folio_copy_fn padded = folio_copy_select(FOLIO_ISA_AUTO)->padded;
	uint8_t dst[FOLIO_WIRE_PAGE], src[FOLIO_WIRE_PAGE];
	uint64_t cost;

	memset(src, 0, sizeof(src));
	cost = 100 * best_read_ns(padded, dst, r->first) / best_read_ns(padded, dst, src);
	r->read_cost = cost == 0 ? 1 : cost > UINT32_MAX ? UINT32_MAX : (uint32_t)cost;
}

int
folio_device_map_first(struct folio_region *r)
{
	void *page = mmap(NULL, FOLIO_WIRE_PAGE, PROT_READ, MAP_SHARED, r->fd, 0);

	if (page == MAP_FAILED)
		return -errno;
	r->first = page;
	return folio_fault_watch(page, FOLIO_WIRE_PAGE, PROT_READ);
}

void
folio_device_touch(const void *mem, uint64_t len)
{
	folio_copy_fn padded = folio_copy_select(FOLIO_ISA_AUTO)->padded;
	uint8_t line[FOLIO_WIRE_LINE];
	uint64_t i;

	for (i = 0; i < len; i += FOLIO_WIRE_PAGE)
		padded(line, (const uint8_t *)mem + i, sizeof(line));
}

bool
folio_device_peek(const struct folio_region *r, struct folio_wire_header *copy)
{
	const folio_shared_u64 *from = r->first;
	uint64_t words[sizeof(*copy) / sizeof(uint64_t)];
	size_t i;

	if (r->first == NULL)
		return false;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		words[i] = folio_fetch64(&from[i]);
	memcpy(copy, words, sizeof(*copy));
	return true;
}

int
folio_device_reserve(struct folio_region *r, uint64_t offset, uint64_t len)
{
	return offset <= r->size && len <= r->size - offset ? 0 : ENOSPC;
}

void
folio_device_discard(struct folio_region *r, uint64_t offset, uint64_t len)
{
	void *mem;

	if (len == 0)
		return;
	mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, (off_t)offset);
	if (mem == MAP_FAILED)
		return;
	/* The device can go away at any moment. */
	if (folio_fault_watch(mem, len, PROT_READ | PROT_WRITE) == 0) {
		memset(mem, 0, len);
		folio_fault_unwatch(mem);
	}
	munmap(mem, len);
}

void
folio_device_release(struct folio_region *r)
{
	if (r->first == NULL)
		return;
	folio_fault_unwatch(r->first);
	munmap((void *)(uintptr_t)r->first, FOLIO_WIRE_PAGE);
	r->first = NULL;
}

/* A BAR's size is a power of two. */
int
folio_device_grow(struct folio_region *r, uint64_t size, struct folio_error *err)
{
	uint64_t fits = FOLIO_WIRE_PAGE;

	if (r->size >= size)
		return 0;
	while (fits < size)
		fits *= 2;
	return folio_fail(err, -ENOSPC,
			  "region too small: the BAR of %s has %" PRIu64
			  " bytes, the geometry needs %" PRIu64 ": on the host give its memory "
			  "backend size=%" PRIu64 "M, or here fewer queues or slots", r->name, r->size, size, fits >> 20);
}
