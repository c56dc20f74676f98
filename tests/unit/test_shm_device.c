/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Memory for a real device, which wants guest-physical addresses: a BAR on a folder that looks like
 * sysfs, and a kernel module that is played by /dev/zero and an ioctl() of our own. The real ones
 * are tested in a guest.
 */

#include <dlfcn.h>
#include <errno.h>
#include <folio_ioctl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory/shm.h"
#include "native/region.h"
#include "sysfs.h"
#include "util.h"

#define PAGE 4096u
#define SIZE (64u * PAGE)
#define CHUNK (2u << 20)
#define MAX_CALLS 4
#define MAX_CHUNKS 1024

/* The module. */
static struct {
	bool there;
	struct folio_ioctl_info info;
	uint32_t chunks;
	struct folio_ioctl_chunk chunk[MAX_CHUNKS];
	int alloc_errors[MAX_CALLS]; /* of each call; 0: it succeeds */
	struct folio_ioctl_alloc allocs[MAX_CALLS];
	uint32_t calls;
	uint32_t per_answer; /* chunks that it tells at a time, at most; 0: as many as asked for */
	bool tells_none;
} module;

static int
fail_with(int error)
{
	errno = error;
	return -1;
}

static int
tell_chunks(struct folio_ioctl_chunks *ask)
{
	struct folio_ioctl_chunk *out = (void *)(uintptr_t)ask->out;
	uint32_t n;

	if (ask->first >= module.chunks)
		return fail_with(ENXIO);
	n = module.chunks - ask->first;
	if (n > ask->count)
		n = ask->count;
	if (module.per_answer != 0 && n > module.per_answer)
		n = module.per_answer;
	if (module.tells_none)
		n = 0;
	memcpy(out, &module.chunk[ask->first], n * sizeof(*out));
	ask->count = n;
	return 0;
}

static int
module_ioctl(unsigned long request, void *arg)
{
	switch (request) {
	case FOLIO_IOCTL_INFO:
		if (!module.there)
			return fail_with(ENODEV);
		memcpy(arg, &module.info, sizeof(module.info));
		return 0;
	case FOLIO_IOCTL_ALLOC:
		assert_true(module.calls < MAX_CALLS);
		memcpy(&module.allocs[module.calls], arg, sizeof(module.allocs[0]));
		if (module.alloc_errors[module.calls++] == 0)
			return 0;
		return fail_with(module.alloc_errors[module.calls - 1]);
	case FOLIO_IOCTL_CHUNKS:
		return tell_chunks(arg);
	default:
		return fail_with(ENOTTY);
	}
}

/* In place of the C library's. */
int
ioctl(int fd, unsigned long request, ...)
{
	int (*real)(int, unsigned long, ...);
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (_IOC_TYPE(request) == _IOC_TYPE(FOLIO_IOCTL_INFO) && _IOC_NR(request) >= 0xf0)
		return module_ioctl(request, arg);
	*(void **)&real = dlsym(RTLD_NEXT, "ioctl");
	return real(fd, request, arg);
}

static struct folio_shm m; /* large */
static unsigned int fds, maps;

static int
setup(void **state)
{
	int ret = sysfs_setup(state);

	if (ret != 0)
		return ret;
	memset(&module, 0, sizeof(module));
	module.there = true;
	module.info = (struct folio_ioctl_info){.version = FOLIO_IOCTL_VERSION,
						.kind = FOLIO_IOCTL_KIND_ALLOC,
						.caching = FOLIO_IOCTL_CACHING_WRITE_BACK};
	fds = util_open_fds();
	maps = util_shared_maps();
	return 0;
}

static struct folio_shm_config
bar_config(const struct sysfs *e, uint64_t size)
{
	return (struct folio_shm_config){.pci = e->place.address, .size = size, .needs_addr = true,
					 .numa_node = -1, .sysfs = e->dir, .dev = e->dir};
}

static struct folio_shm_config
node_config(uint64_t size)
{
	return (struct folio_shm_config){.path = "/dev/zero", .size = size, .needs_addr = true,
					 .numa_node = -1};
}

static void
check_open(const struct folio_shm_config *cfg)
{
	struct folio_error err = {.text = ""};

	if (folio_shm_open(&m, cfg, &err) != 0)
		fail_msg("%s", err.text);
	assert_true(util_all_bytes(m.base, 0, m.size));
	assert_false(folio_shm_is_lost(&m));
}

