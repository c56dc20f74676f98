/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Files that others have, too: strangers' that must stay as they are, and those that a peer, or a
 * program that cleans up, does something to while nobody of ours looks.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <folio.h>

#include "boundary/shared.h"
#include "native/region.h"
#include "duo.h"
#include "mounts.h"

#define SIZE 32768
#define TICKS 100

static const struct folio_config small = {.ring_size = 64, .slot_size = 256};

static struct folio *
try_open(const struct duo *e, enum folio_role role, uint64_t size, struct folio_error *err)
{
	struct folio_config cfg = small;
	struct folio *f;

	cfg.role = role;
	cfg.path = e->path;
	cfg.size = size;
	f = folio_open(&cfg, err);
	if (f != NULL)
		folio_start(f);
	return f;
}

static struct folio *
open_side(const struct duo *e, enum folio_role role, uint64_t size)
{
	struct folio_error err = {.text = ""};
	struct folio *f = try_open(e, role, size, &err);

	if (f == NULL)
		fail_msg("folio_open: %s", err.text);
	return f;
}

static void
tick(const struct duo *e, unsigned int n)
{
	while (n-- > 0) {
		if (e->guest != NULL)
			folio_tick(e->guest);
		if (e->host != NULL)
			folio_tick(e->host);
	}
}

static void
check_link(const struct duo *e)
{
	struct folio_status g, h;

	tick(e, TICKS);
	folio_status(e->guest, &g);
	folio_status(e->host, &h);
	if (g.link != FOLIO_LINK_UP || h.link != FOLIO_LINK_UP)
		fail_msg("no link: guest %s (%s), host %s (%s)", folio_link_name(g.link), g.detail,
			 folio_link_name(h.link), h.detail);
	assert_string_equal(g.detail, "");
	assert_string_equal(h.detail, "");
}

static void
check_says(struct folio *f, enum folio_link link, const char *words)
{
	struct folio_status st;

	folio_status(f, &st);
	assert_int_equal(st.link, link);
	if (strstr(st.detail, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", st.detail, words);
}

/* A file with this content at one place, zeroes elsewhere. */
static void
make_file(const char *path, mode_t mode, off_t size, off_t at, const char *text)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, text, strlen(text), at), strlen(text));
	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
overwrite(const char *path, off_t at, const char *text)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, text, strlen(text), at), strlen(text));
	close(fd);
}

static void *
read_all(const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *all;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, st), 0);
	all = malloc((size_t)st->st_size);
	assert_non_null(all);
	assert_int_equal(read(fd, all, (size_t)st->st_size), st->st_size);
	close(fd);
	return all;
}

/* Strangers' files: the same inode, content, length and mode whoever opened and closed them. */

static void
check_left_alone(struct duo *e, mode_t mode, off_t size, off_t at)
{
	struct folio_error err = {.text = ""};
	struct stat before, after;
	void *was, *is;
	int role;

	make_file(e->path, mode, size, at, "dear diary");
	was = read_all(e->path, &before);
	for (role = FOLIO_GUEST; role <= FOLIO_HOST; role++) {
		struct folio *f = try_open(e, (enum folio_role)role, 0, &err);

		e->guest = f;
		tick(e, TICKS);
		if (f == NULL) {
			/* What was never a region is the user's mistake. */
			assert_int_equal(role, FOLIO_GUEST);
			assert_true(size % FOLIO_WIRE_PAGE != 0 && (mode & S_ISVTX) == 0);
			assert_non_null(strstr(err.text, "is not a folio region"));
		} else if (role == FOLIO_GUEST) {
			check_says(f, FOLIO_LINK_NO_REGION, "is not a folio region");
			check_says(f, FOLIO_LINK_NO_REGION, e->path);
		} else if (at == 0 && size >= FOLIO_WIRE_PAGE) {
			check_says(f, FOLIO_LINK_REJECTED, "header is not folio's");
		} else {
			assert_false(folio_link_is_up(f));
		}
		folio_close(f);
		e->guest = NULL;
		is = read_all(e->path, &after);
		assert_int_equal(after.st_ino, before.st_ino);
		assert_int_equal(after.st_size, before.st_size);
		assert_int_equal(after.st_mode, before.st_mode);
		assert_memory_equal(was, is, before.st_size);
		free(is);
	}
	free(was);
	assert_int_equal(unlink(e->path), 0);
}

static void
test_strangers_files(void **state)
{
	static const mode_t modes[] = {0600, 01600};
	static const off_t sizes[] = {SIZE, FOLIO_WIRE_PAGE, 5000, 10, 3 * FOLIO_WIRE_PAGE + 1};
	struct duo *e = *state;
	size_t m, s;

	for (m = 0; m < ARRAY_LEN(modes); m++) {
		for (s = 0; s < ARRAY_LEN(sizes); s++)
			check_left_alone(e, modes[m], sizes[s], 0);
		check_left_alone(e, modes[m], SIZE, FOLIO_WIRE_PAGE - 10);
	}
}

/* L11: what a peer wrote while nobody of ours looked keeps no port from being there. */

static int
die(void *arg)
{
	struct duo *e = arg;

	e->guest = open_side(e, FOLIO_GUEST, 0);
	e->host = open_side(e, FOLIO_HOST, 0);
	tick(e, TICKS);
	_exit(folio_link_is_up(e->guest) ? 0 : 1);
}

static void
leave_a_region(struct duo *e)
{
	assert_true(util_exited(util_run_child(die, e), 0));
}

