/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "duel.h"

#define MARGIN 64

static const struct geometry geometry = {1, RING, SLOT, 21};

void
victim_bursts(struct duel *d)
{
	static uint8_t in[BURST][MAX_FRAME + MARGIN], out[MAX_FRAME];
	struct folio_buf bufs[BURST];
	uint16_t n, i;

	for (i = 0; i < BURST; i++) {
		bufs[i] = (struct folio_buf){.data = in[i], .room = d->room};
		memset(in[i] + d->room, CANARY, MARGIN);
	}
	n = folio_recv(d->victim, 0, bufs, BURST);
	for (i = 0; i < BURST; i++)
		assert_true(util_all_bytes(in[i] + d->room, CANARY, MARGIN));
	for (i = 0; i < n; i++) {
		assert_in_range(bufs[i].len, FOLIO_WIRE_FRAME_MIN, d->room);
		d->received++;
		d->bad += !peer_frame_ok(in[i], bufs[i].len);
	}
	if (!d->sends)
		return;
	for (i = 0; i < BURST; i++) {
		uint32_t len = 14 + (uint32_t)(peer_random(&d->peer.seed) % 1500);

		peer_frame_make(out, len, i);
		bufs[0] = (struct folio_buf){.data = out, .len = len};
		if (folio_send(d->victim, 0, bufs, 1) < 0)
			break;
	}
}

void
victim_step(void *ctx)
{
	struct duel *d = ctx;

	victim_bursts(d);
	folio_tick(d->victim);
	victim_bursts(d);
}

struct folio_counters
counters(const struct duel *d)
{
	struct folio_counters c;

	folio_counters(d->victim, &c);
	return c;
}

void
peer_comes(struct duel *d)
{
	unsigned int i;

	for (i = 0; d->peer.mem == NULL && i < 100; i++) {
		if (!peer_open(&d->peer, d->path, !d->victim_is_guest, &geometry))
			victim_step(d);
	}
	assert_non_null(d->peer.mem);
	if (!peer_connect(&d->peer)) {
		struct folio_status st;

		folio_status(d->victim, &st);
		fail_msg("no session: the victim says %s (%s)", folio_link_name(st.link),
			 st.detail);
	}
	assert_true(folio_link_is_up(d->victim));
}

void
traffic_flows(struct duel *d)
{
	uint64_t sent = d->peer.sent, received, bad, peer_bad, peer_got;
	unsigned int i;

	for (i = 0; i < 100; i++) { /* what is left from before may be anything */
		peer_talk(&d->peer, 0);
		victim_step(d);
		peer_beat(&d->peer);
	}
	received = d->received;
	bad = d->bad;
	peer_got = d->peer.received;
	peer_bad = d->peer.bad;
	sent = d->peer.sent;
	for (i = 0; i < 200; i++) {
		peer_talk(&d->peer, 5);
		victim_step(d);
		peer_beat(&d->peer);
	}
	for (i = 0; i < 20; i++)
		victim_step(d);
	assert_true(d->peer.sent > sent + 100);
	assert_int_equal(d->received - received, d->peer.sent - sent);
	assert_int_equal(d->bad, bad);
	assert_true(d->peer.received > peer_got + 100);
	assert_int_equal(d->peer.bad, peer_bad);
}

void
begin(struct duel *d, bool victim_is_guest, const char *dir)
{
	struct folio_config cfg = {
		.role = victim_is_guest ? FOLIO_GUEST : FOLIO_HOST,
		.path = d->path,
		.queues = 1,
		.ring_size = victim_is_guest ? RING : 0,
		.slot_size = victim_is_guest ? SLOT : 0,
	};
	struct folio_error err;

	memset(d, 0, sizeof(*d));
	snprintf(d->path, sizeof(d->path), "%s/region", dir);
	d->victim_is_guest = victim_is_guest;
	d->room = MAX_FRAME;
	d->sends = true;
	d->peer = (struct peer){.seed = 20261125, .check = true, .wait = victim_step, .ctx = d};
	d->victim = folio_open(&cfg, &err);
	assert_non_null(d->victim);
	assert_int_equal(folio_start(d->victim), 0);
	peer_comes(d);
	traffic_flows(d);
}

