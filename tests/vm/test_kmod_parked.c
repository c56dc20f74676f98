/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Memory whose owner has gone, and that somebody still uses: who has it pinned, and devices that
 * write to it. The device is QEMU's edu, which copies between its buffer and memory, at FOLIO_EDU
 * (0000:00:10.0); without it, and without the kernel modules of a test, that test is skipped.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "kmod.h"

#define COMMAND 4
#define COMMAND_MEMORY 2
#define COMMAND_MASTER 4

/* Of edu's registers. */
#define EDU_SIZE 0x100000
#define EDU_SOURCE 0x80
#define EDU_DESTINATION 0x88
#define EDU_COUNT 0x90
#define EDU_CONTROL 0x98
#define EDU_RUN 1
#define EDU_TO_MEMORY 2
#define EDU_BUFFER 0x40000
#define EDU_BYTES 2048 /* of its buffer of 4096, of which QEMU 7.2 does not allow the last */

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

	(void)state;
	assert_non_null(got);
	assert_int_equal(pipe(ends), 0);
	pin(ends[1], mem + page_size);
	memset(mem + page_size, PATTERN, page_size); /* the pipe has the page, not a copy */
	assert_int_equal(read(ends[0], got, page_size), page_size);
	assert_true(all_bytes(got, PATTERN, page_size));
	munmap(mem, 2 * MIB);
	close(fd);
	assert_int_equal(number_in(PARAMETER("allocated")), 0);
	assert_int_equal(number_in(PARAMETER("parked")), 0);
	free(got);
}

/* Nobody gets that page as long as it is pinned. */
static void
assert_not_given_away(uint64_t pfn)
{
	int others[16];
	uint8_t *mem;
	uint64_t off;
	size_t i;

	for (i = 0; i < ARRAY_LEN(others); i++) {
		others[i] = open_alloc(2 * MIB);
		mem = map(others[i], 0, 2 * MIB);
		for (off = 0; off < 2 * MIB; off += page_size)
			assert_int_not_equal(pfn_of(mem + off), pfn);
		memset(mem, 0x77, 2 * MIB);
		munmap(mem, 2 * MIB);
	}
	for (i = 0; i < ARRAY_LEN(others); i++)
		close(others[i]);
}

/*
 * Memory that somebody still uses when its owner goes stays out of circulation, counts, and comes
 * back.
 */
static void
test_release_while_pinned(void **state)
{
	uint64_t locked = status_bytes("VmLck");
	int fd = open_alloc(6 * MIB), ends[2];
	uint8_t *mem = map(fd, 0, 6 * MIB), *got = malloc(page_size);
	uint64_t pfn = pfn_of(mem);

	(void)state;
	assert_non_null(got);
	assert_int_equal(pipe(ends), 0);
	memset(mem, PATTERN, 6 * MIB);
	pin(ends[1], mem);
	munmap(mem, 6 * MIB);
	close(fd);
	/* The others are back at once. */
	assert_in_range(number_in(PARAMETER("parked")), 4, 2 * 1024);
	assert_int_equal(number_in(PARAMETER("allocated")), number_in(PARAMETER("parked")));
	assert_int_equal(status_bytes("VmLck"), locked + number_in(PARAMETER("parked")) * 1024);
	assert_not_given_away(pfn);
	sleep(3); /* the worker looks, and finds it pinned */
	assert_true(number_in(PARAMETER("parked")) > 0);
	/* Unloading would forget it. */
	assert_int_equal(syscall(SYS_delete_module, "folio", O_NONBLOCK), -1);
	assert_not_given_away(pfn);

	/* The pin sees neither what was there nor what anybody else has. */
	assert_int_equal(read(ends[0], got, page_size), page_size);
	assert_true(all_bytes(got, 0, page_size));
	close(ends[0]);
	close(ends[1]);
	free(got);
	wait_for_number(PARAMETER("parked"), 0);
	assert_int_equal(number_in(PARAMETER("allocated")), 0);
	assert_int_equal(status_bytes("VmLck"), locked);
}

/* The same when the owner was killed: the pipe is another process's. */
static void
test_killed_while_pinned(void **state)
{
	int ends[2], ready[2];
	uint8_t *mem;
	char c;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		mem = map(open_alloc(4 * MIB), 0, 4 * MIB);
		pin(ends[1], mem);
		pin(ends[1], mem + 2 * MIB);
		(void)!write(ready[1], "", 1);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	kill_child(pid);
	assert_true(number_in(PARAMETER("parked")) > 0);
	close(ends[0]);
	close(ends[1]);
	wait_for_number(PARAMETER("parked"), 0);
	assert_int_equal(number_in(PARAMETER("allocated")), 0);
}


