/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef HOOK_H
#define HOOK_H

/*
 * The peer that acts between any two loads of the core.
 *
 * Before a load, at a rate that the fuzzer chooses, the field becomes something evil and stays so.
 * After each load the field becomes garbage until the call ends: who looks a second time, by which
 * way ever, sees another value than the one that was checked. And a field that one call loads
 * twice through the accessors is a finding by itself, as is a load of what our own side wrote.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hook_side {
	HOOK_OWN,  /* the caller's own half: not to be read back */
	HOOK_PEER, /* the other half */
	HOOK_BOTH, /* private memory of a loopback port */
};

struct hook_span {
	const uint8_t *start; /* as the core sees it */
	uint8_t *alias;	      /* the same memory, writable */
	size_t len;
	enum hook_side side;
	bool cut;    /* the file is shorter: hands off */
	bool judged; /* the fuzzer has looked at it */
	size_t fenced; /* bytes from the start on in which something is forbidden */
	bool seen;   /* the state that a predecessor left was read */
	unsigned int owner; /* from hook_enter() */
};

struct hook_load {
	const void *field;
	uint64_t value;
};

#define HOOK_LOADS 8192

struct hook_log {
	unsigned int n;
	struct hook_load loads[HOOK_LOADS];
};

/* Forget everything; all choices below follow from the seed. */
void hook_reset(uint64_t seed);
/* The same, but what is shared stays. */
void hook_begin(uint64_t seed);
uint64_t hook_random(void);

struct hook_span *hook_add(const void *start, size_t len, uint8_t *alias, enum hook_side side);
void hook_remove(const void *start);
/* The span that holds p, NULL if it is not shared; and the i-th, NULL behind the last. */
struct hook_span *hook_find(const void *p);
struct hook_span *hook_span(unsigned int i);

/* Of 256 loads so many see an evil value. */
void hook_hostility(uint8_t rate);
uint8_t hook_rate(void);

/* How often something was made evil that stays so. */
uint64_t hook_evils(void);

/* Something near v that breaks checks: bits is 16, 32 or 64. */
uint64_t hook_evil(uint64_t v, unsigned int bits);

/* A call of the core begins, by that side (any number but 0), and ends. They nest twice. */
void hook_enter(const char *call, unsigned int owner);
void hook_leave(void);
bool hook_inside(void);

/* In the call that was just entered a field may be loaded so many times. */
void hook_allow(const volatile void *field, unsigned int loads);
/* The same for a header field of every peer, by its offset. */
void hook_allow_header(size_t offset, unsigned int loads);

/* What the last call loaded, in order; valid until the next one. */
const struct hook_log *hook_loads(void);

#endif /* HOOK_H */
