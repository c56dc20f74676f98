/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "duo.h"

uint8_t duo_pattern[3 * FOLIO_WIRE_FRAME_MAX];
uint8_t duo_landing[FOLIO_WIRE_FRAME_MAX + 64];

/* Opening, closing, getting together. */

struct folio *
duo_try_open(const struct duo *d, enum folio_role role, struct folio_config cfg,
	 struct folio_error *err)
{
	cfg.role = role;
	cfg.path = d->path;
	return folio_open(&cfg, err);
}

struct folio *
duo_open(const struct duo *d, enum folio_role role, struct folio_config cfg)
{
	struct folio_error err = {.text = ""};
	struct folio *f = duo_try_open(d, role, cfg, &err);

	if (f == NULL)
		fail_msg("folio_open: %s", err.text);
	return f;
}

struct folio *
duo_open_guest(const struct duo *d, uint32_t queues)
{
	return duo_open(d, FOLIO_GUEST,
			 (struct folio_config){
				 .queues = queues, .ring_size = RING, .slot_size = SLOT});
}

struct folio *
duo_open_host(const struct duo *d, uint32_t queues)
{
	return duo_open(d, FOLIO_HOST, (struct folio_config){.queues = queues});
}

void
duo_tick(const struct duo *d, unsigned int n)
{
	while (n-- > 0) {
		folio_tick(d->guest);
		folio_tick(d->host);
	}
}

bool
duo_is_up(const struct duo *d)
{
	return folio_link_is_up(d->guest) && folio_link_is_up(d->host);
}

bool
duo_comes_up(const struct duo *d)
{
	unsigned int i;

	for (i = 0; i < ROUNDS && !duo_is_up(d); i++)
		duo_tick(d, 1);
	duo_tick(d, 3);
	return duo_is_up(d);
}

void
duo_bring_up(const struct duo *d)
{
	struct folio_status g, h;

	if (duo_comes_up(d))
		return;
	folio_status(d->guest, &g);
	folio_status(d->host, &h);
	fail_msg("no link: guest %s (%s), host %s (%s)", folio_link_name(g.link), g.detail,
		 folio_link_name(h.link), h.detail);
}

void
duo_open_both(struct duo *d, uint32_t queues)
{
	d->guest = duo_open_guest(d, queues);
	d->host = duo_open_host(d, queues);
	assert_int_equal(folio_start(d->guest), 0);
	assert_int_equal(folio_start(d->host), 0);
	duo_bring_up(d);
}

void
duo_close_side(struct duo *d, struct folio **f)
{
	folio_stop(*f);
	duo_tick(d, 3);
	folio_close(*f);
	*f = NULL;
}

void
duo_close_and_remove(struct duo *d)
{
	duo_close_side(d, &d->guest);
	folio_close(d->host);
	d->host = NULL;
	assert_int_equal(unlink(d->path), 0);
}

int
duo_setup(void **state)
{
	struct duo *d = calloc(1, sizeof(*d));

	if (d == NULL || util_dir_setup(&d->dir) != 0)
		return -1;
	snprintf(d->path, sizeof(d->path), "%s/region", (const char *)d->dir);
	*state = d;
	return 0;
}

static int
finish(struct duo *d, bool empty)
{
	bool ok;

	if (d->guest != NULL && d->host != NULL)
		duo_close_side(d, &d->guest);
	folio_close(d->guest);
	folio_close(d->host);
	ok = !empty || util_dir_entries(d->dir) == 0;
	ok &= util_dir_teardown(&d->dir) == 0;
	free(d);
	return ok ? 0 : -1;
}

int
duo_teardown(void **state)
{
	return finish(*state, false);
}

int
duo_teardown_empty(void **state)
{
	return finish(*state, true);
}

uint64_t
duo_violation(const struct folio *f, enum folio_violation v)
{
	struct folio_counters c;

	folio_counters(f, &c);
	return c.violations[v];
}

uint64_t
duo_violations(const struct folio *f)
{
	uint64_t n = 0;
	int v;

	for (v = 0; v < FOLIO_VIOLATIONS; v++)
		n += duo_violation(f, (enum folio_violation)v);
	return n;
}

