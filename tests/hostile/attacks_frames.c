/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Attacks by indices, descriptors and data, and by what the victim itself has written. */

#include <string.h>

#include "attacks.h"

static void
fill_random(struct peer *p, uint8_t *mem, size_t len)
{
	size_t i;
	uint64_t r;

	for (i = 0; i + sizeof(r) <= len; i += sizeof(r)) {
		r = peer_random(&p->seed);
		memcpy(mem + i, &r, sizeof(r));
	}
}

/* V1, V6, V7, V8: one descriptor, one slot. */
bool
descriptor(struct peer *p, uint64_t desc)
{
	unsigned int i;

	if (!attacks_settle(p))
		return false;
	peer_put(p, desc, 1);
	for (i = 0; i < FEW && peer_pending(p) != 0; i++)
		attacks_beats(p, 1);
	return true;
}

bool
good_length(struct peer *p, uint64_t len)
{
	if (!attacks_settle(p) || !peer_send(p, (uint32_t)len))
		return false;
	return attacks_settle(p);
}

/* Position the producer on the last slot of the ring. */
static bool
go_to_the_end(struct peer *p)
{
	do {
		if (!attacks_settle(p) || !peer_send(p, 60))
			return false;
	} while (p->produced % p->geom.ring_size != p->geom.ring_size - 1);
	return attacks_settle(p);
}

/* V2: from the last slot, beyond the end of the ring. */
bool
over_the_end(struct peer *p, uint64_t desc)
{
	return go_to_the_end(p) && descriptor(p, desc);
}

bool
wrapped_at_the_end(struct peer *p, uint64_t len)
{
	return go_to_the_end(p) && good_length(p, len);
}

/* V4: everything that is shorter than an Ethernet header. */
bool
short_lengths(struct peer *p, uint64_t below)
{
	uint64_t len;

	for (len = 0; len < below; len++) {
		if (!descriptor(p, len))
			return false;
	}
	return true;
}

/* V5 */
bool
produced_is(struct peer *p, uint64_t distance)
{
	if (!attacks_settle(p))
		return false;
	store32(&peer_index(p, p->own)->produced, p->produced + (uint32_t)distance);
	attacks_beats(p, FEW);
	return true;
}

/* The victim looks at it when it runs out of room: we take nothing. */
bool
consumed_is(struct peer *p, uint64_t distance)
{
	uint32_t from = distance > UINT32_MAX / 2 ? p->consumed
						  : load32(&peer_index(p, p->victim)->produced);

	store32(&peer_index(p, p->own)->consumed, from + (uint32_t)distance);
	attacks_beats(p, 2 * FEW);
	return true;
}

/* V5, V8: a frame of several slots, of which some were not published. */
bool
partial_frame(struct peer *p, uint64_t published)
{
	if (!attacks_settle(p))
		return false;
	peer_put(p, 3 * STRIDE, (uint32_t)published);
	attacks_beats(p, FEW);
	return true;
}

/* V6 */
bool
every_flag(struct peer *p, uint64_t len)
{
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		if (!descriptor(p, len | FLAG(bit)))
			return false;
	}
	return true;
}

/* All bytes of an area that no field of this version has. */
static void
fill_undefined(struct peer *p, uint8_t *area)
{
	struct folio_wire_header *h = peer_header(area);
	struct folio_wire_index *x = peer_index(p, area);

	store32(&h->reserved0, (uint32_t)peer_random(&p->seed));
	fill_random(p, h->reserved, sizeof(h->reserved));
	fill_random(p, x->pad0, sizeof(x->pad0));
	fill_random(p, x->pad1, sizeof(x->pad1));
	fill_random(p, area + p->meta_off, p->data_off - p->meta_off);
	fill_random(p, area + p->used, p->area_size - p->used);
}

bool
undefined_bytes(struct peer *p, uint64_t rounds)
{
	while (rounds-- > 0) {
		fill_undefined(p, p->own);
		fill_undefined(p, p->victim);
		peer_talk(p, 8);
		attacks_beats(p, 1);
	}
	return true;
}

/* V6, T4: bits that would agree on something are offered, and nothing is agreed on. */
bool
all_features(struct peer *p, uint64_t features)
{
	store64(&peer_header(p->own)->features, features);
	store32(&peer_header(p->own)->refusal, JUNK);
	attacks_beats(p, FEW);
	return load64(&peer_header(p->victim)->features) == FOLIO_WIRE_FEATURES_KNOWN;
}

