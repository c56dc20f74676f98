/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VIRTIO_PCI_H
#define FOLIO_VIRTIO_PCI_H

/*
 * The transport for a virtio-pci device, its modern interface only (virtio 1.2, sections 3.1
 * and 4.1). The device is not trusted: each register is read once, every loop is bounded, and a
 * device that says something impossible ends the attempt with a line that says what.
 *
 * From plan->features it acts on those that are the transport's business: CTRL_VQ (the control
 * queue is set up), MQ (the device is told how many pairs), CTRL_RX (it is told to be promiscuous,
 * as every port of folio is), CTRL_MAC_ADDR (it is told plan->mac), STATUS and GUEST_ANNOUNCE
 * (watch()). A device may refuse the address and promiscuity (a host may not want them): that is
 * counted, no more.
 */

#include "virtio/control.h"
#include "virtio/pci_regs.h"
#include "virtio/transport.h"

/* Features of a device that this transport does its part of. */
#define FOLIO_VIRTIO_PCI_FEATURES                                                                  \
	(UINT64_C(1) << VIRTIO_NET_F_MTU | UINT64_C(1) << VIRTIO_NET_F_MAC |                       \
	 UINT64_C(1) << VIRTIO_NET_F_STATUS | UINT64_C(1) << VIRTIO_NET_F_CTRL_VQ |                \
	 UINT64_C(1) << VIRTIO_NET_F_CTRL_RX | UINT64_C(1) << VIRTIO_NET_F_GUEST_ANNOUNCE |        \
	 UINT64_C(1) << VIRTIO_NET_F_MQ | UINT64_C(1) << VIRTIO_NET_F_CTRL_MAC_ADDR)

/* Looks for the answer to a command, one a tick, before the device is given up. */
#define FOLIO_VIRTIO_PCI_LOOKS 500u

/* What it is made of; all must outlive it. */
struct folio_virtio_pci_config {
	struct folio_pci_place place;
	const struct folio_shm *shm; /* what an IOMMU is to let the device reach */
	/*
	 * FOLIO_CONTROL_BYTES of the shared memory, aligned to FOLIO_VIRTQ_LINE, for the control
	 * queue, and their device address: folio_arena_take(). It is this transport's until it is
	 * closed.
	 */
	void *control;
	uint64_t control_addr;
	/* How to open the function: folio_pci_access_open(), but in tests. */
	int (*opener)(struct folio_pci_access *a, const struct folio_pci_place *place,
		      const struct folio_shm *shm, const char *name, struct folio_error *err);
};

enum folio_virtio_pci_step {
	FOLIO_VIRTIO_PCI_BEGIN,	   /* reach(): find its registers, reset it */
	FOLIO_VIRTIO_PCI_RESET,	   /* until its status is 0 */
	FOLIO_VIRTIO_PCI_ASK,	   /* ask(): features and configuration */
	FOLIO_VIRTIO_PCI_TELL,	   /* tell(): features */
	FOLIO_VIRTIO_PCI_QUEUES,   /* set them up, then start it */
	FOLIO_VIRTIO_PCI_COMMANDS, /* that go with the start */
	FOLIO_VIRTIO_PCI_RUN,
	FOLIO_VIRTIO_PCI_PART, /* part(): until its status is 0 */
};

struct folio_virtio_pci {
	struct folio_virtio_pci_config cfg;
	char name[64]; /* begins the lines for the user */
	struct folio_pci_access access;
	struct folio_pci_regs regs;
	enum folio_virtio_pci_step step;
	bool lost;				    /* it did not answer: open it anew */
	uint32_t next;				    /* queue or command at hand */
	uint64_t offered;			    /* features */
	uint32_t pairs;				    /* that it has */
	uint32_t queue_max;			    /* limit of its queues */
	uint64_t features;			    /* negotiated */
	uint32_t doorbell[FOLIO_VIRTIO_QUEUES_MAX]; /* within the notify part */
	uint32_t control_doorbell;
	/* Without BARs: a thread uses the window, and which queues' doorbells wait for it. Atomic.
	 */
	uint32_t window_busy;
	uint64_t waiting[FOLIO_VIRTIO_QUEUES_MAX / 64];
	struct folio_control control;
	struct folio_virtio_ring control_ring;
	uint64_t refused; /* counted: commands that the device did not want */
};

extern const struct folio_virtio_transport folio_virtio_pci_transport;

/*
 * Open the function: the first of p's life, no device is told anything yet. Control thread; may
 * take as long as a reset of the function takes (vfio, tenths of a second).
 *
 * Returns 0, or a negative errno with a line for the user: -EINVAL, -ENODEV or -EBUSY (a driver has
 * it) for what the user can mend. Then nothing is left behind.
 */
int folio_virtio_pci_open(struct folio_virtio_pci *p, const struct folio_virtio_pci_config *cfg,
			  struct folio_error *err);

/* Reset the device, no bus mastering, close. No burst runs any more. Twice is fine. */
void folio_virtio_pci_close(struct folio_virtio_pci *p);

#endif /* FOLIO_VIRTIO_PCI_H */
