/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VIRTIO_QUEUE_H
#define FOLIO_VIRTIO_QUEUE_H

/*
 * A virtqueue of a network device, the driver's side: what split and packed rings have in common.
 * No transport, no DPDK. The device is not trusted.
 *
 * Buffer i is always at the same place, and so is its device address: both follow from private
 * tables. Which buffers the device has is private as well: `at` is a permutation of all buffer ids;
 * those at [head, tail) are with the device, or will be when they are published, in the order in
 * which it is given them; those at [tail, head + size) are ours. An id that the device returns is
 * compared with the one it is expected to return, and if it is another, looked up among those that
 * it has. So an id that is out of range, was not given, or was returned before, is found out by one
 * comparison, and nothing else depends on it. What the device did in another order costs a search;
 * devices that poll have no reason to.
 *
 * A buffer has a line for the header and, behind it, room for data:
 *
 *	| 52 bytes unused | 12 bytes header | data ... |
 *
 * The header's line is written when a queue is set up, and then only if something else was in it: a
 * transmitted frame without offloads has a header of zeroes, and the device keeps its copy of that
 * line for ever.
 *
 * One thread at a time uses a queue, but for what is marked otherwise.
 */

#include <stdbool.h>
#include <stdint.h>

#include "boundary/copy.h"
#include "count.h"
#include "virtio/header.h"
#include "virtio/spec.h"

#define FOLIO_VIRTQ_LINE 64u
#define FOLIO_VIRTQ_HEADER (FOLIO_VIRTQ_LINE - VIRTIO_NET_HDR_LEN)

/* Shortest frame: an Ethernet header. */
#define FOLIO_VIRTQ_FRAME_MIN 14u

/* Longest frame that a device is given to cut: an IP packet, and its link's header with tags. */
#define FOLIO_VIRTQ_GSO_MAX (65535u + 22u)

/* How far ahead transmit asks for lines that it will write. */
#define FOLIO_VIRTQ_AHEAD 4096u /* bytes of frames */
#define FOLIO_VIRTQ_AHEAD_MAX 20u /* buffers */

/* `note` of a buffer that heads a chain: descriptors behind it. */
#define FOLIO_VIRTQ_MORE 0x7fffu
/* Where its header lies there is something else than zeroes. */
#define FOLIO_VIRTQ_DIRTY 0x8000u

struct folio_virtq {
	uint32_t head; /* oldest buffer that the device has */
	uint32_t tail; /* first one that it has not */
	uint32_t size; /* buffers and descriptors, a power of two */
	uint32_t mask;
	uint32_t stride;    /* bytes from buffer to buffer, whole lines */
	uint32_t room;	    /* bytes of data in a buffer, whole lines */
	uint32_t max_frame; /* longest frame; more than room takes several buffers */
	uint32_t plain_max; /* longest frame of one buffer */
	uint32_t broken;    /* what the device did cannot be followed: reset it */
	uint32_t weak;	    /* split only: the memory keeps no order, fence it */
	uint32_t doorbell;  /* see folio_virtq_watch(); written by the control thread */
	uint32_t shuffled;  /* the device returned buffers in another order than given */
	bool in_order;	    /* negotiated: one id may stand for all before it */
	bool mergeable;	    /* receive: frames may take several buffers */
	uint16_t avail;	    /* split: chains given; seen, used: of those returned */
	uint16_t seen;
	uint16_t used;
	bool held;	     /* packed: `first` waits for folio_packed_publish() */
	uint32_t first_at;
	uint64_t first;
	uint16_t *at;	     /* see above */
	uint16_t *said;	     /* what a ring entry says, of those that need not be written again */
	uint16_t *note;	     /* transmit: MORE and DIRTY of each buffer */
	uint32_t *lens;	     /* receive: of the buffers of the frame at hand, as returned */
	const uint64_t *addr; /* device address of each buffer's header */
	uint8_t *bufs;			     /* shared: buffer 0 */
	struct folio_virtq_desc *desc;	     /* shared, written; packed: read as well */
	struct folio_split_avail *ring;	     /* shared, written */
	const struct folio_split_used *back; /* shared, the device's */
	const folio_shared_u64 *elem;	     /* shared, the device's */
	struct folio_packed_event *event;	  /* shared, written: we want no interrupts */
	const struct folio_packed_event *dev_event; /* shared, the device's */
	uint64_t bad_index;  /* used index back, or ahead of what the device has */
	uint64_t bad_id;     /* not one of those that the device has */
	uint64_t bad_length; /* receive: frame shorter than an Ethernet header, or too long */
	uint64_t bad_chain;  /* receive: num_buffers is 0, or more than were returned */
};

/* How many buffers a frame has was not looked at yet. */
#define FOLIO_VIRTQ_UNSEEN UINT32_MAX

/* What to do with the frame at a returned buffer. */
enum folio_virtq_verdict {
	FOLIO_VIRTQ_NONE, /* packed: nothing was returned here yet */
	FOLIO_VIRTQ_TAKE, /* valid: len bytes in so many buffers */
	FOLIO_VIRTQ_DROP, /* counted: skip so many buffers */
	FOLIO_VIRTQ_HALT, /* counted: the queue is broken */
};

