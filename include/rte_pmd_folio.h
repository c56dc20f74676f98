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
 * dlsym(dlopen("librte_net_folio.so", RTLD_NOW | RTLD_NOLOAD), ...), so that it still runs where
 * the plugin is not loaded. (EAL loads plugins locally: RTLD_DEFAULT does not find it.)
 */

#include <stddef.h>
#include <stdint.h>

#include <folio.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Why the link is up or down, and the geometry in use, of a folio port.
 *
 * Any thread may call it at any time, also while the port is being stopped, closed or detached. It
 * waits for the control work of this port that is in progress: milliseconds as a rule, more while a
 * region is opened. Not for a thread that polls.
 *
 * @param port_id Port of the net_folio driver, in the primary process.
 * @param status Filled in on success; fields that the driver does not know of are zero.
 * @param size sizeof(*status): newer versions have more fields.
 * @return 0; -EINVAL: status is NULL; -ENODEV: no such port; -ENOTSUP: not a folio port, or not one
 *   of this process.
 */
int rte_pmd_folio_status_get(uint16_t port_id, struct folio_status *status, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* RTE_PMD_FOLIO_H */
