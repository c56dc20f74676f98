/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "boundary/fault.h"
#include "port.h"
#include "native/region.h"
#include "native/session.h"

/* Steps between two attempts to open a region that went away or did not fit. */
#define RETRY_STEPS (200 / FOLIO_TICK_MS)

/* How often folio_close() looks whether the peer let go. */
#define CLOSE_WAITS 20
#define CLOSE_WAIT_NS 5000000L

struct folio {
	pthread_mutex_t lock;
	pthread_rwlock_t rings_lock; /* control writes while it changes what rings point to */
	enum folio_role role;
	bool loopback;
	bool started;
	bool attached; /* region mapped, rings and session point into it */
	bool closing;  /* a burst is still inside: no step before it has left */
	bool jammed;   /* it was so when the mapping was forgotten: no other one before */
	bool link_up;  /* written by control, read by anybody */
	bool told_up;  /* what the last folio_tick() knew of it */
	int numa_node;
	uint64_t size;
	uint32_t queues; /* pairs that there are ends for */
	uint32_t ring_size; /* slots now, or to be expected; read without the lock */
	uint32_t retry;	 /* steps until the next attempt to attach */
	struct folio_geometry want; /* guest: its geometry. host: the most it accepts */
	struct folio_layout layout;
	struct folio_region region;
	struct folio_session session;
	const struct folio_copy *copy;
	uint64_t link_ups;
	uint64_t renegotiations;
	char *path;
	char *pci; /* instead of path */
	struct folio_error detail; /* why there is no region */
	struct folio_txq *txq;
	struct folio_rxq *rxq;
	folio_free_fn free;
	void *alloc_ctx;
};

static void *
heap_alloc(size_t size, size_t align, void *ctx)
{
	void *mem = NULL;

	(void)ctx;
	if (posix_memalign(&mem, align, size) != 0)
		return NULL;
	return memset(mem, 0, size);
}

static void
heap_free(void *mem, void *ctx)
{
	(void)ctx;
	free(mem);
}

/* For applications that ask before there is a guest: its default, within our limit. */
static uint32_t
expected_ring_size(const struct folio *f)
{
	if (f->role == FOLIO_HOST && f->want.ring_size > FOLIO_DEFAULT_RING_SIZE)
		return FOLIO_DEFAULT_RING_SIZE;
	return f->want.ring_size;
}

/* Gates. */

static void
open_gates(struct folio *f)
{
	uint32_t q;

	for (q = 0; q < f->queues && q < f->layout.geom.queues; q++) {
		if (f->txq[q].enabled)
			folio_gate_open(&f->txq[q].gate);
		if (f->rxq[q].enabled)
			folio_gate_open(&f->rxq[q].gate);
	}
}

static bool
close_gates(struct folio *f)
{
	bool all = true;
	uint32_t q;

	for (q = 0; q < f->queues; q++) {
		all &= folio_gate_close(&f->txq[q].gate);
		all &= folio_gate_close(&f->rxq[q].gate);
	}
	return all;
}

static void
set_link(struct folio *f, bool up)
{
	if (up && !f->link_up)
		folio_count(&f->link_ups);
	__atomic_store_n(&f->link_up, up, __ATOMIC_RELEASE);
}

static void
reset_rings(struct folio *f)
{
	uint32_t q;

	folio_region_zero(&f->region, &f->layout);
	pthread_rwlock_wrlock(&f->rings_lock);
	for (q = 0; q < f->queues && q < f->layout.geom.queues; q++) {
		folio_prod_reset(&f->txq[q].ring);
		folio_cons_reset(&f->rxq[q].ring);
	}
	pthread_rwlock_unlock(&f->rings_lock);
}

/* Region and rings. */

