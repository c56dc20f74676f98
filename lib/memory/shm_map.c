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

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

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
folio_shm_memfd(unsigned int flags)
{
	int fd = memfd_create("folio", flags | MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	/* With vm.memfd_noexec=2 the kernel insists on the flag; before Linux 6.3 there is none. */
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("folio", flags | MFD_CLOEXEC);
	return fd;
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

/*
 * Areas may be aligned to far more than they use. The rest is left out: a process that locks its
 * memory (mlockall) pays for all that is mapped. The last piece is as long as a larger page that
 * may back it.
 */
static uint64_t
mapped_length(const struct folio_region *r, const struct folio_layout *l)
{
	uint64_t to = UINT64_C(1) << FOLIO_LAYOUT_SHIFT;
	uint64_t len;

	if (to < r->page_size)
		to = r->page_size;
	len = (l->used + to - 1) / to * to;
	return len < l->area_size ? len : l->area_size;
}

int
folio_shm_map_halves(struct folio_region *r, const struct folio_layout *l, struct folio_error *err)
{
	uint64_t own_off = r->role == FOLIO_GUEST ? 0 : l->area_size;
	uint64_t peer_off = l->area_size - own_off;
	uint64_t len = mapped_length(r, l);
	void *own, *peer;
	int error;

	own = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, (off_t)own_off);
	if (own == MAP_FAILED)
		return folio_shm_no_memory(r, "map", 2 * len, errno, err);
	peer = mmap(NULL, len, PROT_READ, MAP_SHARED, r->fd, (off_t)peer_off);
	if (peer == MAP_FAILED) {
		error = errno;
		munmap(own, len);
		return folio_shm_no_memory(r, "map", 2 * len, error, err);
	}
	if (r->first == NULL) /* a device's memory is where it is */
		folio_shm_place(own, len, r->numa_node);
	r->mapped = len;
	r->own = own;
	r->peer = peer;
	return 0;
}
