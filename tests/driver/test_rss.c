/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * RSS: the hash is compared with what this file makes of it, a bit at a time, and with what
 * Microsoft's specification has; and who gets a packet with what the table says.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_errno.h>

#include "packet.h"
#include "pair.h"

#define QUEUES 4u
#define RETA 128u
#define ROOM 1023u /* packets that may wait for a queue, of one other */
#define L2 14u
#define ALL (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP)

static uint8_t key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* The receiver is folio's port. */
struct link {
	struct pair pair;
	uint16_t from;
	uint16_t to;
};

static void
open_link(struct link *l, uint16_t queues, uint64_t rss)
{
	const struct port_setup setup = {
		.queues = queues, .rss = rss, .rx_offloads = RTE_ETH_RX_OFFLOAD_RSS_HASH};
	char args[32];

	srand(1);
	snprintf(args, sizeof(args), ",queues=%u", queues);
	pair_open(&l->pair, args, args, &setup);
	l->from = pair_sender(&l->pair);
	l->to = pair_receiver(&l->pair);
}

static void
close_link(struct link *l)
{
	pair_close(&l->pair);
}

static uint32_t
toeplitz(const uint8_t *in, uint32_t len)
{
	uint32_t hash = 0, i, j;

	for (i = 0; i < len * 8; i++) {
		uint32_t window = 0;

		if ((in[i / 8] >> (7 - i % 8) & 1) == 0)
			continue;
		for (j = i; j < i + 32; j++)
			window = window << 1 | (key[j / 8] >> (7 - j % 8) & 1);
		hash ^= window;
	}
	return hash;
}

enum kind {TCP, UDP, SCTP, OTHER, FRAGMENT, KINDS};

/* A packet of a flow, with `seq` in it. Returns its length. */
static uint32_t
make(uint8_t *bytes, bool v6, enum kind kind, uint32_t flow, uint32_t seq)
{
	static const uint8_t protocols[KINDS] = {6, 17, 132, 47, 17};
	uint8_t *ip = bytes + L2, *l4 = ip + (v6 ? 40 : 20);

	memset(bytes, 0, 128);
	bytes[12] = v6 ? 0x86 : 0x08;
	bytes[13] = v6 ? 0xdd : 0;
	ip[0] = v6 ? 0x60 : 0x45;
	if (v6) {
		ip[5] = 60;
		ip[6] = kind == FRAGMENT ? 44 : protocols[kind];
		memcpy(ip + 8 + 12, &flow, 4);
		memcpy(ip + 24 + 3, &flow, 4);
		l4[0] = 17;
	} else {
		ip[3] = 80;
		ip[6] = kind == FRAGMENT ? 0x20 : 0;
		ip[9] = protocols[kind];
		memcpy(ip + 12, &flow, 4);
		memcpy(ip + 16, "\x0a\x01\x02\x03", 4);
	}
	if (!v6 || kind != FRAGMENT)
		memcpy(l4, &flow, 4);
	memcpy(bytes + 100, &flow, 4);
	memcpy(bytes + 104, &seq, 4);
	return 120;
}

/* False: it has no hash. */
static bool
expected_hash(const uint8_t *bytes, bool v6, enum kind kind, uint64_t types, uint32_t *hash)
{
	static const uint64_t with_ports[][2] = {
		[TCP] = {RTE_ETH_RSS_NONFRAG_IPV4_TCP,
			 RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_IPV6_TCP_EX},
		[UDP] = {RTE_ETH_RSS_NONFRAG_IPV4_UDP,
			 RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_IPV6_UDP_EX},
		[SCTP] = {RTE_ETH_RSS_NONFRAG_IPV4_SCTP, RTE_ETH_RSS_NONFRAG_IPV6_SCTP},
	};
	uint64_t without = v6 ? RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_IPV6_EX : RTE_ETH_RSS_IPV4;
	const uint8_t *ip = bytes + L2;
	uint32_t n = v6 ? 32 : 8;
	uint8_t tuple[36];

	if (kind == OTHER)
		without |= v6 ? RTE_ETH_RSS_NONFRAG_IPV6_OTHER : RTE_ETH_RSS_NONFRAG_IPV4_OTHER;
	if (kind == FRAGMENT)
		without |= v6 ? RTE_ETH_RSS_FRAG_IPV6 : RTE_ETH_RSS_FRAG_IPV4;
	memcpy(tuple, ip + (v6 ? 8 : 12), n);
	memcpy(tuple + n, ip + (v6 ? 40 : 20), 4);
	if (kind <= SCTP && (types & with_ports[kind][v6]) != 0)
		n += 4;
	else if ((types & without) == 0)
		return false;
	*hash = toeplitz(tuple, n);
	return true;
}

