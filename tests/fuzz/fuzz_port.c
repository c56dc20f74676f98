/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * All of the core by folio.h, over a real file: up to three ports that open, crash, start, tick,
 * send and receive in any order, while headers, indices, descriptors and any other byte of the file
 * change, and the file itself. Every burst is judged by what it loaded. At the end the peers
 * behave, and frames must flow.
 */

#include <errno.h>
#include <sys/stat.h>

#include "check.h"
#include "copies.h"
#include "hook.h"
#include "input.h"
#include "oracle.h"
#include "port.h"
#include "system.h"

#define SIDES 3
#define QUEUES 3
#define MAX_OPS 100
#define ROUNDS 400		   /* in which two that behave get together and exchange frames */
#define GOOD 5			   /* of them are seen in which they do */
#define BURST_BYTES (64u << 10)
#define FENCE (128u << 10) /* behind a half: all of the 2 MiB would be slow */
#define FILE_MAX_BYTES (12u << 20) /* a host reserves what a lying guest asks for */
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))

struct side {
	struct folio *f; /* NULL: closed */
	struct folio_config cfg;
	bool started;
	struct folio_counters counters;
};

static struct {
	char folder[64], path[96], spare[96];
	struct side side[SIDES];
	uint32_t number;  /* of the next frame */
	bool file_is_odd; /* not as the ports made it: they may rightly refuse it */
	uint32_t alloc_fails_in;
	unsigned int allocated;
	uint8_t *before; /* a half in front of a burst */
} t;

static unsigned int
owner_of(const struct side *s)
{
	return (unsigned int)(s - t.side) + 1;
}

/* Memory for ports. */

static void *
counting_alloc(size_t size, size_t align, void *ctx)
{
	void *mem = NULL;

	(void)ctx;
	if (t.alloc_fails_in > 0 && --t.alloc_fails_in == 0)
		return NULL;
	CHECK(posix_memalign(&mem, align, size) == 0);
	t.allocated++;
	return memset(mem, 0, size);
}

static void
counting_free(void *mem, void *ctx)
{
	(void)ctx;
	CHECK(mem != NULL && t.allocated > 0);
	t.allocated--;
	free(mem);
}

/* The mapping of a port. */

/* What both halves look like, false if the port has no region. */
static bool
layout_of(struct side *s, struct folio_layout *l)
{
	struct folio_geometry g = {.page_shift = FOLIO_WIRE_SHIFT_MIN};
	struct folio_status st;

	hook_enter("status", owner_of(s));
	folio_status(s->f, &st);
	hook_leave();
	CHECK(strnlen(st.detail, sizeof(st.detail)) < sizeof(st.detail));
	CHECK(st.role == s->cfg.role && st.isa != FOLIO_ISA_AUTO);
	CHECK(folio_link_name(st.link)[0] != '\0' && folio_isa_name(st.isa)[0] != '\0');
	CHECK((st.link == FOLIO_LINK_UP) == folio_link_is_up(s->f));
	g.queues = st.queues;
	g.ring_size = st.ring_size;
	g.slot_size = st.slot_size;
	if (st.queues == 0)
		return false;
	CHECK(folio_layout_init(l, &g, 0, NULL) == 0);
	CHECK(l->stride == st.stride && l->max_frame == st.max_frame);
	CHECK(l->max_frame <= folio_port_max_frame(s->f));
	CHECK(folio_port_ring_size(s->f) == st.ring_size);
	CHECK(st.queues <= MAX(s->cfg.queues, 1));
	CHECK(s->cfg.ring_size == 0 || st.ring_size <= s->cfg.ring_size);
	CHECK(s->cfg.slot_size == 0 || st.slot_size <= s->cfg.slot_size);
	return true;
}

static struct hook_span *
own_span(struct side *s)
{
	return hook_find(folio_port_txq(s->f, 0)->ring.produced);
}

static struct hook_span *
peer_span(struct side *s)
{
	return hook_find(folio_port_txq(s->f, 0)->ring.consumed);
}

