/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_LAYERS_H
#define FOLIO_LAYERS_H

/*
 * Between ethdev and a datapath's bursts: layers, each of which has bursts that call the ones below
 * it. Which of them there are depends on what the port was configured with and is chosen when it
 * starts: what is not asked for is not called. From ethdev down:
 *
 *	offload   what a network card would do: checksums, VLAN, filters, RSS
 *	lanes     several rings of the datapath for one queue, or one ring for several queues
 *	datapath  struct folio_burst
 *
 * Addresses of functions are those of one process: they are not in the adapter, which secondary
 * processes share.
 */

#include "folio_ethdev.h"

struct folio_layers {
	const struct folio_burst *datapath;
	eth_rx_burst_t lanes_rx; /* what the offload layer calls: lanes, or the datapath */
	eth_tx_burst_t lanes_tx;
};

extern struct folio_layers folio_layers[RTE_MAX_ETHPORTS];

/* Set the port's bursts. ethdev copies them when the start has succeeded. */
void folio_layers_choose(struct rte_eth_dev *dev);

/*
 * What a started port is asked for on receive has changed: its burst too, perhaps. A burst that is
 * inside goes on, as either of the two may be called on a queue at any time.
 */
void folio_layers_change_rx(struct rte_eth_dev *dev);

#endif /* FOLIO_LAYERS_H */
