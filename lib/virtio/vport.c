/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* A virtio port's life: open, start, tick, stop, close. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "count.h"
#include "error.h"
#include "virtio/vport_state.h"

/* Ticks that a device may take to let go of the memory when a port is closed. */
#define CLOSE_TICKS 40u

/* Ticks that one at a PCI address may take to say what it offers. */
#define ASK_TICKS 50u

/* What a frame has beyond its MTU: two VLAN tags, too. */
#define FRAME_OVERHEAD 22u

#define BIT(n) (UINT64_C(1) << (n))

static uint32_t
whole_lines(uint32_t bytes)
{
	return (bytes + FOLIO_VIRTQ_LINE - 1) & ~(FOLIO_VIRTQ_LINE - 1);
}

/*
 * An odd number of lines from buffer to buffer spreads them over the caches' sets. Memory that
 * comes in pieces takes powers of two, so that no buffer crosses from one piece to another.
 */
static uint32_t
stride_of(uint32_t room, bool pieces)
{
	uint32_t stride = FOLIO_VIRTQ_LINE + room;

	if (pieces)
		return UINT32_C(1) << (32 - __builtin_clz(stride - 1));
	return stride / FOLIO_VIRTQ_LINE % 2 != 0 ? stride : stride + FOLIO_VIRTQ_LINE;
}

static int
open_memory(struct folio_vport *v, const struct folio_vport_config *cfg, struct folio_error *err)
{
	uint64_t needed = folio_vport_queues_bytes(v);

	v->memory.size = cfg->size != 0 ? cfg->size : needed;
	v->memory.numa_node = cfg->numa_node;
	v->memory.needs_addr = v->is_pci;
	if (folio_shm_config_keep(&v->memory, cfg->path, cfg->pci) != 0)
		return folio_fail(err, -ENOMEM, "out of memory");
	if (v->memory.size < needed)
		return folio_fail(err, -EINVAL, "size=%llu is too small: %u queue pairs of %u "
				  "descriptors with slot_size=%u need %llu",
				  (unsigned long long)cfg->size, v->queues, v->size, v->room,
				  (unsigned long long)needed);
	return folio_shm_open(&v->shm, &v->memory, err);
}

/* A PCI device is there or is not, and has an address that the application is to have. */
static int
ask_pci(struct folio_vport *v, struct folio_error *err)
{
	const struct timespec pause = {.tv_nsec = FOLIO_TICK_MS * 1000000L};
	const struct folio_virtio_transport *ops = &folio_virtio_pci_transport;
	const struct folio_virtio_wants wants = folio_vport_wants(v, 0);
	int ret = -EAGAIN;
	uint32_t i;

	for (i = 0; i < ASK_TICKS && ret == -EAGAIN; i++) {
		ret = ops->reach(&v->pci, err);
		if (ret == -EAGAIN)
			nanosleep(&pause, NULL);
	}
	for (; i < ASK_TICKS && ret == 0; i++) {
		ret = ops->ask(&v->pci, &v->device.offer, err);
		if (ret != -EAGAIN)
			break;
		ret = 0;
		nanosleep(&pause, NULL);
	}
	ops->drop(&v->pci);
	/*
	 * What makes no sense in it is not for an application. Whether the rest will do is judged
	 * at each start.
	 */
	if (ret == 0)
		(void)folio_virtio_offer_judge(&v->device.offer, &wants, &v->device.plan, NULL);
	if (i == ASK_TICKS)
		ret = folio_fail(err, -ETIMEDOUT, "virtio=%s: the device does not answer", v->path);
	return ret;
}

/* The control queue is at the start of the memory. */
static int
place_control(struct folio_vport *v, struct folio_virtio_pci_config *cfg, struct folio_error *err)
{
	cfg->control = v->shm.base;
	if (folio_shm_addr(&v->shm, 0, FOLIO_CONTROL_BYTES, &cfg->control_addr))
		return 0;
	return folio_fail(err, -ENOSPC, "virtio=%s: the memory has no room for the control queue",
			  v->path);
}

static int
open_pci(struct folio_vport *v, struct folio_error *err)
{
	struct folio_virtio_pci_config cfg = {
		.place = {v->path, FOLIO_PCI_SYSFS, FOLIO_PCI_DEV},
		.shm = &v->shm,
	};
	int ret;

	ret = place_control(v, &cfg, err);
	if (ret != 0)
		return ret;
	ret = folio_virtio_pci_open(&v->pci, &cfg, err);
	if (ret != 0)
		return ret;
	folio_virtio_device_init(&v->device, &folio_virtio_pci_transport, &v->pci);
	return ask_pci(v, err);
}

