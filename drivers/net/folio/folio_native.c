/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* The native datapath's control: what the driver asks of a port of the core. */

#include "folio_ethdev.h"
#include "port.h"

/*
 * Per cent of private memory's: cached memory stays below even if another machine has just used it.
 */
#define SLOW_READ_COST 400

/*
 * In a virtual machine the user should know how the region is cached: reads of what is not are some
 * hundred times slower, and nothing else tells.
 */
static void
log_region(const char *name, struct folio *port)
{
	struct folio_status st;

	folio_status(port, &st);
	if (st.detail[0] != '\0') /* there, but of no use yet */
		FOLIO_LOG(WARNING, "%s: %s", name, st.detail);
	if (st.region[0] == '\0')
		return;
	if (st.read_cost == 0) /* not measured: memory of this machine */
		FOLIO_LOG(NOTICE, "%s: region: %s, mapped %s", name, st.region,
			  folio_caching_name(st.caching));
	else
		FOLIO_LOG(NOTICE, "%s: region: %s, mapped %s, reads take %u %% of private memory's "
			  "time", name, st.region, folio_caching_name(st.caching), st.read_cost);
	if (st.caching != FOLIO_CACHING_WRITE_BACK && st.read_cost > SLOW_READ_COST)
		FOLIO_LOG(WARNING, "%s: the region is not cached: packets are received very "
			  "slowly. The folio kernel module maps it write-back, if the firmware's "
			  "MTRRs let it (see its README)", name);
}

static void *
native_open(const struct folio_devargs *da, struct folio_error *err)
{
	struct folio *port = folio_open(&da->config, err);

	if (port != NULL)
		log_region(da->name, port);
	return port;
}

static void
native_close(void *port)
{
	folio_close(port);
}

/* The geometry was agreed on before; what the port receives is limited in the driver. */
static int
native_start(void *port, uint32_t frame_max)
{
	RTE_SET_USED(frame_max);
	return folio_start(port);
}

static bool
native_stop(void *port)
{
	return folio_port_stop(port);
}

static bool
native_needs_ticks(void *port)
{
	return folio_port_needs_ticks(port);
}

static void
native_tick(void *port)
{
	(void)folio_tick(port);
}

static bool
native_is_up(const void *port)
{
	return folio_link_is_up(port);
}

static void
native_status(void *port, struct folio_status *st)
{
	folio_status(port, st);
}

static const char *
native_path(const void *port)
{
	return folio_path(port);
}

static void *
native_end(void *port, enum folio_direction dir, uint16_t q)
{
	return dir == FOLIO_RX ? (void *)folio_port_rxq(port, q) : (void *)folio_port_txq(port, q);
}

static bool
native_enable(void *port, enum folio_direction dir, uint16_t q, bool on)
{
	return dir == FOLIO_RX ? folio_port_enable_rx(port, q, on)
			       : folio_port_enable_tx(port, q, on);
}

static uint32_t
native_used(void *port, enum folio_direction dir, uint16_t q)
{
	return dir == FOLIO_RX ? folio_port_rx_used(port, q) : folio_port_tx_used(port, q);
}

static bool
native_has_rings(void *port, uint16_t q)
{
	return folio_port_has_rings(port, q);
}

static uint32_t
native_ring_size(const void *port)
{
	return folio_port_ring_size(port);
}

static uint32_t
native_max_frame(const void *port)
{
	return folio_port_max_frame(port);
}

/* Behind the violations. */
enum {
	LINK_UPS = FOLIO_VIOLATIONS,
	RENEGOTIATIONS,
	ENDED_BURSTS,
	NATIVE_COUNTERS,
};

static void
native_counter_info(unsigned int i, struct folio_counter_info *info)
{
	static const char *const names[] = {
		[LINK_UPS] = "link_ups",
		[RENEGOTIATIONS] = "renegotiations",
		[ENDED_BURSTS] = "ended_bursts",
	};

	info->violation = i < FOLIO_VIOLATIONS;
	info->name = info->violation ? folio_violation_name(i) : names[i];
	info->rx_error = i == FOLIO_RX_BAD_LENGTH || i == FOLIO_RX_BAD_FLAGS ||
			 i == FOLIO_RX_BAD_CHAIN || i == FOLIO_RX_BAD_INDEX;
}

static void
native_count(const void *port, uint64_t *values)
{
	struct folio_counters c;
	unsigned int i;

	folio_counters(port, &c);
	for (i = 0; i < FOLIO_VIOLATIONS; i++)
		values[i] = c.violations[i];
	values[LINK_UPS] = c.link_ups;
	values[RENEGOTIATIONS] = c.renegotiations;
	values[ENDED_BURSTS] = c.ended_bursts;
}

static const struct folio_burst *
native_burst(void *port)
{
	static const struct folio_burst *const bursts[] = FOLIO_BURSTS(native);

	return bursts[folio_port_copy(port)->isa];
}

static uint16_t
native_prepare(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct folio_tx_queue *q = queue;
	struct folio_txq *end = q->common.end;
	uint32_t max_frame = q->max_frame;

	/* The guest's rings may carry less than what this port can ever carry. */
	if (folio_gate_enter(&end->gate)) {
		max_frame = end->ring.max_frame;
		folio_gate_leave(&end->gate);
	}
	return folio_tx_check(q, pkts, n, max_frame);
}

const struct folio_datapath folio_native = {
	.name = "native",
	.open = native_open,
	.close = native_close,
	.start = native_start,
	.stop = native_stop,
	.needs_ticks = native_needs_ticks,
	.tick = native_tick,
	.is_up = native_is_up,
	.status = native_status,
	.path = native_path,
	.end = native_end,
	.enable = native_enable,
	.used = native_used,
	.has_rings = native_has_rings,
	.ring_size = native_ring_size,
	.max_frame = native_max_frame,
	.counters = NATIVE_COUNTERS,
	.counter_info = native_counter_info,
	.count = native_count,
	.burst = native_burst,
	.prepare = native_prepare,
};

_Static_assert(NATIVE_COUNTERS <= FOLIO_COUNTERS_MAX, "room for all counters");
