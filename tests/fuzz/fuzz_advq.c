/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * A receive and a transmit ring of advanced descriptors, and a card that is honest, or writes what
 * is near to that, or anything, between any two calls and, by hook.c, any two loads. The bursts are
 * as in drivers/net/folio/folio_vf_burst.c. Each field is loaded once a call.
 */

#include "check.h"
#include "copies.h"
#include "hook.h"
#include "input.h"
#include "system.h"
#include "vf/advq.h"

#define SIZE_MAX_HERE 16u
#define STRIDE_MAX (17u * FOLIO_ADVQ_LINE)
#define MEMORY 20480u /* of buffers, at its end */
#define BURST 8u
#define MAX_OPS 40
#define DRIVER 1
#define ADDR UINT64_C(0x700000000)
#define ERRORS UINT64_C(0x97000000)

_Static_assert(SIZE_MAX_HERE * STRIDE_MAX <= MEMORY, "buffers fit");

struct end {
	struct folio_advq q;
	struct folio_advq_memory m;
	uint8_t *map[2];
	uint64_t addr[SIZE_MAX_HERE];
	uint32_t mark[SIZE_MAX_HERE];
	uint32_t next;	 /* the card's, never told from memory */
	uint64_t *desc;	 /* shared */
	uint8_t *bufs;
	size_t bufs_len;
	uint64_t counted;
};

static struct {
	uint32_t size, stride, max;
	uint32_t number;
	struct end rx, tx;
	folio_copy_fn exact;
} t;

static uint64_t
counted(const struct folio_advq *q)
{
	return q->bad_length + q->bad_chain + q->bad_frame;
}

static void
check_end(struct end *e, uint32_t most)
{
	uint64_t now = counted(&e->q);

	CHECK(folio_advq_valid(&e->q));
	CHECK(now >= e->counted && now - e->counted <= most);
	e->counted = now;
}

/* Set up anew, at any place: `base` is where the numbers begin. */
static void
attach(struct end *e, bool receive, uint32_t base)
{
	struct folio_advq *q = &e->q;

	folio_advq_attach(q, &e->m, ERRORS);
	if (receive)
		folio_advq_rx_fill(q);
	q->head += base;
	q->tail += base;
	q->told += base;
	e->next = base;
	check_end(e, 0);
}

static void
open_end(struct end *e, bool receive)
{
	uint32_t i;

	for (i = 0; i < 2 && e->map[i] == NULL; i++)
		e->map[i] = system_guarded(MEMORY);
	e->bufs_len = (size_t)t.size * t.stride;
	e->bufs = e->map[1] + MEMORY - e->bufs_len;
	e->desc = (uint64_t *)(void *)(e->map[0] + MEMORY - folio_advq_ring_bytes(t.size));
	e->m = (struct folio_advq_memory){.size = t.size, .stride = t.stride, .max_frame = t.max,
					  .desc = e->desc, .bufs = e->bufs, .mark = e->mark,
					  .addr = e->addr};
	for (i = 0; i < t.size; i++)
		e->addr[i] = ADDR + (uint64_t)i * t.stride + (receive ? 0 : UINT64_C(1) << 40);
	memset(&e->q, 0, sizeof(e->q));
	e->counted = 0;
	hook_enter("map", DRIVER);
	hook_add(e->desc, folio_advq_ring_bytes(t.size), (uint8_t *)e->desc, HOOK_PEER);
	hook_add(e->bufs, e->bufs_len, e->bufs, HOOK_PEER);
	hook_leave();
}

static uint32_t
frame_len(struct input *in)
{
	uint32_t kind = input_u8(in), len;

	len = kind % 4 == 0 ? t.max - kind / 4 % 3 : kind % 4 == 1 ? input_u16(in) : 14 + kind / 2;
	return len < FOLIO_ADVQ_FRAME_MIN ? FOLIO_ADVQ_FRAME_MIN : len > t.max ? t.max : len;
}

