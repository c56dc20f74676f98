/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * The hostile peer as a program: plays the role against whoever has the other side of PATH,
 * behaves, and carries out the attack whose name it reads from its standard input. It answers each
 * line with one.
 *
 * peer PATH guest|host [SEED]		play
 * peer --list guest|host		the attacks on such a victim: name, effect, counter, times
 *
 * up		begin a session			-> up | down
 * talk		behave for a while		-> received N sent N, and where both stand
 * NAME		an attack			-> done | failed
 * close	forget the file			-> closed
 */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peer.h"

#define WAIT_NS 10000000L /* the victim's ticks come every 20 ms */
#define BEAT_MS 20
#define TALK_NS 1000000L
#define TALKS 10000 /* at the most */
#define ENOUGH 200  /* frames each way */
#define OPENS 200

static const struct geometry geometry = {1, 64, 256, 21};

static void
rest(long ns)
{
	const struct timespec t = {.tv_nsec = ns};

	nanosleep(&t, NULL);
}

static void
wait_a_tick(void *ctx)
{
	(void)ctx;
	rest(WAIT_NS);
}

static bool
open_and_connect(struct peer *p, const char *path, bool is_guest)
{
	unsigned int i;

	for (i = 0; p->mem == NULL && i < OPENS; i++) {
		if (!peer_open(p, path, is_guest, &geometry))
			rest(WAIT_NS);
	}
	return p->mem != NULL && peer_connect(p);
}

static void
talk(struct peer *p)
{
	uint64_t received = p->received, sent = p->sent;
	unsigned int i;

	for (i = 0; i < TALKS && (p->received - received < ENOUGH || p->sent - sent < ENOUGH);
	     i++) {
		peer_talk(p, 8);
		peer_beat(p);
		rest(TALK_NS);
	}
	printf("received %llu sent %llu bad %llu at %u %u of %u %u\n",
	       (unsigned long long)(p->received - received), (unsigned long long)(p->sent - sent),
	       (unsigned long long)p->bad, p->consumed, p->produced,
	       load32(&peer_index(p, p->victim)->produced),
	       load32(&peer_index(p, p->victim)->consumed));
}

static const struct attack *
find(const char *name)
{
	size_t i;

	for (i = 0; i < attacks_count; i++) {
		if (strcmp(attacks[i].name, name) == 0)
			return &attacks[i];
	}
	return NULL;
}

static int
list(bool victim_is_guest)
{
	static const char *const effects[] = {"goes-on", "ends", "rejected", "leaves", "any"};
	size_t i;

	for (i = 0; i < attacks_count; i++) {
		const struct attack *a = &attacks[i];

		if (attack_is_of(a, a->name, victim_is_guest))
			printf("%s %s %s %llu\n", a->name, effects[a->effect],
			       a->counter != NULL ? a->counter : "-", (unsigned long long)a->times);
	}
	return 0;
}

/* Returns whether there is a session to be kept alive. */
static bool
obey(struct peer *p, const char *word, const char *path, bool is_guest)
{
	const struct attack *a = NULL;
	bool alive = false;

	if (strcmp(word, "up") == 0) {
		alive = open_and_connect(p, path, is_guest);
		puts(alive ? "up" : "down");
	} else if (strcmp(word, "close") == 0) {
		peer_close(p);
		puts("closed");
	} else if (p->mem == NULL) {
		puts("failed: no file");
	} else if (strcmp(word, "talk") == 0) {
		talk(p);
		alive = true;
	} else {
		a = find(word);
		puts(a != NULL && a->run(p, a->arg) ? "done" : "failed");
		alive = a != NULL && a->effect == GOES_ON;
	}
	fflush(stdout);
	return alive;
}

/* The next line of the input; until it comes the session is kept alive. */
static bool
next_word(struct peer *p, bool alive, char *line, int size)
{
	struct pollfd in = {.fd = 0, .events = POLLIN};

	while (poll(&in, 1, BEAT_MS) == 0) {
		if (alive)
			peer_beat(p);
	}
	if (fgets(line, size, stdin) == NULL)
		return false;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

int
main(int argc, char **argv)
{
	struct peer p = {.wait = wait_a_tick, .seed = 1};
	bool is_guest, alive = false;
	char line[64];

	if (argc < 3) {
		fprintf(stderr, "usage: peer PATH guest|host [SEED], peer --list guest|host\n");
		return 2;
	}
	is_guest = strcmp(argv[2], "guest") == 0;
	if (strcmp(argv[1], "--list") == 0)
		return list(is_guest);
	if (argc > 3)
		p.seed = strtoull(argv[3], NULL, 0) | 1;
	while (next_word(&p, alive, line, sizeof(line)))
		alive = obey(&p, line, argv[1], is_guest);
	peer_close(&p);
	return 0;
}