static const char *
edu(void)
{
	const char *address = getenv("FOLIO_EDU");

	return address != NULL ? address : "0000:00:10.0";
}

static void
edu_path(char path[PATH_MAX], const char *name)
{
	snprintf(path, PATH_MAX, "/sys/bus/pci/devices/%s/%s", edu(), name);
}

static struct folio_ioctl_device
edu_as_device(int fd)
{
	struct folio_ioctl_device device = {.fd = fd};
	unsigned int slot, function;

	assert_int_equal(sscanf(edu(), "%x:%x:%x.%u", &device.domain, &device.bus, &slot,
				&function), 4);
	device.devfn = slot << 3 | function;
	return device;
}

static uint16_t
edu_command(void)
{
	char path[PATH_MAX];
	uint16_t command;
	int fd;

	edu_path(path, "config");
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &command, sizeof(command), COMMAND), sizeof(command));
	close(fd);
	return command;
}

/* Bus mastering on, as a driver in user space does that by way of sysfs. */
static void
edu_start(void)
{
	uint16_t command = COMMAND_MEMORY | COMMAND_MASTER;
	char path[PATH_MAX];
	int fd;

	edu_path(path, "config");
	fd = open(path, O_RDWR);
	if (fd < 0 || pwrite(fd, &command, sizeof(command), COMMAND) != sizeof(command))
		fail_msg("%s: %s", path, strerror(errno));
	close(fd);
}

static volatile uint8_t *
edu_map(void)
{
	char path[PATH_MAX];
	void *mem;
	int fd;

	edu_path(path, "resource0");
	fd = open(path, O_RDWR);
	if (fd < 0)
		skip(); /* no such device */
	mem = mmap(NULL, EDU_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(mem != MAP_FAILED);
	close(fd);
	return mem;
}

static void
edu_set(volatile uint8_t *regs, unsigned int offset, uint64_t value)
{
	*(volatile uint64_t *)(regs + offset) = value;
}

/* Let it copy, and wait until it says that it has. */
static void
edu_copy(volatile uint8_t *regs, uint64_t gpa, bool to_memory)
{
	const struct timespec moment = {.tv_nsec = 5 * 1000 * 1000};

	edu_set(regs, EDU_SOURCE, to_memory ? EDU_BUFFER : gpa);
	edu_set(regs, EDU_DESTINATION, to_memory ? gpa : EDU_BUFFER);
	edu_set(regs, EDU_COUNT, EDU_BYTES);
	edu_set(regs, EDU_CONTROL, EDU_RUN | (to_memory ? EDU_TO_MEMORY : 0));
	while ((*(volatile uint64_t *)(regs + EDU_CONTROL) & EDU_RUN) != 0)
		nanosleep(&moment, NULL);
}

static uint64_t
first_gpa(int fd)
{
	struct folio_ioctl_chunk chunk;
	struct folio_ioctl_chunks req = {.out = (uintptr_t)&chunk, .count = 1};

	if (ioctl(fd, FOLIO_IOCTL_CHUNKS, &req) != 0)
		fail_msg("CHUNKS: %s", strerror(errno));
	return chunk.gpa;
}

static void
test_device_arguments(void **state)
{
	struct folio_ioctl_device device, other;
	const struct folio_ioctl_device odd[] = {
		{.fd = -2}, {.fd = INT_MIN}, {.fd = -1, .domain = UINT32_MAX},
		{.fd = -1, .bus = 256}, {.fd = -1, .devfn = 256}, {.fd = -1, .reserved = {1}},
		{.fd = -1, .reserved = {0, 0, 0, 1}},
	};
	unsigned int domain, bus, slot, function;
	volatile uint8_t *regs = edu_map();
	int fd = open_alloc(0);
	pid_t pid;
	size_t i;

	(void)state;
	device = edu_as_device(-1);
	for (i = 0; i < ARRAY_LEN(odd); i++)
		assert_int_equal(call(fd, FOLIO_IOCTL_DEVICE, (void *)&odd[i]), EINVAL);
	other = (struct folio_ioctl_device){.fd = -1, .bus = 0xff, .devfn = 0xff};
	assert_int_equal(call(fd, FOLIO_IOCTL_DEVICE, &other), ENODEV);
	other = edu_as_device(4000);
	assert_int_equal(call(fd, FOLIO_IOCTL_DEVICE, &other), EBADF);
	other = edu_as_device(fd); /* a file, but not the device's */
	assert_int_equal(call(fd, FOLIO_IOCTL_DEVICE, &other), EPERM);
	/* The host bridge, and the device that is the module's own. */
	other = (struct folio_ioctl_device){.fd = -1};
	assert_int_equal(call(fd, FOLIO_IOCTL_DEVICE, &other), EBUSY);
	assert_int_equal(sscanf(strrchr(bar_sysfs(), '/') + 1, "%x:%x:%x.%u", &domain, &bus, &slot,
				&function), 4);
	other = (struct folio_ioctl_device){.fd = -1, .bus = bus, .devfn = slot << 3 | function};
	assert_int_equal(call(fd, FOLIO_IOCTL_DEVICE, &other), EBUSY);
	/* Without a file of the device it takes the right to do anything with devices. */
	pid = fork();
	if (pid == 0)
		_exit(setuid(65534) == 0 && call(fd, FOLIO_IOCTL_DEVICE, &device) == EPERM ? 0 : 1);
	child_ok(pid);

	edu_start();
	assert_int_equal(call(fd, FOLIO_IOCTL_DEVICE, &device), 0);
	assert_int_equal(call(fd, FOLIO_IOCTL_DEVICE, &device), EEXIST);
	assert_int_equal(try_alloc(fd, page_size, ANY_NODE, 0), 0);
	assert_int_equal(edu_command() & COMMAND_MASTER, COMMAND_MASTER);
	close(fd);
	assert_int_equal(edu_command() & COMMAND_MASTER, 0);
	munmap((void *)(uintptr_t)regs, EDU_SIZE);
}

/*
 * Start a child that owns the region fd, programs the device for its first page and is killed while
 * the device writes there. In the device's buffer is PATTERN.
 */
static uint64_t
own_and_die(volatile uint8_t *regs, int (*open_region)(void), int device_fd)
{
	struct folio_ioctl_device device = edu_as_device(device_fd);
	int ready[2], fd;
	uint64_t gpa;
	uint8_t *mem;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		fd = open_region();
		if (call(fd, FOLIO_IOCTL_DEVICE, &device) != 0)
			_exit(1);
		if (device_fd >= 0)
			close(device_fd);
		mem = map(fd, 0, page_size);
		memset(mem, PATTERN, EDU_BYTES);
		gpa = first_gpa(fd);
		edu_start();
		edu_copy(regs, gpa, false);
		memset(mem, 0, EDU_BYTES);
		edu_copy(regs, gpa, true);
		if (!all_bytes(mem, PATTERN, EDU_BYTES))
			_exit(2);
		(void)!write(ready[1], &gpa, sizeof(gpa));
		for (;;)
			edu_copy(regs, gpa, true);
	}
	assert_true(pid > 0);
	close(ready[1]);
	if (device_fd >= 0)
		close(device_fd); /* the module has it */
	if (read(ready[0], &gpa, sizeof(gpa)) != sizeof(gpa))
		child_ok(pid);
	close(ready[0]);
	kill_child(pid);
	return gpa;
}