/* A burst of such frames; exactly they and zeroes behind short ones are in the buffers then. */
static uint32_t
send_frames(uint32_t n, uint32_t len)
{
	struct folio_advq *q = &t.tx.q;
	uint32_t begin = q->tail, room, i, sent = 0;
	uint64_t clean = hook_evils();
	uint8_t *frame;

	hook_enter("room", DRIVER);
	room = folio_advq_tx_room(q, n);
	hook_leave();
	check_end(&t.tx, 0);
	CHECK(room < t.size);
	n = n < room ? n : room;
	hook_enter("send", DRIVER);
	for (i = 0; i < n; i++) {
		frame = copies_frame(t.number + i, len); /* of its own size: one byte more is seen */
		sent = folio_advq_tx_pad(q, len);
		t.exact(folio_advq_buf(q, q->tail), frame, len);
		folio_advq_tx_describe(q, sent);
		free(frame);
	}
	if (n > 0)
		CHECK(folio_advq_tx_publish(q, sent) == (q->tail & q->mask));
	hook_leave();
	check_end(&t.tx, 0);
	for (i = 0; i < n && clean == hook_evils(); i++) {
		const uint8_t *buf = t.tx.bufs + (size_t)((begin + i) & q->mask) * t.stride;
		const uint64_t *d = &t.tx.desc[2 * ((begin + i) & q->mask)];
		uint32_t k;

		CHECK(copies_is_frame(buf, t.number + i, len));
		for (k = len; k < FOLIO_ADVQ_PAD; k++)
			CHECK(buf[k] == 0);
		CHECK(d[0] == t.tx.addr[(begin + i) & q->mask]);
		CHECK((uint16_t)d[1] == sent && d[1] >> FOLIO_ADVQ_TX_LENGTH == sent);
	}
	t.number += n;
	return n;
}

/* As the driver's burst; a frame goes to memory of exactly max bytes. Returns how many there were. */
static uint32_t
receive(uint32_t n, uint32_t max, uint8_t *last, uint32_t *last_len)
{
	struct folio_advq *q = &t.rx.q;
	uint32_t s = q->head, stop = s + q->size - 1, got = 0, value, len;
	uint8_t *to = malloc(max);

	CHECK(to != NULL);
	hook_enter("receive", DRIVER);
	for (; got < n && s != stop; s++) {
		uint64_t word = folio_advq_rx_word(q, s);
		enum folio_advq_verdict verdict = FOLIO_ADVQ_TAKE;

		len = folio_advq_rx_len(word);
		if (q->dropping != 0 ||
		    !folio_advq_rx_is_plain(q, word, max < q->max_frame ? max : q->max_frame))
			verdict = folio_advq_rx_judge(q, word);
		if (verdict == FOLIO_ADVQ_NONE)
			break;
		if (verdict == FOLIO_ADVQ_DROP || len > max)
			continue;
		CHECK(len >= FOLIO_ADVQ_FRAME_MIN && len <= q->max_frame);
		t.exact(to, folio_advq_buf(q, s), len);
		if (last != NULL) {
			memcpy(last, to, len);
			*last_len = len;
		}
		got++;
	}
	/* What was looked at is what it was again, before it is written anew. */
	hook_leave();
	hook_enter("commit", DRIVER);
	folio_advq_rx_commit(q, s - q->head);
	(void)folio_advq_rx_tell(q, &value);
	hook_leave();
	free(to);
	check_end(&t.rx, t.size);
	return got;
}

/* An honest card: sends all, and delivers n frames of a length. Returns how many there was room for. */
static uint32_t
card(uint32_t n, uint32_t len, uint32_t number)
{
	uint32_t i;

	for (; t.tx.next != t.tx.q.told; t.tx.next++) {
		uint64_t *d = &t.tx.desc[2 * (t.tx.next & (t.size - 1))];

		if ((d[1] & FOLIO_ADVQ_TX_REPORT) != 0)
			d[1] = FOLIO_ADVQ_TX_DONE;
	}
	for (i = 0; i < n && t.rx.next != t.rx.q.told; i++, t.rx.next++) {
		uint32_t at = t.rx.next & (t.size - 1);

		copies_fill(t.rx.bufs + (size_t)at * t.stride, number + i, len);
		t.rx.desc[2 * at] = UINT64_MAX;
		t.rx.desc[2 * at + 1] = (uint64_t)len << 32 | FOLIO_ADVQ_RX_DONE | FOLIO_ADVQ_RX_END;
	}
	return i;
}

