/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>

#include "check.h"
#include "oracle.h"

struct replay {
	const struct hook_log *log;
	unsigned int next;
};

static uint64_t
next_load(struct replay *r, const void *field)
{
	CHECK_MSG(r->next < r->log->n, "something was used that was not loaded");
	CHECK_MSG(r->log->loads[r->next].field == field, "load %u is of another field", r->next);
	return r->log->loads[r->next++].value;
}

static uint32_t
slots_of(uint32_t stride, uint32_t len)
{
	uint32_t slots = 1;

	while ((uint64_t)slots * stride < len)
		slots++;
	return slots;
}

/* A session that has ended accuses nobody. */
static uint64_t *
blame(struct replay *r, const folio_shared_u64 *generation, uint64_t session, uint64_t *counter,
      uint64_t *ended)
{
	return next_load(r, generation) == session ? counter : ended;
}

static bool
cons_blame(struct folio_cons *c, struct replay *r, uint64_t *counter)
{
	counter = blame(r, c->generation, c->session, counter, &c->ended);
	++*counter;
	return counter != &c->ended;
}

static uint32_t
cons_look(struct folio_cons *c, struct replay *r, bool *published)
{
	uint32_t produced, known = c->seen - c->head;

	produced = (uint32_t)next_load(r, c->produced);
	if (c->broken)
		return 0;
	if (produced - c->head > c->size || produced - c->head < known) {
		cons_blame(c, r, &c->bad_index);
		c->broken = 1;
		c->seen = c->head;
		return 0;
	}
	c->seen = produced;
	if (c->seen == c->head && c->published != c->head) {
		c->published = c->head;
		*published = true;
	}
	return c->seen - c->head;
}

void
oracle_recv(struct folio_cons *c, const uint32_t *room, uint32_t n, const struct hook_log *log,
	    struct oracle_burst *out)
{
	struct replay r = {.log = log};
	uint32_t avail = c->seen - c->head;
	const uint32_t start = c->head;
	bool counted = false, copied;

	out->n = 0;
	out->published = false;
	if (avail < n)
		avail = cons_look(c, &r, &out->published);
	copied = n > 0 && avail > 0; /* or at least looked at a descriptor */
	while (out->n < n && avail > 0) {
		uint64_t desc = next_load(&r, &c->desc[c->head % c->size]);
		uint32_t len = (uint32_t)desc;
		uint32_t slots = 1;

		if (len < FOLIO_WIRE_FRAME_MIN || len > c->max_frame) {
			if (!cons_blame(c, &r, &c->bad_length)) {
				counted = true;
				break;
			}
		} else {
			slots = slots_of(c->stride, len);
			if (slots > avail) {
				counted = !cons_blame(c, &r, &c->bad_chain);
				c->broken = 1;
				c->seen = c->head;
				break;
			}
			if (desc >> 32 != 0) {
				if (!cons_blame(c, &r, &c->bad_flags)) {
					counted = true;
					break;
				}
			} else if (len <= room[out->n]) {
				out->len[out->n] = len;
				out->at[out->n++] = c->head;
			}
		}
		c->head += slots;
		avail -= slots;
	}
	if (counted) {
		c->broken = 1;
		c->seen = c->head;
	}
	if (copied && next_load(&r, c->generation) != c->session) {
		/* It may be seen again although it was gone a moment ago; a broken end stays so. */
		if (next_load(&r, c->generation) != c->session) {
			c->ended += !c->broken;
			c->broken = 1;
			c->head = start;
			c->seen = start;
			out->n = 0;
		}
	}
	if (c->head - c->published >= c->size / 8) {
		c->published = c->head;
		out->published = true;
	}
	CHECK_MSG(r.next == log->n, "%u loads too many", log->n - r.next);
}

static uint32_t
prod_look(struct folio_prod *p, struct replay *r)
{
	uint32_t consumed;

	consumed = (uint32_t)next_load(r, p->consumed);
	if (p->broken)
		return 0;
	if (consumed - p->seen > p->head - p->seen) {
		++*blame(r, p->generation, p->session, &p->bad_index, &p->ended);
		p->broken = 1;
		p->seen = p->head - p->size;
		return 0;
	}
	p->seen = consumed;
	return p->size - (p->head - consumed);
}

void
oracle_send(struct folio_prod *p, const uint32_t *len, uint32_t n, const struct hook_log *log,
	    struct oracle_burst *out)
{
	struct replay r = {.log = log};
	uint32_t used = 0;
	uint32_t room = p->size - (p->head - p->seen);

	out->n = 0;
	out->published = false;
	if (room < n)
		room = prod_look(p, &r);
	while (out->n < n && len[out->n] >= FOLIO_WIRE_FRAME_MIN && len[out->n] <= p->max_frame) {
		uint32_t slots = slots_of(p->stride, len[out->n]);

		if (used + slots > room) {
			room = prod_look(p, &r);
			if (used + slots > room)
				break;
		}
		out->len[out->n] = len[out->n];
		out->at[out->n++] = p->head + used;
		used += slots;
	}
	p->head += used;
	if (p->broken) {
		p->seen = p->head - p->size;
		out->n = 0;
	} else {
		out->published = used > 0;
	}
	if (out->n > 0 || n == 0)
		out->result = (int)out->n;
	else if (p->broken)
		out->result = -ENETDOWN;
	else if (len[0] < FOLIO_WIRE_FRAME_MIN || len[0] > p->max_frame)
		out->result = -EMSGSIZE;
	else
		out->result = -EAGAIN;
	CHECK_MSG(r.next == log->n, "%u loads too many", log->n - r.next);
}

void
oracle_same_cons(const struct folio_cons *is, const struct folio_cons *should)
{
	CHECK(is->head == should->head);
	CHECK(is->seen == should->seen);
	CHECK(is->published == should->published);
	CHECK(is->broken == should->broken);
	CHECK(is->ended == should->ended);
	CHECK(is->bad_index == should->bad_index);
	CHECK(is->bad_length == should->bad_length);
	CHECK(is->bad_flags == should->bad_flags);
	CHECK(is->bad_chain == should->bad_chain);
	CHECK(folio_cons_valid(is));
	CHECK(is->head - is->published < is->size);
}

void
oracle_same_prod(const struct folio_prod *is, const struct folio_prod *should)
{
	CHECK(is->head == should->head);
	CHECK(is->seen == should->seen);
	CHECK(is->broken == should->broken);
	CHECK(is->ended == should->ended);
	CHECK(is->bad_index == should->bad_index);
	CHECK(folio_prod_valid(is));
}
