/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Life of a port on a virtual function: open, start, tick, stop, close. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "error.h"
#include "vf/port_state.h"

/* Ticks that a card may take to let go of the memory when a port is closed. */
#define CLOSE_TICKS 40u

/* Ticks that the card and its physical function may take to answer when a port is opened. */
#define ASK_TICKS 100u

static void
sleep_a_tick(void)
{
	const struct timespec tick = {.tv_nsec = FOLIO_TICK_MS * 1000000L};

	nanosleep(&tick, NULL);
}

/*
 * An odd number of lines from buffer to buffer spreads them over the caches' sets. Memory that
 * comes in pieces takes powers of two, so that no buffer crosses from one piece to another.
 */
static uint32_t
stride_of(uint32_t kib, const char *path)
{
	uint32_t room = kib * 1024;

	if (folio_shm_comes_in_pieces(path))
		return room <= 1024 ? 1024 : UINT32_C(1) << (32 - __builtin_clz(room - 1));
	return room + FOLIO_ADVQ_LINE;
}

static int
open_memory(struct folio_vf_port *v, const struct folio_vf_port_config *cfg,
	    struct folio_error *err)
{
	uint64_t needed = folio_vf_queues_bytes(v);

	v->memory.size = cfg->size != 0 ? cfg->size : needed;
	v->memory.numa_node = cfg->numa_node;
	v->memory.needs_addr = true;
	if (folio_shm_config_keep(&v->memory, cfg->path, cfg->pci) != 0)
		return folio_fail(err, -ENOMEM, "out of memory");
	if (v->memory.size < needed)
		return folio_fail(err, -EINVAL, "size=%llu is too small: %u queue pairs of %u "
				  "descriptors with buffers of %u KiB need %llu",
				  (unsigned long long)cfg->size, v->queues, v->size, v->kib,
				  (unsigned long long)needed);
	return folio_shm_open(&v->shm, &v->memory, err);
}

/* From a card that is to receive frames of up to frame_max bytes. */
static struct folio_card_wants
wants_of(const struct folio_vf_port *v, uint32_t frame_max)
{
	struct folio_card_wants wants = {
		.pairs = v->queues,
		.size = v->size,
		.kib = v->kib,
		.frame_max = frame_max < v->limit ? frame_max : v->limit,
	};

	memcpy(wants.mac, v->card.wants.mac, sizeof(wants.mac));
	return wants;
}

/* Is it there, and is its physical function? And which address has it? */
static int
ask(struct folio_vf_port *v, struct folio_error *err)
{
	const struct folio_card_wants wants = wants_of(v, 0);
	struct folio_card *c = &v->card;
	struct folio_error detail;
	bool answered;
	uint32_t i;

	folio_card_start(c, &wants);
	for (i = 0; i < ASK_TICKS && c->state != FOLIO_CARD_PREPARE; i++) {
		(void)folio_card_tick(c, folio_now_ms());
		sleep_a_tick();
	}
	answered = c->state == FOLIO_CARD_PREPARE;
	detail = c->detail;
	folio_card_end(c);
	return answered ? 0 : folio_fail(err, -ETIMEDOUT, "vf=%s: %.300s", v->path, detail.text);
}

static int
open_card(struct folio_vf_port *v, struct folio_error *err)
{
	int ret;

	v->pci.place = (struct folio_pci_place){v->path, FOLIO_PCI_SYSFS, FOLIO_PCI_DEV};
	v->pci.shm = &v->shm;
	ret = folio_vf_pci_open(&v->pci, err);
	if (ret != 0)
		return ret;
	if (v->kib > v->pci.family->kib_max)
		return folio_fail(err, -EINVAL, "vf=%s: the card's buffers have %u KiB at most: "
				  "allowed is a slot_size of %u at most", v->path,
				  v->pci.family->kib_max, v->pci.family->kib_max * 1024);
	folio_card_init(&v->card, v->pci.family, &folio_vf_pci_regs, &v->pci);
	return ask(v, err);
}

/* The card is stopped, or is not reached any more, before the memory goes. */
static void
release(struct folio_vf_port *v)
{
	if (v->card.family != NULL)
		folio_card_end(&v->card);
	folio_vf_pci_close(&v->pci);
	folio_shm_close(&v->shm);
	folio_vf_queues_free(v);
	pthread_rwlock_destroy(&v->map_lock);
	pthread_mutex_destroy(&v->lock);
	folio_shm_config_drop(&v->memory);
	free(v->path);
	v->free(v, v->alloc_ctx);
}

