/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Sealed memory over a socket: either side comes and goes, and a peer that sends what it likes. */

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
#include "port.h"
#include "util.h"

#define TICKS 300 /* within so many everything has happened that will */
#define STORM 2000
#define KILLS 20
#define MAX_FDS 253 /* the kernel's limit for a message */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE)

struct env {
	void *dir;
	char socket[PATH_MAX];
	char path[PATH_MAX + 8];
	struct folio *guest;
	struct folio *host;
	unsigned int fds;
};

static const struct folio_config small = {.ring_size = 64, .slot_size = 256};

static int
setup(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	if (e == NULL || util_dir_setup(&e->dir) != 0)
		return -1;
	snprintf(e->socket, sizeof(e->socket), "%s/socket", (const char *)e->dir);
	snprintf(e->path, sizeof(e->path), "unix:%s", e->socket);
	e->fds = util_open_fds();
	*state = e;
	return 0;
}

/* Neither a descriptor nor a file is left behind. */
static int
teardown(void **state)
{
	struct env *e = *state;
	bool clean;
	int ret;

	folio_close(e->guest);
	folio_close(e->host);
	clean = util_dir_entries(e->dir) == 0 && util_open_fds() == e->fds;
	if (!clean)
		fprintf(stderr, "%u files and %d descriptors are left\n", util_dir_entries(e->dir),
			(int)util_open_fds() - (int)e->fds);
	ret = util_dir_teardown(&e->dir);
	free(e);
	return clean ? ret : -1;
}

static struct folio *
open_side(const struct env *e, enum folio_role role, struct folio_config cfg)
{
	struct folio_error err = {.text = ""};
	struct folio *f;

	cfg.role = role;
	cfg.path = e->path;
	f = folio_open(&cfg, &err);
	if (f == NULL)
		fail_msg("folio_open: %s", err.text);
	folio_start(f);
	return f;
}

static void
open_guest(struct env *e)
{
	e->guest = open_side(e, FOLIO_GUEST, small);
}

static void
open_host(struct env *e)
{
	e->host = open_side(e, FOLIO_HOST, (struct folio_config){.queues = 1});
}

static void
tick(const struct env *e, unsigned int n)
{
	while (n-- > 0) {
		if (e->guest != NULL)
			folio_tick(e->guest);
		if (e->host != NULL)
			folio_tick(e->host);
	}
}

static bool
comes_up(const struct env *e)
{
	unsigned int i;

	for (i = 0; i < TICKS; i++) {
		tick(e, 1);
		if (folio_link_is_up(e->guest) && folio_link_is_up(e->host))
			return true;
	}
	return false;
}

static bool
comes_down(const struct env *e, struct folio *f)
{
	unsigned int i;

	for (i = 0; i < TICKS && folio_link_is_up(f); i++)
		tick(e, 1);
	return !folio_link_is_up(f);
}

static void
pass(struct folio *from, struct folio *to)
{
	uint8_t data[200], room[256];
	struct folio_buf out = {.data = data, .len = sizeof(data)};
	struct folio_buf in = {.data = room, .room = sizeof(room)};

	util_random_fill(data, sizeof(data), 7);
	assert_int_equal(folio_send(from, 0, &out, 1), 1);
	assert_int_equal(folio_recv(to, 0, &in, 1), 1);
	assert_int_equal(in.len, sizeof(data));
	assert_memory_equal(data, room, sizeof(data));
}

static void
check_traffic(const struct env *e)
{
	struct folio_status st;

	if (!comes_up(e)) {
		folio_status(e->guest, &st);
		print_message("guest: %s, %s\n", folio_link_name(st.link), st.detail);
		folio_status(e->host, &st);
		print_message("host: %s, %s\n", folio_link_name(st.link), st.detail);
		fail_msg("no link");
	}
	pass(e->guest, e->host);
	pass(e->host, e->guest);
	folio_status(e->guest, &st);
	assert_string_equal(st.detail, "");
	folio_status(e->host, &st);
	assert_string_equal(st.detail, "");
}

static uint64_t
violations(const struct folio *f, enum folio_violation v)
{
	struct folio_counters c;

	folio_counters(f, &c);
	return c.violations[v];
}

