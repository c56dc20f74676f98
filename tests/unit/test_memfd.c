/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Sealed memory over a socket: either side comes and goes as it likes. */

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
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <folio.h>
#include <folio_wire.h>

#include "native/layout.h"
#include "sides.h"

#define KILLS 20
#define NOEXEC_SEAL 8u /* MFD_NOEXEC_SEAL, which older headers lack */

static void
test_either_side_first(void **state)
{
	struct sides *e = *state;
	struct folio_status st;

	sides_open_guest(e);
	sides_tick(e, SIDES_TICKS);
	sides_check_says(e->guest, "no host listens there");
	sides_open_host(e);
	sides_check_traffic(e);
	folio_status(e->host, &st);
	assert_non_null(strstr(st.region, "sealed memory, with process"));
	folio_close(e->guest);
	e->guest = NULL;
	assert_true(sides_comes_down(e, e->host));
	sides_open_guest(e);
	sides_check_traffic(e);
	folio_close(e->host);
	e->host = NULL;
	assert_true(sides_comes_down(e, e->guest));
	sides_open_host(e);
	sides_check_traffic(e);
	assert_int_equal(sides_violations(e->guest, FOLIO_PEER_BAD_MESSAGE), 0);
	assert_int_equal(sides_violations(e->host, FOLIO_PEER_BAD_MESSAGE), 0);
}

/* Kernels of every kind make memfds: this one, one that insists on the flag, one without it. */
static enum { AS_IT_IS, NOEXEC_ONLY, BEFORE_NOEXEC } kernel;

int
memfd_create(const char *name, unsigned int flags)
{
	int fd;

	if ((kernel == NOEXEC_ONLY && (flags & NOEXEC_SEAL) == 0) ||
	    (kernel == BEFORE_NOEXEC && (flags & NOEXEC_SEAL) != 0)) {
		errno = kernel == NOEXEC_ONLY ? EACCES : EINVAL;
		return -1;
	}
	fd = (int)syscall(SYS_memfd_create, name, flags);
	if (fd < 0 && errno == EINVAL && kernel == NOEXEC_ONLY) /* it is older than what it plays */
		fd = (int)syscall(SYS_memfd_create, name, flags & ~NOEXEC_SEAL);
	return fd;
}

static void
test_kernels_with_and_without_noexec(void **state)
{
	struct sides *e = *state;

	for (kernel = AS_IT_IS; kernel <= BEFORE_NOEXEC; kernel++) {
		sides_open_guest(e);
		sides_open_host(e);
		sides_check_traffic(e);
		folio_close(e->guest);
		folio_close(e->host);
		e->guest = e->host = NULL;
	}
}

static int
end_of_kernels(void **state)
{
	kernel = AS_IT_IS;
	return sides_teardown(state);
}

static void
test_other_geometries(void **state)
{
	static const struct folio_config offers[] = {
		{.ring_size = 64, .slot_size = 256},
		{.queues = 4, .ring_size = 1024},
		{.ring_size = 128, .slot_size = 4096},
	};
	struct sides *e = *state;
	size_t i;

	e->host = sides_open_side(e, FOLIO_HOST, (struct folio_config){.queues = 4});
	for (i = 0; i < ARRAY_LEN(offers); i++) {
		e->guest = sides_open_side(e, FOLIO_GUEST, offers[i]);
		sides_check_traffic(e);
		folio_close(e->guest);
		e->guest = NULL;
		assert_true(sides_comes_down(e, e->host));
	}
}

static void
test_stop_and_start(void **state)
{
	struct sides *e = *state;
	int i;

	sides_open_host(e);
	sides_open_guest(e);
	for (i = 0; i < 3; i++) {
		sides_check_traffic(e);
		folio_stop(i & 1 ? e->host : e->guest);
		assert_true(sides_comes_down(e, i & 1 ? e->guest : e->host));
		folio_start(i & 1 ? e->host : e->guest);
	}
	sides_check_traffic(e);
}

