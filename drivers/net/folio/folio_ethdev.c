/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* The port as ethdev sees it: probe, remove, configure, start, stop, and its properties. */

#include <folio_wire.h>
#include <rte_malloc.h>

#include "folio_ethdev.h"
#include "folio_layers.h"
#include "folio_offload_tx.h"

RTE_LOG_REGISTER_DEFAULT(folio_logtype, NOTICE);

#define RX_OFFLOADS RTE_ETH_RX_OFFLOAD_SCATTER
#define TX_OFFLOADS (RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE)

/* What a burst takes without a second look at the rings; any size works. */
#define PREFERRED_BURST 32

/* Bursts, and what to receive with them. 0, also if it runs already, or a negative errno. */
static int
start_port(struct rte_eth_dev *dev)
{
	struct folio_adapter *a = folio_adapter(dev);
	int ret;

	if (folio_datapath(a)->leave != NULL)
		folio_datapath(a)->leave(a->port, folio_offload_tx_leaves(dev));
	ret = folio_datapath(a)->start(a->port, folio_rx_longest_frame(dev));
	if (ret != 0 && ret != -EALREADY)
		return ret;
	ret = folio_control_start(dev);
	if (ret != 0)
		(void)folio_datapath(a)->stop(a->port);
	return ret;
}

static int
dev_start(struct rte_eth_dev *dev)
{
	int ret;

	ret = folio_rx_check_mtu(dev, dev->data->mtu);
	if (ret != 0)
		return ret;
	ret = folio_offload_tx_set_up_all(dev);
	if (ret != 0)
		return ret;
	folio_rx_update_limits(dev);
	ret = folio_spread_set_up(dev);
	if (ret != 0)
		return ret;
	folio_offload_rx_update(dev);
	folio_layers_choose(dev);
	folio_queues_start(dev);
	return start_port(dev);
}

static int
dev_stop(struct rte_eth_dev *dev)
{
	struct folio_adapter *a = folio_adapter(dev);
	int ret;

	/* Waits for all bursts together: the queues need not wait any more. */
	(void)folio_datapath(a)->stop(a->port);
	ret = folio_queues_stop(dev);
	if (ret == 0)
		folio_spread_drain(&a->rx_offload.rss);
	/* Also tells the peer of a stopped port once a burst that is still inside has left. */
	folio_control_kick(dev);
	if (ret != 0)
		FOLIO_LOG(ERR, "%s: a burst does not return: keep its mempool, and stop again",
			  dev->data->name);
	return ret;
}

static int
dev_set_link_up(struct rte_eth_dev *dev)
{
	if (!dev->data->dev_started)
		return -EIO;
	return start_port(dev);
}

static int
dev_set_link_down(struct rte_eth_dev *dev)
{
	struct folio_adapter *a = folio_adapter(dev);

	(void)folio_datapath(a)->stop(a->port);
	folio_control_kick(dev);
	return 0;
}

static int
dev_close(struct rte_eth_dev *dev)
{
	struct folio_adapter *a = folio_adapter(dev);
	bool all_out;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return 0;
	if (folio_is_closed(dev))
		return 0;
	folio_registry_remove(dev->data->port_id);
	folio_control_close(dev);
	(void)folio_datapath(a)->stop(a->port);
	all_out = folio_queues_stop(dev) == 0;
	folio_queues_release(dev);
	if (all_out)
		folio_spread_release(&a->rx_offload.rss);
	folio_datapath(a)->close(a->port);
	a->port = NULL;
	dev->data->mac_addrs = NULL; /* part of dev_private */
	return 0;
}

