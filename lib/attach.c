/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* How a port comes to a region and leaves it. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "port_state.h"

/* For applications that ask before there is a guest: its default, within our limit. */
uint32_t
folio_expected_ring_size(const struct folio *f)
{
	if (f->role == FOLIO_HOST && f->want.ring_size > FOLIO_DEFAULT_RING_SIZE)
		return FOLIO_DEFAULT_RING_SIZE;
	return f->want.ring_size;
}

/* The region is ready. */
static void
finish(struct folio *f)
{
	const struct folio_layout *l = &f->layout;

	pthread_rwlock_wrlock(&f->rings_lock);
	__atomic_store_n(&f->ring_size, l->geom.ring_size, __ATOMIC_RELAXED);
	folio_queues_attach(f);
	pthread_rwlock_unlock(&f->rings_lock);
	folio_port_set_state(f, FOLIO_PORT_CLOSED);
	f->detail.text[0] = '\0';
	if (!f->loopback) {
		folio_session_attach(&f->session, f->role, f->region.own, f->region.peer,
				     &l->geom);
		if (f->started)
			folio_session_start(&f->session);
	}
}

/* A tick's work on the region. Returns 0, or a negative errno and nothing is mapped any more. */
static int
prepare(struct folio *f, struct folio_error *err)
{
	int ret = folio_region_prepare(&f->region, &f->layout, err);

	if (ret > 0) {
		f->session.link = f->started ? FOLIO_LINK_SETTLING : FOLIO_LINK_STOPPED;
		return 0;
	}
	if (ret < 0)
		folio_port_set_state(f, FOLIO_PORT_DETACHED);
	else
		finish(f);
	return ret;
}

/*
 * The caller of folio_open() wants to know whether there is memory. Nobody else knows the port yet.
 */
static int
prepare_all(struct folio *f, struct folio_error *err)
{
	const struct timespec tick = {.tv_nsec = FOLIO_TICK_MS * 1000000L};
	int ret = 0;

	while (ret == 0 && f->state == FOLIO_PORT_PREPARING) {
		if (f->region.stage == FOLIO_REGION_RETIRING)
			nanosleep(&tick, NULL);
		ret = prepare(f, err);
	}
	return ret;
}

static int
attach(struct folio *f, const struct folio_layout *l, struct folio_error *err)
{
	int ret;

	ret = folio_region_begin(&f->region, l, err);
	if (ret != 0)
		return ret;
	pthread_rwlock_wrlock(&f->rings_lock);
	f->layout = *l;
	pthread_rwlock_unlock(&f->rings_lock);
	folio_port_set_state(f, FOLIO_PORT_PREPARING);
	return prepare(f, err);
}

/* Areas are aligned to 2 MiB, or to the pages of the file if they are larger. */
static uint32_t
page_shift_of(const struct folio_region *r)
{
	uint32_t shift = FOLIO_LAYOUT_SHIFT;

	while ((UINT64_C(1) << shift) < r->page_size)
		shift++;
	return shift;
}

