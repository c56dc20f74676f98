/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VIRTIO_SPEC_H
#define FOLIO_VIRTIO_SPEC_H

/*
 * What virtio 1.2 (OASIS, 2022) says of virtqueues and of the network device's header: constants,
 * and the words of shared memory. Fields that are stored or loaded together are one word here, so
 * that each is one access.
 */

#include "boundary/shared.h"

/* Feature bits, sections 5.1.3 and 6. */
#define VIRTIO_NET_F_CSUM 0
#define VIRTIO_NET_F_MTU 3
#define VIRTIO_NET_F_MAC 5
#define VIRTIO_NET_F_HOST_TSO4 11
#define VIRTIO_NET_F_HOST_TSO6 12
#define VIRTIO_NET_F_MRG_RXBUF 15
#define VIRTIO_NET_F_STATUS 16
#define VIRTIO_NET_F_CTRL_VQ 17
#define VIRTIO_NET_F_CTRL_RX 18
#define VIRTIO_NET_F_GUEST_ANNOUNCE 21
#define VIRTIO_NET_F_MQ 22
#define VIRTIO_NET_F_CTRL_MAC_ADDR 23
#define VIRTIO_F_VERSION_1 32
#define VIRTIO_F_ACCESS_PLATFORM 33
#define VIRTIO_F_RING_PACKED 34
#define VIRTIO_F_IN_ORDER 35
#define VIRTIO_F_ORDER_PLATFORM 36
#define VIRTIO_F_RING_RESET 40

/* Descriptor flags, sections 2.7.5 and 2.8.1. */
#define VIRTQ_DESC_F_NEXT 1u
#define VIRTQ_DESC_F_WRITE 2u
#define VIRTQ_DESC_F_AVAIL (1u << 7)
#define VIRTQ_DESC_F_USED (1u << 15)

/* Split ring, sections 2.7.7 and 2.7.9: we do not want interrupts; the device, no doorbell. */
#define VIRTQ_AVAIL_F_NO_INTERRUPT 1u
#define VIRTQ_USED_F_NO_NOTIFY 1u

/* Packed ring, section 2.8.14: the second half of an event suppression structure. */
#define VIRTQ_EVENT_ENABLE 0u
#define VIRTQ_EVENT_DISABLE 1u

/* Most descriptors of a queue, sections 2.7 and 2.8. */
#define VIRTQ_SIZE_MAX 32768u

/* The longest header, section 5.1.6: VERSION_1 has num_buffers always. */
#define VIRTIO_NET_HDR_LEN 12u

/* Of it: a checksum is to be completed; TCP segments of IPv4 or IPv6 are to be cut. */
#define VIRTIO_NET_HDR_F_NEEDS_CSUM 1
#define VIRTIO_NET_HDR_GSO_TCPV4 1
#define VIRTIO_NET_HDR_GSO_TCPV6 4

/*
 * A descriptor. Split: rest is length, flags << 32, next << 48. Packed: length, id << 32,
 * flags << 48, and the device writes it back in the same place.
 */
struct folio_virtq_desc {
	folio_shared_u64 addr;
	folio_shared_u64 rest;
};

/* Driver area of a split queue: flags, index, and the heads of what is available. */
struct folio_split_avail {
	folio_shared_u16 flags;
	folio_shared_u16 idx;
	folio_shared_u16 ring[];
};

/* First words of the device area of a split queue. Elements follow: id, length << 32. */
struct folio_split_used {
	folio_shared_u16 flags;
	folio_shared_u16 idx;
};

/* Event suppression of a packed queue: the driver's, and the device's. */
struct folio_packed_event {
	folio_shared_u16 off_wrap;
	folio_shared_u16 flags;
};

#endif /* FOLIO_VIRTIO_SPEC_H */
