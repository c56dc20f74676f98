/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Copyright(c) 2026 The folio authors
 *
 * What the two kinds of shared region have in common. The prefix is shr_, because folio_ belongs to
 * the kernel's own struct folio.
 */

#ifndef SHR_REGION_H
#define SHR_REGION_H

#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "folio_ioctl.h"

/*
 * mmap() takes the lock below mm->mmap_lock: so nothing may touch user memory while holding it.
 */
struct shr_region {
	struct mutex lock;
	bool dead;     /* the device was removed; never turns false again */
	u32 kind;      /* enum folio_ioctl_kind */
	u32 caching;   /* enum folio_ioctl_caching */
	u32 node;
	u32 n_chunks;
	u64 size;
	struct folio_ioctl_chunk *chunks; /* not changed between the setting of size and the end */
};

/* Returns 0 with the lock held, or -EINTR, or -ENODEV. */
int shr_lock(struct shr_region *r);

/* INFO and CHUNKS; everything else is -ENOTTY. */
long shr_ioctl(struct shr_region *r, unsigned int cmd, void __user *arg);

/* Check what mmap() asks for, and make the mapping a shared and decrypted one. Locked. */
int shr_prepare_vma(struct shr_region *r, struct vm_area_struct *vma);

/* memset() may keep a processor for seconds: this one gives way. */
void shr_zero(void *mem, u64 len);

int shr_bar_init(void);
void shr_bar_exit(void);

int shr_alloc_init(void);
void shr_alloc_exit(void);

#endif /* SHR_REGION_H */
