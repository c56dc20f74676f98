/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VF_ADVQ_H
#define FOLIO_VF_ADVQ_H

/*
 * A ring of advanced descriptors, as Intel's network cards from the 82575 on have it: of 16 bytes,
 * which the card overwrites with what it has to say. No registers, no DPDK. The card is not trusted.
 *
 * Buffer i belongs to descriptor i for ever, and holds the longest frame that was agreed on. Where
 * the card finds it is in a private table and is written anew each time, as the card's answer lies
 * over it. All of the ring's state is private: `head` and `tail` count descriptors, modulo 2^32.
 *
 *	receive:  [head, tail) are the card's; what it answers is looked at in order, at head only
 *	transmit: [head, tail) were given to it, and are not known to be back
 *
 * What the card writes is one word of eight bytes, the second half of a descriptor, which is loaded
 * once. Of it are used: done, end of packet, errors of the link, and the length. Not used are packet
 * type, hash, checksum bits, VLAN, header length and next pointer.
 *
 * One thread at a time uses a ring, but for what is marked otherwise.
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "boundary/copy.h"
#include "boundary/shared.h"
#include "count.h"

#define FOLIO_ADVQ_LINE 64u
#define FOLIO_ADVQ_SIZE_MIN 64u
#define FOLIO_ADVQ_SIZE_MAX 4096u
#define FOLIO_ADVQ_ALIGN 128u /* of a ring's address and length */

/* Shortest frame that is taken from the card or from an application, and that is sent. */
#define FOLIO_ADVQ_FRAME_MIN 14u
#define FOLIO_ADVQ_PAD 60u

/* As virtio/queue.h has it. */
#define FOLIO_ADVQ_AHEAD 4096u
#define FOLIO_ADVQ_AHEAD_MAX 20u

/* A descriptor: an address and zero, or an address and a command; what comes back is in `state`. */
struct folio_advq_desc {
	folio_shared_u64 addr;
	folio_shared_u64 state;
};

/* Received: the low half of the word. Bits 20 to 31 are errors, and depend on the card. */
#define FOLIO_ADVQ_RX_DONE UINT64_C(1)
#define FOLIO_ADVQ_RX_END UINT64_C(2)

/* Transmitted: done; the commands of a frame in one descriptor, and "tell when done". */
#define FOLIO_ADVQ_TX_DONE (UINT64_C(1) << 32)
#define FOLIO_ADVQ_TX_FRAME (UINT64_C(0x23300000)) /* DEXT, IFCS, EOP, data descriptor */
#define FOLIO_ADVQ_TX_REPORT (UINT64_C(0x08000000))
#define FOLIO_ADVQ_TX_LENGTH 46 /* where the frame's length begins */

struct folio_advq {
	uint32_t head;
	uint32_t tail;
	uint32_t size; /* descriptors, a power of two; the card has one less at most */
	uint32_t mask;
	uint32_t stride;    /* bytes from buffer to buffer, whole lines */
	uint32_t max_frame; /* longest frame, and no more than the card was told that fits */
	uint32_t weak;	    /* the memory keeps no order: fence it */
	uint32_t dropping;  /* receive: a frame had no end: the rest of it goes, too */
	uint32_t told;	    /* what the tail register says */
	uint32_t marks;	    /* transmit: marks that were set, and those that are done with */
	uint32_t marks_done;
	uint64_t errors;    /* receive: bits for which a frame is dropped */
	uint32_t *mark;	    /* transmit, private: descriptors behind those that report */
	const uint64_t *addr; /* private: device address of each buffer */
	struct folio_advq_desc *desc; /* shared, written and read */
	uint8_t *bufs;		      /* shared: buffer 0 */
	uint64_t bad_length; /* receive: shorter than an Ethernet header, or longer than agreed */
	uint64_t bad_chain;  /* receive: did not end in its buffer */
	uint64_t bad_frame;  /* receive: the card says that it is damaged */
};

