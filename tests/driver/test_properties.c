/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* What a port says of itself, and what it refuses to be configured as. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pair.h"

static void
test_info(void **state)
{
	struct rte_eth_dev_info info;
	uint32_t ptypes[4];
	struct pair p;

	(void)state;
	pair_open(&p, ",queues=3,ring_size=256", ",queues=8", NULL);
	assert_int_equal(rte_eth_dev_info_get(p.guest, &info), 0);
	assert_string_equal(info.driver_name, "net_folio");
	assert_int_equal(info.max_rx_queues, 3);
	assert_int_equal(info.max_tx_queues, 3);
	assert_int_equal(info.max_mac_addrs, 64);
	assert_true(info.max_mtu >= 9600);
	assert_int_equal(info.max_rx_pktlen - info.max_mtu, OVERHEAD);
	assert_int_equal(info.default_rxportconf.ring_size, 256);
	assert_true(info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
	assert_true(info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE);
	assert_true(info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER);
	assert_true(info.dev_capa & RTE_ETH_DEV_CAPA_RUNTIME_RX_QUEUE_SETUP);
	assert_true(*info.dev_flags & RTE_ETH_DEV_INTR_LSC);
	assert_int_equal(rte_eth_dev_info_get(p.host, &info), 0);
	assert_int_equal(info.max_rx_queues, 8);
	assert_int_equal(rte_eth_dev_get_supported_ptypes(p.guest, RTE_PTYPE_ALL_MASK, ptypes, 4),
			 1);
	assert_int_equal(ptypes[0], RTE_PTYPE_L2_ETHER);
	pair_close(&p);
}

static void
test_mtu(void **state)
{
	struct rte_eth_stats stats;
	struct rte_eth_dev_info info;
	struct rte_mbuf *m;
	struct pair p;
	uint16_t mtu;

	(void)state;
	pair_open(&p, ",ring_size=64,slot_size=256", "",
		  &(struct port_setup){.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER});
	assert_int_equal(rte_eth_dev_get_mtu(p.host, &mtu), 0);
	assert_int_equal(mtu, RTE_ETHER_MTU);
	exchange(&p, 0, 1500 + OVERHEAD, 1, 1);

	send_one(p.guest, 0, make_frame(common_pool, 1500 + OVERHEAD + 1, 1, 1));
	expect_silence(p.host, 0);
	assert_int_equal(rte_eth_stats_get(p.host, &stats), 0);
	assert_int_equal(stats.ierrors, 1);
	assert_int_equal(xstat(p.host, "rx_q0_oversize"), 1);

	assert_int_equal(rte_eth_dev_set_mtu(p.host, 9600), 0);
	assert_int_equal(rte_eth_dev_get_mtu(p.host, &mtu), 0);
	assert_int_equal(mtu, 9600);
	send_one(p.guest, 0, make_frame(common_pool, 9600 + OVERHEAD, 2, 8));
	m = receive_one(p.host, 0);
	check_frame(m, 9600 + OVERHEAD, 2);
	rte_pktmbuf_free(m);

	assert_int_equal(rte_eth_dev_info_get(p.guest, &info), 0);
	assert_true(info.max_mtu < UINT16_MAX);
	assert_int_not_equal(rte_eth_dev_set_mtu(p.guest, info.max_mtu + 1), 0);
	assert_int_equal(rte_eth_dev_set_mtu(p.guest, info.max_mtu), 0);

	/* What does not fit the rings is dropped and counted, and does not block the queue. */
	send_one(p.guest, 0, make_frame(common_pool, info.max_rx_pktlen + 1, 3, 16));
	send_one(p.guest, 0, make_frame(common_pool, 13, 3, 1));
	assert_int_equal(rte_eth_stats_get(p.guest, &stats), 0);
	assert_int_equal(stats.oerrors, 2);
	assert_int_equal(xstat(p.guest, "tx_q0_bad_length"), 2);
	exchange(&p, 0, 100, 4, 1);
	pair_close(&p);
}

static void
test_modes(void **state)
{
	const struct rte_ether_addr mac = {{2, 1, 2, 3, 4, 5}}, multicast = {{1, 0, 0, 0, 0, 1}};
	struct rte_eth_burst_mode mode;
	struct rte_ether_addr got;
	struct pair p;

	(void)state;
	pair_open(&p, ",mac=02:aa:bb:cc:dd:ee", "", NULL);
	assert_int_equal(rte_eth_macaddr_get(p.guest, &got), 0);
	assert_memory_equal(got.addr_bytes, "\x02\xaa\xbb\xcc\xdd\xee", 6);
	assert_int_equal(rte_eth_dev_default_mac_addr_set(
		p.guest, (struct rte_ether_addr *)(uintptr_t)&mac), 0);
	assert_int_equal(rte_eth_macaddr_get(p.guest, &got), 0);
	assert_memory_equal(&got, &mac, sizeof(mac));
	assert_int_not_equal(rte_eth_dev_default_mac_addr_set(
		p.guest, (struct rte_ether_addr *)(uintptr_t)&multicast), 0);
	assert_int_equal(rte_eth_macaddr_get(p.host, &got), 0);
	assert_true(rte_is_local_admin_ether_addr(&got));

	assert_int_equal(rte_eth_promiscuous_enable(p.guest), 0);
	assert_int_equal(rte_eth_promiscuous_get(p.guest), 1);
	assert_int_equal(rte_eth_promiscuous_disable(p.guest), 0);
	assert_int_equal(rte_eth_promiscuous_get(p.guest), 0);
	assert_int_equal(rte_eth_allmulticast_enable(p.guest), 0);
	assert_int_equal(rte_eth_allmulticast_get(p.guest), 1);
	assert_int_equal(rte_eth_allmulticast_disable(p.guest), 0);

	assert_int_equal(rte_eth_rx_burst_mode_get(p.guest, 0, &mode), 0);
	assert_non_null(strstr(mode.info, "copy"));
	assert_int_equal(rte_eth_tx_burst_mode_get(p.guest, 0, &mode), 0);
	assert_non_null(strstr(mode.info, "copy"));
	assert_int_equal(rte_eth_tx_done_cleanup(p.guest, 0, 0), 0);
	pair_close(&p);
}

static void
test_status(void **state)
{
	status_fn *get = status_function();
	struct folio_status st, part;
	struct pair p;

	(void)state;
	pair_open(&p, ",ring_size=512,slot_size=1024", "", NULL);
	assert_int_equal(get(p.guest, &st, sizeof(st)), 0);
	assert_int_equal(st.link, FOLIO_LINK_UP);
	assert_int_equal(st.ring_size, 512);
	assert_int_equal(st.slot_size, 1024);
	assert_int_equal(get(p.host, &st, sizeof(st)), 0);
	assert_int_equal(st.role, FOLIO_HOST);
	assert_int_equal(st.ring_size, 512);
	/* A program that knows of less, or of more. */
	memset(&part, 0x5a, sizeof(part));
	assert_int_equal(get(p.host, &part, offsetof(struct folio_status, ring_size)), 0);
	assert_int_equal(part.queues, 1);
	assert_int_equal(part.ring_size, 0x5a5a5a5a);
	assert_int_equal(get(77, &st, sizeof(st)), -ENODEV);
	assert_int_equal(get(p.host, NULL, 0), -EINVAL);
	pair_close(&p);
}

/* Each thing that ethdev lets through and the port cannot do. */
static void
test_refused_configurations(void **state)
{
	static const struct {
		struct rte_eth_conf conf;
		uint16_t queues;
		int ret;
		const char *says;
	} cases[] = {
		{{.intr_conf = {.rxq = 1}}, 1, -ENOTSUP, "intr_conf.rxq=0x1: allowed is 0"},
		{{.dcb_capability_en = RTE_ETH_DCB_PG_SUPPORT}, 1, -ENOTSUP,
		 "dcb_capability_en=0x1"},
		{{.rxmode = {.mq_mode = RTE_ETH_MQ_RX_DCB}}, 1, -ENOTSUP, "rxmode.mq_mode=0x2"},
		{{.rxmode = {.mq_mode = RTE_ETH_MQ_RX_VMDQ_ONLY}}, 1, -ENOTSUP,
		 "rxmode.mq_mode=0x4"},
		{{.rxmode = {.mq_mode = RTE_ETH_MQ_RX_VMDQ_DCB_RSS}}, 2, -ENOTSUP,
		 "allowed is RTE_ETH_MQ_RX_NONE"},
		{{.rxmode = {.mq_mode = RTE_ETH_MQ_RX_RSS}}, 2, 0, NULL},
		{{.rxmode = {.mq_mode = RTE_ETH_MQ_RX_RSS}}, 1, 0, NULL},
		{{.txmode = {.mq_mode = RTE_ETH_MQ_TX_DCB}}, 1, -ENOTSUP, "txmode.mq_mode=0x1"},
		{{.txmode = {.mq_mode = RTE_ETH_MQ_TX_VMDQ_ONLY}}, 1, -ENOTSUP,
		 "txmode.mq_mode=0x3"},
		{{.txmode = {.hw_vlan_reject_tagged = 1}}, 1, -ENOTSUP,
		 "hw_vlan_reject_tagged=0x1"},
		{{.txmode = {.hw_vlan_reject_untagged = 1}}, 1, -ENOTSUP,
		 "hw_vlan_reject_untagged=0x1"},
		{{.txmode = {.hw_vlan_insert_pvid = 1}}, 1, -ENOTSUP, "hw_vlan_insert_pvid=0x1"},
		{{.link_speeds = RTE_ETH_LINK_SPEED_FIXED | RTE_ETH_LINK_SPEED_10G}, 1, -ENOTSUP,
		 "speed=100G"},
		{{.link_speeds = RTE_ETH_LINK_SPEED_FIXED | RTE_ETH_LINK_SPEED_10G |
				 RTE_ETH_LINK_SPEED_100G}, 1, -ENOTSUP, "speed=100G"},
		{{.link_speeds = RTE_ETH_LINK_SPEED_10G}, 1, -ENOTSUP, "link_speeds=0x100"},
		{{.link_speeds = RTE_ETH_LINK_SPEED_FIXED | RTE_ETH_LINK_SPEED_100G}, 1, 0, NULL},
		{{.lpbk_mode = 1}, 1, 0, NULL}, /* this port is one that receives what it sends */
		{{.link_speeds = RTE_ETH_LINK_SPEED_10G | RTE_ETH_LINK_SPEED_100G}, 1, 0, NULL},
	};
	char *log = NULL;
	size_t len, i;
	uint16_t port;

	(void)state;
	assert_int_equal(attach("net_folio0", "loopback=1,queues=2", &port), 0);
	for (i = 0; i < RTE_DIM(cases); i++) {
		FILE *f = open_memstream(&log, &len);

		rte_openlog_stream(f);
		assert_int_equal(rte_eth_dev_configure(port, cases[i].queues, cases[i].queues,
						       &cases[i].conf), cases[i].ret);
		rte_openlog_stream(NULL);
		fclose(f);
		if (cases[i].says != NULL && strstr(log, cases[i].says) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", log, cases[i].says);
		free(log);
	}
	detach(port);
}

/* A port with a peer does not turn into one that receives what it sends. */
static void
test_no_loopback_mode(void **state)
{
	const struct rte_eth_conf conf = {.lpbk_mode = 1};
	struct pair p;

	(void)state;
	pair_open(&p, "", "", NULL);
	assert_int_equal(rte_eth_dev_stop(p.guest), 0);
	assert_int_equal(rte_eth_dev_configure(p.guest, 1, 1, &conf), -ENOTSUP);
	assert_int_equal(rte_eth_dev_configure(p.guest, 1, 1, &(struct rte_eth_conf){0}), 0);
	pair_close(&p);
}

/* A link that is down has no speed; one that is up has the one that the user names. */
static void
test_link_speed(void **state)
{
	static const struct {
		const char *arg;
		uint32_t mbps;
		uint32_t capa;
	} cases[] = {
		{"", RTE_ETH_SPEED_NUM_100G, RTE_ETH_LINK_SPEED_100G},
		{",speed=10G", RTE_ETH_SPEED_NUM_10G, RTE_ETH_LINK_SPEED_10G},
		{",speed=56G", RTE_ETH_SPEED_NUM_56G, RTE_ETH_LINK_SPEED_56G},
		{",speed=200G", RTE_ETH_SPEED_NUM_200G, RTE_ETH_LINK_SPEED_200G},
	};
	struct rte_eth_dev_info info;
	struct rte_eth_link link;
	char args[64];
	uint16_t port;
	size_t i;

	(void)state;
	for (i = 0; i < RTE_DIM(cases); i++) {
		snprintf(args, sizeof(args), "loopback=1%s", cases[i].arg);
		assert_int_equal(attach("net_folio0", args, &port), 0);
		configure(port, &(struct port_setup){0});
		assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
		assert_int_equal(info.speed_capa, cases[i].capa);
		assert_int_equal(rte_eth_link_get_nowait(port, &link), 0);
		assert_int_equal(link.link_status, RTE_ETH_LINK_DOWN);
		assert_int_equal(link.link_speed, RTE_ETH_SPEED_NUM_NONE);
		assert_int_equal(link.link_duplex, RTE_ETH_LINK_HALF_DUPLEX);
		start(port);
		wait_link(port, true);
		assert_int_equal(rte_eth_link_get_nowait(port, &link), 0);
		assert_int_equal(link.link_speed, cases[i].mbps);
		assert_int_equal(link.link_duplex, RTE_ETH_LINK_FULL_DUPLEX);
		detach(port);
	}
}

static void
test_dump(void **state)
{
	static const char *const says[] = {
		"folio ", "wire version", "DPDK", "role: host", "link: up",
		"queues=2 ring_size=512",
		"rx queue 0: started", "mempool common", "tx queue 1: started", "speed: 100G",
		"rx_bad_index: 0", "link_ups: 1",
	};
	const struct port_setup setup = {.queues = 2};
	char *text = NULL;
	size_t len, i;
	struct pair p;
	FILE *f;

	(void)state;
	pair_open(&p, ",queues=2,ring_size=512", ",queues=2", &setup);
	f = open_memstream(&text, &len);
	assert_int_equal(rte_eth_dev_priv_dump(p.host, f), 0);
	fclose(f);
	assert_non_null(strstr(text, p.path));
	for (i = 0; i < RTE_DIM(says); i++) {
		if (strstr(text, says[i]) == NULL)
			fail_msg("the dump does not say \"%s\": %s", says[i], text);
	}
	free(text);
	pair_close(&p);
}

struct watcher {
	status_fn *get;
	bool stop;
	uint64_t seen;
	uint64_t wrong;
};

static void *
watch_status(void *arg)
{
	struct watcher *w = arg;
	struct folio_status st;

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		if (w->get(0, &st, sizeof(st)) != 0)
			continue;
		w->wrong += st.role != FOLIO_GUEST;
		__atomic_store_n(&w->seen, w->seen + 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Telemetry's threads ask at any time: also while the port goes. */
static void
test_status_of_a_port_that_goes(void **state)
{
	struct watcher w = {.get = status_function()};
	struct folio_status st;
	pthread_t thread;
	uint16_t port;
	int i;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, watch_status, &w), 0);
	for (i = 0; i < 100 || __atomic_load_n(&w.seen, __ATOMIC_RELAXED) == 0; i++) {
		assert_int_equal(attach("net_folio0", "loopback=1,ring_size=64", &port), 0);
		assert_int_equal(port, 0);
		usleep(100);
		detach(port);
	}
	__atomic_store_n(&w.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_int_equal(w.wrong, 0);

	/* Nothing of it is left: another driver's port of the same number is not taken for it. */
	assert_int_equal(attach("net_null0", "", &port), 0);
	assert_int_equal(port, 0);
	assert_int_equal(w.get(port, &st, sizeof(st)), -ENOTSUP);
	detach(port);
	assert_int_equal(w.get(port, &st, sizeof(st)), -ENODEV);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_info),
		TEST(test_mtu),
		TEST(test_modes),
		TEST(test_status),
		TEST(test_refused_configurations),
		TEST(test_no_loopback_mode),
		TEST(test_link_speed),
		TEST(test_dump),
		TEST(test_status_of_a_port_that_goes),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
