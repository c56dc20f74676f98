/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef PEER_H
#define PEER_H

/*
 * The other side of a region, without a line of the core: it knows the wire format, maps the whole
 * file read-write, checks nothing that it is not forced to, and breaks the rules on request. It
 * can behave as well, because after every attack traffic has to flow again.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <folio_wire.h>

struct geometry {
	uint32_t queues;
	uint32_t ring_size;
	uint32_t slot_size;
	uint32_t page_shift;
};

struct peer {
	char path[256];
	bool is_guest; /* the role that the peer plays */
	struct geometry geom;
	uint32_t stride;
	uint32_t max_frame;
	uint64_t index_off, desc_off, desc_len, meta_off, meta_len, data_off, data_len, used;
	uint64_t area_size;
	int fd;
	uint8_t *mem; /* all of the file that the geometry covers */
	size_t size;
	uint8_t *own;	 /* the area that the peer should write */
	uint8_t *victim; /* and the one that it should not */
	uint32_t produced, consumed; /* of queue 0 */
	uint32_t seen;		     /* the victim's consumed, as last used */
	uint64_t generation;
	uint32_t heartbeat;
	uint64_t seed;
	uint64_t sent, received, bad; /* by peer_talk() */
	bool check;		      /* received frames are of peer_frame_make()'s kind */
	void (*wait)(void *ctx);      /* give the victim time: about one of its ticks */
	void *ctx;
};

static inline void
store32(const volatile folio_shared_u32 *p, uint32_t v)
{
	__atomic_store_n((uint32_t *)(uintptr_t)&p->raw, v, __ATOMIC_RELEASE);
}

static inline void
store64(const volatile folio_shared_u64 *p, uint64_t v)
{
	__atomic_store_n((uint64_t *)(uintptr_t)&p->raw, v, __ATOMIC_RELEASE);
}

static inline uint32_t
load32(const volatile folio_shared_u32 *p)
{
	return __atomic_load_n((uint32_t *)(uintptr_t)&p->raw, __ATOMIC_ACQUIRE);
}

static inline uint64_t
load64(const volatile folio_shared_u64 *p)
{
	return __atomic_load_n((uint64_t *)(uintptr_t)&p->raw, __ATOMIC_ACQUIRE);
}

/* xorshift64: every choice of a peer follows from its seed. */
uint64_t peer_random(uint64_t *seed);

/*
 * Map the region. A guest makes or enlarges the file; a host needs a guest's header in it. False:
 * not possible (yet). The fields wait, ctx, check and seed are the caller's and stay.
 */
bool peer_open(struct peer *p, const char *path, bool is_guest, const struct geometry *geom);
void peer_close(struct peer *p);

/* Begin a session from scratch, as the wire format says, and wait until the victim is in it. */
bool peer_connect(struct peer *p);

/* The parts of it: end the last session, and wait until the victim has, too ... */
void peer_let_go(struct peer *p);

/* ... and a clean header and clean rings under a new generation. */
void peer_offer(struct peer *p);

/* What a peer that behaves does all the time. */
void peer_beat(struct peer *p);

/* Answer the victim's generation, if it offers one. */
void peer_answer(struct peer *p);

/* Are both in the session that this peer began? */
bool peer_is_up(const struct peer *p);

/* Behave: receive all there is, send up to n frames. */
void peer_talk(struct peer *p, unsigned int n);

/* Slots that the victim has not taken yet. */
uint32_t peer_pending(const struct peer *p);

/* Describe the next `slots` slots by this descriptor, whatever it says, and publish them. */
void peer_put(struct peer *p, uint64_t desc, uint32_t slots);

/* A good frame of len bytes. False: no room. */
bool peer_send(struct peer *p, uint32_t len);

struct folio_wire_header *peer_header(uint8_t *area);
struct folio_wire_index *peer_index(const struct peer *p, uint8_t *area);
folio_wire_desc *peer_desc(const struct peer *p, uint8_t *area, uint32_t i);
uint8_t *peer_slot(const struct peer *p, uint8_t *area, uint32_t i);

/* A frame whose bytes follow from its length and a number, and the check of it. */
void peer_frame_make(uint8_t *data, uint32_t len, uint32_t number);
bool peer_frame_ok(const uint8_t *data, uint32_t len);

/* What an attack does to the victim's session. */
enum effect {
	GOES_ON,  /* nothing */
	ENDS,	  /* framing was lost: the victim renegotiates */
	REJECTED, /* the victim does not want this peer (any more) */
	LEAVES,	  /* the victim leaves the file */
	ANY,	  /* too fast to say */
};

/* Who can be the victim. */
enum victims { BOTH, GUESTS, HOSTS };

struct attack {
	const char *name; /* begins with the row of hostile-peer-cases.md: "V1_..." */
	enum victims victims;
	bool (*run)(struct peer *p, uint64_t arg); /* false: it could not be carried out */
	uint64_t arg;
	enum effect effect;
	const char *counter; /* the violation that is counted, NULL: none */
	uint64_t times;	     /* how often */
};

extern const struct attack attacks[];
extern const size_t attacks_count;

/* Is this attack one of this row, for this victim? */
bool attack_is_of(const struct attack *a, const char *row, bool victim_is_guest);

#endif /* PEER_H */
