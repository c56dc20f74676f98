/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * /dev/folio_alloc from user space: sizes and limits, and who pays for the memory.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmod.h"

static uint64_t max_alloc;

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
test_alloc_arguments(void **state)
{
	struct folio_ioctl_chunk chunk;
	struct folio_ioctl_chunks req = {.out = (uintptr_t)&chunk, .count = 1};
	int fd = open_alloc(0);
	size_t i;
	const uint64_t odd[] = {0, 1, page_size - 1, page_size + 1, UINT64_MAX, UINT64_MAX - 1};
	const uint64_t huge[] = {UINT64_MAX - page_size + 1, UINT64_C(1) << 63, UINT64_C(1) << 52};
	const uint32_t odd_chunks[] = {1, page_size - 1, page_size / 2, 3 * page_size, 4 * MIB,
				       1u << 31, UINT32_MAX};
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
	for (i = 0; i < ARRAY_LEN(odd_chunks); i++)
		assert_int_equal(try_alloc(fd, 16 * MIB, ANY_NODE, odd_chunks[i]), EINVAL);
	assert_int_equal(try_alloc(fd, 2 * MIB + page_size, ANY_NODE, 2 * MIB), EINVAL);
	assert_int_equal(info_of(fd).size, 0);

	assert_int_equal(try_alloc(fd, page_size, 0, 0), 0);
	assert_int_equal(info_of(fd).node, 0);
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
		req = (struct folio_ioctl_chunks){
			.out = (uintptr_t)&chunks[i], .first = i, .count = 1};
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
	if (start_afresh(state) != 0)
		return -1;
	max_alloc = number_in(PARAMETER("max_alloc"));
	return 0;
}

static int
set_max_alloc(uint64_t mib)
{
	char word[24];

	snprintf(word, sizeof(word), "%llu", (unsigned long long)mib);
	return write_word(PARAMETER("max_alloc"), word);
}

static int
restore_max_alloc(void **state)
{
	(void)state;
	return set_max_alloc(max_alloc);
}

static void
test_alloc_limit(void **state)
{
	int one = open_alloc(0), two = open_alloc(0);

	(void)state;
	assert_int_equal(set_max_alloc(4), 0);
	assert_int_equal(try_alloc(one, 4 * MIB + page_size, ANY_NODE, 0), ENOMEM);
	assert_int_equal(try_alloc(one, 3 * MIB, ANY_NODE, 0), 0);
	assert_int_equal(number_in(PARAMETER("allocated")), 3 * 1024);
	assert_int_equal(try_alloc(two, MIB + page_size, ANY_NODE, 0), ENOMEM);
	assert_int_equal(try_alloc(two, MIB, ANY_NODE, 0), 0);
	close(two);
	two = open_alloc(2 * page_size);
	close(one);
	close(two);
	two = open_alloc(4 * MIB);
	close(two);
	assert_int_equal(set_max_alloc(0), 0);
	two = open_alloc(0);
	assert_int_equal(try_alloc(two, page_size, ANY_NODE, 0), ENOMEM);
	close(two);
	assert_int_equal(number_in(PARAMETER("allocated")), 0);
}

/* Not even root may give the host more than half of the machine. */
static void
test_alloc_more_than_half(void **state)
{
	uint64_t half = (uint64_t)sysconf(_SC_PHYS_PAGES) * page_size / 2;
	int fd = open_alloc(0);

	(void)state;
	assert_true(max_alloc * MIB <= half / 2 + MIB);
	assert_int_equal(set_max_alloc(UINT32_MAX), 0);
	assert_int_equal(try_alloc(fd, half + MIB - half % MIB, ANY_NODE, 0), ENOMEM);
	assert_int_equal(info_of(fd).size, 0);
	assert_int_equal(try_alloc(fd, MIB, ANY_NODE, 0), 0);
	close(fd);
}

/* What one may lock in memory is what one may have of this. */
static void
test_locked_memory_limit(void **state)
{
	const struct rlimit limit = {.rlim_cur = MIB, .rlim_max = MIB};
	int fd = open_alloc(0);
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || setuid(65534) != 0)
			_exit(1);
		if (try_alloc(fd, MIB + page_size, ANY_NODE, 0) != ENOMEM)
			_exit(2);
		if (try_alloc(fd, MIB / 2, ANY_NODE, 0) != 0)
			_exit(3);
		if (try_alloc(fd, MIB / 2 + page_size, ANY_NODE, 0) != ENOMEM)
			_exit(4);
		_exit(try_alloc(fd, MIB / 2, ANY_NODE, 0) == 0 ? 0 : 5);
	}
	child_ok(pid);
	assert_int_equal(info_of(fd).size, MIB);
	close(fd);
}

