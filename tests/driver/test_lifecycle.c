/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Starting, stopping, attaching and detaching, in any order and under traffic. */

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_malloc.h>

#include "pair.h"

static int
count_event(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	(void)port;
	(void)type;
	(void)ret;
	__atomic_fetch_add((int *)arg, 1, __ATOMIC_RELAXED);
	return 0;
}

static void
wait_events(int *events, int n)
{
	unsigned int i;

	for (i = 0; i < WAIT_STEPS && __atomic_load_n(events, __ATOMIC_RELAXED) < n; i++)
		usleep(1000);
	assert_int_equal(__atomic_load_n(events, __ATOMIC_RELAXED), n);
}

static void
test_link_events(void **state)
{
	const struct port_setup setup = {.lsc = true};
	static int events;
	struct pair p;

	(void)state;
	events = 0;
	pair_open(&p, "", "", &setup);
	assert_int_equal(rte_eth_dev_callback_register(p.guest, RTE_ETH_EVENT_INTR_LSC,
						       count_event, &events), 0);
	assert_int_equal(rte_eth_dev_stop(p.host), 0);
	wait_link(p.host, false);
	wait_link(p.guest, false);
	wait_events(&events, 1);
	start(p.host);
	wait_link(p.guest, true);
	wait_link(p.host, true);
	wait_events(&events, 2);
	exchange(&p, 0, 64, 1, 1);
	assert_int_equal(rte_eth_dev_set_link_down(p.host), 0);
	wait_link(p.guest, false);
	assert_int_equal(rte_eth_dev_set_link_up(p.host), 0);
	wait_link(p.guest, true);
	wait_link(p.host, true);
	exchange(&p, 0, 64, 1, 1);
	assert_int_equal(rte_eth_dev_callback_unregister(p.guest, RTE_ETH_EVENT_INTR_LSC,
							 count_event, &events), 0);
	pair_close(&p);
}

/* Start succeeds without a peer; either side comes first, goes away, comes back. */
static void
test_start_order(void **state)
{
	struct rte_eth_link link;
	char args[256];
	struct pair p;
	struct rte_mbuf *m;
	int round;

	(void)state;
	for (round = 0; round < 4; round++) {
		bool host_first = round & 1;

		region_path(p.path, sizeof(p.path));
		snprintf(args, sizeof(args), "role=%s,path=%s", host_first ? "host" : "guest",
			 p.path);
		assert_int_equal(attach("net_folio0", args, host_first ? &p.host : &p.guest), 0);
		configure(host_first ? p.host : p.guest, &(struct port_setup){0});
		start(host_first ? p.host : p.guest);
		assert_int_equal(rte_eth_link_get_nowait(host_first ? p.host : p.guest, &link), 0);
		assert_int_equal(link.link_status, RTE_ETH_LINK_DOWN);
		m = make_frame(common_pool, 64, 1, 1);
		assert_int_equal(rte_eth_tx_burst(host_first ? p.host : p.guest, 0, &m, 1), 0);
		rte_pktmbuf_free(m);
		snprintf(args, sizeof(args), "role=%s,path=%s", host_first ? "guest" : "host",
			 p.path);
		assert_int_equal(attach("net_folio1", args, host_first ? &p.guest : &p.host), 0);
		configure(host_first ? p.guest : p.host, &(struct port_setup){0});
		start(host_first ? p.guest : p.host);
		wait_link(p.guest, true);
		wait_link(p.host, true);
		exchange(&p, 0, 64, 1, 1);
		/* Both orders of leaving. */
		if (round & 2) {
			detach(p.host);
			wait_link(p.guest, false);
			detach(p.guest);
		} else {
			detach(p.guest);
			wait_link(p.host, false);
			detach(p.host);
		}
	}
}

/* What Open vSwitch does: stop, configure anew with other queues, start. */
static void
test_reconfigure(void **state)
{
	struct pair p;
	int i;

	(void)state;
	pair_open(&p, ",queues=4", ",queues=4", NULL);
	for (i = 1; i <= 4; i++) {
		const struct port_setup setup = {
			.queues = i, .mtu = 1500 + i * 1000,
			.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};

		assert_int_equal(rte_eth_dev_stop(p.host), 0);
		configure(p.host, &setup);
		start(p.host);
		assert_int_equal(rte_eth_dev_stop(p.guest), 0);
		configure(p.guest, &setup);
		start(p.guest);
		wait_link(p.guest, true);
		wait_link(p.host, true);
		exchange(&p, i - 1, 1500 + i * 1000, i, 4);
	}
	pair_close(&p);
}

static void
test_loopback(void **state)
{
	const struct port_setup setup = {.queues = 2, .mtu = 9000,
					 .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	struct rte_mbuf *m;
	uint16_t port, q;
	uint32_t len;

	(void)state;
	assert_int_equal(attach("net_folio0", "loopback=1,queues=2", &port), 0);
	configure(port, &setup);
	start(port);
	wait_link(port, true);
	for (q = 0; q < 2; q++) {
		for (len = 14; len < 9000; len += 111) {
			send_one(port, q, make_frame(common_pool, len, len, 1 + len / 2000));
			m = receive_one(port, q);
			check_frame(m, len, len);
			rte_pktmbuf_free(m);
		}
	}
	detach(port);
}

static unsigned int
open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static size_t
heap_in_use(void)
{
	struct rte_malloc_socket_stats stats;

	assert_int_equal(rte_malloc_get_socket_stats(0, &stats), 0);
	return stats.heap_allocsz_bytes;
}

/* Plug and unplug, with traffic between: no file, descriptor or memory stays. */
static void
test_hotplug(void **state)
{
	unsigned int files = 0;
	size_t heap = 0;
	struct pair p;
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		pair_open(&p, "", "", NULL);
		exchange(&p, 0, 1000, i, 1);
		pair_close(&p);
		/* The first round also pays for what EAL keeps for ever. */
		if (i == 0) {
			files = open_files();
			heap = heap_in_use();
		}
	}
	assert_int_equal(open_files(), files);
	assert_int_equal(heap_in_use(), heap);
}

