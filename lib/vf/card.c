/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <string.h>

#include "count.h"
#include "error.h"
#include "vf/card.h"

/* All in milliseconds. */
#define PATIENCE 3000u /* with a state */
#define SETTLE 10u     /* behind a reset, before the card is asked for anything */
#define PAUSE_MIN 100u
#define PAUSE_MAX 2000u
#define SETTLED 10000u /* what ran so long may begin again at once */

/* How often the card's counters are read: they have 32 bits. */
#define COUNTER_TICKS 50u

void
folio_card_init(struct folio_card *c, const struct folio_vf_family *family,
		const struct folio_vf_regs *regs, void *ctx)
{
	memset(c, 0, sizeof(*c));
	c->family = family;
	c->regs = regs;
	c->ctx = ctx;
	c->pause = PAUSE_MIN;
	folio_mailbox_init(&c->mailbox, regs, ctx, family->mailbox, family->memory);
}

void
folio_card_start(struct folio_card *c, const struct folio_card_wants *wants)
{
	c->wants = *wants;
	c->wanted = true;
	folio_fail(&c->detail, 0, "the card was not asked yet");
}

void
folio_card_stop(struct folio_card *c)
{
	c->wanted = false;
	c->leave = true;
	c->pause = PAUSE_MIN;
	c->detail.text[0] = '\0';
}

void
folio_card_set_mac(struct folio_card *c, const uint8_t mac[6])
{
	memcpy(c->wants.mac, mac, sizeof(c->wants.mac));
}

bool
folio_card_mac(const struct folio_card *c, uint8_t mac[6])
{
	if (c->has_mac)
		memcpy(mac, c->mac, sizeof(c->mac));
	return c->has_mac;
}

int
folio_card_gone(struct folio_card *c, struct folio_error *err)
{
	c->lost = true;
	return folio_fail(err, -ENODEV, "the card does not answer: it is gone");
}

static bool
get(const struct folio_card *c, uint32_t reg, uint32_t *value)
{
	return c->regs->read(c->ctx, reg, value) && *value != UINT32_MAX;
}

static bool
set(const struct folio_card *c, uint32_t reg, uint32_t value)
{
	return c->regs->write(c->ctx, reg, value);
}

static uint32_t
ring_base(const struct folio_card *c, bool rx, uint32_t q)
{
	return (rx ? c->family->rx : c->family->tx) + q * c->family->step;
}

static void
enter(struct folio_card *c, enum folio_card_state state, uint64_t now)
{
	c->state = state;
	c->since = now;
	c->answered = false;
}

/*
 * No interrupts, no queues, a reset, and no bus mastering: without that it reaches no memory,
 * whatever it makes of the rest. Not told from a card that is gone.
 */
static void
quiesce(struct folio_card *c)
{
	const struct folio_vf_family *f = c->family;
	uint32_t q;

	(void)set(c, f->no_interrupts, UINT32_MAX);
	for (q = 0; q < f->pairs; q++) {
		(void)set(c, ring_base(c, true, q) + FOLIO_VF_RING_CONTROL, 0);
		(void)set(c, ring_base(c, false, q) + FOLIO_VF_RING_CONTROL, 0);
	}
	(void)set(c, FOLIO_VF_CONTROL, FOLIO_VF_RESET);
	c->loose = !c->regs->master(c->ctx, false);
	folio_mailbox_clear(&c->mailbox);
}

/* The card uses nothing of ours any more. Is it tried again at once, or after a pause? */
static void
enter_down(struct folio_card *c, uint64_t now)
{
	quiesce(c);
	enter(c, FOLIO_CARD_DOWN, now);
	c->link = false;
	c->failed = false;
	c->retry_at = now;
	if (!c->leave) {
		c->retry_at += c->pause;
		c->pause = c->pause < PAUSE_MAX / 2 ? 2 * c->pause : PAUSE_MAX;
	}
	c->leave = false;
}

/* A step that did not end: wait for it, or begin again. err says what it waits for, or why not. */
static void
not_yet(struct folio_card *c, uint64_t now, int ret, const struct folio_error *err)
{
	if (ret != -EAGAIN || now - c->since < PATIENCE) {
		c->detail = *err;
	} else {
		folio_fail(&c->detail, 0, "%.300s: given up after %u ms", err->text, PATIENCE);
		ret = -ETIMEDOUT;
	}
	if (ret != -EAGAIN)
		enter_down(c, now);
}

