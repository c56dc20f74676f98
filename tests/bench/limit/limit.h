/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef LIMIT_H
#define LIMIT_H

/**
 * @file
 * What two threads need to copy packets of one size through rings in memory that both use.
 */

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LINE 64
#define SLOTS_MIN 256 /**< two bursts of the largest */
#define SLOTS_MIN_LOOP 1024 /**< room for all that circulates, and for what is not told yet */
#define SLOTS_MAX 32768
#define BURST_MAX 128
#define BUFFERS_MAX 4096
#define AHEAD_MAX 512
#define INJECT 512 /**< packets that circulate in the loop */
#define APART 128 /**< neighbours of a cache line are prefetched with it */

/** One direction. Each index has its own lines, and the slots follow elsewhere. */
struct ring {
	alignas(APART) _Atomic uint32_t head; /**< only the producer writes */
	alignas(APART) _Atomic uint32_t tail; /**< only the consumer writes */
	alignas(APART) uint8_t *slots;
};

/** What can be tuned; the fastest is the limit. */
struct tuning {
	uint32_t slots;	  /**< of a ring, a power of two */
	uint32_t burst;
	uint32_t stride;  /**< bytes from slot to slot */
	uint32_t buffers; /**< that a thread copies from or to by turns, a power of two */
	uint32_t ahead;	  /**< how many slots before it is written a slot is prefetched; 0: never */
	uint32_t fetch;	  /**< the same before it is read */
};

/** What one thread works on. */
struct side {
	struct tuning tuning;
	struct ring *in;
	struct ring *out;
	uint8_t *buffers;
	uint32_t buffer_stride;
	uint32_t lines; /**< of a packet */
	bool touch;	/**< write whole packets before they go, read whole packets that came */
	uint32_t inject;
	uint64_t sum; /**< of what was read, so that it is needed */
	alignas(APART) _Atomic uint64_t packets; /**< that it has received */
	alignas(APART) atomic_bool stop;
};

/** The threads' work, for one instruction set. */
struct work {
	const char *isa;
	void (*send)(struct side *s);
	void (*receive)(struct side *s);
	void (*forward)(struct side *s); /**< sends `inject` packets first */
};

#endif /* LIMIT_H */
