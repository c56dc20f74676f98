/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * One ring, both ends, each in its own view of the memory, with the peer's half read-only as in a
 * port. The bursts are the driver's without its mbufs: frames in segments out and in, padded copies
 * on the short way. Between any two of them, and any two loads, anything is written anywhere.
 */

#include "check.h"
#include "copies.h"
#include "hook.h"
#include "input.h"
#include "oracle.h"
#include "native/ring.h"
#include "system.h"

#define MAX_USED (192u << 10)
#define BURST_BYTES (64u << 10) /* of frames and of room, about: what is slow is not fuzzed often */
#define MAX_OPS 200
#define PENDING 512
#define MIN(a, b) ((a) < (b) ? (a) : (b))

enum { PRODUCER = 1, CONSUMER = 2 };

struct frame {
	uint32_t number;
	uint32_t len;
};

static struct {
	struct folio_layout layout;
	uint32_t q;
	struct folio_prod prod;
	struct folio_cons cons;
	const struct folio_copy *copy;
	/* The producer's half and the consumer's: raw, as its owner and as its peer sees it. */
	uint8_t *raw[2], *own[2], *peer[2];
	uint8_t *before; /* the writer's half in front of a burst */
	/* What was sent and not yet received, as long as nobody tampered. */
	struct frame pending[PENDING];
	uint32_t first, last;
	uint32_t number;
	uint64_t evils;
	bool tampered;
} t;

static uint8_t *
view(int fd, int prot)
{
	uint8_t *mem = system_guarded(MAX_USED);

	CHECK(mmap(mem, MAX_USED, prot, MAP_SHARED | MAP_FIXED, fd, 0) == mem);
	return mem;
}

static void
make_memory(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		int fd = memfd_create("fuzz-ring", MFD_CLOEXEC);

		CHECK(fd >= 0 && ftruncate(fd, MAX_USED) == 0);
		t.raw[i] = view(fd, PROT_READ | PROT_WRITE);
		t.own[i] = view(fd, PROT_READ | PROT_WRITE);
		t.peer[i] = view(fd, PROT_READ);
		close(fd);
	}
	t.before = malloc(MAX_USED);
	CHECK(t.before != NULL);
}

/* The ends may touch what belongs to ring q, and their index lines: nothing else. */
static void
fence(uint8_t *area)
{
	const struct folio_layout *l = &t.layout;
	uint8_t *desc = (uint8_t *)folio_layout_desc(l, area, t.q);
	uint8_t *data = folio_layout_data(l, area, t.q);
	uint8_t *index = (uint8_t *)folio_layout_index(l, area, t.q);

	system_allow(area, area + MAX_USED);
	/* Of the header the generation only, which tells that a session has ended. */
	system_forbid(area, area + offsetof(struct folio_wire_header, generation));
	system_forbid(area + offsetof(struct folio_wire_header, ack), index);
	system_forbid(index + sizeof(struct folio_wire_index), desc);
	system_forbid(desc + l->geom.ring_size * sizeof(folio_wire_desc), data);
	system_forbid(data + (uint64_t)l->geom.ring_size * l->stride, area + MAX_USED);
}

static bool
tampered(void)
{
	return t.tampered || hook_evils() != t.evils;
}

/* A new generation: both reset, all zero. Then as if `base` slots had gone through before. */
static void
reset(uint32_t base)
{
	int i;

	for (i = 0; i < 2; i++)
		memset(t.raw[i], 0, t.layout.used);
	hook_enter("reset", PRODUCER);
	folio_prod_reset(&t.prod);
	hook_leave();
	hook_enter("reset", CONSUMER);
	folio_cons_reset(&t.cons);
	hook_leave();
	CHECK(!t.prod.broken && !t.cons.broken && t.prod.head == 0 && t.cons.head == 0);
	CHECK(t.prod.seen == 0 && t.cons.seen == 0 && t.cons.published == 0);
	t.prod.head = t.prod.seen = base;
	t.cons.head = t.cons.seen = t.cons.published = base;
	folio_layout_index(&t.layout, t.raw[0], t.q)->produced.raw = base;
	folio_layout_index(&t.layout, t.raw[1], t.q)->consumed.raw = base;
	t.first = t.last = 0;
	t.tampered = false;
	t.evils = hook_evils();
}

