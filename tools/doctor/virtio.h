/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef DOCTOR_VIRTIO_H
#define DOCTOR_VIRTIO_H

/* Virtio-net functions: what each offers, whoever has it. */

#include "probe.h"
#include "virtio/pci_regs.h"

struct virtio_offer {
	uint32_t status; /* 0: reset */
	uint64_t features;
	uint32_t pairs;
	uint32_t size; /* of its first queue, descriptors */
	uint32_t mtu;  /* 0: not told */
};

/*
 * Ask a function that no driver has, through the window in its configuration space: selectors are
 * written, and nothing else. It is locked meanwhile as folio's own driver locks it. The device is
 * not trusted: regs is judged, the offer is any.
 *
 * Returns 0, or an errno: EBUSY if a program drives it, ENODATA if --root does not know. Takes some
 * system calls.
 */
int virtio_ask(const struct probe *p, const char *bdf, const struct folio_pci_regs *regs,
	       struct virtio_offer *offer);

#endif /* DOCTOR_VIRTIO_H */
