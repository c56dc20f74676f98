/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_PCI_REGS_H
#define FOLIO_PCI_REGS_H

/*
 * The registers of a modern virtio-pci device (virtio 1.2, section 4.1.4): where its capability
 * list says that they are, and one access to one of them. Where BARs cannot be read and written,
 * accesses go through the device's window in configuration space (section 4.1.4.9).
 *
 * The device is not trusted: the list is judged once, in a private copy, and kept.
 */

#include "pci/access.h"

enum folio_pci_part {
	FOLIO_PCI_COMMON,
	FOLIO_PCI_NOTIFY,
	FOLIO_PCI_DEVICE,
	FOLIO_PCI_PARTS,
};

/* Registers of the common configuration, section 4.1.4.3. */
#define PCI_DEVICE_FEATURE_SELECT 0x00u
#define PCI_DEVICE_FEATURE 0x04u
#define PCI_DRIVER_FEATURE_SELECT 0x08u
#define PCI_DRIVER_FEATURE 0x0cu
#define PCI_CONFIG_VECTOR 0x10u
#define PCI_NUM_QUEUES 0x12u
#define PCI_DEVICE_STATUS 0x14u
#define PCI_CONFIG_GENERATION 0x15u
#define PCI_QUEUE_SELECT 0x16u
#define PCI_QUEUE_SIZE 0x18u
#define PCI_QUEUE_VECTOR 0x1au
#define PCI_QUEUE_ENABLE 0x1cu
#define PCI_QUEUE_NOTIFY_OFF 0x1eu
#define PCI_QUEUE_DESC 0x20u
#define PCI_QUEUE_DRIVER 0x28u
#define PCI_QUEUE_DEVICE 0x30u
#define PCI_COMMON_BYTES 0x38u

/* Configuration space without PCI Express. */
#define FOLIO_PCI_CONFIG_BYTES 256u

/* Within a BAR. */
struct folio_pci_range {
	uint32_t bar;
	uint32_t offset;
	uint32_t len; /* 0: there is none */
};

struct folio_pci_regs {
	const struct folio_pci_access *access;
	struct folio_pci_range part[FOLIO_PCI_PARTS];
	uint32_t multiplier; /* of a queue's notify offset */
	uint32_t window;     /* offset of the window's capability; 0: none */
};

/*
 * Find the parts. config: a private copy of the configuration space, of which the device chose each
 * byte. The first capability of each type counts, as the specification has it; others are ignored,
 * and so are unknown types and BARs (section 4.1.4.1).
 *
 * Returns 0, or -EPROTO, or -ENODEV (no network device), with a line for the user that `name`
 * begins.
 */
int folio_pci_regs_find(struct folio_pci_regs *r, const struct folio_pci_access *access,
			const uint8_t config[FOLIO_PCI_CONFIG_BYTES], const char *name,
			struct folio_error *err);

/*
 * One register of 1, 2 or 4 bytes. False: the part does not reach so far, or the device did not
 * answer. Device not trusted: the value is any. A write is one system call, and one access whatever
 * other threads do; a read through a window is two, and no other thread may use the window
 * meanwhile.
 */
bool folio_pci_reg_read(const struct folio_pci_regs *r, enum folio_pci_part part, uint32_t offset,
			uint32_t len, uint32_t *value);
bool folio_pci_reg_write(const struct folio_pci_regs *r, enum folio_pci_part part, uint32_t offset,
			 uint32_t len, uint32_t value);

#endif /* FOLIO_PCI_REGS_H */
