/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Where shared memory comes from: files of every kind, good and bad, and who may have them. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "native/region.h"
#include "boundary/shared.h"
#include "util.h"

static struct folio_layout layout; /* a small one */

struct env {
	void *dir;
	char path[PATH_MAX];
};

static int
setup(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	if (e == NULL || util_dir_setup(&e->dir) != 0)
		return -1;
	snprintf(e->path, sizeof(e->path), "%s/region", (const char *)e->dir);
	*state = e;
	return 0;
}

static int
teardown(void **state)
{
	struct env *e = *state;
	int ret = util_dir_teardown(&e->dir);

	free(e);
	return ret;
}

static bool
exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void
make_file(const char *path, const void *content, size_t len, off_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), len);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

static void
write_at(const char *path, off_t offset, uint8_t value, size_t len)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *junk = malloc(len);

	assert_non_null(junk);
	memset(junk, value, len);
	assert_int_equal(pwrite(fd, junk, len, offset), len);
	free(junk);
	close(fd);
}

static void
open_region(struct folio_region *r, const char *path, enum folio_role role)
{
	struct folio_error err = {.text = ""};

	if (folio_region_open(r, path, role, false, &err) != 0)
		fail_msg("%s", err.text);
}

static void
map_region(struct folio_region *r)
{
	struct folio_error err = {.text = ""};

	if (folio_region_grow(r, layout.region_size, &err) != 0 ||
	    folio_region_map(r, &layout, &err) != 0)
		fail_msg("%s", err.text);
}

/* Refused with this error, a line that says so, and nothing left open. */
static void
check_refused(const char *path, enum folio_role role, int error, const char *says)
{
	unsigned int fds = util_open_fds();
	struct folio_error err = {.text = ""};
	struct folio_region r;

	assert_int_equal(folio_region_open(&r, path, role, false, &err), error);
	if (strstr(err.text, says) == NULL || strstr(err.text, path) == NULL)
		fail_msg("\"%s\" does not say \"%s\" of %s", err.text, says, path);
	assert_int_equal(r.fd, -1);
	assert_null(r.path);
	assert_int_equal(folio_region_open(&r, path, role, true, NULL), error);
	assert_int_equal(util_open_fds(), fds);
}

static void
check_refused_to_both(const char *path, int error, const char *says)
{
	check_refused(path, FOLIO_GUEST, error, says);
	check_refused(path, FOLIO_HOST, error, says);
}

static void
test_create_and_remove(void **state)
{
	const struct env *e = *state;
	unsigned int fds = util_open_fds();
	struct folio_region r;
	struct stat st;
	int i;

	for (i = 0; i < 2; i++) {
		open_region(&r, e->path, i == 0 ? FOLIO_GUEST : FOLIO_HOST);
		assert_true(r.ours);
		assert_int_equal(stat(e->path, &st), 0);
		assert_int_equal(st.st_size, 0);
		/* For nobody else, and marked as folio's own. */
		assert_int_equal(st.st_mode & 07777, 01600);
		assert_int_equal(r.page_size, sysconf(_SC_PAGESIZE));
		folio_region_close(&r);
		assert_false(exists(e->path));
		assert_int_equal(util_open_fds(), fds);
		folio_region_close(&r); /* once more is no harm */
	}
}

static void
test_both_roles_at_once(void **state)
{
	const struct env *e = *state;
	struct folio_region guest, host;

	open_region(&guest, e->path, FOLIO_GUEST);
	open_region(&host, e->path, FOLIO_HOST);
	assert_true(guest.ours);
	assert_true(host.ours);
	map_region(&guest);
	map_region(&host);
	/* What one writes the other reads, and at the same place of its peer's area. */
	memset((uint8_t *)guest.own + layout.data_off, 0x11, 100);
	memset((uint8_t *)host.own + layout.data_off, 0x22, 100);
	assert_true(util_all_bytes((uint8_t *)host.peer + layout.data_off, 0x11, 100));
	assert_true(util_all_bytes((uint8_t *)guest.peer + layout.data_off, 0x22, 100));
	folio_region_close(&host);
	folio_region_close(&guest);
}

