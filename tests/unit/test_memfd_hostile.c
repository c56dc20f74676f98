/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Sealed memory over a socket: a peer that sends what it likes. */

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <folio.h>
#include <folio_wire.h>

#include "native/layout.h"
#include "sides.h"

#define STORM 2000
#define MAX_FDS 253 /* the kernel's limit for a message */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE)

/* A peer of our own making. */

static int
connect_to(const struct sides *e)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(addr.sun_path, e->socket, strlen(e->socket));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void
send_raw(int to, const void *bytes, size_t len, const int *fds, unsigned int n)
{
	struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} room = {.bytes = {0}};
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (n > 0) {
		msg.msg_control = room.bytes;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	(void)sendmsg(to, &msg, MSG_NOSIGNAL);
}

/* The next message and its descriptor; false if the other end hung up, or says nothing. */
static bool
receive_raw(int from, struct folio_wire_message *m, int *fd)
{
	struct iovec part = {.iov_base = m, .iov_len = sizeof(*m)};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room = {.bytes = {0}};
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room.bytes,
			     .msg_controllen = sizeof(room.bytes)};
	struct cmsghdr *c;

	*fd = -1;
	if (recvmsg(from, &msg, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(*m))
		return false;
	c = CMSG_FIRSTHDR(&msg);
	if (c != NULL)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return true;
}

static bool
hung_up(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK) == 0;
}

static uint64_t
small_area(void)
{
	const struct folio_geometry g = {.queues = 1, .ring_size = sides_small.ring_size,
					 .slot_size = sides_small.slot_size,
					 .page_shift = FOLIO_LAYOUT_SHIFT};
	struct folio_layout l;

	assert_int_equal(folio_layout_init(&l, &g, 0, NULL), 0);
	return l.area_size;
}

/* What a peer can send instead of the memory that it should. */
enum memory {
	GOOD,
	NONE,
	TWO,
	MANY,
	A_PIPE,
	A_FOLDER,
	A_TMPFS_FILE,
	UNSEALED,
	NO_SHRINK_SEAL,
	NO_GROW_SEAL,
	NO_WRITE_SEAL,
	EMPTY,
	WITH_A_HOLE,
	TOO_SHORT,
	TOO_LONG,
};

