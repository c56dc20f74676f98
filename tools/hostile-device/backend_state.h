/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef BACKEND_STATE_H
#define BACKEND_STATE_H

/* For backend*.c only. */

#include <sys/un.h>

#include <linux/vhost_types.h>

#include "backend.h"
#include "model.h"

#define REGIONS 8
#define MAPS 64 /* of tables that were replaced, too, while rings ran */
#define RINGS 128
#define VERSION 1u
#define REPLY 4u
#define NEED_REPLY 8u
#define PROTOCOL_FEATURES (UINT64_C(1) << 30)
#define REPLY_ACK (UINT64_C(1) << 3)
#define NO_FD 0x100u
#define FRAME_MAX 65536u
#define STEP_FRAMES 64u /* a step is short */

struct region {
	uint64_t guest_addr;
	uint64_t size;
	uint64_t user_addr;
	uint64_t offset;
};

struct message {
	struct {
		uint32_t request;
		uint32_t flags;
		uint32_t size;
	} header;
	union {
		uint64_t u64;
		struct vhost_vring_state state;
		struct vhost_vring_addr addr;
		struct {
			uint32_t n;
			uint32_t padding;
			struct region region[REGIONS];
		} memory;
		uint8_t bytes[4096];
	};
} __attribute__((packed));

#define HEADER sizeof(((struct message *)NULL)->header)

struct ring {
	uint32_t num;
	uint32_t base;
	bool has_addr;
	struct vhost_vring_addr addr;
	int kick;    /* -1: none */
	int hostage; /* a kick's descriptor that is kept and not read; -1: none */
	bool kicked;
	bool enabled;
	bool running;
	struct model_queue q;
};

struct backend {
	struct backend_config cfg;
	struct sockaddr_un addr;
	struct backend_counts counts;
	int listener;
	int conn;
	struct message in;
	uint32_t received;
	int fds[REGIONS];
	unsigned int n_fds;
	uint8_t out[8192]; /* answers that wait to be sent */
	uint32_t n_out;
	bool silent, deaf, dribble, close_then;
	uint64_t features, protocol; /* agreed on */
	void *map[MAPS];
	size_t map_len[MAPS];
	unsigned int n_maps;
	struct model_region guest[REGIONS], user[REGIONS];
	unsigned int n_regions;
	struct ring ring[RINGS];
	struct backend_region region[REGIONS]; /* n_regions */
	const char *error;
	uint64_t seed;
};

/* backend_trick.c: answer with u64 or what has its size, in the manner of the trick. */
void backend_answer(struct backend *b, uint32_t request, uint64_t value);

/* Is this the request at which the trick is played? */
bool backend_plays(const struct backend *b, uint32_t request);

/* Let nothing more go into a doorbell, and clear the flag that keeps a writer from waiting. */
void backend_fill_kick(int fd);

/* backend_rings.c: the driver's memory, and the queues in it. */
bool backend_set_memory(struct backend *b);
void backend_forget_memory(struct backend *b);
void backend_stop_ring(struct backend *b, struct ring *r);
bool backend_serve_rings(struct backend *b);

/* Note what the front end did wrong. Returns false. */
bool backend_complain(struct backend *b, const char *why);

void backend_close_fd(int *fd);

#endif /* BACKEND_STATE_H */
