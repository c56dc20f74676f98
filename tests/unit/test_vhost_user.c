/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * The vhost-user transport, driven by a device's state machine, against a back end on a real socket:
 * an honest one, and one with every trick of backend.h at every message. One thread and a clock of
 * its own, so nothing depends on the machine's speed.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../virtio/backend.h"
#include "../virtio/bursts.h"
#include "util.h"
#include "virtio/device.h"
#include "virtio/vhost_user.h"

#define BIT(n) (UINT64_C(1) << (n))
#define TICK 20u
#define SIZE 64u
#define STRIDE (FOLIO_VIRTQ_LINE + 512u)
#define MAX_FRAME 2000u
#define PAIRS 3u
#define RINGS (2 * PAIRS)
#define MEMORY (4u << 20)
#define PROTOCOL (BIT(30))
#define MQ_AND_ACK (BIT(0) | BIT(3))

#define FEATURES (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_MQ) | \
		  PROTOCOL)

struct ring_memory {
	struct folio_virtq q;
	uint64_t addr[SIZE];
	void *tables;
};

struct front {
	char *dir;
	char path[100];
	struct folio_shm shm;
	struct folio_vhost_user u;
	struct folio_virtio_device d;
	struct ring_memory ring[RINGS];
	folio_copy_fn exact;
	uint64_t now;
	bool open;	    /* bursts may run */
	unsigned int shuts; /* how often they had to end */
	unsigned int fds;   /* that the process had before all this */
	struct backend *b;
	struct backend_config cfg;
};

static const struct folio_virtio_wants wants = {
	.features = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_MRG_RXBUF) |
		    BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_MQ) | BIT(VIRTIO_NET_F_MAC) |
		    BIT(VIRTIO_NET_F_MTU) | BIT(VIRTIO_NET_F_STATUS) |
		    BIT(VIRTIO_F_ACCESS_PLATFORM) | BIT(VIRTIO_F_RING_PACKED),
	.pairs = PAIRS,
	.size = SIZE,
	.min_size = SIZE,
};

static const struct backend_config honest = {
	.features = FEATURES,
	.protocol = UINT64_MAX,
	.pairs = 8,
};

static int
setup(void **state)
{
	struct front *f = calloc(1, sizeof(*f));
	unsigned int i;

	if (f == NULL || util_dir_setup(state) != 0)
		return -1;
	f->dir = *state;
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	f->fds = util_open_fds();
	f->shm.kind = FOLIO_SHM_MEMFD;
	f->shm.fd = memfd_create("test", MFD_CLOEXEC);
	f->shm.size = MEMORY;
	assert_int_equal(ftruncate(f->shm.fd, MEMORY), 0);
	f->shm.base = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, f->shm.fd, 0);
	assert_ptr_not_equal(f->shm.base, MAP_FAILED);
	f->shm.pieces = 1;
	f->shm.piece[0] = (struct folio_shm_piece){0, FOLIO_SHM_BASE, MEMORY};
	for (i = 0; i < RINGS; i++)
		f->ring[i].tables = malloc(folio_virtq_table_bytes(SIZE));
	f->exact = folio_copy_select(FOLIO_ISA_AUTO)->exact;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct front *f = *state;
	unsigned int i;

	for (i = 0; i < RINGS; i++)
		free(f->ring[i].tables);
	munmap(f->shm.base, MEMORY);
	close(f->shm.fd);
	assert_int_equal(util_open_fds(), f->fds);
	*state = f->dir;
	free(f);
	return util_dir_teardown(state);
}

