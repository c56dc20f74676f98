/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_RING_H
#define FOLIO_RING_H

/*
 * One direction of one queue pair: a producer end, a consumer end, and every check of what the
 * peer wrote. An end is private memory of the side that uses it, for one thread at a time; what it
 * publishes is never read back.
 *
 * Order. The producer writes slots and descriptors, then publishes `produced` with release; the
 * consumer's acquire of `produced` makes them visible. The consumer reads slots, then publishes
 * `consumed` with release; the producer's acquire of `consumed` keeps its next writes behind those
 * reads. There are no other pairs. On `weak` memory, which is mapped write-combining, fences do
 * what acquire and release cannot.
 *
 * A burst may stand still while its session ends and the peer, which waits for a while only, uses
 * the memory for the next one. The peer publishes another generation before it does so. Hence a
 * consumer looks at the generation behind its copies, and what it copied counts only if it is still
 * the one that the session began with; and nobody is accused of a bad index or descriptor of no
 * session.
 *
 * The hot functions are inline so that a burst can be compiled per instruction set: they take the
 * copy kernel as a parameter. What is cold is in ring.c.
 */

#include <stdbool.h>
#include <stdint.h>

#include "boundary/copy.h"
#include "boundary/shared.h"
#include "count.h"
#include "native/layout.h"

#define FOLIO_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define FOLIO_LIKELY(x) __builtin_expect(!!(x), 1)

/*
 * How far ahead the producer asks for a slot's lines in exclusive state: for all that a frame as
 * long as the present one will fill, as the consumer has read every one of them and its copies have
 * to go; and in one go, before it copies, as stores that wait would be in their way. Between caches
 * that are far apart this is twice as fast as to wait for each store (docs/results.md).
 */
#define FOLIO_PROD_AHEAD 4096 /* bytes of frames */
#define FOLIO_PROD_AHEAD_MAX 20 /* slots */
#define FOLIO_PROD_AHEAD_LONG 5 /* slots, from each that a longer frame fills */

/*
 * How many slots ahead the consumer asks for the first line of a slot that it knows to be filled;
 * the processor's own prefetchers follow from there. If it asked for others it would take lines
 * away from the producer.
 */
#define FOLIO_CONS_AHEAD 48

struct folio_prod {
	uint32_t head; /* next slot to fill: the truth, the shared one is only a copy */
	uint32_t seen; /* newest valid consumer index */
	uint32_t size;
	uint32_t mask;
	uint32_t stride;
	uint32_t max_frame;
	uint32_t plain_max; /* longest frame of one slot */
	uint8_t *data;				 /* shared, written */
	folio_wire_desc *desc;			 /* shared, written */
	folio_shared_u32 *produced;		 /* shared, written */
	const folio_shared_u32 *consumed;	 /* shared, the peer's */
	uint32_t broken;			 /* framing lost: ask for a new session */
	uint32_t weak;				 /* the memory keeps no order: fence it */
	uint32_t looks;				 /* at the peer's index, for more room */
	const folio_shared_u64 *generation;	 /* shared, the peer's */
	uint64_t session;			 /* what it was when the session began */
	uint64_t bad_index;
	uint64_t ended;				 /* bursts that found the session gone */
};

struct folio_cons {
	uint32_t head;	    /* next slot to read: the truth */
	uint32_t seen;	    /* newest valid producer index */
	uint32_t published; /* our index as the peer knows it */
	uint32_t size;
	uint32_t mask;
	uint32_t stride;
	uint32_t max_frame;
	uint32_t plain_max; /* longest frame of one slot */
	uint32_t lag;	    /* publish after so many slots */
	const uint8_t *data;		      /* shared, the peer's */
	const folio_wire_desc *desc;	      /* shared, the peer's */
	const folio_shared_u32 *produced;     /* shared, the peer's */
	folio_shared_u32 *consumed;	      /* shared, written */
	const folio_shared_u64 *generation;   /* shared, the peer's */
	uint64_t expected; /* what it is while the session stands; on weak memory what it is not */
	uint64_t session;  /* what it was when the session began */
	uint32_t broken;
	uint32_t weak;
	uint32_t idle; /* looks at the peer's index that found nothing */
	uint64_t ended; /* bursts that found the session gone */
	uint64_t bad_index;
	uint64_t bad_length;
	uint64_t bad_flags;
	uint64_t bad_chain;
};

/* What to do with the frame at a descriptor. */
enum folio_verdict {
	FOLIO_TAKE, /* valid: len bytes in so many slots */
	FOLIO_DROP, /* counted: skip so many slots */
	FOLIO_HALT, /* counted: framing is lost, the end is broken */
};

struct folio_frame {
	uint32_t len;
	uint32_t slots;
};

