/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <inttypes.h>
#include <numa.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"
#include "memory/shm_map.h"

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
folio_shm_no_memory(const struct folio_region *r, const char *what, uint64_t bytes, int error,
		    struct folio_error *err)
{
	bool huge = r->page_size > (uint64_t)sysconf(_SC_PAGESIZE);

	if (huge && (error == ENOMEM || error == ENOSPC))
		return folio_fail(err, -error,
				  "%s: %" PRIu64 " free huge pages of %u MiB needed, %" PRIu64
				  " are free (see vm.nr_hugepages, and the limits of the mount and the "
				  "cgroup): %s", r->name,
				  (bytes + r->page_size - 1) / r->page_size, r->page_size >> 20,
				  folio_shm_free_huge_pages(r->page_size), strerror(error));
	return folio_fail(err, -error, "%s: cannot %s %" PRIu64 " bytes%s: %s", r->name, what, bytes,
			  strcmp(what, "reserve") == 0 ? " of memory" : "", strerror(error));
}

void
folio_shm_place(void *mem, uint64_t len, int numa_node)
{
	if (numa_node >= 0 && numa_available() >= 0 && numa_node <= numa_max_node())
		numa_tonode_memory(mem, len, numa_node);
}

int
folio_shm_map_halves(struct folio_region *r, const struct folio_layout *l, struct folio_error *err)
{
	uint64_t own_off = r->role == FOLIO_GUEST ? 0 : l->area_size;
	uint64_t peer_off = l->area_size - own_off;
	void *own, *peer;
	int error;

	own = mmap(NULL, l->area_size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, (off_t)own_off);
	if (own == MAP_FAILED)
		return folio_shm_no_memory(r, "map", 2 * l->area_size, errno, err);
	peer = mmap(NULL, l->area_size, PROT_READ, MAP_SHARED, r->fd, (off_t)peer_off);
	if (peer == MAP_FAILED) {
		error = errno;
		munmap(own, l->area_size);
		return folio_shm_no_memory(r, "map", 2 * l->area_size, error, err);
	}
	if (r->first == NULL) /* a device's memory is where it is */
		folio_shm_place(own, l->area_size, r->numa_node);
	r->own = own;
	r->peer = peer;
	return 0;
}
