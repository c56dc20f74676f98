/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "memory/bar.h"
#include "memory/shm_open.h"

static int
open_sysfs(struct folio_shm *m, const struct folio_bar *b, const struct folio_shm_config *cfg,
	   const char *name, struct folio_error *err)
{
	int ret;

	m->kind = FOLIO_SHM_BAR;
	m->fd = b->fd;
	m->path = b->path;
	m->caching = b->caching;
	snprintf(m->detail, sizeof(m->detail), "%s", b->detail);
	ret = folio_shm_check_size(m, b->size, cfg, name, err);
	if (ret == 0)
		ret = folio_shm_lock(m, name, err);
	if (ret != 0)
		return ret;
	/* The kernel shows one that the firmware gave no place from 0 on. */
	if (b->addr == 0 || b->addr % m->page_size != 0)
		return folio_fail(err, -EINVAL, "%s: its BAR lies at 0x%" PRIx64 ": the firmware gave "
				  "it no place", name, b->addr);
	ret = folio_shm_map(m);
	if (ret != 0)
		return folio_bar_explain_map(name, m->path, ret, err);
	(void)folio_shm_add_piece(m, b->addr, m->size);
	return 0;
}

int
folio_shm_open_bar(struct folio_shm *m, const struct folio_shm_config *cfg, const char *name,
		   struct folio_error *err)
{
	const struct folio_pci_place place = {
		.address = cfg->pci,
		.sysfs = cfg->sysfs != NULL ? cfg->sysfs : FOLIO_PCI_SYSFS,
		.dev = cfg->dev != NULL ? cfg->dev : FOLIO_PCI_DEV,
	};
	struct folio_bar b;
	int ret;

	ret = folio_bar_open(&b, &place, name, err);
	if (ret != 0)
		return ret;
	if (b.node == NULL)
		return open_sysfs(m, &b, cfg, name, err);
	ret = folio_shm_open_node(m, b.node, cfg, name, err);
	free(b.node);
	return ret;
}
