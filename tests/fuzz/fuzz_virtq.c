/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * A receive and a transmit virtqueue, split or packed, and the device of tools/hostile-device:
 * honest, doing one of its hostile acts, or writing near what the queue expects next, between any
 * two calls and, by hook.c, any two loads. Each field is loaded once a call.
 */

#include "../../tools/hostile-device/acts.h"
#include "../virtio/bursts.h"
#include "check.h"
#include "copies.h"
#include "hook.h"
#include "input.h"
#include "system.h"

#define SIZE_MAX_HERE 16u
#define STRIDE_MAX (4u * FOLIO_VIRTQ_LINE)
#define MEMORY 4096u /* of rings, and of buffers: the end of it is used */
#define FRAME_MAX_HERE 1000u
#define BURST 8u
#define MAX_OPS 40
#define DRIVER 1
#define ADDR UINT64_C(0x100000000)

_Static_assert(SIZE_MAX_HERE * STRIDE_MAX <= MEMORY, "buffers fit");

struct end {
	struct folio_virtq q;
	struct model_queue dev;
	struct folio_virtq_memory m;
	struct model_region region;
	uint8_t *map[2];
	uint64_t addr[SIZE_MAX_HERE];
	uint64_t counted; /* what the counters come to */
	uint8_t *rings, *bufs;
	size_t rings_len, bufs_len;
};

static struct {
	bool packed, mergeable, in_order;
	uint32_t size;
	uint32_t number;
	bool tampered; /* with what we transmit, since that was set up */
	struct end rx, tx;
	folio_copy_fn exact;
} t;

static uint8_t before[MEMORY];

static uint64_t
counted(const struct folio_virtq *q)
{
	return q->bad_index + q->bad_id + q->bad_length + q->bad_chain;
}

static void
attach(struct end *e, uint32_t base)
{
	struct folio_virtq *q = &e->q;

	folio_virtq_attach(q, &e->m);
	q->mergeable = t.mergeable && e->dev.receive;
	q->in_order = t.in_order;
	t.tampered &= e->dev.receive;
	q->head = base;
	q->tail = base;
	model_reset(&e->dev);
	e->dev.mergeable = q->mergeable;
	if (!t.packed) {
		q->avail = (uint16_t)base;
		q->seen = q->avail;
		q->used = q->avail;
		e->dev.next_avail = q->avail;
		e->dev.next_used = q->avail;
		e->dev.used->idx = q->avail;
		e->dev.avail->idx = q->avail;
	}
	if (e->dev.receive)
		bursts_rx_start(q, t.packed);
	else
		bursts_tx_start(q, t.packed);
	q->head = base;
	q->tail = base + (e->dev.receive ? q->size : 0);
	CHECK(q->broken == 0 && folio_virtq_valid(q));
}

static void
open_end(struct end *e, bool receive, uint32_t stride)
{
	static uint32_t tables[2][4 * SIZE_MAX_HERE];
	static struct model_queue kept[2][8];
	struct folio_virtq_areas a;
	uint32_t i;

	for (i = 0; i < 2 && e->map[i] == NULL; i++)
		e->map[i] = system_guarded(MEMORY);
	e->rings_len = folio_virtq_ring_bytes(t.size);
	e->bufs_len = (size_t)t.size * stride;
	e->rings = e->map[0] + MEMORY - e->rings_len;
	e->bufs = e->map[1] + MEMORY - e->bufs_len;
	e->m = (struct folio_virtq_memory){.size = t.size, .stride = stride,
					   .max_frame = FRAME_MAX_HERE, .rings = e->rings,
					   .bufs = e->bufs, .tables = tables[receive],
					   .addr = e->addr};
	for (i = 0; i < t.size; i++)
		e->addr[i] = ADDR + (uint64_t)i * stride + FOLIO_VIRTQ_HEADER;
	e->region = (struct model_region){ADDR, e->bufs_len, e->bufs};
	folio_virtq_areas(t.size, &a);
	/* Its memory is made once for each size. */
	e->dev = kept[receive][__builtin_ctz(t.size)];
	if (e->dev.chains == NULL)
		CHECK(model_init(&e->dev, false, receive, t.size, e->rings + a.desc,
				 e->rings + a.driver, e->rings + a.device, &e->region, 1));
	kept[receive][__builtin_ctz(t.size)] = e->dev;
	e->dev.packed = t.packed;
	memset(&e->q, 0, sizeof(e->q));
	hook_enter("map", DRIVER);
	hook_add(e->rings, e->rings_len, e->rings, HOOK_PEER);
	hook_add(e->bufs, e->bufs_len, e->bufs, HOOK_PEER);
	hook_leave();
	e->counted = 0;
}

