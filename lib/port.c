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

#include "boundary/fault.h"
#include "clock.h"
#include "error.h"
#include "memory/shm_name.h"
#include "port_state.h"
#include "sized.h"

/* How long a peer may take to let go of a region that is lost, and a burst to return from it. */
#define LEAVE_STEPS (200 / FOLIO_TICK_MS)
#define ABANDON_STEPS (1000 / FOLIO_TICK_MS)

/* How often folio_close() looks whether the peer let go. */
#define CLOSE_WAITS 20
#define CLOSE_WAIT_NS 5000000L

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

void
folio_port_set_state(struct folio *f, enum folio_port_state state)
{
	if (state == FOLIO_PORT_OPEN)
		folio_count(&f->link_ups);
	f->waited = 0;
	__atomic_store_n(&f->state, state, __ATOMIC_RELEASE);
}

/* The user stopped the port, and no burst is inside. */
static void
say_stopped(struct folio *f)
{
	if (folio_region_is_cut(&f->region))
		folio_attach_detach(f); /* there is nobody to say it to */
	else
		folio_session_stop(&f->session);
	f->session.link = FOLIO_LINK_STOPPED;
}

/* Leave CLOSING if the last burst has left, which false denies. */
static bool
finish_closing(struct folio *f)
{
	if (!folio_queues_close(f))
		return false;
	folio_port_set_state(f, FOLIO_PORT_CLOSED);
	if (f->loopback)
		return true;
	if (!f->started)
		say_stopped(f);
	else if (f->session.state == FOLIO_SESSION_STOPPED) /* and started again meanwhile */
		folio_session_start(&f->session);
	return true;
}

/* The link is down, before anything else is done. */
static void
begin_closing(struct folio *f)
{
	folio_port_set_state(f, FOLIO_PORT_CLOSING);
	(void)finish_closing(f);
}

/* The region is lost, and no burst or peer is in it, or they had their time. */
static void
forget_region(struct folio *f)
{
	folio_attach_detach(f);
	folio_region_close(&f->region);
	f->session.link = FOLIO_LINK_NO_REGION;
	f->retry = 0;
}

/*
 * What is ours in a lost region goes, but not under a peer that is still receiving from there: it
 * is told, and closes its rings.
 */
static void
leave(struct folio *f)
{
	if (!folio_region_is_cut(&f->region) && folio_session_peer_holds(&f->session) &&
	    f->waited++ < LEAVE_STEPS)
		return;
	if (folio_attach_wipe(f))
		forget_region(f);
}

static void
begin_leaving(struct folio *f)
{
	if (!folio_region_is_cut(&f->region))
		folio_session_stop(&f->session);
	folio_port_set_state(f, FOLIO_PORT_LEAVING);
	leave(f);
}

/*
 * Framing was lost, or a burst found the session gone that the peer's header now claims to go on.
 */
static void
end_broken_session(struct folio *f)
{
	if (f->state == FOLIO_PORT_OPEN)
		begin_closing(f);
	f->session.link = FOLIO_LINK_SETTLING;
	if (f->state != FOLIO_PORT_CLOSED)
		return; /* until its bursts have left */
	folio_count(&f->renegotiations);
	folio_session_renegotiate(&f->session);
}

/* The session is up: so are the rings as soon as the peer's are populated. */
static void
open_if_agreed(struct folio *f)
{
	if (f->state != FOLIO_PORT_CLOSED || f->session.state != FOLIO_SESSION_UP ||
	    f->session.silent)
		return;
	if (!folio_region_populate(&f->region, &f->layout)) {
		f->session.link = FOLIO_LINK_HANDSHAKE;
		return;
	}
	folio_queues_open(f);
	folio_port_set_state(f, FOLIO_PORT_OPEN);
}

/* All gates are closed, or all of them open: nobody is in between. */
static void
step(struct folio *f)
{
	switch (folio_session_step(&f->session)) {
	case FOLIO_DO_CLOSE:
		if (f->state == FOLIO_PORT_OPEN)
			begin_closing(f);
		break;
	case FOLIO_DO_RESET:
		if (folio_queues_reset(f)) /* else the next step says so again */
			folio_session_answer(&f->session);
		break;
	case FOLIO_DO_REMAP:
		/* The guest's new rings may lie where ours were, but it waits for our answer. */
		if (!folio_region_is_cut(&f->region)) {
			if (!folio_region_zero(&f->region, &f->layout))
				return; /* as above; our header tells that we live until the end */
			folio_session_wipe_header(f->region.own);
		}
		folio_attach_detach(f);
		f->retry = FOLIO_RETRY_STEPS / 2;
		return;
	default: /* FOLIO_DO_OPEN is what the session's state says until it is done */
		break;
	}
	if (f->session.state == FOLIO_SESSION_UP && folio_queues_any_broken(f))
		end_broken_session(f);
	else
		open_if_agreed(f);
}

