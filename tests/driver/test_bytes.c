/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * To the byte: what a receive burst writes of an mbuf, and what a transmit burst lets the peer
 * have. $FOLIO_SIMD_BITS says with which copy kernels.
 */

#include "pair.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MBUFS 63
#define FILL 0x11
#define SECRET 0xc9 /* in no address of a descriptor either */

/* Where the buffers of a pool's mbufs are: each ends where an inaccessible page begins. */
struct fenced {
	uint8_t *mem;
	size_t step;  /* bytes from fence to fence */
	size_t size;  /* of a buffer */
	unsigned int n;
};

static void
move_buffer(struct rte_mempool *pool, void *arg, void *obj, unsigned int i)
{
	struct fenced *f = arg;
	struct rte_mbuf *m = obj;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *end = f->mem + (i + 1) * f->step - page;

	(void)pool;
	assert_int_equal(mprotect(end, page, PROT_NONE), 0);
	m->buf_addr = end - f->size;
	f->n++;
}

static struct rte_mempool *
fenced_pool(struct fenced *f, uint32_t room)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct rte_mempool *pool;

	f->n = 0;
	f->size = RTE_PKTMBUF_HEADROOM + room;
	f->step = RTE_ALIGN_CEIL(f->size, page) + page;
	f->mem = mmap(NULL, MBUFS * f->step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	assert_ptr_not_equal(f->mem, MAP_FAILED);
	pool = rte_pktmbuf_pool_create("fenced", MBUFS, 0, 0, (uint16_t)f->size, SOCKET_ID_ANY);
	assert_non_null(pool);
	assert_int_equal(rte_mempool_obj_iter(pool, move_buffer, f), MBUFS);
	assert_int_equal(f->n, MBUFS);
	return pool;
}

/* Copies are rounded up to whole lines: never beyond a data room that is none. */
static void
test_room_in_front_of_a_fence(void **state)
{
	static const uint32_t rooms[] = {64, 65, 100, 127, 128, 129, 1000, 1500, 2047, 2048};
	size_t i;

	(void)state;
	NEEDS(host_is_folio());
	for (i = 0; i < RTE_DIM(rooms); i++) {
		uint32_t room = rooms[i], line = RTE_ALIGN_FLOOR(room, 64), k;
		const uint32_t lens[] = {14, 60, line - 1, line, line + 1, room - 1, room, room + 1,
					 room + 63, room + 64, room + 65};
		struct fenced fence;
		struct port_setup setup = {
			.pool = fenced_pool(&fence, room),
			.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER,
			.mtu = 2200,
		};
		struct pair p;

		pair_open(&p, ",ring_size=64,slot_size=4096", "", &setup);
		for (k = 0; k < RTE_DIM(lens); k++) {
			struct rte_mbuf *m;

			if (lens[k] < 14)
				continue;
			send_one(p.guest, 0,
				 make_frame(common_pool, lens[k], k, 1 + lens[k] / 2048));
			m = receive_one(p.host, 0);
			check_frame(m, lens[k], k);
			rte_pktmbuf_free(m);
		}
		pair_close(&p);
		assert_int_equal(rte_mempool_avail_count(setup.pool), MBUFS);
		rte_mempool_free(setup.pool);
		assert_int_equal(munmap(fence.mem, MBUFS * fence.step), 0);
	}
}

/* The memory that the other end has: a file, or a memfd. */
static int
open_shared(const struct pair *p)
{
	char link[64], target[64];
	int fd;

	if (is_native())
		return open(p->path, O_RDONLY | O_CLOEXEC);
	for (fd = 0; fd < 1024; fd++) {
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (strstr(target, "memfd:folio") != NULL)
			return open(link, O_RDONLY | O_CLOEXEC);
	}
	return -1;
}

/* How often a byte is there, behind native headers, which have random numbers. */
static unsigned int
count_shared(const struct pair *p, uint8_t what)
{
	int fd = open_shared(p);
	unsigned int found = 0;
	struct stat st;
	uint8_t *mem;
	off_t i;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	mem = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(mem, MAP_FAILED);
	for (i = 0; i < st.st_size; i++)
		found += (!is_native() || i % (st.st_size / 2) >= 4096) && mem[i] == what;
	assert_int_equal(munmap(mem, (size_t)st.st_size), 0);
	close(fd);
	return found;
}

/* What lies behind a packet in its mbuf is another packet's, and stays here. */
static void
test_nothing_behind_a_packet_goes_out(void **state)
{
	/* None with SECRET for a byte. */
	static const uint32_t lens[] = {14, 15, 16, 31, 33, 60, 61, 63, 64, 65, 100, 127, 129, 200,
					255, 257, 300, 511, 1000, 1514};
	const struct port_setup setup = {.queues = 1};
	unsigned int sent = 0;
	struct pair p;
	size_t i;

	(void)state;
	NEEDS(guest_is_folio());
	pair_open(&p, ",ring_size=64,slot_size=256", "", &setup);
	for (i = 0; i < RTE_DIM(lens); i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(common_pool);

		assert_non_null(m);
		memset(m->buf_addr, SECRET, m->buf_len);
		memset(rte_pktmbuf_append(m, (uint16_t)lens[i]), FILL, lens[i]);
		send_one(p.guest, 0, m);
		rte_pktmbuf_free(receive_one(p.host, 0));
		sent += lens[i];
	}
	assert_true(count_shared(&p, FILL) >= sent);
	assert_int_equal(count_shared(&p, SECRET), 0);
	pair_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_room_in_front_of_a_fence, check_nothing_left),
		cmocka_unit_test_teardown(test_nothing_behind_a_packet_goes_out,
					  check_nothing_left),
	};

	return cmocka_run_group_tests_name("bytes", tests, eal_setup, eal_teardown);
}
