/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * A port on a virtual function, against a model of the card of either family that sends back what it
 * is sent: frames of every length, and a card that lies about them.
 */

#include <string.h>

#include <rte_cycles.h>

#include "packet.h"
#include "vf_port.h"

static void
test_frames(void **state)
{
	const struct port_setup setup = {.queues = 2, .mtu = 9000,
					 .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	struct rte_ether_addr mac;
	size_t d;
	uint32_t len;
	uint16_t port;

	(void)state;
	for (d = 0; d < RTE_DIM(vf_devices); d++) {
		rig_begin(vf_devices[d]);
		port = vf_port(",queues=2,ring_size=128,slot_size=9216", &setup);
		assert_int_equal(rig->m.longest, 9018);
		assert_int_equal(rte_eth_macaddr_get(port, &mac), 0);
		assert_memory_equal(&mac, rig->m.mac, 6);
		for (len = 14; len <= 1522; len++)
			vf_one(port, len % 2, len, len, 1 + len / 600);
		for (len = 1523; len < 9022; len += 61)
			vf_one(port, len % 2, len, len, 1 + len / 2000);
		vf_one(port, 0, 9022, 1, 5);
		expect_no_violation(port);
		detach(port);
		rig_end();
	}
}

/* The shortest buffers, whole rings of them, in bursts that do not divide the ring. */
static void
bursts(uint16_t port, int rounds)
{
	static const uint16_t sizes[] = {1, 2, 31, 32, 33, 63};
	struct rte_mbuf *m[64];
	int round;
	size_t i;
	uint16_t k, n;

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < RTE_DIM(sizes); i++) {
			uint64_t end = rte_rdtsc() + 20 * rte_get_tsc_hz();
			uint16_t sent = 0, got = 0;

			for (k = 0; k < sizes[i]; k++)
				m[k] = make_frame(common_pool, 60 + k, (uint32_t)round + k, 1);
			while (sent < sizes[i])
				sent += rte_eth_tx_burst(port, 0, &m[sent], sizes[i] - sent);
			while (got < sizes[i]) {
				n = rte_eth_rx_burst(port, 0, m, 64);
				for (k = 0; k < n; k++, got++) {
					check_frame(m[k], 60u + got, (uint32_t)round + got);
					rte_pktmbuf_free(m[k]);
				}
				assert_true(rte_rdtsc() < end);
			}
		}
	}
}

static void
test_bursts(void **state)
{
	uint16_t port;
	size_t d;

	(void)state;
	for (d = 0; d < 2 * RTE_DIM(vf_devices); d++) {
		rig_begin(vf_devices[d % 2]);
		rig->refused = d >= 2; /* no mapping: the doorbell is a system call */
		port = vf_port(",ring_size=64", &(struct port_setup){.queues = 1});
		bursts(port, 25);
		expect_no_violation(port);
		assert_int_equal(rig->lost, 0);
		detach(port);
		rig_end();
	}
}

/* C1: every bit of the card's word wrong, one after the other; the next frame is right again. */
static void
test_C1_bits(void **state)
{
	struct rte_mbuf *m;
	size_t d;
	uint16_t port;
	uint32_t bit, i, other;

	(void)state;
	for (d = 0; d < RTE_DIM(vf_devices); d++) {
		rig_begin(vf_devices[d]);
		port = vf_port(",ring_size=64", &(struct port_setup){.queues = 1});
		for (bit = 1; bit < 64; bit++) {
			rig_hold();
			rig->m.lies.rx_xor = UINT64_C(1) << bit;
			rig_release();
			send_one(port, 0, make_frame(common_pool, 1000, bit, 1));
			for (i = 0, other = 0; i < 20; i++) {
				rte_delay_us_sleep(100);
				if (rte_eth_rx_burst(port, 0, &m, 1) == 0)
					continue;
				assert_true(m->pkt_len >= 14 && m->pkt_len <= 1522);
				assert_int_equal(m->nb_segs, 1);
				assert_true((m->ol_flags & ~RTE_MBUF_F_RX_RSS_HASH) == 0);
				other++;
				rte_pktmbuf_free(m);
			}
			assert_true(other <= 1);
			rig_hold();
			rig->m.lies.rx_xor = 0;
			rig_release();
			if (bit == 1) { /* its end: what comes next is taken for the rest of it */
				send_one(port, 0, make_frame(common_pool, 100, 1, 1));
				rte_delay_ms(5);
				assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 0);
			}
			vf_one(port, 0, 64 + bit, bit, 1);
		}
		assert_int_equal(xstat(port, "violation_rx_bad_chain"), 1);
		assert_true(xstat(port, "violation_rx_bad_length") >= 5);
		assert_int_equal(xstat(port, "rx_bad_frame"), 5);
		assert_int_equal(xstat(port, "resets"), 0);
		detach(port);
		rig_end();
	}
}

