/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "error.h"
#include "memory/node.h"
#include "memory/shm_open.h"

/* What the module gives in one piece where it can. */
#define CHUNK (UINT32_C(2) << 20)

/* Chunks that are asked for at a time. */
#define ASK 64u

/* Large pieces if there are any: of small ones there may be too many. */
static int
alloc(struct folio_shm *m, uint64_t size, const char *name, struct folio_error *err)
{
	int ret = -ENOMEM;

	if (size >= CHUNK) {
		m->size = folio_shm_round_up(size, CHUNK);
		ret = folio_node_alloc(m->fd, name, m->size, m->numa_node, CHUNK, err);
	}
	/* EINVAL: a module that does not know of pieces. */
	if (ret == -ENOMEM || ret == -EINVAL) {
		m->size = folio_shm_round_up(size, m->page_size);
		ret = folio_node_alloc(m->fd, name, m->size, m->numa_node, 0, err);
	}
	return ret;
}

static int
add(struct folio_shm *m, const struct folio_ioctl_chunk *c, uint64_t left, const char *name,
    struct folio_error *err)
{
	if (c->len == 0 || c->gpa % m->page_size != 0 || c->len % m->page_size != 0 ||
	    c->len > UINT64_MAX - c->gpa)
		return folio_fail(err, -EPROTO, "%s: the kernel module says that %" PRIu64 " bytes "
				  "lie at 0x%" PRIx64 ": allowed are whole pages", name,
				  (uint64_t)c->len, (uint64_t)c->gpa);
	if (folio_shm_add_piece(m, c->gpa, c->len < left ? c->len : left))
		return 0;
	return folio_fail(err, -E2BIG, "%s: the memory comes in more than %u pieces: there was none in "
			  "pieces of min_chunk=%u bytes (see the module's parameter reserve), or set a "
			  "smaller size=", name, FOLIO_SHM_PIECES, CHUNK);
}

/* The table of pieces, as far as the mapping reaches. */
static int
learn_pieces(struct folio_shm *m, const char *name, struct folio_error *err)
{
	struct folio_ioctl_chunk got[ASK];
	struct folio_ioctl_chunks ask = {.out = (uintptr_t)got};
	uint64_t at = 0;
	uint32_t i;
	int ret;

	while (at < m->size) {
		ask.count = ASK;
		if (ioctl(m->fd, FOLIO_IOCTL_CHUNKS, &ask) != 0)
			return folio_fail(err, -errno, "%s: the kernel module does not tell where "
					  "byte %" PRIu64 " lies: %s", name, at, strerror(errno));
		if (ask.count == 0 || ask.count > ASK)
			return folio_fail(err, -EPROTO, "%s: the kernel module tells of %u chunks: "
					  "allowed are 1 to %u", name, ask.count, ASK);
		for (i = 0; i < ask.count && at < m->size; i++) {
			ret = add(m, &got[i], m->size - at, name, err);
			if (ret != 0)
				return ret;
			at += got[i].len < m->size - at ? got[i].len : m->size - at;
		}
		ask.first += ask.count;
	}
	return 0;
}

int
folio_shm_open_node(struct folio_shm *m, const char *path, const struct folio_shm_config *cfg,
		    const char *name, struct folio_error *err)
{
	struct folio_ioctl_info info;
	int ret;

	ret = folio_node_open(path, name, &info, err);
	if (ret < 0)
		return ret;
	m->fd = ret;
	m->module = true;
	m->decrypted = (info.flags & FOLIO_IOCTL_DECRYPTED) != 0;
	m->caching = folio_node_caching(&info);
	if (info.kind == FOLIO_IOCTL_KIND_ALLOC) {
		m->kind = FOLIO_SHM_ALLOC;
		snprintf(m->detail, sizeof(m->detail), "shared by the kernel module");
		ret = alloc(m, cfg->size, name, err);
	} else {
		m->kind = FOLIO_SHM_BAR;
		snprintf(m->detail, sizeof(m->detail), "a BAR, through the kernel module");
		ret = folio_shm_check_size(m, info.size, cfg, name, err);
	}
	if (ret == 0)
		ret = learn_pieces(m, name, err);
	if (ret != 0)
		return ret;
	ret = folio_shm_map(m);
	if (ret != 0)
		return folio_fail(err, ret, "%s: cannot map it: %s", name, strerror(-ret));
	return 0;
}
