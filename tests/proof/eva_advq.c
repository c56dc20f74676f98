/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * A ring of -DSIZE advanced descriptors with buffers of -DSTRIDE bytes, in memory of exactly that
 * size. Its private state is any between two calls, but for what was set once. All that is loaded
 * from shared memory is any value, another one each time.
 */

#include "eva.h"
#include "vf/advq.h"

extern const struct folio_copy folio_copy_portable;

static uint64_t desc[2 * SIZE];
static uint8_t bufs[SIZE * STRIDE];
static uint32_t mark[SIZE];
static uint64_t addr[SIZE];
static struct folio_advq ring;

static void
any_state(struct folio_advq *q)
{
	uint32_t i;

	q->head = any_u32;
	q->tail = any_u32;
	q->told = any_u32;
	q->weak = maybe();
	q->dropping = maybe();
	q->marks = any_u32;
	q->marks_done = any_u32;
	for (i = 0; i < SIZE; i++) {
		mark[i] = any_u32;
		addr[i] = any_u64;
	}
}

/* The loop of a burst, each way through it. */
static void
receive(struct folio_advq *q)
{
	static uint8_t to[STRIDE];
	uint32_t s = any_u32, value, len;
	uint64_t word;

	any_state(q);
	word = folio_advq_rx_word(q, s);
	len = folio_advq_rx_len(word);
	/* What the one comparison says, for EVA, which knows ranges. */
	if (folio_advq_rx_is_plain(q, word, q->max_frame) && len >= FOLIO_ADVQ_FRAME_MIN &&
	    len <= q->max_frame)
		folio_copy_portable.exact(to, folio_advq_buf(q, s), len);
	if (folio_advq_rx_judge(q, any_u64) == FOLIO_ADVQ_DROP)
		any_state(q);
	folio_advq_prefetch_read(q, any_u32);
	folio_advq_rx_commit(q, any_u32);
	(void)folio_advq_rx_tell(q, &value);
	any_state(q);
	(void)folio_advq_rx_used(q);
}

/* Any frame that fits, from memory of exactly so much. */
static void
transmit(struct folio_advq *q)
{
	static uint8_t data[STRIDE];
	uint32_t len = Frama_C_unsigned_int_interval(FOLIO_ADVQ_FRAME_MIN, STRIDE), sent;

	any_state(q);
	(void)folio_advq_tx_room(q, any_u32);
	any_state(q);
	sent = folio_advq_tx_pad(q, len);
	folio_copy_portable.exact(folio_advq_buf(q, q->tail), data, len);
	folio_advq_tx_describe(q, sent);
	(void)folio_advq_tx_publish(q, sent);
	folio_advq_prefetch_write(q, any_u32, Frama_C_unsigned_int_interval(0, STRIDE));
	(void)folio_advq_ahead(len);
	any_state(q);
	(void)folio_advq_tx_used(q);
	(void)folio_advq_tx_reported(q, any_u32);
}

void
main(void)
{
	const struct folio_advq_memory m = {
		.size = SIZE,
		.stride = STRIDE,
		.max_frame = maybe() ? STRIDE : FOLIO_ADVQ_FRAME_MIN,
		.desc = desc,
		.bufs = bufs,
		.mark = mark,
		.addr = addr,
	};
	struct folio_advq copy;

	/*@ assert ring: sizeof(desc) == SIZE * 16; */
	if (folio_advq_ring_bytes(SIZE) > sizeof(desc))
		return;
	folio_advq_attach(&ring, &m, any_u64);
	if (maybe())
		folio_advq_rx_fill(&ring);
	folio_advq_copy(&copy, &ring);
	transmit(&ring);
	receive(&ring);
}