/* What nobody uses nobody touches: metadata rings, and the rest behind the last ring. */
static void
fence(struct hook_span *span, const struct folio_layout *l)
{
	if (span == NULL || span->judged)
		return;
	span->judged = true;
	span->fenced = MIN(span->len, l->used + FENCE);
	CHECK(l->used <= span->len);
	system_forbid(span->start + l->meta_off, span->start + l->data_off);
	system_forbid(span->start + l->used, span->start + span->fenced);
}

/* After every call. */
static void
check_side(struct side *s)
{
	struct folio_counters now;
	struct folio_layout l;
	bool up = folio_link_is_up(s->f);
	bool attached = layout_of(s, &l);
	uint32_t q, i;

	folio_counters(s->f, &now);
	for (i = 0; i < FOLIO_VIOLATIONS; i++)
		CHECK(now.violations[i] >= s->counters.violations[i]);
	CHECK(now.link_ups >= s->counters.link_ups);
	CHECK(now.renegotiations >= s->counters.renegotiations);
	s->counters = now;
	CHECK(!up || (attached && s->started));
	for (q = 0; q < s->cfg.queues; q++) {
		const struct folio_txq *tx = folio_port_txq(s->f, q);
		const struct folio_rxq *rx = folio_port_rxq(s->f, q);
		bool used = up && q < l.geom.queues;

		CHECK((tx->gate.open != 0) == (used && tx->enabled));
		CHECK((rx->gate.open != 0) == (used && rx->enabled));
		CHECK(!used || (tx->ring.size == l.geom.ring_size &&
				tx->ring.stride == l.stride && tx->ring.max_frame == l.max_frame));
		CHECK(!used || (rx->ring.size == l.geom.ring_size &&
				rx->ring.stride == l.stride && rx->ring.max_frame == l.max_frame));
	}
	if (attached && !s->cfg.loopback) {
		fence(own_span(s), &l);
		fence(peer_span(s), &l);
	}
}

/* For a comparison with what it is later. */
static void
keep_half(const struct hook_span *own, const struct folio_layout *l)
{
	CHECK(l->used <= FILE_MAX_BYTES);
	memcpy(t.before, own->alias, l->used);
}

/* The life of a port. */

static void
tick(struct side *s)
{
	struct folio_layout l;
	bool attached;

	if (s->f == NULL)
		return;
	attached = layout_of(s, &l);
	hook_enter("tick", owner_of(s));
	if (!attached) /* it may attach, and then wait for the peer of a predecessor */
		hook_allow_header(offsetof(struct folio_wire_header, ack), 256);
	(void)folio_tick(s->f);
	hook_leave();
	check_side(s);
}

static void
tick_all(uint32_t n)
{
	int i;

	while (n-- > 0) {
		for (i = 0; i < SIDES; i++)
			tick(&t.side[i]);
	}
}

/* While one port sleeps the others' control threads run. */
static struct side *sleeper;

static void
others_run(void)
{
	static bool running;
	int i;

	if (running || sleeper == NULL)
		return;
	running = true;
	for (i = 0; i < SIDES; i++) {
		struct side *s = &t.side[i];

		if (s == sleeper || s->f == NULL)
			continue;
		hook_enter("tick of a peer", owner_of(s));
		(void)folio_tick(s->f);
		hook_leave();
	}
	running = false;
}

static void
open_side(struct side *s, struct folio_config cfg)
{
	struct folio_error err = {.text = ""};

	CHECK(s->f == NULL);
	cfg.path = cfg.path == NULL && !cfg.loopback ? t.path : cfg.path;
	if (t.alloc_fails_in > 0 || hook_random() % 2 == 0) {
		cfg.alloc = counting_alloc;
		cfg.free = counting_free;
	}
	memset(s, 0, sizeof(*s));
	s->cfg = cfg;
	sleeper = s;
	hook_enter("open", owner_of(s));
	hook_allow_header(offsetof(struct folio_wire_header, ack), 256); /* it waits for it */
	s->f = folio_open(&cfg, &err);
	hook_leave();
	sleeper = NULL;
	CHECK(strnlen(err.text, sizeof(err.text)) < sizeof(err.text));
	CHECK((s->f == NULL) == (err.text[0] != '\0'));
	if (s->f == NULL) {
		int i;

		for (i = 0; hook_span((unsigned int)i) != NULL; i++)
			CHECK(hook_span((unsigned int)i)->owner != owner_of(s));
		return;
	}
	if (s->cfg.queues == 0)
		s->cfg.queues = FOLIO_DEFAULT_QUEUES;
	check_side(s);
}

