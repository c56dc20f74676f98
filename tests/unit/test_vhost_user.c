/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* The vhost-user transport against an honest back end: all kinds, both directions, and its end. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "front.h"
#include "util.h"

/* Every kind of ring, with and without what a back end need not have, and either end listening. */
static void
test_honest(void **state)
{
	static const struct {
		uint64_t features, protocol, pairs;
		uint32_t expected;
	} kinds[] = {
		{FRONT_FEATURES, UINT64_MAX, 8, FRONT_PAIRS},
		{FRONT_FEATURES | BIT(VIRTIO_F_RING_PACKED), UINT64_MAX, 0x8000, FRONT_PAIRS},
		{FRONT_FEATURES | BIT(VIRTIO_F_RING_PACKED), FRONT_MQ_AND_ACK, 2, 2},
		{FRONT_FEATURES, BIT(0), 2, 2},	 /* no acknowledgements */
		{FRONT_FEATURES, BIT(3), 0, 1},	 /* no MQ */
		{FRONT_FEATURES, 0, 0, 1},
		{FRONT_FEATURES & ~FRONT_PROTOCOL, 0, 0, 1}, /* nothing but the oldest protocol */
		{(FRONT_FEATURES & ~FRONT_PROTOCOL) | BIT(VIRTIO_F_RING_PACKED), 0, 0, 1},
		{BIT(VIRTIO_F_VERSION_1) | FRONT_PROTOCOL, FRONT_MQ_AND_ACK, 8, 1},
		{UINT64_MAX, UINT64_MAX, 8, FRONT_PAIRS},
	};
	struct front *f = *state;
	unsigned int server, i;

	for (server = 0; server < 2; server++) {
		for (i = 0; i < ARRAY_LEN(kinds); i++) {
			struct backend_config cfg = front_honest;
			const uint32_t pairs = kinds[i].expected;

			cfg.features = kinds[i].features;
			cfg.protocol = kinds[i].protocol;
			cfg.pairs = kinds[i].pairs;
			cfg.client = server;
			if (!server)
				front_bring_back_end(f, &cfg);
			front_open(f, server, 0);
			if (server)
				front_bring_back_end(f, &cfg);
			front_await_up(f, 1000);
			assert_int_equal(f->d.pairs, pairs);
			assert_true(f->d.link);
			assert_int_equal(f->d.features & BIT(VIRTIO_F_RING_PACKED),
					 cfg.features & BIT(VIRTIO_F_RING_PACKED));
			assert_int_equal(f->d.features & (BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_MTU) |
							  BIT(VIRTIO_NET_F_STATUS) |
							  BIT(VIRTIO_F_ACCESS_PLATFORM)), 0);
			assert_int_equal(backend_counts(f->b)->started, 2 * pairs);
			assert_int_equal(backend_counts(f->b)->regions, 1);
			assert_int_equal(backend_counts(f->b)->memory, f->shm.size);
			front_check_traffic(f);
			front_run(f, 1000);
			assert_true(f->open);
			/* In good order: the back end has stopped before the connection is closed. */
			folio_virtio_device_stop(&f->d);
			front_run(f, 400);
			assert_int_equal(f->d.state, FOLIO_VIRTIO_DOWN);
			assert_int_equal(backend_counts(f->b)->started, 0);
			assert_int_equal(backend_counts(f->b)->stopped, 2 * pairs);
			assert_null(backend_error(f->b));
			front_close(f);
			front_take_back_end(f);
			assert_int_equal(util_dir_entries(f->dir), 0);
		}
	}
}