static void
send_bytes(const struct link *l, const uint8_t *bytes, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(common_pool);
	unsigned int i;

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), bytes, len);
	for (i = 0; i < WAIT_STEPS && rte_eth_tx_burst(l->from, 0, &m, 1) == 0; i++)
		usleep(100);
	assert_in_range(i, 0, WAIT_STEPS - 1);
}

static void
check_hash(const struct link *l, const uint8_t *bytes, uint32_t len, bool has, uint32_t hash)
{
	struct rte_mbuf *m;

	send_bytes(l, bytes, len);
	m = receive_one(l->to, 0);
	assert_int_equal(m->ol_flags, has ? RTE_MBUF_F_RX_RSS_HASH : 0);
	if (has)
		assert_int_equal(m->hash.rss, hash);
	rte_pktmbuf_free(m);
}

/* The first of the known hashes: 66.9.149.187:2794 to 161.142.100.80:1766. */
static void
test_known_hashes(void **state)
{
	static const uint8_t tuple[12] = {66, 9, 149, 187, 161, 142, 100, 80, 2794 >> 8, 2794 & 255,
					  1766 >> 8, 1766 & 255};
	uint8_t bytes[128];
	uint32_t len;
	struct link l;

	(void)state;
	open_link(&l, 1, ALL);
	len = make(bytes, false, TCP, 1, 1);
	memcpy(bytes + L2 + 12, tuple, 12);
	check_hash(&l, bytes, len, true, 0x51ccc178);
	bytes[L2 + 9] = 47;
	check_hash(&l, bytes, len, true, 0x323e8fc2);
	close_link(&l);
}

static void
test_types(void **state)
{
	static const uint64_t types[] = {
		0, ALL, RTE_ETH_RSS_IPV4, RTE_ETH_RSS_IPV6, RTE_ETH_RSS_FRAG_IPV4,
		RTE_ETH_RSS_NONFRAG_IPV4_TCP, RTE_ETH_RSS_NONFRAG_IPV4_UDP,
		RTE_ETH_RSS_NONFRAG_IPV4_SCTP, RTE_ETH_RSS_NONFRAG_IPV4_OTHER,
		RTE_ETH_RSS_FRAG_IPV6, RTE_ETH_RSS_NONFRAG_IPV6_TCP, RTE_ETH_RSS_NONFRAG_IPV6_UDP,
		RTE_ETH_RSS_NONFRAG_IPV6_SCTP, RTE_ETH_RSS_NONFRAG_IPV6_OTHER, RTE_ETH_RSS_IPV6_EX,
		RTE_ETH_RSS_IPV6_TCP_EX, RTE_ETH_RSS_IPV6_UDP_EX,
	};
	uint8_t bytes[128];
	uint32_t hash = 0, i, j;
	struct link l;

	(void)state;
	open_link(&l, 1, ALL);
	for (i = 0; i < RTE_DIM(types); i++) {
		struct rte_eth_rss_conf conf = {.rss_hf = types[i]};

		assert_int_equal(rte_eth_dev_rss_hash_update(l.to, &conf), 0);
		if (types[i] == 0) { /* the next are asked for while it runs without */
			assert_int_equal(rte_eth_dev_stop(l.to), 0);
			start(l.to);
			wait_link(l.to, true);
			wait_link(l.from, true);
		}
		for (j = 0; j < 8 * KINDS; j++) {
			bool v6 = j & 1, has;
			uint32_t len = make(bytes, v6, j / 2 % KINDS, (uint32_t)rand(), j);

			has = expected_hash(bytes, v6, j / 2 % KINDS, types[i], &hash);
			check_hash(&l, bytes, len, has, hash);
		}
		memset(bytes, 0, sizeof(bytes));
		bytes[12] = 0x08;
		bytes[13] = 0x06;
		check_hash(&l, bytes, 60, false, 0);
	}
	close_link(&l);
}

