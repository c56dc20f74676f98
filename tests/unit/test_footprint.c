/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * What a guest can make a host spend by its choice of a geometry: memory, and time between two
 * heartbeats. The guest is a header that the test writes.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <folio.h>

#include "native/layout.h"
#include "port_state.h"
#include "util.h"

#define NO_MLOCK 77

/* Rings of some pieces, and what a tick may do to them and to the headers. */
static const struct folio_geometry big = {1, 512, 65536, FOLIO_LAYOUT_SHIFT};
#define TICK_AT_MOST (FOLIO_REGION_PIECE + (1 << 20))
#define BIG_PIECES 3 /* at least */
#define ENOUGH_TICKS 100

struct env {
	void *dir;
	char path[PATH_MAX];
};

static int
setup(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	if (e == NULL || util_dir_setup(&e->dir) != 0)
		return -1;
	snprintf(e->path, sizeof(e->path), "%s/region", (const char *)e->dir);
	*state = e;
	return 0;
}

static int
teardown(void **state)
{
	struct env *e = *state;
	int ret;

	(void)unlink(e->path);
	ret = util_dir_teardown(&e->dir);
	free(e);
	return ret;
}

/* A file without memory in which a guest offers this geometry. */
static struct folio_layout
offer(const char *path, const struct folio_geometry *g, uint64_t generation)
{
	struct folio_wire_header h;
	struct folio_layout l;
	struct stat st;
	int fd;

	assert_int_equal(folio_layout_init(&l, g, 0, NULL), 0);
	memset(&h, 0, sizeof(h));
	h.magic.raw = FOLIO_WIRE_MAGIC;
	h.version.raw = FOLIO_WIRE_VERSION;
	h.role.raw = FOLIO_WIRE_ROLE_GUEST;
	h.state.raw = FOLIO_WIRE_STATE_STARTED;
	h.generation.raw = generation;
	h.queues.raw = g->queues;
	h.ring_size.raw = g->ring_size;
	h.slot_size.raw = g->slot_size;
	h.page_shift.raw = g->page_shift;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	if ((uint64_t)st.st_size < l.region_size)
		assert_int_equal(ftruncate(fd, (off_t)l.region_size), 0);
	assert_int_equal(pwrite(fd, &h, sizeof(h), 0), sizeof(h));
	close(fd);
	return l;
}

static uint64_t
bytes_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

/* Address space that this process maps of the file. */
static uint64_t
mapped_of(const char *path)
{
	FILE *f = fopen("/proc/self/maps", "re");
	uint64_t from, to, all = 0;
	char line[PATH_MAX + 128];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, path) != NULL &&
		    sscanf(line, "%" SCNx64 "-%" SCNx64, &from, &to) == 2)
			all += to - from;
	fclose(f);
	return all;
}

static struct folio *
open_host(const char *path, struct folio_config cfg)
{
	struct folio_error err = {.text = ""};
	struct folio *f;

	cfg.role = FOLIO_HOST;
	cfg.path = path;
	f = folio_open(&cfg, &err);
	if (f == NULL)
		fail_msg("folio_open: %s", err.text);
	assert_int_equal(folio_start(f), 0);
	return f;
}

/* The host has taken what the guest offers, with areas aligned to so much. */
static void
take(struct folio *f, const char *path, uint32_t page_shift, uint64_t generation)
{
	const struct folio_geometry g = {1, 64, 256, page_shift};
	struct folio_layout l = offer(path, &g, generation);
	struct folio_status st;
	unsigned int i = 0;

	do {
		folio_tick(f);
		folio_status(f, &st);
	} while ((st.queues == 0 || st.region_size != l.region_size) && i++ < 100);
	assert_int_equal(st.region_size, l.region_size);
}

/* Nothing of what was left free between the areas. */
#define MAPPED_AT_MOST (2 * (UINT64_C(2) << 20))

