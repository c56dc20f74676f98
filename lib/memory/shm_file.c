/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* A region in a regular file that two processes of one machine, or a machine and its host, open. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boundary/shared.h"
#include "error.h"
#include "memory/file.h"
#include "memory/shm_pages.h"
#include "memory/shm_source.h"

static bool
role_is_free(int fd, enum folio_role role)
{
	return folio_file_is_free(fd, role, 1);
}

int
folio_region_lock_role(struct folio_region *r, struct folio_error *err)
{
	int ret = folio_file_lock(r->fd, r->role, 1);

	if (ret == -EBUSY)
		return folio_fail(err, ret, "role=%s is taken: another port, of this process or of "
				  "another, has %s in this role",
				  r->role == FOLIO_GUEST ? "guest" : "host", r->name);
	if (ret != 0)
		return folio_fail(err, ret, "%s: cannot lock it: %s", r->name, strerror(-ret));
	return 0;
}

/* A peer can keep us from it by an exclusive lock: so it is tried again at every tick. */
static void
lock_against_cleaners(struct folio_region *r)
{
	if (!r->guarded)
		r->guarded = folio_file_guard(r->fd);
}

static int
file_poll(struct folio_region *r, struct folio_error *err)
{
	(void)err;
	lock_against_cleaners(r);
	return 0;
}

/*
 * A host makes a file of a given size for a virtual machine, which would die of a page that cannot
 * be had: all of it is reserved. Nobody else can shorten it meanwhile but to do harm.
 */
static int
reserve_all(struct folio_region *r, uint64_t size, struct folio_error *err)
{
	int error;

	if (fallocate(r->fd, 0, 0, (off_t)size) == 0 || errno == EOPNOTSUPP)
		return 0;
	error = errno;
	(void)ftruncate(r->fd, 0);
	return folio_shm_no_memory(r->name, r->page_size, "reserve", size, error, err);
}

/*
 * A host that came while the guest's header was scribbled on could not tell whose file it is. It
 * looks again when there is a guest. Peer not trusted: it can have a file removed that it can wipe
 * itself.
 */
static void
note_if_ours(struct folio_region *r, const struct stat *st)
{
	if (r->role == FOLIO_HOST && !r->ours && (st->st_mode & S_ISVTX) != 0 &&
	    r->size % FOLIO_WIRE_PAGE == 0)
		r->ours = folio_region_is_folios(r);
}

static int
file_grow(struct folio_region *r, uint64_t size, struct folio_error *err)
{
	struct stat st;

	if (fstat(r->fd, &st) != 0)
		return folio_fail(err, -errno, "%s: cannot stat it: %s", r->name, strerror(errno));
	r->size = (uint64_t)st.st_size;
	note_if_ours(r, &st);
	if (r->size >= size)
		return 0;
	/* Somebody else chose the size of their file: not ours to change. */
	if (r->size != 0 && !r->ours)
		return folio_fail(err, -ENOSPC,
				  "region too small: %s has %" PRIu64
				  " bytes, the geometry needs %" PRIu64, r->name, r->size, size);
	if (ftruncate(r->fd, (off_t)size) != 0)
		return folio_fail(err, -errno, "%s: cannot make it %" PRIu64 " bytes long: %s",
				  r->name, size, strerror(errno));
	if (r->role == FOLIO_HOST && reserve_all(r, size, err) != 0)
		return -ENOSPC;
	r->size = size;
	return 0;
}

static bool
file_peek(const struct folio_region *r, struct folio_wire_header *copy)
{
	return pread(r->fd, copy, sizeof(*copy), 0) == (ssize_t)sizeof(*copy);
}

/*
 * A file that the peer cut keeps its length. Where memory cannot be reserved (some file systems), a
 * full one is noticed by a fault, as a hole is (see fault.h).
 */
static int
file_reserve(struct folio_region *r, uint64_t offset, uint64_t len)
{
	int ret;

	do
		ret = fallocate(r->fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len);
	while (ret != 0 && errno == EINTR);
	return ret == 0 || errno == EOPNOTSUPP ? 0 : errno;
}

static void
file_discard(struct folio_region *r, uint64_t offset, uint64_t len)
{
	(void)fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
			(off_t)len);
}

static bool
file_is_cut(const struct folio_region *r)
{
	struct stat st;

	return fstat(r->fd, &st) != 0 || (uint64_t)st.st_size < 2 * r->area;
}

/* Folio makes no file of such a size, and a guest would leave it alone. */
static bool
is_odd(const struct folio_region *r)
{
	struct stat st;

	return r->ours && fstat(r->fd, &st) == 0 && st.st_size % FOLIO_WIRE_PAGE != 0;
}