/* Nobody but this port writes its half: all halves are equally large, and the roles differ. */
static bool
half_is_its_own(struct side *s)
{
	const struct hook_span *own = own_span(s);
	int i;

	for (i = 0; i < SIDES; i++) {
		struct side *o = &t.side[i];
		struct folio_layout l;

		if (o != s && o->f != NULL && !o->cfg.loopback && layout_of(o, &l) &&
		    (own_span(o)->len != own->len || o->cfg.role == s->cfg.role))
			return false;
	}
	return true;
}

static void
close_side(struct side *s)
{
	struct folio_layout l;
	int fd = -1;
	uint64_t at = 0;
	bool zeroed;

	if (s->f == NULL)
		return;
	zeroed = !t.file_is_odd && !s->cfg.loopback && layout_of(s, &l) && half_is_its_own(s);
	if (zeroed) {
		at = s->cfg.role == FOLIO_GUEST ? 0 : own_span(s)->len;
		fd = open(t.path, O_RDONLY | O_CLOEXEC);
		CHECK(fd >= 0);
	}
	sleeper = s;
	hook_enter("close", owner_of(s));
	hook_allow_header(offsetof(struct folio_wire_header, ack), 32); /* it waits for it */
	folio_close(s->f);
	hook_leave();
	sleeper = NULL;
	s->f = NULL;
	if (zeroed) {
		CHECK(l.used <= FILE_MAX_BYTES);
		CHECK(pread(fd, t.before, l.used, (off_t)at) == (ssize_t)l.used);
		/* The metadata rings have no use: what is there, the fuzzer wrote. */
		memset(t.before + l.meta_off, 0, l.data_off - l.meta_off);
		CHECK(t.before[0] == 0 && memcmp(t.before, t.before + 1, l.used - 1) == 0);
		close(fd);
	}
	system_sweep(owner_of(s));
}

/* SIGKILL: the locks and the mappings go, and not one byte of the file changes. */
static void
crash_side(struct side *s)
{
	struct folio_layout l;
	struct hook_span *own;
	bool keep;
	uint64_t at = 0;
	int fd = -1;

	if (s->f == NULL)
		return;
	keep = !t.file_is_odd && !s->cfg.loopback && layout_of(s, &l);
	if (keep) {
		own = own_span(s);
		at = s->cfg.role == FOLIO_GUEST ? 0 : own->len;
		keep_half(own, &l);
		fd = open(t.path, O_RDWR | O_CLOEXEC);
		CHECK(fd >= 0);
	}
	system_dying(true);
	hook_enter("killed", owner_of(s));
	hook_allow_header(offsetof(struct folio_wire_header, ack), 32);
	folio_close(s->f);
	hook_leave();
	system_dying(false);
	s->f = NULL;
	if (keep) {
		CHECK(pwrite(fd, t.before, l.used, (off_t)at) == (ssize_t)l.used);
		close(fd);
	}
	system_sweep(owner_of(s));
}

static void
start(struct side *s)
{
	int ret;

	if (s->f == NULL)
		return;
	hook_enter("start", owner_of(s));
	ret = folio_start(s->f);
	hook_leave();
	CHECK(ret == (s->started ? -EALREADY : 0));
	s->started = true;
	check_side(s);
}

static void
stop(struct side *s)
{
	if (s->f == NULL)
		return;
	hook_enter("stop", owner_of(s));
	folio_stop(s->f);
	hook_leave();
	s->started = false;
	check_side(s);
}

