/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Regions and what their memory is made of: none, too little, read-only, huge pages. */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "mounts.h"
#include "regions.h"

static void
test_private_memory(void **state)
{
	struct folio_region r = {.fd = -1};

	(void)state;
	assert_int_equal(folio_region_map(&r, &small_layout, NULL), 0);
	assert_ptr_equal(r.own, r.peer);
	assert_true(util_all_bytes(r.own, 0, small_layout.area_size));
	memset(r.own, 1, small_layout.used);
	assert_false(folio_region_lost(&r));
	folio_region_close(&r);
	assert_null(r.own);
}

static unsigned int
blocks_used(const char *dir)
{
	struct statfs fs;

	return statfs(dir, &fs) == 0 ? (unsigned int)(fs.f_blocks - fs.f_bfree) : UINT_MAX;
}

static int
without_space(void *arg)
{
	const struct folio_config cfg = {
		.role = FOLIO_GUEST,
		.path = ((struct util_place *)arg)->path,
		.ring_size = 1024,
	};
	const struct util_place *e = arg;
	struct folio_error err = {.text = ""};
	unsigned int fds = util_open_fds(), blocks;
	struct folio_region r;
	int ret = mounts_own(e->dir, "tmpfs", "size=1m");

	if (ret != 0)
		return ret;
	blocks = blocks_used(e->dir);
	if (folio_open(&cfg, &err) != NULL || strstr(err.text, "No space left") == NULL ||
	    strstr(err.text, e->path) == NULL)
		return mounts_complain("opened without space, or the wrong line", &err);
	if (exists(e->path) || util_open_fds() != fds || blocks_used(e->dir) != blocks)
		return mounts_complain("something was left behind", &err);
	/* A small region fits: it is the space that was missing, nothing else. */
	if (folio_region_open(&r, e->path, FOLIO_GUEST, false, &err) != 0 ||
	    folio_region_grow(&r, small_layout.region_size, &err) != 0 ||
	    folio_region_map(&r, &small_layout, &err) != 0)
		return mounts_complain("a small region does not fit", &err);
	folio_region_close(&r);
	return exists(e->path);
}

static void
test_no_space(void **state)
{
	mounts_check(without_space, *state, "may not mount a file system here");
}

