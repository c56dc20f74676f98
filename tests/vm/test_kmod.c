/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* The kernel module from user space: every call with good and bad arguments, who sees what when. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmod.h"

#define KERNEL_ADDRESS ((void *)0xffff888000100000)

static void
test_nodes(void **state)
{
	char path[PATH_MAX + 64];

	(void)state;
	snprintf(path, sizeof(path), "%s/folio/%s", bar_sysfs(), strrchr(bar_dev(), '/') + 1);
	assert_int_equal(access(path, F_OK), 0);
}

static void
test_info_of_a_bar(void **state)
{
	struct folio_ioctl_info info;
	int fd = open_bar();

	(void)state;
	info = info_of(fd);
	assert_int_equal(info.version, FOLIO_IOCTL_VERSION);
	assert_int_equal(info.kind, FOLIO_IOCTL_KIND_BAR);
	assert_in_range(info.caching, FOLIO_IOCTL_CACHING_UNKNOWN, FOLIO_IOCTL_CACHING_UNCACHED);
	assert_int_equal(info.flags & ~FOLIO_IOCTL_DECRYPTED, 0);
	assert_true(info.size >= page_size && info.size % page_size == 0);
	assert_int_equal(info.chunks, 1);
	assert_true(all_bytes(info.reserved, 0, sizeof(info.reserved)));
	close(fd);
}

static void
bad_pointers(uint32_t kind)
{
	struct folio_ioctl_chunks *c;
	uint8_t *page = guarded_page();
	int fd = open_kind(kind);
	size_t i;
	void *bad[] = {
		NULL, (void *)1, page - 1, page + page_size, page + page_size - 1,
		page + page_size - 8, KERNEL_ADDRESS, (void *)UINTPTR_MAX,
		(void *)(UINTPTR_MAX - 4), (void *)0x800000000000,
	};

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(call(fd, FOLIO_IOCTL_INFO, bad[i]), EFAULT);
		assert_int_equal(call(fd, FOLIO_IOCTL_CHUNKS, bad[i]), EFAULT);
		assert_int_equal(call(fd, FOLIO_IOCTL_DEVICE, bad[i]), EFAULT);
		if (kind == FOLIO_IOCTL_KIND_ALLOC)
			assert_int_equal(call(fd, FOLIO_IOCTL_ALLOC, bad[i]), EFAULT);
		c = (struct folio_ioctl_chunks *)page;
		*c = (struct folio_ioctl_chunks){.out = (uintptr_t)bad[i], .count = 1};
		assert_int_equal(call(fd, FOLIO_IOCTL_CHUNKS, c), EFAULT);
	}
	/* May be read but not written. */
	assert_int_equal(mprotect(page, page_size, PROT_READ), 0);
	assert_int_equal(call(fd, FOLIO_IOCTL_INFO, page), EFAULT);
	assert_int_equal(call(fd, FOLIO_IOCTL_CHUNKS, page), EFAULT);
	close(fd);
	munmap(page - page_size, 3 * page_size);
}

static void
test_bad_pointers(void **state)
{
	(void)state;
	bad_pointers(FOLIO_IOCTL_KIND_BAR);
	bad_pointers(FOLIO_IOCTL_KIND_ALLOC);
}

static void
unknown_requests(uint32_t kind)
{
	int fd = open_kind(kind);
	uint64_t arg[8] = {0};
	size_t i;
	const unsigned long unknown[] = {
		0, 1, UINT32_MAX, _IO('f', 0xf0), _IO('f', 0xf1), _IO('f', 0xf3),
		_IOW('f', 0xf0, struct folio_ioctl_info), _IOR('f', 0xf0, uint32_t),
		_IOR('f', 0xf1, struct folio_ioctl_alloc), _IOW('f', 0xf1, uint64_t),
		_IOR('f', 0xf2, struct folio_ioctl_chunks), _IOW('f', 0xf3, uint64_t),
		_IOR('f', 0xf3, struct folio_ioctl_device), _IO('f', 0xf4),
		_IOWR('g', 0xf2, struct folio_ioctl_chunks),
		_IOC(_IOC_READ | _IOC_WRITE, 'f', 0xf2, 0x3fff),
	};

	for (i = 0; i < ARRAY_LEN(unknown); i++)
		assert_int_equal(call(fd, unknown[i], arg), ENOTTY);
	if (kind == FOLIO_IOCTL_KIND_BAR)
		assert_int_equal(call(fd, FOLIO_IOCTL_ALLOC, arg), ENOTTY);
	assert_true(all_bytes(arg, 0, sizeof(arg)));
	close(fd);
}