/* Ports that the end of a packet cuts off are not hashed. */
static void
test_short_packets(void **state)
{
	uint8_t bytes[128];
	uint32_t len;
	struct link l;

	(void)state;
	open_link(&l, 1, ALL);
	(void)make(bytes, false, UDP, 0x12345678, 1);
	for (len = L2; len < L2 + 34; len++) {
		bool ports = len >= L2 + 24;
		uint8_t tuple[12];

		memcpy(tuple, bytes + L2 + 12, 12);
		check_hash(&l, bytes, len, len >= L2 + 20, toeplitz(tuple, ports ? 12 : 8));
	}
	close_link(&l);
}

/* What applications read and change, and what is refused. */
static void
test_configuration(void **state)
{
	struct rte_eth_rss_reta_entry64 reta[4] = {{0}};
	uint8_t other[40], got[40] = {0}, bytes[128];
	struct rte_eth_rss_conf conf = {.rss_key = got, .rss_key_len = 40};
	struct rte_eth_dev_info info;
	uint32_t len, hash = 0, i;
	struct link l;

	(void)state;
	open_link(&l, 2, RTE_ETH_RSS_IP);
	assert_int_equal(rte_eth_dev_info_get(l.to, &info), 0);
	assert_int_equal(info.reta_size, RETA);
	assert_int_equal(info.hash_key_size, 40);
	assert_int_equal(info.flow_type_rss_offloads, ALL);
	assert_int_equal(rte_eth_dev_rss_hash_conf_get(l.to, &conf), 0);
	assert_int_equal(conf.rss_hf, RTE_ETH_RSS_IP);
	assert_int_equal(conf.rss_key_len, 40);
	assert_memory_equal(got, key, 40);

	for (i = 0; i < 40; i++)
		other[i] = (uint8_t)rand();
	conf = (struct rte_eth_rss_conf){.rss_key = other, .rss_key_len = 39, .rss_hf = ALL};
	assert_int_equal(rte_eth_dev_rss_hash_update(l.to, &conf), -EINVAL);
	conf.rss_key_len = 40;
	assert_int_equal(rte_eth_dev_rss_hash_update(l.to, &conf), 0);
	memcpy(key, other, 40);
	conf = (struct rte_eth_rss_conf){.rss_key = got, .rss_key_len = 40};
	assert_int_equal(rte_eth_dev_rss_hash_conf_get(l.to, &conf), 0);
	assert_memory_equal(got, key, 40);
	assert_int_equal(conf.rss_hf, ALL);

	/* Two queues, in turn. */
	reta[0].mask = reta[1].mask = UINT64_MAX;
	assert_int_equal(rte_eth_dev_rss_reta_query(l.to, reta, RETA), 0);
	for (i = 0; i < RETA; i++)
		assert_int_equal(reta[i / 64].reta[i % 64], i % 2);
	reta[1].mask = 0;
	for (i = 0; i < 64; i++)
		reta[0].reta[i] = reta[1].reta[i] = 0;
	assert_int_equal(rte_eth_dev_rss_reta_update(l.to, reta, RETA), 0);
	reta[1].mask = UINT64_MAX;
	assert_int_equal(rte_eth_dev_rss_reta_query(l.to, reta, RETA), 0);
	for (i = 0; i < RETA; i++)
		assert_int_equal(reta[i / 64].reta[i % 64], i < 64 ? 0 : i % 2);
	assert_int_equal(rte_eth_dev_rss_reta_query(l.to, reta, 64), -EINVAL);
	assert_int_equal(rte_eth_dev_rss_reta_update(l.to, reta, 64), -EINVAL);
	reta[0].reta[5] = 2;
	assert_int_equal(rte_eth_dev_rss_reta_update(l.to, reta, RETA), -EINVAL);

	/* The new key is used. */
	for (i = 0; i < 64; i++)
		reta[0].reta[i] = reta[1].reta[i] = 0;
	assert_int_equal(rte_eth_dev_rss_reta_update(l.to, reta, RETA), 0);
	len = make(bytes, true, TCP, 77, 1);
	assert_true(expected_hash(bytes, true, TCP, ALL, &hash));
	check_hash(&l, bytes, len, true, hash);
	close_link(&l);

	/* A port that is not in RSS mode. */
	pair_open(&l.pair, "", "", NULL);
	l.to = pair_receiver(&l.pair);
	assert_int_equal(rte_eth_dev_rss_hash_update(l.to, &conf), -ENOTSUP);
	assert_int_equal(rte_eth_dev_rss_reta_update(l.to, reta, RETA), -ENOTSUP);
	close_link(&l);
}

