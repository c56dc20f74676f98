/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Memory that is taken away while it is mapped. */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <folio.h>

#include "mapped.h"

#define CUTS 300
#define THREADS 4

static void
test_cut_under_a_writer(void **state)
{
	struct mapped m;

	mapped_open(&m, *state, LEN, PROT_READ | PROT_WRITE);
	assert_int_equal(folio_fault_watch(m.mem, LEN, PROT_READ | PROT_WRITE), 0);
	memset(m.mem, 7, LEN);
	assert_false(folio_fault_hit(m.mem));
	assert_int_equal(ftruncate(m.fd, 0), 0);
	memset(m.mem, 9, LEN);
	assert_true(folio_fault_hit(m.mem));
	assert_true(util_all_bytes(m.mem, 9, LEN));
	/* It is private now: what comes to the file does not come here, and the other way round. */
	assert_int_equal(ftruncate(m.fd, LEN), 0);
	assert_int_equal(pwrite(m.fd, "x", 1, 0), 1);
	assert_int_equal(mapped_bytes(&m)[0], 9);
	mapped_close(&m, LEN);
	assert_false(folio_fault_hit(m.mem));
}

/* What we may only read stays so. */
static int
write_after_cut(void *arg)
{
	struct mapped m;

	no_handler();
	mapped_open(&m, arg, LEN, PROT_READ);
	assert_int_equal(folio_fault_watch(m.mem, LEN, PROT_READ), 0);
	assert_int_equal(ftruncate(m.fd, 0), 0);
	if (mapped_bytes(&m)[LEN - 1] != 0 || !folio_fault_hit(m.mem))
		return 1;
	mapped_bytes(&m)[0] = 1;
	return 2;
}

static void
test_cut_under_a_reader(void **state)
{
	struct mapped m;

	mapped_open(&m, *state, LEN, PROT_READ);
	assert_int_equal(folio_fault_watch(m.mem, LEN, PROT_READ), 0);
	assert_int_equal(pwrite(m.fd, "x", 1, 0), 1);
	assert_int_equal(mapped_bytes(&m)[0], 'x');
	assert_int_equal(ftruncate(m.fd, 4096), 0);
	assert_int_equal(mapped_bytes(&m)[0], 'x');
	assert_false(folio_fault_hit(m.mem));
	assert_true(util_all_bytes(m.mem + 4096, 0, LEN - 4096));
	assert_true(folio_fault_hit(m.mem));
	mapped_close(&m, LEN);
	assert_true(util_died_of(util_run_child(write_after_cut, *state), SIGSEGV));
}

static void
test_cut_of_huge_pages(void **state)
{
	const char *dir = getenv("FOLIO_HUGE_DIR");
	struct statfs fs;
	struct mapped m;
	size_t len;

	(void)state;
	if (dir == NULL || dir[0] == '\0' || statfs(dir, &fs) != 0) {
		print_message("skipped: no huge pages\n");
		skip();
	}
	len = 2 * (size_t)fs.f_bsize;
	mapped_open(&m, dir, len, PROT_READ | PROT_WRITE);
	assert_int_equal(folio_fault_watch(m.mem, len, PROT_READ | PROT_WRITE), 0);
	m.mem[0] = 1;
	assert_int_equal(ftruncate(m.fd, (off_t)fs.f_bsize), 0);
	m.mem[len - 1] = 1;
	assert_true(folio_fault_hit(m.mem));
	mapped_close(&m, len);
}

/* Threads that read and write while the file is cut and replaced by a new mapping, many times. */
static struct mapped shared_map;
static pthread_barrier_t barrier;

static void *
toucher(void *arg)
{
	unsigned int i, n, at = (unsigned int)(uintptr_t)arg;
	uint64_t sum = 0;

	for (i = 0; i < CUTS; i++) {
		pthread_barrier_wait(&barrier);
		for (n = 0; n < 20000; n++) {
			at = at * 1103515245 + 12345;
			mapped_bytes(&shared_map)[at % LEN] = (uint8_t)n;
			sum += mapped_bytes(&shared_map)[(at >> 8) % LEN];
		}
		pthread_barrier_wait(&barrier);
	}
	return (void *)(uintptr_t)sum;
}

static void
test_cut_under_threads(void **state)
{
	pthread_t t[THREADS];
	unsigned int i, hits = 0;

	assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS + 1), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, toucher, (void *)(uintptr_t)i), 0);
	for (i = 0; i < CUTS; i++) {
		mapped_open(&shared_map, *state, LEN, PROT_READ | PROT_WRITE);
		assert_int_equal(folio_fault_watch(shared_map.mem, LEN, PROT_READ | PROT_WRITE), 0);
		pthread_barrier_wait(&barrier);
		assert_int_equal(ftruncate(shared_map.fd, i % PAGES * 4096), 0);
		pthread_barrier_wait(&barrier);
		hits += folio_fault_hit(shared_map.mem);
		mapped_close(&shared_map, LEN);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&barrier);
	assert_true(hits > 0);
}

static void
test_too_many(void **state)
{
	static uint8_t places[FOLIO_FAULT_MAX + 1][64];
	unsigned int i;

	(void)state;
	for (i = 0; i < FOLIO_FAULT_MAX; i++)
		assert_int_equal(folio_fault_watch(places[i], 64, PROT_READ), 0);
	assert_int_equal(folio_fault_watch(places[i], 64, PROT_READ), -ENOSPC);
	folio_fault_unwatch(places[7]);
	assert_int_equal(folio_fault_watch(places[i], 64, PROT_READ), 0);
	for (i = 0; i <= FOLIO_FAULT_MAX; i++)
		folio_fault_unwatch(places[i]);
	folio_fault_unwatch(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, util_dir_setup, util_dir_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cut_under_a_writer),
		TEST(test_cut_under_a_reader),
		cmocka_unit_test(test_cut_of_huge_pages),
		TEST(test_cut_under_threads),
		TEST(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
