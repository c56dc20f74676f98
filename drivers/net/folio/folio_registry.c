/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* The open ports of this process, and what may be asked of them from any thread. */

#include <pthread.h>

#include <rte_pmd_folio.h>

#include "folio_ethdev.h"

/* A lock for each: who waits for one port delays no other. */
static struct {
	pthread_mutex_t lock;
	struct folio *port;
} registry[RTE_MAX_ETHPORTS] = {
	[0 ... RTE_MAX_ETHPORTS - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER},
};

void
folio_registry_add(uint16_t port_id, struct folio *port)
{
	pthread_mutex_lock(&registry[port_id].lock);
	registry[port_id].port = port;
	pthread_mutex_unlock(&registry[port_id].lock);
}

void
folio_registry_remove(uint16_t port_id)
{
	folio_registry_add(port_id, NULL);
}

int
folio_registry_hold(uint16_t port_id, struct folio **port)
{
	if (!rte_eth_dev_is_valid_port(port_id))
		return -ENODEV;
	pthread_mutex_lock(&registry[port_id].lock);
	*port = registry[port_id].port;
	if (*port != NULL)
		return 0;
	pthread_mutex_unlock(&registry[port_id].lock);
	return -ENOTSUP;
}

void
folio_registry_release(uint16_t port_id)
{
	pthread_mutex_unlock(&registry[port_id].lock);
}

int
rte_pmd_folio_status_get(uint16_t port_id, struct folio_status *status, size_t size)
{
	struct folio *port;
	int ret;

	if (status == NULL)
		return -EINVAL;
	ret = folio_registry_hold(port_id, &port);
	if (ret != 0)
		return ret;
	folio_status_sized(port, status, size);
	folio_registry_release(port_id);
	return 0;
}
