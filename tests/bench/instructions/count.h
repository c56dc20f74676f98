/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef COUNT_H
#define COUNT_H

/*
 * What both programs have in common: which bursts of which frames, and how callgrind is told what
 * was counted. callgrind collects inside of one burst function only (--toggle-collect). Bursts are
 * sent and received in turn, so that every receive burst has to look at the peer's index: no
 * traffic costs more.
 */

#include <stdio.h>
#include <stdlib.h>

#include <valgrind/callgrind.h>

#define FRAMES 4096 /* of each kind: twice around the default ring */
#define WARM_UP 512 /* fills the caches of mbufs */

#define BURST_MAX 32
#define FRAME_MAX 1518

/*
 * One burst each, and a restart that sets all indices to zero. The last two are for who counts by
 * other means as well; NULL: nobody.
 */
struct counted {
	void (*restart)(void);
	void (*send)(unsigned int size, unsigned int burst);
	void (*receive)(unsigned int size, unsigned int burst);
	void (*begin)(void);
	void (*end)(const char *kind);
	unsigned int frames; /* of each kind; 0: FRAMES */
};

static inline void
check(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s failed\n", what);
	exit(1);
}

static inline void
send_and_receive(const struct counted *c, unsigned int size, unsigned int burst,
		 unsigned int frames)
{
	unsigned int done;

	for (done = 0; done < frames; done += burst) {
		c->send(size, burst);
		c->receive(size, burst);
	}
}

/* A dump of callgrind for each kind, called "SIZE BURST". */
static inline void
count_all(const struct counted *c)
{
	static const unsigned int sizes[] = {64, 256, 1518};
	static const unsigned int bursts[] = {1, 8, 32};
	char name[32];
	unsigned int s, b;

	for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		for (b = 0; b < sizeof(bursts) / sizeof(bursts[0]); b++) {
			c->restart();
			send_and_receive(c, sizes[s], bursts[b], WARM_UP);
			snprintf(name, sizeof(name), "%u %u", sizes[s], bursts[b]);
			if (c->begin != NULL)
				c->begin();
			CALLGRIND_ZERO_STATS;
			send_and_receive(c, sizes[s], bursts[b], c->frames != 0 ? c->frames : FRAMES);
			CALLGRIND_DUMP_STATS_AT(name);
			if (c->end != NULL)
				c->end(name);
		}
	}
}

#endif /* COUNT_H */