static int
make_memory(const struct sides *e, enum memory kind)
{
	uint64_t len = small_area();
	unsigned int seals = SEALS;
	int fd, ends[2];

	switch (kind) {
	case A_PIPE:
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		close(ends[0]);
		return ends[1];
	case A_FOLDER:
		return open(e->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	case A_TMPFS_FILE:
		fd = open(e->dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
		assert_int_equal(posix_fallocate(fd, 0, (off_t)len), 0);
		return fd;
	case UNSEALED:
		seals = 0;
		break;
	case NO_SHRINK_SEAL:
		seals &= ~F_SEAL_SHRINK;
		break;
	case NO_GROW_SEAL:
		seals &= ~F_SEAL_GROW;
		break;
	case NO_WRITE_SEAL:
		seals &= ~F_SEAL_FUTURE_WRITE;
		break;
	case EMPTY:
		len = 0;
		break;
	case TOO_SHORT:
		len -= 4096;
		break;
	case TOO_LONG:
		len += 4096;
		break;
	default:
		break;
	}
	fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(fd >= 0);
	if (len > 0) {
		assert_int_equal(ftruncate(fd, (off_t)len), 0);
		assert_int_equal(fallocate(fd, 0, 0, (off_t)len), 0);
	}
	if (kind == WITH_A_HOLE)
		assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096,
					   4096), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

struct bad {
	const char *name;
	size_t len;
	enum memory memory;
	struct folio_wire_message m; /* differs from a good one where it is not 0 */
	const char *says;
};

#define LEN sizeof(struct folio_wire_message)

/* For both: what the other side's first message must not be. */
static const struct bad bad_messages[] = {
	{"a byte", 1, GOOD, {0}, "a message of 1 bytes"},
	{"too short", LEN - 1, GOOD, {0}, "a message of 23 bytes"},
	{"too long", LEN + 1, GOOD, {0}, "and more"},
	{"much too long", 65536, GOOD, {0}, "and more"},
	{"magic", LEN, GOOD, {.magic = 1}, "not folio's"},
	{"version", LEN, GOOD, {.version = 0xffffffff}, "wire version 4294967295"},
	{"unknown kind", LEN, NONE, {.kind = 77}, "a message 77 that was not expected"},
	{"unknown kind and memory", LEN, GOOD, {.kind = 77}, "message 77 has 1 descriptors"},
	{"detail", LEN, GOOD, {.detail = 1}, "where zero is allowed"},
	{"reserved", LEN, GOOD, {.reserved = 1}, "where zero is allowed"},
	{"no descriptor", LEN, NONE, {0}, "has 0 descriptors"},
	{"two descriptors", LEN, TWO, {0}, "has 2 descriptors"},
	{"many descriptors", LEN, MANY, {0}, "descriptors and more"},
	{"many descriptors and a byte", 1, MANY, {0}, "a message of 1 bytes"},
	{"a pipe", LEN, A_PIPE, {0}, "no memfd"},
	{"a folder", LEN, A_FOLDER, {0}, "no memfd"},
	{"a file", LEN, A_TMPFS_FILE, {0}, "has the seals 0x1"},
	{"unsealed", LEN, UNSEALED, {0}, "has the seals 0x0"},
	{"it can be cut", LEN, NO_SHRINK_SEAL, {0}, "has the seals 0x14"},
	{"it can grow", LEN, NO_GROW_SEAL, {0}, "has the seals 0x12"},
	{"holes can be punched", LEN, NO_WRITE_SEAL, {0}, "has the seals 0x6"},
	{"empty", LEN, EMPTY, {0}, "memory without holes"},
	{"with a hole", LEN, WITH_A_HOLE, {0}, "memory without holes"},
};

static void
send_bad(const struct sides *e, int to, const struct bad *b, enum folio_wire_kind kind)
{
	static union {
		struct folio_wire_message m;
		uint8_t bytes[65536];
	} buffer;
	struct folio_wire_message *m = &buffer.m;
	unsigned int i, n = b->memory == NONE ? 0 : b->memory == TWO ? 2 : b->memory == MANY ?
				     MAX_FDS : 1;
	int fds[MAX_FDS];

	*m = b->m;
	m->magic = m->magic != 0 ? m->magic : FOLIO_WIRE_MAGIC;
	m->version = m->version != 0 ? m->version : FOLIO_WIRE_VERSION;
	m->kind = m->kind != 0 ? m->kind : kind;
	fds[0] = n > 0 ? make_memory(e, b->memory) : -1;
	for (i = 1; i < n; i++)
		fds[i] = fds[0];
	send_raw(to, &buffer, b->len, fds, n);
	if (n > 0)
		close(fds[0]);
}

/* Hung up on, counted, said; and the next guest is served. */
static void
test_hostile_guest(void **state)
{
	struct sides *e = *state;
	unsigned int fds, n;
	uint64_t before;
	size_t i;
	int fd;

	sides_open_host(e);
	fds = util_open_fds();
	for (i = 0; i < ARRAY_LEN(bad_messages); i++) {
		const struct bad *b = &bad_messages[i];

		print_message("           %s\n", b->name);
		before = sides_violations(e->host, FOLIO_PEER_BAD_MESSAGE);
		fd = connect_to(e);
		assert_true(fd >= 0);
		send_bad(e, fd, b, FOLIO_WIRE_KIND_OFFER);
		for (n = 0; n < SIDES_TICKS && !hung_up(fd); n++)
			sides_tick(e, 1);
		assert_true(hung_up(fd));
		close(fd);
		sides_check_says(e->host, b->says);
		assert_int_equal(sides_violations(e->host, FOLIO_PEER_BAD_MESSAGE), before + 1);
		assert_int_equal(util_open_fds(), fds);
	}
	sides_open_guest(e);
	sides_check_traffic(e);
}

static void
tick_until_dropped(struct sides *e, int fd)
{
	unsigned int n;

	for (n = 0; n < SIDES_TICKS && !hung_up(fd); n++)
		sides_tick(e, 1);
	assert_true(hung_up(fd));
	close(fd);
}

/* Those that are good messages, at the wrong time. */
static void
test_hostile_guest_out_of_order(void **state)
{
	const struct bad offer = {"offer", LEN, GOOD, {0}, ""};
	struct sides *e = *state;
	int fd, n;

	sides_open_host(e);
	/* Nothing at all, for ever. */
	fd = connect_to(e);
	tick_until_dropped(e, fd);
	sides_check_says(e->host, "did not say what it offers");
	assert_int_equal(sides_violations(e->host, FOLIO_PEER_BAD_MESSAGE), 1);
	/* Two offers; the one of the host's own kind. */
	fd = connect_to(e);
	for (n = 0; n < 2; n++)
		send_bad(e, fd, &offer, FOLIO_WIRE_KIND_OFFER);
	tick_until_dropped(e, fd);
	sides_check_says(e->host, "that was not expected");
	fd = connect_to(e);
	send_bad(e, fd, &offer, FOLIO_WIRE_KIND_ANSWER);
	tick_until_dropped(e, fd);
	sides_check_says(e->host, "that was not expected");
	sides_open_guest(e);
	sides_check_traffic(e);
}

/* The header in the memory is as hostile as that of a file; and the memory may not fit it. */
static void
test_hostile_guest_header(void **state)
{
	static const enum memory sizes[] = {TOO_SHORT, TOO_LONG};
	struct sides *e = *state;
	struct folio_wire_message m;
	struct folio_wire_header *h;
	size_t i;
	int conn, fd, unsealed;

	sides_open_host(e);
	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		m = (struct folio_wire_message){.magic = FOLIO_WIRE_MAGIC,
						.version = FOLIO_WIRE_VERSION,
						.kind = FOLIO_WIRE_KIND_OFFER};
		fd = make_memory(e, sizes[i]);
		unsealed = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		assert_int_equal(ftruncate(unsealed, lseek(fd, 0, SEEK_END)), 0);
		assert_int_equal(fallocate(unsealed, 0, 0, lseek(fd, 0, SEEK_END)), 0);
		h = mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED, unsealed, 0);
		assert_ptr_not_equal(h, MAP_FAILED);
		h->magic.raw = FOLIO_WIRE_MAGIC;
		h->version.raw = FOLIO_WIRE_VERSION;
		h->role.raw = FOLIO_WIRE_ROLE_GUEST;
		h->state.raw = FOLIO_WIRE_STATE_STARTED;
		h->generation.raw = 7;
		h->queues.raw = 1;
		h->ring_size.raw = sides_small.ring_size;
		h->slot_size.raw = sides_small.slot_size;
		h->page_shift.raw = FOLIO_LAYOUT_SHIFT;
		assert_int_equal(fcntl(unsealed, F_ADD_SEALS, SEALS), 0);
		conn = connect_to(e);
		send_raw(conn, &m, sizeof(m), &unsealed, 1);
		h->ring_size.raw = 3;
		sides_tick(e, SIDES_TICKS);
		sides_check_says(e->host, "ring_size=3");
		/* What was said of that offer is not said of the next one. */
		h->ring_size.raw = sides_small.ring_size;
		sides_tick(e, SIDES_TICKS);
		assert_false(folio_link_is_up(e->host));
		if (sizes[i] == TOO_SHORT)
			sides_check_says(e->host, "region");
		else
			sides_check_says(e->host, "its geometry needs");
		munmap(h, sizeof(*h));
		close(conn);
		close(fd);
		close(unsealed);
	}
	sides_open_guest(e);
	sides_check_traffic(e);
}

