// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Copyright(c) 2026 The folio authors
 *
 * /dev/folioN: BAR2 of an ivshmem device.
 */

#include <linux/cdev.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "region.h"

#define IVSHMEM_DEVICE 0x1110
#define IVSHMEM_BAR 2
#define MAX_BARS 256

/* How often the end of an owner tries to stop a device of theirs. */
#define STOP_TRIES 10

/* First eight bytes of a region in use: FOLIO_WIRE_MAGIC of folio_wire.h. */
#define REGION_MAGIC "FOLIOreg"

/* In a pci_device_id: the user wants this device to be ours, whatever is in it. */
#define FORCED 1

static char *bind = "auto";
module_param(bind, charp, 0444);
MODULE_PARM_DESC(bind, "ivshmem devices to take: auto (those with a region of folio's or zeroes), all, none, or PCI addresses like 0000:00:04.0,0000:00:05.0 (default auto)");

struct shr_bar {
	struct shr_region region; /* first: a file's private_data is its region */
	struct shr_batch batch;
	struct shr_chunk chunk;
	struct device dev;
	struct cdev cdev;
	struct file *owner; /* NULL: nobody */
	void *mem;	    /* the kernel's mapping; NULL: removed */
};

static dev_t first_devt;
static DEFINE_IDA(minors);

/* That bar_free() has not seen yet. */
static atomic_t bars = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(no_bars);

static struct class bar_class = {
	.name = "folio",
};

static struct shr_bar *to_bar(struct file *file)
{
	return container_of(file->private_data, struct shr_bar, region);
}

/* Whoever cannot write owns nothing, and may only ask for INFO. */
static int bar_open(struct inode *inode, struct file *file)
{
	struct shr_bar *bar = container_of(inode->i_cdev, struct shr_bar, cdev);
	int ret;

	ret = shr_lock(&bar->region); /* waits for the zeroing behind the last owner */
	if (ret)
		return ret;
	file->private_data = &bar->region;
	if (!(file->f_mode & FMODE_WRITE))
		ret = 0;
	else if (bar->owner)
		ret = -EBUSY;
	else
		bar->owner = file;
	mutex_unlock(&bar->region.lock);
	return ret ? ret : nonseekable_open(inode, file);
}

/*
 * Behind an owner. The first page has the header that says who is there: it goes first, and the
 * other side, which looks at it all the time, gets a moment to see that. To find nonsense in the
 * rest while somebody still seems to be there would look like an attack.
 */
static void zero_behind_owner(struct shr_bar *bar)
{
	u64 first = min_t(u64, bar->region.size, PAGE_SIZE);

	if (memchr_inv(bar->mem, 0, first)) {
		shr_zero(bar->mem, first);
		msleep(SHR_GRACE_MS);
	}
	shr_zero(bar->mem, bar->region.size);
}

/* What the owner's devices write must not reach the next one. */
static void stop_devices(struct shr_bar *bar)
{
	unsigned int i;

	for (i = 0; i < STOP_TRIES; i++)
		if (shr_devices_stop(bar->region.devices))
			break;
	if (i == STOP_TRIES)
		dev_warn(&bar->dev, "a device of the last owner may still write to it\n");
	shr_devices_put(bar->region.devices);
	bar->region.devices = NULL;
}

static int bar_release(struct inode *inode, struct file *file)
{
	struct shr_bar *bar = to_bar(file);

	mutex_lock(&bar->region.lock);
	if (bar->owner == file) {
		stop_devices(bar);
		if (bar->mem)
			zero_behind_owner(bar);
		bar->owner = NULL;
	}
	mutex_unlock(&bar->region.lock);
	return 0;
}

static long bar_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return shr_ioctl(file->private_data, file, cmd, (void __user *)arg);
}

static int bar_mmap(struct file *file, struct vm_area_struct *vma)
{
	return shr_mmap(file->private_data, file, vma);
}

