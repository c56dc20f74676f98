/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_PCI_FOLDER_H
#define FOLIO_PCI_FOLDER_H

/* The folder that sysfs has for a PCI function. Control thread only. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <folio.h>

/* Where a PCI device is found; the folders are others in tests only. */
struct folio_pci_place {
	const char *address; /* as the user wrote it: 0000:00:04.0 or 00:04.0 */
	const char *sysfs;   /* folder with a folder for each device */
	const char *dev;     /* folder with the files of the kernel module, and of vfio */
};

#define FOLIO_PCI_SYSFS "/sys/bus/pci/devices"
#define FOLIO_PCI_DEV "/dev"

struct folio_pci_folder {
	int fd;
	char *path;
	uint32_t domain, bus, devfn; /* devfn: device << 3 | function */
};

/*
 * Open it. Returns 0 or a negative errno with a line for the user that begins with the name; close
 * it in both cases.
 */
int folio_pci_folder_open(struct folio_pci_folder *dir, const struct folio_pci_place *place,
			  const char *name, struct folio_error *err);
void folio_pci_folder_close(struct folio_pci_folder *dir);

/* The first bytes of a small file in a folder, as a string. False: there are none. */
bool folio_pci_folder_text(int folder, const char *file, char *text, size_t size);

/* Bytes of a BAR, by the kernel's word, and where it lies, if asked for. 0: there is none. */
uint64_t folio_pci_folder_bar(const struct folio_pci_folder *dir, unsigned int bar, uint64_t *addr);

/* The driver that has the function. False: none has. */
bool folio_pci_folder_driver(const struct folio_pci_folder *dir, char *driver, size_t size);

/*
 * Have the kernel switch the function's decoding on: without it its BARs read as ones. Returns 0 or
 * a negative errno with a line for the user.
 */
int folio_pci_folder_enable(const struct folio_pci_folder *dir, const char *name,
			    struct folio_error *err);

#endif /* FOLIO_PCI_FOLDER_H */