/* Whoever closes last removes what folio made, whoever made it. */
static void
test_the_last_one_out_removes_the_file(void **state)
{
	const struct env *e = *state;
	struct folio_region first, second;
	int i;

	for (i = 0; i < 4; i++) {
		open_region(&first, e->path, i & 1 ? FOLIO_GUEST : FOLIO_HOST);
		open_region(&second, e->path, i & 1 ? FOLIO_HOST : FOLIO_GUEST);
		folio_region_close(i & 2 ? &first : &second);
		assert_true(exists(e->path));
		folio_region_close(i & 2 ? &second : &first);
		assert_false(exists(e->path));
	}
}

/* Who opens a file while the other one makes it. */
struct opener {
	const char *path;
	pthread_barrier_t *barrier;
	struct folio_region region;
	int ret;
};

#define MEETINGS 2000

static void *
open_as_host(void *arg)
{
	struct opener *o = arg;
	int i;

	for (i = 0; i < MEETINGS; i++) {
		pthread_barrier_wait(o->barrier);
		o->ret = folio_region_open(&o->region, o->path, FOLIO_HOST, false, NULL);
		pthread_barrier_wait(o->barrier);
		pthread_barrier_wait(o->barrier); /* closed */
	}
	return NULL;
}

static void
test_made_by_both_at_once(void **state)
{
	const struct env *e = *state;
	pthread_barrier_t barrier;
	struct opener host = {.path = e->path, .barrier = &barrier};
	struct folio_region guest;
	pthread_t thread;
	int i;

	assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, open_as_host, &host), 0);
	for (i = 0; i < MEETINGS; i++) {
		pthread_barrier_wait(&barrier);
		open_region(&guest, e->path, FOLIO_GUEST);
		pthread_barrier_wait(&barrier);
		assert_int_equal(host.ret, 0);
		assert_true(guest.ours);
		assert_true(host.region.ours);
		folio_region_close(i & 1 ? &guest : &host.region);
		folio_region_close(i & 1 ? &host.region : &guest);
		assert_false(exists(e->path));
		pthread_barrier_wait(&barrier);
	}
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&barrier);
}

/* A file that is made for somebody else stays, once it is in use. */
static void
test_a_file_to_keep(void **state)
{
	const struct env *e = *state;
	struct folio_region r;

	assert_int_equal(folio_region_open(&r, e->path, FOLIO_HOST, true, NULL), 0);
	assert_false(r.ours);
	assert_int_equal(folio_region_grow(&r, 8192, NULL), 0);
	r.fresh = false;
	folio_region_close(&r);
	assert_true(exists(e->path));
	open_region(&r, e->path, FOLIO_GUEST);
	assert_false(r.ours);
	assert_int_equal(folio_region_grow(&r, 8193, NULL), -ENOSPC);
	folio_region_close(&r);
	assert_true(exists(e->path));
	unlink(e->path);
	/* But not when whoever asked for it failed. */
	assert_int_equal(folio_region_open(&r, e->path, FOLIO_HOST, true, NULL), 0);
	folio_region_close(&r);
	assert_false(exists(e->path));
}

/* What folio made may grow, also for a guest that was not the one to make it. */
static void
test_own_files_grow(void **state)
{
	const struct env *e = *state;
	struct folio_region guest, host;
	struct stat st;

	open_region(&host, e->path, FOLIO_HOST);
	open_region(&guest, e->path, FOLIO_GUEST);
	assert_int_equal(folio_region_grow(&guest, 8192, NULL), 0);
	folio_region_close(&guest);
	open_region(&guest, e->path, FOLIO_GUEST);
	assert_int_equal(folio_region_grow(&guest, 65536, NULL), 0);
	assert_int_equal(folio_region_grow(&guest, 4096, NULL), 0);
	assert_int_equal(stat(e->path, &st), 0);
	assert_int_equal(st.st_size, 65536);
	folio_region_close(&guest);
	folio_region_close(&host);
}

