/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* A port on a virtio device: frames of every kind, queues, and what it says of itself. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "echo.h"

#define MAX_FRAME 9728u

/* What devices differ in, and whether they take frames that need several buffers. */
static const struct {
	uint64_t lacks;
	uint64_t lacks_of_protocol;
	const char *args;
} devices[] = {
	{0, 0, ""},
	{0, 0, ",packed=0"},
	{BIT(VIRTIO_F_RING_PACKED), 0, ""},
	{BIT(VIRTIO_F_IN_ORDER), 0, ""},
	{BIT(VIRTIO_F_IN_ORDER), 0, ",packed=0"},
	{0, BIT(3), ""},
	{0, BIT(3), ",packed=0"},
};

static struct backend_config
lacking(uint64_t features, uint64_t protocol)
{
	struct backend_config cfg = echo_honest;

	cfg.features &= ~features;
	cfg.protocol &= ~protocol;
	return cfg;
}

static void
expect_no_violation(uint16_t port)
{
	static const char *const names[] = {
		"violation_rx_bad_index", "violation_rx_bad_id", "violation_rx_bad_length",
		"violation_rx_bad_chain", "violation_tx_bad_index", "violation_tx_bad_id",
		"violation_bad_offers", "resets", "stalls",
	};
	size_t i;

	for (i = 0; i < RTE_DIM(names); i++)
		assert_int_equal(xstat(port, names[i]), 0);
}

