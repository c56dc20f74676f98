/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* folio.h: the file goes away, or is cut, under two ports; and bursts that are inside meanwhile. */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "duo.h"

/* The file goes away under both. */
static void
test_file_unlinked_while_in_use(void **state)
{
	struct duo *d = *state;
	int i;

	duo_open_both(d, 1);
	for (i = 0; i < 3; i++) {
		assert_int_equal(unlink(d->path), 0);
		folio_tick(i % 2 ? d->guest : d->host);
		assert_false(folio_link_is_up(i % 2 ? d->guest : d->host));
		duo_tick(d, 1);
		duo_bring_up(d);
		duo_check_queue(d, 0);
	}
	assert_int_equal(duo_violations(d->guest) + duo_violations(d->host), 0);
}

static void
test_file_replaced_while_in_use(void **state)
{
	struct duo *d = *state;
	char other[PATH_MAX + 8];

	duo_open_both(d, 1);
	snprintf(other, sizeof(other), "%s.old", d->path);
	assert_int_equal(rename(d->path, other), 0);
	duo_make_file(d, 16 << 20);
	/* Both still hold the old one, and it is as good as ever. */
	duo_tick(d, 20);
	duo_check_queue(d, 0);
	assert_int_equal(unlink(other), 0);
	duo_tick(d, 1);
	duo_bring_up(d);
	duo_check_queue(d, 0);
	duo_close_and_remove(d);
}

static void
test_file_truncated_while_in_use(void **state)
{
	struct duo *d = *state;

	duo_open_both(d, 1);
	assert_int_equal(truncate(d->path, 4096), 0);
	folio_tick(d->guest);
	folio_tick(d->host);
	assert_false(folio_link_is_up(d->guest));
	assert_false(folio_link_is_up(d->host));
	duo_bring_up(d);
	duo_check_queue(d, 0);
	assert_int_equal(duo_violation(d->guest, FOLIO_PEER_CUT_REGION), 1);
	assert_int_equal(duo_violation(d->host, FOLIO_PEER_CUT_REGION), 1);
	assert_int_equal(duo_violations(d->guest) + duo_violations(d->host), 2);
}

/*
 * L3: cut by a hostile peer. Control functions that come before the next tick must not touch what
 * is gone. In a child, because what they must not do is die of SIGBUS.
 */
struct cut {
	struct duo *d;
	bool guest;
	void (*then)(struct folio *f);
};

static int
cut_in_child(void *arg)
{
	struct cut *c = arg;

	duo_open_both(c->d, 1);
	if (truncate(c->d->path, 0) != 0)
		return 1;
	c->then(c->guest ? c->d->guest : c->d->host);
	return 0;
}

static void
survives_cut(struct duo *d, void (*then)(struct folio *f))
{
	struct cut c = {.d = d, .then = then};
	int i, status;

	for (i = 0; i < 2; i++) {
		c.guest = i == 0;
		status = util_run_child(cut_in_child, &c);
		(void)unlink(d->path);
		if (!util_exited(status, 0))
			fail_msg("%s: wait status 0x%x", c.guest ? "guest" : "host", status);
	}
}

static void
test_tick_after_the_file_was_cut(void **state)
{
	survives_cut(*state, duo_tick_one);
}

/* Found by fuzz_session: the host kept what it had read, and the guest refused it, for ever. */
static void
test_host_adopts_a_scribbled_offer(void **state)
{
	struct duo *d = *state;
	struct folio_wire_header *guest, *host;
	struct raw r;
	int i;

	d->guest = duo_open_guest(d, 1);
	d->host = duo_open_host(d, 1);
	assert_int_equal(folio_start(d->guest), 0);
	assert_int_equal(folio_start(d->host), 0);
	duo_tick_one(d->guest);
	r = raw_map(d);
	guest = raw_header(&r, FOLIO_GUEST);
	host = raw_header(&r, FOLIO_HOST);
	for (i = 0; i < ROUNDS && (folio_fetch64(&host->ack) == 0 ||
				   folio_fetch64(&host->ack) != folio_fetch64(&guest->generation));
	     i++) {
		duo_tick_one(d->guest);
		folio_put32(&guest->slot_size, SLOT + 1); /* same stride, same places */
		duo_tick_one(d->host);
	}
	assert_int_equal(folio_fetch32(&host->slot_size), SLOT + 1);
	assert_int_equal(folio_fetch64(&host->ack), folio_fetch64(&guest->generation));
	raw_unmap(&r);

	duo_bring_up(d);
	assert_int_equal(duo_violation(d->guest, FOLIO_PEER_BAD_GEOMETRY), 1);
	duo_check_queue(d, 0);
}

