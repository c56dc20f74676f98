/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * All of the core by folio.h, over a real file: up to three ports that open, crash, start, tick,
 * send and receive in any order, while headers, indices, descriptors and any other byte of the file
 * change, and the file itself. Every burst is judged by what it loaded. At the end the peers
 * behave, and frames must flow.
 */

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

static void
one_op(struct input *in)
{
	uint8_t op = input_u8(in);
	struct side *s = &t.side[op % 8 == 7 ? 2 : op % 2];

	switch (op / 8) {
	case 0:
	case 1:
		open_op(in, s);
		break;
	case 2:
		close_side(s);
		break;
	case 3:
		crash_side(s);
		break;
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
		tick_all(input_below(in, 24));
		break;
	case 10: /* the other one is silent */
		for (uint32_t n = input_below(in, 64); n > 0; n--)
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
	case 27:
	case 28:
		file_op(in);
		break;
	case 29:
		stuck_op(in, s);
		break;
	default:
		queue_op(in, s);
		break;
	}
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

static bool
can_stay(void)
{
	const struct side *g = &t.side[0], *h = &t.side[1];

	return !t.file_is_odd && g->f != NULL && h->f != NULL && g->cfg.role == FOLIO_GUEST &&
	       h->cfg.role == FOLIO_HOST && !g->cfg.loopback && !h->cfg.loopback &&
	       g->cfg.queues <= h->cfg.queues && g->cfg.size == 0 && h->cfg.size == 0 &&
	       (h->cfg.ring_size == 0 || g->cfg.ring_size <= h->cfg.ring_size) &&
	       (h->cfg.slot_size == 0 || g->cfg.slot_size <= h->cfg.slot_size);
}

static void
begin_anew(void)
{
	const struct folio_config guest = {
		.role = FOLIO_GUEST, .queues = 2, .ring_size = 64, .slot_size = 256};
	const struct folio_config host = {.role = FOLIO_HOST, .queues = 2};

	close_side(&t.side[0]);
	close_side(&t.side[1]);
	(void)rmdir(t.path);
	(void)unlink(t.path);
	t.file_is_odd = false;
	system_changed();
	open_side(&t.side[0], guest);
	open_side(&t.side[1], host);
	CHECK(t.side[0].f != NULL && t.side[1].f != NULL);
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

static void
must_flow(void)
{
	struct side *g = &t.side[0], *h = &t.side[1];
	int i, good = 0;

	hook_hostility(0);
	close_side(&t.side[2]);
	if (!can_stay())
		begin_anew();
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

static void
remove_folder(void)
{
	(void)rmdir(t.folder);
}

static void
make_folder(void)
{
	const char *given = getenv("FOLIO_FUZZ_DIR");

	if (given != NULL) {
		CHECK(snprintf(t.folder, sizeof(t.folder), "%s", given) < (int)sizeof(t.folder));
	} else {
		strcpy(t.folder, "/dev/shm/folio-fuzz.XXXXXX");
		CHECK(mkdtemp(t.folder) != NULL);
		CHECK(atexit(remove_folder) == 0);
	}
	snprintf(t.path, sizeof(t.path), "%s/region-%d", t.folder, (int)getpid());
	snprintf(t.spare, sizeof(t.spare), "%s/spare-%d", t.folder, (int)getpid());
	t.before = malloc(FILE_MAX_BYTES);
	CHECK(t.before != NULL);
}

static bool
are_up(void)
{
	return folio_link_is_up(t.side[0].f) && folio_link_is_up(t.side[1].f);
}

static int
free_fd(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct input in = {bytes, len};
	uint32_t seed;
	int i, fd;

	if (t.before == NULL)
		make_folder();
	fd = free_fd();
	seed = input_u32(&in);
	hook_reset(seed);
	system_reset();
	system_on_sleep(others_run);
	memset(t.side, 0, sizeof(t.side));
	t.number = 0;
	t.file_is_odd = false;
	if (input_u8(&in) % 4 != 0) { /* most interesting things happen to a link that is up */
		begin_anew();
		start(&t.side[0]);
		start(&t.side[1]);
		for (i = 0; i < 12 && !are_up(); i++)
			tick_all(1);
		CHECK(are_up());
	}
	for (i = 0; i < MAX_OPS && in.left > 0; i++)
		one_op(&in);
	if (seed % LIVENESS == 0)
		must_flow();

	for (i = 0; i < SIDES; i++)
		close_side(&t.side[i]);
	CHECK(hook_span(0) == NULL);
	CHECK(t.allocated == 0);
	CHECK_MSG(free_fd() == fd, "a descriptor was left open");
	if (seed % LIVENESS == 0) {
		CHECK(access(t.path, F_OK) != 0);
	} else { /* the last owner was killed, or somebody else made it */
		(void)rmdir(t.path);
		(void)unlink(t.path);
		system_changed();
	}
	return 0;
}
