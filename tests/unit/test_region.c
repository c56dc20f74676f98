/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Where shared memory comes from: files of every kind, good and bad, and who may have them. */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "regions.h"

/* Refused with this error, a line that says so, and nothing left open. */
static void
check_refused(const char *path, enum folio_role role, int error, const char *says)
{
	unsigned int fds = util_open_fds();
	struct folio_error err = {.text = ""};
	struct folio_region r;

	assert_int_equal(folio_region_open(&r, path, role, false, &err), error);
	if (strstr(err.text, says) == NULL || strstr(err.text, path) == NULL)
		fail_msg("\"%s\" does not say \"%s\" of %s", err.text, says, path);
	assert_int_equal(r.fd, -1);
	assert_null(r.path);
	assert_int_equal(folio_region_open(&r, path, role, true, NULL), error);
	assert_int_equal(util_open_fds(), fds);
}

static void
check_refused_to_both(const char *path, int error, const char *says)
{
	check_refused(path, FOLIO_GUEST, error, says);
	check_refused(path, FOLIO_HOST, error, says);
}

static void
test_create_and_remove(void **state)
{
	const struct util_place *e = *state;
	unsigned int fds = util_open_fds();
	struct folio_region r;
	struct stat st;
	int i;

	for (i = 0; i < 2; i++) {
		open_region(&r, e->path, i == 0 ? FOLIO_GUEST : FOLIO_HOST);
		assert_true(r.ours);
		assert_int_equal(stat(e->path, &st), 0);
		assert_int_equal(st.st_size, 0);
		/* For nobody else, and marked as folio's own. */
		assert_int_equal(st.st_mode & 07777, 01600);
		assert_int_equal(r.page_size, sysconf(_SC_PAGESIZE));
		folio_region_close(&r);
		assert_false(exists(e->path));
		assert_int_equal(util_open_fds(), fds);
		folio_region_close(&r); /* once more is no harm */
	}
}

static void
test_both_roles_at_once(void **state)
{
	const struct util_place *e = *state;
	struct folio_region guest, host;

	open_region(&guest, e->path, FOLIO_GUEST);
	open_region(&host, e->path, FOLIO_HOST);
	assert_true(guest.ours);
	assert_true(host.ours);
	map_region(&guest);
	map_region(&host);
	/* What one writes the other reads, and at the same place of its peer's area. */
	memset((uint8_t *)guest.own + small_layout.data_off, 0x11, 100);
	memset((uint8_t *)host.own + small_layout.data_off, 0x22, 100);
	assert_true(util_all_bytes((uint8_t *)host.peer + small_layout.data_off, 0x11, 100));
	assert_true(util_all_bytes((uint8_t *)guest.peer + small_layout.data_off, 0x22, 100));
	folio_region_close(&host);
	folio_region_close(&guest);
}

/* Whoever closes last removes what folio made, whoever made it. */
static void
test_the_last_one_out_removes_the_file(void **state)
{
	const struct util_place *e = *state;
	struct folio_region first, second;
	int i;

	for (i = 0; i < 4; i++) {
		open_region(&first, e->path, i & 1 ? FOLIO_GUEST : FOLIO_HOST);
		open_region(&second, e->path, i & 1 ? FOLIO_HOST : FOLIO_GUEST);
		folio_region_close(i & 2 ? &first : &second);
		assert_true(exists(e->path));
		folio_region_close(i & 2 ? &second : &first);
		assert_false(exists(e->path));
	}
}

/* Who opens a file while the other one makes it. */
struct opener {
	const char *path;
	pthread_barrier_t *barrier;
	struct folio_region region;
	int ret;
};

#define MEETINGS 2000

static void *
open_as_host(void *arg)
{
	struct opener *o = arg;
	int i;

	for (i = 0; i < MEETINGS; i++) {
		pthread_barrier_wait(o->barrier);
		o->ret = folio_region_open(&o->region, o->path, FOLIO_HOST, false, NULL);
		pthread_barrier_wait(o->barrier);
		pthread_barrier_wait(o->barrier); /* closed */
	}
	return NULL;
}

static void
test_made_by_both_at_once(void **state)
{
	const struct util_place *e = *state;
	pthread_barrier_t barrier;
	struct opener host = {.path = e->path, .barrier = &barrier};
	struct folio_region guest;
	pthread_t thread;
	int i;

	assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, open_as_host, &host), 0);
	for (i = 0; i < MEETINGS; i++) {
		pthread_barrier_wait(&barrier);
		open_region(&guest, e->path, FOLIO_GUEST);
		pthread_barrier_wait(&barrier);
		assert_int_equal(host.ret, 0);
		assert_true(guest.ours);
		assert_true(host.region.ours);
		folio_region_close(i & 1 ? &guest : &host.region);
		folio_region_close(i & 1 ? &host.region : &guest);
		assert_false(exists(e->path));
		pthread_barrier_wait(&barrier);
	}
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&barrier);
}

