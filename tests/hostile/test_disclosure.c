/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * What reaches the region through the driver: frames, lengths, indices and header fields, and not a
 * byte besides. Frames consist of a few byte values; everything else in any mbuf, used, free or
 * on its way, is one other value, which must never be found. $FOLIO_SIMD_BITS chooses the kernels.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../driver/pair.h"
#include "canary.h"
#include "peer.h"

#define RING 64
#define SLOT 256
#define MAX_FRAME CANARY_FRAME_MAX
#define GEOMETRY ",ring_size=64,slot_size=256"
#define MTU (MAX_FRAME - 22)

/* Every byte that the datapath of one side writes. */
static void
inspect_rings(const struct peer *p, uint8_t *area)
{
	const struct folio_wire_index *x = peer_index(p, area);
	uint32_t i;

	assert_null(memchr(area + p->data_off, CANARY, p->used - p->data_off));
	for (i = 0; i < RING; i++)
		assert_true(load64(peer_desc(p, area, i)) <= MAX_FRAME);
	assert_true(canary_is_zero(x->pad0, sizeof(x->pad0)));
	assert_true(canary_is_zero(x->pad1, sizeof(x->pad1)));
}

/* And all the rest of it. */
static void
inspect_area(const struct peer *p, uint8_t *area)
{
	const struct folio_wire_header *h = peer_header(area);

	inspect_rings(p, area);
	assert_int_equal(load32(&h->reserved0), 0);
	assert_int_equal(load64(&h->features), 0);
	assert_true(canary_is_zero(h->reserved, sizeof(h->reserved)));
	assert_true(canary_is_zero(area + p->index_off + sizeof(struct folio_wire_index),
			    p->desc_off - p->index_off - sizeof(struct folio_wire_index)));
	assert_true(canary_is_zero(area + p->desc_off + RING * 8, p->desc_len - RING * 8));
	assert_true(canary_is_zero(area + p->meta_off, p->data_off - p->meta_off));
	assert_true(canary_is_zero(area + p->used, p->area_size - p->used));
}

static struct peer
look_in(const struct pair *pair)
{
	struct peer p = {.seed = 1};

	assert_true(peer_open(&p, pair->path, false, NULL));
	return p;
}

/* All lengths, in this form, both ways; the rings are searched before they can be used again. */
static void
send_all_lengths(const struct canary_form *form)
{
	const struct port_setup setup = {
		.mtu = MTU, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER,
		.tx_offloads = form->offloads,
	};
	struct rte_mbuf *all[CANARY_MBUFS];
	struct pair pair;
	struct peer p;
	uint32_t len, slots = 0, frames = 0;
	unsigned int count, i;

	pair_open(&pair, GEOMETRY, "", &setup);
	p = look_in(&pair);
	for (len = 14; len <= MAX_FRAME; len += len < 1000 ? 1 : form->step) {
		if (len > form->first && form->rest == 0)
			break;
		count = 0;
		send_one(pair.guest, 0, canary_make(form, len, all, &count));
		send_one(pair.host, 0, canary_make(form, len, all, &count));
		for (i = 0; i < count; i++) /* free by now */
			canary_fill(all[i]);
		slots += (len + p.stride - 1) / p.stride;
		if (slots > RING - MAX_FRAME / p.stride / 2 || len >= MAX_FRAME / 2) {
			inspect_rings(&p, p.mem);
			inspect_rings(&p, p.mem + p.area_size);
			slots = 0;
		}
		canary_take(pair.host, len);
		canary_take(pair.guest, len);
		frames += 2;
	}
	inspect_area(&p, p.mem);
	inspect_area(&p, p.mem + p.area_size);
	print_message("%s: %u frames\n", form->name, frames);
	peer_close(&p);
	pair_close(&pair);
}

static void
test_D1_one_segment(void **state)
{
	const struct canary_form form = {"one segment", RTE_MBUF_DEFAULT_DATAROOM, 0, 1, 0};

	(void)state;
	send_all_lengths(&form);
}

static void
test_D1_one_segment_fast_free(void **state)
{
	const struct canary_form form = {"fast free", RTE_MBUF_DEFAULT_DATAROOM, 0, 1,
				  RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE};

	(void)state;
	send_all_lengths(&form);
}

static void
test_D1_long_segments(void **state)
{
	const struct canary_form form = {"long segments", RTE_MBUF_DEFAULT_DATAROOM,
				  RTE_MBUF_DEFAULT_DATAROOM, 1, RTE_ETH_TX_OFFLOAD_MULTI_SEGS};

	(void)state;
	send_all_lengths(&form);
}

static void
test_D1_short_first_segment(void **state)
{
	const struct canary_form form = {"one byte first", 1, 1777, 7, RTE_ETH_TX_OFFLOAD_MULTI_SEGS};

	(void)state;
	send_all_lengths(&form);
}

static void
test_D1_many_segments(void **state)
{
	const struct canary_form form = {"many segments", 333, 321, 13, RTE_ETH_TX_OFFLOAD_MULTI_SEGS};

	(void)state;
	send_all_lengths(&form);
}

