// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Copyright(c) 2026 The folio authors
 *
 * Where the memory of /dev/folio_alloc comes from: the page allocator, or what was set aside when
 * the module was loaded. And how much there may be.
 */

#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "region.h"

/* Chunks are not larger than what the page tables map at once. */
#define MAX_ORDER_2M (ilog2(SZ_2M) - PAGE_SHIFT)

#define DEFAULT_MIB 1024

static unsigned int max_alloc = UINT_MAX;
module_param(max_alloc, uint, 0644);
MODULE_PARM_DESC(max_alloc, "MiB that all files of folio_alloc may have together, at most half of the memory (default 1024, or a quarter of the memory)");

static unsigned int reserve;
module_param(reserve, uint, 0444);
MODULE_PARM_DESC(reserve, "MiB to set aside for folio_alloc now, in chunks of 2 MiB (default 0)");

/* Bytes that files have asked for, and that were not given back yet. */
static u64 allocated;
static DEFINE_SPINLOCK(allocated_lock);

/* What was set aside, as chunks of 2 MiB, linked by their first pages. */
static LIST_HEAD(pool);
static DEFINE_SPINLOCK(pool_lock);

static u64 allocated_now(void)
{
	u64 now;

	spin_lock(&allocated_lock);
	now = allocated;
	spin_unlock(&allocated_lock);
	return now;
}

static int show_allocated(char *buf, const struct kernel_param *param)
{
	return sysfs_emit(buf, "%llu\n", allocated_now() >> 10);
}

static const struct kernel_param_ops allocated_ops = {
	.get = show_allocated,
};
module_param_cb(allocated, &allocated_ops, NULL, 0444);
MODULE_PARM_DESC(allocated, "KiB that files of folio_alloc have, or that could not be given back yet");

int shr_charge(struct mm_struct *mm, u64 size)
{
	u64 limit = min_t(u64, (u64)READ_ONCE(max_alloc) << 20,
			  (u64)totalram_pages() << PAGE_SHIFT >> 1);
	int ret = -ENOMEM;

	spin_lock(&allocated_lock);
	if (allocated <= limit && size <= limit - allocated) {
		allocated += size;
		ret = 0;
	}
	spin_unlock(&allocated_lock);
	if (ret)
		return ret;
	if (account_locked_vm(mm, size >> PAGE_SHIFT, true)) {
		spin_lock(&allocated_lock);
		allocated -= size;
		spin_unlock(&allocated_lock);
		return -ENOMEM;
	}
	return 0;
}

void shr_uncharge(struct mm_struct *mm, u64 size)
{
	account_locked_vm(mm, size >> PAGE_SHIFT, false);
	spin_lock(&allocated_lock);
	allocated -= size;
	spin_unlock(&allocated_lock);
}

/* A chunk of the pool, on this node if that is not NUMA_NO_NODE. NULL: there is none. */
static struct page *pool_get(int node)
{
	struct page *page;

	spin_lock(&pool_lock);
	list_for_each_entry(page, &pool, lru) {
		if (node == NUMA_NO_NODE || page_to_nid(page) == node) {
			list_del(&page->lru);
			spin_unlock(&pool_lock);
			return page;
		}
	}
	spin_unlock(&pool_lock);
	return NULL;
}

static void pool_put(struct page *page)
{
	spin_lock(&pool_lock);
	list_add(&page->lru, &pool);
	spin_unlock(&pool_lock);
}

/* Never calls the out-of-memory killer. Every page of it has a reference of its own. */
static struct page *alloc_chunk(int node, unsigned int order, gfp_t gfp)
{
	struct page *page;

	page = alloc_pages_node(node, gfp | __GFP_NOWARN | __GFP_RETRY_MAYFAIL, order);
	if (page && order)
		split_page(page, order);
	return page;
}

static struct page *get_chunk(int node, unsigned int *order, unsigned int min_order, bool *pooled)
{
	struct page *page;

