/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sanitizer/asan_interface.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <folio_wire.h>

#include "check.h"
#include "content.h"
#include "hook.h"
#include "system.h"

#define PAGE 4096u
#define NS 1000000000
#define SLEEP_NS 100000000 /* at least: who polls for a second need not do so 50000 times */

#if __has_feature(address_sanitizer)
#define POISON(from, len) __asan_poison_memory_region(from, len)
#define UNPOISON(from, len) __asan_unpoison_memory_region(from, len)
#else
#define POISON(from, len) ((void)(from), (void)(len))
#define UNPOISON(from, len) ((void)(from), (void)(len))
#endif

static uint64_t now_ns;
static void (*on_sleep)(void);
static unsigned int fail_in;
static bool is_dying;
static bool was_zero;
static unsigned long mappings;
static struct {
	uint64_t now_ns;
	bool was_zero;
} kept;

void
system_reset(void)
{
	now_ns = NS;
	on_sleep = NULL;
	fail_in = 0;
	is_dying = false;
	was_zero = false;
	system_changed();
	content_reset();
}

/*
 * A port looks at its file with every tick, and most of the time nothing has changed: answers are
 * kept until something has.
 */
#define FDS 64

static unsigned long epoch = 1;
static struct {
	unsigned long epoch;
	int ret;
	int error;
	struct stat st;
} by_fd[FDS], by_path;
static char kept_path[128];

void
system_changed(void)
{
	epoch++;
}

unsigned long
system_changes(void)
{
	return epoch + mappings;
}

void
system_keep(void)
{
	kept.now_ns = now_ns;
	kept.was_zero = was_zero;
}

void
system_go_back(void)
{
	now_ns = kept.now_ns;
	was_zero = kept.was_zero;
}

int
system_fstat(int fd, struct stat *st)
{
	if (fd < 0 || fd >= FDS)
		return fstat(fd, st);
	if (by_fd[fd].epoch != epoch) {
		by_fd[fd].ret = fstat(fd, &by_fd[fd].st);
		by_fd[fd].error = errno;
		by_fd[fd].epoch = epoch;
	}
	*st = by_fd[fd].st;
	errno = by_fd[fd].error;
	return by_fd[fd].ret;
}

int
system_stat(const char *path, struct stat *st)
{
	if (strlen(path) >= sizeof(kept_path))
		return stat(path, st);
	if (by_path.epoch != epoch || strcmp(path, kept_path) != 0) {
		strcpy(kept_path, path);
		by_path.ret = stat(path, &by_path.st);
		by_path.error = errno;
		by_path.epoch = epoch;
	}
	*st = by_path.st;
	errno = by_path.error;
	return by_path.ret;
}

int
system_open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
	va_end(args);
	system_changed();
	return open(path, flags, mode);
}

int
system_close(int fd)
{
	system_changed();
	return close(fd);
}

/* Nobody else is there who would want to handle SIGBUS. */
int
system_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	static struct sigaction now;

	(void)sig;
	if (old != NULL)
		*old = now;
	if (act != NULL)
		now = *act;
	return 0;
}

/* membarrier(2): there is one thread, so all of them see the same. */
long
system_syscall(long number, ...)
{
	CHECK_MSG(number == SYS_membarrier, "system call %ld", number);
	return 0;
}

void
system_on_sleep(void (*fn)(void))
{
	on_sleep = fn;
}

void
system_fail_in(unsigned int n)
{
	fail_in = n;
}

void
system_dying(bool dying)
{
	is_dying = dying;
}

static bool
fails(void)
{
	return fail_in > 0 && --fail_in == 0;
}

int
system_clock_gettime(clockid_t clock, struct timespec *now)
{
	(void)clock;
	now_ns += 1000;
	now->tv_sec = (time_t)(now_ns / NS);
	now->tv_nsec = (long)(now_ns % NS);
	return 0;
}

int
system_nanosleep(const struct timespec *want, struct timespec *left)
{
	uint64_t ns = (uint64_t)want->tv_sec * NS + (uint64_t)want->tv_nsec;

	(void)left;
	now_ns += ns > SLEEP_NS ? ns : SLEEP_NS;
	if (on_sleep != NULL)
		on_sleep();
	return 0;
}

ssize_t
system_getrandom(void *to, size_t len, unsigned int flags)
{
	uint64_t r = hook_random();

	(void)flags;
	CHECK(len == sizeof(r));
	if (r % 16 == 0)
		return -1;
	if (r % 16 == 1 && !was_zero) { /* twice would be the same generation twice */
		r = 0;
		was_zero = true;
	}
	memcpy(to, &r, len);
	return (ssize_t)len;
}

