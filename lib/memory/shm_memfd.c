/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Memory for two processes of one machine that do not trust each other. Each area is a memfd of its
 * writer, sealed before the peer gets it: nobody can cut it or punch holes in it, and only who made
 * it can write it. The host listens on a socket, the guest connects and offers its area, the host
 * answers with its own. A connection is for one pair of areas: when it ends both begin anew.
 *
 * Neither side trusts the other: see folio_socket_receive() for messages, check_area() for memory.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "boundary/shared.h"
#include "error.h"
#include "memory/sealed.h"
#include "memory/shm_pages.h"
#include "memory/shm_socket.h"
#include "memory/shm_source.h"

/* Nobody cuts it or punches holes in it, and nobody but who has it mapped can write it. */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE)

/*
 * In ticks: between attempts to connect, and between two guests; for a guest to say what it wants.
 */
#define PAUSE (200 / FOLIO_TICK_MS)
#define PATIENCE (1000 / FOLIO_TICK_MS)

/* Who connects, in a tick. */
#define MAX_ACCEPTS 4

struct memfd {
	struct sockaddr_un addr;
	struct stat id;	   /* host: the inode of the socket's name */
	int conn;	   /* -1: none */
	int own;	   /* our area; -1: not made yet */
	int peer;	   /* the peer's area; -1: not there */
	uint64_t peer_size;
	bool sent;	   /* the peer has our area */
	bool over;	   /* the connection ended, and with it the use of both areas */
	bool was_mapped;
	bool busy;	   /* guest: the host was, when it was last asked */
	uint32_t pause;
	uint32_t patience;
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Where the peer's area is not there yet: zeroes, which say that nobody is. */
#define PLACEHOLDER (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

/* Placed so that an area on pages of any size that its length permits can take their place. */
static void *
map_placeholder(const struct folio_layout *l)
{
	uint64_t align = UINT64_C(1) << l->geom.page_shift;
	uint8_t *mem = mmap(NULL, l->area_size + align, PROT_READ, PLACEHOLDER, -1, 0);
	uint64_t before;

	if (mem == MAP_FAILED)
		return MAP_FAILED;
	before = -(uintptr_t)mem & (align - 1);
	if (before > 0)
		munmap(mem, before);
	munmap(mem + before + l->area_size, align - before);
	return mem + before;
}

/* Map a new memfd, with all its memory. Returns 0 or a positive errno. */
static int
make_area(struct folio_region *r, uint64_t len, bool huge)
{
	struct memfd *m = r->state;
	void *mem;
	int ret = folio_sealed_make(&mem, len, huge, SEALS, r->numa_node);

	if (ret < 0)
		return -ret;
	m->own = ret;
	r->own = mem;
	return 0;
}

static int
memfd_map(struct folio_region *r, const struct folio_layout *l, struct folio_error *err)
{
	struct memfd *m = r->state;
	uint64_t len = l->area_size;
	int ret = ENOMEM;

	if (r->role == FOLIO_HOST && (m->peer < 0 || m->peer_size != len))
		return folio_fail(err, -EPROTO, "%s: the guest's area has %" PRIu64 " bytes, its "
				  "geometry needs %" PRIu64, r->name, m->peer < 0 ? 0 : m->peer_size,
				  len);
	close_fd(&m->own);
	if (l->geom.page_shift >= FOLIO_SEALED_HUGE_SHIFT)
		ret = make_area(r, len, true);
	if (ret != 0) {
		/* A guest said at open that there are huge pages; they do not suffice. */
		if (r->role == FOLIO_GUEST)
			r->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
		ret = make_area(r, len, false);
	}
	if (ret != 0)
		return folio_shm_no_memory(r->name, r->page_size, "reserve", len, ret, err);
	r->peer = r->role == FOLIO_HOST ? mmap(NULL, len, PROT_READ, MAP_SHARED, m->peer, 0)
					: map_placeholder(l);
	if (r->peer == MAP_FAILED) {
		ret = folio_fail(err, -errno, "%s: cannot map the peer's area: %s", r->name,
				 strerror(errno));
		munmap(r->own, len);
		r->own = NULL;
		r->peer = NULL;
		close_fd(&m->own);
		return ret;
	}
	r->mapped = len;
	m->was_mapped = true;
	return 0;
}

/*
 * Is what the peer sent memory of which nothing can be taken away? The seals come first: no other
 * kind of file has them, and what the other calls would do on one of those is the peer's choice.
 */
static int
check_area(int fd, uint64_t *size, uint32_t *page_size, struct folio_error *err)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct statfs fs;
	struct stat st;

