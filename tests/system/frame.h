/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FRAME_H
#define FRAME_H

/* Frames of which every byte can be checked: a tag, and a body that follows from it. */

#include <stdbool.h>
#include <stdint.h>

#define FRAME_LEN_MIN 64
#define FRAME_ETHER_TYPE 0x88b5

struct tag {
	uint8_t dst[6], src[6];
	uint16_t ether_type;
	uint16_t queue;
	uint32_t len;
	uint64_t identity; /* of the sender, random */
	uint64_t sequence;
};

static inline uint64_t
frame_word(const struct tag *t, uint32_t i)
{
	return (t->identity ^ t->sequence * UINT64_C(0x9e3779b97f4a7c15)) +
	       i * UINT64_C(0x100000001b3);
}

/* Fill, or compare, the body behind the tag; returns the number of wrong bytes. */
static inline uint32_t
frame_body(uint8_t *frame, const struct tag *t, bool fill)
{
	uint32_t wrong = 0, i;

	for (i = sizeof(*t); i < t->len; i++) {
		uint8_t expected = (uint8_t)(frame_word(t, i / 8) >> (i % 8 * 8));

		if (fill)
			frame[i] = expected;
		else
			wrong += frame[i] != expected;
	}
	return wrong;
}

#endif /* FRAME_H */