static void
test_padding_is_not_mapped(void **state)
{
	const struct env *e = *state;
	struct folio *f = open_host(e->path, (struct folio_config){.queues = 0});
	int i;

	for (i = 0; i < 4; i++) {
		take(f, e->path, i % 2 == 0 ? 30 : 29, (uint64_t)i + 1);
		assert_in_range(mapped_of(e->path), 1, MAPPED_AT_MOST);
		assert_in_range(bytes_of(e->path), 1, MAPPED_AT_MOST);
	}
	folio_close(f);
}

static int
attach_locked(void *arg)
{
	const struct env *e = arg;
	struct folio *f;

	/* MCL_CURRENT would lock the shadow memory of a sanitizer, and is not what maps cost. */
	if (mlockall(MCL_FUTURE) != 0)
		return NO_MLOCK;
	f = open_host(e->path, (struct folio_config){.queues = 0});
	take(f, e->path, 30, 1);
	if (bytes_of(e->path) > MAPPED_AT_MOST)
		return 1;
	take(f, e->path, 29, 2);
	/* The host's first area, wherever it was, stays in the file. */
	return bytes_of(e->path) > MAPPED_AT_MOST * 3 / 2 ? 2 : 0;
}

static void
test_padding_costs_no_locked_memory(void **state)
{
	int status = util_run_child(attach_locked, *state);

	if (util_exited(status, NO_MLOCK)) {
		print_message("skipped: memory cannot be locked here (RLIMIT_MEMLOCK)\n");
		skip();
	}
	assert_true(util_exited(status, 0));
}

/* The file, as the peer sees it. */
static uint8_t *
map_file(const char *path, uint64_t len)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	assert_true(mem != MAP_FAILED);
	return mem;
}

static uint32_t
beat_of(const uint8_t *area)
{
	return __atomic_load_n(&((const struct folio_wire_header *)area)->heartbeat.raw,
			       __ATOMIC_RELAXED);
}

/* What a crashed host left: a header that says that it lives, and frames. */
static void
leave_behind(uint8_t *area, const struct folio_layout *l)
{
	struct folio_wire_header *h = (struct folio_wire_header *)area;

	h->magic.raw = FOLIO_WIRE_MAGIC;
	h->state.raw = FOLIO_WIRE_STATE_STARTED;
	memset(area + l->index_off, 0x55, 8);
	memset(area + l->data_off, 0x55, 1000);
	memset(area + l->used - 1000, 0x55, 1000);
}

/* Behind the header. */
static bool
is_clean(const uint8_t *area, const struct folio_layout *l)
{
	return util_all_bytes(area + l->index_off, 0, l->used - l->index_off);
}

/* Memory that a tick takes is bounded, and so is what it zeroes. */
static void
test_attaching_in_pieces(void **state)
{
	const struct env *e = *state;
	struct folio_layout l = offer(e->path, &big, 1);
	struct folio *f = open_host(e->path, (struct folio_config){.queues = 0});
	uint64_t before = bytes_of(e->path), now;
	unsigned int ticks = 0;

	do {
		folio_tick(f);
		now = bytes_of(e->path);
		assert_true(now - before <= TICK_AT_MOST);
		before = now;
	} while (f->state != FOLIO_PORT_CLOSED && ++ticks < ENOUGH_TICKS);
	assert_in_range(ticks, 2 * BIG_PIECES - 2, ENOUGH_TICKS - 1);
	assert_true(now >= l.data_len);
	folio_close(f);
}

