/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Every SIGBUS that is not ours, and whose handler comes first. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <folio.h>

#include "mapped.h"

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
	struct mapped ours, other;
	char dir[PATH_MAX];

	no_handler();
	if (c->before != NULL)
		c->before();
	mapped_open(&ours, c->dir, LEN, PROT_READ | PROT_WRITE);
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
	mapped_open(&other, dir, LEN, PROT_READ | PROT_WRITE);
	assert_int_equal(ftruncate(other.fd, 0), 0);
	mapped_bytes(&other)[0] = 1;
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
	struct mapped ours;

	no_handler();
	install_simple();
	mapped_open(&ours, arg, LEN, PROT_READ | PROT_WRITE);
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
	struct mapped a, b;
	char dir[PATH_MAX];
	int round;

	snprintf(dir, sizeof(dir), "%s/b", (char *)arg);
	mkdir(dir, 0700);
	no_handler();
	install_info();
	for (round = 0; round < 10; round++) {
		mapped_open(&a, arg, LEN, PROT_READ);
		mapped_open(&b, dir, LEN, PROT_READ);
		if (folio_fault_watch(a.mem, LEN, PROT_READ) != 0 ||
		    folio_fault_watch(b.mem, LEN, PROT_READ) != 0 || in_front(exit_info))
			return 1;
		mapped_close(&a, LEN);
		if (in_front(exit_info))
			return 2;
		mapped_close(&b, LEN);
		if (!in_front(exit_info))
			return 3;
	}
	mapped_open(&a, arg, LEN, PROT_READ);
	folio_fault_watch(a.mem, LEN, PROT_READ);
	install_chain();
	mapped_close(&a, LEN);
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
	struct mapped ours;
	int round;

	no_handler();
	mapped_open(&ours, arg, LEN, PROT_READ | PROT_WRITE);
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

/* Both at their control work for long: neither goes in front of the other again and again. */
static int
two_copies(void *arg)
{
	uint8_t frame[64] = {0};
	const struct folio_buf buf = {.data = frame, .len = sizeof(frame)};
	struct sigaction first, last;
	struct copy copy;
	struct mapped ours;
	int i;

	no_handler();
	install_info();
	mapped_open(&ours, arg, LEN, PROT_READ | PROT_WRITE);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, util_dir_setup, util_dir_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
