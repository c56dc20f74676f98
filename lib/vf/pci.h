/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VF_PCI_H
#define FOLIO_VF_PCI_H

/*
 * Where a virtual function's registers are: BAR 0 of a PCI function that is bound to vfio-pci. The
 * control thread's accesses are the kernel's (pci/access.h). Of the datapath there is one store, to
 * a queue's tail register: through a mapping of the BAR where there can be one, else by the kernel.
 *
 * With an IOMMU the card reaches the shared memory and nothing else.
 */

#include "boundary/shared.h"
#include "pci/access.h"
#include "vf/family.h"
#include "vf/mailbox.h"

struct folio_vf_pci {
	struct folio_pci_place place;
	const struct folio_shm *shm; /* what an IOMMU is to let the card reach */
	char name[64];		     /* begins the lines for the user */
	struct folio_pci_access access;
	const struct folio_vf_family *family; /* as it was at the first open */
	void *map; /* of BAR 0, for stores; NULL: none */
};

extern const struct folio_vf_regs folio_vf_pci_regs;

/*
 * Open the function, or open it anew. Control thread; with vfio that is a reset, tenths of a second.
 *
 * Returns 0, or a negative errno with a line for the user; then nothing is left behind.
 */
int folio_vf_pci_open(struct folio_vf_pci *p, struct folio_error *err);

/*
 * Twice is fine. The kernel stops the card if nobody did, and an IOMMU lets it reach nothing more.
 */
void folio_vf_pci_close(struct folio_vf_pci *p);

static inline bool
folio_vf_pci_is_open(const struct folio_vf_pci *p)
{
	return p->access.ops != NULL;
}

/* Where a register is for stores. NULL: folio_vf_pci_regs.write() it is. */
folio_shared_u32 *folio_vf_pci_mapped(const struct folio_vf_pci *p, uint32_t reg);

#endif /* FOLIO_VF_PCI_H */
