// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Copyright(c) 2026 The folio authors
 */

#include <linux/cc_platform.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "region.h"

int shr_lock(struct shr_region *r)
{
	if (mutex_lock_killable(&r->lock))
		return -EINTR;
	if (r->dead) {
		mutex_unlock(&r->lock);
		return -ENODEV;
	}
	return 0;
}

static long get_info(struct shr_region *r, void __user *arg)
{
	struct folio_ioctl_info info;
	int ret;

	memset(&info, 0, sizeof(info));
	ret = shr_lock(r);
	if (ret)
		return ret;
	info.version = FOLIO_IOCTL_VERSION;
	info.kind = r->kind;
	info.caching = r->caching;
	if (cc_platform_has(CC_ATTR_MEM_ENCRYPT))
		info.flags = FOLIO_IOCTL_DECRYPTED;
	info.size = r->size;
	info.chunks = r->n_chunks;
	info.node = r->node;
	mutex_unlock(&r->lock);

	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long get_chunks(struct shr_region *r, void __user *arg)
{
	const struct folio_ioctl_chunk *chunks;
	struct folio_ioctl_chunks req;
	u32 total;
	int ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	ret = shr_lock(r);
	if (ret)
		return ret;
	chunks = r->chunks;
	total = r->n_chunks;
	mutex_unlock(&r->lock);

	/* They stay as they are for as long as the file is open. */
	if (req.first >= total)
		return -ENXIO;
	req.first = array_index_nospec(req.first, total);
	req.count = min(req.count, total - req.first);
	if (copy_to_user(u64_to_user_ptr(req.out), chunks + req.first,
			 req.count * sizeof(*chunks)))
		return -EFAULT;
	return copy_to_user(arg, &req, sizeof(req)) ? -EFAULT : 0;
}

long shr_ioctl(struct shr_region *r, unsigned int cmd, void __user *arg)
{
	switch (cmd) {
	case FOLIO_IOCTL_INFO:
		return get_info(r, arg);
	case FOLIO_IOCTL_CHUNKS:
		return get_chunks(r, arg);
	default:
		return -ENOTTY;
	}
}

/*
 * mmap() fills in all of a mapping: a fault means that removal, or the user, has taken it away.
 */
static vm_fault_t fault(struct vm_fault *vmf)
{
	return VM_FAULT_SIGBUS;
}

static const struct vm_operations_struct vm_ops = {
	.fault = fault,
};

int shr_prepare_vma(struct shr_region *r, struct vm_area_struct *vma)
{
	u64 pages = r->size >> PAGE_SHIFT;

	/* VM_SHARED is missing from a shared mapping of a file that is open for reading only. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	if (vma->vm_pgoff >= pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;

	vm_flags_set(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP);
	vm_flags_clear(vma, VM_MAYEXEC);
	vma->vm_page_prot = pgprot_decrypted(vma->vm_page_prot);
	vma->vm_ops = &vm_ops;
	return 0;
}

void shr_zero(void *mem, u64 len)
{
	u64 done, step;

	for (done = 0; done < len; done += step) {
		step = min_t(u64, len - done, SZ_2M);
		memset(mem + done, 0, step);
		cond_resched();
	}
}