static int
open_device(struct folio_vport *v, const struct folio_vport_config *cfg, struct folio_error *err)
{
	int ret;

	if (v->is_pci)
		return open_pci(v, err);
	ret = folio_vhost_user_open(&v->vhost_user, cfg->vhost_user, cfg->server, &v->shm, err);
	if (ret != 0)
		return ret;
	folio_virtio_device_init(&v->device, &folio_vhost_user_transport, &v->vhost_user);
	return 0;
}

static void
close_device(struct folio_vport *v)
{
	if (v->device.ops == NULL)
		return;
	folio_virtio_device_end(&v->device);
	if (v->is_pci)
		folio_virtio_pci_close(&v->pci);
	else
		folio_vhost_user_close(&v->vhost_user);
}

static void
release(struct folio_vport *v)
{
	close_device(v);
	folio_shm_close(&v->shm);
	folio_vport_queues_free(v);
	pthread_rwlock_destroy(&v->map_lock);
	pthread_mutex_destroy(&v->lock);
	folio_shm_config_drop(&v->memory);
	free(v->path);
	v->free(v, v->alloc_ctx);
}

static int
open_all(struct folio_vport *v, const struct folio_vport_config *cfg, struct folio_error *err)
{
	int ret;

	v->path = strdup(cfg->vhost_user != NULL ? cfg->vhost_user : cfg->virtio);
	if (v->path == NULL || folio_vport_queues_alloc(v, cfg->alloc) != 0)
		return folio_fail(err, -ENOMEM, "out of memory");
	ret = open_memory(v, cfg, err);
	return ret != 0 ? ret : open_device(v, cfg, err);
}

/* The device has said what its link carries, if it was asked already. */
static void
limit_frames(struct folio_vport *v)
{
	const struct folio_virtio_offer *offer = &v->device.offer;

	if ((offer->features & BIT(VIRTIO_NET_F_MTU)) != 0 &&
	    offer->mtu + FRAME_OVERHEAD < v->limit)
		v->limit = offer->mtu + FRAME_OVERHEAD;
}

struct folio_vport *
folio_vport_open(const struct folio_vport_config *cfg, struct folio_error *err)
{
	struct folio_vport *v;
	uint32_t slot = cfg->slot_size != 0 ? cfg->slot_size : FOLIO_DEFAULT_SLOT_SIZE;

	v = cfg->alloc(sizeof(*v), FOLIO_VIRTQ_LINE, cfg->alloc_ctx);
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
	v->size = cfg->ring_size != 0 ? cfg->ring_size : FOLIO_VPORT_DEFAULT_SIZE;
	v->ring_size = v->size;
	v->stride = stride_of(whole_lines(slot), folio_shm_comes_in_pieces(cfg->path));
	v->room = v->stride - FOLIO_VIRTQ_LINE;
	v->split = cfg->split;
	v->is_pci = cfg->virtio != NULL;
	v->reserved = v->is_pci ? FOLIO_CONTROL_BYTES : 0;
	v->copy = folio_copy_select(cfg->isa);
	v->limit = FOLIO_VPORT_FRAME_MAX;
	if (open_all(v, cfg, err) == 0) {
		limit_frames(v);
		return v;
	}
	release(v);
	return NULL;
}

static void
set_up(struct folio_vport *v, bool up)
{
	if (up && !v->up)
		folio_count(&v->link_ups);
	__atomic_store_n(&v->up, up, __ATOMIC_RELEASE);
}

int
folio_vport_start(struct folio_vport *v, uint32_t frame_max)
{
	const struct folio_virtio_wants wants = folio_vport_wants(v, frame_max);
	int ret = -EALREADY;

	pthread_mutex_lock(&v->lock);
	if (!v->started) {
		v->started = true;
		folio_virtio_device_start(&v->device, &wants);
		ret = 0;
	}
	pthread_mutex_unlock(&v->lock);
	return ret;
}

void
folio_vport_set_frame_max(struct folio_vport *v, uint32_t frame_max)
{
	const struct folio_virtio_wants wants = folio_vport_wants(v, frame_max);

	pthread_mutex_lock(&v->lock);
	if (v->started && (wants.required & ~v->device.wants.required) != 0) {
		folio_virtio_device_stop(&v->device);
		folio_virtio_device_start(&v->device, &wants);
	}
	pthread_mutex_unlock(&v->lock);
}

