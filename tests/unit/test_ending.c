/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * The end of a session under a burst. A copy kernel of the test's own calls back in the middle of a
 * burst, which there stands still while the peer does what it likes.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "standstill.h"

static void
pausing_exact(void *dst, const void *src, size_t len)
{
	/* The first half of the frame is there, the second is copied afterwards. */
	memcpy(dst, src, len / 2);
	if (stall.then != NULL && stall.copies_left-- == 0) {
		void (*then)(struct duo *d) = stall.then;

		stall.then = NULL;
		then(stall.duo);
	}
	memcpy((uint8_t *)dst + len / 2, (const uint8_t *)src + len / 2, len - len / 2);
}

static const struct folio_copy pausing = {.isa = FOLIO_ISA_PORTABLE, .exact = pausing_exact};

static uint64_t
ended_bursts(const struct folio *f)
{
	struct folio_counters c;

	folio_counters(f, &c);
	return c.ended_bursts;
}

static void
stops(struct duo *d)
{
	folio_stop(d->guest);
}

static void
renegotiates(struct duo *d)
{
	folio_port_rxq(d->guest, 0)->ring.broken = 1;
	tick_guest(d, SETTLE + 2);
}

static void
closes(struct duo *d)
{
	folio_close(d->guest);
	d->guest = NULL;
}

static void
removes_the_file(struct duo *d)
{
	assert_int_equal(unlink(d->path), 0);
	tick_guest(d, SETTLE + 2);
}

static void
is_succeeded(struct duo *d)
{
	struct folio_wire_header *h = d->guest->region.own;

	/* What a successor does to the area of one that was killed, after its wait. */
	folio_session_wipe_header(h);
	folio_region_zero(&d->guest->region, &d->guest->layout);
}

static void (*const endings[])(struct duo *d) = {
	stops, restarts, renegotiates, closes, removes_the_file, is_succeeded,
};

/*
 * L13: the burst stands still in its n-th copy, while the peer ends the session in each of the ways
 * that there are. It delivers nothing, and accuses nobody; and both get together again.
 */
static void
test_L13_burst_that_stands_still(void **state)
{
	static const unsigned int when[] = {0, 1, FRAMES / 2, FRAMES - 1};
	struct duo *d = *state;
	const struct folio_copy *copy;
	uint64_t ended = 0;
	size_t how, i;

	open_duo(d, 1);
	copy = d->host->copy;
	for (how = 0; how < ARRAY_LEN(endings); how++) {
		for (i = 0; i < ARRAY_LEN(when); i++) {
			d->host->copy = &pausing;
			send_frames(d->guest, FRAMES, FRAME);
			stall.copies_left = when[i];
			stall.then = endings[how];
			assert_int_equal(recv_frames(d->host, FRAMES, FRAME), 0);
			assert_null(stall.then);
			assert_int_equal(ended_bursts(d->host), ++ended);
			assert_int_equal(duo_violations(d->host), 0);
			/* Until control has looked there is nothing more to be had. */
			assert_int_equal(recv_frames(d->host, FRAMES, FRAME), 0);
			d->host->copy = copy;
			if (d->guest == NULL)
				d->guest = duo_open(d, FOLIO_GUEST, standstill_shape);
			(void)folio_start(d->guest);
			check_traffic(d);
		}
	}
	assert_int_equal(duo_violations(d->host) + duo_violations(d->guest), 0);
}

/* Nobody ended anything: the same pauses lose nothing. */
static void
test_burst_that_stands_still_in_a_session(void **state)
{
	struct duo *d = *state;

	open_duo(d, 1);
	d->host->copy = &pausing;
	send_frames(d->guest, FRAMES, FRAME);
	stall.copies_left = 3;
	stall.then = bring_up; /* ticks of both */
	assert_int_equal(recv_frames(d->host, FRAMES, FRAME), FRAMES);
	assert_int_equal(ended_bursts(d->host), 0);
}

static void
fill(struct folio *f)
{
	const struct folio_buf buf = {.data = frame, .len = 60};

	while (folio_send(f, 0, &buf, 1) == 1)
		;
}

