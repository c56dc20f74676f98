/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend_state.h"

bool
backend_complain(struct backend *b, const char *why)
{
	b->error = why;
	return false;
}

void
backend_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

const struct backend_counts *
backend_counts(const struct backend *b)
{
	return &b->counts;
}

const char *
backend_error(const struct backend *b)
{
	return b->error;
}

static void
forget_fds(struct backend *b)
{
	while (b->n_fds > 0)
		backend_close_fd(&b->fds[--b->n_fds]);
}

void
backend_hang_up(struct backend *b)
{
	unsigned int i;

	for (i = 0; i < RINGS; i++) {
		backend_stop_ring(b, &b->ring[i]);
		b->ring[i] = (struct ring){.kick = -1, .hostage = -1};
	}
	backend_forget_memory(b);
	forget_fds(b);
	backend_close_fd(&b->conn);
	b->received = 0;
	b->n_out = 0;
	b->silent = b->deaf = b->dribble = b->close_then = false;
	b->features = 0;
	b->protocol = 0;
}

void
backend_forgive(struct backend *b)
{
	backend_hang_up(b);
	b->error = NULL;
}

void
backend_set_trick(struct backend *b, enum backend_trick trick, enum backend_request at)
{
	b->cfg.trick = trick;
	b->cfg.at = at;
}

struct model_queue *
backend_ring(struct backend *b, unsigned int i)
{
	return i < RINGS && b->ring[i].running ? &b->ring[i].q : NULL;
}

const struct backend_region *
backend_regions(const struct backend *b, unsigned int *n)
{
	*n = b->n_regions;
	return b->region;
}

uint64_t
backend_features(const struct backend *b)
{
	return b->features;
}

static bool
set_kick(struct backend *b, struct ring *r)
{
	backend_close_fd(&r->kick);
	backend_close_fd(&r->hostage);
	if ((b->in.u64 & NO_FD) != 0 || b->n_fds != 1)
		return backend_complain(b, "no descriptor for kicks");
	r->kick = b->fds[0];
	b->n_fds = 0;
	if (!backend_plays(b, BACKEND_SET_VRING_KICK)) {
		(void)fcntl(r->kick, F_SETFL, O_RDWR | O_NONBLOCK);
		return true;
	}
	b->counts.tricks++;
	r->kicked = true;
	if (b->cfg.trick == BACKEND_KICK_FULL) {
		backend_fill_kick(r->kick);
		r->hostage = r->kick;
		r->kick = -1;
	}
	backend_close_fd(&r->kick);
	return true;
}

static bool
for_ring(struct backend *b)
{
	uint32_t i = b->in.header.request == BACKEND_SET_VRING_KICK ||
		     b->in.header.request == BACKEND_SET_VRING_CALL ? b->in.u64 & 0xff
								     : b->in.state.index;
	struct ring *r = &b->ring[i % RINGS];

	if (i >= RINGS)
		return backend_complain(b, "a ring number beyond the last");
	switch (b->in.header.request) {
	case BACKEND_SET_VRING_NUM:
		r->num = b->in.state.num;
		return true;
	case BACKEND_SET_VRING_BASE:
		r->base = b->in.state.num;
		return true;
	case BACKEND_SET_VRING_ADDR:
		r->addr = b->in.addr;
		r->has_addr = true;
		return true;
	case BACKEND_SET_VRING_CALL:
		return true;
	case BACKEND_SET_VRING_KICK:
		return set_kick(b, r);
	case BACKEND_SET_VRING_ENABLE:
		r->enabled = b->in.state.num != 0;
		return true;
	default:
		backend_stop_ring(b, r);
		b->counts.stopped++;
		backend_answer(b, b->in.header.request, b->in.u64 & UINT32_MAX);
		return true;
	}
}

/* Do as an honest back end does, but for what backend_answer() makes of it. */
static bool
obey(struct backend *b)
{
	const uint32_t request = b->in.header.request;
	bool ok = true;

	switch (request) {
	case BACKEND_GET_FEATURES:
		backend_answer(b, request, b->cfg.features);
		return true;
	case BACKEND_GET_PROTOCOL_FEATURES:
		backend_answer(b, request, b->cfg.protocol);
		return true;
	case BACKEND_GET_QUEUE_NUM:
		backend_answer(b, request, b->cfg.pairs);
		return true;
	case BACKEND_SET_FEATURES:
		b->features = b->in.u64;
		ok = (b->features & ~b->cfg.features) == 0 || b->cfg.trick != BACKEND_HONEST ||
		     backend_complain(b, "features that were not offered");
		break;
	case BACKEND_SET_PROTOCOL_FEATURES:
		b->protocol = b->in.u64;
		break;
	case BACKEND_SET_OWNER:
		break;
	case BACKEND_SET_MEM_TABLE:
		ok = backend_set_memory(b);
		break;
	case BACKEND_SET_VRING_NUM:
	case BACKEND_SET_VRING_BASE:
	case BACKEND_SET_VRING_ADDR:
	case BACKEND_SET_VRING_KICK:
	case BACKEND_SET_VRING_CALL:
	case BACKEND_SET_VRING_ENABLE:
		ok = for_ring(b);
		break;
	case BACKEND_GET_VRING_BASE:
		return for_ring(b);
	default:
		return backend_complain(b, "a request that is not known");
	}
	if ((b->in.header.flags & NEED_REPLY) != 0)
		backend_answer(b, request, ok ? 0 : 1);
	return ok;
}

