/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Virtqueues against an honest device, in every kind of ring. */

#include <stdlib.h>
#include <string.h>

#include "../virtio/rig.h"
#include "util.h"

#define SIZE 64
#define ROOM 256
#define MORE (ROOM + VIRTIO_NET_HDR_LEN)
#define MAX_FRAME 4000
#define CANARY 0xc5

static const struct rig_config kinds[] = {
	{.packed = false}, {.packed = false, .mergeable = true},
	{.packed = false, .in_order = true}, {.packed = false, .mergeable = true, .in_order = true},
	{.packed = true}, {.packed = true, .mergeable = true},
	{.packed = true, .in_order = true}, {.packed = true, .mergeable = true, .in_order = true},
};

static struct rig *
open_kind(size_t kind, uint32_t size)
{
	struct rig_config cfg = kinds[kind];

	cfg.size = size;
	cfg.room = ROOM;
	cfg.max_frame = MAX_FRAME;
	return rig_open(&cfg);
}

static void
test_traffic_of_every_kind(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		struct rig *r = open_kind(i, SIZE);

		rig_traffic(r, 300, false, i);
		assert_int_equal(r->rx.q.shuffled, 0);
		if (!kinds[i].in_order) {
			rig_traffic(r, 300, true, i);
			assert_int_equal(r->rx.q.shuffled, 1);
		}
		rig_close(r);
	}
}

/*
 * Indices of 16 bits wrap often in this; places of 32 bits, once, and the ring's wrap counter with
 * them.
 */
static void
test_counters_wrap(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		struct rig *r = open_kind(i, SIZE);

		rig_attach(r, UINT32_MAX - 4 * SIZE + 1);
		rig_traffic(r, 100, false, i);
		assert_true(r->rx.q.head < UINT32_MAX / 2 && r->tx.q.head < UINT32_MAX / 2);
		rig_attach(r, 0x10000 - 2 * SIZE);
		rig_traffic(r, 100, !kinds[i].in_order, i);
		rig_close(r);
	}
}

/* The smallest rings, and one as large as they get. */
static void
test_ring_sizes(void **state)
{
	static const uint32_t sizes[] = {1, 2, 4, 256, 32768};
	size_t i, s;

	(void)state;
	for (s = 0; s < ARRAY_LEN(sizes); s++) {
		for (i = 0; i < ARRAY_LEN(kinds); i++) {
			struct rig_config cfg = kinds[i];
			struct rig *r;

			cfg.size = sizes[s];
			cfg.room = ROOM;
			cfg.max_frame = ROOM;
			cfg.mergeable = cfg.mergeable && sizes[s] > 2;
			r = rig_open(&cfg);
			rig_traffic(r, sizes[s] > 256 ? 2 : 20, false, 7);
			rig_close(r);
		}
	}
}

static void
test_areas_fit_the_standard(void **state)
{
	struct folio_virtq_areas a;
	uint32_t size;

	(void)state;
	for (size = 1; size <= VIRTQ_SIZE_MAX; size *= 2) {
		folio_virtq_areas(size, &a);
		assert_int_equal(a.desc % 16, 0);
		assert_int_equal(a.driver % 4, 0); /* a split ring asks for 2, a packed one for 4 */
		assert_int_equal(a.device % 4, 0);
		assert_true(a.driver >= a.desc + 16 * size);
		assert_true(a.device >= a.driver + 6 + 2 * size);
		assert_true(folio_virtq_ring_bytes(size) >= a.device + 6 + 8 * size);
		/* What each side writes is on lines of its own. */
		assert_true(a.device / 64 > (a.driver + 5 + 2 * size) / 64);
		assert_true(a.driver / 64 >= (a.desc + 16 * size) / 64);
	}
}

/* So many of the oldest chains come back, by one id where that stands for all. */
static void
return_oldest(struct rig *r, uint32_t n)
{
	if (r->cfg.in_order)
		model_return_batch(&r->tx.dev, n);
	else
		while (n-- > 0)
			model_return(&r->tx.dev, 0, 0);
	model_publish(&r->tx.dev);
}

