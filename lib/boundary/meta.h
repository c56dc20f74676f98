/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_META_H
#define FOLIO_META_H

/*
 * What is known of a frame besides its bytes, as private memory holds it. Each format of shared
 * memory (the native metadata ring, struct virtio_net_hdr) is decoded into this, each field loaded
 * once, and judged here before anybody acts on it.
 */

#include <stdbool.h>
#include <stdint.h>

/*
 * The L4 checksum is partial: its field holds the sum of the pseudo header, and it is completed by
 * summing up all bytes from csum_start to the frame's end.
 */
#define FOLIO_META_CSUM 0x1u

/* Several TCP segments in one frame. */
enum folio_gso {
	FOLIO_GSO_NONE,
	FOLIO_GSO_TCP4,
	FOLIO_GSO_TCP6,
};

struct folio_meta {
	uint8_t flags;	      /* FOLIO_META_* */
	uint8_t gso_type;     /* enum folio_gso */
	uint16_t csum_start;  /* from the start of the frame; 0 without FOLIO_META_CSUM */
	uint16_t csum_offset; /* from csum_start to the checksum's field */
	uint16_t hdr_len;     /* of all headers; 0: not told */
	uint16_t gso_size;    /* payload of each segment but the last; 0 without GSO */
};

/* Checksums are behind the Ethernet header, and TCP headers are of 20 bytes at least. */
#define FOLIO_META_START_MIN 14u
#define FOLIO_META_TCP_LEN 20u
#define FOLIO_META_TCP_CSUM 16u
#define FOLIO_META_UDP_CSUM 6u

/*
 * May one act on metadata of a frame of len bytes? Whoever wrote it is not trusted. If so, the
 * checksum's field lies behind the Ethernet header and within the frame, and a frame of several
 * segments has a TCP header and something behind it. hdr_len is a hint, within the frame.
 */
static inline bool
folio_meta_valid(const struct folio_meta *meta, uint32_t len)
{
	bool csum = (meta->flags & FOLIO_META_CSUM) != 0;
	bool gso = meta->gso_type != FOLIO_GSO_NONE;

	if ((meta->flags & ~FOLIO_META_CSUM) != 0 || meta->gso_type > FOLIO_GSO_TCP6 ||
	    meta->hdr_len > len)
		return false;
	if (csum ? meta->csum_start < FOLIO_META_START_MIN ||
			   (uint32_t)meta->csum_start + meta->csum_offset + 2 > len
		 : (meta->csum_start | meta->csum_offset) != 0)
		return false;
	if (!gso)
		return meta->gso_size == 0;
	/* Only a partial checksum has an offset: those of segments are. */
	return meta->csum_offset == FOLIO_META_TCP_CSUM && meta->gso_size > 0 &&
	       (uint32_t)meta->csum_start + FOLIO_META_TCP_LEN < len;
}

#endif /* FOLIO_META_H */