static int
dev_infos_get(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
	const struct folio_adapter *a = folio_adapter(dev);
	const struct rte_eth_desc_lim lim = {
		.nb_max = FOLIO_WIRE_RING_MAX,
		.nb_min = 1,
		.nb_align = 1,
		.nb_seg_max = UINT16_MAX,
		.nb_mtu_seg_max = UINT16_MAX,
	};
	uint32_t ring_size;

	if (folio_is_closed(dev))
		return -ENODEV;
	ring_size = folio_datapath(a)->ring_size(a->port);
	info->max_mac_addrs = FOLIO_MACS;
	info->max_rx_pktlen = a->max_frame;
	info->min_mtu = RTE_ETHER_MIN_MTU;
	info->max_mtu = RTE_MIN(a->max_frame - FOLIO_FRAME_OVERHEAD, (uint32_t)UINT16_MAX);
	info->max_rx_queues = a->max_queues;
	info->max_tx_queues = a->max_queues;
	info->min_rx_bufsize = FOLIO_WIRE_LINE;
	FOLIO_SET_MAX_RX_BUFSIZE(info, a->max_frame);
	info->speed_capa = a->speed.capa;
	info->rx_offload_capa = RX_OFFLOADS | FOLIO_RX_SOFT_OFFLOADS;
	info->rx_queue_offload_capa = RX_OFFLOADS;
	info->flow_type_rss_offloads = FOLIO_RSS_TYPES;
	info->hash_key_size = FOLIO_RSS_KEY;
	info->reta_size = FOLIO_RSS_RETA;
	FOLIO_SET_RSS_TOEPLITZ(info);
	info->tx_offload_capa = TX_OFFLOADS | FOLIO_TX_SOFT_OFFLOADS;
	info->tx_queue_offload_capa = TX_OFFLOADS;
	info->rx_desc_lim = lim;
	info->tx_desc_lim = lim;
	info->default_rxportconf.burst_size = PREFERRED_BURST;
	info->default_rxportconf.ring_size = (uint16_t)ring_size;
	info->default_rxportconf.nb_queues = 1;
	info->default_txportconf = info->default_rxportconf;
	info->dev_capa = RTE_ETH_DEV_CAPA_RUNTIME_RX_QUEUE_SETUP |
			 RTE_ETH_DEV_CAPA_RUNTIME_TX_QUEUE_SETUP;
	return 0;
}

static int
mac_addr_set(struct rte_eth_dev *dev, struct rte_ether_addr *mac)
{
	struct folio_adapter *a = folio_adapter(dev);

	rte_ether_addr_copy(mac, &a->macs[0]);
	folio_filter_update(dev);
	if (folio_datapath(a)->set_mac != NULL)
		folio_datapath(a)->set_mac(a->port, mac->addr_bytes);
	return 0;
}

static int
mtu_set(struct rte_eth_dev *dev, uint16_t mtu)
{
	const struct folio_adapter *a = folio_adapter(dev);
	uint32_t max = a->max_frame - FOLIO_FRAME_OVERHEAD;
	int ret;

	if (mtu > max) {
		FOLIO_LOG(ERR, "%s: MTU %u is more than the rings carry: allowed is %u to %u",
			  dev->data->name, mtu, RTE_ETHER_MIN_MTU, max);
		return -EINVAL;
	}
	ret = folio_rx_check_mtu(dev, mtu);
	if (ret != 0)
		return ret;
	/* ethdev stores it after this returns; the limits are needed now. */
	dev->data->mtu = mtu;
	folio_rx_update_limits(dev);
	if (folio_datapath(a)->set_frame_max != NULL)
		folio_datapath(a)->set_frame_max(a->port, folio_rx_longest_frame(dev));
	return 0;
}

