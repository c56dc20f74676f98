/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "boundary/fault.h"
#include "boundary/shared.h"
#include "error.h"
#include "memory/caching.h"
#include "memory/shm_device.h"
#include "memory/shm_map.h"
#include "memory/shm_name.h"
#include "memory/shm_pages.h"
#include "native/session.h"

/* How many ticks a crashed predecessor's peer may take to let go. */
#define GUEST_WAITS (1000 / FOLIO_TICK_MS)
#define HOST_WAITS (200 / FOLIO_TICK_MS)

static bool
is_zero(const void *mem, size_t len)
{
	const uint8_t *p = mem;

	return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

/*
 * The peer may have scribbled over one of the headers, or over both: then nobody can tell the file
 * from a stranger's, and it is left alone. It may lie about more than that, but only to get a file
 * destroyed that it can destroy itself.
 */
bool
folio_region_is_folios(const struct folio_region *r)
{
	struct folio_wire_header h;
	uint64_t magic;

	if (!folio_region_peek(r, &h))
		return false;
	if (folio_fetch64(&h.magic) == FOLIO_WIRE_MAGIC || is_zero(&h, sizeof(h)))
		return true;
	return r->first == NULL && r->size / 2 >= FOLIO_WIRE_PAGE &&
	       pread(r->fd, &magic, sizeof(magic), (off_t)(r->size / 2)) == sizeof(magic) &&
	       magic == FOLIO_WIRE_MAGIC;
}

void
folio_region_note_predecessor(struct folio_region *r)
{
	struct folio_wire_header h;
	struct folio_geometry g;
	struct folio_layout l;

	if (r->role != FOLIO_GUEST || !folio_region_peek(r, &h) ||
	    folio_fetch64(&h.magic) != FOLIO_WIRE_MAGIC)
		return;
	g.queues = folio_fetch32(&h.queues);
	g.ring_size = folio_fetch32(&h.ring_size);
	g.slot_size = folio_fetch32(&h.slot_size);
	g.page_shift = folio_fetch32(&h.page_shift);
	if (folio_layout_init(&l, &g, r->size, NULL) == 0)
		r->old_area = l.area_size;
}

/* An empty shell; false: out of memory. */
static bool
init(struct folio_region *r, const char *key, const char *value, enum folio_role role)
{
	memset(r, 0, sizeof(*r));
	r->fd = -1;
	r->role = role;
	r->numa_node = -1;
	r->name = folio_shm_name(key, value);
	return r->name != NULL;
}

int
folio_region_open(struct folio_region *r, const char *path, enum folio_role role, bool keep,
		  struct folio_error *err)
{
	struct stat st;
	bool exists = stat(path, &st) == 0;
	int ret;

	if (!init(r, "path", path, role))
		ret = folio_fail(err, -ENOMEM, "out of memory");
	else if (strncmp(path, FOLIO_SOCKET_PREFIX, strlen(FOLIO_SOCKET_PREFIX)) == 0)
		ret = folio_region_open_memfd(r, path + strlen(FOLIO_SOCKET_PREFIX), err);
	else if (exists && S_ISCHR(st.st_mode))
		ret = folio_region_open_node(r, path, err);
	else if (!exists && folio_shm_is_device_name(path))
		ret = folio_shm_no_device(r->name, err);
	else
		ret = folio_region_open_file(r, path, keep, err);
	if (ret != 0)
		folio_region_close(r);
	return ret;
}

bool
folio_region_may_heal(int error)
{
	return error == -EUCLEAN || error == -EAGAIN;
}

int
folio_region_open_pci(struct folio_region *r, const struct folio_pci_place *place,
		      enum folio_role role, struct folio_error *err)
{
	int ret;

	if (!init(r, "pci", place->address, role))
		ret = folio_fail(err, -ENOMEM, "out of memory");
	else
		ret = folio_region_open_bar(r, place, err);
	if (ret != 0)
		folio_region_close(r);
	return ret;
}

int
folio_region_grow(struct folio_region *r, uint64_t size, struct folio_error *err)
{
	return r->source->grow(r, size, err);
}

bool
folio_region_peek(const struct folio_region *r, struct folio_wire_header *copy)
{
	return r->source->peek(r, copy);
}

static int
map_private(struct folio_region *r, const struct folio_layout *l, struct folio_error *err)
{
	void *mem;

	mem = mmap(NULL, l->area_size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		return folio_fail(err, -errno, "cannot map %" PRIu64 " bytes of memory: %s",
				  l->area_size, strerror(errno));
	(void)madvise(mem, l->area_size, MADV_HUGEPAGE);
	folio_shm_place(mem, l->area_size, r->numa_node);
	r->own = mem;
	r->peer = mem;
	r->mapped = l->area_size;
	r->area = l->area_size;
	return 0;
}

struct span {
	uint64_t offset;
	uint64_t len;
};

/*
 * What comes next of the bytes of an area that are used, from *at on; *at moves behind it. No more
 * than *budget, which is less afterwards. The metadata in the middle is used by nobody. Length 0:
 * that was all, or the budget is spent.
 */
static struct span
next_piece(const struct folio_layout *l, uint64_t *at, uint64_t *budget)
{
	struct span s;
	uint64_t end;

	if (*at >= l->meta_off && *at < l->data_off)
		*at = l->data_off;
	end = *at < l->meta_off ? l->meta_off : l->used;
	s.offset = *at;
	s.len = end - *at < *budget ? end - *at : *budget;
	*at += s.len;
	*budget -= s.len;
	return s;
}

static uint64_t
own_offset(const struct folio_region *r)
{
	return r->role == FOLIO_GUEST ? 0 : r->area;
}

/* Reserve what we will write, so that a full file system is an error here and no SIGBUS later. */
static int
reserve(struct folio_region *r, const struct folio_layout *l, uint64_t *budget,
	struct folio_error *err)
{
	uint64_t own = own_offset(r);
	struct span s;
	int ret = 0;

	if (r->source == NULL) {
		r->prepared = l->used;
		return 0;
	}
	if (r->prepared == 0) /* the peer's header is looked at before there is a peer */
		ret = r->source->reserve(r, r->area - own, FOLIO_WIRE_PAGE);
	while (ret == 0 && (s = next_piece(l, &r->prepared, budget)).len > 0)
		ret = r->source->reserve(r, own + s.offset, s.len);
	if (ret != 0)
		return folio_shm_no_memory(r->name, r->page_size, "reserve", l->used, ret, err);
	/* A predecessor with another geometry may have left something where nobody writes now. */
	if (r->prepared == l->used)
		r->source->discard(r, own + l->meta_off, l->data_off - l->meta_off);
	return 0;
}

static int
map_shared(struct folio_region *r, const struct folio_layout *l, struct folio_error *err)
{
	int ret;

	if ((UINT64_C(1) << l->geom.page_shift) % r->page_size != 0)
		return folio_fail(err, -EINVAL,
				  "%s lies on pages of %u bytes, the guest aligned its areas to "
				  "%" PRIu64, r->name, r->page_size,
				  UINT64_C(1) << l->geom.page_shift);
	ret = r->source->map != NULL ? r->source->map(r, l, err)
				     : folio_shm_map_halves(r, l, err);
	if (ret != 0)
		return ret;
	r->area = l->area_size;
	if (folio_fault_watch(r->own, r->mapped, PROT_READ | PROT_WRITE) != 0 ||
	    folio_fault_watch(r->peer, r->mapped, PROT_READ) != 0) {
		folio_region_unmap(r);
		return folio_fail(err, -ENOSPC, "%s: too many regions in this process: allowed is "
				  "%d", r->name, FOLIO_FAULT_MAX / 2);
	}
	if (r->page_size == (uint32_t)sysconf(_SC_PAGESIZE)) {
		(void)madvise(r->own, r->mapped, MADV_HUGEPAGE);
		(void)madvise(r->peer, r->mapped, MADV_HUGEPAGE);
	}
	return 0;
}

/* h NULL: wipe. */
static void
write_page(struct folio_region *r, uint64_t offset, const struct folio_wire_header *h)
{
	void *page = mmap(NULL, r->page_size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
			  (off_t)offset);

	if (page == MAP_FAILED)
		return;
	if (folio_fault_watch(page, r->page_size, PROT_READ | PROT_WRITE) == 0) {
		if (h == NULL)
			folio_session_wipe_header(page);
		else
			memcpy(page, h, sizeof(*h));
		folio_fault_unwatch(page);
	}
	munmap(page, r->page_size);
}

static void
wipe_post(struct folio_region *r)
{
	uint64_t post = r->posted;

	r->posted = 0;
	if (post != 0 && folio_region_grow(r, 0, NULL) == 0 && r->size >= post + r->page_size)
		write_page(r, post, NULL);
}

void
folio_region_post(struct folio_region *r, const struct folio_layout *l,
		  const struct folio_wire_header *h)
{
	if (r->source->post != NULL) {
		r->source->post(r, h);
		return;
	}
	wipe_post(r);
	if (l->area_size % r->page_size != 0 ||
	    r->source->reserve(r, l->area_size, FOLIO_WIRE_PAGE) != 0)
		return;
	write_page(r, l->area_size, h);
	r->posted = l->area_size;
}

/* True: all is zeroed. */
static bool
zero(struct folio_region *r, const struct folio_layout *l, uint64_t *budget)
{
	struct span s;

	if (r->zeroed == 0)
		r->zeroed = l->index_off;
	while ((s = next_piece(l, &r->zeroed, budget)).len > 0)
		memset((uint8_t *)r->own + s.offset, 0, s.len);
	if (r->zeroed < l->used)
		return false;
	r->zeroed = 0;
	return true;
}

static bool
peer_holds(const struct folio_region *r)
{
	return folio_fetch64_acquire(&folio_layout_header(r->peer)->ack) != 0;
}

/*
 * The header of a predecessor that crashed goes first. Its peer may be starved of time and still be
 * receiving what we are about to zero: it takes its answer back when it has closed its rings. True:
 * it has, or had its time. A host has less patience, so that a guest does not keep it from the next
 * one.
 */
static bool
retire_predecessor(struct folio_region *r)
{
	uint32_t patience = r->role == FOLIO_GUEST ? GUEST_WAITS : HOST_WAITS;

	if (r->waited == 0) {
		if (folio_fetch32(&folio_layout_header(r->own)->state) != FOLIO_WIRE_STATE_STARTED)
			r->waited = patience; /* nobody, or it stopped */
		folio_session_wipe_header(r->own);
	}
	return r->waited++ >= patience || !peer_holds(r);
}

/*
 * A predecessor with a larger geometry left something behind what we use, too: in our area, and
 * where the host's is now. The host waits for us. True: all is gone.
 */
static bool
wipe_predecessor(struct folio_region *r, uint64_t *budget)
{
	uint64_t end, len;

	while (r->prepared < r->old_area && *budget > 0) {
		end = r->prepared < r->mapped && r->mapped < r->old_area ? r->mapped : r->old_area;
		/* Whole pages: of a part of one no memory is given back. */
		len = (*budget + r->page_size - 1) / r->page_size * r->page_size;
		if (len > end - r->prepared)
			len = end - r->prepared;
		if (r->prepared < r->mapped)
			memset((uint8_t *)r->own + r->prepared, 0, len);
		else
			r->source->discard(r, r->prepared, len);
		r->prepared += len;
		*budget -= len < *budget ? len : *budget;
	}
	return r->prepared >= r->old_area;
}

int
folio_region_begin(struct folio_region *r, const struct folio_layout *l, struct folio_error *err)
{
	wipe_post(r);
	r->stage = FOLIO_REGION_RESERVING;
	r->waited = 0;
	r->prepared = 0;
	r->zeroed = 0;
	r->populated = 0;
	return r->source == NULL ? map_private(r, l, err) : map_shared(r, l, err);
}

int
folio_region_prepare(struct folio_region *r, const struct folio_layout *l, struct folio_error *err)
{
	uint64_t budget = FOLIO_REGION_PIECE;
	int ret;

	if (r->stage == FOLIO_REGION_RESERVING) {
		ret = reserve(r, l, &budget, err);
		if (ret != 0) {
			folio_region_unmap(r);
			return ret;
		}
		if (r->prepared < l->used)
			return 1;
		r->stage = FOLIO_REGION_RETIRING;
	}
	if (r->stage == FOLIO_REGION_RETIRING) {
		if (!retire_predecessor(r))
			return 1;
		r->stage = FOLIO_REGION_ZEROING;
	}
	if (r->stage == FOLIO_REGION_ZEROING) {
		if (!zero(r, l, &budget))
			return 1;
		r->stage = FOLIO_REGION_WIPING;
	}
	if (r->stage == FOLIO_REGION_WIPING) {
		if (!wipe_predecessor(r, &budget))
			return 1;
		r->old_area = 0;
		r->stage = FOLIO_REGION_READY;
	}
	return 0;
}

int
folio_region_map(struct folio_region *r, const struct folio_layout *l, struct folio_error *err)
{
	const struct timespec tick = {.tv_nsec = FOLIO_TICK_MS * 1000000L};
	int ret;

	ret = folio_region_begin(r, l, err);
	if (ret != 0)
		return ret;
	while ((ret = folio_region_prepare(r, l, err)) > 0) {
		if (r->stage == FOLIO_REGION_RETIRING)
			nanosleep(&tick, NULL);
	}
	return ret;
}

bool
folio_region_is_weak(const struct folio_region *r)
{
	return folio_caching_is_weak(r->caching);
}

bool
folio_region_zero(struct folio_region *r, const struct folio_layout *l)
{
	uint64_t budget = FOLIO_REGION_PIECE;

	return zero(r, l, &budget);
}

static void
populate(const struct folio_region *r, struct span s)
{
	uint8_t *mem = (uint8_t *)r->peer + s.offset;

	if (r->first != NULL) {
		folio_device_touch(mem, s.len);
		return;
	}
#ifdef MADV_POPULATE_READ
	(void)madvise(mem, s.len, MADV_POPULATE_READ);
#else
	(void)madvise(mem, s.len, MADV_WILLNEED);
#endif
}

bool
folio_region_populate(struct folio_region *r, const struct folio_layout *l)
{
	uint64_t budget = FOLIO_REGION_PIECE;
	struct span s;

	while ((s = next_piece(l, &r->populated, &budget)).len > 0)
		populate(r, s);
	return r->populated == l->used;
}

void
folio_region_populate_anew(struct folio_region *r)
{
	r->populated = 0;
}

int
folio_region_poll(struct folio_region *r, struct folio_error *err)
{
	return r->source != NULL && r->source->poll != NULL ? r->source->poll(r, err) : 0;
}

const char *
folio_region_lost_text(const struct folio_region *r)
{
	return r->source->lost;
}

/* Found the hard way, by a fault. */
static bool
was_hit(const struct folio_region *r)
{
	return folio_fault_hit(r->own) || folio_fault_hit(r->peer);
}

bool
folio_region_is_cut(const struct folio_region *r)
{
	return r->source != NULL && (was_hit(r) || r->source->is_cut(r));
}

bool
folio_region_lost(const struct folio_region *r)
{
	return r->source != NULL && (was_hit(r) || r->source->is_lost(r));
}

void
folio_region_unmap(struct folio_region *r)
{
	if (r->mapped == 0)
		return;
	folio_fault_unwatch(r->own);
	folio_fault_unwatch(r->peer);
	munmap(r->own, r->mapped);
	if (r->peer != r->own)
		munmap(r->peer, r->mapped);
	r->own = NULL;
	r->peer = NULL;
	r->mapped = 0;
	r->area = 0;
}

void
folio_region_close(struct folio_region *r)
{
	folio_region_unmap(r);
	if (r->fd >= 0) {
		if (r->source != NULL) {
			wipe_post(r);
			r->source->release(r);
		}
		close(r->fd);
	}
	free(r->path);
	free(r->name);
	r->source = NULL;
	r->path = NULL;
	r->name = NULL;
	r->fd = -1;
}
