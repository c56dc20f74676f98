/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory/sealed.h"
#include "memory/shm_pages.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

int
folio_sealed_memfd(unsigned int flags)
{
	int fd = memfd_create("folio", flags | MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	/* With vm.memfd_noexec=2 the kernel insists on the flag; before Linux 6.3 there is none. */
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("folio", flags | MFD_CLOEXEC);
	return fd;
}

/* Returns 0, or a negative errno and nothing mapped. */
static int
map_all(int fd, void **mem, uint64_t len, bool huge, int numa_node)
{
	int error;

	if (ftruncate(fd, (off_t)len) != 0)
		return -errno;
	*mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (*mem == MAP_FAILED)
		return -errno;
	folio_shm_place(*mem, len, numa_node);
	if (!huge)
		(void)madvise(*mem, len, MADV_HUGEPAGE);
#ifdef MADV_POPULATE_WRITE
	(void)madvise(*mem, len, MADV_POPULATE_WRITE); /* takes larger pages than fallocate() */
#endif
	if (fallocate(fd, 0, 0, (off_t)len) == 0)
		return 0;
	error = errno;
	munmap(*mem, len);
	return -error;
}

int
folio_sealed_make(void **mem, uint64_t len, bool huge, int seals, int numa_node)
{
	unsigned int pages = huge ? MFD_HUGETLB | MFD_HUGE_2MB : 0;
	int fd = folio_sealed_memfd(MFD_ALLOW_SEALING | pages);
	int ret;

	if (fd < 0)
		return -errno;
	ret = map_all(fd, mem, len, huge, numa_node);
	if (ret == 0 && fcntl(fd, F_ADD_SEALS, seals | F_SEAL_SEAL) != 0) {
		ret = -errno;
		munmap(*mem, len);
	}
	if (ret == 0)
		return fd;
	close(fd);
	return ret;
}
