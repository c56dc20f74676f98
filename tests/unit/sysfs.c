/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sysfs.h"
#include "util.h"

void
sysfs_write(const struct sysfs *e, const char *name, const char *text)
{
	char path[PATH_MAX + 32];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", e->device, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

void
sysfs_make_bar(const struct sysfs *e, const char *name, off_t size)
{
	char path[PATH_MAX + 32];

	sysfs_write(e, name, "");
	snprintf(path, sizeof(path), "%s/%s", e->device, name);
	assert_int_equal(truncate(path, size), 0);
}

void
sysfs_read(const struct sysfs *e, const char *name, off_t offset, void *out, size_t len)
{
	char path[PATH_MAX + 32];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", e->device, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, out, len, offset), len);
	close(fd);
}

void
sysfs_remove(const struct sysfs *e, const char *name)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", e->device, name);
	assert_int_equal(unlink(path), 0);
}

int
sysfs_setup(void **state)
{
	struct sysfs *e = calloc(1, sizeof(*e));

	if (e == NULL || util_dir_setup(&e->dir) != 0)
		return -1;
	snprintf(e->device, sizeof(e->device), "%s/" SYSFS_ADDRESS, (const char *)e->dir);
	e->place =
		(struct folio_pci_place){.address = SYSFS_ADDRESS, .sysfs = e->dir, .dev = e->dir};
	if (mkdir(e->device, 0700) != 0)
		return -1;
	sysfs_write(e, "vendor", "0x1af4\n");
	sysfs_write(e, "device", "0x1110\n");
	sysfs_write(e, "enable", "1\n");
	sysfs_write(e, "resource",
		   "0x00000000febf1000 0x00000000febf10ff 0x0000000000040200\n"
		   "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		   "0x0000000100000000 0x0000000100ffffff 0x000000000014220c\n");
	sysfs_make_bar(e, "resource2", SYSFS_BAR_SIZE);
	sysfs_make_bar(e, "resource2_wc", SYSFS_BAR_SIZE);
	*state = e;
	return 0;
}

int
sysfs_teardown(void **state)
{
	struct sysfs *e = *state;
	int ret = util_dir_teardown(&e->dir);

	free(e);
	return ret;
}
