/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* folio.h: the arguments of ports, and what a host refuses. Over a file, in one process. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "duo.h"

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
	size_t i;

	assert_null(duo_try_open(d, role, bad->cfg, &err));
	assert_null(duo_try_open(d, role, bad->cfg, NULL));
	for (i = 0; i < ARRAY_LEN(bad->says) && bad->says[i] != NULL; i++) {
		if (strstr(err.text, bad->says[i]) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", err.text, bad->says[i]);
	}
	assert_null(strchr(err.text, '\n'));
	assert_int_equal(util_open_fds(), fds);
	assert_int_equal(util_dir_entries(d->dir), 0);
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
		assert_null(duo_try_open(d, FOLIO_GUEST, cfg, &err));
		assert_non_null(strstr(err.text, "memory"));
		assert_int_equal(util_open_fds(), fds);
		assert_int_not_equal(access(d->path, F_OK), 0);
	}
	left = 3;
	d->guest = duo_try_open(d, FOLIO_GUEST, cfg, &err);
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

	d->guest = duo_open(d, FOLIO_GUEST, (struct folio_config){0});
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

	d->host = duo_open(d, FOLIO_HOST, (struct folio_config){0});
	folio_status(d->host, &st);
	assert_int_equal(st.role, FOLIO_HOST);
	assert_int_equal(st.queues | st.ring_size | st.slot_size, 0);
	assert_int_equal(folio_port_max_frame(d->host), FOLIO_WIRE_FRAME_MAX);
	assert_int_equal(folio_port_ring_size(d->host), FOLIO_DEFAULT_RING_SIZE);
	folio_start(d->guest);
	folio_start(d->host);
	duo_bring_up(d);
	folio_status(d->host, &st);
	assert_int_equal(st.queues, FOLIO_DEFAULT_QUEUES);
	assert_int_equal(st.ring_size, FOLIO_DEFAULT_RING_SIZE);
	assert_int_equal(st.slot_size, FOLIO_DEFAULT_SLOT_SIZE);
	assert_int_not_equal(st.generation, 0);
	assert_int_not_equal(st.peer_generation, 0);
	assert_int_equal(folio_counter(d->host, (unsigned int)folio_counter_find("link_ups")), 1);
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
			d->guest = duo_open(d, FOLIO_GUEST, cfg);
		else
			d->host = duo_open(d, FOLIO_HOST, cfg);
		assert_int_equal(stat(d->path, &st), 0);
		assert_int_equal(st.st_size, big);
		if (i == 0)
			d->host = duo_open_host(d, 1);
		else
			d->guest = duo_open_guest(d, 1);
		folio_start(d->guest);
		folio_start(d->host);
		duo_bring_up(d);
		duo_check_queue(d, 0);
		duo_close_side(d, &d->guest);
		folio_close(d->host);
		d->host = NULL;
		/* A host makes a file of some size for a virtual machine: it stays. */
		assert_int_equal(access(d->path, F_OK), i == 0 ? -1 : 0);
	}
	duo_check_left_zeroed(d, big);
}

/* Kernels as asked for; memory on a node that does not exist is no reason to fail. */
static void
test_isa_and_numa_node(void **state)
{
	struct duo *d = *state;
	struct folio_status st;

	d->guest = duo_open(d, FOLIO_GUEST,
			     (struct folio_config){.isa = FOLIO_ISA_PORTABLE, .numa_bind = true});
	folio_status(d->guest, &st);
	assert_int_equal(st.isa, FOLIO_ISA_PORTABLE);
	d->host = duo_open(d, FOLIO_HOST,
			    (struct folio_config){.numa_bind = true, .numa_node = 1000});
	folio_start(d->guest);
	folio_start(d->host);
	duo_bring_up(d);
	duo_check_queue(d, 0);
}

static void
test_fixed_file_too_small(void **state)
{
	struct duo *d = *state;
	struct folio_error err;

	duo_make_file(d, 4096);
	assert_null(duo_try_open(d, FOLIO_GUEST, (struct folio_config){0}, &err));
	assert_non_null(strstr(err.text, "region too small"));
	assert_non_null(strstr(err.text, "has 4096 bytes"));
	duo_check_left_zeroed(d, 4096);
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
		d->host = duo_open(d, FOLIO_HOST, cases[i].limit);
		d->guest = duo_open(d, FOLIO_GUEST,
				     (struct folio_config){
					     .queues = 2, .ring_size = 128, .slot_size = 512});
		folio_start(d->guest);
		folio_start(d->host);
		assert_false(duo_comes_up(d));
		folio_status(d->guest, &st);
		assert_int_equal(st.link, FOLIO_LINK_REFUSED);
		assert_int_equal(st.refusal, cases[i].refusal);
		assert_int_equal(duo_violations(d->guest), 0);
		folio_status(d->host, &st);
		assert_int_equal(st.link, FOLIO_LINK_REJECTED);
		assert_non_null(strstr(st.detail, cases[i].says[0]));
		assert_non_null(strstr(st.detail, cases[i].says[1]));
		assert_int_equal(st.queues, 0);
		assert_int_equal(duo_violation(d->host, FOLIO_PEER_OVER_LIMIT), 1);
		assert_int_equal(duo_violations(d->host), 1);

		/* A guest that fits is welcome. */
		duo_close_side(d, &d->guest);
		d->guest = duo_open_guest(d, 1);
		folio_start(d->guest);
		duo_bring_up(d);
		duo_check_queue(d, 0);
		folio_status(d->guest, &st);
		assert_int_equal(st.refusal, FOLIO_WIRE_REFUSED_NOT);
		duo_close_side(d, &d->host);
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

	duo_make_file(d, size);
	d->guest = duo_open_guest(d, 2);
	d->host = duo_open_host(d, 1);
	folio_start(d->guest);
	folio_start(d->host);
	duo_tick(d, 10);
	assert_int_equal(duo_link(d->guest), FOLIO_LINK_REFUSED);
	folio_close(d->host);
	d->host = NULL;
	folio_tick(d->guest);
	assert_int_equal(duo_link(d->guest), FOLIO_LINK_NO_PEER);
	folio_close(d->guest);
	d->guest = NULL;
	duo_check_left_zeroed(d, size);
}

static void
test_host_with_more_queues_than_the_guest(void **state)
{
	struct duo *d = *state;
	uint32_t q;

	d->guest = duo_open_guest(d, 2);
	d->host = duo_open_host(d, 8);
	folio_start(d->guest);
	folio_start(d->host);
	duo_bring_up(d);
	duo_check_queue(d, 0);
	duo_check_queue(d, 1);
	for (q = 2; q < 8; q++) {
		assert_false(duo_send(d->host, q, 0, 60));
		duo_expect_none(d->host, q);
		assert_int_equal(folio_port_rx_used(d->host, q), 0);
		folio_port_enable_tx(d->host, q, false);
		folio_port_enable_tx(d->host, q, true);
		assert_false(duo_send(d->host, q, 0, 60));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, duo_setup, duo_teardown_empty)

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
		TEST(test_fixed_file_too_small),
		TEST(test_host_refuses_what_is_beyond_its_limits),
		TEST(test_refusal_is_wiped),
		TEST(test_host_with_more_queues_than_the_guest),
	};

	duo_make_pattern();
	return cmocka_run_group_tests_name("port", tests, NULL, NULL);
}
