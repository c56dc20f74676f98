/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_WIRE_H
#define FOLIO_WIRE_H

/**
 * @file
 * Every byte that the two sides of a folio region share, and nothing else.
 *
 * A region is two areas of equal size and equal shape, one behind the other:
 *
 *	offset 0                    area_size                 2 * area_size
 *	| guest area: guest writes  | host area: host writes  |
 *
 * Each area is written by one side only; the other side maps it read-only. An area holds
 *
 *	header page | index lines | descriptor rings | metadata rings | slot rings
 *
 * The rings in an area are the ones that its owner produces into. Queue pair q of the guest sends
 * through ring q of the guest area and receives from ring q of the host area. A consumer publishes
 * how far it has read in *its own* area, in the index lines.
 *
 * Nothing in a region is an address, an offset or an id: the place of every byte follows from the
 * geometry (queues, ring_size, slot_size, page_shift) by the rules in docs/wire-format.md, which
 * lib/native/layout.c implements. All integers are little-endian. The types below are opaque on
 * purpose: shared memory is read through the one-fetch accessors of lib/boundary/shared.h only.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define FOLIO_STATIC_ASSERT(cond, msg) static_assert(cond, msg)
#else
#define FOLIO_STATIC_ASSERT(cond, msg) _Static_assert(cond, msg)
#endif

/** A 32-bit little-endian integer in shared memory. */
typedef struct {
	uint32_t raw;
} folio_shared_u32;

/** A 64-bit little-endian integer in shared memory. */
typedef struct {
	uint64_t raw;
} folio_shared_u64;

/** First eight bytes of a header page: "FOLIOreg". */
#define FOLIO_WIRE_MAGIC UINT64_C(0x6765724f494c4f46)
/** Version of this format. Both sides must have the same. */
#define FOLIO_WIRE_VERSION 1u

/** Unit of ownership: header, index lines and every ring start on such a boundary. */
#define FOLIO_WIRE_PAGE 4096u
/** Cache line that the layout is built for. */
#define FOLIO_WIRE_LINE 64u

/** @name Limits of the geometry */
/**@{*/
#define FOLIO_WIRE_QUEUES_MIN 1u
#define FOLIO_WIRE_QUEUES_MAX 64u
#define FOLIO_WIRE_RING_MIN 64u /**< slots, a power of two */
#define FOLIO_WIRE_RING_MAX 32768u
#define FOLIO_WIRE_SLOT_MIN 256u /**< payload bytes */
#define FOLIO_WIRE_SLOT_MAX 65536u
#define FOLIO_WIRE_SHIFT_MIN 12u /**< areas aligned to 4 KiB ... */
#define FOLIO_WIRE_SHIFT_MAX 30u /**< ... to 1 GiB */
/**@}*/

/** Shortest frame in bytes: an Ethernet header. */
#define FOLIO_WIRE_FRAME_MIN 14u
/** Longest frame in bytes; a small ring carries less (ring_size x stride). */
#define FOLIO_WIRE_FRAME_MAX 65536u

/** Who writes an area. */
enum folio_wire_role {
	FOLIO_WIRE_ROLE_GUEST = 1,
	FOLIO_WIRE_ROLE_HOST = 2,
};

/** What the writer of a header is doing. */
enum folio_wire_state {
	FOLIO_WIRE_STATE_ABSENT = 0,  /**< zeroed memory: nobody there */
	FOLIO_WIRE_STATE_STOPPED = 1, /**< there, not using the rings */
	FOLIO_WIRE_STATE_STARTED = 2, /**< offers (or uses) the generation in the header */
};

/** Why the writer of a header does not answer its peer. Advice for a log line, nothing else. */
enum folio_wire_refusal {
	FOLIO_WIRE_REFUSED_NOT = 0,
	FOLIO_WIRE_REFUSED_VERSION = 1,
	FOLIO_WIRE_REFUSED_QUEUES = 2,
	FOLIO_WIRE_REFUSED_RING_SIZE = 3,
	FOLIO_WIRE_REFUSED_SLOT_SIZE = 4,
	FOLIO_WIRE_REFUSED_GEOMETRY = 5,
	FOLIO_WIRE_REFUSED_FEATURES = 6,
	FOLIO_WIRE_REFUSED_ROLE = 7,
	FOLIO_WIRE_REFUSED_STATE = 8,
};

/**
 * First page of an area.
 *
 * `generation` is a random, non-zero number that its writer changes whenever it starts anew; it is
 * published (release) before `state` says STARTED. `ack` is the generation of the peer for which
 * the writer has reset its rings, 0 for none. The rings may be used by a side while both are
 * STARTED and each one's `ack` is the other's `generation`.
 */
struct folio_wire_header {
	folio_shared_u64 magic;
	folio_shared_u32 version;
	folio_shared_u32 role; /**< enum folio_wire_role of the writer */
	folio_shared_u64 generation;
	folio_shared_u64 ack;
	folio_shared_u32 state;	    /**< enum folio_wire_state */
	folio_shared_u32 refusal;   /**< enum folio_wire_refusal */
	folio_shared_u32 heartbeat; /**< counts up about 50 times a second */
	folio_shared_u32 reserved0; /**< zero */
	folio_shared_u64 features;  /**< offered; both sides use the intersection */
	folio_shared_u32 queues;    /**< geometry: the guest decides, the host repeats it */
	folio_shared_u32 ring_size;
	folio_shared_u32 slot_size;
	folio_shared_u32 page_shift;
	uint8_t reserved[FOLIO_WIRE_PAGE - 72];
};

