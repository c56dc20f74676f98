/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "front.h"
#include "util.h"

const struct folio_virtio_wants front_wants = {
	.features = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_MRG_RXBUF) |
		    BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_MQ) | BIT(VIRTIO_NET_F_MAC) |
		    BIT(VIRTIO_NET_F_MTU) | BIT(VIRTIO_NET_F_STATUS) |
		    BIT(VIRTIO_F_ACCESS_PLATFORM) | BIT(VIRTIO_F_RING_PACKED),
	.pairs = FRONT_PAIRS,
	.size = FRONT_SIZE,
	.min_size = FRONT_SIZE,
};

const struct backend_config front_honest = {
	.features = FRONT_FEATURES,
	.protocol = UINT64_MAX,
	.pairs = 8,
};

int
front_setup(void **state)
{
	const struct folio_shm_config cfg = {.size = FRONT_MEMORY, .numa_node = -1};
	struct front *f = calloc(1, sizeof(*f));
	struct folio_error err = {""};
	unsigned int i;

	if (f == NULL || util_dir_setup(state) != 0)
		return -1;
	f->dir = *state;
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	f->fds = util_open_fds();
	if (folio_shm_open(&f->shm, &cfg, &err) != 0)
		fail_msg("%s", err.text);
	for (i = 0; i < FRONT_RINGS; i++)
		f->ring[i].tables = malloc(folio_virtq_table_bytes(FRONT_SIZE));
	f->exact = folio_copy_select(FOLIO_ISA_AUTO)->exact;
	*state = f;
	return 0;
}

int
front_teardown(void **state)
{
	struct front *f = *state;
	unsigned int i;

	for (i = 0; i < FRONT_RINGS; i++)
		free(f->ring[i].tables);
	folio_shm_close(&f->shm);
	assert_int_equal(util_open_fds(), f->fds);
	*state = f->dir;
	free(f);
	return util_dir_teardown(state);
}

/* What the owner does behind SET_UP. */
static void
set_queues_up(struct front *f)
{
	struct folio_virtio_ring at[FRONT_RINGS];
	const bool packed = (f->d.features & BIT(VIRTIO_F_RING_PACKED)) != 0;
	uint64_t used = 0;
	uint32_t i, k;

	assert_int_equal(f->d.size, FRONT_SIZE);
	assert_true(f->d.pairs <= FRONT_PAIRS);
	folio_shm_wipe(&f->shm);
	for (i = 0; i < 2 * f->d.pairs; i++) {
		struct ring_memory *r = &f->ring[i];
		struct folio_virtq_memory m = {
			.size = FRONT_SIZE,
			.stride = FRONT_STRIDE,
			.max_frame = FRONT_MAX_FRAME,
			.rings = f->shm.base + used,
			.bufs = f->shm.base + used + 4096,
			.tables = r->tables,
			.addr = r->addr,
		};
		struct folio_virtq_areas a;

		folio_virtq_areas(FRONT_SIZE, &a);
		assert_true(folio_virtq_ring_bytes(FRONT_SIZE) <= 4096);
		at[i].desc = FOLIO_SHM_BASE + used + a.desc;
		at[i].driver = FOLIO_SHM_BASE + used + a.driver;
		at[i].device = FOLIO_SHM_BASE + used + a.device;
		for (k = 0; k < FRONT_SIZE; k++)
			r->addr[k] = FOLIO_SHM_BASE + used + 4096 + k * FRONT_STRIDE +
				     FOLIO_VIRTQ_HEADER;
		used += 4096 + FRONT_SIZE * FRONT_STRIDE;
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

void
front_tick(struct front *f)
{
	f->now += FRONT_TICK;
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
void
front_round(struct front *f)
{
	unsigned int i;

	front_tick(f);
	for (i = 0; f->b != NULL && i < 1000 && backend_step(f->b); i++)
		;
}

void
front_run(struct front *f, unsigned int ms)
{
	const uint64_t end = f->now + ms;

	while (f->now < end)
		front_round(f);
}

void
front_bring_back_end(struct front *f, const struct backend_config *cfg)
{
	f->cfg = *cfg;
	f->cfg.path = f->path;
	f->b = backend_open(&f->cfg);
	assert_non_null(f->b);
}

void
front_take_back_end(struct front *f)
{
	backend_close(f->b);
	f->b = NULL;
}

void
front_open(struct front *f, bool server, uint64_t declined)
{
	struct folio_virtio_wants w = front_wants;
	struct folio_error err = {""};

	w.features &= ~declined;
	if (folio_vhost_user_open(&f->u, f->path, server, &f->shm, &err) != 0)
		fail_msg("%s", err.text);
	folio_virtio_device_init(&f->d, &folio_vhost_user_transport, &f->u);
	folio_virtio_device_start(&f->d, &w);
}

void
front_close(struct front *f)
{
	folio_virtio_device_end(&f->d);
	f->open = false;
	folio_vhost_user_close(&f->u);
}

void
front_check_says(const struct front *f, const char *text)
{
	if (strstr(f->d.detail.text, text) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", f->d.detail.text, text);
}

/* At most so long until it is up; with an honest back end it takes a few ticks behind the pause. */
void
front_await_up(struct front *f, unsigned int ms)
{
	const uint64_t end = f->now + ms;

	while (!f->open) {
		if (f->now >= end)
			fail_msg("not up: %s; back end: %s", f->d.detail.text,
				 f->b != NULL && backend_error(f->b) != NULL ? backend_error(f->b) : "");
		front_round(f);
	}
	assert_string_equal(f->d.detail.text, "");
}

/* Frames of all lengths go out on every pair, and come back as they were. */
void
front_check_traffic(struct front *f)
{
	const bool packed = (f->d.features & BIT(VIRTIO_F_RING_PACKED)) != 0;
	static uint8_t data[FRONT_MAX_FRAME], back[FRONT_MAX_FRAME];
	uint32_t p, n, i;

	for (p = 0; p < f->d.pairs; p++) {
		struct folio_virtq *rx = &f->ring[2 * p].q, *tx = &f->ring[2 * p + 1].q;

		for (n = 0; n < 3 * FRONT_SIZE; n++) {
			const bool merged = (f->d.features & BIT(VIRTIO_NET_F_MRG_RXBUF)) != 0;
			const uint32_t kinds = merged ? FRONT_MAX_FRAME - 13 : 400;
			struct bursts_frame out = {data, 14 + n * 97 % kinds};
			struct bursts_frame in = {back, 0};

			util_random_fill(data, out.len, n + 1 + p);
			assert_int_equal(bursts_send(tx, packed, &out, 1, 0, f->exact), 1);
			f->d.ops->notify(f->d.transport, 2 * p + 1);
			for (i = 0; i < 1000 && backend_step(f->b); i++)
				;
			assert_int_equal(bursts_receive(rx, packed, &in, 1, FRONT_MAX_FRAME, 0,
							f->exact), 1);
			assert_int_equal(in.len, out.len);
			assert_memory_equal(data, back, out.len);
		}
		assert_true(folio_virtq_valid(rx) && folio_virtq_valid(tx));
	}
	assert_null(backend_error(f->b));
}