/* The geometry that a guest offers on a region with such pages. */
static int
guest_layout(const struct folio *f, struct folio_layout *l, struct folio_error *err)
{
	struct folio_geometry g = f->want;

	g.page_shift = page_shift_of(&f->region);
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

/* What was said of a peer was said of another offer, or of one in another region. */
void
folio_attach_forget_complaint(struct folio *f)
{
	f->session.suspicion = 0;
	f->session.reject = -1;
	f->session.detail.text[0] = '\0';
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

/*
 * What a host accepts. Areas may be aligned to more than this side would choose, but no guest makes
 * them larger by that than the largest geometry is.
 */
static struct folio_geometry
limits(const struct folio *f)
{
	struct folio_geometry most = f->want;
	struct folio_layout l;

	most.page_shift = page_shift_of(&f->region);
	if (folio_layout_init(&l, &most, 0, NULL) != 0)
		return most;
	while (UINT64_C(2) << most.page_shift <= l.area_size)
		most.page_shift++;
	return most;
}

/* Look for a guest, and map what it offers. Returns 0 also when there is nobody yet. */
static int
host_attach(struct folio *f, struct folio_error *err)
{
	struct folio_session *s = &f->session;
	struct folio_wire_header copy;
	struct folio_layout l;
	struct folio_geometry g, most = limits(f);
	uint64_t generation, rejected;
	uint32_t code;

	if (!folio_region_peek(&f->region, &copy))
		memset(&copy, 0, sizeof(copy)); /* too short for a guest to be there */
	if (folio_session_peek(s, &copy, &g, &generation) <= 0) {
		if (f->unmappable)
			err->text[0] = '\0'; /* that offer is gone */
		f->unmappable = false;
		return 0;
	}
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
	code = folio_session_over_limit(s, &g, &most, generation);
	if (code != FOLIO_WIRE_REFUSED_NOT) {
		if (s->violations[FOLIO_PEER_OVER_LIMIT] != rejected)
			host_refuse(f, &l, code);
		return 0;
	}
	folio_attach_forget_complaint(f);
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
	else
		f->detail.text[0] = '\0';
	f->region.fresh = false;
	return ret;
}

int
folio_attach_open(struct folio *f, struct folio_error *err)
{
	struct folio_layout l;
	int ret;

	if (!f->loopback) {
		ret = open_region(f, &f->detail);
		if (ret == 0) {
			ret = prepare_all(f, &f->detail);
			if (ret != 0)
				folio_region_close(&f->region);
		}
		if (folio_region_may_heal(ret)) { /* no peer may keep a port from being there */
			f->session.link = FOLIO_LINK_NO_REGION;
			return 0;
		}
		if (ret != 0 && err != NULL)
			*err = f->detail;
		return ret;
	}
	ret = folio_layout_init(&l, &f->want, 0, err);
	if (ret == 0)
		ret = attach(f, &l, err);
	return ret == 0 ? prepare_all(f, err) : ret;
}

/* Forget the mapping; the file stays open, so that the role stays ours. */
void
folio_attach_detach(struct folio *f)
{
	bool all_out = folio_queues_close(f);

	if (folio_region_is_cut(&f->region))
		folio_count(&f->session.violations[FOLIO_PEER_CUT_REGION]);
	pthread_rwlock_wrlock(&f->rings_lock);
	folio_port_set_state(f, all_out ? FOLIO_PORT_DETACHED : FOLIO_PORT_JAMMED);
	__atomic_store_n(&f->ring_size, folio_expected_ring_size(f), __ATOMIC_RELAXED);
	f->session.own = NULL;
	f->session.peer = NULL;
	if (all_out) {
		folio_region_unmap(&f->region);
	} else {
		/* Better a leak than a burst on unmapped memory. */
		f->region.mapped = 0;
		f->region.area = 0;
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
	f->retry = FOLIO_RETRY_STEPS;
	return true;
}

bool
folio_attach_wipe(struct folio *f)
{
	if (folio_region_is_cut(&f->region))
		return true;
	/*
	 * The header first: a burst of the peer's that stands still knows from it what it copied.
	 */
	folio_session_wipe_header(f->region.own);
	return folio_region_zero(&f->region, &f->layout);
}

/* Mapped, and not ready. */
static void
tick_preparing(struct folio *f)
{
	if (folio_region_lost(&f->region)) {
		folio_attach_detach(f);
		folio_region_close(&f->region);
		f->retry = 0;
	} else if (prepare(f, &f->detail) != 0) {
		f->retry = FOLIO_RETRY_STEPS;
		if (f->role == FOLIO_HOST)
			f->unmappable = true;
		else
			folio_region_close(&f->region);
	}
	if (f->region.fd < 0)
		f->session.link = FOLIO_LINK_NO_REGION;
}

/* Without a mapping: wait for the file, or for the guest that the file is to bring. */
void
folio_attach_tick(struct folio *f)
{
	bool open = f->region.fd >= 0;
	int ret;

	if (f->state == FOLIO_PORT_PREPARING) {
		tick_preparing(f);
		return;
	}
	if (f->state == FOLIO_PORT_JAMMED && !folio_queues_close(f))
		return; /* the burst would go on with another region's ring */
	folio_port_set_state(f, FOLIO_PORT_DETACHED);
	if (open && folio_region_lost(&f->region)) {
		folio_attach_forget_complaint(f);
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
		f->unmappable = ret != 0;
		if (ret != 0)
			f->retry = FOLIO_RETRY_STEPS;
	} else if (retry_is_due(f)) {
		if (open)
			folio_region_close(&f->region);
		(void)open_region(f, &f->detail);
	}
	if (f->region.fd < 0)
		f->session.link = FOLIO_LINK_NO_REGION;
}