/* No burst begins any more. False: one is still inside. */
static bool
shut(struct folio_vport *v)
{
	set_up(v, false);
	v->open = false;
	return folio_vport_queues_close(v);
}

bool
folio_vport_stop(struct folio_vport *v)
{
	struct folio_patience patience;
	bool done;

	folio_patience_begin(&patience);
	pthread_mutex_lock(&v->lock);
	if (v->started) {
		v->started = false;
		folio_virtio_device_stop(&v->device);
	}
	done = shut(v);
	pthread_mutex_unlock(&v->lock);
	while (!done && folio_patience_sleep(&patience)) {
		pthread_mutex_lock(&v->lock);
		done = v->started || folio_vport_queues_close(v);
		pthread_mutex_unlock(&v->lock);
	}
	return done;
}

/* What is gone is private by now: no device ever sees it again. */
static int
renew_memory(struct folio_vport *v, struct folio_error *err)
{
	int ret;

	if (!folio_shm_is_lost(&v->shm))
		return 0;
	pthread_rwlock_wrlock(&v->map_lock);
	folio_shm_close(&v->shm);
	ret = folio_shm_open(&v->shm, &v->memory, err);
	pthread_rwlock_unlock(&v->map_lock);
	return ret == 0 && v->is_pci ? place_control(v, &v->pci.cfg, err) : ret;
}

static void
prepare(struct folio_vport *v)
{
	struct folio_error err;
	int ret = 0;

	/* A burst that did not return when it was asked to still uses the memory. */
	if (!folio_vport_queues_close(v))
		return;
	if (v->prepared == 0)
		ret = renew_memory(v, &err);
	if (ret == 0)
		ret = folio_vport_queues_prepare(v, &err);
	if (ret < 0)
		folio_virtio_device_fail(&v->device, err.text);
	if (ret != 0)
		return;
	memcpy(v->device.plan.mac, v->mac, sizeof(v->mac));
	folio_virtio_device_prepared(&v->device, v->rings);
}

/* The device runs. */
static void
run(struct folio_vport *v)
{
	struct folio_error err;

	if (folio_vport_watch(v, &err) != 0) {
		folio_virtio_device_fail(&v->device, err.text);
		return;
	}
	if (v->device.announces != v->announces)
		v->announce = true;
	folio_vport_announce(v);
	set_up(v, v->device.link);
}

static void
open_queues(struct folio_vport *v)
{
	__atomic_store_n(&v->ring_size, v->device.size, __ATOMIC_RELAXED);
	folio_vport_watch_begin(v);
	v->announces = v->device.announces;
	v->open = true;
	folio_vport_queues_open(v);
}

/* What the device's state asks for. */
static void
act(struct folio_vport *v, enum folio_virtio_action action)
{
	switch (action) {
	case FOLIO_VIRTIO_NOTHING:
		break;
	case FOLIO_VIRTIO_SET_UP:
		v->prepared = 0;
		break;
	case FOLIO_VIRTIO_OPEN:
		open_queues(v);
		break;
	case FOLIO_VIRTIO_SHUT:
		(void)shut(v);
		break;
	}
}

void
folio_vport_tick(struct folio_vport *v)
{
	enum folio_virtio_action action;

	pthread_mutex_lock(&v->lock);
	action = folio_virtio_device_tick(&v->device, folio_now_ms());
	act(v, action);
	if (action == FOLIO_VIRTIO_OPEN) /* look at its link at once */
		act(v, folio_virtio_device_tick(&v->device, folio_now_ms()));
	if (v->device.state == FOLIO_VIRTIO_PREPARE && !v->device.answered && !v->device.failed)
		prepare(v);
	else if (v->device.state == FOLIO_VIRTIO_SHUTTING && folio_vport_queues_close(v))
		folio_virtio_device_quiet(&v->device);
	else if (v->device.state == FOLIO_VIRTIO_UP && v->open)
		run(v);
	pthread_mutex_unlock(&v->lock);
}

bool
folio_vport_needs_ticks(struct folio_vport *v)
{
	bool needs;

	pthread_mutex_lock(&v->lock);
	needs = v->started || v->device.state != FOLIO_VIRTIO_DOWN;
	pthread_mutex_unlock(&v->lock);
	return needs;
}

void
folio_vport_close(struct folio_vport *v)
{
	const struct timespec tick = {.tv_nsec = FOLIO_TICK_MS * 1000000L};
	uint32_t i;

	if (!folio_vport_stop(v)) {
		close_device(v); /* a burst may go on, in memory that stays */
		return;
	}
	for (i = 0; i < CLOSE_TICKS && folio_vport_needs_ticks(v); i++) {
		folio_vport_tick(v);
		if (folio_vport_needs_ticks(v))
			nanosleep(&tick, NULL);
	}
	release(v);
}

