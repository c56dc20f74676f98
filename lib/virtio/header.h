/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VIRTIO_HEADER_H
#define FOLIO_VIRTIO_HEADER_H

/*
 * struct virtio_net_hdr (virtio 1.2, section 5.1.6), which precedes each frame in shared memory.
 * What is transmitted has a header of zeroes, but for frames that leave work to a device which has
 * agreed to do it. Of a received one nothing but num_buffers means anything: no offload is
 * negotiated in that direction. The device is not trusted: that is any number.
 */

#include "boundary/meta.h"
#include "virtio/spec.h"

/* Loaded and stored in these pieces. */
struct folio_header {
	folio_shared_u32 type;	  /* flags, gso_type << 8, hdr_len << 16 */
	folio_shared_u32 segment; /* gso_size, csum_start << 16 */
	folio_shared_u16 csum_offset;
	folio_shared_u16 num_buffers;
};

_Static_assert(sizeof(struct folio_header) == VIRTIO_NET_HDR_LEN, "virtio_net_hdr");

/* No offload. */
static inline void
folio_header_clear(struct folio_header *h)
{
	folio_put32(&h->type, 0);
	folio_put32(&h->segment, 0);
	folio_put16(&h->csum_offset, 0);
	folio_put16(&h->num_buffers, 0);
}

/* What the device is to do. */
static inline void
folio_header_put(struct folio_header *h, const struct folio_meta *meta)
{
	uint32_t csum = (meta->flags & FOLIO_META_CSUM) != 0 ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0;
	uint32_t gso = 0;

	if (meta->gso_type == FOLIO_GSO_TCP4)
		gso = VIRTIO_NET_HDR_GSO_TCPV4;
	else if (meta->gso_type == FOLIO_GSO_TCP6)
		gso = VIRTIO_NET_HDR_GSO_TCPV6;
	folio_put32(&h->type, csum | gso << 8 | (uint32_t)meta->hdr_len << 16);
	folio_put32(&h->segment, meta->gso_size | (uint32_t)meta->csum_start << 16);
	folio_put16(&h->csum_offset, meta->csum_offset);
	folio_put16(&h->num_buffers, 0);
}

/* In how many buffers the device says that it put the frame. One load. */
static inline uint16_t
folio_header_buffers(const struct folio_header *h)
{
	return folio_fetch16(&h->num_buffers);
}

#endif /* FOLIO_VIRTIO_HEADER_H */
