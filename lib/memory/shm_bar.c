/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * BAR2 of an ivshmem device through sysfs, for virtual machines without the kernel module. The
 * kernel maps it write-combining at best, and not at all when it is locked down.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "memory/shm_device.h"

#define IVSHMEM_VENDOR 0x1af4
#define IVSHMEM_DEVICE 0x1110
#define IVSHMEM_BAR 2

#define LOCKDOWN "/sys/kernel/security/lockdown"

/* A device's folder in sysfs. */
struct folder {
	int fd;
	char *path;
};

/* A removed device's file is unlinked; one that comes back has another. */
static bool
bar_is_gone(const struct folio_region *r)
{
	struct stat here, at_path;

	return fstat(r->fd, &here) != 0 || stat(r->path, &at_path) != 0 ||
	       here.st_ino != at_path.st_ino || here.st_dev != at_path.st_dev;
}

static const struct folio_region_source bar_source = {
	.lost = "is gone",
	.grow = folio_device_grow,
	.peek = folio_device_peek,
	.reserve = folio_device_reserve,
	.discard = folio_device_discard,
	.is_cut = bar_is_gone,
	.is_lost = bar_is_gone,
	.release = folio_device_release,
};

/* Find the folder of a device, from an address with or without a domain. */
static int
open_folder(const struct folio_region *r, const struct folio_pci_place *place, struct folder *dir,
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
				  "DOMAIN:BUS:DEVICE.FUNCTION, e.g. 0000:00:04.0", r->name);
	if (asprintf(&dir->path, "%s/%04x:%02x:%02x.%x", place->sysfs, domain, bus, slot, fn) < 0) {
		dir->path = NULL;
		return folio_fail(err, -ENOMEM, "out of memory");
	}
	dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd < 0)
		return folio_fail(err, -ENODEV, "%s: there is no such PCI device (see lspci -D)",
				  r->name);
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

/* Bytes of the shared memory BAR: a line a BAR has its first and last address. */
static uint64_t
bar_size(const struct folder *dir)
{
	uint64_t first = 0, last = 0;
	char text[1024], *line = text;
	int i;

	if (!read_text(dir->fd, "resource", text, sizeof(text)))
		return 0;
	for (i = 0; i < IVSHMEM_BAR && line != NULL; i++)
		line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL;
	if (line == NULL || sscanf(line, "%" SCNx64 " %" SCNx64, &first, &last) != 2)
		return 0;
	return last > first ? last - first + 1 : 0;
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
check_no_driver(const struct folio_region *r, const struct folder *dir, struct folio_error *err)
{
	char target[PATH_MAX];
	const char *name;
	ssize_t len;

	len = readlinkat(dir->fd, "driver", target, sizeof(target) - 1);
	if (len < 0)
		return 0;
	target[len] = '\0';
	name = strrchr(target, '/');
	return folio_fail(err, -EBUSY, "%s is bound to the driver %s: unbind it, or load the folio "
			  "kernel module and bind the device to that", r->name,
			  name != NULL ? name + 1 : target);
}

/* Without memory decoding the BAR reads as ones. */
static int
enable_decoding(const struct folio_region *r, const struct folder *dir, struct folio_error *err)
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
	return folio_fail(err, -errno, "%s: cannot enable the device (%s/enable): %s", r->name,
			  dir->path, strerror(errno));
}

static int
explain_map(const struct folio_region *r, int ret, struct folio_error *err)
{
	char line[128] = "";

	if (ret == -EPERM) {
		/* "none [integrity] confidentiality": the one in brackets holds. */
		(void)read_text(AT_FDCWD, LOCKDOWN, line, sizeof(line));
		line[strcspn(line, "\n")] = '\0';
		return folio_fail(err, ret, "%s: the kernel forbids to map %s: it is locked down "
				  "(%s), as with Secure Boot: load the signed folio kernel module",
				  r->name, r->path, line[0] != '\0' ? line : "state unknown");
	}
	if (ret == -EINVAL)
		return folio_fail(err, ret, "%s: the kernel refuses to map %s: a driver of the "
				  "kernel has it", r->name, r->path);
	return folio_fail(err, ret, "%s: cannot map %s: %s", r->name, r->path, strerror(-ret));
}

/* Write-combining is there for prefetchable BARs; uncached is what is left. */
static int
open_resource(struct folio_region *r, const struct folder *dir, struct folio_error *err)
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
		free(r->path);
		if (asprintf(&r->path, "%s/%s", dir->path, ways[i].file) < 0) {
			r->path = NULL;
			return folio_fail(err, -ENOMEM, "out of memory");
		}
		r->fd = open(r->path, O_RDWR | O_CLOEXEC);
		if (r->fd < 0 && errno == ENOENT)
			continue;
		if (r->fd < 0)
			break;
		r->caching = ways[i].caching;
		snprintf(r->detail, sizeof(r->detail), "BAR%d, through sysfs (%s)", IVSHMEM_BAR,
			 ways[i].file);
		return 0;
	}
	return folio_fail(err, -errno, "%s: cannot open %s for writing: %s", r->name, r->path,
			  strerror(errno));
}

static int
open_sysfs(struct folio_region *r, const struct folder *dir, struct folio_error *err)
{
	int ret;

	r->size = bar_size(dir);
	if (r->size < FOLIO_WIRE_PAGE)
		return folio_fail(err, -EINVAL, "%s: its BAR%d has no memory (%" PRIu64 " bytes): "
				  "give the ivshmem device a memory backend", r->name, IVSHMEM_BAR,
				  r->size);
	ret = check_no_driver(r, dir, err);
	if (ret == 0)
		ret = enable_decoding(r, dir, err);
	if (ret == 0)
		ret = open_resource(r, dir, err);
	if (ret != 0)
		return ret;
	r->source = &bar_source;
	r->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
	ret = folio_region_lock_role(r, err);
	if (ret != 0)
		return ret;
	ret = folio_device_map_first(r);
	if (ret != 0)
		return explain_map(r, ret, err);
	/* Another program's, or the peer's doing: left alone until somebody clears it. */
	if (r->role == FOLIO_GUEST && !folio_region_is_folios(r))
		return folio_fail(err, -EUCLEAN, "%s is not a folio region: its memory starts with "
				  "something else (allowed: zeroes, a folio region): it is left alone",
				  r->name);
	folio_region_note_predecessor(r);
	folio_device_measure(r);
	return 0;
}

static int
open_device(struct folio_region *r, const struct folio_pci_place *place, const struct folder *dir,
	    struct folio_error *err)
{
	unsigned int vendor = read_hex(dir->fd, "vendor");
	unsigned int device = read_hex(dir->fd, "device");
	char *node;
	int ret;

	if (vendor != IVSHMEM_VENDOR || device != IVSHMEM_DEVICE)
		return folio_fail(err, -EINVAL, "%s is a device %04x:%04x: allowed is an ivshmem "
				  "device, %04x:%04x", r->name, vendor, device, IVSHMEM_VENDOR,
				  IVSHMEM_DEVICE);
	node = find_node(dir, place);
	if (node == NULL)
		return open_sysfs(r, dir, err);
	ret = folio_region_open_node(r, node, err);
	free(node);
	return ret;
}

int
folio_region_open_bar(struct folio_region *r, const struct folio_pci_place *place,
		      struct folio_error *err)
{
	struct folder dir = {.fd = -1};
	int ret;

	ret = open_folder(r, place, &dir, err);
	if (ret == 0)
		ret = open_device(r, place, &dir, err);
	if (dir.fd >= 0)
		close(dir.fd);
	free(dir.path);
	return ret;
}
