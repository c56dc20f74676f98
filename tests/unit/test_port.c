/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * folio.h end to end: a guest's port and a host's port over one file in one process, ticked in
 * turns; and peers of either that do what they should not, by a third mapping of the file.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port.h"
#include "util.h"

/* Rounds of ticks in which two ports that can find each other do. */
#define ROUNDS 100
#define RING 64
#define SLOT 256
#define STRIDE 320
#define MAX_FRAME (RING * STRIDE)
#define CANARY 0xc5
#define POLLS 10000 /* within so many of nothing, an index is published once more */

struct duo {
	char path[PATH_MAX];
	struct folio *guest;
	struct folio *host;
};

static uint8_t pattern[3 * FOLIO_WIRE_FRAME_MAX];
static uint8_t landing[FOLIO_WIRE_FRAME_MAX + 64];

/* Opening, closing, getting together. */

static struct folio *
try_open(const struct duo *d, enum folio_role role, struct folio_config cfg,
	 struct folio_error *err)
{
	cfg.role = role;
	cfg.path = d->path;
	return folio_open(&cfg, err);
}

static struct folio *
open_port(const struct duo *d, enum folio_role role, struct folio_config cfg)
{
	struct folio_error err = {.text = ""};
	struct folio *f = try_open(d, role, cfg, &err);

	if (f == NULL)
		fail_msg("folio_open: %s", err.text);
	return f;
}

/* A guest with a small geometry, the quickest to test. */
static struct folio *
open_guest(const struct duo *d, uint32_t queues)
{
	return open_port(d, FOLIO_GUEST,
			 (struct folio_config){
				 .queues = queues, .ring_size = RING, .slot_size = SLOT});
}

static struct folio *
open_host(const struct duo *d, uint32_t queues)
{
	return open_port(d, FOLIO_HOST, (struct folio_config){.queues = queues});
}

static void
tick_both(const struct duo *d, unsigned int n)
{
	while (n-- > 0) {
		folio_tick(d->guest);
		folio_tick(d->host);
	}
}

static bool
both_up(const struct duo *d)
{
	return folio_link_is_up(d->guest) && folio_link_is_up(d->host);
}

static bool
comes_up(const struct duo *d)
{
	unsigned int i;

	for (i = 0; i < ROUNDS && !both_up(d); i++)
		tick_both(d, 1);
	tick_both(d, 3);
	return both_up(d);
}

static void
bring_up(const struct duo *d)
{
	struct folio_status g, h;

	if (comes_up(d))
		return;
	folio_status(d->guest, &g);
	folio_status(d->host, &h);
	fail_msg("no link: guest %s (%s), host %s (%s)", folio_link_name(g.link), g.detail,
		 folio_link_name(h.link), h.detail);
}

static void
open_duo(struct duo *d, uint32_t queues)
{
	d->guest = open_guest(d, queues);
	d->host = open_host(d, queues);
	assert_int_equal(folio_start(d->guest), 0);
	assert_int_equal(folio_start(d->host), 0);
	bring_up(d);
}

/* Close one side after the other has let go, which folio_close() would wait for. */
static void
close_side(struct duo *d, struct folio **f)
{
	folio_stop(*f);
	tick_both(d, 3);
	folio_close(*f);
	*f = NULL;
}

static int
setup(void **state)
{
	void *dir;
	struct duo *d = calloc(1, sizeof(*d));

	if (d == NULL || util_dir_setup(&dir) != 0)
		return -1;
	snprintf(d->path, sizeof(d->path), "%s/region", (char *)dir);
	free(dir);
	*state = d;
	return 0;
}

/* Also checks that nothing stays: the folder is empty again. */
static int
teardown(void **state)
{
	struct duo *d = *state;
	unsigned int left;
	void *dir;

	if (d->guest != NULL && d->host != NULL)
		close_side(d, &d->guest);
	folio_close(d->guest);
	folio_close(d->host);
	*strrchr(d->path, '/') = '\0';
	dir = strdup(d->path);
	left = util_dir_entries(dir);
	free(d);
	return util_dir_teardown(&dir) == 0 && left == 0 ? 0 : -1;
}

static uint64_t
violation(const struct folio *f, enum folio_violation v)
{
	struct folio_counters c;

	folio_counters(f, &c);
	return c.violations[v];
}

static uint64_t
all_violations(const struct folio *f)
{
	uint64_t n = 0;
	int v;

	for (v = 0; v < FOLIO_VIOLATIONS; v++)
		n += violation(f, (enum folio_violation)v);
	return n;
}

static enum folio_link
link_of(struct folio *f)
{
	struct folio_status st;

	folio_status(f, &st);
	return st.link;
}

/* Traffic. */

/* Frame number n has a piece of the pattern of its own. */
static const uint8_t *
frame_data(uint32_t n)
{
	return pattern + n * 31 % (2 * FOLIO_WIRE_FRAME_MAX);
}

static bool
send_one(struct folio *f, uint32_t q, uint32_t n, uint32_t len)
{
	const struct folio_buf b = {.data = (void *)(uintptr_t)frame_data(n), .len = len};

	return folio_send(f, q, &b, 1) == 1;
}

/* The next frame there is this one, and not a byte behind it is written. */
static void
expect_one(struct folio *f, uint32_t q, uint32_t n, uint32_t len)
{
	struct folio_buf b = {.data = landing, .room = len};

	memset(landing + len, CANARY, 64);
	assert_int_equal(folio_recv(f, q, &b, 1), 1);
	assert_int_equal(b.len, len);
	assert_memory_equal(landing, frame_data(n), len);
	assert_true(util_all_bytes(landing + len, CANARY, 64));
}

static void
expect_none(struct folio *f, uint32_t q)
{
	struct folio_buf b = {.data = landing, .room = sizeof(landing)};

	assert_int_equal(folio_recv(f, q, &b, 1), 0);
}

static void
pass(struct folio *from, struct folio *to, uint32_t q, uint32_t n, uint32_t len)
{
	assert_true(send_one(from, q, n, len));
	expect_one(to, q, n, len);
}

/* A few frames in both directions of a queue, several slots long too. */
static void
check_queue(const struct duo *d, uint32_t q)
{
	static const uint32_t lens[] = {14, 60, 64, SLOT, STRIDE, STRIDE + 1, 1518, 9000};
	uint32_t round, n;

	for (round = 0; round < 40; round++) {
		for (n = 0; n < ARRAY_LEN(lens); n++) {
			pass(d->guest, d->host, q, round * 8 + n, lens[n]);
			pass(d->host, d->guest, q, round * 9 + n, lens[n]);
		}
	}
	expect_none(d->guest, q);
	expect_none(d->host, q);
}

/* A third mapping of the region, writable everywhere: what a hostile peer has. */
struct raw {
	uint8_t *mem;
	size_t size;
	struct folio_layout l;
};

static struct raw
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

static void
raw_unmap(struct raw *r)
{
	assert_int_equal(munmap(r->mem, r->size), 0);
}

/* The area that a port writes. */
static uint8_t *
raw_area(const struct raw *r, enum folio_role role)
{
	return role == FOLIO_GUEST ? r->mem : r->mem + r->l.area_size;
}

static struct folio_wire_header *
raw_header(const struct raw *r, enum folio_role role)
{
	return folio_layout_header(raw_area(r, role));
}

