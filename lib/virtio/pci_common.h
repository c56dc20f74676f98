/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_PCI_COMMON_H
#define FOLIO_PCI_COMMON_H

/* What the parts of the transport for virtio-pci have in common; for pci.c and pci_ask.c only. */

#include <errno.h>

#include "error.h"
#include "virtio/pci.h"

#define FEATURE(name) (UINT64_C(1) << VIRTIO_##name)

/* Device status, section 2.1. */
#define STATUS_ACKNOWLEDGE 1u
#define STATUS_DRIVER 2u
#define STATUS_DRIVER_OK 4u
#define STATUS_FEATURES_OK 8u
#define STATUS_NEEDS_RESET 64u
#define STATUS_NEGOTIATING (STATUS_ACKNOWLEDGE | STATUS_DRIVER)
#define STATUS_RUNNING (STATUS_NEGOTIATING | STATUS_FEATURES_OK | STATUS_DRIVER_OK)
#define STATUS_GONE 0xffu

/* Configuration of a network device, section 5.1.4. */
#define NET_MAC 0u
#define NET_STATUS 6u
#define NET_PAIRS 8u
#define NET_MTU 10u
#define NET_S_LINK_UP 1u
#define NET_S_ANNOUNCE 2u

/* It did not answer. */
static inline int
folio_pci_gone(struct folio_virtio_pci *p, struct folio_error *err)
{
	p->lost = true;
	return folio_fail(err, -ENODEV, "%s does not answer: the device is gone", p->name);
}

static inline bool
folio_pci_get(const struct folio_virtio_pci *p, uint32_t offset, uint32_t len, uint32_t *value)
{
	return folio_pci_reg_read(&p->regs, FOLIO_PCI_COMMON, offset, len, value);
}

static inline bool
folio_pci_set(const struct folio_virtio_pci *p, uint32_t offset, uint32_t len, uint32_t value)
{
	return folio_pci_reg_write(&p->regs, FOLIO_PCI_COMMON, offset, len, value);
}

static inline bool
folio_pci_net_get(const struct folio_virtio_pci *p, uint32_t offset, uint32_t len, uint32_t *value)
{
	return folio_pci_reg_read(&p->regs, FOLIO_PCI_DEVICE, offset, len, value);
}

/* The status has all these bits, and is one that a device may have. Device not trusted. */
int folio_pci_check_status(struct folio_virtio_pci *p, uint32_t want, struct folio_error *err);

/* As the transport's ask(): features and configuration. */
int folio_pci_ask(void *transport, struct folio_virtio_offer *offer, struct folio_error *err);

#endif /* FOLIO_PCI_COMMON_H */
