/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Memory for a device that is a process: sealed memfds, and files that somebody may do harm to. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boundary/fault.h"
#include "memory/shm.h"
#include "native/region.h"
#include "util.h"

#define PAGE 4096u
#define SEAL_EXEC 0x20 /* F_SEAL_EXEC, which older headers lack */
#define SIZE (64u * PAGE)
#define HUGE (2u << 20)

struct env {
	void *dir;
	char path[PATH_MAX];
	struct folio_shm m; /* too large for the stack of each test */
	unsigned int fds;   /* open at the start */
	unsigned int maps;  /* shared, at the start */
};

static int
setup(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	if (e == NULL || util_dir_setup(&e->dir) != 0)
		return -1;
	snprintf(e->path, sizeof(e->path), "%s/memory", (const char *)e->dir);
	e->fds = util_open_fds();
	e->maps = util_shared_maps();
	*state = e;
	return 0;
}

static int
teardown(void **state)
{
	struct env *e = *state;
	int ret = util_dir_teardown(&e->dir);

	free(e);
	return ret;
}

static void
check_open(struct folio_shm *m, const char *path, uint64_t size)
{
	struct folio_shm_config cfg = {.path = path, .size = size, .numa_node = 0};
	struct folio_error err = {.text = ""};

	if (folio_shm_open(m, &cfg, &err) != 0)
		fail_msg("%s", err.text);
	assert_true(m->size >= size && m->size % m->page_size == 0);
	assert_true(util_all_bytes(m->base, 0, m->size));
	assert_int_equal(m->pieces, 1);
	assert_int_equal(m->piece[0].offset, 0);
	assert_int_equal(m->piece[0].addr, FOLIO_SHM_BASE);
	assert_int_equal(m->piece[0].len, m->size);
	assert_int_equal(m->caching, FOLIO_CACHING_WRITE_BACK);
	assert_false(m->module);
	assert_false(folio_shm_is_lost(m));
	assert_true(m->detail[0] != '\0');
}

