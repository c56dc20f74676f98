/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "memory/sealed.h"
#include "memory/shm_open.h"
#include "memory/shm_pages.h"

/* The other end writes, too. */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

static int
make(struct folio_shm *m, uint64_t size, uint32_t page_size)
{
	bool huge = page_size == FOLIO_SEALED_HUGE_PAGE;
	uint64_t len = folio_shm_round_up(size, page_size);
	void *mem;
	int ret;

	if (huge && (size < page_size || folio_shm_free_huge_pages(page_size) < len / page_size))
		return -ENOMEM;
	ret = folio_sealed_make(&mem, len, huge, SEALS, m->numa_node);
	if (ret < 0)
		return ret;
	m->fd = ret;
	m->base = mem;
	m->size = len;
	m->page_size = page_size;
	return 0;
}

int
folio_shm_open_memfd(struct folio_shm *m, const struct folio_shm_config *cfg, const char *name,
		     struct folio_error *err)
{
	int ret = make(m, cfg->size, FOLIO_SEALED_HUGE_PAGE);

	if (ret != 0)
		ret = make(m, cfg->size, m->page_size);
	if (ret != 0)
		return folio_shm_no_memory(name, m->page_size, "reserve", cfg->size, -ret, err);
	m->kind = FOLIO_SHM_MEMFD;
	m->caching = FOLIO_CACHING_WRITE_BACK;
	snprintf(m->detail, sizeof(m->detail), "sealed memory of this process");
	(void)folio_shm_add_piece(m, FOLIO_SHM_BASE, m->size);
	return 0;
}
