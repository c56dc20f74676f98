/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* The virtio datapath's control: what the driver asks of a port whose other end is a device. */

#include "folio_ethdev.h"
#include "virtio/vport.h"

static void *
virtio_open(const struct folio_devargs *da, struct folio_error *err)
{
	const struct folio_config *c = &da->config;
	struct folio_vport_config cfg = {
		.vhost_user = da->vhost_user,
		.server = da->server,
		.virtio = da->virtio,
		.path = c->path,
		.pci = c->pci,
		.size = c->size,
		.queues = c->queues,
		.ring_size = c->ring_size,
		.slot_size = c->slot_size,
		.split = da->split,
		.numa_node = c->numa_bind ? c->numa_node : -1,
		.isa = c->isa,
		.alloc = c->alloc,
		.free = c->free,
		.alloc_ctx = c->alloc_ctx,
	};

	return folio_vport_open(&cfg, err);
}

static void
virtio_close(void *port)
{
	folio_vport_close(port);
}

static int
virtio_start(void *port, uint32_t frame_max)
{
	return folio_vport_start(port, frame_max);
}

static bool
virtio_stop(void *port)
{
	return folio_vport_stop(port);
}

static void
virtio_set_frame_max(void *port, uint32_t frame_max)
{
	folio_vport_set_frame_max(port, frame_max);
}

_Static_assert(FOLIO_TX_CSUM == FOLIO_VQ_CSUM && FOLIO_TX_TSO4 == FOLIO_VQ_TSO4 &&
	       FOLIO_TX_TSO6 == FOLIO_VQ_TSO6, "the same bits");

static void
virtio_leave(void *port, uint32_t tx)
{
	folio_vport_leave(port, tx);
}

static bool
virtio_needs_ticks(void *port)
{
	return folio_vport_needs_ticks(port);
}

static void
virtio_tick(void *port)
{
	folio_vport_tick(port);
}

static bool
virtio_is_up(const void *port)
{
	return folio_vport_is_up(port);
}

static void
virtio_status(void *port, struct folio_status *st)
{
	folio_vport_status(port, st);
}

static const char *
virtio_path(const void *port)
{
	return folio_vport_path(port);
}

static bool
virtio_mac(void *port, uint8_t mac[6])
{
	return folio_vport_mac(port, mac);
}

static void
virtio_set_mac(void *port, const uint8_t mac[6])
{
	folio_vport_announced_mac(port, mac);
}

static void *
virtio_end(void *port, enum folio_direction dir, uint16_t q)
{
	return dir == FOLIO_RX ? folio_vport_rxq(port, q) : folio_vport_txq(port, q);
}

static bool
virtio_enable(void *port, enum folio_direction dir, uint16_t q, bool on)
{
	return folio_vport_enable(port, virtio_end(port, dir, q), on);
}

static uint32_t
virtio_used(void *port, enum folio_direction dir, uint16_t q)
{
	return dir == FOLIO_RX ? folio_vport_rx_used(port, q) : folio_vport_tx_used(port, q);
}

static bool
virtio_has_rings(void *port, uint16_t q)
{
	return folio_vport_has_rings(port, q);
}

static uint32_t
virtio_ring_size(const void *port)
{
	return folio_vport_ring_size(port);
}

static uint32_t
virtio_max_frame(const void *port)
{
	return folio_vport_max_frame(port);
}

#define COUNTER(name, violation, rx_error) \
	{{#name, violation, rx_error}, offsetof(struct folio_vport_counters, name)}

static const struct folio_counter_place counters[] = {
	COUNTER(rx_bad_index, true, false),
	COUNTER(rx_bad_id, true, false),
	COUNTER(rx_bad_length, true, true),
	COUNTER(rx_bad_chain, true, true),
	COUNTER(tx_bad_index, true, false),
	COUNTER(tx_bad_id, true, false),
	COUNTER(bad_offers, true, false),
	COUNTER(link_ups, false, false),
	COUNTER(resets, false, false),
	COUNTER(stalls, false, false),
	COUNTER(announces, false, false),
	COUNTER(ended_bursts, false, false),
};

static void
virtio_counter_info(unsigned int i, struct folio_counter_info *info)
{
	*info = counters[i].info;
}

static void
virtio_count(const void *port, uint64_t *values)
{
	struct folio_vport_counters c;

	folio_vport_counters(port, &c);
	folio_count_places(counters, RTE_DIM(counters), &c, values);
}

static const struct folio_burst *
virtio_burst(void *port)
{
	static const struct folio_burst *const bursts[] = FOLIO_BURSTS(virtio);

	return bursts[folio_vport_copy(port)->isa];
}

static uint16_t
virtio_prepare(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct folio_tx_queue *q = queue;
	struct folio_vq *end = q->common.end;
	uint32_t max_frame = q->max_frame;

	/* The device's queues may be shorter than what was asked for. */
	if (folio_gate_enter(&end->gate)) {
		max_frame = end->q.max_frame;
		folio_gate_leave(&end->gate);
	}
	return folio_tx_check(q, pkts, n, max_frame);
}

const struct folio_datapath folio_virtio = {
	.name = "virtio",
	.open = virtio_open,
	.close = virtio_close,
	.start = virtio_start,
	.stop = virtio_stop,
	.leave = virtio_leave,
	.set_frame_max = virtio_set_frame_max,
	.needs_ticks = virtio_needs_ticks,
	.tick = virtio_tick,
	.is_up = virtio_is_up,
	.status = virtio_status,
	.path = virtio_path,
	.mac = virtio_mac,
	.set_mac = virtio_set_mac,
	.end = virtio_end,
	.enable = virtio_enable,
	.used = virtio_used,
	.has_rings = virtio_has_rings,
	.ring_size = virtio_ring_size,
	.max_frame = virtio_max_frame,
	.counters = RTE_DIM(counters),
	.counter_info = virtio_counter_info,
	.count = virtio_count,
	.burst = virtio_burst,
	.prepare = virtio_prepare,
};

_Static_assert(RTE_DIM(counters) <= FOLIO_COUNTERS_MAX, "room for all counters");