/* Every device, every queue, every length from one buffer to many, chains of mbufs or not. */
static void
test_devices(void **state)
{
	static const uint32_t lens[] = {14, 60, 64, 127, 1518, 2047, 2048, 2049, 2060, 4108, 4109,
					9000, 9022};
	const struct port_setup setup = {.queues = 4, .mtu = 9000,
					 .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	struct echo e = {0};
	size_t d, i;

	(void)state;
	for (d = 0; d < RTE_DIM(devices); d++) {
		const struct backend_config cfg = lacking(devices[d].lacks,
							  devices[d].lacks_of_protocol);
		char args[64];
		uint16_t port, q;

		echo_open(&e, &cfg);
		snprintf(args, sizeof(args), ",queues=4,ring_size=256%s", devices[d].args);
		port = echo_port(&e, args, &setup);
		for (i = 0; i < RTE_DIM(lens); i++) {
			for (q = 0; q < 4; q++) {
				echo_one(port, q, lens[i], lens[i] + q, 1 + lens[i] / 2000);
				expect_silence(port, (q + 1) % 4);
			}
		}
		expect_no_violation(port);
		detach(port);
		assert_null(backend_error(e.b));
		echo_close(&e);
	}
}

/* A device that cannot spread a frame over buffers serves all frames that fit one. */
static void
test_one_buffer_a_frame(void **state)
{
	const struct backend_config cfg = lacking(BIT(VIRTIO_NET_F_MRG_RXBUF), 0);
	const struct port_setup setup = {.mtu = 9000, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	struct folio_status st;
	struct echo e = {0};
	unsigned int i;
	uint16_t port;

	(void)state;
	echo_open(&e, &cfg);
	port = echo_port(&e, "", &(struct port_setup){.mtu = 2048 - OVERHEAD});
	echo_one(port, 0, 2048, 1, 1);
	detach(port);

	/* 9022 bytes do when a buffer has room for them. */
	port = echo_port(&e, ",ring_size=64,slot_size=9088", &setup);
	echo_one(port, 0, 9022, 2, 5);
	detach(port);

	/* Else the port says for what it waits. */
	port = echo_attach(&e, "");
	configure(port, &setup);
	start(port);
	for (i = 0; i < WAIT_STEPS; i++) {
		assert_int_equal(status_function()(port, &st, sizeof(st)), 0);
		if (strstr(st.detail, "bit 15 is missing") != NULL)
			break;
		rte_delay_us_sleep(1000);
	}
	assert_non_null(strstr(st.detail, "bit 15 is missing"));
	assert_int_equal(st.link, FOLIO_LINK_NO_PEER);
	detach(port);
	echo_close(&e);
}

/* Around the ring again and again, in bursts that do not divide it. */
static void
test_bursts(void **state)
{
	static const uint16_t sizes[] = {1, 2, 31, 32, 33, 63, 64, 65, 127, 128};
	static const char *const args[] = {",ring_size=128", ",ring_size=128,packed=0"};
	struct echo e = {0};
	uint16_t port;
	size_t a, i;
	int round;

	(void)state;
	echo_open(&e, &echo_honest);
	for (a = 0; a < RTE_DIM(args); a++) {
		port = echo_port(&e, args[a], NULL);
		for (round = 0; round < 5; round++) {
			for (i = 0; i < RTE_DIM(sizes); i++)
				echo_burst(port, 0, sizes[i]);
		}
		expect_no_violation(port);
		detach(port);
	}
	echo_close(&e);
}

/* A burst that asks for more than there is keeps no mbuf. */
static void
test_burst_beyond_what_is_there(void **state)
{
	static const char *const args[] = {",ring_size=128", ",ring_size=128,packed=0"};
	unsigned int before = rte_mempool_in_use_count(common_pool);
	struct rte_mbuf *m[32];
	struct echo e = {0};
	uint16_t port;
	size_t a;
	int i;

	(void)state;
	echo_open(&e, &echo_honest);
	for (a = 0; a < RTE_DIM(args); a++) {
		port = echo_port(&e, args[a], NULL);
		for (i = 0; i < 3; i++)
			send_one(port, 0, make_frame(common_pool, 64, i, 1));
		while (rte_eth_rx_queue_count(port, 0) < 3)
			rte_delay_us_sleep(100);
		assert_int_equal(rte_eth_rx_burst(port, 0, m, RTE_DIM(m)), 3);
		assert_int_equal(rte_mempool_in_use_count(common_pool), before + 3);
		rte_pktmbuf_free_bulk(m, 3);
		detach(port);
	}
	echo_close(&e);
}

/* Queues that wait to be started, are stopped, and are set up again, while others go on. */
static void
test_queue_start_stop(void **state)
{
	const struct port_setup setup = {.queues = 2, .deferred = true};
	struct rte_eth_rxq_info info;
	struct echo e = {0};
	struct rte_mbuf *m;
	uint16_t port;

	(void)state;
	echo_open(&e, &echo_honest);
	port = echo_port(&e, ",queues=2", &setup);
	m = make_frame(common_pool, 64, 1, 1);
	assert_int_equal(rte_eth_tx_burst(port, 0, &m, 1), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(port, 0), 0);
	send_one(port, 0, m);
	while (rte_eth_rx_queue_count(port, 0) == 0)
		rte_delay_us_sleep(100);
	expect_silence(port, 0);
	assert_int_equal(rte_eth_dev_rx_queue_start(port, 0), 0);
	m = receive_one(port, 0);
	check_frame(m, 64, 1);
	rte_pktmbuf_free(m);

	assert_int_equal(rte_eth_dev_rx_queue_start(port, 1), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(port, 1), 0);
	echo_one(port, 1, 500, 2, 1);
	assert_int_equal(rte_eth_dev_rx_queue_stop(port, 0), 0);
	send_one(port, 0, make_frame(common_pool, 65, 3, 1));
	echo_one(port, 1, 500, 4, 1);
	expect_silence(port, 0);
	assert_int_equal(rte_eth_rx_queue_setup(port, 0, 512, 0, NULL, common_pool), 0);
	assert_int_equal(rte_eth_rx_queue_info_get(port, 0, &info), 0);
	assert_int_equal(info.nb_desc, 1024);
	assert_int_equal(rte_eth_dev_rx_queue_start(port, 0), 0);
	m = receive_one(port, 0);
	check_frame(m, 65, 3);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_eth_dev_tx_queue_stop(port, 0), 0);
	m = make_frame(common_pool, 64, 1, 1);
	assert_int_equal(rte_eth_tx_burst(port, 0, &m, 1), 0);
	rte_pktmbuf_free(m);
	assert_int_equal(xstat(port, "rx_q0_packets"), 2);
	detach(port);
	echo_close(&e);
}

/* A port has more queues than the device: those have no rings. */
static void
test_uneven_queues(void **state)
{
	const struct port_setup setup = {.queues = 4};
	struct backend_config cfg = echo_honest;
	struct rte_eth_dev_info info;
	struct echo e = {0};
	struct rte_mbuf *m;
	uint16_t port;

	(void)state;
	cfg.pairs = 2;
	echo_open(&e, &cfg);
	port = echo_port(&e, ",queues=4", &setup);
	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	assert_int_equal(info.max_rx_queues, 4);
	echo_one(port, 1, 500, 1, 1);
	m = make_frame(common_pool, 64, 1, 1);
	assert_int_equal(rte_eth_tx_burst(port, 2, &m, 1), 0);
	rte_pktmbuf_free(m);
	expect_silence(port, 2);
	assert_int_equal(rte_eth_tx_descriptor_status(port, 2, 0), RTE_ETH_TX_DESC_UNAVAIL);
	assert_int_equal(rte_eth_rx_descriptor_status(port, 2, 0), RTE_ETH_RX_DESC_UNAVAIL);
	assert_int_equal(rte_eth_rx_queue_count(port, 2), 0);
	assert_int_equal(rte_eth_tx_descriptor_status(port, 1, 0), RTE_ETH_TX_DESC_DONE);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_eth_dev_set_link_down(port), 0);
	detach(port);

	/* Without MQ it has one; without protocol features nobody can ask how many. */
	echo_close(&e);
	cfg.features &= ~(BIT(VIRTIO_NET_F_MQ) | ECHO_EXTENDED);
	echo_open(&e, &cfg);
	port = echo_port(&e, ",queues=4", &setup);
	echo_one(port, 0, 500, 1, 1);
	assert_int_equal(rte_eth_tx_descriptor_status(port, 1, 0), RTE_ETH_TX_DESC_UNAVAIL);
	detach(port);
	echo_close(&e);
}

