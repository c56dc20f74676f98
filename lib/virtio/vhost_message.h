/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VHOST_MESSAGE_H
#define FOLIO_VHOST_MESSAGE_H

/*
 * Messages of the vhost-user protocol, as the front end sends them and has them answered: one at a
 * time. Nothing here blocks. The back end is not trusted: an answer is exactly the one that is due,
 * or the connection is given up. Descriptors that it sends never get into this process.
 */

#include <stdbool.h>
#include <stdint.h>

#include <folio.h>

enum folio_vhost_request {
	FOLIO_VHOST_GET_FEATURES = 1,
	FOLIO_VHOST_SET_FEATURES = 2,
	FOLIO_VHOST_SET_OWNER = 3,
	FOLIO_VHOST_SET_MEM_TABLE = 5,
	FOLIO_VHOST_SET_VRING_NUM = 8,
	FOLIO_VHOST_SET_VRING_ADDR = 9,
	FOLIO_VHOST_SET_VRING_BASE = 10,
	FOLIO_VHOST_GET_VRING_BASE = 11,
	FOLIO_VHOST_SET_VRING_KICK = 12,
	FOLIO_VHOST_SET_VRING_CALL = 13,
	FOLIO_VHOST_GET_PROTOCOL_FEATURES = 15,
	FOLIO_VHOST_SET_PROTOCOL_FEATURES = 16,
	FOLIO_VHOST_GET_QUEUE_NUM = 17,
	FOLIO_VHOST_SET_VRING_ENABLE = 18,
};

/* Flags of a message. */
#define FOLIO_VHOST_VERSION 1u
#define FOLIO_VHOST_REPLY (1u << 2)
#define FOLIO_VHOST_NEED_REPLY (1u << 3)

struct folio_vhost_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size; /* bytes behind it */
};

/* What the request is about; every answer that is asked for here has one of the first two. */
union folio_vhost_payload {
	uint64_t u64;
	struct {
		uint32_t index;
		uint32_t num;
	} state;
	struct {
		uint32_t index;
		uint32_t flags;
		uint64_t desc;
		uint64_t device;
		uint64_t driver;
		uint64_t log;
	} addr;
	struct {
		uint32_t regions; /* one */
		uint32_t padding;
		uint64_t guest_addr;
		uint64_t size;
		uint64_t user_addr;
		uint64_t mmap_offset;
	} memory;
};

#define FOLIO_VHOST_REPLY_SIZE 8u

enum folio_vhost_answer {
	FOLIO_VHOST_NONE,
	FOLIO_VHOST_VALUE, /* of a GET request */
	FOLIO_VHOST_ACK,   /* which REPLY_ACK has: 0, or it could not be done */
};

/* What is sent. */
struct folio_vhost_call {
	enum folio_vhost_request request;
	uint32_t size; /* bytes of the payload */
	int fd;	       /* goes with it; -1: none */
	enum folio_vhost_answer answer;
	union folio_vhost_payload payload;
};

struct folio_vhost_link {
	int fd;		   /* the connection; -1: none */
	const char *name;  /* for people */
	uint32_t sent;	   /* bytes of the message in flight */
	uint32_t received; /* bytes of its answer */
	struct {
		struct folio_vhost_header header;
		uint8_t payload[FOLIO_VHOST_REPLY_SIZE];
	} in;
};

/*
 * Take over a connected non-blocking stream socket; -1: none yet. name lives as long as the link.
 */
void folio_vhost_link_open(struct folio_vhost_link *l, int fd, const char *name);

/* Close the connection. Twice is fine. */
void folio_vhost_link_close(struct folio_vhost_link *l);

/*
 * Send a message and take its answer: a VALUE into *value, else it may be NULL. -EAGAIN, with a
 * line that says what is waited for: call again with the same call. Back end not trusted: what it
 * says is copied once, and has the size that is due.
 *
 * Returns 0, or a negative errno with a line: -ECONNRESET if it closed the connection, -EPROTO if
 * it said anything but that answer, -EIO if it refuses.
 */
int folio_vhost_exchange(struct folio_vhost_link *l, const struct folio_vhost_call *call,
			 union folio_vhost_payload *value, struct folio_error *err);

/*
 * Nothing is due. Returns 0, or -ECONNRESET or -EPROTO with a line, if the back end closed the
 * connection or said something all the same. Does not block.
 */
int folio_vhost_link_is_quiet(const struct folio_vhost_link *l, struct folio_error *err);

#endif /* FOLIO_VHOST_MESSAGE_H */