struct folio_virtq_frame {
	uint32_t len;
	uint32_t bufs;
};

/* Where a queue's memory is. Private tables belong to the caller, and live as long as the queue. */
struct folio_virtq_memory {
	uint32_t size;	    /* a power of two, at most VIRTQ_SIZE_MAX */
	uint32_t stride;    /* a multiple of a line, at least two */
	uint32_t max_frame;
	void *rings;	    /* shared: folio_virtq_ring_bytes() of them, aligned to a line */
	void *bufs;	    /* shared: size * stride bytes, aligned to a line */
	void *tables;	    /* private: folio_virtq_table_bytes() of them, aligned to 4 */
	const uint64_t *addr; /* private: device address of each buffer's first byte + HEADER */
};

/* Offsets of a queue's three areas from the start of its rings, for the device. */
struct folio_virtq_areas {
	uint32_t desc;
	uint32_t driver;
	uint32_t device;
};

/* Bytes of rings and of private tables that a queue of this size needs. */
uint32_t folio_virtq_ring_bytes(uint32_t size);
uint32_t folio_virtq_table_bytes(uint32_t size);

/* Where the areas are. The same places serve split and packed rings. */
void folio_virtq_areas(uint32_t size, struct folio_virtq_areas *a);

/*
 * Set a queue up, while no device uses it: private state to its beginning, rings and headers
 * zeroed, no interrupts wanted. Counters stay.
 */
void folio_virtq_attach(struct folio_virtq *q, const struct folio_virtq_memory *m);

/* Behind attaching a split queue in memory that is mapped write-combining, or not cached. */
void folio_virtq_weaken(struct folio_virtq *q);

/* What must hold between calls, whatever the device does. For tests, fuzzers and proofs. */
bool folio_virtq_valid(const struct folio_virtq *q);

/*
 * The device returned `id` where at[s] was expected. True if it has that buffer; then it is at[s]
 * now. s is in [head, tail).
 */
bool folio_virtq_find(struct folio_virtq *q, uint32_t s, uint32_t id);

/*
 * The device returned the chain that `id` heads. Returns how many chains it gave back, those before
 * it included if that is what was agreed on; 0: it has no such chain, and the queue is broken.
 */
uint32_t folio_virtq_take(struct folio_virtq *q, uint32_t id);

/* From here on the queue looks empty, or full, until it is attached again. Returns 0. */
uint32_t folio_virtq_give_up(struct folio_virtq *q, uint64_t *counter);

/*
 * A burst that was under way when the queue broke may go on with the room that it had found. Behind
 * it nothing is known to be returned and everything is with the device.
 */
static inline void
folio_virtq_stay_broken(struct folio_virtq *q)
{
	q->seen = q->used;
	q->head = q->tail - q->size;
}

/*
 * A burst works on a copy of what it needs of the queue's state, in registers: stores to packets
 * and to shared memory cannot alias that. Field by field, as what is copied as a whole is kept in
 * memory.
 */
static inline void
folio_virtq_copy(struct folio_virtq *copy, const struct folio_virtq *q)
{
	copy->head = q->head;
	copy->tail = q->tail;
	copy->size = q->size;
	copy->mask = q->mask;
	copy->stride = q->stride;
	copy->room = q->room;
	copy->plain_max = q->plain_max;
	copy->avail = q->avail;
	copy->held = q->held;
	copy->first_at = q->first_at;
	copy->first = q->first;
	copy->at = q->at;
	copy->said = q->said;
	copy->note = q->note;
	copy->addr = q->addr;
	copy->bufs = q->bufs;
	copy->desc = q->desc;
	copy->ring = q->ring;
	copy->elem = q->elem;
}

/* What transmitting to a copy has changed becomes the queue's, before anything else uses that. */
static inline void
folio_virtq_tx_keep(struct folio_virtq *q, const struct folio_virtq *copy)
{
	q->tail = copy->tail;
	q->avail = copy->avail;
	q->held = copy->held;
	q->first_at = copy->first_at;
	q->first = copy->first;
}

/*
 * Cold half of publishing, for queues that are broken or weak: all that was stored comes before
 * what is stored next.
 */
void folio_virtq_before_publish(struct folio_virtq *q);

/*
 * For folio_split_watch() and folio_packed_watch(): the device polls, or does not. `doorbell` is 0
 * while it polls, else how often that was seen to be over, at most twice.
 */
bool folio_virtq_watch(struct folio_virtq *q, bool polls);

/*
 * Receive: frames, or pieces of such, that wait to be received. Transmit: what the device has and
 * has not returned. For any thread at any time: changes nothing, and is stale by nature.
 */
uint32_t folio_virtq_used(const struct folio_virtq *q, bool packed, bool receive);

/* Buffer `id`: its first byte. Any id: it is masked. */
static inline uint8_t *
folio_virtq_buf(const struct folio_virtq *q, uint32_t id)
{
	return q->bufs + (uint64_t)(id & q->mask) * q->stride;
}

