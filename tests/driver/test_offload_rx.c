/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Checksums and packet types on receive: what the port says of a packet is compared with what this
 * file knows of it.
 */

#include <stdlib.h>
#include <string.h>

#include "packet.h"
#include "pair.h"

#define CKSUMS (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM | \
		RTE_ETH_RX_OFFLOAD_TCP_CKSUM)
#define L2 14u
#define TAG 4u

#define IP_FLAGS RTE_MBUF_F_RX_IP_CKSUM_MASK
#define L4_FLAGS RTE_MBUF_F_RX_L4_CKSUM_MASK
#define IP_GOOD RTE_MBUF_F_RX_IP_CKSUM_GOOD
#define IP_BAD RTE_MBUF_F_RX_IP_CKSUM_BAD
#define L4_GOOD RTE_MBUF_F_RX_L4_CKSUM_GOOD
#define L4_BAD RTE_MBUF_F_RX_L4_CKSUM_BAD

/* A pool whose mbufs hold 128 bytes, so that most packets are chains. */
static struct rte_mempool *small_pool;

/* The receiver is folio's port. */
struct link {
	struct pair pair;
	uint16_t from;
	uint16_t to;
};

static void
open_link(struct link *l, uint64_t offloads, bool chains)
{
	struct port_setup setup = {
		.mtu = 2000,
		.rx_offloads = offloads | RTE_ETH_RX_OFFLOAD_SCATTER,
		.tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS,
	};

	srand(1);
	if (chains) {
		small_pool = rte_pktmbuf_pool_create("small", 4095, 0, 0,
						     RTE_PKTMBUF_HEADROOM + 128, SOCKET_ID_ANY);
		assert_non_null(small_pool);
		setup.pool = small_pool;
	}
	pair_open(&l->pair, "", "", &setup);
	l->from = pair_sender(&l->pair);
	l->to = pair_receiver(&l->pair);
}

static void
close_link(struct link *l)
{
	pair_close(&l->pair);
	rte_mempool_free(small_pool);
	small_pool = NULL;
}

static struct rte_mbuf *
pass(const struct link *l, const uint8_t *bytes, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(common_pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), bytes, len);
	send_one(l->from, 0, m);
	m = receive_one(l->to, 0);
	assert_int_equal(m->pkt_len, len);
	return m;
}

/* Send these bytes; this is what has to be said of them. */
static void
expect(const struct link *l, const uint8_t *bytes, uint32_t len, uint64_t flags)
{
	struct rte_mbuf *m = pass(l, bytes, len);

	if (m->ol_flags != flags)
		fail_msg("flags 0x%" PRIx64 ", not 0x%" PRIx64, m->ol_flags, flags);
	rte_pktmbuf_free(m);
}

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Of a packet with both checksums right; IPv6 without extension headers. */
static uint32_t
make(struct packet *k, uint8_t *bytes, bool v6, bool tcp, uint32_t payload)
{
	packet_make(k, v6, tcp, payload);
	k->options = v6 ? 0 : k->options;
	packet_bytes(k, bytes);
	memset(bytes + L2 + 20, 1, v6 ? 0 : k->options); /* no-operation */
	packet_finish(k, bytes);
	return packet_len(k);
}

static void
finish_ipv4(uint8_t *ip)
{
	put16(ip + 10, 0);
	put16(ip + 10, internet_checksum(ip, (ip[0] & 0xf) * 4u));
}

/* n tags between the addresses and what follows. */
static uint32_t
add_tags(uint8_t *bytes, uint32_t len, unsigned int n)
{
	memmove(bytes + 12 + n * TAG, bytes + 12, len - 12);
	if (n == 2)
		put16(bytes + 12, 0x88a8);
	if (n > 0)
		put16(bytes + 8 + n * TAG, 0x8100);
	return len + n * TAG;
}

static uint64_t
expected(const struct packet *k, const uint8_t *bytes)
{
	const uint8_t *ip = bytes + L2;
	uint64_t flags;

	flags = l4_checksum(ip, k->v6, packet_l3_len(k), packet_l4_len(k) + k->payload,
			    k->tcp ? 6 : 17) == 0 ? L4_GOOD : L4_BAD;
	if (!k->v6)
		flags |= internet_checksum(ip, packet_l3_len(k)) == 0 ? IP_GOOD : IP_BAD;
	return flags;
}