/*
 * What must hold behind each call. A queue counts at most once for each frame, and breaks with a
 * name.
 */
static void
check_end(struct end *e, uint32_t most)
{
	uint64_t now = counted(&e->q);

	CHECK(folio_virtq_valid(&e->q));
	CHECK(now >= e->counted && now - e->counted <= most);
	CHECK(e->q.broken == 0 || e->q.bad_index + e->q.bad_id + e->q.bad_chain > 0);
	e->counted = now;
}

static uint32_t
frame_len(struct input *in)
{
	uint32_t room = t.tx.q.room, kind = input_u8(in), len;

	len = kind % 4 == 0 ? room - 1 + kind / 4 % 3 : kind % 4 == 1 ? input_u16(in) : 14 + kind;
	return len < FOLIO_VIRTQ_FRAME_MIN ? FOLIO_VIRTQ_FRAME_MIN
					   : len > FRAME_MAX_HERE ? FRAME_MAX_HERE : len;
}

/* Exactly the frames, and headers of zeroes, are written to what was `before`. */
static void
expect_frame(const struct folio_virtq *q, uint32_t s, const struct bursts_frame *f)
{
	static const uint8_t zeroes[VIRTIO_NET_HDR_LEN];
	uint32_t done = 0, part, start = FOLIO_VIRTQ_LINE, room = q->room;
	size_t header;

	/* What the device wrote to a header stays there, until a chain runs over it. */
	header = (size_t)q->at[s & q->mask] * q->stride + FOLIO_VIRTQ_HEADER;
	if (!t.tampered || memcmp(t.tx.bufs + header, zeroes, sizeof(zeroes)) == 0)
		memset(before + header, 0, sizeof(zeroes));
	for (; done < f->len; done += part, s++) {
		part = f->len - done < room ? f->len - done : room;
		memcpy(before + (size_t)q->at[s & q->mask] * q->stride + start, f->data + done,
		       part);
		start = FOLIO_VIRTQ_HEADER;
		room = q->room + VIRTIO_NET_HDR_LEN;
	}
}

static uint32_t
send_frames(struct bursts_frame *f, uint32_t n, uint32_t piece)
{
	struct folio_virtq *q = &t.tx.q;
	uint32_t bufs = folio_virtq_frame_bufs(q, f[0].len), s, sent, i;

	/* A chain looks for room again: a call of its own. */
	hook_enter("room", DRIVER);
	(void)(t.packed ? folio_packed_tx_room(q, n * bufs) : folio_split_tx_room(q, n * bufs));
	hook_leave();
	check_end(&t.tx, 1);
	if (bufs > 1 && q->size - (q->tail - q->head) < n * bufs)
		return 0;
	/* Chains are clean in front of a frame only: headers of free buffers may be old. */
	memcpy(before, t.tx.bufs, t.tx.bufs_len);
	s = q->tail;
	hook_enter("send", DRIVER);
	sent = bursts_send(q, t.packed, f, n, piece, t.exact);
	hook_leave();
	check_end(&t.tx, 1);
	for (i = 0; i < sent; i++, s += bufs)
		expect_frame(q, s, &f[i]);
	return sent;
}

static void
send_op(struct input *in)
{
	struct bursts_frame f[BURST];
	uint32_t n = 1 + input_below(in, BURST), piece = input_u8(in) % 8 * 29, len = frame_len(in),
		 i;
	uint64_t clean = hook_evils();
	uint32_t sent;

	for (i = 0; i < n; i++)
		f[i] = (struct bursts_frame){copies_frame(t.number + i, len), len};
	sent = send_frames(f, n, piece);
	if (sent > 0 && clean == hook_evils())
		CHECK(memcmp(before, t.tx.bufs, t.tx.bufs_len) == 0);
	t.number += sent;
	for (i = 0; i < n; i++)
		free(f[i].data);
}

