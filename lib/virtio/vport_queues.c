/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* A virtio port's queues: where they lie in shared memory, and their gates. */

#include <errno.h>

#include "boundary/shared.h"
#include "count.h"
#include "error.h"
#include "memory/caching.h"
#include "virtio/vport_state.h"

/* Of a queue: the next one begins on a line. */
static uint64_t
queue_bytes(const struct folio_vport *v)
{
	return folio_virtq_ring_bytes(v->size) + FOLIO_VIRTQ_LINE +
	       (uint64_t)v->size * v->stride + v->stride;
}

uint64_t
folio_vport_queues_bytes(const struct folio_vport *v)
{
	return v->reserved + 2 * v->queues * queue_bytes(v);
}

static int
alloc_end(struct folio_vport *v, struct folio_vq *end, uint32_t number, folio_alloc_fn alloc)
{
	end->port = v;
	end->number = number;
	end->enabled = true;
	folio_gate_init(&end->gate);
	end->addr = alloc(v->size * sizeof(*end->addr), FOLIO_VIRTQ_LINE, v->alloc_ctx);
	end->tables = alloc(folio_virtq_table_bytes(v->size), FOLIO_VIRTQ_LINE, v->alloc_ctx);
	return end->addr != NULL && end->tables != NULL ? 0 : -ENOMEM;
}

int
folio_vport_queues_alloc(struct folio_vport *v, folio_alloc_fn alloc)
{
	uint32_t q;
	int ret = 0;

	v->txq = alloc(v->queues * sizeof(*v->txq), _Alignof(struct folio_vq), v->alloc_ctx);
	v->rxq = alloc(v->queues * sizeof(*v->rxq), _Alignof(struct folio_vq), v->alloc_ctx);
	if (v->txq == NULL || v->rxq == NULL)
		return -ENOMEM;
	for (q = 0; q < v->queues; q++) {
		ret |= alloc_end(v, &v->rxq[q], 2 * q, alloc);
		ret |= alloc_end(v, &v->txq[q], 2 * q + 1, alloc);
	}
	return ret == 0 ? 0 : -ENOMEM;
}

static void
free_end(struct folio_vport *v, struct folio_vq *end)
{
	if (end->addr != NULL)
		v->free(end->addr, v->alloc_ctx);
	if (end->tables != NULL)
		v->free(end->tables, v->alloc_ctx);
}

void
folio_vport_queues_free(struct folio_vport *v)
{
	uint32_t q;

	for (q = 0; q < v->queues; q++) {
		if (v->rxq != NULL)
			free_end(v, &v->rxq[q]);
		if (v->txq != NULL)
			free_end(v, &v->txq[q]);
	}
	if (v->rxq != NULL)
		v->free(v->rxq, v->alloc_ctx);
	if (v->txq != NULL)
		v->free(v->txq, v->alloc_ctx);
}

/* The longest frame that n buffers carry. The first has a line for its header. */
static uint32_t
longest_frame(const struct folio_vport *v, uint32_t n)
{
	uint64_t max = v->room + (uint64_t)(n - 1) * (v->room + VIRTIO_NET_HDR_LEN);

	return max < FOLIO_VPORT_FRAME_MAX ? (uint32_t)max : FOLIO_VPORT_FRAME_MAX;
}

/*
 * Everything is zeroed, and what is to be received into is given, before the device is told of it.
 */
static void
attach(struct folio_vport *v, struct folio_vq *end, const struct folio_virtq_memory *m)
{
	uint64_t features = v->device.features;
	bool packed = folio_vport_is_packed(v);
	bool rx = end->number % 2 == 0;
	bool merged = (features >> VIRTIO_NET_F_MRG_RXBUF & 1) != 0;

	end->epoch = folio_fault_epoch();
	folio_virtq_attach(&end->q, m);
	if (folio_caching_is_weak(v->shm.caching))
		folio_virtq_weaken(&end->q);
	end->q.in_order = (features >> VIRTIO_F_IN_ORDER & 1) != 0;
	end->q.mergeable = rx && merged;
	end->does = rx ? 0 : folio_vport_does(features);
	end->kind = packed ? FOLIO_VQ_PACKED : FOLIO_VQ_SPLIT;
	if (end->q.mergeable)
		end->kind = packed ? FOLIO_VQ_PACKED_MERGED : FOLIO_VQ_SPLIT_MERGED;
	if (packed)
		(rx ? folio_packed_rx_fill : folio_packed_tx_ready)(&end->q);
	else
		(rx ? folio_split_rx_fill : folio_split_tx_ready)(&end->q);
}

