/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Memory that is taken away while it is mapped, and every SIGBUS that is not ours. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <folio.h>

#include "boundary/fault.h"
#include "util.h"

#define PAGES 16
#define LEN (PAGES * 4096u)
#define CUTS 300
#define THREADS 4
#define EXIT_HANDLED 42

/* Time for both copies of the core: their clock is this one, which tests put forward. */
static time_t clock_ahead;

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int ret = (int)syscall(SYS_clock_gettime, clock, now);

	now->tv_sec += clock_ahead;
	return ret;
}

/* A file and a mapping of it. */
struct map {
	char path[PATH_MAX];
	int fd;
	uint8_t *mem;
};

static void
map_open(struct map *m, const char *dir, size_t len, int prot)
{
	snprintf(m->path, sizeof(m->path), "%s/file", dir);
	m->fd = open(m->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(m->fd >= 0);
	assert_int_equal(ftruncate(m->fd, (off_t)len), 0);
	m->mem = mmap(NULL, len, prot, MAP_SHARED, m->fd, 0);
	assert_ptr_not_equal(m->mem, MAP_FAILED);
}

static void
map_close(struct map *m, size_t len)
{
	folio_fault_unwatch(m->mem);
	munmap(m->mem, len);
	close(m->fd);
	unlink(m->path);
}

static void
no_handler(void)
{
	struct sigaction act = {.sa_handler = SIG_DFL};

	sigaction(SIGBUS, &act, NULL);
}

static volatile uint8_t *
bytes(const struct map *m)
{
	return m->mem;
}

static void
test_cut_under_a_writer(void **state)
{
	struct map m;

	map_open(&m, *state, LEN, PROT_READ | PROT_WRITE);
	assert_int_equal(folio_fault_watch(m.mem, LEN, PROT_READ | PROT_WRITE), 0);
	memset(m.mem, 7, LEN);
	assert_false(folio_fault_hit(m.mem));
	assert_int_equal(ftruncate(m.fd, 0), 0);
	memset(m.mem, 9, LEN);
	assert_true(folio_fault_hit(m.mem));
	assert_true(util_all_bytes(m.mem, 9, LEN));
	/* It is private now: what comes to the file does not come here, and the other way round. */
	assert_int_equal(ftruncate(m.fd, LEN), 0);
	assert_int_equal(pwrite(m.fd, "x", 1, 0), 1);
	assert_int_equal(bytes(&m)[0], 9);
	map_close(&m, LEN);
	assert_false(folio_fault_hit(m.mem));
}

/* What we may only read stays so. */
static int
write_after_cut(void *arg)
{
	struct map m;

	no_handler();
	map_open(&m, arg, LEN, PROT_READ);
	assert_int_equal(folio_fault_watch(m.mem, LEN, PROT_READ), 0);
	assert_int_equal(ftruncate(m.fd, 0), 0);
	if (bytes(&m)[LEN - 1] != 0 || !folio_fault_hit(m.mem))
		return 1;
	bytes(&m)[0] = 1;
	return 2;
}

static void
test_cut_under_a_reader(void **state)
{
	struct map m;

	map_open(&m, *state, LEN, PROT_READ);
	assert_int_equal(folio_fault_watch(m.mem, LEN, PROT_READ), 0);
	assert_int_equal(pwrite(m.fd, "x", 1, 0), 1);
	assert_int_equal(bytes(&m)[0], 'x');
	assert_int_equal(ftruncate(m.fd, 4096), 0);
	assert_int_equal(bytes(&m)[0], 'x');
	assert_false(folio_fault_hit(m.mem));
	assert_true(util_all_bytes(m.mem + 4096, 0, LEN - 4096));
	assert_true(folio_fault_hit(m.mem));
	map_close(&m, LEN);
	assert_true(util_died_of(util_run_child(write_after_cut, *state), SIGSEGV));
}

static void
test_cut_of_huge_pages(void **state)
{
	const char *dir = getenv("FOLIO_HUGE_DIR");
	struct statfs fs;
	struct map m;
	size_t len;

	(void)state;
	if (dir == NULL || dir[0] == '\0' || statfs(dir, &fs) != 0) {
		print_message("skipped: no huge pages\n");
		skip();
	}
	len = 2 * (size_t)fs.f_bsize;
	map_open(&m, dir, len, PROT_READ | PROT_WRITE);
	assert_int_equal(folio_fault_watch(m.mem, len, PROT_READ | PROT_WRITE), 0);
	m.mem[0] = 1;
	assert_int_equal(ftruncate(m.fd, (off_t)fs.f_bsize), 0);
	m.mem[len - 1] = 1;
	assert_true(folio_fault_hit(m.mem));
	map_close(&m, len);
}

/* Threads that read and write while the file is cut and replaced by a new mapping, many times. */
static struct map shared_map;
static pthread_barrier_t barrier;

static void *
toucher(void *arg)
{
	unsigned int i, n, at = (unsigned int)(uintptr_t)arg;
	uint64_t sum = 0;

	for (i = 0; i < CUTS; i++) {
		pthread_barrier_wait(&barrier);
		for (n = 0; n < 20000; n++) {
			at = at * 1103515245 + 12345;
			bytes(&shared_map)[at % LEN] = (uint8_t)n;
			sum += bytes(&shared_map)[(at >> 8) % LEN];
		}
		pthread_barrier_wait(&barrier);
	}
	return (void *)(uintptr_t)sum;
}

static void
test_cut_under_threads(void **state)
{
	pthread_t t[THREADS];
	unsigned int i, hits = 0;

	assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS + 1), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, toucher, (void *)(uintptr_t)i), 0);
	for (i = 0; i < CUTS; i++) {
		map_open(&shared_map, *state, LEN, PROT_READ | PROT_WRITE);
		assert_int_equal(folio_fault_watch(shared_map.mem, LEN, PROT_READ | PROT_WRITE), 0);
		pthread_barrier_wait(&barrier);
		assert_int_equal(ftruncate(shared_map.fd, i % PAGES * 4096), 0);
		pthread_barrier_wait(&barrier);
		hits += folio_fault_hit(shared_map.mem);
		map_close(&shared_map, LEN);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&barrier);
	assert_true(hits > 0);
}

