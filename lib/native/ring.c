/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include "native/ring.h"

static uint32_t
plain_max(const struct folio_layout *l)
{
	return l->stride < l->max_frame ? l->stride : l->max_frame;
}

void
folio_prod_attach(struct folio_prod *p, const struct folio_layout *l, void *area, void *index_area,
		  uint32_t q)
{
	p->weak = 0;
	p->size = l->geom.ring_size;
	p->mask = l->geom.ring_size - 1;
	p->stride = l->stride;
	p->max_frame = l->max_frame;
	p->plain_max = plain_max(l);
	p->data = folio_layout_data(l, area, q);
	p->desc = folio_layout_desc(l, area, q);
	p->produced = &folio_layout_index(l, area, q)->produced;
	p->consumed = &folio_layout_index(l, index_area, q)->consumed;
	p->generation = &folio_layout_header(index_area)->generation;
}

void
folio_cons_attach(struct folio_cons *c, const struct folio_layout *l, void *area, void *index_area,
		  uint32_t q)
{
	c->weak = 0;
	c->size = l->geom.ring_size;
	c->mask = l->geom.ring_size - 1;
	c->stride = l->stride;
	c->max_frame = l->max_frame;
	c->plain_max = plain_max(l);
	c->lag = l->geom.ring_size / 8;
	c->data = folio_layout_data(l, area, q);
	c->desc = folio_layout_desc(l, area, q);
	c->produced = &folio_layout_index(l, area, q)->produced;
	c->consumed = &folio_layout_index(l, index_area, q)->consumed;
	c->generation = &folio_layout_header(area)->generation;
}

void
folio_prod_weaken(struct folio_prod *p)
{
	p->weak = 1;
}

void
folio_cons_weaken(struct folio_cons *c)
{
	c->weak = 1;
	c->lag = UINT32_MAX; /* a burst does not get there before it looks for more */
}

void
folio_prod_begin(struct folio_prod *p, uint64_t generation)
{
	p->session = generation;
}

void
folio_cons_begin(struct folio_cons *c, uint64_t generation)
{
	c->session = generation;
	/* The fast check is not enough on weak memory: it never passes there. */
	c->expected = c->weak ? ~generation : generation;
}

void
folio_prod_reset(struct folio_prod *p)
{
	p->head = 0;
	p->seen = 0;
	__atomic_store_n(&p->broken, 0, __ATOMIC_RELAXED);
	folio_put32(p->produced, 0);
}

void
folio_cons_reset(struct folio_cons *c)
{
	c->head = 0;
	c->seen = 0;
	c->published = 0;
	__atomic_store_n(&c->broken, 0, __ATOMIC_RELAXED);
	folio_put32(c->consumed, 0);
}

/* Framing is lost. From here on the ring looks full until it is reset. */
static uint32_t
prod_give_up(struct folio_prod *p, uint64_t *counter)
{
	folio_count(counter);
	p->seen = p->head - p->size;
	__atomic_store_n(&p->broken, 1, __ATOMIC_RELAXED);
	return 0;
}

/* As above: the ring looks empty from slot `head` on. */
static uint32_t
cons_give_up(struct folio_cons *c, uint32_t head, uint64_t *counter)
{
	folio_count(counter);
	c->seen = head;
	__atomic_store_n(&c->broken, 1, __ATOMIC_RELAXED);
	return 0;
}

/*
 * What makes no sense is a violation only of a session that stands; else the memory is being used
 * for the next one. The generation is loaded behind what made no sense.
 */
static __attribute__((noinline)) uint32_t
prod_bad_index(struct folio_prod *p)
{
	return prod_give_up(p, folio_generation_is(p->generation, p->session) ? &p->bad_index
									      : &p->ended);
}

static bool
cons_has_ended(const struct folio_cons *c)
{
	if (FOLIO_UNLIKELY(c->weak))
		folio_shared_fence();
	return !folio_generation_is(c->generation, c->session);
}

static __attribute__((noinline)) uint32_t
cons_bad_index(struct folio_cons *c)
{
	return cons_give_up(c, c->head, cons_has_ended(c) ? &c->ended : &c->bad_index);
}

bool
folio_cons_stands_slow(struct folio_cons *c)
{
	if (!cons_has_ended(c))
		return true;
	if (c->broken)
		c->seen = c->head; /* known already */
	else
		cons_give_up(c, c->head, &c->ended);
	return false;
}

/*
 * Whoever overwrote our index with an older one that the peer takes for true has stopped both, as
 * we publish news only. So, now and then, an end that waits says it again.
 */
#define SAY_AGAIN_LOOKS 4096

uint32_t
folio_prod_refresh(struct folio_prod *p)
{
	uint32_t consumed;

	consumed = folio_fetch32_acquire(p->consumed);
	if (FOLIO_UNLIKELY(p->broken | p->weak)) {
		if (p->broken)
			return 0;
		folio_shared_fence();
	}
	/* Valid is from the index seen last (no way back) to our own (nothing from the future). */
	if (FOLIO_UNLIKELY(consumed - p->seen > p->head - p->seen))
		return prod_bad_index(p);
	p->seen = consumed;
	if (++p->looks % SAY_AGAIN_LOOKS == 0)
		folio_put32_release(p->produced, p->head);
	return p->size - (p->head - consumed);
}

