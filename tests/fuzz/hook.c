/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <string.h>

#include <folio_wire.h>

#include "check.h"
#include "hook.h"

#define SPANS 16
#define DEPTH 2
#define ALLOWED 4

struct flicker {
	uint8_t *at;
	size_t len;
	uint64_t genuine;
	uint64_t garbage;
};

struct context {
	const char *call;
	unsigned int owner;
	struct {
		const volatile void *field;
		unsigned int loads;
	} allowed[ALLOWED];
	unsigned int n_allowed;
	size_t header_offset;
	unsigned int header_loads; /* 0: none allowed twice */
	struct hook_log log;
	struct flicker flickers[HOOK_LOADS];
	unsigned int n_flickers;
};

static struct hook_span spans[SPANS];
static unsigned int n_spans;
static struct context contexts[DEPTH];
static unsigned int depth;
static uint64_t state;
static uint64_t evils;
static uint8_t hostility;

void
hook_reset(uint64_t seed)
{
	n_spans = 0;
	hook_begin(seed);
}

void
hook_begin(uint64_t seed)
{
	depth = 0;
	evils = 0;
	hostility = 0;
	state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	contexts[0].log.n = 0;
}

uint64_t
hook_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * UINT64_C(0x2545f4914f6cdd1d);
}

struct hook_span *
hook_add(const void *start, size_t len, uint8_t *alias, enum hook_side side)
{
	CHECK(n_spans < SPANS);
	spans[n_spans] = (struct hook_span){
		.start = start,
		.alias = alias,
		.len = len,
		.side = side,
		.owner = depth > 0 ? contexts[depth - 1].owner : 0,
	};
	return &spans[n_spans++];
}

void
hook_remove(const void *start)
{
	struct hook_span *s = hook_find(start);
	unsigned int d, i;

	CHECK(s != NULL && s->start == start);
	/* What flickered there stays garbage no longer than its mapping. */
	for (d = 0; d < depth; d++) {
		for (i = 0; i < contexts[d].n_flickers; i++) {
			struct flicker *f = &contexts[d].flickers[i];

			if (f->at >= s->alias && f->at < s->alias + s->len)
				f->len = 0;
		}
	}
	*s = spans[--n_spans];
}

struct hook_span *
hook_find(const void *p)
{
	const uint8_t *at = p;
	unsigned int i;

	for (i = 0; i < n_spans; i++) {
		if (at >= spans[i].start && at < spans[i].start + spans[i].len)
			return &spans[i];
	}
	return NULL;
}

struct hook_span *
hook_span(unsigned int i)
{
	return i < n_spans ? &spans[i] : NULL;
}

void
hook_hostility(uint8_t rate)
{
	hostility = rate;
}

uint8_t
hook_rate(void)
{
	return hostility;
}

uint64_t
hook_evils(void)
{
	return evils;
}

uint64_t
hook_evil(uint64_t v, unsigned int bits)
{
	/* Around the limits of the format, and of the small rings that the fuzzers use. */
	static const uint64_t limits[] = {
		0, 1, 2, 3, 4, 12, 13, 14, 15, 30, 31, 63, 64, 65, 127, 128, 129, 255, 256, 257,
		319, 320, 321, 4095, 4096, 4097, 20479, 20480, 20481, 32768, 65534, 65535, 65536,
		65537, 65600, UINT64_C(0x7fffffff), UINT64_C(0x80000000), UINT64_C(0xfffffff0),
		UINT64_C(0xffffffff), UINT64_C(0x100000000), UINT64_C(0x8000000000000000),
		FOLIO_WIRE_MAGIC, UINT64_MAX,
	};
	uint64_t r = hook_random();
	uint64_t to = r >> 16;

	switch (r % 9) {
	case 0:
		v += 1;
		break;
	case 1:
		v -= 1;
		break;
	case 2:
		v ^= UINT64_C(1) << to % bits;
		break;
	case 3:
		v = hook_random();
		break;
	case 4:
		v += to % 256;
		break;
	case 5:
		v -= to % 256;
		break;
	case 6:
		v += UINT64_C(1) << to % bits;
		break;
	default:
		v = limits[to % (sizeof(limits) / sizeof(limits[0]))];
		break;
	}
	return bits == 64 ? v : v & ((UINT64_C(1) << bits) - 1);
}

/* Of 2, 4 or 8 bytes. As memcpy() with a constant length they cost nothing; this is done all the time. */
static uint64_t
get(const uint8_t *at, size_t len)
{
	uint64_t v = 0;

	if (len == sizeof(uint64_t))
		memcpy(&v, at, sizeof(uint64_t));
	else if (len == sizeof(uint32_t))
		memcpy(&v, at, sizeof(uint32_t));
	else
		memcpy(&v, at, sizeof(uint16_t));
	return v;
}

