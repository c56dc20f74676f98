/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include "memory/arena.h"

#define LINE UINT64_C(64)

void
folio_arena_begin(struct folio_arena *a, const struct folio_shm *shm)
{
	a->shm = shm;
	a->used = 0;
}

static uint64_t
piece_end(const struct folio_shm_piece *p)
{
	return p->offset + p->len;
}

/* Where a piece is free from, aligned. False: nowhere. */
static bool
free_from(const struct folio_arena *a, const struct folio_shm_piece *p, uint64_t align,
	  uint64_t *from)
{
	uint64_t start = a->used > p->offset ? a->used : p->offset;
	uint64_t before = -start & (align - 1);

	if (start >= piece_end(p) || before >= piece_end(p) - start)
		return false;
	*from = start + before;
	return true;
}

bool
folio_arena_take(struct folio_arena *a, uint64_t len, uint64_t align, uint64_t *offset,
		 uint64_t *addr)
{
	uint64_t from;
	uint32_t i;

	if (len == 0 || align == 0 || (align & (align - 1)) != 0)
		return false;
	for (i = 0; i < a->shm->pieces; i++) {
		const struct folio_shm_piece *p = &a->shm->piece[i];

		/* Elsewhere than the offset, the device address would not be aligned with it. */
		if (((p->addr - p->offset) & (align - 1)) != 0 || !free_from(a, p, align, &from) ||
		    len > piece_end(p) - from)
			continue;
		*offset = from;
		*addr = p->addr + (from - p->offset);
		a->used = from + len;
		return true;
	}
	return false;
}

/*
 * The first line in piece i from which on the end of the piece is also the end of a stride. False:
 * there is none.
 */
static bool
line_before_end(const struct folio_arena *a, uint32_t i, uint32_t stride, uint64_t *base)
{
	const struct folio_shm_piece *p = &a->shm->piece[i];
	uint64_t end = piece_end(p);
	uint64_t from, whole;
	uint32_t tries;

	if (!free_from(a, p, LINE, &from))
		return false;
	whole = (end - from) / stride;
	/* By how far it is off a line, one stride less repeats after so many at the latest. */
	for (tries = 0; tries < LINE && whole > 0; tries++, whole--) {
		*base = end - whole * stride;
		if (*base % LINE == 0)
			return true;
	}
	return false;
}

/* From this offset in piece i on: is each of n strides within a piece? */
static bool
fits(const struct folio_shm *shm, uint32_t i, uint64_t base, uint32_t n, uint32_t stride)
{
	uint64_t left = (uint64_t)n * stride;
	uint64_t at = base;

	for (;;) {
		const struct folio_shm_piece *p = &shm->piece[i];
		uint64_t here = piece_end(p) - at;

		if (left <= here)
			return true;
		if (here % stride != 0)
			return false;
		left -= here;
		at += here;
		i++;
		if (i == shm->pieces || shm->piece[i].offset != at)
			return false;
	}
}

static void
fill_in(const struct folio_shm *shm, uint32_t i, uint64_t base, uint32_t n, uint32_t stride,
	uint32_t skip, uint64_t *addr)
{
	const struct folio_shm_piece *p = &shm->piece[i];
	uint64_t at = base;
	uint32_t k;

	for (k = 0; k < n; k++, at += stride) {
		while (at >= piece_end(p))
			p++;
		addr[k] = p->addr + (at - p->offset) + skip;
	}
}

/*
 * In each piece in turn: as one block, or so that strides end where pieces do. Whatever is the
 * earlier place is taken, as what lies before it is lost.
 */
bool
folio_arena_take_array(struct folio_arena *a, uint32_t n, uint32_t stride, uint32_t skip,
		       uint64_t *offset, uint64_t *addr)
{
	uint64_t len = (uint64_t)n * stride;
	uint64_t base;
	uint32_t i;

	if (n == 0 || skip >= stride)
		return false;
	for (i = 0; i < a->shm->pieces; i++) {
		if (free_from(a, &a->shm->piece[i], LINE, &base) &&
		    len <= piece_end(&a->shm->piece[i]) - base)
			break;
		if (line_before_end(a, i, stride, &base) && fits(a->shm, i, base, n, stride))
			break;
	}
	if (i == a->shm->pieces)
		return false;
	fill_in(a->shm, i, base, n, stride, skip, addr);
	*offset = base;
	a->used = base + len;
	return true;
}
