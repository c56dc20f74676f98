/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* What a virtio port wants of its device. */

#include "memory/caching.h"
#include "virtio/vport_state.h"

#define BIT(n) (UINT64_C(1) << (n))

/* What every port can do. */
#define FEATURES (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_ACCESS_PLATFORM) | \
		  BIT(VIRTIO_F_ORDER_PLATFORM) | BIT(VIRTIO_F_IN_ORDER) | \
		  BIT(VIRTIO_NET_F_MTU) | BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_STATUS) | \
		  BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_CTRL_RX) | \
		  BIT(VIRTIO_NET_F_CTRL_MAC_ADDR) | BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) | \
		  BIT(VIRTIO_NET_F_MQ))

#define TSO (BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6))

struct folio_virtio_wants
folio_vport_wants(const struct folio_vport *v, uint32_t frame_max)
{
	struct folio_virtio_wants wants = {
		.features = FEATURES,
		.pairs = v->queues,
		.size = v->size,
		.min_size = FOLIO_VPORT_SIZE_MIN,
	};

	/* Where order is not kept rings are split: an index can be fenced. */
	if (!v->split && !folio_caching_is_weak(v->shm.caching))
		wants.features |= BIT(VIRTIO_F_RING_PACKED);
	if ((v->leaves & (FOLIO_VQ_CSUM | FOLIO_VQ_TSO4 | FOLIO_VQ_TSO6)) != 0)
		wants.features |= BIT(VIRTIO_NET_F_CSUM);
	if ((v->leaves & (FOLIO_VQ_TSO4 | FOLIO_VQ_TSO6)) != 0)
		wants.features |= TSO;
	/* One buffer for each frame is faster: how many it has need not be looked at. */
	if (frame_max > v->room)
		wants.required |= BIT(VIRTIO_NET_F_MRG_RXBUF);
	return wants;
}

void
folio_vport_leave(struct folio_vport *v, uint32_t leaves)
{
	v->leaves = leaves;
}

uint32_t
folio_vport_does(uint64_t features)
{
	uint32_t does = 0;

	if ((features & BIT(VIRTIO_NET_F_CSUM)) != 0)
		does |= FOLIO_VQ_CSUM;
	if ((features & BIT(VIRTIO_NET_F_HOST_TSO4)) != 0)
		does |= FOLIO_VQ_TSO4;
	if ((features & BIT(VIRTIO_NET_F_HOST_TSO6)) != 0)
		does |= FOLIO_VQ_TSO6;
	return does;
}