	if (seals < 0)
		return folio_fail(err, -EPROTO, "the peer sent a descriptor that is no memfd");
	if ((seals & SEALS) != SEALS)
		return folio_fail(err, -EPROTO, "the peer's memory has the seals 0x%x: needed are 0x%x "
				  "(shrink, grow, future write)", (unsigned int)seals,
				  (unsigned int)SEALS);
	if (fstat(fd, &st) != 0 || fstatfs(fd, &fs) != 0)
		return folio_fail(err, -EPROTO, "the peer's memory cannot be looked at: %s",
				  strerror(errno));
	*page_size = fs.f_type == HUGETLBFS_MAGIC ? (uint32_t)fs.f_bsize
						  : (uint32_t)sysconf(_SC_PAGESIZE);
	/* Both areas are as long as the peer's pages demand, and ours is ours to pay for. */
	if (*page_size > FOLIO_SEALED_HUGE_PAGE)
		return folio_fail(err, -EPROTO, "the peer's memory lies on pages of %u bytes: allowed "
				  "are %u at most", *page_size, FOLIO_SEALED_HUGE_PAGE);
	/*
	 * Nobody can punch a hole any more. One that is there would be filled at our cost, or not.
	 */
	if (st.st_size <= 0 || (uint64_t)st.st_blocks * 512 < (uint64_t)st.st_size)
		return folio_fail(err, -EPROTO, "the peer's memory has %" PRIu64 " bytes, and %" PRIu64
				  " are there: allowed is memory without holes", (uint64_t)st.st_size,
				  (uint64_t)st.st_blocks * 512);
	*size = (uint64_t)st.st_size;
	return 0;
}

/* What a host's header would say, in the guest's placeholder; nothing without a refusal. */
static void
note_refusal(struct folio_region *r, uint32_t code)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct folio_wire_header h;

	memset(&h, 0, sizeof(h));
	if (code != FOLIO_WIRE_REFUSED_NOT) {
		h.magic.raw = FOLIO_WIRE_MAGIC;
		h.version.raw = FOLIO_WIRE_VERSION;
		h.role.raw = FOLIO_WIRE_ROLE_HOST;
		h.state.raw = FOLIO_WIRE_STATE_STOPPED;
		h.refusal.raw = code;
	}
	if (mprotect(r->peer, page, PROT_READ | PROT_WRITE) != 0)
		return;
	memcpy(r->peer, &h, sizeof(h));
	(void)mprotect(r->peer, page, PROT_READ);
}

/* The connection is of no use any more. A guest that has not been answered yet tries another. */
static void
hang_up(struct folio_region *r)
{
	struct memfd *m = r->state;

	close_fd(&m->conn);
	m->sent = false;
	m->pause = PAUSE;
	if (m->peer >= 0 && m->was_mapped)
		m->over = true;
	else if (r->role == FOLIO_GUEST)
		note_refusal(r, FOLIO_WIRE_REFUSED_NOT); /* who said so is gone */
	close_fd(&m->peer);
	if (r->role == FOLIO_HOST)
		r->size = 0;
	r->detail[0] = '\0';
}

