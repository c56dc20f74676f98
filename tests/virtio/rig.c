/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "../unit/util.h"

#define PAGE 4096u
#define BURST 16
#define ADDR UINT64_C(0x123400000000) /* of the device's: no pointer */

/* len bytes that end where an inaccessible page begins. */
static void *
map(struct rig_queue *rq, unsigned int i, size_t len)
{
	rq->map_len[i] = (len + PAGE - 1) / PAGE * PAGE;
	rq->map[i] = util_guarded_map(rq->map_len[i]);
	return (uint8_t *)rq->map[i] + rq->map_len[i] - len;
}

static void
open_queue(struct rig *r, struct rig_queue *rq, bool receive, uint64_t addr)
{
	const struct rig_config *cfg = &r->cfg;
	struct folio_virtq_memory *m = &rq->m;
	struct folio_virtq_areas a;
	uint32_t i;

	m->size = cfg->size;
	m->stride = cfg->room + FOLIO_VIRTQ_LINE;
	m->max_frame = cfg->max_frame;
	m->rings = map(rq, 0, folio_virtq_ring_bytes(m->size));
	m->bufs = map(rq, 1, (size_t)m->size * m->stride);
	m->tables = malloc(folio_virtq_table_bytes(m->size));
	rq->addr = malloc(m->size * sizeof(*rq->addr));
	assert_true(m->tables != NULL && rq->addr != NULL);
	for (i = 0; i < m->size; i++)
		rq->addr[i] = addr + (uint64_t)i * m->stride + FOLIO_VIRTQ_HEADER;
	m->addr = rq->addr;
	rq->region = (struct model_region){addr, (uint64_t)m->size * m->stride, m->bufs};
	folio_virtq_areas(m->size, &a);
	assert_true(model_init(&rq->dev, cfg->packed, receive, m->size,
			       (uint8_t *)m->rings + a.desc, (uint8_t *)m->rings + a.driver,
			       (uint8_t *)m->rings + a.device, &rq->region, 1));
}

static void
close_queue(struct rig_queue *rq)
{
	unsigned int i;

	model_free(&rq->dev);
	free(rq->m.tables);
	free(rq->addr);
	for (i = 0; i < 2; i++)
		util_guarded_unmap(rq->map[i], rq->map_len[i]);
}

struct rig *
rig_open(const struct rig_config *cfg)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->cfg = *cfg;
	r->exact = folio_copy_select(FOLIO_ISA_AUTO)->exact;
	open_queue(r, &r->rx, true, ADDR);
	open_queue(r, &r->tx, false, ADDR * 2);
	rig_attach(r, 0);
	return r;
}

void
rig_close(struct rig *r)
{
	close_queue(&r->rx);
	close_queue(&r->tx);
	free(r);
}

static void
attach(struct rig *r, struct rig_queue *rq, uint32_t base)
{
	struct folio_virtq *q = &rq->q;

	folio_virtq_attach(q, &rq->m);
	q->in_order = r->cfg.in_order;
	q->mergeable = r->cfg.mergeable && rq->dev.receive;
	q->head = base;
	q->tail = base;
	model_reset(&rq->dev);
	rq->dev.mergeable = q->mergeable;
	if (!r->cfg.packed) {
		q->avail = (uint16_t)base;
		q->seen = q->avail;
		q->used = q->avail;
		rq->dev.next_avail = q->avail;
		rq->dev.next_used = q->avail;
		rq->dev.avail->idx = q->avail;
		rq->dev.used->idx = q->avail;
	}
	if (rq->dev.receive)
		bursts_rx_start(q, r->cfg.packed);
	else
		bursts_tx_start(q, r->cfg.packed);
	q->head = base;
	q->tail = base + (rq->dev.receive ? q->size : 0);
	assert_true(folio_virtq_valid(q));
}

void
rig_attach(struct rig *r, uint32_t base)
{
	attach(r, &r->rx, base);
	attach(r, &r->tx, base);
}

static bool
is_clean(const struct folio_virtq *q)
{
	return q->broken == 0 && q->bad_index + q->bad_id + q->bad_length + q->bad_chain == 0;
}

bool
rig_is_clean(const struct rig *r)
{
	return is_clean(&r->rx.q) && is_clean(&r->tx.q);
}

static uint8_t
content(uint32_t number, uint32_t i)
{
	return (uint8_t)(number * 151 + i * 7 + (i >> 8) * 13 + 1);
}

uint8_t *
rig_frame(uint32_t number, uint32_t len)
{
	uint8_t *data = malloc(len);
	uint32_t i;

	assert_non_null(data);
	for (i = 0; i < len; i++)
		data[i] = content(number, i);
	return data;
}

