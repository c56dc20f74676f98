/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Metadata of mbufs, without a port: what is sent partial is what the receiver completes. */

#include <errno.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "folio_meta.h"
#include "pair.h"

#define ETH sizeof(struct rte_ether_hdr)
#define IP4 sizeof(struct rte_ipv4_hdr)
#define IP6 sizeof(struct rte_ipv6_hdr)
#define TCP sizeof(struct rte_tcp_hdr)
#define UDP sizeof(struct rte_udp_hdr)
#define LONGEST 4000

/* A packet as an application leaves it for a card that computes checksums. */
static struct rte_mbuf *
packet(bool v6, bool tcp, uint32_t payload)
{
	uint32_t l3_len = v6 ? IP6 : IP4, l4_len = tcp ? TCP : UDP;
	struct rte_mbuf *m = rte_pktmbuf_alloc(common_pool);
	uint8_t *data, *ip;
	uint32_t i;

	assert_non_null(m);
	data = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(ETH + l3_len + l4_len + payload));
	assert_non_null(data);
	for (i = 0; i < m->pkt_len; i++)
		data[i] = (uint8_t)(i * 7 + payload);
	ip = data + ETH;
	if (v6) {
		struct rte_ipv6_hdr *h = (void *)ip;

		h->vtc_flow = rte_cpu_to_be_32(6u << 28);
		h->payload_len = rte_cpu_to_be_16((uint16_t)(l4_len + payload));
		h->proto = tcp ? IPPROTO_TCP : IPPROTO_UDP;
	} else {
		struct rte_ipv4_hdr *h = (void *)ip;

		h->version_ihl = RTE_IPV4_VHL_DEF;
		h->total_length = rte_cpu_to_be_16((uint16_t)(IP4 + l4_len + payload));
		h->next_proto_id = tcp ? IPPROTO_TCP : IPPROTO_UDP;
	}
	m->l2_len = ETH;
	m->l3_len = l3_len;
	m->l4_len = l4_len;
	m->ol_flags = (v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4) |
		      (tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM);
	return m;
}

/* As received: the same bytes in segments of `room` bytes. */
static struct rte_mbuf *
received(const struct rte_mbuf *sent, uint32_t room)
{
	struct rte_mbuf *first = NULL, *m;
	uint8_t bytes[LONGEST];
	const uint8_t *data = rte_pktmbuf_read(sent, 0, sent->pkt_len, bytes);
	uint32_t done, part;

	for (done = 0; done < sent->pkt_len; done += part) {
		part = RTE_MIN(room, sent->pkt_len - done);
		m = rte_pktmbuf_alloc(common_pool);
		assert_non_null(m);
		memcpy(rte_pktmbuf_append(m, (uint16_t)part), data + done, part);
		if (first == NULL)
			first = m;
		else
			assert_int_equal(rte_pktmbuf_chain(first, m), 0);
	}
	return first;
}

static void
check_complete(const struct rte_mbuf *m, bool v6, uint32_t l4)
{
	uint8_t bytes[LONGEST];
	const uint8_t *data = rte_pktmbuf_read(m, 0, m->pkt_len, bytes);

	assert_int_equal(v6 ? rte_ipv6_udptcp_cksum_verify((const void *)(data + ETH), data + l4)
			    : rte_ipv4_udptcp_cksum_verify((const void *)(data + ETH), data + l4),
			 0);
}

/* Odd and even payloads, whole or in segments of odd and even lengths, the field cut in two. */
static void
test_checksum(void **state)
{
	static const uint32_t rooms[] = {9, 17, 41, 51, 64, 71, 100, 2000};
	uint32_t kind, payload, i;

	(void)state;
	for (kind = 0; kind < 4; kind++) {
		bool v6 = (kind & 1) != 0, tcp = (kind & 2) != 0;

		for (payload = 0; payload < 120; payload++) {
			struct rte_mbuf *m = packet(v6, tcp, payload), *r;
			struct folio_meta meta;

			assert_int_equal(folio_meta_of_mbuf(m, &meta), 1);
			assert_true(folio_meta_valid(&meta, m->pkt_len));
			assert_int_equal(meta.csum_start, m->l2_len + m->l3_len);
			assert_int_equal(meta.csum_offset, tcp ? 16 : 6);
			assert_int_equal(meta.gso_type, FOLIO_GSO_NONE);
			for (i = 0; i < RTE_DIM(rooms); i++) {
				r = received(m, rooms[i]);
				folio_meta_to_mbuf(r, &meta);
				check_complete(r, v6, meta.csum_start);
				assert_true(r->ol_flags == 0);
				rte_pktmbuf_free(r);
			}
			rte_pktmbuf_free(m);
		}
	}
}

