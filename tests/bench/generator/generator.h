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
#include "control.h"
#include "count.h"
#include "frame.h"
#include "latency.h"
#include "options.h"
#include "port.h"
#include "touch.h"

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
	struct command command; /**< what the job is to do; a responder's changes */
	struct frames frames;
	struct pending pending[QUEUES_MAX];
	uint64_t touched; /**< what touching leaves behind */
	struct latency latency;
	struct control control;
	bool told_to_leave; /**< by the peer */
	enum op leave;	    /**< for what: OP_QUIT or OP_NEXT, which only scripts tell apart */
	alignas(RTE_CACHE_LINE_SIZE) struct counters count;
	alignas(RTE_CACHE_LINE_SIZE) atomic_bool stop; /**< the job is to end */
};

static inline bool
job_goes_on(const struct generator *g)
{
	return !atomic_load_explicit(&g->stop, memory_order_relaxed);
}

#endif /* GENERATOR_H */
