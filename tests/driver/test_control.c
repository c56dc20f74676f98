/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* What the control thread of a port tells the application, and what the application does then. */

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <folio_wire.h>
#include <rte_pmd_folio.h>

#include "pair.h"

#define BURST 32

static struct {
	int events;
	int odd; /* events that told what was told already */
	bool up;
	enum { ONLY_COUNT, STOP, CLOSE } then;
} heard;

static int
on_event(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	struct rte_eth_link link;

	(void)type;
	(void)arg;
	(void)ret;
	assert_int_equal(rte_eth_link_get_nowait(port, &link), 0);
	heard.odd += (link.link_status == RTE_ETH_LINK_UP) == heard.up;
	heard.up = link.link_status == RTE_ETH_LINK_UP;
	if (heard.then != ONLY_COUNT)
		assert_int_equal(rte_eth_dev_stop(port), 0);
	if (heard.then == CLOSE)
		assert_int_equal(rte_eth_dev_close(port), 0);
	__atomic_fetch_add(&heard.events, 1, __ATOMIC_RELEASE);
	return 0;
}

static void
wait_events(int n)
{
	unsigned int i;

	for (i = 0; i < WAIT_STEPS && __atomic_load_n(&heard.events, __ATOMIC_ACQUIRE) < n; i++)
		usleep(1000);
	assert_int_equal(__atomic_load_n(&heard.events, __ATOMIC_ACQUIRE), n);
}

static void
listen_to(uint16_t port)
{
	memset(&heard, 0, sizeof(heard));
	heard.up = true;
	assert_int_equal(
		rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_LSC, on_event, NULL), 0);
}

/* Every change, one's own stops and starts too, once. */
static void
test_own_changes_are_told(void **state)
{
	const struct port_setup setup = {.lsc = true};
	struct pair p;
	int i;

	(void)state;
	NEEDS(guest_is_folio());
	pair_open(&p, "", "", &setup);
	listen_to(p.guest);
	for (i = 0; i < 4; i++) {
		assert_int_equal(i % 2 == 0 ? rte_eth_dev_stop(p.guest)
					    : rte_eth_dev_set_link_down(p.guest), 0);
		wait_events(2 * i + 1);
		assert_false(heard.up);
		if (i % 2 == 0)
			start(p.guest);
		else
			assert_int_equal(rte_eth_dev_set_link_up(p.guest), 0);
		wait_link(p.guest, true);
		wait_events(2 * i + 2);
		assert_true(heard.up);
	}
	assert_int_equal(heard.odd, 0);
	rte_eth_dev_callback_unregister(p.guest, RTE_ETH_EVENT_INTR_LSC, on_event, NULL);
	wait_link(p.host, true);
	pair_close(&p);
}

/* The application stops the port from the callback, then closes it there. */
static void
test_stopped_and_closed_from_the_callback(void **state)
{
	const struct port_setup setup = {.lsc = true};
	struct pair p;

	(void)state;
	NEEDS(is_native());
	pair_open(&p, "", "", &setup);
	listen_to(p.guest);
	heard.then = STOP;
	assert_int_equal(rte_eth_dev_stop(p.host), 0);
	wait_events(1);
	start(p.host);
	heard.then = ONLY_COUNT;
	start(p.guest);
	wait_link(p.guest, true);
	wait_events(2);
	heard.then = CLOSE;
	assert_int_equal(rte_eth_dev_stop(p.host), 0);
	wait_events(3);
	assert_false(rte_eth_dev_is_valid_port(p.guest));
	assert_int_equal(rte_eal_hotplug_remove("vdev", "net_folio0"), 0);
	detach(p.host);
}

/*
 * L13, with mbufs: the peer's generation changes under a burst. Nothing is delivered, no mbuf is
 * lost, and the peer is not accused; the control thread may be quicker, and close the port's gates.
 */
static void
end_sessions_under_bursts(const struct port_setup *setup)
{
	struct rte_mbuf *pkts[BURST];
	struct folio_wire_header *h;
	struct pair p;
	unsigned int i, seen = 0;
	uint64_t real;
	int fd, round;

	pair_open(&p, "", "", setup);
	fd = open(p.path, O_RDWR);
	assert_true(fd >= 0);
	h = mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(h, MAP_FAILED);
	close(fd);
	for (round = 0; round < 20; round++) {
		wait_link(p.guest, true);
		wait_link(p.host, true);
		for (i = 0; i < 8; i++)
			send_one(p.guest, 0,
				 make_frame(common_pool, i < 4 ? 60 : 9000, i, 1 + i / 4 * 5));
		real = h->generation.raw;
		__atomic_store_n(&h->generation.raw, real ^ 1, __ATOMIC_SEQ_CST);
		assert_int_equal(rte_eth_rx_burst(p.host, 0, pkts, BURST), 0);
		seen += xstat(p.host, "ended_bursts") > seen;
		/*
		 * The guest says it again at its next tick: the host has begun anew all the same.
		 */
		while ((i = rte_eth_rx_burst(p.host, 0, pkts, BURST)) > 0)
			rte_pktmbuf_free_bulk(pkts, i);
	}
	assert_true(seen > 0);
	munmap(h, sizeof(*h));
	wait_link(p.guest, true);
	wait_link(p.host, true);
	pair_close(&p);
}

static void
test_L13_burst_of_an_ended_session(void **state)
{
	(void)state;
	NEEDS(is_native());
	end_sessions_under_bursts(NULL);
}

/* The same with a pool that has mbufs for a part of the burst only. */
static void
test_L13_starved_burst_of_an_ended_session(void **state)
{
	enum { MBUFS = 63, LEFT = 3 };
	struct rte_mbuf *held[MBUFS - LEFT];
	struct port_setup setup = {
		.pool = rte_pktmbuf_pool_create("starved", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
						SOCKET_ID_ANY),
	};

	(void)state;
	NEEDS(is_native());
	assert_non_null(setup.pool);
	assert_int_equal(rte_pktmbuf_alloc_bulk(setup.pool, held, RTE_DIM(held)), 0);
	end_sessions_under_bursts(&setup);
	assert_int_equal(rte_mempool_avail_count(setup.pool), LEFT);
	rte_pktmbuf_free_bulk(held, RTE_DIM(held));
	rte_mempool_free(setup.pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_own_changes_are_told),
		TEST(test_stopped_and_closed_from_the_callback),
		TEST(test_L13_burst_of_an_ended_session),
		TEST(test_L13_starved_burst_of_an_ended_session),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