/* What the owner does behind SET_UP. */
static void
set_queues_up(struct front *f)
{
	struct folio_virtio_ring at[RINGS];
	const bool packed = (f->d.features & BIT(VIRTIO_F_RING_PACKED)) != 0;
	uint64_t used = 0;
	uint32_t i, k;

	assert_int_equal(f->d.size, SIZE);
	assert_true(f->d.pairs <= PAIRS);
	memset(f->shm.base, 0, MEMORY);
	for (i = 0; i < 2 * f->d.pairs; i++) {
		struct ring_memory *r = &f->ring[i];
		struct folio_virtq_memory m = {
			.size = SIZE,
			.stride = STRIDE,
			.max_frame = MAX_FRAME,
			.rings = f->shm.base + used,
			.bufs = f->shm.base + used + 4096,
			.tables = r->tables,
			.addr = r->addr,
		};
		struct folio_virtq_areas a;

		folio_virtq_areas(SIZE, &a);
		assert_true(folio_virtq_ring_bytes(SIZE) <= 4096);
		at[i].desc = FOLIO_SHM_BASE + used + a.desc;
		at[i].driver = FOLIO_SHM_BASE + used + a.driver;
		at[i].device = FOLIO_SHM_BASE + used + a.device;
		for (k = 0; k < SIZE; k++)
			r->addr[k] = FOLIO_SHM_BASE + used + 4096 + k * STRIDE + FOLIO_VIRTQ_HEADER;
		used += 4096 + SIZE * STRIDE;
		folio_virtq_attach(&r->q, &m);
		if (i % 2 == 0) {
			r->q.mergeable = (f->d.features & BIT(VIRTIO_NET_F_MRG_RXBUF)) != 0;
			bursts_rx_start(&r->q, packed);
		} else {
			bursts_tx_start(&r->q, packed);
		}
	}
	folio_virtio_device_prepared(&f->d, at);
}

static void
tick(struct front *f)
{
	f->now += TICK;
	switch (folio_virtio_device_tick(&f->d, f->now)) {
	case FOLIO_VIRTIO_SET_UP:
		assert_false(f->open);
		set_queues_up(f);
		break;
	case FOLIO_VIRTIO_OPEN:
		f->open = true;
		break;
	case FOLIO_VIRTIO_SHUT:
		assert_true(f->open);
		f->open = false;
		f->shuts++;
		folio_virtio_device_quiet(&f->d);
		break;
	default:
		break;
	}
}

/* One tick of the front end, and what the back end does about it. */
static void
round_trip(struct front *f)
{
	unsigned int i;

	tick(f);
	for (i = 0; f->b != NULL && i < 1000 && backend_step(f->b); i++)
		;
}

static void
run(struct front *f, unsigned int ms)
{
	const uint64_t end = f->now + ms;

	while (f->now < end)
		round_trip(f);
}

static void
bring_back_end(struct front *f, const struct backend_config *cfg)
{
	f->cfg = *cfg;
	f->cfg.path = f->path;
	f->b = backend_open(&f->cfg);
	assert_non_null(f->b);
}

static void
take_back_end(struct front *f)
{
	backend_close(f->b);
	f->b = NULL;
}

static void
open_front(struct front *f, bool server, uint64_t declined, uint64_t required)
{
	struct folio_virtio_wants w = wants;
	struct folio_error err = {""};

	w.features &= ~declined;
	w.required = required;
	if (folio_vhost_user_open(&f->u, f->path, server, &f->shm, &err) != 0)
		fail_msg("%s", err.text);
	folio_virtio_device_init(&f->d, &folio_vhost_user_transport, &f->u);
	folio_virtio_device_start(&f->d, &w);
}

static void
close_front(struct front *f)
{
	folio_virtio_device_end(&f->d);
	f->open = false;
	folio_vhost_user_close(&f->u);
}

