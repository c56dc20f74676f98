/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* folio.h: ports start, stop, close and come back, in every order, and what stays in the file. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "duo.h"

/* Lifecycle. */

/* Open guest, open host, start guest, start host, in every order that makes sense. */
static void
test_every_start_order(void **state)
{
	static const char *const orders[] = {"GHgh", "GHhg", "HGgh", "HGhg", "GgHh", "HhGg"};
	struct duo *d = *state;
	size_t i;
	const char *c;

	for (i = 0; i < ARRAY_LEN(orders) * 2; i++) {
		for (c = orders[i / 2]; *c != '\0'; c++) {
			if (*c == 'G')
				d->guest = duo_open_guest(d, 2);
			else if (*c == 'H')
				d->host = duo_open_host(d, 2);
			else
				assert_int_equal(folio_start(*c == 'g' ? d->guest : d->host), 0);
			/* At once, and long after the other. */
			for (int n = 0; i % 2 == 1 && n < 80; n++) {
				if (d->guest != NULL)
					folio_tick(d->guest);
				if (d->host != NULL)
					folio_tick(d->host);
			}
		}
		duo_bring_up(d);
		duo_check_queue(d, 0);
		duo_check_queue(d, 1);
		assert_int_equal(duo_violations(d->guest) + duo_violations(d->host), 0);
		duo_close_side(d, i % 4 < 2 ? &d->guest : &d->host);
		folio_close(d->guest);
		folio_close(d->host);
		d->guest = d->host = NULL;
		assert_int_not_equal(access(d->path, F_OK), 0);
	}
}

static void
test_start_and_stop_twice(void **state)
{
	struct duo *d = *state;

	d->guest = duo_open_guest(d, 1);
	folio_stop(d->guest);
	assert_int_equal(folio_start(d->guest), 0);
	assert_int_equal(folio_start(d->guest), -EALREADY);
	folio_stop(d->guest);
	folio_stop(d->guest);
	assert_int_equal(duo_link(d->guest), FOLIO_LINK_STOPPED);
	assert_int_equal(folio_start(d->guest), 0);
	folio_close(NULL);
}

static void
test_role_is_taken(void **state)
{
	struct duo *d = *state;
	struct folio_error err;

	duo_open_both(d, 1);
	assert_null(duo_try_open(d, FOLIO_GUEST, (struct folio_config){0}, &err));
	assert_non_null(strstr(err.text, "role=guest is taken"));
	assert_null(duo_try_open(d, FOLIO_HOST, (struct folio_config){0}, &err));
	assert_non_null(strstr(err.text, "role=host is taken"));
	/* L6: nobody noticed. */
	duo_tick(d, 10);
	duo_check_queue(d, 0);
}

static void
test_nothing_flows_without_a_link(void **state)
{
	struct duo *d = *state;

	d->guest = duo_open_guest(d, 1);
	d->host = duo_open_host(d, 1);
	assert_false(duo_send(d->guest, 0, 0, 60));
	duo_expect_none(d->guest, 0);
	assert_false(duo_send(d->host, 0, 0, 60));
	duo_expect_none(d->host, 0);
	folio_start(d->guest);
	duo_tick(d, 20);
	assert_int_equal(duo_link(d->guest), FOLIO_LINK_NO_PEER);
	assert_int_equal(duo_link(d->host), FOLIO_LINK_STOPPED);
	assert_false(duo_send(d->guest, 0, 0, 60));
}

static void
test_tick_tells_of_changes(void **state)
{
	struct duo *d = *state;
	unsigned int g = 0, h = 0, i;

	d->guest = duo_open_guest(d, 1);
	d->host = duo_open_host(d, 1);
	folio_start(d->guest);
	folio_start(d->host);
	for (i = 0; i < ROUNDS; i++) {
		g += folio_tick(d->guest);
		h += folio_tick(d->host);
	}
	assert_int_equal(g, 1);
	assert_int_equal(h, 1);
	folio_stop(d->host);
	for (i = 0; i < ROUNDS; i++)
		g += folio_tick(d->guest);
	assert_int_equal(g, 2);
	assert_false(folio_link_is_up(d->guest));
}

/* "... went up or down since the last call", by whatever function. */
static void
test_tick_tells_of_a_stop(void **state)
{
	struct duo *d = *state;

	duo_open_both(d, 1);
	folio_stop(d->guest);
	assert_true(folio_tick(d->guest));
	assert_false(folio_tick(d->guest));
}

static void
test_stop_and_start(void **state)
{
	struct duo *d = *state;
	int i;

	duo_open_both(d, 2);
	for (i = 0; i < 10; i++) {
		struct folio *f = i % 2 ? d->guest : d->host, *peer = i % 2 ? d->host : d->guest;

		/* Frames under way are dropped, not received later. */
		assert_true(duo_send(f, 0, 1, 60));
		assert_true(duo_send(peer, 0, 2, 60));
		folio_stop(f);
		assert_false(folio_link_is_up(f));
		assert_false(duo_send(f, 0, 3, 60));
		duo_expect_none(f, 0);
		if (i % 4 < 2) {
			duo_tick(d, 5);
			assert_false(folio_link_is_up(peer));
			assert_int_equal(duo_link(peer), FOLIO_LINK_NO_PEER);
		}
		assert_int_equal(folio_start(f), 0);
		duo_tick(d, 1);
		duo_bring_up(d);
		duo_check_queue(d, 0);
		duo_check_queue(d, 1);
	}
	assert_int_equal(duo_violations(d->guest) + duo_violations(d->host), 0);
}

