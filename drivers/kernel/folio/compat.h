/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Copyright(c) 2026 The folio authors
 *
 * What changed between the kernels that the module is built for, 6.1 and later.
 */

#ifndef SHR_COMPAT_H
#define SHR_COMPAT_H

#include <linux/mm.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#include <linux/pfn_t.h>
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/*
 * Take the pages out of a mapping of VM_MIXEDMAP whose mmap_lock is held for writing. Before 7.1
 * the function for that wants to see VM_PFNMAP; the pages themselves say whether they are counted.
 */
static inline void shr_zap(struct vm_area_struct *vma)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 1, 0)
	zap_special_vma_range(vma, vma->vm_start, vma->vm_end - vma->vm_start);
#else
	vm_flags_set(vma, VM_PFNMAP);
	zap_vma_ptes(vma, vma->vm_start, vma->vm_end - vma->vm_start);
	vm_flags_clear(vma, VM_PFNMAP);
#endif
}

/*
 * Mappings of 2 MiB without struct pages. Where the page tables cannot mark them (before 6.12),
 * get_user_pages_fast() would take the memory for pages that it may count.
 */
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
#define SHR_HUGE

static inline vm_fault_t shr_insert_pmd(struct vm_fault *vmf, unsigned long pfn)
{
	bool write = vmf->flags & FAULT_FLAG_WRITE;

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
	return vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), write);
#else
	return vmf_insert_pfn_pmd(vmf, pfn, write);
#endif
}
#endif

#endif /* SHR_COMPAT_H */