/* The card knows of the longest frame since its start; the port may take less by now. */
static void
test_smaller_mtu_at_run_time(void **state)
{
	const struct port_setup setup = {.queues = 1, .mtu = 9000,
					 .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	struct rte_mbuf *m;
	unsigned int i;
	size_t d;
	uint16_t port;

	(void)state;
	for (d = 0; d < RTE_DIM(vf_devices); d++) {
		rig_begin(vf_devices[d]);
		port = vf_port(",ring_size=64,slot_size=9216", &setup);
		assert_int_equal(rte_eth_dev_set_mtu(port, 1500), 0);
		send_one(port, 0, make_frame(common_pool, 4000, 1, 2));
		for (i = 0; i < WAIT_STEPS && xstat(port, "rx_q0_oversize") == 0; i++) {
			assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 0);
			rte_delay_us_sleep(1000);
		}
		assert_int_equal(xstat(port, "rx_q0_oversize"), 1);
		vf_one(port, 0, 1522, 2, 1);
		assert_int_equal(rte_eth_dev_set_mtu(port, 9000), 0);
		vf_one(port, 0, 4000, 3, 2);
		assert_int_equal(xstat(port, "resets"), 0);
		expect_no_violation(port);
		detach(port);
		rig_end();
	}
}

/*
 * C1: what the card says of checksums is not what the application hears: with the offload on, the
 * port has summed itself.
 */
static void
test_C1_checksums(void **state)
{
	const struct port_setup setup = {.queues = 1, .rx_offloads = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM |
								     RTE_ETH_RX_OFFLOAD_UDP_CKSUM};
	/* Summed: both, none; both, and wrong. */
	static const uint64_t words[] = {0x60, 0, 0x60000060};
	const uint64_t good = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	static uint8_t bytes[2048];
	struct packet k;
	struct rte_mbuf *m;
	uint16_t port;
	uint32_t i, wrong;
	size_t d;

	(void)state;
	for (d = 0; d < RTE_DIM(vf_devices); d++) {
		rig_begin(vf_devices[d]);
		port = vf_port(",ring_size=64", &setup);
		for (i = 0; i < 2 * RTE_DIM(words); i++) {
			wrong = i % 2;
			packet_make(&k, false, false, 200);
			k.options = 0;
			k.pad = 0;
			packet_bytes(&k, bytes);
			packet_finish(&k, bytes);
			bytes[packet_len(&k) - 1] ^= (uint8_t)wrong;
			rig_hold();
			rig->m.lies.rx_xor = words[i / 2] & (d == 0 ? ~0u : ~0x20000000u);
			rig_release();
			m = rte_pktmbuf_alloc(common_pool);
			memcpy(rte_pktmbuf_append(m, (uint16_t)packet_len(&k)), bytes,
			       packet_len(&k));
			send_one(port, 0, m);
			m = receive_one(port, 0);
			assert_true((m->ol_flags & good) ==
				    (wrong != 0 ? RTE_MBUF_F_RX_IP_CKSUM_GOOD : good));
			assert_true(wrong == 0 || (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) ==
							  RTE_MBUF_F_RX_L4_CKSUM_BAD);
			rte_pktmbuf_free(m);
		}
		rig_hold();
		rig->m.lies.rx_xor = 0;
		rig_release();
		detach(port);
		rig_end();
	}
}

struct scribbler {
	uint8_t *mem;
	uint64_t len;
	uint32_t quit;
};

