/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef PORT_H
#define PORT_H

/**
 * @file
 * The one ethdev port, whatever driver it is of.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>

#include "options.h"

#define PORT 0

struct port {
	struct rte_mempool *pool;
	struct rte_ether_addr mac;
	const char *driver;
	uint16_t mtu;
	uint16_t rx_descriptors;
	uint16_t tx_descriptors;
	bool fast_free; /**< the driver may return the mbufs of a burst to the pool as one */
	struct rte_eth_burst_mode rx_mode; /**< empty: the driver does not say */
	struct rte_eth_burst_mode tx_mode;
};

/**
 * Configure and start it.
 *
 * @return 0, or a negative errno after an error message.
 */
int port_start(struct port *p, const struct options *o);

/** Stop and close it, whatever port_start() said. */
void port_close(struct port *p);

#endif /* PORT_H */
