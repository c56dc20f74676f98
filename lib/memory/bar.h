/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_BAR_H
#define FOLIO_BAR_H

/*
 * BAR2 of an ivshmem device: the kernel module has it, or it is reached through sysfs, in virtual
 * machines without the module. The kernel maps it write-combining at best, and not at all when it
 * is locked down.
 */

#include <stdbool.h>
#include <stdint.h>

#include <folio.h>

#include "memory/pci_folder.h"

struct folio_bar {
	char *node; /* file of the kernel module's, to be freed. NULL: the rest is there */
	int fd;
	char *path; /* of fd; to be freed */
	uint64_t addr; /* guest-physical */
	uint64_t size;
	enum folio_caching caching;
	char detail[64]; /* what it is, for people */
};

/*
 * Find the device and open its BAR, with the device's memory decoding switched on, or learn which
 * file of the kernel module's to open instead.
 *
 * Returns 0 or a negative errno with a line for the user that begins with the name; then nothing is
 * left behind.
 */
int folio_bar_open(struct folio_bar *b, const struct folio_pci_place *place, const char *name,
		   struct folio_error *err);

/* Mapping it failed with this negative errno: a line for the user. Returns the errno. */
int folio_bar_explain_map(const char *name, const char *path, int ret, struct folio_error *err);

/* Was the device removed? One that came back is another one. */
bool folio_bar_is_gone(int fd, const char *path);

#endif /* FOLIO_BAR_H */
