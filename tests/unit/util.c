/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <dirent.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

static const char *
temp_base(void)
{
	const char *env = getenv("TMPDIR");

	if (access("/dev/shm", W_OK | X_OK) == 0)
		return "/dev/shm";
	return env != NULL && env[0] != '\0' ? env : "/tmp";
}

int
util_dir_setup(void **state)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/folio-unit.XXXXXX", temp_base());
	if (mkdtemp(path) == NULL)
		return -1;
	*state = strdup(path);
	return *state != NULL ? 0 : -1;
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int
util_dir_teardown(void **state)
{
	int ret = nftw(*state, remove_entry, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);

	free(*state);
	return ret;
}

int
util_place_setup(void **state)
{
	struct util_place *p = calloc(1, sizeof(*p));

	if (p == NULL || util_dir_setup(&p->dir) != 0)
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/region", (const char *)p->dir);
	*state = p;
	return 0;
}

int
util_place_teardown(void **state)
{
	struct util_place *p = *state;
	int ret = util_dir_teardown(&p->dir);

	free(p);
	return ret;
}

static unsigned int
count_entries(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	unsigned int n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return n;
}

unsigned int
util_dir_entries(const char *dir)
{
	return count_entries(dir);
}

unsigned int
util_open_fds(void)
{
	return count_entries("/proc/self/fd");
}

unsigned int
util_shared_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[PATH_MAX + 128], rights[5];
	unsigned int n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		n += sscanf(line, "%*s %4s", rights) == 1 && rights[3] == 's';
	fclose(f);
	return n;
}

void *
util_guarded_map(size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *mem = mmap(NULL, len + 2 * page, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_true(len % page == 0);
	assert_ptr_not_equal(mem, MAP_FAILED);
	assert_int_equal(mprotect(mem + page, len, PROT_READ | PROT_WRITE), 0);
	return mem + page;
}

void
util_guarded_unmap(void *mem, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	assert_int_equal(munmap((uint8_t *)mem - page, len + 2 * page), 0);
}

uint64_t
util_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

void
util_random_fill(void *mem, size_t len, uint64_t seed)
{
	uint8_t *p = mem;
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = (uint8_t)(util_random(&seed) >> 24);
}

bool
util_all_bytes(const void *mem, uint8_t value, size_t len)
{
	const uint8_t *p = mem;

	return len == 0 || (p[0] == value && memcmp(p, p + 1, len - 1) == 0);
}

int
util_run_child(int (*fn)(void *arg), void *arg)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
	int status = 0;
	pid_t pid;
	size_t i;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		for (i = 0; i < ARRAY_LEN(faults); i++)
			signal(faults[i], SIG_DFL);
		_exit(fn(arg));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

bool
util_died_of(int status, int sig)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == sig;
}

bool
util_exited(int status, int code)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == code;
}
