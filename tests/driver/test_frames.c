/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* What is sent arrives, and nothing else: frames of every kind between two ports. */
#include <string.h>

#include <rte_errno.h>

#include "pair.h"

static void
test_lengths(void **state)
{
	const struct port_setup setup = {.mtu = 9600, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	struct pair p;
	uint32_t len;

	(void)state;
	NEEDS(guest_is_folio());
	pair_open(&p, ",ring_size=128,slot_size=1024", "", &setup);
	for (len = 14; len <= 9600 + OVERHEAD; len = len < 2400 ? len + 1 : len + 97)
		exchange(&p, 0, len, len, len > 2000 ? 8 : 1);
	exchange(&p, 0, 9600 + OVERHEAD, 7, 8);
	assert_int_equal(xstat(p.guest, "violation_rx_bad_length"), 0);
	pair_close(&p);
}

static void
test_segments(void **state)
{
	const struct port_setup setup = {.mtu = 9000,
					 .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER,
					 .tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS};
	struct pair p;
	uint32_t segs;

	(void)state;
	NEEDS(guest_is_folio());
	pair_open(&p, "", "", &setup);
	for (segs = 1; segs <= 40; segs++) {
		exchange(&p, 0, 60 + segs, segs, segs);
		exchange(&p, 0, 1500, segs, segs);
		if (segs >= 5)
			exchange(&p, 0, 9000, segs, segs);
	}
	pair_close(&p);
}

/* Segments that don't add up to pkt_len: nothing is sent, least of all old memory. */
static void
test_bad_chain(void **state)
{
	struct rte_mbuf *m;
	struct pair p;

	(void)state;
	NEEDS(guest_is_folio());
	pair_open(&p, "", "", NULL);
	m = make_frame(common_pool, 200, 1, 2);
	m->pkt_len = 400;
	send_one(p.guest, 0, m);
	expect_silence(p.host, 0);
	assert_int_equal(xstat(p.guest, "tx_q0_bad_chain"), 1);
	exchange(&p, 0, 200, 2, 2);
	pair_close(&p);
}

/* A burst of frames of several slots takes all the room there is. */
static void
test_room_for_long_frames(void **state)
{
	struct rte_mbuf *m[32];
	struct pair p;
	int i;

	(void)state;
	NEEDS(guest_is_folio());
	pair_open_with_old_news(&p, m);
	assert_int_equal(rte_eth_tx_burst(p.guest, 0, m, 32), 32);
	for (i = 0; i < 32; i++) {
		m[0] = receive_one(p.host, 0);
		check_frame(m[0], 500, i);
		rte_pktmbuf_free(m[0]);
	}
	pair_close(&p);
}

static void
test_fast_free(void **state)
{
	const struct port_setup setup = {
		.tx_offloads = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE | RTE_ETH_TX_OFFLOAD_MULTI_SEGS};
	struct rte_eth_burst_mode mode;
	struct rte_mbuf *m[32];
	struct pair p;
	uint16_t n;
	int i;

	(void)state;
	NEEDS(guest_is_folio());
	pair_open(&p, "", "", &setup);
	assert_int_equal(rte_eth_tx_burst_mode_get(p.guest, 0, &mode), 0);
	assert_non_null(strstr(mode.info, "fast free"));
	for (i = 0; i < 32; i++)
		m[i] = make_frame(common_pool, 60 + i * 40, i, i % 4 == 3 ? 3 : 1);
	assert_int_equal(rte_eth_tx_burst(p.guest, 0, m, 32), 32);
	n = rte_eth_rx_burst(p.host, 0, m, 32);
	assert_int_equal(n, 32);
	for (i = 0; i < 32; i++)
		check_frame(m[i], 60 + i * 40, i);
	rte_pktmbuf_free_bulk(m, n);
	pair_close(&p);
}

/* What a queue was promised holds for that queue only, also when it is set up again later. */
static void
test_fast_free_is_per_queue(void **state)
{
	const struct port_setup setup = {.tx_offloads = 0};
	struct rte_eth_txconf fast = {.offloads = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE};
	struct rte_mempool *other;
	struct rte_mbuf *m[2], *r;
	struct pair p;

	(void)state;
	NEEDS(guest_is_folio());
	other = rte_pktmbuf_pool_create("other", 63, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					SOCKET_ID_ANY);
	pair_open(&p, "", "", &setup);
	assert_int_equal(rte_eth_dev_tx_queue_stop(p.guest, 0), 0);
	assert_int_equal(rte_eth_tx_queue_setup(p.guest, 0, 0, 0, &fast), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(p.guest, 0), 0);
	exchange(&p, 0, 64, 1, 1);
	assert_int_equal(rte_eth_dev_tx_queue_stop(p.guest, 0), 0);
	assert_int_equal(rte_eth_tx_queue_setup(p.guest, 0, 0, 0, NULL), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(p.guest, 0), 0);
	m[0] = make_frame(common_pool, 64, 1, 1);
	m[1] = make_frame(other, 64, 2, 1);
	rte_mbuf_refcnt_update(m[1], 1);
	assert_int_equal(rte_eth_tx_burst(p.guest, 0, m, 2), 2);
	assert_int_equal(rte_mbuf_refcnt_read(m[1]), 1);
	assert_int_equal(rte_mempool_avail_count(other), 62);
	rte_pktmbuf_free(m[1]);
	assert_int_equal(rte_mempool_avail_count(other), 63);
	while (rte_eth_rx_burst(p.host, 0, &r, 1) == 1)
		rte_pktmbuf_free(r);
	pair_close(&p);
	rte_mempool_free(other);
}

/* A frame that somebody else holds too is copied, not taken. */
static void
test_shared_mbuf(void **state)
{
	struct rte_mbuf *m, *r;
	struct pair p;

	(void)state;
	NEEDS(guest_is_folio());
	pair_open(&p, "", "", NULL);
	m = make_frame(common_pool, 128, 5, 1);
	rte_mbuf_refcnt_update(m, 1);
	send_one(p.guest, 0, m);
	assert_int_equal(rte_mbuf_refcnt_read(m), 1);
	r = receive_one(p.host, 0);
	assert_ptr_not_equal(r, m);
	check_frame(r, 128, 5);
	check_frame(m, 128, 5);
	rte_pktmbuf_free(r);
	rte_pktmbuf_free(m);
	pair_close(&p);
}

/* Fields that the last user of an mbuf left behind don't show. */
static void
test_clean_mbufs(void **state)
{
	struct rte_mbuf *m[256];
	struct pair p;
	int i;

	(void)state;
	NEEDS(host_is_folio());
	pair_open(&p, "", "", NULL);
	assert_int_equal(rte_pktmbuf_alloc_bulk(common_pool, m, RTE_DIM(m)), 0);
	for (i = 0; i < (int)RTE_DIM(m); i++) {
		m[i]->ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_RSS_HASH;
		m[i]->vlan_tci = 77;
		m[i]->hash.rss = 0xdeadbeef;
		m[i]->data_off = 5;
		m[i]->packet_type = ~0u;
		m[i]->port = 9;
	}
	rte_pktmbuf_free_bulk(m, RTE_DIM(m));
	for (i = 0; i < 512; i++) {
		struct rte_mbuf *r = make_frame(common_pool, 64, i, 1);

		/* What the sender had asked for is nothing to the receiver either. */
		if (guest_is_folio())
			r->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_VLAN |
				      RTE_MBUF_F_TX_SEC_OFFLOAD;
		send_one(p.guest, 0, r);
		r = receive_one(p.host, 0);
		assert_int_equal(r->ol_flags, 0);
		assert_int_equal(r->vlan_tci, 0);
		assert_int_equal(r->hash.rss, 0);
		assert_int_equal(r->data_off, RTE_PKTMBUF_HEADROOM);
		assert_int_equal(r->packet_type, RTE_PTYPE_L2_ETHER);
		assert_int_equal(r->port, p.host);
		assert_int_equal(r->nb_segs, 1);
		assert_null(r->next);
		rte_pktmbuf_free(r);
	}
	pair_close(&p);
}

/* Bursts of any size, also far beyond what a ring holds: the mbufs behind it are not looked at. */
static void
test_burst_sizes(void **state)
{
	static const uint16_t sizes[] = {1, 2, 31, 32, 33, 255, 256, 257, 2047, 2048, 2049, 65535};
	static struct rte_mbuf *m[UINT16_MAX];
	uint16_t n, done;
	struct pair p;
	size_t i;

	(void)state;
	pair_open(&p, ",ring_size=2048", "", NULL);
	for (i = 0; i < RTE_DIM(sizes); i++) {
		uint16_t all = RTE_MIN(sizes[i], (uint16_t)2048);

		for (n = 0; n < all; n++)
			m[n] = make_frame(common_pool, 60 + n % 100, n, 1);
		/* net_vhost looks at all of a burst before it sends. */
		assert_int_equal(rte_eth_tx_burst(p.guest, 0, m, guest_is_folio() ? sizes[i] : all),
				 all);
		memset(m, 0, sizeof(m));
		for (done = 0; done < all; done += n) {
			n = rte_eth_rx_burst(p.host, 0, &m[done], sizes[i] - done);
			assert_int_not_equal(n, 0);
		}
		for (n = 0; n < all; n++)
			check_frame(m[n], 60 + n % 100, n);
		rte_pktmbuf_free_bulk(m, all);
		memset(m, 0, sizeof(m));
		expect_silence(p.host, 0);
	}
	pair_close(&p);
}

static void
prepare(uint16_t port, struct rte_mbuf *m, int error)
{
	struct rte_mbuf *pkts[3] = {NULL, m, m};

	pkts[0] = make_frame(common_pool, 64, 1, 1);
	rte_errno = 0;
	assert_int_equal(rte_eth_tx_prepare(port, 0, pkts, 3), error == 0 ? 3 : 1);
	assert_int_equal(rte_errno, error);
	rte_pktmbuf_free(pkts[0]);
	rte_pktmbuf_free(m);
}

/* An offload that the port has not is refused where applications ask, not ignored. */
static void
test_prepare(void **state)
{
	static const uint64_t work[] = {
		RTE_MBUF_F_TX_IP_CKSUM, RTE_MBUF_F_TX_TCP_CKSUM, RTE_MBUF_F_TX_UDP_CKSUM,
		RTE_MBUF_F_TX_TCP_SEG, RTE_MBUF_F_TX_UDP_SEG, RTE_MBUF_F_TX_VLAN,
		RTE_MBUF_F_TX_QINQ, RTE_MBUF_F_TX_OUTER_IP_CKSUM, RTE_MBUF_F_TX_OUTER_UDP_CKSUM,
		RTE_MBUF_F_TX_MACSEC, RTE_MBUF_F_TX_SEC_OFFLOAD, RTE_MBUF_F_TX_IEEE1588_TMST,
	};
	static const uint64_t kinds[] = {
		RTE_MBUF_F_TX_IPV4, RTE_MBUF_F_TX_IPV6, RTE_MBUF_F_TX_OUTER_IPV4,
		RTE_MBUF_F_TX_OUTER_IPV6, RTE_MBUF_F_TX_TUNNEL_VXLAN, RTE_MBUF_F_RX_VLAN,
	};
	struct folio_status st;
	struct rte_mbuf *m;
	struct pair p;
	size_t i;

	(void)state;
	NEEDS(guest_is_folio());
	pair_open(&p, ",ring_size=64,slot_size=256", "", NULL);
	assert_int_equal(status_function()(p.guest, &st, sizeof(st)), 0);
	assert_in_range(st.max_frame, 32 * 256, 64 * 320);
	for (i = 0; i < RTE_DIM(work); i++) {
		m = make_frame(common_pool, 64, 1, 1);
		m->ol_flags = work[i] | RTE_MBUF_F_TX_IPV4;
		prepare(p.guest, m, ENOTSUP);
	}
	for (i = 0; i < RTE_DIM(kinds); i++) {
		m = make_frame(common_pool, 64, 1, 1);
		m->ol_flags = kinds[i];
		prepare(p.guest, m, 0);
	}
	prepare(p.guest, make_frame(common_pool, 13, 1, 1), EINVAL);
	prepare(p.guest, make_frame(common_pool, 14, 1, 1), 0);
	prepare(p.guest, make_frame(common_pool, st.max_frame, 1, 20), 0);
	prepare(p.guest, make_frame(common_pool, st.max_frame + 1, 1, 20), EINVAL);
	/* The host has no such limit of its own, but the rings are the guest's. */
	if (host_is_folio())
		prepare(p.host, make_frame(common_pool, st.max_frame + 1, 1, 20), EINVAL);
	m = make_frame(common_pool, 200, 1, 2);
	m->pkt_len = 201;
	prepare(p.guest, m, EINVAL);
	m = make_frame(common_pool, 200, 1, 3);
	m->nb_segs = 2;
	rte_errno = 0;
	assert_int_equal(rte_eth_tx_prepare(p.guest, 0, &m, 1), 0);
	assert_int_equal(rte_errno, EINVAL);
	m->nb_segs = 3;
	rte_pktmbuf_free(m);
	pair_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lengths),
		TEST(test_segments),
		TEST(test_bad_chain),
		TEST(test_room_for_long_frames),
		TEST(test_fast_free),
		TEST(test_fast_free_is_per_queue),
		TEST(test_shared_mbuf),
		TEST(test_clean_mbufs),
		TEST(test_burst_sizes),
		TEST(test_prepare),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