/* A file that is made for somebody else stays, once it is in use. */
static void
test_a_file_to_keep(void **state)
{
	const struct util_place *e = *state;
	struct folio_region r;

	assert_int_equal(folio_region_open(&r, e->path, FOLIO_HOST, true, NULL), 0);
	assert_false(r.ours);
	assert_int_equal(folio_region_grow(&r, 8192, NULL), 0);
	r.fresh = false;
	folio_region_close(&r);
	assert_true(exists(e->path));
	open_region(&r, e->path, FOLIO_GUEST);
	assert_false(r.ours);
	assert_int_equal(folio_region_grow(&r, 8193, NULL), -ENOSPC);
	folio_region_close(&r);
	assert_true(exists(e->path));
	unlink(e->path);
	/* But not when whoever asked for it failed. */
	assert_int_equal(folio_region_open(&r, e->path, FOLIO_HOST, true, NULL), 0);
	folio_region_close(&r);
	assert_false(exists(e->path));
}

/* What folio made may grow, also for a guest that was not the one to make it. */
static void
test_own_files_grow(void **state)
{
	const struct util_place *e = *state;
	struct folio_region guest, host;
	struct stat st;

	open_region(&host, e->path, FOLIO_HOST);
	open_region(&guest, e->path, FOLIO_GUEST);
	assert_int_equal(folio_region_grow(&guest, 8192, NULL), 0);
	folio_region_close(&guest);
	open_region(&guest, e->path, FOLIO_GUEST);
	assert_int_equal(folio_region_grow(&guest, 65536, NULL), 0);
	assert_int_equal(folio_region_grow(&guest, 4096, NULL), 0);
	assert_int_equal(stat(e->path, &st), 0);
	assert_int_equal(st.st_size, 65536);
	folio_region_close(&guest);
	folio_region_close(&host);
}

static void
test_role_is_taken(void **state)
{
	const struct util_place *e = *state;
	struct folio_region guest, host;

	open_region(&guest, e->path, FOLIO_GUEST);
	check_refused(e->path, FOLIO_GUEST, -EBUSY, "role=guest is taken");
	open_region(&host, e->path, FOLIO_HOST);
	check_refused(e->path, FOLIO_HOST, -EBUSY, "role=host is taken");
	check_refused(e->path, FOLIO_GUEST, -EBUSY, "role=guest is taken");
	assert_true(exists(e->path));
	folio_region_close(&host);
	open_region(&host, e->path, FOLIO_HOST);
	folio_region_close(&host);
	folio_region_close(&guest);
	open_region(&guest, e->path, FOLIO_GUEST);
	folio_region_close(&guest);
}

static void
test_what_is_no_file_is_refused(void **state)
{
	const struct util_place *e = *state;
	char path[PATH_MAX + 16];

	check_refused_to_both(e->dir, -EISDIR, "cannot open it");
	assert_int_equal(mkfifo(e->path, 0600), 0);
	check_refused_to_both(e->path, -EINVAL, "neither a regular file");
	unlink(e->path);
	snprintf(path, sizeof(path), "%s/nowhere", e->path);
	check_refused_to_both(path, -ENOENT, "cannot create it");
	make_file(e->path, "", 0, 4096);
	check_refused_to_both(path, -ENOTDIR, "cannot open it");
	unlink(e->path);
	assert_int_equal(symlink(e->path, e->path), 0);
	check_refused_to_both(e->path, -ELOOP, "cannot open it");
}

static void
test_zeroed_files_are_accepted(void **state)
{
	const struct util_place *e = *state;
	struct folio_region r;
	struct stat st;

	make_file(e->path, "", 0, (off_t)small_layout.region_size + 4096);
	open_region(&r, e->path, FOLIO_GUEST);
	assert_false(r.ours);
	assert_int_equal(r.size, small_layout.region_size + 4096);
	map_region(&r);
	assert_int_equal(stat(e->path, &st), 0);
	assert_int_equal(st.st_size, small_layout.region_size + 4096);
	folio_region_close(&r);
	assert_true(exists(e->path));

	/* An empty one grows; it stays all the same, because it is not ours. */
	assert_int_equal(truncate(e->path, 0), 0);
	open_region(&r, e->path, FOLIO_GUEST);
	assert_false(r.ours);
	map_region(&r);
	assert_int_equal(stat(e->path, &st), 0);
	assert_int_equal(st.st_size, small_layout.region_size);
	folio_region_close(&r);
	assert_true(exists(e->path));
}

