/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Everything on the list of what a hostile peer does, one entry a variant. The lengths are for
 * rings of 64 slots of 256 bytes: a stride of 320, frames of up to 20480 bytes.
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"

#define STRIDE 320
#define MAX_FRAME 20480
#define FEW 10	    /* waits in which a victim has noticed */
#define PATIENCE 300
#define HUGE_PAGE (2u << 20)
#define FLAG(n) (UINT64_C(1) << (FOLIO_WIRE_DESC_FLAGS_SHIFT + (n)))
#define JUNK 0x77777777u

#define HEADER(field) offsetof(struct folio_wire_header, field)

static void
beats(struct peer *p, unsigned int n)
{
	while (n-- > 0) {
		peer_beat(p);
		p->wait(p->ctx);
	}
}

/* The victim has taken all that was sent: what comes next is what it looks at next. */
static bool
settle(struct peer *p)
{
	unsigned int i;

	for (i = 0; i < PATIENCE && peer_pending(p) != 0; i++)
		beats(p, 1);
	return peer_pending(p) == 0;
}

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
static bool
descriptor(struct peer *p, uint64_t desc)
{
	unsigned int i;

	if (!settle(p))
		return false;
	peer_put(p, desc, 1);
	for (i = 0; i < FEW && peer_pending(p) != 0; i++)
		beats(p, 1);
	return true;
}

static bool
good_length(struct peer *p, uint64_t len)
{
	if (!settle(p) || !peer_send(p, (uint32_t)len))
		return false;
	return settle(p);
}

/* Position the producer on the last slot of the ring. */
static bool
go_to_the_end(struct peer *p)
{
	do {
		if (!settle(p) || !peer_send(p, 60))
			return false;
	} while (p->produced % p->geom.ring_size != p->geom.ring_size - 1);
	return settle(p);
}

/* V2: from the last slot, beyond the end of the ring. */
static bool
over_the_end(struct peer *p, uint64_t desc)
{
	return go_to_the_end(p) && descriptor(p, desc);
}

static bool
wrapped_at_the_end(struct peer *p, uint64_t len)
{
	return go_to_the_end(p) && good_length(p, len);
}

/* V4: everything that is shorter than an Ethernet header. */
static bool
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
static bool
produced_is(struct peer *p, uint64_t distance)
{
	if (!settle(p))
		return false;
	store32(&peer_index(p, p->own)->produced, p->produced + (uint32_t)distance);
	beats(p, FEW);
	return true;
}

/* The victim looks at it when it runs out of room: we take nothing. */
static bool
consumed_is(struct peer *p, uint64_t distance)
{
	uint32_t from = distance > UINT32_MAX / 2 ? p->consumed
						  : load32(&peer_index(p, p->victim)->produced);

	store32(&peer_index(p, p->own)->consumed, from + (uint32_t)distance);
	beats(p, 2 * FEW);
	return true;
}

/* V5, V8: a frame of several slots, of which some were not published. */
static bool
partial_frame(struct peer *p, uint64_t published)
{
	if (!settle(p))
		return false;
	peer_put(p, 3 * STRIDE, (uint32_t)published);
	beats(p, FEW);
	return true;
}

/* V6 */
static bool
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

static bool
undefined_bytes(struct peer *p, uint64_t rounds)
{
	while (rounds-- > 0) {
		fill_undefined(p, p->own);
		fill_undefined(p, p->victim);
		peer_talk(p, 8);
		beats(p, 1);
	}
	return true;
}

/* V6, T4: bits that would agree on something are offered, and nothing is agreed on. */
static bool
all_features(struct peer *p, uint64_t features)
{
	store64(&peer_header(p->own)->features, features);
	store32(&peer_header(p->own)->refusal, JUNK);
	beats(p, FEW);
	return load64(&peer_header(p->victim)->features) == FOLIO_WIRE_FEATURES_KNOWN;
}

/* V7: metadata that says anything, beside descriptors that don't refer to it. */
static bool
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
static bool
endless(struct peer *p, uint64_t rounds)
{
	uint32_t i;

	while (rounds-- > 0) {
		if (!settle(p))
			return false;
		for (i = 0; i < p->geom.ring_size; i++)
			store64(peer_desc(p, p->own, i), p->max_frame);
		peer_put(p, p->max_frame, p->geom.ring_size);
		beats(p, 1);
	}
	return settle(p);
}

