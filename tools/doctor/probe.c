/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/membarrier.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "probe.h"

#define MAX_NAMES 4096
#define MAX_LINES_BYTES (64u << 20)

/* Nothing here may block: a pipe instead of a file, for instance. */
#define OPEN_FLAGS (O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

static bool
build_path(const struct probe *p, char out[PROBE_PATH], const char *fmt, va_list ap)
{
	int len = snprintf(out, PROBE_PATH, "%s", p->root);
	int more;

	if (len >= PROBE_PATH)
		return false;
	more = vsnprintf(out + len, (size_t)(PROBE_PATH - len), fmt, ap);
	return more >= 0 && more < PROBE_PATH - len;
}

/* The path of a call like fn(..., fmt, ...), or return. */
#define GET_PATH(p, path, fmt, failed)                     \
	do {                                               \
		va_list ap_;                               \
		bool fits_;                                \
                                                           \
		va_start(ap_, fmt);                        \
		fits_ = build_path((p), (path), fmt, ap_); \
		va_end(ap_);                               \
		if (!fits_) {                              \
			errno = ENAMETOOLONG;              \
			return failed;                     \
		}                                          \
	} while (0)

static ssize_t
read_at(const char *path, void *buf, size_t len, off_t offset)
{
	int fd = open(path, O_RDONLY | OPEN_FLAGS);
	size_t got = 0;
	ssize_t n = 0;
	int saved;

	if (fd < 0)
		return -1;
	while (got < len) {
		n = pread(fd, (char *)buf + got, len - got, offset + (off_t)got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	saved = errno;
	close(fd);
	errno = saved;
	return n < 0 && got == 0 ? -1 : (ssize_t)got;
}

static bool
read_text(const char *path, char *buf, size_t size)
{
	ssize_t n = read_at(path, buf, size - 1, 0);

	buf[n > 0 ? n : 0] = '\0';
	n = (ssize_t)strlen(buf);
	while (n > 0 && isspace((unsigned char)buf[n - 1]))
		buf[--n] = '\0';
	return n > 0;
}

bool
probe_init(struct probe *p, const char *root)
{
	struct stat st;

	p->root = root == NULL ? "" : root;
	p->answers[0] = '\0';
	if (root == NULL)
		return true;
	if (stat(root, &st) != 0)
		return false;
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return false;
	}
	probe_text(p, p->answers, sizeof(p->answers), "/answers");
	return true;
}

bool
probe_is_here(const struct probe *p)
{
	return p->root[0] == '\0';
}

bool
probe_path(const struct probe *p, char out[PROBE_PATH], const char *fmt, ...)
{
	GET_PATH(p, out, fmt, false);
	return true;
}

bool
probe_exists(const struct probe *p, const char *fmt, ...)
{
	char path[PROBE_PATH];
	struct stat st;

	GET_PATH(p, path, fmt, false);
	return stat(path, &st) == 0;
}

bool
probe_is_dir(const struct probe *p, const char *fmt, ...)
{
	char path[PROBE_PATH];
	struct stat st;

	GET_PATH(p, path, fmt, false);
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool
probe_may(const struct probe *p, int mode, const char *fmt, ...)
{
	char path[PROBE_PATH];

	GET_PATH(p, path, fmt, false);
	return access(path, mode) == 0;
}

ssize_t
probe_bytes(const struct probe *p, void *buf, size_t len, off_t offset, const char *fmt, ...)
{
	char path[PROBE_PATH];

	GET_PATH(p, path, fmt, -1);
	return read_at(path, buf, len, offset);
}

bool
probe_text(const struct probe *p, char *buf, size_t size, const char *fmt, ...)
{
	char path[PROBE_PATH];

	buf[0] = '\0';
	GET_PATH(p, path, fmt, false);
	return read_text(path, buf, size);
}

bool
probe_number(const struct probe *p, uint64_t *out, const char *fmt, ...)
{
	char path[PROBE_PATH], text[32];

	GET_PATH(p, path, fmt, false);
	if (!read_text(path, text, sizeof(text)) || !isdigit((unsigned char)text[0]))
		return false;
	*out = strtoull(text, NULL, 0);
	return true;
}

bool
probe_link(const struct probe *p, char out[PROBE_NAME], const char *fmt, ...)
{
	char path[PROBE_PATH], target[PROBE_PATH];
	const char *last;
	ssize_t n;

	GET_PATH(p, path, fmt, false);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	last = strrchr(target, '/');
	snprintf(out, PROBE_NAME, "%.*s", PROBE_NAME - 1, last != NULL ? last + 1 : target);
	return true;
}

bool
probe_lines(const struct probe *p, probe_line_fn fn, void *ctx, const char *fmt, ...)
{
	char path[PROBE_PATH], line[4096];
	size_t total = 0;
	bool done = false;
	FILE *file;
	int fd;

	GET_PATH(p, path, fmt, false);
	fd = open(path, O_RDONLY | OPEN_FLAGS);
	if (fd < 0)
		return false;
	file = fdopen(fd, "r");
	if (file == NULL) {
		close(fd);
		return false;
	}
	while (!done && total < MAX_LINES_BYTES && fgets(line, sizeof(line), file) != NULL) {
		/* A NUL in a file that has none by rights must not make this endless. */
		total += strlen(line) + 1;
		line[strcspn(line, "\n")] = '\0';
		done = fn(line, ctx);
	}
	fclose(file);
	return done;
}

static int
compare_names(const void *a, const void *b)
{
	return strverscmp(a, b);
}

struct probe_names
probe_list(const struct probe *p, const char *fmt, ...)
{
	struct probe_names names = {0};
	char path[PROBE_PATH];
	struct dirent *entry;
	DIR *dir;

	GET_PATH(p, path, fmt, names);
	dir = opendir(path);
	if (dir == NULL)
		return names;
	names.name = calloc(MAX_NAMES, sizeof(names.name[0]));
	while (names.name != NULL && names.n < MAX_NAMES && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || strlen(entry->d_name) >= PROBE_NAME)
			continue;
		strcpy(names.name[names.n++], entry->d_name);
	}
	closedir(dir);
	if (names.n > 0)
		qsort(names.name, names.n, sizeof(names.name[0]), compare_names);
	return names;
}

void
probe_names_free(struct probe_names *names)
{
	free(names->name);
	names->name = NULL;
	names->n = 0;
}

/* What stands behind the key at the beginning of a line of ROOT/answers, or NULL. */
static const char *
answer(const struct probe *p, const char *key)
{
	size_t len = strlen(key);
	const char *line = p->answers;

	while (line != NULL) {
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return line + len + 1;
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	return NULL;
}

bool
probe_answer(const struct probe *p, const char *key, char *out, size_t size)
{
	const char *text = answer(p, key);

	snprintf(out, size, "%.*s", text == NULL ? 0 : (int)strcspn(text, "\n"),
		 text == NULL ? "" : text);
	return text != NULL;
}

bool
probe_cpuid(const struct probe *p, uint32_t leaf, uint32_t subleaf, struct cpuid *out)
{
	const char *text;
	char key[48];

	if (probe_is_here(p)) {
#ifdef __x86_64__
		__cpuid_count(leaf, subleaf, out->eax, out->ebx, out->ecx, out->edx);
		return true;
#else
		return false;
#endif
	}
	snprintf(key, sizeof(key), "cpuid %x %x", leaf, subleaf);
	text = answer(p, key);
	return text != NULL &&
	       sscanf(text, "%x %x %x %x", &out->eax, &out->ebx, &out->ecx, &out->edx) == 4;
}

bool
probe_uid(const struct probe *p, unsigned int *uid)
{
	const char *text;

	if (probe_is_here(p)) {
		*uid = geteuid();
		return true;
	}
	text = answer(p, "uid");
	return text != NULL && sscanf(text, "%u", uid) == 1;
}

int
probe_membarrier(const struct probe *p, unsigned int *commands)
{
	const char *text;
	long ret;
	int err;

	if (probe_is_here(p)) {
		ret = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
		*commands = ret < 0 ? 0 : (unsigned int)ret;
		return ret < 0 ? errno : 0;
	}
	text = answer(p, "membarrier");
	if (text == NULL)
		return ENOSYS;
	if (sscanf(text, "errno %d", &err) == 1)
		return err;
	return sscanf(text, "%x", commands) == 1 ? 0 : EINVAL;
}

/* Whoever can write owns the region, and zeroes it when he lets go. */
static int
ask_info(const char *path, struct folio_ioctl_info *info)
{
	int fd = open(path, O_RDONLY | OPEN_FLAGS);
	int err = 0;

	if (fd < 0)
		return errno;
	if (ioctl(fd, FOLIO_IOCTL_INFO, info) != 0)
		err = errno;
	close(fd);
	return err;
}

int
probe_info(const struct probe *p, const char *name, struct folio_ioctl_info *info)
{
	char path[PROBE_PATH];
	unsigned long long size;
	const char *text;
	char key[80];
	int err;

	memset(info, 0, sizeof(*info));
	if (probe_is_here(p)) {
		snprintf(path, sizeof(path), "/dev/%s", name);
		return ask_info(path, info);
	}
	snprintf(key, sizeof(key), "info %s", name);
	text = answer(p, key);
	if (text == NULL)
		return ENOTTY;
	if (sscanf(text, "errno %d", &err) == 1)
		return err;
	if (sscanf(text, "%u %u %u %u %llu %u %x", &info->version, &info->kind, &info->caching,
		   &info->flags, &size, &info->chunks, &info->node) != 7)
		return EINVAL;
	info->size = size;
	return 0;
}

int
probe_map(const struct probe *p, const char *fmt, ...)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char path[PROBE_PATH];
	int err = 0;
	void *mem;
	int fd;

	GET_PATH(p, path, fmt, ENAMETOOLONG);
	fd = open(path, O_RDWR | OPEN_FLAGS);
	if (fd < 0)
		return errno;
	mem = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		err = errno;
	else
		munmap(mem, page);
	close(fd);
	return err;
}