/* The buffer at place s: given s-th, or to be given s-th. */
static inline uint16_t
folio_virtq_at(const struct folio_virtq *q, uint32_t s)
{
	return q->at[s & q->mask];
}

/* Where the data of a returned buffer begins. */
static inline const uint8_t *
folio_virtq_data(const struct folio_virtq *q, uint32_t s)
{
	return folio_virtq_buf(q, folio_virtq_at(q, s)) + FOLIO_VIRTQ_LINE;
}

/*
 * Ask for what will be copied soon: the data of the buffer at place s, which is to be read, and its
 * header if that is, or so many bytes of it, which are to be written. A queue whose buffers changed
 * places is asked for others: nothing depends on it.
 */
static inline void
folio_virtq_prefetch_read(const struct folio_virtq *q, uint32_t s, bool header)
{
	const uint8_t *buf = folio_virtq_buf(q, s);

	if (header)
		__builtin_prefetch(buf, 0, 3);
	__builtin_prefetch(buf + FOLIO_VIRTQ_LINE, 0, 3);
}

static inline void
folio_virtq_prefetch_write(const struct folio_virtq *q, uint32_t s, uint32_t len)
{
	uint8_t *data = folio_virtq_buf(q, s) + FOLIO_VIRTQ_LINE;
	uint32_t i;

	for (i = 0; i < len; i += FOLIO_VIRTQ_LINE)
		__builtin_prefetch(data + i, 1, 3);
}

/* How many buffers ahead of a frame of len bytes are to be asked for: as native/ring.h has it. */
static inline uint32_t
folio_virtq_ahead(uint32_t len)
{
	/* A division is what a short frame would feel. */
	if (len <= FOLIO_VIRTQ_AHEAD / (FOLIO_VIRTQ_AHEAD_MAX - 1))
		return FOLIO_VIRTQ_AHEAD_MAX;
	return 1 + FOLIO_VIRTQ_AHEAD / len;
}

/* Where its header is. */
static inline struct folio_header *
folio_virtq_header(const struct folio_virtq *q, uint32_t id)
{
	return (struct folio_header *)(folio_virtq_buf(q, id) + FOLIO_VIRTQ_HEADER);
}

/* In how many buffers the device says that it put the frame at place s. One load. */
static inline uint16_t
folio_virtq_num_buffers(const struct folio_virtq *q, uint32_t s)
{
	return folio_header_buffers(folio_virtq_header(q, folio_virtq_at(q, s)));
}

/* Buffers of a frame of len bytes. All but the first have the header's place for data, too. */
static inline uint32_t
folio_virtq_frame_bufs(const struct folio_virtq *q, uint32_t len)
{
	uint32_t more = q->room + VIRTIO_NET_HDR_LEN;

	return len <= q->room ? 1 : 1 + (len - q->room + more - 1) / more;
}

/*
 * Judge the frame whose first buffer the device returned at place s with this id and length;
 * further buffers are looked at from here. bufs is what folio_virtq_num_buffers() said, or UNSEEN:
 * what was loaded is not loaded again.
 */
enum folio_virtq_verdict folio_virtq_judge(struct folio_virtq *q, bool packed, uint32_t s,
					   uint32_t id, uint32_t len, uint32_t bufs,
					   struct folio_virtq_frame *frame);

/*
 * Put a piece of a frame at `offset` of it into the buffers from place s on; they were found free.
 * For frames of several buffers or segments.
 */
void folio_virtq_tx_piece(struct folio_virtq *q, uint32_t s, uint32_t offset, const void *src,
			  uint32_t len, folio_copy_fn exact);

/* Copy bytes [offset, offset + len) of the frame that was judged last, at place s. */
void folio_virtq_rx_piece(const struct folio_virtq *q, uint32_t s, uint32_t offset, void *dst,
			  uint32_t len, folio_copy_fn exact);

/* The longest frame that a device may be given to cut. */
static inline uint32_t
folio_virtq_gso_max(const struct folio_virtq *q)
{
	uint64_t all = q->room + (uint64_t)(q->size - 1) * (q->room + VIRTIO_NET_HDR_LEN);

	return all < FOLIO_VIRTQ_GSO_MAX ? (uint32_t)all : FOLIO_VIRTQ_GSO_MAX;
}

/* Behind the description of the frame at place s, before it is published: its header is this. */
static inline void
folio_virtq_tx_meta(struct folio_virtq *q, uint32_t s, const struct folio_meta *meta)
{
	uint16_t id = folio_virtq_at(q, s);

	folio_header_put(folio_virtq_header(q, id), meta);
	q->note[id] |= FOLIO_VIRTQ_DIRTY;
}

/* Before a buffer heads a frame: its header is zeroes. */
static inline void
folio_virtq_clean(struct folio_virtq *q, uint16_t id)
{
	if (__builtin_expect((q->note[id] & FOLIO_VIRTQ_DIRTY) == 0, 1))
		return;
	folio_header_clear(folio_virtq_header(q, id));
	q->note[id] = 0;
}

#endif /* FOLIO_VIRTIO_QUEUE_H */
