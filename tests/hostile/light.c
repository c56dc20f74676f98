/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * One side of a conversation like tests/system/verify.c, without DPDK: it is there within a moment,
 * to be killed at any. Ends by itself, with status 1, if a byte that it received was wrong.
 *
 * light PATH guest|host
 */

#include <arpa/inet.h>
#include <folio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"
#include "../system/frame.h"

#define BURST 16
#define LEN_MAX 4000
#define RING 256
#define TICK_NS 2000000

static uint64_t identity, sequence, seed;
static uint64_t peer_identity, last_sequence;

static bool
tick_is_due(void)
{
	static uint64_t last;
	struct timespec now;
	uint64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	if (ns - last < TICK_NS)
		return false;
	last = ns;
	return true;
}

static void
send_burst(struct folio *f)
{
	static _Alignas(8) uint8_t room[BURST][LEN_MAX];
	struct folio_buf bufs[BURST];
	uint16_t i;
	int sent;

	for (i = 0; i < BURST; i++) {
		struct tag *t = (struct tag *)room[i];

		*t = (struct tag){.dst = {2, 0, 0, 0, 0, 1}, .src = {2, 0, 0, 0, 0, 2},
				  .ether_type = htons(FRAME_ETHER_TYPE), .identity = identity,
				  .sequence = sequence + i};
		t->len = FRAME_LEN_MIN +
			 (uint32_t)(peer_random(&seed) % (LEN_MAX - FRAME_LEN_MIN + 1));
		frame_body(room[i], t, true);
		bufs[i] = (struct folio_buf){.data = room[i], .len = t->len};
	}
	sent = folio_send(f, 0, bufs, BURST);
	if (sent > 0)
		sequence += (uint64_t)sent;
}

static bool
receive_burst(struct folio *f)
{
	static _Alignas(8) uint8_t room[BURST][LEN_MAX];
	struct folio_buf bufs[BURST];
	uint16_t n, i;

	for (i = 0; i < BURST; i++)
		bufs[i] = (struct folio_buf){.data = room[i], .room = LEN_MAX};
	n = folio_recv(f, 0, bufs, BURST);
	for (i = 0; i < n; i++) {
		const struct tag *t = (const struct tag *)room[i];

		if (bufs[i].len < sizeof(*t) || t->len != bufs[i].len ||
		    frame_body(room[i], t, false) != 0 ||
		    (t->identity == peer_identity && t->sequence <= last_sequence))
			return false;
		peer_identity = t->identity;
		last_sequence = t->sequence;
	}
	return true;
}

int
main(int argc, char **argv)
{
	struct folio_config cfg = {.queues = 1};
	struct folio_error err;
	struct folio *f;

	if (argc != 3)
		return 2;
	cfg.path = argv[1];
	cfg.role = strcmp(argv[2], "guest") == 0 ? FOLIO_GUEST : FOLIO_HOST;
	if (cfg.role == FOLIO_GUEST)
		cfg.ring_size = RING;
	f = folio_open(&cfg, &err);
	if (f == NULL) {
		fprintf(stderr, "light: %s\n", err.text);
		return 2;
	}
	folio_start(f);
	identity = (uint64_t)getpid() << 32 ^ (uint64_t)time(NULL);
	seed = identity | 1;
	for (;;) {
		if (tick_is_due())
			folio_tick(f);
		if (!receive_burst(f)) {
			fprintf(stderr, "light: a wrong frame\n");
			return 1;
		}
		send_burst(f);
	}
}
