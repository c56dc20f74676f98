/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Usage: valgrind --tool=callgrind --toggle-collect=folio_send|folio_recv
 *        count_core RING_SIZE
 *
 * The core's bursts on a loopback port. Prints the instruction set in use.
 */

#include <folio.h>

#include "count.h"

static uint8_t memory[BURST_MAX][FRAME_MAX + 64];
static struct folio_buf bufs[BURST_MAX];
static struct folio *port;

static void
restart(void)
{
	folio_stop(port);
	check(folio_start(port) == 0, "folio_start");
}

static void
send_burst(unsigned int size, unsigned int burst)
{
	unsigned int i;

	for (i = 0; i < burst; i++)
		bufs[i].len = size;
	check(folio_send(port, 0, bufs, (uint16_t)burst) == (int)burst, "folio_send");
}

static void
receive_burst(unsigned int size, unsigned int burst)
{
	check(folio_recv(port, 0, bufs, (uint16_t)burst) == burst, "folio_recv");
	check(bufs[burst - 1].len == size, "a frame's length");
}

int
main(int argc, char **argv)
{
	const struct counted counted = {restart, send_burst, receive_burst, NULL, NULL, 0};
	struct folio_config config = {.role = FOLIO_GUEST, .loopback = true};
	struct folio_status status;
	struct folio_error err;
	unsigned int i;

	config.ring_size = argc == 2 ? (uint32_t)atoi(argv[1]) : 0;
	port = folio_open(&config, &err);
	check(port != NULL, "folio_open");
	for (i = 0; i < BURST_MAX; i++)
		bufs[i] = (struct folio_buf){.data = memory[i], .room = sizeof(memory[i])};
	count_all(&counted);
	folio_status(port, &status);
	printf("isa %s\n", folio_isa_name(status.isa));
	folio_close(port);
	return 0;
}
