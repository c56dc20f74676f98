/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* A device's state machine over a transport that does as it is told, with a clock of its own. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util.h"
#include "virtio/device.h"

#define PART_PATIENCE 600 /* ms */
#define TICK 20u
#define BIT(n) (UINT64_C(1) << (n))

enum call { REACH, ASK, TELL, WATCH, PART, CALLS };

struct fake {
	int ret[CALLS]; /* what each call returns */
	unsigned int calls[CALLS];
	unsigned int drops;
	bool in_use; /* between tell() and the end */
	struct folio_virtio_offer offer;
	struct folio_virtio_plan told;
	struct folio_virtio_health health;
};

static int
called(void *t, enum call call, struct folio_error *err)
{
	struct fake *f = t;

	f->calls[call]++;
	if (f->ret[call] != 0)
		snprintf(err->text, sizeof(err->text), "fake: call %d says %d", call, f->ret[call]);
	return f->ret[call];
}

static int
fake_reach(void *t, struct folio_error *err)
{
	return called(t, REACH, err);
}

static int
fake_ask(void *t, struct folio_virtio_offer *offer, struct folio_error *err)
{
	*offer = ((struct fake *)t)->offer;
	return called(t, ASK, err);
}

static int
fake_tell(void *t, const struct folio_virtio_plan *plan, struct folio_error *err)
{
	struct fake *f = t;

	f->told = *plan;
	f->in_use = true;
	return called(t, TELL, err);
}

static int
fake_watch(void *t, struct folio_virtio_health *health, struct folio_error *err)
{
	*health = ((struct fake *)t)->health;
	return called(t, WATCH, err);
}

static int
fake_part(void *t, struct folio_error *err)
{
	struct fake *f = t;
	int ret = called(t, PART, err);

	if (ret == 0)
		f->in_use = false;
	return ret;
}

static void
fake_drop(void *t)
{
	struct fake *f = t;

	f->drops++;
	f->in_use = false;
}

static const struct folio_virtio_transport fake_transport = {
	.name = "fake",
	.reach = fake_reach,
	.ask = fake_ask,
	.tell = fake_tell,
	.watch = fake_watch,
	.part = fake_part,
	.drop = fake_drop,
};

static const struct folio_virtio_wants wants = {
	.features = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_MTU) |
		    BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_STATUS) | BIT(VIRTIO_NET_F_CTRL_VQ) |
		    BIT(VIRTIO_NET_F_MQ) | BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) |
		    BIT(VIRTIO_F_ACCESS_PLATFORM) | BIT(VIRTIO_F_ORDER_PLATFORM) |
		    BIT(VIRTIO_F_RING_PACKED),
	.pairs = 4,
	.size = 1024,
	.min_size = 64,
};

static const struct folio_virtio_offer good = {
	.features = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_MTU) | BIT(VIRTIO_NET_F_MAC) |
		    BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_MQ) | BIT(VIRTIO_NET_F_STATUS) |
		    BIT(VIRTIO_NET_F_CTRL_RX) | BIT(VIRTIO_F_ACCESS_PLATFORM) |
		    BIT(VIRTIO_F_ORDER_PLATFORM) | BIT(63),
	.pairs = 2,
	.queue_max = 256,
	.mtu = 1500,
	.mac = {2, 0, 0, 0, 0, 1},
};

struct env {
	struct fake f;
	struct folio_virtio_device d;
	uint64_t now;
};

static int
setup(void **state)
{
	static struct env e;

	memset(&e, 0, sizeof(e));
	e.f.offer = good;
	e.f.health.link = true;
	e.now = 5000;
	folio_virtio_device_init(&e.d, &fake_transport, &e.f);
	*state = &e;
	return 0;
}

static enum folio_virtio_action
tick(struct env *e)
{
	e->now += TICK;
	return folio_virtio_device_tick(&e->d, e->now);
}

/* Ticks until there is something to do, or `ms` have gone by. */
static enum folio_virtio_action
run(struct env *e, uint64_t ms)
{
	const uint64_t end = e->now + ms;
	enum folio_virtio_action action = FOLIO_VIRTIO_NOTHING;

	while (action == FOLIO_VIRTIO_NOTHING && e->now < end)
		action = tick(e);
	return action;
}

