/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Rewrites a region at random, at full speed, while two real sides use it, until SIGTERM; then
 * prints how many mutations there were. Stays with the file if that is replaced at PATH.
 *
 * mutator PATH all|guest|host SEED
 *
 * `guest` and `host` say who is to read most of it.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mutate.h"

#define ROUND 4096
#define ROUNDS_A_BOUT 64 /* then, at times, a pause in which sessions come up again */
#define PAUSE_NS 50000000L

static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* Another file has come to the path. */
static bool
is_replaced(const struct peer *p)
{
	struct stat here, there;

	return fstat(p->fd, &here) != 0 || stat(p->path, &there) != 0 ||
	       here.st_ino != there.st_ino || (uint64_t)here.st_size < p->size;
}

int
main(int argc, char **argv)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct timespec breath = {.tv_sec = 0};
	struct geometry g;
	struct peer p = {.seed = 1};
	unsigned long long done = 0;
	enum mutate_at at = MUTATE_ALL;

	if (argc != 4) {
		fprintf(stderr, "usage: mutator PATH all|guest|host SEED\n");
		return 2;
	}
	if (strcmp(argv[2], "all") != 0)
		at = strcmp(argv[2], "guest") == 0 ? MUTATE_FOR_GUEST : MUTATE_FOR_HOST;
	p.seed = strtoull(argv[3], NULL, 0) | 1;
	signal(SIGTERM, on_signal);
	while (!stop && !peer_open(&p, argv[1], false, NULL))
		nanosleep(&pause, NULL);
	g = p.geom;
	while (!stop) {
		if (p.mem != NULL && is_replaced(&p))
			peer_close(&p);
		/* The header in the file is noise by now: the geometry is the one from before. */
		if (p.mem == NULL && !peer_open(&p, argv[1], true, &g)) {
			nanosleep(&pause, NULL);
			continue;
		}
		mutate(&p, at, ROUND);
		done += ROUND;
		if (done % (ROUNDS_A_BOUT * ROUND) == 0) {
			breath.tv_nsec = (long)(peer_random(&p.seed) % 6) * PAUSE_NS;
			nanosleep(&breath, NULL);
		}
	}
	peer_close(&p);
	printf("%llu\n", done);
	return 0;
}
