/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VF_PORT_STATE_H
#define FOLIO_VF_PORT_STATE_H

/*
 * Such a port from the inside, for its files only: port.c is its life, port_queues.c its memory,
 * rings and gates. All functions here are called with the port's lock held, or before anybody else
 * knows the port.
 */

#include <pthread.h>

#include "memory/arena.h"
#include "vf/card.h"
#include "vf/pci.h"
#include "vf/port.h"

struct folio_vf_port {
	pthread_mutex_t lock;
	pthread_rwlock_t map_lock; /* control writes while it maps other memory */
	struct folio_card card;
	struct folio_vf_pci pci;
	struct folio_shm shm;
	struct folio_shm_config memory; /* how it was opened; strings are ours */
	bool started;	 /* what the user wants */
	bool up;	 /* gates are open, and the card says that its link is up; read by anybody */
	bool open;	 /* gates are open */
	uint32_t queues; /* pairs that there are ends for */
	uint32_t size;
	uint32_t stride;
	uint32_t kib;	 /* of a buffer */
	uint32_t limit;	 /* longest frame ever */
	struct folio_arena arena; /* of the rings that are being set up */
	uint32_t prepared;	  /* rings that are */
	const struct folio_copy *copy;
	uint64_t link_ups;
	uint64_t stalls;
	char *path; /* the PCI address: the transport uses it, too */
	struct folio_vf_end *rxq;
	struct folio_vf_end *txq;
	folio_free_fn free;
	void *alloc_ctx;
};

int folio_vf_queues_alloc(struct folio_vf_port *v, folio_alloc_fn alloc);
void folio_vf_queues_free(struct folio_vf_port *v);
uint64_t folio_vf_queues_bytes(const struct folio_vf_port *v);

/* Set the next ring up. 1: there is more to do; 0: all done; or a negative errno with a line. */
int folio_vf_queues_prepare(struct folio_vf_port *v, struct folio_error *err);
void folio_vf_queues_open(struct folio_vf_port *v);

/* False: a burst is still inside. Does not wait for it. */
bool folio_vf_queues_close(struct folio_vf_port *v);

/* A look at rings that are open. An error, and why the card is to be reset. */
int folio_vf_queues_watch(struct folio_vf_port *v, struct folio_error *err);

#endif /* FOLIO_VF_PORT_STATE_H */
