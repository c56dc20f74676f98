/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Rings of advanced descriptors (lib/vf/advq.[ch]), with a card that may write anything. */

#include <string.h>

#include "util.h"
#include "vf/advq.h"

#define SIZE 64u
#define STRIDE 2112u
#define MAX 1522u
#define ERRORS UINT64_C(0x97000000)
#define ADDR UINT64_C(0x7f00000000)

struct rig {
	struct folio_advq q;
	uint32_t mark[SIZE];
	uint64_t addr[SIZE];
	uint8_t *mem;
};

static int
setup(void **state)
{
	static struct rig r;
	struct folio_advq_memory m = {.size = SIZE, .stride = STRIDE, .max_frame = MAX};
	uint32_t i;

	memset(&r, 0, sizeof(r));
	r.mem = util_guarded_map(4096 * 40);
	for (i = 0; i < SIZE; i++)
		r.addr[i] = ADDR + i * STRIDE;
	m.desc = r.mem;
	m.bufs = r.mem + 4096;
	m.mark = r.mark;
	m.addr = r.addr;
	memset(r.mem, 0xa5, 4096 * 40);
	folio_advq_attach(&r.q, &m, ERRORS);
	*state = &r;
	return 0;
}

static int
teardown(void **state)
{
	struct rig *r = *state;

	util_guarded_unmap(r->mem, 4096 * 40);
	return 0;
}

static uint64_t
word(uint32_t len, uint64_t flags)
{
	return (uint64_t)len << 32 | flags;
}

static void
test_attach(void **state)
{
	struct rig *r = *state;
	uint32_t i;

	assert_true(util_all_bytes(r->q.desc, 0, SIZE * 16));
	assert_true(util_all_bytes(r->q.bufs, 0, SIZE * STRIDE));
	folio_advq_rx_fill(&r->q);
	assert_true(folio_advq_valid(&r->q));
	for (i = 0; i < SIZE; i++) {
		assert_int_equal(r->q.desc[i].addr.raw, r->addr[i]);
		assert_int_equal(r->q.desc[i].state.raw, 0);
	}
	assert_int_equal(r->q.tail - r->q.head, SIZE - 1);
}

/* Every length and every bit: which are plain, and what becomes of the others. */
static void
test_C1_words(void **state)
{
	struct rig *r = *state;
	uint64_t before;
	uint32_t len, bit;

	folio_advq_rx_fill(&r->q);
	for (len = 0; len < 65536; len++) {
		bool fits = len >= 14 && len <= MAX;

		assert_int_equal(folio_advq_rx_is_plain(&r->q, word(len, 3), MAX), fits);
		before = r->q.bad_length;
		assert_int_equal(folio_advq_rx_judge(&r->q, word(len, 3)),
				 fits ? FOLIO_ADVQ_TAKE : FOLIO_ADVQ_DROP);
		assert_int_equal(r->q.bad_length - before, !fits);
		assert_int_equal(folio_advq_rx_judge(&r->q, word(len, 2)), FOLIO_ADVQ_NONE);
		assert_false(folio_advq_rx_is_plain(&r->q, word(len, 2), MAX));
		assert_false(folio_advq_rx_is_plain(&r->q, word(len, 1), MAX));
	}
	for (bit = 2; bit < 64; bit++) {
		bool bad = (ERRORS >> bit & 1) != 0;

		if (bit >= 32 && bit < 48)
			continue;
		before = r->q.bad_frame;
		assert_int_equal(folio_advq_rx_is_plain(&r->q, word(60, 3) | UINT64_C(1) << bit, MAX),
				 !bad);
		assert_int_equal(folio_advq_rx_judge(&r->q, word(60, 3) | UINT64_C(1) << bit),
				 bad ? FOLIO_ADVQ_DROP : FOLIO_ADVQ_TAKE);
		assert_int_equal(r->q.bad_frame - before, bad);
	}
	assert_true(folio_advq_valid(&r->q));
}

/* A frame that does not end goes with all of it, its end too. */
static void
test_C1_chain(void **state)
{
	struct rig *r = *state;
	int i;

	folio_advq_rx_fill(&r->q);
	for (i = 0; i < 1000; i++)
		assert_int_equal(folio_advq_rx_judge(&r->q, word(100, 1)), FOLIO_ADVQ_DROP);
	assert_int_equal(folio_advq_rx_judge(&r->q, word(100, 0)), FOLIO_ADVQ_NONE);
	assert_int_equal(folio_advq_rx_judge(&r->q, word(100, 3)), FOLIO_ADVQ_DROP);
	assert_int_equal(r->q.bad_chain, 1);
	assert_int_equal(folio_advq_rx_judge(&r->q, word(100, 3)), FOLIO_ADVQ_TAKE);
}