/* Ticks pass while the peer of a crashed predecessor has not let go. None sleeps for it. */
static void
test_predecessor_is_waited_for_in_ticks(void **state)
{
	const struct folio_geometry small = {1, 64, 256, FOLIO_LAYOUT_SHIFT};
	const struct env *e = *state;
	struct folio_layout l = offer(e->path, &small, 1);
	uint8_t *mem = map_file(e->path, l.region_size), *own = mem + l.area_size;
	struct folio_wire_header *guest = (struct folio_wire_header *)mem;
	unsigned int lets_go, ticks;
	struct folio *f;

	for (lets_go = 0; lets_go < 2; lets_go++) {
		leave_behind(own, &l);
		guest->ack.raw = 5;
		f = open_host(e->path, (struct folio_config){.queues = 0});
		for (ticks = 0; ticks < 200 / FOLIO_TICK_MS; ticks++) {
			if (lets_go && ticks == 3)
				guest->ack.raw = 0;
			folio_tick(f);
			if (f->state != FOLIO_PORT_PREPARING)
				break;
			assert_int_equal(((struct folio_wire_header *)own)->magic.raw, 0);
			assert_false(is_clean(own, &l));
		}
		if (lets_go)
			assert_int_equal(ticks, 3);
		else
			assert_int_equal(ticks, 200 / FOLIO_TICK_MS);
		folio_tick(f);
		assert_int_equal(f->state, FOLIO_PORT_CLOSED);
		assert_true(is_clean(own, &l));
		folio_close(f);
	}
	munmap(mem, l.region_size);
}

/* Stopped and closed, or without its file, before it was ready. */
static void
test_given_up_while_preparing(void **state)
{
	const struct env *e = *state;
	struct folio_layout l = offer(e->path, &big, 1);
	uint8_t *mem = map_file(e->path, l.region_size), *own = mem + l.area_size;
	unsigned int how, ticks;
	struct folio_status st;
	struct folio *f;

	for (how = 0; how < 2; how++) {
		leave_behind(own, &l);
		f = open_host(e->path, (struct folio_config){.queues = 0});
		for (ticks = 0; f->region.stage != FOLIO_REGION_ZEROING; ticks++) {
			assert_true(ticks < ENOUGH_TICKS);
			folio_tick(f);
		}
		assert_int_equal(f->state, FOLIO_PORT_PREPARING);
		folio_status(f, &st);
		assert_int_equal(st.queues, 0);
		assert_int_equal(st.link, FOLIO_LINK_SETTLING);
		if (how == 0) {
			folio_stop(f);
			assert_false(folio_port_needs_ticks(f));
		} else if (how == 1) {
			assert_int_equal(unlink(e->path), 0);
			folio_tick(f);
			assert_int_equal(f->state, FOLIO_PORT_DETACHED);
			assert_int_equal(f->region.mapped, 0);
		}
		folio_close(f);
		if (how == 0) /* what a predecessor left does not stay for the next one */
			assert_true(is_clean(own, &l));
	}
	munmap(mem, l.region_size);
}

struct duo {
	struct folio *guest;
	struct folio *host;
	uint8_t *mem;
	struct folio_layout l;
};

static void
open_duo(struct duo *d, const char *path)
{
	const struct folio_config cfg = {.role = FOLIO_GUEST, .path = path, .queues = big.queues,
					 .ring_size = big.ring_size, .slot_size = big.slot_size};
	struct folio_error err = {.text = ""};
	uint64_t before;
	unsigned int i;

	d->guest = folio_open(&cfg, &err);
	if (d->guest == NULL)
		fail_msg("folio_open: %s", err.text);
	folio_start(d->guest);
	d->host = open_host(path, (struct folio_config){.queues = 0});
	d->l = d->guest->layout;
	d->mem = map_file(path, d->l.region_size);
	for (i = 0; i < ENOUGH_TICKS; i++) {
		before = d->guest->region.populated;
		folio_tick(d->guest);
		/* Populated in pieces, too, before the link is up. */
		assert_true(d->guest->region.populated - before <= TICK_AT_MOST);
		if (folio_link_is_up(d->guest))
			assert_int_equal(d->guest->region.populated, d->l.used);
		folio_tick(d->host);
	}
	assert_true(folio_link_is_up(d->guest) && folio_link_is_up(d->host));
}

static void
close_duo(struct duo *d)
{
	folio_close(d->guest);
	folio_close(d->host);
	munmap(d->mem, d->l.region_size);
}

