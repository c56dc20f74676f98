/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* A port and its vhost-user back end, which comes, goes, stands still, or does not obey. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../tools/hostile-device/backend_state.h"
#include "echo.h"

static const char *const rings[] = {"", ",packed=0"};

static struct {
	int events;
	int odd; /* events that told what was told already */
	bool up;
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
	__atomic_fetch_add(&heard.events, 1, __ATOMIC_RELEASE);
	return 0;
}

static void
listen_to(uint16_t port, bool up)
{
	memset(&heard, 0, sizeof(heard));
	heard.up = up;
	assert_int_equal(rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_LSC, on_event, NULL),
			 0);
}

static void
listen_no_more(uint16_t port)
{
	assert_int_equal(rte_eth_dev_callback_unregister(port, RTE_ETH_EVENT_INTR_LSC, on_event,
							 NULL), 0);
}

static void
wait_events(int n)
{
	unsigned int i;

	for (i = 0; i < WAIT_STEPS && __atomic_load_n(&heard.events, __ATOMIC_ACQUIRE) < n; i++)
		usleep(1000);
	assert_int_equal(__atomic_load_n(&heard.events, __ATOMIC_ACQUIRE), n);
}

/* A back end that goes takes the link down, one that comes takes it up; each is told once. */
static void
test_comes_and_goes(void **state)
{
	const struct port_setup setup = {.lsc = true};
	struct rte_eth_link link;
	struct echo e = {0};
	struct rte_mbuf *m;
	uint16_t port;
	int round;

	(void)state;
	region_path(e.path, sizeof(e.path));
	port = echo_attach(&e, "");
	listen_to(port, false);
	configure(port, &setup);
	start(port); /* succeeds without a back end */
	assert_int_equal(rte_eth_link_get_nowait(port, &link), 0);
	assert_int_equal(link.link_status, RTE_ETH_LINK_DOWN);
	for (round = 0; round < 3; round++) {
		m = make_frame(common_pool, 64, 1, 1);
		assert_int_equal(rte_eth_tx_burst(port, 0, &m, 1), 0);
		rte_pktmbuf_free(m);
		expect_silence(port, 0);
		echo_open(&e, &echo_honest);
		wait_events(2 * round + 1);
		assert_true(heard.up);
		echo_one(port, 0, 500, 1, 1);
		echo_close(&e);
		wait_events(2 * round + 2);
		assert_false(heard.up);
	}
	assert_int_equal(heard.odd, 0);
	assert_int_equal(xstat(port, "resets"), 3);
	assert_int_equal(xstat(port, "link_ups"), 3);
	assert_int_equal(xstat(port, "rx_q0_packets"), 3);
	listen_no_more(port);
	detach(port);
}

/* The connection breaks while frames are under way: those may be lost, nothing else. */
static void
test_hangs_up_under_traffic(void **state)
{
	struct echo e = {0};
	struct rte_mbuf *m;
	uint16_t port;
	size_t r;
	int i;

	(void)state;
	echo_open(&e, &echo_honest);
	for (r = 0; r < RTE_DIM(rings); r++) {
		port = echo_port(&e, rings[r], NULL);
		for (i = 0; i < 3; i++) {
			echo_burst(port, 0, 100);
			send_one(port, 0, make_frame(common_pool, 64, i, 1));
			echo_hang_up(&e);
			wait_xstat(port, "link_ups", i + 2);
			assert_int_equal(xstat(port, "resets"), i + 1);
			while (rte_eth_rx_burst(port, 0, &m, 1) == 1)
				rte_pktmbuf_free(m);
		}
		echo_burst(port, 0, 100);
		assert_int_equal(xstat(port, "tx_q0_packets"), 403);
		assert_int_equal(xstat(port, "stalls"), 0);
		assert_int_equal(xstat(port, "violation_rx_bad_index"), 0);
		detach(port);
	}
	echo_close(&e);
}

