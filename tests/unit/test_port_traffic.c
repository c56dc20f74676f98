/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* folio.h: frames of every length through two ports, and nothing but frames. */

#include <errno.h>
#include <string.h>

#include "duo.h"

/* Of n frames what the ring has room for. */
static uint16_t
send_some(struct folio *f, const struct folio_buf *bufs, uint16_t n)
{
	int sent = folio_send(f, 0, bufs, n);

	if (sent < 0)
		assert_int_equal(sent, -EAGAIN);
	return sent < 0 ? 0 : (uint16_t)sent;
}

/* Traffic. */

static void
test_frames_of_every_length(void **state)
{
	struct duo *d = *state;
	uint32_t len;

	duo_open_both(d, 1);
	for (len = FOLIO_WIRE_FRAME_MIN; len <= MAX_FRAME; len++) {
		duo_pass(d->guest, d->host, 0, len, len);
		duo_pass(d->host, d->guest, 0, len + 1, len);
	}
	assert_int_equal(duo_violations(d->guest) + duo_violations(d->host), 0);
}

static void
test_longest_frames_of_the_default_geometry(void **state)
{
	struct duo *d = *state;
	uint32_t len, n;

	d->guest = duo_open(d, FOLIO_GUEST, (struct folio_config){0});
	d->host = duo_open_host(d, 1);
	folio_start(d->guest);
	folio_start(d->host);
	duo_bring_up(d);
	for (n = 0; n < 300; n++) {
		len = FOLIO_WIRE_FRAME_MAX - n * 97;
		duo_pass(d->guest, d->host, 0, n, len);
		duo_pass(d->host, d->guest, 0, n + 1, len);
	}
}

/* Bursts of mixed lengths, received in bursts of another size. */
static void
test_bursts(void **state)
{
	struct duo *d = *state;
	static uint8_t room[8][2048];
	struct folio_buf out[16], in[8];
	uint32_t sent = 0, got = 0, i;
	uint64_t seed = 23;

	duo_open_both(d, 1);
	while (got < 20000) {
		uint16_t n = (uint16_t)(util_random(&seed) % 17), m;

		for (i = 0; i < n; i++)
			out[i] = (struct folio_buf){
				.data = (void *)(uintptr_t)duo_frame(sent + i),
				.len = 14 + (sent + i) * 41 % 1500};
		sent += send_some(d->guest, out, n);
		for (i = 0; i < ARRAY_LEN(in); i++)
			in[i] = (struct folio_buf){.data = room[i], .room = sizeof(room[i])};
		m = folio_recv(d->host, 0, in, (uint16_t)(util_random(&seed) % 9));
		for (i = 0; i < m; i++, got++) {
			assert_int_equal(in[i].len, 14 + got * 41 % 1500);
			assert_memory_equal(room[i], duo_frame(got), in[i].len);
		}
	}
	assert_int_equal(duo_violations(d->guest) + duo_violations(d->host), 0);
}

static void
test_full_ring(void **state)
{
	struct duo *d = *state;
	uint32_t round, n, sent;

	duo_open_both(d, 1);
	for (round = 0; round < 5; round++) {
		for (sent = 0; duo_send(d->guest, 0, sent, 60); sent++)
			assert_true(sent < RING);
		assert_int_equal(sent, RING);
		assert_int_equal(folio_port_tx_used(d->guest, 0), RING);
		assert_int_equal(folio_port_rx_used(d->host, 0), RING);
		for (n = 0; n < sent; n++)
			duo_expect(d->host, 0, n, 60);
		duo_expect_none(d->host, 0);
		assert_int_equal(folio_port_rx_used(d->host, 0), 0);
		assert_int_equal(folio_port_tx_used(d->guest, 0), 0);
		/* Of frames with three slots, 21 fit. */
		for (sent = 0; duo_send(d->guest, 0, sent, 2 * STRIDE + 1); sent++)
			assert_true(sent < RING);
		assert_int_equal(sent, RING / 3);
		for (n = 0; n < sent; n++)
			duo_expect(d->host, 0, n, 2 * STRIDE + 1);
		duo_expect_none(d->host, 0);
	}
}

