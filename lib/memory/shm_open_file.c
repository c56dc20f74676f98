/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"
#include "memory/file.h"
#include "memory/shm_open.h"
#include "memory/shm_pages.h"

/* How much of a file of somebody else is looked at before all of it is overwritten. */
#define LOOK 4096

static bool
starts_with_zeroes(int fd)
{
	uint8_t first[LOOK] = {0};
	ssize_t got = pread(fd, first, sizeof(first), 0);

	return got >= 0 && first[0] == 0 && memcmp(first, first + 1, sizeof(first) - 1) == 0;
}

/* Is it fit for use, and long enough? What is not folio's is left as it is. */
static int
judge(struct folio_shm *m, const struct stat *st, const char *name, struct folio_error *err)
{
	if (st->st_uid == geteuid() && (st->st_mode & ALLPERMS) == FOLIO_FILE_OURS)
		m->made = true; /* by us, or by a predecessor that crashed */
	if (!m->made && !starts_with_zeroes(m->fd))
		return folio_fail(err, -EUCLEAN, "%s starts with something else than zeroes (allowed: "
				  "a file of zeroes, or none: then it is made): it is left alone",
				  name);
	if ((uint64_t)st->st_size >= m->size)
		return 0;
	if (!m->made)
		return folio_fail(err, -ENOSPC, "%s has %" PRIu64 " bytes, %" PRIu64 " are needed: "
				  "make it longer, or remove it: then it is made", name,
				  (uint64_t)st->st_size, m->size);
	if (ftruncate(m->fd, (off_t)m->size) != 0)
		return folio_fail(err, -errno, "%s: cannot make it %" PRIu64 " bytes long: %s", name,
				  m->size, strerror(errno));
	return 0;
}

/* One attempt. -EAGAIN: it was removed under us. */
static int
open_once(struct folio_shm *m, const struct folio_shm_config *cfg, const char *name,
	  struct folio_error *err)
{
	bool created;
	struct stat st;
	int ret;

	ret = folio_file_open(m->path, name, FOLIO_FILE_OURS, &created, err);
	if (ret < 0)
		return ret;
	m->fd = ret;
	m->made = created;
	ret = folio_file_look(m->fd, name, &st, &m->page_size, err);
	if (ret == 0)
		ret = folio_shm_lock(m, name, err);
	if (ret != 0) {
		m->made = false; /* whoever was faster than us has it */
		return ret;
	}
	(void)folio_file_guard(m->fd);
	/* Whoever removes it has the lock. */
	if (fstat(m->fd, &st) != 0 || st.st_nlink == 0)
		return -EAGAIN;
	m->size = folio_shm_round_up(cfg->size, m->page_size);
	return judge(m, &st, name, err);
}

static int
map(struct folio_shm *m, const char *name, struct folio_error *err)
{
	int ret = folio_shm_map(m);

	if (ret != 0)
		return folio_shm_no_memory(name, m->page_size, "map", m->size, -ret, err);
	folio_shm_place(m->base, m->size, m->numa_node);
	if (m->page_size == (uint32_t)sysconf(_SC_PAGESIZE))
		(void)madvise(m->base, m->size, MADV_HUGEPAGE);
	do
		ret = fallocate(m->fd, 0, 0, (off_t)m->size);
	while (ret != 0 && errno == EINTR);
	if (ret == 0 || errno == EOPNOTSUPP)
		return 0;
	ret = errno;
	munmap(m->base, m->size);
	m->base = NULL;
	return folio_shm_no_memory(name, m->page_size, "reserve", m->size, ret, err);
}

int
folio_shm_open_file(struct folio_shm *m, const struct folio_shm_config *cfg, const char *name,
		    struct folio_error *err)
{
	int ret = -EAGAIN;
	int i;

	m->kind = FOLIO_SHM_FILE;
	m->caching = FOLIO_CACHING_WRITE_BACK;
	snprintf(m->detail, sizeof(m->detail), "a file");
	m->path = strdup(cfg->path);
	if (m->path == NULL)
		return folio_fail(err, -ENOMEM, "out of memory");
	for (i = 0; i < FOLIO_FILE_TRIES && ret == -EAGAIN; i++) {
		ret = open_once(m, cfg, name, err);
		if (ret == -EAGAIN && m->fd >= 0) {
			close(m->fd);
			m->fd = -1;
		}
	}
	if (ret == -EAGAIN)
		return folio_fail(err, ret, "%s: keeps being removed by somebody else", name);
	if (ret == 0)
		ret = map(m, name, err);
	if (ret == 0)
		(void)folio_shm_add_piece(m, FOLIO_SHM_BASE, m->size);
	return ret;
}
