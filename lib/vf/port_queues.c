/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Rings of a port: where they lie in shared memory, their gates, and what tells that one stands. */

#include <errno.h>

#include "error.h"
#include "memory/caching.h"
#include "vf/port_state.h"

/* Ticks for which a card may send nothing of what it has. */
#define STALLED_TICKS (1000 / FOLIO_TICK_MS)

static uint64_t
queue_bytes(const struct folio_vf_port *v)
{
	return folio_advq_ring_bytes(v->size) + FOLIO_ADVQ_ALIGN +
	       ((uint64_t)v->size + 1) * v->stride;
}

uint64_t
folio_vf_queues_bytes(const struct folio_vf_port *v)
{
	return 2 * v->queues * queue_bytes(v);
}

static int
alloc_end(struct folio_vf_port *v, struct folio_vf_end *end, bool rx, uint32_t number,
	  folio_alloc_fn alloc)
{
	end->port = v;
	end->rx = rx;
	end->number = number;
	end->enabled = true;
	folio_gate_init(&end->gate);
	end->addr = alloc(v->size * sizeof(*end->addr), FOLIO_ADVQ_LINE, v->alloc_ctx);
	end->mark = alloc(v->size * sizeof(*end->mark), FOLIO_ADVQ_LINE, v->alloc_ctx);
	return end->addr != NULL && end->mark != NULL ? 0 : -ENOMEM;
}

int
folio_vf_queues_alloc(struct folio_vf_port *v, folio_alloc_fn alloc)
{
	uint32_t q;
	int ret = 0;

	v->rxq = alloc(v->queues * sizeof(*v->rxq), _Alignof(struct folio_vf_end), v->alloc_ctx);
	v->txq = alloc(v->queues * sizeof(*v->txq), _Alignof(struct folio_vf_end), v->alloc_ctx);
	if (v->txq == NULL || v->rxq == NULL)
		return -ENOMEM;
	for (q = 0; q < v->queues; q++) {
		ret |= alloc_end(v, &v->rxq[q], true, q, alloc);
		ret |= alloc_end(v, &v->txq[q], false, q, alloc);
	}
	return ret == 0 ? 0 : -ENOMEM;
}

static void
free_ends(struct folio_vf_port *v, struct folio_vf_end *ends)
{
	uint32_t q;

	if (ends == NULL)
		return;
	for (q = 0; q < v->queues; q++) {
		if (ends[q].addr != NULL)
			v->free(ends[q].addr, v->alloc_ctx);
		if (ends[q].mark != NULL)
			v->free(ends[q].mark, v->alloc_ctx);
	}
	v->free(ends, v->alloc_ctx);
}

void
folio_vf_queues_free(struct folio_vf_port *v)
{
	free_ends(v, v->rxq);
	free_ends(v, v->txq);
}

/* Zeroed, and what is to be received into is described, before the card is told of it. */
static int
prepare(struct folio_vf_port *v, struct folio_vf_end *end, struct folio_error *err)
{
	struct folio_card_rings *rings = &v->card.rings[end->number];
	struct folio_advq_memory m = {
		.size = v->size,
		.stride = v->stride,
		.max_frame = v->limit,
		.mark = end->mark,
		.addr = end->addr,
	};
	uint64_t desc, bufs, addr;

	if (end->rx && v->card.wants.frame_max < v->limit)
		m.max_frame = v->card.wants.frame_max;
	if (!folio_arena_take(&v->arena, folio_advq_ring_bytes(v->size), FOLIO_ADVQ_ALIGN, &desc,
			      &addr) ||
	    !folio_arena_take_array(&v->arena, v->size, v->stride, 0, &bufs, end->addr))
		return folio_fail(err, -ENOSPC, "a ring of %u descriptors finds no room that is "
				  "contiguous for the card: the memory is in %u pieces", v->size,
				  v->shm.pieces);
	m.desc = v->shm.base + desc;
	m.bufs = v->shm.base + bufs;
	end->epoch = folio_fault_epoch();
	folio_advq_attach(&end->q, &m, v->card.family->errors);
	end->q.weak = folio_caching_is_weak(v->shm.caching);
	if (end->rx)
		folio_advq_rx_fill(&end->q);
	*(end->rx ? &rings->rx : &rings->tx) = addr;
	end->tail_reg = folio_card_tail(v->card.family, end->rx, end->number);
	end->tail = folio_vf_pci_mapped(&v->pci, end->tail_reg);
	end->stuck = 0;
	end->seen = 0;
	return 0;
}

