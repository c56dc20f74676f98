/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Bursts for programs without mbufs. The driver has its own, compiled per instruction set. */

#include <errno.h>

#include "port.h"

/* Why not even the first of n frames went out. */
static __attribute__((noinline)) int
nothing_sent(const struct folio_prod *p, const struct folio_buf *bufs, uint16_t n)
{
	if (n == 0)
		return 0;
	if (p->broken)
		return -ENETDOWN; /* there is no room before the next session */
	if (bufs[0].len < FOLIO_WIRE_FRAME_MIN || bufs[0].len > p->max_frame)
		return -EMSGSIZE;
	return -EAGAIN;
}

int
folio_send(struct folio *f, uint32_t queue, const struct folio_buf *bufs, uint16_t n)
{
	struct folio_txq *txq = folio_port_txq(f, queue);
	folio_copy_fn exact = folio_port_copy(f)->exact;
	struct folio_prod *p = &txq->ring;
	uint32_t head, room, slots;
	uint16_t i;
	int ret;

	if (!folio_gate_enter(&txq->gate))
		return -ENETDOWN;
	head = p->head;
	room = folio_prod_room(p, n);
	for (i = 0; i < n; i++) {
		uint32_t len = bufs[i].len;

		if (len < FOLIO_WIRE_FRAME_MIN || len > p->max_frame)
			break;
		slots = folio_frame_slots(p->stride, len);
		if (slots > room) {
			/* Frames of several slots: the room asked for above was a guess. */
			room = folio_prod_refresh(p) - (head - p->head);
			if (slots > room || p->broken)
				break;
		}
		if (slots == 1) {
			folio_prod_put(p, head, bufs[i].data, len, exact);
		} else {
			folio_prod_piece(p, head, 0, bufs[i].data, len, exact);
			folio_prod_describe(p, head, len);
		}
		head += slots;
		room -= slots;
	}
	ret = i;
	if (FOLIO_UNLIKELY(head == p->head || !folio_prod_publish(p, head)))
		ret = nothing_sent(p, bufs, n);
	folio_gate_leave(&txq->gate);
	return ret;
}

uint16_t
folio_recv(struct folio *f, uint32_t queue, struct folio_buf *bufs, uint16_t n)
{
	struct folio_rxq *rxq = folio_port_rxq(f, queue);
	folio_copy_fn exact = folio_port_copy(f)->exact;
	struct folio_cons *c = &rxq->ring;
	uint32_t head, avail;
	uint16_t got = 0;

	if (!folio_gate_enter(&rxq->gate))
		return 0;
	head = c->head;
	avail = folio_cons_avail(c, n);
	if (avail == 0 || n == 0)
		goto leave;
	do {
		uint64_t desc = folio_cons_desc(c, head);
		uint32_t len = (uint32_t)desc;
		enum folio_verdict verdict;
		struct folio_frame frame;

		if (FOLIO_LIKELY(folio_desc_is_plain(desc, c->plain_max))) {
			if (len <= bufs[got].room) {
				folio_cons_get(c, head, bufs[got].data, len, exact);
				bufs[got++].len = len;
			} else {
				folio_count(&rxq->too_long);
			}
			head++;
			avail--;
			continue;
		}
		verdict = folio_cons_judge(c, desc, head, &frame);
		if (verdict == FOLIO_HALT)
			break;
		if (verdict == FOLIO_TAKE && frame.len <= bufs[got].room) {
			folio_cons_piece(c, head, 0, bufs[got].data, frame.len, exact);
			bufs[got++].len = frame.len;
		} else if (verdict == FOLIO_TAKE) {
			folio_count(&rxq->too_long);
		}
		head += frame.slots;
		avail -= frame.slots;
	} while (got < n && avail > 0);
	if (FOLIO_LIKELY(folio_cons_stands(c)))
		folio_cons_commit(c, head);
	else
		got = 0;
leave:
	folio_gate_leave(&rxq->gate);
	return got;
}
