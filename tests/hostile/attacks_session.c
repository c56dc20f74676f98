/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Attacks by headers, by the file, and by sessions that begin and end. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attacks.h"

#define HUGE_PAGE (2u << 20)

/* L1: a field is wrong from now on. */
bool
wrong32(struct peer *p, uint64_t offset)
{
	store32((folio_shared_u32 *)(p->own + offset), JUNK);
	attacks_beats(p, FEW);
	return true;
}

bool
wrong_role(struct peer *p, uint64_t offset)
{
	store32((folio_shared_u32 *)(p->own + offset), p->is_guest ? 2 : 1);
	attacks_beats(p, FEW);
	return true;
}

bool
no_generation(struct peer *p, uint64_t generation)
{
	store64(&peer_header(p->own)->generation, generation);
	attacks_beats(p, FEW);
	return true;
}

/* The same from the beginning: there has been no session yet. */
bool
wrong_offer(struct peer *p, uint64_t offset)
{
	peer_let_go(p);
	peer_offer(p);
	return wrong32(p, offset);
}

bool
other_geometry(struct peer *p, uint64_t value)
{
	unsigned int i;

	peer_let_go(p);
	peer_offer(p);
	store32((folio_shared_u32 *)(p->own + (value >> 32)), (uint32_t)value);
	for (i = 0; i < 4 * FEW; i++) {
		peer_answer(p);
		attacks_beats(p, 1);
	}
	return true;
}

/* L1: the geometry of a session that is under way. */
bool
geometry_changes(struct peer *p, uint64_t value)
{
	store32((folio_shared_u32 *)(p->own + (value >> 32)), (uint32_t)value);
	peer_talk(p, 8);
	attacks_beats(p, FEW);
	return true;
}

/* L3: `left` is in quarters of an area, of which there are two; or less, in whole huge pages. */
bool
cut(struct peer *p, uint64_t left)
{
	uint64_t size = p->area_size / 4 * left;

	peer_talk(p, 8);
	if (ftruncate(p->fd, (off_t)size) != 0 &&
	    ftruncate(p->fd, (off_t)(size - size % HUGE_PAGE)) != 0)
		return false;
	p->wait(p->ctx);
	p->wait(p->ctx);
	return true;
}

bool
unlink_file(struct peer *p, uint64_t arg)
{
	(void)arg;
	if (unlink(p->path) != 0)
		return false;
	attacks_beats(p, FEW);
	return true;
}

bool
replace_file(struct peer *p, uint64_t arg)
{
	char other[sizeof(p->path) + 8];
	int fd;

	(void)arg;
	snprintf(other, sizeof(other), "%s.new", p->path);
	fd = open(other, O_RDWR | O_CREAT | O_CLOEXEC, 01600);
	if (fd < 0)
		return false;
	close(fd);
	if (rename(other, p->path) != 0)
		return false;
	attacks_beats(p, FEW);
	return true;
}

bool
remove_permissions(struct peer *p, uint64_t mode)
{
	struct stat st;

	if (fstat(p->fd, &st) != 0 || fchmod(p->fd, (mode_t)mode) != 0)
		return false;
	peer_talk(p, 8);
	attacks_beats(p, FEW);
	return fchmod(p->fd, st.st_mode & 07777) == 0;
}

/* L4: a new session each time, and the old one again, with frames on the way. */
bool
generation_storm(struct peer *p, uint64_t times)
{
	struct folio_wire_header *h = peer_header(p->own);
	uint64_t ack = load64(&h->ack);

	while (times-- > 0) {
		uint64_t r = peer_random(&p->seed);

		store64(&h->generation, r | 1);
		store64(&h->ack, r & 2 ? ack
				 : r & 4 ? load64(&peer_header(p->victim)->generation)
					 : r);
		store32(&h->state, (uint32_t)(r >> 8) % 3);
		store32(&h->heartbeat, ++p->heartbeat);
		peer_put(p, 60, 1);
		if (times % 100 == 0)
			p->wait(p->ctx);
	}
	return true;
}

/* L5 */
bool
takes_nothing(struct peer *p, uint64_t times)
{
	while (times-- > 0) {
		if (peer_pending(p) < p->geom.ring_size)
			peer_send(p, 60);
		attacks_beats(p, 1);
	}
	return true;
}

bool
returns_with_other_rings(struct peer *p, uint64_t queues)
{
	const struct geometry old = p->geom;
	struct geometry other = {.queues = (uint32_t)queues, .ring_size = 128, .slot_size = 1024,
				 .page_shift = 22};
	char path[sizeof(p->path)];
	bool met;

	snprintf(path, sizeof(path), "%s", p->path);
	peer_let_go(p);
	peer_close(p);
	if (!peer_open(p, path, true, &other))
		return false;
	met = peer_connect(p);
	if (met) {
		met = peer_send(p, 60) && attacks_settle(p);
		peer_talk(p, 1);
	}
	peer_let_go(p);
	peer_close(p);
	if (!peer_open(p, path, true, &old))
		return false;
	store32(&peer_header(p->own)->state, FOLIO_WIRE_STATE_STOPPED);
	p->wait(p->ctx);
	return met;
}

/* L6: somebody else in our role, with a session of his own. */
bool
two_peers(struct peer *p, uint64_t times)
{
	struct peer other = *p;
	unsigned int i;

	if (!peer_open(&other, p->path, p->is_guest, &p->geom))
		return false;
	other.seed ^= 0x5555;
	for (i = 0; i < times; i++) {
		struct peer *one = peer_random(&p->seed) % 2 ? p : &other;

		if (i % 16 == 0)
			peer_offer(one);
		peer_beat(one);
		peer_answer(one);
		peer_put(one, 60, 1);
		if (i % 4 == 0)
			p->wait(p->ctx);
	}
	peer_close(&other);
	return true;
}
