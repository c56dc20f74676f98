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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_padding_is_not_mapped),
		TEST(test_padding_costs_no_locked_memory),
	};

	return cmocka_run_group_tests_name("footprint", tests, NULL, NULL);
}