static void
check_says(struct folio *f, const char *words)
{
	struct folio_status st;

	folio_status(f, &st);
	if (strstr(st.detail, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", st.detail, words);
}

/* Two sides that behave. */

static void
test_either_side_first(void **state)
{
	struct env *e = *state;
	struct folio_status st;

	open_guest(e);
	tick(e, TICKS);
	check_says(e->guest, "no host listens there");
	open_host(e);
	check_traffic(e);
	folio_status(e->host, &st);
	assert_non_null(strstr(st.region, "sealed memory, with process"));
	folio_close(e->guest);
	e->guest = NULL;
	assert_true(comes_down(e, e->host));
	open_guest(e);
	check_traffic(e);
	folio_close(e->host);
	e->host = NULL;
	assert_true(comes_down(e, e->guest));
	open_host(e);
	check_traffic(e);
	assert_int_equal(violations(e->guest, FOLIO_PEER_BAD_MESSAGE), 0);
	assert_int_equal(violations(e->host, FOLIO_PEER_BAD_MESSAGE), 0);
}

static void
test_other_geometries(void **state)
{
	static const struct folio_config offers[] = {
		{.ring_size = 64, .slot_size = 256},
		{.queues = 4, .ring_size = 1024},
		{.ring_size = 128, .slot_size = 4096},
	};
	struct env *e = *state;
	size_t i;

	e->host = open_side(e, FOLIO_HOST, (struct folio_config){.queues = 4});
	for (i = 0; i < ARRAY_LEN(offers); i++) {
		e->guest = open_side(e, FOLIO_GUEST, offers[i]);
		check_traffic(e);
		folio_close(e->guest);
		e->guest = NULL;
		assert_true(comes_down(e, e->host));
	}
}

static void
test_stop_and_start(void **state)
{
	struct env *e = *state;
	int i;

	open_host(e);
	open_guest(e);
	for (i = 0; i < 3; i++) {
		check_traffic(e);
		folio_stop(i & 1 ? e->host : e->guest);
		assert_true(comes_down(e, i & 1 ? e->guest : e->host));
		folio_start(i & 1 ? e->host : e->guest);
	}
	check_traffic(e);
}

/* The guest reads why, as it does in a file. */
static void
test_over_the_limit(void **state)
{
	struct env *e = *state;
	struct folio_status st;

	open_host(e);
	e->guest = open_side(e, FOLIO_GUEST, (struct folio_config){.queues = 2});
	assert_false(comes_up(e));
	folio_status(e->guest, &st);
	assert_int_equal(st.link, FOLIO_LINK_REFUSED);
	assert_int_equal(st.refusal, FOLIO_WIRE_REFUSED_QUEUES);
	assert_int_equal(violations(e->host, FOLIO_PEER_OVER_LIMIT), 1);
	folio_close(e->guest);
	open_guest(e);
	check_traffic(e);
}

static void
test_roles_are_taken(void **state)
{
	struct env *e = *state;
	struct folio_config cfg = {.role = FOLIO_HOST, .path = e->path};
	struct folio_error err;
	struct folio *second;
	unsigned int i;

	open_host(e);
	assert_null(folio_open(&cfg, &err));
	assert_non_null(strstr(err.text, "role=host is taken"));
	open_guest(e);
	check_traffic(e);
	second = open_side(e, FOLIO_GUEST, small);
	for (i = 0; i < TICKS; i++) {
		folio_tick(second);
		tick(e, 1);
	}
	check_says(second, "role=guest is taken");
	assert_false(folio_link_is_up(second));
	assert_true(folio_link_is_up(e->host));
	/* Its turn comes. */
	folio_close(e->guest);
	e->guest = second;
	check_traffic(e);
}

static void
check_refused(const char *path, enum folio_role role, uint64_t size, const char *says)
{
	struct folio_config cfg = {.role = role, .path = path, .size = size};
	struct folio_error err = {.text = ""};

	assert_null(folio_open(&cfg, &err));
	if (strstr(err.text, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

static void
test_bad_paths(void **state)
{
	const struct env *e = *state;
	char path[PATH_MAX + 32];

	check_refused("unix:", FOLIO_GUEST, 0, "has 0 bytes: allowed are 1 to 107");
	snprintf(path, sizeof(path), "unix:/%0108d", 0);
	check_refused(path, FOLIO_GUEST, 0, "allowed are 1 to 107");
	check_refused(path, FOLIO_HOST, 0, "allowed are 1 to 107");
	snprintf(path, sizeof(path), "%s/nowhere", e->path);
	check_refused(path, FOLIO_HOST, 0, "No such file");
	check_refused(e->path, FOLIO_HOST, 4096, "size is not allowed");
	check_refused(e->path, FOLIO_GUEST, 4096, "size is not allowed");
}

/* Without a slash in front it lies where the process was when it opened the port. */
static void
test_relative_path(void **state)
{
	struct env *e = *state;
	char *before = get_current_dir_name();
	struct folio_config cfg = {.role = FOLIO_HOST, .path = "unix:socket", .queues = 1};

	assert_int_equal(chdir(e->dir), 0);
	e->host = folio_open(&cfg, NULL);
	assert_int_equal(chdir(before), 0);
	free(before);
	assert_non_null(e->host);
	folio_start(e->host);
	open_guest(e);
	check_traffic(e);
}

static int
listen_at(const struct env *e, int type)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(strlen(e->socket) < sizeof(addr.sun_path));
	memcpy(addr.sun_path, e->socket, strlen(e->socket));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	if (type != SOCK_DGRAM)
		assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static ino_t
inode(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? st.st_ino : 0;
}

/* What a host that was killed left is replaced. What is somebody's stays. */
static void
test_what_is_at_the_path(void **state)
{
	struct env *e = *state;
	ino_t before;
	int fd;

	close(listen_at(e, SOCK_SEQPACKET));
	open_host(e);
	open_guest(e);
	check_traffic(e);
	folio_close(e->host);
	e->host = NULL;

	fd = open(e->socket, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "diary", 5), 5);
	close(fd);
	before = inode(e->socket);
	check_refused(e->path, FOLIO_HOST, 0, "no socket");
	assert_int_equal(inode(e->socket), before);
	unlink(e->socket);

	assert_int_equal(symlink("/nowhere", e->socket), 0);
	check_refused(e->path, FOLIO_HOST, 0, "no socket");
	assert_int_equal(inode(e->socket) != 0, true);
	unlink(e->socket);

	fd = listen_at(e, SOCK_STREAM);
	before = inode(e->socket);
	check_refused(e->path, FOLIO_HOST, 0, "role=host is taken");
	assert_int_equal(inode(e->socket), before);
	close(fd);
	unlink(e->socket);
}

/* As with a file: whoever removes the name makes both meet anew. */
static void
test_socket_removed(void **state)
{
	struct env *e = *state;
	struct stat st;

	open_host(e);
	open_guest(e);
	check_traffic(e);
	assert_int_equal(unlink(e->socket), 0);
	assert_true(comes_down(e, e->host));
	assert_true(comes_down(e, e->guest));
	check_traffic(e);
	assert_int_equal(lstat(e->socket, &st), 0);
}

/* A side that a signal kills in the middle of it. */
static pid_t
spawn(const struct env *e, enum folio_role role)
{
	struct folio_config cfg = small;
	pid_t pid = fork();
	struct folio *f;

	assert_true(pid >= 0);
	if (pid != 0)
		return pid;
	/* What was inherited of the other side is not to keep it alive. */
	close_range(3, ~0u, 0);
	cfg.role = role;
	cfg.path = e->path;
	cfg.queues = 1;
	do
		f = folio_open(&cfg, NULL);
	while (f == NULL);
	folio_start(f);
	for (;;) {
		folio_tick(f);
		usleep(500);
	}
}

static void
killed_side(struct env *e, enum folio_role victim)
{
	struct folio **survivor = victim == FOLIO_GUEST ? &e->host : &e->guest;
	int i, n;
	pid_t pid;

	if (victim == FOLIO_GUEST)
		open_host(e);
	else
		open_guest(e);
	for (i = 0; i < KILLS; i++) {
		pid = spawn(e, victim);
		for (n = 0; n < 20000 && !folio_link_is_up(*survivor); n++) {
			tick(e, 1);
			usleep(500);
		}
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_true(folio_link_is_up(*survivor));
		assert_true(comes_down(e, *survivor));
	}
	assert_int_equal(violations(*survivor, FOLIO_PEER_BAD_MESSAGE), 0);
	if (victim == FOLIO_GUEST)
		open_guest(e);
	else
		open_host(e);
	check_traffic(e);
}

static void
test_guest_killed(void **state)
{
	killed_side(*state, FOLIO_GUEST);
}

static void
test_host_killed(void **state)
{
	killed_side(*state, FOLIO_HOST);
}

/* A peer of our own making. */

static int
connect_to(const struct env *e)
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
	const struct folio_geometry g = {.queues = 1, .ring_size = small.ring_size,
					 .slot_size = small.slot_size,
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
make_memory(const struct env *e, enum memory kind)
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
send_bad(const struct env *e, int to, const struct bad *b, enum folio_wire_kind kind)
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
	struct env *e = *state;
	unsigned int fds, n;
	uint64_t before;
	size_t i;
	int fd;

	open_host(e);
	fds = util_open_fds();
	for (i = 0; i < ARRAY_LEN(bad_messages); i++) {
		const struct bad *b = &bad_messages[i];

		print_message("           %s\n", b->name);
		before = violations(e->host, FOLIO_PEER_BAD_MESSAGE);
		fd = connect_to(e);
		assert_true(fd >= 0);
		send_bad(e, fd, b, FOLIO_WIRE_KIND_OFFER);
		for (n = 0; n < TICKS && !hung_up(fd); n++)
			tick(e, 1);
		assert_true(hung_up(fd));
		close(fd);
		check_says(e->host, b->says);
		assert_int_equal(violations(e->host, FOLIO_PEER_BAD_MESSAGE), before + 1);
		assert_int_equal(util_open_fds(), fds);
	}
	open_guest(e);
	check_traffic(e);
}

static void
tick_until_dropped(struct env *e, int fd)
{
	unsigned int n;

	for (n = 0; n < TICKS && !hung_up(fd); n++)
		tick(e, 1);
	assert_true(hung_up(fd));
	close(fd);
}

/* Those that are good messages, at the wrong time. */
static void
test_hostile_guest_out_of_order(void **state)
{
	const struct bad offer = {"offer", LEN, GOOD, {0}, ""};
	struct env *e = *state;
	int fd, n;

	open_host(e);
	/* Nothing at all, for ever. */
	fd = connect_to(e);
	tick_until_dropped(e, fd);
	check_says(e->host, "did not say what it offers");
	assert_int_equal(violations(e->host, FOLIO_PEER_BAD_MESSAGE), 1);
	/* Two offers; the one of the host's own kind. */
	fd = connect_to(e);
	for (n = 0; n < 2; n++)
		send_bad(e, fd, &offer, FOLIO_WIRE_KIND_OFFER);
	tick_until_dropped(e, fd);
	check_says(e->host, "that was not expected");
	fd = connect_to(e);
	send_bad(e, fd, &offer, FOLIO_WIRE_KIND_ANSWER);
	tick_until_dropped(e, fd);
	check_says(e->host, "that was not expected");
	open_guest(e);
	check_traffic(e);
}

/* The header in the memory is as hostile as that of a file; and the memory may not fit it. */
static void
test_hostile_guest_header(void **state)
{
	static const enum memory sizes[] = {TOO_SHORT, TOO_LONG};
	struct env *e = *state;
	struct folio_wire_message m;
	struct folio_wire_header *h;
	size_t i;
	int conn, fd, unsealed;

	open_host(e);
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
		h->ring_size.raw = small.ring_size;
		h->slot_size.raw = small.slot_size;
		h->page_shift.raw = FOLIO_LAYOUT_SHIFT;
		assert_int_equal(fcntl(unsealed, F_ADD_SEALS, SEALS), 0);
		conn = connect_to(e);
		send_raw(conn, &m, sizeof(m), &unsealed, 1);
		h->ring_size.raw = 3;
		tick(e, TICKS);
		check_says(e->host, "ring_size=3");
		/* What was said of that offer is not said of the next one. */
		h->ring_size.raw = small.ring_size;
		tick(e, TICKS);
		assert_false(folio_link_is_up(e->host));
		if (sizes[i] == TOO_SHORT)
			check_says(e->host, "region");
		else
			check_says(e->host, "its geometry needs");
		munmap(h, sizeof(*h));
		close(conn);
		close(fd);
		close(unsealed);
	}
	open_guest(e);
	check_traffic(e);
}

/* Connections without end, with and without words; the link that is up stays so. */
static void
test_connect_storm(void **state)
{
	struct env *e = *state;
	struct folio_wire_message m;
	unsigned int busy = 0;
	int i, fd, none;

	open_host(e);
	open_guest(e);
	check_traffic(e);
	for (i = 0; i < STORM; i++) {
		fd = connect_to(e);
		if (fd >= 0 && i % 3 != 0)
			send_bad(e, fd, &bad_messages[i % ARRAY_LEN(bad_messages)],
				 FOLIO_WIRE_KIND_OFFER);
		tick(e, 1);
		if (fd >= 0) {
			if (receive_raw(fd, &m, &none))
				busy += m.kind == FOLIO_WIRE_KIND_BUSY;
			close(fd);
		}
		assert_true(folio_link_is_up(e->guest) && folio_link_is_up(e->host));
	}
	assert_true(busy > 0);
	check_traffic(e);
	/* The same while nobody is served: then the next guest gets through. */
	folio_close(e->guest);
	e->guest = NULL;
	for (i = 0; i < STORM; i++) {
		fd = connect_to(e);
		tick(e, 1);
		if (fd >= 0)
			close(fd);
	}
	open_guest(e);
	check_traffic(e);
}

/* A host that sends what it likes. */

static int
accept_guest(struct env *e, int listener)
{
	int fd = -1, i;

	for (i = 0; i < TICKS && fd < 0; i++) {
		tick(e, 1);
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
	struct env *e = *state;
	int listener = listen_at(e, SOCK_SEQPACKET);
	unsigned int fds;
	uint64_t before;
	size_t i;
	int fd;

	open_guest(e);
	fd = accept_guest(e, listener);
	close(fd);
	tick(e, 1);
	fds = util_open_fds();
	for (i = 0; i < ARRAY_LEN(bad_messages) + ARRAY_LEN(more); i++) {
		const struct bad *b = i < ARRAY_LEN(bad_messages) ?
				      &bad_messages[i] : &more[i - ARRAY_LEN(bad_messages)];

		print_message("           %s\n", b->name);
		before = violations(e->guest, FOLIO_PEER_BAD_MESSAGE);
		fd = accept_guest(e, listener);
		send_bad(e, fd, b, FOLIO_WIRE_KIND_ANSWER);
		tick(e, 3);
		check_says(e->guest, b->says);
		assert_int_equal(violations(e->guest, FOLIO_PEER_BAD_MESSAGE), before + 1);
		close(fd);
		tick(e, 1);
		assert_int_equal(util_open_fds(), fds);
	}
	close(listener);
	unlink(e->socket);
	open_host(e);
	check_traffic(e);
}

/* The area that a guest gave away: nobody can cut it, fill it or write to it. */
static void
test_what_the_peer_gets(void **state)
{
	struct env *e = *state;
	int listener = listen_at(e, SOCK_SEQPACKET);
	struct folio_wire_message m;
	struct stat st;
	int conn, fd = -1, i;

	open_guest(e);
	conn = accept_guest(e, listener);
	for (i = 0; i < 5 && fd < 0; i++) {
		tick(e, 1);
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
	open_host(e);
	check_traffic(e);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_either_side_first),
		TEST(test_other_geometries),
		TEST(test_stop_and_start),
		TEST(test_over_the_limit),
		TEST(test_roles_are_taken),
		TEST(test_bad_paths),
		TEST(test_relative_path),
		TEST(test_what_is_at_the_path),
		TEST(test_socket_removed),
		TEST(test_guest_killed),
		TEST(test_host_killed),
		TEST(test_hostile_guest),
		TEST(test_hostile_guest_out_of_order),
		TEST(test_hostile_guest_header),
		TEST(test_connect_storm),
		TEST(test_hostile_host),
		TEST(test_what_the_peer_gets),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("memfd", tests, NULL, NULL);
}