/* Who gets a packet, as the table says now. */
static uint16_t
queue_of(const struct link *l, uint32_t hash)
{
	struct rte_eth_rss_reta_entry64 reta[2] = {{.mask = UINT64_MAX}, {.mask = UINT64_MAX}};

	assert_int_equal(rte_eth_dev_rss_reta_query(l->to, reta, RETA), 0);
	return reta[hash % RETA / 64].reta[hash % 64];
}

/* All of them arrive where they belong, those of a flow in order, and the counters say so. */
static void
test_spread(void **state)
{
	uint32_t next[64] = {0}, i, got = 0, sent = 0, idle = 0;
	uint64_t by_queue[QUEUES] = {0};
	struct rte_eth_stats stats;
	struct link l;
	uint16_t q;

	(void)state;
	open_link(&l, QUEUES, ALL);
	while (got < 6400 && idle < 100000) {
		for (i = 0; i < 32 && sent < 6400 && sent - got < 200; i++, sent++) {
			uint8_t bytes[128];
			uint32_t len = make(bytes, sent & 1, UDP, sent % 64, sent / 64);

			send_bytes(&l, bytes, len);
		}
		for (q = 0; q < QUEUES; q++) {
			struct rte_mbuf *m[16];
			uint16_t n = rte_eth_rx_burst(l.to, q, m, 1 + (uint16_t)(got % 16));

			idle = n == 0 ? idle + 1 : 0;
			for (i = 0; i < n; i++) {
				uint8_t *p = rte_pktmbuf_mtod(m[i], uint8_t *);
				uint32_t flow, seq, hash = 0;

				memcpy(&flow, p + 100, 4);
				memcpy(&seq, p + 104, 4);
				assert_true(expected_hash(p, flow & 1, UDP, ALL, &hash));
				assert_int_equal(m[i]->hash.rss, hash);
				assert_int_equal(m[i]->ol_flags, RTE_MBUF_F_RX_RSS_HASH);
				assert_int_equal(queue_of(&l, hash), q);
				assert_int_equal(seq, next[flow]++);
				rte_pktmbuf_free(m[i]);
			}
			by_queue[q] += n;
			got += n;
		}
	}
	assert_int_equal(got, 6400);
	for (q = 0; q < QUEUES; q++) {
		char name[32];

		assert_true(by_queue[q] > 200);
		assert_int_equal(queue_packets(l.to, q), by_queue[q]);
		snprintf(name, sizeof(name), "rx_q%u_bytes", q);
		assert_int_equal(xstat(l.to, name), 120 * by_queue[q]);
	}
	assert_int_equal(rte_eth_stats_get(l.to, &stats), 0);
	assert_int_equal(stats.ipackets, 6400);
	assert_int_equal(stats.ibytes, 120 * 6400);
	assert_int_equal(stats.imissed, 0);
	close_link(&l);
}

static void
set_reta(uint16_t port, uint16_t queue)
{
	struct rte_eth_rss_reta_entry64 reta[2] = {{.mask = UINT64_MAX}, {.mask = UINT64_MAX}};
	unsigned int i;

	for (i = 0; i < RETA; i++)
		reta[i / 64].reta[i % 64] = queue;
	assert_int_equal(rte_eth_dev_rss_reta_update(port, reta, RETA), 0);
}