static struct folio_config
any_config(struct input *in, enum folio_role role)
{
	static const uint32_t rings[] = {64, 64, 64, 128, 0, 256, 63, 65536};
	static const uint32_t slots[] = {256, 256, 300, 1500, 0, 320, 255, 65537};
	uint8_t how = input_u8(in);
	struct folio_config cfg = {.role = role, .queues = how % 4, .isa = input_below(in, 6)};

	cfg.ring_size = rings[how / 4 % 8];
	cfg.slot_size = slots[how / 32 % 8];
	how = input_u8(in);
	if (how % 16 == 1)
		cfg.size = input_u16(in);
	else if (how % 16 == 2)
		cfg.size = UINT64_C(4096) * (1000 + input_u8(in));
	cfg.numa_bind = how % 16 == 3;
	cfg.loopback = how % 16 == 4;
	if (how % 16 == 5)
		cfg.path = "";
	if (how % 16 == 6)
		cfg.role = (enum folio_role)(how / 16);
	/* The defaults of a guest are large, and add nothing. */
	if (cfg.role == FOLIO_GUEST && cfg.ring_size == 0 && cfg.slot_size != 255)
		cfg.ring_size = 64;
	if (cfg.role == FOLIO_GUEST && cfg.slot_size == 0)
		cfg.slot_size = 256;
	t.alloc_fails_in = how % 16 == 7 ? 1 + how / 16u % 3 : 0;
	system_fail_in(how % 16 == 8 ? 1 + how / 16u % 6 : 0);
	return cfg;
}

static void
open_op(struct input *in, struct side *s)
{
	enum folio_role role = s == &t.side[0] ? FOLIO_GUEST
			       : s == &t.side[1] ? FOLIO_HOST : FOLIO_GUEST + input_below(in, 2);

	if (s->f != NULL)
		return;
	open_side(s, any_config(in, role));
	t.alloc_fails_in = 0;
	system_fail_in(0);
}

/* Bursts. */

static uint32_t
any_len(struct input *in, uint32_t stride, uint32_t max)
{
	uint8_t how = input_u8(in);

	switch (how % 8) {
	case 0:
		return FOLIO_WIRE_FRAME_MIN - 1 + how / 8 % 3;
	case 1:
		return stride - 1 + how / 8 % 3;
	case 2:
		return max - 1 + how / 8 % 3;
	case 3:
		return stride * (how / 8 % 4) + input_u8(in);
	case 4:
		return input_u16(in);
	default:
		return FOLIO_WIRE_FRAME_MIN + input_u8(in);
	}
}

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
static uint32_t
send_frames(struct side *s, uint32_t q, const uint32_t *len, uint32_t n)
{
	const struct folio_prod *p = &folio_port_txq(s->f, q)->ring;
	struct folio_prod should = *p;
	struct folio_buf bufs[ORACLE_BURST] = {{0}};
	struct oracle_burst out = {0};
	struct hook_span *own = NULL;
	struct folio_layout l;
	bool open = folio_port_txq(s->f, q)->gate.open != 0;
	uint32_t i, sent;

	for (i = 0; i < n; i++) {
		bufs[i].len = len[i];
		bufs[i].data = copies_frame(t.number + i, MIN(len[i], FOLIO_WIRE_FRAME_MAX));
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
	CHECK(sent == out.n);
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
	for (i = 0; i < n; i++)
		free(bufs[i].data);
	t.number += n;
	check_side(s);
	return sent;
}

static void
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
	all = any_len(in, p->stride, p->max_frame);
	n = MIN(n, 1 + BURST_BYTES / MAX(all, 1)); /* what is slow is not done often */
	for (i = 0; i < n; i++)
		len[i] = how % 4 == 0 && i < 8 ? any_len(in, p->stride, p->max_frame) : all;
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
static uint32_t
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
		bufs[i].data = malloc(room);
		CHECK(bufs[i].data != NULL);
		memset(bufs[i].data, COPIES_CANARY, room);
	}
	if (open) {
		own = hook_find(c->consumed);
		CHECK(own != NULL && layout_of(s, &l));
		keep_half(own, &l);
	}
	(void)copies_under_fire();
	hook_enter("recv", owner_of(s));
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
	for (i = 0; i < n; i++)
		free(bufs[i].data);
	check_side(s);
	return known;
}

