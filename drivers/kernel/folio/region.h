/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Copyright(c) 2026 The folio authors
 *
 * What the two kinds of shared region have in common. The prefix is shr_, because folio_ belongs to
 * the kernel's own struct folio.
 */

#ifndef SHR_REGION_H
#define SHR_REGION_H

#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "folio_ioctl.h"

/* Some steps of the other side's control work, FOLIO_TICK_MS of folio.h each. */
#define SHR_GRACE_MS 100

struct shr_devices;

/* A piece of memory that is physically contiguous. */
struct shr_chunk {
	u64 gpa;
	u64 len;
	u64 offset;  /* in its batch */
	u32 hint;    /* memory: index of the page that was seen pinned last */
	bool shared; /* memory: converted, or tried to */
	bool pooled; /* memory: goes back to the reserve */
};

/*
 * What one request has brought. A batch of memory knows all that is needed to give it back, because
 * that may take longer than its file lives. Its chunks do not change while it belongs to a region.
 */
struct shr_batch {
	struct list_head list; /* of the region; then of those that cannot be given back yet */
	struct shr_chunk *chunks;
	u32 n_chunks;
	u32 room;
	u64 size;

	u64 charged;		     /* bytes that count for max_alloc and for mm */
	struct mm_struct *mm;	     /* whose locked memory it is */
	struct shr_devices *devices; /* stopped before anything is given back; NULL: none */
	struct work_struct work;
	struct completion done;
	atomic_t state;
	int result;
	unsigned long since; /* jiffies, when the file was closed */
};

/*
 * mmap() and faults take the lock below mm->mmap_lock: so nothing may touch user memory while
 * holding it.
 */
struct shr_region {
	struct mutex lock;
	bool dead;     /* the device was removed; never turns false again */
	u32 kind;      /* enum folio_ioctl_kind */
	u32 caching;   /* enum folio_ioctl_caching */
	u32 node;
	u32 n_chunks;
	u64 size;
	struct list_head batches;    /* in the order of the mapping; grows at its end only */
	struct shr_devices *devices; /* NULL: none named */
};

/* region.c */

void shr_region_init(struct shr_region *r, u32 kind);

/* Returns 0 with the lock held, or -EINTR, or -ENODEV. */
int shr_lock(struct shr_region *r);

/* Add a batch at the end. Locked, or not yet known to anybody. */
void shr_append(struct shr_region *r, struct shr_batch *batch);

/*
 * The page frame of page `pgoff` of the region, which must have it. *n: how many frames follow each
 * other there, this one included. Locked.
 */
unsigned long shr_find(const struct shr_region *r, u64 pgoff, u64 *n);

/* INFO, CHUNKS and DEVICE; everything else is -ENOTTY. */
long shr_ioctl(struct shr_region *r, struct file *file, unsigned int cmd, void __user *arg);

/* memset() may keep a processor for seconds: this one gives way. */
void shr_zero(void *mem, u64 len);

/* map.c */

/* Check what mmap() asks for, and make the mapping a shared and decrypted one. */
int shr_mmap(struct shr_region *r, struct file *file, struct vm_area_struct *vma);

/* pages.c */

void shr_pages_init(void);
void shr_pages_exit(void);

/* Count bytes for max_alloc and for the locked memory of mm, if they may be had. May sleep. */
int shr_charge(struct mm_struct *mm, u64 size);
void shr_uncharge(struct mm_struct *mm, u64 size);

/*
 * One more chunk for the batch, of at most `left` bytes; it is not shared yet. It has at most
 * 2^*order pages, and *order becomes what it has. Less than 2^min_order pages is an error.
 */
int shr_add_chunk(struct shr_batch *batch, int node, u64 left, unsigned int *order,
		  unsigned int min_order);

struct page *shr_chunk_page(const struct shr_chunk *c);
bool shr_chunk_is_pinned(struct shr_chunk *c);
void shr_chunk_free(const struct shr_chunk *c);

/* batch.c */

int shr_batch_init(void);
void shr_batch_exit(void);

/* A batch without chunks, for which `size` bytes were charged to mm. NULL: no memory. */
struct shr_batch *shr_batch_new(struct mm_struct *mm, u64 size);

/*
 * Share all chunks with the host, and zero them. Waits. If this fails the batch is no longer the
 * caller's: -EIO the platform refuses; -EINTR a fatal signal came first.
 */
int shr_batch_share(struct shr_batch *batch);

/*
 * Give it all back. Returns once that was tried; what cannot be given back now will be later. The
 * batch is no longer the caller's.
 */
void shr_batch_return(struct shr_batch *batch);

/* dma.c */

/* Add to a region's devices. Locked. */
int shr_devices_add(struct shr_devices **set, const struct folio_ioctl_device *req);

/* One more, or one less, who may call shr_devices_stop(). NULL is fine. */
struct shr_devices *shr_devices_get(struct shr_devices *set);
void shr_devices_put(struct shr_devices *set);

/* Returns true when no device of the set can write to memory any more. Sleeps some SHR_GRACE_MS. */
bool shr_devices_stop(struct shr_devices *set);

/* bar.c, alloc.c */

int shr_bar_init(void);
void shr_bar_exit(void);

/* Whether this is a PCI device that has a /dev/folioN. */
bool shr_bar_is_ours(const struct device *dev);

int shr_alloc_init(void);
void shr_alloc_exit(void);

#endif /* SHR_REGION_H */