static void
prepare(struct env *e)
{
	struct folio_virtio_ring rings[FOLIO_VIRTIO_QUEUES_MAX];
	uint32_t i;

	for (i = 0; i < FOLIO_VIRTIO_QUEUES_MAX; i++)
		rings[i] = (struct folio_virtio_ring){i, 1000 + i, 2000 + i};
	folio_virtio_device_prepared(&e->d, rings);
}

static void
bring_up(struct env *e)
{
	folio_virtio_device_start(&e->d, &wants);
	assert_int_equal(run(e, 1000), FOLIO_VIRTIO_SET_UP);
	prepare(e);
	assert_int_equal(run(e, 1000), FOLIO_VIRTIO_OPEN);
	assert_int_equal(e->d.state, FOLIO_VIRTIO_UP);
}

static void
check_says(const struct env *e, const char *text)
{
	if (strstr(e->d.detail.text, text) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", e->d.detail.text, text);
}

static void
test_up_and_down(void **state)
{
	struct env *e = *state;
	uint32_t i;

	assert_int_equal(run(e, 100), FOLIO_VIRTIO_NOTHING);
	assert_int_equal(e->f.calls[REACH], 0); /* nobody wants it */
	folio_virtio_device_start(&e->d, &wants);
	check_says(e, "fake");
	assert_int_equal(run(e, 1000), FOLIO_VIRTIO_SET_UP);
	assert_int_equal(e->d.features, good.features & wants.features);
	assert_int_equal(e->d.pairs, 2);
	assert_int_equal(e->d.size, 256);
	assert_memory_equal(e->d.offer.mac, good.mac, sizeof(good.mac));
	assert_int_equal(e->d.offer.mtu, 1500);
	assert_int_equal(run(e, 100000), FOLIO_VIRTIO_NOTHING); /* the owner takes its time */
	assert_int_equal(e->f.calls[TELL], 0);
	prepare(e);
	assert_int_equal(tick(e), FOLIO_VIRTIO_OPEN);
	assert_string_equal(e->d.detail.text, "");
	assert_int_equal(e->f.told.features, e->d.features);
	assert_int_equal(e->f.told.pairs, 2);
	assert_int_equal(e->f.told.size, 256);
	for (i = 0; i < 4; i++)
		assert_int_equal(e->f.told.ring[i].device, 2000 + i);
	assert_int_equal(run(e, 1000), FOLIO_VIRTIO_NOTHING);
	assert_true(e->d.link);
	e->f.health = (struct folio_virtio_health){.link = false, .announce = true};
	(void)tick(e);
	assert_false(e->d.link);
	assert_int_equal(e->d.announces, 1);

	folio_virtio_device_stop(&e->d);
	assert_int_equal(tick(e), FOLIO_VIRTIO_SHUT);
	assert_int_equal(run(e, 100000), FOLIO_VIRTIO_NOTHING); /* until no burst is inside */
	assert_int_equal(e->f.calls[PART], 0);
	assert_true(e->f.in_use);
	folio_virtio_device_quiet(&e->d);
	(void)tick(e);
	assert_int_equal(e->d.state, FOLIO_VIRTIO_DOWN);
	assert_int_equal(e->f.calls[PART], 1);
	assert_int_equal(e->f.drops, 0); /* it was parted from */
	assert_int_equal(e->d.resets, 0);
	assert_string_equal(e->d.detail.text, "");
	assert_int_equal(run(e, 10000), FOLIO_VIRTIO_NOTHING);
	assert_int_equal(e->d.state, FOLIO_VIRTIO_DOWN);
}

/* A device that never answers costs a bounded time, in whatever state. */
static void
test_deadlines(void **state)
{
	static const enum call calls[] = {REACH, ASK, TELL};
	struct env *e = *state;
	size_t i;

	for (i = 0; i < ARRAY_LEN(calls); i++) {
		uint64_t since;

		(void)setup(state);
		e->f.ret[calls[i]] = -EAGAIN;
		folio_virtio_device_start(&e->d, &wants);
		while (e->f.calls[calls[i]] == 0) {
			if (tick(e) == FOLIO_VIRTIO_SET_UP)
				prepare(e);
		}
		since = e->d.since;
		check_says(e, "says -11");
		while (e->f.drops == 0) {
			assert_true(e->now - since < 3000);
			assert_int_equal(tick(e), FOLIO_VIRTIO_NOTHING);
		}
		assert_int_equal(e->now - since, 3000);
		check_says(e, "says -11: given up after 3000 ms");
		assert_int_equal(e->d.state, FOLIO_VIRTIO_DOWN);
		assert_int_equal(e->d.resets, 0);
		/* One that answers late, but in time, is taken. */
		while (e->d.state == FOLIO_VIRTIO_DOWN)
			(void)tick(e);
		e->f.ret[calls[i]] = 0;
		if (run(e, 1000) == FOLIO_VIRTIO_SET_UP) {
			prepare(e);
			assert_int_equal(run(e, 1000), FOLIO_VIRTIO_OPEN);
		}
		assert_int_equal(e->d.state, FOLIO_VIRTIO_UP);
	}
}

/* A clock that jumps, as on a machine that stood still, is no reason to give up what is there. */
static void
test_answer_behind_deadline(void **state)
{
	struct env *e = *state;

	e->f.ret[ASK] = -EAGAIN;
	folio_virtio_device_start(&e->d, &wants);
	assert_int_equal(run(e, 100), FOLIO_VIRTIO_NOTHING);
	assert_int_equal(e->d.state, FOLIO_VIRTIO_ASK);
	e->f.ret[ASK] = 0;
	e->now += 60000;
	assert_int_equal(tick(e), FOLIO_VIRTIO_SET_UP);
}

static uint64_t
next_attempt(struct env *e)
{
	const unsigned int before = e->f.calls[REACH];
	const uint64_t since = e->now;

	while (e->f.calls[REACH] == before) {
		assert_true(e->now - since < 10000);
		(void)tick(e);
	}
	return e->now - since;
}

/* An error begins again behind a pause, which doubles, and is short after it ran for a while. */
static void
test_pauses(void **state)
{
	static const uint64_t pauses[] = {100, 200, 400, 800, 1600, 2000, 2000};
	struct env *e = *state;
	unsigned int round;
	size_t i;

	e->f.ret[REACH] = -ECONNREFUSED;
	folio_virtio_device_start(&e->d, &wants);
	(void)tick(e);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < ARRAY_LEN(pauses); i++) {
			check_says(e, "fake: call 0 says -111");
			assert_int_equal(next_attempt(e), pauses[i]);
		}
		e->f.ret[REACH] = 0;
		assert_int_equal(run(e, 3000), FOLIO_VIRTIO_SET_UP);
		prepare(e);
		assert_int_equal(tick(e), FOLIO_VIRTIO_OPEN);
		assert_int_equal(run(e, 10000), FOLIO_VIRTIO_NOTHING);
		e->f.ret[WATCH] = -EIO;
		assert_int_equal(tick(e), FOLIO_VIRTIO_SHUT);
		folio_virtio_device_quiet(&e->d);
		(void)tick(e);
		assert_int_equal(next_attempt(e), 100);
		/* So it was set to its beginning; the next one is 200. */
		folio_virtio_device_stop(&e->d);
		e->f.ret[WATCH] = 0;
		(void)run(e, 100);
		e->f.ret[REACH] = -ECONNREFUSED;
		folio_virtio_device_start(&e->d, &wants);
		(void)tick(e);
	}
	/* A device that fails as soon as it is up does not get the short pause. */
	(void)setup(state);
	folio_virtio_device_start(&e->d, &wants);
	for (i = 0; i < ARRAY_LEN(pauses); i++) {
		uint64_t since;

		assert_int_equal(run(e, 3000), FOLIO_VIRTIO_SET_UP);
		prepare(e);
		assert_int_equal(tick(e), FOLIO_VIRTIO_OPEN);
		assert_int_equal(tick(e), FOLIO_VIRTIO_NOTHING);
		folio_virtio_device_fail(&e->d, "stalled");
		assert_int_equal(tick(e), FOLIO_VIRTIO_SHUT);
		folio_virtio_device_quiet(&e->d);
		(void)tick(e);
		since = e->now;
		assert_int_equal(next_attempt(e), pauses[i]);
		assert_int_equal(e->now - since, pauses[i]);
	}
}

