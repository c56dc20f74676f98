/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <folio_ioctl.h>

#include "error.h"
#include "virtio/pci_access.h"

#define CONFIG_BYTES 256u /* what there is of it without PCI Express */
/* Who is not root reads no more of it, and gets no error. */
#define CONFIG_OF_ANYBODY 64u

static bool
file_read(const struct folio_pci_access *a, uint32_t space, uint64_t offset, void *to, uint32_t len)
{
	return pread(a->fd, to, len, (off_t)(a->start[space] + offset)) == (ssize_t)len;
}

static bool
file_write(const struct folio_pci_access *a, uint32_t space, uint64_t offset, const void *from,
	   uint32_t len)
{
	return pwrite(a->fd, from, len, (off_t)(a->start[space] + offset)) == (ssize_t)len;
}

static const struct folio_pci_access_ops file_ops = {.read = file_read, .write = file_write};

static int
parse_address(struct folio_pci_access *a, const char *address, const char *name,
	      struct folio_error *err)
{
	unsigned int domain = 0, bus, slot, fn;
	int end = 0;

	if (sscanf(address, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &fn, &end) != 4) {
		domain = 0;
		if (sscanf(address, "%2x:%2x.%1x%n", &bus, &slot, &fn, &end) != 3)
			end = 0;
	}
	if (end == 0 || address[end] != '\0' || slot > 31 || fn > 7)
		return folio_fail(err, -EINVAL,
				  "%s is not a PCI address: allowed is "
				  "DOMAIN:BUS:DEVICE.FUNCTION, e.g. 0000:00:03.0",
				  name);
	a->domain = domain;
	a->bus = bus;
	a->devfn = slot << 3 | fn;
	return 0;
}

/* The driver that has the function; "" for none. */
static void
read_driver(const char *folder, char *driver, size_t size)
{
	char path[PATH_MAX + 32], target[PATH_MAX];
	const char *name;
	ssize_t len;

	snprintf(path, sizeof(path), "%s/driver", folder);
	len = readlink(path, target, sizeof(target) - 1);
	target[len > 0 ? len : 0] = '\0';
	name = strrchr(target, '/');
	snprintf(driver, size, "%.*s", (int)size - 1, name != NULL ? name + 1 : target);
}

/* A line for each BAR has its first and last address. */
static void
read_bar_sizes(struct folio_pci_access *a, const char *folder)
{
	char path[PATH_MAX + 32], line[128];
	uint32_t i;
	FILE *f;

	snprintf(path, sizeof(path), "%s/resource", folder);
	f = fopen(path, "re");
	if (f == NULL)
		return;
	for (i = 0; i < FOLIO_PCI_BARS && fgets(line, sizeof(line), f) != NULL; i++) {
		uint64_t first, last;

		if (sscanf(line, "%" SCNx64 " %" SCNx64, &first, &last) == 2 && last > first)
			a->size[i] = last - first + 1;
	}
	fclose(f);
}

/* The kernel switches decoding on, and the device out of a power state in which it does not answer.
 */
static int
enable(const char *folder, const char *name, struct folio_error *err)
{
	char path[PATH_MAX + 32], text = '0';
	ssize_t done;
	int fd, error;

	snprintf(path, sizeof(path), "%s/enable", folder);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return folio_fail(err, -errno, "%s: cannot open %s: %s", name, path,
				  strerror(errno));
	done = pread(fd, &text, 1, 0);
	if (done == 1 && text == '0')
		done = pwrite(fd, "1", 1, 0);
	error = done < 0 ? errno : EIO;
	close(fd);
	if (done == 1)
		return 0;
	return folio_fail(err, -error, "%s: cannot enable the device (%s): %s", name, path,
			  strerror(error));
}

/* A write that changes nothing tells whether the kernel lets anybody write. */
static int
check_writable(struct folio_pci_access *a, const char *path, const char *name,
	       struct folio_error *err)
{
	uint8_t last, command[2];

