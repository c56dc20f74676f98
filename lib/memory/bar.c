/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
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

/* A device's folder in sysfs. */
struct folder {
	int fd;
	char *path;
};

/* Find the folder of a device, from an address with or without a domain. */
static int
open_folder(const char *name, const struct folio_pci_place *place, struct folder *dir,
	    struct folio_error *err)
{
	unsigned int domain = 0, bus, slot, fn;
	const char *address = place->address;
	int end = 0;

	if (sscanf(address, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &fn, &end) != 4) {
		domain = 0;
		if (sscanf(address, "%2x:%2x.%1x%n", &bus, &slot, &fn, &end) != 3)
			end = 0;
	}
	if (end == 0 || address[end] != '\0')
		return folio_fail(err, -EINVAL, "%s is not a PCI address: allowed is "
				  "DOMAIN:BUS:DEVICE.FUNCTION, e.g. 0000:00:04.0", name);
	if (asprintf(&dir->path, "%s/%04x:%02x:%02x.%x", place->sysfs, domain, bus, slot, fn) < 0) {
		dir->path = NULL;
		return folio_fail(err, -ENOMEM, "out of memory");
	}
	dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd < 0)
		return folio_fail(err, -ENODEV, "%s: there is no such PCI device (see lspci -D)",
				  name);
	return 0;
}

/* The first bytes of a small file, as a string. */
static bool
read_text(int folder, const char *file, char *text, size_t size)
{
	int fd = openat(folder, file, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, text, size - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	return len > 0;
}

static unsigned int
read_hex(int folder, const char *file)
{
	char text[32];

	return read_text(folder, file, text, sizeof(text)) ? (unsigned int)strtoul(text, NULL, 16) : 0;
}

/* Where the shared memory BAR lies: a line a BAR has its first and last address. Else of size 0. */
static void
find_bar(struct folio_bar *b, const struct folder *dir)
{
	uint64_t first = 0, last = 0;
	char text[1024], *line = text;
	int i;

	b->size = 0;
	if (!read_text(dir->fd, "resource", text, sizeof(text)))
		return;
	for (i = 0; i < IVSHMEM_BAR && line != NULL; i++)
		line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL;
	if (line == NULL || sscanf(line, "%" SCNx64 " %" SCNx64, &first, &last) != 2)
		return;
	b->addr = first;
	b->size = last > first ? last - first + 1 : 0;
}

/* The module's file for the device, if it has it: DIR/folio/folioN is for /dev/folioN. */
static char *
find_node(const struct folder *dir, const struct folio_pci_place *place)
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
check_no_driver(const char *name, const struct folder *dir, struct folio_error *err)
{
	char target[PATH_MAX];
	const char *driver;
	ssize_t len;

	len = readlinkat(dir->fd, "driver", target, sizeof(target) - 1);
	if (len < 0)
		return 0;
	target[len] = '\0';
	driver = strrchr(target, '/');
	return folio_fail(err, -EBUSY, "%s is bound to the driver %s: unbind it, or load the folio "
			  "kernel module and bind the device to that", name,
			  driver != NULL ? driver + 1 : target);
}

/* Without memory decoding the BAR reads as ones. */
static int
enable_decoding(const char *name, const struct folder *dir, struct folio_error *err)
{
	ssize_t written = -1;
	char text[16];
	int fd;

	if (read_text(dir->fd, "enable", text, sizeof(text)) && text[0] != '0')
		return 0;
	fd = openat(dir->fd, "enable", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		written = write(fd, "1", 1);
		close(fd);
	}
	if (written == 1)
		return 0;
	return folio_fail(err, -errno, "%s: cannot enable the device (%s/enable): %s", name,
			  dir->path, strerror(errno));
}

int
folio_bar_explain_map(const char *name, const char *path, int ret, struct folio_error *err)
{
	char line[128] = "";

	if (ret == -EPERM) {
		/* "none [integrity] confidentiality": the one in brackets holds. */
		(void)read_text(AT_FDCWD, LOCKDOWN, line, sizeof(line));
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
open_resource(struct folio_bar *b, const char *name, const struct folder *dir,
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
open_sysfs(struct folio_bar *b, const char *name, const struct folder *dir, struct folio_error *err)
{
	int ret;

	find_bar(b, dir);
	if (b->size < FOLIO_WIRE_PAGE)
		return folio_fail(err, -EINVAL, "%s: its BAR%d has no memory (%" PRIu64 " bytes): "
				  "give the ivshmem device a memory backend", name, IVSHMEM_BAR,
				  b->size);
	ret = check_no_driver(name, dir, err);
	if (ret == 0)
		ret = enable_decoding(name, dir, err);
	if (ret == 0)
		ret = open_resource(b, name, dir, err);
	return ret;
}

static int
open_device(struct folio_bar *b, const struct folio_pci_place *place, const char *name,
	    const struct folder *dir, struct folio_error *err)
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
	struct folder dir = {.fd = -1};
	int ret;

	memset(b, 0, sizeof(*b));
	b->fd = -1;
	ret = open_folder(name, place, &dir, err);
	if (ret == 0)
		ret = open_device(b, place, name, &dir, err);
	if (dir.fd >= 0)
		close(dir.fd);
	free(dir.path);
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
