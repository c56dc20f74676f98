/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include "echo.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BURST_MAX 1024u

const struct backend_config echo_honest = {
	.features = ECHO_FEATURES,
	.protocol = ECHO_PROTOCOL,
	.pairs = 4,
};

static void *
serve(void *arg)
{
	struct echo *e = arg;
	bool busy;

	while (!__atomic_load_n(&e->quit, __ATOMIC_RELAXED)) {
		pthread_mutex_lock(&e->lock);
		busy = backend_step(e->b);
		pthread_mutex_unlock(&e->lock);
		if (!busy)
			usleep(50);
	}
	return NULL;
}

void
echo_open(struct echo *e, const struct backend_config *cfg)
{
	if (e->path[0] == '\0')
		region_path(e->path, sizeof(e->path));
	e->cfg = *cfg;
	e->cfg.path = e->path;
	e->quit = false;
	e->b = backend_open(&e->cfg);
	assert_non_null(e->b);
	pthread_mutex_init(&e->lock, NULL);
	assert_int_equal(pthread_create(&e->thread, NULL, serve, e), 0);
}

void
echo_close(struct echo *e)
{
	__atomic_store_n(&e->quit, true, __ATOMIC_RELAXED);
	pthread_join(e->thread, NULL);
	pthread_mutex_destroy(&e->lock);
	backend_close(e->b);
	e->b = NULL;
}

struct backend *
echo_hold(struct echo *e)
{
	pthread_mutex_lock(&e->lock);
	return e->b;
}

void
echo_release(struct echo *e)
{
	pthread_mutex_unlock(&e->lock);
}

void
echo_hang_up(struct echo *e)
{
	backend_hang_up(echo_hold(e));
	echo_release(e);
}

uint16_t
echo_attach(const struct echo *e, const char *more)
{
	char args[256];
	uint16_t port;

	snprintf(args, sizeof(args), "vhost_user=%s%s", e->path, more);
	assert_int_equal(attach("net_folio0", args, &port), 0);
	return port;
}

uint16_t
echo_port(const struct echo *e, const char *more, const struct port_setup *setup)
{
	uint16_t port = echo_attach(e, more);

	configure(port, setup != NULL ? setup : &(struct port_setup){0});
	start(port);
	wait_link(port, true);
	return port;
}

void
echo_one(uint16_t port, uint16_t queue, uint32_t len, uint32_t seed, uint32_t segs)
{
	struct rte_mbuf *m;

	send_one(port, queue, make_frame(common_pool, len, seed, segs));
	m = receive_one(port, queue);
	check_frame(m, len, seed);
	assert_int_equal(m->port, port);
	assert_int_equal(m->ol_flags, 0);
	rte_pktmbuf_free(m);
}

void
echo_burst(uint16_t port, uint16_t queue, uint16_t n)
{
	struct rte_mbuf *m[BURST_MAX];
	unsigned int i, polls = 0;
	uint16_t done = 0;

	assert_true(n <= BURST_MAX);
	for (i = 0; i < n; i++)
		m[i] = make_frame(common_pool, 60 + i % 1400, i, 1 + i % 2);
	assert_int_equal(rte_eth_tx_burst(port, queue, m, n), n);
	while (done < n && polls++ < WAIT_STEPS) {
		uint16_t got = rte_eth_rx_burst(port, queue, &m[done], n - done);

		done += got;
		if (got == 0)
			usleep(1000);
	}
	assert_int_equal(done, n);
	for (i = 0; i < n; i++)
		check_frame(m[i], 60 + i % 1400, i);
	rte_pktmbuf_free_bulk(m, n);
}

void
wait_xstat(uint16_t port, const char *name, uint64_t value)
{
	unsigned int i;

	for (i = 0; i < WAIT_STEPS && xstat(port, name) < value; i++)
		usleep(1000);
	if (xstat(port, name) != value)
		fail_msg("%s is %" PRIu64 ", not %" PRIu64, name, xstat(port, name), value);
}