/* It fails while it is up: shut once, left alone until no burst is inside, then dropped. */
static void
test_failure(void **state)
{
	struct env *e = *state;
	unsigned int by_owner;

	for (by_owner = 0; by_owner < 2; by_owner++) {
		(void)setup(state);
		bring_up(e);
		if (by_owner)
			folio_virtio_device_fail(&e->d, "queue 3 has stood still");
		else
			e->f.ret[WATCH] = -ENODEV;
		assert_int_equal(tick(e), FOLIO_VIRTIO_SHUT);
		assert_int_equal(e->d.resets, 1);
		assert_false(e->d.link);
		check_says(e, by_owner ? "queue 3 has stood still" : "fake: call 3 says -19");
		folio_virtio_device_fail(&e->d, "again");
		assert_int_equal(e->d.resets, 1);
		assert_int_equal(run(e, 10000), FOLIO_VIRTIO_NOTHING);
		assert_int_equal(e->f.drops, 0);
		folio_virtio_device_quiet(&e->d);
		(void)tick(e);
		assert_int_equal(e->f.drops, 1);
		assert_int_equal(e->f.calls[PART], 0);
		assert_int_equal(e->d.state, FOLIO_VIRTIO_DOWN);
		e->f.ret[WATCH] = 0;
		assert_int_equal(run(e, 200), FOLIO_VIRTIO_SET_UP);
		prepare(e);
		assert_int_equal(run(e, 200), FOLIO_VIRTIO_OPEN);
		assert_string_equal(e->d.detail.text, "");
	}
}

