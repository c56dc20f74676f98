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
#include "peer.h"

#define CANARY 0xc5
#define RING 64
#define SLOT 256
#define MAX_FRAME 20480
#define GEOMETRY ",ring_size=64,slot_size=256"
#define SEGMENTS 64
#define MTU (MAX_FRAME - 22)

/* How a frame lies in its mbufs. */
struct form {
	const char *name;
	uint32_t first; /* bytes in the first segment */
	uint32_t rest;	/* and in each further one */
	uint32_t step;	/* from one length to the next, beyond three slots */
	uint64_t offloads;
};

static uint8_t payload[2 * MAX_FRAME];
static uint32_t serial;

/* Bytes 0x20 to 0x3f: no canary, and no address of a Linux process on x86-64. */
static void
make_payload(void)
{
	uint64_t seed = 20261125;
	size_t i;

	for (i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(0x20 + peer_random(&seed) % 0x20);
}

static void
fill_canary(struct rte_mempool *pool, void *arg, void *obj, unsigned int i)
{
	struct rte_mbuf *m = obj;

	(void)pool;
	(void)arg;
	(void)i;
	memset(m->buf_addr, CANARY, m->buf_len);
}

static struct rte_mbuf *
canary_mbuf(uint32_t headroom)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(common_pool);

	assert_non_null(m);
	fill_canary(NULL, NULL, m, 0);
	m->data_off = (uint16_t)headroom;
	/* Fields that only offloads would read, and that say something. */
	m->vlan_tci = 0xc5c5;
	m->vlan_tci_outer = 0xc5c5;
	m->hash.rss = 0xc5c5c5c5;
	m->tx_offload = UINT64_C(0xc5c5c5c5c5c5c5c5);
	memset(m->dynfield1, CANARY, sizeof(m->dynfield1));
	return m;
}

/* A frame of this form; its mbufs go to `all`. */
static struct rte_mbuf *
make(const struct form *form, uint32_t len, struct rte_mbuf **all, unsigned int *count)
{
	struct rte_mbuf *head = NULL, *last = NULL;
	const uint8_t *data = payload + len % MAX_FRAME;
	uint32_t done = 0;

	while (done < len) {
		uint32_t part = RTE_MIN(len - done, head == NULL ? form->first : form->rest);
		struct rte_mbuf *m = canary_mbuf(serial++ % 3 == 0 ? 0 : RTE_PKTMBUF_HEADROOM);

		memcpy(rte_pktmbuf_append(m, (uint16_t)part), data + done, part);
		done += part;
		if (head == NULL) {
			head = m;
			/*
			 * Every flag of transmit, one or two at a time. The port has none of them.
			 */
			m->ol_flags = UINT64_C(3) << (40 + serial % 20);
		} else {
			last->next = m;
			head->nb_segs++;
			head->pkt_len += part;
		}
		last = m;
		assert_true(*count < 8 * SEGMENTS);
		all[(*count)++] = m;
	}
	return head;
}

/* What was received is what was sent, and no field of an offload came along (V7). */
static void
take(uint16_t port, uint32_t len)
{
	struct rte_mbuf *m = receive_one(port, 0);
	const uint8_t *data = payload + len % MAX_FRAME;
	const struct rte_mbuf *s;
	uint32_t done = 0;

	assert_int_equal(m->pkt_len, len);
	assert_int_equal(m->ol_flags, 0);
	for (s = m; s != NULL; s = s->next) {
		assert_memory_equal(rte_pktmbuf_mtod(s, void *), data + done, s->data_len);
		done += s->data_len;
	}
	assert_int_equal(done, len);
	for (s = m; s != NULL; s = s->next)
		memset(s->buf_addr, CANARY, s->buf_len);
	rte_pktmbuf_free(m);
}

static bool
is_zero(const uint8_t *mem, size_t len)
{
	return len == 0 || (mem[0] == 0 && memcmp(mem, mem + 1, len - 1) == 0);
}

/* Every byte that the datapath of one side writes. */
static void
inspect_rings(const struct peer *p, uint8_t *area)
{
	const struct folio_wire_index *x = peer_index(p, area);
	uint32_t i;

	assert_null(memchr(area + p->data_off, CANARY, p->used - p->data_off));
	for (i = 0; i < RING; i++)
		assert_true(load64(peer_desc(p, area, i)) <= MAX_FRAME);
	assert_true(is_zero(x->pad0, sizeof(x->pad0)));
	assert_true(is_zero(x->pad1, sizeof(x->pad1)));
}