static uint32_t
receive(struct bursts_frame *f, uint32_t n, uint32_t room, uint32_t piece)
{
	uint64_t clean = hook_evils();
	uint32_t got, i;

	memcpy(before, t.rx.bufs, t.rx.bufs_len);
	(void)copies_under_fire();
	hook_enter("receive", DRIVER);
	got = bursts_receive(&t.rx.q, t.packed, f, n, room, piece, t.exact);
	hook_leave();
	CHECK(got <= n);
	check_end(&t.rx, t.size);
	for (i = 0; i < got; i++)
		CHECK(f[i].len >= FOLIO_VIRTQ_FRAME_MIN && f[i].len <= room &&
		      f[i].len <= t.rx.q.max_frame);
	/* Nothing is ever written to what was received into. */
	if (!copies_under_fire() && clean == hook_evils())
		CHECK(memcmp(before, t.rx.bufs, t.rx.bufs_len) == 0);
	return got;
}

static void
receive_op(struct input *in)
{
	struct bursts_frame f[BURST];
	uint32_t n = 1 + input_below(in, BURST), piece = input_u8(in) % 8 * 29, how = input_u8(in),
		 i;
	uint32_t room = how % 2 == 0 ? FRAME_MAX_HERE : FOLIO_VIRTQ_FRAME_MIN + how;

	for (i = 0; i < n; i++) {
		f[i].data = malloc(room); /* so that one byte too far is seen */
		CHECK(f[i].data != NULL);
	}
	(void)receive(f, n, room, piece);
	for (i = 0; i < n; i++)
		free(f[i].data);
}

/* An honest device, as far as it still knows where it is. */
static void
device_op(struct input *in)
{
	static uint8_t data[FRAME_MAX_HERE];
	uint8_t header[MODEL_HEADER];
	uint32_t n = input_below(in, 8), which = input_u8(in), len = frame_len(in);

	(void)model_collect(&t.rx.dev);
	for (; n > 0 && t.rx.dev.n_held > 0; n--)
		(void)model_deliver(&t.rx.dev, which % t.rx.dev.n_held, data, len, NULL);
	model_publish(&t.rx.dev);
	(void)model_read(&t.tx.dev, data, sizeof(data), header);
	(void)model_collect(&t.tx.dev);
	for (n = which / 16; n > 0 && t.tx.dev.n_held > 0; n--)
		model_return(&t.tx.dev, which % 2 == 0 ? 0 : which % t.tx.dev.n_held, 0);
	model_publish(&t.tx.dev);
}

/* The word that the queue looks at next, or its index: around what is right. */
static void
near_op(struct input *in)
{
	struct end *e = input_u8(in) % 2 == 0 ? &t.rx : &t.tx;
	struct folio_virtq *q = &e->q;
	uint8_t how = input_u8(in);
	uint32_t s = q->head + how / 64, id = q->at[(s + input_u8(in) % 3) & q->mask];
	uint32_t len = VIRTIO_NET_HDR_LEN + FOLIO_VIRTQ_FRAME_MIN - 1 + how % 3;
	uint8_t *header = e->bufs + (size_t)id * q->stride + FOLIO_VIRTQ_LINE - sizeof(uint16_t);
	uint16_t buffers = (uint16_t)(how % 5);

	if (how % 16 < 8)
		len = q->room + VIRTIO_NET_HDR_LEN - 1 + how % 3;
	if (how % 32 == 31)
		id = input_u16(in);
	t.tampered |= e == &t.tx;
	memcpy(header, &buffers, sizeof(buffers));
	if (t.packed) {
		uint64_t word = len | (uint64_t)id << 32 |
				(uint64_t)(how % 8 == 7 ? input_u16(in) : folio_packed_back(q, s))
					<< 48;

		memcpy(&e->dev.ring[s & q->mask].len, &word, sizeof(word));
		return;
	}
	e->dev.used->ring[(q->used + how / 64) & q->mask].id = id;
	e->dev.used->ring[(q->used + how / 64) & q->mask].len = len;
	e->dev.used->idx =
		(uint16_t)(how % 8 == 0 ? q->avail + how / 16 - 7 : q->seen + how / 8 % 4 - 1);
}

