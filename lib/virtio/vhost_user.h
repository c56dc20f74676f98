/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VHOST_USER_H
#define FOLIO_VHOST_USER_H

/*
 * A virtio-net device at a vhost-user socket: the front end's side of the protocol, as QEMU's
 * documentation has it (docs/interop/vhost-user.rst). The back end may be any stock one, and is not
 * trusted. It gets our shared memory and nothing else: one region, whose device addresses are made
 * up.
 *
 * There is no configuration space: the link is up while the connection is, and of the features
 * those that say something about a configuration are not offered. Neither is ACCESS_PLATFORM, which
 * means something else here (an IOMMU that the front end plays). Whether there are several queue
 * pairs is the front end's word: CTRL_VQ is offered for that, and not asked of the back end.
 *
 * Descriptors that kick the back end are sockets, not eventfds, which read the same: 8 bytes. Of an
 * eventfd the back end has the file status flags in its hand, too; it could fill it up, clear
 * O_NONBLOCK, and hold our datapath in a write.
 *
 * Closing the connection resets the device. A back end that is dropped, not parted from, may use
 * the memory until it has noticed.
 */

#include <sys/stat.h>
#include <sys/un.h>

#include "virtio/transport.h"
#include "virtio/vhost_message.h"

struct folio_vhost_user {
	char name[sizeof("vhost_user=") + sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct sockaddr_un addr;
	const struct folio_shm *shm;
	bool server;
	int listener;	   /* -1: none */
	struct stat id;	   /* of the listener's name */
	struct folio_vhost_link link;
	uint32_t step;	   /* messages of the state at hand that are done */
	uint64_t features; /* offered, as the back end has them */
	uint64_t protocol; /* protocol features agreed on; 0 without any */
	uint64_t queues;   /* pairs, as the back end has them */
	uint32_t rings;	   /* of the running device */
	int kick[FOLIO_VIRTIO_QUEUES_MAX]; /* sockets, whose other ends the back end has; -1: none */
	int other_end;	   /* until it is sent */
};

/*
 * Get ready for folio_vhost_user_transport, with u as its transport. server: listen at path and let
 * the back end connect; a socket that a dead process left there is removed. Else connect there. shm
 * is one piece with a descriptor, lives as long as u, and is the only memory that the back end
 * gets.
 *
 * Returns 0, or a negative errno with a line; then nothing is left behind. Does not block.
 */
int folio_vhost_user_open(struct folio_vhost_user *u, const char *path, bool server,
			  const struct folio_shm *shm, struct folio_error *err);

/* Drop the back end, close and remove what was opened. No datapath thread uses it any more. */
void folio_vhost_user_close(struct folio_vhost_user *u);

extern const struct folio_virtio_transport folio_vhost_user_transport;

#endif /* FOLIO_VHOST_USER_H */