/* V9: there is no buffer to hand out twice; the same slot is only ever the next one. */
static bool
replayed_index(struct peer *p, uint64_t times)
{
	if (!settle(p) || !peer_send(p, 60))
		return false;
	while (times-- > 0) {
		store32(&peer_index(p, p->own)->produced, p->produced);
		store64(peer_desc(p, p->own, p->produced - 1), 60);
		if (times % 100 == 0)
			beats(p, 1);
	}
	return settle(p);
}

/* T1: every shared field of ours, between right and wrong, faster than the victim can look. */
static bool
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
static bool
rewrite_payload(struct peer *p, uint64_t rounds)
{
	uint32_t i;

	while (rounds-- > 0) {
		peer_talk(p, 32);
		for (i = 0; i < 64; i++)
			fill_random(p, peer_slot(p, p->own, p->produced - i), 56);
		if (rounds % 50 == 0)
			beats(p, 1);
	}
	return settle(p);
}

/* T3: what the victim wrote. */
static bool
overwrite_index(struct peer *p, uint64_t value)
{
	unsigned int i;

	for (i = 0; i < 4 * FEW; i++) {
		store32(&peer_index(p, p->victim)->produced, (uint32_t)value);
		store32(&peer_index(p, p->victim)->consumed, (uint32_t)value);
		peer_put(p, 60, 1);
		beats(p, 1);
	}
	return true;
}

static bool
overwrite_rings(struct peer *p, uint64_t rounds)
{
	while (rounds-- > 0) {
		fill_random(p, p->victim + p->desc_off, p->meta_off - p->desc_off);
		fill_random(p, p->victim + p->data_off, p->used - p->data_off);
		peer_put(p, 60, 1);
		beats(p, 1);
	}
	return true;
}

static bool
overwrite_header(struct peer *p, uint64_t value)
{
	const folio_shared_u64 *generation = &peer_header(p->victim)->generation;
	uint64_t ours = load64(generation);
	unsigned int i, n;

	for (i = 0; i < FEW; i++) {
		memset(p->victim, (int)value, FOLIO_WIRE_PAGE);
		/* Made whole by the victim's step. */
		for (n = 0; n < PATIENCE && load64(generation) != ours; n++)
			beats(p, 1);
		if (n == PATIENCE)
			return false;
	}
	return true;
}

/* L1: a field is wrong from now on. */
static bool
wrong32(struct peer *p, uint64_t offset)
{
	store32((folio_shared_u32 *)(p->own + offset), JUNK);
	beats(p, FEW);
	return true;
}

static bool
wrong_role(struct peer *p, uint64_t offset)
{
	store32((folio_shared_u32 *)(p->own + offset), p->is_guest ? 2 : 1);
	beats(p, FEW);
	return true;
}

static bool
no_generation(struct peer *p, uint64_t generation)
{
	store64(&peer_header(p->own)->generation, generation);
	beats(p, FEW);
	return true;
}

/* The same from the beginning: there has been no session yet. */
static bool
wrong_offer(struct peer *p, uint64_t offset)
{
	peer_let_go(p);
	peer_offer(p);
	return wrong32(p, offset);
}

/* L1, L2, L3: a new session with another geometry; `value` is field offset and content. */
#define GEOMETRY(field, value) ((uint64_t)HEADER(field) << 32 | (value))

static bool
other_geometry(struct peer *p, uint64_t value)
{
	unsigned int i;

	peer_let_go(p);
	peer_offer(p);
	store32((folio_shared_u32 *)(p->own + (value >> 32)), (uint32_t)value);
	for (i = 0; i < 4 * FEW; i++) {
		peer_answer(p);
		beats(p, 1);
	}
	return true;
}

/* L1: the geometry of a session that is under way. */
static bool
geometry_changes(struct peer *p, uint64_t value)
{
	store32((folio_shared_u32 *)(p->own + (value >> 32)), (uint32_t)value);
	peer_talk(p, 8);
	beats(p, FEW);
	return true;
}

/* L3: `left` is in quarters of an area, of which there are two; or less, in whole huge pages. */
static bool
cut(struct peer *p, uint64_t left)
{
	uint64_t size = p->area_size / 4 * left;

	peer_talk(p, 8);
	if (ftruncate(p->fd, (off_t)size) != 0 &&
	    ftruncate(p->fd, (off_t)(size - size % HUGE_PAGE)) != 0)
		return false;
	p->wait(p->ctx);
	p->wait(p->ctx);
	return true;
}

static bool
unlink_file(struct peer *p, uint64_t arg)
{
	(void)arg;
	if (unlink(p->path) != 0)
		return false;
	beats(p, FEW);
	return true;
}