/** Feature bits that this version knows. All are free: bit n may give the metadata ring a use. */
#define FOLIO_WIRE_FEATURES_KNOWN UINT64_C(0)

/**
 * Index lines of one queue pair, written by the owner of the area. Free-running 32-bit counts of
 * slots; slot i is at position i mod ring_size. Each has two cache lines to itself, because
 * processors prefetch lines in pairs.
 */
struct folio_wire_index {
	folio_shared_u32 produced; /**< slots filled in this area's ring */
	uint8_t pad0[124];
	folio_shared_u32 consumed; /**< slots done with in the other area's ring */
	uint8_t pad1[124];
};

/**
 * One descriptor a slot; the one of a frame's first slot describes the frame:
 * bits 0 to 31 its length in bytes, bits 32 to 63 flags (none defined: zero).
 *
 * A frame of L bytes occupies ceil(L / stride) consecutive slots, at least one; its bytes are
 * contiguous from the start of the first, wrapping at the end of the ring. The descriptors of the
 * slots behind the first are not used. There is no chain to follow.
 */
typedef folio_shared_u64 folio_wire_desc;

#define FOLIO_WIRE_DESC_LEN_MASK UINT64_C(0xffffffff)
#define FOLIO_WIRE_DESC_FLAGS_SHIFT 32

/** One metadata entry a slot. Has its place from the start; used as feature bits come to say. */
struct folio_wire_meta {
	uint8_t reserved[32];
};

/** @name Messages over a socket (path=unix:...), each in one packet */
/**@{*/
enum folio_wire_kind {
	FOLIO_WIRE_KIND_OFFER = 1,   /**< guest, with the descriptor of its area: the first message */
	FOLIO_WIRE_KIND_ANSWER = 2,  /**< host, with the descriptor of its area */
	FOLIO_WIRE_KIND_REFUSED = 3, /**< host: detail is an enum folio_wire_refusal */
	FOLIO_WIRE_KIND_BUSY = 4,    /**< host: it serves another guest, and closes the socket */
};

struct folio_wire_message {
	uint64_t magic;
	uint32_t version;
	uint32_t kind;	 /**< enum folio_wire_kind */
	uint32_t detail; /**< zero but for REFUSED */
	uint32_t reserved; /**< zero */
};
/**@}*/

FOLIO_STATIC_ASSERT(sizeof(struct folio_wire_message) == 24, "wire size");
FOLIO_STATIC_ASSERT(offsetof(struct folio_wire_message, kind) == 12, "wire offset");
FOLIO_STATIC_ASSERT(offsetof(struct folio_wire_message, detail) == 16, "wire offset");
FOLIO_STATIC_ASSERT(sizeof(struct folio_wire_header) == FOLIO_WIRE_PAGE, "header is one page");
FOLIO_STATIC_ASSERT(offsetof(struct folio_wire_header, magic) == 0, "wire offset");
FOLIO_STATIC_ASSERT(offsetof(struct folio_wire_header, version) == 8, "wire offset");
FOLIO_STATIC_ASSERT(offsetof(struct folio_wire_header, role) == 12, "wire offset");
FOLIO_STATIC_ASSERT(offsetof(struct folio_wire_header, generation) == 16, "wire offset");
FOLIO_STATIC_ASSERT(offsetof(struct folio_wire_header, ack) == 24, "wire offset");
FOLIO_STATIC_ASSERT(offsetof(struct folio_wire_header, state) == 32, "wire offset");
FOLIO_STATIC_ASSERT(offsetof(struct folio_wire_header, refusal) == 36, "wire offset");
FOLIO_STATIC_ASSERT(offsetof(struct folio_wire_header, heartbeat) == 40, "wire offset");
FOLIO_STATIC_ASSERT(offsetof(struct folio_wire_header, reserved0) == 44, "wire offset");
FOLIO_STATIC_ASSERT(offsetof(struct folio_wire_header, features) == 48, "wire offset");
FOLIO_STATIC_ASSERT(offsetof(struct folio_wire_header, queues) == 56, "wire offset");
FOLIO_STATIC_ASSERT(offsetof(struct folio_wire_header, ring_size) == 60, "wire offset");
FOLIO_STATIC_ASSERT(offsetof(struct folio_wire_header, slot_size) == 64, "wire offset");
FOLIO_STATIC_ASSERT(offsetof(struct folio_wire_header, page_shift) == 68, "wire offset");
FOLIO_STATIC_ASSERT(offsetof(struct folio_wire_header, reserved) == 72, "wire offset");
FOLIO_STATIC_ASSERT(sizeof(struct folio_wire_index) == 256, "wire size");
FOLIO_STATIC_ASSERT(offsetof(struct folio_wire_index, produced) == 0, "wire offset");
FOLIO_STATIC_ASSERT(offsetof(struct folio_wire_index, consumed) == 128, "wire offset");
FOLIO_STATIC_ASSERT(sizeof(folio_wire_desc) == 8, "wire size");
FOLIO_STATIC_ASSERT(sizeof(struct folio_wire_meta) == 32, "wire size");
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "folio supports little-endian machines only"
#endif

#ifdef __cplusplus
}
#endif

#endif /* FOLIO_WIRE_H */