/* Any packet, with a wrong bit or without, tagged or not. */
static void
check_checksums(bool chains)
{
	static uint8_t bytes[2048];
	unsigned int i, good = 0;
	struct packet k;
	struct link l;

	open_link(&l, CKSUMS, chains);
	for (i = 0; i < 3000; i++) {
		uint32_t len = make(&k, bytes, i & 1, (i & 2) != 0,
				    i < 800 ? i / 4 : (uint32_t)rand() % 1400);
		uint32_t body = L2 + packet_l3_len(&k) + (k.tcp ? 14 : 6);
		uint64_t flags;

		/* Of what is summed only: no length, no header that leads elsewhere. */
		if (rand() % 3 == 0)
			bytes[body + (uint32_t)rand() % (len - body)] ^= 1 << rand() % 8;
		if (rand() % 5 == 0)
			bytes[L2 + (k.v6 ? 8 : 12)] ^= 1 << rand() % 8;
		if (!k.v6 && rand() % 5 == 0)
			bytes[L2 + 10] ^= 1 << rand() % 8;
		if (!k.tcp && bytes[body] == 0 && bytes[body + 1] == 0)
			continue;
		flags = expected(&k, bytes);
		good += (flags & L4_FLAGS) == L4_GOOD;
		len = add_tags(bytes, len, (unsigned int)rand() % 3);
		if (rand() % 3 == 0) { /* padding */
			bytes[len] = (uint8_t)rand();
			bytes[len + 1] = (uint8_t)rand();
			len += 1 + rand() % 2;
		}
		expect(&l, bytes, len, flags);
	}
	assert_in_range(good, 500, 2500);
	close_link(&l);
}

static void
test_checksums(void **state)
{
	(void)state;
	check_checksums(false);
}

static void
test_checksums_of_chains(void **state)
{
	(void)state;
	check_checksums(true);
}

/* What cannot be verified is neither good nor bad; each case is a good packet that was changed. */
static void
check_unknown(bool chains)
{
	static uint8_t bytes[2048];
	struct packet k;
	struct link l;
	unsigned int i;

	open_link(&l, CKSUMS, chains);
	for (i = 0; i < 15; i++) {
		bool v6 = i >= 9 && i < 13;
		uint32_t len = make(&k, bytes, v6, i == 13 || i == 14, 100);
		uint8_t *ip = bytes + L2, *l4 = ip + packet_l3_len(&k);
		uint64_t flags = v6 ? 0 : IP_GOOD;

		switch (i) {
		case 0: put16(l4 + 6, 0); break;	   /* no checksum */
		case 1: put16(ip + 6, 0x2000); break;	   /* more fragments */
		case 2: put16(ip + 6, 1); break;	   /* a later one */
		case 3: put16(ip + 2, 19); break;	   /* total length: less than the header */
		case 4: put16(ip + 2, len - L2 + 1); break; /* more than there is */
		case 5: put16(ip + 2, packet_l3_len(&k) + 7); break; /* no room for UDP's header */
		case 6: put16(l4 + 4, 7); break;	   /* UDP's length: less than its header */
		case 7: put16(l4 + 4, 109); break;	   /* more than there is */
		case 8: ip[9] = 132; break;		   /* SCTP */
		case 9: put16(ip + 4, len - L2 - 40 + 1); break;
		case 10: ip[6] = 59; break;		   /* nothing follows */
		case 11: ip[6] = 44; break;		   /* a fragment header */
		case 12: ip[6] = 43; l4[0] = 17; l4[1] = 0; break; /* a routing header */
		case 13: put16(ip + 2, packet_l3_len(&k) + 19); break; /* no room for TCP's */
		case 14: ip[0] = 0x44; flags = 0; break;   /* a header of 16 bytes */
		}
		if (!v6 && flags != 0)
			finish_ipv4(ip);
		expect(&l, bytes, len, flags);
		/* The header's own checksum is judged all the same. */
		if (!v6 && flags != 0) {
			ip[10] ^= 1;
			expect(&l, bytes, len, IP_BAD);
		}
	}
	memset(bytes, 0, 64);
	for (i = 14; i <= 64; i++) {
		put16(bytes + 12, i % 3 == 0 ? 0x0806 : i % 3 == 1 ? 0x0800 : 0x86dd);
		expect(&l, bytes, i, 0);
	}
	close_link(&l);
}

static void
test_unknown(void **state)
{
	(void)state;
	check_unknown(false);
}

static void
test_unknown_of_chains(void **state)
{
	(void)state;
	check_unknown(true);
}

