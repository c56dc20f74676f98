/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Usage: valgrind --tool=callgrind --toggle-collect=folio_send --toggle-collect=folio_recv
 *        core RING_SIZE
 *
 * Instructions of the core's bursts, on a loopback port. Prints the instruction set in use.
 */

#include <stdlib.h>
#include <string.h>

#include <folio.h>

#include "count.h"

static uint8_t memory[BURST_MAX][FRAME_MAX + 64];
static struct folio_buf bufs[BURST_MAX];

static void
check(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "core: %s failed\n", what);
	exit(1);
}

static void
send_round(struct folio *f, unsigned int size, unsigned int burst)
{
	unsigned int done, i;

	for (done = 0; done < ROUND; done += burst) {
		for (i = 0; i < burst; i++)
			bufs[i].len = size;
		check(folio_send(f, 0, bufs, (uint16_t)burst) == (int)burst, "folio_send");
	}
}

static void
recv_round(struct folio *f, unsigned int burst)
{
	unsigned int done;

	for (done = 0; done < ROUND; done += burst)
		check(folio_recv(f, 0, bufs, (uint16_t)burst) == burst, "folio_recv");
}

/* Each direction apart: the same traffic, but the dump before a round takes the other's away. */
static void
measure(struct folio *f, unsigned int size, unsigned int burst)
{
	unsigned int direction, round;

	for (direction = 0; direction < 2; direction++) {
		/* From index zero, so that without masks nothing leaves a large ring. */
		folio_stop(f);
		check(folio_start(f) == 0, "folio_start");
		send_round(f, size, burst);
		recv_round(f, burst);
		count_from_here();
		for (round = 0; round < ROUNDS; round++) {
			if (direction == 0)
				CALLGRIND_TOGGLE_COLLECT;
			send_round(f, size, burst);
			if (direction == 0)
				CALLGRIND_TOGGLE_COLLECT;
			recv_round(f, burst);
		}
		count_until_here(direction == 0 ? "RX" : "TX", size, burst, ROUNDS * ROUND);
	}
}

int
main(int argc, char **argv)
{
	struct folio_config config = {.role = FOLIO_GUEST, .loopback = true};
	struct folio_status status;
	struct folio_error err;
	struct folio *f;
	size_t s, b;

	config.ring_size = argc == 2 ? (uint32_t)atoi(argv[1]) : 0;
	f = folio_open(&config, &err);
	check(f != NULL, "folio_open");
	for (b = 0; b < BURST_MAX; b++)
		bufs[b] = (struct folio_buf){.data = memory[b], .room = sizeof(memory[b])};
	for (s = 0; s < sizeof(frame_sizes) / sizeof(frame_sizes[0]); s++) {
		for (b = 0; b < sizeof(burst_sizes) / sizeof(burst_sizes[0]); b++)
			measure(f, frame_sizes[s], burst_sizes[b]);
	}
	folio_status(f, &status);
	printf("isa %s\n", folio_isa_name(status.isa));
	folio_close(f);
	return 0;
}
