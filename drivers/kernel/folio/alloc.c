// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Copyright(c) 2026 The folio authors
 *
 * /dev/folio_alloc: memory of this machine, converted to shared. Each open file is a region.
 */

#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/sched/signal.h>
#include <linux/set_memory.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "region.h"

static unsigned int max_alloc = 1024;
module_param(max_alloc, uint, 0644);
MODULE_PARM_DESC(max_alloc, "MiB that all files of folio_alloc may have together (default 1024)");

/* Bytes that files have asked for, or that are leaked. */
static u64 allocated;
static DEFINE_MUTEX(allocated_lock);

static int reserve(u64 size)
{
	u64 limit = (u64)READ_ONCE(max_alloc) << 20;
	int ret = -ENOMEM;

	if (size >> PAGE_SHIFT > totalram_pages())
		return -ENOMEM;
	mutex_lock(&allocated_lock);
	if (allocated <= limit && size <= limit - allocated) {
		allocated += size;
		ret = 0;
	}
	mutex_unlock(&allocated_lock);
	return ret;
}

static void unreserve(u64 size)
{
	mutex_lock(&allocated_lock);
	allocated -= size;
	mutex_unlock(&allocated_lock);
}

static struct page *chunk_page(const struct folio_ioctl_chunk *c)
{
	return pfn_to_page(PHYS_PFN(c->gpa));
}

static bool is_pinned(const struct folio_ioctl_chunk *c)
{
	struct page *page = chunk_page(c);
	u64 i;

	for (i = 0; i < c->len >> PAGE_SHIFT; i++)
		if (page_count(page + i) != 1)
			return true;
	return false;
}

static void leak(const struct folio_ioctl_chunk *c, const char *why)
{
	pr_err("%s: %llu KiB at 0x%llx are leaked: %s\n", KBUILD_MODNAME, c->len >> 10, c->gpa, why);
	mutex_lock(&allocated_lock);
	allocated += c->len;
	mutex_unlock(&allocated_lock);
}

/*
 * Make a chunk private again and free it. What cannot be had back stays as it is for ever: freed
 * while shared it would show the kernel's next secret to the host, made private while somebody
 * uses it, it would break them.
 */
static void take_back(const struct folio_ioctl_chunk *c)
{
	struct page *page = chunk_page(c);
	u64 i, n = c->len >> PAGE_SHIFT;

	if (is_pinned(c)) {
		leak(c, "somebody still has them pinned");
		return;
	}
	if (set_memory_encrypted((unsigned long)page_address(page), n)) {
		leak(c, "the platform does not make them private again");
		return;
	}
	for (i = 0; i < n; i++)
		__free_page(page + i);
}

/* Zero and give back all that there is. */
static void empty_region(struct shr_region *r)
{
	u32 i;

	for (i = 0; i < r->n_chunks; i++) {
		shr_zero(page_address(chunk_page(&r->chunks[i])), r->chunks[i].len);
		take_back(&r->chunks[i]);
	}
	r->n_chunks = 0;
	r->node = NUMA_NO_NODE;
	kvfree(r->chunks);
	r->chunks = NULL;
}

/* Tries *order and below, and says what it got. Never calls the out-of-memory killer. */
static struct page *get_pages(int node, unsigned int *order)
{
	struct page *page;
	gfp_t gfp;

	for (;; (*order)--) {
		gfp = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
		gfp |= *order ? __GFP_NORETRY : __GFP_RETRY_MAYFAIL;
		page = alloc_pages_node(node, gfp, *order);
		if (page || *order == 0)
			return page;
	}
}

/* One more chunk, of at most `left` bytes and 2^*max_order pages. */
static int add_chunk(struct shr_region *r, int node, u64 left, unsigned int *max_order)
{
	struct folio_ioctl_chunk *c = &r->chunks[r->n_chunks];
	unsigned int order = min_t(unsigned int, *max_order, ilog2(left >> PAGE_SHIFT));
	struct page *page;

	page = get_pages(node, &order);
	if (!page)
		return -ENOMEM;
	*max_order = order;
	split_page(page, order);
	c->gpa = page_to_phys(page);
	c->len = (u64)PAGE_SIZE << order;
	if (set_memory_decrypted((unsigned long)page_address(page), 1 << order)) {
		take_back(c);
		return -EIO;
	}
	/* Not before: converting leaves anything behind. */
	shr_zero(page_address(page), c->len);
	if (r->n_chunks == 0)
		r->node = page_to_nid(page);
	else if (r->node != page_to_nid(page))
		r->node = NUMA_NO_NODE;
	r->n_chunks++;
	return 0;
}