static const struct file_operations bar_fops = {
	.owner = THIS_MODULE,
	.open = bar_open,
	.release = bar_release,
	.mmap = bar_mmap,
	.get_unmapped_area = thp_get_unmapped_area, /* so that pages of 2 MiB fit */
	.unlocked_ioctl = bar_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

/*
 * A mapping of the user's gets the memory type that the kernel's got for the same addresses: they
 * are kept alike. On x86 a range register (MTRR) that says uncached has turned write-back into
 * uncached by now, and without PAT nobody can tell.
 */
static u32 find_caching(void *mem)
{
#ifdef CONFIG_X86
	unsigned int level;
	pteval_t bits;
	pte_t *pte;

	pte = lookup_address((unsigned long)mem, &level);
	if (!pte || !pat_enabled())
		return FOLIO_IOCTL_CACHING_UNKNOWN;
	bits = pte_val(*pte);
	if (level != PG_LEVEL_4K)
		bits = protval_large_2_4k(bits);
	bits &= _PAGE_CACHE_MASK;
	if (bits == cachemode2protval(_PAGE_CACHE_MODE_WB))
		return FOLIO_IOCTL_CACHING_WRITE_BACK;
	if (bits == cachemode2protval(_PAGE_CACHE_MODE_WC))
		return FOLIO_IOCTL_CACHING_WRITE_COMBINING;
	if (bits == cachemode2protval(_PAGE_CACHE_MODE_UC) ||
	    bits == cachemode2protval(_PAGE_CACHE_MODE_UC_MINUS))
		return FOLIO_IOCTL_CACHING_UNCACHED;
#endif
	return FOLIO_IOCTL_CACHING_UNKNOWN;
}

static void report(struct pci_dev *pdev, const struct shr_bar *bar)
{
	pci_info(pdev, "%s: %llu KiB at 0x%llx\n", dev_name(&bar->dev), bar->region.size >> 10,
		 bar->chunk.gpa);
	if (bar->region.caching == FOLIO_IOCTL_CACHING_UNCACHED)
		pci_warn(pdev, "%s is uncached, which is very slow: the firmware's MTRRs say so. %s\n",
			 dev_name(&bar->dev),
			 bar->chunk.gpa < SZ_4G ?
			 "A larger BAR (1 GiB) lies above 4 GiB and can be write-back." :
			 "Remove its range from /proc/mtrr and bind the device again.");
	else if (bar->region.caching != FOLIO_IOCTL_CACHING_WRITE_BACK)
		pci_warn(pdev, "%s: cannot tell whether it is cached (write-back)\n",
			 dev_name(&bar->dev));
}

static void bar_free(struct device *dev)
{
	struct shr_bar *bar = container_of(dev, struct shr_bar, dev);

	ida_free(&minors, MINOR(dev->devt));
	kfree(bar);
	if (atomic_dec_and_test(&bars))
		wake_up(&no_bars);
}

/* Returns NULL if there is no memory or no minor number. From here on put_device() frees it. */
static struct shr_bar *bar_new(struct pci_dev *pdev)
{
	struct shr_bar *bar;
	int minor;

	bar = kzalloc(sizeof(*bar), GFP_KERNEL);
	if (!bar)
		return NULL;
	minor = ida_alloc_max(&minors, MAX_BARS - 1, GFP_KERNEL);
	if (minor < 0) {
		kfree(bar);
		return NULL;
	}
	atomic_inc(&bars);
	device_initialize(&bar->dev);
	bar->dev.class = &bar_class;
	bar->dev.parent = &pdev->dev;
	bar->dev.devt = first_devt + minor;
	bar->dev.release = bar_free;
	cdev_init(&bar->cdev, &bar_fops);
	bar->cdev.owner = THIS_MODULE;

	bar->chunk.gpa = pci_resource_start(pdev, IVSHMEM_BAR);
	bar->chunk.len = pci_resource_len(pdev, IVSHMEM_BAR);
	bar->batch.chunks = &bar->chunk;
	bar->batch.n_chunks = 1;
	bar->batch.size = bar->chunk.len;
	shr_region_init(&bar->region, FOLIO_IOCTL_KIND_BAR);
	bar->region.node = dev_to_node(&pdev->dev);
	shr_append(&bar->region, &bar->batch);
	return bar;
}

static int check_device(struct pci_dev *pdev)
{
	unsigned long flags = pci_resource_flags(pdev, IVSHMEM_BAR);
	u64 start = pci_resource_start(pdev, IVSHMEM_BAR);
	u64 len = pci_resource_len(pdev, IVSHMEM_BAR);

	if (pdev->revision < 1)
		pci_err(pdev, "ivshmem revision %u is not supported: 1 or later is\n",
			pdev->revision);
	else if (!(flags & IORESOURCE_MEM) || (flags & IORESOURCE_UNSET) || len == 0)
		pci_err(pdev, "no shared memory: BAR2 is %s\n",
			len == 0 ? "missing" : flags & IORESOURCE_MEM ? "unassigned"
								      : "not memory");
	else if (!PAGE_ALIGNED(start | len))
		pci_err(pdev, "BAR2 is not made of whole pages: 0x%llx bytes at 0x%llx\n", len,
			start);
	else
		return 0;
	return -ENODEV;
}

/* The PCI address that a list begins with; *at becomes the rest, or NULL behind the last. */
static bool next_address(const char **at, u32 *domain, u32 *bus, u32 *devfn)
{
	u32 slot, function;
	int n = 0;

	if (sscanf(*at, "%x:%x:%x.%u%n", domain, bus, &slot, &function, &n) != 4 ||
	    *bus > 0xff || slot > 0x1f || function > 7 || ((*at)[n] != ',' && (*at)[n] != '\0'))
		return false;
	*devfn = PCI_DEVFN(slot, function);
	*at = (*at)[n] == ',' ? *at + n + 1 : NULL;
	return true;
}

/* Complains of what is neither a word that is allowed nor a list of PCI addresses. */
static int check_bind(void)
{
	const char *at = bind;
	u32 domain, bus, devfn;

	if (!strcmp(bind, "auto") || !strcmp(bind, "all") || !strcmp(bind, "none"))
		return 0;
	while (at) {
		if (!next_address(&at, &domain, &bus, &devfn)) {
			pr_err("%s: bind=%s: allowed are auto, all, none, or PCI addresses like 0000:00:04.0,0000:00:05.0\n",
			       KBUILD_MODNAME, bind);
			return -EINVAL;
		}
	}
	return 0;
}

/* Whether the parameter names this device. */
static bool is_named(struct pci_dev *pdev)
{
	const char *at = bind;
	u32 domain, bus, devfn;

	while (at && next_address(&at, &domain, &bus, &devfn))
		if (domain == pci_domain_nr(pdev->bus) && bus == pdev->bus->number &&
		    devfn == pdev->devfn)
			return true;
	return false;
}

/* Before anything of it is looked at. */
static bool may_be_wanted(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return id->driver_data == FORCED || !strcmp(bind, "auto") || !strcmp(bind, "all") ||
	       is_named(pdev);
}

/*
 * Others use ivshmem devices as well. What is there the other side wrote: it decides only whether
 * the device is taken.
 */
static bool is_wanted(const struct shr_bar *bar, const struct pci_device_id *id)
{
	if (id->driver_data == FORCED || strcmp(bind, "auto"))
		return true;
	return !memcmp(bar->mem, REGION_MAGIC, sizeof(REGION_MAGIC) - 1) ||
	       !memchr_inv(bar->mem, 0, min_t(u64, bar->region.size, PAGE_SIZE));
}

static int bar_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct shr_bar *bar;
	int ret;

	if (!may_be_wanted(pdev, id))
		return -ENODEV;
	ret = check_device(pdev);
	if (ret)
		return ret;
	bar = bar_new(pdev);
	if (!bar)
		return -ENOMEM;
	ret = dev_set_name(&bar->dev, "folio%d", MINOR(bar->dev.devt));
	if (ret)
		goto put;
	ret = pci_enable_device_mem(pdev);
	if (ret)
		goto put;
	/* Exclusively, so that nobody maps it through sysfs or /dev/mem beside us. */
	ret = pci_request_selected_regions_exclusive(pdev, BIT(IVSHMEM_BAR), KBUILD_MODNAME);
	if (ret)
		goto disable;
	/* Without MEMREMAP_DEC kernels since 6.15 map it encrypted; older ones never did. */
	bar->mem = memremap(bar->chunk.gpa, bar->chunk.len, MEMREMAP_WB | MEMREMAP_DEC);
	if (!bar->mem) {
		ret = -ENOMEM;
		pci_err(pdev, "cannot map BAR2\n");
		goto release;
	}
	if (!is_wanted(bar, id)) {
		pci_info(pdev, "not taken: BAR2 holds something that is not folio's (see the parameter bind)\n");
		ret = -ENODEV;
		goto unmap;
	}
	bar->region.caching = find_caching(bar->mem);
	pci_set_drvdata(pdev, bar);
	ret = cdev_device_add(&bar->cdev, &bar->dev);
	if (ret)
		goto unmap;
	report(pdev, bar);
	return 0;

unmap:
	memunmap(bar->mem);
release:
	pci_release_selected_regions(pdev, BIT(IVSHMEM_BAR));
disable:
	pci_disable_device(pdev);
put:
	put_device(&bar->dev);
	return ret;
}

