/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_PCI_ACCESS_H
#define FOLIO_PCI_ACCESS_H

/*
 * A PCI function's configuration space and BARs by pread() and pwrite(), not by a mapping: an access
 * of user space to the registers of an emulated device is refused in SNP and TDX guests, the
 * kernel's own is not. Of a device that is not emulated a BAR may be mapped, for doorbells.
 *
 * A function that is bound to vfio-pci is reached through vfio, BARs too. One that no driver has is
 * reached through sysfs, where memory BARs can be mapped only: then there is nothing but
 * configuration space, and a virtio device's window in it (pci_regs.h).
 *
 * The device is not trusted: what is read is any value. Reads and writes may be done by any thread,
 * the rest by the control thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include <folio.h>

#include "memory/pci_folder.h"
#include "memory/shm.h"

#define FOLIO_PCI_BARS 6u
#define FOLIO_PCI_CONFIG 7u /* vfio's number of the configuration space */
#define FOLIO_PCI_SPACES 8u

/* Of the command register: decode addresses of memory BARs; may use memory itself. */
#define FOLIO_PCI_MEMORY 2u
#define FOLIO_PCI_MASTER 4u

struct folio_pci_access;

/* How it is reached. Each call is one access, and one system call. False: not done, or only in
 * part. */
struct folio_pci_access_ops {
	bool (*read)(const struct folio_pci_access *a, uint32_t space, uint64_t offset, void *to,
		     uint32_t len);
	bool (*write)(const struct folio_pci_access *a, uint32_t space, uint64_t offset,
		      const void *from, uint32_t len);
	/* A mapping of a whole BAR for one who only stores to it, or NULL. NULL: there is none. */
	void *(*map)(const struct folio_pci_access *a, uint32_t space);
	void (*unmap)(const struct folio_pci_access *a, uint32_t space, void *map);
};

struct folio_pci_access {
	const struct folio_pci_access_ops *ops; /* NULL: not open */
	void *device;				/* of other ops than those here */
	int fd;					/* sysfs: the file `config`; vfio: the device */
	int group;				/* vfio: for FOLIO_IOCTL_DEVICE; -1 */
	int container;				/* vfio: holds the mappings of an IOMMU; -1 */
	bool has_bars;				/* BARs can be read and written */
	uint64_t start[FOLIO_PCI_SPACES];	/* of a space in the file */
	uint64_t size[FOLIO_PCI_SPACES]; /* in bytes, by the kernel's word; 0: there is none */
	uint32_t domain, bus, devfn;
};

/*
 * Open the function, with memory decoding on. shm: what an IOMMU is to let the device reach, and
 * for the kernel module to know that the device will write to it; NULL: nothing. name begins the
 * line for the user. Takes some system calls, and with vfio a reset of the function.
 *
 * Returns 0, or a negative errno with a line for the user; then nothing is left behind. A driver
 * that has the function is left alone (-EBUSY).
 */
int folio_pci_access_open(struct folio_pci_access *a, const struct folio_pci_place *place,
			  const struct folio_shm *shm, const char *name, struct folio_error *err);

/* Twice is fine. The device keeps its state; an IOMMU lets it reach nothing any more. */
void folio_pci_access_close(struct folio_pci_access *a);

/*
 * Switch bits of the command register (FOLIO_PCI_MEMORY, FOLIO_PCI_MASTER) on and off, and see that
 * it was done. now: what it says.
 *
 * Returns 0, -ENODEV if it does not answer, or -EIO if it does otherwise.
 */
int folio_pci_command(const struct folio_pci_access *a, uint16_t on, uint16_t off, uint16_t *now);

/* For folio_pci_access_open(): a function that is bound to vfio-pci. */
int folio_pci_vfio_open(struct folio_pci_access *a, const struct folio_pci_place *place,
			const struct folio_pci_folder *dir, const struct folio_shm *shm,
			const char *name, struct folio_error *err);

static inline bool
folio_pci_read(const struct folio_pci_access *a, uint32_t space, uint64_t offset, void *to,
	       uint32_t len)
{
	return a->ops->read(a, space, offset, to, len);
}

static inline bool
folio_pci_write(const struct folio_pci_access *a, uint32_t space, uint64_t offset, const void *from,
		uint32_t len)
{
	return a->ops->write(a, space, offset, from, len);
}

#endif /* FOLIO_PCI_ACCESS_H */