/* Other people's faults. Each case in a child: most of them die, as they should. */

struct foreign {
	const char *dir;
	void (*before)(void);	 /* what the application installs before us, and after us */
	void (*after)(void);
	bool sent; /* by kill(), not by a fault */
};

static struct sigaction found;

static void
exit_simple(int sig)
{
	_exit(sig == SIGBUS ? EXIT_HANDLED : 1);
}

static void
exit_info(int sig, siginfo_t *info, void *context)
{
	_exit(sig == SIGBUS && info->si_signo == SIGBUS && info->si_addr != NULL &&
			      context != NULL ? EXIT_HANDLED : 1);
}

static void
chain_info(int sig, siginfo_t *info, void *context)
{
	if ((found.sa_flags & SA_SIGINFO) != 0)
		found.sa_sigaction(sig, info, context);
	else
		_exit(2);
}

static void
install_simple(void)
{
	struct sigaction act = {.sa_handler = exit_simple};

	sigaction(SIGBUS, &act, &found);
}

static void
install_info(void)
{
	struct sigaction act = {.sa_flags = SA_SIGINFO, .sa_sigaction = exit_info};

	sigaction(SIGBUS, &act, &found);
}

static void
install_chain(void)
{
	struct sigaction act = {.sa_flags = SA_SIGINFO, .sa_sigaction = chain_info};

	sigaction(SIGBUS, &act, &found);
}

static void
install_ignore(void)
{
	struct sigaction act = {.sa_handler = SIG_IGN};

	sigaction(SIGBUS, &act, &found);
}

static bool
in_front(void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction now;

	return sigaction(SIGBUS, NULL, &now) == 0 && now.sa_sigaction == handler;
}

