/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>

#include "../../../tools/hostile-device/backend.h"
#include "count_device.h"

#define BIT(n) (UINT64_C(1) << (n))
#define VHOST_USER_PROTOCOL_FEATURES 30
#define VHOST_USER_REPLY_ACK 3

static struct backend *device;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t server;
static bool done;

static void
fail(const char *what)
{
	fprintf(stderr, "the device: %s\n", what);
	exit(1);
}

static void
serve_all(void)
{
	while (backend_step(device))
		;
	if (backend_error(device) != NULL)
		fail(backend_error(device));
}

static void *
serve(void *unused)
{
	(void)unused;
	while (!__atomic_load_n(&done, __ATOMIC_RELAXED)) {
		pthread_mutex_lock(&lock);
		serve_all();
		pthread_mutex_unlock(&lock);
		usleep(500);
	}
	return NULL;
}

void
count_device_open(const char *path, bool packed, bool mergeable)
{
	struct backend_config cfg = {
		.path = path,
		.features = BIT(VHOST_USER_PROTOCOL_FEATURES) | BIT(VIRTIO_F_VERSION_1) |
			    BIT(VIRTIO_F_IN_ORDER),
		.protocol = BIT(VHOST_USER_REPLY_ACK),
		.pairs = 1,
		.polls = true,
	};

	if (packed)
		cfg.features |= BIT(VIRTIO_F_RING_PACKED);
	if (mergeable)
		cfg.features |= BIT(VIRTIO_NET_F_MRG_RXBUF);
	(void)unlink(path); /* of an earlier attempt */
	device = backend_open(&cfg);
	if (device == NULL || pthread_create(&server, NULL, serve, NULL) != 0)
		fail("it cannot listen");
}

void
count_device_hold(void)
{
	pthread_mutex_lock(&lock);
}

void
count_device_step(void)
{
	serve_all();
}

void
count_device_release(void)
{
	pthread_mutex_unlock(&lock);
}

void
count_device_close(void)
{
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	pthread_join(server, NULL);
	backend_close(device);
}