/* UDP or TCP behind extension headers that don't change what is summed. */
static void
test_extension_headers(void **state)
{
	static const uint8_t next[] = {0, 60};
	static uint8_t bytes[2048];
	struct packet k;
	struct link l;
	unsigned int i;

	(void)state;
	open_link(&l, CKSUMS, false);
	for (i = 0; i < 200; i++) {
		uint8_t proto, *ip = bytes + L2;
		uint32_t ext = 8 + 8 * ((uint32_t)rand() % 5), at = L2 + 40;

		packet_make(&k, true, i & 1, (uint32_t)rand() % 500);
		k.options = 2 * ext;
		packet_bytes(&k, bytes);
		packet_finish(&k, bytes);
		proto = ip[6];
		ip[6] = next[0];
		bytes[at] = next[1];
		bytes[at + 1] = (uint8_t)(ext / 8 - 1);
		bytes[at + ext] = proto;
		bytes[at + ext + 1] = (uint8_t)(ext / 8 - 1);
		expect(&l, bytes, packet_len(&k), L4_GOOD);
		bytes[packet_len(&k) - 1] ^= 1;
		expect(&l, bytes, packet_len(&k), L4_BAD);
		/* A routing header behind the first: the last destination is elsewhere. */
		bytes[packet_len(&k) - 1] ^= 1;
		bytes[at] = 43;
		expect(&l, bytes, packet_len(&k), 0);
	}
	close_link(&l);
}

/* Each for itself; and a port that was asked for nothing says nothing. */
static void
test_each_offload(void **state)
{
	static const uint64_t each[] = {0, RTE_ETH_RX_OFFLOAD_IPV4_CKSUM,
					RTE_ETH_RX_OFFLOAD_UDP_CKSUM, RTE_ETH_RX_OFFLOAD_TCP_CKSUM};
	static uint8_t bytes[2048];
	struct packet k;
	struct link l;
	unsigned int i, j;

	(void)state;
	for (i = 0; i < RTE_DIM(each); i++) {
		open_link(&l, each[i], false);
		for (j = 0; j < 8; j++) {
			uint32_t len = make(&k, bytes, j & 1, (j & 2) != 0, 100);
			uint64_t flags;

			if (j & 4) {
				bytes[L2 + 10] ^= 1;
				bytes[len - 1] ^= 1;
			}
			flags = expected(&k, bytes);
			flags &= (i == 1 ? IP_FLAGS : 0) |
				 (i == 2 && !k.tcp ? L4_FLAGS : 0) |
				 (i == 3 && k.tcp ? L4_FLAGS : 0);
			expect(&l, bytes, len, flags);
		}
		close_link(&l);
	}
}

static uint32_t
type_of(const struct link *l, const uint8_t *bytes, uint32_t len)
{
	struct rte_mbuf *m = pass(l, bytes, len);
	uint32_t type = m->packet_type;

	rte_pktmbuf_free(m);
	return type;
}

static bool
has_type(uint16_t port, uint32_t type)
{
	uint32_t types[32];
	int i, n = rte_eth_dev_get_supported_ptypes(port, RTE_PTYPE_ALL_MASK, types, 32);

	for (i = 0; i < n; i++) {
		if (types[i] == type)
			return true;
	}
	return false;
}

static void
check_types(const struct link *l, uint32_t mask)
{
	static uint8_t bytes[2048];
	struct packet k;
	unsigned int i;

	for (i = 0; i < 64; i++) {
		bool v6 = i & 1, tcp = (i & 2) != 0, fragment = (i & 48) == 48;
		uint32_t len = make(&k, bytes, v6, tcp, 100);
		uint32_t type, l3, tags = i / 4 % 3;

		l3 = v6 ? RTE_PTYPE_L3_IPV6 : k.options != 0 ? RTE_PTYPE_L3_IPV4_EXT
							     : RTE_PTYPE_L3_IPV4;
		if (fragment && v6) {
			bytes[L2 + 6] = 44;
			l3 = RTE_PTYPE_L3_IPV6_EXT;
		} else if (fragment) {
			put16(bytes + L2 + 6, 0x2000);
		}
		type = l3 | (fragment ? RTE_PTYPE_L4_FRAG
				      : tcp ? RTE_PTYPE_L4_TCP : RTE_PTYPE_L4_UDP);
		type |= tags == 2 ? RTE_PTYPE_L2_ETHER_QINQ : tags == 1 ? RTE_PTYPE_L2_ETHER_VLAN
									 : RTE_PTYPE_L2_ETHER;
		len = add_tags(bytes, len, tags);
		assert_int_equal(type_of(l, bytes, len), type & mask);
		assert_true(has_type(l->to, type & RTE_PTYPE_L2_MASK));
		assert_true(has_type(l->to, type & RTE_PTYPE_L3_MASK));
		assert_true(has_type(l->to, type & RTE_PTYPE_L4_MASK));
	}
}