static int fill_region(struct shr_region *r, u64 size, int node)
{
	unsigned int order = get_order(SZ_2M);
	u64 done = 0;
	int ret = 0;

	r->chunks = kvmalloc_array(size >> PAGE_SHIFT, sizeof(*r->chunks),
				   GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL);
	if (!r->chunks)
		return -ENOMEM;
	while (done < size) {
		ret = fatal_signal_pending(current) ? -EINTR
						    : add_chunk(r, node, size - done, &order);
		if (ret) {
			empty_region(r);
			return ret;
		}
		done += r->chunks[r->n_chunks - 1].len;
	}
	r->size = size;
	return 0;
}

static long set_size(struct shr_region *r, const void __user *arg)
{
	struct folio_ioctl_alloc req;
	int ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.reserved || req.size == 0 || !PAGE_ALIGNED(req.size))
		return -EINVAL;
	if (req.node != (u32)NUMA_NO_NODE &&
	    (req.node >= MAX_NUMNODES || !node_online(req.node)))
		return -EINVAL;

	ret = shr_lock(r);
	if (ret)
		return ret;
	if (r->size) {
		ret = -EEXIST;
	} else {
		ret = reserve(req.size);
		if (!ret) {
			ret = fill_region(r, req.size, req.node);
			if (ret)
				unreserve(req.size);
		}
	}
	mutex_unlock(&r->lock);
	return ret;
}

static int alloc_open(struct inode *inode, struct file *file)
{
	struct shr_region *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);

	if (!r)
		return -ENOMEM;
	mutex_init(&r->lock);
	r->kind = FOLIO_IOCTL_KIND_ALLOC;
	r->caching = FOLIO_IOCTL_CACHING_WRITE_BACK;
	r->node = NUMA_NO_NODE;
	file->private_data = r;
	return nonseekable_open(inode, file);
}

/* No mapping is left: each has a reference to the file. */
static int alloc_release(struct inode *inode, struct file *file)
{
	struct shr_region *r = file->private_data;

	empty_region(r);
	unreserve(r->size);
	kfree(r);
	return 0;
}

static long alloc_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct shr_region *r = file->private_data;

	if (cmd == FOLIO_IOCTL_ALLOC)
		return set_size(r, (void __user *)arg);
	return shr_ioctl(r, cmd, (void __user *)arg);
}

/* With struct pages, so that they can be pinned and /proc/self/pagemap knows them. */
static int insert_pages(const struct shr_region *r, struct vm_area_struct *vma)
{
	u64 skip = (u64)vma->vm_pgoff << PAGE_SHIFT;
	unsigned long addr = vma->vm_start;
	const struct folio_ioctl_chunk *c;
	int ret;

	for (c = r->chunks; addr < vma->vm_end; c++) {
		for (; skip < c->len && addr < vma->vm_end; skip += PAGE_SIZE) {
			ret = vm_insert_page(vma, addr, chunk_page(c) + (skip >> PAGE_SHIFT));
			if (ret)
				return ret;
			addr += PAGE_SIZE;
		}
		skip -= c->len;
		cond_resched();
	}
	return 0;
}

static int alloc_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct shr_region *r = file->private_data;
	int ret;

	ret = shr_lock(r);
	if (ret)
		return ret;
	ret = shr_prepare_vma(r, vma);
	if (!ret)
		ret = insert_pages(r, vma);
	mutex_unlock(&r->lock);
	return ret;
}

static const struct file_operations alloc_fops = {
	.owner = THIS_MODULE,
	.open = alloc_open,
	.release = alloc_release,
	.mmap = alloc_mmap,
	.unlocked_ioctl = alloc_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice alloc_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "folio_alloc",
	.fops = &alloc_fops,
	.mode = 0600,
};

int shr_alloc_init(void)
{
	return misc_register(&alloc_device);
}

void shr_alloc_exit(void)
{
	misc_deregister(&alloc_device);
}