/* The out-of-memory killer looks at what a process has resident. */
static void
test_memory_is_the_owners(void **state)
{
	uint64_t locked = status_bytes("VmLck"), resident = status_bytes("RssFile");
	size_t len = 256 * page_size;
	uint8_t *mem, *others = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				     -1, 0);
	int fd = open_alloc(8 * MIB);

	(void)state;
	assert_true(others != MAP_FAILED);
	madvise(others, len, MADV_NOHUGEPAGE);
	assert_int_equal(status_bytes("VmLck"), locked + 8 * MIB);
	mem = map(fd, 0, 8 * MIB);
	/* Up to 6.1 such counts get around with the next page faults of the thread. */
	memset(others, 1, len);
	munmap(others, len);
	assert_true(status_bytes("RssFile") >= resident + 8 * MIB);
	munmap(mem, 8 * MIB);
	close(fd);
	assert_int_equal(status_bytes("VmLck"), locked);
}

static void
write_word_or_skip(const char *path, const char *word)
{
	if (write_word(path, word) != 0)
		skip(); /* the kernel has no such thing */
}

/*
 * A memory cgroup with too little is an error, and its processes live. What was set aside is not
 * counted.
 */
static void
test_memory_cgroup(void **state)
{
	uint64_t reserved = number_in(PARAMETER("reserve")) * MIB;
	char word[16];
	pid_t pid;
	int fd = open_alloc(0);

	(void)state;
	mkdir("/tmp/cgroup", 0700);
	if (mount("none", "/tmp/cgroup", "cgroup2", 0, NULL) != 0 && errno != EBUSY)
		skip();
	write_word_or_skip("/tmp/cgroup/cgroup.subtree_control", "+memory");
	mkdir("/tmp/cgroup/small", 0700);
	write_word_or_skip("/tmp/cgroup/small/memory.max", "16M");
	pid = fork();
	if (pid == 0) {
		snprintf(word, sizeof(word), "%d", getpid());
		if (write_word("/tmp/cgroup/small/cgroup.procs", word) != 0)
			_exit(1);
		if (try_alloc(fd, reserved + 32 * MIB, ANY_NODE, 0) != ENOMEM)
			_exit(2);
		if (try_alloc(fd, reserved + 4 * MIB, ANY_NODE, 0) != 0)
			_exit(3);
		_exit(number_in("/tmp/cgroup/small/memory.current") >= 4 * MIB ? 0 : 4);
	}
	child_ok(pid);
	close(fd);
	assert_int_equal(rmdir("/tmp/cgroup/small"), 0);
	umount("/tmp/cgroup");
}

#define TRACING "/sys/kernel/debug/tracing/"

/* Whether the kernel's worker, and nobody else, has called what is traced. */
static bool
traced_only_in_workers(void)
{
	FILE *file = fopen(TRACING "trace", "r");
	unsigned int workers = 0, others = 0;
	char line[512];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
		if (strstr(line, "folio_test_") != NULL)
			(*(strstr(line, "kworker/") != NULL ? &workers : &others))++;
	fclose(file);
	return workers > 0 && others == 0;
}

/* A process in a memory cgroup that is used up would make Linux 6.1 panic in an SNP guest. */
static void
test_workers_convert(void **state)
{
	bool share, unshare;
	int fd;

	(void)state;
	write_word_or_skip(TRACING "kprobe_events", "p:folio_test_s set_memory_decrypted");
	assert_int_equal(write_word(TRACING "events/kprobes/folio_test_s/enable", "1"), 0);
	fd = open_alloc(4 * MIB);
	share = traced_only_in_workers();
	assert_int_equal(write_word(TRACING "events/kprobes/folio_test_s/enable", "0"), 0);
	write_word_or_skip(TRACING "kprobe_events", "p:folio_test_u set_memory_encrypted");
	assert_int_equal(write_word(TRACING "events/kprobes/folio_test_u/enable", "1"), 0);
	close(fd);
	unshare = traced_only_in_workers();
	assert_int_equal(write_word(TRACING "events/kprobes/folio_test_u/enable", "0"), 0);
	assert_true(share);
	assert_true(unshare);
}