static int
read_only(void *arg)
{
	struct util_place *e = arg;
	struct folio_error err = {.text = ""};
	struct folio_region r;
	unsigned int fds;
	int ret, fd;

	ret = mounts_own(e->dir, "tmpfs", "size=1m");
	if (ret != 0)
		return ret;
	if (mount(NULL, e->dir, NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0)
		return MOUNTS_REFUSED;
	fds = util_open_fds();
	if (folio_region_open(&r, e->path, FOLIO_GUEST, false, &err) != -EROFS ||
	    strstr(err.text, "cannot create it: Read-only") == NULL)
		return mounts_complain("created on a read-only file system", &err);
	if (mount(NULL, e->dir, NULL, MS_REMOUNT, NULL) != 0)
		return MOUNTS_REFUSED;
	fd = open(e->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || close(fd) != 0 ||
	    mount(NULL, e->dir, NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0)
		return MOUNTS_REFUSED;
	if (folio_region_open(&r, e->path, FOLIO_HOST, false, &err) != -EROFS ||
	    strstr(err.text, "cannot open it for writing: Read-only") == NULL)
		return mounts_complain("opened on a read-only file system", &err);
	return util_open_fds() == fds ? 0 : mounts_complain("a descriptor was left open", &err);
}

static void
test_read_only_file_system(void **state)
{
	mounts_check(read_only, *state, "may not mount a file system here");
}

/* Root ignores modes, so somebody else tries. */
static int
without_permission(void *arg)
{
	const struct util_place *e = arg;
	struct folio_error err = {.text = ""};
	struct folio_region r;

	if (setgid(65534) != 0 || setuid(65534) != 0)
		return MOUNTS_REFUSED;
	if (folio_region_open(&r, e->path, FOLIO_GUEST, false, &err) != -EACCES ||
	    strstr(err.text, "Permission denied") == NULL || r.fd != -1)
		return mounts_complain("opened without permission", &err);
	return 0;
}

static void
test_no_permission(void **state)
{
	struct util_place *e = *state;
	int status;

	make_file(e->path, "", 0, 0);
	assert_int_equal(chmod(e->path, 0600), 0);
	assert_int_equal(chmod(e->dir, 0755), 0);
	status = util_run_child(without_permission, e);
	if (util_exited(status, MOUNTS_REFUSED)) {
		print_message("skipped: cannot become another user\n");
		skip();
	}
	assert_true(util_exited(status, 0));
	assert_true(exists(e->path));
}

/* Where huge pages are mounted, with `pages` of 2 MiB free in the system; else NULL. */
static const char *
hugetlbfs_with(unsigned int pages)
{
	const char *dir = getenv("FOLIO_HUGE_DIR"); /* the scripts' own mount */
	struct statfs fs;
	unsigned int free_pages = 0;
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "re");

	if (f != NULL) {
		if (fscanf(f, "%u", &free_pages) != 1)
			free_pages = 0;
		fclose(f);
	}
	if (dir == NULL || dir[0] == '\0')
		dir = "/dev/hugepages";
	if (free_pages < pages || statfs(dir, &fs) != 0 || fs.f_type != HUGETLBFS_MAGIC ||
	    fs.f_bsize != 2 << 20)
		return NULL;
	return dir;
}

static int
huge_setup(void **state)
{
	struct util_place *e = calloc(1, sizeof(*e));
	char *dir;

	if (e == NULL)
		return -1;
	*state = e;
	if (hugetlbfs_with(0) == NULL) {
		e->dir = strdup("");
		return 0;
	}
	if (asprintf(&dir, "%s/folio-unit.XXXXXX", hugetlbfs_with(0)) < 0)
		return -1;
	e->dir = dir;
	snprintf(e->path, sizeof(e->path), "%s/region", mkdtemp(e->dir));
	return 0;
}

static int
huge_teardown(void **state)
{
	struct util_place *e = *state;
	int ret = 0;

	if (e->path[0] != '\0')
		ret = util_dir_teardown(&e->dir);
	else
		free(e->dir);
	free(e);
	return ret;
}

static void
test_hugetlbfs(void **state)
{
	const struct folio_geometry g = {1, 64, 256, 21}, unaligned = {1, 64, 256, 12};
	const struct util_place *e = *state;
	unsigned int fds = util_open_fds();
	struct folio_region guest, host;
	struct folio_error err;
	struct folio_layout l;

	if (hugetlbfs_with(4) == NULL) {
		print_message("skipped: no free huge pages\n");
		skip();
	}
	open_region(&guest, e->path, FOLIO_GUEST);
	assert_int_equal(guest.page_size, 2 << 20);
	/* Areas that share a page can't be mapped one by one. */
	assert_int_equal(folio_layout_init(&l, &unaligned, 0, NULL), 0);
	assert_int_equal(folio_region_grow(&guest, 4 << 20, &err), 0);
	assert_int_equal(folio_region_map(&guest, &l, &err), -EINVAL);
	assert_non_null(strstr(err.text, "pages of 2097152 bytes"));

	assert_int_equal(folio_layout_init(&l, &g, 0, NULL), 0);
	assert_int_equal(folio_region_grow(&guest, l.region_size, &err), 0);
	assert_int_equal(folio_region_map(&guest, &l, &err), 0);
	open_region(&host, e->path, FOLIO_HOST);
	assert_int_equal(folio_region_map(&host, &l, &err), 0);
	memset((uint8_t *)guest.own + l.data_off, 0x31, 1000);
	memset((uint8_t *)host.own + l.data_off, 0x32, 1000);
	assert_true(util_all_bytes((uint8_t *)host.peer + l.data_off, 0x31, 1000));
	assert_true(util_all_bytes((uint8_t *)guest.peer + l.data_off, 0x32, 1000));
	assert_true(util_died_of(util_run_child(write_to, host.peer), SIGSEGV));
	folio_region_close(&host);
	folio_region_close(&guest);
	assert_false(exists(e->path));
	assert_int_equal(util_open_fds(), fds);
}

/* More than there is: an error now, no SIGBUS later. */
static void
test_hugetlbfs_without_space(void **state)
{
	const struct util_place *e = *state;
	const struct folio_config cfg = {.role = FOLIO_GUEST, .path = e->path, .queues = 64,
					 .ring_size = 32768, .slot_size = 65536};
	struct folio_error err = {.text = ""};
	unsigned int fds = util_open_fds();

	if (hugetlbfs_with(0) == NULL) {
		print_message("skipped: no hugetlbfs\n");
		skip();
	}
	if (hugetlbfs_with(70000) != NULL) {
		print_message("skipped: more huge pages than a region can use\n");
		skip();
	}
	assert_null(folio_open(&cfg, &err));
	assert_non_null(strstr(err.text, e->path));
	assert_false(exists(e->path));
	assert_int_equal(util_open_fds(), fds);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, util_place_setup, util_place_teardown)

int
main(void)
{
	const struct folio_geometry g = {1, 64, 256, FOLIO_WIRE_SHIFT_MIN + 4};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_private_memory),
		TEST(test_no_space),
		TEST(test_read_only_file_system),
		TEST(test_no_permission),
		cmocka_unit_test_setup_teardown(test_hugetlbfs, huge_setup, huge_teardown),
		cmocka_unit_test_setup_teardown(test_hugetlbfs_without_space, huge_setup,
						huge_teardown),
	};

	if (folio_layout_init(&small_layout, &g, 0, NULL) != 0)
		return 1;
	return cmocka_run_group_tests_name("region_memory", tests, NULL, NULL);
}