/* Behind the reset: the physical function has to be out of its own, too. */
static int
await_reset(struct folio_card *c, uint64_t now, struct folio_error *err)
{
	if (now - c->since < SETTLE)
		return folio_fail(err, -EAGAIN, "the card is being reset");
	switch (folio_mailbox_ready(&c->mailbox)) {
	case FOLIO_MAILBOX_DONE:
		return 0;
	case FOLIO_MAILBOX_RESET:
		return folio_fail(err, -EAGAIN, "its physical function is being reset");
	default:
		return folio_card_gone(c, err);
	}
}

static bool
describe_ring(const struct folio_card *c, bool rx, uint32_t q)
{
	uint32_t base = ring_base(c, rx, q);
	uint64_t addr = rx ? c->rings[q].rx : c->rings[q].tx;

	return set(c, base + FOLIO_VF_RING_CONTROL, 0) &&
	       set(c, base + FOLIO_VF_RING_LOW, (uint32_t)addr) &&
	       set(c, base + FOLIO_VF_RING_HIGH, (uint32_t)(addr >> 32)) &&
	       set(c, base + FOLIO_VF_RING_BYTES, c->wants.size * 16) &&
	       set(c, base + FOLIO_VF_RING_HEAD, 0) && set(c, base + FOLIO_VF_RING_TAIL, 0);
}

static bool
describe_pair(const struct folio_card *c, uint32_t q)
{
	const struct folio_vf_family *f = c->family;
	uint32_t rx = ring_base(c, true, q), tx = ring_base(c, false, q), i;

	for (i = 0; i < f->clears; i++) {
		if (!set(c, rx + f->clear[i], 0))
			return false;
	}
	return describe_ring(c, true, q) &&
	       set(c, rx + f->buffers, f->buffers_form | c->wants.kib) &&
	       set(c, rx + FOLIO_VF_RING_CONTROL, f->rx_control | FOLIO_VF_RING_ENABLE) &&
	       describe_ring(c, false, q) && set(c, tx + f->write_back, 0) &&
	       set(c, tx + f->write_back + 4, 0) &&
	       set(c, tx + FOLIO_VF_RING_CONTROL, f->tx_control | FOLIO_VF_RING_ENABLE);
}

static int
describe(struct folio_card *c, struct folio_error *err)
{
	uint32_t q;

	if (!c->regs->master(c->ctx, true))
		return folio_fail(err, -EIO, "the card's bus mastering cannot be switched on");
	for (q = 0; q < c->pairs; q++) {
		if (!describe_pair(c, q))
			return folio_card_gone(c, err);
	}
	return 0;
}

/* Are all queues enabled? Then the card gets the buffers to receive into. */
static int
await_queues(struct folio_card *c, struct folio_error *err)
{
	uint32_t q, rx, tx;

	for (q = 0; q < c->pairs; q++) {
		if (!get(c, ring_base(c, true, q) + FOLIO_VF_RING_CONTROL, &rx) ||
		    !get(c, ring_base(c, false, q) + FOLIO_VF_RING_CONTROL, &tx))
			return folio_card_gone(c, err);
		if ((rx & tx & FOLIO_VF_RING_ENABLE) == 0)
			return folio_fail(err, -EAGAIN, "queue pair %u is not enabled yet", q);
	}
	for (q = 0; q < c->pairs; q++) {
		uint32_t base = ring_base(c, true, q);

		if ((c->family->late_head && !set(c, base + FOLIO_VF_RING_HEAD, 0)) ||
		    !set(c, base + FOLIO_VF_RING_TAIL, c->wants.size - 1))
			return folio_card_gone(c, err);
	}
	return 0;
}

/* The card's word, any at all: how many frames more it says it has had. */
static int
read_counters(struct folio_card *c, struct folio_error *err)
{
	const uint32_t regs[] = {c->family->rx_packets, c->family->tx_packets};
	uint32_t i, now;

	for (i = 0; i < 2; i++) {
		if (!c->regs->read(c->ctx, regs[i], &now))
			return folio_card_gone(c, err);
		if (c->ticks > 0)
			__atomic_store_n(&c->frames[i], c->frames[i] + (uint32_t)(now - c->seen[i]),
					 __ATOMIC_RELAXED);
		c->seen[i] = now;
	}
	return 0;
}