/* What several calls bring lies one behind the other. */
static void
test_several_allocs(void **state)
{
	const uint64_t sizes[] = {3 * page_size, 2 * MIB, page_size, 5 * MIB + page_size};
	struct folio_ioctl_chunk chunk[600];
	struct folio_ioctl_chunks req = {.out = (uintptr_t)chunk, .count = ARRAY_LEN(chunk)};
	uint64_t size = 0, off = 0, in;
	int fd = open_alloc(0);
	uint8_t *first = NULL, *mem;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		assert_int_equal(try_map(fd, size + page_size, PROT_READ, MAP_SHARED, 0), EINVAL);
		assert_int_equal(try_alloc(fd, sizes[i], ANY_NODE, 0), 0);
		size += sizes[i];
		assert_int_equal(info_of(fd).size, size);
		if (first == NULL)
			first = map(fd, 0, sizes[0]);
	}
	mem = map(fd, 0, size);
	assert_true(all_bytes(mem, 0, size));
	memset(first, PATTERN, sizes[0]);
	assert_true(all_bytes(mem, PATTERN, sizes[0]));
	assert_true(all_bytes(mem + sizes[0], 0, size - sizes[0]));
	assert_int_equal(call(fd, FOLIO_IOCTL_CHUNKS, &req), 0);
	assert_int_equal(req.count, info_of(fd).chunks);
	for (i = 0; i < req.count; i++)
		for (in = 0; in < chunk[i].len; in += page_size, off += page_size)
			assert_int_equal(pfn_of(mem + off), (chunk[i].gpa + in) / page_size);
	assert_int_equal(off, size);
	munmap(mem, size);
	munmap(first, sizes[0]);
	close(fd);
	assert_int_equal(number_in(PARAMETER("allocated")), 0);
}

static uint64_t
free_memory(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned long long kib = 0;
	char line[128];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL && sscanf(line, "MemFree: %llu", &kib) != 1)
		;
	fclose(file);
	return kib * 1024;
}

/*
 * Fill memory with the pages of two pipes at a time, in turns, and free every other one: what is
 * free then lies in single pages that cannot be moved together.
 */
static void
shatter_memory(void)
{
	const struct rlimit many = {.rlim_cur = 8192, .rlim_max = 8192};
	int keep[2], drop[2], dropped[4096];
	uint8_t *page = calloc(1, page_size);
	unsigned int n = 0, i, pages = MIB / page_size;

	assert_non_null(page);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &many), 0);
	while (free_memory() > 48 * MIB && n + 2 < ARRAY_LEN(dropped)) {
		assert_int_equal(pipe2(keep, O_NONBLOCK), 0);
		assert_int_equal(pipe2(drop, O_NONBLOCK), 0);
		assert_true(fcntl(keep[1], F_SETPIPE_SZ, MIB) >= (int)MIB);
		assert_true(fcntl(drop[1], F_SETPIPE_SZ, MIB) >= (int)MIB);
		for (i = 0; i < pages; i++) {
			assert_int_equal(write(keep[1], page, page_size), page_size);
			assert_int_equal(write(drop[1], page, page_size), page_size);
		}
		dropped[n++] = drop[0];
		dropped[n++] = drop[1];
	}
	while (n > 0)
		close(dropped[--n]);
	free(page);
}

/* Whoever wants large chunks gets them, or an error. In pieces it would be there. */
static void
test_min_chunk(void **state)
{
	uint64_t reserved = number_in(PARAMETER("reserve")) * MIB;
	int fd = open_alloc(0), from_reserve = open_alloc(0);

	(void)state;
	assert_int_equal(try_alloc(fd, 4 * MIB, ANY_NODE, 2 * MIB), 0);
	assert_int_equal(info_of(fd).chunks, 2);
	close(fd);
	assert_int_equal(set_max_alloc(UINT32_MAX), 0);

	shatter_memory();
	/* More than the few blocks that are left, and were set aside. */
	fd = open_alloc(0);
	assert_int_equal(try_alloc(fd, 96 * MIB, ANY_NODE, 2 * MIB), ENOMEM);
	assert_int_equal(info_of(fd).size, 0);
	assert_int_equal(number_in(PARAMETER("allocated")), 0);
	assert_int_equal(try_alloc(fd, 96 * MIB, ANY_NODE, 0), 0);
	assert_true(info_of(fd).chunks > 96 / 2);
	/* And what was set aside is whole again, once it is given back. */
	close(fd);
	assert_true(reserved > 0);
	assert_int_equal(try_alloc(from_reserve, reserved, ANY_NODE, 2 * MIB), 0);
	assert_int_equal(info_of(from_reserve).chunks, reserved / (2 * MIB));
	close(from_reserve);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, start_afresh)
#define LIMIT_TEST(name) cmocka_unit_test_setup_teardown(name, save_max_alloc, restore_max_alloc)
	const struct CMUnitTest tests[] = {
		TEST(test_info_of_memory),
		TEST(test_alloc_arguments),
		TEST(test_alloc_sizes),
		TEST(test_allocs_are_apart),
		TEST(test_alloc_is_freed),
		TEST(test_several_allocs),
		LIMIT_TEST(test_alloc_limit),
		LIMIT_TEST(test_alloc_more_than_half),
		TEST(test_locked_memory_limit),
		TEST(test_memory_is_the_owners),
		TEST(test_memory_cgroup),
		TEST(test_workers_convert),
		LIMIT_TEST(test_min_chunk), /* the last one: it leaves memory in pieces */
	};

	return cmocka_run_group_tests_name("kmod_memory", tests, NULL, NULL);
}