static bool
replace_file(struct peer *p, uint64_t arg)
{
	char other[sizeof(p->path) + 8];
	int fd;

	(void)arg;
	snprintf(other, sizeof(other), "%s.new", p->path);
	fd = open(other, O_RDWR | O_CREAT | O_CLOEXEC, 01600);
	if (fd < 0)
		return false;
	close(fd);
	if (rename(other, p->path) != 0)
		return false;
	beats(p, FEW);
	return true;
}

static bool
remove_permissions(struct peer *p, uint64_t mode)
{
	struct stat st;

	if (fstat(p->fd, &st) != 0 || fchmod(p->fd, (mode_t)mode) != 0)
		return false;
	peer_talk(p, 8);
	beats(p, FEW);
	return fchmod(p->fd, st.st_mode & 07777) == 0;
}

/* L4: a new session each time, and the old one again, with frames on the way. */
static bool
generation_storm(struct peer *p, uint64_t times)
{
	struct folio_wire_header *h = peer_header(p->own);
	uint64_t ack = load64(&h->ack);

	while (times-- > 0) {
		uint64_t r = peer_random(&p->seed);

		store64(&h->generation, r | 1);
		store64(&h->ack, r & 2 ? ack : r & 4 ? load64(&peer_header(p->victim)->generation) : r);
		store32(&h->state, (uint32_t)(r >> 8) % 3);
		store32(&h->heartbeat, ++p->heartbeat);
		peer_put(p, 60, 1);
		if (times % 100 == 0)
			p->wait(p->ctx);
	}
	return true;
}

/* L5 */
static bool
takes_nothing(struct peer *p, uint64_t times)
{
	while (times-- > 0) {
		if (peer_pending(p) < p->geom.ring_size)
			peer_send(p, 60);
		beats(p, 1);
	}
	return true;
}

static bool
returns_with_other_rings(struct peer *p, uint64_t queues)
{
	const struct geometry old = p->geom;
	struct geometry other = {.queues = (uint32_t)queues, .ring_size = 128, .slot_size = 1024,
				 .page_shift = 22};
	char path[sizeof(p->path)];
	bool met;

	snprintf(path, sizeof(path), "%s", p->path);
	peer_let_go(p);
	peer_close(p);
	if (!peer_open(p, path, true, &other))
		return false;
	met = peer_connect(p);
	if (met) {
		met = peer_send(p, 60) && settle(p);
		peer_talk(p, 1);
	}
	peer_let_go(p);
	peer_close(p);
	if (!peer_open(p, path, true, &old))
		return false;
	store32(&peer_header(p->own)->state, FOLIO_WIRE_STATE_STOPPED);
	p->wait(p->ctx);
	return met;
}

/* L6: somebody else in our role, with a session of his own. */
static bool
two_peers(struct peer *p, uint64_t times)
{
	struct peer other = *p;
	unsigned int i;

	if (!peer_open(&other, p->path, p->is_guest, &p->geom))
		return false;
	other.seed ^= 0x5555;
	for (i = 0; i < times; i++) {
		struct peer *one = peer_random(&p->seed) % 2 ? p : &other;

		if (i % 16 == 0)
			peer_offer(one);
		peer_beat(one);
		peer_answer(one);
		peer_put(one, 60, 1);
		if (i % 4 == 0)
			p->wait(p->ctx);
	}
	peer_close(&other);
	return true;
}