static void
test_close_and_reopen(void **state)
{
	struct duo *d = *state;
	int i;

	duo_open_both(d, 2);
	for (i = 0; i < 8; i++) {
		bool guest = i % 2 == 0;
		struct folio **f = guest ? &d->guest : &d->host;
		struct folio *peer = guest ? d->host : d->guest;

		if (i < 6)
			duo_close_side(d, f);
		else
			folio_close(*f); /* the peer never lets go */
		for (int n = 0; i % 4 < 2 && n < 40; n++)
			folio_tick(peer);
		*f = guest ? duo_open_guest(d, 2) : duo_open_host(d, 2);
		assert_int_equal(folio_start(*f), 0);
		duo_bring_up(d);
		duo_check_queue(d, 0);
		duo_check_queue(d, 1);
	}
	assert_int_equal(duo_violations(d->guest) + duo_violations(d->host), 0);
}

/* L5. The host follows, and says nothing bad of a guest that only changed its mind. */
static void
test_guest_returns_with_another_geometry(void **state)
{
	static const uint32_t rings[] = {64, 256, 64, 1024, 128};
	static const uint32_t slots[] = {256, 2048, 1024, 4096, 512};
	struct duo *d = *state;
	struct folio_status st;
	size_t i;

	d->guest = duo_open_guest(d, 1);
	d->host = duo_open_host(d, 4);
	folio_start(d->host);
	for (i = 0; i < ARRAY_LEN(rings); i++) {
		duo_close_side(d, &d->guest);
		d->guest = duo_open(d, FOLIO_GUEST,
				     (struct folio_config){.queues = (uint32_t)i % 4 + 1,
							   .ring_size = rings[i],
							   .slot_size = slots[i]});
		folio_start(d->guest);
		duo_bring_up(d);
		folio_status(d->host, &st);
		assert_int_equal(st.queues, i % 4 + 1);
		assert_int_equal(st.ring_size, rings[i]);
		assert_int_equal(st.slot_size, slots[i]);
		duo_check_queue(d, (uint32_t)i % 4);
		assert_int_equal(duo_violations(d->guest) + duo_violations(d->host), 0);
	}
}

/* The same, when the file is the host's and stays. */
static void
reopen_guest_on_the_hosts_file(struct duo *d, uint32_t ring, uint32_t slot)
{
	if (d->guest != NULL)
		duo_close_side(d, &d->guest);
	d->guest = duo_open(d, FOLIO_GUEST,
			     (struct folio_config){.ring_size = ring, .slot_size = slot});
	folio_start(d->guest);
	duo_bring_up(d);
	duo_check_queue(d, 0);
}

static void
test_guest_returns_smaller_to_the_hosts_file(void **state)
{
	struct duo *d = *state;

	d->host = duo_open_host(d, 1);
	folio_start(d->host);
	reopen_guest_on_the_hosts_file(d, 4096, 2048);
	reopen_guest_on_the_hosts_file(d, 64, 1024);
	/* What the host had in its larger area is no violation of a peer. */
	assert_int_equal(duo_violations(d->guest) + duo_violations(d->host), 0);
}

/* Its new place for the host's header is in the middle of what the host last sent. */
static void
test_guest_returns_to_the_hosts_old_data(void **state)
{
	struct duo *d = *state;
	uint32_t n = 0;

	d->host = duo_open_host(d, 1);
	folio_start(d->host);
	reopen_guest_on_the_hosts_file(d, 4096, 2048);
	while (duo_send(d->host, 0, n, 2048))
		n++;
	reopen_guest_on_the_hosts_file(d, 4096, 2560);
	assert_int_equal(duo_violations(d->guest) + duo_violations(d->host), 0);
}

static void
test_guest_returns_larger_to_the_hosts_file(void **state)
{
	struct duo *d = *state;

	d->host = duo_open_host(d, 1);
	folio_start(d->host);
	reopen_guest_on_the_hosts_file(d, 64, 1024);
	reopen_guest_on_the_hosts_file(d, 4096, 2048);
	assert_int_equal(duo_violations(d->guest) + duo_violations(d->host), 0);
}

/* A file that somebody else made stays, zeroed. D2. */
static void
test_prepared_file(void **state)
{
	const off_t size = 16 << 20;
	struct duo *d = *state;

	duo_make_file(d, size);
	duo_open_both(d, 1);
	duo_check_queue(d, 0);
	assert_true(duo_send(d->guest, 0, 1, 9000));
	assert_true(duo_send(d->host, 0, 1, 9000));
	duo_close_side(d, &d->guest);
	folio_close(d->host);
	d->host = NULL;
	duo_check_left_zeroed(d, size);
}

