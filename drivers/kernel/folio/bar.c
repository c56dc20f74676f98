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
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "region.h"

#define IVSHMEM_BAR 2
#define MAX_BARS 256

/* Some steps of the other side's control work, FOLIO_TICK_MS of folio.h each. */
#define GRACE_MS 100

struct shr_bar {
	struct shr_region region;
	struct folio_ioctl_chunk chunk;
	struct device dev;
	struct cdev cdev;
	struct file *owner;    /* NULL: nobody */
	struct list_head mms;  /* struct shr_mm: who has called mmap() on the owner's file */
	void *mem;	       /* the kernel's mapping; NULL: removed */
};

struct shr_mm {
	struct list_head list;
	struct mm_struct *mm;
};

static dev_t first_devt;
static DEFINE_IDA(minors);

static struct class bar_class = {
	.name = "folio",
};

static struct shr_bar *to_bar(struct file *file)
{
	return file->private_data;
}

static void forget_mms(struct list_head *mms)
{
	struct shr_mm *m, *next;

	list_for_each_entry_safe(m, next, mms, list) {
		mmdrop(m->mm);
		kfree(m);
	}
	INIT_LIST_HEAD(mms);
}

static int remember_mm(struct shr_bar *bar, struct mm_struct *mm)
{
	struct shr_mm *m;

	list_for_each_entry(m, &bar->mms, list)
		if (m->mm == mm)
			return 0;
	m = kmalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);
	if (!m)
		return -ENOMEM;
	mmgrab(mm);
	m->mm = mm;
	list_add(&m->list, &bar->mms);
	return 0;
}

static int bar_open(struct inode *inode, struct file *file)
{
	struct shr_bar *bar = container_of(inode->i_cdev, struct shr_bar, cdev);
	int ret;

	ret = shr_lock(&bar->region); /* waits for the zeroing behind the last owner */
	if (ret)
		return ret;
	if (bar->owner) {
		ret = -EBUSY;
	} else {
		bar->owner = file;
		file->private_data = bar;
	}
	mutex_unlock(&bar->region.lock);
	return ret ? ret : nonseekable_open(inode, file);
}

/*
 * Behind an owner. The first page has the header that says who is there: it goes first, and the other
 * side, which looks at it all the time, gets a moment to see that. To find nonsense in the rest while
 * somebody still seems to be there would look like an attack.
 */
static void zero_behind_owner(struct shr_bar *bar)
{
	u64 first = min_t(u64, bar->region.size, PAGE_SIZE);

	if (memchr_inv(bar->mem, 0, first)) {
		shr_zero(bar->mem, first);
		msleep(GRACE_MS);
	}
	shr_zero(bar->mem, bar->region.size);
}

static int bar_release(struct inode *inode, struct file *file)
{
	struct shr_bar *bar = to_bar(file);

	mutex_lock(&bar->region.lock);
	if (bar->mem)
		zero_behind_owner(bar);
	forget_mms(&bar->mms);
	bar->owner = NULL;
	mutex_unlock(&bar->region.lock);
	return 0;
}

static long bar_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return shr_ioctl(&to_bar(file)->region, cmd, (void __user *)arg);
}

static int bar_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct shr_bar *bar = to_bar(file);
	int ret;

	ret = shr_lock(&bar->region);
	if (ret)
		return ret;
	ret = shr_prepare_vma(&bar->region, vma);
	if (!ret)
		ret = remember_mm(bar, vma->vm_mm);
	if (!ret)
		ret = remap_pfn_range(vma, vma->vm_start,
				      PHYS_PFN(bar->chunk.gpa) + vma->vm_pgoff,
				      vma->vm_end - vma->vm_start, vma->vm_page_prot);
	mutex_unlock(&bar->region.lock);
	return ret;
}

static const struct file_operations bar_fops = {
	.owner = THIS_MODULE,
	.open = bar_open,
	.release = bar_release,
	.mmap = bar_mmap,
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
	device_initialize(&bar->dev);
	bar->dev.class = &bar_class;
	bar->dev.parent = &pdev->dev;
	bar->dev.devt = first_devt + minor;
	bar->dev.release = bar_free;
	cdev_init(&bar->cdev, &bar_fops);
	bar->cdev.owner = THIS_MODULE;
	INIT_LIST_HEAD(&bar->mms);

	mutex_init(&bar->region.lock);
	bar->chunk.gpa = pci_resource_start(pdev, IVSHMEM_BAR);
	bar->chunk.len = pci_resource_len(pdev, IVSHMEM_BAR);
	bar->region.kind = FOLIO_IOCTL_KIND_BAR;
	bar->region.node = dev_to_node(&pdev->dev);
	bar->region.size = bar->chunk.len;
	bar->region.chunks = &bar->chunk;
	bar->region.n_chunks = 1;
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

static int bar_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct shr_bar *bar;
	int ret;

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

/*
 * mmap() fills in a mapping a moment before it can be found through the file. Whoever was in
 * between when the region died is through when its mmap_lock can be had.
 */
static void wait_for_mmaps(struct list_head *mms)
{
	struct shr_mm *m;

	list_for_each_entry(m, mms, list) {
		mmap_write_lock(m->mm);
		mmap_write_unlock(m->mm);
	}
}

static void bar_remove(struct pci_dev *pdev)
{
	struct shr_bar *bar = pci_get_drvdata(pdev);
	LIST_HEAD(mms);

	cdev_device_del(&bar->cdev, &bar->dev);

	mutex_lock(&bar->region.lock);
	bar->region.dead = true;
	list_splice_init(&bar->mms, &mms);
	mutex_unlock(&bar->region.lock);
	wait_for_mmaps(&mms);
	forget_mms(&mms);

	mutex_lock(&bar->region.lock);
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

static const struct pci_device_id bar_ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_REDHAT_QUMRANET, 0x1110) },
	{ }
};
MODULE_DEVICE_TABLE(pci, bar_ids);

static struct pci_driver bar_driver = {
	.name = KBUILD_MODNAME,
	.id_table = bar_ids,
	.probe = bar_probe,
	.remove = bar_remove,
};

int shr_bar_init(void)
{
	int ret;

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
	unregister_chrdev_region(first_devt, MAX_BARS);
	class_unregister(&bar_class);
	ida_destroy(&minors);
}