static int
open_2m(void)
{
	return open_alloc(2 * MIB);
}

/* The device goes on: whoever has the memory now must not see anything of it. */
static void
assert_device_is_harmless(volatile uint8_t *regs, int fd, uint64_t gpa)
{
	uint64_t size = info_of(fd).size;
	uint8_t *mem = map(fd, 0, size);
	unsigned int i;

	assert_int_equal(edu_command() & COMMAND_MASTER, 0);
	for (i = 0; i < 3; i++)
		edu_copy(regs, gpa, true);
	assert_true(all_bytes(mem, 0, size));
	munmap(mem, size);
}

static void
test_device_of_a_killed_owner(void **state)
{
	volatile uint8_t *regs = edu_map();
	uint64_t gpa = own_and_die(regs, open_2m, -1);
	int fd = open_2m();

	(void)state;
	/* So that this is the same memory again. */
	assert_int_equal(number_in(PARAMETER("reserve")), 2);
	assert_int_equal(first_gpa(fd), gpa);
	assert_device_is_harmless(regs, fd, gpa);
	close(fd);
	munmap((void *)(uintptr_t)regs, EDU_SIZE);
}

/* Its BAR is the next owner's. */
static void
test_device_of_a_killed_owner_of_a_bar(void **state)
{
	volatile uint8_t *regs = edu_map();
	uint64_t gpa = own_and_die(regs, open_bar, -1);
	int fd = open_bar();

	(void)state;
	assert_int_equal(first_gpa(fd), gpa);
	assert_device_is_harmless(regs, fd, gpa);
	close(fd);
	munmap((void *)(uintptr_t)regs, EDU_SIZE);
}

