/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Memory that is shared with a device, whatever it is made of. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boundary/fault.h"
#include "error.h"
#include "memory/file.h"
#include "memory/node.h"
#include "memory/shm_name.h"
#include "memory/shm_open.h"

int
folio_shm_lock(const struct folio_shm *m, const char *name, struct folio_error *err)
{
	int ret = folio_file_lock(m->fd, FOLIO_GUEST, 2);

	if (ret == -EBUSY)
		return folio_fail(err, ret, "%s is taken: another port, of this process or of "
				  "another, has it", name);
	if (ret != 0)
		return folio_fail(err, ret, "%s: cannot lock it: %s", name, strerror(-ret));
	return 0;
}

int
folio_shm_check_size(struct folio_shm *m, uint64_t size, const struct folio_shm_config *cfg,
		     const char *name, struct folio_error *err)
{
	m->size = folio_shm_round_up(cfg->size, m->page_size);
	if (size >= m->size)
		return 0;
	return folio_fail(err, -ENOSPC, "%s has %" PRIu64 " bytes, %" PRIu64 " are needed: on the "
			  "host give its memory backend more, or here set a smaller size=, or fewer "
			  "queues", name, size, m->size);
}

int
folio_shm_map(struct folio_shm *m)
{
	void *mem = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);

	if (mem == MAP_FAILED)
		return -errno;
	m->base = mem;
	return 0;
}

bool
folio_shm_add_piece(struct folio_shm *m, uint64_t addr, uint64_t len)
{
	struct folio_shm_piece *last = m->pieces > 0 ? &m->piece[m->pieces - 1] : NULL;

	if (last != NULL && addr - last->addr == last->len) {
		last->len += len;
		return true;
	}
	if (m->pieces == FOLIO_SHM_PIECES)
		return false;
	m->piece[m->pieces++] = (struct folio_shm_piece){
		.offset = last != NULL ? last->offset + last->len : 0, .addr = addr, .len = len};
	return true;
}

static int
check(const struct folio_shm_config *cfg, struct folio_error *err)
{
	if (cfg->path != NULL && cfg->pci != NULL)
		return folio_fail(err, -EINVAL, "path=%s and pci=%s: allowed is one of them",
				  cfg->path, cfg->pci);
	if (cfg->path != NULL &&
	    strncmp(cfg->path, FOLIO_SOCKET_PREFIX, strlen(FOLIO_SOCKET_PREFIX)) == 0)
		return folio_fail(err, -EINVAL, "path=%s is a socket, between two of folio's ports: "
				  "allowed is a file, /dev/folioN or /dev/folio_alloc", cfg->path);
	if (cfg->size == 0 || cfg->size > FOLIO_SHM_SIZE_MAX)
		return folio_fail(err, -EINVAL, "size=%" PRIu64 " bytes: allowed are 1 to %" PRIu64,
				  cfg->size, FOLIO_SHM_SIZE_MAX);
	return 0;
}

static char *
name_of(const struct folio_shm_config *cfg)
{
	char size[32];

	if (cfg->pci != NULL)
		return folio_shm_name("pci", cfg->pci);
	if (cfg->path != NULL)
		return folio_shm_name("path", cfg->path);
	snprintf(size, sizeof(size), "%" PRIu64, cfg->size);
	return folio_shm_name("size", size);
}

static int
open_kind(struct folio_shm *m, const struct folio_shm_config *cfg, const char *name,
	  struct folio_error *err)
{
	bool exists;
	struct stat st;

	if (cfg->pci != NULL)
		return folio_shm_open_bar(m, cfg, name, err);
	exists = cfg->path != NULL && stat(cfg->path, &st) == 0;
	if (exists && S_ISCHR(st.st_mode))
		return folio_shm_open_node(m, cfg->path, cfg, name, err);
	if (cfg->path != NULL && !exists && folio_shm_is_device_name(cfg->path))
		return folio_shm_no_device(name, err);
	if (cfg->needs_addr)
		return folio_fail(err, -EINVAL, "%s%s: the memory of a device must be pci=, "
				  "path=/dev/folioN or path=/dev/folio_alloc: nothing else has "
				  "addresses that the device can use", name,
				  cfg->path == NULL ? " without pci= or path=" : "");
	return cfg->path != NULL ? folio_shm_open_file(m, cfg, name, err)
				 : folio_shm_open_memfd(m, cfg, name, err);
}

