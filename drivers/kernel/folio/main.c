// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Copyright(c) 2026 The folio authors
 */

#include <linux/module.h>

#include "region.h"

static int __init shr_init(void)
{
	int ret;

	ret = shr_alloc_init();
	if (ret)
		return ret;
	ret = shr_bar_init();
	if (ret)
		shr_alloc_exit();
	return ret;
}

static void __exit shr_exit(void)
{
	shr_bar_exit();
	shr_alloc_exit();
}

module_init(shr_init);
module_exit(shr_exit);

MODULE_AUTHOR("The folio authors");
MODULE_DESCRIPTION("Write-back memory that is shared with the host, for DPDK's folio driver");
MODULE_LICENSE("Dual BSD/GPL");
MODULE_VERSION("0.1.0");