static int
prepare(struct folio_vport *v, uint32_t number, struct folio_error *err)
{
	struct folio_vq *end = number % 2 == 0 ? &v->rxq[number / 2] : &v->txq[number / 2];
	uint32_t size = v->device.size, bytes = folio_virtq_ring_bytes(size);
	struct folio_virtio_ring *ring = &v->rings[number];
	struct folio_virtq_areas areas;
	struct folio_virtq_memory m = {
		.size = size,
		.stride = v->stride,
		.tables = end->tables,
		.addr = end->addr,
	};
	uint64_t rings, bufs, addr;

	/* The device puts a frame into one buffer, unless it may use several. */
	m.max_frame = longest_frame(v, size / 2);
	if (number % 2 == 0 && (v->device.features >> VIRTIO_NET_F_MRG_RXBUF & 1) == 0)
		m.max_frame = longest_frame(v, 1);
	if (!folio_arena_take(&v->arena, bytes, FOLIO_VIRTQ_LINE, &rings, &addr) ||
	    !folio_arena_take_array(&v->arena, size, v->stride, FOLIO_VIRTQ_HEADER, &bufs,
				    end->addr))
		return folio_fail(err, -ENOSPC, "queue %u of %u descriptors finds no room that is "
				  "contiguous for the device: the memory is in %u pieces", number,
				  size, v->shm.pieces);
	m.rings = v->shm.base + rings;
	m.bufs = v->shm.base + bufs;
	attach(v, end, &m);
	folio_virtq_areas(size, &areas);
	ring->desc = addr + areas.desc;
	ring->driver = addr + areas.driver;
	ring->device = addr + areas.device;
	return 0;
}

int
folio_vport_queues_prepare(struct folio_vport *v, struct folio_error *err)
{
	int ret;

	if (v->prepared == 0) {
		folio_arena_begin(&v->arena, &v->shm);
		v->arena.used = v->reserved;
	}
	ret = prepare(v, v->prepared, err);
	if (ret != 0)
		return ret;
	v->prepared++;
	if (v->prepared < 2 * v->device.pairs)
		return 1;
	folio_shared_fence(); /* what was zeroed in weak memory comes before what is told */
	return 0;
}

void
folio_vport_queues_open(struct folio_vport *v)
{
	uint32_t q;

	for (q = 0; q < v->device.pairs; q++) {
		if (v->rxq[q].enabled)
			folio_gate_open(&v->rxq[q].gate);
		if (v->txq[q].enabled)
			folio_gate_open(&v->txq[q].gate);
	}
}

bool
folio_vport_queues_close(struct folio_vport *v)
{
	struct folio_gate *gates[FOLIO_VIRTIO_QUEUES_MAX];
	uint32_t q;

	for (q = 0; q < v->queues; q++) {
		gates[2 * q] = &v->rxq[q].gate;
		gates[2 * q + 1] = &v->txq[q].gate;
	}
	return folio_gates_close(gates, 2 * v->queues);
}

/*
 * Of another mapping's fault only this burst is lost: which mapping it is, is known when all are
 * replaced that were being replaced.
 */
bool
folio_vq_stands_still(struct folio_vq *end)
{
	folio_fault_renew(&end->epoch, end->port->shm.base);
	folio_count(&end->ended);
	return false;
}

struct folio_vq *
folio_vport_rxq(struct folio_vport *v, uint32_t q)
{
	return &v->rxq[q];
}

struct folio_vq *
folio_vport_txq(struct folio_vport *v, uint32_t q)
{
	return &v->txq[q];
}

bool
folio_vport_enable(struct folio_vport *v, struct folio_vq *end, bool on)
{
	struct folio_gate *gate = &end->gate;
	struct folio_patience patience;
	bool done = true, wait;

	folio_patience_begin(&patience);
	pthread_mutex_lock(&v->lock);
	end->enabled = on;
	if (!on)
		done = folio_gates_close(&gate, 1);
	else if (v->open && end->number / 2 < v->device.pairs)
		folio_gate_open(gate);
	wait = v->started; /* else folio_vport_stop() has waited for all of them */
	pthread_mutex_unlock(&v->lock);
	if (!done && wait)
		done = folio_gate_await(gate, &patience, &v->lock, &end->enabled);
	return done;
}

bool
folio_vport_has_rings(struct folio_vport *v, uint32_t q)
{
	return folio_vport_is_up(v) && q < __atomic_load_n(&v->device.pairs, __ATOMIC_RELAXED);
}

/*
 * The lock keeps the mapping. Private state is looked at while it is being changed, and so is what
 * the device writes, for a number that is stale by nature.
 */
static uint32_t
used(struct folio_vport *v, uint32_t q, const struct folio_vq *end)
{
	uint32_t size = folio_vport_ring_size(v), n = 0;

	if (pthread_rwlock_tryrdlock(&v->map_lock) != 0)
		return 0; /* the link is down */
	if (folio_vport_has_rings(v, q))
		n = folio_virtq_used(&end->q, folio_vq_is_packed(end), end->number % 2 == 0);
	pthread_rwlock_unlock(&v->map_lock);
	return n <= size ? n : 0;
}

uint32_t
folio_vport_rx_used(struct folio_vport *v, uint32_t q)
{
	return used(v, q, &v->rxq[q]);
}

uint32_t
folio_vport_tx_used(struct folio_vport *v, uint32_t q)
{
	return used(v, q, &v->txq[q]);
}
