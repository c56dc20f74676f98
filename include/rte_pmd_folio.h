/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef RTE_PMD_FOLIO_H
#define RTE_PMD_FOLIO_H

/**
 * @file
 * What the folio driver can say that ethdev has no words for.
 *
 * A program that uses it links the plugin, or looks the symbol up after rte_eal_init() with
 * dlsym(dlopen("librte_net_folio.so", RTLD_NOW | RTLD_NOLOAD), ...), so that it still runs where the
 * plugin is not loaded. (EAL loads plugins locally: RTLD_DEFAULT does not find it.)
 */

#include <stdint.h>

#include <folio.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Why the link is up or down, the geometry in use, and every counter of a folio port.
 *
 * @param port_id Port of the net_folio driver, in the primary process.
 * @param status Filled in on success.
 * @return 0; -EINVAL: status is NULL; -ENODEV: no such port; -ENOTSUP: not a folio port.
 *
 * Thread safe against everything but closing the port; takes the port's control lock.
 */
int rte_pmd_folio_status_get(uint16_t port_id, struct folio_status *status);

#ifdef __cplusplus
}
#endif

#endif /* RTE_PMD_FOLIO_H */
