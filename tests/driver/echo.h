/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef ECHO_H
#define ECHO_H

/*
 * A vhost-user back end of tools/hostile-device in a thread of its own, and a port of folio that
 * faces it: each queue receives what it sends.
 */

#include <pthread.h>

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>

#include "../../tools/hostile-device/backend.h"
#include "pair.h"

#define BIT(n) (UINT64_C(1) << (n))

/* Of vhost-user: there are protocol features; several queues, and answers to what was set. */
#define ECHO_EXTENDED BIT(30)
#define ECHO_PROTOCOL (BIT(0) | BIT(3))

/* All that a port of folio takes up. */
#define ECHO_FEATURES (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_RING_PACKED) | \
		       BIT(VIRTIO_F_IN_ORDER) | BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_MQ) | ECHO_EXTENDED)

struct echo {
	char path[128];
	struct backend_config cfg; /* its path is the above */
	struct backend *b;
	pthread_t thread;
	pthread_mutex_t lock;
	bool quit;
};

extern const struct backend_config echo_honest;

/* Begin anew at the same path, if there is one already. */
void echo_open(struct echo *e, const struct backend_config *cfg);
void echo_close(struct echo *e);

/* Between these the back end stands still, and may be looked at. */
struct backend *echo_hold(struct echo *e);
void echo_release(struct echo *e);

/* Close the connection. */
void echo_hang_up(struct echo *e);

/* A port of folio for this back end, with more devargs: attached; or ready, with its link up. */
uint16_t echo_attach(const struct echo *e, const char *more);
uint16_t echo_port(const struct echo *e, const char *more, const struct port_setup *setup);

/* Frames there and back. */
void echo_one(uint16_t port, uint16_t queue, uint32_t len, uint32_t seed, uint32_t segs);
void echo_burst(uint16_t port, uint16_t queue, uint16_t n);

/* Patience until a counter of a port has reached a value. */
void wait_xstat(uint16_t port, const char *name, uint64_t value);

#endif /* ECHO_H */