/* Refused with this error and a line that says so; nothing stays open. */
static void
check_refused(struct env *e, const struct folio_shm_config *cfg, int error, const char *says)
{
	unsigned int fds = util_open_fds(), maps = util_shared_maps();
	struct folio_error err = {.text = ""};

	assert_int_equal(folio_shm_open(&e->m, cfg, &err), error);
	if (strstr(err.text, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
	assert_null(e->m.base);
	assert_null(e->m.path);
	assert_int_equal(e->m.fd, -1);
	assert_int_equal(util_open_fds(), fds);
	assert_int_equal(util_shared_maps(), maps);
}

static void
check_path_refused(struct env *e, int error, const char *says)
{
	check_refused(e, &(struct folio_shm_config){.path = e->path, .size = SIZE}, error, says);
}

/* Nothing is left: neither a descriptor nor a mapping. */
static void
check_close(struct env *e)
{
	folio_shm_close(&e->m);
	assert_null(e->m.base);
	assert_int_equal(util_open_fds(), e->fds);
	assert_int_equal(util_shared_maps(), e->maps);
	folio_shm_close(&e->m);
	assert_int_equal(util_open_fds(), e->fds);
	assert_true(folio_shm_is_lost(&e->m));
}

static void
make_file(const struct env *e, const char *text, off_t size, mode_t mode)
{
	int fd = open(e->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
check_starts_with(const struct env *e, const char *text)
{
	char got[32] = "";
	int fd = open(e->path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, got, strlen(text)), strlen(text));
	assert_memory_equal(got, text, strlen(text));
	close(fd);
}

static void
test_memfd(void **state)
{
	static const uint64_t sizes[] = {1, PAGE, PAGE + 1, SIZE, HUGE, HUGE + 1};
	struct env *e = *state;
	size_t i;

	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		check_open(&e->m, NULL, sizes[i]);
		assert_int_equal(e->m.kind, FOLIO_SHM_MEMFD);
		assert_true(e->m.size < sizes[i] + e->m.page_size);
		assert_true(e->m.page_size == PAGE || (e->m.page_size == HUGE && sizes[i] >= HUGE));
		memset(e->m.base, 0x5a, e->m.size);
		folio_shm_wipe(&e->m);
		assert_true(util_all_bytes(e->m.base, 0, e->m.size));
		check_close(e);
	}
}

/* Who has its descriptor can write it, and that is all. */
static void
test_memfd_is_sealed(void **state)
{
	struct env *e = *state;
	uint8_t *other;

	check_open(&e->m, NULL, SIZE);
	/* Linux 6.3 and later seal its mode, too. */
	assert_int_equal(fcntl(e->m.fd, F_GET_SEALS) & ~SEAL_EXEC,
			 F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	assert_int_equal(fcntl(e->m.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_true(ftruncate(e->m.fd, 0) != 0 && errno == EPERM);
	assert_true(ftruncate(e->m.fd, (off_t)e->m.size * 2) != 0 && errno == EPERM);
	other = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, e->m.fd, 0);
	assert_ptr_not_equal(other, MAP_FAILED);
	other[7] = 1;
	assert_int_equal(e->m.base[7], 1);
	/* Whoever keeps it finds nothing in it afterwards. */
	e->maps++;
	check_close(e);
	assert_true(util_all_bytes(other, 0, SIZE));
	munmap(other, SIZE);
}

/* A sealed memfd, too: others can punch holes in it, and have no memory left to fill them again. */
static void
test_all_is_watched(void **state)
{
	struct env *e = *state;
	struct folio_shm_config cfg = {.size = 1, .numa_node = -1};
	static char watched[FOLIO_FAULT_MAX];
	size_t i;

	for (i = 0; i < ARRAY_LEN(watched); i++)
		assert_int_equal(folio_fault_watch(&watched[i], 1, PROT_READ), 0);
	check_refused(e, &cfg, -ENOSPC, "size=1: too many regions in this process");
	folio_fault_unwatch(&watched[0]);
	check_open(&e->m, NULL, 1);
	assert_int_equal(folio_fault_watch(&watched[0], 1, PROT_READ), -ENOSPC);
	check_close(e);
	for (i = 1; i < ARRAY_LEN(watched); i++)
		folio_fault_unwatch(&watched[i]);
}

static void
test_file_is_made_and_removed(void **state)
{
	struct env *e = *state;
	uint8_t content[SIZE];
	struct stat st;
	int fd;

	check_open(&e->m, e->path, SIZE - 1);
	assert_int_equal(e->m.kind, FOLIO_SHM_FILE);
	assert_int_equal(stat(e->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, SIZE);
	assert_int_equal(e->m.size, SIZE);
	assert_true((uint64_t)st.st_blocks * 512 >= SIZE);
	fd = open(e->path, O_RDONLY | O_CLOEXEC);
	memset(e->m.base, 0x5a, SIZE);
	assert_int_equal(pread(fd, content, SIZE, 0), SIZE);
	assert_true(util_all_bytes(content, 0x5a, SIZE));
	e->fds++; /* ours */
	check_close(e);
	assert_int_equal(util_dir_entries(e->dir), 0);
	assert_int_equal(pread(fd, content, SIZE, 0), SIZE);
	assert_true(util_all_bytes(content, 0, SIZE));
	close(fd);
}

static void
test_file_of_somebody_else_stays(void **state)
{
	struct env *e = *state;
	struct stat st;

	make_file(e, "", SIZE + PAGE, 0644);
	check_open(&e->m, e->path, SIZE);
	assert_int_equal(e->m.size, SIZE);
	memset(e->m.base, 0x5a, SIZE);
	check_close(e);
	assert_int_equal(stat(e->path, &st), 0);
	assert_int_equal(st.st_size, SIZE + PAGE);
	assert_int_equal(st.st_mode & 07777, 0644);
	check_starts_with(e, "\0\0\0");
	check_open(&e->m, e->path, SIZE);
	check_close(e);
}

static void
test_file_that_will_not_do(void **state)
{
	struct env *e = *state;

	make_file(e, "", SIZE - 1, 0600);
	check_path_refused(e, -ENOSPC, "memory has 262143 bytes, 262144 are needed");
	assert_int_equal(unlink(e->path), 0);
	make_file(e, "My thesis", SIZE, 0600);
	check_path_refused(e, -EUCLEAN, "memory starts with something else than zeroes (allowed: ");
	check_starts_with(e, "My thesis");
	assert_int_equal(chmod(e->path, 01644), 0); /* the bit alone says nothing */
	check_path_refused(e, -EUCLEAN, "starts with something else");
	check_starts_with(e, "My thesis");
	assert_int_equal(unlink(e->path), 0);
	assert_int_equal(mkdir(e->path, 0700), 0);
	check_path_refused(e, -EISDIR, "memory: cannot open it for writing");
	assert_int_equal(rmdir(e->path), 0);
	assert_int_equal(mkfifo(e->path, 0600), 0);
	check_path_refused(e, -EINVAL, "is neither a regular file nor a device");
	assert_int_equal(unlink(e->path), 0);
	assert_int_equal(symlink("nowhere", e->path), 0);
	check_path_refused(e, -ENOENT, "is a symbolic link to a file that does not exist");
	assert_int_equal(unlink(e->path), 0);
	assert_int_equal(util_dir_entries(e->dir), 0);
}

static void
test_file_is_taken(void **state)
{
	struct env *e = *state;
	struct folio_shm *other = malloc(sizeof(*other));
	struct folio_shm_config cfg = {.path = e->path, .size = SIZE};
	struct folio_region r;
	struct folio_error err;
	int fd;

	assert_non_null(other);
	check_open(&e->m, e->path, SIZE);
	assert_int_equal(folio_shm_open(other, &cfg, &err), -EBUSY);
	assert_non_null(strstr(err.text, "memory is taken: another port"));
	/* Ports of folio's own kind, too. */
	assert_int_equal(folio_region_open(&r, e->path, FOLIO_GUEST, false, &err), -EBUSY);
	assert_int_equal(folio_region_open(&r, e->path, FOLIO_HOST, false, &err), -EBUSY);
	/* As EAL asks before it removes a file. */
	fd = open(e->path, O_RDONLY | O_CLOEXEC);
	assert_true(flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK);
	close(fd);
	assert_false(folio_shm_is_lost(&e->m));
	check_close(e);
	/* The other way round. */
	assert_int_equal(folio_region_open(&r, e->path, FOLIO_HOST, false, &err), 0);
	check_path_refused(e, -EBUSY, "is taken");
	assert_int_equal(util_dir_entries(e->dir), 1);
	folio_region_close(&r);
	assert_int_equal(util_dir_entries(e->dir), 0);
	free(other);
}

static int
crash(void *arg)
{
	struct env *e = arg;
	struct folio_shm_config cfg = {.path = e->path, .size = SIZE};

	if (folio_shm_open(&e->m, &cfg, NULL) != 0)
		return 1;
	memset(e->m.base, 0x5a, SIZE);
	_exit(0);
}

static void
test_predecessor_crashed(void **state)
{
	struct env *e = *state;

	assert_true(util_exited(util_run_child(crash, e), 0));
	assert_int_equal(util_dir_entries(e->dir), 1);
	check_open(&e->m, e->path, SIZE);
	check_close(e);
	assert_int_equal(util_dir_entries(e->dir), 0);
	assert_true(util_exited(util_run_child(crash, e), 0));
	check_open(&e->m, e->path, 2 * SIZE); /* with another geometry */
	check_close(e);
	assert_int_equal(util_dir_entries(e->dir), 0);
}

/* Touched after it was cut: harmless, and known. */
static int
touch_what_was_cut(void *arg)
{
	struct env *e = arg;
	struct folio_shm_config cfg = {.path = e->path, .size = SIZE};

	if (folio_shm_open(&e->m, &cfg, NULL) != 0 || truncate(e->path, 0) != 0)
		return 1;
	if (!folio_shm_is_lost(&e->m))
		return 2;
	e->m.base[PAGE] = 1;
	/* Made long again: what is mapped is private all the same. */
	if (truncate(e->path, SIZE) != 0 || !folio_shm_is_lost(&e->m))
		return 3;
	if (!folio_fault_hit(e->m.base))
		return 4;
	folio_shm_close(&e->m);
	return 0;
}

static int
close_what_was_cut(void *arg)
{
	struct env *e = arg;
	struct folio_shm_config cfg = {.path = e->path, .size = SIZE};

	if (folio_shm_open(&e->m, &cfg, NULL) != 0 || truncate(e->path, PAGE) != 0)
		return 1;
	folio_shm_close(&e->m);
	return 0;
}

static void
test_file_is_cut(void **state)
{
	assert_true(util_exited(util_run_child(touch_what_was_cut, *state), 0));
	assert_true(util_exited(util_run_child(close_what_was_cut, *state), 0));
}

static void
test_file_is_removed(void **state)
{
	struct env *e = *state;

	check_open(&e->m, e->path, SIZE);
	assert_int_equal(unlink(e->path), 0);
	assert_true(folio_shm_is_lost(&e->m));
	make_file(e, "mine", SIZE, 0600); /* somebody else's now */
	assert_true(folio_shm_is_lost(&e->m));
	check_close(e);
	check_starts_with(e, "mine");
}

static void
test_bad_arguments(void **state)
{
	struct env *e = *state;
	struct folio_shm_config cfg = {.path = e->path, .pci = "00:04.0", .size = SIZE};

	check_refused(e, &cfg, -EINVAL, "pci=00:04.0: allowed is one of them");
	cfg.pci = NULL;
	cfg.size = 0;
	check_refused(e, &cfg, -EINVAL, "size=0 bytes: allowed are 1 to 1099511627776");
	cfg.size = UINT64_MAX;
	check_refused(e, &cfg, -EINVAL, "size=18446744073709551615 bytes: allowed are 1 to");
	cfg.size = FOLIO_SHM_SIZE_MAX + 1;
	check_refused(e, &cfg, -EINVAL, "size=1099511627777 bytes: allowed are 1 to");
	cfg.size = SIZE;
	cfg.path = "unix:/run/folio.sock";
	check_refused(e, &cfg, -EINVAL, "path=unix:/run/folio.sock is a socket");
	cfg.path = "/dev/folio_nothing";
	check_refused(e, &cfg, -ENODEV, "path=/dev/folio_nothing: there is no such device");
	cfg.path = "/dev/null";
	check_refused(e, &cfg, -EINVAL, "path=/dev/null is neither a regular file nor a device");
	cfg.path = "";
	check_refused(e, &cfg, -ENOENT, "path=: cannot create it");
	assert_int_equal(util_dir_entries(e->dir), 0);
}

static void
test_device_needs_addresses(void **state)
{
	struct env *e = *state;
	struct folio_shm_config cfg = {.size = SIZE, .needs_addr = true};

	check_refused(e, &cfg, -EINVAL,
		      "without pci= or path=: the memory of a device must be pci=, "
		      "path=/dev/folioN or path=/dev/folio_alloc");
	cfg.path = e->path;
	check_refused(e, &cfg, -EINVAL, "memory: the memory of a device must be pci=");
	assert_int_equal(util_dir_entries(e->dir), 0);
}

static void
test_addresses(void **state)
{
	struct env *e = *state;
	uint64_t addr = 0;

	check_open(&e->m, NULL, SIZE);
	assert_true(folio_shm_addr(&e->m, 0, SIZE, &addr));
	assert_int_equal(addr, FOLIO_SHM_BASE);
	assert_true(folio_shm_addr(&e->m, SIZE - 1, 1, &addr));
	assert_int_equal(addr, FOLIO_SHM_BASE + SIZE - 1);
	addr = 7;
	assert_false(folio_shm_addr(&e->m, 0, SIZE + 1, &addr));
	assert_false(folio_shm_addr(&e->m, 1, SIZE, &addr));
	assert_false(folio_shm_addr(&e->m, SIZE, 1, &addr));
	assert_false(folio_shm_addr(&e->m, 5, 0, &addr));
	assert_false(folio_shm_addr(&e->m, 5, UINT64_MAX, &addr));
	assert_false(folio_shm_addr(&e->m, UINT64_MAX, 2, &addr));
	assert_int_equal(addr, 7);
	check_close(e);
	assert_false(folio_shm_addr(&e->m, 0, 1, &addr));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		CASE(test_memfd),
		CASE(test_memfd_is_sealed),
		CASE(test_all_is_watched),
		CASE(test_file_is_made_and_removed),
		CASE(test_file_of_somebody_else_stays),
		CASE(test_file_that_will_not_do),
		CASE(test_file_is_taken),
		CASE(test_predecessor_crashed),
		CASE(test_file_is_cut),
		CASE(test_file_is_removed),
		CASE(test_bad_arguments),
		CASE(test_device_needs_addresses),
		CASE(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
