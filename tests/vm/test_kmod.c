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
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmod.h"

#define MAX_ALLOC "/sys/module/folio/parameters/max_alloc"
#define KERNEL_ADDRESS ((void *)0xffff888000100000)
#define PATTERN 0xab

/* Both kinds of region, for what they have in common. */
static int
open_kind(uint32_t kind)
{
	return kind == FOLIO_IOCTL_KIND_BAR ? open_bar() : open_alloc(4 * MIB + 3 * page_size);
}

static int
call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) == 0 ? 0 : errno;
}

static int
try_map(int fd, uint64_t len, int prot, int flags, uint64_t offset)
{
	void *mem = mmap(NULL, len, prot, flags, fd, (off_t)offset);

	if (mem == MAP_FAILED)
		return errno;
	munmap(mem, len);
	return 0;
}

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
test_info_of_memory(void **state)
{
	struct folio_ioctl_info info;
	int fd = open_alloc(0);

	(void)state;
	info = info_of(fd);
	assert_int_equal(info.kind, FOLIO_IOCTL_KIND_ALLOC);
	assert_int_equal(info.size, 0);
	assert_int_equal(info.chunks, 0);
	assert_int_equal(info.node, ANY_NODE);
	assert_int_equal(try_alloc(fd, 3 * page_size, ANY_NODE, 0), 0);
	info = info_of(fd);
	assert_int_equal(info.version, FOLIO_IOCTL_VERSION);
	assert_int_equal(info.caching, FOLIO_IOCTL_CACHING_WRITE_BACK);
	assert_int_equal(info.size, 3 * page_size);
	assert_in_range(info.chunks, 1, 3);
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
		_IOR('f', 0xf2, struct folio_ioctl_chunks),
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

static void
mapping_bounds(uint32_t kind)
{
	const int rw = PROT_READ | PROT_WRITE;
	int fd = open_kind(kind);
	uint64_t size = info_of(fd).size;
	uint8_t *whole, *part;
	size_t i;
	const uint64_t beyond[] = {
		size, size + page_size, 2 * size, UINT64_C(1) << 32, UINT64_C(1) << 43,
		(UINT64_C(1) << 63) - page_size, (UINT64_C(1) << 63), UINT64_MAX - page_size + 1,
	};

	assert_int_equal(try_map(fd, size, rw, MAP_SHARED, 0), 0);
	assert_int_equal(try_map(fd, page_size, rw, MAP_SHARED, size - page_size), 0);
	assert_int_equal(try_map(fd, size + 1, rw, MAP_SHARED, 0), EINVAL);
	assert_int_equal(try_map(fd, size + page_size, rw, MAP_SHARED, 0), EINVAL);
	assert_int_equal(try_map(fd, 2 * page_size, rw, MAP_SHARED, size - page_size), EINVAL);
	assert_int_equal(try_map(fd, size, rw, MAP_SHARED, page_size), EINVAL);
	for (i = 0; i < ARRAY_LEN(beyond); i++)
		assert_int_not_equal(try_map(fd, page_size, rw, MAP_SHARED, beyond[i]), 0);
	assert_int_not_equal(try_map(fd, UINT64_C(1) << 46, rw, MAP_SHARED, 0), 0);
	assert_int_equal(try_map(fd, page_size, rw, MAP_PRIVATE, 0), EINVAL);
	assert_int_equal(try_map(fd, page_size, PROT_READ, MAP_PRIVATE, 0), EINVAL);
	assert_int_equal(try_map(fd, page_size, rw | PROT_EXEC, MAP_SHARED, 0), EPERM);

	/* A part is that part; and it neither grows nor becomes executable. */
	whole = map(fd, 0, size);
	part = map(fd, size - 2 * page_size, page_size);
	memset(whole + size - 2 * page_size, PATTERN, page_size);
	assert_true(all_bytes(part, PATTERN, page_size));
	part[5] = 1;
	assert_int_equal(whole[size - 2 * page_size + 5], 1);
	assert_int_equal(whole[size - 3 * page_size + 5], 0);
	assert_int_equal(mprotect(part, page_size, rw | PROT_EXEC), -1);
	assert_true(mremap(part, page_size, 2 * page_size, MREMAP_MAYMOVE) == MAP_FAILED);
	assert_true(mremap(part, 0, page_size, MREMAP_MAYMOVE) == MAP_FAILED);
	munmap(part, page_size);
	munmap(whole, size);
	close(fd);
}

static void
test_mapping_bounds(void **state)
{
	(void)state;
	mapping_bounds(FOLIO_IOCTL_KIND_BAR);
	mapping_bounds(FOLIO_IOCTL_KIND_ALLOC);
}

static void
test_read_only(void **state)
{
	int fd = open(bar_dev(), O_RDONLY);
	uint8_t *mem;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(try_map(fd, page_size, PROT_READ | PROT_WRITE, MAP_SHARED, 0), EACCES);
	mem = mmap(NULL, page_size, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(mem != MAP_FAILED);
	assert_int_equal(touch(mem), 0);
	assert_int_equal(mprotect(mem, page_size, PROT_READ | PROT_WRITE), -1);
	munmap(mem, page_size);
	close(fd);
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
	int ready[2], status;
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
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_bar_is_zero();
}

static void
children_inherit_nothing(uint32_t kind)
{
	int fd = open_kind(kind);
	uint8_t *mem = map(fd, 0, 2 * page_size), *own;
	pid_t pid;

	mem[0] = PATTERN;
	pid = fork();
	if (pid == 0) {
		if (touch(mem) != SIGSEGV)
			_exit(1);
		/* The file it did inherit. */
		own = map(fd, 0, page_size);
		_exit(own[0] == PATTERN ? 0 : 2);
	}
	child_ok(pid);
	assert_int_equal(mem[0], PATTERN);
	munmap(mem, 2 * page_size);
	close(fd);
}

static void
test_children_inherit_nothing(void **state)
{
	(void)state;
	children_inherit_nothing(FOLIO_IOCTL_KIND_BAR);
	children_inherit_nothing(FOLIO_IOCTL_KIND_ALLOC);
}

static void
test_alloc_arguments(void **state)
{
	struct folio_ioctl_chunk chunk;
	struct folio_ioctl_chunks req = {.out = (uintptr_t)&chunk, .count = 1};
	int fd = open_alloc(0);
	size_t i;
	const uint64_t odd[] = {0, 1, page_size - 1, page_size + 1, UINT64_MAX, UINT64_MAX - 1};
	const uint64_t huge[] = {UINT64_MAX - page_size + 1, UINT64_C(1) << 63, UINT64_C(1) << 52};
	const uint32_t nodes[] = {64, 1023, 1024, 65536, 0x7fffffff, 0x80000000, UINT32_MAX - 1};

	(void)state;
	assert_int_equal(call(fd, FOLIO_IOCTL_CHUNKS, &req), ENXIO);
	assert_int_equal(try_map(fd, page_size, PROT_READ, MAP_SHARED, 0), EINVAL);
	for (i = 0; i < ARRAY_LEN(odd); i++)
		assert_int_equal(try_alloc(fd, odd[i], ANY_NODE, 0), EINVAL);
	for (i = 0; i < ARRAY_LEN(huge); i++)
		assert_int_equal(try_alloc(fd, huge[i], ANY_NODE, 0), ENOMEM);
	for (i = 0; i < ARRAY_LEN(nodes); i++)
		assert_int_equal(try_alloc(fd, page_size, nodes[i], 0), EINVAL);
	assert_int_equal(try_alloc(fd, page_size, ANY_NODE, 1), EINVAL);
	assert_int_equal(info_of(fd).size, 0);

	assert_int_equal(try_alloc(fd, page_size, 0, 0), 0);
	assert_int_equal(info_of(fd).node, 0);
	assert_int_equal(try_alloc(fd, page_size, ANY_NODE, 0), EEXIST);
	assert_int_equal(info_of(fd).size, page_size);
	close(fd);
}

/* Sizes add up, addresses are those of the mapping, everything is zero. */
static void
check_alloc(uint64_t size)
{
	struct folio_ioctl_chunk *chunks;
	struct folio_ioctl_chunks req = {0};
	struct folio_ioctl_info info;
	uint64_t off = 0, in;
	int fd = open_alloc(size);
	uint8_t *mem = map(fd, 0, size);
	uint32_t i;

	info = info_of(fd);
	assert_int_equal(info.size, size);
	chunks = calloc(info.chunks, sizeof(*chunks));
	assert_non_null(chunks);
	for (i = 0; i < info.chunks; i++) {
		req = (struct folio_ioctl_chunks){.out = (uintptr_t)&chunks[i], .first = i, .count = 1};
		assert_int_equal(call(fd, FOLIO_IOCTL_CHUNKS, &req), 0);
		assert_int_equal(req.count, 1);
		assert_in_range(chunks[i].len, page_size, 2 * MIB);
		assert_int_equal(chunks[i].gpa % chunks[i].len, 0);
		for (in = 0; in < chunks[i].len; in += page_size, off += page_size)
			assert_int_equal(pfn_of(mem + off), (chunks[i].gpa + in) / page_size);
	}
	assert_int_equal(off, size);
	req = (struct folio_ioctl_chunks){.out = (uintptr_t)chunks, .first = i, .count = 1};
	assert_int_equal(call(fd, FOLIO_IOCTL_CHUNKS, &req), ENXIO);
	assert_true(all_bytes(mem, 0, size));
	memset(mem, PATTERN, size);
	free(chunks);
	munmap(mem, size);
	close(fd);
}

static void
test_alloc_sizes(void **state)
{
	(void)state;
	check_alloc(page_size);
	check_alloc(5 * page_size);
	check_alloc(2 * MIB);
	check_alloc(2 * MIB + page_size);
	check_alloc(16 * MIB);
	check_alloc(16 * MIB); /* what the last one left is not seen */
}

static void
test_allocs_are_apart(void **state)
{
	int one = open_alloc(MIB), two = open_alloc(MIB);
	uint8_t *first = map(one, 0, MIB), *second = map(two, 0, MIB);

	(void)state;
	memset(first, PATTERN, MIB);
	assert_true(all_bytes(second, 0, MIB));
	assert_int_not_equal(pfn_of(first), pfn_of(second));
	munmap(first, MIB);
	munmap(second, MIB);
	close(one);
	close(two);
}

/* More in all than the machine has, or may have. */
static void
test_alloc_is_freed(void **state)
{
	unsigned int i;
	int fd;

	(void)state;
	for (i = 0; i < 200; i++) {
		fd = open_alloc(16 * MIB);
		munmap(map(fd, 0, 16 * MIB), 16 * MIB);
		close(fd);
	}
}

static int
save_max_alloc(void **state)
{
	char *old = calloc(1, 32);
	FILE *file;

	if (start_afresh(state) != 0)
		return -1;
	file = fopen(MAX_ALLOC, "r");
	if (file == NULL || old == NULL || fgets(old, 32, file) == NULL)
		return -1;
	fclose(file);
	*state = old;
	return 0;
}

static int
restore_max_alloc(void **state)
{
	int ret = write_word(MAX_ALLOC, *state);

	free(*state);
	return ret;
}

/* MiB that may be allocated now: what earlier tests leaked on purpose counts. */
static unsigned int
leave_room(unsigned int room)
{
	unsigned int limit;
	char word[16];
	int fd, ret;

	for (limit = room;; limit++) {
		snprintf(word, sizeof(word), "%u", limit);
		assert_int_equal(write_word(MAX_ALLOC, word), 0);
		fd = open_alloc(0);
		ret = try_alloc(fd, room * MIB, ANY_NODE, 0);
		close(fd);
		if (ret == 0)
			return limit;
		assert_int_equal(ret, ENOMEM);
		assert_true(limit < 512);
	}
}

static void
test_alloc_limit(void **state)
{
	int one = open_alloc(0), two = open_alloc(0);

	(void)state;
	leave_room(4);
	assert_int_equal(try_alloc(one, 4 * MIB + page_size, ANY_NODE, 0), ENOMEM);
	assert_int_equal(try_alloc(one, 3 * MIB, ANY_NODE, 0), 0);
	assert_int_equal(try_alloc(two, MIB + page_size, ANY_NODE, 0), ENOMEM);
	assert_int_equal(try_alloc(two, MIB, ANY_NODE, 0), 0);
	close(two);
	two = open_alloc(2 * page_size);
	close(one);
	close(two);
	two = open_alloc(4 * MIB);
	close(two);
	assert_int_equal(write_word(MAX_ALLOC, "0"), 0);
	two = open_alloc(0);
	assert_int_equal(try_alloc(two, page_size, ANY_NODE, 0), ENOMEM);
	close(two);
}

/* The machine runs out first: an error, not the out-of-memory killer. */
static void
test_alloc_more_than_there_is(void **state)
{
	uint64_t there = (uint64_t)sysconf(_SC_PHYS_PAGES) * page_size;
	int fd = open_alloc(0);

	(void)state;
	assert_int_equal(write_word(MAX_ALLOC, "1048576"), 0);
	assert_int_equal(try_alloc(fd, there + MIB - there % MIB, ANY_NODE, 0), ENOMEM);
	assert_int_equal(info_of(fd).size, 0);
	assert_int_equal(try_alloc(fd, MIB, ANY_NODE, 0), 0);
	close(fd);
}

/* A page goes into a pipe by reference: pinned for as long as it is there. */
static void
pin(int pipe_in, uint8_t *mem)
{
	struct iovec iov = {.iov_base = mem, .iov_len = page_size};

	assert_int_equal(vmsplice(pipe_in, &iov, 1, 0), page_size);
}

static void
test_pin_and_unpin(void **state)
{
	int fd = open_alloc(2 * MIB), ends[2];
	uint8_t *mem = map(fd, 0, 2 * MIB), *got = malloc(page_size);
	unsigned int limit;

	(void)state;
	assert_non_null(got);
	assert_int_equal(pipe(ends), 0);
	pin(ends[1], mem + page_size);
	memset(mem + page_size, PATTERN, page_size); /* the pipe has the page, not a copy */
	assert_int_equal(read(ends[0], got, page_size), page_size);
	assert_true(all_bytes(got, PATTERN, page_size));
	munmap(mem, 2 * MIB);
	close(fd);
	close(ends[0]);
	close(ends[1]);
	free(got);
	/* Nothing was leaked. */
	limit = leave_room(2);
	fd = open_alloc(2 * MIB);
	mem = map(fd, 0, 2 * MIB);
	munmap(mem, 2 * MIB);
	close(fd);
	assert_int_equal(leave_room(2), limit);
}

/* Memory that somebody still uses when its owner goes stays out of circulation, and counts. */
static void
test_release_while_pinned(void **state)
{
	unsigned int limit = leave_room(4), i;
	int fd = open_alloc(2 * MIB), ends[2], others[16];
	uint8_t *mem = map(fd, 0, 2 * MIB), *got = malloc(page_size);
	uint64_t off, pfn = pfn_of(mem);

	(void)state;
	assert_non_null(got);
	assert_int_equal(pipe(ends), 0);
	memset(mem, PATTERN, 2 * MIB);
	pin(ends[1], mem);
	munmap(mem, 2 * MIB);
	close(fd);
	assert_true(leave_room(4) > limit);

	assert_int_equal(write_word(MAX_ALLOC, "64"), 0);
	for (i = 0; i < ARRAY_LEN(others); i++) {
		others[i] = open_alloc(2 * MIB);
		mem = map(others[i], 0, 2 * MIB);
		for (off = 0; off < 2 * MIB; off += page_size)
			assert_int_not_equal(pfn_of(mem + off), pfn);
		memset(mem, 0x77, 2 * MIB);
		munmap(mem, 2 * MIB);
	}
	/* The pin sees neither what was there nor what anybody else has. */
	assert_int_equal(read(ends[0], got, page_size), page_size);
	assert_true(all_bytes(got, 0, page_size));
	for (i = 0; i < ARRAY_LEN(others); i++)
		close(others[i]);
	close(ends[0]);
	close(ends[1]);
	free(got);
}

/* Another process reads by way of struct page: memory has one, a BAR has none. */
static void
test_access_by_other_processes(void **state)
{
	int bar = open_bar(), fd = open_alloc(page_size);
	uint8_t *bar_mem = map(bar, 0, page_size), *mem = map(fd, 0, page_size), got[64];
	struct iovec local = {.iov_base = got, .iov_len = sizeof(got)};
	struct iovec remote = {.iov_base = mem, .iov_len = sizeof(got)};
	pid_t pid;

	(void)state;
	memset(mem, PATTERN, page_size);
	pid = fork();
	if (pid == 0) {
		if (process_vm_readv(getppid(), &local, 1, &remote, 1, 0) != sizeof(got) ||
		    !all_bytes(got, PATTERN, sizeof(got)))
			_exit(1);
		remote.iov_base = bar_mem;
		if (process_vm_readv(getppid(), &local, 1, &remote, 1, 0) != -1 || errno != EFAULT)
			_exit(2);
		_exit(0);
	}
	child_ok(pid);
	munmap(bar_mem, page_size);
	munmap(mem, page_size);
	close(bar);
	close(fd);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, start_afresh)
#define LIMIT_TEST(name) cmocka_unit_test_setup_teardown(name, save_max_alloc, restore_max_alloc)
	const struct CMUnitTest tests[] = {
		TEST(test_nodes),
		TEST(test_info_of_a_bar),
		TEST(test_info_of_memory),
		TEST(test_bad_pointers),
		TEST(test_unknown_requests),
		TEST(test_no_read_write_or_seek),
#ifdef __x86_64__
		TEST(test_calls_of_32_bit_programs),
#endif
		TEST(test_chunks_of_a_bar),
		TEST(test_bar_is_exclusive),
		TEST(test_mapping_bounds),
		TEST(test_read_only),
		TEST(test_one_owner),
		TEST(test_zero_after_close),
		TEST(test_zero_after_the_last_mapping),
		TEST(test_zero_after_sigkill),
		TEST(test_children_inherit_nothing),
		TEST(test_alloc_arguments),
		TEST(test_alloc_sizes),
		TEST(test_allocs_are_apart),
		TEST(test_alloc_is_freed),
		LIMIT_TEST(test_alloc_limit),
		LIMIT_TEST(test_alloc_more_than_there_is),
		LIMIT_TEST(test_pin_and_unpin),
		LIMIT_TEST(test_release_while_pinned),
		TEST(test_access_by_other_processes),
	};

	return cmocka_run_group_tests_name("kmod", tests, NULL, NULL);
}