static void
check_says(const struct front *f, const char *text)
{
	if (strstr(f->d.detail.text, text) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", f->d.detail.text, text);
}

/* At most so long until it is up; with an honest back end it takes a few ticks behind the pause. */
static void
await_up(struct front *f, unsigned int ms)
{
	const uint64_t end = f->now + ms;

	while (!f->open) {
		if (f->now >= end)
			fail_msg("not up: %s; back end: %s", f->d.detail.text,
				 f->b != NULL && backend_error(f->b) != NULL ? backend_error(f->b) : "");
		round_trip(f);
	}
	assert_string_equal(f->d.detail.text, "");
}

/* Frames of all lengths go out on every pair, and come back as they were. */
static void
check_traffic(struct front *f)
{
	const bool packed = (f->d.features & BIT(VIRTIO_F_RING_PACKED)) != 0;
	static uint8_t data[MAX_FRAME], back[MAX_FRAME];
	uint32_t p, n, i;

	for (p = 0; p < f->d.pairs; p++) {
		struct folio_virtq *rx = &f->ring[2 * p].q, *tx = &f->ring[2 * p + 1].q;

		for (n = 0; n < 3 * SIZE; n++) {
			const bool all = (f->d.features & BIT(VIRTIO_NET_F_MRG_RXBUF)) != 0;
			struct bursts_frame out = {data, 14 + n * 97 % (all ? MAX_FRAME - 13 : 400)};
			struct bursts_frame in = {back, 0};

			util_random_fill(data, out.len, n + 1 + p);
			assert_int_equal(bursts_send(tx, packed, &out, 1, 0, f->exact), 1);
			f->d.ops->notify(f->d.transport, 2 * p + 1);
			for (i = 0; i < 1000 && backend_step(f->b); i++)
				;
			assert_int_equal(bursts_receive(rx, packed, &in, 1, MAX_FRAME, 0, f->exact), 1);
			assert_int_equal(in.len, out.len);
			assert_memory_equal(data, back, out.len);
		}
		assert_true(folio_virtq_valid(rx) && folio_virtq_valid(tx));
	}
	assert_null(backend_error(f->b));
}

/* Every kind of ring, with and without what a back end need not have, and either end listening. */
static void
test_honest(void **state)
{
	static const struct {
		uint64_t features, protocol, pairs;
		uint32_t expected;
	} kinds[] = {
		{FEATURES, UINT64_MAX, 8, PAIRS},
		{FEATURES | BIT(VIRTIO_F_RING_PACKED), UINT64_MAX, 0x8000, PAIRS},
		{FEATURES | BIT(VIRTIO_F_RING_PACKED), MQ_AND_ACK, 2, 2},
		{FEATURES, BIT(0), 2, 2},	 /* no acknowledgements */
		{FEATURES, BIT(3), 0, 1},	 /* no MQ */
		{FEATURES, 0, 0, 1},
		{FEATURES & ~PROTOCOL, 0, 0, 1}, /* nothing but the oldest protocol */
		{(FEATURES & ~PROTOCOL) | BIT(VIRTIO_F_RING_PACKED), 0, 0, 1},
		{BIT(VIRTIO_F_VERSION_1) | PROTOCOL, MQ_AND_ACK, 8, 1},
		{UINT64_MAX, UINT64_MAX, 8, PAIRS},
	};
	struct front *f = *state;
	unsigned int server, i;

	for (server = 0; server < 2; server++) {
		for (i = 0; i < ARRAY_LEN(kinds); i++) {
			struct backend_config cfg = honest;
			const uint32_t pairs = kinds[i].expected;

			cfg.features = kinds[i].features;
			cfg.protocol = kinds[i].protocol;
			cfg.pairs = kinds[i].pairs;
			cfg.client = server;
			if (!server)
				bring_back_end(f, &cfg);
			open_front(f, server, 0, 0);
			if (server)
				bring_back_end(f, &cfg);
			await_up(f, 1000);
			assert_int_equal(f->d.pairs, pairs);
			assert_true(f->d.link);
			assert_int_equal(f->d.features & BIT(VIRTIO_F_RING_PACKED),
					 cfg.features & BIT(VIRTIO_F_RING_PACKED));
			assert_int_equal(f->d.features & (BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_MTU) |
							  BIT(VIRTIO_NET_F_STATUS) |
							  BIT(VIRTIO_F_ACCESS_PLATFORM)), 0);
			assert_int_equal(backend_counts(f->b)->started, 2 * pairs);
			assert_int_equal(backend_counts(f->b)->regions, 1);
			assert_int_equal(backend_counts(f->b)->memory, MEMORY);
			check_traffic(f);
			run(f, 1000);
			assert_true(f->open);
			/* In good order: the back end has stopped before the connection is closed. */
			folio_virtio_device_stop(&f->d);
			run(f, 400);
			assert_int_equal(f->d.state, FOLIO_VIRTIO_DOWN);
			assert_int_equal(backend_counts(f->b)->started, 0);
			assert_null(backend_error(f->b));
			close_front(f);
			take_back_end(f);
			assert_int_equal(util_dir_entries(f->dir), 0);
		}
	}
}