/* The owner has no memory for what was agreed on. */
static void
test_owner_cannot_prepare(void **state)
{
	struct env *e = *state;

	folio_virtio_device_start(&e->d, &wants);
	assert_int_equal(run(e, 1000), FOLIO_VIRTIO_SET_UP);
	folio_virtio_device_fail(&e->d, "no room");
	(void)tick(e);
	assert_int_equal(e->f.drops, 1);
	assert_int_equal(e->d.resets, 0);
	check_says(e, "no room");
	assert_int_equal(run(e, 200), FOLIO_VIRTIO_SET_UP);
}

/* Stopped in any state: the device is let go, by part() if it ran. */
static void
test_stop_anywhere(void **state)
{
	static const enum call stuck[] = {REACH, ASK, TELL};
	struct env *e = *state;
	size_t i;

	for (i = 0; i < ARRAY_LEN(stuck); i++) {
		(void)setup(state);
		e->f.ret[stuck[i]] = -EAGAIN;
		folio_virtio_device_start(&e->d, &wants);
		if (run(e, 100) == FOLIO_VIRTIO_SET_UP)
			prepare(e);
		(void)run(e, 100);
		folio_virtio_device_stop(&e->d);
		assert_int_equal(tick(e), FOLIO_VIRTIO_NOTHING);
		assert_int_equal(e->d.state, FOLIO_VIRTIO_DOWN);
		assert_int_equal(e->f.drops, 1);
		assert_string_equal(e->d.detail.text, "");
	}
	/* In PREPARE, and in a pause. */
	(void)setup(state);
	folio_virtio_device_start(&e->d, &wants);
	assert_int_equal(run(e, 100), FOLIO_VIRTIO_SET_UP);
	folio_virtio_device_stop(&e->d);
	(void)tick(e);
	assert_int_equal(e->f.drops, 1);
	prepare(e); /* too late: nothing comes of it */
	assert_int_equal(run(e, 1000), FOLIO_VIRTIO_NOTHING);
	assert_int_equal(e->f.calls[TELL], 0);
	e->f.ret[REACH] = -ENOENT;
	folio_virtio_device_start(&e->d, &wants);
	assert_int_equal(run(e, 5000), FOLIO_VIRTIO_NOTHING);
	e->f.ret[REACH] = 0;
	folio_virtio_device_stop(&e->d);
	folio_virtio_device_start(&e->d, &wants);
	assert_int_equal(tick(e), FOLIO_VIRTIO_NOTHING); /* begins at once */
	assert_int_equal(tick(e), FOLIO_VIRTIO_SET_UP);
}