/* Own rings are produced into; the peer's rings are consumed from, our index is in our area. */
static void
attach_rings(struct folio *f)
{
	const struct folio_layout *l = &f->layout;
	struct folio_region *r = &f->region;
	bool weak = folio_region_is_weak(r);
	uint32_t q;

	for (q = 0; q < f->queues; q++) {
		/* Also where this geometry has no ring: what was broken was another file's. */
		f->txq[q].ring.broken = 0;
		f->rxq[q].ring.broken = 0;
	}
	for (q = 0; q < f->queues && q < l->geom.queues; q++) {
		folio_prod_attach(&f->txq[q].ring, l, r->own, r->peer, q);
		folio_cons_attach(&f->rxq[q].ring, l, r->peer, r->own, q);
		if (weak) {
			folio_prod_weaken(&f->txq[q].ring);
			folio_cons_weaken(&f->rxq[q].ring);
		}
		folio_prod_reset(&f->txq[q].ring);
		folio_cons_reset(&f->rxq[q].ring);
	}
}

static int
attach(struct folio *f, const struct folio_layout *l, struct folio_error *err)
{
	int ret;

	ret = folio_region_map(&f->region, l, err);
	if (ret != 0)
		return ret;
	pthread_rwlock_wrlock(&f->rings_lock);
	f->layout = *l;
	__atomic_store_n(&f->ring_size, l->geom.ring_size, __ATOMIC_RELAXED);
	attach_rings(f);
	pthread_rwlock_unlock(&f->rings_lock);
	f->attached = true;
	f->detail.text[0] = '\0';
	if (!f->loopback) {
		folio_session_attach(&f->session, f->role, f->region.own, f->region.peer,
				     &l->geom);
		if (f->started)
			folio_session_start(&f->session);
	}
	return 0;
}

/* The geometry that a guest offers on a region with such pages. */
static int
guest_layout(const struct folio *f, struct folio_layout *l, struct folio_error *err)
{
	struct folio_geometry g = f->want;

	g.page_shift = FOLIO_LAYOUT_SHIFT;
	while ((UINT64_C(1) << g.page_shift) < f->region.page_size)
		g.page_shift++;
	return folio_layout_init(l, &g, 0, err);
}

static uint64_t
round_to_page(uint64_t size, uint32_t page)
{
	return (size + page - 1) / page * page;
}

static int
guest_attach(struct folio *f, struct folio_error *err)
{
	struct folio_layout l;
	uint64_t size;
	int ret;

	ret = guest_layout(f, &l, err);
	if (ret != 0)
		return ret;
	size = l.region_size;
	if (f->region.size == 0 && f->size != 0) {
		if (f->size < size)
			return folio_fail(err, -ENOSPC,
					  "size=%" PRIu64 " is too small: queues=%u ring_size=%u "
					  "slot_size=%u need at least %" PRIu64 " bytes",
					  f->size, l.geom.queues, l.geom.ring_size,
					  l.geom.slot_size, size);
		size = round_to_page(f->size, f->region.page_size);
	}
	ret = folio_region_grow(&f->region, size, err);
	if (ret != 0)
		return ret;
	return attach(f, &l, err);
}

/* The guest is told, so that its user reads the reason there and not only here. */
static void
host_refuse(struct folio *f, const struct folio_layout *l, uint32_t code)
{
	struct folio_wire_header h;

	memset(&h, 0, sizeof(h));
	h.magic.raw = FOLIO_WIRE_MAGIC;
	h.version.raw = FOLIO_WIRE_VERSION;
	h.role.raw = FOLIO_WIRE_ROLE_HOST;
	h.state.raw = FOLIO_WIRE_STATE_STOPPED;
	h.refusal.raw = code;
	folio_region_post(&f->region, l, &h);
}

