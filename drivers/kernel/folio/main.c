// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Copyright(c) 2026 The folio authors
 */

#include <linux/module.h>

#include "region.h"

static int __init shr_init(void)
{
	int ret;

	ret = shr_batch_init();
	if (ret)
		return ret;
	shr_pages_init();
	ret = shr_alloc_init();
	if (ret)
		goto pages;
	ret = shr_bar_init();
	if (ret)
		goto alloc;
	return 0;

alloc:
	shr_alloc_exit();
pages:
	shr_batch_exit();
	shr_pages_exit();
	return ret;
}

static void __exit shr_exit(void)
{
	shr_bar_exit();
	shr_alloc_exit();
	shr_batch_exit();
	shr_pages_exit();
}

module_init(shr_init);
module_exit(shr_exit);

MODULE_AUTHOR("The folio authors");
MODULE_DESCRIPTION("Write-back memory that is shared with the host, for DPDK's folio driver");
MODULE_LICENSE("Dual BSD/GPL");
MODULE_VERSION("0.1.0");
