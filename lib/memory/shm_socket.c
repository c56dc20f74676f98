/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "memory/shm_socket.h"

/* Who waits to be told that the host is busy, or is none of ours. The rest waits in connect(). */
#define BACKLOG 8

/*
 * Descriptors that there is room for: one too many is enough to know. The kernel closes the others.
 */
#define MAX_FDS 2

int
folio_socket_address(struct sockaddr_un *addr, const char *name, const char *path,
		     struct folio_error *err)
{
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	if (path[0] == '\0' || strlen(path) >= sizeof(addr->sun_path))
		return folio_fail(err, -EINVAL, "%s: the path of a socket has %zu bytes: allowed are 1 "
				  "to %zu", name, strlen(path), sizeof(addr->sun_path) - 1);
	snprintf(addr->sun_path, sizeof(addr->sun_path), "%s", path);
	return 0;
}

static int
new_socket(int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 ? fd : -errno;
}

int
folio_socket_connect(const struct sockaddr_un *addr, int type)
{
	int fd = new_socket(type);
	int error;

	if (fd < 0 || connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
		return fd;
	error = errno;
	close(fd);
	return -error;
}

/* Its owner is gone: a socket of our user on which nobody listens. */
static bool
is_forgotten(const struct sockaddr_un *addr, int type)
{
	struct stat st;
	int fd;

	if (lstat(addr->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
		return false;
	fd = folio_socket_connect(addr, type);
	if (fd >= 0)
		close(fd);
	return fd == -ECONNREFUSED;
}

static int
explain_bind(const struct sockaddr_un *addr, int type, const char *name, int error,
	     struct folio_error *err)
{
	struct stat st;

	if (error != EADDRINUSE)
		return folio_fail(err, -error, "%s: cannot listen there: %s", name, strerror(error));
	if (lstat(addr->sun_path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return folio_fail(err, -EEXIST, "%s: there is a file that is no socket: it is left "
				  "alone", name);
	return folio_fail(err, -EBUSY, "%ssomebody else listens on %s, or it is another user's",
			  type == SOCK_SEQPACKET ? "role=host is taken: " : "", name);
}

int
folio_socket_listen(const struct sockaddr_un *addr, int type, const char *name, struct stat *id,
		    struct folio_error *err)
{
	int fd = new_socket(type);
	int error = 0;

	if (fd < 0)
		return folio_fail(err, fd, "%s: cannot make a socket: %s", name, strerror(-fd));
	if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) != 0) {
		error = errno;
		if (error == EADDRINUSE && is_forgotten(addr, type) && unlink(addr->sun_path) == 0)
			error = bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) != 0 ? errno
											   : 0;
	}
	if (error != 0) {
		close(fd);
		return explain_bind(addr, type, name, error, err);
	}
	if (listen(fd, BACKLOG) != 0 || lstat(addr->sun_path, id) != 0) {
		error = errno;
		close(fd);
		return folio_fail(err, -error, "%s: cannot listen there: %s", name, strerror(error));
	}
	return fd;
}

bool
folio_socket_is_at(const struct sockaddr_un *addr, const struct stat *id)
{
	struct stat st;

	return lstat(addr->sun_path, &st) == 0 && st.st_dev == id->st_dev &&
	       st.st_ino == id->st_ino;
}

int
folio_socket_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	return fd >= 0 ? fd : -errno;
}

int
folio_socket_send(int fd_socket, enum folio_wire_kind kind, uint32_t detail, int fd)
{
	struct folio_wire_message m = {
		.magic = FOLIO_WIRE_MAGIC,
		.version = FOLIO_WIRE_VERSION,
		.kind = kind,
		.detail = detail,
	};
	struct iovec part = {.iov_base = &m, .iov_len = sizeof(m)};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room = {.bytes = {0}};
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (fd >= 0) {
		msg.msg_control = room.bytes;
		msg.msg_controllen = sizeof(room.bytes);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	return sendmsg(fd_socket, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(m) ? 0
											   : -errno;
}

/* All descriptors that came: the first is in *fd. Returns how many. */
static unsigned int
take_descriptors(struct msghdr *msg, int *fd)
{
	unsigned int n = 0;
	struct cmsghdr *c;
	size_t i, len;
	int one;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		len = c->cmsg_len - CMSG_LEN(0);
		for (i = 0; i + sizeof(int) <= len; i += sizeof(int)) {
			memcpy(&one, CMSG_DATA(c) + i, sizeof(int));
			if (n++ == 0)
				*fd = one;
			else
				close(one);
		}
	}
	return n;
}

/* What came is the peer's: a private copy, which the kernel made. */
static int
check_message(const struct folio_wire_message *m, ssize_t len, int flags, unsigned int fds,
	      struct folio_error *err)
{
	unsigned int wanted = m->kind == FOLIO_WIRE_KIND_OFFER || m->kind == FOLIO_WIRE_KIND_ANSWER;

	if (len != (ssize_t)sizeof(*m) || (flags & MSG_TRUNC) != 0)
		return folio_fail(err, -EPROTO, "the peer sent a message of %zd bytes%s: allowed are "
				  "%zu", len, (flags & MSG_TRUNC) != 0 ? " and more" : "", sizeof(*m));
	if (m->magic != FOLIO_WIRE_MAGIC)
		return folio_fail(err, -EPROTO, "the peer's message is not folio's (magic 0x%" PRIx64
				  ")", m->magic);
	if (m->version != FOLIO_WIRE_VERSION)
		return folio_fail(err, -EPROTO, "the peer speaks wire version %u, this is version %u",
				  m->version, FOLIO_WIRE_VERSION);
	if (fds != wanted || (flags & MSG_CTRUNC) != 0)
		return folio_fail(err, -EPROTO, "the peer's message %u has %u descriptors%s: allowed "
				  "is %u", m->kind, fds,
				  (flags & MSG_CTRUNC) != 0 ? " and more" : "", wanted);
	if (m->reserved != 0 || (m->detail != 0 && m->kind != FOLIO_WIRE_KIND_REFUSED))
		return folio_fail(err, -EPROTO, "the peer's message %u says %u and %u where zero is "
				  "allowed", m->kind, m->detail, m->reserved);
	return 0;
}

int
folio_socket_receive(int fd_socket, struct folio_wire_message *m, int *fd, struct folio_error *err)
{
	struct iovec part = {.iov_base = m, .iov_len = sizeof(*m)};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} room;
	struct msghdr msg = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = sizeof(room.bytes),
	};
	unsigned int fds;
	ssize_t len;
	int ret;

	*fd = -1;
	memset(m, 0, sizeof(*m));
	len = recvmsg(fd_socket, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (len < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -ECONNRESET;
	fds = take_descriptors(&msg, fd);
	if (len == 0 && fds == 0)
		return -ECONNRESET; /* an empty message looks the same, and is worth as much */
	ret = check_message(m, len, msg.msg_flags, fds, err);
	if (ret == 0)
		return 1;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return ret;
}