uint32_t
folio_cons_refresh(struct folio_cons *c)
{
	uint32_t produced, avail;

	produced = folio_fetch32_acquire(c->produced);
	if (FOLIO_UNLIKELY(c->broken | c->weak)) {
		if (c->broken)
			return 0;
		/* Behind the loads of what was read, and before those of what comes. */
		folio_shared_fence();
		c->published = c->head;
		folio_put32_release(c->consumed, c->head);
		folio_shared_fence(); /* else it may stay in a buffer for ever */
	}
	/* Valid is from the index seen last to one ring ahead of our own. */
	if (FOLIO_UNLIKELY(produced - c->seen > c->size - (c->seen - c->head)))
		return cons_bad_index(c);
	c->seen = produced;
	avail = produced - c->head;
	/* Idle: nobody will come by after `lag` slots, so say it now. */
	if (avail == 0 && (c->published != c->head || ++c->idle % SAY_AGAIN_LOOKS == 0)) {
		c->published = c->head;
		folio_put32_release(c->consumed, c->head);
	}
	return avail;
}

bool
folio_prod_publish_slow(struct folio_prod *p, uint32_t head)
{
	if (p->broken) {
		p->seen = head - p->size; /* stay full */
		return false;
	}
	folio_shared_fence();
	folio_put32_release(p->produced, head);
	folio_shared_fence(); /* as above */
	return true;
}

/* Skip a bad frame at slot `head`, unless it is none because the session has ended. */
static enum folio_verdict
cons_drop(struct folio_cons *c, uint32_t head, uint64_t *counter)
{
	if (cons_has_ended(c)) {
		cons_give_up(c, head, &c->ended);
		return FOLIO_HALT;
	}
	folio_count(counter);
	return FOLIO_DROP;
}

enum folio_verdict
folio_cons_judge(struct folio_cons *c, uint64_t desc, uint32_t head, struct folio_frame *frame)
{
	uint32_t len = (uint32_t)(desc & FOLIO_WIRE_DESC_LEN_MASK);
	uint32_t avail = c->seen - head;

	frame->len = 0;
	frame->slots = 1;
	if (len < FOLIO_WIRE_FRAME_MIN || len > c->max_frame)
		return cons_drop(c, head, &c->bad_length);
	frame->slots = folio_frame_slots(c->stride, len);
	if (frame->slots > avail) {
		/* Frames are published whole, so where the next one starts is anybody's guess. */
		cons_give_up(c, head, cons_has_ended(c) ? &c->ended : &c->bad_chain);
		return FOLIO_HALT;
	}
	/* Not agreed on, so the frame may need what we don't know how to do. */
	if (desc >> FOLIO_WIRE_DESC_FLAGS_SHIFT != 0)
		return cons_drop(c, head, &c->bad_flags);
	frame->len = len;
	return FOLIO_TAKE;
}

/*
 * What is read may start in any slot and may wrap at the end of the ring: two copies at the most.
 * offset + len is at most the ring's bytes: frames have at most max_frame.
 */
static uint64_t
piece_start(uint32_t at, uint32_t mask, uint32_t stride, uint32_t offset)
{
	uint64_t pos = (uint64_t)(at & mask) * stride + offset;
	uint64_t ring = ((uint64_t)mask + 1) * stride;

	return pos < ring ? pos : pos - ring;
}

static uint32_t
piece_first(uint64_t pos, uint32_t mask, uint32_t stride, uint32_t len)
{
	uint64_t to_end = ((uint64_t)mask + 1) * stride - pos;

	return len < to_end ? len : (uint32_t)to_end;
}

void
folio_prod_piece(struct folio_prod *p, uint32_t at, uint32_t offset, const void *src, uint32_t len,
		 folio_copy_fn exact)
{
	const uint8_t *s = src;

	at += offset / p->stride;
	offset %= p->stride;
	/*@ loop invariant inside: offset < p->stride;
	    loop invariant left: len <= \at(len, Pre);
	    loop invariant there: s == (const uint8_t *)src + (\at(len, Pre) - len);
	    loop assigns at, offset, s, len, p->data[0 .. p->size * p->stride - 1];
	    loop variant len;
	*/
	while (len > 0) {
		uint32_t part = p->stride - offset < len ? p->stride - offset : len;

		folio_prod_prefetch(p, at + FOLIO_PROD_AHEAD_LONG, part);
		exact(folio_layout_slot(p->data, p->stride, p->mask, at) + offset, s, part);
		at++;
		offset = 0;
		s += part;
		len -= part;
	}
}

void
folio_cons_piece(const struct folio_cons *c, uint32_t at, uint32_t offset, void *dst, uint32_t len,
		 folio_copy_fn exact)
{
	uint64_t pos = piece_start(at, c->mask, c->stride, offset);
	uint32_t first = piece_first(pos, c->mask, c->stride, len);

	exact(dst, c->data + pos, first);
	if (first < len)
		exact((uint8_t *)dst + first, c->data, len - first);
}
