/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_PORT_STATE_H
#define FOLIO_PORT_STATE_H

/*
 * A port from the inside, for its three files only: port.c is its life and its state machine,
 * attach.c how it comes to a region and leaves it, queue.c its gates and ring ends. All functions
 * here are called with the port's lock held, or before anybody else knows the port.
 */

#include <pthread.h>

#include "native/region.h"
#include "native/session.h"
#include "port.h"

/* Steps between two attempts to open a region that went away or did not fit. */
#define FOLIO_RETRY_STEPS (200 / FOLIO_TICK_MS)

/* Below PREPARING there is no mapping; from CLOSED on rings and session point into it. */
enum folio_port_state {
	FOLIO_PORT_DETACHED, /* waits for the file, or for the guest that the file is to bring */
	FOLIO_PORT_JAMMED,   /* as before, while a burst still uses a mapping that was given up */
	FOLIO_PORT_PREPARING, /* mapped, and made ready piece by piece: rings and session come later */
	FOLIO_PORT_CLOSED,   /* mapped, gates closed */
	FOLIO_PORT_CLOSING,  /* mapped, and a burst has not left: no session step before it has */
	FOLIO_PORT_LEAVING,  /* the region is lost: zeroed when the peer has let go of it */
	FOLIO_PORT_OPEN,     /* mapped, gates open: the link is up */
};

struct folio {
	pthread_mutex_t lock;
	pthread_rwlock_t rings_lock; /* control writes while it changes what rings point to */
	enum folio_role role;
	enum folio_port_state state; /* written by control, read by anybody */
	bool unmappable; /* host: detail says why the guest's offer could not be mapped */
	bool loopback;
	bool started; /* what the user wants */
	bool told_up; /* what the last folio_tick() knew of the link */
	int numa_node;
	uint64_t size;
	uint32_t queues;    /* pairs that there are ends for */
	uint32_t ring_size; /* slots now, or to be expected; read without the lock */
	uint32_t retry;	    /* steps until the next attempt to attach */
	uint32_t waited;    /* steps in CLOSING or LEAVING */
	uint64_t ticked;    /* ms of the clock at the last tick, 0 none */
	struct folio_geometry want; /* guest: its geometry. host: the most it accepts */
	struct folio_layout layout;
	struct folio_region region;
	struct folio_session session;
	const struct folio_copy *copy;
	uint64_t link_ups;
	uint64_t renegotiations;
	char *path;
	char *pci; /* instead of path */
	struct folio_error detail; /* why there is no region */
	struct folio_txq *txq;
	struct folio_rxq *rxq;
	folio_free_fn free;
	void *alloc_ctx;
};

static inline bool
folio_port_is_attached(const struct folio *f)
{
	return f->state >= FOLIO_PORT_CLOSED;
}

/* port.c */
void folio_port_set_state(struct folio *f, enum folio_port_state state);

/* attach.c: for applications that ask before there is a guest, its default within our limit. */
uint32_t folio_expected_ring_size(const struct folio *f);

/* Open the region; a guest, and a loopback port, map it too. Returns 0 or a negative errno. */
int folio_attach_open(struct folio *f, struct folio_error *err);

/* What was said of a peer was said of another offer, or of one in another region. */
void folio_attach_forget_complaint(struct folio *f);

/*
 * Zero what we wrote, if the memory is still there: a piece of it. True: that was the last one. No
 * session step in between.
 */
bool folio_attach_wipe(struct folio *f);

/* Forget the mapping; the file stays open, so that the role stays ours. */
void folio_attach_detach(struct folio *f);

/* A tick before there are rings. */
void folio_attach_tick(struct folio *f);

/* queue.c: returns 0 or -ENOMEM. */
int folio_queues_alloc(struct folio *f, folio_alloc_fn alloc);
void folio_queues_open(struct folio *f);

/* False: a burst is still inside. Does not wait for it. */
bool folio_queues_close(struct folio *f);

/* Point the ring ends into the region. Only while no burst is inside, as for the next one. */
void folio_queues_attach(struct folio *f);

/* Zero our side of the rings, a piece at a time. True: that was the last, and they begin anew. */
bool folio_queues_reset(struct folio *f);
bool folio_queues_any_broken(const struct folio *f);

#endif /* FOLIO_PORT_STATE_H */
