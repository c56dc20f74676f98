/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VPORT_H
#define FOLIO_VPORT_H

/*
 * A port whose other end is a virtio-net device: memory, queues, device and transport put together.
 * For users that compile their own bursts, such as the ethdev driver: they enter the gate, use the
 * queue behind it, and leave. The device, and all of the shared memory, is not trusted.
 *
 * Thread safety: gates and queues are for one thread per queue and direction; all other functions
 * take the port's lock, but where it says otherwise.
 */

#include <folio.h>

#include "boundary/fault.h"
#include "boundary/gate.h"
#include "virtio/packed.h"
#include "virtio/split.h"
#include "virtio/transport.h"

#define FOLIO_VQ_ALIGNED __attribute__((aligned(128)))

/* The longest frame of a port, and what a user may choose. */
#define FOLIO_VPORT_FRAME_MAX 9728u
#define FOLIO_VPORT_SIZE_MIN 64u
#define FOLIO_VPORT_DEFAULT_SIZE 1024u

struct folio_vport;

/* How a burst goes about a queue; fixed while its gate is open. */
enum folio_vq_kind {
	FOLIO_VQ_SPLIT,
	FOLIO_VQ_PACKED,
	FOLIO_VQ_SPLIT_MERGED, /* receive: frames may take several buffers */
	FOLIO_VQ_PACKED_MERGED,
};

/* What a device may do to a frame that is sent. */
#define FOLIO_VQ_CSUM 0x1u /* complete its checksum */
#define FOLIO_VQ_TSO4 0x2u /* cut it into TCP segments */
#define FOLIO_VQ_TSO6 0x4u

/* An end of a queue pair. */
struct folio_vq {
	struct folio_gate gate;
	enum folio_vq_kind kind;
	uint32_t number; /* of the queue, for the device */
	struct folio_virtq q;
	struct folio_vport *port;
	uint64_t ended; /* bursts that delivered nothing */
	uint32_t epoch; /* of faults: see folio_vq_stands() */
	uint32_t does;	/* FOLIO_VQ_*: agreed on; fixed while the gate is open */
	/* Control only. */
	bool enabled;
	uint32_t stuck;	 /* ticks for which the device has returned nothing of what it has */
	uint16_t seen;	 /* what it had returned then */
	uint64_t *addr;	 /* private, as the next */
	void *tables;
} FOLIO_VQ_ALIGNED;

static inline bool
folio_vq_is_packed(const struct folio_vq *end)
{
	return end->kind == FOLIO_VQ_PACKED || end->kind == FOLIO_VQ_PACKED_MERGED;
}

/* Exactly one of vhost_user and virtio. Strings are used during the open only. */
struct folio_vport_config {
	const char *vhost_user; /* socket of a back end */
	bool server;		/* listen there */
	const char *virtio;	/* PCI address of a device */
	const char *path;	/* memory: see memory/shm.h */
	const char *pci;
	uint64_t size;	    /* bytes of it; 0: what is needed */
	uint32_t queues;    /* pairs, at most FOLIO_VIRTIO_PAIRS_MAX; 0: 1 */
	uint32_t ring_size; /* descriptors of a queue, a power of two; 0: default */
	uint32_t slot_size; /* bytes of data in a buffer; 0: FOLIO_DEFAULT_SLOT_SIZE */
	bool split;	    /* no packed rings, even if they are offered */
	int numa_node;	    /* negative: anywhere */
	enum folio_isa isa;
	folio_alloc_fn alloc; /* private memory */
	folio_free_fn free;
	void *alloc_ctx;
};

/* What a port counts, nothing but uint64_t. */
struct folio_vport_counters {
	uint64_t rx_bad_index;
	uint64_t rx_bad_id;
	uint64_t rx_bad_length;
	uint64_t rx_bad_chain;
	uint64_t tx_bad_index;
	uint64_t tx_bad_id;
	uint64_t bad_offers; /* what the device offered made no sense */
	uint64_t link_ups;
	uint64_t resets;     /* a device that ran was given up, and set up again */
	uint64_t stalls;     /* of these: it did not take what was sent */
	uint64_t announces;  /* the device asked for one, and got it */
	uint64_t ended_bursts; /* delivered nothing: the memory was going */
};

