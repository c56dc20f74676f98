/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sanitizer/asan_interface.h>
#include <sys/stat.h>
#include <unistd.h>

#include <folio_wire.h>

#include "check.h"
#include "hook.h"
#include "system.h"

#define PAGE 4096u
#define NS 1000000000
#define SLEEP_NS 10000000 /* at least: who polls for a second need not do so 50000 times */

#if __has_feature(address_sanitizer)
#define POISON(from, len) __asan_poison_memory_region(from, len)
#define UNPOISON(from, len) __asan_unpoison_memory_region(from, len)
#else
#define POISON(from, len) ((void)(from), (void)(len))
#define UNPOISON(from, len) ((void)(from), (void)(len))
#endif

/*
 * A writable view of every file that is mapped, kept until the next input: making and dropping
 * mappings is what takes the time.
 */
#define VIEWS 256
#define VIEW_BYTES (64u << 20) /* no region of a fuzzer is larger */

static struct {
	dev_t dev;
	ino_t ino;
	uint8_t *start;
} views[VIEWS];
static unsigned int n_views;

static uint64_t now_ns;
static void (*on_sleep)(void);
static unsigned int fail_in;
static bool is_dying;
static bool was_zero;

void
system_reset(void)
{
	now_ns = NS;
	on_sleep = NULL;
	fail_in = 0;
	is_dying = false;
	was_zero = false;
	while (n_views > 0)
		CHECK(munmap(views[--n_views].start, VIEW_BYTES) == 0);
}

static uint8_t *
view_of(int fd)
{
	struct stat st;
	uint8_t *start;
	unsigned int i;

	CHECK(fstat(fd, &st) == 0);
	for (i = 0; i < n_views; i++) {
		if (views[i].dev == st.st_dev && views[i].ino == st.st_ino)
			return views[i].start;
	}
	CHECK(n_views < VIEWS);
	start = mmap(NULL, VIEW_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(start != MAP_FAILED);
	views[n_views].dev = st.st_dev;
	views[n_views].ino = st.st_ino;
	views[n_views++].start = start;
	return start;
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
	    pread(fd, &field, sizeof(field), at) == (ssize_t)sizeof(field)) {
		field = (uint32_t)hook_evil(field, 32);
		CHECK(pwrite(fd, &field, sizeof(field), at) == (ssize_t)sizeof(field));
	}
	return pread(fd, to, len, off);
}

int
system_unlink(const char *path)
{
	return is_dying ? 0 : unlink(path);
}

int
system_fallocate(int fd, int mode, off_t off, off_t len)
{
	if ((mode & FALLOC_FL_PUNCH_HOLE) == 0 && fails()) {
		errno = ENOSPC;
		return -1;
	}
	return fallocate(fd, mode, off, len);
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
	if (fails() || len % PAGE != 0) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	mem = reserve(len);
	if (mmap(mem, len, prot, flags | MAP_FIXED, fd, off) == MAP_FAILED) {
		CHECK(munmap(mem - PAGE, len + 2 * PAGE) == 0);
		errno = ENOMEM;
		return MAP_FAILED;
	}
	if ((flags & MAP_SHARED) == 0) {
		hook_add(mem, len, mem, HOOK_BOTH);
		return mem;
	}
	CHECK(off >= 0 && (uint64_t)off + len <= VIEW_BYTES);
	hook_add(mem, len, view_of(fd) + off, (prot & PROT_WRITE) != 0 ? HOOK_OWN : HOOK_PEER);
	return mem;
}

static void
drop(const struct hook_span *s)
{
	uint8_t *mem = (uint8_t *)(uintptr_t)s->start;
	size_t len = s->len;

	UNPOISON(mem, s->fenced);
	hook_remove(mem);
	CHECK(munmap(mem - PAGE, len + 2 * PAGE) == 0);
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