	errno = EIO; /* of a write that is too short */
	if (!file_read(a, FOLIO_PCI_CONFIG, CONFIG_OF_ANYBODY, &last, 1) ||
	    !file_read(a, FOLIO_PCI_CONFIG, 4, command, sizeof(command)))
		return folio_fail(err, -EACCES,
				  "%s: cannot read all of %s: CAP_SYS_ADMIN is needed", name, path);
	if (file_write(a, FOLIO_PCI_CONFIG, 4, command, sizeof(command)))
		return 0;
	return folio_fail(err, -errno,
			  "%s: the kernel does not let %s be written (%s): if it is locked "
			  "down, as with Secure Boot, bind the device to vfio-pci",
			  name, path, strerror(errno));
}

static int
open_sysfs(struct folio_pci_access *a, const char *folder, const char *name,
	   struct folio_error *err)
{
	char path[PATH_MAX + 32];
	int ret;

	ret = enable(folder, name, err);
	if (ret != 0)
		return ret;
	read_bar_sizes(a, folder);
	snprintf(path, sizeof(path), "%s/config", folder);
	a->fd = open(path, O_RDWR | O_CLOEXEC);
	if (a->fd < 0)
		return folio_fail(err, -errno, "%s: cannot open %s for writing: %s", name, path,
				  strerror(errno));
	if (flock(a->fd, LOCK_EX | LOCK_NB) != 0)
		return folio_fail(err, -EBUSY, "%s: somebody else drives the device (%s is locked)",
				  name, path);
	a->size[FOLIO_PCI_CONFIG] = CONFIG_BYTES;
	return check_writable(a, path, name, err);
}

/*
 * Memory of the kernel module: it stops the device before it takes the memory back from a process
 * that was killed. Other memory has no such guardian, and no such call.
 */
static int
name_to_module(const struct folio_pci_access *a, const struct folio_shm *shm, const char *name,
	       struct folio_error *err)
{
	struct folio_ioctl_device device = {
		.fd = a->group,
		.domain = a->domain,
		.bus = a->bus,
		.devfn = a->devfn,
	};

	if (shm == NULL || shm->fd < 0 || ioctl(shm->fd, FOLIO_IOCTL_DEVICE, &device) == 0 ||
	    errno == ENOTTY || errno == EEXIST)
		return 0;
	return folio_fail(err, -errno,
			  "%s: the kernel module refuses to watch over the device (%s): "
			  "without CAP_SYS_RAWIO bind it to vfio-pci",
			  name, strerror(errno));
}

static int
open_function(struct folio_pci_access *a, const struct folio_pci_place *place,
	      const struct folio_shm *shm, const char *name, struct folio_error *err)
{
	char folder[PATH_MAX], driver[64];
	int ret;

	ret = parse_address(a, place->address, name, err);
	if (ret != 0)
		return ret;
	ret = snprintf(folder, sizeof(folder), "%s/%04x:%02x:%02x.%x", place->sysfs, a->domain,
		       a->bus, a->devfn >> 3, a->devfn & 7);
	if (ret < 0 || ret >= PATH_MAX || access(folder, F_OK) != 0)
		return folio_fail(err, -ENODEV, "%s: there is no such PCI device (see lspci -D)",
				  name);
	read_driver(folder, driver, sizeof(driver));
	if (strcmp(driver, "vfio-pci") == 0)
		ret = folio_pci_vfio_open(a, place, folder, shm, name, err);
	else if (driver[0] != '\0')
		return folio_fail(err, -EBUSY,
				  "%s is bound to the driver %s: unbind it: echo none > "
				  "%s/driver_override; echo %s > %s/driver/unbind",
				  name, driver, folder, strrchr(folder, '/') + 1, folder);
	else
		ret = open_sysfs(a, folder, name, err);
	return ret != 0 ? ret : name_to_module(a, shm, name, err);
}

int
folio_pci_access_open(struct folio_pci_access *a, const struct folio_pci_place *place,
		      const struct folio_shm *shm, const char *name, struct folio_error *err)
{
	int ret;

	memset(a, 0, sizeof(*a));
	a->ops = &file_ops;
	a->fd = -1;
	a->group = -1;
	a->container = -1;
	ret = open_function(a, place, shm, name, err);
	if (ret != 0)
		folio_pci_access_close(a);
	return ret;
}

void
folio_pci_access_close(struct folio_pci_access *a)
{
	int *const fds[] = {&a->fd, &a->group, &a->container};
	size_t i;

	if (a->ops == NULL)
		return;
	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	a->ops = NULL;
}
