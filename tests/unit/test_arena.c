/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* What is carved out of shared memory: never twice, nor across a boundary, whoever writes there. */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "memory/arena.h"
#include "util.h"

#define LINE 64u
#define MAX_N 9u

/* Bytes that a test's pieces have together, at most. */
#define MAX_SIZE 1024u

static void
set_pieces(struct folio_shm *m, const uint64_t *len, uint32_t n)
{
	uint64_t offset = 0, addr = UINT64_C(7) << 32;
	uint32_t i;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < n; i++) {
		m->piece[i] = (struct folio_shm_piece){
			.offset = offset, .addr = addr, .len = len[i]};
		offset += len[i];
		addr += len[i] + 4096 + 48; /* not behind it, and otherwise aligned */
	}
	m->pieces = n;
	m->size = offset;
}

/* Where a byte of the memory is for the device, by looking through all. */
static bool
addr_of(const struct folio_shm *m, uint64_t offset, uint64_t len, uint64_t *addr)
{
	uint32_t i;

	for (i = 0; i < m->pieces; i++) {
		const struct folio_shm_piece *p = &m->piece[i];

		if (offset >= p->offset && offset + len <= p->offset + p->len) {
			*addr = p->addr + offset - p->offset;
			return true;
		}
	}
	return false;
}

static bool
array_is_at(const struct folio_shm *m, uint64_t base, uint32_t n, uint32_t stride)
{
	uint64_t addr;
	uint32_t k;

	for (k = 0; k < n; k++) {
		if (!addr_of(m, base + (uint64_t)k * stride, stride, &addr))
			return false;
	}
	return true;
}

/* The first place from `used` on where a request could lie, by trying all. UINT64_MAX: none. */
static uint64_t
first_block(const struct folio_shm *m, uint64_t used, uint64_t len, uint64_t align)
{
	uint64_t at, addr;

	for (at = used; at + len <= m->size; at++) {
		if (at % align == 0 && addr_of(m, at, len, &addr) && addr % align == 0)
			return at;
	}
	return UINT64_MAX;
}

static uint64_t
first_array(const struct folio_shm *m, uint64_t used, uint32_t n, uint32_t stride)
{
	uint64_t at;

	at = (used + LINE - 1) / LINE * LINE;
	for (; at + (uint64_t)n * stride <= m->size; at += LINE) {
		if (array_is_at(m, at, n, stride))
			return at;
	}
	return UINT64_MAX;
}

static void
check_block(const struct folio_shm *m, uint64_t used, uint64_t len, uint64_t align)
{
	struct folio_arena a = {.shm = m, .used = used};
	uint64_t want = first_block(m, used, len, align);
	uint64_t offset = 1, addr = 2, where = 0;

	if (!folio_arena_take(&a, len, align, &offset, &addr)) {
		assert_int_equal(want, UINT64_MAX);
		assert_int_equal(a.used, used);
		return;
	}
	assert_int_equal(offset, want);
	assert_true(addr_of(m, offset, len, &where));
	assert_int_equal(addr, where);
	assert_int_equal(a.used, offset + len);
}

static void
check_array(const struct folio_shm *m, uint64_t used, uint32_t n, uint32_t stride)
{
	struct folio_arena a = {.shm = m, .used = used};
	uint64_t want = first_array(m, used, n, stride);
	uint64_t addr[MAX_N + 1], offset = 1, where = 0;
	uint32_t skip = stride / 3, k;

	memset(addr, 0x5a, sizeof(addr));
	if (!folio_arena_take_array(&a, n, stride, skip, &offset, addr)) {
		assert_int_equal(want, UINT64_MAX);
		assert_int_equal(a.used, used);
		assert_true(util_all_bytes(addr, 0x5a, sizeof(addr)));
		return;
	}
	assert_int_equal(offset, want);
	assert_int_equal(a.used, offset + (uint64_t)n * stride);
	for (k = 0; k < n; k++) {
		assert_true(addr_of(m, offset + (uint64_t)k * stride, stride, &where));
		assert_int_equal(addr[k], where + skip);
	}
	assert_true(util_all_bytes(&addr[n], 0x5a, sizeof(addr[n])));
}

