/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Regions that somebody left behind, or took away, and what is posted in them. */

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "regions.h"

/* A process that dies without a word, after writing all over its half. */
static int
crash(void *arg)
{
	const struct util_place *e = arg;
	struct folio_wire_header *h;
	struct folio_region r;

	if (folio_region_open(&r, e->path, FOLIO_GUEST, false, NULL) != 0 ||
	    folio_region_grow(&r, small_layout.region_size, NULL) != 0 ||
	    folio_region_map(&r, &small_layout, NULL) != 0)
		return 1;
	memset(r.own, 0x5a, small_layout.used);
	h = folio_layout_header(r.own);
	memset(h, 0, sizeof(*h));
	folio_put64(&h->magic, FOLIO_WIRE_MAGIC);
	raise(SIGKILL);
	return 1;
}

static void
test_take_over_from_a_crashed_guest(void **state)
{
	struct util_place *e = *state;
	struct folio_region r;

	assert_true(util_died_of(util_run_child(crash, e), SIGKILL));
	assert_true(exists(e->path));
	/* The host crashed as well. */
	write_at(e->path, (off_t)small_layout.area_size + 8192, 0x66, 10000);
	open_region(&r, e->path, FOLIO_GUEST);
	/* The file is ours now, and so is its removal. D2: nothing is left in it. */
	assert_true(r.ours);
	assert_int_equal(r.size, small_layout.region_size);
	map_region(&r);
	assert_true(util_all_bytes(r.own, 0, small_layout.area_size));
	assert_true(util_all_bytes(r.peer, 0, small_layout.area_size));
	folio_region_close(&r);
	assert_false(exists(e->path));
}

static void
test_take_over_while_a_host_is_there(void **state)
{
	struct util_place *e = *state;
	struct folio_region guest, host;

	assert_true(util_died_of(util_run_child(crash, e), SIGKILL));
	open_region(&host, e->path, FOLIO_HOST);
	assert_int_equal(folio_region_map(&host, &small_layout, NULL), 0);
	memset((uint8_t *)host.own + small_layout.data_off, 0x66, 1000);
	open_region(&guest, e->path, FOLIO_GUEST);
	map_region(&guest);
	assert_true(util_all_bytes(guest.own, 0, small_layout.used));
	assert_true(util_all_bytes((uint8_t *)guest.peer + small_layout.data_off, 0x66, 1000));
	folio_region_close(&guest);
	folio_region_close(&host);
	assert_false(exists(e->path));
}

/* A peer that is slow to notice that the guest has crashed, and still reads the frames it left. */
struct reader {
	struct folio_region *host;
	uint8_t sample; /* of the old frames, at last */
};

static void *
slow_reader(void *arg)
{
	struct reader *reader = arg;
	const uint8_t *guest = reader->host->peer;

	while (folio_fetch32(&folio_layout_header(reader->host->peer)->state) != 0)
		usleep(1000);
	usleep(150000);
	reader->sample = ((const volatile uint8_t *)guest)[small_layout.data_off];
	folio_put64_release(&folio_layout_header(reader->host->own)->ack, 0);
	return NULL;
}

static void
test_take_over_waits_for_the_peer(void **state)
{
	struct util_place *e = *state;
	struct folio_region guest, host;
	struct reader reader = {.host = &host};
	struct folio_wire_header crashed = {.magic = {FOLIO_WIRE_MAGIC},
					    .state = {FOLIO_WIRE_STATE_STARTED}};
	pthread_t thread;

	make_file(e->path, &crashed, sizeof(crashed), (off_t)small_layout.region_size);
	open_region(&host, e->path, FOLIO_HOST);
	assert_int_equal(folio_region_map(&host, &small_layout, NULL), 0);
	folio_put64(&folio_layout_header(host.own)->ack, 5);
	write_at(e->path, (off_t)small_layout.data_off, 0x66, 1000);
	open_region(&guest, e->path, FOLIO_GUEST);
	assert_int_equal(pthread_create(&thread, NULL, slow_reader, &reader), 0);
	map_region(&guest);
	pthread_join(thread, NULL);
	assert_int_equal(reader.sample, 0x66);
	assert_true(util_all_bytes(guest.own, 0, small_layout.used));
	folio_region_close(&guest);
	folio_region_close(&host);
	assert_int_equal(unlink(e->path), 0);
}

/* The crashed guest did not make the file: it stays. */
static void
test_take_over_of_a_prepared_file(void **state)
{
	struct util_place *e = *state;
	struct folio_region r;

	make_file(e->path, "", 0, (off_t)small_layout.region_size);
	assert_true(util_died_of(util_run_child(crash, e), SIGKILL));
	open_region(&r, e->path, FOLIO_GUEST);
	assert_false(r.ours);
	map_region(&r);
	assert_true(util_all_bytes(r.own, 0, small_layout.area_size));
	folio_region_close(&r);
	assert_true(exists(e->path));
}