static void bar_remove(struct pci_dev *pdev)
{
	struct shr_bar *bar = pci_get_drvdata(pdev);

	cdev_device_del(&bar->cdev, &bar->dev);

	mutex_lock(&bar->region.lock);
	bar->region.dead = true; /* no fault fills in anything from here on */
	if (bar->owner) {
		unmap_mapping_range(bar->owner->f_mapping, 0, 0, 1);
		if (pci_device_is_present(pdev))
			zero_behind_owner(bar);
	}
	memunmap(bar->mem);
	bar->mem = NULL;
	mutex_unlock(&bar->region.lock);

	pci_release_selected_regions(pdev, BIT(IVSHMEM_BAR));
	pci_disable_device(pdev);
	put_device(&bar->dev);
}

/*
 * The first is for devices whose driver_override names this driver. It is not in the module's
 * table, which says what makes udev load the module.
 */
static const struct pci_device_id bar_ids[] = {
	{ .vendor = PCI_VENDOR_ID_REDHAT_QUMRANET, .device = IVSHMEM_DEVICE,
	  .subvendor = PCI_ANY_ID, .subdevice = PCI_ANY_ID,
	  .override_only = 1, .driver_data = FORCED },
	{ PCI_DEVICE(PCI_VENDOR_ID_REDHAT_QUMRANET, IVSHMEM_DEVICE) },
	{ }
};

