/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <stdbool.h>
#include <string.h>
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "content.h"

#define PAGE 4096u
#define FILES 8
#define WINDOWS 10			/* ways to see a file: the fuzzer's, and the ports' */
#define BYTES ((size_t)64 << 20)	/* no file of a fuzzer is larger */
#define PAGES (BYTES / PAGE)

#if __has_feature(address_sanitizer)
#define POISON(from, len) __asan_poison_memory_region(from, len)
#define UNPOISON(from, len) __asan_unpoison_memory_region(from, len)
#else
#define POISON(from, len) ((void)(from), (void)(len))
#define UNPOISON(from, len) ((void)(from), (void)(len))
#endif

struct window {
	uint8_t *start; /* NULL: not made yet */
	int prot;
	bool mapped;
	size_t off, used; /* of the file, while it is mapped: what may have been written */
};

static struct file {
	dev_t dev;
	ino_t ino;
	bool used;
	int memfd; /* 0: not made yet */
	uint8_t *all;
	struct window windows[WINDOWS];
	unsigned int mapped; /* windows */
	unsigned long since; /* when it was looked at last */
	uint64_t dirty[PAGES / 64];
	size_t low, high;    /* pages that may be dirty */
} files[FILES];

static unsigned long now;

/* A window between two inaccessible pages. */
static uint8_t *
make_window(struct file *f, int prot)
{
	uint8_t *mem = mmap(NULL, BYTES + 2 * PAGE, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(mem != MAP_FAILED);
	CHECK(mmap(mem + PAGE, BYTES, prot, MAP_SHARED | MAP_FIXED, f->memfd, 0) != MAP_FAILED);
	return mem + PAGE;
}

static void
mark(struct file *f, size_t from, size_t len)
{
	size_t page;

	if (len == 0)
		return;
	for (page = from / PAGE; page <= (from + len - 1) / PAGE; page++)
		f->dirty[page / 64] |= UINT64_C(1) << page % 64;
	f->low = from / PAGE < f->low ? from / PAGE : f->low;
	f->high = page > f->high ? page : f->high;
}

/* Zero what may be anything else of a range. */
static void
zero(struct file *f, size_t from, size_t len)
{
	size_t page, last = (from + len + PAGE - 1) / PAGE;

	for (page = from / PAGE > f->low ? from / PAGE : f->low; page < last && page < f->high;
	     page++) {
		size_t begin = page * PAGE > from ? page * PAGE : from;
		size_t end = (page + 1) * PAGE < from + len ? (page + 1) * PAGE : from + len;

		if ((f->dirty[page / 64] >> page % 64 & 1) != 0)
			memset(f->all + begin, 0, end - begin);
	}
}

static void
forget(struct file *f)
{
	CHECK(f->mapped == 0);
	if (f->low < f->high) {
		zero(f, 0, BYTES);
		memset(f->dirty + f->low / 64, 0, (f->high / 64 - f->low / 64 + 1) * 8);
	}
	f->low = PAGES;
	f->high = 0;
	f->used = false;
}

void
content_reset(void)
{
	unsigned int i;

	for (i = 0; i < FILES; i++) {
		if (files[i].used)
			forget(&files[i]);
	}
}

/* The content of a file; what was looked at longest ago makes room. */
static struct file *
file_of(int fd)
{
	struct file *f = NULL;
	struct stat st;
	unsigned int i;

	CHECK(fstat(fd, &st) == 0);
	now++;
	for (i = 0; i < FILES; i++) {
		if (files[i].used && files[i].dev == st.st_dev && files[i].ino == st.st_ino) {
			files[i].since = now;
			return &files[i];
		}
		if (files[i].mapped == 0 && (f == NULL || !files[i].used ||
					     (f->used && files[i].since < f->since)))
			f = &files[i];
	}
	CHECK_MSG(f != NULL, "more files are mapped than ports there are");
	if (f->memfd == 0) {
		f->memfd = memfd_create("content", MFD_CLOEXEC);
		CHECK(f->memfd > 0 && ftruncate(f->memfd, (off_t)BYTES) == 0);
		f->all = make_window(f, PROT_READ | PROT_WRITE);
		f->low = PAGES;
	}
	forget(f);
	f->used = true;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->since = now;
	return f;
}

/* Inaccessible, or accessible again: the pages beside a mapping. */
static void
fence(const struct window *w, const uint8_t *mapped, size_t len, bool on)
{
	const uint8_t *sides[] = {mapped - PAGE, mapped + len};
	size_t i;

	for (i = 0; i < 2; i++) {
		if (sides[i] < w->start || sides[i] >= w->start + BYTES)
			continue; /* there is such a page already */
		if (on)
			POISON(sides[i], PAGE);
		else
			UNPOISON(sides[i], PAGE);
	}
}

uint8_t *
content_map(int fd, int prot, off_t off, size_t len)
{
	struct file *f = file_of(fd);
	unsigned int i;

	if (off < 0 || (uint64_t)off + len > BYTES)
		return NULL;
	for (i = 0; i < WINDOWS; i++) {
		struct window *w = &f->windows[i];

		if (w->mapped || (w->start != NULL && w->prot != prot))
			continue;
		if (w->start == NULL) {
			w->start = make_window(f, prot);
			w->prot = prot;
		}
		w->mapped = true;
		w->off = (size_t)off;
		w->used = (prot & PROT_WRITE) != 0 ? len : 0;
		f->mapped++;
		fence(w, w->start + off, len, true);
		return w->start + off;
	}
	CHECK_MSG(false, "more mappings than ports have");
	return NULL;
}

static struct window *
window_of(const uint8_t *mapped, struct file **of)
{
	unsigned int i, k;

	for (i = 0; i < FILES; i++) {
		for (k = 0; k < WINDOWS; k++) {
			struct window *w = &files[i].windows[k];

			if (w->mapped && mapped >= w->start && mapped < w->start + BYTES) {
				*of = &files[i];
				return w;
			}
		}
	}
	return NULL;
}

uint8_t *
content_alias(const uint8_t *mapped)
{
	struct file *f;
	struct window *w = window_of(mapped, &f);

	CHECK(w != NULL);
	return f->all + (mapped - w->start);
}

void
content_used(const uint8_t *mapped, size_t used)
{
	struct file *f;
	struct window *w = window_of(mapped, &f);

	CHECK(w != NULL);
	if ((w->prot & PROT_WRITE) != 0)
		w->used = used;
}

void
content_unmap(const uint8_t *mapped, size_t len)
{
	struct file *f;
	struct window *w = window_of(mapped, &f);

	CHECK(w != NULL);
	mark(f, w->off, w->used);
	fence(w, mapped, len, false);
	w->mapped = false;
	f->mapped--;
}

ssize_t
content_read(int fd, void *to, size_t len, off_t off)
{
	struct file *f = file_of(fd);
	struct stat st;

	if (fstat(fd, &st) != 0 || off < 0 || off >= st.st_size)
		return 0;
	if (len > (size_t)(st.st_size - off))
		len = (size_t)(st.st_size - off);
	CHECK((size_t)off + len <= BYTES);
	memcpy(to, f->all + off, len);
	return (ssize_t)len;
}

ssize_t
content_write(int fd, const void *from, size_t len, off_t off)
{
	struct file *f = file_of(fd);
	struct stat st;

	CHECK(off >= 0 && (size_t)off + len <= BYTES && fstat(fd, &st) == 0);
	if (off + (off_t)len > st.st_size && ftruncate(fd, off + (off_t)len) != 0)
		return -1;
	memcpy(f->all + off, from, len);
	mark(f, (size_t)off, len);
	return (ssize_t)len;
}

void
content_zero(int fd, off_t off, off_t len)
{
	struct file *f = file_of(fd);
	size_t from = (size_t)off, to = (size_t)(off + len) > BYTES ? BYTES : (size_t)(off + len);
	unsigned int i;

	/* What a port has mapped may be written without our knowledge. */
	for (i = 0; i < WINDOWS; i++) {
		const struct window *w = &f->windows[i];
		size_t begin = w->off > from ? w->off : from;
		size_t end = w->off + w->used < to ? w->off + w->used : to;

		if (w->mapped && begin < end)
			mark(f, begin, end - begin);
	}
	zero(f, from, to - from);
}
