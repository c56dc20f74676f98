/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* A program that says to have a DPDK of another release: what a plugin asks is answered here. */

#include <stdio.h>

#include <rte_eal.h>
#include <rte_version.h>

unsigned int
rte_version_year(void)
{
	return RTE_VER_YEAR + 1;
}

int
main(int argc, char **argv)
{
	int ret = rte_eal_init(argc, argv);

	printf("init: %d\n", ret);
	return ret < 0;
}
