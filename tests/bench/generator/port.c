/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <stdio.h>

#include <rte_errno.h>
#include <rte_mbuf.h>

#include "port.h"

#define DESCRIPTORS 1024
#define POOL_CACHE 250 /* as testpmd has it */

#define TX_OFFLOADS (RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE)

static int
port_error(const char *what, int ret)
{
	fprintf(stderr, "bench-generator: port %u: %s: %s\n", PORT, what, rte_strerror(-ret));
	return ret;
}

/*
 * Offloads are asked for where the port has them. A port that allows no MTU for the longest frame
 * gets the largest it allows: some drivers carry more than they say.
 */
static int
configure(const struct rte_eth_dev_info *info, const struct options *o, struct port *p)
{
	const uint32_t overhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
	uint32_t mtu = o->frame - RTE_ETHER_HDR_LEN;
	struct rte_eth_conf conf = {0};

	if (o->frame > RTE_ETHER_MAX_LEN) {
		mtu = RTE_MIN(mtu, (uint32_t)info->max_mtu);
		mtu = RTE_MIN(mtu, RTE_MAX(info->max_rx_pktlen, overhead) - overhead);
		conf.rxmode.mtu = RTE_MAX(mtu, (uint32_t)RTE_ETHER_MTU);
		/* The peer's buffers may be shorter than ours, and its frames come in pieces. */
		conf.rxmode.offloads = info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	}
	conf.txmode.offloads = info->tx_offload_capa & TX_OFFLOADS;
	p->fast_free = (conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE) != 0;
	return rte_eth_dev_configure(PORT, o->queues, o->queues, &conf);
}

/* Room for the longest frame in one mbuf, and for a cache line behind it: see touch.c. */
static int
create_pool(struct port *p, const struct options *o)
{
	uint32_t room = RTE_PKTMBUF_HEADROOM +
			RTE_ALIGN_CEIL(o->frame + RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_SIZE);

	room = RTE_MAX(room, (uint32_t)RTE_MBUF_DEFAULT_BUF_SIZE);
	p->pool = rte_pktmbuf_pool_create("generator", o->mbufs, POOL_CACHE, 0, (uint16_t)room,
					  rte_eth_dev_socket_id(PORT));
	if (p->pool != NULL)
		return 0;
	fprintf(stderr, "bench-generator: no memory for --mbufs=%u of %u bytes: %s\n", o->mbufs,
		room, rte_strerror(rte_errno));
	return -ENOMEM;
}

static int
set_up_queues(const struct port *p, uint16_t queues)
{
	int socket = rte_eth_dev_socket_id(PORT);
	uint16_t q;
	int ret = 0;

	for (q = 0; q < queues && ret == 0; q++) {
		ret = rte_eth_rx_queue_setup(PORT, q, p->rx_descriptors, socket, NULL, p->pool);
		if (ret == 0)
			ret = rte_eth_tx_queue_setup(PORT, q, p->tx_descriptors, socket, NULL);
	}
	return ret;
}

int
port_start(struct port *p, const struct options *o)
{
	struct rte_eth_dev_info info;
	int ret;

	*p = (struct port){.rx_descriptors = DESCRIPTORS, .tx_descriptors = DESCRIPTORS};
	ret = rte_eth_dev_info_get(PORT, &info);
	if (ret == 0)
		ret = rte_eth_macaddr_get(PORT, &p->mac);
	if (ret != 0)
		return port_error("cannot be asked", ret);
	p->driver = info.driver_name;
	if (o->queues > RTE_MIN(info.max_rx_queues, info.max_tx_queues)) {
		fprintf(stderr, "bench-generator: --queues=%u is out of range: port %u allows 1 to "
			"%u\n", o->queues, PORT, RTE_MIN(info.max_rx_queues, info.max_tx_queues));
		return -EINVAL;
	}
	ret = configure(&info, o, p);
	if (ret == 0)
		ret = rte_eth_dev_get_mtu(PORT, &p->mtu);
	if (ret == 0)
		ret = rte_eth_dev_adjust_nb_rx_tx_desc(PORT, &p->rx_descriptors,
						       &p->tx_descriptors);
	if (ret != 0)
		return port_error("cannot be configured", ret);
	ret = create_pool(p, o);
	if (ret != 0)
		return ret;
	ret = set_up_queues(p, o->queues);
	if (ret == 0)
		ret = rte_eth_dev_start(PORT);
	if (ret != 0)
		return port_error("cannot be started", ret);
	/* Where there are filters: the frames are for anybody. */
	ret = rte_eth_promiscuous_enable(PORT);
	if (ret != 0 && ret != -ENOTSUP)
		return port_error("does not receive all frames", ret);
	(void)rte_eth_rx_burst_mode_get(PORT, 0, &p->rx_mode);
	(void)rte_eth_tx_burst_mode_get(PORT, 0, &p->tx_mode);
	return 0;
}

void
port_close(struct port *p)
{
	(void)rte_eth_dev_stop(PORT);
	(void)rte_eth_dev_close(PORT);
	/* Its queues may have held mbufs until now. */
	rte_mempool_free(p->pool);
}