/* They come with checksums, or when they are asked for; also while the port runs. */
static void
test_packet_types(void **state)
{
	const uint32_t l3_and_l4 = RTE_PTYPE_L3_MASK | RTE_PTYPE_L4_MASK;
	static uint8_t bytes[2048];
	uint32_t set[4], len;
	struct packet k;
	struct link l;

	(void)state;
	open_link(&l, CKSUMS, false);
	check_types(&l, UINT32_MAX);
	assert_int_equal(rte_eth_dev_set_ptypes(l.to, RTE_PTYPE_L3_MASK, set, 4), 0);
	assert_int_equal(set[0], RTE_PTYPE_L3_IPV4);
	check_types(&l, RTE_PTYPE_L3_MASK);
	assert_int_equal(rte_eth_dev_set_ptypes(l.to, RTE_PTYPE_UNKNOWN, NULL, 0), 0);
	check_types(&l, 0);
	/* Checksums are verified all the same. */
	len = make(&k, bytes, false, false, 100);
	expect(&l, bytes, len, IP_GOOD | L4_GOOD);
	close_link(&l);

	open_link(&l, 0, false);
	len = make(&k, bytes, false, false, 100);
	assert_false(has_type(l.to, RTE_PTYPE_L3_IPV4));
	assert_int_equal(type_of(&l, bytes, len), RTE_PTYPE_L2_ETHER);
	assert_int_equal(rte_eth_dev_set_ptypes(l.to, l3_and_l4, NULL, 0), 0);
	check_types(&l, l3_and_l4);
	expect(&l, bytes, len, 0);
	assert_int_equal(rte_eth_dev_set_ptypes(l.to, RTE_PTYPE_L2_MASK, NULL, 0), 0);
	assert_int_equal(type_of(&l, bytes, len), RTE_PTYPE_L2_ETHER);
	assert_false(has_type(l.to, RTE_PTYPE_L3_IPV4));

	/* Asked for ahead of a start. */
	assert_int_equal(rte_eth_dev_stop(l.to), 0);
	assert_int_equal(rte_eth_dev_set_ptypes(l.to, l3_and_l4, NULL, 0), 0);
	start(l.to);
	wait_link(l.to, true);
	wait_link(l.from, true);
	check_types(&l, l3_and_l4);
	close_link(&l);
}

/* Any bytes behind any ethertype: nothing is read beyond the packet, and it arrives. */
static void
check_any_bytes(bool chains)
{
	static const uint16_t ethertypes[] = {0x0800, 0x86dd, 0x8100, 0x88a8, 0x8847};
	static uint8_t bytes[2048];
	struct rte_mbuf *m;
	struct packet k;
	struct link l;
	unsigned int i, j;

	open_link(&l, CKSUMS, chains);
	for (i = 0; i < 20000; i++) {
		uint32_t len = make(&k, bytes, i & 1, (i & 2) != 0, (uint32_t)rand() % 200);

		for (j = 0; j < 1u + rand() % 4; j++)
			bytes[12 + rand() % 60] = (uint8_t)rand();
		if (i % 4 == 0)
			put16(bytes + 12, ethertypes[rand() % RTE_DIM(ethertypes)]);
		len = i % 3 == 0 ? L2 + (uint32_t)rand() % (len - L2 + 1) : len;
		m = pass(&l, bytes, len);
		assert_int_equal(m->ol_flags & ~(IP_FLAGS | L4_FLAGS), 0);
		rte_pktmbuf_free(m);
	}
	close_link(&l);
}

static void
test_any_bytes(void **state)
{
	(void)state;
	check_any_bytes(false);
	check_any_bytes(true);
}

/* They are the port's, and take effect when it is configured with them. */
static void
test_capabilities(void **state)
{
	struct rte_eth_burst_mode mode;
	struct rte_eth_dev_info info;
	struct link l;

	(void)state;
	open_link(&l, CKSUMS, false);
	assert_int_equal(rte_eth_dev_info_get(l.to, &info), 0);
	assert_int_equal(info.rx_offload_capa & CKSUMS, CKSUMS);
	assert_int_equal(info.rx_queue_offload_capa, RTE_ETH_RX_OFFLOAD_SCATTER);
	assert_int_equal(rte_eth_rx_burst_mode_get(l.to, 0, &mode), 0);
	assert_non_null(strstr(mode.info, "offloads in software"));
	close_link(&l);
	open_link(&l, 0, false);
	assert_int_equal(rte_eth_rx_burst_mode_get(l.to, 0, &mode), 0);
	assert_null(strstr(mode.info, "offloads"));
	close_link(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_checksums),
		TEST(test_checksums_of_chains),
		TEST(test_unknown),
		TEST(test_unknown_of_chains),
		TEST(test_extension_headers),
		TEST(test_each_offload),
		TEST(test_packet_types),
		TEST(test_any_bytes),
		TEST(test_capabilities),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
