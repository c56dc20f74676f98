// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Copyright(c) 2026 The folio authors
 *
 * /dev/folio_alloc: memory of this machine, converted to shared. Each open file is a region.
 */

#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "region.h"

static int fill(struct shr_batch *batch, const struct folio_ioctl_alloc *req)
{
	unsigned int order = get_order(SZ_2M), min_order = 0;
	int ret;

	if (req->min_chunk)
		min_order = ilog2(req->min_chunk >> PAGE_SHIFT);
	while (batch->size < req->size) {
		if (fatal_signal_pending(current))
			return -EINTR;
		ret = shr_add_chunk(batch, req->node, req->size - batch->size, &order, min_order);
		if (ret)
			return ret;
	}
	return 0;
}

/* What was asked for, shared and zeroed. */
static struct shr_batch *get_batch(const struct folio_ioctl_alloc *req)
{
	struct shr_batch *batch;
	int ret;

	ret = shr_charge(current->mm, req->size);
	if (ret)
		return ERR_PTR(ret);
	batch = shr_batch_new(current->mm, req->size);
	if (!batch) {
		shr_uncharge(current->mm, req->size);
		return ERR_PTR(-ENOMEM);
	}
	ret = fill(batch, req);
	if (ret) {
		shr_batch_return(batch);
		return ERR_PTR(ret);
	}
	ret = shr_batch_share(batch);
	return ret ? ERR_PTR(ret) : batch;
}

static void note_node(struct shr_region *r, const struct shr_batch *batch)
{
	u32 i;
	int node;

	for (i = 0; i < batch->n_chunks; i++) {
		node = page_to_nid(shr_chunk_page(&batch->chunks[i]));
		if (r->size == 0 && i == 0)
			r->node = node;
		else if (r->node != node)
			r->node = NUMA_NO_NODE;
	}
}

static int check(const struct folio_ioctl_alloc *req)
{
	if (req->size == 0 || !PAGE_ALIGNED(req->size))
		return -EINVAL;
	if (req->node != (u32)NUMA_NO_NODE &&
	    (req->node >= MAX_NUMNODES || !node_online(req->node)))
		return -EINVAL;
	if (req->min_chunk == 0)
		return 0;
	if (!is_power_of_2(req->min_chunk) || req->min_chunk < PAGE_SIZE ||
	    req->min_chunk > SZ_2M || !IS_ALIGNED(req->size, req->min_chunk))
		return -EINVAL;
	return 0;
}

static long add_batch(struct shr_region *r, const void __user *arg)
{
	struct folio_ioctl_alloc req;
	struct shr_batch *batch;
	int ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	ret = check(&req);
	if (ret)
		return ret;
	batch = get_batch(&req);
	if (IS_ERR(batch))
		return PTR_ERR(batch);
	/* Not killable: the memory has to go somewhere. Nobody holds this lock for long. */
	mutex_lock(&r->lock);
	note_node(r, batch);
	shr_append(r, batch);
	mutex_unlock(&r->lock);
	return 0;
}

static int alloc_open(struct inode *inode, struct file *file)
{
	struct shr_region *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);

	if (!r)
		return -ENOMEM;
	shr_region_init(r, FOLIO_IOCTL_KIND_ALLOC);
	r->caching = FOLIO_IOCTL_CACHING_WRITE_BACK;
	file->private_data = r;
	return nonseekable_open(inode, file);
}

/* No mapping is left: each has a reference to the file. */
static int alloc_release(struct inode *inode, struct file *file)
{
	struct shr_region *r = file->private_data;
	struct shr_batch *batch, *next;

	list_for_each_entry_safe(batch, next, &r->batches, list) {
		list_del(&batch->list);
		batch->devices = shr_devices_get(r->devices);
		shr_batch_return(batch);
	}
	shr_devices_put(r->devices);
	kfree(r);
	return 0;
}

static long alloc_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct shr_region *r = file->private_data;

	if (cmd == FOLIO_IOCTL_ALLOC)
		return file->f_mode & FMODE_WRITE ? add_batch(r, (void __user *)arg) : -EACCES;
	return shr_ioctl(r, file, cmd, (void __user *)arg);
}

static int alloc_mmap(struct file *file, struct vm_area_struct *vma)
{
	return shr_mmap(file->private_data, file, vma);
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