static void
hostile_op(struct input *in)
{
	uint8_t how = input_u8(in);
	struct model_queue *q = how % 2 == 0 ? &t.rx.dev : &t.tx.dev;
	uint64_t r = input_u64(in);
	uint32_t i;

	t.tampered |= q == &t.tx.dev;
	if (how < 128) {
		(void)model_acts[how / 2 % model_n_acts].act(q, r);
		return;
	}
	for (i = 0; i < how / 8; i++) {
		r = r * UINT64_C(6364136223846793005) + 1442695040888963407;
		model_storm(q, r >> 8);
	}
}

/*
 * Whatever happened: set up anew, every frame arrives, in both directions, over the wrap of places.
 */
static void
must_flow(void)
{
	static uint8_t seen[FRAME_MAX_HERE], room[FRAME_MAX_HERE];
	uint8_t header[MODEL_HEADER];
	uint32_t i, len, most = t.mergeable && t.size >= 16 ? FRAME_MAX_HERE : t.rx.q.plain_max;

	hook_hostility(0);
	attach(&t.rx, UINT32_MAX - 2 * t.size + 1);
	attach(&t.tx, UINT32_MAX - 2 * t.size + 1);
	t.rx.counted = counted(&t.rx.q);
	t.tx.counted = counted(&t.tx.q);
	for (i = 0; i < 2 * t.size + 2; i++) {
		struct bursts_frame f, g = {room, 0};

		len = i % 4 == 3 || FOLIO_VIRTQ_FRAME_MIN + i > most ? most
								     : FOLIO_VIRTQ_FRAME_MIN + i;
		f = (struct bursts_frame){copies_frame(i, len), len};
		if (folio_virtq_frame_bufs(&t.tx.q, len) <= t.size)
			CHECK(send_frames(&f, 1, 0) == 1);
		CHECK(model_read(&t.tx.dev, seen, sizeof(seen), header) == (int)len);
		CHECK(copies_is_frame(seen, i, len));
		model_return(&t.tx.dev, 0, 0);
		model_publish(&t.tx.dev);
		CHECK(model_collect(&t.rx.dev) >= 0);
		CHECK(model_deliver(&t.rx.dev, 0, seen, len, NULL));
		model_publish(&t.rx.dev);
		CHECK(receive(&g, 1, FRAME_MAX_HERE, 0) == 1);
		CHECK(g.len == len && copies_is_frame(room, i, len));
		free(f.data);
	}
	CHECK(counted(&t.rx.q) == t.rx.counted && counted(&t.tx.q) == t.tx.counted);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct input in = {bytes, len};
	uint8_t kind;
	int ops;

	hook_reset(input_u32(&in));
	system_reset();
	kind = input_u8(&in);
	t.packed = kind % 2 != 0;
	t.mergeable = kind / 2 % 2 != 0;
	t.in_order = kind / 4 % 4 == 0;
	t.size = 2u << kind / 16 % 4;
	t.exact = folio_copy_select(FOLIO_ISA_AUTO)->exact;
	t.number = 0;
	open_end(&t.rx, true, (2 + kind / 64 % 3) * FOLIO_VIRTQ_LINE);
	open_end(&t.tx, false, (2 + kind / 64 % 3) * FOLIO_VIRTQ_LINE);
	attach(&t.rx, kind % 3 == 0 ? UINT32_MAX - 2 * t.size + 1 : 0);
	attach(&t.tx, kind % 3 == 0 ? 0x10000 - 2 * t.size : 0);
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
			receive_op(&in);
			break;
		case 6:
		case 7:
			device_op(&in);
			break;
		case 8:
			hostile_op(&in);
			break;
		case 9:
			near_op(&in);
			break;
		case 10:
			hook_hostility(input_u8(&in));
			break;
		default:
			attach(input_u8(&in) % 2 == 0 ? &t.rx : &t.tx, 0);
			break;
		}
	}
	must_flow();
	model_reset(&t.rx.dev);
	model_reset(&t.tx.dev);
	return 0;
}