/* Addresses come from the private table, whatever lies in the ring. */
static void
test_C1_addresses(void **state)
{
	struct rig *r = *state;
	uint32_t value, i, told = 0;

	folio_advq_rx_fill(&r->q);
	for (i = 0; i < 10 * SIZE; i++) {
		memset(&r->q.desc[i % SIZE], 0xff, 16);
		folio_advq_rx_commit(&r->q, 1);
		assert_int_equal(r->q.desc[i % SIZE].addr.raw, r->addr[i % SIZE]);
		assert_int_equal(r->q.desc[i % SIZE].state.raw, 0);
		if (folio_advq_rx_tell(&r->q, &value)) {
			assert_int_equal(value, r->q.tail % SIZE);
			told++;
		}
		assert_true(folio_advq_valid(&r->q));
	}
	assert_int_equal(told, 10 * SIZE / (SIZE / 8));
}

static void
send(struct rig *r, uint32_t n, uint32_t len)
{
	uint32_t i, sent = 0;

	for (i = 0; i < n; i++) {
		memset(folio_advq_buf(&r->q, r->q.tail), 0xee, STRIDE);
		sent = folio_advq_tx_pad(&r->q, len);
		memset(folio_advq_buf(&r->q, r->q.tail), 0x5a, len);
		folio_advq_tx_describe(&r->q, sent);
	}
	assert_int_equal(folio_advq_tx_publish(&r->q, sent), r->q.tail % SIZE);
	assert_true(folio_advq_valid(&r->q));
}

static void
test_transmit(void **state)
{
	struct rig *r = *state;
	struct folio_advq_desc *d = r->q.desc;

	assert_int_equal(folio_advq_tx_room(&r->q, 100), SIZE - 1);
	send(r, 3, 20);
	assert_int_equal(d[0].addr.raw, r->addr[0]);
	assert_int_equal(d[0].state.raw, UINT64_C(60) << 46 | 0x23300000 | 60);
	assert_int_equal(d[2].state.raw, UINT64_C(60) << 46 | 0x2b300000 | 60);
	assert_true(util_all_bytes(folio_advq_buf(&r->q, 0), 0x5a, 20));
	assert_true(util_all_bytes(folio_advq_buf(&r->q, 0) + 20, 0, 40));
	send(r, SIZE - 4, 100);
	assert_int_equal(folio_advq_tx_room(&r->q, 1), 0);
	assert_int_equal(folio_advq_tx_used(&r->q), SIZE - 1);
	assert_int_equal(folio_advq_tx_reported(&r->q, r->q.marks), 0);
	d[2].state.raw = FOLIO_ADVQ_TX_DONE;
	assert_int_equal(folio_advq_tx_reported(&r->q, r->q.marks), 1);
	assert_int_equal(folio_advq_tx_room(&r->q, 1), 3);
	assert_int_equal(folio_advq_tx_room(&r->q, 100), 3);
	send(r, 3, 60);
	assert_int_equal(folio_advq_tx_room(&r->q, 1), 0);
}

/* Done where nothing is reported, done early, done again: room is never more than there is. */
static void
test_C1_done(void **state)
{
	struct rig *r = *state;
	uint32_t i, round;
	uint64_t seed = 7;

	for (round = 0; round < 20000; round++) {
		uint32_t n = (uint32_t)util_random(&seed) % 20;
		uint32_t room;

		for (i = 0; i < 8; i++)
			r->q.desc[util_random(&seed) % SIZE].state.raw = util_random(&seed);
		room = folio_advq_tx_room(&r->q, n);
		assert_true(room <= SIZE - 1);
		assert_true(folio_advq_valid(&r->q));
		if (n > 0 && n <= room)
			send(r, n, 60 + n);
	}
	/* One mark after another, for each frame. */
	r->q.desc[(r->q.tail - 1) % SIZE].state.raw = FOLIO_ADVQ_TX_DONE;
	assert_true(folio_advq_valid(&r->q));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_attach, setup, teardown),
		cmocka_unit_test_setup_teardown(test_C1_words, setup, teardown),
		cmocka_unit_test_setup_teardown(test_C1_chain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_C1_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_transmit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_C1_done, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
