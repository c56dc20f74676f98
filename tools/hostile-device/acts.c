/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <string.h>

#include "acts.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define AVAIL_FLAG (1u << VRING_PACKED_DESC_F_AVAIL)
#define USED_FLAG (1u << VRING_PACKED_DESC_F_USED)

/* A used element that the driver sees at once. */
static void
say(struct model_queue *q, uint32_t id, uint32_t len)
{
	model_say_used(q, id, len, 1);
	model_publish(q);
}

/* Something is outstanding, so that a used element can be said at all. */
static bool
can_say(struct model_queue *q)
{
	return model_collect(q) >= 0 && q->n_held > 0;
}

/* What a received frame says of its buffers. */
static void
say_buffers(struct model_queue *q, uint32_t which, uint16_t n)
{
	if (q->receive && q->held[which]->part[0].len >= MODEL_HEADER)
		memcpy(q->held[which]->part[0].mem + MODEL_HEADER - sizeof(n), &n, sizeof(n));
}

/* Q1: ids. */

static bool
id_out_of_range(struct model_queue *q, uint64_t r)
{
	const uint32_t ids[] = {q->size, q->size + 1, UINT16_MAX, 0x8000, q->size * 2};

	if (!can_say(q))
		return false;
	say(q, ids[r % N(ids)], q->held[0]->bytes);
	return true;
}

static bool
id_of_more_bits(struct model_queue *q, uint64_t r)
{
	if (q->packed || !can_say(q))
		return false;
	say(q, q->held[0]->id | (uint32_t)1 << (16 + r % 16), q->held[0]->bytes);
	return true;
}

static bool
id_not_outstanding(struct model_queue *q, uint64_t r)
{
	uint32_t i, id;

	if (!can_say(q))
		return false;
	for (i = 0; i < q->size; i++) {
		id = (uint32_t)(r + i) & (q->size - 1);
		if (!q->given[id]) {
			say(q, id, q->held[0]->bytes);
			return true;
		}
	}
	return false;
}

static bool
id_twice(struct model_queue *q, uint64_t r)
{
	uint16_t id;

	(void)r;
	if (!can_say(q) || q->n_held < 2)
		return false;
	id = q->held[0]->id;
	say_buffers(q, 0, 1);
	model_return(q, 0, 64);
	say(q, id, 64);
	return true;
}

static bool
id_inside_a_chain(struct model_queue *q, uint64_t r)
{
	uint32_t i;

	if (!can_say(q))
		return false;
	for (i = 0; i < q->n_held; i++) {
		const struct model_chain *c = q->held[i];

		if (c->n < 2)
			continue;
		/* A packed chain has one id; drivers number buffers, so the next is inside. */
		if (q->packed)
			say(q, (c->id + 1u + (uint32_t)r % (c->n - 1u)) & (q->size - 1), 0);
		else
			say(q, c->part[1 + r % (c->n - 1u)].id, 0);
		return true;
	}
	return false;
}

static bool
id_after_flags(struct model_queue *q, uint64_t r)
{
	struct vring_packed_desc *d = &q->ring[q->next_used];

	if (!q->packed || !can_say(q))
		return false;
	/* The id is still that of another time. */
	d->id = (uint16_t)(q->size + r % q->size);
	__atomic_store_n(&d->flags, q->used_wrap ? AVAIL_FLAG | USED_FLAG : 0, __ATOMIC_RELEASE);
	return true;
}

/* Q1: lengths. */

static bool
length_longer(struct model_queue *q, uint64_t r)
{
	const uint32_t bytes = can_say(q) ? q->held[0]->bytes : 0;
	const uint32_t lens[] = {bytes + 1, bytes + MODEL_HEADER, bytes * 2, 0x7fffffff, 0x80000000,
				 UINT32_MAX, UINT32_MAX - MODEL_HEADER, 1 << 16};

	if (bytes == 0)
		return false;
	say_buffers(q, 0, 1);
	model_return(q, 0, lens[r % N(lens)]);
	model_publish(q);
	return true;
}

static bool
length_shorter(struct model_queue *q, uint64_t r)
{
	if (!can_say(q))
		return false;
	say_buffers(q, 0, 1);
	model_return(q, 0, (uint32_t)(r * 7 % (MODEL_HEADER + 14))); /* no Ethernet header */
	model_publish(q);
	return true;
}

/* Q1: the index of a split ring. */

static bool
index_at(struct model_queue *q, uint16_t idx)
{
	if (q->packed)
		return false;
	__atomic_store_n(&q->used->idx, idx, __ATOMIC_RELEASE);
	return true;
}