static void
attach(struct input *in)
{
	static const struct folio_geometry shapes[] = {
		{1, 64, 256, 12}, {1, 64, 256, 12}, {2, 64, 256, 12}, {1, 128, 300, 12},
		{1, 256, 256, 12}, {1, 64, 1500, 12}, {1, 64, 2048, 12}, {3, 64, 256, 12},
	};
	int i;

	CHECK(folio_layout_init(&t.layout, &shapes[input_below(in, 8)], 0, NULL) == 0);
	CHECK(t.layout.used <= MAX_USED);
	t.q = t.layout.geom.queues - 1;
	for (i = 0; i < 2; i++) {
		fence(t.own[i]);
		fence(t.peer[i]);
		hook_enter("map", i == 0 ? PRODUCER : CONSUMER);
		hook_add(t.own[i], MAX_USED, t.raw[i], HOOK_OWN);
		hook_add(t.peer[1 - i], MAX_USED, t.raw[1 - i], HOOK_PEER);
		hook_leave();
	}
	memset(&t.prod, 0, sizeof(t.prod));
	memset(&t.cons, 0, sizeof(t.cons));
	folio_prod_attach(&t.prod, &t.layout, t.own[0], t.peer[1], t.q);
	folio_cons_attach(&t.cons, &t.layout, t.peer[0], t.own[1], t.q);
	t.copy = folio_copy_select(FOLIO_ISA_PORTABLE + input_below(in, 4));
	t.number = 0;
}

static uint32_t
frame_len(struct input *in)
{
	return input_frame_len(in, t.layout.stride, t.layout.max_frame);
}

/* Copy a frame as a chain of segments of odd lengths, some of them empty. */
static void
put_pieces(uint32_t at, const uint8_t *data, uint32_t len, uint32_t piece)
{
	uint32_t done = 0;

	while (done < len) {
		uint32_t part = MIN(piece, len - done);
		uint8_t *copy = malloc(part); /* so that one byte too far is seen */

		CHECK(copy != NULL);
		memcpy(copy, data + done, part);
		folio_prod_piece(&t.prod, at, done, copy, part, t.copy->exact);
		folio_prod_piece(&t.prod, at, done, copy, 0, t.copy->exact);
		free(copy);
		done += part;
		piece = piece * 3 / 2 + 1;
	}
	folio_prod_describe(&t.prod, at, len);
}

/* As folio_send(), but in segments of `piece` bytes if that is not 0. Returns frames sent. */
static uint32_t
send_burst(const uint32_t *len, uint8_t *const *data, uint32_t n, uint32_t piece)
{
	struct folio_prod *p = &t.prod;
	uint32_t head = p->head;
	uint32_t room = folio_prod_room(p, n);
	uint32_t i;

	CHECK(room <= p->size);
	for (i = 0; i < n; i++) {
		uint32_t slots;

		if (len[i] < FOLIO_WIRE_FRAME_MIN || len[i] > p->max_frame)
			break;
		slots = folio_frame_slots(p->stride, len[i]);
		if (slots > room) {
			room = folio_prod_refresh(p) - (head - p->head);
			if (slots > room || p->broken)
				break;
		}
		if (slots == 1 && piece == 0)
			folio_prod_put(p, head, data[i], len[i], t.copy->exact);
		else
			put_pieces(head, data[i], len[i], piece == 0 ? len[i] : piece);
		head += slots;
		room -= slots;
	}
	return head == p->head || folio_prod_publish(p, head) ? i : 0;
}

