/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * What an application asks for in rte_eth_dev_configure() and ethdev does not check: it is refused
 * here, or it would be accepted and ignored. Offloads and hash functions ethdev checks itself.
 */

#include "folio_ethdev.h"

/* A field that must be zero; the line says what it was. */
static int
refuse(const struct rte_eth_dev *dev, const char *field, uint32_t value, const char *allowed)
{
	if (value == 0)
		return 0;
	FOLIO_LOG(ERR, "%s: %s=0x%x: allowed is %s", dev->data->name, field, value, allowed);
	return -ENOTSUP;
}

static int
check_rx_mode(const struct rte_eth_dev *dev)
{
	uint32_t mode = dev->data->dev_conf.rxmode.mq_mode;

	if (mode == RTE_ETH_MQ_RX_NONE || mode == RTE_ETH_MQ_RX_RSS)
		return 0;
	FOLIO_LOG(ERR, "%s: rxmode.mq_mode=0x%x: allowed is RTE_ETH_MQ_RX_NONE, and "
		  "RTE_ETH_MQ_RX_RSS", dev->data->name, mode);
	return -ENOTSUP;
}

static int
check_link_speeds(const struct rte_eth_dev *dev)
{
	const struct folio_speed *speed = &folio_adapter(dev)->speed;
	uint32_t speeds = dev->data->dev_conf.link_speeds;
	uint32_t fixed = speeds & RTE_ETH_LINK_SPEED_FIXED;

	/* Fixed is one speed; otherwise ours has to be among those that may be negotiated. */
	if (speeds == RTE_ETH_LINK_SPEED_AUTONEG || speeds == (speed->capa | fixed) ||
	    (fixed == 0 && (speeds & speed->capa) != 0))
		return 0;
	FOLIO_LOG(ERR, "%s: link_speeds=0x%x: allowed is RTE_ETH_LINK_SPEED_AUTONEG, and the speed "
		  "that the devarg speed=%s gives", dev->data->name, speeds, speed->name);
	return -ENOTSUP;
}

int
folio_configure(struct rte_eth_dev *dev)
{
	const struct rte_eth_conf *conf = &dev->data->dev_conf;
	const struct rte_eth_txmode *tx = &conf->txmode;
	int ret = 0;

	/* All of them, so that the log has a line for each. */
	ret |= refuse(dev, "intr_conf.rxq", conf->intr_conf.rxq, "0: the driver polls");
	if (!folio_adapter(dev)->loopback) /* one that is asks for what it has */
		ret |= refuse(dev, "lpbk_mode", conf->lpbk_mode, "0 (the devarg loopback=1 makes a "
			      "port that receives what it sends)");
	ret |= refuse(dev, "dcb_capability_en", conf->dcb_capability_en, "0");
	ret |= refuse(dev, "txmode.mq_mode", tx->mq_mode, "RTE_ETH_MQ_TX_NONE");
	ret |= refuse(dev, "txmode.hw_vlan_reject_tagged", tx->hw_vlan_reject_tagged, "0");
	ret |= refuse(dev, "txmode.hw_vlan_reject_untagged", tx->hw_vlan_reject_untagged, "0");
	ret |= refuse(dev, "txmode.hw_vlan_insert_pvid", tx->hw_vlan_insert_pvid, "0");
	ret |= check_rx_mode(dev);
	ret |= check_link_speeds(dev);
	if (ret != 0)
		return -ENOTSUP;
	ret = folio_rss_configure(dev);
	folio_offload_rx_update(dev);
	return ret;
}