static void
tick_attached(struct folio *f)
{
	bool lost = folio_region_lost(&f->region);

	if (f->state == FOLIO_PORT_LEAVING) {
		leave(f);
		return;
	}
	if (lost && f->state == FOLIO_PORT_OPEN)
		begin_closing(f);
	if (lost && f->state == FOLIO_PORT_CLOSING) /* it may be back before the burst has left */
		f->session.state = FOLIO_SESSION_STOPPED;
	if (lost) {
		folio_attach_forget_complaint(f);
		folio_fail(&f->detail, 0, "%s %s", f->region.name, folio_region_lost_text(&f->region));
	}
	if (f->state == FOLIO_PORT_CLOSING && !finish_closing(f)) {
		if (lost && f->waited++ >= ABANDON_STEPS)
			forget_region(f);
	} else if (!folio_port_is_attached(f)) {
		return; /* stopped, and cut */
	} else if (lost) {
		begin_leaving(f);
	} else {
		step(f);
	}
	if (lost)
		f->session.link = FOLIO_LINK_NO_REGION;
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
	if (cfg->path != NULL && cfg->size != 0 &&
	    strncmp(cfg->path, FOLIO_SOCKET_PREFIX, strlen(FOLIO_SOCKET_PREFIX)) == 0)
		return folio_fail(err, -EINVAL, "size=%" PRIu64 " with path=%s: the memory has the "
				  "size that the geometry needs, size is not allowed", cfg->size,
				  cfg->path);
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
	const char *prefix = "";
	char *folder, *all = NULL;

	if (strncmp(path, FOLIO_SOCKET_PREFIX, strlen(FOLIO_SOCKET_PREFIX)) == 0) {
		prefix = FOLIO_SOCKET_PREFIX;
		path += strlen(prefix);
	}
	if (path[0] == '/' || path[0] == '\0')
		return strdup(path - strlen(prefix));
	folder = get_current_dir_name();
	if (folder != NULL && asprintf(&all, "%s%s/%s", prefix, folder, path) < 0)
		all = NULL; /* else undefined */
	free(folder);
	return all;
}

static struct folio *
open_port(const struct folio_config *cfg, struct folio_error *err)
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
	f->ring_size = folio_expected_ring_size(f);
	f->copy = folio_copy_select(cfg->isa);
	f->region.fd = -1;
	f->region.numa_node = f->numa_node;
	f->region.caching = FOLIO_CACHING_WRITE_BACK;
	f->session.reject = -1;
	pthread_mutex_init(&f->lock, NULL);
	pthread_rwlock_init(&f->rings_lock, NULL);
	if (!cfg->loopback && cfg->pci == NULL)
		f->path = absolute(cfg->path);
	else if (!cfg->loopback)
		f->pci = strdup(cfg->pci);

	if ((!cfg->loopback && f->path == NULL && f->pci == NULL) || folio_queues_alloc(f, alloc) != 0) {
		folio_fail(err, 0, "out of memory");
		free_port(f);
		return NULL;
	}
	if (folio_attach_open(f, err) != 0) {
		free_port(f);
		return NULL;
	}
	return f;
}

struct folio *
folio_open_sized(const struct folio_config *cfg, size_t size, struct folio_error *err)
{
	struct folio_config own;

	if (!folio_sized_take(&own, sizeof(own), cfg, size)) {
		folio_fail(err, -E2BIG, "the configuration has a field that folio %s does not know: "
			   "use the library of the program's folio.h, or newer", folio_version());
		return NULL;
	}
	return open_port(&own, err);
}

int
folio_start(struct folio *f)
{
	int ret = 0;

	pthread_mutex_lock(&f->lock);
	if (f->started) {
		ret = -EALREADY;
	} else if (!f->loopback) {
		f->started = true;
		if (f->state == FOLIO_PORT_CLOSED)
			folio_session_start(&f->session);
	} else if (f->state == FOLIO_PORT_CLOSING && !finish_closing(f)) {
		ret = -EBUSY;
	} else {
		f->started = true;
		while (!folio_queues_reset(f))
			;
		folio_queues_open(f);
		folio_port_set_state(f, FOLIO_PORT_OPEN);
	}
	pthread_mutex_unlock(&f->lock);
	return ret;
}

