/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * folio-echo: one IPv4 address that answers ARP, ping and UDP echo (port 7), on any ethdev port.
 *
 * Nothing in here knows folio: what makes it run on a folio region is --vdev=net_folio0,...
 */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_pause.h>

#include "options.h"
#include "reply.h"

#define DESCRIPTORS 1024
#define POOL_CACHE 256

struct echo {
	uint16_t port;
	uint16_t burst;
	struct reply_self self;
	struct rte_mempool *pool;
	uint64_t received;
	uint64_t unsent; /* replies that found no room on the way out */
	uint64_t replies[REPLY_KINDS];
};

static volatile sig_atomic_t stop_requested;

static void
on_signal(int sig)
{
	RTE_SET_USED(sig);
	stop_requested = 1;
}

static int
port_error(const struct echo *e, const char *what, int ret)
{
	fprintf(stderr, "folio-echo: port %u: %s: %s\n", e->port, what, rte_strerror(-ret));
	return ret;
}

/* One queue pair. The MTU has to be known before the pool that its frames go to. */
static int
configure_port(const struct echo *e, const struct rte_eth_dev_info *info, uint16_t mtu)
{
	struct rte_eth_conf conf = {0};
	int ret;

	/* All mbufs are of one pool and have one owner. */
	conf.txmode.offloads = info->tx_offload_capa &
			       (RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE);
	/* Take scattered frames only if they can be sent back in the same pieces. */
	if ((conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0)
		conf.rxmode.offloads = info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	ret = rte_eth_dev_configure(e->port, 1, 1, &conf);
	if (ret != 0)
		return port_error(e, "cannot be configured", ret);
	if (mtu == 0)
		return 0;
	if (mtu < info->min_mtu || mtu > info->max_mtu) {
		fprintf(stderr, "folio-echo: --mtu=%u is out of range: port %u allows %u to %u\n",
			mtu, e->port, info->min_mtu, info->max_mtu);
		return -EINVAL;
	}
	ret = rte_eth_dev_set_mtu(e->port, mtu);
	return ret == 0 ? 0 : port_error(e, "does not take --mtu", ret);
}

/* A data room for a whole frame keeps frames in one mbuf, up to what an mbuf can have. */
static int
create_pool(struct echo *e, unsigned int count, uint16_t mtu)
{
	uint32_t room = RTE_PKTMBUF_HEADROOM + mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN +
			2 * RTE_VLAN_HLEN;

	room = RTE_MIN(RTE_MAX(room, (uint32_t)RTE_MBUF_DEFAULT_BUF_SIZE), (uint32_t)UINT16_MAX);
	e->pool = rte_pktmbuf_pool_create("echo", count, POOL_CACHE, 0, (uint16_t)room,
					  rte_eth_dev_socket_id(e->port));
	if (e->pool != NULL)
		return 0;
	fprintf(stderr, "folio-echo: no memory for %u mbufs of %u bytes: %s\n", count, room,
		rte_strerror(rte_errno));
	return -ENOMEM;
}

/* Which of its burst functions a driver has chosen; a driver need not say. */
static void
print_modes(const struct echo *e)
{
	struct rte_eth_burst_mode rx, tx;

	if (rte_eth_rx_burst_mode_get(e->port, 0, &rx) == 0 &&
	    rte_eth_tx_burst_mode_get(e->port, 0, &tx) == 0)
		printf("folio-echo: port %u receives by '%s', sends by '%s'\n", e->port, rx.info,
		       tx.info);
}

static int
start_port(struct echo *e, uint16_t mtu)
{
	uint16_t rxd = DESCRIPTORS, txd = DESCRIPTORS;
	struct rte_eth_dev_info info;
	int socket, ret;

	ret = rte_eth_dev_info_get(e->port, &info);
	if (ret == 0)
		ret = rte_eth_macaddr_get(e->port, &e->self.mac);
	if (ret != 0)
		return port_error(e, "cannot be asked", ret);
	ret = configure_port(e, &info, mtu);
	if (ret != 0)
		return ret;

	ret = rte_eth_dev_get_mtu(e->port, &mtu);
	if (ret == 0)
		ret = rte_eth_dev_adjust_nb_rx_tx_desc(e->port, &rxd, &txd);
	if (ret != 0)
		return port_error(e, "cannot be sized", ret);
	ret = create_pool(e, rxd + txd + e->burst + POOL_CACHE, mtu);
	if (ret != 0)
		return ret;

	socket = rte_eth_dev_socket_id(e->port);
	ret = rte_eth_rx_queue_setup(e->port, 0, rxd, socket, NULL, e->pool);
	if (ret == 0)
		ret = rte_eth_tx_queue_setup(e->port, 0, txd, socket, NULL);
	if (ret == 0)
		ret = rte_eth_dev_start(e->port);
	if (ret != 0)
		return port_error(e, "cannot be started", ret);
	print_modes(e);
	printf("folio-echo: port %u answers, MAC address " RTE_ETHER_ADDR_PRT_FMT ", MTU %u\n",
	       e->port, RTE_ETHER_ADDR_BYTES(&e->self.mac), mtu);
	return 0;
}

/* Requests become replies where they are; the others leave. */
static uint16_t
answer(struct echo *e, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t i, replies = 0;

	for (i = 0; i < n; i++) {
		enum reply_kind kind = reply_in_place(pkts[i], &e->self);

		e->replies[kind]++;
		if (kind == REPLY_NONE)
			rte_pktmbuf_free(pkts[i]);
		else
			pkts[replies++] = pkts[i];
	}
	return replies;
}

static void
run(struct echo *e)
{
	struct rte_mbuf *pkts[OPTIONS_BURST_MAX];
	uint16_t n, sent;

	while (!stop_requested) {
		n = rte_eth_rx_burst(e->port, 0, pkts, e->burst);
		if (n == 0) {
			rte_pause();
			continue;
		}
		e->received += n;
		n = answer(e, pkts, n);
		sent = rte_eth_tx_burst(e->port, 0, pkts, n);
		/* Waiting for room would let the peer hold us up; it can ask again. */
		e->unsent += n - sent;
		rte_pktmbuf_free_bulk(pkts + sent, n - sent);
	}
}

static void
print_counters(const struct echo *e)
{
	printf("folio-echo: received %" PRIu64 ", answered %" PRIu64 " ARP, %" PRIu64 " ICMP, "
	       "%" PRIu64 " UDP (%" PRIu64 " of them not sent), ignored %" PRIu64 "\n",
	       e->received, e->replies[REPLY_ARP], e->replies[REPLY_ICMP], e->replies[REPLY_UDP],
	       e->unsent, e->replies[REPLY_NONE]);
}

static int
echo(const struct options *o)
{
	struct echo e = {.port = o->port, .burst = o->burst, .self.ip = o->ip};
	int ret;

	if (!rte_eth_dev_is_valid_port(o->port)) {
		fprintf(stderr, "folio-echo: --port=%u does not exist: there are %u ports, counted "
			"from 0 (EAL's --vdev and --allow add some)\n", o->port,
			rte_eth_dev_count_avail());
		return -ENODEV;
	}
	ret = start_port(&e, o->mtu);
	if (ret == 0) {
		run(&e);
		ret = rte_eth_dev_stop(e.port);
		print_counters(&e);
	}
	/* The port first: its queues may still hold mbufs of the pool. */
	rte_eth_dev_close(e.port);
	rte_mempool_free(e.pool);
	return ret;
}

int
main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_signal};
	struct options o;
	int ret;

	/* Before EAL: whoever stops us while it starts has its devices closed, too. */
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);

	ret = rte_eal_init(argc, argv);
	if (ret < 0) {
		fprintf(stderr, "folio-echo: EAL does not start: %s\n", rte_strerror(rte_errno));
		return EXIT_FAILURE;
	}
	ret = options_parse(argc - ret, argv + ret, &o);
	if (ret == 0)
		ret = echo(&o);
	rte_eal_cleanup();
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
