/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef LATENCY_H
#define LATENCY_H

/**
 * @file
 * Round-trip times; the peer sends back what it receives. They count from the moment a packet was
 * due, not from when it could be sent: a queue in front of the port is part of them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "histogram.h"

struct generator;

struct latency {
	struct histogram cycles; /**< without the warm-up, the first tenth of the time */
	uint64_t sent;
	uint64_t received;
	uint64_t foreign;  /**< arrived, but not of this run */
	uint64_t returned; /**< of those received, the ones that came in the time that counts */
	double seconds;	   /**< that time */
};

/**
 * A job that ends of itself; its result is g->latency.
 *
 * rate=0: one packet at a time. Else evenly spaced packets, which are due whether those before them
 * could be sent or not.
 */
void latency_run(struct generator *g);

#endif /* LATENCY_H */
