/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "error.h"
#include "virtio/vhost_message.h"

#define REPLY_FLAGS (FOLIO_VHOST_VERSION | FOLIO_VHOST_REPLY)

static const char *
name_of(uint32_t request)
{
	static const char *const names[] = {
		[FOLIO_VHOST_GET_FEATURES] = "GET_FEATURES",
		[FOLIO_VHOST_SET_FEATURES] = "SET_FEATURES",
		[FOLIO_VHOST_SET_OWNER] = "SET_OWNER",
		[FOLIO_VHOST_SET_MEM_TABLE] = "SET_MEM_TABLE",
		[FOLIO_VHOST_SET_VRING_NUM] = "SET_VRING_NUM",
		[FOLIO_VHOST_SET_VRING_ADDR] = "SET_VRING_ADDR",
		[FOLIO_VHOST_SET_VRING_BASE] = "SET_VRING_BASE",
		[FOLIO_VHOST_GET_VRING_BASE] = "GET_VRING_BASE",
		[FOLIO_VHOST_SET_VRING_KICK] = "SET_VRING_KICK",
		[FOLIO_VHOST_SET_VRING_CALL] = "SET_VRING_CALL",
		[FOLIO_VHOST_GET_PROTOCOL_FEATURES] = "GET_PROTOCOL_FEATURES",
		[FOLIO_VHOST_SET_PROTOCOL_FEATURES] = "SET_PROTOCOL_FEATURES",
		[FOLIO_VHOST_GET_QUEUE_NUM] = "GET_QUEUE_NUM",
		[FOLIO_VHOST_SET_VRING_ENABLE] = "SET_VRING_ENABLE",
	};

	return names[request];
}

void
folio_vhost_link_open(struct folio_vhost_link *l, int fd, const char *name)
{
	memset(l, 0, sizeof(*l));
	l->fd = fd;
	l->name = name;
}

void
folio_vhost_link_close(struct folio_vhost_link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->sent = 0;
	l->received = 0;
}

/* What to do about the errno of a failed send or receive. */
static int
explain(const struct folio_vhost_link *l, int error, const char *what, const char *request,
	struct folio_error *err)
{
	if (error == EAGAIN || error == EINTR)
		return folio_fail(err, -EAGAIN, "%s: the back end has not %s %s", l->name, what,
				  request);
	return folio_fail(err, -error, "%s: the connection to the back end broke at %s: %s", l->name,
			  request, strerror(error));
}

/* The rest of the message; a descriptor goes with the first byte. */
static int
send_some(struct folio_vhost_link *l, const struct folio_vhost_call *call, struct folio_error *err)
{
	struct {
		struct folio_vhost_header header;
		union folio_vhost_payload payload;
	} __attribute__((packed)) out = {
		.header.request = call->request,
		.header.flags = FOLIO_VHOST_VERSION |
				(call->answer == FOLIO_VHOST_ACK ? FOLIO_VHOST_NEED_REPLY : 0),
		.header.size = call->size,
		.payload = call->payload,
	};
	const uint32_t all = (uint32_t)sizeof(out.header) + call->size;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room = {.bytes = {0}};

	while (l->sent < all) {
		struct iovec part = {(uint8_t *)&out + l->sent, all - l->sent};
		struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
		ssize_t n;

		if (l->sent == 0 && call->fd >= 0) {
			msg.msg_control = room.bytes;
			msg.msg_controllen = sizeof(room.bytes);
			room.align.cmsg_level = SOL_SOCKET;
			room.align.cmsg_type = SCM_RIGHTS;
			room.align.cmsg_len = CMSG_LEN(sizeof(int));
			memcpy(CMSG_DATA(&room.align), &call->fd, sizeof(int));
		}
		n = sendmsg(l->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return explain(l, errno, "read", name_of(call->request), err);
		l->sent += (uint32_t)n;
	}
	return 0;
}

/*
 * Back end not trusted: up to len bytes into private memory. Without room for descriptors the
 * kernel closes those that came, and says so.
 */
static int
receive(const struct folio_vhost_link *l, void *to, uint32_t len, const char *request,
	struct folio_error *err)
{
	struct iovec part = {to, len};
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t n = recvmsg(l->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return explain(l, errno, "answered", request, err);
	if (n == 0)
		return folio_fail(err, -ECONNRESET, "%s: the back end closed the connection at %s",
				  l->name, request);
	if ((msg.msg_flags & MSG_CTRUNC) != 0)
		return folio_fail(err, -EPROTO, "%s: the back end sent descriptors at %s: allowed are "
				  "none", l->name, request);
	return (int)n;
}

/* Back end not trusted: a private copy of its header. */
static int
check(const struct folio_vhost_link *l, uint32_t request, struct folio_error *err)
{
	const struct folio_vhost_header *h = &l->in.header;

	if (h->request == request && h->flags == REPLY_FLAGS && h->size == FOLIO_VHOST_REPLY_SIZE)
		return 0;
	return folio_fail(err, -EPROTO, "%s: the back end's answer to %s has request %" PRIu32
			  ", flags 0x%" PRIx32 ", size %" PRIu32 ": allowed are %u, 0x%x and %u", l->name,
			  name_of(request), h->request, h->flags, h->size, request, REPLY_FLAGS,
			  FOLIO_VHOST_REPLY_SIZE);
}

static int
receive_some(struct folio_vhost_link *l, uint32_t request, struct folio_error *err)
{
	int ret;

	while (l->received < sizeof(l->in)) {
		ret = receive(l, (uint8_t *)&l->in + l->received,
			      (uint32_t)sizeof(l->in) - l->received, name_of(request), err);
		if (ret < 0)
			return ret;
		l->received += (uint32_t)ret;
		ret = l->received < sizeof(l->in.header) ? 0 : check(l, request, err);
		if (ret != 0)
			return ret;
	}
	return 0;
}

int
folio_vhost_exchange(struct folio_vhost_link *l, const struct folio_vhost_call *call,
		     union folio_vhost_payload *value, struct folio_error *err)
{
	uint64_t ack;
	int ret = l->sent == 0 ? folio_vhost_link_is_quiet(l, err) : 0;

	if (ret == 0)
		ret = send_some(l, call, err);
	if (ret == 0 && call->answer != FOLIO_VHOST_NONE)
		ret = receive_some(l, call->request, err);
	if (ret != 0)
		return ret;
	l->sent = 0;
	l->received = 0;
	if (call->answer == FOLIO_VHOST_VALUE)
		memcpy(value, l->in.payload, FOLIO_VHOST_REPLY_SIZE);
	if (call->answer != FOLIO_VHOST_ACK)
		return 0;
	memcpy(&ack, l->in.payload, sizeof(ack));
	return ack == 0 ? 0 : folio_fail(err, -EIO, "%s: the back end refuses %s (answer %" PRIu64
					 ", allowed is 0)", l->name, name_of(call->request), ack);
}

int
folio_vhost_link_is_quiet(const struct folio_vhost_link *l, struct folio_error *err)
{
	uint8_t byte;
	int ret = receive(l, &byte, sizeof(byte), "a time when nothing was due", err);

	if (ret > 0)
		return folio_fail(err, -EPROTO, "%s: the back end sent something that was not asked "
				  "for", l->name);
	return ret == -EAGAIN ? 0 : ret;
}