/* Whoever else has it can take it away: a sealed memfd by holes in it. */
static int
watch(struct folio_shm *m, const char *name, struct folio_error *err)
{
	if (folio_fault_watch(m->base, m->size, PROT_READ | PROT_WRITE) == 0)
		return 0;
	munmap(m->base, m->size);
	m->base = NULL;
	return folio_fail(err, -ENOSPC, "%s: too many regions in this process: allowed are %d", name,
			  FOLIO_FAULT_MAX / 2);
}

int
folio_shm_open(struct folio_shm *m, const struct folio_shm_config *cfg, struct folio_error *err)
{
	char *name;
	int ret;

	memset(m, 0, sizeof(*m));
	m->fd = -1;
	m->numa_node = cfg->numa_node;
	m->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
	ret = check(cfg, err);
	if (ret != 0)
		return ret;
	name = name_of(cfg);
	if (name == NULL)
		return folio_fail(err, -ENOMEM, "out of memory");
	ret = open_kind(m, cfg, name, err);
	if (ret == 0)
		ret = watch(m, name, err);
	free(name);
	if (ret != 0)
		folio_shm_close(m);
	else
		folio_shm_wipe(m);
	return ret;
}

bool
folio_shm_addr(const struct folio_shm *m, uint64_t offset, uint64_t len, uint64_t *addr)
{
	uint32_t i;

	for (i = 0; i < m->pieces; i++) {
		const struct folio_shm_piece *p = &m->piece[i];

		if (offset < p->offset || offset - p->offset >= p->len)
			continue;
		if (len == 0 || len > p->len - (offset - p->offset))
			return false;
		*addr = p->addr + (offset - p->offset);
		return true;
	}
	return false;
}

bool
folio_shm_is_lost(const struct folio_shm *m)
{
	if (m->base == NULL || folio_fault_hit(m->base))
		return true;
	if (m->module)
		return folio_node_is_gone(m->fd);
	switch (m->kind) {
	case FOLIO_SHM_FILE:
		return folio_file_is_lost(m->fd, m->path, m->size);
	case FOLIO_SHM_BAR:
		return folio_bar_is_gone(m->fd, m->path);
	default:
		return false;
	}
}

void
folio_shm_wipe(struct folio_shm *m)
{
	if (m->base != NULL)
		memset(m->base, 0, m->size);
}

void
folio_shm_close(struct folio_shm *m)
{
	if (m->base != NULL) {
		folio_shm_wipe(m);
		folio_fault_unwatch(m->base);
		munmap(m->base, m->size);
	}
	if (m->fd >= 0) {
		if (m->made)
			folio_file_remove(m->fd, m->path);
		close(m->fd);
	}
	free(m->path);
	m->base = NULL;
	m->path = NULL;
	m->made = false;
	m->pieces = 0;
	m->fd = -1;
}

int
folio_shm_config_keep(struct folio_shm_config *cfg, const char *path, const char *pci)
{
	cfg->path = path != NULL ? strdup(path) : NULL;
	cfg->pci = pci != NULL ? strdup(pci) : NULL;
	return (path != NULL && cfg->path == NULL) || (pci != NULL && cfg->pci == NULL) ? -ENOMEM
											: 0;
}

void
folio_shm_config_drop(struct folio_shm_config *cfg)
{
	free((char *)cfg->path);
	free((char *)cfg->pci);
	cfg->path = NULL;
	cfg->pci = NULL;
}

bool
folio_shm_comes_in_pieces(const char *path)
{
	static const char suffix[] = "/folio_alloc";
	size_t len = path != NULL ? strlen(path) : 0;

	return len >= sizeof(suffix) - 1 && strcmp(path + len - (sizeof(suffix) - 1), suffix) == 0;
}
