/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Compiled once per instruction set; ISA is its name. */

#include "frame.h"
#include "touch.h"

#define LINE 64

/* The widest vector of the instruction set. */
#define WIDTH __BIGGEST_ALIGNMENT__
#define PER_LINE (LINE / WIDTH)

typedef uint64_t vector_t __attribute__((vector_size(WIDTH)));
typedef uint64_t any_vector_t __attribute__((vector_size(WIDTH), aligned(1), may_alias));
typedef uint64_t any_half_t __attribute__((vector_size(16), aligned(1), may_alias));

static __rte_always_inline void
write_line(uint8_t *line, vector_t value)
{
	uint32_t i;

	for (i = 0; i < PER_LINE; i++)
		((any_vector_t *)line)[i] = value;
}

/* A buffer begins at a line and is one line longer than a frame: the last line is written whole. */
static void
write_payload(struct rte_mbuf **pkts, uint32_t n, uint64_t value)
{
	const vector_t whole = value - (vector_t){0};
	const any_half_t half = value - (any_half_t){0};
	uint32_t i, at;

	RTE_BUILD_BUG_ON(FRAME_HEADER_LEN + 16 > LINE || FRAME_HEADER_LEN + 32 < LINE);
	for (i = 0; i < n; i++) {
		uint8_t *data = rte_pktmbuf_mtod(pkts[i], uint8_t *);
		uint32_t len = pkts[i]->data_len;

		*(any_half_t *)(data + FRAME_HEADER_LEN) = half;
		*(any_half_t *)(data + LINE - sizeof(half)) = half;
		for (at = LINE; at < len; at += LINE)
			write_line(data + at, whole);
	}
}

/* Rounded up to lines, but not beyond the buffer. */
static uint32_t
length_to_read(const struct rte_mbuf *m)
{
	uint32_t room = (uint32_t)m->buf_len - m->data_off;

	return RTE_MIN((uint32_t)m->data_len, RTE_ALIGN_FLOOR(room, LINE));
}

static uint64_t
read_payload(struct rte_mbuf **pkts, uint32_t n)
{
	vector_t sum[PER_LINE] = {0};
	const struct rte_mbuf *m;
	uint64_t total = 0;
	uint32_t i, j, at;

	for (i = 0; i < n; i++) {
		for (m = pkts[i]; m != NULL; m = m->next) {
			const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
			uint32_t len = length_to_read(m);

			for (at = 0; at < len; at += LINE)
				for (j = 0; j < PER_LINE; j++)
					sum[j] += ((const any_vector_t *)(data + at))[j];
		}
	}
	for (j = 0; j < PER_LINE; j++)
		for (i = 0; i < WIDTH / sizeof(uint64_t); i++)
			total += sum[j][i];
	return total;
}

#define JOIN(a, b) a##b
#define NAME(isa) JOIN(touch_, isa)

extern const struct touch NAME(ISA);

const struct touch NAME(ISA) = {
	.isa = RTE_STR(ISA),
	.write = write_payload,
	.read = read_payload,
};
