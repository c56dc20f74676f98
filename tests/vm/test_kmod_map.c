/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Mappings of both kinds of region: what may be mapped, by whom, and what mappings leave behind. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kmod.h"

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

/* In a child of a child too, whose memory may lie where the owner's was. */
static void
touch_in_children(uint8_t *mem, int signal, unsigned int depth)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (touch(mem) != signal || touch(mem + page_size) != signal) {
			fprintf(stderr, "touching brings %d and %d, not %d\n", touch(mem),
				touch(mem + page_size), signal);
			_exit(1);
		}
		if (depth > 1)
			touch_in_children(mem, signal, depth - 1);
		_exit(0);
	}
	child_ok(pid);
}

static void
children_inherit_nothing(uint32_t kind)
{
	int fd = open_kind(kind);
	uint8_t *mem = map(fd, 0, 2 * page_size), *own;
	pid_t pid;

	mem[0] = mem[page_size] = PATTERN;
	touch_in_children(mem, SIGSEGV, 1);
	/* The file it did inherit. */
	pid = fork();
	if (pid == 0) {
		own = map(fd, 0, page_size);
		_exit(own[0] == PATTERN ? 0 : 2);
	}
	child_ok(pid);

	/* Some kernels let a user take the mark away that keeps a mapping from children. */
	if (madvise(mem, 2 * page_size, MADV_DOFORK) == 0)
		touch_in_children(mem, SIGBUS, 2);
	else
		touch_in_children(mem, SIGSEGV, 2);
	assert_int_equal(mem[0], PATTERN);
	assert_int_equal(mem[page_size], PATTERN);
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

/* What is taken out of a mapping is there again at the next access. */
static void
dropped_pages_come_back(uint32_t kind)
{
	int fd = open_kind(kind);
	uint64_t size = info_of(fd).size, off;
	uint8_t *mem = map(fd, 0, size);

	memset(mem, PATTERN, size);
	/* Of memory that has no struct pages Linux drops none. */
	assert_int_equal(madvise(mem + page_size, page_size, MADV_DONTNEED) == 0,
			 kind == FOLIO_IOCTL_KIND_ALLOC);
	assert_true(all_bytes(mem, PATTERN, size));
	(void)madvise(mem, size, MADV_DONTNEED);
	for (off = size; off > 0; off -= page_size)
		assert_int_equal(mem[off - 1], PATTERN);
	munmap(mem, size);
	close(fd);
}

static void
test_dropped_pages_come_back(void **state)
{
	(void)state;
	dropped_pages_come_back(FOLIO_IOCTL_KIND_BAR);
	dropped_pages_come_back(FOLIO_IOCTL_KIND_ALLOC);
}

/* Records of memory types that lie in the BAR. */
static unsigned int
memory_types(uint64_t start, uint64_t len)
{
	FILE *file = fopen("/sys/kernel/debug/x86/pat_memtype_list", "r");
	unsigned long long from, to;
	unsigned int n = 0;
	char line[256];

	if (file == NULL)
		skip(); /* no PAT, or no debugfs */
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "PAT: [mem 0x%llx-0x%llx]", &from, &to) == 2 && from >= start &&
		    to <= start + len)
			n++;
	fclose(file);
	return n;
}

/* Such a record would outlive the module, and nobody else could map the BAR any more. */
static void
test_partial_munmap_leaves_no_records(void **state)
{
	struct folio_ioctl_chunk chunk;
	struct folio_ioctl_chunks req = {.out = (uintptr_t)&chunk, .count = 1};
	int fd = open_bar();
	uint64_t size = info_of(fd).size;
	unsigned int before, i;
	uint8_t *mem;

	(void)state;
	assert_int_equal(call(fd, FOLIO_IOCTL_CHUNKS, &req), 0);
	before = memory_types(chunk.gpa, chunk.len);
	for (i = 0; i < 20; i++) {
		mem = map(fd, 0, size);
		memset(mem, PATTERN, 4 * page_size);
		munmap(mem + page_size, page_size);
		munmap(mem, page_size);
		munmap(mem + 2 * page_size, size - 2 * page_size);
	}
	assert_int_equal(memory_types(chunk.gpa, chunk.len), before);
	close(fd);
}

/* A BAR is mapped in blocks of 2 MiB, and where the kernel can, in pages of that size. */
static void
test_few_faults(void **state)
{
	struct utsname name;
	struct rusage before, after;
	int fd = open_bar(), major, minor;
	uint64_t size = info_of(fd).size, tables, off;
	unsigned int i;
	uint8_t *mem[16];

	(void)state;
	if (size < 4 * MIB)
		skip();
	assert_int_equal(uname(&name), 0);
	assert_int_equal(sscanf(name.release, "%d.%d", &major, &minor), 2);
	tables = status_bytes("VmPTE");
	getrusage(RUSAGE_SELF, &before);
	for (i = 0; i < ARRAY_LEN(mem); i++) {
		mem[i] = map(fd, 0, size);
		for (off = 0; off < size; off += page_size)
			mem[i][off] = 1;
	}
	getrusage(RUSAGE_SELF, &after);
	tables = status_bytes("VmPTE") - tables;
	/* One a block, and as many as there may be by the way. */
	assert_true(after.ru_minflt - before.ru_minflt <=
		    (long)(ARRAY_LEN(mem) * size / (2 * MIB) + 64));
	if (major > 6 || (major == 6 && minor >= 12))
		assert_true(tables < ARRAY_LEN(mem) * size / (2 * MIB) * page_size / 2);
	for (i = 0; i < ARRAY_LEN(mem); i++)
		munmap(mem[i], size);
	close(fd);
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
	const struct CMUnitTest tests[] = {
		TEST(test_mapping_bounds),
		TEST(test_children_inherit_nothing),
		TEST(test_dropped_pages_come_back),
		TEST(test_partial_munmap_leaves_no_records),
		TEST(test_few_faults),
		TEST(test_access_by_other_processes),
	};

	return cmocka_run_group_tests_name("kmod_map", tests, NULL, NULL);
}
