/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Stopping a port while a burst is inside: who frees mempools then has to know of it, and the peer.
 */

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pair.h"

/* A mempool that keeps whoever takes from it, or gives back, waiting: so a burst stands still. */
enum blocked {BLOCK_NONE, BLOCK_TAKE, BLOCK_GIVE};

static struct {
	void *objs[256];
	unsigned int count;
	enum blocked blocked;
	bool waiting;
} stall;

static void
stall_while(enum blocked what)
{
	while (__atomic_load_n(&stall.blocked, __ATOMIC_ACQUIRE) == what) {
		__atomic_store_n(&stall.waiting, true, __ATOMIC_RELEASE);
		usleep(1000);
	}
}

static int
stall_alloc(struct rte_mempool *mp)
{
	(void)mp;
	stall.count = 0;
	return 0;
}

static void
stall_free(struct rte_mempool *mp)
{
	(void)mp;
}

static int
stall_enqueue(struct rte_mempool *mp, void *const *objs, unsigned int n)
{
	(void)mp;
	stall_while(BLOCK_GIVE);
	assert_true(stall.count + n <= RTE_DIM(stall.objs));
	memcpy(&stall.objs[stall.count], objs, n * sizeof(*objs));
	stall.count += n;
	return 0;
}

static int
stall_dequeue(struct rte_mempool *mp, void **objs, unsigned int n)
{
	(void)mp;
	stall_while(BLOCK_TAKE);
	if (n > stall.count)
		return -ENOBUFS;
	stall.count -= n;
	memcpy(objs, &stall.objs[stall.count], n * sizeof(*objs));
	return 0;
}

static unsigned int
stall_count(const struct rte_mempool *mp)
{
	(void)mp;
	return stall.count;
}

static const struct rte_mempool_ops stall_ops = {
	.name = "stall",
	.alloc = stall_alloc,
	.free = stall_free,
	.enqueue = stall_enqueue,
	.dequeue = stall_dequeue,
	.get_count = stall_count,
};

RTE_MEMPOOL_REGISTER_OPS(stall_ops);

struct stuck {
	struct pair p;
	struct rte_mempool *pool;
	struct rte_mbuf *sent;
	pthread_t thread;
};

static void *
receive_slowly(void *arg)
{
	struct rte_mbuf *m;

	return rte_eth_rx_burst(*(uint16_t *)arg, 0, &m, 1) == 1 ? m : NULL;
}

static void *
send_slowly(void *arg)
{
	struct stuck *s = arg;

	(void)rte_eth_tx_burst(s->p.host, 0, &s->sent, 1);
	return NULL;
}

static void
stuck_open_with(struct stuck *s, uint64_t tx_offloads)
{
	s->pool = rte_pktmbuf_pool_create_by_ops("stall", RTE_DIM(stall.objs), 0, 0,
						 RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY, "stall");
	assert_non_null(s->pool);
	pair_open(&s->p, "", "", &(struct port_setup){.pool = s->pool, .tx_offloads = tx_offloads});
}

static void
stuck_open(struct stuck *s)
{
	stuck_open_with(s, 0);
}

static void
stuck_wait(void)
{
	while (!__atomic_load_n(&stall.waiting, __ATOMIC_ACQUIRE))
		usleep(1000);
}

/* A frame for the host, whose burst then stands still with it. */
static void
stuck_receive(struct stuck *s)
{
	__atomic_store_n(&stall.waiting, false, __ATOMIC_RELEASE);
	__atomic_store_n(&stall.blocked, BLOCK_TAKE, __ATOMIC_RELEASE);
	send_one(s->p.guest, 0, make_frame(common_pool, 100, 1, 1));
	assert_int_equal(pthread_create(&s->thread, NULL, receive_slowly, &s->p.host), 0);
	stuck_wait();
}

static void
stuck_receive_ends(struct stuck *s)
{
	void *received;

	__atomic_store_n(&stall.blocked, BLOCK_NONE, __ATOMIC_RELEASE);
	pthread_join(s->thread, &received);
	/*
	 * On a slow machine the peer may have ended the session meanwhile: then there is nothing.
	 */
	if (received == NULL) {
		assert_int_equal(xstat(s->p.host, "ended_bursts"), 1);
		return;
	}
	check_frame(received, 100, 1);
	rte_pktmbuf_free(received);
}

static void
stuck_close(struct stuck *s)
{
	pair_close(&s->p);
	rte_mempool_free(s->pool);
}

static void
wait_link_state(uint16_t port, enum folio_link link)
{
	unsigned int i;

	for (i = 0; i < WAIT_STEPS && link_state(port) != link; i++)
		usleep(1000);
	assert_int_equal(link_state(port), link);
}

static void
test_receive_inside(void **state)
{
	struct rte_eth_rxq_info info;
	struct stuck s;

	(void)state;
	NEEDS(host_is_folio());
	stuck_open(&s);
	stuck_receive(&s);
	assert_int_equal(rte_eth_dev_rx_queue_stop(s.p.host, 0), -EBUSY);
	assert_int_equal(rte_eth_rx_queue_info_get(s.p.host, 0, &info), 0);
	assert_int_equal(info.queue_state, RTE_ETH_QUEUE_STATE_STARTED);
	assert_int_equal(rte_eth_dev_stop(s.p.host), -EBUSY);
	stuck_receive_ends(&s);

	assert_int_equal(rte_eth_dev_stop(s.p.host), 0);
	start(s.p.host);
	wait_link(s.p.host, true); /* which was down: now the guest's is not of the last session */
	wait_link(s.p.guest, true);
	exchange(&s.p, 0, 200, 2, 1);
	stuck_close(&s);
}

