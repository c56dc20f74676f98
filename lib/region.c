/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <numa.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "fault.h"
#include "region.h"
#include "session.h"
#include "shared.h"

/*
 * What folio made it may resize and remove: the sticky bit, which has no other use on a file, says
 * so to whoever comes later, also after a crash.
 */
#define MODE_OURS (S_ISVTX | S_IRUSR | S_IWUSR)

/* How long a crashed predecessor's peer may take to let go, in quarters of a tick. */
#define GUEST_WAITS (4 * 1000 / FOLIO_TICK_MS)
#define HOST_WAITS (4 * 200 / FOLIO_TICK_MS)

/* A file can be removed by a peer that closes between our open and our lock: then try again. */
#define OPEN_TRIES 8

static const char *
role_name(enum folio_role role)
{
	return role == FOLIO_GUEST ? "guest" : "host";
}

/* Byte 1 of the file is the guest's lock, byte 2 the host's. */
static struct flock
role_lock(short type, enum folio_role role)
{
	return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = role, .l_len = 1};
}

/* Returns 0, or a positive errno. */
static int
lock_role(int fd, enum folio_role role)
{
	struct flock fl = role_lock(F_WRLCK, role);

	return fcntl(fd, F_OFD_SETLK, &fl) == 0 ? 0 : errno;
}

static bool
role_is_free(int fd, enum folio_role role)
{
	struct flock fl = role_lock(F_WRLCK, role);

	return fcntl(fd, F_OFD_GETLK, &fl) == 0 && fl.l_type == F_UNLCK;
}

static bool
is_zero(const void *mem, size_t len)
{
	const uint8_t *p = mem;

	return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

/* At the guest's end of the file, is this ours or unused? */
static int
check_content(struct folio_region *r, struct folio_error *err)
{
	struct folio_wire_header h;

	/* A file that folio made may have been scribbled on by the peer: it is ours all the same. */
	if (r->size == 0 || r->ours)
		return 0;
	if (r->size < FOLIO_WIRE_PAGE || r->size % FOLIO_WIRE_PAGE != 0)
		return folio_fail(err, -EINVAL,
				  "path=%s is not a folio region: its size of %" PRIu64
				  " bytes is not a multiple of %u",
				  r->path, r->size, FOLIO_WIRE_PAGE);
	if (!folio_region_peek(r, &h))
		return folio_fail(err, -EIO, "path=%s: cannot read its header: %s", r->path,
				  strerror(errno));
	if (folio_fetch64(&h.magic) != FOLIO_WIRE_MAGIC && !is_zero(&h, sizeof(h)))
		return folio_fail(err, -EINVAL,
				  "path=%s is not a folio region: it starts with something else "
				  "(allowed: an empty file, a zeroed file, a folio region)",
				  r->path);
	return 0;
}

/* One attempt. -EAGAIN: the file vanished under us. */
static int
open_file(struct folio_region *r, bool keep, struct folio_error *err)
{
	struct statfs fs;
	struct stat st;
	int ret;

	r->fresh = false;
	r->fd = open(r->path, O_RDWR | O_CLOEXEC);
	if (r->fd < 0 && errno == ENOENT) {
		r->fd = open(r->path, O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, 0600);
		if (r->fd < 0 && errno == EEXIST)
			return -EAGAIN;
		r->fresh = r->fd >= 0;
		if (r->fresh && !keep)
			(void)fchmod(r->fd, MODE_OURS);
		if (r->fd < 0)
			return folio_fail(err, -errno, "path=%s: cannot create it: %s", r->path,
					  strerror(errno));
	}
	if (r->fd < 0)
		return folio_fail(err, -errno, "path=%s: cannot open it for writing: %s", r->path,
				  strerror(errno));

	if (fstat(r->fd, &st) != 0 || fstatfs(r->fd, &fs) != 0)
		return folio_fail(err, -errno, "path=%s: cannot stat it: %s", r->path,
				  strerror(errno));
	if (!S_ISREG(st.st_mode))
		return folio_fail(err, -EINVAL, "path=%s is not a regular file", r->path);

	ret = lock_role(r->fd, r->role);
	if (ret == EAGAIN || ret == EACCES)
		return folio_fail(err, -EBUSY,
				  "role=%s is taken: another process has path=%s in this role",
				  role_name(r->role), r->path);
	if (ret != 0)
		return folio_fail(err, -ret, "path=%s: cannot lock it: %s", r->path, strerror(ret));

	/* Only now does it stay: whoever removes a file looks at the locks first or holds one. */
	if (fstat(r->fd, &st) != 0 || st.st_nlink == 0)
		return -EAGAIN;
	r->ours = (st.st_mode & S_ISVTX) != 0;
	r->size = (uint64_t)st.st_size;
	r->page_size = fs.f_type == HUGETLBFS_MAGIC ? (uint32_t)fs.f_bsize
						    : (uint32_t)sysconf(_SC_PAGESIZE);
	return check_content(r, err);
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
	struct folio_geometry g;
	struct folio_layout l;
	bool folio;

	if (r->role != FOLIO_GUEST || !folio_region_peek(r, &h))
		return;
	folio = folio_fetch64(&h.magic) == FOLIO_WIRE_MAGIC;
	if (role_is_free(r->fd, FOLIO_HOST)) {
		if (folio || r->ours)
			(void)fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
					(off_t)r->size);
		return;
	}
	g.queues = folio_fetch32(&h.queues);
	g.ring_size = folio_fetch32(&h.ring_size);
	g.slot_size = folio_fetch32(&h.slot_size);
	g.page_shift = folio_fetch32(&h.page_shift);
	if (folio && folio_layout_init(&l, &g, r->size, NULL) == 0)
		r->old_area = l.area_size;
}