	*pooled = true;
	page = *order == MAX_ORDER_2M ? pool_get(node) : NULL;
	if (page)
		return page;
	for (;; (*order)--) {
		page = alloc_chunk(node, *order, GFP_KERNEL_ACCOUNT);
		*pooled = false;
		if (page)
			return page;
		/* Rather from another node than in small pieces. */
		*pooled = true;
		page = *order == MAX_ORDER_2M ? pool_get(NUMA_NO_NODE) : NULL;
		if (page || *order == min_order)
			return page;
	}
}

/* Make room for one chunk more. */
static int grow(struct shr_batch *batch)
{
	u32 room = max(16u, 2 * batch->room);
	struct shr_chunk *chunks;

	if (batch->n_chunks < batch->room)
		return 0;
	chunks = kvmalloc_array(room, sizeof(*chunks),
				GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL);
	if (!chunks)
		return -ENOMEM;
	if (batch->n_chunks)
		memcpy(chunks, batch->chunks, batch->n_chunks * sizeof(*chunks));
	kvfree(batch->chunks);
	batch->chunks = chunks;
	batch->room = room;
	return 0;
}

int shr_add_chunk(struct shr_batch *batch, int node, u64 left, unsigned int *order,
		  unsigned int min_order)
{
	struct shr_chunk *c;
	struct page *page;
	bool pooled;

	*order = min_t(unsigned int, min_t(unsigned int, *order, MAX_ORDER_2M),
		       ilog2(left >> PAGE_SHIFT));
	if (grow(batch))
		return -ENOMEM;
	page = get_chunk(node, order, min_order, &pooled);
	if (!page)
		return -ENOMEM;
	c = &batch->chunks[batch->n_chunks++];
	*c = (struct shr_chunk){
		.gpa = page_to_phys(page),
		.len = (u64)PAGE_SIZE << *order,
		.offset = batch->size,
		.pooled = pooled,
	};
	batch->size += c->len;
	return 0;
}

struct page *shr_chunk_page(const struct shr_chunk *c)
{
	return pfn_to_page(PHYS_PFN(c->gpa));
}

bool shr_chunk_is_pinned(struct shr_chunk *c)
{
	struct page *page = shr_chunk_page(c);
	u32 i, n = c->len >> PAGE_SHIFT;

	/* The one that was pinned probably is so still, and spares looking at the others. */
	if (page_count(page + c->hint) != 1)
		return true;
	for (i = 0; i < n; i++) {
		if (page_count(page + i) != 1) {
			c->hint = i;
			return true;
		}
	}
	return false;
}

void shr_chunk_free(const struct shr_chunk *c)
{
	struct page *page = shr_chunk_page(c);
	u64 i;

	if (c->pooled) {
		pool_put(page);
		return;
	}
	for (i = 0; i < c->len >> PAGE_SHIFT; i++)
		__free_page(page + i);
}

void shr_pages_init(void)
{
	unsigned int quarter = totalram_pages() >> (20 - PAGE_SHIFT + 2), wanted, got;
	struct page *page;

	wanted = min(reserve, 2 * quarter);
	for (got = 0; got + 2 <= wanted; got += 2) {
		page = alloc_chunk(NUMA_NO_NODE, MAX_ORDER_2M, GFP_KERNEL);
		if (!page)
			break;
		pool_put(page);
		cond_resched();
	}
	if (reserve)
		pr_info("%s: %u of %u MiB set aside\n", KBUILD_MODNAME, got, reserve);
	if (max_alloc == UINT_MAX)
		max_alloc = max(got, min(quarter, DEFAULT_MIB));
}

void shr_pages_exit(void)
{
	struct page *page;
	unsigned int i;

	while ((page = pool_get(NUMA_NO_NODE)) != NULL)
		for (i = 0; i < 1u << MAX_ORDER_2M; i++)
			__free_page(page + i);
}
