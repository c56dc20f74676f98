/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Compiled once per instruction set; ISA is its name.
 *
 * Nothing is described or checked: both sides know the size of the packets. Indices count without
 * end, slots are found by their remainder. They are published once per burst, and by the consumer
 * once per eighth of the ring, or when there is nothing to do.
 */

#include "limit.h"

#define inline_always inline __attribute__((always_inline))

#define WIDTH __BIGGEST_ALIGNMENT__
#define PER_LINE (LINE / WIDTH)

typedef uint64_t vector_t __attribute__((vector_size(WIDTH), may_alias));

/* A thread's indices, and what it last saw of the other's. */
struct view {
	uint32_t tail; /* of the ring that it reads */
	uint32_t seen_head;
	uint32_t told_tail;
	uint32_t head; /* of the ring that it writes */
	uint32_t seen_tail;
	uint32_t buffer;
};

enum prefetch {
	PREFETCH_NONE,
	PREFETCH_READ,
	PREFETCH_WRITE,
};

static inline_always void
relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static inline_always bool
goes_on(const struct side *s)
{
	return !atomic_load_explicit(&s->stop, memory_order_relaxed);
}

/* `later` is a slot that will be copied from or to soon. */
static inline_always void
copy(uint8_t *dst, const uint8_t *src, const uint8_t *later, uint32_t lines, enum prefetch prefetch)
{
	const vector_t *from = (const vector_t *)src;
	vector_t *to = (vector_t *)dst;
	uint32_t i, j;

	for (i = 0; i < lines; i++, from += PER_LINE, to += PER_LINE, later += LINE) {
		if (prefetch == PREFETCH_WRITE)
			__builtin_prefetch(later, 1);
		else if (prefetch == PREFETCH_READ)
			__builtin_prefetch(later, 0);
		for (j = 0; j < PER_LINE; j++)
			to[j] = from[j];
	}
}

static inline_always void
write_all(uint8_t *dst, uint64_t value, uint32_t lines)
{
	const vector_t v = value - (vector_t){0};
	uint32_t i;

	for (i = 0; i < lines * PER_LINE; i++)
		((vector_t *)dst)[i] = v;
}

static inline_always uint64_t
read_all(const uint8_t *src, uint32_t lines)
{
	const vector_t *from = (const vector_t *)src;
	vector_t sum[PER_LINE] = {0};
	uint64_t total = 0;
	uint32_t i, j;

	for (i = 0; i < lines; i++, from += PER_LINE)
		for (j = 0; j < PER_LINE; j++)
			sum[j] += from[j];
	for (j = 0; j < PER_LINE; j++)
		total += sum[j][0];
	return total;
}

/* Element `index` of equally spaced ones; their number is a power of two. */
static inline_always uint8_t *
element(uint8_t *first, uint32_t stride, uint32_t count, uint32_t index)
{
	return first + (uint64_t)(index & (count - 1)) * stride;
}

/*
 * Copy n packets into slots. The flags are constants: each case becomes a loop of its own. What it
 * needs is copied to where the stores to packets cannot reach it.
 */
static inline_always void
put_as(const struct side *s, struct view *v, uint32_t n, uint32_t lines, bool touch,
       enum prefetch prefetch)
{
	const struct tuning t = s->tuning;
	const uint32_t buffer_stride = s->buffer_stride, head = v->head, first = v->buffer;
	uint8_t *const slots = s->out->slots, *const buffers = s->buffers;
	uint32_t i;

	for (i = 0; i < n; i++) {
		uint8_t *from = element(buffers, buffer_stride, t.buffers, first + i);
		uint8_t *to = element(slots, t.stride, t.slots, head + i);
		uint8_t *later = element(slots, t.stride, t.slots, head + i + t.ahead);

		if (touch)
			write_all(from, head + i, lines);
		copy(to, from, later, lines, prefetch);
	}
	v->head = head + n;
	v->buffer = first + n;
}

