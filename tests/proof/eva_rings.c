/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Both ends of the last queue pair of a geometry (-DQUEUES, RING, SLOT; AREA and LONGEST, the
 * longest frame, are what the layout must say), in areas of exactly that size. The indices are any:
 * that is more than every sequence of calls can bring about. The peer writes anything at any time;
 * its area is constant memory.
 */

#include "eva.h"
#include "port.h"

#define BURST 32

extern const uint8_t peer_area[AREA];
extern const struct folio_copy folio_copy_portable;
static uint8_t own_area[AREA];
static struct folio_txq txq;
static struct folio_rxq rxq;

/* Buffers of exactly so many bytes: what is behind them would be an alarm. */
static uint8_t buf14[14], buf1518[1518], buf_ring[LONGEST];
/* A copy in whole lines may use more. */
static uint8_t line64[64], line1536[1536], line65600[65600];

struct folio {
	int unused;
};

struct folio_txq *
folio_port_txq(struct folio *f, uint32_t q)
{
	return &txq;
}

struct folio_rxq *
folio_port_rxq(struct folio *f, uint32_t q)
{
	return &rxq;
}

const struct folio_copy *
folio_port_copy(const struct folio *f)
{
	return &folio_copy_portable;
}

/* Any gate, any indices, ends that are broken or not. */
static void
any_state(void)
{
	struct folio_prod *p = &txq.ring;
	struct folio_cons *c = &rxq.ring;

	txq.gate.fenced = maybe();
	rxq.gate.fenced = maybe();
	p->weak = maybe();
	p->looks = any_u32;
	c->weak = maybe();
	c->idle = any_u32;
	p->head = any_u32;
	p->seen = any_u32;
	p->broken = any_u32;
	c->head = any_u32;
	c->seen = any_u32;
	c->published = any_u32;
	c->broken = any_u32;
	folio_prod_begin(p, any_u32);
	folio_cons_begin(c, any_u32);
}

/* Bursts of frames in, and into, buffers of `size` bytes. */
static void
bursts(uint8_t *data, uint32_t size)
{
	struct folio_buf bufs[BURST];
	uint16_t n = Frama_C_unsigned_short_interval(0, BURST);
	uint32_t i;

	/*@ loop unroll BURST; */
	for (i = 0; i < BURST; i++) {
		bufs[i].data = data;
		bufs[i].len = size;
		bufs[i].room = size;
	}
	any_state();
	(void)folio_send(NULL, 0, bufs, n);
	any_state();
	(void)folio_recv(NULL, 0, bufs, n);
}

/* Lengths outside of what the contract of folio_send() allows are refused, not believed. */
static void
odd_lengths(void)
{
	struct folio_buf buf = {.data = buf_ring, .len = any_u32};

	any_state();
	(void)folio_send(NULL, 0, &buf, 1);
}

/* What only the driver uses: its bursts check the length first, as here. */
static void
driver_calls(void)
{
	struct folio_prod *p = &txq.ring;
	struct folio_cons *c = &rxq.ring;
	uint32_t at = any_u32, len = any_u32;
	uint64_t desc;

	any_state();
	(void)folio_prod_room(p, any_u32);
	(void)folio_prod_publish(p, any_u32);
	(void)folio_cons_avail(c, any_u32);
	desc = folio_cons_desc(c, at);
	folio_cons_prefetch(c, at, any_u32);
	if (folio_desc_is_plain(desc, SLOT))
		len = (uint32_t)desc;
	if (len <= 64)
		folio_cons_get(c, at, line64, len, folio_copy_portable.padded);
	if (len <= 1536 && len <= c->stride)
		folio_cons_get(c, at, line1536, len, folio_copy_portable.padded);
	if (len <= c->stride)
		folio_cons_get(c, at, line65600, len, folio_copy_portable.padded);
	(void)folio_cons_stands(c);
	folio_cons_commit(c, any_u32);
}

void
main(void)
{
	const struct folio_geometry g = {QUEUES, RING, SLOT, 12};
	struct folio_layout l;

	if (folio_layout_init(&l, &g, 0, NULL) != 0)
		return;
	/*@ assert layout: l.area_size == AREA && l.max_frame == LONGEST; */
	folio_prod_attach(&txq.ring, &l, own_area, (void *)peer_area, QUEUES - 1);
	folio_cons_attach(&rxq.ring, &l, (void *)peer_area, own_area, QUEUES - 1);
	/*@ assert last: txq.ring.data + l.geom.ring_size * l.stride == &own_area[0] + AREA; */
	folio_prod_reset(&txq.ring);
	folio_cons_reset(&rxq.ring);
	bursts(buf14, sizeof(buf14));
	bursts(buf1518, sizeof(buf1518));
	bursts(buf_ring, sizeof(buf_ring));
	odd_lengths();
	driver_calls();
}
