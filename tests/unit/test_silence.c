/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * When is a peer silent? Where the sides share CPUs, what keeps one of them waiting keeps the other
 * one waiting as well. The clock is moved by the test: a tick is late when it says so.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <folio.h>

#include "port_state.h"
#include "util.h"

#define SILENT_TICKS (1000 / FOLIO_TICK_MS)
#define IN_TIME 0
#define LATE_MS (5 * FOLIO_TICK_MS + 1)
#define UP_TICKS 60

struct duo {
	void *dir;
	struct folio *guest;
	struct folio *host;
};

static struct folio *
open_side(const struct duo *d, enum folio_role role)
{
	char path[PATH_MAX];
	const struct folio_config cfg = {.role = role, .path = path, .ring_size = 64,
					 .slot_size = 256};
	struct folio_error err = {.text = ""};
	struct folio *f;

	snprintf(path, sizeof(path), "%s/region", (const char *)d->dir);
	f = folio_open(&cfg, &err);
	if (f == NULL)
		fail_msg("folio_open: %s", err.text);
	folio_start(f);
	return f;
}

/* A tick in time, or so many ms after the last one. */
static void
tick(struct folio *f, uint64_t late)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	f->ticked = late == IN_TIME ? 0 : (uint64_t)t.tv_sec * 1000 +
					  (uint64_t)t.tv_nsec / 1000000 - late;
	folio_tick(f);
}

static enum folio_link
link_of(struct folio *f)
{
	struct folio_status st;

	folio_status(f, &st);
	return st.link;
}

static int
setup(void **state)
{
	struct duo *d = calloc(1, sizeof(*d));
	unsigned int i;

	if (d == NULL || util_dir_setup(&d->dir) != 0)
		return -1;
	d->guest = open_side(d, FOLIO_GUEST);
	d->host = open_side(d, FOLIO_HOST);
	for (i = 0; i < UP_TICKS; i++) {
		tick(d->guest, IN_TIME);
		tick(d->host, IN_TIME);
	}
	*state = d;
	return folio_link_is_up(d->guest) && folio_link_is_up(d->host) ? 0 : -1;
}

static int
teardown(void **state)
{
	struct duo *d = *state;
	int ret;

	folio_close(d->guest);
	folio_close(d->host);
	ret = util_dir_teardown(&d->dir);
	free(d);
	return ret;
}

/* The peer lives. */
static void
hear(struct folio *f, struct folio *peer)
{
	tick(peer, IN_TIME);
	tick(f, IN_TIME);
	assert_true(folio_link_is_up(f));
}

/* Ticks of f that its peer does not answer, each so late, before f says that it is silent. */
static unsigned int
ticks_until_silent(struct folio *f, uint64_t late)
{
	unsigned int n = 0;

	while (folio_link_is_up(f)) {
		assert_true(n++ < 10 * SILENT_TICKS);
		tick(f, late);
	}
	assert_int_equal(link_of(f), FOLIO_LINK_SILENT);
	return n;
}

static void
test_ticks_in_time(void **state)
{
	struct duo *d = *state;

	hear(d->guest, d->host);
	assert_int_equal(ticks_until_silent(d->guest, IN_TIME), SILENT_TICKS);
	hear(d->guest, d->host);
	hear(d->host, d->guest);
	/* Late by some ticks is not starved. */
	folio_session_late(&d->host->session, LATE_MS - 1);
	assert_int_equal(ticks_until_silent(d->host, IN_TIME), SILENT_TICKS);
}

/* Twice the time, however late all ticks are: no more, or nobody would notice a dead peer. */
static void
test_late_ticks(void **state)
{
	struct duo *d = *state;
	unsigned int n;

	hear(d->guest, d->host);
	assert_int_equal(ticks_until_silent(d->guest, LATE_MS), 2 * SILENT_TICKS);
	hear(d->guest, d->host);
	/* One is enough, in the last moment. */
	for (n = 1; n < SILENT_TICKS; n++)
		tick(d->guest, IN_TIME);
	tick(d->guest, 60000);
	assert_true(folio_link_is_up(d->guest));
	assert_int_equal(ticks_until_silent(d->guest, IN_TIME), SILENT_TICKS);
	/* A sign of life, and what was late before counts no more. */
	hear(d->guest, d->host);
	tick(d->guest, LATE_MS);
	hear(d->guest, d->host);
	assert_int_equal(ticks_until_silent(d->guest, IN_TIME), SILENT_TICKS);
}

/* Who was found silent is not heard of because of a pause of ours. */
static void
test_late_after_silence(void **state)
{
	struct duo *d = *state;
	unsigned int n;

	hear(d->guest, d->host);
	(void)ticks_until_silent(d->guest, IN_TIME);
	for (n = 0; n < 2 * SILENT_TICKS; n++) {
		tick(d->guest, LATE_MS);
		assert_int_equal(link_of(d->guest), FOLIO_LINK_SILENT);
	}
	hear(d->guest, d->host);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ticks_in_time),
		TEST(test_late_ticks),
		TEST(test_late_after_silence),
	};

	return cmocka_run_group_tests_name("silence", tests, NULL, NULL);
}
