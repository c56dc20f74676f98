/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FRONT_H
#define FRONT_H

/*
 * A front end of vhost-user with its queues, and a back end of tools/hostile-device, in one thread and with
 * a clock of its own: nothing depends on the machine's speed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "../../tools/hostile-device/backend.h"
#include "../virtio/bursts.h"
#include "virtio/device.h"
#include "virtio/vhost_user.h"

#define BIT(n) (UINT64_C(1) << (n))
#define FRONT_TICK 20u
#define FRONT_SIZE 64u
#define FRONT_STRIDE (FOLIO_VIRTQ_LINE + 512u)
#define FRONT_MAX_FRAME 2000u
#define FRONT_PAIRS 3u
#define FRONT_RINGS (2 * FRONT_PAIRS)
#define FRONT_MEMORY (4u << 20)
#define FRONT_PROTOCOL (BIT(30))
#define FRONT_MQ_AND_ACK (BIT(0) | BIT(3))

#define FRONT_FEATURES (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_MRG_RXBUF) | \
			BIT(VIRTIO_NET_F_MQ) | FRONT_PROTOCOL)

struct ring_memory {
	struct folio_virtq q;
	uint64_t addr[FRONT_SIZE];
	void *tables;
};

struct front {
	char *dir;
	char path[100];
	struct folio_shm shm;
	struct folio_vhost_user u;
	struct folio_virtio_device d;
	struct ring_memory ring[FRONT_RINGS];
	folio_copy_fn exact;
	uint64_t now;
	bool open;	    /* bursts may run */
	unsigned int shuts; /* how often they had to end */
	unsigned int fds;   /* that the process had before all this */
	struct backend *b;
	struct backend_config cfg;
};

extern const struct folio_virtio_wants front_wants;
extern const struct backend_config front_honest;

/* Fixtures: *state is a struct front. Behind a test no descriptor is left over. */
int front_setup(void **state);
int front_teardown(void **state);

/* A back end at f->path comes, or goes. */
void front_bring_back_end(struct front *f, const struct backend_config *cfg);
void front_take_back_end(struct front *f);

/* Open the transport and start the device, without the features declined. */
void front_open(struct front *f, bool server, uint64_t declined);
void front_close(struct front *f);

/* One tick of the front end alone; and with what the back end does, once or for so long. */
void front_tick(struct front *f);
void front_round(struct front *f);
void front_run(struct front *f, unsigned int ms);

/* The reason why it is not up has this in it. */
void front_check_says(const struct front *f, const char *text);

/* It is up within so long. */
void front_await_up(struct front *f, unsigned int ms);

/* Frames of all lengths go out on every pair, and come back as they were. */
void front_check_traffic(struct front *f);

#endif /* FRONT_H */