bool
rig_is_frame(const uint8_t *data, uint32_t number, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++) {
		if (data[i] != content(number, i))
			return false;
	}
	return true;
}

struct traffic {
	struct rig *r;
	bool shuffle;
	uint64_t seed;
	uint32_t sent, echoed, received; /* numbers of frames */
	uint32_t len[256];		 /* of each on its way */
};

static uint32_t
below(struct traffic *t, uint32_t n)
{
	return (uint32_t)(util_random(&t->seed) % n);
}

static void
send_some(struct traffic *t)
{
	struct bursts_frame f[BURST];
	/* Without mergeable buffers the device has one for a frame. */
	uint32_t most = t->r->cfg.mergeable ? t->r->cfg.max_frame : t->r->rx.q.plain_max;
	uint32_t n = below(t, BURST), i, sent;

	for (i = 0; i < n && t->sent + i - t->received < 256; i++) {
		/* Short ones, any, and those around the edges of buffers. */
		uint32_t kind = below(t, 4), len = 14 + below(t, kind == 0 ? most - 13 : 200);

		if (kind == 1)
			len = t->r->cfg.room - 1 + below(t, 3);
		len = len > most ? most : len;
		f[i].len = len;
		f[i].data = rig_frame(t->sent + i, len);
		t->len[(t->sent + i) % 256] = len;
	}
	n = i;
	sent = bursts_send(&t->r->tx.q, t->r->cfg.packed, f, n,
			   below(t, 3) == 0 ? 1 + below(t, 400) : 0, t->r->exact);
	t->sent += sent;
	for (i = 0; i < n; i++)
		free(f[i].data);
}

/* The device sends back what it got, as far as there are buffers. */
static void
echo(struct traffic *t)
{
	struct model_queue *rx = &t->r->rx.dev, *tx = &t->r->tx.dev;
	static uint8_t frame[65536];
	uint8_t header[MODEL_HEADER];
	uint32_t bufs = rx->mergeable ? 2 + t->r->cfg.max_frame / t->r->cfg.room : 1;
	int len;

	assert_true(model_collect(rx) >= 0);
	while (rx->n_held >= bufs) {
		uint32_t which = t->shuffle ? below(t, rx->n_held - bufs + 1) : 0;

		len = model_read(tx, frame, sizeof(frame), header);
		assert_true(len >= 0);
		if (len == 0)
			break;
		assert_true(util_all_bytes(header, 0, sizeof(header)));
		assert_int_equal(len, t->len[t->echoed % 256]);
		assert_true(rig_is_frame(frame, t->echoed++, (uint32_t)len));
		assert_true(model_deliver(rx, which, frame, (uint32_t)len, NULL));
	}
	model_publish(rx);
	if (t->r->cfg.in_order && tx->n_held > 0 && below(t, 2) == 0)
		model_return_batch(tx, 1 + below(t, tx->n_held));
	while (tx->n_held > 0 && below(t, 4) != 0)
		model_return(tx, t->shuffle ? below(t, tx->n_held) : 0, 0);
	model_publish(tx);
}

static void
receive_some(struct traffic *t)
{
	const uint32_t room = t->r->cfg.max_frame;
	struct bursts_frame f[BURST];
	uint32_t n = below(t, BURST + 1), got, i;

	for (i = 0; i < n; i++)
		f[i].data = malloc(room);
	got = bursts_receive(&t->r->rx.q, t->r->cfg.packed, f, n, room,
			     below(t, 3) == 0 ? 1 + below(t, 400) : 0, t->r->exact);
	for (i = 0; i < got; i++, t->received++) {
		assert_int_equal(f[i].len, t->len[t->received % 256]);
		assert_true(rig_is_frame(f[i].data, t->received, f[i].len));
	}
	for (i = 0; i < n; i++)
		free(f[i].data);
}

void
rig_traffic(struct rig *r, uint32_t rounds, bool shuffle, uint64_t seed)
{
	struct traffic t = {.r = r, .shuffle = shuffle, .seed = seed | 1};
	uint32_t i;

	for (i = 0; i < rounds || t.received != t.sent; i++) {
		assert_true(i < rounds + 1000); /* all that was sent arrives */
		if (i < rounds)
			send_some(&t);
		echo(&t);
		receive_some(&t);
		assert_true(folio_virtq_valid(&r->rx.q) && folio_virtq_valid(&r->tx.q));
		assert_true(rig_is_clean(r));
	}
	assert_true(t.received > rounds / 4);
}