static void
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
	room = how % 4 == 0 ? any_len(in, c->stride, c->max_frame) : how % 4 == 1 ? c->max_frame
										  : 2048;
	room = MIN(room, FOLIO_WIRE_FRAME_MAX + 1);
	recv_frames(s, q, room, MIN(n, 1 + BURST_BYTES / MAX(room, 1)), 0);
}

/* What a hostile peer does. */

/* The half that s writes, NULL if there is none to be had. */
static uint8_t *
raw_half(struct side *s, struct folio_layout *l, bool peers)
{
	struct hook_span *span;

	if (s->f == NULL || !layout_of(s, l))
		return NULL;
	span = peers ? peer_span(s) : own_span(s);
	return span == NULL || span->cut ? NULL : span->alias;
}

static void
header_op(struct input *in, struct side *s)
{
	static const uint8_t fields[] = {0, 8, 12, 16, 20, 24, 28, 32,
					 36, 40, 44, 48, 56, 60, 64, 68};
	uint8_t how = input_u8(in);
	uint32_t value = input_u32(in);
	struct folio_layout l;
	uint8_t *half = raw_half(s, &l, how % 2 != 0);
	uint8_t *at;

	if (half == NULL)
		return;
	at = half + fields[how / 2 % 16];
	if (how >= 128)
		value %= 4;
	else if (value % 2 == 0) {
		memcpy(&value, at, sizeof(value));
		value = (uint32_t)hook_evil(value, 32);
	}
	memcpy(at, &value, sizeof(value));
}

/* Near what the port believes, which is where its checks are sharp. */
static void
index_op(struct input *in, struct side *s)
{
	uint8_t how = input_u8(in);
	uint32_t by = input_below(in, 7) - 3;
	struct folio_layout l;
	uint8_t *half = raw_half(s, &l, true);
	const struct folio_prod *p;
	const struct folio_cons *c;
	struct folio_wire_index *index;
	folio_wire_desc *desc;
	uint32_t q;

	if (half == NULL)
		return;
	q = input_below(in, MIN(l.geom.queues, s->cfg.queues));
	p = &folio_port_txq(s->f, q)->ring;
	c = &folio_port_rxq(s->f, q)->ring;
	index = folio_layout_index(&l, half, q);
	desc = &folio_layout_desc(&l, half, q)[(c->head + how / 8 % 4) % l.geom.ring_size];
	switch (how % 8) {
	case 0:
		index->produced.raw = c->head + l.geom.ring_size + by;
		break;
	case 1:
		index->produced.raw = c->seen + by;
		break;
	case 2:
		index->consumed.raw = p->seen + by;
		break;
	case 3:
		index->consumed.raw = p->head + by;
		break;
	case 4:
		index->produced.raw = input_u32(in);
		break;
	case 5:
		index->consumed.raw = input_u32(in);
		break;
	case 6:
		desc->raw = input_u64(in);
		break;
	default:
		desc->raw = hook_evil(desc->raw, how % 16 < 8 ? 32 : 64);
		break;
	}
}

static void
bytes_op(struct input *in, struct side *s)
{
	uint8_t how = input_u8(in);
	struct folio_layout l;
	uint8_t *half = raw_half(s, &l, how % 2 != 0);
	uint32_t len = how / 2u, at;

	if (half == NULL)
		return;
	at = (input_u16(in) * 16u + input_u8(in)) % (uint32_t)(l.used - len);
	memset(half + at, input_u8(in), len);
}

