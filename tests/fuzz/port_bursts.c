/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Of fuzz_port.c: bursts. */

#include "port_sides.h"

/* The half of the area, as it must be after a frame went out. */
static void
expect_frame(const struct folio_prod *p, const uint8_t *half, uint32_t at, const uint8_t *data,
	     uint32_t len)
{
	uint8_t *ring = t.before + (p->data - half);
	uint8_t *desc = t.before + ((const uint8_t *)p->desc - half) + at % p->size * 8u;
	uint64_t value = len;
	uint32_t done, part;

	memcpy(desc, &value, sizeof(value));
	for (done = 0; done < len; done += part, at++) {
		part = MIN(p->stride, len - done);
		memcpy(ring + (uint64_t)(at % p->size) * p->stride, data + done, part);
	}
}

/* Returns how many of the n frames went out. */
uint32_t
send_frames(struct side *s, uint32_t q, const uint32_t *len, uint32_t n)
{
	const struct folio_prod *p = &folio_port_txq(s->f, q)->ring;
	struct folio_prod should = *p;
	struct folio_buf bufs[ORACLE_BURST] = {{0}};
	struct oracle_burst out = {0};
	struct hook_span *own = NULL;
	struct folio_layout l;
	bool open = folio_port_txq(s->f, q)->gate.open != 0;
	uint32_t i;
	int sent;

	for (i = 0; i < n; i++) {
		bufs[i].len = len[i];
		bufs[i].data = system_buffer(MIN(len[i], FOLIO_WIRE_FRAME_MAX));
		copies_fill(bufs[i].data, t.number + i, MIN(len[i], FOLIO_WIRE_FRAME_MAX));
	}
	if (open) {
		own = hook_find(p->produced);
		CHECK(own != NULL && layout_of(s, &l));
		keep_half(own, &l);
	}
	hook_enter("send", owner_of(s));
	if (open) /* each look is checked against the last */
		hook_allow(p->consumed, n + 1);
	sent = folio_send(s->f, q, bufs, (uint16_t)n);
	hook_leave();

	if (open)
		oracle_send(&should, len, n, hook_loads(), &out);
	CHECK(sent == (open ? out.result : -ENETDOWN));
	CHECK(open || hook_loads()->n == 0);
	CHECK(p->head == should.head && p->seen == should.seen && p->broken == should.broken &&
	      p->bad_index == should.bad_index);
	if (open)
		oracle_same_prod(p, &should);
	if (open && !p->broken && own->side == HOOK_OWN) {
		for (i = 0; i < out.n; i++)
			expect_frame(p, own->start, out.at[i], bufs[i].data, len[i]);
		if (out.published)
			memcpy(t.before + ((const uint8_t *)p->produced - own->start), &should.head,
			       sizeof(should.head));
		CHECK(memcmp(t.before, own->alias, l.used) == 0);
	}
	system_buffers_free();
	t.number += n;
	check_side(s);
	return out.n;
}

void
send_op(struct input *in, struct side *s)
{
	uint32_t q, n, i, all, len[ORACLE_BURST];
	const struct folio_prod *p;
	uint8_t how;

	if (s->f == NULL)
		return;
	q = input_below(in, s->cfg.queues);
	n = input_below(in, ORACLE_BURST + 1);
	how = input_u8(in);
	p = &folio_port_txq(s->f, q)->ring;
	all = input_frame_len(in, p->stride, p->max_frame);
	n = MIN(n, 1 + BURST_BYTES / MAX(all, 1)); /* what is slow is not done often */
	for (i = 0; i < n; i++)
		len[i] = how % 4 == 0 && i < 8 ? input_frame_len(in, p->stride, p->max_frame) : all;
	send_frames(s, q, len, n);
}

/* The frame at slot `at` as it lies in the ring now. */
static bool
is_in_ring(const struct folio_cons *c, uint32_t at, const struct folio_buf *buf)
{
	const struct hook_span *peer = hook_find(c->data);
	const uint8_t *ring = peer->alias + (c->data - peer->start);
	const uint8_t *data = buf->data;
	uint32_t done, part;

	for (done = 0; done < buf->len; done += part, at++) {
		part = MIN(c->stride, buf->len - done);
		if (memcmp(ring + (uint64_t)(at % c->size) * c->stride, data + done, part) != 0)
			return false;
	}
	return true;
}

/* Receive up to n frames; returns how many of them are `number` and the ones behind it. */
uint32_t
recv_frames(struct side *s, uint32_t q, uint32_t room, uint32_t n, uint32_t number)
{
	const struct folio_cons *c = &folio_port_rxq(s->f, q)->ring;
	struct folio_cons should = *c;
	struct folio_buf bufs[ORACLE_BURST] = {{0}};
	struct oracle_burst out = {0};
	struct hook_span *own = NULL;
	struct folio_layout l;
	uint32_t rooms[ORACLE_BURST];
	bool open = folio_port_rxq(s->f, q)->gate.open != 0;
	uint32_t i, got, known = 0;

	for (i = 0; i < n; i++) {
		rooms[i] = bufs[i].room = room;
		bufs[i].data = system_buffer(room);
		memset(bufs[i].data, COPIES_CANARY, room);
	}
	if (open) {
		own = hook_find(c->consumed);
		CHECK(own != NULL && layout_of(s, &l));
		keep_half(own, &l);
	}
	(void)copies_under_fire();
	hook_enter("recv", owner_of(s));
	if (open) /* once for each complaint, and at the end */
		hook_allow(c->generation, c->size + 3);
	got = folio_recv(s->f, q, bufs, (uint16_t)n);
	hook_leave();

	if (open)
		oracle_recv(&should, rooms, n, hook_loads(), &out);
	CHECK(got == out.n);
	CHECK(open || hook_loads()->n == 0);
	if (open)
		oracle_same_cons(c, &should);
	if (open && own->side == HOOK_OWN) {
		if (out.published)
			memcpy(t.before + ((const uint8_t *)c->consumed - own->start), &should.head,
			       sizeof(should.head));
		CHECK(memcmp(t.before, own->alias, l.used) == 0);
	}
	if (!copies_under_fire()) {
		for (i = 0; i < got; i++)
			CHECK(is_in_ring(c, out.at[i], &bufs[i]));
	}
	for (i = 0; i < got; i++) {
		uint8_t *data = bufs[i].data;

		CHECK(bufs[i].len == out.len[i]);
		CHECK(bufs[i].len >= FOLIO_WIRE_FRAME_MIN && bufs[i].len <= room);
		CHECK(copies_untouched(data + bufs[i].len, data + room));
		known += copies_is_frame(data, number + known, bufs[i].len);
	}
	system_buffers_free();
	check_side(s);
	return known;
}

void
recv_op(struct input *in, struct side *s)
{
	uint32_t q, n, room;
	const struct folio_cons *c;
	uint8_t how;

	if (s->f == NULL)
		return;
	q = input_below(in, s->cfg.queues);
	n = input_below(in, ORACLE_BURST + 1);
	how = input_u8(in);
	c = &folio_port_rxq(s->f, q)->ring;
	room = how % 4 == 0 ? input_frame_len(in, c->stride, c->max_frame)
	       : how % 4 == 1 ? c->max_frame
			      : 2048;
	room = MIN(room, FOLIO_WIRE_FRAME_MAX + 1);
	recv_frames(s, q, room, MIN(n, 1 + BURST_BYTES / MAX(room, 1)), 0);
}
