/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <string.h>

#include "count.h"
#include "error.h"
#include "virtio/device.h"

/* All in milliseconds. */
#define PATIENCE 3000u /* with a state: rte_vhost takes up to a second to look at a connection */
#define PART_PATIENCE 600u /* a tick for each ring; behind that the device can be dropped */
#define PAUSE_MIN 100u
#define PAUSE_MAX 2000u
#define SETTLED 10000u /* what ran so long may begin again at once */

void
folio_virtio_device_init(struct folio_virtio_device *d,
			 const struct folio_virtio_transport *ops, void *transport)
{
	memset(d, 0, sizeof(*d));
	d->ops = ops;
	d->transport = transport;
	d->pause = PAUSE_MIN;
}

void
folio_virtio_device_start(struct folio_virtio_device *d, const struct folio_virtio_wants *wants)
{
	d->wants = *wants;
	d->wanted = true;
	folio_fail(&d->detail, 0, "%s: not asked yet", d->ops->name);
}

void
folio_virtio_device_stop(struct folio_virtio_device *d)
{
	d->wanted = false;
	d->leave = true;
	d->pause = PAUSE_MIN;
	d->detail.text[0] = '\0';
}

static void
enter(struct folio_virtio_device *d, enum folio_virtio_state state, uint64_t now)
{
	d->state = state;
	d->since = now;
	d->answered = false;
}

/* The device uses nothing of ours any more. Is it tried again at once, or after a pause? */
static void
enter_down(struct folio_virtio_device *d, uint64_t now)
{
	enter(d, FOLIO_VIRTIO_DOWN, now);
	d->link = false;
	d->failed = false;
	d->retry_at = now;
	if (!d->leave) {
		d->retry_at += d->pause;
		d->pause = d->pause < PAUSE_MAX / 2 ? 2 * d->pause : PAUSE_MAX;
	}
	d->leave = false;
}

static void
give_up(struct folio_virtio_device *d, uint64_t now)
{
	d->ops->drop(d->transport);
	enter_down(d, now);
}

/* A step that did not end: wait for it, or begin again. err says what it waits for, or why not. */
static void
not_yet(struct folio_virtio_device *d, uint64_t now, int ret, const struct folio_error *err)
{
	uint64_t waited = now - d->since;

	if (ret != -EAGAIN || waited < PATIENCE) {
		d->detail = *err;
	} else {
		folio_fail(&d->detail, 0, "%.300s: given up after %u ms", err->text, PATIENCE);
		ret = -ETIMEDOUT;
	}
	if (ret != -EAGAIN)
		give_up(d, now);
}

static enum folio_virtio_action
judge(struct folio_virtio_device *d, uint64_t now)
{
	struct folio_error err;
	int ret = folio_virtio_offer_judge(&d->offer, &d->wants, &d->plan, &err);

	if (ret != 0)
		folio_count(&d->bad_offers);
	if (ret < 0) {
		folio_fail(&d->detail, ret, "%s: %.300s", d->ops->name, err.text);
		give_up(d, now);
		return FOLIO_VIRTIO_NOTHING;
	}
	d->features = d->plan.features;
	d->pairs = d->plan.pairs;
	d->size = d->plan.size;
	enter(d, FOLIO_VIRTIO_PREPARE, now);
	return FOLIO_VIRTIO_SET_UP;
}

static enum folio_virtio_action
watch(struct folio_virtio_device *d, uint64_t now)
{
	struct folio_virtio_health health = {.link = d->link};
	struct folio_error err = {""};
	int ret;

	if (!d->leave && !d->failed) {
		ret = d->ops->watch(d->transport, &health, &err);
		if (ret != 0 && ret != -EAGAIN)
			folio_virtio_device_fail(d, err.text);
	}
	if (d->leave || d->failed) {
		d->link = false;
		enter(d, FOLIO_VIRTIO_SHUTTING, now);
		return FOLIO_VIRTIO_SHUT;
	}
	d->link = health.link;
	if (health.announce)
		folio_count(&d->announces);
	if (now - d->since >= SETTLED)
		d->pause = PAUSE_MIN;
	return FOLIO_VIRTIO_NOTHING;
}