void
end(struct duel *d)
{
	struct folio_config cfg = {
		.role = d->victim_is_guest ? FOLIO_HOST : FOLIO_GUEST,
		.path = d->path, .queues = 1,
		.ring_size = d->victim_is_guest ? 0 : RING,
		.slot_size = d->victim_is_guest ? 0 : SLOT,
	};
	struct folio *other;
	unsigned int i;

	peer_let_go(&d->peer); /* the successor would wait for the victim to do so */
	peer_close(&d->peer);
	other = folio_open(&cfg, NULL);
	assert_non_null(other);
	assert_int_equal(folio_start(other), 0);
	for (i = 0; i < 300 && !(folio_link_is_up(other) && folio_link_is_up(d->victim)); i++) {
		folio_tick(other);
		victim_step(d);
	}
	assert_true(folio_link_is_up(other));
	assert_true(folio_link_is_up(d->victim));
	folio_stop(other);
	for (i = 0; i < 5; i++)
		folio_tick(d->victim);
	folio_close(other);
	folio_close(d->victim);
	(void)unlink(d->path);
}

/* The one that was named, as often as it should; of the others none. */
static void
check_counters(const struct attack *a, const struct folio_counters *before,
	       const struct folio_counters *after)
{
	unsigned int v;

	if (a->effect == ANY)
		return;
	for (v = 0; v < FOLIO_VIOLATIONS; v++) {
		const char *name = folio_violation_name(v);
		uint64_t moved = after->violations[v] - before->violations[v];
		uint64_t expected = a->counter != NULL && strcmp(name, a->counter) == 0 ? a->times
											 : 0;

		/* Memory that is gone reads as zero: a burst may take that for a bad index. */
		if (a->effect == LEAVES && strncmp(name, "peer", 4) != 0)
			continue;
		if (moved != expected)
			fail_msg("%s: %s moved by %u, expected %u", a->name, name,
				 (unsigned int)moved, (unsigned int)expected);
	}
	assert_int_equal(after->renegotiations - before->renegotiations, a->effect == ENDS);
}

void
attack_once(struct duel *d, const struct attack *a)
{
	struct folio_counters before = counters(d), after;
	unsigned int i;

	print_message("%s, %s\n", a->name, d->victim_is_guest ? "guest" : "host");
	if (!a->run(&d->peer, a->arg))
		fail_msg("%s could not be carried out", a->name);
	for (i = 0; i < 3; i++)
		victim_step(d);
	after = counters(d);
	check_counters(a, &before, &after);
	switch (a->effect) {
	case GOES_ON:
		assert_true(folio_link_is_up(d->victim));
		assert_int_equal(after.link_ups, before.link_ups);
		break;
	case ANY:
		break;
	case LEAVES:
		peer_close(&d->peer);
		/* fallthrough */
	default:
		assert_false(folio_link_is_up(d->victim));
	}
	/* What the peer itself holds for the victim's state is wrong after T3. */
	if (a->effect == GOES_ON && strncmp(a->name, "T3", 2) != 0) {
		traffic_flows(d);
		assert_int_equal(counters(d).link_ups, before.link_ups);
	}
	peer_comes(d);
	before = counters(d);
	traffic_flows(d);
	after = counters(d);
	assert_memory_equal(before.violations, after.violations, sizeof(before.violations));
}

void
run_row(void **state, const char *row)
{
	unsigned int fds = util_open_fds();
	struct duel d;
	size_t i, n = 0;
	int role;

	for (role = 0; role < 2; role++) {
		begin(&d, role == 0, *state);
		for (i = 0; i < attacks_count; i++) {
			if (attack_is_of(&attacks[i], row, d.victim_is_guest)) {
				attack_once(&d, &attacks[i]);
				n++;
			}
		}
		end(&d);
	}
	assert_true(n > 0);
	assert_int_equal(util_open_fds(), fds);
}
