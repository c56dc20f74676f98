/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_CKSUM_H
#define FOLIO_CKSUM_H

/*
 * The Internet checksum (RFC 1071) of private memory, eight bytes at a time. rte_raw_cksum() takes
 * two, and rte_raw_cksum_mbuf() loses a carry behind a segment of odd length in some releases.
 * Sums are in memory order: stored as they are, they are right on any machine.
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

/* Ones' complement addition. */
static inline uint64_t
folio_sum_add(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

static inline uint16_t
folio_sum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)((sum & UINT16_MAX) + (sum >> 16));
}

/* Of bytes that begin at an even place. */
static inline uint16_t
folio_sum_bytes(const void *bytes, uint32_t len)
{
	const uint8_t *p = bytes;
	uint64_t a = 0, b = 0, w[4];

	for (; len >= sizeof(w); len -= sizeof(w), p += sizeof(w)) {
		memcpy(w, p, sizeof(w));
		a = folio_sum_add(folio_sum_add(a, w[0]), w[2]);
		b = folio_sum_add(folio_sum_add(b, w[1]), w[3]);
	}
	for (; len >= sizeof(*w); len -= sizeof(*w), p += sizeof(*w)) {
		memcpy(w, p, sizeof(*w));
		a = folio_sum_add(a, w[0]);
	}
	if (len > 0) {
		w[0] = 0;
		memcpy(w, p, len);
		b = folio_sum_add(b, w[0]);
	}
	return folio_sum_fold(folio_sum_add(a, b));
}

/* Of bytes [off, off + len) of a packet, or those of them that it has. */
static inline uint16_t
folio_sum_packet(const struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	uint64_t all = 0;
	bool odd = false;

	for (; m != NULL && len > 0; m = m->next) {
		uint32_t part;
		uint16_t s;

		if (off >= m->data_len) {
			off -= m->data_len;
			continue;
		}
		part = RTE_MIN(m->data_len - off, len);
		s = folio_sum_bytes(rte_pktmbuf_mtod_offset(m, const void *, off), part);
		all += odd ? rte_bswap16(s) : s;
		odd ^= part & 1;
		len -= part;
		off = 0;
	}
	return folio_sum_fold(all);
}

#endif /* FOLIO_CKSUM_H */