static void
test_role_is_taken(void **state)
{
	const struct env *e = *state;
	struct folio_region guest, host;

	open_region(&guest, e->path, FOLIO_GUEST);
	check_refused(e->path, FOLIO_GUEST, -EBUSY, "role=guest is taken");
	open_region(&host, e->path, FOLIO_HOST);
	check_refused(e->path, FOLIO_HOST, -EBUSY, "role=host is taken");
	check_refused(e->path, FOLIO_GUEST, -EBUSY, "role=guest is taken");
	assert_true(exists(e->path));
	folio_region_close(&host);
	open_region(&host, e->path, FOLIO_HOST);
	folio_region_close(&host);
	folio_region_close(&guest);
	open_region(&guest, e->path, FOLIO_GUEST);
	folio_region_close(&guest);
}

static void
test_what_is_no_file_is_refused(void **state)
{
	const struct env *e = *state;
	char path[PATH_MAX + 16];

	check_refused_to_both(e->dir, -EISDIR, "cannot open it");
	assert_int_equal(mkfifo(e->path, 0600), 0);
	check_refused_to_both(e->path, -EINVAL, "neither a regular file");
	unlink(e->path);
	snprintf(path, sizeof(path), "%s/nowhere", e->path);
	check_refused_to_both(path, -ENOENT, "cannot create it");
	make_file(e->path, "", 0, 4096);
	check_refused_to_both(path, -ENOTDIR, "cannot open it");
	unlink(e->path);
	assert_int_equal(symlink(e->path, e->path), 0);
	check_refused_to_both(e->path, -ELOOP, "cannot open it");
}

static void
test_zeroed_files_are_accepted(void **state)
{
	const struct env *e = *state;
	struct folio_region r;
	struct stat st;

	make_file(e->path, "", 0, (off_t)layout.region_size + 4096);
	open_region(&r, e->path, FOLIO_GUEST);
	assert_false(r.ours);
	assert_int_equal(r.size, layout.region_size + 4096);
	map_region(&r);
	assert_int_equal(stat(e->path, &st), 0);
	assert_int_equal(st.st_size, layout.region_size + 4096);
	folio_region_close(&r);
	assert_true(exists(e->path));

	/* An empty one grows; it stays all the same, because it is not ours. */
	assert_int_equal(truncate(e->path, 0), 0);
	open_region(&r, e->path, FOLIO_GUEST);
	assert_false(r.ours);
	map_region(&r);
	assert_int_equal(stat(e->path, &st), 0);
	assert_int_equal(st.st_size, layout.region_size);
	folio_region_close(&r);
	assert_true(exists(e->path));
}

static void
test_fixed_file_too_small(void **state)
{
	const struct env *e = *state;
	struct folio_error err;
	struct folio_region r;
	struct stat st;
	char part[64];

	make_file(e->path, "", 0, 8192);
	open_region(&r, e->path, FOLIO_GUEST);
	assert_int_equal(folio_region_grow(&r, layout.region_size, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "has 8192 bytes"));
	snprintf(part, sizeof(part), "needs %llu", (unsigned long long)layout.region_size);
	assert_non_null(strstr(err.text, part));
	assert_int_equal(folio_region_grow(&r, 8193, NULL), -ENOSPC);
	assert_int_equal(folio_region_grow(&r, 8192, &err), 0);
	folio_region_close(&r);
	assert_int_equal(stat(e->path, &st), 0);
	assert_int_equal(st.st_size, 8192);
}

static void
test_peek(void **state)
{
	const struct env *e = *state;
	struct folio_wire_header h;
	struct folio_region guest, host;

	open_region(&guest, e->path, FOLIO_GUEST);
	open_region(&host, e->path, FOLIO_HOST);
	assert_false(folio_region_peek(&host, &h));
	map_region(&guest);
	folio_put64(&folio_layout_header(guest.own)->generation, 77);
	assert_true(folio_region_peek(&host, &h));
	assert_int_equal(folio_fetch64(&h.generation), 77);
	folio_region_close(&host);
	folio_region_close(&guest);
}

static int
write_to(void *arg)
{
	*(volatile uint8_t *)arg = 1;
	return 0;
}