static void
check_refused(const struct folio_shm_config *cfg, int error, const char *says)
{
	struct folio_error err = {.text = ""};

	assert_int_equal(folio_shm_open(&m, cfg, &err), error);
	if (strstr(err.text, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
	assert_null(m.base);
	assert_int_equal(m.fd, -1);
	assert_int_equal(util_open_fds(), fds);
	assert_int_equal(util_shared_maps(), maps);
}

static void
check_close(void)
{
	folio_shm_close(&m);
	assert_int_equal(util_open_fds(), fds);
	assert_int_equal(util_shared_maps(), maps);
}

static void
check_piece(uint32_t i, uint64_t offset, uint64_t addr, uint64_t len)
{
	assert_true(i < m.pieces);
	assert_int_equal(m.piece[i].offset, offset);
	assert_int_equal(m.piece[i].addr, addr);
	assert_int_equal(m.piece[i].len, len);
}

static void
fill(const struct sysfs *e, const char *name, uint8_t value)
{
	char path[PATH_MAX + 32];
	FILE *f;
	size_t i;

	snprintf(path, sizeof(path), "%s/%s", e->device, name);
	f = fopen(path, "r+e");
	assert_non_null(f);
	for (i = 0; i < SIZE + PAGE; i++)
		assert_int_equal(fputc(value, f), value);
	assert_int_equal(fclose(f), 0);
}

/* What a predecessor left is no reason to refuse, unlike in a region of folio's own: it goes. */
static void
test_bar(void **state)
{
	const struct sysfs *e = *state;
	struct folio_shm_config cfg = bar_config(e, SIZE - 1);
	uint8_t content[SIZE + PAGE], *base;
	char text[2] = "";

	fill(e, "resource2_wc", 0x5a);
	sysfs_write(e, "enable", "0\n");
	check_open(&cfg);
	sysfs_read(e, "enable", 0, text, 1);
	assert_string_equal(text, "1");
	assert_int_equal(m.kind, FOLIO_SHM_BAR);
	assert_false(m.module);
	assert_int_equal(m.size, SIZE);
	assert_int_equal(m.caching, FOLIO_CACHING_WRITE_COMBINING);
	assert_non_null(strstr(m.detail, "BAR2, through sysfs (resource2_wc)"));
	assert_int_equal(m.pieces, 1);
	check_piece(0, 0, SYSFS_BAR_AT, SIZE);
	base = m.base;
	memset(base, 7, SIZE);
	sysfs_read(e, "resource2_wc", 0, content, sizeof(content));
	assert_true(util_all_bytes(content, 7, SIZE));
	assert_true(util_all_bytes(content + SIZE, 0x5a, PAGE)); /* not asked for */
	check_close();
	sysfs_read(e, "resource2_wc", 0, content, sizeof(content));
	assert_true(util_all_bytes(content, 0, SIZE));
	cfg.size = SYSFS_BAR_SIZE;
	check_open(&cfg);
	check_piece(0, 0, SYSFS_BAR_AT, SYSFS_BAR_SIZE);
	check_close();
}

static void
test_bar_uncached(void **state)
{
	const struct sysfs *e = *state;
	struct folio_shm_config cfg = bar_config(e, SIZE);

	sysfs_remove(e, "resource2_wc");
	check_open(&cfg);
	assert_int_equal(m.caching, FOLIO_CACHING_UNCACHED);
	check_close();
}

static void
test_bar_that_will_not_do(void **state)
{
	const struct sysfs *e = *state;
	struct folio_shm_config cfg = bar_config(e, SYSFS_BAR_SIZE + 1);

	check_refused(&cfg, -ENOSPC, "pci=0000:00:04.0 has 16777216 bytes, 16781312 are needed");
	cfg.size = SIZE;
	sysfs_write(e, "resource", "0 0 0\n0 0 0\n0x0 0xffffff 0x0\n");
	check_refused(&cfg, -EINVAL, "pci=0000:00:04.0: its BAR lies at 0x0: the firmware gave it");
	sysfs_write(e, "resource", "0 0 0\n0 0 0\n0x0 0x0 0x0\n");
	check_refused(&cfg, -EINVAL, "its BAR2 has no memory");
	sysfs_write(e, "device", "0x1041\n");
	check_refused(&cfg, -EINVAL, "allowed is an ivshmem device, 1af4:1110");
	cfg.pci = "4.0";
	check_refused(&cfg, -EINVAL, "pci=4.0 is not a PCI address");
	cfg.pci = "0000:00:05.0";
	check_refused(&cfg, -ENODEV, "pci=0000:00:05.0: there is no such PCI device");
}

static void
test_bar_is_taken(void **state)
{
	const struct sysfs *e = *state;
	struct folio_shm_config cfg = bar_config(e, SIZE);
	struct folio_shm *other = malloc(sizeof(*other));
	struct folio_region r;
	struct folio_error err;

	assert_non_null(other);
	check_open(&cfg);
	assert_int_equal(folio_shm_open(other, &cfg, &err), -EBUSY);
	assert_non_null(strstr(err.text, "pci=0000:00:04.0 is taken: another port"));
	assert_int_equal(folio_region_open_pci(&r, &e->place, FOLIO_GUEST, &err), -EBUSY);
	assert_int_equal(folio_region_open_pci(&r, &e->place, FOLIO_HOST, &err), -EBUSY);
	check_close();
	assert_int_equal(folio_region_open_pci(&r, &e->place, FOLIO_GUEST, &err), 0);
	fds = util_open_fds();
	maps = util_shared_maps();
	check_refused(&cfg, -EBUSY, "is taken");
	folio_region_close(&r);
	free(other);
}

static void
test_bar_that_goes_away(void **state)
{
	const struct sysfs *e = *state;
	struct folio_shm_config cfg = bar_config(e, SIZE);

	check_open(&cfg);
	sysfs_remove(e, "resource2_wc");
	assert_true(folio_shm_is_lost(&m));
	sysfs_make_bar(e, "resource2_wc", SYSFS_BAR_SIZE); /* another device in its place */
	assert_true(folio_shm_is_lost(&m));
	check_close();
}

static void
set_chunks(uint32_t n, uint64_t len)
{
	uint32_t i;

	module.chunks = n;
	for (i = 0; i < n; i++) /* from high to low: none goes on where another ends */
		module.chunk[i] = (struct folio_ioctl_chunk){
			.gpa = (UINT64_C(1) << 40) - (i + 1) * 2 * len, .len = len};
}

static void
test_bar_through_the_module(void **state)
{
	const struct sysfs *e = *state;
	struct folio_shm_config cfg = bar_config(e, SIZE);
	char path[PATH_MAX + 32];

	/* DIR/folio/folio7 is for /dev/folio7. */
	snprintf(path, sizeof(path), "%s/folio", e->device);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/folio/folio7", e->device);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/folio7", (const char *)e->dir);
	assert_int_equal(symlink("/dev/zero", path), 0);
	module.info.kind = FOLIO_IOCTL_KIND_BAR;
	module.info.size = 2 * SIZE;
	module.chunks = 1;
	module.chunk[0] = (struct folio_ioctl_chunk){.gpa = SYSFS_BAR_AT, .len = 2 * SIZE};
	check_open(&cfg);
	assert_int_equal(m.kind, FOLIO_SHM_BAR);
	assert_true(m.module);
	assert_int_equal(m.caching, FOLIO_CACHING_WRITE_BACK);
	assert_int_equal(m.size, SIZE);
	assert_int_equal(m.pieces, 1);
	check_piece(0, 0, SYSFS_BAR_AT, SIZE); /* no address beyond what is mapped */
	assert_int_equal(module.calls, 0);
	module.there = false;
	assert_true(folio_shm_is_lost(&m));
	module.there = true;
	check_close();
	cfg.size = 2 * SIZE + 1;
	check_refused(&cfg, -ENOSPC, "has 524288 bytes, 528384 are needed");
}

static void
test_alloc(void **state)
{
	struct folio_shm_config cfg = node_config(5 * CHUNK - PAGE);
	uint64_t addr = 0;

	(void)state;
	/* Two and three that lie together. */
	module.chunks = 5;
	module.chunk[0] = (struct folio_ioctl_chunk){.gpa = 8 * CHUNK, .len = CHUNK};
	module.chunk[1] = (struct folio_ioctl_chunk){.gpa = 9 * CHUNK, .len = CHUNK};
	module.chunk[2] = (struct folio_ioctl_chunk){.gpa = 4 * CHUNK, .len = CHUNK};
	module.chunk[3] = (struct folio_ioctl_chunk){.gpa = 5 * CHUNK, .len = CHUNK};
	module.chunk[4] = (struct folio_ioctl_chunk){.gpa = 6 * CHUNK, .len = CHUNK};
	cfg.numa_node = 3;
	check_open(&cfg);
	assert_int_equal(m.kind, FOLIO_SHM_ALLOC);
	assert_true(m.module);
	assert_int_equal(m.size, 5 * CHUNK);
	assert_int_equal(module.calls, 1);
	assert_int_equal(module.allocs[0].size, 5 * CHUNK);
	assert_int_equal(module.allocs[0].min_chunk, CHUNK);
	assert_int_equal(module.allocs[0].node, 3);
	assert_int_equal(m.pieces, 2);
	check_piece(0, 0, 8 * CHUNK, 2 * CHUNK);
	check_piece(1, 2 * CHUNK, 4 * CHUNK, 3 * CHUNK);
	assert_true(folio_shm_addr(&m, 2 * CHUNK - 1, 1, &addr));
	assert_int_equal(addr, 10 * CHUNK - 1);
	assert_true(folio_shm_addr(&m, 2 * CHUNK, 3 * CHUNK, &addr));
	assert_int_equal(addr, 4 * CHUNK);
	assert_false(folio_shm_addr(&m, 2 * CHUNK - 1, 2, &addr));
	check_close();
}

static void
test_alloc_a_little(void **state)
{
	struct folio_shm_config cfg = node_config(SIZE - 1);

	(void)state;
	set_chunks(16, 4 * PAGE);
	check_open(&cfg);
	assert_int_equal(module.calls, 1);
	assert_int_equal(module.allocs[0].size, SIZE);
	assert_int_equal(module.allocs[0].min_chunk, 0);
	assert_int_equal(module.allocs[0].node, UINT32_MAX);
	assert_int_equal(m.pieces, 16);
	check_close();
}

/* There are no large pieces, or the module knows nothing of them. */
static void
test_alloc_in_small_pieces(void **state)
{
	static const int errors[] = {ENOMEM, EINVAL};
	struct folio_shm_config cfg = node_config(CHUNK + PAGE);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(errors); i++) {
		module.calls = 0;
		module.alloc_errors[0] = errors[i];
		set_chunks(FOLIO_SHM_PIECES / 2 + 1, 2 * PAGE);
		module.chunk[FOLIO_SHM_PIECES / 2].len = PAGE;
		check_open(&cfg);
		assert_int_equal(module.calls, 2);
		assert_int_equal(module.allocs[0].size, 2 * CHUNK);
		assert_int_equal(module.allocs[1].size, CHUNK + PAGE);
		assert_int_equal(module.allocs[1].min_chunk, 0);
		assert_int_equal(m.size, CHUNK + PAGE);
		assert_int_equal(m.pieces, FOLIO_SHM_PIECES / 2 + 1);
		check_piece(m.pieces - 1, CHUNK, module.chunk[m.pieces - 1].gpa, PAGE);
		check_close();
	}
}