static void
test_fixed_file_too_small(void **state)
{
	const struct util_place *e = *state;
	struct folio_error err;
	struct folio_region r;
	struct stat st;
	char part[64];

	make_file(e->path, "", 0, 8192);
	open_region(&r, e->path, FOLIO_GUEST);
	assert_int_equal(folio_region_grow(&r, small_layout.region_size, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "has 8192 bytes"));
	snprintf(part, sizeof(part), "needs %llu", (unsigned long long)small_layout.region_size);
	assert_non_null(strstr(err.text, part));
	assert_int_equal(folio_region_grow(&r, 8193, NULL), -ENOSPC);
	assert_int_equal(folio_region_grow(&r, 8192, &err), 0);
	folio_region_close(&r);
	assert_int_equal(stat(e->path, &st), 0);
	assert_int_equal(st.st_size, 8192);
}

static void
test_peek(void **state)
{
	const struct util_place *e = *state;
	struct folio_wire_header h;
	struct folio_region guest, host;

	open_region(&guest, e->path, FOLIO_GUEST);
	open_region(&host, e->path, FOLIO_HOST);
	assert_false(folio_region_peek(&host, &h));
	map_region(&guest);
	folio_put64(&folio_layout_header(guest.own)->generation, 77);
	assert_true(folio_region_peek(&host, &h));
	assert_int_equal(folio_fetch64(&h.generation), 77);
	folio_region_close(&host);
	folio_region_close(&guest);
}

/* Rule 4: not even a bug of ours can write what is the peer's. */
static void
test_peer_area_is_read_only(void **state)
{
	const struct util_place *e = *state;
	struct folio_region r;
	uint64_t off;
	int i, status;

	for (i = 0; i < 2; i++) {
		open_region(&r, e->path, i == 0 ? FOLIO_GUEST : FOLIO_HOST);
		map_region(&r);
		for (off = 0; off < small_layout.area_size; off += small_layout.area_size / 8) {
			status = util_run_child(write_to, (uint8_t *)r.own + off);
			assert_true(util_exited(status, 0));
			status = util_run_child(write_to, (uint8_t *)r.peer + off);
			assert_true(util_died_of(status, SIGSEGV));
		}
		status = util_run_child(write_to, (uint8_t *)r.peer + small_layout.area_size - 1);
		assert_true(util_died_of(status, SIGSEGV));
		folio_region_close(&r);
	}
}

static void
test_own_half_is_zeroed_at_map(void **state)
{
	const struct util_place *e = *state;
	struct folio_region r;
	int i;

	for (i = 0; i < 2; i++) {
		make_file(e->path, "", 0, (off_t)small_layout.region_size);
		open_region(&r, e->path, i == 0 ? FOLIO_GUEST : FOLIO_HOST);
		/* Only now: a guest that opens a file without a host cleans up all of it. */
		write_at(e->path, 0, 0x77, small_layout.region_size);
		map_region(&r);
		assert_true(util_all_bytes(r.own, 0, small_layout.used));
		/* What is the peer's is not ours to touch. */
		assert_true(util_all_bytes(r.peer, 0x77, small_layout.area_size));
		memset(r.own, 0x78, small_layout.used);
		folio_region_zero(&r, &small_layout);
		assert_true(util_all_bytes((uint8_t *)r.own + small_layout.index_off, 0,
					   small_layout.meta_off - small_layout.index_off));
		assert_true(util_all_bytes((uint8_t *)r.own + small_layout.data_off, 0,
					   small_layout.used - small_layout.data_off));
		assert_true(util_all_bytes(r.own, 0x78, small_layout.index_off));
		folio_region_close(&r);
		unlink(e->path);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, util_place_setup, util_place_teardown)

int
main(void)
{
	const struct folio_geometry g = {1, 64, 256, FOLIO_WIRE_SHIFT_MIN + 4};
	const struct CMUnitTest tests[] = {
		TEST(test_create_and_remove),
		TEST(test_both_roles_at_once),
		TEST(test_the_last_one_out_removes_the_file),
		TEST(test_made_by_both_at_once),
		TEST(test_a_file_to_keep),
		TEST(test_own_files_grow),
		TEST(test_role_is_taken),
		TEST(test_what_is_no_file_is_refused),
		TEST(test_zeroed_files_are_accepted),
		TEST(test_fixed_file_too_small),
		TEST(test_peek),
		TEST(test_peer_area_is_read_only),
		TEST(test_own_half_is_zeroed_at_map),
	};

	if (folio_layout_init(&small_layout, &g, 0, NULL) != 0)
		return 1;
	return cmocka_run_group_tests_name("region", tests, NULL, NULL);
}
