/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* What folio.h promises to programs: errors apart, counters by name, structures that may grow. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <folio.h>
#include <folio_wire.h>

#define RING 64
#define SLOT 256
#define STRIDE 320
#define ROOM (RING * STRIDE + 64)

static const struct folio_config loopback = {
	.role = FOLIO_GUEST, .loopback = true, .queues = 2, .ring_size = RING, .slot_size = SLOT};
static uint8_t out[ROOM], in[RING][ROOM];

static struct folio *
open_started(void)
{
	struct folio *f = folio_open(&loopback, NULL);

	assert_non_null(f);
	assert_int_equal(folio_start(f), 0);
	return f;
}

static uint64_t
counter(const struct folio *f, const char *name)
{
	int i = folio_counter_find(name);

	assert_true(i >= 0);
	return folio_counter(f, (unsigned int)i);
}

static uint16_t
receive(struct folio *f, uint16_t n, uint32_t room)
{
	struct folio_buf bufs[RING];
	uint16_t i;

	for (i = 0; i < n; i++)
		bufs[i] = (struct folio_buf){.data = in[i], .room = room};
	return folio_recv(f, 0, bufs, n);
}

/* Each reason why nothing goes out has an errno of its own. */
static void
test_send_says_why(void **state)
{
	const uint32_t bad[] = {0, 13, RING * STRIDE + 1, FOLIO_WIRE_FRAME_MAX + 1, UINT32_MAX};
	struct folio_buf b[2 * RING];
	struct folio *f = open_started();
	size_t i;

	(void)state;
	for (i = 0; i < 2 * RING; i++)
		b[i] = (struct folio_buf){.data = out, .len = 60};
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		b[1].len = bad[i];
		assert_int_equal(folio_send(f, 0, b, 3), 1);
		assert_int_equal(folio_send(f, 0, b + 1, 2), -EMSGSIZE);
		assert_int_equal(folio_send(f, 0, b + 2, 1), 1);
		assert_int_equal(receive(f, RING, ROOM), 2);
	}
	b[1].len = 60;
	assert_int_equal(receive(f, 1, ROOM), 0); /* idle: now it says what it has consumed */
	assert_int_equal(folio_send(f, 0, b, 0), 0);
	assert_int_equal(folio_send(f, 0, b, 2 * RING), RING);
	assert_int_equal(folio_send(f, 0, b, 1), -EAGAIN);
	assert_int_equal(folio_send(f, 0, b, 0), 0);
	b[0].len = 13; /* what can never be sent is said so, although the ring is full */
	assert_int_equal(folio_send(f, 0, b, 1), -EMSGSIZE);
	b[0].len = 60;
	folio_stop(f);
	assert_int_equal(folio_send(f, 0, b, 1), -ENETDOWN);
	assert_int_equal(receive(f, 1, ROOM), 0);
	assert_int_equal(folio_start(f), 0);
	assert_int_equal(folio_send(f, 0, b, 1), 1);
	folio_close(f);
}

/* The loop that folio.h describes ends, whatever is in the burst and nobody receives. */
static void
test_retry_loop_ends(void **state)
{
	struct folio *f = open_started();
	unsigned int skipped = 0, attempts = 0, at;
	struct folio_buf b[100];
	int ret;

	(void)state;
	for (at = 0; at < 100; at++)
		b[at] = (struct folio_buf){.data = out, .len = at % 10 == 0 ? 5 : 60};
	for (at = 0; at < 100 && attempts < 10;) {
		ret = folio_send(f, 0, b + at, (uint16_t)(100 - at));
		if (ret >= 0) {
			at += (unsigned int)ret;
		} else if (ret == -EMSGSIZE) {
			skipped++;
			at++;
		} else {
			assert_int_equal(ret, -EAGAIN);
			attempts++;
		}
	}
	assert_int_equal(at - skipped, RING);
	assert_int_equal(attempts, 10);
	folio_close(f);
}