/* Rule 4: not even a bug of ours can write what is the peer's. */
static void
test_peer_area_is_read_only(void **state)
{
	const struct env *e = *state;
	struct folio_region r;
	uint64_t off;
	int i, status;

	for (i = 0; i < 2; i++) {
		open_region(&r, e->path, i == 0 ? FOLIO_GUEST : FOLIO_HOST);
		map_region(&r);
		for (off = 0; off < layout.area_size; off += layout.area_size / 8) {
			status = util_run_child(write_to, (uint8_t *)r.own + off);
			assert_true(util_exited(status, 0));
			status = util_run_child(write_to, (uint8_t *)r.peer + off);
			assert_true(util_died_of(status, SIGSEGV));
		}
		status = util_run_child(write_to, (uint8_t *)r.peer + layout.area_size - 1);
		assert_true(util_died_of(status, SIGSEGV));
		folio_region_close(&r);
	}
}

static void
test_own_half_is_zeroed_at_map(void **state)
{
	const struct env *e = *state;
	struct folio_region r;
	int i;

	for (i = 0; i < 2; i++) {
		make_file(e->path, "", 0, (off_t)layout.region_size);
		open_region(&r, e->path, i == 0 ? FOLIO_GUEST : FOLIO_HOST);
		/* Only now: a guest that opens a file without a host cleans up all of it. */
		write_at(e->path, 0, 0x77, layout.region_size);
		map_region(&r);
		assert_true(util_all_bytes(r.own, 0, layout.used));
		/* What is the peer's is not ours to touch. */
		assert_true(util_all_bytes(r.peer, 0x77, layout.area_size));
		memset(r.own, 0x78, layout.used);
		folio_region_zero(&r, &layout);
		assert_true(util_all_bytes((uint8_t *)r.own + layout.index_off, 0,
					   layout.meta_off - layout.index_off));
		assert_true(util_all_bytes((uint8_t *)r.own + layout.data_off, 0,
					   layout.used - layout.data_off));
		assert_true(util_all_bytes(r.own, 0x78, layout.index_off));
		folio_region_close(&r);
		unlink(e->path);
	}
}

/* A process that dies without a word, after writing all over its half. */
static int
crash(void *arg)
{
	const struct env *e = arg;
	struct folio_wire_header *h;
	struct folio_region r;

	if (folio_region_open(&r, e->path, FOLIO_GUEST, false, NULL) != 0 ||
	    folio_region_grow(&r, layout.region_size, NULL) != 0 ||
	    folio_region_map(&r, &layout, NULL) != 0)
		return 1;
	memset(r.own, 0x5a, layout.used);
	h = folio_layout_header(r.own);
	memset(h, 0, sizeof(*h));
	folio_put64(&h->magic, FOLIO_WIRE_MAGIC);
	raise(SIGKILL);
	return 1;
}

static void
test_take_over_from_a_crashed_guest(void **state)
{
	struct env *e = *state;
	struct folio_region r;

	assert_true(util_died_of(util_run_child(crash, e), SIGKILL));
	assert_true(exists(e->path));
	/* The host crashed as well. */
	write_at(e->path, (off_t)layout.area_size + 8192, 0x66, 10000);
	open_region(&r, e->path, FOLIO_GUEST);
	/* The file is ours now, and so is its removal. D2: nothing is left in it. */
	assert_true(r.ours);
	assert_int_equal(r.size, layout.region_size);
	map_region(&r);
	assert_true(util_all_bytes(r.own, 0, layout.area_size));
	assert_true(util_all_bytes(r.peer, 0, layout.area_size));
	folio_region_close(&r);
	assert_false(exists(e->path));
}

static void
test_take_over_while_a_host_is_there(void **state)
{
	struct env *e = *state;
	struct folio_region guest, host;

	assert_true(util_died_of(util_run_child(crash, e), SIGKILL));
	open_region(&host, e->path, FOLIO_HOST);
	assert_int_equal(folio_region_map(&host, &layout, NULL), 0);
	memset((uint8_t *)host.own + layout.data_off, 0x66, 1000);
	open_region(&guest, e->path, FOLIO_GUEST);
	map_region(&guest);
	assert_true(util_all_bytes(guest.own, 0, layout.used));
	assert_true(util_all_bytes((uint8_t *)guest.peer + layout.data_off, 0x66, 1000));
	folio_region_close(&guest);
	folio_region_close(&host);
	assert_false(exists(e->path));
}