/* What the device still has of what was sent, seen without taking anything back. */
static void
test_outstanding(void **state)
{
	static const uint32_t lens[] = {64, 64, 64, 3 * ROOM, 64, 64};
	uint8_t seen[4 * ROOM], header[MODEL_HEADER];
	size_t i, n;

	(void)state;
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		struct rig *r = open_kind(i, SIZE);
		bool packed = r->cfg.packed; /* there buffers count, not chains */

		for (n = 0; n < ARRAY_LEN(lens); n++) {
			struct bursts_frame f = {rig_frame((uint32_t)n, lens[n]), lens[n]};

			assert_int_equal(bursts_send(&r->tx.q, packed, &f, 1, 0, r->exact), 1);
			assert_int_equal(model_read(&r->tx.dev, seen, sizeof(seen), header),
					 lens[n]);
			free(f.data);
		}
		n = packed ? folio_virtq_frame_bufs(&r->tx.q, 3 * ROOM) - 1 : 0;
		assert_int_equal(folio_virtq_used(&r->tx.q, packed, false), 6 + n);
		return_oldest(r, 2);
		assert_int_equal(folio_virtq_used(&r->tx.q, packed, false), 4 + n);
		return_oldest(r, 2);
		assert_int_equal(folio_virtq_used(&r->tx.q, packed, false), 2);
		return_oldest(r, 2);
		assert_int_equal(folio_virtq_used(&r->tx.q, packed, false), 0);
		assert_true(rig_is_clean(r));
		rig_close(r);
	}
}

/* Every length, and what the device reads of it. */
static void
send_all_lengths(struct rig *r)
{
	const uint32_t most = r->cfg.max_frame;
	uint8_t *seen = malloc(most), header[MODEL_HEADER];
	uint32_t len;

	assert_non_null(seen);
	for (len = 14; len <= most; len++) {
		struct bursts_frame f = {rig_frame(len, len), len};

		assert_int_equal(bursts_send(&r->tx.q, r->cfg.packed, &f, 1, 0, r->exact), 1);
		assert_int_equal(model_read(&r->tx.dev, seen, most, header), len);
		assert_int_equal(r->tx.dev.held[0]->n, folio_virtq_frame_bufs(&r->tx.q, len));
		assert_true(rig_is_frame(seen, len, len));
		assert_true(util_all_bytes(header, 0, sizeof(header)));
		model_return(&r->tx.dev, 0, 0);
		model_publish(&r->tx.dev);
		free(f.data);
	}
	free(seen);
}

static void
test_chains_of_every_length(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		struct rig *r = open_kind(i, SIZE);

		/* What is transmitted does not depend on what is received, or in which order. */
		if (!r->cfg.mergeable && !r->cfg.in_order)
			send_all_lengths(r);
		assert_true(rig_is_clean(r));
		rig_close(r);
	}
}

/*
 * D1: nothing behind a frame is written, and where it begins there is a header of zeroes, whatever
 * a longer frame put there before.
 */
static void
test_exactly_the_frame_reaches_shared_memory(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		struct rig *r = open_kind(i, SIZE);
		struct folio_virtq *q = &r->tx.q;
		uint32_t len;

		for (len = 14; len <= r->cfg.max_frame; len += len < 300 ? 1 : 97) {
			struct bursts_frame f = {rig_frame(len, len), len};
			uint32_t bufs = folio_virtq_frame_bufs(q, len), left = len, b;
			uint16_t ids[SIZE];
			uint8_t *buf;

			for (b = 0; b < q->size; b++) {
				ids[b] = folio_virtq_at(q, q->tail + b);
				buf = folio_virtq_buf(q, ids[b]);
				memset(buf + FOLIO_VIRTQ_LINE, CANARY, ROOM);
				memset(buf, CANARY, FOLIO_VIRTQ_HEADER);
			}
			assert_int_equal(
				bursts_send(q, r->cfg.packed, &f, 1, len % 3 * 50, r->exact), 1);
			for (b = 0; b < q->size; b++) {
				uint32_t start = b == 0 ? FOLIO_VIRTQ_LINE : FOLIO_VIRTQ_HEADER;
				uint32_t room = b == 0 ? ROOM : MORE;
				uint32_t part = b >= bufs ? 0 : left < room ? left : room;

				buf = folio_virtq_buf(q, ids[b]);
				assert_true(util_all_bytes(buf, CANARY, FOLIO_VIRTQ_HEADER));
				if (b == 0)
					assert_true(util_all_bytes(buf + FOLIO_VIRTQ_HEADER, 0,
								   VIRTIO_NET_HDR_LEN));
				else if (part == 0)
					start = FOLIO_VIRTQ_LINE; /* an old header, or old data */
				assert_memory_equal(buf + start, f.data + len - left, part);
				left -= part;
				start += part;
				if (start < FOLIO_VIRTQ_LINE)
					start = FOLIO_VIRTQ_LINE;
				assert_true(util_all_bytes(buf + start, CANARY,
							   FOLIO_VIRTQ_LINE + ROOM - start));
			}
			assert_true(model_collect(&r->tx.dev) == 1);
			model_return(&r->tx.dev, 0, 0);
			model_publish(&r->tx.dev);
			free(f.data);
		}
		rig_close(r);
	}
}