/* All that up to three small pieces can be asked for, from each place on. */
static void
each_shape(void (*check)(const struct folio_shm *m))
{
	static const uint64_t lens[] = {64, 128, 192, 320, 96};
	struct folio_shm *m = malloc(sizeof(*m));
	uint64_t len[3];
	size_t i, j, k;

	assert_non_null(m);
	for (i = 0; i < ARRAY_LEN(lens); i++) {
		for (j = 0; j < ARRAY_LEN(lens); j++) {
			for (k = 0; k < ARRAY_LEN(lens); k++) {
				uint32_t n = 1 + (uint32_t)(i + j + k) % 3;

				len[0] = lens[i];
				len[1] = lens[j];
				len[2] = lens[k];
				set_pieces(m, len, n);
				check(m);
			}
		}
	}
	free(m);
}

static void
check_blocks(const struct folio_shm *m)
{
	static const uint64_t aligns[] = {1, 2, 16, 64, 128, 4096};
	uint64_t used, len;
	size_t i;

	for (used = 0; used <= m->size; used += 13) {
		for (len = 1; len <= m->size + 32; len += 31) {
			for (i = 0; i < ARRAY_LEN(aligns); i++)
				check_block(m, used, len, aligns[i]);
		}
	}
}

static void
check_arrays(const struct folio_shm *m)
{
	static const uint32_t strides[] = {1, 16, 24, 32, 48, 64, 96, 128, 192, 320, 384};
	uint64_t used;
	uint32_t n;
	size_t i;

	for (used = 0; used <= m->size; used += 32) {
		for (i = 0; i < ARRAY_LEN(strides); i++) {
			for (n = 1; n <= MAX_N; n++)
				check_array(m, used, n, strides[i]);
		}
	}
}

static void
test_every_block(void **state)
{
	(void)state;
	each_shape(check_blocks);
}

static void
test_every_array(void **state)
{
	(void)state;
	each_shape(check_arrays);
}

/* Nothing is handed out twice: each byte is marked by whoever got it. */
static void
test_no_overlap(void **state)
{
	struct folio_shm *m = malloc(sizeof(*m));
	uint64_t seed = 1, addr[MAX_N], offset;
	int round;

	(void)state;
	assert_non_null(m);
	for (round = 0; round < 2000; round++) {
		uint8_t marks[MAX_SIZE] = {0};
		uint64_t len[4];
		struct folio_arena a;
		int i;

		for (i = 0; i < 4; i++)
			len[i] = 64 * (1 + util_random(&seed) % 4);
		set_pieces(m, len, 4);
		folio_arena_begin(&a, m);
		for (i = 0; i < 12; i++) {
			uint32_t n = 1 + (uint32_t)(util_random(&seed) % MAX_N);
			uint32_t stride = 1 + (uint32_t)(util_random(&seed) % 128);
			uint64_t got = 0;

			if (util_random(&seed) % 2 == 0) {
				if (folio_arena_take_array(&a, n, stride, 0, &offset, addr))
					got = (uint64_t)n * stride;
			} else if (folio_arena_take(&a, stride, 16, &offset, addr)) {
				got = stride;
			}
			assert_true(got == 0 || (offset < m->size && got <= m->size - offset));
			for (; got > 0; got--)
				assert_int_equal(marks[offset + got - 1]++, 0);
		}
	}
	free(m);
}

/* Sizes come from the command line. */
static void
test_huge_figures(void **state)
{
	const uint64_t len[] = {4096, 8192};
	struct folio_shm *m = malloc(sizeof(*m));
	uint64_t offset = 1, addr = 2;
	struct folio_arena a;

	(void)state;
	assert_non_null(m);
	set_pieces(m, len, 2);
	folio_arena_begin(&a, m);
	assert_true(folio_arena_take(&a, 64, 64, &offset, &addr));
	assert_false(folio_arena_take(&a, UINT64_MAX, 1, &offset, &addr));
	assert_false(folio_arena_take(&a, UINT64_MAX - 63, 64, &offset, &addr));
	assert_false(folio_arena_take(&a, 1, UINT64_C(1) << 63, &offset, &addr));
	assert_false(folio_arena_take(&a, 0, 1, &offset, &addr));
	assert_false(folio_arena_take(&a, 1, 0, &offset, &addr));
	assert_false(folio_arena_take(&a, 1, 3, &offset, &addr));
	assert_false(folio_arena_take_array(&a, UINT32_MAX, UINT32_MAX, 0, &offset, &addr));
	assert_false(folio_arena_take_array(&a, UINT32_MAX, 1, 0, &offset, &addr));
	assert_false(folio_arena_take_array(&a, 1, UINT32_MAX, 0, &offset, &addr));
	assert_false(folio_arena_take_array(&a, 0, 64, 0, &offset, &addr));
	assert_false(folio_arena_take_array(&a, 1, 64, 64, &offset, &addr));
	assert_false(folio_arena_take_array(&a, 1, 0, 0, &offset, &addr));
	assert_int_equal(a.used, 64);
	folio_arena_begin(&a, m);
	assert_int_equal(a.used, 0);
	free(m);
}

