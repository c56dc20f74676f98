/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * For the plugin that brings no DPDK and takes that of the program. Nothing but this keeps it out
 * of a program with another release, whose private structures have another layout: a driver that
 * is not registered is never called. The linker has sent the driver's registrations here (--wrap).
 */

#include <stdio.h>

#include <bus_vdev_driver.h>
#include <rte_version.h>

void __real_rte_vdev_register(struct rte_vdev_driver *driver);
void __wrap_rte_vdev_register(struct rte_vdev_driver *driver);

/* These two functions have not changed since DPDK has them. EAL has no log yet. */
static bool
program_fits(void)
{
	if (rte_version_year() == RTE_VER_YEAR && rte_version_month() == RTE_VER_MONTH)
		return true;
	fprintf(stderr, "folio: this plugin is for DPDK %02u.%02u, and the program has DPDK %02u.%02u: "
		"the driver is not registered\n", RTE_VER_YEAR, RTE_VER_MONTH, rte_version_year(),
		rte_version_month());
	return false;
}

void
__wrap_rte_vdev_register(struct rte_vdev_driver *driver)
{
	if (program_fits())
		__real_rte_vdev_register(driver);
}