static struct rig *watched;

/* A device that looks whenever something is copied. */
static void
copy_and_look(void *dst, const void *src, size_t len)
{
	assert_int_equal(model_collect(&watched->tx.dev), 0);
	watched->exact(dst, src, len);
	assert_int_equal(model_collect(&watched->tx.dev), 0);
}

/* A burst is given at once, when all of it is there. */
static void
test_nothing_is_given_before_a_burst_ends(void **state)
{
	static uint8_t data[MAX_FRAME];
	size_t i;
	uint32_t n;

	(void)state;
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		struct rig *r = open_kind(i, SIZE);

		watched = r;
		for (n = 0; n < 3 * SIZE; n++) {
			struct bursts_frame f[3] = {
				{data, 60}, {data, n % 4 == 0 ? 900 : 61}, {data, 62}};

			assert_int_equal(bursts_send(&r->tx.q, r->cfg.packed, f, 3, n % 3 * 25,
						     copy_and_look), 3);
			assert_int_equal(model_collect(&r->tx.dev), 3);
			while (r->tx.dev.n_held > 0)
				model_return(&r->tx.dev, 0, 0);
			model_publish(&r->tx.dev);
		}
		assert_true(rig_is_clean(r));
		rig_close(r);
	}
}

/* Shared memory is zero before a device sees it, whatever was there. */
static void
test_attach_zeroes(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		struct rig *r = open_kind(i, SIZE);
		const struct folio_virtq_memory *m = &r->tx.m;

		memset(m->rings, CANARY, folio_virtq_ring_bytes(SIZE));
		memset(m->bufs, CANARY, (size_t)SIZE * m->stride);
		folio_virtq_attach(&r->tx.q, m);
		assert_true(util_all_bytes(m->rings, 0, folio_virtq_ring_bytes(SIZE)));
		assert_true(util_all_bytes(m->bufs, 0, (size_t)SIZE * m->stride));
		rig_attach(r, 0);
		rig_traffic(r, 100, false, 1);
		rig_close(r);
	}
}

/* A queue that is full takes nothing, until the device gives something back. */
static void
test_full(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		struct rig *r = open_kind(i, SIZE);
		struct bursts_frame f[SIZE + 1];
		uint32_t n;

		for (n = 0; n < SIZE + 1; n++)
			f[n] = (struct bursts_frame){rig_frame(n, 60), 60};
		assert_int_equal(bursts_send(&r->tx.q, r->cfg.packed, f, SIZE + 1, 0, r->exact),
				 SIZE);
		assert_int_equal(bursts_send(&r->tx.q, r->cfg.packed, f, 1, 0, r->exact), 0);
		assert_int_equal(model_collect(&r->tx.dev), SIZE);
		model_return(&r->tx.dev, 0, 0);
		model_publish(&r->tx.dev);
		assert_int_equal(bursts_send(&r->tx.q, r->cfg.packed, f, 2, 0, r->exact), 1);
		assert_true(rig_is_clean(r));
		for (n = 0; n < SIZE + 1; n++)
			free(f[n].data);
		rig_close(r);
	}
}

/* Polling an idle queue writes nothing: the device has its lines for itself. */
static void
test_a_poll_in_vain_writes_nothing(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		struct rig *r = open_kind(i, SIZE);
		uint8_t room[ROOM];
		struct bursts_frame f = {room, 0};
		/*
		 * Split: the index. Packed: the first descriptor's id. A store would put it right.
		 */
		uint16_t *field = r->cfg.packed ? &r->rx.dev.ring[0].id : &r->rx.dev.avail->idx;

		*field ^= 0x5555;
		assert_int_equal(bursts_receive(&r->rx.q, r->cfg.packed, &f, 1, ROOM, 0, r->exact),
				 0);
		*field ^= 0x5555;
		rig_traffic(r, 10, false, 3);
		rig_close(r);
	}
}

static bool
wants(const struct rig *r)
{
	return r->cfg.packed ? folio_packed_wants_doorbell(&r->tx.q)
			     : folio_split_wants_doorbell(&r->tx.q);
}

static bool
watch(struct rig *r)
{
	return r->cfg.packed ? folio_packed_watch(&r->tx.q) : folio_split_watch(&r->tx.q);
}