/* A new generation at every tick, also with bursts in between. */
static void
storm_op(struct input *in, struct side *s)
{
	uint32_t n = input_below(in, 64);
	struct folio_layout l;
	uint64_t g;
	uint8_t *half;

	while (n-- > 0) {
		half = raw_half(s, &l, true);
		if (half == NULL)
			return;
		g = hook_random();
		memcpy(half + offsetof(struct folio_wire_header, generation), &g, sizeof(g));
		tick(s);
		if (n % 8 == 0)
			recv_frames(s, 0, 2048, 4, 0);
	}
}

/* Until a port has looked, a cut file is left alone: SIGBUS is not defended against. */
static void
note_cut(void)
{
	struct hook_span *span;
	struct stat st;
	unsigned int i;

	if (stat(t.path, &st) != 0)
		return;
	for (i = 0; (span = hook_span(i)) != NULL; i++)
		span->cut |= span->side != HOOK_BOTH && (uint64_t)st.st_size < 2 * span->len;
}

static void
put_file(struct input *in, const char *path)
{
	uint8_t page[FOLIO_WIRE_PAGE];
	uint8_t how = input_u8(in);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, how % 2 == 0 ? 0600 : 01600);
	uint64_t magic = FOLIO_WIRE_MAGIC;

	CHECK(fd >= 0);
	CHECK(ftruncate(fd, (off_t)(input_u8(in) * 65536u) + how / 32 % 2 * 17) == 0);
	memset(page, how / 4 % 4, sizeof(page));
	if (how / 64 % 2 == 0)
		memcpy(page, &magic, sizeof(magic));
	if (how / 2 % 2 == 0)
		CHECK(pwrite(fd, page, sizeof(page), 0) == (ssize_t)sizeof(page));
	close(fd);
}

static void
file_op(struct input *in)
{
	uint8_t how = input_u8(in);
	struct stat st;
	off_t size;

	if (how % 8 == 6 && mkdir(t.spare, 0700) == 0) {
		(void)unlink(t.path);
		CHECK(rename(t.spare, t.path) == 0 || errno == ENOTEMPTY || rmdir(t.spare) == 0);
		t.file_is_odd = true;
	} else if (how % 8 == 7) {
		(void)rmdir(t.path);
		(void)unlink(t.path);
		t.file_is_odd = true;
	} else if (stat(t.path, &st) == 0 && S_ISREG(st.st_mode)) {
		switch (how % 8) {
		case 0:
			(void)unlink(t.path);
			break;
		case 1: /* replaced by another one */
			put_file(in, t.spare);
			CHECK(rename(t.spare, t.path) == 0);
			break;
		case 2:
			(void)chmod(t.path, st.st_mode ^ S_ISVTX);
			break;
		default:
			size = (off_t)(how / 8) * 4096 * 64;
			size = st.st_size + (how % 2 == 0 ? size : -size) + how / 128;
			size = size < 0 ? 0 : MIN(size, (off_t)FILE_MAX_BYTES);
			CHECK(truncate(t.path, size) == 0);
			note_cut();
			break;
		}
		t.file_is_odd = true;
		if (input_u8(in) % 4 == 0) {
			stop(&t.side[0]);
			close_side(&t.side[1]);
		}
	} else if (how % 8 == 1) {
		(void)rmdir(t.path);
		put_file(in, t.path);
		t.file_is_odd = true;
	}
	tick_all(1);
}

/* A thread that never leaves its burst, and what control does meanwhile. */
static void
stuck_op(struct input *in, struct side *s)
{
	uint8_t how = input_u8(in);
	struct folio_gate *gate;

	if (s->f == NULL)
		return;
	gate = how % 2 == 0 ? &folio_port_txq(s->f, 0)->gate : &folio_port_rxq(s->f, 0)->gate;
	gate->busy = 1;
	if (how / 2 % 4 == 0)
		header_op(in, s);
	if (how / 2 % 4 == 1)
		stop(s);
	else
		tick(s);
	if (how / 8 % 2 == 0)
		tick(s);
	gate->busy = 0;
}