/*
 * Every field of a header is a number that the other side knows already, or a random one. Indices
 * count what was sent. (inspect_area() knows what descriptors can be, and that the rest is zero.)
 */
static void
check_fields(const struct peer *p, uint8_t *area, uint8_t *other)
{
	const struct folio_wire_header *h = peer_header(area);

	assert_int_equal(load64(&h->magic), FOLIO_WIRE_MAGIC);
	assert_int_equal(load32(&h->version), FOLIO_WIRE_VERSION);
	assert_int_equal(load32(&h->role), area == p->mem ? 1 : 2);
	assert_int_equal(load64(&h->ack), load64(&peer_header(other)->generation));
	assert_int_equal(load32(&h->state), FOLIO_WIRE_STATE_STARTED);
	assert_int_equal(load32(&h->refusal), 0);
	assert_in_range(load32(&h->heartbeat), 1, 1 << 20);
	assert_int_equal(load32(&h->queues), 1);
	assert_int_equal(load32(&h->ring_size), RING);
	assert_int_equal(load32(&h->slot_size), SLOT);
	assert_int_equal(load32(&h->page_shift), 21);
	assert_in_range(load32(&peer_index(p, area)->produced), 1, 1 << 20);
	assert_in_range(load32(&peer_index(p, area)->consumed), 0, 1 << 20);
	inspect_area(p, area);
}

/* Eight bytes at any offset of the slots that could be an address. */
static unsigned int
addresses_in(const struct peer *p, uint8_t *area, const struct canary_range *r, unsigned int n)
{
	unsigned int found = 0, i;
	uint64_t at, word;

	for (at = p->data_off; at + sizeof(word) <= p->used; at++) {
		memcpy(&word, area + at, sizeof(word));
		for (i = 0; word != 0 && i < n; i++) {
			if (word < r[i].from || word >= r[i].to)
				continue;
			print_message("0x%llx at 0x%llx of an area\n", (unsigned long long)word,
				      (unsigned long long)at);
			found++;
		}
	}
	return found;
}

static void
test_D3_no_addresses(void **state)
{
	const struct canary_form form = {"", RTE_MBUF_DEFAULT_DATAROOM, 0, 1, 0};
	static struct canary_range ranges[4096];
	struct rte_mbuf *all[CANARY_MBUFS];
	unsigned int n, count = 0;
	uint32_t len;
	struct pair pair;
	struct peer p;
	void *probe = &ranges;

	(void)state;
	pair_open(&pair, GEOMETRY, "", NULL);
	p = look_in(&pair);
	for (len = 14; len < 14 + 3 * RING; len++, count = 0) {
		send_one(pair.guest, 0, canary_make(&form, len, all, &count));
		send_one(pair.host, 0, canary_make(&form, len, all, &count));
		canary_take(pair.host, len);
		canary_take(pair.guest, len);
	}
	check_fields(&p, p.mem, p.mem + p.area_size);
	check_fields(&p, p.mem + p.area_size, p.mem);
	n = canary_ranges(ranges, RTE_DIM(ranges));
	assert_true(n > 20);
	assert_int_equal(addresses_in(&p, p.mem, ranges, n), 0);
	assert_int_equal(addresses_in(&p, p.mem + p.area_size, ranges, n), 0);
	/* The search finds one if there is one. */
	memcpy(p.mem + p.data_off + 3, &probe, sizeof(probe));
	assert_int_equal(addresses_in(&p, p.mem, ranges, n), 1);
	peer_close(&p);
	pair_close(&pair);
}

/* D2: each side's half is zero when it has closed, whoever closes first. */
static void
test_D2_zeroed_at_close(void **state)
{
	const struct canary_form form = {"", RTE_MBUF_DEFAULT_DATAROOM, 0, 1, 0};
	struct rte_mbuf *all[CANARY_MBUFS];
	unsigned int order, count, i;
	struct pair pair;
	struct peer p;

	(void)state;
	for (order = 0; order < 2; order++) {
		pair_open(&pair, GEOMETRY, "", NULL);
		p = look_in(&pair);
		for (i = 0; i < 2 * RING; i++) {
			count = 0;
			send_one(pair.guest, 0, canary_make(&form, 1000 + i, all, &count));
			send_one(pair.host, 0, canary_make(&form, 1000 + i, all, &count));
			canary_take(pair.host, 1000 + i);
			canary_take(pair.guest, 1000 + i);
		}
		assert_false(canary_is_zero(p.mem, p.area_size));
		assert_false(canary_is_zero(p.mem + p.area_size, p.area_size));
		detach(order == 0 ? pair.guest : pair.host);
		assert_true(canary_is_zero(order == 0 ? p.mem : p.mem + p.area_size, p.area_size));
		detach(order == 0 ? pair.host : pair.guest);
		assert_true(canary_is_zero(p.mem, p.size));
		peer_close(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_D1_one_segment),
		TEST(test_D1_one_segment_fast_free),
		TEST(test_D1_long_segments),
		TEST(test_D1_short_first_segment),
		TEST(test_D1_many_segments),
		TEST(test_D2_zeroed_at_close),
		TEST(test_D3_no_addresses),
	};

	return cmocka_run_group_tests(tests, canary_setup, eal_teardown);
}