/* Up again each time that the back end dies, and with nothing left over. */
static void
test_back_end_dies(void **state)
{
	struct front *f = *state;
	unsigned int server, i, fds = 0;

	for (server = 0; server < 2; server++) {
		struct backend_config cfg = honest;

		cfg.client = server;
		f->shuts = 0;
		open_front(f, server, 0, 0);
		for (i = 0; i < 20; i++) {
			cfg.features = i % 2 == 0 ? FEATURES : FEATURES | BIT(VIRTIO_F_RING_PACKED);
			bring_back_end(f, &cfg);
			await_up(f, 5000);
			check_traffic(f);
			if (i == 1)
				fds = util_open_fds();
			if (i > 1)
				assert_int_equal(util_open_fds(), fds);
			take_back_end(f);
			run(f, 3 * TICK);
			assert_false(f->open);
			check_says(f, "the back end closed the connection");
		}
		assert_int_equal(f->shuts, 20);
		assert_int_equal(f->d.resets, 20);
		close_front(f);
	}
}

/* Requests that are answered, in the order of a session. */
static const enum backend_request answered[] = {
	BACKEND_GET_FEATURES, BACKEND_GET_PROTOCOL_FEATURES, BACKEND_GET_QUEUE_NUM,
	BACKEND_SET_MEM_TABLE, BACKEND_SET_VRING_ENABLE,
};

static const enum backend_request all_requests[] = {
	BACKEND_GET_FEATURES, BACKEND_GET_PROTOCOL_FEATURES, BACKEND_SET_PROTOCOL_FEATURES,
	BACKEND_GET_QUEUE_NUM, BACKEND_SET_OWNER, BACKEND_SET_FEATURES, BACKEND_SET_MEM_TABLE,
	BACKEND_SET_VRING_NUM, BACKEND_SET_VRING_BASE, BACKEND_SET_VRING_ADDR, BACKEND_SET_VRING_CALL,
	BACKEND_SET_VRING_KICK, BACKEND_SET_VRING_ENABLE,
};

static const char *
name_of(enum backend_request request)
{
	static const char *const names[BACKEND_REQUESTS] = {
		[BACKEND_GET_FEATURES] = "GET_FEATURES",
		[BACKEND_GET_PROTOCOL_FEATURES] = "GET_PROTOCOL_FEATURES",
		[BACKEND_GET_QUEUE_NUM] = "GET_QUEUE_NUM",
		[BACKEND_SET_MEM_TABLE] = "SET_MEM_TABLE",
		[BACKEND_SET_VRING_ENABLE] = "SET_VRING_ENABLE",
	};

	return names[request];
}

/*
 * A trick is played, the reason is named, nothing is left over; once an honest back end is there,
 * traffic flows. says: NULL if the trick is allowed.
 */
static void
play(struct front *f, enum backend_trick trick, enum backend_request at, const char *says)
{
	struct backend_config cfg = honest;
	const unsigned int fds = util_open_fds();
	unsigned int i;

	cfg.trick = trick;
	cfg.at = at;
	bring_back_end(f, &cfg);
	open_front(f, false, 0, 0);
	if (says == NULL) {
		await_up(f, 5000);
		assert_true(backend_counts(f->b)->tricks > 0);
		check_traffic(f);
	} else {
		for (i = 0; i < 4000 / TICK && (backend_counts(f->b)->tricks == 0 ||
						strstr(f->d.detail.text, says) == NULL); i++) {
			round_trip(f);
			assert_false(f->open);
		}
		assert_true(backend_counts(f->b)->tricks > 0);
		if (strstr(f->d.detail.text, says) == NULL)
			fail_msg("trick %s at request %d: \"%s\" does not say \"%s\"",
				 backend_trick_name(trick), at, f->d.detail.text, says);
		/* Tried again and again, but not for ever without a pause. */
		run(f, 10000);
		assert_false(f->open);
		assert_true(backend_counts(f->b)->connections >= 2);
		assert_true(backend_counts(f->b)->connections <= 11);
	}
	take_back_end(f);
	run(f, 100);
	bring_back_end(f, &honest);
	await_up(f, 6000);
	check_traffic(f);
	take_back_end(f);
	close_front(f);
	assert_int_equal(util_open_fds(), fds);
}

