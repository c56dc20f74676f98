/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VPORT_STATE_H
#define FOLIO_VPORT_STATE_H

/*
 * A virtio port from the inside, for its files only: vport.c is its life, vport_queues.c its memory
 * and queues, vport_watch.c what tells that a device does not do its work. All functions here are
 * called with the port's lock held, or before anybody else knows the port.
 */

#include <pthread.h>

#include "memory/arena.h"
#include "virtio/device.h"
#include "virtio/pci.h"
#include "virtio/vhost_user.h"
#include "virtio/vport.h"

struct folio_vport {
	pthread_mutex_t lock;
	pthread_rwlock_t map_lock; /* control writes while it maps other memory */
	struct folio_virtio_device device;
	struct folio_shm shm;
	struct folio_shm_config memory; /* how it was opened; strings are ours */
	bool is_pci;
	union { /* the transport */
		struct folio_vhost_user vhost_user;
		struct folio_virtio_pci pci;
	};
	bool started; /* what the user wants */
	bool up;      /* gates are open, and the device says that its link is up; read by anybody */
	bool open;    /* gates are open */
	uint32_t queues;    /* pairs that there are ends for */
	uint32_t size;	    /* descriptors of a queue, most */
	uint32_t ring_size; /* in use, or to be expected; read without the lock */
	uint32_t stride;
	uint32_t room;
	uint64_t reserved;  /* bytes at the start of the memory that are the transport's */
	bool split;	    /* no packed rings */
	uint32_t limit;	    /* longest frame ever */
	uint32_t leaves;    /* FOLIO_VQ_*: what the user would leave to the device */
	struct folio_arena arena; /* of the queues that are being set up */
	uint32_t prepared;	  /* queues that are */
	struct folio_virtio_ring rings[FOLIO_VIRTIO_QUEUES_MAX];
	uint32_t tolerance; /* ticks without progress before the device is reset */
	uint64_t taken;	    /* chains that devices were seen to return, since the last reset */
	bool announce;	    /* is owed */
	uint8_t mac[6];	    /* the port's: to be announced */
	const struct folio_copy *copy;
	uint64_t link_ups;
	uint64_t stalls;
	uint64_t announces;
	char *path; /* the socket, or the PCI address: the transport uses it, too */
	struct folio_vq *txq;
	struct folio_vq *rxq;
	folio_free_fn free;
	void *alloc_ctx;
};

static inline bool
folio_vport_is_packed(const struct folio_vport *v)
{
	return (v->device.features >> VIRTIO_F_RING_PACKED & 1) != 0;
}

/* vport_queues.c: ends and their private memory. Returns 0 or -ENOMEM. */
int folio_vport_queues_alloc(struct folio_vport *v, folio_alloc_fn alloc);
void folio_vport_queues_free(struct folio_vport *v);

/* Bytes of shared memory that `pairs` pairs with queues of `size` take, `reserved` included. */
uint64_t folio_vport_queues_bytes(const struct folio_vport *v);

/*
 * Set the next queue up, for the device as it was negotiated. 1: there is more to do; 0: all done.
 */
int folio_vport_queues_prepare(struct folio_vport *v, struct folio_error *err);

void folio_vport_queues_open(struct folio_vport *v);

/* False: a burst is still inside. Does not wait for it. */
bool folio_vport_queues_close(struct folio_vport *v);

/* vport_wants.c: from a device that is to send frames of up to frame_max bytes. */
struct folio_virtio_wants folio_vport_wants(const struct folio_vport *v, uint32_t frame_max);

/* FOLIO_VQ_* that a device has agreed on with these features. */
uint32_t folio_vport_does(uint64_t features);

/* vport_watch.c: a look at queues that are open. An error, and why the device is to be reset. */
int folio_vport_watch(struct folio_vport *v, struct folio_error *err);
void folio_vport_watch_begin(struct folio_vport *v);

/* Tell the network where this port is, if that is owed and no burst is in the way. */
void folio_vport_announce(struct folio_vport *v);

#endif /* FOLIO_VPORT_STATE_H */