static const struct pci_device_id bar_aliases[] __maybe_unused = {
	{ PCI_DEVICE(PCI_VENDOR_ID_REDHAT_QUMRANET, IVSHMEM_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, bar_aliases);

static struct pci_driver bar_driver = {
	.name = KBUILD_MODNAME,
	.id_table = bar_ids,
	.probe = bar_probe,
	.remove = bar_remove,
};

bool shr_bar_is_ours(const struct device *dev)
{
	return READ_ONCE(dev->driver) == &bar_driver.driver;
}

int shr_bar_init(void)
{
	int ret;

	ret = check_bind();
	if (ret)
		return ret;
	ret = class_register(&bar_class);
	if (ret)
		return ret;
	ret = alloc_chrdev_region(&first_devt, 0, MAX_BARS, KBUILD_MODNAME);
	if (ret)
		goto class;
	ret = pci_register_driver(&bar_driver);
	if (ret)
		goto chrdev;
	return 0;

chrdev:
	unregister_chrdev_region(first_devt, MAX_BARS);
class:
	class_unregister(&bar_class);
	return ret;
}

void shr_bar_exit(void)
{
	pci_unregister_driver(&bar_driver);
	/* Whoever else refers to a device may keep it a moment longer. */
	wait_event(no_bars, atomic_read(&bars) == 0);
	unregister_chrdev_region(first_devt, MAX_BARS);
	class_unregister(&bar_class);
	ida_destroy(&minors);
}
