/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * A file that is not as one of ours should be when a port opens it: what others did to it while
 * nobody of ours looked, and files that are not ours at all.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <folio.h>

#include "files.h"

#define SIZE 32768

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
	struct duo *e = *state;

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

/*
 * A host that has only just come, or that came first, does not wait in it for a guest that cannot.
 */
static void
test_cut_before_the_host_has_mapped_it(void **state)
{
	static const off_t sizes[] = {5001, FOLIO_WIRE_PAGE, (2 << 20) + 5001, 2 << 20, 0};
	struct duo *e = *state;
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

/*
 * The guest just looked whether the file is whole again, and had the lock, when the host left it.
 */
static void
test_cut_and_looked_at(void **state)
{
	struct flock guest = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = FOLIO_GUEST, .l_len = 1};
	struct duo *e = *state;
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, duo_setup, duo_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_strangers_files),
		TEST(test_guests_header_scribbled),
		TEST(test_scribbled_when_the_host_came),
		TEST(test_both_headers_scribbled),
		TEST(test_scribbled_file_of_a_size),
		TEST(test_cut_to_an_odd_size),
		TEST(test_cut_before_the_host_has_mapped_it),
		TEST(test_cut_and_looked_at),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