/* Ours is in front again after a while. */
static void
keep(void (*other)(int, siginfo_t *, void *))
{
	while (in_front(other)) {
		folio_fault_keep();
		usleep(20000);
	}
}

static int
run_foreign(void *arg)
{
	const struct foreign *c = arg;
	struct map ours, other;
	char dir[PATH_MAX];

	no_handler();
	if (c->before != NULL)
		c->before();
	map_open(&ours, c->dir, LEN, PROT_READ | PROT_WRITE);
	assert_int_equal(folio_fault_watch(ours.mem, LEN, PROT_READ | PROT_WRITE), 0);
	if (c->after != NULL)
		c->after();
	if (c->after == install_info)
		keep(exit_info);
	assert_int_equal(ftruncate(ours.fd, 0), 0);
	ours.mem[5] = 1;
	if (!folio_fault_hit(ours.mem))
		return 3;
	if (c->sent) {
		kill(getpid(), SIGBUS);
		return 4;
	}
	snprintf(dir, sizeof(dir), "%s/other", c->dir);
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return 5;
	map_open(&other, dir, LEN, PROT_READ | PROT_WRITE);
	assert_int_equal(ftruncate(other.fd, 0), 0);
	bytes(&other)[0] = 1;
	return 6;
}

static int
foreign(void **state, void (*before)(void), void (*after)(void), bool sent)
{
	struct foreign c = {.dir = *state, .before = before, .after = after, .sent = sent};

	return util_run_child(run_foreign, &c);
}

static void
test_foreign_fault_without_a_handler(void **state)
{
	assert_true(util_died_of(foreign(state, NULL, NULL, false), SIGBUS));
	assert_true(util_died_of(foreign(state, NULL, NULL, true), SIGBUS));
}

static void
test_foreign_fault_has_a_handler(void **state)
{
	assert_true(util_exited(foreign(state, install_simple, NULL, false), EXIT_HANDLED));
	assert_true(util_exited(foreign(state, install_info, NULL, false), EXIT_HANDLED));
	assert_true(util_exited(foreign(state, install_simple, NULL, true), EXIT_HANDLED));
}

/* A signal that somebody sent can be ignored, a fault cannot. */
static void
test_foreign_fault_is_ignored(void **state)
{
	assert_true(util_exited(foreign(state, install_ignore, NULL, true), 4));
	assert_true(util_died_of(foreign(state, install_ignore, NULL, false), SIGBUS));
}

/* Installed after us, it passes on what it does not know: ours, and then what it was before. */
static void
test_handler_after_us_that_passes_on(void **state)
{
	assert_true(util_died_of(foreign(state, NULL, install_chain, false), SIGBUS));
	assert_true(util_exited(foreign(state, install_simple, install_chain, false),
				EXIT_HANDLED));
}

/* It does not pass on, but stays: ours comes first again, and it gets what is not ours. */
static void
test_handler_after_us_that_keeps_all(void **state)
{
	assert_true(util_exited(foreign(state, NULL, install_info, false), EXIT_HANDLED));
}

/* Ours in front of one that passes on to ours: no endless loop, the first one decides. */
static int
loop_of_handlers(void *arg)
{
	struct map ours;

	no_handler();
	install_simple();
	map_open(&ours, arg, LEN, PROT_READ | PROT_WRITE);
	assert_int_equal(folio_fault_watch(ours.mem, LEN, PROT_READ | PROT_WRITE), 0);
	install_chain();
	keep(chain_info);
	kill(getpid(), SIGBUS);
	return 1;
}

static void
test_handlers_do_not_loop(void **state)
{
	assert_true(util_exited(util_run_child(loop_of_handlers, *state), EXIT_HANDLED));
}

