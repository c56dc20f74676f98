/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * One side of a conversation in which every byte is checked: sends frames of all lengths on every
 * queue as fast as it can, and verifies what it receives. A frame carries its sender's random
 * identity, queue, sequence number and length; the rest follows from these. Prints a line of
 * counters ten times a second. Ends on SIGTERM or SIGINT; exit status 1 if anything was wrong.
 *
 * verify EAL-ARGUMENTS -- [--queues N] [--max-len BYTES]
 */

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_random.h>

#include "frame.h"

#define BURST 16
#define MBUFS 8191
#define QUEUES_MAX 16
#define LEN_MIN FRAME_LEN_MIN

struct counters {
	uint64_t sent;
	uint64_t received;
	uint64_t bad;	   /* length, queue or contents are wrong */
	uint64_t order;	   /* sequence did not grow within one sender's life */
};

static volatile sig_atomic_t stop;
static struct counters count;
static uint32_t max_len = 1518;
static uint16_t queues = 1;
static uint64_t identity, next_sequence[QUEUES_MAX];
static uint64_t peer_identity[QUEUES_MAX], last_sequence[QUEUES_MAX];

static void
on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* Spread the frame over the mbufs it needs. */
static struct rte_mbuf *
make_frame(struct rte_mempool *pool, uint16_t queue)
{
	static _Alignas(8) uint8_t frame[65536];
	struct tag *t = (struct tag *)frame;
	struct rte_mbuf *head = NULL, *last = NULL;
	uint32_t done;

	*t = (struct tag){.dst = {2, 0, 0, 0, 0, 1}, .src = {2, 0, 0, 0, 0, 2},
			  .ether_type = rte_cpu_to_be_16(0x88b5), .queue = queue,
			  .identity = identity, .sequence = next_sequence[queue]};
	t->len = LEN_MIN + (uint32_t)rte_rand_max(max_len - LEN_MIN + 1);
	frame_body(frame, t, true);
	for (done = 0; done < t->len;) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		uint16_t part;

		if (m == NULL) {
			rte_pktmbuf_free(head);
			return NULL;
		}
		part = (uint16_t)RTE_MIN(t->len - done, (uint32_t)rte_pktmbuf_tailroom(m));
		memcpy(rte_pktmbuf_append(m, part), frame + done, part);
		done += part;
		if (head == NULL) {
			head = m;
		} else {
			last->next = m;
			head->nb_segs++;
			head->pkt_len += part;
		}
		last = m;
	}
	next_sequence[queue]++;
	return head;
}

static void
check_frame(const struct rte_mbuf *m, uint16_t queue)
{
	static _Alignas(8) uint8_t copy[65536];
	const struct tag *t = (const struct tag *)copy;
	const uint8_t *data = rte_pktmbuf_read(m, 0, m->pkt_len, copy);

	count.received++;
	if (data == NULL || m->pkt_len < sizeof(*t)) {
		count.bad++;
		return;
	}
	if (data != copy)
		memcpy(copy, data, m->pkt_len);
	if (t->len != m->pkt_len || t->queue != queue || frame_body(copy, t, false) != 0) {
		count.bad++;
		return;
	}
	if (t->identity != peer_identity[queue])
		peer_identity[queue] = t->identity;
	else if (t->sequence <= last_sequence[queue])
		count.order++;
	last_sequence[queue] = t->sequence;
}

static void
poll_queue(uint16_t port, uint16_t queue, struct rte_mempool *pool)
{
	struct rte_mbuf *m[BURST];
	uint16_t n, sent, i;

	n = rte_eth_rx_burst(port, queue, m, BURST);
	for (i = 0; i < n; i++)
		check_frame(m[i], queue);
	rte_pktmbuf_free_bulk(m, n);

	for (n = 0; n < BURST; n++) {
		m[n] = make_frame(pool, queue);
		if (m[n] == NULL)
			break;
	}
	sent = rte_eth_tx_burst(port, queue, m, n);
	count.sent += sent;
	rte_pktmbuf_free_bulk(&m[sent], n - sent);
}

static void
run(uint16_t port, struct rte_mempool *pool)
{
	uint64_t period = rte_get_timer_hz() / 10, next = 0;
	uint16_t q;

	while (!stop) {
		for (q = 0; q < queues; q++)
			poll_queue(port, q, pool);
		if (rte_get_timer_cycles() >= next) {
			next = rte_get_timer_cycles() + period;
			printf("sent %" PRIu64 " received %" PRIu64 " bad %" PRIu64
			       " order %" PRIu64 "\n",
			       count.sent, count.received, count.bad, count.order);
			fflush(stdout);
		}
	}
}

static int
parse_args(int argc, char **argv)
{
	static const struct option options[] = {
		{"queues", required_argument, NULL, 'q'},
		{"max-len", required_argument, NULL, 'l'},
		{NULL, 0, NULL, 0},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'q')
			queues = (uint16_t)atoi(optarg);
		else if (opt == 'l')
			max_len = (uint32_t)atoi(optarg);
		else
			return -1;
	}
	return queues >= 1 && queues <= QUEUES_MAX && max_len > LEN_MIN && max_len <= 65000 ? 0
											    : -1;
}

static int
start_port(uint16_t port, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {
		.rxmode = {.mtu = (uint16_t)RTE_MAX(max_len, (uint32_t)RTE_ETHER_MTU),
			   .offloads = RTE_ETH_RX_OFFLOAD_SCATTER},
		.txmode = {.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS},
	};
	struct rte_eth_dev_info info;
	uint16_t q;
	int ret;

	ret = rte_eth_dev_info_get(port, &info);
	if (ret != 0)
		return ret;
	/* net_vhost makes chains, and says that it cannot. */
	conf.rxmode.offloads &= info.rx_offload_capa;
	ret = rte_eth_dev_configure(port, queues, queues, &conf);
	for (q = 0; q < queues && ret == 0; q++) {
		ret = rte_eth_rx_queue_setup(port, q, 0, SOCKET_ID_ANY, NULL, pool);
		if (ret == 0)
			ret = rte_eth_tx_queue_setup(port, q, 0, SOCKET_ID_ANY, NULL);
	}
	return ret != 0 ? ret : rte_eth_dev_start(port);
}

int
main(int argc, char **argv)
{
	struct rte_mempool *pool;
	unsigned int lost;
	int eal_args;

	eal_args = rte_eal_init(argc, argv);
	if (eal_args < 0)
		return 2;
	if (parse_args(argc - eal_args, argv + eal_args) != 0) {
		fprintf(stderr, "usage: verify EAL -- [--queues 1-%d] [--max-len %d-65000]\n",
			QUEUES_MAX, LEN_MIN + 1);
		return 2;
	}
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	rte_srand(rte_rdtsc() ^ (uint64_t)getpid() << 32);
	identity = rte_rand();
	pool = rte_pktmbuf_pool_create("pool", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	if (pool == NULL || start_port(0, pool) != 0) {
		fprintf(stderr, "verify: cannot start port 0\n");
		return 2;
	}
	run(0, pool);
	rte_eth_dev_stop(0);
	rte_eth_dev_close(0);
	lost = rte_mempool_in_use_count(pool);
	printf("end: sent %" PRIu64 " received %" PRIu64 " bad %" PRIu64 " order %" PRIu64
	       " mbufs lost %u\n", count.sent, count.received, count.bad, count.order, lost);
	rte_mempool_free(pool);
	rte_eal_cleanup();
	return count.bad != 0 || count.order != 0 || lost != 0;
}
