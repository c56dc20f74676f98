/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * The vhost-user transport against a hostile back end: every trick of backend.h at every message.
 * See Q6 in the list of what a hostile peer does.
 */

#include <stdio.h>
#include <string.h>

#include "front.h"
#include "util.h"

/* Requests that are answered, in the order of a session. */
static const enum backend_request answered[] = {
	BACKEND_GET_FEATURES, BACKEND_GET_PROTOCOL_FEATURES, BACKEND_GET_QUEUE_NUM,
	BACKEND_SET_MEM_TABLE, BACKEND_SET_VRING_ENABLE,
};

static const enum backend_request all_requests[] = {
	BACKEND_GET_FEATURES, BACKEND_GET_PROTOCOL_FEATURES, BACKEND_SET_PROTOCOL_FEATURES,
	BACKEND_GET_QUEUE_NUM, BACKEND_SET_OWNER, BACKEND_SET_FEATURES, BACKEND_SET_MEM_TABLE,
	BACKEND_SET_VRING_NUM, BACKEND_SET_VRING_BASE, BACKEND_SET_VRING_ADDR, BACKEND_SET_VRING_CALL,
	BACKEND_SET_VRING_KICK, BACKEND_SET_VRING_ENABLE,
};

static const char *
name_of(enum backend_request request)
{
	static const char *const names[BACKEND_REQUESTS] = {
		[BACKEND_GET_FEATURES] = "GET_FEATURES",
		[BACKEND_GET_PROTOCOL_FEATURES] = "GET_PROTOCOL_FEATURES",
		[BACKEND_GET_QUEUE_NUM] = "GET_QUEUE_NUM",
		[BACKEND_SET_MEM_TABLE] = "SET_MEM_TABLE",
		[BACKEND_SET_VRING_ENABLE] = "SET_VRING_ENABLE",
	};

	return names[request];
}

/*
 * A trick is played, the reason is named, nothing is left over; once an honest back end is there,
 * traffic flows. says: NULL if the trick is allowed.
 */
static void
play(struct front *f, enum backend_trick trick, enum backend_request at, const char *says)
{
	struct backend_config cfg = front_honest;
	const unsigned int fds = util_open_fds();
	unsigned int i;

	cfg.trick = trick;
	cfg.at = at;
	front_bring_back_end(f, &cfg);
	front_open(f, false, 0);
	if (says == NULL) {
		front_await_up(f, 5000);
		assert_true(backend_counts(f->b)->tricks > 0);
		front_check_traffic(f);
	} else {
		for (i = 0; i < 4000 / FRONT_TICK && (backend_counts(f->b)->tricks == 0 ||
						strstr(f->d.detail.text, says) == NULL); i++) {
			front_round(f);
			assert_false(f->open);
		}
		assert_true(backend_counts(f->b)->tricks > 0);
		if (strstr(f->d.detail.text, says) == NULL)
			fail_msg("trick %s at request %d: \"%s\" does not say \"%s\"",
				 backend_trick_name(trick), at, f->d.detail.text, says);
		/* Tried again and again, but not for ever without a pause. */
		front_run(f, 10000);
		assert_false(f->open);
		assert_true(backend_counts(f->b)->connections >= 2);
		assert_true(backend_counts(f->b)->connections <= 11);
	}
	front_take_back_end(f);
	front_run(f, 100);
	front_bring_back_end(f, &front_honest);
	front_await_up(f, 6000);
	front_check_traffic(f);
	front_take_back_end(f);
	front_close(f);
	assert_int_equal(util_open_fds(), fds);
}

