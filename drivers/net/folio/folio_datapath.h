/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_DATAPATH_H
#define FOLIO_DATAPATH_H

/*
 * The seam between the driver and a datapath: a table of control functions. Nothing of it is on the
 * hot path: bursts are plain functions, which ethdev calls. Whoever adds a datapath writes a table,
 * its bursts, and a line in folio_datapath.c.
 *
 * Queue numbers are below the number that the port was opened with.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <folio.h>

#include "folio_compat.h"

struct folio_devargs;

enum folio_direction {
	FOLIO_RX,
	FOLIO_TX,
	FOLIO_DIRECTIONS,
};

/* What may be left to the other end: L4 checksums, and cutting TCP segments. */
#define FOLIO_TX_CSUM 0x1u
#define FOLIO_TX_TSO4 0x2u
#define FOLIO_TX_TSO6 0x4u

/* The bursts of one instruction set. */
struct folio_burst {
	enum folio_isa isa;
	eth_rx_burst_t rx;
	eth_tx_burst_t tx;
	/*
	 * By the thread that sends on this queue: have so many frames of up to len bytes room now,
	 * or is half of the ring free?
	 */
	bool (*tx_has_room)(void *queue, uint32_t frames, uint32_t len);
	/*
	 * The same as tx, but flags of an mbuf may leave work to the other end, as far as
	 * tx_other_does() says; NULL: it does none. Those flags hold for a packet that is not taken.
	 */
	eth_tx_burst_t tx_leaving;
	/*
	 * By the thread that sends on this queue: FOLIO_TX_* that the other end does now, and the
	 * longest frame that it cuts.
	 */
	uint32_t (*tx_other_does)(void *queue, uint32_t *longest);
};

extern const struct folio_burst folio_native_burst_portable, folio_virtio_burst_portable,
	folio_vf_burst_portable;
#ifdef __x86_64__
extern const struct folio_burst folio_native_burst_sse, folio_virtio_burst_sse,
	folio_vf_burst_sse;
extern const struct folio_burst folio_native_burst_avx2, folio_virtio_burst_avx2,
	folio_vf_burst_avx2;
extern const struct folio_burst folio_native_burst_avx512, folio_virtio_burst_avx512,
	folio_vf_burst_avx512;
#endif

/* Those of a datapath, as they are compiled for each instruction set. */
#ifdef __x86_64__
#define FOLIO_BURSTS(datapath)                                                  \
	{                                                                       \
		[FOLIO_ISA_PORTABLE] = &folio_##datapath##_burst_portable,      \
		[FOLIO_ISA_SSE] = &folio_##datapath##_burst_sse,                \
		[FOLIO_ISA_AVX2] = &folio_##datapath##_burst_avx2,              \
		[FOLIO_ISA_AVX512] = &folio_##datapath##_burst_avx512,          \
	}
#else
#define FOLIO_BURSTS(datapath) {[FOLIO_ISA_PORTABLE] = &folio_##datapath##_burst_portable}
#endif

/* A counter, nothing but a number that grows. */
struct folio_counter_info {
	const char *name;
	bool violation; /* of the rules of the boundary: its xstat is called violation_NAME */
	bool rx_error;	/* each stands for a packet that was not received */
};

/* Most counters of a datapath. */
#define FOLIO_COUNTERS_MAX 32

/* A counter, and where it is in a structure of those of a datapath. */
struct folio_counter_place {
	struct folio_counter_info info;
	size_t offset;
};

static inline void
folio_count_places(const struct folio_counter_place *places, unsigned int n, const void *counters,
		   uint64_t *values)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		values[i] = *(const uint64_t *)((const uint8_t *)counters + places[i].offset);
}

struct folio_datapath {
	const char *name;

	/* A closed port, or NULL with a line for the user. */
	void *(*open)(const struct folio_devargs *da, struct folio_error *err);
	void (*close)(void *port);

	/*
	 * start: frames of up to frame_max bytes are to be received. 0, -EALREADY, or another
	 * negative errno.
	 * stop: as folio_port_stop(): false if a burst is still inside.
	 */
	int (*start)(void *port, uint32_t frame_max);
	bool (*stop)(void *port);

	/* FOLIO_TX_* that may be left to the other end, from the next start on. NULL: never. */
	void (*leave)(void *port, uint32_t tx);

	/* As of start(), for a port that may run. NULL: any frame can be received at any time. */
	void (*set_frame_max)(void *port, uint32_t frame_max);

	/* The control work, every FOLIO_TICK_MS, if there is any. */
	bool (*needs_ticks)(void *port);
	void (*tick)(void *port);

	/*
	 * What there is to say. is_up, and all below that take a const port, work in secondaries.
	 */
	bool (*is_up)(const void *port);
	void (*status)(void *port, struct folio_status *st);
	const char *(*path)(const void *port);

	/*
	 * The address that the other end gives this port. False: it gives none. NULL: it never
	 * does.
	 */
	bool (*mac)(void *port, uint8_t mac[6]);

	/* The application has another address, or its first. NULL: the other end need not know. */
	void (*set_mac)(void *port, const uint8_t mac[6]);

	/* An end of a queue, for bursts; valid until close(). */
	void *(*end)(void *port, enum folio_direction dir, uint16_t q);

	/* Let a queue take part, or not. False: a burst is still inside, as for stop(). */
	bool (*enable)(void *port, enum folio_direction dir, uint16_t q, bool on);

	/* Descriptors in use; whether there are any; how many there are. None of these waits. */
	uint32_t (*used)(void *port, enum folio_direction dir, uint16_t q);
	bool (*has_rings)(void *port, uint16_t q);
	uint32_t (*ring_size)(const void *port);

	/* The longest frame that the port can ever carry. */
	uint32_t (*max_frame)(const void *port);

	unsigned int counters;
	void (*counter_info)(unsigned int i, struct folio_counter_info *info);
	void (*count)(const void *port, uint64_t *values);

	/* Bursts for the copy kernels in use, and what precedes the transmit burst. */
	const struct folio_burst *(*burst)(void *port);
	eth_tx_prep_t prepare;
};

/* One for each enumerator; a port in shared memory knows its own by number. */
enum folio_datapath_kind {
	FOLIO_DATAPATH_NATIVE,
	FOLIO_DATAPATH_VIRTIO,
	FOLIO_DATAPATH_VF,
	FOLIO_DATAPATHS,
};

extern const struct folio_datapath *const folio_datapaths[FOLIO_DATAPATHS];

extern const struct folio_datapath folio_native;
extern const struct folio_datapath folio_virtio;
extern const struct folio_datapath folio_vf;

#endif /* FOLIO_DATAPATH_H */