/* And all the rest of it. */
static void
inspect_area(const struct peer *p, uint8_t *area)
{
	const struct folio_wire_header *h = peer_header(area);

	inspect_rings(p, area);
	assert_int_equal(load32(&h->reserved0), 0);
	assert_int_equal(load64(&h->features), 0);
	assert_true(is_zero(h->reserved, sizeof(h->reserved)));
	assert_true(is_zero(area + p->index_off + sizeof(struct folio_wire_index),
			    p->desc_off - p->index_off - sizeof(struct folio_wire_index)));
	assert_true(is_zero(area + p->desc_off + RING * 8, p->desc_len - RING * 8));
	assert_true(is_zero(area + p->meta_off, p->data_off - p->meta_off));
	assert_true(is_zero(area + p->used, p->area_size - p->used));
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
send_all_lengths(const struct form *form)
{
	const struct port_setup setup = {
		.mtu = MTU, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER,
		.tx_offloads = form->offloads,
	};
	struct rte_mbuf *all[8 * SEGMENTS];
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
		send_one(pair.guest, 0, make(form, len, all, &count));
		send_one(pair.host, 0, make(form, len, all, &count));
		for (i = 0; i < count; i++) /* free by now */
			fill_canary(NULL, NULL, all[i], 0);
		slots += (len + p.stride - 1) / p.stride;
		if (slots > RING - MAX_FRAME / p.stride / 2 || len >= MAX_FRAME / 2) {
			inspect_rings(&p, p.mem);
			inspect_rings(&p, p.mem + p.area_size);
			slots = 0;
		}
		take(pair.host, len);
		take(pair.guest, len);
		frames += 2;
	}
	inspect_area(&p, p.mem);
	inspect_area(&p, p.mem + p.area_size);
	print_message("%s: %u frames\n", form->name, frames);
	peer_close(&p);
	pair_close(&pair);
}

static int
group_setup(void **state)
{
	int ret = eal_setup(state);

	if (ret == 0)
		rte_mempool_obj_iter(common_pool, fill_canary, NULL);
	make_payload();
	return ret;
}

static void
test_D1_one_segment(void **state)
{
	const struct form form = {"one segment", RTE_MBUF_DEFAULT_DATAROOM, 0, 1, 0};

	(void)state;
	send_all_lengths(&form);
}

static void
test_D1_one_segment_fast_free(void **state)
{
	const struct form form = {"fast free", RTE_MBUF_DEFAULT_DATAROOM, 0, 1,
				  RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE};

	(void)state;
	send_all_lengths(&form);
}

static void
test_D1_long_segments(void **state)
{
	const struct form form = {"long segments", RTE_MBUF_DEFAULT_DATAROOM,
				  RTE_MBUF_DEFAULT_DATAROOM, 1, RTE_ETH_TX_OFFLOAD_MULTI_SEGS};

	(void)state;
	send_all_lengths(&form);
}

static void
test_D1_short_first_segment(void **state)
{
	const struct form form = {"one byte first", 1, 1777, 7, RTE_ETH_TX_OFFLOAD_MULTI_SEGS};

	(void)state;
	send_all_lengths(&form);
}

static void
test_D1_many_segments(void **state)
{
	const struct form form = {"many segments", 333, 321, 13, RTE_ETH_TX_OFFLOAD_MULTI_SEGS};

	(void)state;
	send_all_lengths(&form);
}

/* Address ranges of this process that can be read: heap, stacks, libraries, DPDK's memory. */
struct range {
	uint64_t from, to;
};

static unsigned int
own_ranges(struct range *r, unsigned int max)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long long from, to;
	char mode[8], line[512];
	unsigned int n = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%llx-%llx %7s", &from, &to, mode) == 3 && mode[0] == 'r' &&
		    n < max)
			r[n++] = (struct range){from, to};
	}
	fclose(maps);
	return n;
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
addresses_in(const struct peer *p, uint8_t *area, const struct range *r, unsigned int n)
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
	const struct form form = {"", RTE_MBUF_DEFAULT_DATAROOM, 0, 1, 0};
	static struct range ranges[4096];
	struct rte_mbuf *all[8 * SEGMENTS];
	unsigned int n, count = 0;
	uint32_t len;
	struct pair pair;
	struct peer p;
	void *probe = &ranges;

	(void)state;
	pair_open(&pair, GEOMETRY, "", NULL);
	p = look_in(&pair);
	for (len = 14; len < 14 + 3 * RING; len++, count = 0) {
		send_one(pair.guest, 0, make(&form, len, all, &count));
		send_one(pair.host, 0, make(&form, len, all, &count));
		take(pair.host, len);
		take(pair.guest, len);
	}
	check_fields(&p, p.mem, p.mem + p.area_size);
	check_fields(&p, p.mem + p.area_size, p.mem);
	n = own_ranges(ranges, RTE_DIM(ranges));
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
	const struct form form = {"", RTE_MBUF_DEFAULT_DATAROOM, 0, 1, 0};
	struct rte_mbuf *all[8 * SEGMENTS];
	unsigned int order, count, i;
	struct pair pair;
	struct peer p;

	(void)state;
	for (order = 0; order < 2; order++) {
		pair_open(&pair, GEOMETRY, "", NULL);
		p = look_in(&pair);
		for (i = 0; i < 2 * RING; i++) {
			count = 0;
			send_one(pair.guest, 0, make(&form, 1000 + i, all, &count));
			send_one(pair.host, 0, make(&form, 1000 + i, all, &count));
			take(pair.host, 1000 + i);
			take(pair.guest, 1000 + i);
		}
		assert_false(is_zero(p.mem, p.area_size));
		assert_false(is_zero(p.mem + p.area_size, p.area_size));
		detach(order == 0 ? pair.guest : pair.host);
		assert_true(is_zero(order == 0 ? p.mem : p.mem + p.area_size, p.area_size));
		detach(order == 0 ? pair.host : pair.guest);
		assert_true(is_zero(p.mem, p.size));
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

	return cmocka_run_group_tests(tests, group_setup, eal_teardown);
}
