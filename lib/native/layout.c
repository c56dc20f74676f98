/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <inttypes.h>

#include "error.h"
#include "native/layout.h"

static uint64_t
align_up(uint64_t v, uint64_t to)
{
	return (v + to - 1) & ~(to - 1);
}

/*
 * A stride of an even number of lines makes the slots compete for a part of the cache sets:
 * 25 to 50 % slower when it is a power of two.
 */
static uint32_t
slot_stride(uint32_t slot_size)
{
	uint32_t lines = (slot_size + FOLIO_WIRE_LINE - 1) / FOLIO_WIRE_LINE;

	return (lines | 1) * FOLIO_WIRE_LINE;
}

static int
check_range(const char *what, uint32_t value, uint32_t min, uint32_t max, struct folio_error *err)
{
	if (value >= min && value <= max)
		return 0;
	return folio_fail(err, -EINVAL, "%s=%u is out of range: allowed is %u to %u", what, value,
			  min, max);
}

static int
check_geometry(const struct folio_geometry *g, struct folio_error *err)
{
	int ret;

	ret = check_range("queues", g->queues, FOLIO_WIRE_QUEUES_MIN, FOLIO_WIRE_QUEUES_MAX, err);
	if (ret != 0)
		return ret;
	ret = check_range("ring_size", g->ring_size, FOLIO_WIRE_RING_MIN, FOLIO_WIRE_RING_MAX, err);
	if (ret != 0)
		return ret;
	if ((g->ring_size & (g->ring_size - 1)) != 0)
		return folio_fail(err, -EINVAL,
				  "ring_size=%u is not a power of two: allowed is %u to %u",
				  g->ring_size, FOLIO_WIRE_RING_MIN, FOLIO_WIRE_RING_MAX);
	ret = check_range("slot_size", g->slot_size, FOLIO_WIRE_SLOT_MIN, FOLIO_WIRE_SLOT_MAX, err);
	if (ret != 0)
		return ret;
	return check_range("page_shift", g->page_shift, FOLIO_WIRE_SHIFT_MIN, FOLIO_WIRE_SHIFT_MAX,
			   err);
}

int
folio_layout_init(struct folio_layout *l, const struct folio_geometry *g, uint64_t region_size,
		  struct folio_error *err)
{
	struct folio_layout n = {.geom = *g};
	uint64_t ring_bytes;
	int ret;

	ret = check_geometry(&n.geom, err);
	if (ret != 0)
		return ret;

	/* The largest region is below 2^39 bytes: nothing here can wrap. */
	n.stride = slot_stride(g->slot_size);
	ring_bytes = (uint64_t)g->ring_size * n.stride;
	n.max_frame = ring_bytes < FOLIO_WIRE_FRAME_MAX ? (uint32_t)ring_bytes
							: FOLIO_WIRE_FRAME_MAX;
	n.desc_len = align_up((uint64_t)g->ring_size * sizeof(folio_wire_desc), FOLIO_WIRE_PAGE);
	n.meta_len = align_up((uint64_t)g->ring_size * sizeof(struct folio_wire_meta),
			      FOLIO_WIRE_PAGE);
	n.data_len = align_up(ring_bytes, FOLIO_WIRE_PAGE);

	n.index_off = sizeof(struct folio_wire_header);
	n.desc_off = n.index_off + align_up(g->queues * sizeof(struct folio_wire_index),
					    FOLIO_WIRE_PAGE);
	n.meta_off = n.desc_off + g->queues * n.desc_len;
	n.data_off = n.meta_off + g->queues * n.meta_len;
	n.used = n.data_off + g->queues * n.data_len;
	n.area_size = align_up(n.used, UINT64_C(1) << g->page_shift);
	n.region_size = 2 * n.area_size;

	if (region_size != 0 && region_size < n.region_size)
		return folio_fail(err, -ENOSPC,
				  "region too small: it has %" PRIu64
				  " bytes, but queues=%u ring_size=%u slot_size=%u need %" PRIu64
				  " (areas aligned to %" PRIu64 ")",
				  region_size, g->queues, g->ring_size, g->slot_size, n.region_size,
				  UINT64_C(1) << g->page_shift);
	*l = n;
	return 0;
}

struct folio_wire_header *
folio_layout_header(void *area)
{
	return area;
}

struct folio_wire_index *
folio_layout_index(const struct folio_layout *l, void *area, uint32_t q)
{
	return (struct folio_wire_index *)((uint8_t *)area + l->index_off) + q;
}

folio_wire_desc *
folio_layout_desc(const struct folio_layout *l, void *area, uint32_t q)
{
	return (folio_wire_desc *)((uint8_t *)area + l->desc_off + q * l->desc_len);
}

uint8_t *
folio_layout_data(const struct folio_layout *l, void *area, uint32_t q)
{
	return (uint8_t *)area + l->data_off + q * l->data_len;
}
