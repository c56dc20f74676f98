/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_CONTROL_H
#define FOLIO_CONTROL_H

/*
 * The control queue of a virtio-net device (virtio 1.2, section 5.1.6.5): one command at a time,
 * and no call waits. The device is not trusted: what it answers is accepted, refused, or nonsense.
 * Commands, rings and the answer lie in shared memory at places that never change; nothing that we
 * wrote there is read again.
 *
 * The memory may be write-combining, which keeps no order of its own: there are fences.
 *
 * Control thread only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "virtio/spec.h"
#include "virtio/transport.h"

/* Descriptors: two a command. A device whose control queue is smaller cannot be used. */
#define FOLIO_CONTROL_SIZE 4u

/* Shared memory, contiguous for the device and aligned to a line. */
#define FOLIO_CONTROL_BYTES 512u

/* Most bytes that a command's own data have. */
#define FOLIO_CONTROL_DATA 32u

/* Classes << 8 | commands: RX_PROMISC, MAC_ADDR_SET, ANNOUNCE_ACK, MQ_VQ_PAIRS_SET. */
#define FOLIO_CONTROL_PROMISC 0x0000u
#define FOLIO_CONTROL_MAC 0x0101u
#define FOLIO_CONTROL_ANNOUNCED 0x0300u
#define FOLIO_CONTROL_PAIRS 0x0400u

enum folio_control_answer {
	FOLIO_CONTROL_IDLE,	/* nothing was asked */
	FOLIO_CONTROL_PENDING,	/* ask again at the next tick */
	FOLIO_CONTROL_ACCEPTED, /* then idle */
	FOLIO_CONTROL_REFUSED,	/* then idle */
	FOLIO_CONTROL_BROKEN,	/* the answer makes no sense, now and until attached anew */
	FOLIO_CONTROL_SILENT,	/* looked often enough: the same */
};

struct folio_control {
	struct folio_virtq_desc *desc;	     /* shared, written; packed: read as well */
	struct folio_split_avail *ring;	     /* shared, written */
	const struct folio_split_used *back; /* shared, the device's */
	const folio_shared_u64 *elem;	     /* shared, the device's */
	folio_shared_u64 *command;	     /* shared, written */
	folio_shared_u32 *ack;		     /* shared, of which the device has a byte */
	uint64_t command_addr;
	uint64_t ack_addr;
	bool packed;
	bool busy;
	uint16_t given;			  /* commands since attached */
	uint32_t looks;			  /* for the answer to the last */
	uint32_t limit;			  /* of these */
	enum folio_control_answer failed; /* BROKEN or SILENT: it stays so; else IDLE */
};

/*
 * Set the queue up, in memory that no device uses; ring gets the device addresses of its areas. A
 * command that is not answered within `limit` looks never will be.
 */
void folio_control_attach(struct folio_control *c, bool packed, void *mem, uint64_t addr,
			  uint32_t limit, struct folio_virtio_ring *ring);

/*
 * Give a command with len bytes of data, at most FOLIO_CONTROL_DATA, while the queue is idle. The
 * caller rings the doorbell.
 */
void folio_control_give(struct folio_control *c, uint32_t command, const void *data, uint32_t len);

/* One look for the answer. Device not trusted. */
enum folio_control_answer folio_control_look(struct folio_control *c);

#endif /* FOLIO_CONTROL_H */