/* All of them are for queue 1; queue 0 has the work of receiving them, and keeps none. */
static void
send_over(const struct link *l, unsigned int n)
{
	uint8_t bytes[128];
	unsigned int i;

	for (i = 0; i < n; i++) {
		uint32_t len = make(bytes, false, UDP, i, i);
		struct rte_mbuf *m;

		send_bytes(l, bytes, len);
		assert_int_equal(rte_eth_rx_burst(l->to, 0, &m, 1), 0);
	}
	expect_silence(l->to, 0);
}

static unsigned int
take_all(uint16_t port, uint16_t queue)
{
	struct rte_mbuf *m[32];
	unsigned int all = 0, n;

	while ((n = rte_eth_rx_burst(port, queue, m, 32)) > 0) {
		rte_pktmbuf_free_bulk(m, n);
		all += n;
	}
	return all;
}

/* A queue that nobody polls fills up: what comes then is dropped, and counted as such. */
static void
test_full(void **state)
{
	struct rte_eth_stats stats;
	struct link l;

	(void)state;
	open_link(&l, 2, ALL);
	set_reta(l.to, 1);
	send_over(&l, ROOM + 50);
	assert_int_equal(rte_eth_stats_get(l.to, &stats), 0);
	assert_int_equal(stats.imissed, 50);
	assert_int_equal(stats.ipackets, 0);
	assert_int_equal(xstat(l.to, "rx_q0_missed"), 50);
	assert_int_equal(take_all(l.to, 1), ROOM);
	assert_int_equal(queue_packets(l.to, 1), ROOM);
	assert_int_equal(queue_packets(l.to, 0), 0);
	send_over(&l, 1);
	assert_int_equal(take_all(l.to, 1), 1);

	/* What waits when the port stops goes back to its mempool; close looks for it. */
	send_over(&l, 20);
	close_link(&l);
}

/* A queue that is stopped gets nothing, and nothing old when it starts again. */
static void
test_stopped_queue(void **state)
{
	struct link l;

	(void)state;
	open_link(&l, 2, ALL);
	set_reta(l.to, 1);
	send_over(&l, 10);
	assert_int_equal(rte_eth_dev_rx_queue_stop(l.to, 1), 0);
	assert_int_equal(xstat(l.to, "rx_q0_missed"), 0);
	{
		uint8_t bytes[128];
		uint32_t len = make(bytes, false, UDP, 1, 1);
		struct rte_mbuf *m;
		unsigned int i;

		send_bytes(&l, bytes, len);
		for (i = 0; i < WAIT_STEPS && xstat(l.to, "rx_q0_missed") == 0; i++) {
			assert_int_equal(rte_eth_rx_burst(l.to, 0, &m, 1), 0);
			usleep(10);
		}
	}
	assert_int_equal(xstat(l.to, "rx_q0_missed"), 1);
	assert_int_equal(rte_eth_dev_rx_queue_start(l.to, 1), 0);
	assert_int_equal(take_all(l.to, 1), 0);
	send_over(&l, 5);
	assert_int_equal(take_all(l.to, 1), 5);

	/* RSS that is switched off leaves packets where they arrive. */
	assert_int_equal(rte_eth_dev_rss_hash_update(l.to, &(struct rte_eth_rss_conf){0}), 0);
	send_one(l.from, 0, make_frame(common_pool, 100, 1, 1));
	rte_pktmbuf_free(receive_one(l.to, 0));
	assert_int_equal(rte_eth_dev_rss_hash_update(
		l.to, &(struct rte_eth_rss_conf){.rss_hf = ALL}), 0);
	/* What has no hash goes where hash 0 does. */
	send_one(l.from, 0, make_frame(common_pool, 100, 1, 1));
	expect_silence(l.to, 0);
	assert_int_equal(take_all(l.to, 1), 1);
	close_link(&l);
}