/* What the guest's header says of its session. */
static void
assert_guest_says(const struct duo *d, uint32_t state, bool holds)
{
	struct raw r = raw_map(d);
	struct folio_wire_header *h = raw_header(&r, FOLIO_GUEST);

	assert_int_equal(folio_fetch32(&h->state), state);
	assert_int_equal(folio_fetch64(&h->ack) != 0, holds);
	raw_unmap(&r);
}

/* Found by fuzz_port: the peer was told "stopped" at the next tick, and people "up". */
static void
test_stop_with_a_burst_inside(void **state)
{
	struct duo *d = *state;
	struct folio_gate *gate;
	struct folio_status st;
	int again;

	duo_open_both(d, 1);
	gate = &folio_port_txq(d->guest, 0)->gate;
	for (again = 0; again < 2; again++) {
		assert_true(folio_gate_enter(gate));
		folio_stop(d->guest);
		folio_status(d->guest, &st);
		assert_int_equal(st.link, FOLIO_LINK_STOPPED);
		assert_false(folio_link_is_up(d->guest));
		if (again == 1)
			assert_int_equal(folio_start(d->guest), 0);
		folio_tick(d->guest);
		assert_guest_says(d, FOLIO_WIRE_STATE_STARTED, true);

		folio_gate_leave(gate);
		folio_tick(d->guest);
		assert_guest_says(d, FOLIO_WIRE_STATE_STOPPED, false);
		if (again == 0)
			assert_int_equal(folio_start(d->guest), 0);
		duo_bring_up(d);
		duo_check_queue(d, 0);
	}
}

/* Who calls no tick any more stops once more. */
static void
test_stop_again_after_a_burst_inside(void **state)
{
	struct duo *d = *state;
	struct folio_gate *gate;

	duo_open_both(d, 1);
	gate = &folio_port_txq(d->guest, 0)->gate;
	assert_true(folio_gate_enter(gate));
	folio_stop(d->guest);
	assert_guest_says(d, FOLIO_WIRE_STATE_STARTED, true);
	folio_gate_leave(gate);
	folio_stop(d->guest);
	assert_guest_says(d, FOLIO_WIRE_STATE_STOPPED, false);
	assert_int_equal(folio_start(d->guest), 0);
	duo_bring_up(d);
	duo_check_queue(d, 0);
}

/* The burst would go on with the head of the old ring, and the limits of the new one. */
static void
test_no_other_region_with_a_burst_inside(void **state)
{
	struct duo *d = *state;
	struct folio_gate *gate;

	duo_open_both(d, 1);
	gate = &folio_port_rxq(d->guest, 0)->gate;
	assert_true(folio_gate_enter(gate));
	assert_int_equal(unlink(d->path), 0);
	folio_tick(d->guest);
	folio_tick(d->guest);
	assert_int_equal(duo_link(d->guest), FOLIO_LINK_NO_REGION);
	assert_int_equal(access(d->path, F_OK), -1);
	folio_gate_leave(gate);
	duo_bring_up(d);
	duo_check_queue(d, 0);
}

/* In a child: no cmocka. */
static void
stop_and_look(struct folio *f)
{
	struct folio_status st;

	folio_stop(f);
	folio_status(f, &st);
	if (st.link != FOLIO_LINK_STOPPED)
		abort();
}

static void
test_stop_after_the_file_was_cut(void **state)
{
	survives_cut(*state, stop_and_look);
}

static void
test_close_after_the_file_was_cut(void **state)
{
	survives_cut(*state, folio_close);
}

static int
refused_and_cut(void *arg)
{
	struct duo *d = arg;

	d->guest = duo_open_guest(d, 2);
	d->host = duo_open_host(d, 1);
	folio_start(d->guest);
	folio_start(d->host);
	duo_tick(d, 10);
	if (duo_link(d->guest) != FOLIO_LINK_REFUSED || truncate(d->path, 0) != 0)
		return 1;
	folio_close(d->host);
	return 0;
}

/* The host wipes the refusal that it posted, if there is still a file where it was. */
static void
test_close_after_a_refusal_and_a_cut(void **state)
{
	struct duo *d = *state;
	int status = util_run_child(refused_and_cut, d);

	(void)unlink(d->path);
	if (!util_exited(status, 0))
		fail_msg("wait status 0x%x", status);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, duo_setup, duo_teardown_empty)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_file_unlinked_while_in_use),
		TEST(test_file_replaced_while_in_use),
		TEST(test_file_truncated_while_in_use),
		TEST(test_tick_after_the_file_was_cut),
		TEST(test_host_adopts_a_scribbled_offer),
		TEST(test_stop_with_a_burst_inside),
		TEST(test_stop_again_after_a_burst_inside),
		TEST(test_no_other_region_with_a_burst_inside),
		TEST(test_stop_after_the_file_was_cut),
		TEST(test_close_after_the_file_was_cut),
		TEST(test_close_after_a_refusal_and_a_cut),
	};

	duo_make_pattern();
	return cmocka_run_group_tests_name("port_lost", tests, NULL, NULL);
}