/*
 * A stopped port. Opens the memory, as long as that takes. A device at a PCI address has to be
 * there and is asked what it offers, which takes a second at most; a back end may come later.
 *
 * Returns NULL with a line for the user; then nothing is left behind.
 */
struct folio_vport *folio_vport_open(const struct folio_vport_config *cfg, struct folio_error *err);

/*
 * Stop, have the device let go of the memory, 0.8 s at most, and zero and release it. If a burst
 * does not return, what it uses is not released. No other call may be in progress.
 */
void folio_vport_close(struct folio_vport *v);

/* What the user would leave to the device, from the next start on; it need not agree. */
void folio_vport_leave(struct folio_vport *v, uint32_t leaves);

/* Frames of up to frame_max bytes are to be received. Returns 0 or -EALREADY. */
int folio_vport_start(struct folio_vport *v, uint32_t frame_max);

/*
 * The same of a port that runs. Where longer frames need what was not agreed on with the device, it
 * is set up again: the link goes down and comes back.
 */
void folio_vport_set_frame_max(struct folio_vport *v, uint32_t frame_max);

/* No burst begins any more. False: one has not returned within a second; ask again. */
bool folio_vport_stop(struct folio_vport *v);

/* Control work, for every FOLIO_TICK_MS; never waits. */
bool folio_vport_needs_ticks(struct folio_vport *v);
void folio_vport_tick(struct folio_vport *v);

/* Any thread, takes no lock; the address is in memory that the allocator gave. */
bool folio_vport_is_up(const struct folio_vport *v);
void folio_vport_counters(const struct folio_vport *v, struct folio_vport_counters *c);
uint32_t folio_vport_ring_size(const struct folio_vport *v);
uint32_t folio_vport_max_frame(const struct folio_vport *v);
const struct folio_copy *folio_vport_copy(const struct folio_vport *v);
const char *folio_vport_path(const struct folio_vport *v);

void folio_vport_status(struct folio_vport *v, struct folio_status *st);

/* The address that the device gives; false: it gives none. */
bool folio_vport_mac(struct folio_vport *v, uint8_t mac[6]);

/* The address to announce when the device asks for that. */
void folio_vport_announced_mac(struct folio_vport *v, const uint8_t mac[6]);

/* Valid until close. q is below the number of pairs. */
struct folio_vq *folio_vport_rxq(struct folio_vport *v, uint32_t q);
struct folio_vq *folio_vport_txq(struct folio_vport *v, uint32_t q);

/* As folio_port_enable_rx(). */
bool folio_vport_enable(struct folio_vport *v, struct folio_vq *end, bool on);

/*
 * Buffers that are filled: received ones, or those that the device has not sent yet. Takes no lock.
 */
uint32_t folio_vport_rx_used(struct folio_vport *v, uint32_t q);
uint32_t folio_vport_tx_used(struct folio_vport *v, uint32_t q);
bool folio_vport_has_rings(struct folio_vport *v, uint32_t q);

/* Cold half of the next. */
bool folio_vq_stands_still(struct folio_vq *end);

/*
 * Behind the copies of a receive burst: were they from shared memory? False: some of it is gone, or
 * is just going; what was copied is nothing that anybody sent.
 */
static inline bool
folio_vq_stands(struct folio_vq *end)
{
	return __builtin_expect(folio_fault_epoch() == end->epoch, 1) || folio_vq_stands_still(end);
}

/* The doorbell, for a burst inside the gate: the one system call of the datapath. */
void folio_vq_ring(const struct folio_vq *end);

#endif /* FOLIO_VPORT_H */