/*
 * Point an end at ring q. `area` is where the ring is, `index_area` the consumer's area. Counters
 * stay, indices are reset by the next call.
 */
void folio_prod_attach(struct folio_prod *p, const struct folio_layout *l, void *area,
		       void *index_area, uint32_t q);
void folio_cons_attach(struct folio_cons *c, const struct folio_layout *l, void *area,
		       void *index_area, uint32_t q);

/* The memory of an attached ring keeps no order by itself: from now on it is fenced. */
void folio_prod_weaken(struct folio_prod *p);
void folio_cons_weaken(struct folio_cons *c);

/* A session begins, with a peer of this generation. Only while no burst is inside. */
void folio_prod_begin(struct folio_prod *p, uint64_t generation);
void folio_cons_begin(struct folio_cons *c, uint64_t generation);

/* Start from zero, on our side of shared memory too. Only while the peer does not use the ring. */
void folio_prod_reset(struct folio_prod *p);
void folio_cons_reset(struct folio_cons *c);

/* Cold halves of the functions below: fetch the peer's index, check it, return the new count. */
uint32_t folio_prod_refresh(struct folio_prod *p);
uint32_t folio_cons_refresh(struct folio_cons *c);

/* Cold half of folio_cons_stands(). */
bool folio_cons_stands_slow(struct folio_cons *c);

/* Cold half of folio_prod_publish(). */
bool folio_prod_publish_slow(struct folio_prod *p, uint32_t head);

/* Judge a descriptor that the caller's fast check did not accept. */
enum folio_verdict folio_cons_judge(struct folio_cons *c, uint64_t desc, uint32_t head,
				    struct folio_frame *frame);

/*
 * What holds of an attached end between two calls, whatever the peer writes. For unit tests,
 * fuzzers and proofs (tests/proof/contracts.h), which all ask these functions.
 */
static inline bool
folio_ring_valid(uint32_t size, uint32_t mask, uint32_t stride, uint32_t max_frame,
		 uint32_t plain_max)
{
	return size >= FOLIO_WIRE_RING_MIN && size <= FOLIO_WIRE_RING_MAX && mask == size - 1 &&
	       (size & mask) == 0 && stride >= FOLIO_WIRE_SLOT_MIN + FOLIO_WIRE_LINE &&
	       stride <= FOLIO_WIRE_SLOT_MAX + FOLIO_WIRE_LINE && stride % FOLIO_WIRE_LINE == 0 &&
	       max_frame >= FOLIO_WIRE_FRAME_MIN && max_frame <= FOLIO_WIRE_FRAME_MAX &&
	       max_frame <= (uint64_t)size * stride && plain_max >= FOLIO_WIRE_FRAME_MIN &&
	       plain_max <= stride && plain_max <= max_frame;
}

static inline bool
folio_prod_valid(const struct folio_prod *p)
{
	return folio_ring_valid(p->size, p->mask, p->stride, p->max_frame, p->plain_max) &&
	       p->head - p->seen <= p->size &&
	       (p->broken == 0 || p->head - p->seen == p->size); /* looks full */
}

static inline bool
folio_cons_valid(const struct folio_cons *c)
{
	return folio_ring_valid(c->size, c->mask, c->stride, c->max_frame, c->plain_max) &&
	       c->seen - c->head <= c->size && c->head - c->published <= c->size &&
	       (c->broken == 0 || c->seen == c->head); /* looks empty */
}

/* Consecutive slots of a frame of len bytes; len is at most FOLIO_WIRE_FRAME_MAX. */
static inline uint32_t
folio_frame_slots(uint32_t stride, uint32_t len)
{
	return len <= stride ? 1 : (len + stride - 1) / stride;
}

/* Free slots; looks at the shared index only when fewer than want are known to be free. */
static inline uint32_t
folio_prod_room(struct folio_prod *p, uint32_t want)
{
	uint32_t room = p->size - (p->head - p->seen);

	return FOLIO_LIKELY(room >= want) ? room : folio_prod_refresh(p);
}

/* How many slots ahead of a frame of len bytes those are that will be written soon. */
static inline uint32_t
folio_prod_ahead(uint32_t len)
{
	/* A division is what a short frame would feel. */
	if (len <= FOLIO_PROD_AHEAD / (FOLIO_PROD_AHEAD_MAX - 1))
		return FOLIO_PROD_AHEAD_MAX;
	return 1 + FOLIO_PROD_AHEAD / len;
}

/* Ask for the lines of len bytes of a slot. */
static inline void
folio_prod_prefetch(struct folio_prod *p, uint32_t at, uint32_t len)
{
	uint8_t *slot = folio_layout_slot(p->data, p->stride, p->mask, at);
	uint32_t i;

	/*@ loop assigns i; */
	for (i = 0; i < len; i += FOLIO_WIRE_LINE)
		__builtin_prefetch(slot + i, 1, 3);
}