/* What takes nothing is reset; traffic comes back when it behaves. */
static void
test_stands_still(void **state)
{
	const struct port_setup setup = {.lsc = true};
	struct echo e = {0};
	uint16_t port;
	size_t r;

	(void)state;
	echo_open(&e, &echo_honest);
	for (r = 0; r < RTE_DIM(rings); r++) {
		port = echo_port(&e, rings[r], &setup);
		echo_one(port, 0, 100, 1, 1);
		listen_to(port, true);
		(void)echo_hold(&e);
		send_one(port, 0, make_frame(common_pool, 100, 1, 1));
		wait_xstat(port, "stalls", 1);
		wait_link(port, false);
		echo_release(&e);
		wait_events(2);
		assert_true(heard.up);
		assert_int_equal(heard.odd, 0);
		listen_no_more(port);
		assert_int_equal(xstat(port, "resets"), 1);
		echo_burst(port, 0, 100);
		detach(port);
	}
	echo_close(&e);
}

/* OVS: stop, configure with other queues and another MTU, start; and what was counted stays. */
static void
test_reconfigure(void **state)
{
	struct rte_eth_stats stats;
	struct echo e = {0};
	uint16_t port;
	size_t r;
	int i;

	(void)state;
	echo_open(&e, &echo_honest);
	for (r = 0; r < RTE_DIM(rings); r++) {
		char args[64];

		snprintf(args, sizeof(args), ",queues=4%s", rings[r]);
		port = echo_port(&e, args, NULL);
		for (i = 1; i <= 4; i++) {
			const struct port_setup setup = {
				.queues = i, .mtu = 1500 + (5 - i) * 1000,
				.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};

			assert_int_equal(rte_eth_dev_stop(port), 0);
			wait_link(port, false);
			configure(port, &setup);
			start(port);
			wait_link(port, true);
			echo_one(port, i - 1, setup.mtu, i, 4);
		}
		assert_int_equal(rte_eth_stats_get(port, &stats), 0);
		assert_int_equal(stats.ipackets, 4);
		assert_int_equal(stats.opackets, 4);
		assert_int_equal(stats.ibytes, 4 * 1500 + 10000);
		assert_int_equal(stats.ierrors + stats.oerrors, 0);
		assert_int_equal(xstat(port, "link_ups"), 5);
		assert_int_equal(xstat(port, "resets"), 0); /* nothing failed */
		assert_int_equal(rte_eth_stats_reset(port), 0);
		assert_int_equal(xstat(port, "link_ups"), 0);
		assert_int_equal(xstat(port, "tx_q0_packets"), 0);
		detach(port);
	}
	echo_close(&e);
}

/* What is dropped is counted by the burst that drops it. */
static void
wait_xstat_while_polling(uint16_t port, const char *name, uint64_t value)
{
	unsigned int i;

	for (i = 0; i < WAIT_STEPS && xstat(port, name) < value; i++) {
		expect_silence(port, 0);
		usleep(1000);
	}
	assert_int_equal(xstat(port, name), value);
}