/* A burst of long frames into a ring that is almost full: as many as fit, whole. */
static void
test_burst_into_a_full_ring(void **state)
{
	struct duo *d = *state;
	struct folio_buf out[32];
	uint32_t i;

	duo_open_both(d, 1);
	for (i = 0; i < ARRAY_LEN(out); i++)
		out[i] = (struct folio_buf){.data = (void *)(uintptr_t)duo_frame(i),
					    .len = 5 * STRIDE};
	assert_int_equal(folio_send(d->guest, 0, out, 32), RING / 5);
	assert_int_equal(folio_send(d->guest, 0, out, 32), -EAGAIN);
	for (i = 0; i < RING / 5; i++)
		duo_expect(d->host, 0, i, 5 * STRIDE);
	duo_expect_none(d->host, 0);
	assert_int_equal(folio_send(d->guest, 0, out, 3), 3);
	assert_int_equal(folio_send(d->guest, 0, out, 0), 0);
}

static void
test_lengths_that_are_not_sent(void **state)
{
	static const uint32_t bad[] = {
		0, 1, 13, MAX_FRAME + 1, 1u << 16, (1u << 16) + 60, 1u << 31, UINT32_MAX - 63,
		UINT32_MAX,
	};
	struct duo *d = *state;
	size_t i;

	duo_open_both(d, 1);
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		const struct folio_buf b[3] = {
			{.data = duo_pattern, .len = 60},
			{.data = duo_pattern, .len = bad[i]},
			{.data = duo_pattern, .len = 60},
		};

		assert_int_equal(folio_send(d->guest, 0, b, 3), 1);
		assert_int_equal(folio_send(d->guest, 0, b + 1, 2), -EMSGSIZE);
		duo_expect(d->host, 0, 0, 60);
		duo_expect_none(d->host, 0);
	}
}

/* V3: valid for the ring, larger than the receiver's buffer. */
static void
test_frame_larger_than_the_room(void **state)
{
	static const uint32_t lens[] = {61, STRIDE, STRIDE + 1, MAX_FRAME};
	struct duo *d = *state;
	struct folio_buf b = {.data = duo_landing, .room = 60};
	size_t i;

	duo_open_both(d, 1);
	for (i = 0; i < ARRAY_LEN(lens); i++) {
		memset(duo_landing, CANARY, 128);
		assert_true(duo_send(d->guest, 0, 0, lens[i]));
		assert_int_equal(folio_recv(d->host, 0, &b, 1), 0);
		assert_true(util_all_bytes(duo_landing, CANARY, 128));
		duo_pass(d->guest, d->host, 0, 1, 60);
		duo_expect_none(d->host, 0); /* idle: the sender learns of every free slot */
	}
}

static void
test_many_queues(void **state)
{
	static const uint32_t counts[] = {4, 64};
	struct duo *d = *state;
	uint32_t q;
	size_t i;

	for (i = 0; i < ARRAY_LEN(counts); i++) {
		duo_open_both(d, counts[i]);
		for (q = 0; q < counts[i]; q++) {
			assert_true(duo_send(d->guest, q, q, 60 + q));
			assert_true(duo_send(d->host, q, 100 + q, 700 + q));
		}
		for (q = counts[i]; q-- > 0;) {
			duo_expect(d->host, q, q, 60 + q);
			duo_expect(d->guest, q, 100 + q, 700 + q);
		}
		duo_check_queue(d, counts[i] - 1);
		duo_close_side(d, &d->guest);
		folio_close(d->host);
		d->host = NULL;
	}
}

static void
test_queues_taken_out(void **state)
{
	struct duo *d = *state;

	duo_open_both(d, 2);
	assert_true(folio_port_enable_tx(d->guest, 1, false));
	assert_false(duo_send(d->guest, 1, 0, 60));
	duo_pass(d->guest, d->host, 0, 0, 60);
	/* It stays out when the session begins anew. */
	folio_stop(d->guest);
	folio_start(d->guest);
	duo_tick(d, 1);
	duo_bring_up(d);
	assert_false(duo_send(d->guest, 1, 0, 60));
	folio_port_enable_tx(d->guest, 1, true);
	assert_true(duo_send(d->guest, 1, 3, 60));
	assert_true(folio_port_enable_rx(d->host, 1, false));
	duo_expect_none(d->host, 1);
	folio_port_enable_rx(d->host, 1, true);
	duo_expect(d->host, 1, 3, 60);
	duo_check_queue(d, 0);
	duo_check_queue(d, 1);
}

/* There is no peer that it could be the host of, and no memory but the port's own. */
static void
test_bad_loopbacks(void **state)
{
	const struct duo *d = *state;
	const struct folio_config bad[] = {
		{.role = FOLIO_HOST},
		{.role = FOLIO_GUEST, .path = d->path},
		{.role = FOLIO_GUEST, .pci = "0000:00:04.0"},
		{.role = FOLIO_GUEST, .size = 16 << 20},
	};
	unsigned int fds = util_open_fds();
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		struct folio_config cfg = bad[i];
		struct folio_error err = {.text = ""};

		cfg.loopback = true;
		assert_null(folio_open(&cfg, &err));
		assert_non_null(strstr(err.text, "loopback=1 has no peer and no file"));
		assert_non_null(strstr(err.text, "path, pci, size and role=host are not allowed"));
		assert_int_equal(util_open_fds(), fds);
	}
}

