/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Usage: valgrind --tool=callgrind --toggle-collect=receive|transmit
 *        count_driver EAL-OPTIONS
 *
 * The driver's bursts on the one port there is, which must be in loopback mode, with FAST_FREE and
 * a mempool cache like testpmd's. Prints the instruction set in use.
 */

#include <string.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "count.h"

#define MBUFS 4095
#define CACHE 250

static struct rte_mempool *pool;

static void
restart(void)
{
	(void)rte_eth_dev_stop(0);
	check(rte_eth_dev_start(0) == 0, "rte_eth_dev_start");
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
	check(rte_eth_tx_burst(0, 0, pkts, (uint16_t)burst) == burst, "rte_eth_tx_burst");
}

static void
receive_burst(unsigned int size, unsigned int burst)
{
	struct rte_mbuf *pkts[BURST_MAX];

	check(rte_eth_rx_burst(0, 0, pkts, (uint16_t)burst) == burst, "rte_eth_rx_burst");
	check(pkts[burst - 1]->pkt_len == size, "a frame's length");
	rte_pktmbuf_free_bulk(pkts, burst);
}

int
main(int argc, char **argv)
{
	const struct counted counted = {restart, send_burst, receive_burst};
	struct rte_eth_conf conf = {.txmode = {.offloads = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE}};
	struct rte_eth_burst_mode mode;

	check(rte_eal_init(argc, argv) >= 0, "rte_eal_init");
	pool = rte_pktmbuf_pool_create("count", MBUFS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	check(pool != NULL, "rte_pktmbuf_pool_create");
	check(rte_eth_dev_configure(0, 1, 1, &conf) == 0 &&
	      rte_eth_rx_queue_setup(0, 0, 0, SOCKET_ID_ANY, NULL, pool) == 0 &&
	      rte_eth_tx_queue_setup(0, 0, 0, SOCKET_ID_ANY, NULL) == 0, "configuring the port");
	restart();
	count_all(&counted);
	check(rte_eth_rx_burst_mode_get(0, 0, &mode) == 0, "rte_eth_rx_burst_mode_get");
	*strchrnul(mode.info, ' ') = '\0';
	printf("isa %s\n", mode.info);
	(void)rte_eth_dev_stop(0);
	(void)rte_eth_dev_close(0);
	(void)rte_eal_cleanup();
	return 0;
}