static bool
index_ahead(struct model_queue *q, uint64_t r)
{
	return can_say(q) && index_at(q, (uint16_t)(q->next_used + q->n_held + 1 + r % q->size));
}

static bool
index_back(struct model_queue *q, uint64_t r)
{
	return index_at(q, (uint16_t)(q->next_used - 1 - r % q->size));
}

static bool
index_far(struct model_queue *q, uint64_t r)
{
	(void)r;
	return q->size < 0x8000 && index_at(q, q->next_used ^ 0x8000);
}

/* Q1: flags of a packed ring. */

static bool
flags_without_id(struct model_queue *q, uint64_t r)
{
	(void)r;
	if (!q->packed || !can_say(q))
		return false;
	say_buffers(q, 0, 1);
	__atomic_store_n(&q->ring[q->next_used].flags, q->used_wrap ? AVAIL_FLAG | USED_FLAG : 0,
			 __ATOMIC_RELEASE);
	return true;
}

static bool
flags_of_wrong_wrap(struct model_queue *q, uint64_t r)
{
	if (!q->packed || !can_say(q))
		return false;
	q->used_wrap = !q->used_wrap;
	say(q, q->held[r % q->n_held]->id, 64);
	return true;
}

/* Q2: what the driver wrote. */

static bool
rewrite_descriptors(struct model_queue *q, uint64_t r)
{
	uint32_t i;

	for (i = 0; i < q->size; i++) {
		/* In a packed ring the flags are how buffers come back: left alone here. */
		q->desc[i].addr = r * (i + 1);
		if (!q->packed) {
			q->desc[i].len = (uint32_t)(r >> 7) * i;
			q->desc[i].flags = (uint16_t)(r >> 20);
			q->desc[i].next = (uint16_t)(r >> 9);
		}
	}
	return true;
}

static bool
rewrite_driver_area(struct model_queue *q, uint64_t r)
{
	if (q->packed) {
		memset((void *)q->avail, (int)r, sizeof(struct vring_packed_desc_event));
		return true;
	}
	memset((void *)q->avail, (int)r, sizeof(*q->avail) + q->size * sizeof(q->avail->ring[0]));
	return true;
}

static bool
rewrite_buffers(struct model_queue *q, uint64_t r)
{
	uint32_t i, j;

	if (!can_say(q))
		return false;
	for (i = 0; i < q->n_held; i++) {
		for (j = 0; j < q->held[i]->n; j++)
			memset(q->held[i]->part[j].mem, (int)(r + i), q->held[i]->part[j].len);
	}
	return true;
}

/* Q3: the header. */

static bool
header_fields(struct model_queue *q, uint64_t r)
{
	static const uint8_t data[60] = {1};
	uint8_t header[MODEL_HEADER];
	unsigned int i;

	if (!q->receive || !can_say(q))
		return false;
	/* All ones, one bit, any. */
	for (i = 0; i < sizeof(header); i++)
		header[i] = r % 3 == 0 ? UINT8_MAX : r % 3 == 1 ? (uint8_t)(r >> 8 << i % 8)
								: (uint8_t)(r >> (8 + i * 4));
	if (!model_deliver(q, 0, data, sizeof(data), header))
		return false;
	model_publish(q);
	return true;
}

/* A frame of one returned buffer says that it has so many. */
static bool
buffers_said(struct model_queue *q, uint16_t n)
{
	if (!q->receive || !q->mergeable || !can_say(q))
		return false;
	say_buffers(q, 0, n);
	model_return(q, 0, MODEL_HEADER + 60);
	model_publish(q);
	return true;
}

static bool
buffers_none(struct model_queue *q, uint64_t r)
{
	(void)r;
	return buffers_said(q, 0);
}

static bool
buffers_most(struct model_queue *q, uint64_t r)
{
	(void)r;
	return buffers_said(q, UINT16_MAX);
}

static bool
buffers_more(struct model_queue *q, uint64_t r)
{
	return buffers_said(q, (uint16_t)(2 + r % (q->size - 1)));
}