/* Where a ring's memory is. Private tables belong to the caller, and live as long as the ring. */
struct folio_advq_memory {
	uint32_t size;
	uint32_t stride;
	uint32_t max_frame;
	void *desc;	      /* shared: folio_advq_ring_bytes() of them */
	void *bufs;	      /* shared: size * stride bytes, aligned to a line */
	uint32_t *mark;	      /* private: size of them */
	const uint64_t *addr; /* private */
};

enum folio_advq_verdict {
	FOLIO_ADVQ_NONE, /* the card has not written here yet */
	FOLIO_ADVQ_TAKE, /* valid */
	FOLIO_ADVQ_DROP, /* counted */
};

static inline uint32_t
folio_advq_ring_bytes(uint32_t size)
{
	return size * (uint32_t)sizeof(struct folio_advq_desc);
}

/* Set a ring up, while no card uses it: empty, and zeroed. Counters stay. */
void folio_advq_attach(struct folio_advq *q, const struct folio_advq_memory *m, uint64_t errors);

/* Receive, behind attaching: every buffer is described. */
void folio_advq_rx_fill(struct folio_advq *q);

/* What must hold between calls, whatever the card does. For tests, fuzzers and proofs. */
bool folio_advq_valid(const struct folio_advq *q);

/* Cold half of receiving: the word at head is not that of a plain frame. */
enum folio_advq_verdict folio_advq_rx_judge(struct folio_advq *q, uint64_t word);

/*
 * Receive: frames that wait. Transmit: what the card has not reported. For any thread at any time:
 * changes nothing, and is stale by nature.
 */
uint32_t folio_advq_rx_used(const struct folio_advq *q);
uint32_t folio_advq_tx_used(const struct folio_advq *q);

/* Transmit: the first mark that the card has not reported, of `marks` that were set. As the last. */
uint32_t folio_advq_tx_reported(const struct folio_advq *q, uint32_t marks);

/* As folio_virtq_copy(): what a burst keeps in registers. */
static inline void
folio_advq_copy(struct folio_advq *copy, const struct folio_advq *q)
{
	copy->tail = q->tail;
	copy->mask = q->mask;
	copy->stride = q->stride;
	copy->weak = q->weak;
	copy->errors = q->errors;
	copy->addr = q->addr;
	copy->desc = q->desc;
	copy->bufs = q->bufs;
}

/* Buffer of the descriptor at place s. */
static inline uint8_t *
folio_advq_buf(const struct folio_advq *q, uint32_t s)
{
	return q->bufs + (uint64_t)(s & q->mask) * q->stride;
}

/* The card's word at place s, once; the frame is loaded behind it. */
static inline uint64_t
folio_advq_rx_word(const struct folio_advq *q, uint32_t s)
{
	uint64_t word = folio_fetch64_acquire(&q->desc[s & q->mask].state);

	if (__builtin_expect(q->weak, 0))
		folio_shared_fence();
	return word;
}

static inline uint32_t
folio_advq_rx_len(uint64_t word)
{
	return (uint16_t)(word >> 32);
}

/*
 * Is it that of a whole undamaged frame of at most max bytes? One that belongs to a frame that is
 * being dropped is found by the burst, which looks at `dropping` first.
 */
static inline bool
folio_advq_rx_is_plain(const struct folio_advq *q, uint64_t word, uint32_t max)
{
	const uint64_t whole = FOLIO_ADVQ_RX_DONE | FOLIO_ADVQ_RX_END;
	uint32_t len = folio_advq_rx_len(word);

	return (word & (whole | q->errors)) == whole &&
	       len - FOLIO_ADVQ_FRAME_MIN <= max - FOLIO_ADVQ_FRAME_MIN;
}

/* n descriptors from head on are done with: they are the card's again when it is told. */
static inline void
folio_advq_rx_commit(struct folio_advq *q, uint32_t n)
{
	for (; n > 0; n--, q->head++, q->tail++) {
		struct folio_advq_desc *d = &q->desc[q->head & q->mask];

		folio_put64(&d->addr, q->addr[q->head & q->mask]);
		folio_put64(&d->state, 0);
	}
}

/*
 * Does the tail register have to be written, and with what? Not for each frame: a card that has
 * most of its ring needs no more for now. tail itself is the first that it has not.
 */