/* A burst that frees what it sent still uses the pool: s->sent, which arrives with len bytes. */
static void
stuck_transmit(struct stuck *s, uint32_t len)
{
	struct rte_mbuf *m;

	__atomic_store_n(&stall.waiting, false, __ATOMIC_RELEASE);
	__atomic_store_n(&stall.blocked, BLOCK_GIVE, __ATOMIC_RELEASE);
	assert_int_equal(pthread_create(&s->thread, NULL, send_slowly, s), 0);
	stuck_wait();
	m = receive_one(s->p.guest, 0); /* it is sent all the same */
	assert_int_equal(rte_eth_dev_tx_queue_stop(s->p.host, 0), -EBUSY);
	assert_int_equal(rte_eth_dev_stop(s->p.host), -EBUSY);
	__atomic_store_n(&stall.blocked, BLOCK_NONE, __ATOMIC_RELEASE);
	pthread_join(s->thread, NULL);
	assert_int_equal(m->pkt_len, len);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_eth_dev_stop(s->p.host), 0);
	assert_int_equal(rte_mempool_avail_count(s->pool), RTE_DIM(stall.objs));
}

static void
test_transmit_inside(void **state)
{
	struct stuck s;

	(void)state;
	NEEDS(host_is_folio());
	stuck_open(&s);
	s.sent = make_frame(s.pool, 100, 1, 1);
	stuck_transmit(&s, 100);
	stuck_close(&s);
}

/* The same of a packet that was sent as a copy: it is freed behind the datapath's burst. */
static void
test_transmit_inside_offloads(void **state)
{
	struct stuck s;

	(void)state;
	NEEDS(host_is_folio());
	stuck_open_with(&s, RTE_ETH_TX_OFFLOAD_VLAN_INSERT);
	s.sent = rte_pktmbuf_alloc(s.pool);
	s.sent->data_off = 0; /* no room for the tag */
	assert_non_null(rte_pktmbuf_append(s.sent, 100));
	memset(rte_pktmbuf_mtod(s.sent, void *), 0, 100);
	s.sent->ol_flags = RTE_MBUF_F_TX_VLAN;
	stuck_transmit(&s, 104);
	stuck_close(&s);
}

/* When the burst has left, the peer sees a stopped port, and not one that is silent. */
static void
test_peer_is_told(void **state)
{
	struct stuck s;

	(void)state;
	NEEDS(is_native());
	stuck_open(&s);
	stuck_receive(&s);
	assert_int_equal(rte_eth_dev_stop(s.p.host), -EBUSY);
	stuck_receive_ends(&s);
	wait_link_state(s.p.guest, FOLIO_LINK_NO_PEER);
	assert_int_equal(rte_eth_dev_stop(s.p.host), 0);
	assert_int_equal(link_state(s.p.guest), FOLIO_LINK_NO_PEER);
	stuck_close(&s);
}

/* The same by the second stop alone, and for a link that is set down. */
static void
test_peer_is_told_by_the_second_stop(void **state)
{
	struct stuck s;

	(void)state;
	NEEDS(is_native());
	stuck_open(&s);
	stuck_receive(&s);
	assert_int_equal(rte_eth_dev_stop(s.p.host), -EBUSY);
	stuck_receive_ends(&s);
	assert_int_equal(rte_eth_dev_stop(s.p.host), 0);
	wait_link_state(s.p.guest, FOLIO_LINK_NO_PEER);
	start(s.p.host);
	wait_link(s.p.host, true);
	wait_link(s.p.guest, true);

	stuck_receive(&s);
	assert_int_equal(rte_eth_dev_set_link_down(s.p.host), 0);
	stuck_receive_ends(&s);
	wait_link_state(s.p.guest, FOLIO_LINK_NO_PEER);
	assert_int_equal(rte_eth_dev_set_link_up(s.p.host), 0);
	wait_link(s.p.host, true);
	wait_link(s.p.guest, true);
	exchange(&s.p, 0, 200, 3, 1);
	stuck_close(&s);
}

/*
 * A burst stands still inside while the back end goes and another one comes: what it uses stays what
 * it was until it has left.
 */
static void
test_back_end_goes_meanwhile(void **state)
{
	struct rte_eth_link link;
	struct stuck s;
	char args[160];
	int i;

	(void)state;
	NEEDS(!is_native() && host_is_folio());
	stuck_open(&s);
	stuck_receive(&s);
	detach(s.p.guest);
	wait_link(s.p.host, false);
	snprintf(args, sizeof(args), "iface=%s,client=1", s.p.path);
	assert_int_equal(attach("net_vhost0", args, &s.p.guest), 0);
	configure(s.p.guest, &(struct port_setup){.pool = s.pool});
	start(s.p.guest);
	for (i = 0; i < 1000; i++) { /* long enough for a port that does not wait */
		assert_int_equal(rte_eth_link_get_nowait(s.p.host, &link), 0);
		assert_int_equal(link.link_status, RTE_ETH_LINK_DOWN);
		usleep(1000);
	}
	stuck_receive_ends(&s);
	wait_link(s.p.host, true);
	wait_link(s.p.guest, true);
	exchange(&s.p, 0, 200, 2, 1);
	stuck_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_receive_inside),
		TEST(test_transmit_inside),
		TEST(test_transmit_inside_offloads),
		TEST(test_peer_is_told),
		TEST(test_peer_is_told_by_the_second_stop),
		TEST(test_back_end_goes_meanwhile),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