/* A peer that is slow to notice that the guest has crashed, and still reads the frames it left. */
struct reader {
	struct folio_region *host;
	uint8_t sample; /* of the old frames, at last */
};

static void *
slow_reader(void *arg)
{
	struct reader *reader = arg;
	const uint8_t *guest = reader->host->peer;

	while (folio_fetch32(&folio_layout_header(reader->host->peer)->state) != 0)
		usleep(1000);
	usleep(150000);
	reader->sample = ((const volatile uint8_t *)guest)[layout.data_off];
	folio_put64_release(&folio_layout_header(reader->host->own)->ack, 0);
	return NULL;
}

static void
test_take_over_waits_for_the_peer(void **state)
{
	struct env *e = *state;
	struct folio_region guest, host;
	struct reader reader = {.host = &host};
	struct folio_wire_header crashed = {.magic = {FOLIO_WIRE_MAGIC},
					    .state = {FOLIO_WIRE_STATE_STARTED}};
	pthread_t thread;

	make_file(e->path, &crashed, sizeof(crashed), (off_t)layout.region_size);
	open_region(&host, e->path, FOLIO_HOST);
	assert_int_equal(folio_region_map(&host, &layout, NULL), 0);
	folio_put64(&folio_layout_header(host.own)->ack, 5);
	write_at(e->path, (off_t)layout.data_off, 0x66, 1000);
	open_region(&guest, e->path, FOLIO_GUEST);
	assert_int_equal(pthread_create(&thread, NULL, slow_reader, &reader), 0);
	map_region(&guest);
	pthread_join(thread, NULL);
	assert_int_equal(reader.sample, 0x66);
	assert_true(util_all_bytes(guest.own, 0, layout.used));
	folio_region_close(&guest);
	folio_region_close(&host);
	assert_int_equal(unlink(e->path), 0);
}

/* The crashed guest did not make the file: it stays. */
static void
test_take_over_of_a_prepared_file(void **state)
{
	struct env *e = *state;
	struct folio_region r;

	make_file(e->path, "", 0, (off_t)layout.region_size);
	assert_true(util_died_of(util_run_child(crash, e), SIGKILL));
	open_region(&r, e->path, FOLIO_GUEST);
	assert_false(r.ours);
	map_region(&r);
	assert_true(util_all_bytes(r.own, 0, layout.area_size));
	folio_region_close(&r);
	assert_true(exists(e->path));
}

static void
test_only_its_own_file_is_removed(void **state)
{
	const struct env *e = *state;
	char other[PATH_MAX + 16];
	struct folio_region r;

	/* Replaced by another file meanwhile. */
	open_region(&r, e->path, FOLIO_GUEST);
	assert_int_equal(unlink(e->path), 0);
	make_file(e->path, "", 0, 4096);
	folio_region_close(&r);
	assert_true(exists(e->path));
	unlink(e->path);

	/* Moved away: what is at the path is not ours, and what is ours is not there. */
	open_region(&r, e->path, FOLIO_GUEST);
	snprintf(other, sizeof(other), "%s.moved", e->path);
	assert_int_equal(rename(e->path, other), 0);
	make_file(e->path, "", 0, 4096);
	folio_region_close(&r);
	assert_true(exists(e->path));
	assert_true(exists(other));
}

static void
test_lost(void **state)
{
	const struct env *e = *state;
	struct folio_region r;

	open_region(&r, e->path, FOLIO_GUEST);
	assert_false(folio_region_lost(&r));
	map_region(&r);
	assert_false(folio_region_lost(&r));
	/* Longer is no loss, shorter by a byte is. */
	assert_int_equal(truncate(e->path, (off_t)layout.region_size + 4096), 0);
	assert_false(folio_region_lost(&r));
	assert_int_equal(truncate(e->path, (off_t)layout.region_size - 1), 0);
	assert_true(folio_region_lost(&r));
	assert_int_equal(truncate(e->path, (off_t)layout.region_size), 0);
	assert_false(folio_region_lost(&r));
	assert_int_equal(unlink(e->path), 0);
	assert_true(folio_region_lost(&r));
	folio_region_close(&r);
}

