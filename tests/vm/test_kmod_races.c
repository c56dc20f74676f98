/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * The kernel module under pressure: many processes and threads at once, killed at any moment;
 * random requests; the device taken away while it is in use. What the kernel log says afterwards is
 * part of the result, and for whoever runs this to check.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kmod.h"

#define WORKERS 4
#define DRIVER "/sys/bus/pci/drivers/folio"

/* What the processes of a race count together. */
struct tally {
	atomic_uint owned;
	atomic_uint busy;
	atomic_uint gone;
	atomic_uint dirty;  /* found what somebody else left: a failure */
	atomic_uint failed; /* anything else that must not be */
	atomic_uint stale;  /* a mapping outlived its device: a failure */
	atomic_uint removals;
};

static struct tally *tally;

static int
setup(void **state)
{
	if (start_afresh(state) != 0)
		return -1;
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	return tally == MAP_FAILED ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	return munmap(tally, sizeof(*tally));
}

/* The node of FOLIO_DEV's PCI device now: its number changes while a removed one is still open. */
static bool
node_now(char *path, size_t len)
{
	char folder[PATH_MAX + 16];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s/folio", bar_sysfs());
	dir = opendir(folder);
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.') {
			snprintf(path, len, "/dev/%s", entry->d_name);
			found = true;
		}
	if (dir != NULL)
		closedir(dir);
	return found;
}

/* One turn as an owner, if it can be had. */
static void
own_for_a_moment(uint64_t *seed, uint64_t size)
{
	uint64_t window = 16 * page_size, off;
	int fd = open(bar_dev(), O_RDWR);
	uint8_t *mem;

	if (fd < 0) {
		atomic_fetch_add(errno == EBUSY ? &tally->busy : &tally->failed, 1);
		return;
	}
	atomic_fetch_add(&tally->owned, 1);
	off = next_random(seed) % ((size - window) / page_size) * page_size;
	mem = mmap(NULL, window, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)off);
	if (mem == MAP_FAILED) {
		atomic_fetch_add(&tally->failed, 1);
	} else {
		if (!all_bytes(mem, 0, window))
			atomic_fetch_add(&tally->dirty, 1);
		memset(mem, 0xd1, window);
	}
	if (next_random(seed) % 2 == 0)
		close(fd); /* the mapping is the last reference */
	if (mem != MAP_FAILED)
		munmap(mem, window);
	(void)close(fd);
}

static void
alloc_for_a_moment(uint64_t *seed)
{
	uint64_t size = (1 + next_random(seed) % 600) * page_size;
	int fd = open(ALLOC_DEV, O_RDWR), ret;
	uint8_t *mem;

	ret = fd < 0 ? errno : try_alloc(fd, size, ANY_NODE, 0);
	if (ret != 0) {
		atomic_fetch_add(ret == ENOMEM ? &tally->busy : &tally->failed, 1);
		close(fd);
		return;
	}
	atomic_fetch_add(&tally->owned, 1);
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED) {
		atomic_fetch_add(&tally->failed, 1);
	} else {
		if (!all_bytes(mem, 0, size))
			atomic_fetch_add(&tally->dirty, 1);
		memset(mem, 0xd2, size);
		if (next_random(seed) % 2 == 0)
			munmap(mem, size);
	}
	close(fd);
}

/* Runs in a child until it is killed or the rounds are used up; some leave everything to exit(). */
static void
worker(unsigned int number, unsigned int n, uint64_t size)
{
	uint64_t seed = (uint64_t)getpid() * 2654435761u + number + 1;

	while (n-- > 0) {
		if (size != 0)
			own_for_a_moment(&seed, size);
		else
			alloc_for_a_moment(&seed);
	}
	_exit(0);
}

/*
 * WORKERS at any time, of which one after the other is killed wherever it just is. size 0: memory,
 * otherwise the BAR.
 */
