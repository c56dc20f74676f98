/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef DUO_H
#define DUO_H

/*
 * A guest's port and a host's port over one file in one process, ticked in turns; and a third
 * mapping of the file, for peers of either that do what they should not.
 */

#include <sys/types.h>

#include "port.h"
#include "util.h"

/* Rounds of ticks in which two ports that can find each other do. */
#define ROUNDS 100
#define RING 64
#define SLOT 256
#define STRIDE 320
#define MAX_FRAME (RING * STRIDE)
#define CANARY 0xc5

struct duo {
	void *dir; /* a private folder, and a path in it that is of nothing yet */
	char path[PATH_MAX];
	struct folio *guest;
	struct folio *host;
};

/*
 * Fixtures: *state is a struct duo without ports. Ports that are left open are closed, and the
 * folder is removed: duo_teardown_empty() fails if anything has been left in it.
 */
int duo_setup(void **state);
int duo_teardown(void **state);
int duo_teardown_empty(void **state);

/* Opening, closing, getting together. */
struct folio *duo_try_open(const struct duo *d, enum folio_role role, struct folio_config cfg,
	struct folio_error *err);
struct folio *duo_open(const struct duo *d, enum folio_role role, struct folio_config cfg);

/* With a small geometry, the quickest to test. */
struct folio *duo_open_guest(const struct duo *d, uint32_t queues);
struct folio *duo_open_host(const struct duo *d, uint32_t queues);

/* Both, started, and the link is up. */
void duo_open_both(struct duo *d, uint32_t queues);

/* So many ticks of both; duo_bring_up() fails if that is not enough, duo_comes_up() says so. */
void duo_tick(const struct duo *d, unsigned int n);
void duo_tick_one(struct folio *f);
bool duo_is_up(const struct duo *d);
bool duo_comes_up(const struct duo *d);
void duo_bring_up(const struct duo *d);

/* Close one side after the other has let go, which folio_close() would wait for. */
void duo_close_side(struct duo *d, struct folio **f);

/* Both sides, in a file that somebody else made: it is still there, and removed now. */
void duo_close_and_remove(struct duo *d);

enum folio_link duo_link(struct folio *f);
uint64_t duo_violation(const struct folio *f, enum folio_violation v);
uint64_t duo_violations(const struct folio *f); /* of all kinds */

/* Traffic: frame number n has a piece of the pattern of its own. Made by duo_make_pattern(). */
extern uint8_t duo_pattern[3 * FOLIO_WIRE_FRAME_MAX];
extern uint8_t duo_landing[FOLIO_WIRE_FRAME_MAX + 64];
void duo_make_pattern(void);
const uint8_t *duo_frame(uint32_t n);
bool duo_send(struct folio *f, uint32_t q, uint32_t n, uint32_t len);

/* The next frame there is this one, and not a byte behind it is written. */
void duo_expect(struct folio *f, uint32_t q, uint32_t n, uint32_t len);
void duo_expect_none(struct folio *f, uint32_t q);
void duo_pass(struct folio *from, struct folio *to, uint32_t q, uint32_t n, uint32_t len);

/* A few frames in both directions of a queue, several slots long too. */
void duo_check_queue(const struct duo *d, uint32_t q);

/* A third mapping of the region, writable everywhere: what a hostile peer has. */
struct raw {
	uint8_t *mem;
	size_t size;
	struct folio_layout l;
};

struct raw raw_map(const struct duo *d);
void raw_unmap(struct raw *r);

/* The area that a port writes. */
uint8_t *raw_area(const struct raw *r, enum folio_role role);
struct folio_wire_header *raw_header(const struct raw *r, enum folio_role role);

/* A file that somebody else made: of zeroes, and so it is left. The check removes it. */
void duo_make_file(const struct duo *d, off_t size);
void duo_check_left_zeroed(const struct duo *d, off_t size);

#endif /* DUO_H */