static void
test_wrong_headers(void **state)
{
	static const struct {
		enum backend_trick trick;
		uint32_t flags, size;
	} headers[] = {
		{BACKEND_SIZE_0, 5, 0},		{BACKEND_SIZE_SHORT, 5, 4},
		{BACKEND_SIZE_LONG, 5, 16},	{BACKEND_SIZE_HUGE, 5, UINT32_MAX},
		{BACKEND_WRONG_REQUEST, 5, 8},	{BACKEND_WRONG_VERSION, 6, 8},
		{BACKEND_NO_REPLY_FLAG, 1, 8},	{BACKEND_ALL_FLAGS, UINT32_MAX, 8},
	};
	struct front *f = *state;
	char says[200];
	size_t i, k;

	for (i = 0; i < ARRAY_LEN(answered); i++) {
		for (k = 0; k < ARRAY_LEN(headers); k++) {
			unsigned int other = headers[k].trick == BACKEND_WRONG_REQUEST ? 32 : 0;

			snprintf(says, sizeof(says), "answer to %s has request %u, flags 0x%x, size %u: "
				 "allowed are %u, 0x5 and 8", name_of(answered[i]), answered[i] ^ other,
				 headers[k].flags, headers[k].size, answered[i]);
			play(f, headers[k].trick, answered[i], says);
		}
		snprintf(says, sizeof(says), "answer to %s has request ", name_of(answered[i]));
		play(f, BACKEND_GARBAGE, answered[i], says);
	}
}

static void
test_wrong_contents(void **state)
{
	struct front *f = *state;

	play(f, BACKEND_ALL_ONES, BACKEND_GET_FEATURES, NULL);
	play(f, BACKEND_ZERO, BACKEND_GET_FEATURES, "bit 32 is missing (VERSION_1");
	assert_true(f->d.bad_offers > 0);
	play(f, BACKEND_OTHER_BIT, BACKEND_GET_FEATURES,
	     "features changed from 0x140408000 to 0x140408001");
	play(f, BACKEND_ALL_ONES, BACKEND_GET_PROTOCOL_FEATURES, NULL);
	play(f, BACKEND_ZERO, BACKEND_GET_PROTOCOL_FEATURES, NULL);
	play(f, BACKEND_ALL_ONES, BACKEND_GET_QUEUE_NUM,
	     "4294967295 queue pairs are offered: allowed are 1");
	play(f, BACKEND_ZERO, BACKEND_GET_QUEUE_NUM, "0 queue pairs are offered: allowed are 1");
	play(f, BACKEND_ALL_ONES, BACKEND_SET_MEM_TABLE,
	     "refuses SET_MEM_TABLE (answer 18446744073709551615, allowed is 0)");
	play(f, BACKEND_OTHER_BIT, BACKEND_SET_MEM_TABLE, "refuses SET_MEM_TABLE (answer 1,");
	play(f, BACKEND_OTHER_BIT, BACKEND_SET_VRING_ENABLE, "refuses SET_VRING_ENABLE (answer 1,");
}

static void
test_wrong_manners(void **state)
{
	struct front *f = *state;
	char says[200];
	size_t i;

	for (i = 0; i < ARRAY_LEN(answered); i++) {
		snprintf(says, sizeof(says), "sent descriptors at %s", name_of(answered[i]));
		play(f, BACKEND_FD, answered[i], says);
		play(f, BACKEND_FDS, answered[i], says);
		play(f, BACKEND_BYTES, answered[i], NULL);
		play(f, BACKEND_TWICE, answered[i], "sent something that was not asked for");
		snprintf(says, sizeof(says), "closed the connection at %s", name_of(answered[i]));
		play(f, BACKEND_CLOSE_HALF, answered[i], says);
		snprintf(says, sizeof(says), "has not answered %s: given up after", name_of(answered[i]));
		play(f, BACKEND_SILENT, answered[i], says);
	}
	for (i = 0; i < ARRAY_LEN(all_requests); i++) {
		play(f, BACKEND_SILENT, all_requests[i], "given up after");
		play(f, BACKEND_DEAF, all_requests[i], "given up after");
		play(f, BACKEND_CLOSE, all_requests[i], "connection");
		play(f, BACKEND_UNASKED, all_requests[i], "back end");
	}
}