/* Look for a guest, and map what it offers. Returns 0 also when there is nobody yet. */
static int
host_attach(struct folio *f, struct folio_error *err)
{
	struct folio_session *s = &f->session;
	struct folio_wire_header copy;
	struct folio_layout l;
	struct folio_geometry g;
	uint64_t generation, rejected;
	uint32_t code;

	if (!folio_region_peek(&f->region, &copy))
		memset(&copy, 0, sizeof(copy)); /* too short for a guest to be there */
	if (folio_session_peek(s, &copy, &g, &generation) <= 0)
		return 0;
	if (folio_region_grow(&f->region, 0, err) != 0)
		return -EIO;
	if (f->region.size < FOLIO_WIRE_PAGE)
		return 0; /* cut since it was looked at */
	s->detail.text[0] = '\0';
	if (folio_layout_init(&l, &g, f->region.size, &s->detail) != 0 ||
	    (UINT64_C(1) << g.page_shift) % f->region.page_size != 0) {
		if (s->detail.text[0] == '\0')
			folio_fail(&s->detail, 0, "areas are aligned to %" PRIu64
				   " bytes, but %s lies on pages of %u",
				   UINT64_C(1) << g.page_shift, f->region.name, f->region.page_size);
		folio_session_reject(s, FOLIO_PEER_BAD_GEOMETRY, generation);
		return 0;
	}
	rejected = s->violations[FOLIO_PEER_OVER_LIMIT];
	code = folio_session_over_limit(s, &g, &f->want, generation);
	if (code != FOLIO_WIRE_REFUSED_NOT) {
		if (s->violations[FOLIO_PEER_OVER_LIMIT] != rejected)
			host_refuse(f, &l, code);
		return 0;
	}
	return attach(f, &l, err);
}

static int
open_region(struct folio *f, struct folio_error *err)
{
	struct folio_pci_place pci = {
		.address = f->pci,
		.sysfs = FOLIO_PCI_SYSFS,
		.dev = FOLIO_PCI_DEV,
	};
	/* A host that is told a size makes the file for a virtual machine, which holds no lock. */
	bool keep = f->role == FOLIO_HOST && f->size != 0;
	int ret;

	ret = f->pci != NULL ? folio_region_open_pci(&f->region, &pci, f->role, err)
			     : folio_region_open(&f->region, f->path, f->role, keep, err);
	if (ret != 0)
		return ret;
	f->region.numa_node = f->numa_node;
	if (f->role == FOLIO_GUEST)
		ret = guest_attach(f, err);
	else if (f->region.size == 0 && f->size != 0)
		ret = folio_region_grow(&f->region, round_to_page(f->size, f->region.page_size),
					err);
	if (ret != 0)
		folio_region_close(&f->region);
	f->region.fresh = false;
	return ret;
}

/* Forget the mapping; the file stays open, so that the role stays ours. */
static void
detach(struct folio *f)
{
	bool all_out = close_gates(f);

	if (folio_region_is_cut(&f->region))
		folio_count(&f->session.violations[FOLIO_PEER_CUT_REGION]);
	pthread_rwlock_wrlock(&f->rings_lock);
	set_link(f, false);
	f->attached = false;
	__atomic_store_n(&f->ring_size, expected_ring_size(f), __ATOMIC_RELAXED);
	f->session.own = NULL;
	f->session.peer = NULL;
	if (all_out) {
		folio_region_unmap(&f->region);
	} else {
		/* Better a leak than a burst on unmapped memory. */
		f->jammed = true;
		f->region.mapped = 0;
		f->region.own = NULL;
		f->region.peer = NULL;
	}
	pthread_rwlock_unlock(&f->rings_lock);
}

static bool
retry_is_due(struct folio *f)
{
	if (f->retry > 0) {
		f->retry--;
		return false;
	}
	f->retry = RETRY_STEPS;
	return true;
}

/* Zero all that we wrote, if the memory is still there. */
static void
wipe(struct folio *f)
{
	if (folio_region_is_cut(&f->region))
		return;
	folio_region_zero(&f->region, &f->layout);
	folio_session_wipe_header(f->region.own);
}

/* Without a mapping: wait for the file, or for the guest that the file is to bring. */
static void
tick_detached(struct folio *f)
{
	bool open = f->region.fd >= 0;
	int ret;

	if (f->jammed && !close_gates(f))
		return; /* the burst would go on with another region's ring */
	f->jammed = false;
	if (open && folio_region_lost(&f->region)) {
		folio_region_close(&f->region);
		open = false;
	}
	if (open && f->role == FOLIO_HOST) {
		if (!f->started) {
			f->session.link = FOLIO_LINK_STOPPED;
			return;
		}
		if (f->retry > 0) {
			f->retry--;
			return;
		}
		ret = host_attach(f, &f->detail);
		if (ret != 0)
			f->retry = RETRY_STEPS;
	} else if (retry_is_due(f)) {
		if (open)
			folio_region_close(&f->region);
		(void)open_region(f, &f->detail);
	}
	if (!f->attached && f->region.fd < 0)
		f->session.link = FOLIO_LINK_NO_REGION;
}

