/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef BACKEND_H
#define BACKEND_H

/*
 * A vhost-user back end of a network device: it sends back what it gets. Honest as QEMU's
 * documentation has the protocol, or with one trick. It shares no code with lib/virtio, and has no
 * part of a test in it: any front end may be served.
 *
 * One thread uses it. Nothing waits.
 */

#include <stdbool.h>
#include <stdint.h>

#include "model.h"

/* Requests of the protocol that are known here. */
enum backend_request {
	BACKEND_GET_FEATURES = 1,
	BACKEND_SET_FEATURES = 2,
	BACKEND_SET_OWNER = 3,
	BACKEND_SET_MEM_TABLE = 5,
	BACKEND_SET_VRING_NUM = 8,
	BACKEND_SET_VRING_ADDR = 9,
	BACKEND_SET_VRING_BASE = 10,
	BACKEND_GET_VRING_BASE = 11,
	BACKEND_SET_VRING_KICK = 12,
	BACKEND_SET_VRING_CALL = 13,
	BACKEND_GET_PROTOCOL_FEATURES = 15,
	BACKEND_SET_PROTOCOL_FEATURES = 16,
	BACKEND_GET_QUEUE_NUM = 17,
	BACKEND_SET_VRING_ENABLE = 18,
	BACKEND_REQUESTS
};

/* What it does when a request comes, rather than what it should. */
enum backend_trick {
	BACKEND_HONEST,
	/* Answers with a wrong header. */
	BACKEND_SIZE_0,
	BACKEND_SIZE_SHORT,
	BACKEND_SIZE_LONG,
	BACKEND_SIZE_HUGE,
	BACKEND_WRONG_REQUEST,
	BACKEND_WRONG_VERSION,
	BACKEND_NO_REPLY_FLAG,
	BACKEND_ALL_FLAGS,
	BACKEND_GARBAGE, /* random bytes, many */
	/* Answers with a wrong content. */
	BACKEND_ALL_ONES,
	BACKEND_ZERO,
	BACKEND_OTHER_BIT, /* one bit is not what it was, or is to be */
	/* Answers in another manner. */
	BACKEND_FD,    /* with a descriptor */
	BACKEND_FDS,   /* with as many as can be sent */
	BACKEND_BYTES, /* byte by byte, one a step: allowed */
	BACKEND_TWICE,
	BACKEND_UNASKED, /* an answer where none is due */
	BACKEND_SILENT,	 /* never again */
	BACKEND_DEAF,	 /* reads no more */
	BACKEND_CLOSE,
	BACKEND_CLOSE_HALF, /* in the middle of the answer */
	/* With the doorbell's descriptor. */
	BACKEND_KICK_FULL, /* fills it up, and has it block */
	BACKEND_KICK_CLOSE,
	BACKEND_TRICKS
};

/* Their names, for command lines. */
const char *backend_trick_name(enum backend_trick trick);
const char *backend_request_name(enum backend_request request); /* NULL: none of those above */

struct backend_config {
	const char *path;
	bool client;	   /* connects to a front end that listens */
	uint64_t features; /* of the device; bit 30 is of vhost-user: there are protocol features */
	uint64_t protocol;
	uint64_t pairs;
	bool polls;	   /* and says so: no kicks are wanted */
	enum backend_trick trick;
	enum backend_request at; /* plays its trick when this comes */
	/*
	 * Serves a queue pair rather than sending back what comes: one short round. Returns whether
	 * there was something to do. What the driver does wrong is left in the queues' `error`.
	 */
	bool (*serve)(void *ctx, unsigned int pair, struct model_queue *rx, struct model_queue *tx);
	void *serve_ctx;
};

/* Of the memory table. */
struct backend_region {
	uint64_t guest_addr;
	uint64_t user_addr;
	uint64_t size;
	uint64_t offset; /* in the file */
	char file[80];	 /* what /proc says of it */
	int seals;	 /* F_GET_SEALS; -1: none can be */
	uint8_t *mem;
};

struct backend_counts {
	uint64_t connections;
	uint64_t left; /* of them, closed by the front end */
	uint64_t messages;
	uint64_t tricks; /* played */
	uint64_t frames; /* sent back */
	uint64_t kicks;
	uint64_t regions; /* in the last memory table */
	uint64_t memory;  /* bytes in it */
	uint32_t started; /* rings that run */
	uint64_t stopped; /* rings that were asked to stop */
};

struct backend;

/* NULL with errno if it cannot listen, or out of memory. */
struct backend *backend_open(const struct backend_config *cfg);
void backend_close(struct backend *b);

/* One round: connections, messages, queues. Returns whether there was something to do. */
bool backend_step(struct backend *b);

/* Close the connection, now. Another one may come. */
void backend_hang_up(struct backend *b);

/* Hang up, and forget what was done wrong: from here on it is served again. */
void backend_forgive(struct backend *b);

/* Another trick, from here on. */
void backend_set_trick(struct backend *b, enum backend_trick trick, enum backend_request at);

/* A ring that runs, else NULL: 2 * pair is the one on which the driver receives. */
struct model_queue *backend_ring(struct backend *b, unsigned int i);

/* The driver's memory, and the features agreed on. Valid until the next step. */
const struct backend_region *backend_regions(const struct backend *b, unsigned int *n);
uint64_t backend_features(const struct backend *b);

/* Say something that was not asked for, now. */
void backend_babble(struct backend *b);

const struct backend_counts *backend_counts(const struct backend *b);

/* What the front end did wrong, NULL if nothing. */
const char *backend_error(const struct backend *b);

#endif /* BACKEND_H */
