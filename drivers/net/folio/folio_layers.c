/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Which bursts a port has. */

#include "folio_layers.h"
#include "folio_offload_tx.h"

struct folio_layers folio_layers[RTE_MAX_ETHPORTS];

static eth_rx_burst_t
choose_rx(const struct rte_eth_dev *dev)
{
	return folio_adapter(dev)->rx_offload.work != 0 ? folio_offload_receive
							: folio_layers[dev->data->port_id].lanes_rx;
}

/* ethdev asks for changes also before a start has come so far that the port has its bursts. */
void
folio_layers_change_rx(struct rte_eth_dev *dev)
{
	struct rte_eth_fp_ops *ops = &rte_eth_fp_ops[dev->data->port_id];
	eth_rx_burst_t old = dev->rx_pkt_burst;

	dev->rx_pkt_burst = choose_rx(dev);
	if (ops->rx_pkt_burst == old)
		__atomic_store_n(&ops->rx_pkt_burst, dev->rx_pkt_burst, __ATOMIC_RELEASE);
}

void
folio_layers_choose(struct rte_eth_dev *dev)
{
	struct folio_adapter *a = folio_adapter(dev);
	struct folio_layers *l = &folio_layers[dev->data->port_id];

	l->datapath = folio_datapath(a)->burst(a->port);
	l->lanes_rx = l->datapath->rx;
	l->lanes_tx = l->datapath->tx;
	if (folio_offload_tx_is_asked_for(dev->data->dev_conf.txmode.offloads) &&
	    l->datapath->tx_leaving != NULL)
		l->lanes_tx = l->datapath->tx_leaving;
	dev->rx_pkt_burst = choose_rx(dev);
	dev->tx_pkt_burst = l->lanes_tx;
	if (folio_offload_tx_is_asked_for(dev->data->dev_conf.txmode.offloads))
		dev->tx_pkt_burst = folio_offload_transmit;
}