struct counts {
	int rx_filled;
	int rx_last;
	int tx_first;
	int tx_beyond;
	uint16_t sent;
};

/* Fill a ring while the device stands still. It is reset if that takes a second: then again. */
static void
fill_ring(struct echo *e, uint16_t port, struct counts *c)
{
	struct rte_mbuf *m[65];
	uint64_t stalls;
	unsigned int i;

	do {
		wait_link(port, true);
		stalls = xstat(port, "stalls");
		for (i = 0; i < RTE_DIM(m); i++)
			m[i] = make_frame(common_pool, 64, i, 1);
		(void)echo_hold(e);
		c->sent = rte_eth_tx_burst(port, 0, m, RTE_DIM(m));
		c->tx_first = rte_eth_tx_descriptor_status(port, 0, 0);
		c->tx_beyond = rte_eth_tx_descriptor_status(port, 0, 64);
		c->rx_filled = rte_eth_rx_queue_count(port, 0);
		c->rx_last = rte_eth_rx_descriptor_status(port, 0, 63);
		echo_release(e);
		rte_pktmbuf_free_bulk(&m[c->sent], RTE_DIM(m) - c->sent);
		for (i = 0; i < WAIT_STEPS && xstat(port, "stalls") == stalls &&
			    rte_eth_rx_queue_count(port, 0) < 64; i++)
			rte_delay_us_sleep(1000);
	} while (xstat(port, "stalls") != stalls);
}

static void
test_descriptor_status(void **state)
{
	static const char *const args[] = {",ring_size=64", ",ring_size=64,packed=0"};
	struct echo e = {0};
	struct counts c;
	struct rte_mbuf *m;
	uint16_t port;
	size_t a;
	int i;

	(void)state;
	echo_open(&e, &echo_honest);
	for (a = 0; a < RTE_DIM(args); a++) {
		port = echo_port(&e, args[a], NULL);
		assert_int_equal(rte_eth_rx_queue_count(port, 0), 0);
		assert_int_equal(rte_eth_rx_descriptor_status(port, 0, 0), RTE_ETH_RX_DESC_AVAIL);
		assert_int_equal(rte_eth_rx_descriptor_status(port, 0, 64), -EINVAL);
		assert_int_equal(rte_eth_tx_descriptor_status(port, 0, 0), RTE_ETH_TX_DESC_DONE);
		fill_ring(&e, port, &c);
		assert_int_equal(c.sent, 64);
		assert_int_equal(c.tx_first, RTE_ETH_TX_DESC_FULL);
		assert_int_equal(c.tx_beyond, -EINVAL);
		assert_int_equal(c.rx_filled, 0);
		assert_int_equal(c.rx_last, RTE_ETH_RX_DESC_AVAIL);
		assert_int_equal(rte_eth_rx_queue_count(port, 0), 64);
		assert_int_equal(rte_eth_rx_descriptor_status(port, 0, 63), RTE_ETH_RX_DESC_DONE);
		assert_int_equal(rte_eth_tx_descriptor_status(port, 0, 63), RTE_ETH_TX_DESC_DONE);
		for (i = 0; i < 64; i++) {
			m = receive_one(port, 0);
			check_frame(m, 64, i);
			rte_pktmbuf_free(m);
		}
		assert_int_equal(rte_eth_rx_queue_count(port, 0), 0);
		detach(port);
	}
	echo_close(&e);
}