/*
 * The last one out removes a file that folio made. Our own role is given up before the look at the
 * other's, so that of two who close at once at least one finds nobody.
 */
static void
remove_if_last(struct folio_region *r)
{
	struct flock unlock = role_lock(F_UNLCK, r->role);
	struct stat at_path, here;

	if (!(r->ours || r->fresh) || fcntl(r->fd, F_OFD_SETLK, &unlock) != 0 ||
	    !role_is_free(r->fd, FOLIO_GUEST) || !role_is_free(r->fd, FOLIO_HOST))
		return;
	if (fstat(r->fd, &here) == 0 && stat(r->path, &at_path) == 0 &&
	    at_path.st_dev == here.st_dev && at_path.st_ino == here.st_ino)
		(void)unlink(r->path);
}

int
folio_region_open(struct folio_region *r, const char *path, enum folio_role role, bool keep,
		  struct folio_error *err)
{
	int ret = -EAGAIN;
	int i;

	memset(r, 0, sizeof(*r));
	r->fd = -1;
	r->role = role;
	r->path = strdup(path);
	if (r->path == NULL)
		return folio_fail(err, -ENOMEM, "out of memory");

	for (i = 0; i < OPEN_TRIES && ret == -EAGAIN; i++) {
		ret = open_file(r, keep, err);
		if (ret == -EAGAIN && r->fd >= 0) {
			close(r->fd);
			r->fd = -1;
		}
	}
	if (ret == -EAGAIN)
		folio_fail(err, ret, "path=%s: keeps being removed by somebody else", path);
	if (ret != 0) {
		folio_region_close(r);
		return ret;
	}
	take_over(r);
	return 0;
}

int
folio_region_grow(struct folio_region *r, uint64_t size, struct folio_error *err)
{
	struct stat st;

	if (fstat(r->fd, &st) != 0)
		return folio_fail(err, -errno, "path=%s: cannot stat it: %s", r->path,
				  strerror(errno));
	r->size = (uint64_t)st.st_size;
	if (r->size >= size)
		return 0;
	/* Somebody else chose the size of their file: not ours to change. */
	if (r->size != 0 && !r->ours)
		return folio_fail(err, -ENOSPC,
				  "region too small: path=%s has %" PRIu64
				  " bytes, the geometry needs %" PRIu64,
				  r->path, r->size, size);
	if (ftruncate(r->fd, (off_t)size) != 0)
		return folio_fail(err, -errno, "path=%s: cannot make it %" PRIu64 " bytes long: %s",
				  r->path, size, strerror(errno));
	r->size = size;
	return 0;
}

bool
folio_region_peek(const struct folio_region *r, struct folio_wire_header *copy)
{
	return pread(r->fd, copy, sizeof(*copy), 0) == (ssize_t)sizeof(*copy);
}

static int
allocate(int fd, uint64_t offset, uint64_t len)
{
	int ret;

	do
		ret = posix_fallocate(fd, (off_t)offset, (off_t)len);
	while (ret == EINTR);
	return ret;
}