static inline bool
folio_advq_rx_tell(struct folio_advq *q, uint32_t *value)
{
	uint32_t owed = q->tail - q->told;

	if (owed < q->size / 8 && owed < 32)
		return false;
	if (__builtin_expect(q->weak, 0))
		folio_shared_fence();
	q->told = q->tail;
	*value = q->tail & q->mask;
	return true;
}

/* The card reported what it has sent. Early is harmless: it would send what is written next. */
static inline void
folio_advq_tx_reclaim(struct folio_advq *q)
{
	while (q->marks_done != q->marks) {
		uint32_t behind = q->mark[q->marks_done & q->mask];
		uint64_t word = folio_fetch64(&q->desc[(behind - 1) & q->mask].state);

		if ((word & FOLIO_ADVQ_TX_DONE) == 0)
			break;
		q->head = behind;
		q->marks_done++;
	}
}

/* Descriptors that are free, `want` of them if there are. */
static inline uint32_t
folio_advq_tx_room(struct folio_advq *q, uint32_t want)
{
	uint32_t room = q->size - 1 - (q->tail - q->head);

	if (room < want) {
		folio_advq_tx_reclaim(q);
		room = q->size - 1 - (q->tail - q->head);
	}
	return room;
}

/* Describe the frame of len bytes that is in the buffer at tail; there is room. */
static inline void
folio_advq_tx_describe(struct folio_advq *q, uint32_t len)
{
	struct folio_advq_desc *d = &q->desc[q->tail & q->mask];

	folio_put64(&d->addr, q->addr[q->tail & q->mask]);
	folio_put64(&d->state, (uint64_t)len << FOLIO_ADVQ_TX_LENGTH | FOLIO_ADVQ_TX_FRAME | len);
	q->tail++;
}

/*
 * Before a frame of len bytes is copied to the buffer at tail: what it is short of the least that a
 * card sends will be zeroes. Returns its length then.
 */
static inline uint32_t
folio_advq_tx_pad(const struct folio_advq *q, uint32_t len)
{
	folio_shared_u64 *line = (folio_shared_u64 *)folio_advq_buf(q, q->tail);
	uint32_t i;

	if (__builtin_expect(len >= FOLIO_ADVQ_PAD, 1))
		return len;
	for (i = 0; i < FOLIO_ADVQ_LINE / sizeof(*line); i++)
		folio_put64(&line[i], 0);
	return FOLIO_ADVQ_PAD;
}

/*
 * The last of a burst was described: it reports when all of them are sent. Returns what the tail
 * register is to say.
 */
static inline uint32_t
folio_advq_tx_publish(struct folio_advq *q, uint32_t last_len)
{
	struct folio_advq_desc *d = &q->desc[(q->tail - 1) & q->mask];

	folio_put64(&d->state, (uint64_t)last_len << FOLIO_ADVQ_TX_LENGTH | FOLIO_ADVQ_TX_FRAME |
				       FOLIO_ADVQ_TX_REPORT | last_len);
	q->mark[q->marks & q->mask] = q->tail;
	q->marks++;
	if (__builtin_expect(q->weak, 0))
		folio_shared_fence();
	q->told = q->tail;
	return q->tail & q->mask;
}

/* Ask for lines that will be copied from, or written. */
static inline void
folio_advq_prefetch_read(const struct folio_advq *q, uint32_t s)
{
	__builtin_prefetch(folio_advq_buf(q, s), 0, 3);
}

static inline void
folio_advq_prefetch_write(const struct folio_advq *q, uint32_t s, uint32_t len)
{
	uint8_t *data = folio_advq_buf(q, s);
	uint32_t i;

	for (i = 0; i < len; i += FOLIO_ADVQ_LINE)
		__builtin_prefetch(data + i, 1, 3);
}

static inline uint32_t
folio_advq_ahead(uint32_t len)
{
	if (len <= FOLIO_ADVQ_AHEAD / (FOLIO_ADVQ_AHEAD_MAX - 1))
		return FOLIO_ADVQ_AHEAD_MAX;
	return 1 + FOLIO_ADVQ_AHEAD / len;
}

#endif /* FOLIO_VF_ADVQ_H */