/* Of a session that ended between two bursts nothing is left, and an index of 0 is no violation. */
static void
test_L13_session_ends_between_bursts(void **state)
{
	struct duo *d = *state;
	size_t how;

	open_duo(d, 1);
	for (how = 0; how < ARRAY_LEN(endings); how++) {
		send_frames(d->guest, 64, 60);
		send_frames(d->host, 64, 60);
		assert_int_equal(recv_frames(d->host, FRAMES, 60), FRAMES);
		endings[how](d);
		assert_int_equal(recv_frames(d->host, FRAMES, 60), 0);
		/* A sender looks at an index that was zeroed, too. */
		fill(d->host);
		assert_int_equal(duo_violations(d->host), 0);
		if (d->guest == NULL)
			d->guest = duo_open(d, FOLIO_GUEST, standstill_shape);
		(void)folio_start(d->guest);
		check_traffic(d);
	}
}

/* The case, step by step. */
static void
test_L3_removed_under_traffic(void **state)
{
	struct duo *d = *state;
	unsigned int got;

	open_duo(d, 1);
	send_frames(d->guest, 64, 60);
	assert_int_equal(recv_frames(d->host, FRAMES, 60), FRAMES);
	assert_int_equal(unlink(d->path), 0);
	folio_tick(d->guest);
	got = recv_frames(d->host, FRAMES, 60);
	assert_true(got == 0 || got == FRAMES);
	assert_int_equal(duo_violations(d->host), 0);
	check_traffic(d);
	assert_int_equal(duo_violations(d->host) + duo_violations(d->guest), 0);
}

/* A lost region is zeroed when the peer has let go of it, or has had its time. */
static void
test_L3_lost_region_is_left_to_the_peer(void **state)
{
	struct duo *d = *state;
	bool peer_ticks;

	open_duo(d, 1);
	for (peer_ticks = false;; peer_ticks = true) {
		const struct folio_layout l = d->guest->layout;
		int fd = open(d->path, O_RDWR | O_CLOEXEC);
		unsigned int ticks = 0;
		uint8_t *mem;

		mem = mmap(NULL, l.used, PROT_READ, MAP_SHARED, fd, 0);
		assert_ptr_not_equal(mem, MAP_FAILED);
		close(fd);
		send_frames(d->guest, FRAMES, FRAME);
		assert_int_equal(unlink(d->path), 0);
		while (!util_all_bytes(mem, 0, l.meta_off) ||
		       !util_all_bytes(mem + l.data_off, 0, l.used - l.data_off)) {
			assert_true(ticks++ <= SETTLE);
			folio_tick(d->guest);
			assert_false(folio_link_is_up(d->guest));
			if (ticks > 1 && peer_ticks)
				folio_tick(d->host);
		}
		assert_int_equal(ticks, peer_ticks ? 3 : SETTLE + 1);
		munmap(mem, l.used);
		check_traffic(d);
		if (peer_ticks)
			break;
	}
	assert_int_equal(duo_violations(d->host) + duo_violations(d->guest), 0);
}

/* The region is lost for a moment, in which a burst is inside: both get together again. */
static void
test_L3_cut_for_a_moment(void **state)
{
	struct duo *d = *state;
	off_t size;

	open_duo(d, 1);
	send_frames(d->host, 8, 60);
	size = 2 * (off_t)d->host->layout.area_size;
	set_busy(d->host, 1);
	assert_int_equal(truncate(d->path, size - FOLIO_WIRE_PAGE), 0);
	folio_tick(d->host);
	assert_false(folio_link_is_up(d->host));
	assert_int_equal(truncate(d->path, size), 0);
	set_busy(d->host, 0);
	/* What was on the way may be zeroes now. */
	bring_up(d);
	assert_int_equal(recv_frames(d->guest, FRAMES, 60), 0);
	check_traffic(d);
}

