/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "error.h"
#include "memory/node.h"

static int
ask(int fd, const char *name, struct folio_ioctl_info *info, struct folio_error *err)
{
	if (ioctl(fd, FOLIO_IOCTL_INFO, info) != 0)
		return folio_fail(err, -EINVAL, "%s is neither a regular file nor a device of the "
				  "folio kernel module", name);
	if (info->version != FOLIO_IOCTL_VERSION)
		return folio_fail(err, -EPROTO, "%s: the kernel module speaks version %u of its "
				  "interface, this is version %u", name, info->version,
				  FOLIO_IOCTL_VERSION);
	return 0;
}

int
folio_node_open(const char *path, const char *name, struct folio_ioctl_info *info,
		struct folio_error *err)
{
	int fd, ret;

	/* It need not be the module's: do not wait for a modem, nor become its session's leader. */
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == EBUSY)
		return folio_fail(err, -EBUSY, "%s is taken: another port, of this process or of "
				  "another, has %s", name, path);
	if (fd < 0)
		return folio_fail(err, -errno, "%s: cannot open %s for writing: %s", name, path,
				  strerror(errno));
	ret = ask(fd, name, info, err);
	if (ret == 0)
		return fd;
	close(fd);
	return ret;
}

enum folio_caching
folio_node_caching(const struct folio_ioctl_info *info)
{
	switch (info->caching) {
	case FOLIO_IOCTL_CACHING_WRITE_BACK:
		return FOLIO_CACHING_WRITE_BACK;
	case FOLIO_IOCTL_CACHING_WRITE_COMBINING:
		return FOLIO_CACHING_WRITE_COMBINING;
	case FOLIO_IOCTL_CACHING_UNCACHED:
		return FOLIO_CACHING_UNCACHED;
	default:
		return FOLIO_CACHING_UNKNOWN;
	}
}

int
folio_node_alloc(int fd, const char *name, uint64_t size, int numa_node, uint32_t min_chunk,
		 struct folio_error *err)
{
	struct folio_ioctl_alloc alloc = {
		.size = size,
		.node = numa_node >= 0 ? (uint32_t)numa_node : UINT32_MAX,
		.min_chunk = min_chunk,
	};

	if (ioctl(fd, FOLIO_IOCTL_ALLOC, &alloc) == 0)
		return 0;
	return folio_fail(err, -errno, "%s: cannot share %" PRIu64 " bytes of memory: %s%s", name,
			  size, strerror(errno),
			  errno == ENOMEM ? " (see RLIMIT_MEMLOCK, and the module's parameters "
					    "max_alloc and min_chunk)" : "");
}

bool
folio_node_is_gone(int fd)
{
	struct folio_ioctl_info info;

	return ioctl(fd, FOLIO_IOCTL_INFO, &info) != 0;
}