static void
race(uint64_t size)
{
	const struct timespec moment = {.tv_nsec = 3 * 1000 * 1000};
	unsigned int i, killed = 0, each = rounds() / WORKERS + 1;
	pid_t pids[WORKERS];

	for (i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			worker(i, each, size);
	}
	while (atomic_load(&tally->owned) < rounds()) {
		i = killed % WORKERS;
		nanosleep(&moment, NULL);
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
		killed++;
		pids[i] = fork();
		if (pids[i] == 0)
			worker(i + killed, each, size);
	}
	for (i = 0; i < WORKERS; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	print_message("%u turns, %u refused, %u killed\n", atomic_load(&tally->owned),
		      atomic_load(&tally->busy), killed);
	assert_int_equal(atomic_load(&tally->dirty), 0);
	assert_int_equal(atomic_load(&tally->failed), 0);
}

static void
test_race_for_the_bar(void **state)
{
	int fd = open_bar();
	uint64_t size = info_of(fd).size;

	(void)state;
	close(fd);
	race(size);
	close(open_bar());
}

static void
test_race_for_memory(void **state)
{
	int fd;

	(void)state;
	race(0);
	fd = open_alloc(64 * MIB);
	close(fd);
}

struct sharing {
	int fd;
	uint64_t size;
	atomic_uint allocated;
	atomic_bool stop;
};

/* One of several that do everything there is with one file. */
static void *
share(void *arg)
{
	struct folio_ioctl_chunk chunks[4];
	struct folio_ioctl_chunks req;
	struct folio_ioctl_info info;
	struct sharing *s = arg;
	uint8_t *mem;
	int ret;

	while (!atomic_load(&s->stop)) {
		ret = try_alloc(s->fd, s->size, ANY_NODE, 0);
		if (ret == 0)
			atomic_fetch_add(&s->allocated, 1);
		else if (ret != ENOMEM && ret != ENOTTY)
			atomic_fetch_add(&tally->failed, 1);
		req = (struct folio_ioctl_chunks){.out = (uintptr_t)chunks, .count = 4};
		if (ioctl(s->fd, FOLIO_IOCTL_INFO, &info) != 0 || info.size < s->size ||
		    info.size % s->size != 0 ||
		    ioctl(s->fd, FOLIO_IOCTL_CHUNKS, &req) != 0)
			atomic_fetch_add(&tally->failed, 1);
		mem = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
		if (mem == MAP_FAILED) {
			atomic_fetch_add(&tally->failed, 1);
			continue;
		}
		mem[s->size - 1] = 1;
		munmap(mem, s->size);
	}
	return NULL;
}

static void
share_among_threads(int fd, uint64_t size)
{
	const struct timespec while_they_run = {.tv_nsec = 200 * 1000 * 1000};
	struct sharing s = {.fd = fd, .size = size};
	pthread_t threads[WORKERS];
	unsigned int i;

	for (i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, share, &s), 0);
	nanosleep(&while_they_run, NULL);
	atomic_store(&s.stop, true);
	for (i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	/* Each allocation has made the region larger once. */
	if (info_of(fd).kind == FOLIO_IOCTL_KIND_ALLOC)
		assert_int_equal(info_of(fd).size, atomic_load(&s.allocated) * size);
	assert_int_equal(atomic_load(&tally->failed), 0);
	close(fd);
}

static void
test_threads_share_a_file(void **state)
{
	unsigned int i;
	int fd;

	(void)state;
	for (i = 0; i < 10; i++)
		share_among_threads(open_alloc(0), 5 * page_size);
	fd = open_bar();
	share_among_threads(fd, info_of(fd).size);
}

static bool
is_expected(int err)
{
	return err == 0 || err == EFAULT || err == EINVAL || err == ENOTTY || err == ENXIO ||
	       err == EEXIST || err == ENOMEM || err == EBADF || err == EPERM || err == ENODEV ||
	       err == EBUSY || err == ENOSPC;
}

/* Known requests, near misses and noise, with good pointers, bad ones, and noise behind both. */
static void
fuzz(int fd, uint64_t *seed)
{
	const unsigned long known[] = {FOLIO_IOCTL_INFO, FOLIO_IOCTL_ALLOC, FOLIO_IOCTL_CHUNKS,
				       FOLIO_IOCTL_DEVICE};
	const size_t longest = sizeof(struct folio_ioctl_info);
	uint8_t *arena = mmap(NULL, 3 * page_size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct folio_ioctl_chunks *chunks;
	struct folio_ioctl_alloc *alloc;
	unsigned long request;
	unsigned int i, n = rounds() * 10;
	uint8_t *arg;
	size_t j;

	assert_true(arena != MAP_FAILED);
	assert_int_equal(mprotect(arena + 2 * page_size, page_size, PROT_NONE), 0);
	for (i = 0; i < n; i++) {
		memset(arena + page_size, 0x5a, 2048);
		arg = arena + page_size + (next_random(seed) % 64) * 8;
		for (j = 0; j < longest; j++)
			arg[j] = next_random(seed) % 4 == 0 ? (uint8_t)next_random(seed) : 0;
		request = known[next_random(seed) % ARRAY_LEN(known)];
		switch (next_random(seed) % 8) {
		case 0:
			request = next_random(seed);
			break;
		case 1:
			request ^= 1ul << next_random(seed) % 32;
			break;
		case 2: /* plausible, so that it gets far */
			chunks = (void *)arg;
			chunks->out = (uintptr_t)(arena + next_random(seed) % page_size);
			chunks->first = next_random(seed) % 4;
			chunks->count = 1;
			request = FOLIO_IOCTL_CHUNKS;
			break;
		case 3:
			alloc = (void *)arg;
			alloc->size = (1 + next_random(seed) % 64) * page_size;
			alloc->node = next_random(seed) % 2 == 0 ? ANY_NODE : 0;
			alloc->min_chunk = next_random(seed) % 4 == 0 ? page_size
								      : next_random(seed) % 8 == 0;
			request = FOLIO_IOCTL_ALLOC;
			break;
		case 4:
			arg = (uint8_t *)next_random(seed);
			break;
		case 5:
			arg = arena + 2 * page_size - next_random(seed) % 80;
			break;
		}
		if (ioctl(fd, request, arg) != 0 && !is_expected(errno))
			fail_msg("request 0x%lx: errno %d", request, errno);
		/* Whatever it was: nothing behind the longest answer changes. */
		if (arg >= arena + page_size && arg < arena + page_size + 64 * 8)
			assert_true(all_bytes(arena + page_size + 64 * 8 + longest, 0x5a, 512));
	}
	munmap(arena, 3 * page_size);
}

static void
test_fuzz(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15;
	int fd = open_bar();

	(void)state;
	fuzz(fd, &seed);
	close(fd);
	fd = open_alloc(0);
	fuzz(fd, &seed);
	close(fd);
	fd = open_alloc(5 * page_size);
	fuzz(fd, &seed);
	close(fd);
}

/* What a failed test has left must not fail the next one. */
static int
rebind(void **state)
{
	const char *device = strrchr(bar_sysfs(), '/') + 1;

	(void)start_afresh(state);
	(void)write_word(DRIVER "/unbind", device);
	(void)write_word(DRIVER "/bind", device);
	return teardown(state);
}

static void
bind(const char *action)
{
	assert_int_equal(write_word(action, strrchr(bar_sysfs(), '/') + 1), 0);
}

static void
test_removal_under_an_owner(void **state)
{
	struct folio_ioctl_info info;
	char node[PATH_MAX];
	int old = open_bar(), fd;
	uint64_t size = info_of(old).size;
	uint8_t *mem = map(old, 0, size), *part = map(old, page_size, page_size);

	(void)state;
	memset(mem, 0xc3, size);
	bind(DRIVER "/unbind");
	assert_int_equal(touch(mem), SIGBUS);
	assert_int_equal(touch(mem + size - 1), SIGBUS);
	assert_int_equal(touch(part), SIGBUS);
	assert_int_equal(ioctl(old, FOLIO_IOCTL_INFO, &info), -1);
	assert_int_equal(errno, ENODEV);
	assert_true(mmap(NULL, page_size, PROT_READ, MAP_SHARED, old, 0) == MAP_FAILED);
	assert_int_equal(errno, ENODEV);
	assert_int_equal(access(bar_dev(), F_OK), -1);

	/* A new one beside the old one, which nobody gets mixed up with. */
	bind(DRIVER "/bind");
	assert_true(node_now(node, sizeof(node)));
	assert_int_not_equal(strcmp(node, bar_dev()), 0);
	fd = open(node, O_RDWR);
	assert_true(fd >= 0);
	munmap(part, page_size);
	part = map(fd, 0, size);
	assert_true(all_bytes(part, 0, size));
	memset(part, 0xc4, page_size);
	assert_int_equal(touch(mem), SIGBUS);
	munmap(mem, size);
	close(old);
	assert_true(all_bytes(part, 0xc4, page_size)); /* what is closed is no longer this region */
	munmap(part, size);
	close(fd);

	bind(DRIVER "/unbind");
	bind(DRIVER "/bind");
	close(open_bar());
}

/* Map and touch until the device is gone; returns how many mappings are left in mem. */
static unsigned int
map_until_gone(int fd, uint8_t **mem, unsigned int room, size_t len, uint64_t *seed)
{
	unsigned int n = 0;
	int sig;

	for (;;) {
		mem[n] = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (mem[n] == MAP_FAILED) {
			atomic_fetch_add(errno == ENODEV ? &tally->gone : &tally->failed, 1);
			return n;
		}
		sig = touch(mem[n] + len - 1);
		n++;
		if (sig != 0) {
			atomic_fetch_add(sig == SIGBUS ? &tally->gone : &tally->failed, 1);
			return n;
		}
		if (n == room || next_random(seed) % 2 == 0) {
			n--;
			munmap(mem[n], len);
		}
	}
}

/* In a child: own the device, and hold on to it until it is gone, again and again. */
static void
cling(unsigned int number)
{
	const struct timespec moment = {.tv_nsec = 1000 * 1000};
	uint64_t seed = (uint64_t)getpid() * 2654435761u + number + 1;
	const size_t len = 16 * page_size;
	unsigned int i, n, before;
	char node[PATH_MAX];
	uint8_t *mem[8];
	int fd;

	for (;;) {
		snprintf(node, sizeof(node), "/dev/folio%u",
			 (unsigned int)(next_random(&seed) % 3));
		fd = open(node, O_RDWR);
		if (fd < 0) {
			atomic_fetch_add(errno == EBUSY ? &tally->busy
					 : errno == ENOENT || errno == ENODEV || errno == ENXIO
						 ? &tally->gone
						 : &tally->failed, 1);
			nanosleep(&moment, NULL);
			continue;
		}
		before = atomic_load(&tally->removals);
		atomic_fetch_add(&tally->owned, 1);
		n = map_until_gone(fd, mem, ARRAY_LEN(mem), len, &seed);
		while (atomic_load(&tally->removals) == before)
			nanosleep(&moment, NULL);
		for (i = 0; i < n; i++) {
			if (touch(mem[i]) != SIGBUS || touch(mem[i] + len - 1) != SIGBUS)
				atomic_fetch_add(&tally->stale, 1);
			munmap(mem[i], len);
		}
		close(fd);
	}
}

static void
test_removal_races(void **state)
{
	const struct timespec moment = {.tv_nsec = 10 * 1000 * 1000};
	unsigned int i, n = rounds() / 20;
	pid_t pids[WORKERS];

	(void)state;
	for (i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			cling(i);
	}
	while (n-- > 0) {
		bind(DRIVER "/unbind");
		atomic_fetch_add(&tally->removals, 1);
		bind(DRIVER "/bind");
		nanosleep(&moment, NULL);
	}
	for (i = 0; i < WORKERS; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	print_message("%u turns, %u refused, %u times gone\n", atomic_load(&tally->owned),
		      atomic_load(&tally->busy), atomic_load(&tally->gone));
	assert_int_equal(atomic_load(&tally->failed), 0);
	assert_int_equal(atomic_load(&tally->stale), 0);
	assert_true(atomic_load(&tally->owned) > 0);
	bind(DRIVER "/unbind");
	bind(DRIVER "/bind");
	close(open_bar());
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define REMOVAL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, rebind)
	const struct CMUnitTest tests[] = {
		TEST(test_threads_share_a_file),
		TEST(test_fuzz),
		TEST(test_race_for_the_bar),
		TEST(test_race_for_memory),
		REMOVAL_TEST(test_removal_under_an_owner),
		REMOVAL_TEST(test_removal_races),
	};

	bar_sysfs(); /* while it is there */
	return cmocka_run_group_tests_name("kmod_races", tests, NULL, NULL);
}
