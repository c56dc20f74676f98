/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VIRTIO_TRANSPORT_H
#define FOLIO_VIRTIO_TRANSPORT_H

/*
 * How a virtio-net device is reached: what a transport (pci.h, vhost_user.h) does for device.h. The
 * device, and whoever is at the other end of a socket, is not trusted: what it says is read once
 * into the private structures here, and judged by device.c.
 *
 * Every call is one bounded step that never waits: -EAGAIN asks for another at the next tick, with
 * a line that says what is waited for. Any other negative errno, with a line for the user, ends the
 * attempt: drop() follows. Such a line begins with the devarg. All but notify() are called by the
 * control thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include <folio.h>

#include "memory/shm.h"

#define FOLIO_VIRTIO_PAIRS_MAX 64u
/* Receive and transmit queue of each pair: 2 * pair and 2 * pair + 1. */
#define FOLIO_VIRTIO_QUEUES_MAX (2u * FOLIO_VIRTIO_PAIRS_MAX)

/* What a device offers. Nothing of it is judged yet. */
struct folio_virtio_offer {
	uint64_t features;
	uint32_t pairs;	    /* queue pairs, 1 without MQ */
	uint32_t queue_max; /* largest size of every queue that will be used; 0: no limit known */
	uint32_t mtu;	    /* if VIRTIO_NET_F_MTU */
	uint8_t mac[6];	    /* if VIRTIO_NET_F_MAC */
};

/* Device addresses of a queue's three areas. */
struct folio_virtio_ring {
	uint64_t desc;
	uint64_t driver;
	uint64_t device;
};

/* What the device is told. */
struct folio_virtio_plan {
	uint64_t features;
	uint32_t pairs;
	uint32_t size; /* descriptors of each queue, a power of two */
	uint8_t mac[6]; /* to be told the device if CTRL_MAC_ADDR; zeroes: it keeps its own */
	struct folio_virtio_ring ring[FOLIO_VIRTIO_QUEUES_MAX];
};

/* What a look at a running device shows. */
struct folio_virtio_health {
	bool link;     /* VIRTIO_NET_S_LINK_UP, true where there is no status */
	bool announce; /* it asks for announcements of the guest's addresses; answered by the transport */
};

struct folio_virtio_transport {
	const char *name; /* "virtio", "vhost_user": the devarg */

	/* Find the device, or its socket, and reset it: from here on it uses no memory of ours. */
	int (*reach)(void *transport, struct folio_error *err);

	/* Read what it offers, configuration space included. */
	int (*ask)(void *transport, struct folio_virtio_offer *offer, struct folio_error *err);

	/*
	 * Negotiate plan->features, tell it where the queues are, start it. The queues are ready:
	 * the device may use them from the first call on. 0: it runs, with all its pairs.
	 */
	int (*tell)(void *transport, const struct folio_virtio_plan *plan, struct folio_error *err);

	/* Look at a running device. An error: it is gone, or asks for a reset. */
	int (*watch)(void *transport, struct folio_virtio_health *health, struct folio_error *err);

	/* Have it stop in good order; no burst runs any more. 0: it uses no memory of ours. */
	int (*part)(void *transport, struct folio_error *err);

	/* The same at once, whatever state it is in. Not behind a part() that returned 0. */
	void (*drop)(void *transport);

	/*
	 * Tell the device that there is something in queue q: 2 * pair, or that plus one. Called by
	 * any datapath thread, one a queue, between tell() and part() or drop(). One system call,
	 * which never blocks.
	 */
	void (*notify)(void *transport, uint32_t q);
};

#endif /* FOLIO_VIRTIO_TRANSPORT_H */
