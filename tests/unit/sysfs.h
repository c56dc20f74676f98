/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef SYSFS_H
#define SYSFS_H

/* A folder that looks like sysfs, with an ivshmem device whose BAR is a file. */

#include <limits.h>
#include <sys/types.h>

#include "memory/bar.h"

#define SYSFS_ADDRESS "0000:00:04.0"
#define SYSFS_BAR_SIZE (16u << 20)
#define SYSFS_BAR_AT UINT64_C(0x100000000) /* guest-physical */

struct sysfs {
	void *dir;
	char device[PATH_MAX]; /* the device's folder */
	struct folio_pci_place place;
};

/* Fixtures: *state is a struct sysfs. */
int sysfs_setup(void **state);
int sysfs_teardown(void **state);

/* Files of the device's folder. */
void sysfs_write(const struct sysfs *e, const char *name, const char *text);
void sysfs_make_bar(const struct sysfs *e, const char *name, off_t size);
void sysfs_read(const struct sysfs *e, const char *name, off_t offset, void *out, size_t len);
void sysfs_remove(const struct sysfs *e, const char *name);

#endif /* SYSFS_H */