/* Its pages decide how long the host's area would have to be. */
static void
test_memory_on_large_pages(void **state)
{
	const struct folio_wire_message m = {.magic = FOLIO_WIRE_MAGIC,
					     .version = FOLIO_WIRE_VERSION,
					     .kind = FOLIO_WIRE_KIND_OFFER};
	struct sides *e = *state;
	int conn, fd;

	fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_HUGE_1GB);
	if (fd < 0)
		skip(); /* the processor has none */
	assert_int_equal(ftruncate(fd, 1 << 30), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, SEALS), 0);
	sides_open_host(e);
	conn = connect_to(e);
	send_raw(conn, &m, sizeof(m), &fd, 1);
	close(fd);
	tick_until_dropped(e, conn);
	sides_check_says(e->host, "lies on pages of 1073741824 bytes: allowed are 2097152");
	sides_open_guest(e);
	sides_check_traffic(e);
}

/* Connections without end, with and without words; the link that is up stays so. */
static void
test_connect_storm(void **state)
{
	struct sides *e = *state;
	struct folio_wire_message m;
	unsigned int busy = 0;
	int i, fd, none;

	sides_open_host(e);
	sides_open_guest(e);
	sides_check_traffic(e);
	for (i = 0; i < STORM; i++) {
		fd = connect_to(e);
		if (fd >= 0 && i % 3 != 0)
			send_bad(e, fd, &bad_messages[i % ARRAY_LEN(bad_messages)],
				 FOLIO_WIRE_KIND_OFFER);
		sides_tick(e, 1);
		if (fd >= 0) {
			if (receive_raw(fd, &m, &none))
				busy += m.kind == FOLIO_WIRE_KIND_BUSY;
			close(fd);
		}
		assert_true(folio_link_is_up(e->guest) && folio_link_is_up(e->host));
	}
	assert_true(busy > 0);
	sides_check_traffic(e);
	/* The same while nobody is served: then the next guest gets through. */
	folio_close(e->guest);
	e->guest = NULL;
	for (i = 0; i < STORM; i++) {
		fd = connect_to(e);
		sides_tick(e, 1);
		if (fd >= 0)
			close(fd);
	}
	sides_open_guest(e);
	sides_check_traffic(e);
}