/* An MTU that needs frames of several buffers, while the port runs. */
static void
test_larger_mtu_at_run_time(void **state)
{
	const struct port_setup setup = {.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	struct echo e = {0};
	uint16_t port;
	size_t r;

	(void)state;
	echo_open(&e, &echo_honest);
	for (r = 0; r < RTE_DIM(rings); r++) {
		port = echo_port(&e, rings[r], &setup);
		echo_one(port, 0, 1522, 1, 1);
		assert_int_equal(rte_eth_dev_set_mtu(port, 2048 - OVERHEAD), 0);
		echo_one(port, 0, 2048, 1, 1);
		assert_int_equal(xstat(port, "link_ups"), 1);
		assert_int_equal(rte_eth_dev_set_mtu(port, 2049 - OVERHEAD), 0);
		wait_xstat(port, "link_ups", 2);
		echo_one(port, 0, 2049, 2, 2);
		assert_int_equal(rte_eth_dev_set_mtu(port, 9000), 0);
		echo_one(port, 0, 9022, 2, 5);
		assert_int_equal(rte_eth_dev_set_mtu(port, 1500), 0);
		echo_one(port, 0, 1522, 3, 1);
		send_one(port, 0, make_frame(common_pool, 1523, 4, 1));
		wait_xstat_while_polling(port, "rx_q0_oversize", 1);
		assert_int_equal(xstat(port, "link_ups"), 2);
		assert_int_equal(xstat(port, "resets"), 0);
		detach(port);
	}
	echo_close(&e);
}

/* Listening for a back end, which may go and come as well. */
static void
test_server(void **state)
{
	struct backend_config cfg = echo_honest;
	struct echo e = {0};
	struct stat st;
	uint16_t port;
	int round;

	(void)state;
	cfg.client = true;
	region_path(e.path, sizeof(e.path));
	port = echo_attach(&e, ",server=1");
	configure(port, &(struct port_setup){0});
	start(port);
	assert_int_equal(stat(e.path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	for (round = 0; round < 3; round++) {
		echo_open(&e, &cfg);
		wait_link(port, true);
		echo_one(port, 0, 1000, 1, 1);
		echo_close(&e);
		wait_link(port, false);
	}
	detach(port);
	assert_int_not_equal(stat(e.path, &st), 0);
}

/* It answers with nonsense: the link stays down, and comes up when somebody honest is there. */
static void
test_answers_nonsense(void **state)
{
	static const enum backend_trick tricks[] = {
		BACKEND_GARBAGE, BACKEND_ALL_ONES, BACKEND_FDS,
	};
	struct backend_config cfg = echo_honest;
	struct rte_eth_link link;
	struct echo e = {0};
	uint16_t port;
	size_t i;

	(void)state;
	region_path(e.path, sizeof(e.path));
	port = echo_attach(&e, "");
	configure(port, &(struct port_setup){0});
	start(port);
	for (i = 0; i < RTE_DIM(tricks); i++) {
		cfg.trick = tricks[i];
		cfg.at = BACKEND_GET_QUEUE_NUM;
		echo_open(&e, &cfg);
		for (;;) {
			uint64_t played = backend_counts(echo_hold(&e))->tricks;

			echo_release(&e);
			if (played > 0)
				break;
			usleep(1000);
		}
		assert_int_equal(rte_eth_link_get_nowait(port, &link), 0);
		assert_int_equal(link.link_status, RTE_ETH_LINK_DOWN);
		echo_close(&e);
	}
	echo_open(&e, &echo_honest);
	wait_link(port, true);
	echo_one(port, 0, 1000, 1, 1);
	assert_int_equal(xstat(port, "link_ups"), 1);
	detach(port);
	echo_close(&e);
}

/* Returns what it was not given, to a queue that looks. */
static void
return_wrong_id(struct echo *e, uint16_t port, bool receive)
{
	struct rte_mbuf *m[64];
	struct model_queue *q;
	unsigned int i;
	uint16_t sent;

	q = &echo_hold(e)->ring[receive ? 0 : 1].q;
	if (!receive)
		send_one(port, 0, make_frame(common_pool, 64, 1, 1));
	model_say_used(q, 4095, 76, 1);
	model_publish(q);
	if (receive) {
		expect_silence(port, 0);
	} else { /* more than there is room for: now it looks */
		for (i = 0; i < RTE_DIM(m); i++)
			m[i] = make_frame(common_pool, 64, i, 1);
		sent = rte_eth_tx_burst(port, 0, m, RTE_DIM(m));
		rte_pktmbuf_free_bulk(&m[sent], RTE_DIM(m) - sent);
	}
	echo_release(e);
}

/* What it returns is not what it has: a name for each, and traffic again behind a reset. */
static void
test_breaks_the_rules(void **state)
{
	static const char *const counters[] = {"violation_tx_bad_id", "violation_rx_bad_id"};
	struct echo e = {0};
	uint16_t port;
	unsigned int i;
	size_t r;

	(void)state;
	echo_open(&e, &echo_honest);
	for (r = 0; r < RTE_DIM(rings); r++) {
		char args[64];

		snprintf(args, sizeof(args), ",ring_size=64%s", rings[r]);
		port = echo_port(&e, args, NULL);
		echo_one(port, 0, 64, 1, 1); /* both ends run */
		for (i = 0; i < 2; i++) {
			return_wrong_id(&e, port, i == 1);
			assert_int_equal(xstat(port, counters[i]), 1);
			wait_xstat(port, "link_ups", i + 2);
			assert_int_equal(xstat(port, "resets"), i + 1);
			echo_burst(port, 0, 64);
			assert_int_equal(xstat(port, counters[i]), 1);
		}
		detach(port);
	}
	echo_close(&e);
}

/* A length that is none: that frame is an error, the next one is received. */
static void
test_wrong_length(void **state)
{
	static const uint32_t lens[] = {0, 12, 25, 2061, UINT32_MAX};
	struct rte_eth_stats stats;
	struct echo e = {0};
	uint16_t port;
	size_t r, i;

	(void)state;
	echo_open(&e, &echo_honest);
	for (r = 0; r < RTE_DIM(rings); r++) {
		port = echo_port(&e, rings[r], NULL);
		echo_one(port, 0, 64, 1, 1);
		for (i = 0; i < RTE_DIM(lens); i++) {
			struct model_queue *q = &echo_hold(&e)->ring[0].q;

			assert_true(q->n_held > 0);
			model_return(q, 0, lens[i]);
			model_publish(q);
			expect_silence(port, 0);
			echo_release(&e);
			assert_int_equal(xstat(port, "violation_rx_bad_length"), i + 1);
			echo_one(port, 0, 64, 1, 1);
		}
		assert_int_equal(rte_eth_stats_get(port, &stats), 0);
		assert_int_equal(stats.ierrors, RTE_DIM(lens));
		assert_int_equal(xstat(port, "resets"), 0);
		detach(port);
	}
	echo_close(&e);
}

/* The memory that the back end was given, opened anew: as it has it. */
static int
open_memory(void)
{
	char link[64], target[64];
	int fd;

	for (fd = 0; fd < 1024; fd++) {
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (strstr(target, "memfd:folio") != NULL)
			return open(link, O_RDWR | O_CLOEXEC);
	}
	return -1;
}

/* It has one piece of memory, of one size for ever, and nothing is in it behind the end. */
static void
test_memory(void **state)
{
	struct folio_status st;
	struct echo e = {0};
	struct stat file;
	uint8_t *mem;
	uint16_t port;
	off_t i;
	int fd;

	(void)state;
	echo_open(&e, &echo_honest);
	port = echo_port(&e, "", NULL);
	assert_int_equal(status_function()(port, &st, sizeof(st)), 0);
	assert_int_equal(backend_counts(echo_hold(&e))->regions, 1);
	assert_int_equal(backend_counts(e.b)->memory, st.region_size);
	echo_release(&e);
	echo_burst(port, 0, 500);
	fd = open_memory();
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &file), 0);
	assert_int_equal(file.st_size, st.region_size);
	assert_int_not_equal(ftruncate(fd, 0), 0);
	assert_int_not_equal(ftruncate(fd, file.st_size * 2), 0);
	mem = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(mem, MAP_FAILED);
	detach(port);
	for (i = 0; i < file.st_size && mem[i] == 0; i++)
		;
	assert_int_equal(i, file.st_size);
	munmap(mem, (size_t)file.st_size);
	close(fd);
	echo_close(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_comes_and_goes),
		TEST(test_hangs_up_under_traffic),
		TEST(test_stands_still),
		TEST(test_reconfigure),
		TEST(test_larger_mtu_at_run_time),
		TEST(test_server),
		TEST(test_answers_nonsense),
		TEST(test_breaks_the_rules),
		TEST(test_wrong_length),
		TEST(test_memory),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