static int
open_all(struct folio_vf_port *v, const struct folio_vf_port_config *cfg, struct folio_error *err)
{
	int ret;

	v->path = strdup(cfg->vf);
	if (v->path == NULL || folio_vf_queues_alloc(v, cfg->alloc) != 0)
		return folio_fail(err, -ENOMEM, "out of memory");
	ret = open_memory(v, cfg, err);
	return ret != 0 ? ret : open_card(v, err);
}

/* What the card's registers and this port can do at all. */
static int
check(const struct folio_vf_port_config *cfg, struct folio_error *err)
{
	if (cfg->queues > FOLIO_VF_PAIRS_MAX)
		return folio_fail(err, -EINVAL, "queues=%u with vf=%s: allowed are 1 to %u",
				  cfg->queues, cfg->vf, FOLIO_VF_PAIRS_MAX);
	if (cfg->ring_size > FOLIO_ADVQ_SIZE_MAX)
		return folio_fail(err, -EINVAL, "ring_size=%u with vf=%s: allowed are %u to %u",
				  cfg->ring_size, cfg->vf, FOLIO_ADVQ_SIZE_MIN,
				  FOLIO_ADVQ_SIZE_MAX);
	return 0;
}

struct folio_vf_port *
folio_vf_port_open(const struct folio_vf_port_config *cfg, struct folio_error *err)
{
	uint32_t slot = cfg->slot_size != 0 ? cfg->slot_size : FOLIO_DEFAULT_SLOT_SIZE;
	struct folio_vf_port *v;

	if (check(cfg, err) != 0)
		return NULL;
	v = cfg->alloc(sizeof(*v), FOLIO_ADVQ_LINE, cfg->alloc_ctx);
	if (v == NULL) {
		folio_fail(err, -ENOMEM, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&v->lock, NULL);
	pthread_rwlock_init(&v->map_lock, NULL);
	v->free = cfg->free;
	v->alloc_ctx = cfg->alloc_ctx;
	v->shm.fd = -1;
	v->queues = cfg->queues != 0 ? cfg->queues : 1;
	v->size = cfg->ring_size != 0 ? cfg->ring_size : FOLIO_VF_DEFAULT_SIZE;
	v->kib = (slot + 1023) / 1024;
	v->stride = stride_of(v->kib, cfg->path);
	v->limit = v->kib * 1024 < FOLIO_VF_FRAME_MAX ? v->kib * 1024 : FOLIO_VF_FRAME_MAX;
	v->copy = folio_copy_select(cfg->isa);
	if (open_all(v, cfg, err) == 0)
		return v;
	release(v);
	return NULL;
}

static void
set_up(struct folio_vf_port *v, bool up)
{
	if (up && !v->up)
		folio_count(&v->link_ups);
	__atomic_store_n(&v->up, up, __ATOMIC_RELEASE);
}

int
folio_vf_port_start(struct folio_vf_port *v, uint32_t frame_max)
{
	int ret = -EALREADY;

	pthread_mutex_lock(&v->lock);
	if (!v->started) {
		const struct folio_card_wants wants = wants_of(v, frame_max);

		v->started = true;
		folio_card_start(&v->card, &wants);
		ret = 0;
	}
	pthread_mutex_unlock(&v->lock);
	return ret;
}

void
folio_vf_port_set_frame_max(struct folio_vf_port *v, uint32_t frame_max)
{
	pthread_mutex_lock(&v->lock);
	if (v->started && frame_max > v->card.wants.frame_max) {
		const struct folio_card_wants wants = wants_of(v, frame_max);

		folio_card_stop(&v->card);
		folio_card_start(&v->card, &wants);
	}
	pthread_mutex_unlock(&v->lock);
}

/* No burst begins any more. False: one is still inside. */
static bool
shut(struct folio_vf_port *v)
{
	set_up(v, false);
	v->open = false;
	return folio_vf_queues_close(v);
}

bool
folio_vf_port_stop(struct folio_vf_port *v)
{
	struct folio_patience patience;
	bool done;

	folio_patience_begin(&patience);
	pthread_mutex_lock(&v->lock);
	if (v->started) {
		v->started = false;
		folio_card_stop(&v->card);
	}
	done = shut(v);
	pthread_mutex_unlock(&v->lock);
	while (!done && folio_patience_sleep(&patience)) {
		pthread_mutex_lock(&v->lock);
		done = v->started || folio_vf_queues_close(v);
		pthread_mutex_unlock(&v->lock);
	}
	return done;
}

/* What is gone is private by now: no card ever sees it again. */
static int
renew_memory(struct folio_vf_port *v, struct folio_error *err)
{
	int ret;

	if (!folio_shm_is_lost(&v->shm))
		return 0;
	pthread_rwlock_wrlock(&v->map_lock);
	folio_vf_pci_close(&v->pci); /* an IOMMU has the old one */
	folio_shm_close(&v->shm);
	ret = folio_shm_open(&v->shm, &v->memory, err);
	pthread_rwlock_unlock(&v->map_lock);
	return ret != 0 ? ret : -EAGAIN;
}

static void
prepare(struct folio_vf_port *v)
{
	struct folio_error err = {"the memory was opened anew"};
	int ret = 0;

	/* A burst that did not return when it was asked to still uses the memory. */
	if (!folio_vf_queues_close(v))
		return;
	if (v->prepared == 0)
		ret = renew_memory(v, &err);
	if (ret == 0)
		ret = folio_vf_queues_prepare(v, &err);
	if (ret < 0)
		folio_card_fail(&v->card, err.text);
	else if (ret == 0)
		folio_card_prepared(&v->card);
}

static void
run(struct folio_vf_port *v)
{
	struct folio_error err;

	if (folio_vf_queues_watch(v, &err) != 0)
		folio_card_fail(&v->card, err.text);
	else
		set_up(v, v->card.link);
}

/* What the card's state asks for. */
static void
act(struct folio_vf_port *v, enum folio_card_action action)
{
	switch (action) {
	case FOLIO_CARD_NOTHING:
		break;
	case FOLIO_CARD_SET_UP:
		v->prepared = 0;
		break;
	case FOLIO_CARD_OPEN:
		v->open = true;
		folio_vf_queues_open(v);
		break;
	case FOLIO_CARD_SHUT:
		(void)shut(v);
		break;
	}
}

/*
 * A function that is not open, or did not answer, or whose bus mastering could not be seen to be off,
 * is opened anew before it is used again. False: not yet.
 */
static bool
has_function(struct folio_vf_port *v)
{
	struct folio_card *c = &v->card;
	struct folio_error err;

	if (c->state != FOLIO_CARD_DOWN)
		return true;
	if (c->lost || c->loose)
		folio_vf_pci_close(&v->pci);
	if (folio_vf_pci_is_open(&v->pci) || !c->wanted || folio_now_ms() < c->retry_at)
		return true;
	if (folio_vf_pci_open(&v->pci, &err) == 0 && v->pci.family == c->family) {
		c->lost = false;
		c->loose = false;
		return true;
	}
	c->detail = err;
	c->retry_at = folio_now_ms() + 1000;
	return false;
}

void
folio_vf_port_tick(struct folio_vf_port *v)
{
	struct folio_card *c = &v->card;
	enum folio_card_action action;

	pthread_mutex_lock(&v->lock);
	if (has_function(v)) {
		action = folio_card_tick(c, folio_now_ms());
		act(v, action);
		if (action == FOLIO_CARD_OPEN) /* look at its link at once */
			act(v, folio_card_tick(c, folio_now_ms()));
	}
	if (c->state == FOLIO_CARD_PREPARE && !c->answered && !c->failed)
		prepare(v);
	else if (c->state == FOLIO_CARD_SHUTTING && folio_vf_queues_close(v))
		folio_card_quiet(c);
	else if (c->state == FOLIO_CARD_UP && v->open)
		run(v);
	pthread_mutex_unlock(&v->lock);
}

bool
folio_vf_port_needs_ticks(struct folio_vf_port *v)
{
	bool needs;

	pthread_mutex_lock(&v->lock);
	needs = v->started || v->card.state != FOLIO_CARD_DOWN;
	pthread_mutex_unlock(&v->lock);
	return needs;
}

void
folio_vf_port_close(struct folio_vf_port *v)
{
	uint32_t i;

	if (!folio_vf_port_stop(v)) {
		/* A burst may go on, in memory that stays; the card is stopped all the same. */
		folio_card_end(&v->card);
		return;
	}
	for (i = 0; i < CLOSE_TICKS && folio_vf_port_needs_ticks(v); i++) {
		folio_vf_port_tick(v);
		if (folio_vf_port_needs_ticks(v))
			sleep_a_tick();
	}
	release(v);
}

bool
folio_vf_port_is_up(const struct folio_vf_port *v)
{
	return __atomic_load_n(&v->up, __ATOMIC_ACQUIRE);
}

uint32_t
folio_vf_port_ring_size(const struct folio_vf_port *v)
{
	return v->size;
}

uint32_t
folio_vf_port_max_frame(const struct folio_vf_port *v)
{
	return v->limit;
}

const struct folio_copy *
folio_vf_port_copy(const struct folio_vf_port *v)
{
	return v->copy;
}

const char *
folio_vf_port_path(const struct folio_vf_port *v)
{
	return v->path;
}

bool
folio_vf_port_has_rings(const struct folio_vf_port *v, uint32_t q)
{
	return folio_vf_port_is_up(v) && q < __atomic_load_n(&v->card.pairs, __ATOMIC_RELAXED);
}

bool
folio_vf_port_mac(struct folio_vf_port *v, uint8_t mac[6])
{
	bool has;

	pthread_mutex_lock(&v->lock);
	has = folio_card_mac(&v->card, mac);
	pthread_mutex_unlock(&v->lock);
	return has;
}

void
folio_vf_port_set_mac(struct folio_vf_port *v, const uint8_t mac[6])
{
	pthread_mutex_lock(&v->lock);
	folio_card_set_mac(&v->card, mac);
	pthread_mutex_unlock(&v->lock);
}

void
folio_vf_port_counters(const struct folio_vf_port *v, struct folio_vf_counters *c)
{
	uint32_t q;

	memset(c, 0, sizeof(*c));
	for (q = 0; q < v->queues; q++) {
		const struct folio_advq *rx = &v->rxq[q].q;

		c->rx_bad_length += folio_counted(&rx->bad_length);
		c->rx_bad_chain += folio_counted(&rx->bad_chain);
		c->rx_bad_frame += folio_counted(&rx->bad_frame);
		c->ended_bursts += folio_counted(&v->rxq[q].ended);
	}
	c->bad_answers = folio_counted(&v->card.bad_answers);
	c->refusals = folio_counted(&v->card.refusals);
	c->link_ups = folio_counted(&v->link_ups);
	c->resets = folio_counted(&v->card.resets);
	c->stalls = folio_counted(&v->stalls);
	c->card_rx = folio_counted(&v->card.frames[0]);
	c->card_tx = folio_counted(&v->card.frames[1]);
}

static enum folio_link
link_of(const struct folio_vf_port *v)
{
	if (v->up)
		return FOLIO_LINK_UP;
	if (!v->started)
		return FOLIO_LINK_STOPPED;
	if (v->card.state == FOLIO_CARD_DOWN || v->card.state == FOLIO_CARD_UP)
		return FOLIO_LINK_NO_PEER;
	return v->card.state < FOLIO_CARD_UP ? FOLIO_LINK_HANDSHAKE : FOLIO_LINK_SETTLING;
}

void
folio_vf_port_status(struct folio_vf_port *v, struct folio_status *st)
{
	bool runs;

	memset(st, 0, sizeof(*st));
	pthread_mutex_lock(&v->lock);
	runs = v->card.state == FOLIO_CARD_UP;
	st->role = FOLIO_GUEST;
	st->link = link_of(v);
	st->queues = v->card.pairs;
	st->ring_size = v->size;
	st->slot_size = v->kib * 1024;
	st->stride = v->stride;
	st->max_frame = runs ? v->rxq[0].q.max_frame : v->limit;
	st->region_size = v->shm.size;
	st->page_size = v->shm.page_size;
	st->caching = v->shm.caching;
	st->isa = v->copy->isa;
	snprintf(st->region, sizeof(st->region), "%s rings in %.40s", v->card.family->name,
		 v->shm.detail);
	if (runs && !v->card.link)
		snprintf(st->detail, sizeof(st->detail), "the card says that its link is down");
	else
		snprintf(st->detail, sizeof(st->detail), "%s", v->card.detail.text);
	pthread_mutex_unlock(&v->lock);
}