/* Carries are not lost, and a sum of 0 is sent as 0xffff. */
static void
test_sums(void **state)
{
	struct rte_mbuf *m = packet(false, true, 1400), *r;
	struct folio_meta meta;
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	uint16_t *field, sum;

	(void)state;
	memset(data + ETH + IP4 + TCP, 0xff, 1400);
	assert_int_equal(folio_meta_of_mbuf(m, &meta), 1);
	r = received(m, 701);
	folio_meta_to_mbuf(r, &meta);
	check_complete(r, false, meta.csum_start);
	rte_pktmbuf_free(r);

	/* The last two bytes take what is missing for a sum of 0xffff, which is a checksum of 0. */
	rte_pktmbuf_free(m);
	m = packet(false, false, 100);
	data = rte_pktmbuf_mtod(m, uint8_t *);
	memset(data + m->pkt_len - 2, 0, 2);
	assert_int_equal(folio_meta_of_mbuf(m, &meta), 1);
	sum = rte_raw_cksum(data + meta.csum_start, m->pkt_len - meta.csum_start);
	sum = (uint16_t)~sum;
	memcpy(data + m->pkt_len - 2, &sum, 2);
	folio_meta_to_mbuf(m, &meta);
	field = (uint16_t *)(data + meta.csum_start + meta.csum_offset);
	assert_int_equal(*field, 0xffff);
	rte_pktmbuf_free(m);
}

static void
test_segments(void **state)
{
	uint32_t v6;

	(void)state;
	for (v6 = 0; v6 < 2; v6++) {
		struct rte_mbuf *m = packet(v6 != 0, true, 1801);
		struct folio_meta meta;

		m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
		m->tso_segsz = 500;
		assert_int_equal(folio_meta_of_mbuf(m, &meta), 1);
		assert_true(folio_meta_valid(&meta, m->pkt_len));
		assert_int_equal(meta.gso_type, v6 ? FOLIO_GSO_TCP6 : FOLIO_GSO_TCP4);
		assert_int_equal(meta.gso_size, 500);
		assert_int_equal(meta.hdr_len, ETH + (v6 ? IP6 : IP4) + TCP);
		m->ol_flags = 0;
		folio_meta_to_mbuf(m, &meta);
		assert_true(m->ol_flags == RTE_MBUF_F_RX_LRO);
		assert_int_equal(m->tso_segsz, 500);
		assert_int_equal(m->l2_len, 0);
		check_complete(m, v6 != 0, meta.csum_start);
		rte_pktmbuf_free(m);

		/* One segment. */
		m = packet(v6 != 0, true, 500);
		m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
		m->tso_segsz = 500;
		assert_int_equal(folio_meta_of_mbuf(m, &meta), 1);
		assert_int_equal(meta.gso_type, FOLIO_GSO_NONE);
		assert_int_equal(meta.gso_size, 0);
		rte_pktmbuf_free(m);
	}
}

/* A packet is altered; the answer is `expected`, and the packet is as it was unless that is 1. */
#define CHECK(expected, change)                                              \
	do {                                                                 \
		struct rte_mbuf *m = packet(false, true, 1000), *copy;       \
		struct folio_meta meta;                                      \
									     \
		change;                                                      \
		copy = received(m, 2000);                                    \
		assert_int_equal(folio_meta_of_mbuf(m, &meta), expected);    \
		assert_memory_equal(rte_pktmbuf_mtod(m, void *),             \
				    rte_pktmbuf_mtod(copy, void *), m->data_len); \
		rte_pktmbuf_free(copy);                                      \
		rte_pktmbuf_free(m);                                         \
	} while (0)

static void
test_refusals(void **state)
{
	(void)state;
	CHECK(0, m->ol_flags = 0);
	CHECK(0, m->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM);
	CHECK(-ENOTSUP, m->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_SCTP_CKSUM);
	CHECK(-ENOTSUP, m->ol_flags = RTE_MBUF_F_TX_TCP_CKSUM); /* of which IP? */
	CHECK(-ENOTSUP, m->ol_flags |= RTE_MBUF_F_TX_TUNNEL_VXLAN);
	CHECK(-ENOTSUP, m->ol_flags |= RTE_MBUF_F_TX_UDP_SEG);
	CHECK(-ENOTSUP, m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG); /* of no size */
	CHECK(-ENOTSUP, (m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG, m->tso_segsz = 100, m->l4_len = 0));
	CHECK(-ENOTSUP, m->l2_len = 0);
	CHECK(-ENOTSUP, m->l2_len = 18);
	CHECK(-ENOTSUP, m->l3_len = 0);
	CHECK(-ENOTSUP, m->l3_len = 24);
	CHECK(-ENOTSUP, rte_pktmbuf_append(m, 4)); /* bytes behind the IP packet */
	CHECK(-ENOTSUP, rte_pktmbuf_trim(m, 1));
	CHECK(-ENOTSUP, rte_pktmbuf_trim(m, (uint16_t)(m->pkt_len - ETH - IP4 - TCP + 1)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_checksum),
		TEST(test_sums),
		TEST(test_segments),
		TEST(test_refusals),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
