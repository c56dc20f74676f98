/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <inttypes.h>
#include <numa.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "memory/shm_pages.h"

#define HUGE_PAGES "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/%s"

static uint64_t
read_count(uint64_t page_size, const char *file)
{
	char path[128];
	uint64_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), HUGE_PAGES, page_size >> 10, file);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%" SCNu64, &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

uint64_t
folio_shm_free_huge_pages(uint64_t page_size)
{
	uint64_t unused = read_count(page_size, "free_hugepages");
	uint64_t promised = read_count(page_size, "resv_hugepages");

	return unused > promised ? unused - promised : 0;
}

int
folio_shm_no_memory(const char *name, uint32_t page_size, const char *what, uint64_t bytes,
		    int error, struct folio_error *err)
{
	bool huge = page_size > (uint64_t)sysconf(_SC_PAGESIZE);

	if (huge && (error == ENOMEM || error == ENOSPC))
		return folio_fail(err, -error,
				  "%s: %" PRIu64 " free huge pages of %u MiB needed, %" PRIu64
				  " are free (see vm.nr_hugepages, and the limits of the mount and the "
				  "cgroup): %s", name, (bytes + page_size - 1) / page_size,
				  page_size >> 20, folio_shm_free_huge_pages(page_size),
				  strerror(error));
	return folio_fail(err, -error, "%s: cannot %s %" PRIu64 " bytes%s: %s", name, what, bytes,
			  strcmp(what, "reserve") == 0 ? " of memory" : "", strerror(error));
}

void
folio_shm_place(void *mem, uint64_t len, int numa_node)
{
	if (numa_node >= 0 && numa_available() >= 0 && numa_node <= numa_max_node())
		numa_tonode_memory(mem, len, numa_node);
}
