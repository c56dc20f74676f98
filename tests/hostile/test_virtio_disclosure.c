/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * What reaches a device's region through the driver: frames, headers of zeroes, and what rings are
 * made of; not a byte besides. Split and packed rings, frames of one buffer and of many, long and
 * short ones in the same buffers. $FOLIO_SIMD_BITS chooses the kernels.
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../driver/echo.h"
#include "canary.h"

#define RING 64u
#define MAX_FRAME 8000u
#define MTU (MAX_FRAME - OVERHEAD)
#define ODD 127u /* from one length to the next, beyond a few buffers */

/* A port and its device. */
struct rig {
	struct echo e;
	uint16_t port;
	uint8_t *mem; /* the region, mapped once more */
	size_t size;
	uint64_t headers; /* that had anything in them */
};

static bool
serve(void *ctx, unsigned int pair, struct model_queue *rx, struct model_queue *tx)
{
	static uint8_t frame[65536];
	uint8_t header[MODEL_HEADER];
	struct rig *r = ctx;
	int len;

	(void)pair;
	if (model_collect(rx) <= 0 && rx->n_held == 0)
		return false;
	len = model_read(tx, frame, sizeof(frame), header);
	if (len <= 0)
		return false;
	r->headers += !canary_is_zero(header, sizeof(header));
	model_return(tx, 0, 0);
	(void)model_deliver(rx, 0, frame, (uint32_t)len, NULL);
	model_publish(tx);
	model_publish(rx);
	return true;
}

/* The driver's memfd is one of this process: map it, as the device does. */
static void
map_region(struct rig *r)
{
	DIR *fds = opendir("/proc/self/fd");
	struct dirent *e;
	char path[300], to[64];
	struct stat st;
	ssize_t n;
	int fd;

	assert_non_null(fds);
	while ((e = readdir(fds)) != NULL && r->mem == NULL) {
		snprintf(path, sizeof(path), "/proc/self/fd/%s", e->d_name);
		n = readlink(path, to, sizeof(to) - 1);
		to[n > 0 ? n : 0] = '\0';
		if (strncmp(to, "/memfd:folio", 12) != 0)
			continue;
		fd = open(path, O_RDWR | O_CLOEXEC);
		assert_true(fd >= 0 && fstat(fd, &st) == 0);
		r->size = (size_t)st.st_size;
		r->mem = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
		assert_ptr_not_equal(r->mem, MAP_FAILED);
	}
	closedir(fds);
	assert_non_null(r->mem);
}

static void
rig_open(struct rig *r, bool packed)
{
	const struct port_setup setup = {
		.mtu = MTU, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER,
		.tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS,
	};
	struct backend_config cfg = echo_honest;
	char args[64];

	memset(r, 0, sizeof(*r));
	if (!packed)
		cfg.features &= ~BIT(VIRTIO_F_RING_PACKED);
	cfg.serve = serve;
	cfg.serve_ctx = r;
	echo_open(&r->e, &cfg);
	snprintf(args, sizeof(args), ",ring_size=%u,slot_size=256", RING);
	r->port = echo_port(&r->e, args, &setup);
	map_region(r);
}

static void
rig_close(struct rig *r)
{
	munmap(r->mem, r->size);
	assert_null(backend_error(echo_hold(&r->e)));
	echo_release(&r->e);
	assert_int_equal(r->headers, 0);
	echo_close(&r->e);
}

/* Where a place of the device's mapping is in ours. */
static size_t
offset_of(const struct rig *r, const void *at)
{
	const struct backend_region *m;
	unsigned int n;

	m = backend_regions(r->e.b, &n);
	assert_int_equal(n, 1);
	assert_in_range((uintptr_t)at, (uintptr_t)m->mem, (uintptr_t)m->mem + m->size);
	return (size_t)((const uint8_t *)at - m->mem);
}

/* Rings have addresses of the table, lengths, flags, numbers of descriptors; else zeroes. */
static void
inspect_ring(const struct rig *r, const struct model_queue *q, size_t *from, size_t *to)
{
	const size_t descs = offset_of(r, q->desc), driver = offset_of(r, q->avail);
	const size_t device = offset_of(r, q->used);
	const struct backend_region *m;
	unsigned int n;
	uint32_t i;

	m = backend_regions(r->e.b, &n);
	*from = descs;
	*to = device + 4 + 8 * RING + 2;
	for (i = 0; i < RING; i++) {
		/* In both kinds address and length come first. */
		const struct vring_desc d = q->desc[i];

		if (d.addr != 0)
			assert_in_range(d.addr, m->guest_addr, m->guest_addr + m->size - 1);
		assert_true(d.len <= 256 + 64);
	}
	assert_true(canary_is_zero(r->mem + descs + 16 * RING, driver - descs - 16 * RING));
	for (i = 0; !q->packed && i < RING; i++)
		assert_true(q->avail->ring[i] < RING);
	i = q->packed ? 4 : 4 + 2 * RING;
	assert_true(canary_is_zero(r->mem + driver + i, device - driver - i));
}

