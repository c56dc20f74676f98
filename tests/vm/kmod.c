/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kmod.h"

uint64_t page_size;

static sigjmp_buf after_touch;
static pid_t tester;

__attribute__((constructor)) static void
init(void)
{
	page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	tester = getpid();
}

/* In a child the test cannot fail: the parent sees how the child ends. */
static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	if (getpid() == tester)
		fail_msg("%s: %s", what, strerror(errno));
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	_exit(99);
}

int
start_afresh(void **state)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	char line[PATH_MAX];

	(void)state;
	if (maps == NULL)
		return -1;
	while (fgets(line, sizeof(line), maps) != NULL)
		if (strstr(line, "/dev/folio") != NULL &&
		    sscanf(line, "%lx-%lx", &start, &end) == 2)
			munmap((void *)start, end - start);
	fclose(maps);
	return close_range(3, UINT_MAX, 0);
}

const char *
bar_dev(void)
{
	const char *dev = getenv("FOLIO_DEV");

	return dev != NULL ? dev : "/dev/folio0";
}

unsigned int
rounds(void)
{
	const char *n = getenv("FOLIO_ROUNDS");

	return n != NULL ? (unsigned int)atoi(n) : 2000;
}

const char *
bar_sysfs(void)
{
	static char path[PATH_MAX];
	char link[PATH_MAX];

	if (path[0] == '\0') {
		snprintf(link, sizeof(link), "/sys/class/folio/%s/device",
			 strrchr(bar_dev(), '/') + 1);
		must(realpath(link, path) != NULL, link);
	}
	return path;
}

int
write_word(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY);
	int ret;

	if (fd < 0)
		return errno;
	ret = write(fd, word, strlen(word)) == (ssize_t)strlen(word) ? 0 : errno;
	close(fd);
	return ret;
}

uint64_t
number_in(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[64] = "";

	must(file != NULL && fgets(line, sizeof(line), file) != NULL, path);
	fclose(file);
	return strtoull(line, NULL, 10);
}

void
wait_for_number(const char *path, uint64_t number)
{
	const struct timespec moment = {.tv_nsec = 100 * 1000 * 1000};
	unsigned int i;

	for (i = 0; i < 600 && number_in(path) != number; i++)
		nanosleep(&moment, NULL);
	if (number_in(path) != number)
		fail_msg("%s is still %llu, not %llu", path, (unsigned long long)number_in(path),
			 (unsigned long long)number);
}

uint64_t
status_bytes(const char *key)
{
	FILE *file = fopen("/proc/self/status", "r");
	size_t len = strlen(key);
	bool found = false;
	char line[256];

	must(file != NULL, "status");
	while (!found && fgets(line, sizeof(line), file) != NULL)
		found = strncmp(line, key, len) == 0 && line[len] == ':';
	fclose(file);
	must(found, key);
	return strtoull(line + len + 1, NULL, 10) * 1024;
}

int
open_bar(void)
{
	int fd = open(bar_dev(), O_RDWR | O_CLOEXEC);

	must(fd >= 0, bar_dev());
	return fd;
}

int
try_alloc(int fd, uint64_t size, uint32_t node, uint32_t min_chunk)
{
	struct folio_ioctl_alloc a = {.size = size, .node = node, .min_chunk = min_chunk};

	return ioctl(fd, FOLIO_IOCTL_ALLOC, &a) == 0 ? 0 : errno;
}

int
open_alloc(uint64_t size)
{
	int fd = open(ALLOC_DEV, O_RDWR | O_CLOEXEC);

	must(fd >= 0, ALLOC_DEV);
	must(size == 0 || try_alloc(fd, size, ANY_NODE, 0) == 0, "ALLOC");
	return fd;
}

int
open_kind(uint32_t kind)
{
	return kind == FOLIO_IOCTL_KIND_BAR ? open_bar() : open_alloc(4 * MIB + 3 * page_size);
}

struct folio_ioctl_info
info_of(int fd)
{
	struct folio_ioctl_info info;

	memset(&info, 0xa5, sizeof(info));
	must(ioctl(fd, FOLIO_IOCTL_INFO, &info) == 0, "INFO");
	return info;
}

uint8_t *
map(int fd, uint64_t offset, uint64_t len)
{
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);

	must(mem != MAP_FAILED, "mmap");
	return mem;
}

void
child_ok(pid_t pid)
{
	int status;

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("child: status 0x%x", status);
}

void
kill_child(pid_t pid)
{
	int status;

	assert_true(pid > 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

uint64_t
pfn_of(const void *mem)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry;

	must(fd >= 0, "pagemap");
	must(pread(fd, &entry, sizeof(entry),
		   (off_t)((uintptr_t)mem / page_size * sizeof(entry))) == sizeof(entry),
	     "pagemap");
	close(fd);
	must(entry >> 63, "the page is not present");
	return entry & ((UINT64_C(1) << 55) - 1);
}

int
call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) == 0 ? 0 : errno;
}

int
try_map(int fd, uint64_t len, int prot, int flags, uint64_t offset)
{
	void *mem = mmap(NULL, len, prot, flags, fd, (off_t)offset);

	if (mem == MAP_FAILED)
		return errno;
	munmap(mem, len);
	return 0;
}

bool
all_bytes(const void *mem, uint8_t value, size_t len)
{
	const uint64_t *p = mem;
	uint64_t want;
	size_t i;

	memset(&want, value, sizeof(want));
	for (i = 0; i < len / sizeof(want); i++)
		if (p[i] != want)
			return false;
	return true;
}

uint8_t *
guarded_page(void)
{
	uint8_t *mem = mmap(NULL, 3 * page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(mem != MAP_FAILED);
	assert_int_equal(mprotect(mem + page_size, page_size, PROT_READ | PROT_WRITE), 0);
	return mem + page_size;
}

static void
touched(int sig)
{
	siglongjmp(after_touch, sig);
}

int
touch(const volatile uint8_t *mem)
{
	struct sigaction old_bus, old_segv, sa = {.sa_handler = touched};
	int sig;

	sigaction(SIGBUS, &sa, &old_bus);
	sigaction(SIGSEGV, &sa, &old_segv);
	sig = sigsetjmp(after_touch, 1);
	if (sig == 0)
		(void)*mem;
	sigaction(SIGBUS, &old_bus, NULL);
	sigaction(SIGSEGV, &old_segv, NULL);
	return sig;
}

uint64_t
next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}