static inline_always void
get_as(struct side *s, struct view *v, uint32_t n, uint32_t lines, bool touch,
       enum prefetch prefetch)
{
	const struct tuning t = s->tuning;
	const uint32_t buffer_stride = s->buffer_stride, tail = v->tail, first = v->buffer;
	const uint32_t filled = v->seen_head - tail;
	uint8_t *const slots = s->in->slots, *const buffers = s->buffers;
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < n; i++) {
		uint8_t *to = element(buffers, buffer_stride, t.buffers, first + i);
		uint8_t *from = element(slots, t.stride, t.slots, tail + i);
		uint8_t *later = element(slots, t.stride, t.slots, tail + i + t.fetch);

		/* A slot that is not filled yet would be taken away from the producer. */
		if (filled - i > t.fetch)
			copy(to, from, later, lines, prefetch);
		else
			copy(to, from, later, lines, PREFETCH_NONE);
		if (touch)
			sum += read_all(to, lines);
	}
	s->sum += sum;
	v->tail = tail + n;
	v->buffer = first + n;
}

/* Small packets and those that are not prefetched have loops without what they do not need. */
#define BY_CASE(what, s, v, n, distance, prefetch)						\
	do {											\
		if ((s)->lines == 1 && !(s)->touch && (distance) == 0)				\
			what(s, v, n, 1, false, PREFETCH_NONE);					\
		else if ((s)->lines == 1 && !(s)->touch)					\
			what(s, v, n, 1, false, prefetch);					\
		else if ((distance) == 0)							\
			what(s, v, n, (s)->lines, (s)->touch, PREFETCH_NONE);			\
		else										\
			what(s, v, n, (s)->lines, (s)->touch, prefetch);			\
	} while (0)

static inline_always void
put(struct side *s, struct view *v, uint32_t n)
{
	BY_CASE(put_as, s, v, n, s->tuning.ahead, PREFETCH_WRITE);
	atomic_store_explicit(&s->out->head, v->head, memory_order_release);
}

static inline_always void
get(struct side *s, struct view *v, uint32_t n)
{
	BY_CASE(get_as, s, v, n, s->tuning.fetch, PREFETCH_READ);
	atomic_store_explicit(&s->packets, s->packets + n, memory_order_relaxed);
}

/* Room for a whole burst, or 0. */
static inline_always uint32_t
room(struct side *s, struct view *v, uint32_t n)
{
	if (s->tuning.slots - (v->head - v->seen_tail) < n)
		v->seen_tail = atomic_load_explicit(&s->out->tail, memory_order_acquire);
	return s->tuning.slots - (v->head - v->seen_tail) < n ? 0 : n;
}

static inline_always void
tell_tail(struct side *s, struct view *v)
{
	atomic_store_explicit(&s->in->tail, v->tail, memory_order_release);
	v->told_tail = v->tail;
}

/* How many have come, up to a burst. */
static inline_always uint32_t
come(struct side *s, struct view *v)
{
	uint32_t n;

	if (v->tail - v->told_tail >= s->tuning.slots / 8)
		tell_tail(s, v);
	if (v->seen_head - v->tail < s->tuning.burst)
		v->seen_head = atomic_load_explicit(&s->in->head, memory_order_acquire);
	n = v->seen_head - v->tail;
	if (n == 0 && v->told_tail != v->tail)
		tell_tail(s, v);
	return n < s->tuning.burst ? n : s->tuning.burst;
}

static void
send(struct side *s)
{
	struct view v = {0};

	while (goes_on(s)) {
		if (room(s, &v, s->tuning.burst) != 0)
			put(s, &v, s->tuning.burst);
		else
			relax();
	}
}

static void
receive(struct side *s)
{
	struct view v = {0};
	uint32_t n;

	while (goes_on(s)) {
		n = come(s, &v);
		if (n != 0)
			get(s, &v, n);
		else
			relax();
	}
}

/* What was received is sent from the same buffers. The ring has room for all that circulate. */
static void
forward(struct side *s)
{
	struct view v = {0};
	uint32_t n;

	if (s->inject > 0)
		put(s, &v, s->inject);
	while (goes_on(s)) {
		n = come(s, &v);
		if (n == 0)
			continue;
		get(s, &v, n);
		v.buffer -= n;
		while (room(s, &v, n) == 0 && goes_on(s))
			relax();
		put(s, &v, n);
	}
}

#define JOIN(a, b) a##b
#define NAME(isa) JOIN(work_, isa)
#define STRING(x) #x
#define TEXT(x) STRING(x)

extern const struct work NAME(ISA);

const struct work NAME(ISA) = {
	.isa = TEXT(ISA),
	.send = send,
	.receive = receive,
	.forward = forward,
};
