/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * A function that is bound to vfio-pci (Linux, Documentation/driver-api/vfio.rst): its spaces are
 * ranges of one file. With an IOMMU the device reaches our shared memory and nothing else, at the
 * addresses that it has anyway; without one (noiommu) it reaches what it likes.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "error.h"
#include "pci/access.h"

/* The group's file: N, or noiommu-N. */
static int
open_group(struct folio_pci_access *a, const struct folio_pci_place *place,
	   const struct folio_pci_folder *dir, bool *noiommu, const char *name,
	   struct folio_error *err)
{
	char path[PATH_MAX + 16], target[PATH_MAX];
	const char *number;
	ssize_t len;

	len = readlinkat(dir->fd, "iommu_group", target, sizeof(target) - 1);
	target[len > 0 ? len : 0] = '\0';
	number = strrchr(target, '/');
	if (number == NULL)
		return folio_fail(err, -ENODEV,
				  "%s is bound to vfio-pci, but belongs to no group: there "
				  "is no IOMMU, and vfio's enable_unsafe_noiommu_mode is off",
				  name);
	*noiommu = false;
	snprintf(path, sizeof(path), "%s/vfio%s", place->dev, number);
	a->group = open(path, O_RDWR | O_CLOEXEC);
	if (a->group < 0 && errno == ENOENT) {
		*noiommu = true;
		snprintf(path, sizeof(path), "%s/vfio/noiommu-%s", place->dev, number + 1);
		a->group = open(path, O_RDWR | O_CLOEXEC);
	}
	if (a->group < 0)
		return folio_fail(err, -errno, "%s: cannot open %s: %s", name, path,
				  strerror(errno));
	return 0;
}

/* The IOMMU's translation has to be chosen before the device can be opened. */
static int
set_container(struct folio_pci_access *a, const struct folio_pci_place *place, bool noiommu,
	      const char *name, struct folio_error *err)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	unsigned long type = noiommu ? VFIO_NOIOMMU_IOMMU : VFIO_TYPE1v2_IOMMU;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/vfio/vfio", place->dev);
	a->container = open(path, O_RDWR | O_CLOEXEC);
	if (a->container < 0)
		return folio_fail(err, -errno, "%s: cannot open %s: %s", name, path,
				  strerror(errno));
	if (ioctl(a->container, VFIO_GET_API_VERSION) != VFIO_API_VERSION ||
	    ioctl(a->container, VFIO_CHECK_EXTENSION, type) <= 0)
		return folio_fail(err, -ENOTSUP, "%s: the kernel's vfio has no %s", name,
				  noiommu ? "noiommu mode" : "type1 (module vfio_iommu_type1)");
	if (ioctl(a->group, VFIO_GROUP_GET_STATUS, &status) != 0 ||
	    (status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0)
		return folio_fail(err, -EBUSY,
				  "%s: a driver of the kernel has another device of its IOMMU "
				  "group: bind all of them to vfio-pci",
				  name);
	if (ioctl(a->group, VFIO_GROUP_SET_CONTAINER, &a->container) != 0 ||
	    ioctl(a->container, VFIO_SET_IOMMU, type) != 0)
		return folio_fail(err, -errno, "%s: vfio refuses the device's group: %s", name,
				  strerror(errno));
	return 0;
}

/* Let the device reach the shared memory, at the addresses that it is told. */
static int
map_memory(struct folio_pci_access *a, const struct folio_shm *shm, const char *name,
	   struct folio_error *err)
{
	uint32_t i;

	for (i = 0; i < shm->pieces; i++) {
		struct vfio_iommu_type1_dma_map map = {
			.argsz = sizeof(map),
			.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
			.vaddr = (uintptr_t)shm->base + shm->piece[i].offset,
			.iova = shm->piece[i].addr,
			.size = shm->piece[i].len,
		};

		if (ioctl(a->container, VFIO_IOMMU_MAP_DMA, &map) != 0)
			return folio_fail(err, -errno,
					  "%s: the IOMMU refuses %llu bytes of shared memory at "
					  "0x%llx: %s",
					  name, (unsigned long long)map.size,
					  (unsigned long long)map.iova, strerror(errno));
	}
	return 0;
}

static int
open_device(struct folio_pci_access *a, const struct folio_pci_folder *dir, const char *name,
	    struct folio_error *err)
{
	uint32_t i;

	a->fd = ioctl(a->group, VFIO_GROUP_GET_DEVICE_FD, strrchr(dir->path, '/') + 1);
	if (a->fd < 0)
		return folio_fail(err, -errno, "%s: vfio does not open the device: %s", name,
				  strerror(errno));
	for (i = 0; i < FOLIO_PCI_SPACES; i++) {
		struct vfio_region_info info = {.argsz = sizeof(info), .index = i};
		uint32_t both = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;

		if (ioctl(a->fd, VFIO_DEVICE_GET_REGION_INFO, &info) != 0 ||
		    (info.flags & both) != both)
			continue;
		a->start[i] = info.offset;
		a->size[i] = info.size;
	}
	if (a->size[FOLIO_PCI_CONFIG] == 0)
		return folio_fail(err, -EIO, "%s: vfio has no configuration space of it", name);
	a->has_bars = true;
	return 0;
}

int
folio_pci_vfio_open(struct folio_pci_access *a, const struct folio_pci_place *place,
		    const struct folio_pci_folder *dir, const struct folio_shm *shm,
		    const char *name, struct folio_error *err)
{
	bool noiommu;
	int ret;

	ret = open_group(a, place, dir, &noiommu, name, err);
	if (ret == 0)
		ret = set_container(a, place, noiommu, name, err);
	if (ret == 0 && !noiommu && shm != NULL)
		ret = map_memory(a, shm, name, err);
	if (ret == 0)
		ret = open_device(a, dir, name, err);
	return ret;
}