static void
make_file(const struct duo *d, off_t size)
{
	int fd = open(d->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

/* Nobody removed the prepared file, and nothing is left in it. Removes it. */
static void
check_left_zeroed(const struct duo *d, off_t size)
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

/* Names and arguments. */

static void
test_names(void **state)
{
	int i, j;

	(void)state;
	for (i = 0; i < FOLIO_VIOLATIONS; i++) {
		assert_string_not_equal(folio_violation_name(i), "unknown");
		for (j = 0; j < i; j++)
			assert_string_not_equal(folio_violation_name(i), folio_violation_name(j));
	}
	assert_string_equal(folio_violation_name(FOLIO_VIOLATIONS), "unknown");
	for (i = 0; i <= FOLIO_LINK_UP; i++) {
		assert_string_not_equal(folio_link_name(i), "unknown");
		for (j = 0; j < i; j++)
			assert_string_not_equal(folio_link_name(i), folio_link_name(j));
	}
	assert_string_equal(folio_link_name(FOLIO_LINK_UP + 1), "unknown");
}

struct bad_config {
	struct folio_config cfg;
	const char *says[3]; /* argument and value, what is allowed */
};

static void
check_bad_config(const struct duo *d, const struct bad_config *bad, enum folio_role role)
{
	struct folio_error err = {.text = ""};
	unsigned int fds = util_open_fds();
	char dir[PATH_MAX];
	size_t i;

	assert_null(try_open(d, role, bad->cfg, &err));
	assert_null(try_open(d, role, bad->cfg, NULL));
	for (i = 0; i < ARRAY_LEN(bad->says) && bad->says[i] != NULL; i++) {
		if (strstr(err.text, bad->says[i]) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", err.text, bad->says[i]);
	}
	assert_null(strchr(err.text, '\n'));
	assert_int_equal(util_open_fds(), fds);
	strcpy(dir, d->path);
	*strrchr(dir, '/') = '\0';
	assert_int_equal(util_dir_entries(dir), 0);
}

static void *
count_alloc(size_t size, size_t align, void *ctx)
{
	int *left = ctx;
	void *mem = NULL;

	if ((*left)-- <= 0 || posix_memalign(&mem, align < 8 ? 8 : align, size) != 0)
		return NULL;
	return memset(mem, 0, size);
}

static void
count_free(void *mem, void *ctx)
{
	int *left = ctx;

	(*left)++;
	free(mem);
}

static void
test_bad_configs(void **state)
{
	static const struct bad_config both[] = {
		{{.queues = 65}, {"queues=65 ", "1 to 64"}},
		{{.queues = UINT32_MAX}, {"queues=4294967295 ", "1 to 64"}},
		{{.ring_size = 63}, {"ring_size=63 ", "64 to 32768"}},
		{{.ring_size = 65536}, {"ring_size=65536 ", "64 to 32768"}},
		{{.ring_size = 100}, {"ring_size=100 ", "power of two", "64 to 32768"}},
		{{.slot_size = 255}, {"slot_size=255 ", "256 to 65536"}},
		{{.slot_size = 65537}, {"slot_size=65537 ", "256 to 65536"}},
		{{.alloc = count_alloc}, {"alloc", "free"}},
		{{.free = count_free}, {"alloc", "free"}},
	};
	static const struct bad_config guest[] = {
		{{.size = 4096}, {"size=4096 ", "queues=1 ring_size=2048 slot", "at least "}},
		{{.size = 1}, {"size=1 ", "at least "}},
	};
	const struct duo *d = *state;
	size_t i;

	for (i = 0; i < ARRAY_LEN(both); i++) {
		check_bad_config(d, &both[i], FOLIO_GUEST);
		check_bad_config(d, &both[i], FOLIO_HOST);
	}
	for (i = 0; i < ARRAY_LEN(guest); i++)
		check_bad_config(d, &guest[i], FOLIO_GUEST);
	check_bad_config(d, &(struct bad_config){{0}, {"role=3 ", "guest and host"}},
			 (enum folio_role)3);
	check_bad_config(d, &(struct bad_config){{0}, {"role=0 ", "guest and host"}},
			 (enum folio_role)0);
}

static void
test_bad_paths(void **state)
{
	const struct duo *d = *state;
	struct folio_config cfg = {.role = FOLIO_GUEST};
	struct folio_error err;
	char path[PATH_MAX + 16];

	assert_null(folio_open(&cfg, &err));
	assert_non_null(strstr(err.text, "path is missing"));
	cfg.path = "";
	assert_null(folio_open(&cfg, &err));
	assert_non_null(strstr(err.text, "path is missing"));
	snprintf(path, sizeof(path), "%s/nowhere", d->path);
	cfg.path = path;
	assert_null(folio_open(&cfg, &err));
	assert_non_null(strstr(err.text, path));
	cfg.role = FOLIO_HOST;
	assert_null(folio_open(&cfg, &err));
	assert_non_null(strstr(err.text, path));
}

/* All private state comes from the caller's functions, and goes back to them. */
static void
test_memory_of_the_caller(void **state)
{
	struct duo *d = *state;
	struct folio_config cfg = {.alloc = count_alloc, .free = count_free};
	unsigned int fds = util_open_fds();
	struct folio_error err;
	int left, n;

	for (n = 0; n < 3; n++) {
		left = n;
		cfg.alloc_ctx = &left;
		err.text[0] = '\0';
		assert_null(try_open(d, FOLIO_GUEST, cfg, &err));
		assert_non_null(strstr(err.text, "memory"));
		assert_int_equal(util_open_fds(), fds);
		assert_int_not_equal(access(d->path, F_OK), 0);
	}
	left = 3;
	d->guest = try_open(d, FOLIO_GUEST, cfg, &err);
	assert_non_null(d->guest);
	assert_int_equal(left, 0);
	folio_close(d->guest);
	d->guest = NULL;
	assert_int_equal(left, 3);
}

static void
test_defaults_and_status(void **state)
{
	struct duo *d = *state;
	struct folio_status st;

	d->guest = open_port(d, FOLIO_GUEST, (struct folio_config){0});
	folio_status(d->guest, &st);
	assert_int_equal(st.role, FOLIO_GUEST);
	assert_int_equal(st.link, FOLIO_LINK_STOPPED);
	assert_int_equal(st.queues, FOLIO_DEFAULT_QUEUES);
	assert_int_equal(st.ring_size, FOLIO_DEFAULT_RING_SIZE);
	assert_int_equal(st.slot_size, FOLIO_DEFAULT_SLOT_SIZE);
	assert_int_equal(st.stride, 2112);
	assert_int_equal(st.max_frame, FOLIO_WIRE_FRAME_MAX);
	assert_int_equal(st.page_size, sysconf(_SC_PAGESIZE));
	assert_int_equal(st.generation | st.peer_generation, 0);
	assert_int_equal(st.isa, folio_copy_select(FOLIO_ISA_AUTO)->isa);

	d->host = open_port(d, FOLIO_HOST, (struct folio_config){0});
	folio_status(d->host, &st);
	assert_int_equal(st.role, FOLIO_HOST);
	assert_int_equal(st.queues | st.ring_size | st.slot_size, 0);
	assert_int_equal(folio_port_max_frame(d->host), FOLIO_WIRE_FRAME_MAX);
	assert_int_equal(folio_port_ring_size(d->host), FOLIO_DEFAULT_RING_SIZE);
	folio_start(d->guest);
	folio_start(d->host);
	bring_up(d);
	folio_status(d->host, &st);
	assert_int_equal(st.queues, FOLIO_DEFAULT_QUEUES);
	assert_int_equal(st.ring_size, FOLIO_DEFAULT_RING_SIZE);
	assert_int_equal(st.slot_size, FOLIO_DEFAULT_SLOT_SIZE);
	assert_int_not_equal(st.generation, 0);
	assert_int_not_equal(st.peer_generation, 0);
	assert_int_equal(st.counters.link_ups, 1);
	assert_int_equal(folio_port_ring_size(d->host), FOLIO_DEFAULT_RING_SIZE);
	assert_string_equal(st.detail, "");
}

static void
test_size_of_the_file(void **state)
{
	const uint64_t big = UINT64_C(48) << 20;
	struct duo *d = *state;
	struct stat st;
	int i;

	/* By the guest, or by a host that is there first; either way, no longer than asked for. */
	for (i = 0; i < 2; i++) {
		struct folio_config cfg = {.size = big - 1, .ring_size = i == 0 ? RING : 0};

		if (i == 0)
			d->guest = open_port(d, FOLIO_GUEST, cfg);
		else
			d->host = open_port(d, FOLIO_HOST, cfg);
		assert_int_equal(stat(d->path, &st), 0);
		assert_int_equal(st.st_size, big);
		if (i == 0)
			d->host = open_host(d, 1);
		else
			d->guest = open_guest(d, 1);
		folio_start(d->guest);
		folio_start(d->host);
		bring_up(d);
		check_queue(d, 0);
		close_side(d, &d->guest);
		folio_close(d->host);
		d->host = NULL;
		/* A host makes a file of some size for a virtual machine: it stays. */
		assert_int_equal(access(d->path, F_OK), i == 0 ? -1 : 0);
	}
	check_left_zeroed(d, big);
}

/* Kernels as asked for; memory on a node that does not exist is no reason to fail. */
static void
test_isa_and_numa_node(void **state)
{
	struct duo *d = *state;
	struct folio_status st;

	d->guest = open_port(d, FOLIO_GUEST,
			     (struct folio_config){.isa = FOLIO_ISA_PORTABLE, .numa_bind = true});
	folio_status(d->guest, &st);
	assert_int_equal(st.isa, FOLIO_ISA_PORTABLE);
	d->host = open_port(d, FOLIO_HOST,
			    (struct folio_config){.numa_bind = true, .numa_node = 1000});
	folio_start(d->guest);
	folio_start(d->host);
	bring_up(d);
	check_queue(d, 0);
}

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
				d->guest = open_guest(d, 2);
			else if (*c == 'H')
				d->host = open_host(d, 2);
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
		bring_up(d);
		check_queue(d, 0);
		check_queue(d, 1);
		assert_int_equal(all_violations(d->guest) + all_violations(d->host), 0);
		close_side(d, i % 4 < 2 ? &d->guest : &d->host);
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

	d->guest = open_guest(d, 1);
	folio_stop(d->guest);
	assert_int_equal(folio_start(d->guest), 0);
	assert_int_equal(folio_start(d->guest), -EALREADY);
	folio_stop(d->guest);
	folio_stop(d->guest);
	assert_int_equal(link_of(d->guest), FOLIO_LINK_STOPPED);
	assert_int_equal(folio_start(d->guest), 0);
	folio_close(NULL);
}

static void
test_role_is_taken(void **state)
{
	struct duo *d = *state;
	struct folio_error err;

	open_duo(d, 1);
	assert_null(try_open(d, FOLIO_GUEST, (struct folio_config){0}, &err));
	assert_non_null(strstr(err.text, "role=guest is taken"));
	assert_null(try_open(d, FOLIO_HOST, (struct folio_config){0}, &err));
	assert_non_null(strstr(err.text, "role=host is taken"));
	/* L6: nobody noticed. */
	tick_both(d, 10);
	check_queue(d, 0);
}

static void
test_nothing_flows_without_a_link(void **state)
{
	struct duo *d = *state;

	d->guest = open_guest(d, 1);
	d->host = open_host(d, 1);
	assert_false(send_one(d->guest, 0, 0, 60));
	expect_none(d->guest, 0);
	assert_false(send_one(d->host, 0, 0, 60));
	expect_none(d->host, 0);
	folio_start(d->guest);
	tick_both(d, 20);
	assert_int_equal(link_of(d->guest), FOLIO_LINK_NO_PEER);
	assert_int_equal(link_of(d->host), FOLIO_LINK_STOPPED);
	assert_false(send_one(d->guest, 0, 0, 60));
}

static void
test_tick_tells_of_changes(void **state)
{
	struct duo *d = *state;
	unsigned int g = 0, h = 0, i;

	d->guest = open_guest(d, 1);
	d->host = open_host(d, 1);
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

	open_duo(d, 1);
	folio_stop(d->guest);
	assert_true(folio_tick(d->guest));
	assert_false(folio_tick(d->guest));
}

static void
test_stop_and_start(void **state)
{
	struct duo *d = *state;
	int i;

	open_duo(d, 2);
	for (i = 0; i < 10; i++) {
		struct folio *f = i % 2 ? d->guest : d->host, *peer = i % 2 ? d->host : d->guest;

		/* Frames under way are dropped, not received later. */
		assert_true(send_one(f, 0, 1, 60));
		assert_true(send_one(peer, 0, 2, 60));
		folio_stop(f);
		assert_false(folio_link_is_up(f));
		assert_false(send_one(f, 0, 3, 60));
		expect_none(f, 0);
		if (i % 4 < 2) {
			tick_both(d, 5);
			assert_false(folio_link_is_up(peer));
			assert_int_equal(link_of(peer), FOLIO_LINK_NO_PEER);
		}
		assert_int_equal(folio_start(f), 0);
		tick_both(d, 1);
		bring_up(d);
		check_queue(d, 0);
		check_queue(d, 1);
	}
	assert_int_equal(all_violations(d->guest) + all_violations(d->host), 0);
}

static void
test_close_and_reopen(void **state)
{
	struct duo *d = *state;
	int i;

	open_duo(d, 2);
	for (i = 0; i < 8; i++) {
		bool guest = i % 2 == 0;
		struct folio **f = guest ? &d->guest : &d->host;
		struct folio *peer = guest ? d->host : d->guest;

		if (i < 6)
			close_side(d, f);
		else
			folio_close(*f); /* the peer never lets go */
		for (int n = 0; i % 4 < 2 && n < 40; n++)
			folio_tick(peer);
		*f = guest ? open_guest(d, 2) : open_host(d, 2);
		assert_int_equal(folio_start(*f), 0);
		bring_up(d);
		check_queue(d, 0);
		check_queue(d, 1);
	}
	assert_int_equal(all_violations(d->guest) + all_violations(d->host), 0);
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

	d->guest = open_guest(d, 1);
	d->host = open_host(d, 4);
	folio_start(d->host);
	for (i = 0; i < ARRAY_LEN(rings); i++) {
		close_side(d, &d->guest);
		d->guest = open_port(d, FOLIO_GUEST,
				     (struct folio_config){.queues = (uint32_t)i % 4 + 1,
							   .ring_size = rings[i],
							   .slot_size = slots[i]});
		folio_start(d->guest);
		bring_up(d);
		folio_status(d->host, &st);
		assert_int_equal(st.queues, i % 4 + 1);
		assert_int_equal(st.ring_size, rings[i]);
		assert_int_equal(st.slot_size, slots[i]);
		check_queue(d, (uint32_t)i % 4);
		assert_int_equal(all_violations(d->guest) + all_violations(d->host), 0);
	}
}

/* The same, when the file is the host's and stays. */
static void
reopen_guest_on_the_hosts_file(struct duo *d, uint32_t ring, uint32_t slot)
{
	if (d->guest != NULL)
		close_side(d, &d->guest);
	d->guest = open_port(d, FOLIO_GUEST,
			     (struct folio_config){.ring_size = ring, .slot_size = slot});
	folio_start(d->guest);
	bring_up(d);
	check_queue(d, 0);
}

static void
reopen_guest_without_bring_up(struct duo *d, uint32_t ring)
{
	close_side(d, &d->guest);
	d->guest = open_port(d, FOLIO_GUEST, (struct folio_config){.ring_size = ring});
	folio_start(d->guest);
	tick_both(d, 3);
}

static void
test_guest_returns_smaller_to_the_hosts_file(void **state)
{
	struct duo *d = *state;

	d->host = open_host(d, 1);
	folio_start(d->host);
	reopen_guest_on_the_hosts_file(d, 4096, 2048);
	reopen_guest_on_the_hosts_file(d, 64, 1024);
	/* What the host had in its larger area is no violation of a peer. */
	assert_int_equal(all_violations(d->guest) + all_violations(d->host), 0);
}

/* Its new place for the host's header is in the middle of what the host last sent. */
static void
test_guest_returns_to_the_hosts_old_data(void **state)
{
	struct duo *d = *state;
	uint32_t n = 0;

	d->host = open_host(d, 1);
	folio_start(d->host);
	reopen_guest_on_the_hosts_file(d, 4096, 2048);
	while (send_one(d->host, 0, n, 2048))
		n++;
	reopen_guest_on_the_hosts_file(d, 4096, 2560);
	assert_int_equal(all_violations(d->guest) + all_violations(d->host), 0);
}

static void
test_guest_returns_larger_to_the_hosts_file(void **state)
{
	struct duo *d = *state;

	d->host = open_host(d, 1);
	folio_start(d->host);
	reopen_guest_on_the_hosts_file(d, 64, 1024);
	reopen_guest_on_the_hosts_file(d, 4096, 2048);
	assert_int_equal(all_violations(d->guest) + all_violations(d->host), 0);
}

/* A file that somebody else made stays, zeroed. D2. */
static void
test_prepared_file(void **state)
{
	const off_t size = 16 << 20;
	struct duo *d = *state;

	make_file(d, size);
	open_duo(d, 1);
	check_queue(d, 0);
	assert_true(send_one(d->guest, 0, 1, 9000));
	assert_true(send_one(d->host, 0, 1, 9000));
	close_side(d, &d->guest);
	folio_close(d->host);
	d->host = NULL;
	check_left_zeroed(d, size);
}

/* D2 also when the geometry, and with it the place of everything, changed in between. */
static void
test_prepared_file_is_zero_after_two_geometries(void **state)
{
	const off_t size = 64 << 20;
	struct duo *d = *state;

	make_file(d, size);
	d->host = open_host(d, 1);
	folio_start(d->host);
	reopen_guest_on_the_hosts_file(d, 4096, 2048);
	reopen_guest_on_the_hosts_file(d, 64, 256);
	close_side(d, &d->guest);
	folio_close(d->host);
	d->host = NULL;
	check_left_zeroed(d, size);
}

static void
test_fixed_file_too_small(void **state)
{
	struct duo *d = *state;
	struct folio_error err;

	make_file(d, 4096);
	assert_null(try_open(d, FOLIO_GUEST, (struct folio_config){0}, &err));
	assert_non_null(strstr(err.text, "region too small"));
	assert_non_null(strstr(err.text, "has 4096 bytes"));
	check_left_zeroed(d, 4096);
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

		open_duo(d, 1);
		r = raw_map(d);
		check_queue(d, 0);
		assert_true(send_one(*f, 0, 5, 9000));
		assert_false(util_all_bytes(raw_area(&r, role), 0, r.l.area_size));
		close_side(d, f);
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

	open_duo(d, 1);
	r = raw_map(d);
	check_queue(d, 0);
	folio_close(d->guest);
	d->guest = NULL;
	assert_true(util_all_bytes(r.mem, 0, r.l.area_size));
	raw_unmap(&r);
}

static void
test_host_refuses_what_is_beyond_its_limits(void **state)
{
	static const struct {
		struct folio_config limit;
		uint32_t refusal;
		const char *says[2];
	} cases[] = {
		{{.queues = 1}, FOLIO_WIRE_REFUSED_QUEUES, {"queues=2", "at most 1"}},
		{{.queues = 2, .ring_size = 64},
		 FOLIO_WIRE_REFUSED_RING_SIZE,
		 {"ring_size=128", "at most 64"}},
		{{.queues = 2, .slot_size = 256},
		 FOLIO_WIRE_REFUSED_SLOT_SIZE,
		 {"slot_size=512", "at most 256"}},
	};
	struct duo *d = *state;
	struct folio_status st;
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		d->host = open_port(d, FOLIO_HOST, cases[i].limit);
		d->guest = open_port(d, FOLIO_GUEST,
				     (struct folio_config){
					     .queues = 2, .ring_size = 128, .slot_size = 512});
		folio_start(d->guest);
		folio_start(d->host);
		assert_false(comes_up(d));
		folio_status(d->guest, &st);
		assert_int_equal(st.link, FOLIO_LINK_REFUSED);
		assert_int_equal(st.refusal, cases[i].refusal);
		assert_int_equal(all_violations(d->guest), 0);
		folio_status(d->host, &st);
		assert_int_equal(st.link, FOLIO_LINK_REJECTED);
		assert_non_null(strstr(st.detail, cases[i].says[0]));
		assert_non_null(strstr(st.detail, cases[i].says[1]));
		assert_int_equal(st.queues, 0);
		assert_int_equal(violation(d->host, FOLIO_PEER_OVER_LIMIT), 1);
		assert_int_equal(all_violations(d->host), 1);

		/* A guest that fits is welcome. */
		close_side(d, &d->guest);
		d->guest = open_guest(d, 1);
		folio_start(d->guest);
		bring_up(d);
		check_queue(d, 0);
		folio_status(d->guest, &st);
		assert_int_equal(st.refusal, FOLIO_WIRE_REFUSED_NOT);
		close_side(d, &d->host);
		folio_close(d->guest);
		d->guest = NULL;
	}
}

/* The refusal that a host posts does not stay in a file that stays. */
static void
test_refusal_is_wiped(void **state)
{
	const off_t size = 16 << 20;
	struct duo *d = *state;

	make_file(d, size);
	d->guest = open_guest(d, 2);
	d->host = open_host(d, 1);
	folio_start(d->guest);
	folio_start(d->host);
	tick_both(d, 10);
	assert_int_equal(link_of(d->guest), FOLIO_LINK_REFUSED);
	folio_close(d->host);
	d->host = NULL;
	folio_tick(d->guest);
	assert_int_equal(link_of(d->guest), FOLIO_LINK_NO_PEER);
	folio_close(d->guest);
	d->guest = NULL;
	check_left_zeroed(d, size);
}

static void
test_host_with_more_queues_than_the_guest(void **state)
{
	struct duo *d = *state;
	uint32_t q;

	d->guest = open_guest(d, 2);
	d->host = open_host(d, 8);
	folio_start(d->guest);
	folio_start(d->host);
	bring_up(d);
	check_queue(d, 0);
	check_queue(d, 1);
	for (q = 2; q < 8; q++) {
		assert_false(send_one(d->host, q, 0, 60));
		expect_none(d->host, q);
		assert_int_equal(folio_port_rx_used(d->host, q), 0);
		folio_port_enable_tx(d->host, q, false);
		folio_port_enable_tx(d->host, q, true);
		assert_false(send_one(d->host, q, 0, 60));
	}
}

/* A silent peer takes the link down; what was under way is still there when it returns. */
static void
test_silent_peer(void **state)
{
	struct duo *d = *state;
	unsigned int i;

	open_duo(d, 1);
	assert_true(send_one(d->host, 0, 7, 100));
	for (i = 0; i < 1000 / FOLIO_TICK_MS + 1; i++)
		folio_tick(d->guest);
	assert_false(folio_link_is_up(d->guest));
	assert_int_equal(link_of(d->guest), FOLIO_LINK_SILENT);
	expect_none(d->guest, 0);
	assert_false(send_one(d->guest, 0, 0, 60));
	tick_both(d, 2);
	assert_true(both_up(d));
	expect_one(d->guest, 0, 7, 100);
	check_queue(d, 0);
}

/* The file goes away under both. */
static void
test_file_unlinked_while_in_use(void **state)
{
	struct duo *d = *state;
	int i;

	open_duo(d, 1);
	for (i = 0; i < 3; i++) {
		assert_int_equal(unlink(d->path), 0);
		folio_tick(i % 2 ? d->guest : d->host);
		assert_false(folio_link_is_up(i % 2 ? d->guest : d->host));
		tick_both(d, 1);
		bring_up(d);
		check_queue(d, 0);
	}
	assert_int_equal(all_violations(d->guest) + all_violations(d->host), 0);
}

static void
test_file_replaced_while_in_use(void **state)
{
	struct duo *d = *state;
	char other[PATH_MAX + 8];

	open_duo(d, 1);
	snprintf(other, sizeof(other), "%s.old", d->path);
	assert_int_equal(rename(d->path, other), 0);
	make_file(d, 16 << 20);
	/* Both still hold the old one, and it is as good as ever. */
	tick_both(d, 20);
	check_queue(d, 0);
	assert_int_equal(unlink(other), 0);
	tick_both(d, 1);
	bring_up(d);
	check_queue(d, 0);
	close_side(d, &d->guest);
	folio_close(d->host);
	d->host = NULL;
	assert_int_equal(unlink(d->path), 0);
}

static void
test_file_truncated_while_in_use(void **state)
{
	struct duo *d = *state;

	open_duo(d, 1);
	assert_int_equal(truncate(d->path, 4096), 0);
	folio_tick(d->guest);
	folio_tick(d->host);
	assert_false(folio_link_is_up(d->guest));
	assert_false(folio_link_is_up(d->host));
	bring_up(d);
	check_queue(d, 0);
	assert_int_equal(violation(d->guest, FOLIO_PEER_CUT_REGION), 1);
	assert_int_equal(violation(d->host, FOLIO_PEER_CUT_REGION), 1);
	assert_int_equal(all_violations(d->guest) + all_violations(d->host), 2);
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

	open_duo(c->d, 1);
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
tick(struct folio *f)
{
	folio_tick(f);
}

static void
test_tick_after_the_file_was_cut(void **state)
{
	survives_cut(*state, tick);
}

/* Found by fuzz_session: the host kept what it had read, and the guest refused it, for ever. */
static void
test_host_adopts_a_scribbled_offer(void **state)
{
	struct duo *d = *state;
	struct folio_wire_header *guest, *host;
	struct raw r;
	int i;

	d->guest = open_guest(d, 1);
	d->host = open_host(d, 1);
	assert_int_equal(folio_start(d->guest), 0);
	assert_int_equal(folio_start(d->host), 0);
	tick(d->guest);
	r = raw_map(d);
	guest = raw_header(&r, FOLIO_GUEST);
	host = raw_header(&r, FOLIO_HOST);
	for (i = 0; i < ROUNDS && (folio_fetch64(&host->ack) == 0 ||
				   folio_fetch64(&host->ack) != folio_fetch64(&guest->generation));
	     i++) {
		tick(d->guest);
		folio_put32(&guest->slot_size, SLOT + 1); /* same stride, same places */
		tick(d->host);
	}
	assert_int_equal(folio_fetch32(&host->slot_size), SLOT + 1);
	assert_int_equal(folio_fetch64(&host->ack), folio_fetch64(&guest->generation));
	raw_unmap(&r);

	bring_up(d);
	assert_int_equal(violation(d->guest, FOLIO_PEER_BAD_GEOMETRY), 1);
	check_queue(d, 0);
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

	open_duo(d, 1);
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
		bring_up(d);
		check_queue(d, 0);
	}
}

/* The burst would go on with the head of the old ring, and the limits of the new one. */
static void
test_no_other_region_with_a_burst_inside(void **state)
{
	struct duo *d = *state;
	struct folio_gate *gate;

	open_duo(d, 1);
	gate = &folio_port_rxq(d->guest, 0)->gate;
	assert_true(folio_gate_enter(gate));
	assert_int_equal(unlink(d->path), 0);
	folio_tick(d->guest);
	folio_tick(d->guest);
	assert_int_equal(link_of(d->guest), FOLIO_LINK_NO_REGION);
	assert_int_equal(access(d->path, F_OK), -1);
	folio_gate_leave(gate);
	bring_up(d);
	check_queue(d, 0);
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
	d->guest = open_guest(&relative, 1);
	assert_int_equal(fchdir(before), 0);
	close(before);
	d->host = open_host(d, 1);
	assert_int_equal(folio_start(d->guest), 0);
	assert_int_equal(folio_start(d->host), 0);
	bring_up(d);
	check_queue(d, 0);
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

	d->guest = open_guest(d, 2);
	d->host = open_host(d, 1);
	folio_start(d->guest);
	folio_start(d->host);
	tick_both(d, 10);
	if (link_of(d->guest) != FOLIO_LINK_REFUSED || truncate(d->path, 0) != 0)
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

/* Traffic. */

static void
test_frames_of_every_length(void **state)
{
	struct duo *d = *state;
	uint32_t len;

	open_duo(d, 1);
	for (len = FOLIO_WIRE_FRAME_MIN; len <= MAX_FRAME; len++) {
		pass(d->guest, d->host, 0, len, len);
		pass(d->host, d->guest, 0, len + 1, len);
	}
	assert_int_equal(all_violations(d->guest) + all_violations(d->host), 0);
}

static void
test_longest_frames_of_the_default_geometry(void **state)
{
	struct duo *d = *state;
	uint32_t len, n;

	d->guest = open_port(d, FOLIO_GUEST, (struct folio_config){0});
	d->host = open_host(d, 1);
	folio_start(d->guest);
	folio_start(d->host);
	bring_up(d);
	for (n = 0; n < 300; n++) {
		len = FOLIO_WIRE_FRAME_MAX - n * 97;
		pass(d->guest, d->host, 0, n, len);
		pass(d->host, d->guest, 0, n + 1, len);
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

	open_duo(d, 1);
	while (got < 20000) {
		uint16_t n = (uint16_t)(util_random(&seed) % 17), m;

		for (i = 0; i < n; i++)
			out[i] = (struct folio_buf){
				.data = (void *)(uintptr_t)frame_data(sent + i),
				.len = 14 + (sent + i) * 41 % 1500};
		sent += folio_send(d->guest, 0, out, n);
		for (i = 0; i < ARRAY_LEN(in); i++)
			in[i] = (struct folio_buf){.data = room[i], .room = sizeof(room[i])};
		m = folio_recv(d->host, 0, in, (uint16_t)(util_random(&seed) % 9));
		for (i = 0; i < m; i++, got++) {
			assert_int_equal(in[i].len, 14 + got * 41 % 1500);
			assert_memory_equal(room[i], frame_data(got), in[i].len);
		}
	}
	assert_int_equal(all_violations(d->guest) + all_violations(d->host), 0);
}

static void
test_full_ring(void **state)
{
	struct duo *d = *state;
	uint32_t round, n, sent;

	open_duo(d, 1);
	for (round = 0; round < 5; round++) {
		for (sent = 0; send_one(d->guest, 0, sent, 60); sent++)
			assert_true(sent < RING);
		assert_int_equal(sent, RING);
		assert_int_equal(folio_port_tx_used(d->guest, 0), RING);
		assert_int_equal(folio_port_rx_used(d->host, 0), RING);
		for (n = 0; n < sent; n++)
			expect_one(d->host, 0, n, 60);
		expect_none(d->host, 0);
		assert_int_equal(folio_port_rx_used(d->host, 0), 0);
		assert_int_equal(folio_port_tx_used(d->guest, 0), 0);
		/* Of frames with three slots, 21 fit. */
		for (sent = 0; send_one(d->guest, 0, sent, 2 * STRIDE + 1); sent++)
			assert_true(sent < RING);
		assert_int_equal(sent, RING / 3);
		for (n = 0; n < sent; n++)
			expect_one(d->host, 0, n, 2 * STRIDE + 1);
		expect_none(d->host, 0);
	}
}

/* A burst of long frames into a ring that is almost full: as many as fit, whole. */
static void
test_burst_into_a_full_ring(void **state)
{
	struct duo *d = *state;
	struct folio_buf out[32];
	uint32_t i;

	open_duo(d, 1);
	for (i = 0; i < ARRAY_LEN(out); i++)
		out[i] = (struct folio_buf){.data = (void *)(uintptr_t)frame_data(i),
					    .len = 5 * STRIDE};
	assert_int_equal(folio_send(d->guest, 0, out, 32), RING / 5);
	assert_int_equal(folio_send(d->guest, 0, out, 32), 0);
	for (i = 0; i < RING / 5; i++)
		expect_one(d->host, 0, i, 5 * STRIDE);
	expect_none(d->host, 0);
	assert_int_equal(folio_send(d->guest, 0, out, 3), 3);
	assert_int_equal(folio_send(d->guest, 0, out, 0), 0);
}

static void
test_lengths_that_are_not_sent(void **state)
{
	static const uint32_t bad[] = {0,	 1,		   13,	     MAX_FRAME + 1,
				       1u << 16, (1u << 16) + 60,  1u << 31, UINT32_MAX - 63,
				       UINT32_MAX};
	struct duo *d = *state;
	size_t i;

	open_duo(d, 1);
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		const struct folio_buf b[3] = {
			{.data = pattern, .len = 60},
			{.data = pattern, .len = bad[i]},
			{.data = pattern, .len = 60},
		};

		assert_int_equal(folio_send(d->guest, 0, b, 3), 1);
		assert_int_equal(folio_send(d->guest, 0, b + 1, 2), 0);
		expect_one(d->host, 0, 0, 60);
		expect_none(d->host, 0);
	}
}

/* V3: valid for the ring, larger than the receiver's buffer. */
static void
test_frame_larger_than_the_room(void **state)
{
	static const uint32_t lens[] = {61, STRIDE, STRIDE + 1, MAX_FRAME};
	struct duo *d = *state;
	struct folio_buf b = {.data = landing, .room = 60};
	size_t i;

	open_duo(d, 1);
	for (i = 0; i < ARRAY_LEN(lens); i++) {
		memset(landing, CANARY, 128);
		assert_true(send_one(d->guest, 0, 0, lens[i]));
		assert_int_equal(folio_recv(d->host, 0, &b, 1), 0);
		assert_true(util_all_bytes(landing, CANARY, 128));
		pass(d->guest, d->host, 0, 1, 60);
		expect_none(d->host, 0); /* idle: the sender learns of every free slot */
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
		open_duo(d, counts[i]);
		for (q = 0; q < counts[i]; q++) {
			assert_true(send_one(d->guest, q, q, 60 + q));
			assert_true(send_one(d->host, q, 100 + q, 700 + q));
		}
		for (q = counts[i]; q-- > 0;) {
			expect_one(d->host, q, q, 60 + q);
			expect_one(d->guest, q, 100 + q, 700 + q);
		}
		check_queue(d, counts[i] - 1);
		close_side(d, &d->guest);
		folio_close(d->host);
		d->host = NULL;
	}
}

static void
test_queues_taken_out(void **state)
{
	struct duo *d = *state;

	open_duo(d, 2);
	assert_true(folio_port_enable_tx(d->guest, 1, false));
	assert_false(send_one(d->guest, 1, 0, 60));
	pass(d->guest, d->host, 0, 0, 60);
	/* It stays out when the session begins anew. */
	folio_stop(d->guest);
	folio_start(d->guest);
	tick_both(d, 1);
	bring_up(d);
	assert_false(send_one(d->guest, 1, 0, 60));
	folio_port_enable_tx(d->guest, 1, true);
	assert_true(send_one(d->guest, 1, 3, 60));
	assert_true(folio_port_enable_rx(d->host, 1, false));
	expect_none(d->host, 1);
	folio_port_enable_rx(d->host, 1, true);
	expect_one(d->host, 1, 3, 60);
	check_queue(d, 0);
	check_queue(d, 1);
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
		assert_false(send_one(f, 0, 0, 60));
		assert_int_equal(folio_start(f), 0);
		assert_int_equal(folio_start(f), -EALREADY);
		assert_true(folio_link_is_up(f));
		folio_status(f, &st);
		assert_int_equal(st.link, FOLIO_LINK_UP);
		assert_int_equal(st.queues, 2);
		for (len = FOLIO_WIRE_FRAME_MIN; len <= MAX_FRAME; len += 5) {
			pass(f, f, 0, len, len);
			pass(f, f, 1, len + 1, len);
			folio_tick(f);
		}
		assert_true(send_one(f, 0, 0, 60));
		folio_stop(f);
		assert_false(folio_link_is_up(f));
		assert_int_equal(folio_start(f), 0);
		expect_none(f, 0);
		pass(f, f, 1, 9, 1000);
		assert_int_equal(all_violations(f), 0);
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

	open_duo(d, 1);
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
		b = (struct folio_buf){.data = landing, .room = sizeof(landing)};
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

/* Peers that break the rules. */

static unsigned int
drain(struct folio *f, uint32_t q)
{
	struct folio_buf b = {.data = landing, .room = sizeof(landing)};
	unsigned int n = 0;

	while (folio_recv(f, q, &b, 1) == 1)
		n++;
	return n;
}

struct attack {
	const char *name;
	void (*make)(const struct raw *r, enum folio_role attacker);
	enum folio_violation counts;
	bool ends_session;
};

static folio_shared_u64 *
first_desc(const struct raw *r, enum folio_role attacker)
{
	return folio_layout_desc(&r->l, raw_area(r, attacker), 0);
}

static struct folio_wire_index *
index_lines(const struct raw *r, enum folio_role attacker)
{
	return folio_layout_index(&r->l, raw_area(r, attacker), 0);
}

static void
bad_short(const struct raw *r, enum folio_role attacker)
{
	folio_put64(first_desc(r, attacker), 13);
}

static void
bad_long(const struct raw *r, enum folio_role attacker)
{
	folio_put64(first_desc(r, attacker), UINT32_MAX);
}

static void
bad_flags(const struct raw *r, enum folio_role attacker)
{
	folio_put64(first_desc(r, attacker), 60 | UINT64_C(1) << 63);
}

static void
bad_chain(const struct raw *r, enum folio_role attacker)
{
	folio_put64(first_desc(r, attacker), MAX_FRAME);
}

static void
bad_produced(const struct raw *r, enum folio_role attacker)
{
	folio_put32(&index_lines(r, attacker)->produced, RING + 1);
}

static void
bad_produced_far(const struct raw *r, enum folio_role attacker)
{
	folio_put32(&index_lines(r, attacker)->produced, 1u << 31);
}

static void
bad_consumed(const struct raw *r, enum folio_role attacker)
{
	folio_put32(&index_lines(r, attacker)->consumed, RING + 1);
}

static void
bad_consumed_back(const struct raw *r, enum folio_role attacker)
{
	folio_put32(&index_lines(r, attacker)->consumed, UINT32_MAX);
}

static const struct attack attacks[] = {
	{"short", bad_short, FOLIO_RX_BAD_LENGTH, false},
	{"long", bad_long, FOLIO_RX_BAD_LENGTH, false},
	{"flags", bad_flags, FOLIO_RX_BAD_FLAGS, false},
	{"chain", bad_chain, FOLIO_RX_BAD_CHAIN, true},
	{"produced", bad_produced, FOLIO_RX_BAD_INDEX, true},
	{"produced far", bad_produced_far, FOLIO_RX_BAD_INDEX, true},
	{"consumed", bad_consumed, FOLIO_TX_BAD_INDEX, true},
	{"consumed back", bad_consumed_back, FOLIO_TX_BAD_INDEX, true},
};

static uint64_t
renegotiations(const struct folio *f)
{
	struct folio_counters c;

	folio_counters(f, &c);
	return c.renegotiations;
}

static void
check_attack(const struct duo *d, const struct attack *a, enum folio_role attacker)
{
	struct folio *victim = attacker == FOLIO_GUEST ? d->host : d->guest;
	struct folio *peer = attacker == FOLIO_GUEST ? d->guest : d->host;
	uint64_t before = violation(victim, a->counts), ended = renegotiations(victim);
	uint64_t all = all_violations(victim), peer_all = all_violations(peer);
	struct raw r = raw_map(d);
	unsigned int i, got = 0;

	/* Something under way in both directions; then the peer's half of it changes. */
	assert_true(send_one(peer, 0, 0, 60));
	assert_true(send_one(victim, 0, 0, 60));
	a->make(&r, attacker);
	for (i = 0; i < 3; i++) {
		got += drain(victim, 0);
		while (send_one(victim, 0, 0, 60)) /* until it has to look at the peer's index */
			;
	}
	assert_int_equal(got, a->counts == FOLIO_TX_BAD_INDEX);
	assert_int_equal(violation(victim, a->counts), before + 1);
	assert_int_equal(all_violations(victim), all + 1);

	/* The peer behaves again. */
	if (a->ends_session) {
		assert_true(folio_tick(victim));
		assert_false(folio_link_is_up(victim));
		bring_up(d);
	} else {
		assert_int_equal(drain(peer, 0), RING);
		tick_both(d, 10);
		assert_true(both_up(d));
	}
	assert_int_equal(renegotiations(victim), ended + a->ends_session);
	check_queue(d, 0);
	check_queue(d, 1);
	assert_int_equal(all_violations(victim), all + 1);
	assert_int_equal(all_violations(peer), peer_all);
	raw_unmap(&r);
}

static void
test_attacks(void **state)
{
	struct duo *d = *state;
	size_t i;

	for (i = 0; i < 2 * ARRAY_LEN(attacks); i++) {
		open_duo(d, 2);
		check_attack(d, &attacks[i / 2], i % 2 ? FOLIO_HOST : FOLIO_GUEST);
		close_side(d, &d->host);
		folio_close(d->guest);
		d->guest = NULL;
	}
}

/* The burst that finds the index broken half-way was the last one of the session. */
static void
test_nothing_is_sent_after_a_bad_index(void **state)
{
	struct duo *d = *state;
	const struct folio_buf long_frames[2] = {
		{.data = pattern, .len = 60 * STRIDE},
		{.data = pattern, .len = 60 * STRIDE},
	};
	struct raw r;

	open_duo(d, 1);
	r = raw_map(d);
	bad_consumed(&r, FOLIO_HOST);
	assert_int_equal(folio_send(d->guest, 0, long_frames, 2), 0);
	assert_int_equal(violation(d->guest, FOLIO_TX_BAD_INDEX), 1);
	assert_false(send_one(d->guest, 0, 0, 60));
	raw_unmap(&r);
}

/* Ring 1 is broken when the file goes away; the next guest has no ring 1. */
static void
test_broken_ring_is_forgotten_with_its_file(void **state)
{
	struct duo *d = *state;
	struct raw r;

	open_duo(d, 2);
	r = raw_map(d);
	folio_put32(&folio_layout_index(&r.l, raw_area(&r, FOLIO_GUEST), 1)->produced, 1u << 31);
	expect_none(d->host, 1);
	assert_int_equal(violation(d->host, FOLIO_RX_BAD_INDEX), 1);
	raw_unmap(&r);
	assert_int_equal(unlink(d->path), 0);
	folio_close(d->guest);
	d->guest = open_guest(d, 1);
	folio_start(d->guest);
	bring_up(d);
	tick_both(d, 50);
	assert_true(both_up(d));
	assert_int_equal(renegotiations(d->host), 0);
	check_queue(d, 0);
}

/* A peer that breaks every session at once costs a renegotiation per penalty, and no more. */
static void
test_storm_of_bad_indices(void **state)
{
	const unsigned int rounds = 500;
	struct duo *d = *state;
	unsigned int i;
	struct raw r;

	open_duo(d, 1);
	r = raw_map(d);
	for (i = 0; i < rounds; i++) {
		tick_both(d, 1);
		bad_produced_far(&r, FOLIO_GUEST);
		expect_none(d->host, 0);
	}
	assert_true(renegotiations(d->host) > 1);
	assert_true(renegotiations(d->host) <= rounds / (100 / FOLIO_TICK_MS) + 1);
	assert_true(violation(d->host, FOLIO_RX_BAD_INDEX) <= renegotiations(d->host) + 1);
	tick_both(d, 50); /* the last bad index may be found once more */
	bring_up(d);
	check_queue(d, 0);
	raw_unmap(&r);
}

/* Headers of either side overwritten while the link is up. */
static void
test_peer_header_overwritten(void **state)
{
	static const struct {
		size_t field;
		enum folio_violation counts;
	} cases[] = {
		{offsetof(struct folio_wire_header, magic), FOLIO_PEER_BAD_MAGIC},
		{offsetof(struct folio_wire_header, version), FOLIO_PEER_BAD_VERSION},
		{offsetof(struct folio_wire_header, role), FOLIO_PEER_BAD_ROLE},
		{offsetof(struct folio_wire_header, state), FOLIO_PEER_BAD_STATE},
	};
	struct duo *d = *state;
	unsigned int n;
	struct raw r;
	size_t i;

	open_duo(d, 1);
	r = raw_map(d);
	for (i = 0; i < 2 * ARRAY_LEN(cases); i++) {
		enum folio_role attacker = i % 2 ? FOLIO_HOST : FOLIO_GUEST;
		struct folio *victim = i % 2 ? d->guest : d->host;
		uint8_t *field = (uint8_t *)raw_header(&r, attacker) + cases[i / 2].field;
		uint64_t before = violation(victim, cases[i / 2].counts);
		uint32_t good, bad = 0x77777777;

		memcpy(&good, field, sizeof(good));
		for (n = 0; n < 20; n++) {
			/* Its owner would repair it in its next tick. */
			memcpy(field, &bad, sizeof(bad));
			folio_tick(victim);
		}
		assert_false(folio_link_is_up(victim));
		if (cases[i / 2].counts == FOLIO_PEER_BAD_STATE) {
			/* The peer, which lost our answer, writes it too: once a generation. */
			assert_in_range(violation(victim, cases[i / 2].counts), before + 1,
					before + n);
		} else {
			assert_int_equal(link_of(victim), FOLIO_LINK_REJECTED);
			/* Once more if the peer begins a new generation. */
			assert_in_range(violation(victim, cases[i / 2].counts), before + 1,
					before + 2);
		}
		assert_false(send_one(victim, 0, 0, 60));
		memcpy(field, &good, sizeof(good));
		bring_up(d);
		check_queue(d, 0);
	}
	assert_int_equal(violation(d->guest, FOLIO_RX_BAD_INDEX), 0);
	assert_int_equal(violation(d->host, FOLIO_RX_BAD_INDEX), 0);
	raw_unmap(&r);
}

/* T3. A header that the peer wiped is whole again after our next step; no restart of ours is needed. */
static void
test_own_header_wiped(void **state)
{
	struct duo *d = *state;
	struct raw r;
	int i;

	open_duo(d, 1);
	r = raw_map(d);
	for (i = 0; i < 2; i++) {
		memset(raw_header(&r, i ? FOLIO_GUEST : FOLIO_HOST), 0, FOLIO_WIRE_PAGE);
		tick_both(d, 3);
		bring_up(d);
		check_queue(d, 0);
	}
	raw_unmap(&r);
}

/*
 * T3. Our published index was put back to a value that the peer takes for true, when we have nothing
 * new to publish: it must not stay so, or both would wait for each other for ever.
 */
static void
test_own_index_put_back(void **state)
{
	struct duo *d = *state;
	unsigned int i;
	struct raw r;

	open_duo(d, 1);
	r = raw_map(d);
	for (i = 0; i < RING; i++)
		assert_true(send_one(d->guest, 0, i, 60));
	assert_false(send_one(d->guest, 0, i, 60));
	folio_put32(&index_lines(&r, FOLIO_GUEST)->produced, 0);
	expect_none(d->host, 0);
	for (i = 0; i < POLLS; i++)
		assert_false(send_one(d->guest, 0, 0, 60));
	for (i = 0; i < RING; i++)
		expect_one(d->host, 0, i, 60);
	expect_none(d->host, 0);
	folio_put32(&index_lines(&r, FOLIO_HOST)->consumed, 0);
	assert_false(send_one(d->guest, 0, 0, 60));
	for (i = 0; i < POLLS; i++)
		expect_none(d->host, 0);
	check_queue(d, 0);
	assert_int_equal(all_violations(d->guest) + all_violations(d->host), 0);
	raw_unmap(&r);
}

/*
 * While the host is stopped, a guest comes with larger rings, over the place of the host's header,
 * and goes again. Both meet all the same.
 */
static void
test_stopped_host_is_overrun(void **state)
{
	struct duo *d = *state;

	open_duo(d, 1);
	folio_stop(d->host);
	reopen_guest_without_bring_up(d, 8192);
	reopen_guest_without_bring_up(d, 2048);
	folio_start(d->host);
	bring_up(d);
	check_queue(d, 0);
}

/* What a started guest could write into an otherwise zeroed file. */
static void
fake_guest(const struct duo *d, uint32_t queues, uint32_t ring, uint32_t slot, uint32_t shift,
	   uint64_t generation)
{
	struct folio_wire_header h;
	int fd = open(d->path, O_RDWR | O_CLOEXEC);

	memset(&h, 0, sizeof(h));
	folio_put64(&h.magic, FOLIO_WIRE_MAGIC);
	folio_put32(&h.version, FOLIO_WIRE_VERSION);
	folio_put32(&h.role, FOLIO_WIRE_ROLE_GUEST);
	folio_put32(&h.state, FOLIO_WIRE_STATE_STARTED);
	folio_put64(&h.generation, generation);
	folio_put32(&h.queues, queues);
	folio_put32(&h.ring_size, ring);
	folio_put32(&h.slot_size, slot);
	folio_put32(&h.page_shift, shift);
	assert_int_equal(pwrite(fd, &h, sizeof(h), 0), sizeof(h));
	close(fd);
}

/* L1, L2: geometry that is out of range, or larger than the file. */
static void
test_host_is_offered_bad_geometries(void **state)
{
	static const uint32_t bad[][4] = {
		{0, RING, SLOT, 21},	      {65, RING, SLOT, 21},
		{65535, RING, SLOT, 21},      {1u << 16 | 1, RING, SLOT, 21},
		{UINT32_MAX, RING, SLOT, 21}, {1, 0, SLOT, 21},
		{1, 63, SLOT, 21},	      {1, 96, SLOT, 21},
		{1, 65536, SLOT, 21},	      {1, UINT32_MAX, SLOT, 21},
		{1, RING, 0, 21},	      {1, RING, 255, 21},
		{1, RING, 65537, 21},	      {1, RING, UINT32_MAX, 21},
		{1, RING, SLOT, 0},	      {1, RING, SLOT, 11},
		{1, RING, SLOT, 31},	      {1, RING, SLOT, 64},
		{1, RING, SLOT, UINT32_MAX},  {64, 32768, 65536, 30},
		{1, RING, SLOT, 23}, /* valid, but 16 MiB of region in a file of 4 */
		{8, 32768, 2048, 21},
	};
	struct duo *d = *state;
	unsigned int n;
	size_t i;

	make_file(d, 4 << 20);
	d->host = open_host(d, 64);
	folio_start(d->host);
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		fake_guest(d, bad[i][0], bad[i][1], bad[i][2], bad[i][3], i + 1);
		for (n = 0; n < 20; n++)
			folio_tick(d->host);
		assert_int_equal(link_of(d->host), FOLIO_LINK_REJECTED);
		assert_int_equal(violation(d->host, FOLIO_PEER_BAD_GEOMETRY), i + 1);
		assert_int_equal(all_violations(d->host), i + 1);
	}
	/* A guest that behaves is welcome. */
	d->guest = open_guest(d, 1);
	folio_start(d->guest);
	bring_up(d);
	check_queue(d, 0);
	close_side(d, &d->guest);
	folio_close(d->host);
	d->host = NULL;
	assert_int_equal(unlink(d->path), 0);
}

/* L4: everything random, for thousands of ticks; then a guest that behaves. */
static void
test_host_survives_random_guests(void **state)
{
	const off_t size = 8 << 20;
	struct duo *d = *state;
	uint64_t seed = 31;
	unsigned int i;

	make_file(d, size);
	d->host = open_host(d, 2);
	folio_start(d->host);
	for (i = 0; i < 3000; i++) {
		/* Mostly valid, so that it is mapped and remapped as well. */
		fake_guest(d, 1 + (uint32_t)(util_random(&seed) % 3),
			   64u << util_random(&seed) % 4, 256u << util_random(&seed) % 4,
			   12 + (uint32_t)(util_random(&seed) % 12), 1 + util_random(&seed) % 3);
		if (util_random(&seed) % 16 == 0) {
			int fd = open(d->path, O_RDWR | O_CLOEXEC);
			uint64_t junk = util_random(&seed);

			assert_int_equal(pwrite(fd, &junk, sizeof(junk),
						(off_t)(util_random(&seed) % 9 * 8)), 8);
			close(fd);
		}
		folio_tick(d->host);
		expect_none(d->host, 0);
		send_one(d->host, 0, 0, 60);
		assert_false(folio_link_is_up(d->host));
	}
	assert_true(violation(d->host, FOLIO_PEER_OVER_LIMIT) > 0);
	fake_guest(d, 0, 0, 0, 0, 0); /* its lock is free: a successor may take over */
	d->guest = open_guest(d, 1);
	folio_start(d->guest);
	bring_up(d);
	check_queue(d, 0);
	close_side(d, &d->guest);
	folio_close(d->host);
	d->host = NULL;
	assert_int_equal(unlink(d->path), 0);
}

/* L5: the peer never consumes. Sending ends, and nothing else does. */
static void
test_peer_that_never_receives(void **state)
{
	struct duo *d = *state;
	uint32_t i;

	open_duo(d, 1);
	for (i = 0; i < 1000; i++) {
		assert_int_equal(send_one(d->guest, 0, i, 60), i < RING);
		tick_both(d, 1);
		pass(d->host, d->guest, 0, i, 60);
	}
	assert_true(both_up(d));
	for (i = 0; i < RING; i++)
		expect_one(d->host, 0, i, 60);
	check_queue(d, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		TEST(test_bad_configs),
		TEST(test_bad_paths),
		TEST(test_memory_of_the_caller),
		TEST(test_defaults_and_status),
		TEST(test_size_of_the_file),
		TEST(test_isa_and_numa_node),
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
		TEST(test_fixed_file_too_small),
		TEST(test_area_is_zeroed_at_close),
		TEST(test_close_does_not_wait_for_ever),
		TEST(test_host_refuses_what_is_beyond_its_limits),
		TEST(test_refusal_is_wiped),
		TEST(test_host_with_more_queues_than_the_guest),
		TEST(test_silent_peer),
		TEST(test_file_unlinked_while_in_use),
		TEST(test_file_replaced_while_in_use),
		TEST(test_file_truncated_while_in_use),
		TEST(test_tick_after_the_file_was_cut),
		TEST(test_host_adopts_a_scribbled_offer),
		TEST(test_stop_with_a_burst_inside),
		TEST(test_no_other_region_with_a_burst_inside),
		TEST(test_relative_path),
		TEST(test_stop_after_the_file_was_cut),
		TEST(test_close_after_the_file_was_cut),
		TEST(test_close_after_a_refusal_and_a_cut),
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
		TEST(test_attacks),
		TEST(test_nothing_is_sent_after_a_bad_index),
		TEST(test_broken_ring_is_forgotten_with_its_file),
		TEST(test_storm_of_bad_indices),
		TEST(test_peer_header_overwritten),
		TEST(test_own_header_wiped),
		TEST(test_own_index_put_back),
		TEST(test_stopped_host_is_overrun),
		TEST(test_host_is_offered_bad_geometries),
		TEST(test_host_survives_random_guests),
		TEST(test_peer_that_never_receives),
	};

	util_random_fill(pattern, sizeof(pattern), 1);
	return cmocka_run_group_tests_name("port", tests, NULL, NULL);
}