static void
test_wrong_headers(void **state)
{
	static const struct {
		enum backend_trick trick;
		uint32_t flags, size;
	} headers[] = {
		{BACKEND_SIZE_0, 5, 0},		{BACKEND_SIZE_SHORT, 5, 4},
		{BACKEND_SIZE_LONG, 5, 16},	{BACKEND_SIZE_HUGE, 5, UINT32_MAX},
		{BACKEND_WRONG_REQUEST, 5, 8},	{BACKEND_WRONG_VERSION, 6, 8},
		{BACKEND_NO_REPLY_FLAG, 1, 8},	{BACKEND_ALL_FLAGS, UINT32_MAX, 8},
	};
	struct front *f = *state;
	char says[200];
	size_t i, k;

	for (i = 0; i < ARRAY_LEN(answered); i++) {
		for (k = 0; k < ARRAY_LEN(headers); k++) {
			unsigned int other = headers[k].trick == BACKEND_WRONG_REQUEST ? 32 : 0;

			snprintf(says, sizeof(says), "answer to %s has request %u, flags 0x%x, size %u: "
				 "allowed are %u, 0x5 and 8", name_of(answered[i]), answered[i] ^ other,
				 headers[k].flags, headers[k].size, answered[i]);
			play(f, headers[k].trick, answered[i], says);
		}
		snprintf(says, sizeof(says), "answer to %s has request ", name_of(answered[i]));
		play(f, BACKEND_GARBAGE, answered[i], says);
	}
}

static void
test_wrong_contents(void **state)
{
	struct front *f = *state;

	play(f, BACKEND_ALL_ONES, BACKEND_GET_FEATURES, NULL);
	play(f, BACKEND_ZERO, BACKEND_GET_FEATURES, "bit 32 is missing (VERSION_1");
	assert_true(f->d.bad_offers > 0);
	play(f, BACKEND_OTHER_BIT, BACKEND_GET_FEATURES, "features changed from 0x140408000 to 0x140408001");
	play(f, BACKEND_ALL_ONES, BACKEND_GET_PROTOCOL_FEATURES, NULL);
	play(f, BACKEND_ZERO, BACKEND_GET_PROTOCOL_FEATURES, NULL);
	play(f, BACKEND_ALL_ONES, BACKEND_GET_QUEUE_NUM, "4294967295 queue pairs are offered: allowed are 1");
	play(f, BACKEND_ZERO, BACKEND_GET_QUEUE_NUM, "0 queue pairs are offered: allowed are 1");
	play(f, BACKEND_ALL_ONES, BACKEND_SET_MEM_TABLE,
	     "refuses SET_MEM_TABLE (answer 18446744073709551615, allowed is 0)");
	play(f, BACKEND_OTHER_BIT, BACKEND_SET_MEM_TABLE, "refuses SET_MEM_TABLE (answer 1,");
	play(f, BACKEND_OTHER_BIT, BACKEND_SET_VRING_ENABLE, "refuses SET_VRING_ENABLE (answer 1,");
}

