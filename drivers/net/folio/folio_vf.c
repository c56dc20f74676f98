/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* The vf datapath's control: what the driver asks of a port whose other end is a network card. */

#include "folio_ethdev.h"
#include "vf/port.h"

static void *
vf_open(const struct folio_devargs *da, struct folio_error *err)
{
	const struct folio_config *c = &da->config;
	struct folio_vf_port_config cfg = {
		.vf = da->vf,
		.path = c->path,
		.pci = c->pci,
		.size = c->size,
		.queues = c->queues,
		.ring_size = c->ring_size,
		.slot_size = c->slot_size,
		.numa_node = c->numa_bind ? c->numa_node : -1,
		.isa = c->isa,
		.alloc = c->alloc,
		.free = c->free,
		.alloc_ctx = c->alloc_ctx,
	};

	return folio_vf_port_open(&cfg, err);
}

static void
vf_close(void *port)
{
	folio_vf_port_close(port);
}

static int
vf_start(void *port, uint32_t frame_max)
{
	return folio_vf_port_start(port, frame_max);
}

static bool
vf_stop(void *port)
{
	return folio_vf_port_stop(port);
}

static void
vf_set_frame_max(void *port, uint32_t frame_max)
{
	folio_vf_port_set_frame_max(port, frame_max);
}

static bool
vf_needs_ticks(void *port)
{
	return folio_vf_port_needs_ticks(port);
}

static void
vf_tick(void *port)
{
	folio_vf_port_tick(port);
}

static bool
vf_is_up(const void *port)
{
	return folio_vf_port_is_up(port);
}

static void
vf_status(void *port, struct folio_status *st)
{
	folio_vf_port_status(port, st);
}

static const char *
vf_path(const void *port)
{
	return folio_vf_port_path(port);
}

static bool
vf_mac(void *port, uint8_t mac[6])
{
	return folio_vf_port_mac(port, mac);
}

static void
vf_set_mac(void *port, const uint8_t mac[6])
{
	folio_vf_port_set_mac(port, mac);
}

static void *
vf_end(void *port, enum folio_direction dir, uint16_t q)
{
	return folio_vf_port_end(port, dir == FOLIO_RX, q);
}

static bool
vf_enable(void *port, enum folio_direction dir, uint16_t q, bool on)
{
	return folio_vf_port_enable(port, vf_end(port, dir, q), on);
}

static uint32_t
vf_used(void *port, enum folio_direction dir, uint16_t q)
{
	return folio_vf_port_used(port, dir == FOLIO_RX, q);
}

static bool
vf_has_rings(void *port, uint16_t q)
{
	return folio_vf_port_has_rings(port, q);
}

static uint32_t
vf_ring_size(const void *port)
{
	return folio_vf_port_ring_size(port);
}

static uint32_t
vf_max_frame(const void *port)
{
	return folio_vf_port_max_frame(port);
}

#define COUNTER(name, violation, rx_error) \
	{{#name, violation, rx_error}, offsetof(struct folio_vf_counters, name)}

static const struct folio_counter_place counters[] = {
	COUNTER(rx_bad_length, true, true),
	COUNTER(rx_bad_chain, true, true),
	COUNTER(rx_bad_frame, false, true),
	COUNTER(bad_answers, true, false),
	COUNTER(refusals, false, false),
	COUNTER(link_ups, false, false),
	COUNTER(resets, false, false),
	COUNTER(stalls, false, false),
	COUNTER(ended_bursts, false, false),
	COUNTER(card_rx, false, false),
	COUNTER(card_tx, false, false),
};

static void
vf_counter_info(unsigned int i, struct folio_counter_info *info)
{
	*info = counters[i].info;
}

static void
vf_count(const void *port, uint64_t *values)
{
	struct folio_vf_counters c;

	folio_vf_port_counters(port, &c);
	folio_count_places(counters, RTE_DIM(counters), &c, values);
}

static const struct folio_burst *
vf_burst(void *port)
{
	static const struct folio_burst *const bursts[] = FOLIO_BURSTS(vf);

	return bursts[folio_vf_port_copy(port)->isa];
}

static uint16_t
vf_prepare(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	const struct folio_tx_queue *q = queue;

	return folio_tx_check(q, pkts, n, q->max_frame);
}

const struct folio_datapath folio_vf = {
	.name = "vf",
	.open = vf_open,
	.close = vf_close,
	.start = vf_start,
	.stop = vf_stop,
	.set_frame_max = vf_set_frame_max,
	.needs_ticks = vf_needs_ticks,
	.tick = vf_tick,
	.is_up = vf_is_up,
	.status = vf_status,
	.path = vf_path,
	.mac = vf_mac,
	.set_mac = vf_set_mac,
	.end = vf_end,
	.enable = vf_enable,
	.used = vf_used,
	.has_rings = vf_has_rings,
	.ring_size = vf_ring_size,
	.max_frame = vf_max_frame,
	.counters = RTE_DIM(counters),
	.counter_info = vf_counter_info,
	.count = vf_count,
	.burst = vf_burst,
	.prepare = vf_prepare,
};

_Static_assert(RTE_DIM(counters) <= FOLIO_COUNTERS_MAX, "room for all counters");
