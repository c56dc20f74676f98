/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef COUNT_H
#define COUNT_H

/** @file Counters that one lcore writes and another reads. */

#include <stdint.h>
#include <time.h>

/** Since the start of the program, without messages. */
struct counters {
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t tx_dropped; /**< forwarded ones that found no room; own ones wait for it */
};

/** For the one writer. */
static inline void
count_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/** Copy the counters, and tell the time of it in nanoseconds. */
static inline uint64_t
count_read(const struct counters *from, struct counters *to)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	to->rx_packets = __atomic_load_n(&from->rx_packets, __ATOMIC_RELAXED);
	to->rx_bytes = __atomic_load_n(&from->rx_bytes, __ATOMIC_RELAXED);
	to->tx_packets = __atomic_load_n(&from->tx_packets, __ATOMIC_RELAXED);
	to->tx_bytes = __atomic_load_n(&from->tx_bytes, __ATOMIC_RELAXED);
	to->tx_dropped = __atomic_load_n(&from->tx_dropped, __ATOMIC_RELAXED);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

#endif /* COUNT_H */
