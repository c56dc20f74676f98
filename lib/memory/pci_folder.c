/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "memory/pci_folder.h"

/* From an address with or without a domain. */
int
folio_pci_folder_open(struct folio_pci_folder *dir, const struct folio_pci_place *place,
		      const char *name, struct folio_error *err)
{
	unsigned int domain = 0, bus, slot, fn;
	const char *address = place->address;
	int end = 0;

	*dir = (struct folio_pci_folder){.fd = -1};
	if (sscanf(address, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &fn, &end) != 4) {
		domain = 0;
		if (sscanf(address, "%2x:%2x.%1x%n", &bus, &slot, &fn, &end) != 3)
			end = 0;
	}
	if (end == 0 || address[end] != '\0')
		return folio_fail(err, -EINVAL, "%s is not a PCI address: allowed is "
				  "DOMAIN:BUS:DEVICE.FUNCTION, e.g. 0000:00:04.0", name);
	dir->domain = domain;
	dir->bus = bus;
	dir->devfn = slot << 3 | fn;
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

void
folio_pci_folder_close(struct folio_pci_folder *dir)
{
	if (dir->fd >= 0)
		close(dir->fd);
	free(dir->path);
	*dir = (struct folio_pci_folder){.fd = -1};
}

bool
folio_pci_folder_text(int folder, const char *file, char *text, size_t size)
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

/* A line a BAR has its first and last address. */
uint64_t
folio_pci_folder_bar(const struct folio_pci_folder *dir, unsigned int bar, uint64_t *addr)
{
	uint64_t first = 0, last = 0;
	char text[1024], *line = text;
	unsigned int i;

	if (!folio_pci_folder_text(dir->fd, "resource", text, sizeof(text)))
		return 0;
	for (i = 0; i < bar && line != NULL; i++)
		line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL;
	if (line == NULL || sscanf(line, "%" SCNx64 " %" SCNx64, &first, &last) != 2 ||
	    last <= first)
		return 0;
	if (addr != NULL)
		*addr = first;
	return last - first + 1;
}

bool
folio_pci_folder_driver(const struct folio_pci_folder *dir, char *driver, size_t size)
{
	char target[PATH_MAX];
	const char *name;
	ssize_t len;

	len = readlinkat(dir->fd, "driver", target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = '\0';
	name = strrchr(target, '/');
	snprintf(driver, size, "%.*s", (int)size - 1, name != NULL ? name + 1 : target);
	return true;
}

int
folio_pci_folder_enable(const struct folio_pci_folder *dir, const char *name,
			struct folio_error *err)
{
	ssize_t written = -1;
	char text[16];
	int fd;

	if (folio_pci_folder_text(dir->fd, "enable", text, sizeof(text)) && text[0] != '0')
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
