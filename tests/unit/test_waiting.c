/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Who waits for a burst that does not return, and for how long. */

#include <errno.h>
#include <unistd.h>

#include "standstill.h"

#define WAIT_NS 1000000000ull

/* Who waits for a burst. */

static struct folio *ticked;

static void
tick_meanwhile(void)
{
	folio_tick(ticked);
}

/* C.1: whatever a tick has to close, and however many bursts are inside, it never sleeps. */
static void
test_ticks_never_sleep(void **state)
{
	struct duo *d = *state;
	int i;

	open_duo(d, 4);
	set_busy(d->host, 1);
	fake_time.sleeps = 0;
	for (i = 0; i < 3; i++) {
		if (i == 0)
			folio_port_rxq(d->host, 0)->ring.broken = 1;
		if (i == 1)
			assert_int_equal(unlink(d->path), 0);
		if (i == 2)
			restarts(d);
		folio_tick(d->host);
		folio_tick(d->host);
		assert_false(folio_link_is_up(d->host));
	}
	for (i = 0; i < 2 * ENOUGH; i++)
		folio_tick(d->host);
	assert_int_equal(fake_time.sleeps, 0);
	set_busy(d->host, 0);
	check_traffic(d);
}

/* One second for all queues together; meanwhile control goes on. */
static void
test_stop_has_one_deadline(void **state)
{
	struct duo *d = *state;
	int again;

	open_duo(d, 4);
	set_busy(d->host, 1);
	ticked = d->host;
	fake_time.meanwhile = tick_meanwhile;
	for (again = 0; again < 2; again++) {
		fake_time.slept = 0;
		assert_false(folio_port_stop(d->host));
		assert_true(fake_time.slept >= WAIT_NS && fake_time.slept < WAIT_NS + WAIT_NS / 10);
	}
	/* Its queues are stopped one by one then, and have been waited for. */
	fake_time.slept = 0;
	assert_false(folio_port_enable_rx(d->host, 0, false));
	assert_false(folio_port_enable_tx(d->host, 1, false));
	assert_int_equal(fake_time.slept, 0);
	set_busy(d->host, 0);
	assert_true(folio_port_stop(d->host));
	assert_int_equal(fake_time.slept, 0);
	assert_int_equal(d->host->session.state, FOLIO_SESSION_STOPPED);
	assert_int_equal(((struct folio_wire_header *)d->host->region.own)->state.raw,
			 FOLIO_WIRE_STATE_STOPPED);
	folio_port_enable_rx(d->host, 0, true);
	folio_port_enable_tx(d->host, 1, true);
	assert_int_equal(folio_start(d->host), 0);
	check_traffic(d);
}

static void
leave_meanwhile(void)
{
	if (fake_time.slept > WAIT_NS / 2)
		set_busy(ticked, 0);
}

/* A burst that takes long, but not too long. */
static void
test_stop_waits_for_a_slow_burst(void **state)
{
	struct duo *d = *state;

	open_duo(d, 2);
	ticked = d->host;
	fake_time.meanwhile = leave_meanwhile;
	fake_time.slept = 0;
	set_busy(d->host, 1);
	assert_true(folio_port_stop(d->host));
	assert_true(fake_time.slept < WAIT_NS);
	assert_int_equal(folio_start(d->host), 0);
	check_traffic(d);
	fake_time.slept = 0;
	d->host->rxq[1].gate.busy = 1;
	assert_true(folio_port_enable_rx(d->host, 1, false));
	assert_true(fake_time.slept > 0);
	check_traffic(d);
}

/* A stop that came too early for a burst is said when it has left, by the next call or tick. */
static void
test_late_stop_is_published(void **state)
{
	struct duo *d = *state;
	struct folio_wire_header *h;
	int by_tick;

	open_duo(d, 1);
	for (by_tick = 0; by_tick < 2; by_tick++) {
		h = d->host->region.own;
		set_busy(d->host, 1);
		assert_false(folio_port_stop(d->host));
		assert_int_equal(h->state.raw, FOLIO_WIRE_STATE_STARTED);
		set_busy(d->host, 0);
		if (by_tick)
			folio_tick(d->host);
		else
			assert_true(folio_port_stop(d->host));
		assert_int_equal(h->state.raw, FOLIO_WIRE_STATE_STOPPED);
		assert_int_equal(h->ack.raw, 0);
		assert_int_equal(folio_start(d->host), 0);
		check_traffic(d);
	}
}

static void
test_loopback_with_a_burst_inside(void **state)
{
	const struct folio_config cfg = {.role = FOLIO_GUEST, .loopback = true};
	struct folio *f = folio_open(&cfg, NULL);

	(void)state;
	assert_non_null(f);
	assert_int_equal(folio_start(f), 0);
	set_busy(f, 1);
	assert_false(folio_port_stop(f));
	assert_int_equal(folio_start(f), -EBUSY);
	set_busy(f, 0);
	assert_int_equal(folio_start(f), 0);
	send_frames(f, 5, 60);
	assert_int_equal(recv_frames(f, FRAMES, 60), 5);
	folio_close(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, standstill_setup, duo_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ticks_never_sleep),
		TEST(test_stop_has_one_deadline),
		TEST(test_stop_waits_for_a_slow_burst),
		TEST(test_late_stop_is_published),
		TEST(test_loopback_with_a_burst_inside),
	};

	return cmocka_run_group_tests_name("waiting", tests, NULL, NULL);
}