const struct model_act model_acts[] = {
	{"Q1", "id-out-of-range", "used id of no buffer", id_out_of_range},
	{"Q1", "id-of-more-bits", "split: used id with a bit above the lower 16", id_of_more_bits},
	{"Q1", "id-not-outstanding", "used id of a buffer that was not given", id_not_outstanding},
	{"Q1", "id-twice", "a buffer returned twice", id_twice},
	{"Q1", "id-inside-a-chain", "used id of a buffer that heads no chain", id_inside_a_chain},
	{"Q1", "id-after-flags", "packed: flags say used, the id is an old one", id_after_flags},
	{"Q1", "length-longer", "used length larger than what was posted", length_longer},
	{"Q1", "length-shorter", "used length below header and Ethernet header", length_shorter},
	{"Q1", "index-ahead", "split: used index beyond what is outstanding", index_ahead},
	{"Q1", "index-back", "split: used index back", index_back},
	{"Q1", "index-far", "split: used index off by 2^15", index_far},
	{"Q1", "flags-without-id", "packed: only the flags are written", flags_without_id},
	{"Q1", "flags-of-wrong-wrap", "packed: used flags of the other wrap", flags_of_wrong_wrap},
	{"Q2", "rewrite-descriptors", "addresses, lengths, links overwritten", rewrite_descriptors},
	{"Q2", "rewrite-driver-area", "available ring or event overwritten", rewrite_driver_area},
	{"Q2", "rewrite-buffers", "posted buffers overwritten, headers too", rewrite_buffers},
	{"Q3", "header-fields", "every field of the header at any value", header_fields},
	{"Q3", "buffers-none", "num_buffers is 0", buffers_none},
	{"Q3", "buffers-most", "num_buffers is 65535", buffers_most},
	{"Q3", "buffers-more", "num_buffers is more than were returned", buffers_more},
};
const unsigned int model_n_acts = N(model_acts);

const struct model_act *
model_find_act(const char *name)
{
	unsigned int i;

	for (i = 0; i < N(model_acts); i++) {
		if (strcmp(model_acts[i].name, name) == 0)
			return &model_acts[i];
	}
	return NULL;
}

static void
storm_split(struct model_queue *q, uint64_t r, uint64_t value)
{
	uint32_t i = (uint32_t)(r >> 8) & (q->size - 1);
	vring_used_elem_t *e = &q->used->ring[i];

	switch (r % 5) {
	case 0: /* mostly forward by a few, as an honest one */
		__atomic_store_n(&q->used->idx,
				 (uint16_t)(q->used->idx + (r >> 16) % 4 - (r >> 20) % 2),
				 __ATOMIC_RELAXED);
		break;
	case 1:
		__atomic_store_n(&e->id, (uint32_t)value & (q->size - 1), __ATOMIC_RELAXED);
		__atomic_store_n(&e->len, (uint32_t)(r >> 40) % 2048, __ATOMIC_RELAXED);
		break;
	case 2:
		__atomic_store_n(&e->id, (uint32_t)value, __ATOMIC_RELAXED);
		__atomic_store_n(&e->len, (uint32_t)(value >> 32), __ATOMIC_RELAXED);
		break;
	case 3:
		__atomic_store_n(&q->avail->ring[i], (uint16_t)value, __ATOMIC_RELAXED);
		break;
	default:
		__atomic_store_n(&q->used->flags, (uint16_t)value, __ATOMIC_RELAXED);
		break;
	}
}

static void
storm_packed(struct model_queue *q, uint64_t r, uint64_t value)
{
	struct vring_packed_desc *d = &q->ring[(r >> 8) & (q->size - 1)];

	const uint64_t used = (r >> 32 & 1) != 0 ? (uint64_t)(AVAIL_FLAG | USED_FLAG) << 48 : 0;

	switch (r % 5) {
	case 0: /* used, in either wrap */
		__atomic_store_n(&d->flags, (r >> 32 & 1) != 0 ? AVAIL_FLAG | USED_FLAG : 0,
				 __ATOMIC_RELAXED);
		break;
	case 1:
		__atomic_store_n(&d->len, (uint32_t)(r >> 40) % 2048, __ATOMIC_RELAXED);
		break;
	case 2:
		__atomic_store_n((uint64_t *)&d->len, value, __ATOMIC_RELAXED);
		break;
	case 3: /* with an id that may be, or may not */
		__atomic_store_n((uint64_t *)&d->len, used | (value % (2 * q->size)) << 32 |
				 (r >> 40) % 2048, __ATOMIC_RELAXED);
		break;
	default:
		__atomic_store_n(&q->event->flags, (uint16_t)value, __ATOMIC_RELAXED);
		break;
	}
}

void
model_storm(struct model_queue *q, uint64_t r)
{
	uint64_t value = r * UINT64_C(0x9e3779b97f4a7c15);
	const struct model_region *m = &q->regions[r / 7 % q->n_regions];

	/* Headers and data, too: a word anywhere in the driver's memory. */
	if (r % 7 == 0)
		__atomic_store_n((uint32_t *)(m->mem + (value % (m->len / 4)) * 4),
				 (uint32_t)(value >> 32) % ((r >> 3) % 2 == 0 ? 8 : UINT32_MAX),
				 __ATOMIC_RELAXED);
	else if (q->packed)
		storm_packed(q, r / 7, value);
	else
		storm_split(q, r / 7, value);
}
