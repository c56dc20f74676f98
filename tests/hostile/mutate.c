/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <string.h>

#include "mutate.h"

struct span {
	uint8_t *mem;
	uint64_t len;
};

static uint64_t
below(struct peer *p, uint64_t n)
{
	return peer_random(&p->seed) % n;
}

/* One time in eight the other side's half. */
static uint8_t *
choose_area(struct peer *p, enum mutate_at at)
{
	uint8_t *guest = p->mem, *host = p->mem + p->area_size;
	bool first = at == MUTATE_ALL ? below(p, 2) : below(p, 8) != 0;

	if (at == MUTATE_FOR_HOST)
		return first ? guest : host;
	return first ? host : guest;
}

/* Control structures more often than their share of the bytes. */
static struct span
choose_span(struct peer *p, uint8_t *area)
{
	switch (below(p, 8)) {
	case 0:
		return (struct span){area, 72}; /* the fields of the header */
	case 1:
		return (struct span){area, FOLIO_WIRE_PAGE};
	case 2:
	case 3:
		return (struct span){area + p->index_off,
				     p->geom.queues * sizeof(struct folio_wire_index)};
	case 4:
	case 5:
		return (struct span){area + p->desc_off, p->geom.queues * p->desc_len};
	case 6:
		return (struct span){area + p->data_off, p->geom.queues * p->data_len};
	default:
		return (struct span){area, p->area_size};
	}
}

/* Values that a check might get wrong. */
static uint64_t
edge(struct peer *p)
{
	const uint64_t edges[] = {
		0, 1, FOLIO_WIRE_FRAME_MIN - 1, FOLIO_WIRE_FRAME_MIN, p->stride, p->stride + 1,
		p->max_frame, p->max_frame + 1, p->geom.ring_size, p->geom.ring_size + 1,
		UINT16_MAX, UINT16_MAX + 1, INT32_MAX, UINT64_C(1) << 31, UINT32_MAX,
		UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_MAX, FOLIO_WIRE_MAGIC,
		FOLIO_WIRE_QUEUES_MAX + 1,
	};

	return edges[below(p, sizeof(edges) / sizeof(edges[0]))];
}

static void
mutate_word(struct peer *p, uint8_t *word)
{
	uint64_t v;

	memcpy(&v, word, sizeof(v));
	switch (below(p, 5)) {
	case 0:
		v = peer_random(&p->seed);
		break;
	case 1:
		v = edge(p);
		break;
	case 2:
		v += below(p, 9) - 4;
		break;
	case 3:
		v ^= UINT64_C(1) << below(p, 64);
		break;
	default:
		v = 14 + below(p, 2 * (uint64_t)p->stride); /* a length that may well be valid */
	}
	store64((folio_shared_u64 *)word, v);
}

static void
mutate_structure(struct peer *p, const struct span *s)
{
	uint64_t len = 8 * (1 + below(p, s->len < 4096 ? s->len / 8 : 512));
	uint64_t at = 8 * below(p, (s->len - len) / 8 + 1), i, r;
	int byte = (int)below(p, 256);

	if (below(p, 2) == 0) {
		memset(s->mem + at, byte, len);
		return;
	}
	for (i = 0; i < len; i += sizeof(r)) {
		r = peer_random(&p->seed);
		memcpy(s->mem + at + i, &r, sizeof(r));
	}
}

void
mutate(struct peer *p, enum mutate_at at, unsigned int n)
{
	while (n-- > 0) {
		struct span s = choose_span(p, choose_area(p, at));

		switch (below(p, 16)) {
		case 0:
			mutate_structure(p, &s);
			break;
		case 1:
		case 2:
		case 3:
		case 4:
			s.mem[below(p, s.len)] = (uint8_t)peer_random(&p->seed);
			break;
		default:
			mutate_word(p, s.mem + 8 * below(p, s.len / 8));
		}
	}
}
