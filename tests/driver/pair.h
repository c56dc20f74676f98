/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef PAIR_H
#define PAIR_H

/*
 * Two ports that face each other, in this process, through the public ethdev API. They are a guest
 * and a host of folio on one region, or one port of folio, whichever the test is about, and one of
 * net_vhost, which is an unmodified vhost-user back end. $FOLIO_PAIR says which: guest-packed,
 * guest-split, host-packed or host-split name folio's port and its rings.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_pmd_folio.h>

#define WAIT_STEPS 20000 /* of a millisecond: how long a test is patient */
#define OVERHEAD 22	 /* what a frame has beyond its MTU */

/* Every test ends with all mbufs back and no region file left. */
#define TEST(f) cmocka_unit_test_teardown(f, check_nothing_left)

struct pair {
	uint16_t guest;
	uint16_t host;
	char path[128]; /* of the region, or of the back end's socket */
};

/* Whose is a port of a pair? Both are folio's on the native datapath. */
bool guest_is_folio(void);
bool host_is_folio(void);
bool is_native(void);

/* Skips a test that is about ports which this run has not. */
#define NEEDS(what)	 \
	do {		 \
		if (!(what)) \
			skip(); \
	} while (0)

/* How to configure a port; zero is one queue pair and ethdev's defaults. */
struct port_setup {
	uint16_t queues;
	uint16_t mtu;
	uint64_t rx_offloads;
	uint64_t tx_offloads;
	uint64_t rss; /* RTE_ETH_RSS_*; not 0: RSS mode, of folio's ports */
	struct rte_mempool *pool; /* default: the common pool */
	bool deferred;
	bool lsc;
};

/* Group fixture: EAL and the common pool. Name of the plugin in $FOLIO_PLUGIN. */
int eal_setup(void **state);
int eal_setup_telemetry(void **state); /* the same, with telemetry's socket */
int eal_teardown(void **state);

int check_nothing_left(void **state);

extern struct rte_mempool *common_pool;

/* A path for a region where nothing is; the folder is removed at the end. */
void region_path(char *path, size_t size);

/* Attach a vdev; returns rte_eal_hotplug_add's result and the port. */
int attach(const char *name, const char *args, uint16_t *port);
void detach(uint16_t port);

void configure(uint16_t port, const struct port_setup *setup);
void start(uint16_t port);

/*
 * Attach both with extra devargs, configure alike as far as net_vhost can be, start, wait for the
 * link. A port of folio that faces net_vhost gets the guest's devargs.
 */
void pair_open(struct pair *p, const char *guest_args, const char *host_args,
	       const struct port_setup *setup);
void pair_close(struct pair *p);

/* Of folio's port as the one that receives. */
uint16_t pair_receiver(const struct pair *p);
uint16_t pair_sender(const struct pair *p);

void wait_link(uint16_t port, bool up);

/* A frame with a pattern that depends on seed and position; segs mbufs. */
struct rte_mbuf *make_frame(struct rte_mempool *pool, uint32_t len, uint32_t seed, uint32_t segs);
void check_frame(const struct rte_mbuf *m, uint32_t len, uint32_t seed);

/* Send one frame; receive the next one, patiently. */
void send_one(uint16_t port, uint16_t queue, struct rte_mbuf *m);
struct rte_mbuf *receive_one(uint16_t port, uint16_t queue);

/* A frame each way. */
void exchange(const struct pair *p, uint16_t queue, uint32_t len, uint32_t seed, uint32_t segs);

/* Nothing arrives on a queue. */
void expect_silence(uint16_t port, uint16_t queue);

/*
 * Open the pair, and make 32 frames of two slots: as many as its ring of 64 has. All slots are
 * free, but the guest knows of half.
 */
void pair_open_with_old_news(struct pair *p, struct rte_mbuf **m);

/* The plugin's own function, looked up as an application does; and what it says of the link. */
typedef __typeof__(rte_pmd_folio_status_get) status_fn;
status_fn *status_function(void);
enum folio_link link_state(uint16_t port);

/* Value of an extended statistic; fails if there is none of that name. */
uint64_t xstat(uint16_t port, const char *name);

/* Packets received on a queue, from the basic statistics where they have queues (until 25.11). */
uint64_t queue_packets(uint16_t port, uint16_t queue);

#endif /* PAIR_H */
