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
 * from any thread but folio_close, during which no other call may be in progress.
 *
 * Blocking: folio_send, folio_recv, folio_link_is_up, folio_counter, folio_path and the functions
 * that return a name never wait and call no system. The others take the port's lock and may wait
 * for each other, so none of them belongs into a thread that must not stand still; how long each
 * may take is said where it is declared.
 *
 * Compatibility: struct folio_config and struct folio_status may get more fields at their ends.
 * folio_open() and folio_status() pass the size that the program was compiled with, so that an old
 * program works with a newer library. No other structure here ever changes its size. New kinds of
 * links, violations and counters may appear: a program must live with values and names that it does
 * not know.
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

/** A line for the user: what is wrong, with which value, and what is allowed. Ends with a zero. */
struct folio_error {
	char text[384];
};

/** What peers can do wrong. Each kind has a counter of its own, see folio_counter(). */
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
	FOLIO_PEER_BAD_MESSAGE, /**< what came over the socket is not an acceptable message */
};

/** How the memory of a region is cached here. Reading is what is slow where it is not. */
enum folio_caching {
	FOLIO_CACHING_UNKNOWN,
	FOLIO_CACHING_WRITE_BACK, /**< like all memory: fast */
	FOLIO_CACHING_WRITE_COMBINING,
	FOLIO_CACHING_UNCACHED,
};

/**
 * Memory for private state, asked for by folio_open() only.
 *
 * @param size Bytes.
 * @param align A power of two that the address must be a multiple of.
 * @param ctx alloc_ctx of the configuration.
 * @return Zeroed memory, or NULL.
 */
typedef void *(*folio_alloc_fn)(size_t size, size_t align, void *ctx);

/** Give back what a folio_alloc_fn returned; called by folio_close(), and by a folio_open() that fails. */
typedef void (*folio_free_fn)(void *mem, void *ctx);

/**
 * How to open a port. Zero-initialise all of it, then set what differs from the defaults. New
 * fields come at the end, and zero means in each what a program gets that does not know it.
 */
struct folio_config {
	enum folio_role role;
	const char *path;     /**< file that holds the region, /dev/folioN, or "unix:" and a socket over
			       * which sealed memory is passed; NULL for loopback */
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

/** State of a port, for people. New fields come at the end. What is counted: see folio_counter(). */
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
	char region[64];	  /**< what the region is, if a device; else empty */
	char detail[384];	  /**< one line: why there is no region, or why it was rejected */
};

struct folio;

/**
 * Open one end of a region. The guest creates and maps it; a host waits for the guest to do so.
 * What a peer may have done to the region is no reason to fail: the port then waits, and
 * folio_status() says for what.
 *
 * A guest reserves and zeroes its half of the region before it returns: a second or more for some
 * gigabytes, and up to a second for the peer of a guest that crashed to let go. A host only opens
 * the file, and makes one of a given size; the rest is work of folio_tick().
 *
 * @param cfg How; not referenced after the call, strings included.
 * @param size sizeof(struct folio_config) where the caller was compiled. Fields behind it are zero.
 *   Where it is larger than the library's own, the fields that the library does not know must be
 *   zero.
 * @param err On failure, one line for the user. May be NULL.
 * @return The port (stopped), or NULL. Nothing is left behind on failure.
 */
struct folio *folio_open_sized(const struct folio_config *cfg, size_t size,
			       struct folio_error *err);

/** folio_open_sized() with the size of the structure that the program knows. */
static inline struct folio *
folio_open(const struct folio_config *cfg, struct folio_error *err)
{
	return folio_open_sized(cfg, sizeof(*cfg), err);
}

/**
 * Stop, zero what this side wrote, release everything. A file that folio created is removed by
 * whichever side closes last, unless a host created it with a given size.
 *
 * Waits as folio_stop() does, and up to about 0.1 s for the peer to let go of the rings; zeroing
 * takes as long as it does in folio_open(). If a burst does not return even then, the memory that
 * it uses is not released.
 *
 * @param f The port; NULL is allowed. No other call on it may be in progress.
 */
void folio_close(struct folio *f);

/**
 * Offer a new session to the peer. Succeeds without a peer: the link comes up when there is one.
 * May wait for the port's lock; does nothing that takes long itself, but for a loopback port, whose
 * rings it zeroes.
 *
 * @return 0; -EALREADY; -EBUSY: a loopback port in which a burst has not returned since the stop.
 */