static void
test_guests_header_scribbled(void **state)
{
	struct duo *e = *state;

	leave_a_region(e);
	overwrite(e->path, 0, "AAAAAAAA");
	e->host = open_side(e, FOLIO_HOST, 0);
	tick(e, 3);
	check_says(e->host, FOLIO_LINK_REJECTED, "header is not folio's");
	e->guest = open_side(e, FOLIO_GUEST, 0);
	check_link(e);
}

/* Whose file it is the host can tell when the guest has undone it. It is the last one out. */
static void
test_scribbled_when_the_host_came(void **state)
{
	struct env *e = *state;

	e->guest = open_side(e, FOLIO_GUEST, 0);
	overwrite(e->path, 0, "AAAAAAAA");
	e->host = open_side(e, FOLIO_HOST, 0);
	check_link(e);
	folio_close(e->guest);
	e->guest = NULL;
	folio_close(e->host);
	e->host = NULL;
	assert_int_equal(access(e->path, F_OK), -1);
}

static void
test_both_headers_scribbled(void **state)
{
	struct duo *e = *state;
	struct stat st;

	leave_a_region(e);
	overwrite(e->path, 0, "AAAAAAAA");
	assert_int_equal(stat(e->path, &st), 0);
	overwrite(e->path, st.st_size / 2, "BBBBBBBB");
	e->guest = open_side(e, FOLIO_GUEST, 0);
	e->host = open_side(e, FOLIO_HOST, 0);
	tick(e, TICKS);
	check_says(e->guest, FOLIO_LINK_NO_REGION, "is left alone");
	check_says(e->host, FOLIO_LINK_REJECTED, "header is not folio's");
	/* Undone: both go on without being started again. */
	assert_int_equal(unlink(e->path), 0);
	check_link(e);
}

static void
test_scribbled_file_of_a_size(void **state)
{
	struct duo *e = *state;
	struct stat st;
	int round;

	for (round = 0; round < 2; round++) {
		e->host = open_side(e, FOLIO_HOST, 4 << 20);
		folio_close(e->host);
		overwrite(e->path, 0, "AAAAAAAA");
		/* The host that comes back, and a guest that had nothing to do with it. */
		e->host = open_side(e, FOLIO_HOST, 4 << 20);
		tick(e, 3);
		check_says(e->host, FOLIO_LINK_REJECTED, "header is not folio's");
		if (round == 1) {
			e->guest = open_side(e, FOLIO_GUEST, 0);
			tick(e, 3);
			check_says(e->guest, FOLIO_LINK_NO_REGION, "is left alone");
		}
		assert_int_equal(truncate(e->path, 0), 0);
		assert_int_equal(truncate(e->path, 4 << 20), 0);
		if (round == 0)
			e->guest = open_side(e, FOLIO_GUEST, 0);
		check_link(e);
		folio_close(e->guest);
		folio_close(e->host);
		e->guest = NULL;
		e->host = NULL;
		assert_int_equal(stat(e->path, &st), 0);
		assert_int_equal(unlink(e->path), 0);
	}
}

static void
test_cut_to_an_odd_size(void **state)
{
	struct duo *e = *state;

	leave_a_region(e);
	assert_int_equal(truncate(e->path, 5001), 0);
	e->guest = open_side(e, FOLIO_GUEST, 0);
	e->host = open_side(e, FOLIO_HOST, 0);
	tick(e, 3);
	check_says(e->guest, FOLIO_LINK_NO_REGION, "size of 5001 bytes");
	assert_int_equal(unlink(e->path), 0);
	check_link(e);
}

/* A host that has only just come, or that came first, does not wait in it for a guest that cannot. */
static void
test_cut_before_the_host_has_mapped_it(void **state)
{
	static const off_t sizes[] = {5001, FOLIO_WIRE_PAGE, (2 << 20) + 5001, 2 << 20, 0};
	struct env *e = *state;
	size_t i, first;

	for (i = 0; i < 2 * ARRAY_LEN(sizes); i++) {
		first = i / ARRAY_LEN(sizes);
		if (first == 0)
			e->guest = open_side(e, FOLIO_GUEST, 0);
		e->host = open_side(e, FOLIO_HOST, 0);
		assert_int_equal(truncate(e->path, sizes[i % ARRAY_LEN(sizes)]), 0);
		if (first == 1)
			e->guest = open_side(e, FOLIO_GUEST, 0);
		check_link(e);
		folio_close(e->guest);
		folio_close(e->host);
		e->guest = NULL;
		e->host = NULL;
		assert_int_equal(access(e->path, F_OK), -1);
	}
}

/* The guest just looked whether the file is whole again, and had the lock, when the host left it. */
static void
test_cut_and_looked_at(void **state)
{
	struct flock guest = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = FOLIO_GUEST, .l_len = 1};
	struct env *e = *state;
	int fd;

	e->host = open_side(e, FOLIO_HOST, 0);
	assert_int_equal(truncate(e->path, 5001), 0);
	fd = open(e->path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &guest), 0);
	tick(e, 3);
	close(fd);
	e->guest = open_side(e, FOLIO_GUEST, 0);
	check_link(e);
}

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
		TEST(test_strangers_files),
		TEST(test_guests_header_scribbled),
		TEST(test_scribbled_when_the_host_came),
		TEST(test_both_headers_scribbled),
		TEST(test_scribbled_file_of_a_size),
		TEST(test_cut_to_an_odd_size),
		TEST(test_cut_before_the_host_has_mapped_it),
		TEST(test_cut_and_looked_at),
		TEST(test_lease),
		TEST(test_cleaners),
		TEST(test_renamed),
		TEST(test_stale_detail),
		TEST(test_messages),
		TEST(test_size_on_a_full_tmpfs),
		TEST(test_no_huge_pages),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
