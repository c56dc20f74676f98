/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Statistics: what is counted, and that nothing but a reset takes it back. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <folio_wire.h>

#include "pair.h"

static void
test_stats(void **state)
{
	struct rte_eth_stats stats;
	struct pair p;
	int i;

	(void)state;
	NEEDS(guest_is_folio());
	pair_open(&p, "", "", NULL);
	for (i = 0; i < 10; i++)
		exchange(&p, 0, 100, i, 1);
	assert_int_equal(rte_eth_stats_get(p.guest, &stats), 0);
	assert_int_equal(stats.ipackets, 10);
	assert_int_equal(stats.ibytes, 1000);
	assert_int_equal(stats.opackets, 10);
	assert_int_equal(stats.obytes, 1000);
	assert_int_equal(queue_packets(p.guest, 0), 10);
	assert_int_equal(xstat(p.guest, "rx_q0_bytes"), 1000);
	assert_int_equal(xstat(p.guest, "tx_q0_packets"), 10);
	assert_int_equal(xstat(p.guest, "link_ups"), 1);
	assert_int_equal(rte_eth_stats_reset(p.guest), 0);
	assert_int_equal(rte_eth_stats_get(p.guest, &stats), 0);
	assert_int_equal(stats.ipackets + stats.opackets + stats.ibytes + stats.obytes, 0);
	exchange(&p, 0, 100, 1, 1);
	assert_int_equal(xstat(p.guest, "rx_q0_packets"), 1);
	assert_int_equal(rte_eth_xstats_reset(p.guest), 0);
	assert_int_equal(xstat(p.guest, "rx_q0_packets"), 0);
	assert_int_equal(xstat(p.guest, "link_ups"), 0);
	pair_close(&p);
}