/* Up again each time that the back end dies, and with nothing left over. */
static void
test_back_end_dies(void **state)
{
	struct front *f = *state;
	unsigned int server, i, fds = 0;

	for (server = 0; server < 2; server++) {
		struct backend_config cfg = front_honest;

		cfg.client = server;
		f->shuts = 0;
		front_open(f, server, 0);
		for (i = 0; i < 20; i++) {
			cfg.features = FRONT_FEATURES;
			if (i % 2 != 0)
				cfg.features |= BIT(VIRTIO_F_RING_PACKED);
			front_bring_back_end(f, &cfg);
			front_await_up(f, 5000);
			front_check_traffic(f);
			if (i == 1)
				fds = util_open_fds();
			if (i > 1)
				assert_int_equal(util_open_fds(), fds);
			front_take_back_end(f);
			front_run(f, 3 * FRONT_TICK);
			assert_false(f->open);
			front_check_says(f, "the back end closed the connection");
		}
		assert_int_equal(f->shuts, 20);
		assert_int_equal(f->d.resets, 20);
		front_close(f);
	}
}

/* A socket that takes a few messages at a time only. */
static void
test_narrow_socket(void **state)
{
	struct front *f = *state;
	unsigned int ticks = 0;
	const int least = 1;

	front_bring_back_end(f, &front_honest);
	front_open(f, false, 0);
	for (; f->d.state != FOLIO_VIRTIO_PREPARE; ticks++) {
		assert_true(ticks < 100);
		front_round(f);
	}
	assert_int_equal(setsockopt(f->u.link.fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)), 0);
	for (ticks = 0; !f->open; ticks++) {
		assert_true(ticks < 100);
		front_round(f);
	}
	assert_true(ticks > 4);
	front_check_traffic(f);
	front_close(f);
	front_take_back_end(f);
}

static void
check_refused(struct front *f, const char *path, int ret, const char *says)
{
	struct folio_vhost_user u;
	struct folio_error err = {""};

	assert_int_equal(folio_vhost_user_open(&u, path, true, &f->shm, &err), ret);
	if (strstr(err.text, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

static void
test_addresses(void **state)
{
	struct front *f = *state;
	char path[200], says[300];
	int fd;

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	check_refused(f, path, -EINVAL,
		      "vhost_user: the path of a socket has 199 bytes: allowed are 1 to 107");
	check_refused(f, "", -EINVAL, "has 0 bytes");
	check_refused(f, "/nonexistent/sock", -ENOENT,
		      "vhost_user=/nonexistent/sock: cannot listen there");

	/* Somebody else's, a file, and one that is forgotten. */
	front_open(f, true, 0);
	snprintf(says, sizeof(says), "somebody else listens on vhost_user=%s", f->path);
	check_refused(f, f->path, -EBUSY, says);
	/* Who takes the name away gets no back end: the socket is made anew. */
	assert_int_equal(unlink(f->path), 0);
	front_run(f, 6000);
	assert_int_equal(util_dir_entries(f->dir), 1);
	front_close(f);
	assert_int_equal(util_dir_entries(f->dir), 0);
	fd = open(f->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	check_refused(f, f->path, -EEXIST, "no socket: it is left alone");
	assert_int_equal(unlink(f->path), 0);
	front_open(f, true, 0);
	close(f->u.listener); /* as the kernel does for the dead */
	f->u.listener = -1;
	folio_vhost_user_close(&f->u);
	assert_int_equal(util_dir_entries(f->dir), 1);
	front_open(f, true, 0);
	front_close(f);
	assert_int_equal(util_dir_entries(f->dir), 0);

	/* Memory that cannot be passed on. */
	snprintf(f->shm.detail, sizeof(f->shm.detail), "/dev/folio_alloc");
	f->shm.pieces = 2;
	check_refused(f, f->path, -EINVAL, "a back end cannot map /dev/folio_alloc");
	f->shm.pieces = 1;
	fd = f->shm.fd;
	f->shm.fd = -1;
	check_refused(f, f->path, -EINVAL, "a back end cannot map");
	f->shm.fd = fd;
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, front_setup, front_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_honest),
		TEST(test_back_end_dies),
		TEST(test_narrow_socket),
		TEST(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
