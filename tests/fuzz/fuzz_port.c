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
	case 27:
	case 28:
		file_op(in);
		break;
	default:
		traffic_op(in, s, op / 8);
		break;
	}
}

/* In the end everybody behaves. */

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

static void
must_flow(void)
{
	hook_hostility(0);
	close_side(&t.side[2]);
	if (!can_stay())
		begin_anew();
	frames_must_flow();
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

	sides_prepare();
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
		sides_link();
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
