// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Copyright(c) 2026 The folio authors
 */

#include <linux/cc_platform.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/numa.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "region.h"

/* Chunks that are copied to user space at once, by way of the stack. */
#define SOME_CHUNKS 16

void shr_region_init(struct shr_region *r, u32 kind)
{
	mutex_init(&r->lock);
	INIT_LIST_HEAD(&r->batches);
	r->kind = kind;
	r->node = NUMA_NO_NODE;
}

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

void shr_append(struct shr_region *r, struct shr_batch *batch)
{
	list_add_tail(&batch->list, &r->batches);
	r->n_chunks += batch->n_chunks;
	r->size += batch->size;
}

/* The chunk of a batch that has this offset. */
static const struct shr_chunk *find_chunk(const struct shr_batch *batch, u64 offset)
{
	u32 low = 0, high = batch->n_chunks - 1, middle;

	while (low < high) {
		middle = low + (high - low + 1) / 2;
		if (batch->chunks[middle].offset <= offset)
			low = middle;
		else
			high = middle - 1;
	}
	return &batch->chunks[low];
}

unsigned long shr_find(const struct shr_region *r, u64 pgoff, u64 *n)
{
	u64 offset = pgoff << PAGE_SHIFT;
	const struct shr_batch *batch;
	const struct shr_chunk *c;

	list_for_each_entry(batch, &r->batches, list) {
		if (offset < batch->size) {
			c = find_chunk(batch, offset);
			offset -= c->offset;
			*n = (c->len - offset) >> PAGE_SHIFT;
			return PHYS_PFN(c->gpa + offset);
		}
		offset -= batch->size;
	}
	/* Mappings were checked against the size, and that never shrinks. */
	WARN_ON_ONCE(1);
	*n = 0;
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

/* Up to n chunks from `first` on. Returns how many, or a negative errno. */
static int some_chunks(struct shr_region *r, u32 first, struct folio_ioctl_chunk *out, u32 n)
{
	const struct shr_batch *batch;
	u32 done = 0, i;
	int ret;

	ret = shr_lock(r);
	if (ret)
		return ret;
	list_for_each_entry(batch, &r->batches, list) {
		if (first >= batch->n_chunks) {
			first -= batch->n_chunks;
			continue;
		}
		for (; first < batch->n_chunks && done < n; first++, done++) {
			i = array_index_nospec(first, batch->n_chunks);
			out[done].gpa = batch->chunks[i].gpa;
			out[done].len = batch->chunks[i].len;
		}
		if (done == n)
			break;
		first = 0;
	}
	mutex_unlock(&r->lock);
	return done;
}

static long get_chunks(struct shr_region *r, void __user *arg)
{
	struct folio_ioctl_chunk some[SOME_CHUNKS];
	struct folio_ioctl_chunks req;
	u32 done = 0, total;
	int n;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	n = shr_lock(r);
	if (n)
		return n;
	total = r->n_chunks;
	mutex_unlock(&r->lock);
	if (req.first >= total)
		return -ENXIO;

	while (done < req.count) {
		n = some_chunks(r, req.first + done, some,
				min_t(u32, req.count - done, SOME_CHUNKS));
		if (n < 0)
			return n;
		if (n == 0)
			break;
		if (copy_to_user(u64_to_user_ptr(req.out + done * sizeof(*some)), some,
				 n * sizeof(*some)))
			return -EFAULT;
		done += n;
	}
	req.count = done;
	return copy_to_user(arg, &req, sizeof(req)) ? -EFAULT : 0;
}

static long add_device(struct shr_region *r, void __user *arg)
{
	struct folio_ioctl_device req;
	int ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	ret = shr_lock(r);
	if (ret)
		return ret;
	ret = shr_devices_add(&r->devices, &req);
	mutex_unlock(&r->lock);
	return ret;
}

long shr_ioctl(struct shr_region *r, struct file *file, unsigned int cmd, void __user *arg)
{
	switch (cmd) {
	case FOLIO_IOCTL_INFO:
		return get_info(r, arg);
	case FOLIO_IOCTL_CHUNKS:
		return file->f_mode & FMODE_WRITE ? get_chunks(r, arg) : -EACCES;
	case FOLIO_IOCTL_DEVICE:
		return file->f_mode & FMODE_WRITE ? add_device(r, arg) : -EACCES;
	default:
		return -ENOTTY;
	}
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