/* A side that zeroes for its next session shows at every tick that it lives. */
static void
test_heartbeat_while_zeroing(void **state)
{
	const struct env *e = *state;
	unsigned int i, zeroing = 0;
	struct duo d;
	uint32_t beat;

	open_duo(&d, e->path);
	memset(d.mem + d.l.used - 1000, 0x66, 1000);
	folio_stop(d.guest);
	folio_start(d.guest);
	for (i = 0; i < ENOUGH_TICKS; i++) {
		beat = beat_of(d.mem);
		folio_tick(d.guest);
		assert_int_equal(beat_of(d.mem), beat + 1);
		zeroing += d.guest->region.zeroed != 0;
		if (d.guest->session.state == FOLIO_SESSION_OFFER && d.guest->session.acked == 0)
			assert_true(is_clean(d.mem, &d.l));
		folio_tick(d.host);
	}
	assert_true(zeroing >= BIG_PIECES - 1);
	assert_true(folio_link_is_up(d.guest) && folio_link_is_up(d.host));
	close_duo(&d);
}

/* The file is gone: what we wrote there goes piece by piece. */
static void
test_leaving_in_pieces(void **state)
{
	const struct env *e = *state;
	unsigned int ticks = 0;
	struct duo d;

	open_duo(&d, e->path);
	memset(d.mem, 0x66, 100);
	memset(d.mem + d.l.data_off, 0x66, 1000);
	memset(d.mem + d.l.used - 1000, 0x66, 1000);
	assert_int_equal(unlink(e->path), 0);
	do {
		folio_tick(d.guest);
		folio_tick(d.host);
		ticks += d.guest->region.zeroed != 0;
	} while (d.guest->state >= FOLIO_PORT_PREPARING && ticks < ENOUGH_TICKS);
	assert_in_range(ticks, BIG_PIECES - 1, ENOUGH_TICKS - 1);
	assert_true(util_all_bytes(d.mem, 0, sizeof(struct folio_wire_header)));
	assert_true(is_clean(d.mem, &d.l));
	close_duo(&d);
}

/* A zeroing that a change of mind of the guest's breaks off is no half of the next one. */
static void
test_zeroing_that_was_broken_off(void **state)
{
	const struct folio_geometry other = {1, 256, 65536, FOLIO_LAYOUT_SHIFT};
	const struct env *e = *state;
	struct folio_layout l = offer(e->path, &big, 1);
	uint8_t *mem = map_file(e->path, l.region_size);
	struct folio_wire_header *guest = (struct folio_wire_header *)mem;
	const struct folio_wire_header *host = (const void *)(mem + l.area_size);
	struct folio *f = open_host(e->path, (struct folio_config){.queues = 0});
	unsigned int i;

	for (i = 0; i < ENOUGH_TICKS && f->session.acked != 1; i++)
		folio_tick(f);
	offer(e->path, &other, 2);
	folio_tick(f);
	assert_true(f->region.zeroed != 0);
	offer(e->path, &big, 3);
	for (i = 0; i < ENOUGH_TICKS && !folio_link_is_up(f); i++) {
		if (f->session.acked == 3)
			guest->ack.raw = host->generation.raw;
		folio_tick(f);
	}
	assert_true(folio_link_is_up(f));
	assert_int_equal(f->region.zeroed, 0);
	folio_close(f);
	munmap(mem, l.region_size);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_padding_is_not_mapped),
		TEST(test_padding_costs_no_locked_memory),
		TEST(test_attaching_in_pieces),
		TEST(test_predecessor_is_waited_for_in_ticks),
		TEST(test_given_up_while_preparing),
		TEST(test_heartbeat_while_zeroing),
		TEST(test_leaving_in_pieces),
		TEST(test_zeroing_that_was_broken_off),
	};

	return cmocka_run_group_tests_name("footprint", tests, NULL, NULL);
}