static bool
file_is_lost(const struct folio_region *r)
{
	return is_odd(r) || folio_file_is_lost(r->fd, r->path, 2 * r->area);
}

/*
 * The last one out removes a file that folio made. Our own role is given up before the look at the
 * other's, so that of two who close at once at least one finds nobody. A file that was cut to an
 * odd size goes at once: the other would wait in it for us, and we for somebody to clear it.
 */
static void
remove_if_last(struct folio_region *r)
{
	if (!(r->ours || r->fresh) || folio_file_unlock(r->fd, r->role, 1) != 0)
		return;
	if (is_odd(r) || (role_is_free(r->fd, FOLIO_GUEST) && role_is_free(r->fd, FOLIO_HOST)))
		folio_file_remove(r->fd, r->path);
}

static const struct folio_region_source file_source = {
	.lost = "was removed, replaced or cut",
	.grow = file_grow,
	.peek = file_peek,
	.reserve = file_reserve,
	.discard = file_discard,
	.poll = file_poll,
	.is_cut = file_is_cut,
	.is_lost = file_is_lost,
	.release = remove_if_last,
};

/*
 * Whose file is it? What is not folio's is left alone. That can be the work of a peer, who may
 * write and cut the file: then the port waits for it to be undone, and only what was never a region
 * is an error of the user. A host does not judge: it touches nothing before there is a guest.
 */
static int
check_content(struct folio_region *r, bool sticky, struct folio_error *err)
{
	bool whole = r->size % FOLIO_WIRE_PAGE == 0;

	if (r->size == 0 || (whole && folio_region_is_folios(r))) {
		r->ours = sticky;
		return 0;
	}
	if (r->role == FOLIO_HOST)
		return 0;
	if (!whole)
		return folio_fail(err, sticky ? -EUCLEAN : -EINVAL,
				  "%s is not a folio region: its size of %" PRIu64
				  " bytes is not a multiple of %u: it is left alone", r->name,
				  r->size, FOLIO_WIRE_PAGE);
	return folio_fail(err, -EUCLEAN, "%s is not a folio region: it starts with something else "
			  "(allowed: empty, zeroed, a folio region): it is left alone", r->name);
}

static int
open_once(struct folio_region *r, bool keep, struct folio_error *err)
{
	struct stat st;
	int ret;

	r->guarded = false;
	/* With its mark from the start: the peer may open it at once, and looks for it. */
	r->fd = folio_file_open(r->path, r->name, keep ? S_IRUSR | S_IWUSR : FOLIO_FILE_OURS,
				&r->fresh, err);
	if (r->fd < 0) {
		ret = r->fd;
		r->fd = -1;
		return ret;
	}
	ret = folio_file_look(r->fd, r->name, &st, &r->page_size, err);
	if (ret != 0)
		return ret;
	ret = folio_region_lock_role(r, err);
	if (ret != 0)
		return ret;
	lock_against_cleaners(r);

	/* Only now does it stay: whoever removes a file looks at the locks first or holds one. */
	if (fstat(r->fd, &st) != 0 || st.st_nlink == 0)
		return -EAGAIN;
	r->size = (uint64_t)st.st_size;
	return check_content(r, (st.st_mode & S_ISVTX) != 0, err);
}

/*
 * What a guest finds of a predecessor. Without a living host all of it goes. With one, the host
 * keeps its half, and how far the guest's own reached is remembered for folio_region_map(). A host
 * touches nothing: with no lock held there can be a virtual machine behind the guest's half.
 */
static void
take_over(struct folio_region *r)
{
	struct folio_wire_header h;

	if (r->role != FOLIO_GUEST || !file_peek(r, &h))
		return;
	if (!role_is_free(r->fd, FOLIO_HOST))
		folio_region_note_predecessor(r);
	else if (folio_fetch64(&h.magic) == FOLIO_WIRE_MAGIC || r->ours)
		file_discard(r, 0, r->size);
}

int
folio_region_open_file(struct folio_region *r, const char *path, bool keep,
		       struct folio_error *err)
{
	int ret = -EAGAIN;
	int i;

	r->source = &file_source;
	r->caching = FOLIO_CACHING_WRITE_BACK;
	r->path = strdup(path);
	if (r->path == NULL)
		return folio_fail(err, -ENOMEM, "out of memory");
	for (i = 0; i < FOLIO_FILE_TRIES && ret == -EAGAIN; i++) {
		ret = open_once(r, keep, err);
		if (ret == -EAGAIN && r->fd >= 0) {
			close(r->fd);
			r->fd = -1;
		}
	}
	if (ret == -EAGAIN)
		return folio_fail(err, ret, "%s: keeps being removed by somebody else", r->name);
	if (ret == 0)
		take_over(r);
	return ret;
}