static void
test_several_pairs(void **state)
{
	char a[128], b[128], args[256];
	struct pair p, q;

	(void)state;
	region_path(a, sizeof(a));
	region_path(b, sizeof(b));
	snprintf(args, sizeof(args), "role=guest,path=%s", a);
	assert_int_equal(attach("net_folio0", args, &p.guest), 0);
	snprintf(args, sizeof(args), "role=host,path=%s", a);
	assert_int_equal(attach("net_folio1", args, &p.host), 0);
	snprintf(args, sizeof(args), "role=guest,path=%s", b);
	assert_int_equal(attach("net_folio2", args, &q.guest), 0);
	snprintf(args, sizeof(args), "role=host,path=%s", b);
	assert_int_equal(attach("net_folio3", args, &q.host), 0);
	configure(p.guest, &(struct port_setup){0});
	configure(p.host, &(struct port_setup){0});
	configure(q.guest, &(struct port_setup){0});
	configure(q.host, &(struct port_setup){0});
	start(p.guest);
	start(q.guest);
	start(p.host);
	start(q.host);
	wait_link(p.guest, true);
	wait_link(p.host, true);
	wait_link(q.guest, true);
	wait_link(q.host, true);
	exchange(&p, 0, 64, 1, 1);
	exchange(&q, 0, 64, 2, 1);
	pair_close(&p);
	exchange(&q, 0, 64, 3, 1);
	pair_close(&q);
}

/* Ports are stopped, started and closed while other threads poll them, as applications do. */
struct poller {
	uint16_t port;
	int stop;
	uint64_t received;
};

/* Wait until the other thread has received something new. */
static void
wait_traffic(struct poller *p)
{
	uint64_t before = __atomic_load_n(&p->received, __ATOMIC_RELAXED);
	unsigned int i;

	for (i = 0; i < WAIT_STEPS; i++) {
		if (__atomic_load_n(&p->received, __ATOMIC_RELAXED) > before)
			return;
		usleep(1000);
	}
	fail_msg("port %u receives nothing any more", p->port);
}

static void *
poll_port(void *arg)
{
	struct poller *p = arg;
	struct rte_mbuf *m[32];
	uint16_t n, sent;

	while (!__atomic_load_n(&p->stop, __ATOMIC_RELAXED)) {
		n = rte_eth_rx_burst(p->port, 0, m, 32);
		rte_pktmbuf_free_bulk(m, n);
		__atomic_fetch_add(&p->received, n, __ATOMIC_RELAXED);
		if (rte_pktmbuf_alloc_bulk(common_pool, m, 8) != 0)
			continue;
		for (n = 0; n < 8; n++)
			rte_pktmbuf_append(m[n], 100);
		sent = rte_eth_tx_burst(p->port, 0, m, 8);
		rte_pktmbuf_free_bulk(&m[sent], 8 - sent);
	}
	return NULL;
}

static void
test_restart_under_traffic(void **state)
{
	struct poller g = {0}, h = {0};
	pthread_t tg, th;
	struct pair p;
	int i;

	(void)state;
	pair_open(&p, "", "", NULL);
	g.port = p.guest;
	h.port = p.host;
	assert_int_equal(pthread_create(&tg, NULL, poll_port, &g), 0);
	assert_int_equal(pthread_create(&th, NULL, poll_port, &h), 0);
	for (i = 0; i < 20; i++) {
		uint16_t port = i & 1 ? p.guest : p.host;

		/* The link, not the port: ethdev forbids bursts on a stopped port. */
		assert_int_equal(rte_eth_dev_set_link_down(port), 0);
		assert_int_equal(rte_eth_dev_set_link_up(port), 0);
		wait_link(p.guest, true);
		wait_link(p.host, true);
		wait_traffic(&g);
		wait_traffic(&h);
	}
	__atomic_store_n(&g.stop, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&h.stop, 1, __ATOMIC_RELAXED);
	pthread_join(tg, NULL);
	pthread_join(th, NULL);
	for (i = 0; i < 2; i++) {
		uint16_t port = i ? p.guest : p.host;

		assert_int_equal(xstat(port, "violation_rx_bad_index"), 0);
		assert_int_equal(xstat(port, "violation_tx_bad_index"), 0);
		assert_int_equal(xstat(port, "violation_rx_bad_length"), 0);
		assert_int_equal(xstat(port, "violation_rx_bad_flags"), 0);
	}
	pair_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_link_events),
		TEST(test_start_order),
		TEST(test_reconfigure),
		TEST(test_loopback),
		TEST(test_hotplug),
		TEST(test_several_pairs),
		TEST(test_restart_under_traffic),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
