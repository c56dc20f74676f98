/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* What others do to a file while it is in use, and what is said of a file that cannot be had. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <folio.h>

#include "files.h"
#include "mounts.h"

/* What others do to a file that we have open, or want to. */

static void
test_lease(void **state)
{
	struct duo *e = *state;
	int fd;

	leave_a_region(e);
	fd = open(e->path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	if (fcntl(fd, F_SETLEASE, F_WRLCK) != 0)
		skip();
	signal(SIGIO, SIG_IGN);
	/* Would take fs.lease-break-time, 45 s, if it waited. */
	alarm(20);
	e->host = open_side(e, FOLIO_HOST, 0);
	check_says(e->host, FOLIO_LINK_NO_REGION, "has a lease on it");
	tick(e, TICKS);
	assert_int_equal(fcntl(fd, F_SETLEASE, F_UNLCK), 0);
	close(fd);
	alarm(0);
	e->guest = open_side(e, FOLIO_GUEST, 0);
	check_link(e);
}

/* As EAL does to "*map_*" on hugetlbfs, and systemd-tmpfiles elsewhere. */
static bool
cleaner_would_remove(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0;

	close(fd);
	return locked;
}

static void
test_cleaners(void **state)
{
	struct duo *e = *state;
	int fd;

	e->host = open_side(e, FOLIO_HOST, 0);
	assert_false(cleaner_would_remove(e->path));
	e->guest = open_side(e, FOLIO_GUEST, 0);
	check_link(e);
	folio_close(e->host);
	e->host = NULL;
	assert_false(cleaner_would_remove(e->path));
	folio_close(e->guest);
	/* Somebody else's lock is no reason to fail; and ours comes when that goes. */
	make_file(e->path, 01600, 0, 0, "");
	fd = open(e->path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	e->guest = open_side(e, FOLIO_GUEST, 0);
	tick(e, 1);
	close(fd);
	tick(e, 1);
	assert_false(cleaner_would_remove(e->path));
}

/* Wire format 8.3: nobody makes the file of somebody else longer, not even one that was cut. */
static void
test_cut_while_it_is_mapped(void **state)
{
	const struct folio_geometry g = {1, 64, 256, FOLIO_LAYOUT_SHIFT};
	const struct duo *e = *state;
	struct folio_region r;
	struct folio_layout l;
	struct stat st;
	off_t cut;

	assert_int_equal(folio_layout_init(&l, &g, 0, NULL), 0);
	for (cut = 0; cut < (off_t)l.region_size; cut += (off_t)l.region_size / 4) {
		make_file(e->path, 0600, (off_t)l.region_size, 0, "");
		assert_int_equal(folio_region_open(&r, e->path, FOLIO_GUEST, false, NULL), 0);
		assert_int_equal(folio_region_grow(&r, l.region_size, NULL), 0);
		assert_int_equal(truncate(e->path, cut), 0);
		(void)folio_region_map(&r, &l, NULL);
		assert_int_equal(stat(e->path, &st), 0);
		assert_int_equal(st.st_size, cut);
		folio_region_close(&r);
		unlink(e->path);
	}
}

/* Wire format 8.6: both go on in a renamed file; in another one of its name they meet anew. */
static void
test_renamed(void **state)
{
	struct duo *e = *state;
	struct folio_counters before, after;
	char other[PATH_MAX + 16];
	struct stat st;

	e->guest = open_side(e, FOLIO_GUEST, 0);
	e->host = open_side(e, FOLIO_HOST, 0);
	check_link(e);
	folio_counters(e->guest, &before);
	snprintf(other, sizeof(other), "%s.old", e->path);
	assert_int_equal(rename(e->path, other), 0);
	check_link(e);
	folio_counters(e->guest, &after);
	assert_int_equal(after.link_ups, before.link_ups);
	assert_int_not_equal(stat(e->path, &st), 0);
	/* Another port of the same name. */
	make_file(e->path, 01600, 0, 0, "");
	check_link(e);
	folio_counters(e->guest, &after);
	assert_int_equal(after.link_ups, before.link_ups + 1);
	assert_int_equal(stat(e->path, &st), 0);
	assert_true(st.st_size > 0);
	unlink(other);
}

/* A reason does not outlive what it says. */
static void
test_stale_detail(void **state)
{
	struct duo *e = *state;
	struct folio_status st;

	e->guest = open_side(e, FOLIO_GUEST, 0);
	e->host = open_side(e, FOLIO_HOST, 0);
	check_link(e);
	assert_int_equal(truncate(e->path, 0), 0);
	folio_tick(e->host);
	check_says(e->host, FOLIO_LINK_NO_REGION, "removed, replaced or cut");
	check_link(e);
	/* The host waits in a file that is there again. */
	folio_close(e->guest);
	e->guest = NULL;
	assert_int_equal(unlink(e->path), 0);
	tick(e, TICKS);
	folio_status(e->host, &st);
	assert_int_equal(st.link, FOLIO_LINK_NO_PEER);
	assert_string_equal(st.detail, "");
}

/* Messages. */

static void
check_refused(const struct duo *e, enum folio_role role, uint64_t size, const char *says)
{
	struct folio_error err = {.text = ""};

	assert_null(try_open(e, role, size, &err));
	if (strstr(err.text, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

static void
test_messages(void **state)
{
	struct duo *e = *state;
	struct duo long_one = *e;
	char name[256];
	int role;

	for (role = FOLIO_GUEST; role <= FOLIO_HOST; role++) {
		assert_int_equal(symlink("/nowhere/at/all", e->path), 0);
		check_refused(e, (enum folio_role)role, 0,
			      "is a symbolic link to a file that does not exist");
		unlink(e->path);
	}
	/* The reason is there however long the path is, and so is the end of the path. */
	memset(name, 'x', sizeof(name));
	snprintf(long_one.path, sizeof(long_one.path), "%s/%.250s/%.250s/%.250s/end",
		 (const char *)e->dir, name, name, name);
	check_refused(&long_one, FOLIO_GUEST, 0, "cannot create it: No such file or directory");
	check_refused(&long_one, FOLIO_GUEST, 0, "/end: ");
	e->guest = open_side(e, FOLIO_GUEST, 0);
	check_refused(e, FOLIO_GUEST, 0, "another port, of this process or of another");
}

/* The virtual machine that gets the file would die of the first page that is not there. */
static int
size_on_a_full_tmpfs(void *arg)
{
	const struct duo *e = arg;
	struct folio_error err = {.text = ""};
	struct stat st;
	int ret = mounts_own(e->dir, "tmpfs", "size=4m");

	if (ret != 0)
		return ret;
	if (try_open(e, FOLIO_HOST, 8 << 20, &err) != NULL ||
	    strstr(err.text, "cannot reserve 8388608 bytes of memory: No space") == NULL)
		return mounts_complain("opened without space, or the wrong line", &err);
	if (stat(e->path, &st) == 0)
		return mounts_complain("the file was left behind", &err);
	if (try_open(e, FOLIO_HOST, 2 << 20, &err) == NULL)
		return mounts_complain("a small one does not fit", &err);
	if (stat(e->path, &st) != 0 || st.st_blocks * 512 < 2 << 20)
		return mounts_complain("its memory is not reserved", &err);
	return 0;
}

static void
test_size_on_a_full_tmpfs(void **state)
{
	mounts_check(size_on_a_full_tmpfs, *state, "may not mount a file system here");
}

static int
no_huge_pages(void *arg)
{
	const struct duo *e = arg;
	struct folio_error err = {.text = ""};
	/* A limit of one page: however many the machine has, they do not suffice. */
	int ret = mounts_own(e->dir, "hugetlbfs", "pagesize=2M,size=2M");

	if (ret != 0)
		return ret;
	if (try_open(e, FOLIO_GUEST, 0, &err) != NULL ||
	    strstr(err.text, " free huge pages of 2 MiB needed, ") == NULL ||
	    strstr(err.text, e->path) == NULL)
		return mounts_complain("opened without pages, or the wrong line", &err);
	return 0;
}

static void
test_no_huge_pages(void **state)
{
	mounts_check(no_huge_pages, *state, "may not mount a file system here");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, duo_setup, duo_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: cmocka's SIGBUS handlers come and go with tests that leave a port open. */
		TEST(test_cut_while_it_is_mapped),
		TEST(test_lease),
		TEST(test_cleaners),
		TEST(test_renamed),
		TEST(test_stale_detail),
		TEST(test_messages),
		TEST(test_size_on_a_full_tmpfs),
		TEST(test_no_huge_pages),
	};

	return cmocka_run_group_tests_name("file_use", tests, NULL, NULL);
}