/* Rings as they should be; all that is between them is for `look`. */
static void
inspect(struct rig *r, void (*look)(const uint8_t *mem, size_t len))
{
	size_t from[2], to[2];
	unsigned int i, first;

	(void)echo_hold(&r->e);
	for (i = 0; i < 2; i++) {
		const struct model_queue *q = backend_ring(r->e.b, i);

		assert_non_null(q);
		inspect_ring(r, q, &from[i], &to[i]);
	}
	first = from[0] > from[1];
	look(r->mem, from[first]);
	look(r->mem + to[first], from[!first] - to[first]);
	look(r->mem + to[!first], r->size - to[!first]);
	echo_release(&r->e);
}

/* Not one byte of buffers, or between them, is the canary. */
static void
no_canary(const uint8_t *mem, size_t len)
{
	assert_null(memchr(mem, CANARY, len));
}

static void
there_and_back(struct rig *r, const struct canary_form *form, uint32_t len)
{
	struct rte_mbuf *all[CANARY_MBUFS];
	unsigned int count = 0, i;

	send_one(r->port, 0, canary_make(form, len, all, &count));
	for (i = 0; i < count; i++) /* free by now */
		canary_fill(all[i]);
	canary_take(r->port, len);
}

/* Each length, and behind it a long frame in buffers that short ones had, or the reverse. */
static void
send_all_lengths(bool packed, const struct canary_form *form)
{
	uint32_t len, sent = 0;
	struct rig r;

	rig_open(&r, packed);
	for (len = 14; len <= MAX_FRAME; len += len < 700 ? form->step : ODD) {
		there_and_back(&r, form, len);
		there_and_back(&r, form, 14 + MAX_FRAME - len);
		if (++sent % 8 == 0)
			inspect(&r, no_canary);
	}
	inspect(&r, no_canary);
	detach(r.port);
	/* D2: what was in it is gone. */
	assert_true(canary_is_zero(r.mem, r.size));
	rig_close(&r);
}

static const struct canary_form forms[] = {
	{"long segments", RTE_MBUF_DEFAULT_DATAROOM, RTE_MBUF_DEFAULT_DATAROOM, 1, 0},
	{"one byte first", 1, 1777, 7, 0},
	{"many segments", 333, 321, 13, 0},
};

static void
test_D1_D2_split(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(forms); i++)
		send_all_lengths(false, &forms[i]);
}

static void
test_D1_D2_packed(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(forms); i++)
		send_all_lengths(true, &forms[i]);
}

/* Eight bytes at any offset that could be an address of this process. */
static void
no_address(const uint8_t *mem, size_t len)
{
	static struct canary_range ranges[4096];
	unsigned int n = canary_ranges(ranges, RTE_DIM(ranges)), i;
	uint64_t word;
	size_t at;

	assert_true(n > 20);
	for (at = 0; at + sizeof(word) <= len; at++) {
		memcpy(&word, mem + at, sizeof(word));
		for (i = 0; word != 0 && i < n; i++)
			assert_false(word >= ranges[i].from && word < ranges[i].to);
	}
}

/* Device addresses are made up, in the memory table as well. */
static void
test_D3_no_addresses(void **state)
{
	const struct backend_region *m;
	unsigned int regions, i;
	struct rig r;

	(void)state;
	rig_open(&r, true);
	for (i = 0; i < 3 * RING; i++)
		there_and_back(&r, &forms[0], 14 + i);
	(void)echo_hold(&r.e);
	m = backend_regions(r.e.b, &regions);
	assert_int_equal(regions, 1);
	assert_int_equal(m->user_addr, m->guest_addr);
	echo_release(&r.e);
	inspect(&r, no_address);
	detach(r.port);
	rig_close(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_D1_D2_split),
		TEST(test_D1_D2_packed),
		TEST(test_D3_no_addresses),
	};

	return cmocka_run_group_tests(tests, canary_setup, eal_teardown);
}
