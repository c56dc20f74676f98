/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <folio_wire.h>

#include "error.h"
#include "memory/bar.h"
#include "memory/file.h"

#define IVSHMEM_VENDOR 0x1af4
#define IVSHMEM_DEVICE 0x1110
#define IVSHMEM_BAR 2

#define LOCKDOWN "/sys/kernel/security/lockdown"

static unsigned int
read_hex(int folder, const char *file)
{
	char text[32];

	return folio_pci_folder_text(folder, file, text, sizeof(text)) ? (unsigned int)strtoul(text, NULL, 16) : 0;
}

/* The module's file for the device, if it has it: DIR/folio/folioN is for /dev/folioN. */
static char *
find_node(const struct folio_pci_folder *dir, const struct folio_pci_place *place)
{
	int fd = openat(dir->fd, "folio", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	char *node = NULL;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	while (node == NULL && (e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, "folio", 5) == 0 &&
		    asprintf(&node, "%s/%s", place->dev, e->d_name) < 0)
			node = NULL;
	}
	closedir(d);
	return node;
}

static int
check_no_driver(const char *name, const struct folio_pci_folder *dir, struct folio_error *err)
{
	char driver[64];

	if (!folio_pci_folder_driver(dir, driver, sizeof(driver)))
		return 0;
	return folio_fail(err, -EBUSY, "%s is bound to the driver %s: unbind it, or load the folio "
			  "kernel module and bind the device to that", name, driver);
}

int
folio_bar_explain_map(const char *name, const char *path, int ret, struct folio_error *err)
{
	char line[128] = "";

	if (ret == -EPERM) {
		/* "none [integrity] confidentiality": the one in brackets holds. */
		(void)folio_pci_folder_text(AT_FDCWD, LOCKDOWN, line, sizeof(line));
		line[strcspn(line, "\n")] = '\0';
		return folio_fail(err, ret, "%s: the kernel forbids to map %s: it is locked down "
				  "(%s), as with Secure Boot: load the signed folio kernel module",
				  name, path, line[0] != '\0' ? line : "state unknown");
	}
	if (ret == -EINVAL)
		return folio_fail(err, ret, "%s: the kernel refuses to map %s: a driver of the "
				  "kernel has it", name, path);
	return folio_fail(err, ret, "%s: cannot map %s: %s", name, path, strerror(-ret));
}

/* Write-combining is there for prefetchable BARs; uncached is what is left. */
static int
open_resource(struct folio_bar *b, const char *name, const struct folio_pci_folder *dir,
	      struct folio_error *err)
{
	static const struct {
		const char *file;
		enum folio_caching caching;
	} ways[] = {
		{"resource2_wc", FOLIO_CACHING_WRITE_COMBINING},
		{"resource2", FOLIO_CACHING_UNCACHED},
	};
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		free(b->path);
		if (asprintf(&b->path, "%s/%s", dir->path, ways[i].file) < 0) {
			b->path = NULL;
			return folio_fail(err, -ENOMEM, "out of memory");
		}
		b->fd = open(b->path, O_RDWR | O_CLOEXEC);
		if (b->fd < 0 && errno == ENOENT)
			continue;
		if (b->fd < 0)
			break;
		b->caching = ways[i].caching;
		snprintf(b->detail, sizeof(b->detail), "BAR%d, through sysfs (%s)", IVSHMEM_BAR,
			 ways[i].file);
		return 0;
	}
	return folio_fail(err, -errno, "%s: cannot open %s for writing: %s", name, b->path,
			  strerror(errno));
}

static int
open_sysfs(struct folio_bar *b, const char *name, const struct folio_pci_folder *dir,
	   struct folio_error *err)
{
	int ret;

	b->size = folio_pci_folder_bar(dir, IVSHMEM_BAR, &b->addr);
	if (b->size < FOLIO_WIRE_PAGE)
		return folio_fail(err, -EINVAL, "%s: its BAR%d has no memory (%" PRIu64 " bytes): "
				  "give the ivshmem device a memory backend", name, IVSHMEM_BAR,
				  b->size);
	ret = check_no_driver(name, dir, err);
	if (ret == 0)
		ret = folio_pci_folder_enable(dir, name, err);
	if (ret == 0)
		ret = open_resource(b, name, dir, err);
	return ret;
}

static int
open_device(struct folio_bar *b, const struct folio_pci_place *place, const char *name,
	    const struct folio_pci_folder *dir, struct folio_error *err)
{
	unsigned int vendor = read_hex(dir->fd, "vendor");
	unsigned int device = read_hex(dir->fd, "device");

	if (vendor != IVSHMEM_VENDOR || device != IVSHMEM_DEVICE)
		return folio_fail(err, -EINVAL, "%s is a device %04x:%04x: allowed is an ivshmem "
				  "device, %04x:%04x", name, vendor, device, IVSHMEM_VENDOR,
				  IVSHMEM_DEVICE);
	b->node = find_node(dir, place);
	return b->node != NULL ? 0 : open_sysfs(b, name, dir, err);
}

int
folio_bar_open(struct folio_bar *b, const struct folio_pci_place *place, const char *name,
	       struct folio_error *err)
{
	struct folio_pci_folder dir;
	int ret;

	memset(b, 0, sizeof(*b));
	b->fd = -1;
	ret = folio_pci_folder_open(&dir, place, name, err);
	if (ret == 0)
		ret = open_device(b, place, name, &dir, err);
	folio_pci_folder_close(&dir);
	if (ret != 0) {
		free(b->path);
		b->path = NULL;
	}
	return ret;
}

/* A removed device's file is unlinked; one that comes back has another. */
bool
folio_bar_is_gone(int fd, const char *path)
{
	return !folio_file_is_at(fd, path);
}
