/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * A virtqueue of -DSIZE buffers of -DROOM bytes, frames up to -DMAX_FRAME, in memory of exactly
 * that size. Its private state is any that folio_virtq_valid() allows of single values, and more:
 * what it says of several together is not assumed. The two copies in pieces are WP's, see
 * pieces_virtq.h: here what they require is proved. All that is loaded from shared memory is any
 * value, another one each time.
 */

#include "eva.h"
#include "virtio/packed.h"
#include "virtio/split.h"

#define STRIDE (ROOM + FOLIO_VIRTQ_LINE)
#define WHOLE(n) (((n) + 63u) / 64u * 64u)
#define RINGS (WHOLE(WHOLE(WHOLE(16u * SIZE) + 60u + 6u + 2u * SIZE) + 60u + 6u + 8u * SIZE))

extern const struct folio_copy folio_copy_portable;

static uint64_t rings[RINGS / 8];
static uint8_t bufs[SIZE * STRIDE];
static uint32_t tables[(SIZE * 10u + 3u) / 4u];
static uint64_t addr[SIZE];
static struct folio_virtq queue;

/* Anything between two calls, but for tables that were set once. */
static void
any_state(struct folio_virtq *q)
{
	uint32_t i;

	q->head = any_u32;
	q->tail = any_u32;
	q->avail = (uint16_t)any_u32;
	q->seen = (uint16_t)any_u32;
	q->used = (uint16_t)any_u32;
	q->broken = maybe();
	q->weak = maybe();
	q->doorbell = any_u32;
	q->shuffled = maybe();
	q->in_order = maybe();
	q->mergeable = maybe();
	q->held = maybe();
	q->first = any_u64;
	q->first_at = Frama_C_unsigned_int_interval(0, SIZE - 1);
	for (i = 0; i < SIZE; i++) {
		q->at[i] = (uint16_t)Frama_C_unsigned_int_interval(0, SIZE - 1);
		q->said[i] = (uint16_t)any_u32;
		q->note[i] = (uint16_t)any_u32;
		q->lens[i] = Frama_C_unsigned_int_interval(0, ROOM + VIRTIO_NET_HDR_LEN);
	}
}

/* Any frame of one buffer, from a mbuf of exactly its bytes at most. */
static void
transmit(struct folio_virtq *q)
{
	static uint8_t data[ROOM];
	uint32_t len = Frama_C_unsigned_int_interval(FOLIO_VIRTQ_FRAME_MIN, ROOM);

	any_state(q);
	(void)folio_split_tx_room(q, any_u32);
	(void)folio_packed_tx_room(q, any_u32);
	any_state(q);
	folio_split_tx_put(q, data, len, folio_copy_portable.exact);
	folio_packed_tx_put(q, data, len, folio_copy_portable.exact);
	folio_split_tx_publish(q);
	folio_packed_tx_publish(q);
	any_state(q);
	folio_split_tx_chain(q, Frama_C_unsigned_int_interval(FOLIO_VIRTQ_FRAME_MIN, MAX_FRAME),
			     Frama_C_unsigned_int_interval(1, SIZE));
	folio_packed_tx_chain(q, Frama_C_unsigned_int_interval(FOLIO_VIRTQ_FRAME_MIN, MAX_FRAME),
			      Frama_C_unsigned_int_interval(1, SIZE));
	any_state(q);
	folio_packed_publish(q);
	folio_virtq_tx_piece(q, any_u32, Frama_C_unsigned_int_interval(0, MAX_FRAME), data,
			     Frama_C_unsigned_int_interval(0, ROOM), folio_copy_portable.exact);
	(void)folio_virtq_frame_bufs(q, any_u32);
	(void)folio_split_wants_doorbell(q);
	(void)folio_packed_wants_doorbell(q);
	(void)folio_split_watch(q);
	(void)folio_packed_watch(q);
}

/* The loop of a burst, each way through it. */
static void
receive(struct folio_virtq *q)
{
	static uint8_t to[ROOM];
	struct folio_virtq_frame frame;
	uint32_t s = any_u32, len;
	uint64_t word;

	any_state(q);
	(void)folio_split_rx_avail(q, any_u32);
	(void)folio_packed_rx_avail(q, any_u32);
	word = folio_split_rx_word(q, s);
	len = folio_split_rx_len(word);
	/* What the one comparison says, for EVA, which knows ranges. */
	if (folio_split_rx_is_plain(q, s, word, q->plain_max) && len >= FOLIO_VIRTQ_FRAME_MIN &&
	    len <= q->plain_max)
		folio_copy_portable.exact(to, folio_virtq_data(q, s), len);
	word = folio_packed_rx_word(q, s);
	len = folio_packed_rx_len(word);
	if (folio_packed_rx_is_plain(q, s, word, q->plain_max) && len >= FOLIO_VIRTQ_FRAME_MIN &&
	    len <= q->plain_max)
		folio_copy_portable.exact(to, folio_virtq_data(q, s), len);
	(void)folio_virtq_num_buffers(q, s);
	any_state(q);
	(void)folio_split_rx_judge(q, s, any_u64, any_u32, &frame);
	any_state(q);
	(void)folio_packed_rx_judge(q, s, any_u64, any_u32, &frame);
	any_state(q);
	/* Of a frame that was taken: keep_len() and by_length() in contracts_virtq.h. */
	q->lens[0] = Frama_C_unsigned_int_interval(VIRTIO_NET_HDR_LEN + 1,
						   ROOM + VIRTIO_NET_HDR_LEN);
	folio_virtq_rx_piece(q, s, Frama_C_unsigned_int_interval(0, MAX_FRAME), to,
			     Frama_C_unsigned_int_interval(0, ROOM), folio_copy_portable.exact);
	any_state(q);
	folio_split_rx_commit(q, any_u32);
	folio_packed_rx_commit(q, Frama_C_unsigned_int_interval(0, SIZE));
	(void)folio_split_reclaim(q);
	(void)folio_packed_reclaim(q);
}

void
main(void)
{
	const struct folio_virtq_memory m = {
		.size = SIZE,
		.stride = STRIDE,
		.max_frame = maybe() ? MAX_FRAME : FOLIO_VIRTQ_FRAME_MIN,
		.rings = rings,
		.bufs = bufs,
		.tables = tables,
		.addr = addr,
	};

	/*@ assert rings: sizeof(rings) == RINGS; */
	if (folio_virtq_ring_bytes(SIZE) > sizeof(rings) ||
	    folio_virtq_table_bytes(SIZE) > sizeof(tables))
		return;
	folio_virtq_attach(&queue, &m);
	if (maybe())
		folio_split_rx_fill(&queue);
	else if (maybe())
		folio_packed_rx_fill(&queue);
	else if (maybe())
		folio_split_tx_ready(&queue);
	else
		folio_packed_tx_ready(&queue);
	transmit(&queue);
	receive(&queue);
}
