/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef PCIRIG_H
#define PCIRIG_H

/* The transport for virtio-pci and the device of pcidev.h, for unit tests. */

#include "../unit/util.h"
#include "pcidev.h"

#define BIT(name) (UINT64_C(1) << VIRTIO_##name)
#define PLAIN (BIT(F_VERSION_1) | BIT(NET_F_MAC))
#define ALL (PLAIN | FOLIO_VIRTIO_PCI_FEATURES | BIT(F_RING_PACKED) | BIT(F_ACCESS_PLATFORM))

struct pcirig {
	struct pcidev dev;
	struct folio_virtio_pci pci;
	struct folio_virtio_offer offer;
	struct folio_virtio_plan plan;
	struct folio_error err;
	void *mem;
};

/* Fixtures: *state is the rig. */
int pcirig_setup(void **state);
int pcirig_teardown(void **state);

/* A device with these features and pairs, opened. */
void pcirig_begin(struct pcirig *e, uint64_t features, uint32_t pairs);

/* Closed. Asserts that the device is left alone, and that the driver did nothing wrong. */
void pcirig_end(struct pcirig *e);

/* So far, tick by tick; returns what the last step did. */
int pcirig_reach(struct pcirig *e);
int pcirig_ask(struct pcirig *e);

/* All of it, with as much as is offered, but for what is not in `features`. */
int pcirig_tell(struct pcirig *e, uint64_t features);

/* The last step, with e->plan. */
int pcirig_tell_more(struct pcirig *e);

int pcirig_watch(struct pcirig *e, struct folio_virtio_health *health);

/*
 * What returned `ret` ended with this errno and a line that begins with the devarg and says so.
 * Then the device is dropped.
 */
void pcirig_check(struct pcirig *e, int ret, int wanted, const char *says);

#endif /* PCIRIG_H */
