/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <string.h>

#include "check.h"
#include "copies.h"
#include "boundary/copy.h"
#include "hook.h"

const struct folio_copy *__real_folio_copy_select(enum folio_isa max);
const struct folio_copy *__wrap_folio_copy_select(enum folio_isa max);

static bool under_fire;

/* One byte or all of them, anywhere in the source. */
static void
rewrite(const struct hook_span *s, const uint8_t *src, size_t len)
{
	uint8_t *at = s->alias + (src - s->start);
	uint64_t r = hook_random();

	if (r % 4 == 0)
		memset(at, (int)(r >> 8), len);
	else
		at[(r >> 8) % len] ^= (uint8_t)(r >> 56) | 1;
	under_fire = true;
}

static void
through(folio_copy_fn copy, void *dst, const void *src, size_t len, size_t unit)
{
	const struct hook_span *s = hook_find(src);
	size_t first;

	if (s == NULL || s->cut || len == 0 || (uint8_t)hook_random() >= hook_rate()) {
		copy(dst, src, len);
		return;
	}
	first = hook_random() % (len + 1) / unit * unit;
	copy(dst, src, first);
	rewrite(s, src, len);
	copy((uint8_t *)dst + first, (const uint8_t *)src + first, len - first);
	rewrite(s, src, len);
}

/* A table for each of the kernels; a plain function pointer knows no context. */
#define WRAP(isa)                                                                                  \
	static const struct folio_copy *real_##isa;                                                \
	static void exact_##isa(void *dst, const void *src, size_t len)                            \
	{                                                                                          \
		through(real_##isa->exact, dst, src, len, 1);                                      \
	}                                                                                          \
	static void padded_##isa(void *dst, const void *src, size_t len)                           \
	{                                                                                          \
		through(real_##isa->padded, dst, src, len, 64);                                    \
	}                                                                                          \
	static struct folio_copy wrapped_##isa = {.exact = exact_##isa, .padded = padded_##isa};

WRAP(portable)
WRAP(sse)
WRAP(avx2)
WRAP(avx512)

#define TAKE(name)                                                                                 \
	do {                                                                                       \
		real_##name = real;                                                                \
		wrapped_##name.isa = real->isa;                                                    \
		return &wrapped_##name;                                                            \
	} while (0)

const struct folio_copy *
__wrap_folio_copy_select(enum folio_isa max)
{
	const struct folio_copy *real = __real_folio_copy_select(max);

	switch (real->isa) {
	case FOLIO_ISA_SSE:
		TAKE(sse);
	case FOLIO_ISA_AVX2:
		TAKE(avx2);
	case FOLIO_ISA_AVX512:
		TAKE(avx512);
	default:
		TAKE(portable);
	}
}

bool
copies_under_fire(void)
{
	bool was = under_fire;

	under_fire = false;
	return was;
}

/* Buffers have the length that they are filled with: without AddressSanitizer's look at each byte. */
#define FAST __attribute__((no_sanitize("address", "undefined")))

static inline FAST uint8_t
content(uint32_t number, uint32_t i)
{
	return (uint8_t)(number * 151 + i * 7 + (i >> 8) * 13 + 1);
}

FAST void
copies_fill(uint8_t *data, uint32_t number, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		data[i] = content(number, i);
}

uint8_t *
copies_frame(uint32_t number, uint32_t len)
{
	uint8_t *data = malloc(len);

	CHECK(data != NULL);
	copies_fill(data, number, len);
	return data;
}

bool
copies_is_frame(const uint8_t *data, uint32_t number, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++) {
		if (data[i] != content(number, i))
			return false;
	}
	return true;
}

bool
copies_untouched(const uint8_t *from, const uint8_t *to)
{
	return from == to ||
	       (*from == COPIES_CANARY && memcmp(from, from + 1, (size_t)(to - from) - 1) == 0);
}