enum folio_link
duo_link(struct folio *f)
{
	struct folio_status st;

	folio_status(f, &st);
	return st.link;
}

/* Traffic. */

void
duo_make_pattern(void)
{
	util_random_fill(duo_pattern, sizeof(duo_pattern), 1);
}

const uint8_t *
duo_frame(uint32_t n)
{
	return duo_pattern + n * 31 % (2 * FOLIO_WIRE_FRAME_MAX);
}

bool
duo_send(struct folio *f, uint32_t q, uint32_t n, uint32_t len)
{
	const struct folio_buf b = {.data = (void *)(uintptr_t)duo_frame(n), .len = len};

	return folio_send(f, q, &b, 1) == 1;
}

void
duo_expect(struct folio *f, uint32_t q, uint32_t n, uint32_t len)
{
	struct folio_buf b = {.data = duo_landing, .room = len};

	memset(duo_landing + len, CANARY, 64);
	assert_int_equal(folio_recv(f, q, &b, 1), 1);
	assert_int_equal(b.len, len);
	assert_memory_equal(duo_landing, duo_frame(n), len);
	assert_true(util_all_bytes(duo_landing + len, CANARY, 64));
}

void
duo_expect_none(struct folio *f, uint32_t q)
{
	struct folio_buf b = {.data = duo_landing, .room = sizeof(duo_landing)};

	assert_int_equal(folio_recv(f, q, &b, 1), 0);
}

void
duo_pass(struct folio *from, struct folio *to, uint32_t q, uint32_t n, uint32_t len)
{
	assert_true(duo_send(from, q, n, len));
	duo_expect(to, q, n, len);
}

void
duo_check_queue(const struct duo *d, uint32_t q)
{
	static const uint32_t lens[] = {14, 60, 64, SLOT, STRIDE, STRIDE + 1, 1518, 9000};
	uint32_t round, n;

	for (round = 0; round < 40; round++) {
		for (n = 0; n < ARRAY_LEN(lens); n++) {
			duo_pass(d->guest, d->host, q, round * 8 + n, lens[n]);
			duo_pass(d->host, d->guest, q, round * 9 + n, lens[n]);
		}
	}
	duo_expect_none(d->guest, q);
	duo_expect_none(d->host, q);
}

struct raw
raw_map(const struct duo *d)
{
	int fd = open(d->path, O_RDWR | O_CLOEXEC);
	struct folio_wire_header *h;
	struct folio_geometry g;
	struct stat st;
	struct raw r;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	r.size = (size_t)st.st_size;
	r.mem = mmap(NULL, r.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(r.mem, MAP_FAILED);
	close(fd);
	h = (struct folio_wire_header *)r.mem;
	g.queues = folio_fetch32(&h->queues);
	g.ring_size = folio_fetch32(&h->ring_size);
	g.slot_size = folio_fetch32(&h->slot_size);
	g.page_shift = folio_fetch32(&h->page_shift);
	assert_int_equal(folio_layout_init(&r.l, &g, r.size, NULL), 0);
	return r;
}

void
raw_unmap(struct raw *r)
{
	assert_int_equal(munmap(r->mem, r->size), 0);
}

uint8_t *
raw_area(const struct raw *r, enum folio_role role)
{
	return role == FOLIO_GUEST ? r->mem : r->mem + r->l.area_size;
}

struct folio_wire_header *
raw_header(const struct raw *r, enum folio_role role)
{
	return folio_layout_header(raw_area(r, role));
}

void
duo_make_file(const struct duo *d, off_t size)
{
	int fd = open(d->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

void
duo_check_left_zeroed(const struct duo *d, off_t size)
{
	int fd = open(d->path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *mem;
	bool zero;

	assert_true(fd >= 0);
	assert_int_equal(unlink(d->path), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, size);
	mem = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	assert_ptr_not_equal(mem, MAP_FAILED);
	zero = util_all_bytes(mem, 0, (size_t)size);
	munmap(mem, (size_t)size);
	assert_true(zero);
}

void
duo_tick_one(struct folio *f)
{
	folio_tick(f);
}