static void
test_alloc_fails(void **state)
{
	struct folio_shm_config cfg = node_config(CHUNK);

	(void)state;
	module.alloc_errors[0] = ENOMEM;
	module.alloc_errors[1] = ENOMEM;
	check_refused(&cfg, -ENOMEM, "path=/dev/zero: cannot share 2097152 bytes of memory: Cannot "
		      "allocate memory (see RLIMIT_MEMLOCK, and the module's parameters "
		      "max_alloc and min_chunk)");
	module.calls = 0;
	module.alloc_errors[0] = EIO;
	check_refused(&cfg, -EIO, "cannot share 2097152 bytes");
	assert_int_equal(module.calls, 1);
}

static void
test_too_many_pieces(void **state)
{
	struct folio_shm_config cfg = node_config(FOLIO_SHM_PIECES * PAGE);

	(void)state;
	module.alloc_errors[0] = ENOMEM;
	module.per_answer = 7;
	set_chunks(FOLIO_SHM_PIECES, PAGE);
	check_open(&cfg);
	assert_int_equal(m.pieces, FOLIO_SHM_PIECES);
	check_close();
	module.calls = 0;
	cfg.size += PAGE;
	set_chunks(FOLIO_SHM_PIECES + 1, PAGE);
	check_refused(&cfg, -E2BIG, "in more than 512 pieces: there was none in pieces of "
		      "min_chunk=2097152 bytes");
}

