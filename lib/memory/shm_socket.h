/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_SHM_SOCKET_H
#define FOLIO_SHM_SOCKET_H

/*
 * A Unix socket that carries single messages with at most one descriptor; and, for
 * virtio/vhost_user, how any kind of Unix socket is found. Nothing here blocks, and nothing that
 * arrives is trusted: a message has its length and its constants, or the peer is dropped.
 *
 * type: SOCK_SEQPACKET or SOCK_STREAM.
 */

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>

#include <folio.h>
#include <folio_wire.h>

/* Check the length and fill in the address. */
int folio_socket_address(struct sockaddr_un *addr, const char *name, const char *path,
			 struct folio_error *err);

/*
 * A socket that listens at the address. One of our own user that nobody listens on any more (its
 * owner was killed) is replaced; whatever else is there stays, and it is an error. *id is the
 * name's inode, by which it is known again. The umask decides who may connect.
 *
 * Returns the descriptor or a negative errno.
 */
int folio_socket_listen(const struct sockaddr_un *addr, int type, const char *name,
			struct stat *id, struct folio_error *err);

/* Does the address still lead to the socket that has this inode? */
bool folio_socket_is_at(const struct sockaddr_un *addr, const struct stat *id);

/*
 * A connected socket or a negative errno (-ENOENT, -ECONNREFUSED: nobody listens; -EAGAIN: a
 * queue).
 */
int folio_socket_connect(const struct sockaddr_un *addr, int type);

/* The next one who connected, or a negative errno (-EAGAIN: nobody). */
int folio_socket_accept(int listener);

/* Send a message, with a descriptor unless fd is negative. Returns 0 or a negative errno. */
int folio_socket_send(int fd_socket, enum folio_wire_kind kind, uint32_t detail, int fd);

/*
 * Take a message. *fd is the descriptor that came with it, or -1: the caller's to close.
 *
 * Returns 1 if there was one, 0 if none yet, -ECONNRESET if the peer is gone, -EPROTO with a line
 * if it is none of ours; nothing of it is kept then.
 */
int folio_socket_receive(int fd_socket, struct folio_wire_message *m, int *fd,
			 struct folio_error *err);

#endif /* FOLIO_SHM_SOCKET_H */