static bool
any_ring_broken(const struct folio *f)
{
	uint32_t q;

	for (q = 0; q < f->queues; q++) {
		if (__atomic_load_n(&f->txq[q].ring.broken, __ATOMIC_RELAXED) ||
		    __atomic_load_n(&f->rxq[q].ring.broken, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}

/* The user stopped the port with a burst inside, and perhaps started it again: now it has left. */
static void
say_stopped_or_started(struct folio *f)
{
	if (f->started)
		folio_session_start(&f->session);
	else
		folio_session_stop(&f->session);
}

static void
tick_attached(struct folio *f)
{
	enum folio_action action;

	if (folio_region_lost(&f->region)) {
		if (close_gates(f))
			wipe(f);
		detach(f);
		folio_fail(&f->detail, 0, "%s was removed, replaced or cut", f->region.name);
		folio_region_close(&f->region);
		f->session.link = FOLIO_LINK_NO_REGION;
		f->retry = 0;
		return;
	}
	if (f->closing) {
		if (!close_gates(f))
			return;
		f->closing = false;
		if (f->session.state == FOLIO_SESSION_STOPPED)
			say_stopped_or_started(f);
	}
	if (f->session.state == FOLIO_SESSION_UP && any_ring_broken(f)) {
		set_link(f, false);
		f->session.link = FOLIO_LINK_SETTLING;
		if (!close_gates(f))
			return;
		folio_count(&f->renegotiations);
		folio_session_renegotiate(&f->session);
	}

	action = folio_session_step(&f->session);
	switch (action) {
	case FOLIO_DO_CLOSE:
		set_link(f, false);
		f->closing = !close_gates(f);
		break;
	case FOLIO_DO_RESET:
		set_link(f, false);
		/* A burst that does not leave: the session asks again. */
		if (close_gates(f)) {
			reset_rings(f);
			folio_session_answer(&f->session);
		}
		break;
	case FOLIO_DO_REMAP:
		/* The guest's new rings may lie where ours were, but it waits for our answer. */
		if (close_gates(f))
			wipe(f);
		detach(f);
		f->retry = RETRY_STEPS / 2;
		break;
	case FOLIO_DO_OPEN:
		folio_region_populate(&f->region, &f->layout);
		open_gates(f);
		set_link(f, true);
		break;
	default:
		break;
	}
}

/* Public functions. */

static int
check_config(const struct folio_config *cfg, const struct folio_geometry *want,
	     struct folio_error *err)
{
	struct folio_geometry g = *want;
	struct folio_layout l;

	if (cfg->role != FOLIO_GUEST && cfg->role != FOLIO_HOST)
		return folio_fail(err, -EINVAL, "role=%d is unknown: allowed are guest and host",
				  (int)cfg->role);
	if (cfg->loopback && (cfg->role == FOLIO_HOST || cfg->size != 0 || cfg->path != NULL ||
			      cfg->pci != NULL))
		return folio_fail(err, -EINVAL, "loopback=1 has no peer and no file: path, pci, "
				  "size and role=host are not allowed with it");
	if (!cfg->loopback && (cfg->path == NULL || cfg->path[0] == '\0') && cfg->pci == NULL)
		return folio_fail(err, -EINVAL, "path is missing: it names the file that holds the "
				  "region, e.g. path=/dev/hugepages/folio0");
	if (cfg->path != NULL && cfg->pci != NULL)
		return folio_fail(err, -EINVAL, "path=%s and pci=%s: allowed is one of them",
				  cfg->path, cfg->pci);
	if ((cfg->alloc == NULL) != (cfg->free == NULL))
		return folio_fail(err, -EINVAL, "alloc and free go together");
	return folio_layout_init(&l, &g, 0, err);
}

static uint32_t
or_default(uint32_t value, uint32_t fallback)
{
	return value != 0 ? value : fallback;
}

static int
alloc_queues(struct folio *f, folio_alloc_fn alloc)
{
	uint32_t q;

	f->txq = alloc(f->queues * sizeof(*f->txq), _Alignof(struct folio_txq), f->alloc_ctx);
	f->rxq = alloc(f->queues * sizeof(*f->rxq), _Alignof(struct folio_rxq), f->alloc_ctx);
	if (f->txq == NULL || f->rxq == NULL)
		return -ENOMEM;
	for (q = 0; q < f->queues; q++) {
		folio_gate_init(&f->txq[q].gate);
		folio_gate_init(&f->rxq[q].gate);
		f->txq[q].enabled = true;
		f->rxq[q].enabled = true;
	}
	return 0;
}

static void
free_port(struct folio *f)
{
	pthread_mutex_destroy(&f->lock);
	pthread_rwlock_destroy(&f->rings_lock);
	free(f->path);
	free(f->pci);
	if (f->txq != NULL)
		f->free(f->txq, f->alloc_ctx);
	if (f->rxq != NULL)
		f->free(f->rxq, f->alloc_ctx);
	f->free(f, f->alloc_ctx);
}

/* A program that becomes a daemon goes to another folder. */
static char *
absolute(const char *path)
{
	char *folder, *all = NULL;

	if (path[0] == '/')
		return strdup(path);
	folder = get_current_dir_name();
	if (folder != NULL && asprintf(&all, "%s/%s", folder, path) < 0)
		all = NULL; /* else undefined */
	free(folder);
	return all;
}

struct folio *
folio_open(const struct folio_config *cfg, struct folio_error *err)
{
	folio_alloc_fn alloc = cfg->alloc != NULL ? cfg->alloc : heap_alloc;
	bool host = cfg->role == FOLIO_HOST;
	struct folio_geometry want = {
		.queues = or_default(cfg->queues, FOLIO_DEFAULT_QUEUES),
		.ring_size = or_default(cfg->ring_size, host ? FOLIO_WIRE_RING_MAX
							     : FOLIO_DEFAULT_RING_SIZE),
		.slot_size = or_default(cfg->slot_size, host ? FOLIO_WIRE_SLOT_MAX
							     : FOLIO_DEFAULT_SLOT_SIZE),
		.page_shift = FOLIO_LAYOUT_SHIFT,
	};
	struct folio *f;
	int ret;

	if (check_config(cfg, &want, err) != 0)
		return NULL;
	f = alloc(sizeof(*f), _Alignof(struct folio), cfg->alloc_ctx);
	if (f == NULL) {
		folio_fail(err, 0, "out of memory");
		return NULL;
	}
	f->free = cfg->free != NULL ? cfg->free : heap_free;
	f->alloc_ctx = cfg->alloc_ctx;
	f->role = cfg->role;
	f->loopback = cfg->loopback;
	f->numa_node = cfg->numa_bind ? cfg->numa_node : -1;
	f->size = cfg->size;
	f->queues = want.queues;
	f->want = want;
	f->ring_size = expected_ring_size(f);
	f->copy = folio_copy_select(cfg->isa);
	f->region.fd = -1;
	f->region.numa_node = f->numa_node;
	f->region.caching = FOLIO_CACHING_WRITE_BACK;
	f->session.reject = -1;
	f->session.suspect = -1;
	pthread_mutex_init(&f->lock, NULL);
	pthread_rwlock_init(&f->rings_lock, NULL);
	if (!cfg->loopback && cfg->pci == NULL)
		f->path = absolute(cfg->path);
	else if (!cfg->loopback)
		f->pci = strdup(cfg->pci);

	if ((!cfg->loopback && f->path == NULL && f->pci == NULL) || alloc_queues(f, alloc) != 0) {
		folio_fail(err, 0, "out of memory");
		free_port(f);
		return NULL;
	}
	if (f->loopback) {
		struct folio_layout l;

		ret = folio_layout_init(&l, &want, 0, err);
		if (ret == 0)
			ret = attach(f, &l, err);
	} else {
		ret = open_region(f, err);
	}
	if (ret != 0) {
		free_port(f);
		return NULL;
	}
	return f;
}

int
folio_start(struct folio *f)
{
	int ret = 0;

	pthread_mutex_lock(&f->lock);
	if (f->started) {
		ret = -EALREADY;
	} else {
		f->started = true;
		if (f->loopback) {
			reset_rings(f);
			open_gates(f);
			set_link(f, true);
		} else if (f->attached && !f->closing) {
			folio_session_start(&f->session);
		}
	}
	pthread_mutex_unlock(&f->lock);
	return ret;
}

/* A burst is still inside: nothing may tell the peer that we let go of the rings before it left. */
static void
stop_silently(struct folio *f)
{
	f->closing = true;
	f->session.state = FOLIO_SESSION_STOPPED;
	f->session.link = FOLIO_LINK_STOPPED;
}

void
folio_stop(struct folio *f)
{
	bool all_out;

	pthread_mutex_lock(&f->lock);
	if (f->started) {
		f->started = false;
		set_link(f, false);
		all_out = close_gates(f);
		if (f->attached && !f->loopback) {
			if (folio_region_is_cut(&f->region)) {
				detach(f); /* there is nobody to say it to */
				f->session.link = FOLIO_LINK_STOPPED;
			} else if (all_out) {
				folio_session_stop(&f->session);
			} else {
				stop_silently(f);
			}
		}
	}
	pthread_mutex_unlock(&f->lock);
}

bool
folio_tick(struct folio *f)
{
	bool changed;

	pthread_mutex_lock(&f->lock);
	if (!f->loopback) {
		folio_fault_keep();
		if (!f->attached)
			tick_detached(f);
		else
			tick_attached(f);
	}
	changed = f->link_up != f->told_up;
	f->told_up = f->link_up;
	pthread_mutex_unlock(&f->lock);
	return changed;
}

/* The peer may still be in a burst on what we are about to zero: give it a few of its ticks. */
static void
wait_for_peer(struct folio *f)
{
	const struct timespec step = {.tv_nsec = CLOSE_WAIT_NS};
	int i;

	for (i = 0; i < CLOSE_WAITS && !folio_region_lost(&f->region) &&
	     folio_session_peer_holds(&f->session); i++)
		nanosleep(&step, NULL);
}

void
folio_close(struct folio *f)
{
	if (f == NULL)
		return;
	folio_stop(f);
	if (f->attached) {
		if (!f->loopback)
			wait_for_peer(f);
		if (close_gates(f))
			wipe(f);
		detach(f);
	}
	folio_region_close(&f->region);
	if (close_gates(f)) /* else a burst that never left may still look at its queue */
		free_port(f);
}

bool
folio_link_is_up(const struct folio *f)
{
	return __atomic_load_n(&f->link_up, __ATOMIC_ACQUIRE);
}

void
folio_counters(const struct folio *f, struct folio_counters *c)
{
	uint64_t *v = c->violations;
	uint32_t q, i;

	for (i = 0; i < FOLIO_VIOLATIONS; i++)
		v[i] = folio_counted(&f->session.violations[i]);
	for (q = 0; q < f->queues; q++) {
		const struct folio_cons *cons = &f->rxq[q].ring;

		v[FOLIO_RX_BAD_INDEX] += folio_counted(&cons->bad_index);
		v[FOLIO_RX_BAD_LENGTH] += folio_counted(&cons->bad_length);
		v[FOLIO_RX_BAD_FLAGS] += folio_counted(&cons->bad_flags);
		v[FOLIO_RX_BAD_CHAIN] += folio_counted(&cons->bad_chain);
		v[FOLIO_TX_BAD_INDEX] += folio_counted(&f->txq[q].ring.bad_index);
	}
	c->link_ups = folio_counted(&f->link_ups);
	c->renegotiations = folio_counted(&f->renegotiations);
}

void
folio_status(struct folio *f, struct folio_status *st)
{
	const char *detail;

	memset(st, 0, sizeof(*st));
	pthread_mutex_lock(&f->lock);
	st->role = f->role;
	if (f->loopback)
		st->link = f->link_up ? FOLIO_LINK_UP : FOLIO_LINK_STOPPED;
	else
		st->link = f->session.link;
	st->refusal = f->session.peer_refusal;
	if (f->attached) {
		st->queues = f->layout.geom.queues;
		st->ring_size = f->layout.geom.ring_size;
		st->slot_size = f->layout.geom.slot_size;
		st->stride = f->layout.stride;
		st->max_frame = f->layout.max_frame;
		st->region_size = f->loopback ? f->layout.area_size : f->layout.region_size;
		st->generation = f->session.generation;
		st->peer_generation = f->session.acked;
	}
	st->page_size = f->region.page_size;
	st->caching = f->region.caching;
	st->read_cost = f->region.read_cost;
	snprintf(st->region, sizeof(st->region), "%s", f->region.detail);
	st->isa = f->copy->isa;
	folio_counters(f, &st->counters);
	detail = f->session.reject >= 0 ? f->session.detail.text : f->detail.text;
	snprintf(st->detail, sizeof(st->detail), "%.*s", (int)sizeof(st->detail) - 1, detail);
	pthread_mutex_unlock(&f->lock);
}

static bool
enable(struct folio *f, struct folio_gate *gate, bool *enabled, uint32_t q, bool on)
{
	bool done = true;

	pthread_mutex_lock(&f->lock);
	*enabled = on;
	if (!on)
		done = folio_gate_close(gate);
	else if (f->link_up && q < f->layout.geom.queues)
		folio_gate_open(gate);
	pthread_mutex_unlock(&f->lock);
	return done;
}

bool
folio_port_enable_tx(struct folio *f, uint32_t q, bool on)
{
	return enable(f, &f->txq[q].gate, &f->txq[q].enabled, q, on);
}

bool
folio_port_enable_rx(struct folio *f, uint32_t q, bool on)
{
	return enable(f, &f->rxq[q].gate, &f->rxq[q].enabled, q, on);
}

struct folio_txq *
folio_port_txq(struct folio *f, uint32_t q)
{
	return &f->txq[q];
}

struct folio_rxq *
folio_port_rxq(struct folio *f, uint32_t q)
{
	return &f->rxq[q];
}

const struct folio_copy *
folio_port_copy(const struct folio *f)
{
	return f->copy;
}

uint32_t
folio_port_max_frame(const struct folio *f)
{
	struct folio_layout l;

	return folio_layout_init(&l, &f->want, 0, NULL) == 0 ? l.max_frame : 0;
}

uint32_t
folio_port_ring_size(const struct folio *f)
{
	return __atomic_load_n(&f->ring_size, __ATOMIC_RELAXED);
}

static uint32_t
used(struct folio *f, uint32_t q, bool rx)
{
	const struct folio_cons *c = &f->rxq[q].ring;
	const struct folio_prod *p = &f->txq[q].ring;
	uint32_t n = 0;

	/* The lock keeps the mapping; the owner of the ring's end may be in a burst. */
	if (pthread_rwlock_tryrdlock(&f->rings_lock) != 0)
		return 0; /* the link is down */
	if (folio_link_is_up(f) && q < f->layout.geom.queues) {
		if (rx)
			n = folio_fetch32(c->produced) - __atomic_load_n(&c->head, __ATOMIC_RELAXED);
		else
			n = __atomic_load_n(&p->head, __ATOMIC_RELAXED) - folio_fetch32(p->consumed);
		if (n > f->layout.geom.ring_size)
			n = 0;
	}
	pthread_rwlock_unlock(&f->rings_lock);
	return n;
}

uint32_t
folio_port_rx_used(struct folio *f, uint32_t q)
{
	return used(f, q, true);
}

uint32_t
folio_port_tx_used(struct folio *f, uint32_t q)
{
	return used(f, q, false);
}