/* A message is there as a whole. */
static void
take_message(struct backend *b)
{
	const uint32_t request = b->in.header.request;
	bool now = backend_plays(b, request);

	b->counts.messages++;
	b->received = 0;
	if (b->silent) {
		forget_fds(b);
		return;
	}
	if (now && b->cfg.trick == BACKEND_CLOSE) {
		b->counts.tricks++;
		backend_hang_up(b);
		return;
	}
	if (now && b->cfg.trick == BACKEND_UNASKED) {
		b->counts.tricks++;
		backend_babble(b);
	}
	if (now && (b->cfg.trick == BACKEND_SILENT || b->cfg.trick == BACKEND_DEAF)) {
		b->counts.tricks++;
		b->silent = true;
		b->deaf = b->cfg.trick == BACKEND_DEAF;
		forget_fds(b);
		return;
	}
	(void)obey(b);
	forget_fds(b);
}

static void
keep_fds(struct backend *b, struct msghdr *msg)
{
	struct cmsghdr *c;
	size_t i, n;
	int fd;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (b->n_fds < REGIONS)
				b->fds[b->n_fds++] = fd;
			else
				close(fd);
		}
	}
}

/* Bytes that are due of the message at hand: its header, then what that says. */
static uint32_t
due(const struct backend *b)
{
	if (b->received < HEADER)
		return HEADER - b->received;
	return HEADER + b->in.header.size - b->received;
}

static bool
read_some(struct backend *b)
{
	struct iovec part = {(uint8_t *)&b->in + b->received, due(b)};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(REGIONS * sizeof(int))];
	} room;
	struct msghdr msg = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = sizeof(room.bytes),
	};
	ssize_t n = recvmsg(b->conn, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		b->counts.left++;
		backend_hang_up(b);
		return true;
	}
	keep_fds(b, &msg);
	b->received += (uint32_t)n;
	if (b->received < HEADER)
		return true;
	if (b->in.header.size > sizeof(b->in.bytes) || (b->in.header.flags & 3) != VERSION) {
		(void)backend_complain(b, "a message of another version, or too long");
		backend_hang_up(b);
	} else if (due(b) == 0) {
		take_message(b);
	}
	return true;
}

static bool
write_some(struct backend *b)
{
	uint32_t most = b->dribble ? 1 : b->n_out;
	ssize_t n;

	if (b->n_out == 0)
		return false;
	n = send(b->conn, b->out, most, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		b->counts.left++;
		backend_hang_up(b);
		return true;
	}
	if (n <= 0)
		return false;
	b->n_out -= (uint32_t)n;
	memmove(b->out, b->out + n, b->n_out);
	if (b->n_out == 0 && b->close_then)
		backend_hang_up(b);
	return !b->dribble; /* the next byte is the next step's, whoever waits for it */
}

static int
new_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static bool
find_front_end(struct backend *b)
{
	int fd;

	if (!b->cfg.client) {
		fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	} else {
		fd = new_socket();
		if (fd >= 0 && connect(fd, (const struct sockaddr *)&b->addr, sizeof(b->addr)) != 0)
			backend_close_fd(&fd);
	}
	if (fd < 0)
		return false;
	b->conn = fd;
	b->counts.connections++;
	return true;
}

/* Who reads nothing does not see the end either. */
static bool
is_left(const struct backend *b)
{
	struct pollfd p = {.fd = b->conn};

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

bool
backend_step(struct backend *b)
{
	bool busy = false;

	if (b->conn < 0)
		return find_front_end(b);
	if (b->deaf && is_left(b)) {
		b->counts.left++;
		backend_hang_up(b);
		return true;
	}
	if (!b->deaf && (!b->dribble || b->n_out == 0)) {
		while (b->conn >= 0 && !b->deaf && read_some(b))
			busy = true;
	}
	if (b->conn >= 0)
		busy |= write_some(b);
	if (b->conn >= 0)
		busy |= backend_serve_rings(b);
	return busy;
}

struct backend *
backend_open(const struct backend_config *cfg)
{
	struct backend *b = calloc(1, sizeof(*b));
	unsigned int i;

	if (b == NULL)
		return NULL;
	b->cfg = *cfg;
	b->conn = -1;
	b->listener = -1;
	b->seed = 88172645463325252u;
	for (i = 0; i < RINGS; i++)
		b->ring[i] = (struct ring){.kick = -1, .hostage = -1};
	b->addr.sun_family = AF_UNIX;
	snprintf(b->addr.sun_path, sizeof(b->addr.sun_path), "%s", cfg->path);
	if (cfg->client)
		return b;
	b->listener = new_socket();
	if (b->listener < 0 ||
	    bind(b->listener, (const struct sockaddr *)&b->addr, sizeof(b->addr)) != 0 ||
	    listen(b->listener, 8) != 0) {
		backend_close_fd(&b->listener);
		free(b);
		return NULL;
	}
	return b;
}

void
backend_close(struct backend *b)
{
	backend_hang_up(b);
	if (b->listener >= 0)
		(void)unlink(b->addr.sun_path);
	backend_close_fd(&b->listener);
	free(b);
}