const struct attack attacks[] = {
	{"V1_length_0", BOTH, descriptor, 0, GOES_ON, "rx_bad_length", 1},
	{"V1_length_1", BOTH, descriptor, 1, GOES_ON, "rx_bad_length", 1},
	{"V1_length_13", BOTH, descriptor, 13, GOES_ON, "rx_bad_length", 1},
	{"V1_length_14", BOTH, good_length, 14, GOES_ON, NULL, 0},
	{"V1_length_max_less_1", BOTH, good_length, MAX_FRAME - 1, GOES_ON, NULL, 0},
	{"V1_length_max", BOTH, good_length, MAX_FRAME, GOES_ON, NULL, 0},
	{"V1_length_max_and_1", BOTH, descriptor, MAX_FRAME + 1, GOES_ON, "rx_bad_length", 1},
	{"V1_length_2_16", BOTH, descriptor, 1u << 16, GOES_ON, "rx_bad_length", 1},
	{"V1_length_2_16_and_60", BOTH, descriptor, (1u << 16) + 60, GOES_ON, "rx_bad_length", 1},
	{"V1_length_2_31", BOTH, descriptor, 1u << 31, GOES_ON, "rx_bad_length", 1},
	{"V1_length_2_31_and_60", BOTH, descriptor, (1u << 31) + 60, GOES_ON, "rx_bad_length", 1},
	{"V1_length_2_32_less_1", BOTH, descriptor, UINT32_MAX, GOES_ON, "rx_bad_length", 1},

	{"V2_wrapped_frame", BOTH, wrapped_at_the_end, 2 * STRIDE, GOES_ON, NULL, 0},
	{"V2_ring_and_wrap", BOTH, wrapped_at_the_end, MAX_FRAME, GOES_ON, NULL, 0},
	{"V2_beyond_the_end", BOTH, over_the_end, MAX_FRAME, ENDS, "rx_bad_chain", 1},
	{"V2_slots_wrap_to_0", BOTH, over_the_end, UINT32_MAX - STRIDE + 2, GOES_ON,
	 "rx_bad_length", 1},
	{"V2_slots_wrap_to_1", BOTH, over_the_end, UINT32_MAX - STRIDE + 100, GOES_ON,
	 "rx_bad_length", 1},

	{"V3_one_slot_too_many", BOTH, good_length, 2048 + 128, GOES_ON, NULL, 0},
	{"V3_9000", BOTH, good_length, 9000, GOES_ON, NULL, 0},

	{"V4_every_short_length", BOTH, short_lengths, FOLIO_WIRE_FRAME_MIN, GOES_ON,
	 "rx_bad_length", FOLIO_WIRE_FRAME_MIN},

	{"V5_produced_ring_and_1", BOTH, produced_is, 65, ENDS, "rx_bad_index", 1},
	{"V5_produced_behind", BOTH, produced_is, UINT32_MAX, ENDS, "rx_bad_index", 1},
	{"V5_produced_2_31", BOTH, produced_is, 1u << 31, ENDS, "rx_bad_index", 1},
	{"V5_produced_2_31_less_1", BOTH, produced_is, INT32_MAX, ENDS, "rx_bad_index", 1},
	{"V5_consumed_2_31", BOTH, consumed_is, 1u << 31, ENDS, "tx_bad_index", 1},
	{"V5_consumed_ahead", BOTH, consumed_is, 1u << 20, ENDS, "tx_bad_index", 1},
	{"V5_consumed_behind", BOTH, consumed_is, UINT32_MAX - 64, ENDS, "tx_bad_index", 1},
	{"V5_in_the_middle_of_a_frame", BOTH, partial_frame, 2, ENDS, "rx_bad_chain", 1},

	{"V6_every_flag", BOTH, every_flag, 60, GOES_ON, "rx_bad_flags", 32},
	{"V6_all_flags", BOTH, descriptor, 60 | UINT64_C(0xffffffff) << 32, GOES_ON,
	 "rx_bad_flags", 1},
	{"V6_features", BOTH, all_features, UINT64_MAX, GOES_ON, NULL, 0},
	{"V6_reserved", BOTH, undefined_bytes, 3, GOES_ON, NULL, 0},

	{"V7_metadata_of_ones", BOTH, metadata, 0xff, GOES_ON, NULL, 0},
	{"V7_metadata_flagged", BOTH, descriptor, 60 | FLAG(0), GOES_ON, "rx_bad_flags", 1},

	{"V8_none_of_three", BOTH, partial_frame, 1, ENDS, "rx_bad_chain", 1},
	{"V8_endless", BOTH, endless, 16, GOES_ON, NULL, 0},

	{"V9_replayed_index", BOTH, replayed_index, 1000, GOES_ON, NULL, 0},
	{"V9_taken_back", BOTH, produced_is, (uint32_t)-2, ENDS, "rx_bad_index", 1},

	{"T1_flipped_fields", BOTH, flip_fields, 20000, ANY, NULL, 0},
	{"T2_rewritten_payload", BOTH, rewrite_payload, 400, GOES_ON, NULL, 0},
	{"T3_index_lines", BOTH, overwrite_index, 0x80000001, GOES_ON, NULL, 0},
	{"T3_rings", BOTH, overwrite_rings, 20, GOES_ON, NULL, 0},
	{"T3_header_ones", BOTH, overwrite_header, 0xff, GOES_ON, NULL, 0},
	{"T3_header_zero", BOTH, overwrite_header, 0, GOES_ON, NULL, 0},
	{"T4_agreement_on_crypto", BOTH, all_features, UINT64_C(1) << 63 | 1, GOES_ON, NULL, 0},

	{"L1_magic", BOTH, wrong32, HEADER(magic), REJECTED, "peer_bad_magic", 1},
	{"L1_version", BOTH, wrong32, HEADER(version), REJECTED, "peer_bad_version", 1},
	{"L1_role", BOTH, wrong32, HEADER(role), REJECTED, "peer_bad_role", 1},
	{"L1_role_of_the_victim", BOTH, wrong_role, HEADER(role), REJECTED, "peer_bad_role", 1},
	{"L1_state", BOTH, wrong32, HEADER(state), REJECTED, "peer_bad_state", 1},
	{"L1_generation_0", BOTH, no_generation, 0, REJECTED, "peer_bad_state", 1},
	{"L1_magic_at_attach", BOTH, wrong_offer, HEADER(magic), REJECTED, "peer_bad_magic", 1},
	{"L1_version_at_attach", BOTH, wrong_offer, HEADER(version), REJECTED,
	 "peer_bad_version", 1},
	{"L1_ring_size_at_attach", BOTH, other_geometry, GEOMETRY(ring_size, 96), REJECTED,
	 "peer_bad_geometry", 1},
	{"L1_slot_size_at_attach", BOTH, other_geometry, GEOMETRY(slot_size, 1), REJECTED,
	 "peer_bad_geometry", 1},
	{"L1_page_shift_at_attach", BOTH, other_geometry, GEOMETRY(page_shift, 64), REJECTED,
	 "peer_bad_geometry", 1},
	{"L1_queues_change", BOTH, geometry_changes, GEOMETRY(queues, 65), GOES_ON, NULL, 0},
	{"L1_ring_size_changes", BOTH, geometry_changes, GEOMETRY(ring_size, 32768), GOES_ON,
	 NULL, 0},
	{"L1_slot_size_changes", BOTH, geometry_changes, GEOMETRY(slot_size, 65536), GOES_ON,
	 NULL, 0},
	{"L1_page_shift_changes", BOTH, geometry_changes, GEOMETRY(page_shift, 12), GOES_ON,
	 NULL, 0},

	{"L2_queues_0", BOTH, other_geometry, GEOMETRY(queues, 0), REJECTED,
	 "peer_bad_geometry", 1},
	{"L2_queues_65", BOTH, other_geometry, GEOMETRY(queues, 65), REJECTED,
	 "peer_bad_geometry", 1},
	{"L2_queues_65535", BOTH, other_geometry, GEOMETRY(queues, 65535), REJECTED,
	 "peer_bad_geometry", 1},
	{"L2_queues_2_16_and_1", BOTH, other_geometry, GEOMETRY(queues, 65537), REJECTED,
	 "peer_bad_geometry", 1},
	{"L2_queues_2_32_less_1", BOTH, other_geometry, GEOMETRY(queues, UINT32_MAX), REJECTED,
	 "peer_bad_geometry", 1},
	{"L2_more_than_configured", HOSTS, other_geometry, GEOMETRY(queues, 2), REJECTED,
	 "peer_over_limit", 1},
	{"L2_more_than_ours", GUESTS, other_geometry, GEOMETRY(queues, 2), REJECTED,
	 "peer_bad_geometry", 1},

	{"L3_shorter_than_its_header", BOTH, other_geometry, GEOMETRY(ring_size, 32768), REJECTED,
	 "peer_bad_geometry", 1},
	{"L3_cut_to_nothing", BOTH, cut, 0, LEAVES, "peer_cut_region", 1},
	{"L3_cut_in_the_guests_area", BOTH, cut, 1, LEAVES, "peer_cut_region", 1},
	{"L3_cut_to_one_area", BOTH, cut, 4, LEAVES, "peer_cut_region", 1},
	{"L3_cut_in_the_hosts_area", BOTH, cut, 5, LEAVES, "peer_cut_region", 1},
	{"L3_unlinked", BOTH, unlink_file, 0, LEAVES, NULL, 0},
	{"L3_replaced", BOTH, replace_file, 0, LEAVES, NULL, 0},
	{"L3_without_permissions", BOTH, remove_permissions, 0, GOES_ON, NULL, 0},

	{"L4_generation_storm", BOTH, generation_storm, 10000, ANY, NULL, 0},

	{"L5_takes_nothing", BOTH, takes_nothing, 40, GOES_ON, NULL, 0},
	{"L5_returns_with_other_rings", HOSTS, returns_with_other_rings, 1, REJECTED, NULL, 0},

	{"L6_two_peers", BOTH, two_peers, 800, ANY, NULL, 0},

	{"L7_storm_on_undefined_bytes", BOTH, undefined_bytes, 40, GOES_ON, NULL, 0},
};

const size_t attacks_count = sizeof(attacks) / sizeof(attacks[0]);