/* What an exact copy makes of the ring in `area`. */
static void
expect_frame(uint8_t *area, uint32_t at, const uint8_t *data, uint32_t len)
{
	uint8_t *ring = folio_layout_data(&t.layout, area, t.q);
	uint32_t size = t.layout.geom.ring_size, stride = t.layout.stride;
	uint64_t desc = len;
	uint32_t done, part;

	for (done = 0; done < len; done += part, at++) {
		part = MIN(stride, len - done);
		memcpy(ring + (uint64_t)(at % size) * stride, data + done, part);
	}
	at -= (len + stride - 1) / stride;
	memcpy(&folio_layout_desc(&t.layout, area, t.q)[at % size], &desc, sizeof(desc));
}

static void
send_op(struct input *in)
{
	struct folio_prod should = t.prod;
	struct oracle_burst out;
	uint32_t len[ORACLE_BURST];
	uint8_t *data[ORACLE_BURST];
	uint32_t n = input_below(in, ORACLE_BURST + 1), i, sent;
	uint8_t how = input_u8(in);
	uint32_t all = frame_len(in);

	n = MIN(n, 1 + BURST_BYTES / (all + 1));
	for (i = 0; i < n; i++) {
		len[i] = how % 4 == 0 && i < 8 ? frame_len(in) : all;
		data[i] = copies_frame(t.number + i, MIN(len[i], FOLIO_WIRE_FRAME_MAX));
	}
	memcpy(t.before, t.raw[0], t.layout.used);
	hook_enter("send", PRODUCER);
	/* Each look at the consumer's index stands for itself: it is checked against the last. */
	hook_allow(t.prod.consumed, n + 1);
	sent = send_burst(len, data, n, how % 8 < 4 ? 0 : how / 8 + 1u);
	hook_leave();

	oracle_send(&should, len, n, hook_loads(), &out);
	CHECK(sent == out.n || (should.broken && sent == 0));
	oracle_same_prod(&t.prod, &should);
	if (out.published) {
		for (i = 0; i < out.n; i++)
			expect_frame(t.before, out.at[i], data[i], len[i]);
		folio_layout_index(&t.layout, t.before, t.q)->produced.raw = should.head;
		CHECK(memcmp(t.before, t.raw[0], t.layout.used) == 0);
	}
	for (i = 0; i < out.n; i++) {
		t.pending[t.last++ % PENDING] = (struct frame){t.number + i, len[i]};
		CHECK(tampered() || t.last - t.first <= PENDING);
	}
	t.number += out.n;
	for (i = 0; i < n; i++)
		free(data[i]);
}

/* A longer frame, or one without room for the rounding: in segments. */
static void
get_pieces(uint32_t at, uint8_t *to, uint32_t len, uint32_t piece)
{
	uint32_t done = 0;

	while (done < len) {
		uint32_t part = MIN(piece, len - done);
		uint8_t *copy = malloc(part);

		CHECK(copy != NULL);
		folio_cons_piece(&t.cons, at, done, copy, part, t.copy->exact);
		memcpy(to + done, copy, part);
		free(copy);
		done += part;
	}
}

struct landing {
	uint8_t *data;
	uint32_t len;
	uint32_t written; /* bytes that the copy may have touched */
};

/* The driver's receive: a short way for a frame of one slot, judge() for the rest. */
static uint32_t
recv_burst(struct landing *land, uint32_t room, uint32_t n, uint32_t piece)
{
	struct folio_cons *c = &t.cons;
	uint32_t head = c->head;
	uint32_t left = folio_cons_avail(c, n);
	uint32_t fast = MIN(room, MIN(c->stride, c->max_frame));
	uint32_t got = 0;

	CHECK(left <= c->size);
	if (n == 0 || left == 0)
		return 0;
	while (got < n && left > 0) {
		uint64_t desc = folio_cons_desc(c, head);
		struct folio_frame frame = {.len = (uint32_t)desc, .slots = 1};

		if (fast >= FOLIO_WIRE_FRAME_MIN && folio_desc_is_plain(desc, fast)) {
			folio_cons_prefetch(c, head, left);
			folio_cons_get(c, head, land[got].data, frame.len, t.copy->padded);
			land[got].len = frame.len;
			land[got++].written = (uint32_t)folio_copy_padded_len(frame.len);
		} else {
			enum folio_verdict verdict = folio_cons_judge(c, desc, head, &frame);

			if (verdict == FOLIO_HALT)
				break;
			CHECK(frame.slots >= 1 && frame.slots <= left);
			if (verdict == FOLIO_TAKE && frame.len <= room) {
				get_pieces(head, land[got].data, frame.len, piece);
				land[got].len = frame.len;
				land[got++].written = frame.len;
			}
		}
		head += frame.slots;
		left -= frame.slots;
	}
	if (!folio_cons_stands(c))
		return 0;
	folio_cons_commit(c, head);
	return got;
}