/* What lies between two pieces is nobody's. */
static void
test_gap(void **state)
{
	const uint64_t len[] = {128, 128};
	struct folio_shm *m = malloc(sizeof(*m));
	struct folio_arena a;
	uint64_t offset, addr[3];

	(void)state;
	assert_non_null(m);
	set_pieces(m, len, 2);
	m->piece[1].offset += 64;
	folio_arena_begin(&a, m);
	assert_false(folio_arena_take_array(&a, 3, 64, 0, &offset, addr));
	assert_true(folio_arena_take_array(&a, 2, 64, 0, &offset, addr));
	assert_int_equal(offset, 0);
	assert_true(folio_arena_take_array(&a, 2, 64, 0, &offset, addr));
	assert_int_equal(offset, 192);
	free(m);
}

/* As the kernel module gives it: a stride that does not divide a piece must fit into one. */
static void
test_pieces_of_two_megabytes(void **state)
{
	const uint64_t len[] = {2 << 20, 2 << 20, 2 << 20};
	struct folio_shm *m = malloc(sizeof(*m));
	uint64_t *addr = calloc(4096, sizeof(*addr));
	struct folio_arena a;
	uint64_t offset;

	(void)state;
	assert_true(m != NULL && addr != NULL);
	set_pieces(m, len, 3);
	folio_arena_begin(&a, m);
	assert_false(folio_arena_take_array(&a, 2048, 2048 + 64, 0, &offset, addr));
	assert_true(folio_arena_take_array(&a, 960, 2048 + 64, 0, &offset, addr));
	assert_int_equal(offset, 0);
	assert_true(folio_arena_take_array(&a, 2048, 2048, 0, &offset, addr));
	assert_int_equal(offset % 2048, 0);
	assert_true(offset < 2 << 20 && a.used > 4 << 20);
	free(addr);
	free(m);
}

struct flipper {
	uint8_t *mem;
	bool stop;
};

static void *
flip(void *arg)
{
	struct flipper *f = arg;
	uint64_t seed = 99;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
		uint64_t r = util_random(&seed);

		__atomic_store_n(&f->mem[r % MAX_SIZE], (uint8_t)(r >> 32), __ATOMIC_RELAXED);
	}
	return NULL;
}

/* The same requests, twice: untouched, and with somebody writing all over the memory. */
static uint64_t
carve(const struct folio_shm *m)
{
	uint64_t sum = 0, seed = 5, offset, addr[MAX_N];
	int round;

	for (round = 0; round < 20000; round++) {
		uint64_t size = 1 + util_random(&seed) % 100;
		struct folio_arena a;

		folio_arena_begin(&a, m);
		while (folio_arena_take(&a, size, 8, &offset, addr) &&
		       folio_arena_take_array(&a, 2, (uint32_t)size, 0, &offset, addr))
			sum = sum * 31 + offset + addr[0] + addr[1];
	}
	return sum;
}

static void
test_nothing_depends_on_the_memory(void **state)
{
	const uint64_t len[] = {320, 448, 256};
	struct folio_shm *m = malloc(sizeof(*m));
	struct flipper f = {.mem = calloc(1, MAX_SIZE)};
	uint64_t before, meanwhile;
	pthread_t thread;

	(void)state;
	assert_true(m != NULL && f.mem != NULL);
	set_pieces(m, len, 3);
	m->base = f.mem;
	before = carve(m);
	assert_int_equal(pthread_create(&thread, NULL, flip, &f), 0);
	meanwhile = carve(m);
	__atomic_store_n(&f.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_int_equal(meanwhile, before);
	free(f.mem);
	free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_block),
		cmocka_unit_test(test_every_array),
		cmocka_unit_test(test_no_overlap),
		cmocka_unit_test(test_huge_figures),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_pieces_of_two_megabytes),
		cmocka_unit_test(test_nothing_depends_on_the_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