/* T5: a header with one generation for bursts, and another for the control thread. */
static void
test_T5_two_generations(void **state)
{
	struct duo *d = *state;
	folio_shared_u64 *generation;
	uint64_t real, before;
	int i;

	open_duo(d, 1);
	generation = &((struct folio_wire_header *)d->guest->region.own)->generation;
	for (i = 0; i < 10; i++) {
		before = d->host->renegotiations;
		send_frames(d->guest, 8, 60);
		real = generation->raw;
		generation->raw = real ^ 1;
		assert_int_equal(recv_frames(d->host, FRAMES, 60), 0);
		generation->raw = real;
		/* The ring is of no use any more: the session ends, though control sees none. */
		folio_tick(d->host);
		assert_false(folio_link_is_up(d->host));
		assert_int_equal(d->host->renegotiations, before + 1);
		check_traffic(d);
	}
	assert_int_equal(duo_violations(d->host), 0);
}

/* A peer is to blame only for a session that it says it is in. */
static void
test_blame(void **state)
{
	struct duo *d = *state;
	struct folio_wire_header *h;
	struct folio_wire_index *index;
	int ended;

	open_duo(d, 1);
	for (ended = 0; ended < 2; ended++) {
		uint64_t was = duo_violations(d->host);

		h = d->guest->region.own;
		index = folio_layout_index(&d->guest->layout, h, 0);
		send_frames(d->guest, 3, 60);
		send_frames(d->host, 3, 60);
		folio_layout_desc(&d->guest->layout, h, 0)->raw = 1; /* too short */
		h->generation.raw ^= (uint64_t)ended;
		assert_int_equal(recv_frames(d->host, 3, 60), ended ? 0 : 2);
		assert_int_equal(duo_violations(d->host) - was, !ended);
		index->produced.raw = 1000;
		index->consumed.raw = 1000;
		assert_int_equal(recv_frames(d->host, 1, 60), 0);
		fill(d->host);
		assert_int_equal(duo_violations(d->host) - was, ended ? 0 : 3);
		assert_int_equal(ended_bursts(d->host), ended ? 2 : 0);
		check_traffic(d);
	}
}

/*
 * L9: areas aligned to 1 GiB are no geometry that a host with limits maps, whatever the rest says;
 * it costs it nothing to refuse them again and again, and it says so.
 */
static void
test_L9_page_shift_is_limited(void **state)
{
	struct duo *d = *state;
	struct folio_wire_header *h;
	struct folio_status st;
	uint32_t shift;
	int fd;

	d->host = duo_open(d, FOLIO_HOST, (struct folio_config){.ring_size = 256,
						     .slot_size = 2048});
	assert_int_equal(folio_start(d->host), 0);
	fd = open(d->path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)2 << 30), 0);
	h = mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(h, MAP_FAILED);
	close(fd);
	for (shift = 30; shift > FOLIO_LAYOUT_SHIFT; shift--) {
		*h = (struct folio_wire_header){
			.magic = {FOLIO_WIRE_MAGIC}, .version = {FOLIO_WIRE_VERSION},
			.role = {FOLIO_WIRE_ROLE_GUEST}, .state = {FOLIO_WIRE_STATE_STARTED},
			.generation = {shift}, .queues = {1}, .ring_size = {256},
			.slot_size = {2048}, .page_shift = {shift},
		};
		folio_tick(d->host);
		folio_tick(d->host);
		folio_status(d->host, &st);
		assert_int_equal(st.region_size, 0);
		assert_int_equal(st.link, FOLIO_LINK_REJECTED);
		assert_non_null(strstr(st.detail, "page_shift"));
	}
	assert_int_equal(duo_violations(d->host), 30 - FOLIO_LAYOUT_SHIFT);
	munmap(h, sizeof(*h));
	assert_int_equal(unlink(d->path), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, standstill_setup, duo_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_L13_burst_that_stands_still),
		TEST(test_burst_that_stands_still_in_a_session),
		TEST(test_L13_session_ends_between_bursts),
		TEST(test_L3_removed_under_traffic),
		TEST(test_L3_lost_region_is_left_to_the_peer),
		TEST(test_L3_cut_for_a_moment),
		TEST(test_T5_two_generations),
		TEST(test_blame),
		TEST(test_L9_page_shift_is_limited),
	};

	return cmocka_run_group_tests_name("ending", tests, NULL, NULL);
}