static void
test_unknown_requests(void **state)
{
	(void)state;
	unknown_requests(FOLIO_IOCTL_KIND_BAR);
	unknown_requests(FOLIO_IOCTL_KIND_ALLOC);
}

static void
test_no_read_write_or_seek(void **state)
{
	char c = 0;
	int fd = open_bar();

	(void)state;
	assert_int_equal(read(fd, &c, 1), -1);
	assert_int_equal(write(fd, &c, 1), -1);
	assert_int_equal(lseek(fd, 0, SEEK_END), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	close(fd);
}

/* The path that 32-bit programs take, from this one. */
#ifdef __x86_64__
static long
ioctl32(int fd, uint32_t request, const void *arg)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(54), "b"(fd), "c"(request), "d"(arg)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

static void
test_calls_of_32_bit_programs(void **state)
{
	struct folio_ioctl_chunks *req;
	struct folio_ioctl_info *info;
	int fd = open_bar();
	uint8_t *low;

	(void)state;
	if (access("/proc/sys/abi/vsyscall32", F_OK) != 0)
		skip(); /* this kernel has no such path */
	low = mmap(NULL, page_size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	assert_true(low != MAP_FAILED);
	info = (void *)low;
	assert_int_equal(ioctl32(fd, FOLIO_IOCTL_INFO, info), 0);
	assert_int_equal(info->size, info_of(fd).size);
	req = (void *)(low + 1024);
	*req = (struct folio_ioctl_chunks){.out = (uintptr_t)low, .count = 5};
	assert_int_equal(ioctl32(fd, FOLIO_IOCTL_CHUNKS, req), 0);
	assert_int_equal(req->count, 1);
	assert_int_equal(ioctl32(fd, FOLIO_IOCTL_CHUNKS, NULL), -EFAULT);
	assert_int_equal(ioctl32(fd, _IO('f', 0xf3), low), -ENOTTY);
	munmap(low, page_size);
	close(fd);
}
#endif

static void
test_chunks_of_a_bar(void **state)
{
	struct folio_ioctl_chunk chunk[2];
	struct folio_ioctl_chunks req = {.out = (uintptr_t)chunk, .count = UINT32_MAX};
	struct folio_ioctl_info info;
	char path[PATH_MAX + 16], line[128];
	int fd = open_bar(), i;
	FILE *file;

	(void)state;
	memset(chunk, PATTERN, sizeof(chunk));
	info = info_of(fd);
	assert_int_equal(call(fd, FOLIO_IOCTL_CHUNKS, &req), 0);
	assert_int_equal(req.count, 1);
	assert_int_equal(chunk[0].len, info.size);
	assert_true(all_bytes(&chunk[1], PATTERN, sizeof(chunk[1])));

	/* Third line of the PCI device's resources: BAR2. */
	snprintf(path, sizeof(path), "%s/resource", bar_sysfs());
	file = fopen(path, "r");
	assert_non_null(file);
	for (i = 0; i < 3; i++)
		assert_non_null(fgets(line, sizeof(line), file));
	fclose(file);
	assert_int_equal(strtoull(line, NULL, 16), chunk[0].gpa);

	req = (struct folio_ioctl_chunks){.out = 0, .count = 0};
	assert_int_equal(call(fd, FOLIO_IOCTL_CHUNKS, &req), 0);
	assert_int_equal(req.count, 0);
	req = (struct folio_ioctl_chunks){.out = (uintptr_t)chunk, .first = 1, .count = 1};
	assert_int_equal(call(fd, FOLIO_IOCTL_CHUNKS, &req), ENXIO);
	req.first = UINT32_MAX;
	assert_int_equal(call(fd, FOLIO_IOCTL_CHUNKS, &req), ENXIO);
	close(fd);
}

/* Nobody else gets at the BAR while the module has it. */
static void
test_bar_is_exclusive(void **state)
{
	char path[PATH_MAX + 16];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/resource2", bar_sysfs());
	fd = open(path, O_RDWR);
	if (fd >= 0) {
		assert_int_not_equal(try_map(fd, page_size, PROT_READ, MAP_SHARED, 0), 0);
		close(fd);
	}
}

/* Who may only read owns nothing, learns no addresses, and disturbs nobody. */
static void
read_only(uint32_t kind)
{
	struct folio_ioctl_chunk chunk;
	struct folio_ioctl_chunks req = {.out = (uintptr_t)&chunk, .count = 1};
	struct folio_ioctl_device device = {.fd = -1};
	int owner = open_kind(kind), fd, again;
	uint8_t *mem = map(owner, 0, page_size);

	mem[0] = PATTERN;
	fd = open(kind == FOLIO_IOCTL_KIND_BAR ? bar_dev() : ALLOC_DEV, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(info_of(fd).kind, kind);
	assert_int_equal(call(fd, FOLIO_IOCTL_CHUNKS, &req), EACCES);
	assert_int_equal(call(fd, FOLIO_IOCTL_DEVICE, &device), EACCES);
	assert_int_equal(try_map(fd, page_size, PROT_READ, MAP_SHARED, 0), EACCES);
	assert_int_equal(try_map(fd, page_size, PROT_READ | PROT_WRITE, MAP_SHARED, 0), EACCES);
	if (kind == FOLIO_IOCTL_KIND_ALLOC)
		assert_int_equal(try_alloc(fd, page_size, ANY_NODE, 0), EACCES);
	close(fd);
	assert_int_equal(mem[0], PATTERN); /* it wiped nothing */

	/* And it does not keep an owner out, nor does its end take anything from one. */
	munmap(mem, page_size);
	close(owner);
	fd = open(kind == FOLIO_IOCTL_KIND_BAR ? bar_dev() : ALLOC_DEV, O_RDONLY);
	assert_true(fd >= 0);
	owner = open_kind(kind);
	close(fd);
	if (kind == FOLIO_IOCTL_KIND_BAR) {
		again = open(bar_dev(), O_RDWR);
		assert_int_equal(again, -1);
		assert_int_equal(errno, EBUSY);
	}
	close(owner);
}

static void
test_read_only(void **state)
{
	(void)state;
	read_only(FOLIO_IOCTL_KIND_BAR);
	read_only(FOLIO_IOCTL_KIND_ALLOC);
}

static void
assert_busy(void)
{
	int fd = open(bar_dev(), O_RDWR);

	assert_int_equal(fd, -1);
	assert_int_equal(errno, EBUSY);
}

static void
test_one_owner(void **state)
{
	int fd = open_bar(), copy = dup(fd);
	uint8_t *mem;
	pid_t pid;

	(void)state;
	assert_busy();
	pid = fork();
	if (pid == 0) {
		close(fd);
		close(copy);
		_exit(open(bar_dev(), O_RDWR) == -1 && errno == EBUSY ? 0 : 1);
	}
	child_ok(pid);
	close(fd);
	assert_busy(); /* the copy has it */
	mem = map(copy, page_size, page_size);
	close(copy);
	assert_busy(); /* the mapping has it */
	munmap(mem, page_size);
	close(open_bar());
}

static void
fill_bar(int fd)
{
	uint64_t size = info_of(fd).size;
	uint8_t *mem = map(fd, 0, size);

	memset(mem, PATTERN, size);
	munmap(mem, size);
}

static void
assert_bar_is_zero(void)
{
	int fd = open_bar();
	uint64_t size = info_of(fd).size;
	uint8_t *mem = map(fd, 0, size);

	assert_true(all_bytes(mem, 0, size));
	munmap(mem, size);
	close(fd);
}

static void
test_zero_after_close(void **state)
{
	int fd = open_bar();

	(void)state;
	fill_bar(fd);
	close(fd);
	assert_bar_is_zero();
}

static void
test_zero_after_the_last_mapping(void **state)
{
	int fd = open_bar();
	uint64_t size = info_of(fd).size;
	uint8_t *mem = map(fd, 0, size);

	(void)state;
	close(fd);
	memset(mem, PATTERN, size);
	munmap(mem, size - page_size);
	assert_int_equal(mem[size - 1], PATTERN);
	munmap(mem + size - page_size, page_size);
	assert_bar_is_zero();
}

static void
test_zero_after_sigkill(void **state)
{
	int ready[2];
	char c;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		fill_bar(open_bar());
		(void)!write(ready[1], "", 1);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	assert_busy();
	kill_child(pid);
	assert_bar_is_zero();
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, start_afresh)
	const struct CMUnitTest tests[] = {
		TEST(test_nodes),
		TEST(test_info_of_a_bar),
		TEST(test_bad_pointers),
		TEST(test_unknown_requests),
		TEST(test_no_read_write_or_seek),
#ifdef __x86_64__
		TEST(test_calls_of_32_bit_programs),
#endif
		TEST(test_chunks_of_a_bar),
		TEST(test_bar_is_exclusive),
		TEST(test_read_only),
		TEST(test_one_owner),
		TEST(test_zero_after_close),
		TEST(test_zero_after_the_last_mapping),
		TEST(test_zero_after_sigkill),
	};

	return cmocka_run_group_tests_name("kmod", tests, NULL, NULL);
}