/* Reserve what we will write, so that a full file system is an error here and no SIGBUS later. */
static int
reserve(struct folio_region *r, const struct folio_layout *l, uint64_t area, struct folio_error *err)
{
	int ret;

	ret = allocate(r->fd, area, l->meta_off);
	if (ret == 0) /* the peer's header is looked at before there is a peer */
		ret = allocate(r->fd, l->area_size - area, FOLIO_WIRE_PAGE);
	if (ret == 0)
		ret = allocate(r->fd, area + l->data_off, l->used - l->data_off);
	if (ret != 0)
		return folio_fail(err, -ret,
				  "path=%s: cannot reserve %" PRIu64 " bytes of memory: %s",
				  r->path, l->used, strerror(ret));
	return 0;
}

static void
place(void *mem, uint64_t len, int numa_node)
{
	if (numa_node >= 0 && numa_available() >= 0 && numa_node <= numa_max_node())
		numa_tonode_memory(mem, len, numa_node);
}

static int
map_private(struct folio_region *r, const struct folio_layout *l, int numa_node,
	    struct folio_error *err)
{
	void *mem;

	mem = mmap(NULL, l->area_size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		return folio_fail(err, -errno, "cannot map %" PRIu64 " bytes of memory: %s",
				  l->area_size, strerror(errno));
	(void)madvise(mem, l->area_size, MADV_HUGEPAGE);
	place(mem, l->area_size, numa_node);
	r->own = mem;
	r->peer = mem;
	r->mapped = l->area_size;
	return 0;
}

static int
map_file(struct folio_region *r, const struct folio_layout *l, int numa_node,
	 struct folio_error *err)
{
	uint64_t own_off = r->role == FOLIO_GUEST ? 0 : l->area_size;
	uint64_t peer_off = l->area_size - own_off;
	void *own, *peer;
	int ret;

	if ((UINT64_C(1) << l->geom.page_shift) % r->page_size != 0)
		return folio_fail(err, -EINVAL,
				  "path=%s lies on pages of %u bytes, the guest aligned its areas to "
				  "%" PRIu64, r->path, r->page_size,
				  UINT64_C(1) << l->geom.page_shift);
	own = mmap(NULL, l->area_size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, (off_t)own_off);
	if (own == MAP_FAILED)
		return folio_fail(err, -errno, "path=%s: cannot map %" PRIu64 " bytes: %s", r->path,
				  l->area_size, strerror(errno));
	peer = mmap(NULL, l->area_size, PROT_READ, MAP_SHARED, r->fd, (off_t)peer_off);
	if (peer == MAP_FAILED) {
		ret = folio_fail(err, -errno, "path=%s: cannot map %" PRIu64 " bytes: %s", r->path,
				 l->area_size, strerror(errno));
		munmap(own, l->area_size);
		return ret;
	}
	r->own = own;
	r->peer = peer;
	r->mapped = l->area_size;
	if (folio_fault_watch(own, l->area_size, PROT_READ | PROT_WRITE) != 0 ||
	    folio_fault_watch(peer, l->area_size, PROT_READ) != 0) {
		folio_region_unmap(r);
		return folio_fail(err, -ENOSPC, "path=%s: too many regions in this process: "
				  "allowed is %d", r->path, FOLIO_FAULT_MAX / 2);
	}
	place(own, l->area_size, numa_node);
	if (r->page_size == (uint32_t)sysconf(_SC_PAGESIZE)) {
		(void)madvise(own, l->area_size, MADV_HUGEPAGE);
		(void)madvise(peer, l->area_size, MADV_HUGEPAGE);
	}
	ret = reserve(r, l, own_off, err);
	if (ret != 0) {
		folio_region_unmap(r);
		return ret;
	}
	/* A predecessor with another geometry may have left something where nobody writes now. */
	(void)fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			(off_t)(own_off + l->meta_off), (off_t)(l->data_off - l->meta_off));
	return 0;
}

/* h NULL: wipe. */
static void
write_page(struct folio_region *r, uint64_t offset, const struct folio_wire_header *h)
{
	void *page = mmap(NULL, r->page_size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
			  (off_t)offset);

	if (page == MAP_FAILED)
		return;
	if (folio_fault_watch(page, r->page_size, PROT_READ | PROT_WRITE) == 0) {
		if (h == NULL)
			folio_session_wipe_header(page);
		else
			memcpy(page, h, sizeof(*h));
		folio_fault_unwatch(page);
	}
	munmap(page, r->page_size);
}

