/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * The parser of received packets, compiled into this test: any bytes, in segments whose memory ends
 * where they end. AddressSanitizer sees what is read beyond; without it, what is said of a packet
 * must not depend on how its bytes are spread.
 */

#include <stdlib.h>
#include <string.h>

#include "folio_ethdev.h"
#include "pair.h"

#define L2 14u
#define LONGEST 300u
#define SEGMENTS 3u
#define PACKETS 300000u
#define WORK (FOLIO_RX_CKSUMS | FOLIO_RX_PTYPES | FOLIO_RX_HASH)

int folio_logtype;

void
folio_offload_rx_update(struct rte_eth_dev *dev)
{
	(void)dev;
}

static struct folio_rx_offload offload = {.ptypes = UINT32_MAX, .rss = {.types = UINT64_MAX}};

struct chain {
	struct rte_mbuf segs[SEGMENTS];
	uint8_t *memory[SEGMENTS];
};

static void
make_chain(struct chain *c, const uint8_t *bytes, uint32_t len, const uint32_t *ends,
	   unsigned int n)
{
	uint32_t done = 0;
	unsigned int i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < n; i++) {
		uint32_t part = ends[i] - done;

		c->memory[i] = malloc(part + (part == 0));
		assert_non_null(c->memory[i]);
		memcpy(c->memory[i], bytes + done, part);
		c->segs[i].buf_addr = c->memory[i];
		c->segs[i].buf_len = c->segs[i].data_len = (uint16_t)part;
		c->segs[i].next = i + 1 < n ? &c->segs[i + 1] : NULL;
		done += part;
	}
	c->segs[0].pkt_len = len;
	c->segs[0].nb_segs = (uint16_t)n;
}

static void
free_chain(struct chain *c)
{
	unsigned int i;

	for (i = 0; i < SEGMENTS; i++)
		free(c->memory[i]);
}

/* Headers that lead somewhere, and then anything at a few places of them. */
static uint32_t
make_packet(uint8_t *p)
{
	static const uint8_t protocols[] = {6, 17, 132, 0, 43, 44, 60, 59, 4, 41, 47};
	static const uint16_t types[] = {0x0800, 0x86dd, 0x0800, 0x86dd, 0x8847, 0x8100, 0x6558};
	uint32_t at = 12, len = L2 + (uint32_t)rand() % (LONGEST - L2), i, n;

	for (i = 0; i < len; i++)
		p[i] = (uint8_t)rand();
	for (n = (uint32_t)rand() % 3; n > 0 && at + 6 <= len; n--, at += 4) {
		p[at] = n == 2 ? 0x88 : 0x81;
		p[at + 1] = n == 2 ? 0xa8 : 0;
	}
	n = types[rand() % RTE_DIM(types)];
	p[at] = (uint8_t)(n >> 8);
	p[at + 1] = (uint8_t)n;
	at += 2;
	if (at + 40 <= len) {
		uint32_t left = len - at - rand() % 3;

		p[at] = n == 0x0800 ? 0x45 + (rand() % 3 == 0) * (rand() % 11) : 0x60;
		p[at + (n == 0x0800 ? 9 : 6)] = protocols[rand() % RTE_DIM(protocols)];
		p[at + (n == 0x0800 ? 2 : 4)] = 0;
		p[at + (n == 0x0800 ? 3 : 5)] = (uint8_t)(n == 0x0800 ? left : left - 40);
		if (n == 0x0800)
			p[at + 6] = p[at + 7] = 0;
		else if (at + 60 <= len) {
			p[at + 40] = protocols[rand() % RTE_DIM(protocols)];
			p[at + 41] = (uint8_t)(rand() % 3);
		}
	}
	for (i = (uint32_t)rand() % 4; i > 0; i--)
		p[(uint32_t)rand() % RTE_MIN(len, 80u)] = (uint8_t)rand();
	return len;
}

static void
test_any_packet(void **state)
{
	uint8_t bytes[LONGEST];
	struct chain chain, flat;
	uint32_t judged = 0, hashed = 0, i;

	(void)state;
	srand(1);
	for (i = 0; i < RTE_DIM(offload.rss.keys[0]); i++)
		offload.rss.keys[0][i] = (uint32_t)rand();
	for (i = 0; i < PACKETS; i++) {
		uint32_t len = make_packet(bytes), ends[SEGMENTS];
		const struct rte_mbuf *a = &chain.segs[0], *b = &flat.segs[0];

		/* Its Ethernet header is in the first segment of any packet. */
		ends[0] = L2 + (uint32_t)rand() % RTE_MIN(len - L2 + 1, 80u);
		ends[1] = ends[0] + (uint32_t)rand() % (len - ends[0] + 1);
		ends[2] = len;
		make_chain(&chain, bytes, len, ends, SEGMENTS);
		make_chain(&flat, bytes, len, &len, 1);
		folio_offload_rx_parse(&offload, WORK, &chain.segs[0]);
		folio_offload_rx_parse(&offload, WORK, &flat.segs[0]);
		assert_int_equal(a->ol_flags, b->ol_flags);
		assert_int_equal(a->packet_type, b->packet_type);
		assert_int_equal(a->hash.rss, b->hash.rss);
		assert_int_equal(a->ol_flags & ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_RSS_HASH |
						 RTE_MBUF_F_RX_L4_CKSUM_MASK), 0);
		assert_memory_equal(flat.memory[0], bytes, len);
		judged += (a->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) != 0;
		hashed += (a->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0;
		free_chain(&chain);
		free_chain(&flat);
	}
	/* They came as far as that. */
	assert_in_range(judged, PACKETS / 50, PACKETS);
	assert_in_range(hashed, PACKETS / 10, PACKETS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_any_packet)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