static const struct eth_dev_ops ops = {
	.dev_configure = folio_configure,
	.dev_start = dev_start,
	.dev_stop = dev_stop,
	.dev_close = dev_close,
	.dev_set_link_up = dev_set_link_up,
	.dev_set_link_down = dev_set_link_down,
	.dev_infos_get = dev_infos_get,
	.dev_supported_ptypes_get = folio_supported_ptypes_get,
	.dev_ptypes_set = folio_ptypes_set,
	.link_update = folio_link_update,
	.promiscuous_enable = folio_promiscuous_enable,
	.promiscuous_disable = folio_promiscuous_disable,
	.allmulticast_enable = folio_allmulticast_enable,
	.allmulticast_disable = folio_allmulticast_disable,
	.mac_addr_set = mac_addr_set,
	.mac_addr_add = folio_mac_addr_add,
	.mac_addr_remove = folio_mac_addr_remove,
	.set_mc_addr_list = folio_set_mc_addr_list,
	.vlan_filter_set = folio_vlan_filter_set,
	.vlan_offload_set = folio_vlan_offload_set,
	.rss_hash_update = folio_rss_hash_update,
	.rss_hash_conf_get = folio_rss_hash_conf_get,
	.reta_update = folio_reta_update,
	.reta_query = folio_reta_query,
	.mtu_set = mtu_set,
	.eth_dev_priv_dump = folio_priv_dump,
	.stats_get = folio_stats_get,
	.stats_reset = folio_stats_reset,
	.xstats_get = folio_xstats_get,
	.xstats_get_names = folio_xstats_get_names,
	.xstats_reset = folio_stats_reset,
	.rx_queue_setup = folio_rx_queue_setup,
	.rx_queue_release = folio_rx_queue_release,
	.rx_queue_start = folio_rx_queue_start,
	.rx_queue_stop = folio_rx_queue_stop,
	.rxq_info_get = folio_rxq_info_get,
	.rx_burst_mode_get = folio_rx_burst_mode_get,
	.tx_queue_setup = folio_tx_queue_setup,
	.tx_queue_release = folio_tx_queue_release,
	.tx_queue_start = folio_tx_queue_start,
	.tx_queue_stop = folio_tx_queue_stop,
	.txq_info_get = folio_txq_info_get,
	.tx_burst_mode_get = folio_tx_burst_mode_get,
	.tx_done_cleanup = folio_tx_done_cleanup,
};

/*
 * A secondary process sees the port's properties and counters, which lie in memory that it shares
 * with the primary. The region is mapped in the primary only, so are the bursts.
 */
static const struct eth_dev_ops secondary_ops = {
	.dev_close = dev_close,
	.dev_infos_get = dev_infos_get,
	.dev_supported_ptypes_get = folio_supported_ptypes_get,
	.link_update = folio_link_update,
	.stats_get = folio_stats_get,
	.stats_reset = folio_stats_reset,
	.xstats_get = folio_xstats_get,
	.xstats_get_names = folio_xstats_get_names,
	.xstats_reset = folio_stats_reset,
};

/* The core's private memory: huge pages on the port's node, shared with secondary processes. */
static void *
core_alloc(size_t size, size_t align, void *ctx)
{
	return rte_zmalloc_socket("folio", size, align, (int)(intptr_t)ctx);
}

static void
core_free(void *mem, void *ctx)
{
	RTE_SET_USED(ctx);
	rte_free(mem);
}

static void *
open_port(struct folio_devargs *da, int socket)
{
	struct folio_error err;
	void *port;

	da->config.numa_bind = socket >= 0;
	da->config.numa_node = socket;
	da->config.alloc = core_alloc;
	da->config.free = core_free;
	da->config.alloc_ctx = (void *)(intptr_t)socket;
	port = folio_datapaths[da->kind]->open(da, &err);
	if (port == NULL)
		FOLIO_LOG(ERR, "%s: %s", da->name, err.text);
	return port;
}

/* The user's, the one that the other end gives, or any. */
static void
choose_mac(struct folio_adapter *a, const struct folio_devargs *da)
{
	const struct folio_datapath *d = folio_datapath(a);

	a->macs[0] = da->mac;
	if (rte_is_zero_ether_addr(&a->macs[0]) &&
	    (d->mac == NULL || !d->mac(a->port, a->macs[0].addr_bytes)))
		rte_eth_random_addr(a->macs[0].addr_bytes);
	if (d->set_mac != NULL)
		d->set_mac(a->port, a->macs[0].addr_bytes);
}