static void
part(struct folio_virtio_device *d, uint64_t now)
{
	struct folio_error err;
	int ret = d->failed ? -ECANCELED : d->ops->part(d->transport, &err);

	if (ret == -EAGAIN && now - d->since < PART_PATIENCE)
		return;
	if (ret != 0)
		d->ops->drop(d->transport);
	enter_down(d, now);
}

enum folio_virtio_action
folio_virtio_device_tick(struct folio_virtio_device *d, uint64_t now)
{
	struct folio_error err = {"no answer yet"};
	bool over = d->leave || d->failed;
	int ret;

	if (over && d->state > FOLIO_VIRTIO_DOWN && d->state < FOLIO_VIRTIO_UP)
		give_up(d, now);
	switch (d->state) {
	case FOLIO_VIRTIO_DOWN:
		if (d->leave)
			d->retry_at = now;
		d->leave = false;
		if (!d->wanted || now < d->retry_at)
			break;
		enter(d, FOLIO_VIRTIO_REACH, now);
		/* fall through */
	case FOLIO_VIRTIO_REACH:
		ret = d->ops->reach(d->transport, &err);
		if (ret != 0) {
			not_yet(d, now, ret, &err);
			break;
		}
		memset(&d->offer, 0, sizeof(d->offer));
		enter(d, FOLIO_VIRTIO_ASK, now);
		break;
	case FOLIO_VIRTIO_ASK:
		ret = d->ops->ask(d->transport, &d->offer, &err);
		if (ret == 0)
			return judge(d, now);
		not_yet(d, now, ret, &err);
		break;
	case FOLIO_VIRTIO_PREPARE:
		if (!d->answered)
			break;
		enter(d, FOLIO_VIRTIO_TELL, now);
		/* fall through */
	case FOLIO_VIRTIO_TELL:
		ret = d->ops->tell(d->transport, &d->plan, &err);
		if (ret != 0) {
			not_yet(d, now, ret, &err);
			break;
		}
		enter(d, FOLIO_VIRTIO_UP, now);
		d->link = (d->features & UINT64_C(1) << VIRTIO_NET_F_STATUS) == 0;
		d->detail.text[0] = '\0';
		return FOLIO_VIRTIO_OPEN;
	case FOLIO_VIRTIO_UP:
		return watch(d, now);
	case FOLIO_VIRTIO_SHUTTING:
		if (!d->answered)
			break;
		enter(d, FOLIO_VIRTIO_PART, now);
		/* fall through */
	case FOLIO_VIRTIO_PART:
		part(d, now);
		break;
	}
	return FOLIO_VIRTIO_NOTHING;
}

void
folio_virtio_device_prepared(struct folio_virtio_device *d, const struct folio_virtio_ring *rings)
{
	if (d->state != FOLIO_VIRTIO_PREPARE)
		return;
	memcpy(d->plan.ring, rings, 2 * d->plan.pairs * sizeof(*rings));
	d->answered = true;
}

void
folio_virtio_device_quiet(struct folio_virtio_device *d)
{
	if (d->state == FOLIO_VIRTIO_SHUTTING)
		d->answered = true;
}

void
folio_virtio_device_fail(struct folio_virtio_device *d, const char *why)
{
	if (d->leave || d->failed ||
	    (d->state != FOLIO_VIRTIO_UP && d->state != FOLIO_VIRTIO_PREPARE))
		return;
	if (d->state == FOLIO_VIRTIO_UP)
		folio_count(&d->resets);
	d->failed = true;
	folio_fail(&d->detail, 0, "%s", why);
}

void
folio_virtio_device_end(struct folio_virtio_device *d)
{
	if (d->state != FOLIO_VIRTIO_DOWN)
		d->ops->drop(d->transport);
	folio_virtio_device_stop(d);
	d->state = FOLIO_VIRTIO_DOWN;
	d->link = false;
	d->failed = false;
	d->leave = false;
}