static void
test_wrong_manners(void **state)
{
	struct front *f = *state;
	char says[200];
	size_t i;

	for (i = 0; i < ARRAY_LEN(answered); i++) {
		snprintf(says, sizeof(says), "sent descriptors at %s", name_of(answered[i]));
		play(f, BACKEND_FD, answered[i], says);
		play(f, BACKEND_FDS, answered[i], says);
		play(f, BACKEND_BYTES, answered[i], NULL);
		play(f, BACKEND_TWICE, answered[i], "sent something that was not asked for");
		snprintf(says, sizeof(says), "closed the connection at %s", name_of(answered[i]));
		play(f, BACKEND_CLOSE_HALF, answered[i], says);
		snprintf(says, sizeof(says), "has not answered %s: given up after", name_of(answered[i]));
		play(f, BACKEND_SILENT, answered[i], says);
	}
	for (i = 0; i < ARRAY_LEN(all_requests); i++) {
		play(f, BACKEND_SILENT, all_requests[i], "given up after");
		play(f, BACKEND_DEAF, all_requests[i], "given up after");
		play(f, BACKEND_CLOSE, all_requests[i], "connection");
		play(f, BACKEND_UNASKED, all_requests[i], "back end");
	}
}

/* No datapath thread is held up, or killed by a signal, whatever is done to the doorbell. */
static void
test_doorbell(void **state)
{
	static const enum backend_trick tricks[] = {BACKEND_KICK_FULL, BACKEND_KICK_CLOSE};
	struct front *f = *state;
	struct backend_config cfg = honest;
	unsigned int t, i;

	for (t = 0; t < ARRAY_LEN(tricks); t++) {
		cfg.trick = tricks[t];
		cfg.at = BACKEND_SET_VRING_KICK;
		bring_back_end(f, &cfg);
		open_front(f, false, 0, 0);
		await_up(f, 5000);
		assert_int_equal(backend_counts(f->b)->tricks, RINGS);
		for (i = 0; i < 10000; i++)
			f->d.ops->notify(f->d.transport, i % RINGS);
		check_traffic(f);
		close_front(f);
		take_back_end(f);
	}
}

/* While it runs. */
static void
test_unasked_while_up(void **state)
{
	struct front *f = *state;

	bring_back_end(f, &honest);
	open_front(f, false, 0, 0);
	await_up(f, 1000);
	backend_babble(f->b);
	(void)backend_step(f->b);
	tick(f);
	assert_int_equal(f->shuts, 1);
	check_says(f, "sent something that was not asked for");
	await_up(f, 2000);
	check_traffic(f);
	assert_int_equal(f->d.resets, 1);
	close_front(f);
	take_back_end(f);
}

/* At the end of a session: it ends all the same, and the next one begins. */
static void
test_tricks_at_parting(void **state)
{
	struct front *f = *state;
	struct backend_config cfg = honest;
	enum backend_trick trick;

	for (trick = BACKEND_HONEST; trick < BACKEND_KICK_FULL; trick++) {
		const unsigned int fds = util_open_fds();
		uint64_t since;

		cfg.trick = trick;
		cfg.at = BACKEND_GET_VRING_BASE;
		bring_back_end(f, &cfg);
		open_front(f, false, 0, 0);
		await_up(f, 1000);
		folio_virtio_device_stop(&f->d);
		since = f->now;
		while (f->d.state != FOLIO_VIRTIO_DOWN)
			round_trip(f);
		assert_true(f->now - since <= 200 + 2 * TICK);
		assert_int_equal(backend_counts(f->b)->tricks > 0, trick != BACKEND_HONEST);
		run(f, 100);
		folio_virtio_device_start(&f->d, &wants);
		await_up(f, 200);
		check_traffic(f);
		close_front(f);
		take_back_end(f);
		assert_int_equal(util_open_fds(), fds);
	}
}

/* A socket that takes a few messages at a time only. */
static void
test_narrow_socket(void **state)
{
	struct front *f = *state;
	unsigned int ticks = 0;
	const int least = 1;

	bring_back_end(f, &honest);
	open_front(f, false, 0, 0);
	while (f->d.state != FOLIO_VIRTIO_PREPARE)
		round_trip(f);
	assert_int_equal(setsockopt(f->u.link.fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)), 0);
	for (; !f->open; ticks++)
		round_trip(f);
	assert_true(ticks > 4);
	check_traffic(f);
	close_front(f);
	take_back_end(f);
}