/* D2 also when the geometry, and with it the place of everything, changed in between. */
static void
test_prepared_file_is_zero_after_two_geometries(void **state)
{
	const off_t size = 64 << 20;
	struct duo *d = *state;

	duo_make_file(d, size);
	d->host = duo_open_host(d, 1);
	folio_start(d->host);
	reopen_guest_on_the_hosts_file(d, 4096, 2048);
	reopen_guest_on_the_hosts_file(d, 64, 256);
	duo_close_side(d, &d->guest);
	folio_close(d->host);
	d->host = NULL;
	duo_check_left_zeroed(d, size);
}

/* A side zeroes what it wrote when it closes; look while the other one keeps the file. */
static void
test_area_is_zeroed_at_close(void **state)
{
	struct duo *d = *state;
	struct raw r;
	int i;

	for (i = 0; i < 2; i++) {
		enum folio_role role = i == 0 ? FOLIO_GUEST : FOLIO_HOST;
		struct folio **f = i == 0 ? &d->guest : &d->host;

		duo_open_both(d, 1);
		r = raw_map(d);
		duo_check_queue(d, 0);
		assert_true(duo_send(*f, 0, 5, 9000));
		assert_false(util_all_bytes(raw_area(&r, role), 0, r.l.area_size));
		duo_close_side(d, f);
		assert_true(util_all_bytes(raw_area(&r, role), 0, r.l.area_size));
		assert_false(util_all_bytes(raw_header(&r, FOLIO_GUEST + FOLIO_HOST - role), 0,
					    sizeof(struct folio_wire_header)));
		folio_close(d->guest);
		folio_close(d->host);
		d->guest = d->host = NULL;
		assert_true(util_all_bytes(r.mem, 0, r.size));
		raw_unmap(&r);
	}
}

/* And when the peer never lets go, because nobody ticks it. */
static void
test_close_does_not_wait_for_ever(void **state)
{
	struct duo *d = *state;
	struct raw r;

	duo_open_both(d, 1);
	r = raw_map(d);
	duo_check_queue(d, 0);
	folio_close(d->guest);
	d->guest = NULL;
	assert_true(util_all_bytes(r.mem, 0, r.l.area_size));
	raw_unmap(&r);
}

/* A silent peer takes the link down; what was under way is still there when it returns. */
static void
test_silent_peer(void **state)
{
	struct duo *d = *state;
	unsigned int i;

	duo_open_both(d, 1);
	assert_true(duo_send(d->host, 0, 7, 100));
	for (i = 0; i < 1000 / FOLIO_TICK_MS + 1; i++)
		folio_tick(d->guest);
	assert_false(folio_link_is_up(d->guest));
	assert_int_equal(duo_link(d->guest), FOLIO_LINK_SILENT);
	duo_expect_none(d->guest, 0);
	assert_false(duo_send(d->guest, 0, 0, 60));
	duo_tick(d, 2);
	assert_true(duo_is_up(d));
	duo_expect(d->guest, 0, 7, 100);
	duo_check_queue(d, 0);
}

/* As a program does that becomes a daemon. */
static void
test_relative_path(void **state)
{
	struct duo *d = *state, relative = {.path = ""};
	char folder[PATH_MAX], *slash = strrchr(d->path, '/');
	int before = open(".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);

	assert_true(before >= 0);
	snprintf(relative.path, sizeof(relative.path), "%s", slash + 1);
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - d->path), d->path);
	assert_int_equal(chdir(folder), 0);
	d->guest = duo_open_guest(&relative, 1);
	assert_int_equal(fchdir(before), 0);
	close(before);
	d->host = duo_open_host(d, 1);
	assert_int_equal(folio_start(d->guest), 0);
	assert_int_equal(folio_start(d->host), 0);
	duo_bring_up(d);
	duo_check_queue(d, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, duo_setup, duo_teardown_empty)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_start_order),
		TEST(test_start_and_stop_twice),
		TEST(test_role_is_taken),
		TEST(test_nothing_flows_without_a_link),
		TEST(test_tick_tells_of_changes),
		TEST(test_tick_tells_of_a_stop),
		TEST(test_stop_and_start),
		TEST(test_close_and_reopen),
		TEST(test_guest_returns_with_another_geometry),
		TEST(test_guest_returns_smaller_to_the_hosts_file),
		TEST(test_guest_returns_to_the_hosts_old_data),
		TEST(test_guest_returns_larger_to_the_hosts_file),
		TEST(test_prepared_file),
		TEST(test_prepared_file_is_zero_after_two_geometries),
		TEST(test_area_is_zeroed_at_close),
		TEST(test_close_does_not_wait_for_ever),
		TEST(test_silent_peer),
		TEST(test_relative_path),
	};

	duo_make_pattern();
	return cmocka_run_group_tests_name("port_life", tests, NULL, NULL);
}