static void
queue_op(struct input *in, struct side *s)
{
	uint8_t how = input_u8(in);
	uint32_t q, rx, tx, used;

	if (s->f == NULL)
		return;
	q = how / 8 % s->cfg.queues;
	if (how / 64 == 0) /* a kernel without membarrier(2) */
		folio_port_txq(s->f, q)->gate.fenced = folio_port_rxq(s->f, q)->gate.fenced = 1;
	hook_enter("enable", owner_of(s));
	if (how % 4 < 2)
		CHECK(folio_port_enable_tx(s->f, q, how % 2 == 0));
	else
		CHECK(folio_port_enable_rx(s->f, q, how % 2 == 0));
	hook_leave();
	check_side(s);
	rx = folio_port_rxq(s->f, q)->ring.head;
	tx = folio_port_txq(s->f, q)->ring.head;
	hook_enter("used", owner_of(s));
	used = folio_port_rx_used(s->f, q);
	hook_leave();
	CHECK(used <= folio_port_ring_size(s->f));
	CHECK(used == 0 || used == (uint32_t)hook_loads()->loads[0].value - rx);
	hook_enter("used", owner_of(s));
	used = folio_port_tx_used(s->f, q);
	hook_leave();
	CHECK(used <= folio_port_ring_size(s->f));
	CHECK(used == 0 || used == tx - (uint32_t)hook_loads()->loads[0].value);
}

static void
one_op(struct input *in)
{
	uint8_t op = input_u8(in);
	struct side *s = &t.side[op % 8 == 7 ? 2 : op % 2];

	switch (op / 8) {
	case 0:
	case 1:
		open_op(in, s);
		break;
	case 2:
		close_side(s);
		break;
	case 3:
		crash_side(s);
		break;
	case 4:
	case 5:
		start(s);
		break;
	case 6:
		stop(s);
		break;
	case 7:
		tick(s);
		break;
	case 8:
	case 9:
		tick_all(input_below(in, 24));
		break;
	case 10: /* the other one is silent */
		for (uint32_t n = input_below(in, 64); n > 0; n--)
			tick(s);
		break;
	case 11:
	case 12:
	case 13:
	case 14:
		send_op(in, s);
		break;
	case 15:
	case 16:
	case 17:
	case 18:
		recv_op(in, s);
		break;
	case 19:
	case 20:
		header_op(in, s);
		break;
	case 21:
	case 22:
	case 23:
		index_op(in, s);
		break;
	case 24:
		bytes_op(in, s);
		break;
	case 25:
		hook_hostility(input_u8(in));
		break;
	case 26:
		storm_op(in, s);
		break;
	case 27:
	case 28:
		file_op(in);
		break;
	case 29:
		stuck_op(in, s);
		break;
	default:
		queue_op(in, s);
		break;
	}
}

/* From here on everybody behaves. */

/* Both peers write what they know into their own halves, as their next bursts would. */
static void
repair(struct side *s)
{
	struct folio_layout l;
	uint8_t *half = raw_half(s, &l, false);
	uint32_t q;

	for (q = 0; q < s->cfg.queues; q++) {
		CHECK(folio_port_enable_tx(s->f, q, true));
		CHECK(folio_port_enable_rx(s->f, q, true));
		if (half == NULL || q >= l.geom.queues)
			continue;
		folio_layout_index(&l, half, q)->produced.raw = folio_port_txq(s->f, q)->ring.head;
		folio_layout_index(&l, half, q)->consumed.raw =
			folio_port_rxq(s->f, q)->ring.published;
	}
}

static bool
can_stay(void)
{
	const struct side *g = &t.side[0], *h = &t.side[1];

	return !t.file_is_odd && g->f != NULL && h->f != NULL && g->cfg.role == FOLIO_GUEST &&
	       h->cfg.role == FOLIO_HOST && !g->cfg.loopback && !h->cfg.loopback &&
	       g->cfg.queues <= h->cfg.queues && g->cfg.size == 0 && h->cfg.size == 0 &&
	       (h->cfg.ring_size == 0 || g->cfg.ring_size <= h->cfg.ring_size) &&
	       (h->cfg.slot_size == 0 || g->cfg.slot_size <= h->cfg.slot_size);
}