static int
look(struct folio_card *c, struct folio_error *err)
{
	uint32_t link;
	int ret = folio_card_listen(c, err);

	if (ret != 0)
		return ret;
	if (!get(c, c->family->link, &link))
		return folio_card_gone(c, err);
	c->link = (link & c->family->link_up) != 0;
	if (c->ticks % COUNTER_TICKS == 0)
		ret = read_counters(c, err);
	c->ticks++;
	return ret;
}

static enum folio_card_action
watch(struct folio_card *c, uint64_t now)
{
	struct folio_error err;

	if (!c->leave && !c->failed && look(c, &err) != 0)
		folio_card_fail(c, err.text);
	if (c->leave || c->failed) {
		c->link = false;
		enter(c, FOLIO_CARD_SHUTTING, now);
		return FOLIO_CARD_SHUT;
	}
	if (now - c->since >= SETTLED)
		c->pause = PAUSE_MIN;
	return FOLIO_CARD_NOTHING;
}

static void
begin(struct folio_card *c, uint64_t now)
{
	c->lost = false;
	quiesce(c);
	enter(c, FOLIO_CARD_RESET, now);
}

/* From RESET to UP. */
static enum folio_card_action
advance(struct folio_card *c, uint64_t now)
{
	struct folio_error err = {""};
	int ret = 0;

	switch (c->state) {
	case FOLIO_CARD_RESET:
		ret = await_reset(c, now, &err);
		if (ret != 0)
			break;
		folio_card_talk_begin(c);
		enter(c, FOLIO_CARD_TALK, now);
		/* fall through */
	case FOLIO_CARD_TALK:
		ret = folio_card_talk(c, &err);
		if (ret != 0)
			break;
		enter(c, FOLIO_CARD_PREPARE, now);
		return FOLIO_CARD_SET_UP;
	case FOLIO_CARD_PREPARE:
		if (!c->answered)
			return FOLIO_CARD_NOTHING;
		ret = describe(c, &err);
		if (ret != 0)
			break;
		enter(c, FOLIO_CARD_ENABLE, now);
		/* fall through */
	default: /* ENABLE */
		ret = await_queues(c, &err);
		if (ret != 0)
			break;
		enter(c, FOLIO_CARD_UP, now);
		c->ticks = 0;
		c->detail.text[0] = '\0';
		return FOLIO_CARD_OPEN;
	}
	not_yet(c, now, ret, &err);
	return FOLIO_CARD_NOTHING;
}

enum folio_card_action
folio_card_tick(struct folio_card *c, uint64_t now)
{
	bool over = c->leave || c->failed;

	if (over && c->state > FOLIO_CARD_DOWN && c->state < FOLIO_CARD_UP)
		enter_down(c, now);
	switch (c->state) {
	case FOLIO_CARD_DOWN:
		if (c->leave)
			c->retry_at = now;
		c->leave = false;
		if (c->wanted && now >= c->retry_at)
			begin(c, now);
		return FOLIO_CARD_NOTHING;
	case FOLIO_CARD_UP:
		return watch(c, now);
	case FOLIO_CARD_SHUTTING:
		if (c->answered)
			enter_down(c, now);
		return FOLIO_CARD_NOTHING;
	default:
		return advance(c, now);
	}
}

void
folio_card_prepared(struct folio_card *c)
{
	if (c->state == FOLIO_CARD_PREPARE)
		c->answered = true;
}

void
folio_card_quiet(struct folio_card *c)
{
	if (c->state == FOLIO_CARD_SHUTTING)
		c->answered = true;
}

void
folio_card_fail(struct folio_card *c, const char *why)
{
	if (c->leave || c->failed ||
	    (c->state != FOLIO_CARD_UP && c->state != FOLIO_CARD_PREPARE))
		return;
	if (c->state == FOLIO_CARD_UP)
		folio_count(&c->resets);
	c->failed = true;
	folio_fail(&c->detail, 0, "%s", why);
}

void
folio_card_end(struct folio_card *c)
{
	quiesce(c);
	folio_card_stop(c);
	c->state = FOLIO_CARD_DOWN;
	c->link = false;
	c->failed = false;
	c->leave = false;
}