/* What a larger predecessor left goes piece by piece, as each tick has to end soon. */
static void
test_a_larger_predecessor_is_wiped_in_pieces(void **state)
{
	const struct folio_geometry large = {1, 512, 65536, FOLIO_WIRE_SHIFT_MIN + 4};
	struct folio_wire_header crashed = {
		.magic = {FOLIO_WIRE_MAGIC},
		.state = {FOLIO_WIRE_STATE_STARTED},
		.queues = {large.queues},
		.ring_size = {large.ring_size},
		.slot_size = {large.slot_size},
		.page_shift = {large.page_shift},
	};
	struct util_place *e = *state;
	struct folio_region r, host;
	unsigned int pieces = 0;
	struct folio_layout l;
	uint8_t byte;
	int ret, fd;

	assert_int_equal(folio_layout_init(&l, &large, 0, NULL), 0);
	make_file(e->path, &crashed, sizeof(crashed), (off_t)l.region_size);
	write_at(e->path, (off_t)l.area_size - 1, 0x55, 1);
	/* Without a host that lives all of the file would go at once. */
	open_region(&host, e->path, FOLIO_HOST);
	open_region(&r, e->path, FOLIO_GUEST);
	assert_int_equal(folio_region_begin(&r, &small_layout, NULL), 0);
	while ((ret = folio_region_prepare(&r, &small_layout, NULL)) > 0)
		assert_in_range(pieces++, 0, 100);
	assert_int_equal(ret, 0);
	assert_in_range(pieces, l.area_size / FOLIO_REGION_PIECE - 1, 100);
	fd = open(e->path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, &byte, 1, (off_t)l.area_size - 1), 1);
	assert_int_equal(byte, 0);
	close(fd);
	folio_region_close(&r);
	folio_region_close(&host);
	assert_int_equal(unlink(e->path), 0);
}

static void
test_only_its_own_file_is_removed(void **state)
{
	const struct util_place *e = *state;
	char other[PATH_MAX + 16];
	struct folio_region r;

	/* Replaced by another file meanwhile. */
	open_region(&r, e->path, FOLIO_GUEST);
	assert_int_equal(unlink(e->path), 0);
	make_file(e->path, "", 0, 4096);
	folio_region_close(&r);
	assert_true(exists(e->path));
	unlink(e->path);

	/* Moved away: what is at the path is not ours, and what is ours is not there. */
	open_region(&r, e->path, FOLIO_GUEST);
	snprintf(other, sizeof(other), "%s.moved", e->path);
	assert_int_equal(rename(e->path, other), 0);
	make_file(e->path, "", 0, 4096);
	folio_region_close(&r);
	assert_true(exists(e->path));
	assert_true(exists(other));
}

static void
test_lost(void **state)
{
	const struct util_place *e = *state;
	struct folio_region r;

	open_region(&r, e->path, FOLIO_GUEST);
	assert_false(folio_region_lost(&r));
	map_region(&r);
	assert_false(folio_region_lost(&r));
	/* Longer is no loss, shorter by a byte is. */
	assert_int_equal(truncate(e->path, (off_t)small_layout.region_size + 4096), 0);
	assert_false(folio_region_lost(&r));
	assert_int_equal(truncate(e->path, (off_t)small_layout.region_size - 1), 0);
	assert_true(folio_region_lost(&r));
	assert_int_equal(truncate(e->path, (off_t)small_layout.region_size), 0);
	assert_false(folio_region_lost(&r));
	assert_int_equal(unlink(e->path), 0);
	assert_true(folio_region_lost(&r));
	folio_region_close(&r);
}

/* A refusal is where the guest will see it, and gone when something takes its place. */
static void
test_post(void **state)
{
	const struct util_place *e = *state;
	struct folio_region guest, host;
	struct folio_wire_header h;

	open_region(&guest, e->path, FOLIO_GUEST);
	map_region(&guest);
	open_region(&host, e->path, FOLIO_HOST);
	memset(&h, 0, sizeof(h));
	folio_put64(&h.magic, FOLIO_WIRE_MAGIC);
	folio_put32(&h.refusal, FOLIO_WIRE_REFUSED_QUEUES);
	folio_region_post(&host, &small_layout, &h);
	assert_memory_equal(guest.peer, &h, sizeof(h));
	folio_put32(&h.refusal, FOLIO_WIRE_REFUSED_SLOT_SIZE);
	folio_region_post(&host, &small_layout, &h);
	assert_memory_equal(guest.peer, &h, sizeof(h));
	assert_int_equal(folio_region_map(&host, &small_layout, NULL), 0);
	assert_true(util_all_bytes(guest.peer, 0, small_layout.area_size));
	folio_region_unmap(&host);
	folio_region_post(&host, &small_layout, &h);
	folio_region_close(&host);
	assert_true(util_all_bytes(guest.peer, 0, small_layout.area_size));
	folio_region_close(&guest);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, util_place_setup, util_place_teardown)

int
main(void)
{
	const struct folio_geometry g = {1, 64, 256, FOLIO_WIRE_SHIFT_MIN + 4};
	const struct CMUnitTest tests[] = {
		TEST(test_take_over_from_a_crashed_guest),
		TEST(test_take_over_while_a_host_is_there),
		TEST(test_take_over_waits_for_the_peer),
		TEST(test_take_over_of_a_prepared_file),
		TEST(test_a_larger_predecessor_is_wiped_in_pieces),
		TEST(test_only_its_own_file_is_removed),
		TEST(test_lost),
		TEST(test_post),
	};

	if (folio_layout_init(&small_layout, &g, 0, NULL) != 0)
		return 1;
	return cmocka_run_group_tests_name("region_takeover", tests, NULL, NULL);
}