/* A word that is nearly right, near where the driver looks next. */
static void
near_op(struct input *in)
{
	struct end *e = input_u8(in) % 4 != 0 ? &t.rx : &t.tx;
	uint8_t how = input_u8(in);
	uint64_t len = how % 4 == 0 ? t.max - 1 + how / 4 % 3 : how % 4 == 1 ? 13 + how / 4 % 3 :
		       how % 4 == 2 ? input_u16(in) : how;
	uint64_t word = len << 32 | (how / 16 % 8 != 0) | (uint64_t)(how / 32 % 4 != 0) << 1;

	if (how % 16 == 5)
		word ^= UINT64_C(1) << input_below(in, 64);
	e->desc[2 * ((e->q.head + input_below(in, 3)) & (t.size - 1)) + 1] = word;
}

/* Anything, anywhere. */
static void
storm_op(struct input *in)
{
	struct end *e = input_u8(in) % 2 == 0 ? &t.rx : &t.tx;
	uint32_t n = input_u8(in), i;
	uint64_t r = input_u64(in);

	for (i = 0; i < n; i++) {
		r = r * UINT64_C(6364136223846793005) + 1442695040888963407;
		e->desc[(r >> 33) % (2 * t.size)] = r % 3 == 0 ? r | 3 | FOLIO_ADVQ_TX_DONE : r;
	}
}

/* Whatever happened: set up anew, every frame arrives, over the wrap of the numbers. */
static void
must_flow(void)
{
	static uint8_t frame[STRIDE_MAX];
	uint32_t i, len, got = 0;

	hook_hostility(0);
	attach(&t.rx, true, UINT32_MAX - t.size + 1);
	attach(&t.tx, false, UINT32_MAX - t.size + 1);
	for (i = 0; i < 3 * t.size; i++) {
		len = i % 4 == 3 ? t.max : FOLIO_ADVQ_FRAME_MIN + i;
		(void)copies_under_fire();
		CHECK(send_frames(1, len) == 1);
		CHECK(card(1, len, i) == 1);
		CHECK(receive(BURST, t.max, frame, &got) == 1);
		CHECK(got == len && copies_is_frame(frame, i, len));
		check_end(&t.rx, 0);
	}
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
	t.size = kind % 2 != 0 ? SIZE_MAX_HERE : 2;
	t.stride = (1 + kind / 2 % 17) * FOLIO_ADVQ_LINE;
	t.max = t.stride - (kind / 64 == 0 ? 0 : kind / 64);
	t.exact = folio_copy_select(FOLIO_ISA_AUTO)->exact;
	t.number = 0;
	open_end(&t.rx, true);
	open_end(&t.tx, false);
	attach(&t.rx, true, kind % 3 == 0 ? UINT32_MAX - t.size + 1 : 0);
	attach(&t.tx, false, kind % 5 == 0 ? UINT32_MAX - t.size + 1 : 0);
	for (ops = 0; ops < MAX_OPS && in.left > 0; ops++) {
		switch (input_below(&in, 10)) {
		case 0:
		case 1:
			(void)send_frames(1 + input_below(&in, BURST), frame_len(&in));
			break;
		case 2:
		case 3:
			(void)receive(1 + input_below(&in, BURST),
				      frame_len(&in) + input_below(&in, 3), NULL, NULL);
			break;
		case 4:
		case 5:
			(void)card(input_below(&in, 8), frame_len(&in), input_u8(&in));
			break;
		case 6:
		case 7:
			near_op(&in);
			break;
		case 8:
			storm_op(&in);
			break;
		default:
			hook_hostility(input_u8(&in));
			break;
		}
	}
	must_flow();
	return 0;
}