static void
describe_peer(struct folio_region *r)
{
	const struct memfd *m = r->state;
	struct ucred who = {.pid = 0};
	socklen_t len = sizeof(who);

	if (getsockopt(m->conn, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0)
		snprintf(r->detail, sizeof(r->detail), "sealed memory, with process %d of user %u",
			 (int)who.pid, (unsigned int)who.uid);
}

/* The guest. */

static int
try_to_connect(struct folio_region *r, struct folio_error *err)
{
	struct memfd *m = r->state;
	int ret;

	if (m->pause > 0) {
		m->pause--;
		return 0;
	}
	m->pause = PAUSE;
	ret = folio_socket_connect(&m->addr, SOCK_SEQPACKET);
	if (ret < 0)
		return folio_fail(err, -EAGAIN, "%s: no host listens there (%s)", r->name,
				  strerror(-ret));
	m->conn = ret;
	describe_peer(r);
	if (err != NULL && !m->busy)
		err->text[0] = '\0';
	return 0;
}

/* The placeholder becomes the host's area. Nothing polls it: the link was never up. */
static int
take_answer(struct folio_region *r, int fd, struct folio_error *err)
{
	struct memfd *m = r->state;
	uint32_t page_size;
	uint64_t size;
	void *probe;

	if (check_area(fd, &size, &page_size, err) != 0)
		return -EPROTO;
	if (size != r->mapped || r->mapped % page_size != 0)
		return folio_fail(err, -EPROTO, "%s: the host's area has %" PRIu64 " bytes: allowed are "
				  "%" PRIu64, r->name, size, r->mapped);
	/* A failure in place would leave no mapping at all. */
	probe = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (probe == MAP_FAILED || munmap(probe, size) != 0)
		return folio_fail(err, -EPROTO, "%s: cannot map the host's area: %s", r->name,
				  strerror(errno));
	if (mmap(r->peer, size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
		(void)mmap(r->peer, size, PROT_READ, PLACEHOLDER | MAP_FIXED, -1, 0);
		return folio_fail(err, -EPROTO, "%s: cannot map the host's area: %s", r->name,
				  strerror(errno));
	}
	m->peer = fd;
	m->peer_size = size;
	if (err != NULL)
		err->text[0] = '\0';
	return 0;
}

/* Returns 0, or -EAGAIN or -EPROTO after which the connection is of no use. */
static int
guest_takes(struct folio_region *r, const struct folio_wire_message *msg, int fd,
	    struct folio_error *err)
{
	struct memfd *m = r->state;

	m->busy = msg->kind == FOLIO_WIRE_KIND_BUSY;
	if (m->peer < 0) {
		switch (msg->kind) {
		case FOLIO_WIRE_KIND_ANSWER:
			return take_answer(r, fd, err);
		case FOLIO_WIRE_KIND_REFUSED:
			note_refusal(r, msg->detail);
			return 0;
		case FOLIO_WIRE_KIND_BUSY:
			return folio_fail(err, -EAGAIN, "%s: role=guest is taken: the host serves "
					  "another guest", r->name);
		default:
			break;
		}
	}
	return folio_fail(err, -EPROTO, "%s: the host sent a message %u that was not expected", r->name,
			  msg->kind);
}

static int
guest_poll(struct folio_region *r, struct folio_error *err)
{
	struct memfd *m = r->state;
	struct folio_wire_message msg;
	int ret, fd;

	if (r->mapped == 0 || m->over)
		return 0;
	if (m->conn < 0)
		return try_to_connect(r, err);
	/* A host that is busy says so unasked, and hangs up. */
	ret = folio_socket_receive(m->conn, &msg, &fd, err);
	if (ret == 1) {
		ret = guest_takes(r, &msg, fd, err);
		if (ret != 0)
			close_fd(&fd);
	}
	if (ret == 0 && !m->sent) {
		ret = folio_socket_send(m->conn, FOLIO_WIRE_KIND_OFFER, 0, m->own);
		m->sent = ret == 0;
		if (ret == -EAGAIN)
			return 0;
	}
	if (ret != 0)
		hang_up(r);
	return ret == -EPROTO || ret == -EAGAIN ? ret : 0;
}

/* The host. */

static void
accept_some(struct folio_region *r)
{
	struct memfd *m = r->state;
	int i, fd;

	for (i = 0; i < MAX_ACCEPTS; i++) {
		if (m->conn < 0 && m->pause > 0)
			return; /* they wait */
		fd = folio_socket_accept(r->fd);
		if (fd < 0)
			return;
		if (m->conn < 0) {
			m->conn = fd;
			m->patience = PATIENCE;
			describe_peer(r);
		} else {
			(void)folio_socket_send(fd, FOLIO_WIRE_KIND_BUSY, 0, -1);
			close(fd);
		}
	}
}

static int
take_offer(struct folio_region *r, const struct folio_wire_message *msg, int fd,
	   struct folio_error *err)
{
	struct memfd *m = r->state;

	if (msg->kind != FOLIO_WIRE_KIND_OFFER || m->peer >= 0)
		return folio_fail(err, -EPROTO, "%s: the guest sent a message %u that was not expected",
				  r->name, msg->kind);
	if (check_area(fd, &m->peer_size, &r->page_size, err) != 0)
		return -EPROTO;
	m->peer = fd;
	r->size = 2 * m->peer_size;
	if (err != NULL)
		err->text[0] = '\0';
	return 0;
}

/* Returns 0, or what went wrong with the connection. */
static int
serve_guest(struct folio_region *r, struct folio_error *err)
{
	struct memfd *m = r->state;
	struct folio_wire_message msg;
	int ret, fd;

	ret = folio_socket_receive(m->conn, &msg, &fd, err);
	if (ret == 1) {
		ret = take_offer(r, &msg, fd, err);
		if (ret != 0)
			close_fd(&fd);
	} else if (ret == 0 && m->peer < 0 && m->patience-- == 0) {
		ret = folio_fail(err, -EPROTO, "%s: who connected did not say what it offers", r->name);
	}
	if (ret == 0 && r->mapped != 0 && !m->sent) {
		ret = folio_socket_send(m->conn, FOLIO_WIRE_KIND_ANSWER, 0, m->own);
		m->sent = ret == 0;
		if (ret == -EAGAIN)
			ret = 0;
	}
	return ret;
}

static int
host_poll(struct folio_region *r, struct folio_error *err)
{
	struct memfd *m = r->state;
	int ret = 0;

	if (m->over)
		return 0;
	if (m->pause > 0)
		m->pause--;
	/* First, so that a guest that went away keeps out no other one. */
	if (m->conn >= 0) {
		ret = serve_guest(r, err);
		if (ret != 0)
			hang_up(r);
	}
	if (!m->over)
		accept_some(r);
	return ret == -EPROTO ? ret : 0;
}

static void
memfd_post(struct folio_region *r, const struct folio_wire_header *h)
{
	const struct memfd *m = r->state;

	if (m->conn >= 0)
		(void)folio_socket_send(m->conn, FOLIO_WIRE_KIND_REFUSED, h->refusal.raw, -1);
}

static int
memfd_poll(struct folio_region *r, struct folio_error *err)
{
	return r->role == FOLIO_GUEST ? guest_poll(r, err) : host_poll(r, err);
}

/* There is nothing to make longer: an area is made when it is mapped. */
static int
memfd_grow(struct folio_region *r, uint64_t size, struct folio_error *err)
{
	(void)err;
	if (r->role == FOLIO_GUEST)
		r->size = size;
	return 0;
}

static bool
memfd_peek(const struct folio_region *r, struct folio_wire_header *copy)
{
	const struct memfd *m = r->state;
	int fd = r->role == FOLIO_GUEST ? m->own : m->peer;

	return fd >= 0 && pread(fd, copy, sizeof(*copy), 0) == (ssize_t)sizeof(*copy);
}

/* All of it is there already, and zero. */
static int
memfd_reserve(struct folio_region *r, uint64_t offset, uint64_t len)
{
	(void)r;
	(void)offset;
	(void)len;
	return 0;
}

static void
memfd_discard(struct folio_region *r, uint64_t offset, uint64_t len)
{
	(void)r;
	(void)offset;
	(void)len;
}

static bool
memfd_is_cut(const struct folio_region *r)
{
	(void)r;
	return false; /* it cannot be */
}

static bool
memfd_is_lost(const struct folio_region *r)
{
	const struct memfd *m = r->state;

	/* An area cannot be mapped for writing a second time. */
	if (m->over || (m->was_mapped && r->mapped == 0))
		return true;
	return r->role == FOLIO_HOST && !folio_socket_is_at(&m->addr, &m->id);
}

static void
memfd_release(struct folio_region *r)
{
	struct memfd *m = r->state;

	close_fd(&m->conn);
	close_fd(&m->own);
	close_fd(&m->peer);
	if (r->role == FOLIO_HOST && folio_socket_is_at(&m->addr, &m->id))
		(void)unlink(m->addr.sun_path);
	free(m);
	r->state = NULL;
}

static const struct folio_region_source memfd_source = {
	.lost = "ended: the peer has left, or the socket was removed",
	.grow = memfd_grow,
	.peek = memfd_peek,
	.map = memfd_map,
	.reserve = memfd_reserve,
	.discard = memfd_discard,
	.post = memfd_post,
	.poll = memfd_poll,
	.is_cut = memfd_is_cut,
	.is_lost = memfd_is_lost,
	.release = memfd_release,
};

int
folio_region_open_memfd(struct folio_region *r, const char *path, struct folio_error *err)
{
	struct sockaddr_un addr;
	struct memfd *m;
	struct stat id;
	int ret;

	ret = folio_socket_address(&addr, r->name, path, err);
	if (ret != 0)
		return ret;
	memset(&id, 0, sizeof(id));
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return folio_fail(err, -ENOMEM, "out of memory");
	r->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
	if (r->role == FOLIO_HOST) {
		ret = folio_socket_listen(&addr, SOCK_SEQPACKET, r->name, &id, err);
	} else {
		/* A descriptor is what says that the region is open. */
		ret = folio_sealed_memfd(0);
		if (ret < 0)
			ret = folio_fail(err, -errno, "%s: cannot make a memfd: %s", r->name,
					 strerror(errno));
		/* Areas that huge pages would fit into; if there are none it does no harm. */
		else if (folio_shm_free_huge_pages(FOLIO_SEALED_HUGE_PAGE) > 0)
			r->page_size = FOLIO_SEALED_HUGE_PAGE;
	}
	if (ret < 0) {
		free(m);
		return ret;
	}
	m->addr = addr;
	m->id = id;
	m->conn = -1;
	m->own = -1;
	m->peer = -1;
	r->fd = ret;
	r->state = m;
	r->source = &memfd_source;
	r->caching = FOLIO_CACHING_WRITE_BACK;
	return 0;
}