/* Another number of queues, with RSS and without, on a port that was open. */
static void
test_again(void **state)
{
	static const struct port_setup setups[] = {
		{.queues = 2, .rss = ALL}, {.queues = QUEUES, .rss = ALL}, {.queues = QUEUES},
		{.queues = 1, .rss = ALL}, {.queues = 2, .rss = ALL},
		{.queues = QUEUES, .rss = ALL},
	};
	struct link l;
	unsigned int i;

	(void)state;
	NEEDS(is_native());
	open_link(&l, QUEUES, ALL);
	for (i = 0; i < RTE_DIM(setups); i++) {
		uint32_t by_queue[QUEUES] = {0};
		uint16_t q, got = 0;
		uint8_t bytes[128];
		uint32_t len, j;

		assert_int_equal(rte_eth_dev_stop(l.to), 0);
		configure(l.to, &setups[i]);
		start(l.to);
		wait_link(l.to, true);
		wait_link(l.from, true);
		for (j = 0; j < 64; j++) {
			len = make(bytes, false, UDP, j, j);
			send_bytes(&l, bytes, len);
		}
		for (j = 0; j < 100; j++) {
			for (q = 0; q < setups[i].queues; q++) {
				uint32_t n = take_all(l.to, q);

				got += n;
				by_queue[q] += n;
			}
		}
		assert_int_equal(got, 64);
		for (q = 0; q < setups[i].queues; q++)
			assert_int_equal(by_queue[q] != 0, q == 0 || setups[i].rss != 0);
	}
	close_link(&l);
}

struct poller {
	uint16_t port;
	uint16_t queue;
	bool stop;
	uint64_t got;
};

static void *
poll_queue(void *arg)
{
	struct poller *p = arg;
	struct rte_mbuf *m[32];

	while (!__atomic_load_n(&p->stop, __ATOMIC_RELAXED)) {
		uint16_t n = rte_eth_rx_burst(p->port, p->queue, m, 32);

		rte_pktmbuf_free_bulk(m, n);
		p->got += n;
	}
	return NULL;
}

/* Queues stop and start, and the table changes, while each has a thread: nothing leaks. */
static void
test_threads(void **state)
{
	struct poller pollers[QUEUES] = {{0}};
	pthread_t threads[QUEUES];
	struct rte_eth_stats stats;
	uint64_t sent = 0;
	unsigned int i, j;
	struct link l;

	(void)state;
	open_link(&l, QUEUES, ALL);
	for (i = 0; i < QUEUES; i++) {
		pollers[i] = (struct poller){.port = l.to, .queue = (uint16_t)i};
		assert_int_equal(pthread_create(&threads[i], NULL, poll_queue, &pollers[i]), 0);
	}
	for (i = 0; i < 200; i++) {
		for (j = 0; j < 32; j++, sent++) {
			uint8_t bytes[128];
			uint32_t len = make(bytes, j & 1, TCP, (uint32_t)rand(), j);

			send_bytes(&l, bytes, len);
		}
		if (i % 4 == 0)
			set_reta(l.to, (uint16_t)rand() % QUEUES);
		if (i % 5 == 0)
			assert_int_equal(rte_eth_dev_rx_queue_stop(l.to, 1 + i / 5 % 3), 0);
		if (i % 5 == 3)
			assert_int_equal(rte_eth_dev_rx_queue_start(l.to, 1 + i / 5 % 3), 0);
	}
	for (i = 0; i < QUEUES; i++) {
		__atomic_store_n(&pollers[i].stop, true, __ATOMIC_RELAXED);
		pthread_join(threads[i], NULL);
	}
	assert_int_equal(rte_eth_stats_get(l.to, &stats), 0);
	assert_int_equal(stats.ipackets,
			 pollers[0].got + pollers[1].got + pollers[2].got + pollers[3].got);
	assert_in_range(stats.ipackets + stats.imissed, 1, sent);
	close_link(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_known_hashes),
		TEST(test_types),
		TEST(test_short_packets),
		TEST(test_spread),
		TEST(test_full),
		TEST(test_stopped_queue),
		TEST(test_again),
		TEST(test_threads),
		TEST(test_configuration), /* last: it changes the key */
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
