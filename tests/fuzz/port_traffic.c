/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Of fuzz_port.c and fuzz_traffic.c: what ports with a link do; frames flow in the end. */

#include "port_sides.h"

static void
queue_op(struct input *in, struct side *s)
{
	uint8_t how = input_u8(in);
	uint32_t q, rx, tx, used;

	if (s->f == NULL)
		return;
	q = how / 8 % s->cfg.queues;
	if (how / 64 == 0) /* a kernel without membarrier(2) */
		folio_port_txq(s->f, q)->gate.fenced = folio_port_rxq(s->f, q)->gate.fenced = 1;
	hook_enter("enable", owner_of(s));
	if (how % 4 < 2)
		CHECK(folio_port_enable_tx(s->f, q, how % 2 == 0));
	else
		CHECK(folio_port_enable_rx(s->f, q, how % 2 == 0));
	hook_leave();
	check_side(s);
	rx = folio_port_rxq(s->f, q)->ring.head;
	tx = folio_port_txq(s->f, q)->ring.head;
	hook_enter("used", owner_of(s));
	used = folio_port_rx_used(s->f, q);
	hook_leave();
	CHECK(used <= folio_port_ring_size(s->f));
	CHECK(used == 0 || used == (uint32_t)hook_loads()->loads[0].value - rx);
	hook_enter("used", owner_of(s));
	used = folio_port_tx_used(s->f, q);
	hook_leave();
	CHECK(used <= folio_port_ring_size(s->f));
	CHECK(used == 0 || used == tx - (uint32_t)hook_loads()->loads[0].value);
}

/* Operations that open nothing, close nothing and leave the file alone; no other is known. */
void
traffic_op(struct input *in, struct side *s, unsigned int kind)
{
	switch (kind) {
	case 4:
	case 5:
		start(s);
		break;
	case 6:
		stop(s);
		break;
	case 7:
		tick(s);
		break;
	case 8:
	case 9:
		tick_all(input_below(in, 24) >> t.haste);
		break;
	case 10: /* the other one is silent */
		for (uint32_t n = input_below(in, 64) >> t.haste; n > 0; n--)
			step(s);
		tick(s);
		break;
	case 11:
	case 12:
	case 13:
	case 14:
		send_op(in, s);
		break;
	case 15:
	case 16:
	case 17:
	case 18:
		recv_op(in, s);
		break;
	case 19:
	case 20:
		header_op(in, s);
		break;
	case 21:
	case 22:
	case 23:
		index_op(in, s);
		break;
	case 24:
		bytes_op(in, s);
		break;
	case 25:
		hook_hostility(input_u8(in));
		break;
	case 26:
		storm_op(in, s);
		break;
	case 29:
		stuck_op(in, s);
		break;
	case 30:
	case 31:
		queue_op(in, s);
		break;
	default:
		break;
	}
}

static bool
are_up(void)
{
	return folio_link_is_up(t.side[0].f) && folio_link_is_up(t.side[1].f);
}

/* Start two ports that were just opened, and let them find each other. */
void
sides_link(void)
{
	int i;

	start(&t.side[0]);
	start(&t.side[1]);
	for (i = 0; i < 12 && !are_up(); i++)
		tick_all(1);
	CHECK(are_up());
}

/* From here on everybody behaves. */

/* Both peers write what they know into their own halves, as their next bursts would. */
static void
repair(struct side *s)
{
	struct folio_layout l;
	uint8_t *half = raw_half(s, &l, false);
	uint32_t q;

	for (q = 0; q < s->cfg.queues; q++) {
		CHECK(folio_port_enable_tx(s->f, q, true));
		CHECK(folio_port_enable_rx(s->f, q, true));
		if (half == NULL || q >= l.geom.queues)
			continue;
		folio_layout_index(&l, half, q)->produced.raw = folio_port_txq(s->f, q)->ring.head;
		folio_layout_index(&l, half, q)->consumed.raw =
			folio_port_rxq(s->f, q)->ring.published;
	}
}

/* Drain what is left of before, then three frames must arrive as they were sent. */
static bool
exchange(struct side *from, struct side *to)
{
	static const uint32_t len[] = {60, 14, 400};
	const struct folio_cons *c = &folio_port_rxq(to->f, 0)->ring;
	uint32_t number, head;

	if (!folio_link_is_up(from->f) || !folio_link_is_up(to->f))
		return false;
	do {
		head = c->head;
		recv_frames(to, 0, 1024, 8, 0);
	} while (c->head != head);
	number = t.number;
	return send_frames(from, 0, len, 3) == 3 && recv_frames(to, 0, 1024, 4, number) == 3;
}

/* A file that was scribbled on is left alone by the guest, until somebody removes it. */
static void
remove_if_left_alone(struct side *guest)
{
	struct folio_status st;

	folio_status(guest->f, &st);
	if (st.link == FOLIO_LINK_NO_REGION && strstr(st.detail, "left alone") != NULL) {
		(void)unlink(t.path);
		system_changed();
	}
}

/* The first two ports are a guest and a host of one region, whatever has happened to it. */
void
frames_must_flow(void)
{
	struct side *g = &t.side[0], *h = &t.side[1];
	int i, good = 0;

	hook_hostility(0);
	repair(g);
	repair(h);
	if (!g->started)
		start(g);
	if (!h->started)
		start(h);
	for (i = 0; i < ROUNDS && good < GOOD; i++) {
		tick_all(1);
		remove_if_left_alone(g);
		if (exchange(g, h) && exchange(h, g))
			good++;
		else
			CHECK_MSG(good == 0, "frames stopped to flow");
	}
	CHECK_MSG(good == GOOD, "frames do not flow");
}