/* A refusal is where the guest will see it, and gone when something takes its place. */
static void
test_post(void **state)
{
	const struct env *e = *state;
	struct folio_region guest, host;
	struct folio_wire_header h;

	open_region(&guest, e->path, FOLIO_GUEST);
	map_region(&guest);
	open_region(&host, e->path, FOLIO_HOST);
	memset(&h, 0, sizeof(h));
	folio_put64(&h.magic, FOLIO_WIRE_MAGIC);
	folio_put32(&h.refusal, FOLIO_WIRE_REFUSED_QUEUES);
	folio_region_post(&host, &layout, &h);
	assert_memory_equal(guest.peer, &h, sizeof(h));
	folio_put32(&h.refusal, FOLIO_WIRE_REFUSED_SLOT_SIZE);
	folio_region_post(&host, &layout, &h);
	assert_memory_equal(guest.peer, &h, sizeof(h));
	assert_int_equal(folio_region_map(&host, &layout, NULL), 0);
	assert_true(util_all_bytes(guest.peer, 0, layout.area_size));
	folio_region_unmap(&host);
	folio_region_post(&host, &layout, &h);
	folio_region_close(&host);
	assert_true(util_all_bytes(guest.peer, 0, layout.area_size));
	folio_region_close(&guest);
}

static void
test_private_memory(void **state)
{
	struct folio_region r = {.fd = -1};

	(void)state;
	assert_int_equal(folio_region_map(&r, &layout, NULL), 0);
	assert_ptr_equal(r.own, r.peer);
	assert_true(util_all_bytes(r.own, 0, layout.area_size));
	memset(r.own, 1, layout.used);
	assert_false(folio_region_lost(&r));
	folio_region_close(&r);
	assert_null(r.own);
}

/*
 * File systems of our own, in a mount namespace of a child process, which takes them with it. The
 * child can't use cmocka; it says what went wrong on stderr.
 */
#define NO_NAMESPACE 77

static int
complain(const char *what, const struct folio_error *err)
{
	fprintf(stderr, "%s (errno %d) \"%s\"\n", what, errno, err->text);
	return 1;
}

static int
own_tmpfs(const struct env *e, const char *options)
{
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("folio-unit", e->dir, "tmpfs", 0, options) != 0)
		return NO_NAMESPACE;
	return 0;
}

static void
check_in_namespace(int (*fn)(void *arg), struct env *e)
{
	int status = util_run_child(fn, e);

	if (util_exited(status, NO_NAMESPACE)) {
		print_message("skipped: may not mount a file system here\n");
		skip();
	}
	assert_true(util_exited(status, 0));
}

static unsigned int
blocks_used(const char *dir)
{
	struct statfs fs;

	return statfs(dir, &fs) == 0 ? (unsigned int)(fs.f_blocks - fs.f_bfree) : UINT_MAX;
}

static int
without_space(void *arg)
{
	const struct folio_config cfg = {
		.role = FOLIO_GUEST,
		.path = ((struct env *)arg)->path,
		.ring_size = 1024,
	};
	const struct env *e = arg;
	struct folio_error err = {.text = ""};
	unsigned int fds = util_open_fds(), blocks;
	struct folio_region r;
	int ret = own_tmpfs(e, "size=1m");

	if (ret != 0)
		return ret;
	blocks = blocks_used(e->dir);
	if (folio_open(&cfg, &err) != NULL || strstr(err.text, "No space left") == NULL ||
	    strstr(err.text, e->path) == NULL)
		return complain("opened without space, or the wrong line", &err);
	if (exists(e->path) || util_open_fds() != fds || blocks_used(e->dir) != blocks)
		return complain("something was left behind", &err);
	/* A small region fits: it is the space that was missing, nothing else. */
	if (folio_region_open(&r, e->path, FOLIO_GUEST, false, &err) != 0 ||
	    folio_region_grow(&r, layout.region_size, &err) != 0 ||
	    folio_region_map(&r, &layout, &err) != 0)
		return complain("a small region does not fit", &err);
	folio_region_close(&r);
	return exists(e->path);
}

static void
test_no_space(void **state)
{
	check_in_namespace(without_space, *state);
}

