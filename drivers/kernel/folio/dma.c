// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Copyright(c) 2026 The folio authors
 *
 * PCI devices that a user-space driver lets write to a region. Whoever programmed them may be
 * killed at any moment, and the devices go on: they are stopped before the memory is anybody
 * else's.
 */

#include <linux/capability.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vfio.h>

#include "region.h"

struct shr_device {
	struct pci_dev *pdev;
	const struct device_driver *driver; /* that it had when it was named; NULL: none */
	struct file *file;		    /* keeps it that driver's; NULL: none given */
};

struct shr_devices {
	struct kref ref;
	struct mutex lock;
	unsigned int n; /* that may still write */
	struct shr_device device[FOLIO_IOCTL_MAX_DEVICES];
};

/* A device of a class for drivers in user space. */
static bool is_user_driven(const struct device *dev)
{
	return dev->class && (!strcmp(dev->class->name, "uio") ||
			      !strcmp(dev->class->name, "vfio-dev"));
}

static int match_user_driven(struct device *child, void *unused)
{
	return is_user_driven(child);
}

/*
 * With one of these files its holder drives the device, if it is open for writing: /dev/uioN,
 * /dev/vfio/devices/vfioN, or the group /dev/vfio/N.
 */
static int match_file(struct device *child, void *data)
{
	struct file *file = data;
	int match = 0;

	if (!is_user_driven(child))
		return 0;
	if (S_ISCHR(file_inode(file)->i_mode) && child->devt == file_inode(file)->i_rdev)
		return 1;
#if IS_ENABLED(CONFIG_VFIO)
	if (!strcmp(child->class->name, "vfio-dev")) {
		bool (*has_dev)(struct file *file, struct vfio_device *device);

		has_dev = symbol_get(vfio_file_has_dev);
		if (has_dev) {
			match = has_dev(file, container_of(child, struct vfio_device, device));
			symbol_put(vfio_file_has_dev);
		}
	}
#endif
	return match;
}

static bool is_file_of(struct file *file, struct pci_dev *pdev)
{
	return file->f_mode & FMODE_WRITE && device_for_each_child(&pdev->dev, file, match_file);
}

/* Whether this process may stop this device, and nobody but drivers in user space would miss it. */
static int check(struct pci_dev *pdev, struct file *file)
{
	if (pdev->hdr_type != PCI_HEADER_TYPE_NORMAL ||
	    pdev->class >> 16 == PCI_BASE_CLASS_BRIDGE || shr_bar_is_ours(&pdev->dev))
		return -EBUSY;
	if (READ_ONCE(pdev->dev.driver) &&
	    !device_for_each_child(&pdev->dev, NULL, match_user_driven))
		return -EBUSY;
	if (file)
		return is_file_of(file, pdev) ? 0 : -EPERM;
	return capable(CAP_SYS_RAWIO) ? 0 : -EPERM;
}

static int add(struct shr_devices *set, struct pci_dev *pdev, struct file *file)
{
	unsigned int i;
	int ret;

	for (i = 0; i < set->n; i++)
		if (set->device[i].pdev == pdev)
			return -EEXIST;
	if (set->n == ARRAY_SIZE(set->device))
		return -ENOSPC;
	ret = check(pdev, file);
	if (ret)
		return ret;
	set->device[set->n++] = (struct shr_device){
		.pdev = pdev,
		.driver = READ_ONCE(pdev->dev.driver),
		.file = file,
	};
	return 0;
}

int shr_devices_add(struct shr_devices **set, const struct folio_ioctl_device *req)
{
	struct pci_dev *pdev = NULL;
	struct file *file = NULL;
	int ret = -EINVAL;

	if (memchr_inv(req->reserved, 0, sizeof(req->reserved)) || req->fd < -1 ||
	    req->domain > INT_MAX || req->bus > 0xff || req->devfn > 0xff)
		return -EINVAL;
	if (!*set) {
		*set = kzalloc(sizeof(**set), GFP_KERNEL_ACCOUNT);
		if (!*set)
			return -ENOMEM;
		kref_init(&(*set)->ref);
		mutex_init(&(*set)->lock);
	}
	if (req->fd >= 0) {
		file = fget(req->fd);
		if (!file)
			return -EBADF;
	}
	pdev = pci_get_domain_bus_and_slot(req->domain, req->bus, req->devfn);
	ret = pdev ? add(*set, pdev, file) : -ENODEV;
	if (ret) {
		pci_dev_put(pdev);
		if (file)
			fput(file);
	}
	return ret;
}

struct shr_devices *shr_devices_get(struct shr_devices *set)
{
	if (set)
		kref_get(&set->ref);
	return set;
}

static void let_go(struct shr_devices *set)
{
	for (; set->n > 0; set->n--) {
		pci_dev_put(set->device[set->n - 1].pdev);
		if (set->device[set->n - 1].file)
			fput(set->device[set->n - 1].file);
	}
}

static void release(struct kref *ref)
{
	struct shr_devices *set = container_of(ref, struct shr_devices, ref);

	let_go(set);
	kfree(set);
}

void shr_devices_put(struct shr_devices *set)
{
	if (set)
		kref_put(&set->ref, release);
}

/* Another driver has had it reset, and needs it as it is. */
static bool is_anothers(const struct shr_device *d)
{
	const struct device_driver *driver = READ_ONCE(d->pdev->dev.driver);

	return driver && driver != d->driver;
}

static bool is_quiet(const struct shr_device *d)
{
	u16 command;

	pci_read_config_word(d->pdev, PCI_COMMAND, &command);
	/* All ones: it is no longer there. */
	if (is_anothers(d) || PCI_POSSIBLE_ERROR(command))
		return true;
	return !(command & PCI_COMMAND_MASTER) && pci_wait_for_pending_transaction(d->pdev);
}

bool shr_devices_stop(struct shr_devices *set)
{
	bool quiet = true;
	unsigned int i;

	if (!set)
		return true;
	mutex_lock(&set->lock);
	for (i = 0; i < set->n; i++)
		if (!is_anothers(&set->device[i]))
			pci_clear_master(set->device[i].pdev);
	/* What a device has sent before is on its way. */
	if (set->n > 0)
		msleep(SHR_GRACE_MS);
	for (i = 0; i < set->n; i++)
		quiet &= is_quiet(&set->device[i]);
	if (quiet)
		let_go(set);
	mutex_unlock(&set->lock);
	return quiet;
}