/* The last one out puts back what was there; if somebody came later, he stays. */
static int
puts_back(void *arg)
{
	struct map a, b;
	char dir[PATH_MAX];
	int round;

	snprintf(dir, sizeof(dir), "%s/b", (char *)arg);
	mkdir(dir, 0700);
	no_handler();
	install_info();
	for (round = 0; round < 10; round++) {
		map_open(&a, arg, LEN, PROT_READ);
		map_open(&b, dir, LEN, PROT_READ);
		if (folio_fault_watch(a.mem, LEN, PROT_READ) != 0 ||
		    folio_fault_watch(b.mem, LEN, PROT_READ) != 0 || in_front(exit_info))
			return 1;
		map_close(&a, LEN);
		if (in_front(exit_info))
			return 2;
		map_close(&b, LEN);
		if (!in_front(exit_info))
			return 3;
	}
	map_open(&a, arg, LEN, PROT_READ);
	folio_fault_watch(a.mem, LEN, PROT_READ);
	install_chain();
	map_close(&a, LEN);
	return in_front(chain_info) ? 0 : 4;
}

static void
test_handler_is_put_back(void **state)
{
	assert_true(util_exited(util_run_child(puts_back, *state), 0));
}

/* Programs that put back what they found before us, as often as they like. */
static int
taken_away(void *arg)
{
	struct map ours;
	int round;

	no_handler();
	map_open(&ours, arg, LEN, PROT_READ | PROT_WRITE);
	assert_int_equal(folio_fault_watch(ours.mem, LEN, PROT_READ | PROT_WRITE), 0);
	for (round = 0; round < 20; round++) {
		no_handler();
		clock_ahead += 4;
		folio_fault_keep();
		clock_ahead += 4;
		folio_fault_keep();
	}
	assert_int_equal(ftruncate(ours.fd, 0), 0);
	ours.mem[5] = 1;
	return folio_fault_hit(ours.mem) ? 0 : 1;
}

static void
test_handler_is_taken_away(void **state)
{
	assert_true(util_exited(util_run_child(taken_away, *state), 0));
}

/*
 * Another copy of the core: libfolio in a process that has the driver, too. It has a watch of its
 * own, and the two share one signal.
 */
struct copy {
	struct folio *(*open)(const struct folio_config *cfg, size_t size, struct folio_error *err);
	void (*close)(struct folio *f);
	int (*start)(struct folio *f);
	bool (*tick)(struct folio *f);
	bool (*link_is_up)(const struct folio *f);
	int (*send)(struct folio *f, uint32_t queue, const struct folio_buf *bufs, uint16_t n);
	char path[PATH_MAX];
	struct folio *guest;
	struct folio *host;
};

static void *
load_copy(struct copy *c)
{
	void *lib = dlopen(getenv("FOLIO_LIBRARY"), RTLD_NOW | RTLD_LOCAL);

	if (lib == NULL)
		return NULL;
	*(void **)&c->open = dlsym(lib, "folio_open_sized");
	*(void **)&c->close = dlsym(lib, "folio_close");
	*(void **)&c->start = dlsym(lib, "folio_start");
	*(void **)&c->tick = dlsym(lib, "folio_tick");
	*(void **)&c->link_is_up = dlsym(lib, "folio_link_is_up");
	*(void **)&c->send = dlsym(lib, "folio_send");
	return lib;
}

static void
tick_copy(const struct copy *c)
{
	c->tick(c->guest);
	c->tick(c->host);
}

static bool
open_copys_ports(struct copy *c, const char *dir)
{
	struct folio_config cfg = {.role = FOLIO_GUEST, .path = c->path, .ring_size = 64,
				   .slot_size = 256};
	int i;

	snprintf(c->path, sizeof(c->path), "%s/copy", dir);
	c->guest = c->open(&cfg, sizeof(cfg), NULL);
	cfg.role = FOLIO_HOST;
	c->host = c->open(&cfg, sizeof(cfg), NULL);
	if (c->guest == NULL || c->host == NULL)
		return false;
	c->start(c->guest);
	c->start(c->host);
	for (i = 0; i < 100 && !c->link_is_up(c->guest); i++)
		tick_copy(c);
	return c->link_is_up(c->guest);
}