/* A host that sends what it likes. */

static int
accept_guest(struct sides *e, int listener)
{
	int fd = -1, i;

	for (i = 0; i < SIDES_TICKS && fd < 0; i++) {
		sides_tick(e, 1);
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	}
	assert_true(fd >= 0);
	return fd;
}

static void
test_hostile_host(void **state)
{
	static const struct bad more[] = {
		{"too short an area", LEN, TOO_SHORT, {0}, "the host's area has"},
		{"too long an area", LEN, TOO_LONG, {0}, "the host's area has"},
		{"an offer", LEN, GOOD, {.kind = FOLIO_WIRE_KIND_OFFER}, "was not expected"},
	};
	struct sides *e = *state;
	int listener = sides_listen_at(e, SOCK_SEQPACKET);
	unsigned int fds;
	uint64_t before;
	size_t i;
	int fd;

	sides_open_guest(e);
	fd = accept_guest(e, listener);
	close(fd);
	sides_tick(e, 1);
	fds = util_open_fds();
	for (i = 0; i < ARRAY_LEN(bad_messages) + ARRAY_LEN(more); i++) {
		const struct bad *b = i < ARRAY_LEN(bad_messages) ?
				      &bad_messages[i] : &more[i - ARRAY_LEN(bad_messages)];

		print_message("           %s\n", b->name);
		before = sides_violations(e->guest, FOLIO_PEER_BAD_MESSAGE);
		fd = accept_guest(e, listener);
		send_bad(e, fd, b, FOLIO_WIRE_KIND_ANSWER);
		sides_tick(e, 3);
		sides_check_says(e->guest, b->says);
		assert_int_equal(sides_violations(e->guest, FOLIO_PEER_BAD_MESSAGE), before + 1);
		close(fd);
		sides_tick(e, 1);
		assert_int_equal(util_open_fds(), fds);
	}
	close(listener);
	unlink(e->socket);
	sides_open_host(e);
	sides_check_traffic(e);
}

/* The area that a guest gave away: nobody can cut it, fill it or write to it. */
static void
test_what_the_peer_gets(void **state)
{
	struct sides *e = *state;
	int listener = sides_listen_at(e, SOCK_SEQPACKET);
	struct folio_wire_message m;
	struct stat st;
	int conn, fd = -1, i;

	sides_open_guest(e);
	conn = accept_guest(e, listener);
	for (i = 0; i < 5 && fd < 0; i++) {
		sides_tick(e, 1);
		(void)receive_raw(conn, &m, &fd);
	}
	assert_true(fd >= 0);
	assert_int_equal(m.kind, FOLIO_WIRE_KIND_OFFER);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, small_area());
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 2 * st.st_size), -1);
	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, st.st_size),
			 -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	/* Nor undo it, nor make it worse for whoever has it mapped. */
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	close(fd);
	close(conn);
	close(listener);
	unlink(e->socket);
	sides_open_host(e);
	sides_check_traffic(e);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sides_setup, sides_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hostile_guest),
		TEST(test_hostile_guest_out_of_order),
		TEST(test_hostile_guest_header),
		TEST(test_memory_on_large_pages),
		TEST(test_connect_storm),
		TEST(test_hostile_host),
		TEST(test_what_the_peer_gets),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("memfd-hostile", tests, NULL, NULL);
}