static void
begin_anew(void)
{
	const struct folio_config guest = {
		.role = FOLIO_GUEST, .queues = 2, .ring_size = 64, .slot_size = 256};
	const struct folio_config host = {.role = FOLIO_HOST, .queues = 2};

	close_side(&t.side[0]);
	close_side(&t.side[1]);
	(void)rmdir(t.path);
	(void)unlink(t.path);
	t.file_is_odd = false;
	open_side(&t.side[0], guest);
	open_side(&t.side[1], host);
	CHECK(t.side[0].f != NULL && t.side[1].f != NULL);
}

/* Drain what is left of before, then three frames must arrive as they were sent. */
static bool
exchange(struct side *from, struct side *to)
{
	static const uint32_t len[] = {60, 14, 400};
	const struct folio_cons *c = &folio_port_rxq(to->f, 0)->ring;
	uint32_t number, head;

	if (!folio_link_is_up(from->f) || !folio_link_is_up(to->f))
		return false;
	do {
		head = c->head;
		recv_frames(to, 0, 1024, 8, 0);
	} while (c->head != head);
	number = t.number;
	return send_frames(from, 0, len, 3) == 3 && recv_frames(to, 0, 1024, 4, number) == 3;
}

static void
must_flow(void)
{
	struct side *g = &t.side[0], *h = &t.side[1];
	int i, good = 0;

	hook_hostility(0);
	close_side(&t.side[2]);
	if (!can_stay())
		begin_anew();
	repair(g);
	repair(h);
	if (!g->started)
		start(g);
	if (!h->started)
		start(h);
	for (i = 0; i < ROUNDS && good < GOOD; i++) {
		tick_all(1);
		if (exchange(g, h) && exchange(h, g))
			good++;
		else
			CHECK_MSG(good == 0, "frames stopped to flow");
	}
	CHECK_MSG(good == GOOD, "frames do not flow");
}

static void
remove_folder(void)
{
	(void)rmdir(t.folder);
}

static void
make_folder(void)
{
	const char *given = getenv("FOLIO_FUZZ_DIR");

	if (given != NULL) {
		CHECK(snprintf(t.folder, sizeof(t.folder), "%s", given) < (int)sizeof(t.folder));
	} else {
		strcpy(t.folder, "/dev/shm/folio-fuzz.XXXXXX");
		CHECK(mkdtemp(t.folder) != NULL);
		CHECK(atexit(remove_folder) == 0);
	}
	snprintf(t.path, sizeof(t.path), "%s/region-%d", t.folder, (int)getpid());
	snprintf(t.spare, sizeof(t.spare), "%s/spare-%d", t.folder, (int)getpid());
	t.before = malloc(FILE_MAX_BYTES);
	CHECK(t.before != NULL);
}

static int
free_fd(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct input in = {bytes, len};
	int i, fd;

	if (t.before == NULL)
		make_folder();
	fd = free_fd();
	hook_reset(input_u32(&in));
	system_reset();
	system_on_sleep(others_run);
	memset(t.side, 0, sizeof(t.side));
	t.number = 0;
	t.file_is_odd = false;
	if (input_u8(&in) % 4 != 0) { /* most interesting things happen to a link that is up */
		begin_anew();
		start(&t.side[0]);
		start(&t.side[1]);
		tick_all(12);
		CHECK(folio_link_is_up(t.side[0].f) && folio_link_is_up(t.side[1].f));
	}
	for (i = 0; i < MAX_OPS && in.left > 0; i++)
		one_op(&in);
	must_flow();

	for (i = 0; i < SIDES; i++)
		close_side(&t.side[i]);
	CHECK(hook_span(0) == NULL);
	CHECK(t.allocated == 0);
	CHECK_MSG(free_fd() == fd, "a descriptor was left open");
	CHECK(access(t.path, F_OK) != 0);
	return 0;
}