static void
close_copys_ports(const struct copy *c)
{
	c->close(c->guest);
	c->close(c->host);
}

/* Both at their control work for long: neither puts itself in front of the other again and again. */
static int
two_copies(void *arg)
{
	uint8_t frame[64] = {0};
	const struct folio_buf buf = {.data = frame, .len = sizeof(frame)};
	struct sigaction first, last;
	struct copy copy;
	struct map ours;
	int i;

	no_handler();
	install_info();
	map_open(&ours, arg, LEN, PROT_READ | PROT_WRITE);
	if (folio_fault_watch(ours.mem, LEN, PROT_READ | PROT_WRITE) != 0 ||
	    load_copy(&copy) == NULL || !open_copys_ports(&copy, arg))
		return 2;
	sigaction(SIGBUS, NULL, &first);
	for (i = 0; i < 50; i++) {
		clock_ahead += 2;
		folio_fault_keep();
		tick_copy(&copy);
	}
	sigaction(SIGBUS, NULL, &last);
	if (first.sa_sigaction != last.sa_sigaction)
		return 3;
	/* An application's handler that stays is behind both after a while. */
	install_info();
	for (i = 0; i < 10; i++) {
		clock_ahead += 2;
		folio_fault_keep();
		tick_copy(&copy);
	}
	if (in_front(exit_info))
		return 4;
	/* Each takes its own: the application's would end the process. */
	assert_int_equal(ftruncate(ours.fd, 0), 0);
	ours.mem[5] = 1;
	if (!folio_fault_hit(ours.mem))
		return 5;
	if (truncate(copy.path, 0) != 0 || copy.send(copy.guest, 0, &buf, 1) != 1)
		return 6;
	close_copys_ports(&copy);
	return 0;
}

static void
test_two_copies(void **state)
{
	assert_int_equal(util_run_child(two_copies, *state), 0);
}

/* The library is closed while somebody else's handler is in front, which passes on to it. */
static int
library_closed(void *arg)
{
	struct copy copy;
	void *lib;

	no_handler();
	install_simple();
	lib = load_copy(&copy);
	if (lib == NULL || !open_copys_ports(&copy, arg))
		return 2;
	install_chain();
	close_copys_ports(&copy);
	if (dlclose(lib) != 0)
		return 3;
	kill(getpid(), SIGBUS);
	return 4;
}

static void
test_library_closed(void **state)
{
	assert_true(util_exited(util_run_child(library_closed, *state), EXIT_HANDLED));
}

static void
test_too_many(void **state)
{
	static uint8_t places[FOLIO_FAULT_MAX + 1][64];
	unsigned int i;

	(void)state;
	for (i = 0; i < FOLIO_FAULT_MAX; i++)
		assert_int_equal(folio_fault_watch(places[i], 64, PROT_READ), 0);
	assert_int_equal(folio_fault_watch(places[i], 64, PROT_READ), -ENOSPC);
	folio_fault_unwatch(places[7]);
	assert_int_equal(folio_fault_watch(places[i], 64, PROT_READ), 0);
	for (i = 0; i <= FOLIO_FAULT_MAX; i++)
		folio_fault_unwatch(places[i]);
	folio_fault_unwatch(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, util_dir_setup, util_dir_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cut_under_a_writer),
		TEST(test_cut_under_a_reader),
		cmocka_unit_test(test_cut_of_huge_pages),
		TEST(test_cut_under_threads),
		TEST(test_foreign_fault_without_a_handler),
		TEST(test_foreign_fault_has_a_handler),
		TEST(test_foreign_fault_is_ignored),
		TEST(test_handler_after_us_that_passes_on),
		TEST(test_handler_after_us_that_keeps_all),
		TEST(test_handlers_do_not_loop),
		TEST(test_handler_is_put_back),
		TEST(test_handler_is_taken_away),
		TEST(test_two_copies),
		TEST(test_library_closed),
		TEST(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
