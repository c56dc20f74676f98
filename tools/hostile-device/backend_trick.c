/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend_state.h"

#define MOST_FDS 253 /* the kernel's limit of a message */

static const char *const trick_names[BACKEND_TRICKS] = {
	[BACKEND_HONEST] = "honest",
	[BACKEND_SIZE_0] = "size-0",
	[BACKEND_SIZE_SHORT] = "size-short",
	[BACKEND_SIZE_LONG] = "size-long",
	[BACKEND_SIZE_HUGE] = "size-huge",
	[BACKEND_WRONG_REQUEST] = "wrong-request",
	[BACKEND_WRONG_VERSION] = "wrong-version",
	[BACKEND_NO_REPLY_FLAG] = "no-reply-flag",
	[BACKEND_ALL_FLAGS] = "all-flags",
	[BACKEND_GARBAGE] = "garbage",
	[BACKEND_ALL_ONES] = "all-ones",
	[BACKEND_ZERO] = "zero",
	[BACKEND_OTHER_BIT] = "other-bit",
	[BACKEND_FD] = "fd",
	[BACKEND_FDS] = "fds",
	[BACKEND_BYTES] = "bytes",
	[BACKEND_TWICE] = "twice",
	[BACKEND_UNASKED] = "unasked",
	[BACKEND_SILENT] = "silent",
	[BACKEND_DEAF] = "deaf",
	[BACKEND_CLOSE] = "close",
	[BACKEND_CLOSE_HALF] = "close-half",
	[BACKEND_KICK_FULL] = "kick-full",
	[BACKEND_KICK_CLOSE] = "kick-close",
};

const char *
backend_trick_name(enum backend_trick trick)
{
	return trick_names[trick];
}

static const char *const request_names[BACKEND_REQUESTS] = {
	[BACKEND_GET_FEATURES] = "get-features",
	[BACKEND_SET_FEATURES] = "set-features",
	[BACKEND_SET_OWNER] = "set-owner",
	[BACKEND_SET_MEM_TABLE] = "set-mem-table",
	[BACKEND_SET_VRING_NUM] = "set-vring-num",
	[BACKEND_SET_VRING_ADDR] = "set-vring-addr",
	[BACKEND_SET_VRING_BASE] = "set-vring-base",
	[BACKEND_GET_VRING_BASE] = "get-vring-base",
	[BACKEND_SET_VRING_KICK] = "set-vring-kick",
	[BACKEND_SET_VRING_CALL] = "set-vring-call",
	[BACKEND_GET_PROTOCOL_FEATURES] = "get-protocol-features",
	[BACKEND_SET_PROTOCOL_FEATURES] = "set-protocol-features",
	[BACKEND_GET_QUEUE_NUM] = "get-queue-num",
	[BACKEND_SET_VRING_ENABLE] = "set-vring-enable",
};

const char *
backend_request_name(enum backend_request request)
{
	return request < BACKEND_REQUESTS ? request_names[request] : NULL;
}

static void
put_out(struct backend *b, const void *data, uint32_t len)
{
	if (len <= sizeof(b->out) - b->n_out) {
		memcpy(b->out + b->n_out, data, len);
		b->n_out += len;
	}
}

static void
send_fds(const struct backend *b, const void *data, size_t len, unsigned int n)
{
	struct iovec part = {(void *)(uintptr_t)data, len};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MOST_FDS * sizeof(int))];
	} room;
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room.bytes};
	unsigned int i;

	memset(&room, 0, sizeof(room));
	msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
	room.align.cmsg_level = SOL_SOCKET;
	room.align.cmsg_type = SCM_RIGHTS;
	room.align.cmsg_len = CMSG_LEN(n * sizeof(int));
	for (i = 0; i < n; i++)
		memcpy(CMSG_DATA(&room.align) + i * sizeof(int), &b->conn, sizeof(int));
	(void)sendmsg(b->conn, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static uint64_t
random_word(struct backend *b)
{
	b->seed ^= b->seed << 13;
	b->seed ^= b->seed >> 7;
	b->seed ^= b->seed << 17;
	return b->seed;
}

bool
backend_plays(const struct backend *b, uint32_t request)
{
	return b->cfg.trick != BACKEND_HONEST && b->cfg.at == request;
}

static uint64_t
wrong_content(const struct backend *b, uint64_t value)
{
	switch (b->cfg.trick) {
	case BACKEND_ALL_ONES:
		return UINT64_MAX;
	case BACKEND_ZERO:
		return 0;
	case BACKEND_OTHER_BIT:
		/* Features change when they are asked for again. */
		return b->cfg.at != BACKEND_GET_FEATURES || b->n_regions > 0 ? value ^ 1 : value;
	default:
		return value;
	}
}

void
backend_answer(struct backend *b, uint32_t request, uint64_t value)
{
	struct message m = {.header = {request, VERSION | REPLY, sizeof(m.u64)}, .u64 = value};
	uint32_t len = HEADER + sizeof(m.u64), i;

	if (!backend_plays(b, request)) {
		put_out(b, &m, len);
		return;
	}
	m.u64 = wrong_content(b, value);
	b->counts.tricks++;
	switch (b->cfg.trick) {
	case BACKEND_SIZE_0:
		m.header.size = 0;
		len = HEADER;
		break;
	case BACKEND_SIZE_SHORT:
		m.header.size = 4;
		len = HEADER + 4;
		break;
	case BACKEND_SIZE_LONG:
		m.header.size = 16;
		len = HEADER + 16;
		break;
	case BACKEND_SIZE_HUGE:
		m.header.size = UINT32_MAX;
		len = HEADER + sizeof(m.bytes);
		break;
	case BACKEND_WRONG_REQUEST:
		m.header.request ^= 32;
		break;
	case BACKEND_WRONG_VERSION:
		m.header.flags = REPLY | 2;
		break;
	case BACKEND_NO_REPLY_FLAG:
		m.header.flags = VERSION;
		break;
	case BACKEND_ALL_FLAGS:
		m.header.flags = UINT32_MAX;
		break;
	case BACKEND_GARBAGE:
		for (i = 0; i < sizeof(m.bytes) / sizeof(uint64_t); i++) {
			uint64_t word = random_word(b);

			memcpy((uint8_t *)&m + i * sizeof(word), &word, sizeof(word));
		}
		len = sizeof(m.bytes);
		break;
	case BACKEND_FD:
		send_fds(b, &m, len, 1);
		return;
	case BACKEND_FDS:
		send_fds(b, &m, len, MOST_FDS);
		return;
	case BACKEND_BYTES:
		b->dribble = true;
		break;
	case BACKEND_TWICE:
		put_out(b, &m, len);
		break;
	case BACKEND_CLOSE_HALF:
		len /= 2;
		b->close_then = true;
		break;
	default:
		break;
	}
	put_out(b, &m, len);
}

void
backend_babble(struct backend *b)
{
	const struct message m = {.header = {BACKEND_GET_FEATURES, VERSION | REPLY, 8}};

	put_out(b, &m, HEADER + sizeof(m.u64));
}

void
backend_fill_kick(int fd)
{
	const uint64_t most = UINT64_MAX - 1;
	struct stat st;

	(void)fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	/* An eventfd; whatever else it is fills up when nobody reads. */
	if (fstat(fd, &st) == 0 && !S_ISSOCK(st.st_mode))
		(void)!write(fd, &most, sizeof(most));
	(void)fcntl(fd, F_SETFL, O_RDWR);
}