/* V7: metadata that says anything, beside descriptors that don't refer to it. */
bool
metadata(struct peer *p, uint64_t value)
{
	unsigned int i;

	memset(p->own + p->meta_off, (int)value, p->data_off - p->meta_off);
	for (i = 0; i < 2 * p->geom.ring_size; i++) {
		if (!good_length(p, 60))
			return false;
	}
	return true;
}

/* V8: every descriptor of the ring claims the whole ring. */
bool
endless(struct peer *p, uint64_t rounds)
{
	uint32_t i;

	while (rounds-- > 0) {
		if (!attacks_settle(p))
			return false;
		for (i = 0; i < p->geom.ring_size; i++)
			store64(peer_desc(p, p->own, i), p->max_frame);
		peer_put(p, p->max_frame, p->geom.ring_size);
		attacks_beats(p, 1);
	}
	return attacks_settle(p);
}

/* V9: there is no buffer to hand out twice; the same slot is only ever the next one. */
bool
replayed_index(struct peer *p, uint64_t times)
{
	if (!attacks_settle(p) || !peer_send(p, 60))
		return false;
	while (times-- > 0) {
		store32(&peer_index(p, p->own)->produced, p->produced);
		store64(peer_desc(p, p->own, p->produced - 1), 60);
		if (times % 100 == 0)
			attacks_beats(p, 1);
	}
	return attacks_settle(p);
}

/* T1: every shared field of ours, between right and wrong, faster than the victim can look. */
bool
flip_fields(struct peer *p, uint64_t times)
{
	struct folio_wire_header *h = peer_header(p->own);
	struct folio_wire_index *x = peer_index(p, p->own);
	uint64_t r, ack = load64(&h->ack);

	while (times-- > 0) {
		r = peer_random(&p->seed);
		store32(&x->produced, r & 1 ? p->produced + (uint32_t)(r >> 32) % 64 : (uint32_t)r);
		store32(&x->consumed, r & 2 ? p->consumed : (uint32_t)(r >> 8));
		store64(peer_desc(p, p->own, (uint32_t)(r >> 16)), r & 4 ? 60 : r);
		store64(&h->generation, r & 8 ? p->generation : r);
		store64(&h->ack, r & 16 ? ack : r);
		store32(&h->state, r & 32 ? FOLIO_WIRE_STATE_STARTED : (uint32_t)(r >> 40) % 4);
		store32(&h->version, r & 64 ? FOLIO_WIRE_VERSION : (uint32_t)r);
		store64(&h->magic, r & 128 ? FOLIO_WIRE_MAGIC : r);
		store32(&h->queues, r & 256 ? p->geom.queues : (uint32_t)r);
		store32(&h->ring_size, r & 512 ? p->geom.ring_size : (uint32_t)r);
		store32(&h->role, r & 1024 ? (p->is_guest ? 1 : 2) : (uint32_t)r % 4);
		if (times % 500 == 0)
			p->wait(p->ctx);
	}
	return true;
}

/* T2 */
bool
rewrite_payload(struct peer *p, uint64_t rounds)
{
	uint32_t i;

	while (rounds-- > 0) {
		peer_talk(p, 32);
		for (i = 0; i < 64; i++)
			fill_random(p, peer_slot(p, p->own, p->produced - i), 56);
		if (rounds % 50 == 0)
			attacks_beats(p, 1);
	}
	return attacks_settle(p);
}

/* T3: what the victim wrote. */
bool
overwrite_index(struct peer *p, uint64_t value)
{
	unsigned int i;

	for (i = 0; i < 4 * FEW; i++) {
		store32(&peer_index(p, p->victim)->produced, (uint32_t)value);
		store32(&peer_index(p, p->victim)->consumed, (uint32_t)value);
		peer_put(p, 60, 1);
		attacks_beats(p, 1);
	}
	return true;
}

bool
overwrite_rings(struct peer *p, uint64_t rounds)
{
	while (rounds-- > 0) {
		fill_random(p, p->victim + p->desc_off, p->meta_off - p->desc_off);
		fill_random(p, p->victim + p->data_off, p->used - p->data_off);
		peer_put(p, 60, 1);
		attacks_beats(p, 1);
	}
	return true;
}

bool
overwrite_header(struct peer *p, uint64_t value)
{
	const folio_shared_u64 *generation = &peer_header(p->victim)->generation;
	uint64_t ours = load64(generation);
	unsigned int i, n;

	for (i = 0; i < FEW; i++) {
		memset(p->victim, (int)value, FOLIO_WIRE_PAGE);
		/* Made whole by the victim's step. */
		for (n = 0; n < PATIENCE && load64(generation) != ours; n++)
			attacks_beats(p, 1);
		if (n == PATIENCE)
			return false;
	}
	return true;
}