ssize_t
system_pread(int fd, void *to, size_t len, off_t off)
{
	uint32_t field;
	off_t at = off + 4 * (off_t)(hook_random() % 18);
	struct stat st;

	/* The file changes between two looks at it too. */
	if ((uint8_t)hook_random() < hook_rate() && fstat(fd, &st) == 0 &&
	    at + (off_t)sizeof(field) <= st.st_size &&
	    content_read(fd, &field, sizeof(field), at) == (ssize_t)sizeof(field)) {
		field = (uint32_t)hook_evil(field, 32);
		CHECK(content_write(fd, &field, sizeof(field), at) == (ssize_t)sizeof(field));
	}
	return content_read(fd, to, len, off);
}

int
system_unlink(const char *path)
{
	system_changed();
	return is_dying ? 0 : unlink(path);
}

int
system_fallocate(int fd, int mode, off_t off, off_t len)
{
	struct stat st;

	if ((mode & FALLOC_FL_PUNCH_HOLE) != 0) {
		content_zero(fd, off, len);
		return 0;
	}
	if (fails() || fstat(fd, &st) != 0) {
		errno = ENOSPC;
		return -1;
	}
	system_changed();
	/* The memory is there; what is left of the call is that it may make a file longer. */
	if ((mode & FALLOC_FL_KEEP_SIZE) != 0 || off + len <= st.st_size)
		return 0;
	return ftruncate(fd, off + len);
}

int
system_ftruncate(int fd, off_t size)
{
	struct stat st;

	system_changed();
	if (fstat(fd, &st) == 0 && st.st_size > size)
		content_zero(fd, size, st.st_size - size);
	return ftruncate(fd, size);
}

int
system_madvise(void *addr, size_t len, int advice)
{
	(void)addr;
	(void)len;
	(void)advice;
	return 0;
}

static uint8_t *
reserve(size_t len)
{
	uint8_t *all = mmap(NULL, len + 2 * PAGE, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(all != MAP_FAILED);
	return all + PAGE;
}

void *
system_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	uint8_t *mem;

	CHECK(addr == NULL);
	mappings++;
	if (fails() || len % PAGE != 0) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	if ((flags & MAP_SHARED) != 0) {
		mem = content_map(fd, prot, off, len);
		CHECK(mem != NULL);
		hook_add(mem, len, content_alias(mem),
			 (prot & PROT_WRITE) != 0 ? HOOK_OWN : HOOK_PEER);
		return mem;
	}
	mem = reserve(len);
	CHECK(mprotect(mem, len, prot) == 0);
	hook_add(mem, len, mem, HOOK_BOTH);
	return mem;
}

static void
drop(const struct hook_span *s)
{
	uint8_t *mem = (uint8_t *)(uintptr_t)s->start;
	size_t len = s->len;
	enum hook_side side = s->side;

	mappings++;
	UNPOISON(mem, s->fenced);
	hook_remove(mem);
	if (side == HOOK_BOTH)
		CHECK(munmap(mem - PAGE, len + 2 * PAGE) == 0);
	else
		content_unmap(mem, len);
}

int
system_munmap(void *addr, size_t len)
{
	const struct hook_span *s = hook_find(addr);

	CHECK_MSG(s != NULL && s->start == addr && s->len == len, "unmaps what it did not map");
	drop(s);
	return 0;
}

void
system_sweep(unsigned int owner)
{
	unsigned int i = 0;
	const struct hook_span *s;

	while ((s = hook_span(i)) != NULL) {
		if (s->owner == owner)
			drop(s);
		else
			i++;
	}
}

uint8_t *
system_guarded(size_t len)
{
	uint8_t *mem = reserve(len);

	CHECK(mprotect(mem, len, PROT_READ | PROT_WRITE) == 0);
	return mem;
}

#define BUFFERS ((size_t)16 << 20)
#define APART 32u

static uint8_t *buffers;
static size_t buffers_used;

uint8_t *
system_buffer(size_t len)
{
	size_t start = buffers_used;

	if (buffers == NULL) {
		buffers = reserve(BUFFERS);
		CHECK(mprotect(buffers, BUFFERS, PROT_READ | PROT_WRITE) == 0);
		POISON(buffers, BUFFERS);
		start = buffers_used = APART;
	}
	buffers_used = (start + len + APART + 7) / 8 * 8;
	CHECK(buffers_used <= BUFFERS);
	UNPOISON(buffers + start, len);
	return buffers + start;
}

void
system_buffers_free(void)
{
	if (buffers != NULL)
		POISON(buffers, buffers_used);
	buffers_used = APART;
}

void
system_forbid(const uint8_t *from, const uint8_t *to)
{
	if (to > from)
		POISON(from, (size_t)(to - from));
}

void
system_allow(const uint8_t *from, const uint8_t *to)
{
	if (to > from)
		UNPOISON(from, (size_t)(to - from));
}
