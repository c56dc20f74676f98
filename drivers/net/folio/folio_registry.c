/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* The open ports of this process, and what may be asked of them from any thread. */

#include <pthread.h>

#include <rte_pmd_folio.h>

#include "folio_ethdev.h"
#include "sized.h"

/* A lock for each: who waits for one port delays no other. */
static struct {
	pthread_mutex_t lock;
	struct folio_registered port;
} registry[RTE_MAX_ETHPORTS] = {
	[0 ... RTE_MAX_ETHPORTS - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER},
};

static void
set(uint16_t port_id, struct folio_registered port)
{
	pthread_mutex_lock(&registry[port_id].lock);
	registry[port_id].port = port;
	pthread_mutex_unlock(&registry[port_id].lock);
}

void
folio_registry_add(uint16_t port_id, const struct folio_adapter *a)
{
	set(port_id, (struct folio_registered){.datapath = folio_datapath(a), .port = a->port});
}

void
folio_registry_remove(uint16_t port_id)
{
	set(port_id, (struct folio_registered){.port = NULL});
}

int
folio_registry_hold(uint16_t port_id, struct folio_registered *found)
{
	if (!rte_eth_dev_is_valid_port(port_id))
		return -ENODEV;
	pthread_mutex_lock(&registry[port_id].lock);
	*found = registry[port_id].port;
	if (found->port != NULL)
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
	struct folio_registered found;
	struct folio_status all;
	int ret;

	if (status == NULL)
		return -EINVAL;
	ret = folio_registry_hold(port_id, &found);
	if (ret != 0)
		return ret;
	found.datapath->status(found.port, &all);
	folio_registry_release(port_id);
	folio_sized_give(status, size, &all, sizeof(all));
	return 0;
}
