/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef SIDES_H
#define SIDES_H

/* Two ports, guest and host, that meet over a socket: for the tests of sealed memory. */

#include <folio.h>

#include "util.h"

#define SIDES_TICKS 300 /* within so many everything has happened that will */

struct sides {
	void *dir;
	char socket[PATH_MAX];
	char path[PATH_MAX + 8];
	struct folio *guest;
	struct folio *host;
	unsigned int fds;
};

/* A small geometry, the quickest to test. */
extern const struct folio_config sides_small;

/* Fixtures: *state is a struct sides. Neither a descriptor nor a file may be left behind. */
int sides_setup(void **state);
int sides_teardown(void **state);

/* Open and start. */
struct folio *sides_open_side(const struct sides *e, enum folio_role role,
	struct folio_config cfg);
void sides_open_guest(struct sides *e);
void sides_open_host(struct sides *e);

/* So many ticks of whoever is open. */
void sides_tick(const struct sides *e, unsigned int n);

/* Within SIDES_TICKS ticks. */
bool sides_comes_up(const struct sides *e);
bool sides_comes_down(const struct sides *e, struct folio *f);

/* The link comes up, a frame passes in each direction, and there is nothing to complain of. */
void sides_check_traffic(const struct sides *e);

uint64_t sides_violations(const struct folio *f, enum folio_violation v);

/* The port's detail has these words. */
void sides_check_says(struct folio *f, const char *words);

/* A socket of our own making at the path. */
int sides_listen_at(const struct sides *e, int type);

#endif /* SIDES_H */