static void *
scribble(void *arg)
{
	struct scribbler *s = arg;
	uint64_t x = 88172645463325252u;

	while (__atomic_load_n(&s->quit, __ATOMIC_RELAXED) == 0) {
		uint64_t at;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		/* Mostly the rings, which are at the front: done, whole, of any length. */
		at = (x & 7) != 0 ? x % 2048 : x % s->len;
		__atomic_store_n((uint64_t *)(s->mem + (at & ~UINT64_C(7))),
				 (x & 16) != 0 ? (x & UINT64_C(0x7ff00000000)) | 3 : x,
				 __ATOMIC_RELAXED);
	}
	return NULL;
}

/* C1, T1: the whole shared memory is written to at full speed, during traffic; then all is well. */
static void
test_C1_scribbler(void **state)
{
	struct rte_mbuf *m[32];
	struct scribbler s = {0};
	uint64_t received = 0, end;
	pthread_t thread;
	uint16_t port, n, k;
	size_t d;

	(void)state;
	for (d = 0; d < RTE_DIM(vf_devices); d++) {
		rig_begin(vf_devices[d]);
		port = vf_port(",ring_size=64", &(struct port_setup){.queues = 1});
		rig_hold();
		s.mem = rig->m.mem;
		s.len = rig->m.len;
		rig->m.regs[rig->m.mailbox / 4] = 0;
		rig_release();
		s.quit = 0;
		assert_int_equal(pthread_create(&thread, NULL, scribble, &s), 0);
		end = rte_rdtsc() + rte_get_tsc_hz();
		while (rte_rdtsc() < end) {
			for (k = 0; k < 32; k++)
				m[k] = make_frame(common_pool, 60 + k, k, 1);
			n = rte_eth_tx_burst(port, 0, m, 32);
			rte_pktmbuf_free_bulk(&m[n], 32u - n);
			n = rte_eth_rx_burst(port, 0, m, 32);
			for (k = 0; k < n; k++) {
				assert_true(m[k]->pkt_len >= 14 && m[k]->pkt_len <= 1522);
				rte_mbuf_sanity_check(m[k], 1);
			}
			rte_pktmbuf_free_bulk(m, n);
			received += n;
		}
		__atomic_store_n(&s.quit, 1, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
		assert_true(received > 0);
		assert_true(xstat(port, "violation_rx_bad_length") > 0);
		assert_int_equal(rte_eth_dev_stop(port), 0);
		wait_stopped();
		/* The card went where it was sent: that was the scribbler's doing, not ours. */
		rig_hold();
		rig->m.beyond = false;
		rig->m.error = NULL;
		rig_release();
		start(port);
		wait_link(port, true);
		bursts(port, 2);
		detach(port);
		rig_end();
	}
}

/* D1, D3: no byte behind a frame, and no address of ours, is ever in the shared memory. */
static void
test_disclosure(void **state)
{
	static const uint8_t secret[8] = {0xd5, 0x9c, 0x1e, 0x77, 0xb0, 0x42, 0xee, 0x38};
	struct rte_mbuf *m;
	uint64_t i, value;
	uint32_t len, at;
	uint16_t port;

	(void)state;
	rig_begin(0x10ca);
	port = vf_port(",ring_size=64", &(struct port_setup){.queues = 1});
	for (len = 14; len <= 1522; len++) {
		m = make_frame(common_pool, len, len, 1);
		for (at = len; at + 8 <= 2048; at += 8)
			memcpy(rte_pktmbuf_mtod(m, uint8_t *) + at, secret, 8);
		memcpy(m->buf_addr, secret, 8);
		send_one(port, 0, m);
		m = receive_one(port, 0);
		rte_pktmbuf_free(m);
	}
	rig_hold();
	for (i = 0; i + 8 <= rig->m.len; i++)
		assert_true(memcmp(rig->m.mem + i, secret, 8) != 0);
	for (i = 0; i + 8 <= rig->m.len; i += 8) {
		memcpy(&value, rig->m.mem + i, 8);
		if (value >= (uintptr_t)rig->m.mem && value < (uintptr_t)rig->m.mem + rig->m.len)
			fail_msg("an address of ours at %lu", (unsigned long)i);
	}
	rig_release();
	detach(port);
	rig_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_frames),
		TEST(test_bursts),
		TEST(test_smaller_mtu_at_run_time),
		TEST(test_C1_bits),
		TEST(test_C1_checksums),
		TEST(test_C1_scribbler),
		TEST(test_disclosure),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