static int
create_ethdev(struct rte_vdev_device *vdev, void *port, const struct folio_devargs *da)
{
	const struct folio_datapath *d = folio_datapaths[da->kind];
	struct folio_adapter *a;
	struct rte_eth_dev *dev;
	uint16_t q;

	dev = rte_eth_vdev_allocate(vdev, sizeof(*a));
	if (dev == NULL) {
		FOLIO_LOG(ERR, "%s: cannot allocate an ethdev", rte_vdev_device_name(vdev));
		return -ENOMEM;
	}
	a = folio_adapter(dev);
	a->port = port;
	a->kind = da->kind;
	a->loopback = da->config.loopback;
	a->max_queues = (uint16_t)RTE_MAX(da->config.queues, FOLIO_DEFAULT_QUEUES);
	a->max_frame = d->max_frame(port);
	a->speed = *da->speed;
	choose_mac(a, da);
	folio_offload_rx_init(dev);
	/* Closed until they are set up and started: until then a burst would have no queue. */
	for (q = 0; q < a->max_queues; q++) {
		(void)d->enable(port, FOLIO_RX, q, false);
		(void)d->enable(port, FOLIO_TX, q, false);
	}

	dev->dev_ops = &ops;
	folio_layers_choose(dev);
	dev->tx_pkt_prepare = d->prepare;
	dev->rx_queue_count = folio_rx_queue_count;
	dev->rx_descriptor_status = folio_rx_descriptor_status;
	dev->tx_descriptor_status = folio_tx_descriptor_status;
	dev->data->mac_addrs = a->macs;
	dev->data->promiscuous = 1;
	dev->data->all_multicast = 1;
	dev->data->dev_flags |= RTE_ETH_DEV_INTR_LSC;
	folio_link_update(dev, 0);
	folio_registry_add(dev->data->port_id, a);
	rte_eth_dev_probing_finish(dev);
	return 0;
}

static int
probe_secondary(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *dev = rte_eth_dev_attach_secondary(rte_vdev_device_name(vdev));

	if (dev == NULL) {
		FOLIO_LOG(ERR, "%s: the primary process has no such port",
			  rte_vdev_device_name(vdev));
		return -ENODEV;
	}
	dev->dev_ops = &secondary_ops;
	dev->device = &vdev->device;
	dev->rx_pkt_burst = rte_eth_pkt_burst_dummy;
	dev->tx_pkt_burst = rte_eth_pkt_burst_dummy;
	FOLIO_LOG(NOTICE, "%s: a secondary process sees properties and counters: its bursts neither "
		  "send nor receive anything", dev->data->name);
	rte_eth_dev_probing_finish(dev);
	return 0;
}

static int
folio_probe(struct rte_vdev_device *vdev)
{
	const char *name = rte_vdev_device_name(vdev);
	struct folio_devargs da;
	void *port;
	int ret;

	if (rte_eal_process_type() == RTE_PROC_SECONDARY)
		return probe_secondary(vdev);

	ret = folio_devargs_parse(name, rte_vdev_device_args(vdev), &da);
	if (ret != 0)
		return ret;
	if (vdev->device.numa_node == SOCKET_ID_ANY)
		vdev->device.numa_node = (int)rte_socket_id();
	port = open_port(&da, vdev->device.numa_node);
	ret = port == NULL ? -EINVAL : create_ethdev(vdev, port, &da);
	if (ret != 0 && port != NULL)
		folio_datapaths[da.kind]->close(port);
	folio_devargs_free(&da);
	return ret;
}

static int
folio_remove(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *dev = rte_eth_dev_allocated(rte_vdev_device_name(vdev));

	if (dev == NULL)
		return 0;
	if (rte_eal_process_type() == RTE_PROC_PRIMARY)
		dev_close(dev);
	return rte_eth_dev_release_port(dev);
}

static struct rte_vdev_driver folio_driver = {
	.probe = folio_probe,
	.remove = folio_remove,
};

RTE_PMD_REGISTER_VDEV(net_folio, folio_driver);
RTE_PMD_REGISTER_PARAM_STRING(net_folio,
	"role=guest|host "
	"path=<file>|unix:<socket> "
	"pci=<domain:bus:device.function> "
	"size=<bytes>[K|M|G] "
	"queues=<1-64> "
	"ring_size=<64-32768> "
	"slot_size=<256-65536> "
	"mac=<xx:xx:xx:xx:xx:xx> "
	"loopback=<0|1> "
	"vhost_user=<socket> "
	"server=<0|1> "
	"virtio=<domain:bus:device.function> "
	"packed=<0|1> "
	"speed=<10G|20G|25G|40G|50G|56G|100G|200G|400G>");