/* The frame at slot `at` as it lies there now. */
static bool
is_in_ring(const struct landing *land, uint32_t at)
{
	const uint8_t *ring = folio_layout_data(&t.layout, t.raw[0], t.q);
	uint32_t size = t.layout.geom.ring_size, stride = t.layout.stride;
	uint32_t done, part;

	for (done = 0; done < land->len; done += part, at++) {
		part = MIN(stride, land->len - done);
		if (memcmp(ring + (uint64_t)(at % size) * stride, land->data + done, part) != 0)
			return false;
	}
	return true;
}

/* Undisturbed: every frame, in order, unchanged, but those longer than the room. */
static void
check_order(const struct landing *land, uint32_t n, uint32_t room, uint32_t slots)
{
	uint32_t i = 0;

	while (slots > 0) {
		const struct frame *f = &t.pending[t.first % PENDING];

		CHECK(t.first++ != t.last);
		CHECK(folio_frame_slots(t.cons.stride, f->len) <= slots);
		slots -= folio_frame_slots(t.cons.stride, f->len);
		if (f->len > room)
			continue;
		CHECK(i < n && f->len == land[i].len);
		CHECK(copies_is_frame(land[i++].data, f->number, f->len));
	}
	CHECK(i == n);
}

static void
recv_some(uint32_t n, uint32_t room, uint32_t piece)
{
	struct folio_cons should = t.cons;
	struct landing land[ORACLE_BURST];
	struct oracle_burst out;
	uint32_t rooms[ORACLE_BURST];
	size_t bytes = folio_copy_padded_len(room);
	uint32_t head = t.cons.head;
	uint32_t i, got;
	bool fire;

	for (i = 0; i < n; i++) {
		rooms[i] = room;
		land[i].data = malloc(bytes);
		CHECK(land[i].data != NULL);
		memset(land[i].data, COPIES_CANARY, bytes);
	}
	memcpy(t.before, t.raw[1], t.layout.used);
	(void)copies_under_fire();
	hook_enter("recv", CONSUMER);
	/* Once for each complaint, and at the end. */
	hook_allow(t.cons.generation, t.cons.size + 3);
	got = recv_burst(land, room, n, piece);
	hook_leave();

	oracle_recv(&should, rooms, n, hook_loads(), &out);
	CHECK(got == out.n);
	oracle_same_cons(&t.cons, &should);
	if (out.published)
		folio_layout_index(&t.layout, t.before, t.q)->consumed.raw = should.head;
	CHECK(memcmp(t.before, t.raw[1], t.layout.used) == 0);

	for (i = 0; i < got; i++) {
		CHECK(land[i].len == out.len[i]);
		CHECK(land[i].len >= FOLIO_WIRE_FRAME_MIN && land[i].len <= room);
		CHECK(copies_untouched(land[i].data + land[i].written, land[i].data + bytes));
	}
	fire = copies_under_fire();
	t.tampered |= fire;
	for (i = 0; i < got && !fire; i++)
		CHECK(is_in_ring(&land[i], out.at[i]));
	CHECK(got == n || t.cons.seen == t.cons.head);
	if (!tampered()) {
		CHECK(!t.prod.broken && !t.cons.broken);
		check_order(land, got, room, t.cons.head - head);
	}
	for (i = 0; i < n; i++)
		free(land[i].data);
}

