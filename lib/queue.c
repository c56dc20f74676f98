/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* A port's gates and ring ends: all queues together, and one by one. */

#include <errno.h>

#include "port_state.h"

void
folio_queues_open(struct folio *f)
{
	uint32_t q;

	f->region.zeroed = 0; /* one that was broken off was for another session */
	for (q = 0; q < f->queues && q < f->layout.geom.queues; q++) {
		folio_prod_begin(&f->txq[q].ring, f->session.acked);
		folio_cons_begin(&f->rxq[q].ring, f->session.acked);
		if (f->txq[q].enabled)
			folio_gate_open(&f->txq[q].gate);
		if (f->rxq[q].enabled)
			folio_gate_open(&f->rxq[q].gate);
	}
}

bool
folio_queues_close(struct folio *f)
{
	struct folio_gate *gates[2 * FOLIO_WIRE_QUEUES_MAX];
	uint32_t q;

	for (q = 0; q < f->queues; q++) {
		gates[2 * q] = &f->txq[q].gate;
		gates[2 * q + 1] = &f->rxq[q].gate;
	}
	return folio_gates_close(gates, 2 * f->queues);
}

bool
folio_queues_reset(struct folio *f)
{
	uint32_t q;

	if (!folio_region_zero(&f->region, &f->layout))
		return false;
	folio_region_populate_anew(&f->region);
	pthread_rwlock_wrlock(&f->rings_lock);
	for (q = 0; q < f->queues && q < f->layout.geom.queues; q++) {
		folio_prod_reset(&f->txq[q].ring);
		folio_cons_reset(&f->rxq[q].ring);
	}
	pthread_rwlock_unlock(&f->rings_lock);
	return true;
}

/* Own rings are produced into; the peer's rings are consumed from, our index is in our area. */
void
folio_queues_attach(struct folio *f)
{
	const struct folio_layout *l = &f->layout;
	struct folio_region *r = &f->region;
	bool weak = folio_region_is_weak(r);
	uint32_t q;

	for (q = 0; q < f->queues; q++) {
		/* Also where this geometry has no ring: what was broken was another file's. */
		f->txq[q].ring.broken = 0;
		f->rxq[q].ring.broken = 0;
	}
	for (q = 0; q < f->queues && q < l->geom.queues; q++) {
		folio_prod_attach(&f->txq[q].ring, l, r->own, r->peer, q);
		folio_cons_attach(&f->rxq[q].ring, l, r->peer, r->own, q);
		if (weak) {
			folio_prod_weaken(&f->txq[q].ring);
			folio_cons_weaken(&f->rxq[q].ring);
		}
		folio_prod_reset(&f->txq[q].ring);
		folio_cons_reset(&f->rxq[q].ring);
	}
}

int
folio_queues_alloc(struct folio *f, folio_alloc_fn alloc)
{
	uint32_t q;

	f->txq = alloc(f->queues * sizeof(*f->txq), _Alignof(struct folio_txq), f->alloc_ctx);
	f->rxq = alloc(f->queues * sizeof(*f->rxq), _Alignof(struct folio_rxq), f->alloc_ctx);
	if (f->txq == NULL || f->rxq == NULL)
		return -ENOMEM;
	for (q = 0; q < f->queues; q++) {
		folio_gate_init(&f->txq[q].gate);
		folio_gate_init(&f->rxq[q].gate);
		f->txq[q].enabled = true;
		f->rxq[q].enabled = true;
	}
	return 0;
}