static int
read_only(void *arg)
{
	struct env *e = arg;
	struct folio_error err = {.text = ""};
	struct folio_region r;
	unsigned int fds;
	int ret, fd;

	ret = own_tmpfs(e, "size=1m");
	if (ret != 0)
		return ret;
	if (mount(NULL, e->dir, NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0)
		return NO_NAMESPACE;
	fds = util_open_fds();
	if (folio_region_open(&r, e->path, FOLIO_GUEST, false, &err) != -EROFS ||
	    strstr(err.text, "cannot create it: Read-only") == NULL)
		return complain("created on a read-only file system", &err);
	if (mount(NULL, e->dir, NULL, MS_REMOUNT, NULL) != 0)
		return NO_NAMESPACE;
	fd = open(e->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || close(fd) != 0 ||
	    mount(NULL, e->dir, NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0)
		return NO_NAMESPACE;
	if (folio_region_open(&r, e->path, FOLIO_HOST, false, &err) != -EROFS ||
	    strstr(err.text, "cannot open it for writing: Read-only") == NULL)
		return complain("opened on a read-only file system", &err);
	return util_open_fds() == fds ? 0 : complain("a descriptor was left open", &err);
}

static void
test_read_only_file_system(void **state)
{
	check_in_namespace(read_only, *state);
}

/* Root ignores modes, so somebody else tries. */
static int
without_permission(void *arg)
{
	const struct env *e = arg;
	struct folio_error err = {.text = ""};
	struct folio_region r;

	if (setgid(65534) != 0 || setuid(65534) != 0)
		return NO_NAMESPACE;
	if (folio_region_open(&r, e->path, FOLIO_GUEST, false, &err) != -EACCES ||
	    strstr(err.text, "Permission denied") == NULL || r.fd != -1)
		return complain("opened without permission", &err);
	return 0;
}

static void
test_no_permission(void **state)
{
	struct env *e = *state;
	int status;

	make_file(e->path, "", 0, 0);
	assert_int_equal(chmod(e->path, 0600), 0);
	assert_int_equal(chmod(e->dir, 0755), 0);
	status = util_run_child(without_permission, e);
	if (util_exited(status, NO_NAMESPACE)) {
		print_message("skipped: cannot become another user\n");
		skip();
	}
	assert_true(util_exited(status, 0));
	assert_true(exists(e->path));
}

/* Where huge pages are mounted, with `pages` of 2 MiB free in the system; else NULL. */
static const char *
hugetlbfs_with(unsigned int pages)
{
	const char *dir = getenv("FOLIO_HUGE_DIR"); /* the scripts' own mount */
	struct statfs fs;
	unsigned int free_pages = 0;
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "re");

	if (f != NULL) {
		if (fscanf(f, "%u", &free_pages) != 1)
			free_pages = 0;
		fclose(f);
	}
	if (dir == NULL || dir[0] == '\0')
		dir = "/dev/hugepages";
	if (free_pages < pages || statfs(dir, &fs) != 0 || fs.f_type != HUGETLBFS_MAGIC ||
	    fs.f_bsize != 2 << 20)
		return NULL;
	return dir;
}

static int
huge_setup(void **state)
{
	struct env *e = calloc(1, sizeof(*e));
	char *dir;

	if (e == NULL)
		return -1;
	*state = e;
	if (hugetlbfs_with(0) == NULL) {
		e->dir = strdup("");
		return 0;
	}
	if (asprintf(&dir, "%s/folio-unit.XXXXXX", hugetlbfs_with(0)) < 0)
		return -1;
	e->dir = dir;
	snprintf(e->path, sizeof(e->path), "%s/region", mkdtemp(e->dir));
	return 0;
}

static int
huge_teardown(void **state)
{
	struct env *e = *state;
	int ret = 0;

	if (e->path[0] != '\0')
		ret = util_dir_teardown(&e->dir);
	else
		free(e->dir);
	free(e);
	return ret;
}

static void
test_hugetlbfs(void **state)
{
	const struct folio_geometry g = {1, 64, 256, 21}, unaligned = {1, 64, 256, 12};
	const struct env *e = *state;
	unsigned int fds = util_open_fds();
	struct folio_region guest, host;
	struct folio_error err;
	struct folio_layout l;

	if (hugetlbfs_with(4) == NULL) {
		print_message("skipped: no free huge pages\n");
		skip();
	}
	open_region(&guest, e->path, FOLIO_GUEST);
	assert_int_equal(guest.page_size, 2 << 20);
	/* Areas that share a page can't be mapped one by one. */
	assert_int_equal(folio_layout_init(&l, &unaligned, 0, NULL), 0);
	assert_int_equal(folio_region_grow(&guest, 4 << 20, &err), 0);
	assert_int_equal(folio_region_map(&guest, &l, &err), -EINVAL);
	assert_non_null(strstr(err.text, "pages of 2097152 bytes"));

	assert_int_equal(folio_layout_init(&l, &g, 0, NULL), 0);
	assert_int_equal(folio_region_grow(&guest, l.region_size, &err), 0);
	assert_int_equal(folio_region_map(&guest, &l, &err), 0);
	open_region(&host, e->path, FOLIO_HOST);
	assert_int_equal(folio_region_map(&host, &l, &err), 0);
	memset((uint8_t *)guest.own + l.data_off, 0x31, 1000);
	memset((uint8_t *)host.own + l.data_off, 0x32, 1000);
	assert_true(util_all_bytes((uint8_t *)host.peer + l.data_off, 0x31, 1000));
	assert_true(util_all_bytes((uint8_t *)guest.peer + l.data_off, 0x32, 1000));
	assert_true(util_died_of(util_run_child(write_to, host.peer), SIGSEGV));
	folio_region_close(&host);
	folio_region_close(&guest);
	assert_false(exists(e->path));
	assert_int_equal(util_open_fds(), fds);
}

/* More than there is: an error now, no SIGBUS later. */
static void
test_hugetlbfs_without_space(void **state)
{
	const struct env *e = *state;
	const struct folio_config cfg = {.role = FOLIO_GUEST, .path = e->path, .queues = 64,
					 .ring_size = 32768, .slot_size = 65536};
	struct folio_error err = {.text = ""};
	unsigned int fds = util_open_fds();

	if (hugetlbfs_with(0) == NULL) {
		print_message("skipped: no hugetlbfs\n");
		skip();
	}
	if (hugetlbfs_with(70000) != NULL) {
		print_message("skipped: more huge pages than a region can use\n");
		skip();
	}
	assert_null(folio_open(&cfg, &err));
	assert_non_null(strstr(err.text, e->path));
	assert_false(exists(e->path));
	assert_int_equal(util_open_fds(), fds);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct folio_geometry g = {1, 64, 256, FOLIO_WIRE_SHIFT_MIN + 4};
	const struct CMUnitTest tests[] = {
		TEST(test_create_and_remove),
		TEST(test_both_roles_at_once),
		TEST(test_the_last_one_out_removes_the_file),
		TEST(test_made_by_both_at_once),
		TEST(test_a_file_to_keep),
		TEST(test_own_files_grow),
		TEST(test_role_is_taken),
		TEST(test_what_is_no_file_is_refused),
		TEST(test_zeroed_files_are_accepted),
		TEST(test_fixed_file_too_small),
		TEST(test_peek),
		TEST(test_peer_area_is_read_only),
		TEST(test_own_half_is_zeroed_at_map),
		TEST(test_take_over_from_a_crashed_guest),
		TEST(test_take_over_while_a_host_is_there),
		TEST(test_take_over_waits_for_the_peer),
		TEST(test_take_over_of_a_prepared_file),
		TEST(test_only_its_own_file_is_removed),
		TEST(test_lost),
		TEST(test_post),
		cmocka_unit_test(test_private_memory),
		TEST(test_no_space),
		TEST(test_read_only_file_system),
		TEST(test_no_permission),
		cmocka_unit_test_setup_teardown(test_hugetlbfs, huge_setup, huge_teardown),
		cmocka_unit_test_setup_teardown(test_hugetlbfs_without_space, huge_setup,
						huge_teardown),
	};

	if (folio_layout_init(&layout, &g, 0, NULL) != 0)
		return 1;
	return cmocka_run_group_tests_name("region", tests, NULL, NULL);
}
