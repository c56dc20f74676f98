/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef MODEL_H
#define MODEL_H

/*
 * The device side of virtqueues of a network device, split and packed, as virtio 1.2 has it: honest
 * here, hostile in acts.h. It is written from the standard and shares no code with lib/virtio, so
 * that each checks the other; constants are the kernel's. It serves any driver that polls, and has
 * no part of a test in it.
 *
 * One thread at a time uses a queue.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/virtio_ring.h>

#define MODEL_HEADER 12 /* struct virtio_net_hdr_mrg_rxbuf, which VERSION_1 has always */
#define MODEL_PARTS 64	/* most descriptors of a chain */

/* Where the driver's memory is: a region of a vhost-user memory table, or one of a test. */
struct model_region {
	uint64_t addr;
	uint64_t len;
	uint8_t *mem;
};

struct model_part {
	uint8_t *mem;
	uint32_t len;
	uint16_t id; /* split: of its descriptor */
};

/* What the driver gave and has not got back. */
struct model_chain {
	uint16_t id;
	uint16_t n; /* descriptors */
	uint32_t bytes;
	struct model_part part[MODEL_PARTS];
};

struct model_queue {
	bool packed;
	bool receive;	/* the driver receives: buffers are to be written */
	bool mergeable; /* a frame may be put into several of them */
	uint32_t size;
	const struct model_region *regions;
	unsigned int n_regions;
	/* Shared, by kind. */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_packed_desc *ring;
	struct vring_packed_desc_event *event;
	/*
	 * Split: counts of entries. Packed: places in the ring, and the wrap counters that go with
	 * them.
	 */
	uint16_t next_avail, next_used;
	bool avail_wrap, used_wrap;
	/* Returned, but not yet published. */
	bool pending;
	uint32_t first_at;
	struct vring_packed_desc first;
	struct model_chain *chains; /* size of them, in any order in `held` */
	struct model_chain **held; /* n_held, in the order in which they came; then unused ones */
	uint32_t n_held;
	bool *given; /* of UINT16_MAX + 1 ids: is there such a chain in `held`? */
	const char *error; /* what the driver did wrong */
};

/* A queue whose three areas are there. Returns false if there is no memory. */
bool model_init(struct model_queue *q, bool packed, bool receive, uint32_t size, void *desc,
		void *driver, void *device, const struct model_region *regions,
		unsigned int n_regions);
void model_free(struct model_queue *q);

/* The driver set its queue up anew. */
void model_reset(struct model_queue *q);

/*
 * Take all that the driver gave into `held`. Returns how many, -1 with q->error if it makes no
 * sense.
 */
int model_collect(struct model_queue *q);

/*
 * Transmit: take the next chain into `held`, and its frame. Returns its length (the header apart,
 * in `header`), 0 if there is none, -1 with q->error if it makes no sense.
 */
int model_read(struct model_queue *q, uint8_t *to, uint32_t room, uint8_t header[MODEL_HEADER]);

/* Return the which-th of those held, as used for len bytes. */
void model_return(struct model_queue *q, uint32_t which, uint32_t len);

/* IN_ORDER: return the n oldest by naming the last of them only. */
void model_return_batch(struct model_queue *q, uint32_t n);

/*
 * Receive: put a frame into held buffers, the which-th and those behind it, and return them. False
 * if there are not enough. A header of NULL is one of zeroes; num_buffers is set.
 */
bool model_deliver(struct model_queue *q, uint32_t which, const uint8_t *data, uint32_t len,
		   const uint8_t *header);

/* Let the driver see all that was returned. */
void model_publish(struct model_queue *q);

/* Does the device want to be told of what is given? */
void model_want_doorbell(struct model_queue *q, bool wanted);

/*
 * Raw writes, for acts.c: a used element, and in a packed ring how many descriptors it stands for.
 */
void model_say_used(struct model_queue *q, uint32_t id, uint32_t len, uint32_t n);

#endif /* MODEL_H */