/* A frame that is longer than the buffer is dropped and counted, in one slot or in several. */
static void
test_too_long_is_counted(void **state)
{
	const struct folio_buf b[4] = {{.data = out, .len = 60}, {.data = out, .len = 200},
				       {.data = out, .len = 1000}, {.data = out, .len = 61}};
	struct folio *f = open_started();

	(void)state;
	assert_int_equal(counter(f, "rx_too_long"), 0);
	assert_int_equal(folio_send(f, 0, b, 4), 4);
	assert_int_equal(receive(f, 4, 199), 2);
	assert_int_equal(counter(f, "rx_too_long"), 2);
	assert_int_equal(folio_send(f, 0, b, 4), 4);
	assert_int_equal(receive(f, 4, 1000), 4);
	assert_int_equal(counter(f, "rx_too_long"), 2);
	folio_close(f);
}

static void
test_counters(void **state)
{
	unsigned int n = folio_counter_count(), i, j;
	struct folio *f = open_started();
	enum folio_violation v;

	(void)state;
	for (i = 0; i < n; i++) {
		assert_non_null(folio_counter_name(i));
		assert_string_not_equal(folio_counter_name(i), "unknown");
		assert_int_equal(folio_counter_find(folio_counter_name(i)), i);
		for (j = 0; j < i; j++)
			assert_string_not_equal(folio_counter_name(i), folio_counter_name(j));
	}
	assert_null(folio_counter_name(n));
	assert_int_equal(folio_counter(f, n), 0);
	assert_int_equal(folio_counter(f, UINT32_MAX), 0);
	assert_int_equal(folio_counter_find("no such counter"), -ENOENT);
	for (v = FOLIO_RX_BAD_INDEX; v <= FOLIO_PEER_CUT_REGION; v++)
		assert_int_equal(counter(f, folio_violation_name(v)), 0);
	assert_int_equal(counter(f, "link_ups"), 1);
	folio_stop(f);
	assert_int_equal(folio_start(f), 0);
	assert_int_equal(counter(f, "link_ups"), 2);
	assert_int_equal(counter(f, "renegotiations"), 0);
	folio_close(f);
}

/* A program that knows of fewer fields, and one that knows of more. */
static void
test_config_sizes(void **state)
{
	struct {
		struct folio_config known;
		uint64_t later;
	} newer = {.known = loopback};
	struct folio_config older = loopback;
	struct folio_error err;
	struct folio_status st;
	struct folio *f;

	(void)state;
	f = folio_open_sized(&newer.known, sizeof(newer), &err);
	assert_non_null(f);
	folio_close(f);
	newer.later = UINT64_C(1) << 63;
	assert_null(folio_open_sized(&newer.known, sizeof(newer), &err));
	assert_non_null(strstr(err.text, "field that folio"));
	assert_non_null(strstr(err.text, folio_version()));
	assert_null(folio_open_sized(&newer.known, sizeof(newer), NULL));

	/* What is behind its end is not looked at. */
	older.isa = (enum folio_isa)99;
	older.alloc = (folio_alloc_fn)(uintptr_t)1;
	older.alloc_ctx = &older;
	f = folio_open_sized(&older, offsetof(struct folio_config, isa), &err);
	assert_non_null(f);
	folio_status(f, &st);
	assert_int_not_equal(st.isa, FOLIO_ISA_AUTO);
	folio_close(f);
}

static void
test_status_sizes(void **state)
{
	struct {
		struct folio_status known;
		uint8_t later[32];
	} newer;
	struct folio *f = open_started();
	struct folio_status older;
	size_t i;

	(void)state;
	memset(&newer, 0x5a, sizeof(newer));
	folio_status_sized(f, &newer.known, sizeof(newer));
	assert_int_equal(newer.known.link, FOLIO_LINK_UP);
	assert_int_equal(newer.known.ring_size, RING);
	for (i = 0; i < sizeof(newer.later); i++)
		assert_int_equal(newer.later[i], 0);
	memset(&older, 0x5a, sizeof(older));
	folio_status_sized(f, &older, offsetof(struct folio_status, slot_size));
	assert_int_equal(older.ring_size, RING);
	assert_int_equal(older.slot_size, 0x5a5a5a5a);
	folio_close(f);
}

static void
test_names(void **state)
{
	struct folio *f = open_started();

	(void)state;
	assert_string_equal(folio_path(f), "");
	assert_string_not_equal(folio_version(), "unknown");
	assert_int_not_equal(strspn(folio_version(), "0123456789"), 0);
	folio_close(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_send_says_why),
		cmocka_unit_test(test_retry_loop_ends),
		cmocka_unit_test(test_too_long_is_counted),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_config_sizes),
		cmocka_unit_test(test_status_sizes),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