/* Whoever connects and leaves, again and again, is in nobody's way for long. */
static void
test_connection_storm(void **state)
{
	struct front *f = *state;
	struct backend_config cfg = honest;
	unsigned int i, fds;

	cfg.client = true;
	open_front(f, true, 0, 0);
	tick(f);
	fds = util_open_fds();
	for (i = 0; i < 1000; i++) {
		bring_back_end(f, &cfg);
		(void)backend_step(f->b);
		take_back_end(f);
		tick(f);
		assert_false(f->open);
		assert_true(util_open_fds() <= fds + 1);
	}
	bring_back_end(f, &cfg);
	await_up(f, 60000);
	check_traffic(f);
	/* One that is there already stays, and the second is refused. */
	for (i = 0; i < 100; i++) {
		struct backend *second = backend_open(&f->cfg);

		assert_non_null(second);
		(void)backend_step(second);
		assert_int_equal(backend_counts(second)->connections, 1);
		tick(f); /* another one of those that were refused may come first */
		tick(f);
		(void)backend_step(second);
		assert_int_equal(backend_counts(second)->messages, 0);
		(void)backend_step(second);
		assert_int_equal(backend_counts(second)->connections, 2); /* it was hung up on */
		backend_close(second);
	}
	assert_true(f->open);
	check_traffic(f);
	close_front(f);
	take_back_end(f);
}

static void
check_refused(struct front *f, const char *path, int ret, const char *says)
{
	struct folio_vhost_user u;
	struct folio_error err = {""};

	assert_int_equal(folio_vhost_user_open(&u, path, true, &f->shm, &err), ret);
	if (strstr(err.text, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

static void
test_addresses(void **state)
{
	struct front *f = *state;
	char path[200], says[300];
	int fd;

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	check_refused(f, path, -EINVAL, "vhost_user: the path of a socket has 199 bytes: allowed are 1 to 107");
	check_refused(f, "", -EINVAL, "has 0 bytes");
	check_refused(f, "/nonexistent/sock", -ENOENT, "vhost_user=/nonexistent/sock: cannot listen there");

	/* Somebody else's, a file, and one that is forgotten. */
	open_front(f, true, 0, 0);
	snprintf(says, sizeof(says), "somebody else listens on vhost_user=%s", f->path);
	check_refused(f, f->path, -EBUSY, says);
	/* Who takes the name away gets no back end: the socket is made anew. */
	assert_int_equal(unlink(f->path), 0);
	run(f, 6000);
	assert_int_equal(util_dir_entries(f->dir), 1);
	close_front(f);
	assert_int_equal(util_dir_entries(f->dir), 0);
	fd = open(f->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	check_refused(f, f->path, -EEXIST, "no socket: it is left alone");
	assert_int_equal(unlink(f->path), 0);
	open_front(f, true, 0, 0);
	close(f->u.listener); /* as the kernel does for the dead */
	f->u.listener = -1;
	folio_vhost_user_close(&f->u);
	assert_int_equal(util_dir_entries(f->dir), 1);
	open_front(f, true, 0, 0);
	close_front(f);
	assert_int_equal(util_dir_entries(f->dir), 0);

	/* Memory that cannot be passed on. */
	snprintf(f->shm.detail, sizeof(f->shm.detail), "/dev/folio_alloc");
	f->shm.pieces = 2;
	check_refused(f, f->path, -EINVAL, "a back end cannot map /dev/folio_alloc");
	f->shm.pieces = 1;
	fd = f->shm.fd;
	f->shm.fd = -1;
	check_refused(f, f->path, -EINVAL, "a back end cannot map");
	f->shm.fd = fd;
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_honest),
		TEST(test_back_end_dies),
		TEST(test_wrong_headers),
		TEST(test_wrong_contents),
		TEST(test_wrong_manners),
		TEST(test_doorbell),
		TEST(test_unasked_while_up),
		TEST(test_tricks_at_parting),
		TEST(test_narrow_socket),
		TEST(test_connection_storm),
		TEST(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
