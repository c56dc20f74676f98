/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_PORT_H
#define FOLIO_PORT_H

/*
 * What folio.h promises: region, layout, session and rings put together. This header is for users
 * that compile their own bursts, such as the ethdev driver: they enter the gate, use the ring end
 * behind it, and leave.
 */

#include <folio.h>

#include "boundary/gate.h"
#include "native/ring.h"

#define FOLIO_ALIGNED __attribute__((aligned(128)))

struct folio_txq {
	struct folio_gate gate;
	struct folio_prod ring;
	bool enabled; /* control only */
} FOLIO_ALIGNED;

struct folio_rxq {
	struct folio_gate gate;
	struct folio_cons ring;
	bool enabled;	   /* control only */
	uint64_t too_long; /* frames that folio_recv() dropped: longer than the buffer */
} FOLIO_ALIGNED;

/*
 * What a port counts apart from frames, nothing but uint64_t; folio.h gives it by index and name.
 */
struct folio_counters {
	uint64_t violations[FOLIO_VIOLATIONS];
	uint64_t link_ups;
	uint64_t renegotiations;
	uint64_t rx_too_long;
	uint64_t ended_bursts; /* delivered nothing: the peer's session had ended */
};

/* Takes no lock: any thread at any time, secondary processes too. */
void folio_counters(const struct folio *f, struct folio_counters *c);

/* The two ends of queue pair q; valid until folio_close(). q is below the configured number. */
struct folio_txq *folio_port_txq(struct folio *f, uint32_t q);
struct folio_rxq *folio_port_rxq(struct folio *f, uint32_t q);

/*
 * folio_stop(), which says whether all bursts have left. If not, none begins any more and the peer
 * is told nothing yet: the next tick that finds them gone does it, or the next call. Waits for them
 * about a second in all, without the lock that folio_tick() needs.
 */
bool folio_port_stop(struct folio *f);

/* Is there control work, so that folio_tick() has to be called? A started port always has some. */
bool folio_port_needs_ticks(struct folio *f);

/*
 * Let a queue take part, or take it out. On return from disabling, no burst is inside; false if
 * that could not be had: the wait is that of folio_port_stop(), and none in a stopped port. All
 * queues are enabled at first.
 */
bool folio_port_enable_tx(struct folio *f, uint32_t q, bool on);
bool folio_port_enable_rx(struct folio *f, uint32_t q, bool on);

/* The copy kernels in use. */
const struct folio_copy *folio_port_copy(const struct folio *f);

/*
 * The longest frame that the port can ever carry: of its geometry, or for a host of the largest
 * geometry that it accepts. Constant for the life of the port.
 */
uint32_t folio_port_max_frame(const struct folio *f);

/*
 * Slots a ring now; for a host without a guest what it may expect. Takes no lock, so that
 * secondary processes may ask.
 */
uint32_t folio_port_ring_size(const struct folio *f);

/*
 * Slots filled in a ring as the peer's index says; 0 while the link is down, or if that index makes
 * no sense. Changes nothing and never waits, so any number of threads may ask at any time; a little
 * stale by nature.
 */
uint32_t folio_port_rx_used(struct folio *f, uint32_t q);
uint32_t folio_port_tx_used(struct folio *f, uint32_t q);

/*
 * Has queue pair q rings now? Not while the link is down, and not beyond the geometry. Never waits,
 * like the above.
 */
bool folio_port_has_rings(struct folio *f, uint32_t q);

#endif /* FOLIO_PORT_H */