/* The peer breaks framing in the middle of a burst: what was taken is counted. */
static void
test_lost(void **state)
{
	struct rte_eth_stats stats;
	struct rte_mbuf *m[32];
	struct folio_wire_index *index;
	struct stat st;
	struct pair p;
	uint16_t sent;
	uint8_t *mem;
	int fd;

	(void)state;
	NEEDS(is_native());
	pair_open_with_old_news(&p, m);
	fd = open(p.path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	mem = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(mem, MAP_FAILED);
	close(fd);
	index = (struct folio_wire_index *)(mem + st.st_size / 2 + 4096); /* behind the header */
	__atomic_store_n(&index->consumed.raw, 1u << 30, __ATOMIC_RELAXED);
	sent = rte_eth_tx_burst(p.guest, 0, m, 32);
	rte_pktmbuf_free_bulk(&m[sent], 32 - sent);
	assert_in_range(sent, 1, 31);
	assert_int_equal(xstat(p.guest, "tx_q0_lost"), sent);
	assert_int_equal(xstat(p.guest, "tx_q0_packets"), 16);
	assert_int_equal(xstat(p.guest, "violation_tx_bad_index"), 1);
	assert_int_equal(rte_eth_stats_get(p.guest, &stats), 0);
	assert_int_equal(stats.oerrors, sent);
	assert_int_equal(stats.opackets, 16);
	munmap(mem, st.st_size);
	pair_close(&p);
}

/* The peer writes nonsense: named counters, and traffic after it behaves again. */
static void
test_violations(void **state)
{
	static const struct {
		uint64_t desc;
		const char *counter;
	} cases[] = {
		{0, "violation_rx_bad_length"},
		{13, "violation_rx_bad_length"},
		{65537, "violation_rx_bad_length"},
		{UINT32_MAX, "violation_rx_bad_length"},
		{64 | UINT64_C(1) << 32, "violation_rx_bad_flags"},
		{64 | UINT64_C(1) << 63, "violation_rx_bad_flags"},
		{60000, "violation_rx_bad_chain"},
	};
	const size_t desc_off = 4096 + 4096; /* one queue: behind header and index page */
	struct pair p;
	uint8_t *guest_area;
	size_t i;
	int fd;

	(void)state;
	NEEDS(is_native());
	pair_open(&p, "", "", NULL);
	fd = open(p.path, O_RDWR);
	assert_true(fd >= 0);
	guest_area = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(guest_area, MAP_FAILED);
	for (i = 0; i < RTE_DIM(cases); i++) {
		volatile uint64_t *desc = (uint64_t *)(guest_area + desc_off);
		uint64_t before = xstat(p.host, cases[i].counter);

		/* A new session starts at slot 0. */
		assert_int_equal(rte_eth_dev_stop(p.guest), 0);
		wait_link(p.host, false);
		start(p.guest);
		wait_link(p.guest, true);
		wait_link(p.host, true);
		send_one(p.guest, 0, make_frame(common_pool, 64, 1, 1));
		*desc = cases[i].desc;
		expect_silence(p.host, 0);
		assert_int_equal(xstat(p.host, cases[i].counter), before + 1);
	}
	/* The last one lost framing: both find to a new session without a restart. */
	while (xstat(p.host, "renegotiations") == 0)
		usleep(1000);
	wait_link(p.guest, true);
	wait_link(p.host, true);
	while (xstat(p.guest, "link_ups") != xstat(p.host, "link_ups"))
		usleep(1000);
	exchange(&p, 0, 64, 1, 1);
	munmap(guest_area, 1 << 20);
	close(fd);
	pair_close(&p);
}

static void
expect_counts(const struct pair *p, uint64_t each)
{
	struct rte_eth_stats stats;

	assert_int_equal(rte_eth_stats_get(p->guest, &stats), 0);
	assert_int_equal(stats.ipackets, each);
	assert_int_equal(stats.opackets, each);
	assert_int_equal(stats.ibytes, each * 100);
	assert_int_equal(stats.obytes, each * 100);
}

/*
 * Only a reset makes counters fall: not a stop, not other queues, not queues that are set up anew.
 */
static void
test_stats_stay(void **state)
{
	const struct port_setup two = {.queues = 2}, one = {.queues = 1};
	struct pair p;

	(void)state;
	NEEDS(guest_is_folio());
	pair_open(&p, ",queues=2", ",queues=2", &two);
	exchange(&p, 0, 100, 1, 1);
	exchange(&p, 1, 100, 2, 1);
	exchange(&p, 1, 100, 3, 1);
	expect_counts(&p, 3);

	/* testpmd: port stop, port config all rxd 256, port start */
	assert_int_equal(rte_eth_dev_stop(p.guest), 0);
	configure(p.guest, &two);
	start(p.guest);
	expect_counts(&p, 3);
	assert_int_equal(xstat(p.guest, "rx_q1_packets"), 2);
	assert_int_equal(xstat(p.guest, "tx_q1_packets"), 2);
	wait_link(p.guest, true);
	wait_link(p.host, true);
	exchange(&p, 1, 100, 4, 1);
	expect_counts(&p, 4);

	/* At run time. */
	assert_int_equal(rte_eth_dev_rx_queue_stop(p.guest, 1), 0);
	assert_int_equal(rte_eth_rx_queue_setup(p.guest, 1, 256, 0, NULL, common_pool), 0);
	assert_int_equal(rte_eth_dev_rx_queue_start(p.guest, 1), 0);
	exchange(&p, 1, 100, 5, 1);
	expect_counts(&p, 5);
	assert_int_equal(xstat(p.guest, "rx_q1_packets"), 4);

	/* A queue that is there no more keeps its part of the sum. */
	assert_int_equal(rte_eth_dev_stop(p.guest), 0);
	configure(p.guest, &one);
	start(p.guest);
	expect_counts(&p, 5);
	assert_int_equal(rte_eth_stats_reset(p.guest), 0);
	expect_counts(&p, 0);
	assert_int_equal(rte_eth_dev_stop(p.guest), 0);
	configure(p.guest, &two);
	start(p.guest);
	expect_counts(&p, 0);
	wait_link(p.guest, true);
	wait_link(p.host, true);
	exchange(&p, 1, 100, 6, 1);
	expect_counts(&p, 1);
	pair_close(&p);
}

/* More queues on one way than on the other, and more than rte_eth_stats has room for. */
static void
test_stats_of_uneven_queues(void **state)
{
	static const struct {
		uint16_t rx;
		uint16_t tx;
	} cases[] = {{1, 4}, {4, 1}, {20, 20}, {20, 1}, {1, 20}};
	const struct rte_eth_conf conf = {0};
	struct rte_eth_stats stats;
	struct rte_mbuf *m;
	char name[32];
	uint16_t port, q;
	size_t i;

	(void)state;
	NEEDS(is_native());
	for (i = 0; i < RTE_DIM(cases); i++) {
		uint16_t both = RTE_MIN(cases[i].rx, cases[i].tx);

		assert_int_equal(attach("net_folio0", "loopback=1,queues=20,ring_size=64", &port),
				 0);
		assert_int_equal(rte_eth_dev_configure(port, cases[i].rx, cases[i].tx, &conf), 0);
		for (q = 0; q < cases[i].rx; q++)
			assert_int_equal(rte_eth_rx_queue_setup(port, q, 0, 0, NULL, common_pool),
					 0);
		for (q = 0; q < cases[i].tx; q++)
			assert_int_equal(rte_eth_tx_queue_setup(port, q, 0, 0, NULL), 0);
		start(port);
		for (q = 0; q < cases[i].tx; q++)
			send_one(port, q, make_frame(common_pool, 100, q, 1));
		for (q = 0; q < both; q++) {
			m = receive_one(port, q);
			check_frame(m, 100, q);
			rte_pktmbuf_free(m);
		}
		assert_int_equal(rte_eth_stats_get(port, &stats), 0);
		assert_int_equal(stats.opackets, cases[i].tx);
		assert_int_equal(stats.ipackets, both);
		snprintf(name, sizeof(name), "tx_q%u_bytes", cases[i].tx - 1);
		assert_int_equal(xstat(port, name), 100);
		snprintf(name, sizeof(name), "rx_q%u_packets", cases[i].rx - 1);
		assert_int_equal(xstat(port, name), both == cases[i].rx);
		assert_int_equal(queue_packets(port, 0), 1);
		assert_int_equal(rte_eth_stats_reset(port), 0);
		assert_int_equal(rte_eth_stats_get(port, &stats), 0);
		assert_int_equal(stats.opackets + stats.ipackets, 0);
		detach(port);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_stats),
		TEST(test_lost),
		TEST(test_violations),
		TEST(test_stats_stay),
		TEST(test_stats_of_uneven_queues),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