bool
folio_queues_any_broken(const struct folio *f)
{
	uint32_t q;

	for (q = 0; q < f->queues; q++) {
		if (__atomic_load_n(&f->txq[q].ring.broken, __ATOMIC_RELAXED) ||
		    __atomic_load_n(&f->rxq[q].ring.broken, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}

void
folio_counters(const struct folio *f, struct folio_counters *c)
{
	uint64_t *v = c->violations, ended = 0, too_long = 0;
	uint32_t q, i;

	for (i = 0; i < FOLIO_VIOLATIONS; i++)
		v[i] = folio_counted(&f->session.violations[i]);
	for (q = 0; q < f->queues; q++) {
		const struct folio_cons *cons = &f->rxq[q].ring;

		v[FOLIO_RX_BAD_INDEX] += folio_counted(&cons->bad_index);
		v[FOLIO_RX_BAD_LENGTH] += folio_counted(&cons->bad_length);
		v[FOLIO_RX_BAD_FLAGS] += folio_counted(&cons->bad_flags);
		v[FOLIO_RX_BAD_CHAIN] += folio_counted(&cons->bad_chain);
		v[FOLIO_TX_BAD_INDEX] += folio_counted(&f->txq[q].ring.bad_index);
		too_long += folio_counted(&f->rxq[q].too_long);
		ended += folio_counted(&cons->ended) + folio_counted(&f->txq[q].ring.ended);
	}
	c->rx_too_long = too_long;
	c->ended_bursts = ended;
	c->link_ups = folio_counted(&f->link_ups);
	c->renegotiations = folio_counted(&f->renegotiations);
}

static bool
enable(struct folio *f, struct folio_gate *gate, bool *enabled, uint32_t q, bool on)
{
	struct folio_patience patience;
	bool done = true, wait;

	folio_patience_begin(&patience);
	pthread_mutex_lock(&f->lock);
	*enabled = on;
	if (!on)
		done = folio_gates_close(&gate, 1);
	else if (folio_link_is_up(f) && q < f->layout.geom.queues)
		folio_gate_open(gate);
	wait = f->started; /* else folio_port_stop() has waited for all of them */
	pthread_mutex_unlock(&f->lock);
	if (!done && wait)
		done = folio_gate_await(gate, &patience, &f->lock, enabled);
	return done;
}

bool
folio_port_enable_tx(struct folio *f, uint32_t q, bool on)
{
	return enable(f, &f->txq[q].gate, &f->txq[q].enabled, q, on);
}

bool
folio_port_enable_rx(struct folio *f, uint32_t q, bool on)
{
	return enable(f, &f->rxq[q].gate, &f->rxq[q].enabled, q, on);
}

struct folio_txq *
folio_port_txq(struct folio *f, uint32_t q)
{
	return &f->txq[q];
}

struct folio_rxq *
folio_port_rxq(struct folio *f, uint32_t q)
{
	return &f->rxq[q];
}

static uint32_t
used(struct folio *f, uint32_t q, bool rx)
{
	const struct folio_cons *c = &f->rxq[q].ring;
	const struct folio_prod *p = &f->txq[q].ring;
	uint32_t n = 0;

	/* The lock keeps the mapping; the owner of the ring's end may be in a burst. */
	if (pthread_rwlock_tryrdlock(&f->rings_lock) != 0)
		return 0; /* the link is down */
	if (folio_link_is_up(f) && q < f->layout.geom.queues) {
		if (rx)
			n = folio_fetch32(c->produced) - __atomic_load_n(&c->head, __ATOMIC_RELAXED);
		else
			n = __atomic_load_n(&p->head, __ATOMIC_RELAXED) - folio_fetch32(p->consumed);
		if (n > f->layout.geom.ring_size)
			n = 0;
	}
	pthread_rwlock_unlock(&f->rings_lock);
	return n;
}

uint32_t
folio_port_rx_used(struct folio *f, uint32_t q)
{
	return used(f, q, true);
}

uint32_t
folio_port_tx_used(struct folio *f, uint32_t q)
{
	return used(f, q, false);
}

bool
folio_port_has_rings(struct folio *f, uint32_t q)
{
	bool has;

	if (pthread_rwlock_tryrdlock(&f->rings_lock) != 0)
		return false; /* as above */
	has = folio_link_is_up(f) && q < f->layout.geom.queues;
	pthread_rwlock_unlock(&f->rings_lock);
	return has;
}
