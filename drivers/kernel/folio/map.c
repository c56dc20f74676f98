// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Copyright(c) 2026 The folio authors
 *
 * Mappings of a region. Those of a BAR are filled in by page faults, under the region's lock, and
 * never by mmap(): so removal can take all of them away, and the kernel keeps no records of memory
 * types for them. Those of memory have struct pages, because vfio and everybody else who pins
 * memory wants to count references; mmap() fills them in, so that they show in the size of the
 * process.
 */

#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>

#include "compat.h"
#include "region.h"

static vm_fault_t insert_one(const struct shr_region *r, struct vm_area_struct *vma,
			     unsigned long addr, unsigned long pfn)
{
	if (r->kind == FOLIO_IOCTL_KIND_BAR)
		return vmf_insert_pfn(vma, addr, pfn);
	return vmf_insert_page(vma, addr, pfn_to_page(pfn));
}

/* The page of an address of the mapping in the region. */
static u64 page_at(const struct vm_area_struct *vma, unsigned long addr)
{
	return vma->vm_pgoff + ((addr - vma->vm_start) >> PAGE_SHIFT);
}

/* Locked. */
static vm_fault_t insert_range(const struct shr_region *r, struct vm_area_struct *vma,
			       unsigned long addr, unsigned long end)
{
	vm_fault_t ret = VM_FAULT_NOPAGE;
	unsigned long pfn;
	u64 n;

	while (addr < end) {
		pfn = shr_find(r, page_at(vma, addr), &n);
		if (n == 0)
			return VM_FAULT_SIGBUS;
		for (; n > 0 && addr < end; n--, pfn++, addr += PAGE_SIZE) {
			ret = insert_one(r, vma, addr, pfn);
			if (ret != VM_FAULT_NOPAGE)
				return ret;
		}
		cond_resched();
	}
	return ret;
}

/*
 * A copy of a mapping in a child (see vma_open()) has nothing. Otherwise returns 0 with the lock
 * held, or what the fault handler has to return.
 */
static vm_fault_t lock_for_fault(struct shr_region *r, const struct vm_area_struct *vma)
{
	int ret;

	if (vma->vm_private_data != vma->vm_mm)
		return VM_FAULT_SIGBUS;
	ret = shr_lock(r);
	if (ret == -EINTR)
		return VM_FAULT_NOPAGE; /* and then the signal ends it */
	return ret ? VM_FAULT_SIGBUS : 0;
}

/* The page, and all others of its block of 2 MiB: they share a page table, and are wanted soon. */
static vm_fault_t fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct shr_region *r = vma->vm_file->private_data;
	unsigned long addr = vmf->address & PAGE_MASK, block = vmf->address & PMD_MASK;
	vm_fault_t ret = lock_for_fault(r, vma);

	if (ret)
		return ret;
	ret = insert_range(r, vma, addr, addr + PAGE_SIZE);
	if (ret == VM_FAULT_NOPAGE)
		insert_range(r, vma, max(block, vma->vm_start), min(block + PMD_SIZE, vma->vm_end));
	mutex_unlock(&r->lock);
	return ret;
}

#ifdef SHR_HUGE
static vm_fault_t huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	struct shr_region *r = vma->vm_file->private_data;
	unsigned long block = vmf->address & PMD_MASK, pfn;
	vm_fault_t ret = VM_FAULT_FALLBACK;
	u64 n;

	if (r->kind != FOLIO_IOCTL_KIND_BAR || order != PMD_SHIFT - PAGE_SHIFT ||
	    block < vma->vm_start || block + PMD_SIZE > vma->vm_end)
		return VM_FAULT_FALLBACK;
	ret = lock_for_fault(r, vma);
	if (ret)
		return ret;
	pfn = shr_find(r, page_at(vma, block), &n);
	if (n < PMD_SIZE >> PAGE_SHIFT || !IS_ALIGNED(pfn, PMD_SIZE >> PAGE_SHIFT))
		ret = VM_FAULT_FALLBACK;
	else
		ret = shr_insert_pmd(vmf, pfn);
	mutex_unlock(&r->lock);
	return ret;
}
#endif

/*
 * Also called for the parts of a mapping, and for one that moves, which stay what they are. A child
 * gets a copy only if MADV_DOFORK has asked for it (6.1 and 6.12 let it): it has no right to one.
 * Its pages are there by now, which nobody has run with, or will be copied behind us if the flag
 * does not say otherwise: that depends on the kernel.
 */
static void vma_open(struct vm_area_struct *vma)
{
	if (vma->vm_private_data == vma->vm_mm)
		return;
	vma->vm_private_data = NULL; /* a grandchild's mm may lie where the first one was */
	vm_flags_set(vma, VM_WIPEONFORK);
	shr_zap(vma);
}

static const struct vm_operations_struct vm_ops = {
	.open = vma_open,
	.fault = fault,
#ifdef SHR_HUGE
	.huge_fault = huge_fault,
#endif
};

/* Locked. */
static int prepare(struct shr_region *r, struct vm_area_struct *vma)
{
	u64 pages = r->size >> PAGE_SHIFT;

	/* VM_SHARED is missing from a shared mapping of a file that is open for reading only. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	if (vma->vm_pgoff >= pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;

	vm_flags_set(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP |
			  (r->kind == FOLIO_IOCTL_KIND_BAR ? VM_IO | VM_PFNMAP : VM_MIXEDMAP));
	vm_flags_clear(vma, VM_MAYEXEC);
	vma->vm_page_prot = pgprot_decrypted(vma->vm_page_prot);
	vma->vm_private_data = vma->vm_mm;
	vma->vm_ops = &vm_ops;
	return 0;
}

int shr_mmap(struct shr_region *r, struct file *file, struct vm_area_struct *vma)
{
	int ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EACCES;
	ret = shr_lock(r);
	if (ret)
		return ret;
	ret = prepare(r, vma);
	if (!ret && r->kind == FOLIO_IOCTL_KIND_ALLOC &&
	    insert_range(r, vma, vma->vm_start, vma->vm_end) != VM_FAULT_NOPAGE)
		ret = -ENOMEM;
	mutex_unlock(&r->lock);
	return ret;
}