static void
put(uint8_t *at, size_t len, uint64_t v)
{
	if (len == sizeof(uint64_t))
		memcpy(at, &v, sizeof(uint64_t));
	else if (len == sizeof(uint32_t))
		memcpy(at, &v, sizeof(uint32_t));
	else
		memcpy(at, &v, sizeof(uint16_t));
}

void
hook_enter(const char *call, unsigned int owner)
{
	struct context *c = &contexts[depth];

	CHECK(depth < DEPTH);
	depth++;
	c->call = call;
	c->owner = owner;
	c->n_allowed = 0;
	c->header_loads = 0;
	c->log.n = 0;
	c->n_flickers = 0;
}

void
hook_leave(void)
{
	struct context *c = &contexts[depth - 1];
	unsigned int i;

	CHECK(depth > 0);
	for (i = 0; i < c->n_flickers; i++) {
		struct flicker *f = &c->flickers[i];

		if (f->len != 0 && get(f->at, f->len) == f->garbage)
			put(f->at, f->len, f->genuine);
	}
	depth--;
}

bool
hook_inside(void)
{
	return depth > 0;
}

void
hook_allow(const volatile void *field, unsigned int loads)
{
	struct context *c = &contexts[depth - 1];

	CHECK(c->n_allowed < ALLOWED);
	c->allowed[c->n_allowed].field = field;
	c->allowed[c->n_allowed++].loads = loads;
}

void
hook_allow_header(size_t offset, unsigned int loads)
{
	contexts[depth - 1].header_offset = offset;
	contexts[depth - 1].header_loads = loads;
}

const struct hook_log *
hook_loads(void)
{
	return &contexts[depth].log;
}

static unsigned int
loads_allowed(const struct context *c, const struct hook_span *s, const void *field)
{
	size_t offset = (size_t)((const uint8_t *)field - s->start);
	unsigned int i;

	for (i = 0; i < c->n_allowed; i++) {
		if (c->allowed[i].field == field)
			return c->allowed[i].loads;
	}
	return c->header_loads > 0 && c->header_offset == offset ? c->header_loads : 1;
}

/* The contract: of a peer's field one load a call, and of our own none. */
static void
check_load(const struct context *c, struct hook_span *s, const void *field)
{
	size_t offset = (size_t)((const uint8_t *)field - s->start);
	unsigned int i, before = 0;

	CHECK_MSG(s->owner == c->owner, "%s looks into another port's mapping", c->call);
	if (s->side == HOOK_OWN) {
		/* Once a mapping, before anything is published: what did a predecessor leave? */
		CHECK_MSG(offset == offsetof(struct folio_wire_header, state) && !s->seen,
			  "%s reads back offset 0x%zx of its own half", c->call, offset);
		s->seen = true;
		return;
	}
	for (i = 0; i < c->log.n; i++)
		before += c->log.loads[i].field == field;
	CHECK_MSG(before < loads_allowed(c, s, field), "%s loads offset 0x%zx for the %uth time",
		  c->call, offset, before + 1);
}

/* Who may look again finds what is there, not what a second look is punished with. */
static void
end_flicker(struct context *c, const uint8_t *at)
{
	unsigned int i;

	for (i = 0; i < c->n_flickers; i++) {
		struct flicker *f = &c->flickers[i];

		if (f->at != at || f->len == 0)
			continue;
		if (get(f->at, f->len) == f->garbage)
			put(f->at, f->len, f->genuine);
		f->len = 0;
	}
}

void
hook_before_load(const void *field, size_t len)
{
	struct hook_span *s = hook_find(field);
	uint8_t *at;

	if (s == NULL)
		return; /* a private copy */
	CHECK_MSG(depth > 0, "a load outside of any call");
	CHECK_MSG(((uintptr_t)field & (len - 1)) == 0, "a load that can tear");
	check_load(&contexts[depth - 1], s, field);
	if (s->cut)
		return;
	at = s->alias + ((const uint8_t *)field - s->start);
	end_flicker(&contexts[depth - 1], at);
	if (hostility == 0 || (uint8_t)hook_random() >= hostility)
		return;
	put(at, len, hook_evil(get(at, len), (unsigned int)len * 8));
	evils++;
}

void
hook_after_load(const void *field, size_t len, uint64_t value)
{
	struct hook_span *s = hook_find(field);
	struct context *c;
	struct flicker *f;

	if (s == NULL)
		return;
	c = &contexts[depth - 1];
	CHECK(c->log.n < HOOK_LOADS);
	c->log.loads[c->log.n++] = (struct hook_load){field, value};
	if (s->cut || s->side == HOOK_OWN)
		return;
	f = &c->flickers[c->n_flickers++];
	f->at = s->alias + ((const uint8_t *)field - s->start);
	f->len = len;
	f->genuine = value;
	f->garbage = hook_evil(value, (unsigned int)len * 8);
	if (f->garbage == value)
		f->garbage = len == 8 ? ~value : ~value & ((UINT64_C(1) << len * 8) - 1);
	put(f->at, len, f->garbage);
}