/* Copy a frame that fits one slot, and is not empty, into slot `at`, and describe it. */
static inline void
folio_prod_put(struct folio_prod *p, uint32_t at, const void *src, uint32_t len,
	       folio_copy_fn exact)
{
	folio_prod_prefetch(p, at + folio_prod_ahead(len), len);
	exact(folio_layout_slot(p->data, p->stride, p->mask, at), src, len);
	folio_put64(&p->desc[at & p->mask], len);
}

/* Copy a piece of a longer or scattered frame to `offset` bytes behind the start of slot `at`. */
void folio_prod_piece(struct folio_prod *p, uint32_t at, uint32_t offset, const void *src,
		      uint32_t len, folio_copy_fn exact);

/* Describe the frame whose pieces were copied to slot `at` on. */
static inline void
folio_prod_describe(struct folio_prod *p, uint32_t at, uint32_t len)
{
	folio_put64(&p->desc[at & p->mask], len);
}

/*
 * Let the peer have everything before slot `head`. Once per burst. False: framing was lost during
 * the burst, and its frames with it.
 */
static inline bool
folio_prod_publish(struct folio_prod *p, uint32_t head)
{
	__atomic_store_n(&p->head, head, __ATOMIC_RELAXED);
	if (FOLIO_UNLIKELY(p->broken | p->weak))
		return folio_prod_publish_slow(p, head);
	folio_put32_release(p->produced, head);
	return true;
}

/* Filled slots; looks at the shared index only when fewer than want are known to be filled. */
static inline uint32_t
folio_cons_avail(struct folio_cons *c, uint32_t want)
{
	uint32_t avail = c->seen - c->head;

	return FOLIO_LIKELY(avail >= want) ? avail : folio_cons_refresh(c);
}

/* The one fetch of the descriptor of slot `at`. */
static inline uint64_t
folio_cons_desc(const struct folio_cons *c, uint32_t at)
{
	return folio_fetch64(&c->desc[at & c->mask]);
}

/*
 * The whole check of an ordinary frame in one comparison: no flag, no reserved bit, and a length
 * in [14, max]. max is private and at most the stride.
 */
static inline bool
folio_desc_is_plain(uint64_t desc, uint32_t max)
{
	return desc - FOLIO_WIRE_FRAME_MIN <= max - FOLIO_WIRE_FRAME_MIN;
}

/* Ask for a slot that will be read soon; `left` is how many filled ones there are from `at` on. */
static inline void
folio_cons_prefetch(const struct folio_cons *c, uint32_t at, uint32_t left)
{
	if (left > FOLIO_CONS_AHEAD)
		__builtin_prefetch(folio_layout_slot((uint8_t *)(uintptr_t)c->data, c->stride,
						     c->mask, at + FOLIO_CONS_AHEAD), 0, 3);
}

/*
 * Copy a frame of one slot to private memory, rounded up to whole lines: the stride is whole lines
 * and len was checked to be at most the stride.
 */
static inline void
folio_cons_get(const struct folio_cons *c, uint32_t at, void *dst, uint32_t len,
	       folio_copy_fn padded)
{
	padded(dst, folio_layout_slot((uint8_t *)(uintptr_t)c->data, c->stride, c->mask, at), len);
}

/* Copy exactly len bytes of a longer frame, from `offset` bytes behind the start of slot `at`. */
void folio_cons_piece(const struct folio_cons *c, uint32_t at, uint32_t offset, void *dst,
		      uint32_t len, folio_copy_fn exact);

/* Is the peer's generation `value`, behind all that was loaded before? */
static inline bool
folio_generation_is(const folio_shared_u64 *generation, uint64_t value)
{
	folio_read_fence();
	return folio_fetch64(generation) == value;
}

/*
 * Does the session still stand, behind the copies of a burst? If not, nobody sent what it copied:
 * the ring is empty from its own index on, and nothing may be delivered or committed. One load.
 */
static inline bool
folio_cons_stands(struct folio_cons *c)
{
	return FOLIO_LIKELY(folio_generation_is(c->generation, c->expected)) ||
	       folio_cons_stands_slow(c);
}

/*
 * Done with everything before slot `head`. The peer learns of it every `lag` slots; on weak memory,
 * where that takes fences, only when folio_cons_refresh() looks for more.
 */
static inline void
folio_cons_commit(struct folio_cons *c, uint32_t head)
{
	__atomic_store_n(&c->head, head, __ATOMIC_RELAXED);
	if (head - c->published >= c->lag) {
		c->published = head;
		folio_put32_release(c->consumed, head);
	}
}

#endif /* FOLIO_RING_H */
