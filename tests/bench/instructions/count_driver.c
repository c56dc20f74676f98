/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Usage: valgrind --tool=callgrind --toggle-collect=receive|transmit
 *        count_driver [DEVICE SOCKET] EAL-OPTIONS
 *        count_driver steps DEVICE SOCKET EAL-OPTIONS
 *
 * The driver's bursts on the one port there is, with FAST_FREE and a mempool cache like testpmd's.
 * The port must be in loopback mode, or find a device at SOCKET: DEVICE is split, packed,
 * split-merged or packed-merged. Prints the instruction set in use. With `steps` it needs no
 * valgrind and prints "steps RX 64 32 1234", instructions of 256 frames: see count_steps.h.
 */

#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "count.h"
#include "count_device.h"
#include "count_steps.h"

#define MBUFS 4095
#define CACHE 250
#define RING_SIZE 1024	     /* of a device's queues: the most that vhost promises */
#define MERGED_MTU 4000
#define STEP_FRAMES 256	     /* a signal for each instruction takes its time */
#define SETTLE_US (1 << 20) /* a device that polls is no longer asked whether it does */

static struct rte_mempool *pool;
static bool has_device, by_steps;
static uint64_t received, sent; /* steps */

/* Do a burst; what it takes without a burst is not counted. */
static uint16_t
do_burst(burst_fn burst, void *queue, struct rte_mbuf **pkts, uint16_t n, uint64_t *steps)
{
	if (!by_steps)
		return burst(queue, pkts, n);
	*steps += count_steps_of(burst, queue, pkts, &n);
	return n;
}

static void
wait_for_device(void)
{
	struct rte_eth_link link = {0};
	unsigned int i;

	for (i = 0; i < 100 && link.link_status == RTE_ETH_LINK_DOWN; i++) {
		check(rte_eth_link_get_nowait(0, &link) == 0, "rte_eth_link_get_nowait");
		usleep(100000);
	}
	check(link.link_status == RTE_ETH_LINK_UP, "finding the device");
	usleep(SETTLE_US);
	count_device_hold();
}

static void
restart(void)
{
	static bool started;

	received = sent = 0;
	if (has_device && started)
		return; /* there is no end of a ring that an index must not reach */
	started = true;
	(void)rte_eth_dev_stop(0);
	check(rte_eth_dev_start(0) == 0, "rte_eth_dev_start");
	if (has_device)
		wait_for_device();
}

static void
send_burst(unsigned int size, unsigned int burst)
{
	struct rte_mbuf *pkts[BURST_MAX];
	unsigned int i;

	check(rte_pktmbuf_alloc_bulk(pool, pkts, burst) == 0, "rte_pktmbuf_alloc_bulk");
	for (i = 0; i < burst; i++) {
		pkts[i]->data_len = (uint16_t)size;
		pkts[i]->pkt_len = size;
	}
	check(do_burst(rte_eth_fp_ops[0].tx_pkt_burst, rte_eth_fp_ops[0].txq.data[0], pkts,
		       (uint16_t)burst, &sent) == burst, "a burst to send");
	if (has_device)
		count_device_step();
}

static void
receive_burst(unsigned int size, unsigned int burst)
{
	struct rte_mbuf *pkts[BURST_MAX];
	unsigned int got = 0, calls;

	/* virtio-user returns fewer, so that the rest begins a line. */
	for (calls = 0; got < burst && calls < burst; calls++)
		got += do_burst(rte_eth_fp_ops[0].rx_pkt_burst, rte_eth_fp_ops[0].rxq.data[0],
				pkts + got, (uint16_t)(burst - got), &received);
	check(got == burst, "a burst to receive");
	check(pkts[burst - 1]->pkt_len == size, "a frame's length");
	rte_pktmbuf_free_bulk(pkts, burst);
}

static void
print_steps(const char *kind)
{
	if (by_steps)
		printf("steps RX %s %" PRIu64 "\nsteps TX %s %" PRIu64 "\n", kind, received, kind,
		       sent);
}

static void
begin_steps(void)
{
	received = sent = 0;
}

int
main(int argc, char **argv)
{
	struct counted counted = {restart, send_burst, receive_burst, begin_steps, print_steps, 0};
	struct rte_eth_conf conf = {.txmode = {.offloads = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE}};
	struct rte_eth_burst_mode mode = {0};
	struct rte_eth_dev_info info;
	uint16_t size;
	char *name = argv[0];
	bool merged = false;

	by_steps = argc > 1 && strcmp(argv[1], "steps") == 0;
	argc -= by_steps;
	argv += by_steps;
	has_device = argc > 2 && argv[1][0] != '-';
	if (has_device) {
		merged = strstr(argv[1], "-merged") != NULL;
		count_device_open(argv[2], strncmp(argv[1], "packed", 6) == 0, merged);
		argc -= 2;
		argv += 2;
	}
	argv[0] = name;
	size = has_device ? RING_SIZE : 0;
	check(rte_eal_init(argc, argv) >= 0, "rte_eal_init");
	pool = rte_pktmbuf_pool_create("count", MBUFS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	check(pool != NULL, "rte_pktmbuf_pool_create");
	check(rte_eth_dev_info_get(0, &info) == 0, "rte_eth_dev_info_get");
	conf.txmode.offloads &= info.tx_offload_capa; /* virtio-user has no FAST_FREE */
	if (merged) { /* a frame that takes several buffers is what makes the driver ask for this */
		conf.rxmode.mtu = MERGED_MTU;
		conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER;
	}
	check(rte_eth_dev_configure(0, 1, 1, &conf) == 0 &&
	      rte_eth_rx_queue_setup(0, 0, size, SOCKET_ID_ANY, NULL, pool) == 0 &&
	      rte_eth_tx_queue_setup(0, 0, size, SOCKET_ID_ANY, NULL) == 0, "configuring the port");
	restart();
	if (by_steps)
		counted.frames = STEP_FRAMES;
	count_all(&counted);
	if (rte_eth_rx_burst_mode_get(0, 0, &mode) != 0)
		strcpy(mode.info, "unknown"); /* virtio-user's */
	*strchrnul(mode.info, ' ') = '\0';
	printf("isa %s\n", mode.info);
	fflush(stdout);
	if (has_device)
		count_device_release();
	(void)rte_eth_dev_stop(0);
	(void)rte_eth_dev_close(0);
	if (has_device)
		count_device_close();
	(void)rte_eal_cleanup();
	return 0;
}