/* No end, no sense: no loop and no address of it. */
static void
test_strange_chunks(void **state)
{
	static const struct folio_ioctl_chunk strange[] = {
		{.gpa = PAGE, .len = 0},
		{.gpa = PAGE + 1, .len = SIZE},
		{.gpa = PAGE, .len = PAGE + 1},
		{.gpa = -(uint64_t)PAGE, .len = 2 * PAGE},
	};
	struct folio_shm_config cfg = node_config(SIZE);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(strange); i++) {
		module.calls = 0;
		module.chunks = 1;
		module.chunk[0] = strange[i];
		check_refused(&cfg, -EPROTO, "allowed are whole pages");
	}
	module.calls = 0;
	set_chunks(1, SIZE - PAGE);
	check_refused(&cfg, -ENXIO, "does not tell where byte 258048 lies");
	module.calls = 0;
	module.tells_none = true;
	check_refused(&cfg, -EPROTO, "tells of 0 chunks: allowed are 1 to");
	module.tells_none = false;
	module.info.version = FOLIO_IOCTL_VERSION + 1;
	check_refused(&cfg, -EPROTO, "the kernel module speaks version 2 of its interface");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, sysfs_teardown)
		CASE(test_bar),
		CASE(test_bar_uncached),
		CASE(test_bar_that_will_not_do),
		CASE(test_bar_is_taken),
		CASE(test_bar_that_goes_away),
		CASE(test_bar_through_the_module),
		CASE(test_alloc),
		CASE(test_alloc_a_little),
		CASE(test_alloc_in_small_pieces),
		CASE(test_alloc_fails),
		CASE(test_too_many_pieces),
		CASE(test_strange_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
