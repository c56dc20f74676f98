// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Copyright(c) 2026 The folio authors
 *
 * Memory that is made shared, and private again. A worker does both: it has no memory cgroup, whose
 * limit Linux 6.1 takes for a reason to panic when it converts pages of an SNP guest; and it does
 * not end when the process does that the memory is for.
 *
 * What cannot be given back when its file is closed, because somebody has it pinned or a device may
 * still write to it, is parked: zeroed, shared and counted. The worker looks at it each second
 * until it can be given back. Freed while it is shared, it would show the kernel's next secret to
 * the host.
 */

#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/set_memory.h>
#include <linux/slab.h>

#include "region.h"

enum share_state {
	SHARING,
	SHARED,
	ABANDONED, /* whoever waited was killed */
};

static struct workqueue_struct *workers;
static LIST_HEAD(parked);
static DEFINE_MUTEX(parked_lock);

static void look_again(struct work_struct *work);
static DECLARE_DELAYED_WORK(retry, look_again);

static u64 bytes_of(const struct shr_batch *batch)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < batch->n_chunks; i++)
		sum += batch->chunks[i].len;
	return sum;
}

static int show_parked(char *buf, const struct kernel_param *param)
{
	const struct shr_batch *batch;
	u64 sum = 0;

	mutex_lock(&parked_lock);
	list_for_each_entry(batch, &parked, list)
		sum += bytes_of(batch);
	mutex_unlock(&parked_lock);
	return sysfs_emit(buf, "%llu\n", sum >> 10);
}

static const struct kernel_param_ops parked_ops = {
	.get = show_parked,
};
module_param_cb(parked, &parked_ops, NULL, 0444);
MODULE_PARM_DESC(parked, "KiB of closed files of folio_alloc that are still pinned, or that a device may still write to");

struct shr_batch *shr_batch_new(struct mm_struct *mm, u64 size)
{
	struct shr_batch *batch = kzalloc(sizeof(*batch), GFP_KERNEL_ACCOUNT);

	if (!batch)
		return NULL;
	/* It may outlive its file, whose reference to the module is there now. */
	__module_get(THIS_MODULE);
	mmgrab(mm);
	batch->mm = mm;
	batch->charged = size;
	init_completion(&batch->done);
	return batch;
}

static void destroy(struct shr_batch *batch)
{
	shr_uncharge(batch->mm, batch->charged);
	mmdrop(batch->mm);
	shr_devices_put(batch->devices);
	kvfree(batch->chunks);
	kfree(batch);
	module_put(THIS_MODULE);
}

static int share_all(struct shr_batch *batch)
{
	struct shr_chunk *c;
	void *mem;
	u32 i;

	for (i = 0; i < batch->n_chunks; i++) {
		c = &batch->chunks[i];
		mem = page_address(shr_chunk_page(c));
		c->shared = true;
		if (set_memory_decrypted((unsigned long)mem, c->len >> PAGE_SHIFT))
			return -EIO;
		/* Not before: converting leaves anything behind. */
		shr_zero(mem, c->len);
	}
	return 0;
}

/*
 * Make a chunk private and free it. If the platform does not, it is lost, and the module stays to
 * count it.
 */
static void free_chunk(struct shr_batch *batch, struct shr_chunk *c)
{
	unsigned long mem = (unsigned long)page_address(shr_chunk_page(c));

	batch->charged -= c->len;
	if (c->shared && set_memory_encrypted(mem, c->len >> PAGE_SHIFT)) {
		pr_err("%s: %llu KiB at 0x%llx are lost: the platform does not make them private again\n",
		       KBUILD_MODNAME, c->len >> 10, c->gpa);
		__module_get(THIS_MODULE);
		return;
	}
	shr_uncharge(batch->mm, c->len);
	shr_chunk_free(c);
}

/* Give back what can be, and the batch with the last of it: then returns true. */
static bool give_back(struct shr_batch *batch, bool first)
{
	bool stopped = shr_devices_stop(batch->devices), pinned;
	struct shr_chunk *c;
	u32 i = 0;

	while (i < batch->n_chunks) {
		c = &batch->chunks[i];
		pinned = !stopped || shr_chunk_is_pinned(c);
		/*
		 * Whoever has it sees nothing from now on; what they write until the end nobody
		 * does.
		 */
		if (c->shared && (first || !pinned))
			shr_zero(page_address(shr_chunk_page(c)), c->len);
		if (pinned) {
			i++;
			continue;
		}
		free_chunk(batch, c);
		*c = batch->chunks[--batch->n_chunks];
		cond_resched();
	}
	if (batch->n_chunks > 0) {
		if (first)
			pr_warn_ratelimited("%s: %llu KiB of a closed file stay shared: %s\n",
					    KBUILD_MODNAME, bytes_of(batch) >> 10, stopped ?
					    "somebody still has them pinned" :
					    "a device may still write to them");
		return false;
	}
	if (!first)
		pr_info_ratelimited("%s: the last memory of a closed file came back after %u ms\n",
				    KBUILD_MODNAME, jiffies_to_msecs(jiffies - batch->since));
	destroy(batch);
	return true;
}

static void look_again(struct work_struct *work)
{
	struct shr_batch *batch, *next;
	LIST_HEAD(back);

	mutex_lock(&parked_lock);
	list_for_each_entry_safe(batch, next, &parked, list) {
		list_del(&batch->list);
		if (!give_back(batch, false))
			list_add(&batch->list, &back);
	}
	list_splice(&back, &parked);
	if (!list_empty(&parked))
		queue_delayed_work(workers, &retry, HZ);
	mutex_unlock(&parked_lock);
}

static void close_batch(struct shr_batch *batch)
{
	batch->since = jiffies;
	if (give_back(batch, true))
		return;
	mutex_lock(&parked_lock);
	list_add(&batch->list, &parked);
	queue_delayed_work(workers, &retry, HZ);
	mutex_unlock(&parked_lock);
}

static void share_work(struct work_struct *work)
{
	struct shr_batch *batch = container_of(work, struct shr_batch, work);

	batch->result = share_all(batch);
	if (atomic_cmpxchg(&batch->state, SHARING, SHARED) == SHARING)
		complete(&batch->done);
	else
		close_batch(batch);
}

int shr_batch_share(struct shr_batch *batch)
{
	int ret;

	atomic_set(&batch->state, SHARING);
	INIT_WORK(&batch->work, share_work);
	queue_work(workers, &batch->work);
	if (wait_for_completion_killable(&batch->done)) {
		if (atomic_cmpxchg(&batch->state, SHARING, ABANDONED) == SHARING)
			return -EINTR;
		wait_for_completion(&batch->done);
	}
	ret = batch->result;
	if (ret)
		shr_batch_return(batch);
	return ret;
}

struct returning {
	struct work_struct work;
	struct shr_batch *batch;
};

static void return_work(struct work_struct *work)
{
	close_batch(container_of(work, struct returning, work)->batch);
}

void shr_batch_return(struct shr_batch *batch)
{
	struct returning r = { .batch = batch };

	INIT_WORK_ONSTACK(&r.work, return_work);
	queue_work(workers, &r.work);
	flush_work(&r.work);
	destroy_work_on_stack(&r.work);
}

int shr_batch_init(void)
{
	workers = alloc_workqueue(KBUILD_MODNAME, WQ_UNBOUND, 0);
	return workers ? 0 : -ENOMEM;
}

/* Nothing is parked: that would hold the module. But a worker may be about to end. */
void shr_batch_exit(void)
{
	cancel_delayed_work_sync(&retry);
	destroy_workqueue(workers);
}