bool
folio_vport_is_up(const struct folio_vport *v)
{
	return __atomic_load_n(&v->up, __ATOMIC_ACQUIRE);
}

uint32_t
folio_vport_ring_size(const struct folio_vport *v)
{
	return __atomic_load_n(&v->ring_size, __ATOMIC_RELAXED);
}

uint32_t
folio_vport_max_frame(const struct folio_vport *v)
{
	return v->limit;
}

const struct folio_copy *
folio_vport_copy(const struct folio_vport *v)
{
	return v->copy;
}

const char *
folio_vport_path(const struct folio_vport *v)
{
	return v->path;
}

bool
folio_vport_mac(struct folio_vport *v, uint8_t mac[6])
{
	struct folio_virtio_offer offer;

	pthread_mutex_lock(&v->lock);
	offer = v->device.offer;
	pthread_mutex_unlock(&v->lock);
	if ((offer.features & BIT(VIRTIO_NET_F_MAC)) == 0)
		return false;
	memcpy(mac, offer.mac, sizeof(offer.mac));
	return true;
}

void
folio_vport_announced_mac(struct folio_vport *v, const uint8_t mac[6])
{
	pthread_mutex_lock(&v->lock);
	memcpy(v->mac, mac, 6);
	pthread_mutex_unlock(&v->lock);
}

void
folio_vq_ring(const struct folio_vq *end)
{
	struct folio_virtio_device *d = &end->port->device;

	d->ops->notify(d->transport, end->number);
}

void
folio_vport_counters(const struct folio_vport *v, struct folio_vport_counters *c)
{
	uint32_t q;

	memset(c, 0, sizeof(*c));
	for (q = 0; q < v->queues; q++) {
		const struct folio_virtq *rx = &v->rxq[q].q, *tx = &v->txq[q].q;

		c->rx_bad_index += folio_counted(&rx->bad_index);
		c->rx_bad_id += folio_counted(&rx->bad_id);
		c->rx_bad_length += folio_counted(&rx->bad_length);
		c->rx_bad_chain += folio_counted(&rx->bad_chain);
		c->tx_bad_index += folio_counted(&tx->bad_index);
		c->tx_bad_id += folio_counted(&tx->bad_id);
		c->ended_bursts += folio_counted(&v->rxq[q].ended);
	}
	c->bad_offers = folio_counted(&v->device.bad_offers);
	c->link_ups = folio_counted(&v->link_ups);
	c->resets = folio_counted(&v->device.resets);
	c->stalls = folio_counted(&v->stalls);
	c->announces = folio_counted(&v->announces);
}

static enum folio_link
link_of(const struct folio_vport *v)
{
	if (v->up)
		return FOLIO_LINK_UP;
	if (!v->started)
		return FOLIO_LINK_STOPPED;
	if (v->device.state == FOLIO_VIRTIO_DOWN || v->device.state == FOLIO_VIRTIO_REACH ||
	    v->device.state == FOLIO_VIRTIO_UP)
		return FOLIO_LINK_NO_PEER;
	return v->device.state < FOLIO_VIRTIO_UP ? FOLIO_LINK_HANDSHAKE : FOLIO_LINK_SETTLING;
}

void
folio_vport_status(struct folio_vport *v, struct folio_status *st)
{
	bool runs;

	memset(st, 0, sizeof(*st));
	pthread_mutex_lock(&v->lock);
	runs = v->device.state == FOLIO_VIRTIO_UP;
	st->role = FOLIO_GUEST;
	st->link = link_of(v);
	st->queues = v->device.pairs;
	st->ring_size = v->ring_size;
	st->slot_size = v->room;
	st->stride = v->stride;
	st->max_frame = runs ? v->rxq[0].q.max_frame : FOLIO_VPORT_FRAME_MAX;
	st->region_size = v->shm.size;
	st->page_size = v->shm.page_size;
	st->caching = v->shm.caching;
	st->isa = v->copy->isa;
	snprintf(st->region, sizeof(st->region), "%s%.40s", !runs ? "" :
		 folio_vport_is_packed(v) ? "packed rings in " : "split rings in ", v->shm.detail);
	if (runs && !v->device.link)
		snprintf(st->detail, sizeof(st->detail), "the device says that its link is down");
	else
		snprintf(st->detail, sizeof(st->detail), "%s", v->device.detail.text);
	pthread_mutex_unlock(&v->lock);
}