static void
test_loopback(void **state)
{
	const struct folio_config cfg = {.role = FOLIO_GUEST, .loopback = true, .queues = 2,
				   .ring_size = RING, .slot_size = SLOT};
	unsigned int fds = util_open_fds();
	struct folio_status st;
	struct folio *f;
	uint32_t len;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		f = folio_open(&cfg, NULL);
		assert_non_null(f);
		assert_int_equal(util_open_fds(), fds);
		assert_false(duo_send(f, 0, 0, 60));
		assert_int_equal(folio_start(f), 0);
		assert_int_equal(folio_start(f), -EALREADY);
		assert_true(folio_link_is_up(f));
		folio_status(f, &st);
		assert_int_equal(st.link, FOLIO_LINK_UP);
		assert_int_equal(st.queues, 2);
		for (len = FOLIO_WIRE_FRAME_MIN; len <= MAX_FRAME; len += 5) {
			duo_pass(f, f, 0, len, len);
			duo_pass(f, f, 1, len + 1, len);
			folio_tick(f);
		}
		assert_true(duo_send(f, 0, 0, 60));
		folio_stop(f);
		assert_false(folio_link_is_up(f));
		assert_int_equal(folio_start(f), 0);
		duo_expect_none(f, 0);
		duo_pass(f, f, 1, 9, 1000);
		assert_int_equal(duo_violations(f), 0);
		folio_close(f);
	}
}

/*
 * D1: nothing that lies behind a frame in private memory. D3: no address. The frames are zeroes, so
 * what is in the region then are lengths and indices: far below what any address can be.
 */
static void
test_no_secret_in_the_region(void **state)
{
	static const char secret[] = "not for the peer's eyes";
	static uint8_t out[MAX_FRAME + 4 * sizeof(secret)];
	struct duo *d = *state;
	struct raw r;
	uint32_t len, i;
	uint64_t word;
	size_t w;

	duo_open_both(d, 1);
	r = raw_map(d);
	for (len = FOLIO_WIRE_FRAME_MIN; len <= MAX_FRAME; len += len < 3 * STRIDE ? 1 : 333) {
		struct folio_buf b = {.data = out + 2 * sizeof(secret), .len = len};

		memset(out, 0, sizeof(out));
		memcpy(out + sizeof(secret), secret, sizeof(secret));
		memcpy(out + 2 * sizeof(secret) + len, secret, sizeof(secret));
		assert_int_equal(folio_send(d->guest, 0, &b, 1), 1);
		assert_int_equal(folio_send(d->host, 0, &b, 1), 1);
		assert_null(memmem(r.mem, r.l.used, secret, 4));
		assert_null(memmem(raw_area(&r, FOLIO_HOST), r.l.used, secret, 4));
		b = (struct folio_buf){.data = duo_landing, .room = sizeof(duo_landing)};
		assert_int_equal(folio_recv(d->guest, 0, &b, 1), 1);
		assert_int_equal(folio_recv(d->host, 0, &b, 1), 1);
	}
	for (w = 0; w < r.size; w += sizeof(word)) {
		if (w % r.l.area_size < sizeof(struct folio_wire_header))
			continue;
		memcpy(&word, r.mem + w, sizeof(word));
		assert_true(word < 1 << 20);
	}
	for (i = FOLIO_GUEST; i <= FOLIO_HOST; i++)
		assert_true(util_all_bytes(raw_header(&r, i)->reserved, 0,
					   sizeof(raw_header(&r, i)->reserved)));
	raw_unmap(&r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, duo_setup, duo_teardown_empty)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_frames_of_every_length),
		TEST(test_longest_frames_of_the_default_geometry),
		TEST(test_bursts),
		TEST(test_full_ring),
		TEST(test_burst_into_a_full_ring),
		TEST(test_lengths_that_are_not_sent),
		TEST(test_frame_larger_than_the_room),
		TEST(test_many_queues),
		TEST(test_queues_taken_out),
		TEST(test_bad_loopbacks),
		cmocka_unit_test(test_loopback),
		TEST(test_no_secret_in_the_region),
	};

	duo_make_pattern();
	return cmocka_run_group_tests_name("port_traffic", tests, NULL, NULL);
}