/* Bind it to a driver, or to none. */
static void
edu_bind(const char *driver)
{
	char path[PATH_MAX];

	edu_path(path, "driver/unbind");
	(void)write_word(path, edu());
	edu_path(path, "driver_override");
	assert_int_equal(write_word(path, driver != NULL ? driver : "\n"), 0);
	if (driver == NULL)
		return;
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s", driver);
	if (access(path, F_OK) != 0)
		skip(); /* its module is not loaded */
	assert_int_equal(write_word("/sys/bus/pci/drivers_probe", edu()), 0);
	edu_path(path, "driver");
	assert_int_equal(access(path, F_OK), 0);
}

static int
unbind_edu(void **state)
{
	char path[PATH_MAX];

	(void)state;
	edu_path(path, "driver_override");
	if (access(path, F_OK) == 0)
		edu_bind(NULL);
	return 0;
}

/* The module holds the file, and with it the driver; then it lets go. */
static void
test_device_of_uio(void **state)
{
	volatile uint8_t *regs = edu_map();
	struct folio_ioctl_device device;
	int region, fd, others;

	(void)state;
	edu_bind("uio_pci_generic");
	region = open_alloc(page_size);
	fd = open("/dev/uio0", O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	others = open("/dev/uio0", O_RDONLY | O_CLOEXEC);
	assert_true(others >= 0);
	device = edu_as_device(others); /* its holder could not drive the device */
	assert_int_equal(call(region, FOLIO_IOCTL_DEVICE, &device), EPERM);
	close(others);
	close(region);

	(void)own_and_die(regs, open_2m, fd);
	assert_int_equal(edu_command() & COMMAND_MASTER, 0);
	wait_for_number("/sys/module/uio_pci_generic/refcnt", 0);
	munmap((void *)(uintptr_t)regs, EDU_SIZE);
}

/* As a process does that dies without a word: vfio lets go of the memory after the module. */
static void
map_for_vfio_and_exit(int ready)
{
	struct vfio_iommu_type1_dma_map dma = {
		.argsz = sizeof(dma),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.size = 8 * MIB,
	};
	struct folio_ioctl_device device;
	char path[PATH_MAX], link[PATH_MAX];
	int container, group, region = open_alloc(8 * MIB);
	ssize_t len;

	edu_path(path, "iommu_group");
	len = readlink(path, link, sizeof(link) - 1);
	if (len < 0)
		_exit(1);
	link[len] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(link, '/') + 1);
	container = open("/dev/vfio/vfio", O_RDWR);
	group = open(path, O_RDWR);
	if (container < 0 || group < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) != 0 ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU) != 0)
		_exit(2);
	device = edu_as_device(group);
	if (call(region, FOLIO_IOCTL_DEVICE, &device) != 0) {
		perror("DEVICE");
		_exit(3);
	}
	dma.vaddr = (uintptr_t)map(region, 0, dma.size);
	if (ioctl(container, VFIO_IOMMU_MAP_DMA, &dma) != 0)
		_exit(4);
	(void)!write(ready, "", 1);
	for (;;)
		pause();
}

static void
test_device_of_vfio(void **state)
{
	char path[PATH_MAX], c;
	unsigned int i;
	int ready[2];
	pid_t pid;

	(void)state;
	edu_path(path, "iommu_group");
	if (access(path, F_OK) != 0)
		skip(); /* no IOMMU */
	edu_bind("vfio-pci");
	for (i = 0; i < 3; i++) {
		assert_int_equal(pipe(ready), 0);
		pid = fork();
		if (pid == 0)
			map_for_vfio_and_exit(ready[1]);
		assert_true(pid > 0);
		close(ready[1]);
		if (read(ready[0], &c, 1) != 1)
			child_ok(pid);
		close(ready[0]);
		kill_child(pid);
		wait_for_number(PARAMETER("allocated"), 0);
		assert_int_equal(number_in(PARAMETER("parked")), 0);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, start_afresh)
#define DRIVER_TEST(name) cmocka_unit_test_setup_teardown(name, start_afresh, unbind_edu)
	const struct CMUnitTest tests[] = {
		TEST(test_pin_and_unpin),
		TEST(test_release_while_pinned),
		TEST(test_killed_while_pinned),
		TEST(test_device_arguments),
		TEST(test_device_of_a_killed_owner),
		TEST(test_device_of_a_killed_owner_of_a_bar),
		DRIVER_TEST(test_device_of_uio),
		DRIVER_TEST(test_device_of_vfio),
	};

	return cmocka_run_group_tests_name("kmod_parked", tests, NULL, NULL);
}