/* No datapath thread is held up, or killed by a signal, whatever is done to the doorbell. */
static void
test_doorbell(void **state)
{
	static const enum backend_trick tricks[] = {BACKEND_KICK_FULL, BACKEND_KICK_CLOSE};
	struct front *f = *state;
	struct backend_config cfg = front_honest;
	unsigned int t, i;

	for (t = 0; t < ARRAY_LEN(tricks); t++) {
		cfg.trick = tricks[t];
		cfg.at = BACKEND_SET_VRING_KICK;
		front_bring_back_end(f, &cfg);
		front_open(f, false, 0);
		front_await_up(f, 5000);
		assert_int_equal(backend_counts(f->b)->tricks, FRONT_RINGS);
		for (i = 0; i < 10000; i++)
			f->d.ops->notify(f->d.transport, i % FRONT_RINGS);
		front_check_traffic(f);
		front_close(f);
		front_take_back_end(f);
	}
}

/* While it runs. */
static void
test_unasked_while_up(void **state)
{
	struct front *f = *state;

	front_bring_back_end(f, &front_honest);
	front_open(f, false, 0);
	front_await_up(f, 1000);
	backend_babble(f->b);
	(void)backend_step(f->b);
	front_tick(f);
	assert_int_equal(f->shuts, 1);
	front_check_says(f, "sent something that was not asked for");
	front_await_up(f, 2000);
	front_check_traffic(f);
	assert_int_equal(f->d.resets, 1);
	front_close(f);
	front_take_back_end(f);
}

/* At the end of a session: it ends all the same, and the next one begins. */
static void
test_tricks_at_parting(void **state)
{
	struct front *f = *state;
	struct backend_config cfg = front_honest;
	enum backend_trick trick;

	for (trick = BACKEND_HONEST; trick < BACKEND_KICK_FULL; trick++) {
		const unsigned int fds = util_open_fds();
		uint64_t since;

		cfg.trick = trick;
		cfg.at = BACKEND_GET_VRING_BASE;
		front_bring_back_end(f, &cfg);
		front_open(f, false, 0);
		front_await_up(f, 1000);
		folio_virtio_device_stop(&f->d);
		since = f->now;
		while (f->d.state != FOLIO_VIRTIO_DOWN) {
			assert_true(f->now - since <= 600 + FRONT_TICK);
			front_round(f);
		}
		assert_int_equal(backend_counts(f->b)->tricks > 0, trick != BACKEND_HONEST);
		front_run(f, 100);
		folio_virtio_device_start(&f->d, &front_wants);
		front_await_up(f, 200);
		front_check_traffic(f);
		front_close(f);
		front_take_back_end(f);
		assert_int_equal(util_open_fds(), fds);
	}
}

/* Whoever connects and leaves, again and again, is in nobody's way for long. */
static void
test_connection_storm(void **state)
{
	struct front *f = *state;
	struct backend_config cfg = front_honest;
	unsigned int i, fds;

	cfg.client = true;
	front_open(f, true, 0);
	front_tick(f);
	fds = util_open_fds();
	for (i = 0; i < 1000; i++) {
		front_bring_back_end(f, &cfg);
		(void)backend_step(f->b);
		front_take_back_end(f);
		front_tick(f);
		assert_false(f->open);
		assert_true(util_open_fds() <= fds + 1);
	}
	front_bring_back_end(f, &cfg);
	front_await_up(f, 60000);
	front_check_traffic(f);
	/* One that is there already stays, and the second is refused. */
	for (i = 0; i < 100; i++) {
		struct backend *second = backend_open(&f->cfg);

		assert_non_null(second);
		(void)backend_step(second);
		assert_int_equal(backend_counts(second)->connections, 1);
		front_tick(f); /* another one of those that were refused may come first */
		front_tick(f);
		(void)backend_step(second);
		assert_int_equal(backend_counts(second)->messages, 0);
		(void)backend_step(second);
		assert_int_equal(backend_counts(second)->connections, 2); /* it was hung up on */
		backend_close(second);
	}
	assert_true(f->open);
	front_check_traffic(f);
	front_close(f);
	front_take_back_end(f);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, front_setup, front_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_wrong_headers),
		TEST(test_wrong_contents),
		TEST(test_wrong_manners),
		TEST(test_doorbell),
		TEST(test_unasked_while_up),
		TEST(test_tricks_at_parting),
		TEST(test_connection_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
