/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef INPUT_H
#define INPUT_H

/* The fuzzer's bytes as a sequence of choices. Behind the end there are zeros. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <folio_wire.h>

struct input {
	const uint8_t *at;
	size_t left;
};

static inline void
input_bytes(struct input *in, void *to, size_t len)
{
	size_t n = len < in->left ? len : in->left;

	memset(to, 0, len);
	if (n > 0)
		memcpy(to, in->at, n);
	in->at += n;
	in->left -= n;
}

static inline uint8_t
input_u8(struct input *in)
{
	uint8_t v;

	input_bytes(in, &v, sizeof(v));
	return v;
}

static inline uint16_t
input_u16(struct input *in)
{
	uint16_t v;

	input_bytes(in, &v, sizeof(v));
	return v;
}

static inline uint32_t
input_u32(struct input *in)
{
	uint32_t v;

	input_bytes(in, &v, sizeof(v));
	return v;
}

static inline uint64_t
input_u64(struct input *in)
{
	uint64_t v;

	input_bytes(in, &v, sizeof(v));
	return v;
}

/* A number in [0, n), n at most 256. */
static inline uint32_t
input_below(struct input *in, uint32_t n)
{
	return input_u8(in) % n;
}

/* A frame's length around everything that matters in a ring, and sometimes any. */
static inline uint32_t
input_frame_len(struct input *in, uint32_t stride, uint32_t max)
{
	uint8_t how = input_u8(in);

	switch (how % 8) {
	case 0:
		return FOLIO_WIRE_FRAME_MIN - 1 + how / 8 % 3;
	case 1:
		return stride - 1 + how / 8 % 3;
	case 2:
		return max - 1 + how / 8 % 3;
	case 3:
		return stride * (how / 8 % 4) + input_u8(in);
	case 4:
		return input_u16(in);
	default:
		return FOLIO_WIRE_FRAME_MIN + input_u8(in);
	}
}

#endif /* INPUT_H */
