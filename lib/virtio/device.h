/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VIRTIO_DEVICE_H
#define FOLIO_VIRTIO_DEVICE_H

/*
 * A virtio-net device from the driver's side: negotiation, and what to do when it fails (virtio
 * 1.2, sections 3.1 and 5.1). A state machine that the control thread ticks; no call waits, and
 * every state that waits for the device has a deadline. The device is not trusted: its offer is
 * copied once, judged once by offer.h, and kept.
 *
 *	DOWN -> REACH -> ASK -> PREPARE -> TELL -> UP -> SHUTTING -> PART -> DOWN
 *
 * An error or a deadline anywhere drops the device and begins again after a pause, which doubles
 * from 100 ms to 2 s and is short again once the device has run for 10 s.
 *
 * Control thread only. The owner may free what the device uses when the state is DOWN.
 */

#include "virtio/offer.h"

enum folio_virtio_state {
	FOLIO_VIRTIO_DOWN,    /* uses no memory of ours; waits for the pause to end, or to be started */
	FOLIO_VIRTIO_REACH,
	FOLIO_VIRTIO_ASK,
	FOLIO_VIRTIO_PREPARE, /* the owner sets queues up and calls folio_virtio_device_prepared() */
	FOLIO_VIRTIO_TELL,
	FOLIO_VIRTIO_UP,
	FOLIO_VIRTIO_SHUTTING, /* the owner shuts its gates and calls folio_virtio_device_quiet() */
	FOLIO_VIRTIO_PART,
};

/* What the owner is to do after a tick. */
enum folio_virtio_action {
	FOLIO_VIRTIO_NOTHING,
	FOLIO_VIRTIO_SET_UP, /* zero and attach the queues as dev->features, pairs and size say */
	FOLIO_VIRTIO_OPEN,   /* bursts may run */
	FOLIO_VIRTIO_SHUT,   /* no burst may run: close the gates, then folio_virtio_device_quiet() */
};

struct folio_virtio_device {
	const struct folio_virtio_transport *ops;
	void *transport;
	struct folio_virtio_wants wants;
	enum folio_virtio_state state;
	bool wanted;	      /* started */
	bool leave;	      /* stopped since it was DOWN */
	bool failed;	      /* it is to be dropped, not parted from */
	bool answered;	      /* the owner has done what the last action asked for */
	bool link;	      /* the device's own word, while UP */
	struct folio_virtio_offer offer; /* judged */
	uint64_t features;    /* negotiated */
	uint32_t pairs;
	uint32_t size;
	struct folio_virtio_plan plan;
	uint64_t since;	      /* ms, when the state was entered */
	uint64_t retry_at;    /* ms */
	uint32_t pause;	      /* ms */
	uint64_t resets;      /* counted: how often a device that ran was given up */
	uint64_t bad_offers;  /* counted: what it offered made no sense */
	uint64_t announces;   /* counted: how often it asked for announcements */
	struct folio_error detail; /* why it is not up; empty: it is, or nobody wants it */
};

/* Once. ops and transport live as long as the device. */
void folio_virtio_device_init(struct folio_virtio_device *d,
			      const struct folio_virtio_transport *ops, void *transport);

/*
 * The user wants it up, or not any more; takes effect at the next ticks. One start for each stop. A
 * start behind a stop negotiates anew, with what is wanted then.
 */
void folio_virtio_device_start(struct folio_virtio_device *d,
			       const struct folio_virtio_wants *wants);
void folio_virtio_device_stop(struct folio_virtio_device *d);

/*
 * One step. now: milliseconds of a clock that never goes back. Does not block: as long as the
 * transport's bounded step takes.
 */
enum folio_virtio_action folio_virtio_device_tick(struct folio_virtio_device *d, uint64_t now);

/* Behind SET_UP: the queues are ready at these addresses, 2 * pairs of them. */
void folio_virtio_device_prepared(struct folio_virtio_device *d,
				  const struct folio_virtio_ring *rings);

/*
 * Behind SHUT: no burst is inside. Until this is said the device is left as it is, so that what a
 * burst uses stays what it was.
 */
void folio_virtio_device_quiet(struct folio_virtio_device *d);

/*
 * The owner has found that the device does not do its work, or cannot set its queues up: begin
 * again. Counted, if the device was UP. Nothing happens if it is neither UP nor in PREPARE.
 */
void folio_virtio_device_fail(struct folio_virtio_device *d, const char *why);

/* Drop the device whatever its state: for the end. No burst is inside. */
void folio_virtio_device_end(struct folio_virtio_device *d);

#endif /* FOLIO_VIRTIO_DEVICE_H */