static void
recv_op(struct input *in)
{
	uint32_t n = input_below(in, ORACLE_BURST + 1);
	uint8_t how = input_u8(in);
	uint32_t piece = input_u8(in) * 8u + 1;
	uint32_t room = how % 4 == 0 ? frame_len(in) % (FOLIO_WIRE_FRAME_MAX + 1)
				     : how % 4 == 1 ? t.layout.max_frame : 2048;

	recv_some(MIN(n, 1 + BURST_BYTES / (room + 1)), room, piece);
}

/* Index, descriptor, or anything: in either half. */
static void
tamper_op(struct input *in)
{
	uint8_t how = input_u8(in);
	uint32_t at = input_u16(in);
	uint64_t value = input_u64(in);
	struct folio_wire_index *index[2];
	folio_wire_desc *desc = folio_layout_desc(&t.layout, t.raw[0], t.q);
	uint32_t size = t.layout.geom.ring_size;

	index[0] = folio_layout_index(&t.layout, t.raw[0], t.q);
	index[1] = folio_layout_index(&t.layout, t.raw[1], t.q);
	t.tampered = true;
	switch (how % 8) {
	case 0: /* near what the consumer knows: the sharp edges of its checks */
		index[0]->produced.raw = t.cons.head + size + at % 5 - 2;
		break;
	case 1: /* back behind what is known: then there must be something that is */
		if (t.cons.seen == t.cons.head)
			recv_some(1, t.layout.max_frame, 64);
		index[0]->produced.raw = t.cons.seen + at % 5 - 3;
		break;
	case 2:
		index[1]->consumed.raw = t.prod.seen + at % 5 - 2;
		break;
	case 3:
		index[1]->consumed.raw = t.prod.head + at % 5 - 2;
		break;
	case 4:
		index[0]->produced.raw = (uint32_t)value;
		index[1]->consumed.raw = (uint32_t)(value >> 32);
		break;
	case 5:
		desc[(t.cons.head + at % 4) % size].raw = value;
		break;
	case 6:
		desc[(t.cons.head + at % 8) % size].raw =
			hook_evil(desc[(t.cons.head + at % 8) % size].raw, at % 2 == 0 ? 32 : 64);
		break;
	default:
		memcpy(t.raw[how / 8 % 2] + at * 16u % (t.layout.used - sizeof(value)), &value,
		       sizeof(value));
		break;
	}
}

/* Whatever happened: from a reset on everything is as on the first day, for three laps. */
static void
must_flow(void)
{
	/* The choices of send_op() for 16 frames of one size. */
	static const uint8_t plain[] = {16, 1, 45, 77};
	uint32_t i, before;

	hook_hostility(0);
	reset(UINT32_MAX - t.layout.geom.ring_size);
	for (i = 0; i < 3 * t.layout.geom.ring_size / 16; i++) {
		struct input in = {plain, sizeof(plain)};

		before = t.last;
		send_op(&in);
		CHECK(t.last == before + 16);
		recv_some(i % 3 + 16, 512, 100);
		CHECK(t.first == t.last);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct input in = {bytes, len};
	int ops;

	if (t.before == NULL)
		make_memory();
	hook_reset(input_u32(&in));
	system_reset();
	(void)copies_under_fire();
	attach(&in);
	reset(input_u8(&in) % 2 == 0 ? 0 : (uint32_t)(int8_t)input_u8(&in));

	for (ops = 0; ops < MAX_OPS && in.left > 0; ops++) {
		switch (input_below(&in, 12)) {
		case 0:
		case 1:
		case 2:
			send_op(&in);
			break;
		case 3:
		case 4:
		case 5:
			recv_op(&in);
			break;
		case 6:
		case 7:
		case 8:
			tamper_op(&in);
			break;
		case 9:
			hook_hostility(input_u8(&in));
			break;
		case 10: /* one end begins anew, the other one knows nothing of it */
			if (input_u8(&in) % 2 == 0)
				folio_prod_reset(&t.prod);
			else
				folio_cons_reset(&t.cons);
			t.tampered = true;
			break;
		default:
			reset((uint32_t)(int8_t)input_u8(&in));
			break;
		}
	}
	must_flow();
	return 0;
}
