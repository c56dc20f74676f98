/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "error.h"
#include "memory/file.h"

/*
 * Whoever has a lease on the file would make us wait for it, and an open of a modem for a carrier.
 */
static int
open_at_once(const char *path, int flags, mode_t mode)
{
	int fd = open(path, flags | O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode);

	if (fd >= 0)
		(void)fcntl(fd, F_SETFL, 0);
	return fd;
}

static int
explain_open(const char *name, struct folio_error *err)
{
	if (errno == EWOULDBLOCK)
		return folio_fail(err, -EUCLEAN, "%s: another process has a lease on it: the "
				  "kernel takes it away (see fs.lease-break-time)", name);
	return folio_fail(err, -errno, "%s: cannot open it for writing: %s", name, strerror(errno));
}

static int
create(const char *path, const char *name, mode_t mode, struct folio_error *err)
{
	struct stat st;
	int fd;

	fd = open_at_once(path, O_CREAT | O_EXCL, mode);
	if (fd >= 0)
		return fd;
	if (errno != EEXIST)
		return folio_fail(err, -errno, "%s: cannot create it: %s", name, strerror(errno));
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && stat(path, &st) != 0 &&
	    errno == ENOENT)
		return folio_fail(err, -ENOENT, "%s is a symbolic link to a file that does not exist",
				  name);
	return -EAGAIN;
}

int
folio_file_open(const char *path, const char *name, mode_t mode, bool *created,
		struct folio_error *err)
{
	int fd = open_at_once(path, 0, 0);

	*created = false;
	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return explain_open(name, err);
	fd = create(path, name, mode, err);
	*created = fd >= 0;
	return fd;
}

int
folio_file_look(int fd, const char *name, struct stat *st, uint32_t *page_size,
		struct folio_error *err)
{
	struct statfs fs;

	if (fstat(fd, st) != 0 || fstatfs(fd, &fs) != 0)
		return folio_fail(err, -errno, "%s: cannot stat it: %s", name, strerror(errno));
	if (!S_ISREG(st->st_mode))
		return folio_fail(err, -EINVAL, "%s is neither a regular file nor a device of the "
				  "folio kernel module", name);
	*page_size = fs.f_type == HUGETLBFS_MAGIC ? (uint32_t)fs.f_bsize
						  : (uint32_t)sysconf(_SC_PAGESIZE);
	return 0;
}

static struct flock
roles(short type, enum folio_role first, unsigned int count)
{
	return (struct flock){
		.l_type = type, .l_whence = SEEK_SET, .l_start = first, .l_len = count};
}

int
folio_file_lock(int fd, enum folio_role first, unsigned int count)
{
	struct flock fl = roles(F_WRLCK, first, count);

	if (fcntl(fd, F_OFD_SETLK, &fl) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

int
folio_file_unlock(int fd, enum folio_role first, unsigned int count)
{
	struct flock fl = roles(F_UNLCK, first, count);

	return fcntl(fd, F_OFD_SETLK, &fl) == 0 ? 0 : -errno;
}

bool
folio_file_is_free(int fd, enum folio_role first, unsigned int count)
{
	struct flock fl = roles(F_WRLCK, first, count);

	return fcntl(fd, F_OFD_GETLK, &fl) == 0 && fl.l_type == F_UNLCK;
}

bool
folio_file_guard(int fd)
{
	return flock(fd, LOCK_SH | LOCK_NB) == 0;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool
folio_file_is_at(int fd, const char *path)
{
	struct stat here, at_path;

	return fstat(fd, &here) == 0 && stat(path, &at_path) == 0 && is_same(&here, &at_path);
}

bool
folio_file_is_lost(int fd, const char *path, uint64_t size)
{
	struct stat here, at_path;

	if (fstat(fd, &here) != 0 || here.st_nlink == 0 || (uint64_t)here.st_size < size)
		return true;
	return stat(path, &at_path) == 0 && !is_same(&here, &at_path);
}

void
folio_file_remove(int fd, const char *path)
{
	if (folio_file_is_at(fd, path))
		(void)unlink(path);
}
