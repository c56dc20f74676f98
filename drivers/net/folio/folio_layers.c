/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Which bursts a port has. */

#include "folio_layers.h"
#include "folio_offload_tx.h"

struct folio_layers folio_layers[RTE_MAX_ETHPORTS];

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
	dev->rx_pkt_burst = l->lanes_rx;
	dev->tx_pkt_burst = l->lanes_tx;
	if (folio_offload_tx_is_asked_for(dev->data->dev_conf.txmode.offloads))
		dev->tx_pkt_burst = folio_offload_transmit;
}