/* Stop and start between two ticks: what is wanted now counts. */
static void
test_restart(void **state)
{
	struct folio_virtio_wants less = wants;
	struct env *e = *state;

	less.pairs = 1;
	bring_up(e);
	assert_int_equal(e->d.pairs, 2);
	folio_virtio_device_stop(&e->d);
	folio_virtio_device_start(&e->d, &less);
	assert_int_equal(tick(e), FOLIO_VIRTIO_SHUT);
	folio_virtio_device_quiet(&e->d);
	assert_int_equal(tick(e), FOLIO_VIRTIO_NOTHING);
	assert_int_equal(e->f.calls[PART], 1);
	assert_int_equal(run(e, 3 * TICK), FOLIO_VIRTIO_SET_UP); /* without a pause */
	assert_int_equal(e->d.pairs, 1);
}

/* A device that cannot be parted from is dropped: at an error at once, else 200 ms later. */
static void
test_part_fails(void **state)
{
	static const int errors[] = {-EAGAIN, -ECONNRESET};
	struct env *e = *state;
	uint64_t since;
	size_t i;

	for (i = 0; i < ARRAY_LEN(errors); i++) {
		(void)setup(state);
		bring_up(e);
		e->f.ret[PART] = errors[i];
		folio_virtio_device_stop(&e->d);
		assert_int_equal(tick(e), FOLIO_VIRTIO_SHUT);
		folio_virtio_device_quiet(&e->d);
		since = e->now + TICK;
		while (e->d.state != FOLIO_VIRTIO_DOWN) {
			assert_true(e->now <= since + PART_PATIENCE);
			assert_int_equal(tick(e), FOLIO_VIRTIO_NOTHING);
		}
		assert_int_equal(e->now - since, errors[i] == -EAGAIN ? PART_PATIENCE : 0);
		assert_int_equal(e->f.drops, 1);
		assert_false(e->f.in_use);
	}
}

/* Refused, counted, and asked again: it may offer something better. */
static void
test_bad_offer(void **state)
{
	struct env *e = *state;

	e->f.offer.features &= ~BIT(VIRTIO_F_VERSION_1);
	folio_virtio_device_start(&e->d, &wants);
	assert_int_equal(run(e, 3 * TICK), FOLIO_VIRTIO_NOTHING);
	check_says(e, "fake: features 0x");
	assert_int_equal(e->f.drops, 1);
	assert_int_equal(e->d.state, FOLIO_VIRTIO_DOWN);
	assert_int_equal(e->d.bad_offers, 1);
	/* It is taken without what makes no sense: counted, too. */
	e->f.offer = good;
	e->f.offer.mac[0] = 1;
	assert_int_equal(run(e, 200), FOLIO_VIRTIO_SET_UP);
	assert_int_equal(e->d.bad_offers, 2);
	assert_int_equal(e->d.features & BIT(VIRTIO_NET_F_MAC), 0);
	assert_int_equal(e->d.offer.features & BIT(VIRTIO_NET_F_MAC), 0);
}

static void
test_end(void **state)
{
	struct env *e = *state;

	folio_virtio_device_end(&e->d);
	assert_int_equal(e->f.drops, 0);
	bring_up(e);
	folio_virtio_device_end(&e->d);
	assert_int_equal(e->f.drops, 1);
	assert_int_equal(e->d.state, FOLIO_VIRTIO_DOWN);
	assert_int_equal(run(e, 5000), FOLIO_VIRTIO_NOTHING);
	assert_int_equal(e->f.calls[REACH], 1);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup(fn, setup)
	const struct CMUnitTest tests[] = {
		TEST(test_up_and_down),
		TEST(test_deadlines),
		TEST(test_answer_behind_deadline),
		TEST(test_pauses),
		TEST(test_failure),
		TEST(test_owner_cannot_prepare),
		TEST(test_stop_anywhere),
		TEST(test_restart),
		TEST(test_part_fails),
		TEST(test_bad_offer),
		TEST(test_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
