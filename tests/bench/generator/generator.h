/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef GENERATOR_H
#define GENERATOR_H

/**
 * @file
 * What the parts of the generator share. The main lcore owns it; while a job runs, all but the
 * options and the port belongs to the worker lcore.
 */

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "command.h"
#include "frame.h"
#include "latency.h"
#include "options.h"
#include "port.h"
#include "touch.h"

/** Since the start of the program. Only the worker writes, anybody may read. */
struct counters {
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t tx_dropped; /**< forwarded ones that found no room; own ones wait for it */
};

/** Own packets that the port has not taken yet. */
struct pending {
	uint32_t n;
	uint64_t bytes;
	struct rte_mbuf *pkts[BURST_MAX];
};

struct generator {
	struct options options;
	struct port port;
	struct rte_ether_addr peer; /**< whom frames are for */
	const struct touch *touch;
	struct command command; /**< the job's */
	struct frames frames;
	struct pending pending[QUEUES_MAX];
	uint64_t touched; /**< what touching leaves behind */
	struct latency latency;
	alignas(RTE_CACHE_LINE_SIZE) struct counters count;
	alignas(RTE_CACHE_LINE_SIZE) atomic_bool stop; /**< the job is to end */
};

/** Add to a counter that others read. */
static inline void
count_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline bool
job_goes_on(const struct generator *g)
{
	return !atomic_load_explicit(&g->stop, memory_order_relaxed);
}

#endif /* GENERATOR_H */