/* The guest reads why, as it does in a file. */
static void
test_over_the_limit(void **state)
{
	struct sides *e = *state;
	struct folio_status st;

	sides_open_host(e);
	e->guest = sides_open_side(e, FOLIO_GUEST, (struct folio_config){.queues = 2});
	assert_false(sides_comes_up(e));
	folio_status(e->guest, &st);
	assert_int_equal(st.link, FOLIO_LINK_REFUSED);
	assert_int_equal(st.refusal, FOLIO_WIRE_REFUSED_QUEUES);
	assert_int_equal(sides_violations(e->host, FOLIO_PEER_OVER_LIMIT), 1);
	/* Who said so has gone, and what it said with it. */
	folio_close(e->host);
	e->host = NULL;
	sides_tick(e, SIDES_TICKS);
	folio_status(e->guest, &st);
	assert_int_equal(st.link, FOLIO_LINK_NO_PEER);
	assert_int_equal(st.refusal, FOLIO_WIRE_REFUSED_NOT);
	sides_open_host(e);
	folio_close(e->guest);
	sides_open_guest(e);
	sides_check_traffic(e);
}

static void
test_roles_are_taken(void **state)
{
	struct sides *e = *state;
	struct folio_config cfg = {.role = FOLIO_HOST, .path = e->path};
	struct folio_error err;
	struct folio *second;
	unsigned int i;

	sides_open_host(e);
	assert_null(folio_open(&cfg, &err));
	assert_non_null(strstr(err.text, "role=host is taken"));
	sides_open_guest(e);
	sides_check_traffic(e);
	second = sides_open_side(e, FOLIO_GUEST, sides_small);
	for (i = 0; i < SIDES_TICKS; i++) {
		folio_tick(second);
		sides_tick(e, 1);
	}
	sides_check_says(second, "role=guest is taken");
	assert_false(folio_link_is_up(second));
	assert_true(folio_link_is_up(e->host));
	/* Its turn comes. */
	folio_close(e->guest);
	e->guest = second;
	sides_check_traffic(e);
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
	const struct sides *e = *state;
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
	struct sides *e = *state;
	char *before = get_current_dir_name();
	struct folio_config cfg = {.role = FOLIO_HOST, .path = "unix:socket", .queues = 1};

	assert_int_equal(chdir(e->dir), 0);
	e->host = folio_open(&cfg, NULL);
	assert_int_equal(chdir(before), 0);
	free(before);
	assert_non_null(e->host);
	folio_start(e->host);
	sides_open_guest(e);
	sides_check_traffic(e);
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
	struct sides *e = *state;
	ino_t before;
	int fd;

	close(sides_listen_at(e, SOCK_SEQPACKET));
	sides_open_host(e);
	sides_open_guest(e);
	sides_check_traffic(e);
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

	fd = sides_listen_at(e, SOCK_STREAM);
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
	struct sides *e = *state;
	struct stat st;

	sides_open_host(e);
	sides_open_guest(e);
	sides_check_traffic(e);
	assert_int_equal(unlink(e->socket), 0);
	assert_true(sides_comes_down(e, e->host));
	assert_true(sides_comes_down(e, e->guest));
	sides_check_traffic(e);
	assert_int_equal(lstat(e->socket, &st), 0);
}

/* A side that a signal kills in the middle of it. */
static pid_t
spawn(const struct sides *e, enum folio_role role)
{
	struct folio_config cfg = sides_small;
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
killed_side(struct sides *e, enum folio_role victim)
{
	struct folio **survivor = victim == FOLIO_GUEST ? &e->host : &e->guest;
	int i, n;
	pid_t pid;

	if (victim == FOLIO_GUEST)
		sides_open_host(e);
	else
		sides_open_guest(e);
	for (i = 0; i < KILLS; i++) {
		pid = spawn(e, victim);
		for (n = 0; n < 20000 && !folio_link_is_up(*survivor); n++) {
			sides_tick(e, 1);
			usleep(500);
		}
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_true(folio_link_is_up(*survivor));
		assert_true(sides_comes_down(e, *survivor));
	}
	assert_int_equal(sides_violations(*survivor, FOLIO_PEER_BAD_MESSAGE), 0);
	if (victim == FOLIO_GUEST)
		sides_open_guest(e);
	else
		sides_open_host(e);
	sides_check_traffic(e);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, sides_setup, sides_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_either_side_first),
		cmocka_unit_test_setup_teardown(test_kernels_with_and_without_noexec, sides_setup,
						end_of_kernels),
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
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("memfd", tests, NULL, NULL);
}