static void
wipe_post(struct folio_region *r)
{
	struct stat st;

	if (r->posted != 0 && fstat(r->fd, &st) == 0 &&
	    (uint64_t)st.st_size >= r->posted + r->page_size)
		write_page(r, r->posted, NULL);
	r->posted = 0;
}

void
folio_region_post(struct folio_region *r, const struct folio_layout *l,
		  const struct folio_wire_header *h)
{
	wipe_post(r);
	if (l->area_size % r->page_size != 0 ||
	    allocate(r->fd, l->area_size, FOLIO_WIRE_PAGE) != 0)
		return;
	write_page(r, l->area_size, h);
	r->posted = l->area_size;
}

/*
 * The header of a predecessor that crashed goes first. Its peer may be starved of time and still be
 * receiving what we are about to zero: it takes its answer back when it has closed its rings. A
 * host waits on a thread that its other ports need, so it does not let a guest hold it up for long.
 */
static void
retire_predecessor(struct folio_region *r)
{
	const struct folio_wire_header *peer = folio_layout_header(r->peer);
	const struct timespec step = {.tv_nsec = FOLIO_TICK_MS * 1000000L / 4};
	int steps = r->role == FOLIO_GUEST ? GUEST_WAITS : HOST_WAITS;
	bool was_started = folio_fetch32(&folio_layout_header(r->own)->state) ==
			   FOLIO_WIRE_STATE_STARTED;

	folio_session_wipe_header(r->own);
	while (was_started && steps-- > 0 && folio_fetch64_acquire(&peer->ack) != 0)
		nanosleep(&step, NULL);
}

int
folio_region_map(struct folio_region *r, const struct folio_layout *l, int numa_node,
		 struct folio_error *err)
{
	int ret;

	wipe_post(r);
	ret = r->path == NULL ? map_private(r, l, numa_node, err) : map_file(r, l, numa_node, err);
	if (ret != 0)
		return ret;
	retire_predecessor(r);
	folio_region_zero(r, l);
	/* A larger predecessor's data lies where the host's half is now; the host waits for us. */
	if (r->old_area > l->area_size)
		(void)fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				(off_t)l->area_size, (off_t)(r->old_area - l->area_size));
	r->old_area = 0;
	return 0;
}

void
folio_region_zero(struct folio_region *r, const struct folio_layout *l)
{
	uint8_t *own = r->own;

	memset(own + l->index_off, 0, l->meta_off - l->index_off);
	memset(own + l->data_off, 0, l->used - l->data_off);
}

void
folio_region_populate(const struct folio_region *r, const struct folio_layout *l)
{
#ifdef MADV_POPULATE_READ
	uint8_t *peer = r->peer;

	(void)madvise(peer, l->meta_off, MADV_POPULATE_READ);
	(void)madvise(peer + l->data_off, l->used - l->data_off, MADV_POPULATE_READ);
#else
	(void)madvise(r->peer, l->used, MADV_WILLNEED);
#endif
}

/* Found the hard way, by a fault. */
static bool
was_hit(const struct folio_region *r)
{
	return folio_fault_hit(r->own) || folio_fault_hit(r->peer);
}

bool
folio_region_is_cut(const struct folio_region *r)
{
	struct stat st;

	return r->path != NULL && (was_hit(r) || fstat(r->fd, &st) != 0 ||
				   (uint64_t)st.st_size < 2 * r->mapped);
}

bool
folio_region_lost(const struct folio_region *r)
{
	struct stat here, at_path;

	if (r->path == NULL)
		return false;
	if (was_hit(r) || fstat(r->fd, &here) != 0 || here.st_nlink == 0 ||
	    (uint64_t)here.st_size < 2 * r->mapped)
		return true;
	if (stat(r->path, &at_path) != 0)
		return errno == ENOENT;
	return at_path.st_dev != here.st_dev || at_path.st_ino != here.st_ino;
}

void
folio_region_unmap(struct folio_region *r)
{
	if (r->mapped == 0)
		return;
	folio_fault_unwatch(r->own);
	folio_fault_unwatch(r->peer);
	munmap(r->own, r->mapped);
	if (r->peer != r->own)
		munmap(r->peer, r->mapped);
	r->own = NULL;
	r->peer = NULL;
	r->mapped = 0;
}

void
folio_region_close(struct folio_region *r)
{
	folio_region_unmap(r);
	if (r->fd >= 0) {
		wipe_post(r);
		remove_if_last(r);
		close(r->fd);
	}
	free(r->path);
	r->path = NULL;
	r->fd = -1;
}