int
folio_vf_queues_prepare(struct folio_vf_port *v, struct folio_error *err)
{
	uint32_t q = v->prepared / 2;
	int ret;

	if (v->prepared == 0)
		folio_arena_begin(&v->arena, &v->shm);
	ret = prepare(v, v->prepared % 2 == 0 ? &v->rxq[q] : &v->txq[q], err);
	if (ret != 0)
		return ret;
	v->prepared++;
	if (v->prepared < 2 * v->card.pairs)
		return 1;
	folio_shared_fence(); /* what was zeroed in weak memory comes before what is told */
	return 0;
}

void
folio_vf_queues_open(struct folio_vf_port *v)
{
	uint32_t q;

	for (q = 0; q < v->card.pairs; q++) {
		if (v->rxq[q].enabled)
			folio_gate_open(&v->rxq[q].gate);
		if (v->txq[q].enabled)
			folio_gate_open(&v->txq[q].gate);
	}
}

bool
folio_vf_queues_close(struct folio_vf_port *v)
{
	struct folio_gate *gates[2 * FOLIO_VF_PAIRS_MAX];
	uint32_t q;

	for (q = 0; q < v->queues; q++) {
		gates[2 * q] = &v->rxq[q].gate;
		gates[2 * q + 1] = &v->txq[q].gate;
	}
	return folio_gates_close(gates, 2 * v->queues);
}

/*
 * Device not trusted: how far it says that it has come is compared with what it said before. A burst
 * looks at that only when it wants room, so here it is the card's word itself.
 */
static bool
is_stalled(struct folio_vf_end *end)
{
	uint32_t marks = __atomic_load_n(&end->q.marks, __ATOMIC_RELAXED);
	uint32_t done = folio_advq_tx_reported(&end->q, marks);

	if (done == marks || done != end->seen) {
		end->seen = done;
		end->stuck = 0;
		return false;
	}
	return ++end->stuck > STALLED_TICKS;
}

int
folio_vf_queues_watch(struct folio_vf_port *v, struct folio_error *err)
{
	uint32_t q;

	if (folio_shm_is_lost(&v->shm))
		return folio_fail(err, -EIO, "the shared memory is gone");
	for (q = 0; q < v->card.pairs && v->card.link; q++) {
		if (!is_stalled(&v->txq[q]))
			continue;
		folio_count(&v->stalls);
		return folio_fail(err, -ETIMEDOUT, "the card sends nothing of transmit queue %u, "
				  "although it says that its link is up", q);
	}
	return 0;
}

/* As folio_vq_stands_still(). */
bool
folio_vf_stands_still(struct folio_vf_end *end)
{
	folio_fault_renew(&end->epoch, end->port->shm.base);
	folio_count(&end->ended);
	return false;
}

struct folio_vf_end *
folio_vf_port_end(struct folio_vf_port *v, bool rx, uint32_t q)
{
	return rx ? &v->rxq[q] : &v->txq[q];
}

bool
folio_vf_port_enable(struct folio_vf_port *v, struct folio_vf_end *end, bool on)
{
	struct folio_gate *gate = &end->gate;
	struct folio_patience patience;
	bool done = true, wait;

	folio_patience_begin(&patience);
	pthread_mutex_lock(&v->lock);
	end->enabled = on;
	if (!on)
		done = folio_gates_close(&gate, 1);
	else if (v->open && end->number < v->card.pairs)
		folio_gate_open(gate);
	wait = v->started; /* else folio_vf_port_stop() has waited for all of them */
	pthread_mutex_unlock(&v->lock);
	if (!done && wait)
		done = folio_gate_await(gate, &patience, &v->lock, &end->enabled);
	return done;
}

/* The lock keeps the mapping. Private state is looked at while it is being changed. */
uint32_t
folio_vf_port_used(struct folio_vf_port *v, bool rx, uint32_t q)
{
	const struct folio_advq *ring = &folio_vf_port_end(v, rx, q)->q;
	uint32_t n = 0;

	if (pthread_rwlock_tryrdlock(&v->map_lock) != 0)
		return 0; /* the link is down */
	if (folio_vf_port_has_rings(v, q))
		n = rx ? folio_advq_rx_used(ring) : folio_advq_tx_used(ring);
	pthread_rwlock_unlock(&v->map_lock);
	return n;
}

void
folio_vf_ring(const struct folio_vf_end *end, uint32_t value)
{
	if (end->tail != NULL)
		folio_put32_release(end->tail, value);
	else
		(void)folio_vf_pci_regs.write(&end->port->pci, end->tail_reg, value);
}