static void
test_doorbell(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		struct rig *r = open_kind(i, SIZE);
		struct model_queue *dev = &r->tx.dev;

		assert_true(wants(r)); /* nobody has said that it polls */
		model_want_doorbell(dev, false);
		assert_false(wants(r));
		model_want_doorbell(dev, true);
		assert_true(wants(r));
		model_want_doorbell(dev, false);
		assert_false(watch(r));
		/* Known to poll: the datapath does not look, the watch does, and rings twice. */
		model_want_doorbell(dev, true);
		assert_false(wants(r));
		assert_true(watch(r));
		assert_true(wants(r));
		assert_true(watch(r));
		assert_false(watch(r));
		assert_true(wants(r));
		model_want_doorbell(dev, false);
		assert_false(watch(r));
		model_want_doorbell(dev, true);
		assert_false(wants(r));
		rig_close(r);
	}
}

/* Interrupts are not wanted, and the device is told so before it is given anything. */
static void
test_no_interrupts(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		struct rig *r = open_kind(i, SIZE);
		const void *rx = r->rx.dev.avail, *tx = r->tx.dev.avail;

		if (r->cfg.packed) {
			assert_int_equal(((const struct vring_packed_desc_event *)rx)->flags,
					 VRING_PACKED_EVENT_FLAG_DISABLE);
			assert_int_equal(((const struct vring_packed_desc_event *)tx)->flags,
					 VRING_PACKED_EVENT_FLAG_DISABLE);
		} else {
			assert_int_equal(((const struct vring_avail *)rx)->flags,
					 VRING_AVAIL_F_NO_INTERRUPT);
			assert_int_equal(((const struct vring_avail *)tx)->flags,
					 VRING_AVAIL_F_NO_INTERRUPT);
		}
		rig_close(r);
	}
}

/* A frame longer than any is dropped, and the next one arrives. */
static void
test_a_frame_that_is_too_long_is_dropped(void **state)
{
	static uint8_t data[2 * MAX_FRAME], room[MAX_FRAME];
	struct bursts_frame f = {room, 0};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		struct rig *r = open_kind(i, SIZE);

		if (r->cfg.mergeable) {
			assert_int_equal(model_collect(&r->rx.dev), SIZE);
			assert_true(model_deliver(&r->rx.dev, 0, data, MAX_FRAME + 1, NULL));
			assert_true(model_deliver(&r->rx.dev, 0, data, MAX_FRAME, NULL));
			model_publish(&r->rx.dev);
			assert_int_equal(bursts_receive(&r->rx.q, r->cfg.packed, &f, 1, MAX_FRAME,
							0, r->exact),
					 1);
			assert_int_equal(f.len, MAX_FRAME);
			assert_int_equal(r->rx.q.bad_length, 1);
			assert_int_equal(r->rx.q.broken, 0);
		}
		rig_close(r);
	}
}

/* The invariant is not always true. */
static void
test_valid_sees(void **state)
{
	struct rig *r = open_kind(0, SIZE);
	struct folio_virtq *q = &r->tx.q, good = *q;

	(void)state;
	q->at[3] = 4; /* twice */
	assert_false(folio_virtq_valid(q));
	q->at[3] = SIZE;
	assert_false(folio_virtq_valid(q));
	q->at[3] = 3;
	q->note[5] = 1; /* a chain of what is free */
	assert_false(folio_virtq_valid(q));
	q->note[5] = 0;
	q->head = 1; /* ahead of tail */
	assert_false(folio_virtq_valid(q));
	*q = good;
	q->seen = 1; /* more than was given */
	assert_false(folio_virtq_valid(q));
	*q = good;
	q->plain_max = ROOM + 1;
	assert_false(folio_virtq_valid(q));
	*q = good;
	q->broken = 1; /* and yet something is free */
	assert_false(folio_virtq_valid(q));
	*q = good;
	assert_true(folio_virtq_valid(q));
	rig_close(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_traffic_of_every_kind),
		cmocka_unit_test(test_counters_wrap),
		cmocka_unit_test(test_ring_sizes),
		cmocka_unit_test(test_areas_fit_the_standard),
		cmocka_unit_test(test_outstanding),
		cmocka_unit_test(test_chains_of_every_length),
		cmocka_unit_test(test_exactly_the_frame_reaches_shared_memory),
		cmocka_unit_test(test_nothing_is_given_before_a_burst_ends),
		cmocka_unit_test(test_attach_zeroes),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_a_poll_in_vain_writes_nothing),
		cmocka_unit_test(test_doorbell),
		cmocka_unit_test(test_no_interrupts),
		cmocka_unit_test(test_a_frame_that_is_too_long_is_dropped),
		cmocka_unit_test(test_valid_sees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
