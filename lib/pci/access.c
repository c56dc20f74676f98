/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <folio_ioctl.h>

#include "error.h"
#include "pci/access.h"

#define COMMAND 4u /* register of configuration space */
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

static void *
file_map(const struct folio_pci_access *a, uint32_t space)
{
	void *map;

	if (!a->has_bars || a->size[space] == 0)
		return NULL;
	map = mmap(NULL, a->size[space], PROT_READ | PROT_WRITE, MAP_SHARED, a->fd,
		   (off_t)a->start[space]);
	return map != MAP_FAILED ? map : NULL;
}

static void
file_unmap(const struct folio_pci_access *a, uint32_t space, void *map)
{
	munmap(map, a->size[space]);
}

static const struct folio_pci_access_ops file_ops = {
	.read = file_read,
	.write = file_write,
	.map = file_map,
	.unmap = file_unmap,
};

/* A write that changes nothing tells whether the kernel lets anybody write. */
static int
check_writable(struct folio_pci_access *a, const char *path, const char *name,
	       struct folio_error *err)
{
	uint8_t last, command[2];

	errno = EIO; /* of a write that is too short */
	if (!file_read(a, FOLIO_PCI_CONFIG, CONFIG_OF_ANYBODY, &last, 1) ||
	    !file_read(a, FOLIO_PCI_CONFIG, COMMAND, command, sizeof(command)))
		return folio_fail(err, -EACCES,
				  "%s: cannot read all of %s/config: CAP_SYS_ADMIN is needed", name,
				  path);
	if (file_write(a, FOLIO_PCI_CONFIG, COMMAND, command, sizeof(command)))
		return 0;
	return folio_fail(err, -errno,
			  "%s: the kernel does not let %s/config be written (%s): if it is locked "
			  "down, as with Secure Boot, bind the device to vfio-pci",
			  name, path, strerror(errno));
}

static int
open_sysfs(struct folio_pci_access *a, const struct folio_pci_folder *dir, const char *name,
	   struct folio_error *err)
{
	uint32_t i;
	int ret;

	ret = folio_pci_folder_enable(dir, name, err);
	if (ret != 0)
		return ret;
	for (i = 0; i < FOLIO_PCI_BARS; i++)
		a->size[i] = folio_pci_folder_bar(dir, i, NULL);
	a->fd = openat(dir->fd, "config", O_RDWR | O_CLOEXEC);
	if (a->fd < 0)
		return folio_fail(err, -errno, "%s: cannot open %s/config for writing: %s", name,
				  dir->path, strerror(errno));
	if (flock(a->fd, LOCK_EX | LOCK_NB) != 0)
		return folio_fail(err, -EBUSY,
				  "%s: somebody else drives the device (%s/config is locked)", name,
				  dir->path);
	a->size[FOLIO_PCI_CONFIG] = CONFIG_BYTES;
	return check_writable(a, dir->path, name, err);
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
open_function(struct folio_pci_access *a, const struct folio_pci_folder *dir,
	      const struct folio_pci_place *place, const struct folio_shm *shm, const char *name,
	      struct folio_error *err)
{
	char driver[64];
	int ret;

	a->domain = dir->domain;
	a->bus = dir->bus;
	a->devfn = dir->devfn;
	if (!folio_pci_folder_driver(dir, driver, sizeof(driver)))
		ret = open_sysfs(a, dir, name, err);
	else if (strcmp(driver, "vfio-pci") == 0)
		ret = folio_pci_vfio_open(a, place, dir, shm, name, err);
	else
		return folio_fail(err, -EBUSY,
				  "%s is bound to the driver %s: unbind it: cd %s; echo none > "
				  "driver_override; echo %s > driver/unbind",
				  name, driver, dir->path, strrchr(dir->path, '/') + 1);
	return ret != 0 ? ret : name_to_module(a, shm, name, err);
}

int
folio_pci_access_open(struct folio_pci_access *a, const struct folio_pci_place *place,
		      const struct folio_shm *shm, const char *name, struct folio_error *err)
{
	struct folio_pci_folder dir;
	int ret;

	memset(a, 0, sizeof(*a));
	a->ops = &file_ops;
	a->fd = -1;
	a->group = -1;
	a->container = -1;
	ret = folio_pci_folder_open(&dir, place, name, err);
	if (ret == 0)
		ret = open_function(a, &dir, place, shm, name, err);
	folio_pci_folder_close(&dir);
	if (ret != 0)
		folio_pci_access_close(a);
	return ret;
}

int
folio_pci_command(const struct folio_pci_access *a, uint16_t on, uint16_t off, uint16_t *now)
{
	uint8_t c[2];

	if (!folio_pci_read(a, FOLIO_PCI_CONFIG, COMMAND, c, sizeof(c)))
		return -ENODEV;
	c[0] = (uint8_t)((c[0] | on) & ~off);
	if (!folio_pci_write(a, FOLIO_PCI_CONFIG, COMMAND, c, sizeof(c)) ||
	    !folio_pci_read(a, FOLIO_PCI_CONFIG, COMMAND, c, sizeof(c)))
		return -ENODEV;
	*now = (uint16_t)(c[0] | c[1] << 8);
	return (*now & on) == on && (*now & off) == 0 ? 0 : -EIO;
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
