/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_H
#define FOLIO_H

/**
 * @file
 * The core's C API: one end of a folio region, without DPDK.
 *
 * A program opens a port (folio_open), starts it (folio_start), calls folio_tick() about every
 * FOLIO_TICK_MS milliseconds from a thread of its choice, and sends and receives bursts of frames
 * from one thread per queue and direction. The peer is never trusted: whatever it writes, nothing
 * is read or written outside the region and the caller's buffers.
 *
 * Thread safety: folio_send and folio_recv may run concurrently with every other function except
 * folio_close, one thread per (queue, direction). All other functions of one port may be called
 * from any thread; they serialise on a lock inside the port.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Milliseconds between two calls of folio_tick(). */
#define FOLIO_TICK_MS 20u

/** Defaults of the geometry. */
#define FOLIO_DEFAULT_QUEUES 1u
#define FOLIO_DEFAULT_RING_SIZE 2048u
#define FOLIO_DEFAULT_SLOT_SIZE 2048u

/** Which side of the region a port is. */
enum folio_role {
	FOLIO_GUEST = 1, /**< decides the geometry */
	FOLIO_HOST = 2,	 /**< adopts the guest's geometry within its own limits */
};

/** Instruction set of the copy kernels. */
enum folio_isa {
	FOLIO_ISA_AUTO,	    /**< in a configuration: the widest that the CPU has */
	FOLIO_ISA_PORTABLE, /**< plain C */
	FOLIO_ISA_SSE,
	FOLIO_ISA_AVX2,
	FOLIO_ISA_AVX512,
	FOLIO_ISA_COUNT,
};

/** A line for the user: what is wrong, with which value, and what is allowed. */
struct folio_error {
	char text[384];
};

/** What peers can do wrong. Each kind has a counter of its own. */
enum folio_violation {
	FOLIO_RX_BAD_INDEX,	/**< producer index behind, or ahead by more than the ring */
	FOLIO_RX_BAD_LENGTH,	/**< frame length outside [14, longest frame] */
	FOLIO_RX_BAD_FLAGS,	/**< unknown flag or reserved bit set in a descriptor */
	FOLIO_RX_BAD_CHAIN,	/**< frame reaches beyond the slots that were published */
	FOLIO_TX_BAD_INDEX,	/**< consumer index behind, or ahead of what we produced */
	FOLIO_PEER_BAD_MAGIC,	/**< header page holds something else */
	FOLIO_PEER_BAD_VERSION, /**< peer speaks another version of the wire format */
	FOLIO_PEER_BAD_ROLE,	/**< header says that the peer has our role, or none */
	FOLIO_PEER_BAD_STATE,	/**< unknown state, or started without a generation */
	FOLIO_PEER_BAD_GEOMETRY, /**< geometry invalid, too large for the region, or not ours */
	FOLIO_PEER_OVER_LIMIT,	/**< geometry valid but beyond the limits of this (host) port */
	FOLIO_PEER_CUT_REGION,	/**< memory of the region was taken away while it was in use */
	FOLIO_VIOLATIONS,
};

/** How the memory of a region is cached here. Reading is what is slow where it is not. */
enum folio_caching {
	FOLIO_CACHING_UNKNOWN,
	FOLIO_CACHING_WRITE_BACK, /**< like all memory: fast */
	FOLIO_CACHING_WRITE_COMBINING,
	FOLIO_CACHING_UNCACHED,
};

/** Memory for private state. Must return zeroed memory; used at open only. */
typedef void *(*folio_alloc_fn)(size_t size, size_t align, void *ctx);
typedef void (*folio_free_fn)(void *mem, void *ctx);

/** How to open a port. Zero-initialise, then set what differs from the defaults. */
struct folio_config {
	enum folio_role role;
	const char *path;     /**< file that holds the region, or /dev/folioN; NULL for loopback */
	const char *pci;      /**< instead of path: ivshmem device, e.g. "0000:00:04.0"; or NULL */
	uint64_t size;	      /**< bytes of the region if it is created; 0: what it needs */
	uint32_t queues;      /**< queue pairs, 1 to 64; host: the most it accepts; 0: default */
	uint32_t ring_size;   /**< slots, power of two 64 to 32768; 0: default, host: no limit */
	uint32_t slot_size;   /**< payload bytes 256 to 65536; 0: default, host: no limit */
	bool numa_bind;	      /**< place this side's memory on numa_node */
	int numa_node;
	bool loopback;	      /**< private memory, guest only; the port receives what it sends */
	enum folio_isa isa;   /**< widest copy kernels to use, within what the CPU has */
	folio_alloc_fn alloc; /**< NULL: the C library's heap */
	folio_free_fn free;
	void *alloc_ctx;
};

/** A frame in private memory. */
struct folio_buf {
	void *data;
	uint32_t len;  /**< bytes of the frame */
	uint32_t room; /**< receive: bytes at data that may be overwritten (rounded-up copies) */
};