/* With the lock held. False: bursts are inside, and nothing was said of it to the peer. */
static bool
stop(struct folio *f)
{
	bool was_started = f->started;

	f->started = false;
	if (f->state == FOLIO_PORT_OPEN)
		begin_closing(f);
	else if (f->state == FOLIO_PORT_CLOSING)
		(void)finish_closing(f);
	else if (f->state == FOLIO_PORT_CLOSED && was_started)
		say_stopped(f);
	if (f->state == FOLIO_PORT_CLOSING) {
		f->session.state = FOLIO_SESSION_STOPPED;
		f->session.link = FOLIO_LINK_STOPPED;
	}
	return f->state == FOLIO_PORT_JAMMED ? folio_queues_close(f)
					     : f->state != FOLIO_PORT_CLOSING;
}

bool
folio_port_stop(struct folio *f)
{
	struct folio_patience patience;
	bool out;

	folio_patience_begin(&patience);
	do {
		pthread_mutex_lock(&f->lock);
		out = stop(f);
		pthread_mutex_unlock(&f->lock);
	} while (!out && folio_patience_sleep(&patience));
	return out;
}

bool
folio_port_needs_ticks(struct folio *f)
{
	bool needs;

	pthread_mutex_lock(&f->lock);
	needs = !f->loopback && (f->started || f->state == FOLIO_PORT_CLOSING ||
				 f->state == FOLIO_PORT_LEAVING);
	pthread_mutex_unlock(&f->lock);
	return needs;
}

void
folio_stop(struct folio *f)
{
	(void)folio_port_stop(f);
}

/* Peer not trusted: what it sends over the region's socket, if it has one. */
static void
poll_region(struct folio *f)
{
	if (folio_region_poll(&f->region, &f->detail) == -EPROTO)
		folio_count(&f->session.violations[FOLIO_PEER_BAD_MESSAGE]);
}

/* How late is this tick? Its own pauses tell a session about those of its peer. */
static void
note_time(struct folio *f)
{
	uint64_t now = folio_now_ms();

	if (f->ticked != 0)
		folio_session_late(&f->session, now - f->ticked);
	f->ticked = now;
}

bool
folio_tick(struct folio *f)
{
	bool changed;

	pthread_mutex_lock(&f->lock);
	if (!f->loopback) {
		note_time(f);
		folio_fault_keep();
		poll_region(f);
		if (!folio_port_is_attached(f))
			folio_attach_tick(f);
		else
			tick_attached(f);
	}
	changed = folio_link_is_up(f) != f->told_up;
	f->told_up = folio_link_is_up(f);
	pthread_mutex_unlock(&f->lock);
	return changed;
}

/* The peer may still be in a burst on what we are about to zero: give it a few of its ticks. */
static void
wait_for_peer(struct folio *f)
{
	const struct timespec step = {.tv_nsec = CLOSE_WAIT_NS};
	int i;

	for (i = 0; i < CLOSE_WAITS && !folio_region_is_cut(&f->region) &&
	     folio_session_peer_holds(&f->session); i++)
		nanosleep(&step, NULL);
}

/* All of it, and nobody waits but the caller. */
static void
wipe(struct folio *f)
{
	while (!folio_attach_wipe(f))
		;
}

void
folio_close(struct folio *f)
{
	if (f == NULL)
		return;
	folio_stop(f);
	if (folio_port_is_attached(f)) {
		if (!f->loopback)
			wait_for_peer(f);
		if (folio_queues_close(f))
			wipe(f);
		folio_attach_detach(f);
	} else if (f->state == FOLIO_PORT_PREPARING && f->region.stage > FOLIO_REGION_RESERVING) {
		wipe(f); /* a predecessor's */
	}
	folio_region_close(&f->region);
	if (folio_queues_close(f)) /* else a burst that never left may still look at its queue */
		free_port(f);
}

bool
folio_link_is_up(const struct folio *f)
{
	return __atomic_load_n(&f->state, __ATOMIC_ACQUIRE) == FOLIO_PORT_OPEN;
}

static void
describe(struct folio *f, struct folio_status *st)
{
	const char *detail;

	memset(st, 0, sizeof(*st));
	pthread_mutex_lock(&f->lock);
	st->role = f->role;
	if (f->loopback)
		st->link = folio_link_is_up(f) ? FOLIO_LINK_UP : FOLIO_LINK_STOPPED;
	else
		st->link = f->session.link;
	st->refusal = f->session.peer_refusal;
	if (folio_port_is_attached(f)) {
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
	detail = f->session.reject >= 0 ? f->session.detail.text : f->detail.text;
	snprintf(st->detail, sizeof(st->detail), "%.*s", (int)sizeof(st->detail) - 1, detail);
	pthread_mutex_unlock(&f->lock);
}

void
folio_status_sized(struct folio *f, struct folio_status *st, size_t size)
{
	struct folio_status all;

	describe(f, &all);
	folio_sized_give(st, size, &all, sizeof(all));
}

const char *
folio_path(const struct folio *f)
{
	return f->path != NULL ? f->path : f->pci != NULL ? f->pci : "";
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