static void
test_info(void **state)
{
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;
	struct rte_eth_link link;
	struct echo e = {0};
	uint16_t port;

	(void)state;
	echo_open(&e, &echo_honest);
	port = echo_port(&e, ",queues=3,ring_size=256,speed=25G,mac=02:aa:bb:cc:dd:ee", NULL);
	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	assert_string_equal(info.driver_name, "net_folio");
	assert_int_equal(info.max_rx_queues, 3);
	assert_int_equal(info.max_rx_pktlen, MAX_FRAME);
	assert_int_equal(info.max_mtu, MAX_FRAME - OVERHEAD);
	assert_int_equal(info.default_txportconf.ring_size, 256);
	assert_int_equal(info.speed_capa, RTE_ETH_LINK_SPEED_25G);
	assert_int_equal(rte_eth_link_get_nowait(port, &link), 0);
	assert_int_equal(link.link_speed, RTE_ETH_SPEED_NUM_25G);
	assert_int_equal(rte_eth_macaddr_get(port, &mac), 0);
	assert_memory_equal(mac.addr_bytes, "\x02\xaa\xbb\xcc\xdd\xee", 6);
	assert_int_not_equal(rte_eth_dev_set_mtu(port, MAX_FRAME - OVERHEAD + 1), 0);
	detach(port);

	/* Packed is what it takes if it may; a device without an address leaves it to the port. */
	port = echo_port(&e, "", NULL);
	assert_int_equal(rte_eth_macaddr_get(port, &mac), 0);
	assert_true(rte_is_local_admin_ether_addr(&mac));
	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	assert_int_equal(info.default_rxportconf.ring_size, 1024);
	detach(port);
	echo_close(&e);
}

static void
expect_dump(uint16_t port, const char *const *says, size_t n)
{
	char *text = NULL;
	size_t len, i;
	FILE *f = open_memstream(&text, &len);

	assert_int_equal(rte_eth_dev_priv_dump(port, f), 0);
	fclose(f);
	for (i = 0; i < n; i++) {
		if (strstr(text, says[i]) == NULL)
			fail_msg("the dump does not say \"%s\": %s", says[i], text);
	}
	free(text);
}

static void
test_dump(void **state)
{
	const struct port_setup setup = {.queues = 2};
	struct echo e = {0};
	const char *packed[] = {
		e.path, "datapath: virtio", "role: guest", "link: up", "region: packed rings",
		"queues=2 ring_size=512 slot_size=2048", "max_frame=2048", "rx queue 1: started",
		"rx_bad_index: 0", "link_ups: 1", "resets: 0", "stalls: 0",
	};
	const char *split[] = {"region: split rings", "link: up"};
	uint16_t port;

	(void)state;
	echo_open(&e, &echo_honest);
	port = echo_port(&e, ",queues=2,ring_size=512", &setup);
	expect_dump(port, packed, RTE_DIM(packed));
	detach(port);
	port = echo_port(&e, ",packed=0", NULL);
	expect_dump(port, split, RTE_DIM(split));
	detach(port);
	echo_close(&e);
}

/* The names are what monitoring keeps: an xstat that is called otherwise is another one. */
static void
test_xstats_names(void **state)
{
	static const char *const names[] = {
		"violation_rx_bad_index", "violation_rx_bad_id", "violation_rx_bad_length",
		"violation_rx_bad_chain", "violation_tx_bad_index", "violation_tx_bad_id",
		"violation_bad_offers", "link_ups", "resets", "stalls", "announces",
		"rx_q0_packets",
	};
	struct rte_eth_xstat_name found[64];
	struct echo e = {0};
	uint16_t port;
	size_t i, at = 0;
	int n;

	(void)state;
	echo_open(&e, &echo_honest);
	port = echo_port(&e, "", NULL);
	n = rte_eth_xstats_get_names(port, found, RTE_DIM(found));
	assert_in_range(n, RTE_DIM(names), RTE_DIM(found));
	while (at < (size_t)n && strcmp(found[at].name, names[0]) != 0)
		at++;
	for (i = 0; i + 1 < RTE_DIM(names); i++)
		assert_string_equal(found[at + i].name, names[i]);
	assert_int_equal(xstat(port, names[i]), 0);
	detach(port);
	echo_close(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_devices),
		TEST(test_one_buffer_a_frame),
		TEST(test_bursts),
		TEST(test_burst_beyond_what_is_there),
		TEST(test_queue_start_stop),
		TEST(test_uneven_queues),
		TEST(test_descriptor_status),
		TEST(test_info),
		TEST(test_dump),
		TEST(test_xstats_names),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