/** Why the link is as it is. */
enum folio_link {
	FOLIO_LINK_STOPPED,    /**< folio_start was not called */
	FOLIO_LINK_NO_REGION,  /**< the file is not there, empty, or not (yet) usable */
	FOLIO_LINK_SETTLING,   /**< waiting for the peer to let go of the last generation */
	FOLIO_LINK_NO_PEER,    /**< nobody on the other side, or it is stopped */
	FOLIO_LINK_REJECTED,   /**< what the peer published is not acceptable */
	FOLIO_LINK_REFUSED,    /**< the peer does not accept us, see refusal */
	FOLIO_LINK_HANDSHAKE,  /**< peer seen, generations not agreed yet */
	FOLIO_LINK_SILENT,     /**< agreed, but the peer's heartbeat has stopped */
	FOLIO_LINK_UP,
};

/** What a port counts apart from frames. Never reset. */
struct folio_counters {
	uint64_t violations[FOLIO_VIOLATIONS];
	uint64_t link_ups;	 /**< how often the link came up */
	uint64_t renegotiations; /**< sessions that we ended because framing was lost */
};

/** State of a port, for people. */
struct folio_status {
	enum folio_role role;
	enum folio_link link;
	uint32_t refusal;	  /**< enum folio_wire_refusal, what the peer says of us */
	uint32_t queues;	  /**< geometry in use; 0 while a host has no region */
	uint32_t ring_size;
	uint32_t slot_size;
	uint32_t stride;	  /**< bytes from slot to slot */
	uint32_t max_frame;	  /**< longest frame in bytes */
	uint64_t region_size;	  /**< bytes mapped */
	uint32_t page_size;	  /**< bytes of the pages behind the region */
	uint64_t generation;	  /**< ours; 0 while none is offered */
	uint64_t peer_generation; /**< the one we answered; 0 none */
	enum folio_caching caching; /**< as the mapping asks for it */
	uint32_t read_cost;	  /**< device: reading the region takes so many per cent of what
				   * reading private memory takes, as measured; 0: not measured */
	enum folio_isa isa;	  /**< copy kernels in use */
	struct folio_counters counters;
	char region[64];	  /**< what the region is, if a device; else empty */
	char detail[256];	  /**< one line: why there is no region, or why it was rejected */
};

struct folio;

/**
 * Open one end of a region. The guest creates and maps it; a host waits for the guest to do so.
 *
 * @param cfg How; not referenced after the call, strings included.
 * @param err On failure, one line for the user. May be NULL.
 * @return The port (stopped), or NULL. Nothing is left behind on failure.
 */
struct folio *folio_open(const struct folio_config *cfg, struct folio_error *err);

/**
 * Stop, zero what this side wrote, release everything. Waits up to about 0.1 s for the peer to let
 * go of the rings. A file that folio created is removed by whichever side closes last, unless a host
 * created it with a given size.
 *
 * @param f The port; NULL is allowed. No other call on it may be in progress.
 */
void folio_close(struct folio *f);

/**
 * Offer a new session to the peer. Succeeds without a peer: the link comes up when there is one.
 *
 * @return 0, or -EALREADY.
 */
int folio_start(struct folio *f);

/** End the session: on return no burst touches the region. Frames not yet received are dropped. */
void folio_stop(struct folio *f);

/**
 * The control work: heartbeat, handshake, liveness, renegotiation. Call every FOLIO_TICK_MS ms.
 *
 * @return True if the link went up or down since the last call.
 */
bool folio_tick(struct folio *f);

/** @return True while frames can flow. Safe from any thread at any time. */
bool folio_link_is_up(const struct folio *f);

/** Describe the port. */
void folio_status(struct folio *f, struct folio_status *st);

/** Read the counters without taking the lock. Safe from any thread at any time. */
void folio_counters(const struct folio *f, struct folio_counters *c);

/**
 * Send frames. Copies exactly len bytes of each into the region and publishes them together.
 *
 * @param f Port.
 * @param queue Queue pair, below the configured number.
 * @param bufs Frames; only data and len are used. A frame whose length is outside
 *   [14, max_frame] ends the burst before it.
 * @param n How many.
 * @return Frames sent: less than n when the ring is full, 0 while the link is down.
 */
uint16_t folio_send(struct folio *f, uint32_t queue, const struct folio_buf *bufs, uint16_t n);

/**
 * Receive frames into the caller's private buffers.
 *
 * @param f Port.
 * @param queue Queue pair, below the configured number.
 * @param bufs In: data and room. Out: len. A frame that is longer than the room is dropped.
 * @param n How many buffers.
 * @return Frames received.
 */
uint16_t folio_recv(struct folio *f, uint32_t queue, struct folio_buf *bufs, uint16_t n);

/** @return The name of a violation's counter, e.g. "rx_bad_length". */
const char *folio_violation_name(enum folio_violation v);

/** @return A link state in words, e.g. "waiting for a peer". */
const char *folio_link_name(enum folio_link l);

/** @return How memory is cached, e.g. "write-back". */
const char *folio_caching_name(enum folio_caching c);

/** @return Name of an instruction set, e.g. "avx2". */
const char *folio_isa_name(enum folio_isa isa);

#ifdef __cplusplus
}
#endif

#endif /* FOLIO_H */