int folio_start(struct folio *f);

/**
 * End the session. Frames not yet received are dropped.
 *
 * On return no burst touches the region. Waits for the port's lock and for the bursts that are
 * inside, which is a few microseconds, or at most about a second if a thread stands still in one (a
 * debugger, SIGSTOP): then that burst may go on, on memory that stays mapped for it, and the peer
 * learns of the stop from the folio_tick() or folio_stop() that finds it gone.
 */
void folio_stop(struct folio *f);

/**
 * The control work: heartbeat, handshake, liveness, renegotiation. Call every FOLIO_TICK_MS ms,
 * also while the port is stopped. A peer that sees no call for about a second takes the link down.
 *
 * Takes microseconds as a rule. Reserving, zeroing and populating is done in pieces of 16 MiB, one
 * a call; so is a wait for the peer. Only unmapping, and the last close of a file that was removed,
 * take as long as the kernel takes to give back the memory of the region.
 *
 * @return True if the link went up or down since the last call.
 */
bool folio_tick(struct folio *f);

/** @return True while frames can flow. Safe from any thread at any time. */
bool folio_link_is_up(const struct folio *f);

/**
 * Describe the port. Waits for the port's lock, as long as another call on the port may take.
 *
 * @param f Port.
 * @param st Filled in; what the library does not know of it is zero.
 * @param size sizeof(struct folio_status) where the caller was compiled.
 */
void folio_status_sized(struct folio *f, struct folio_status *st, size_t size);

/** folio_status_sized() with the size of the structure that the program knows. */
static inline void
folio_status(struct folio *f, struct folio_status *st)
{
	folio_status_sized(f, st, sizeof(*st));
}

/**
 * @return What the configuration named: a file, a device or a PCI address; empty for a loopback
 *   port. Belongs to the port, and does not change.
 */
const char *folio_path(const struct folio *f);

/** @return How many counters a port has, violations included. */
unsigned int folio_counter_count(void);

/** @return Name of a counter, e.g. "rx_bad_length"; NULL if index is not below the count. */
const char *folio_counter_name(unsigned int index);

/** @return The index of the counter of this name, or -ENOENT: this version has none. */
int folio_counter_find(const char *name);

/**
 * Read a counter. They count from folio_open() on, and are never reset: every violation under the
 * name that folio_violation_name() gives; "link_ups", how often the link came up; "renegotiations",
 * sessions that this side ended because framing was lost; "rx_too_long", frames that folio_recv()
 * dropped as they were longer than the buffer; "ended_bursts", bursts that delivered nothing
 * because the peer's session had ended.
 *
 * @return Its value; 0 if index is not below the count. Safe from any thread at any time.
 */
uint64_t folio_counter(const struct folio *f, unsigned int index);

/**
 * Send frames. Copies exactly len bytes of each into the region and publishes them together. Never
 * waits.
 *
 * A frame that cannot be sent ends the burst before it. If that is the first one, the return value
 * says why; if it is a later one, the next call says so, as it begins with that frame.
 *
 * @param f Port.
 * @param queue Queue pair, below the number that the port was opened with.
 * @param bufs Frames; only data and len are used.
 * @param n How many.
 * @return Frames sent, from the first on: 1 to n, or 0 if n is 0. Else one of
 *   -EMSGSIZE: the length of the first frame is outside [14, max_frame], it can never be sent:
 *   leave it out and go on with the next.
 *   -EAGAIN: the ring has no room for the first frame until the peer has received others. It may
 *   never do so: bound the number of attempts, or the time.
 *   -ENETDOWN: the link is down, or has just been lost with the frames of this burst, or the guest
 *   has not so many queues. Try again when folio_link_is_up().
 */
int folio_send(struct folio *f, uint32_t queue, const struct folio_buf *bufs, uint16_t n);

/**
 * Receive frames into the caller's private buffers. Never waits.
 *
 * @param f Port.
 * @param queue Queue pair, below the number that the port was opened with.
 * @param bufs In: data and room. Out: len. A frame that is longer than the room is dropped and
 *   counted ("rx_too_long").
 * @param n How many buffers.
 * @return Frames received: 0 if there are none, or the link is down.
 */
uint16_t folio_recv(struct folio *f, uint32_t queue, struct folio_buf *bufs, uint16_t n);

/** @return Version of the library that is in use, e.g. "1.2.3". */
const char *folio_version(void);

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
