/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "error.h"
#include "virtio/offer.h"

#define BIT(n) (UINT64_C(1) << (n))

/* They are spoken of over the control queue (section 5.1.3.1). */
#define NEED_CTRL_VQ (BIT(VIRTIO_NET_F_CTRL_RX) | BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) | \
		      BIT(VIRTIO_NET_F_MQ) | BIT(VIRTIO_NET_F_CTRL_MAC_ADDR))

/* Section 5.1.4.1. */
#define MTU_MIN 68u
#define MTU_MAX 65535u
#define PAIRS_MAX 0x8000u

static bool
is_mac(const uint8_t mac[6])
{
	static const uint8_t none[6];

	return (mac[0] & 1) == 0 && memcmp(mac, none, sizeof(none)) != 0;
}

/* Features that make no sense, alone or together. */
static uint64_t
nonsense(const struct folio_virtio_offer *offer, uint64_t features)
{
	uint64_t bad = 0;

	if ((features & BIT(VIRTIO_NET_F_CTRL_VQ)) == 0)
		bad |= features & NEED_CTRL_VQ;
	if ((features & BIT(VIRTIO_NET_F_STATUS)) == 0)
		bad |= features & BIT(VIRTIO_NET_F_GUEST_ANNOUNCE);
	if ((features & BIT(VIRTIO_NET_F_CSUM)) == 0)
		bad |= features & (BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6));
	if (offer->mtu < MTU_MIN || offer->mtu > MTU_MAX)
		bad |= features & BIT(VIRTIO_NET_F_MTU);
	if (!is_mac(offer->mac))
		bad |= features & BIT(VIRTIO_NET_F_MAC);
	return bad;
}

/* Largest power of two that is not above n, which is not 0. */
static uint32_t
floor_power(uint32_t n)
{
	return UINT32_C(1) << (31 - __builtin_clz(n));
}

/* The device's limit of a queue's size; 0: it has none. Packed rings may have any size. */
static int
judge_size(uint32_t max, const struct folio_virtio_wants *wants, struct folio_virtio_plan *plan,
	   struct folio_error *err)
{
	bool packed = (plan->features & BIT(VIRTIO_F_RING_PACKED)) != 0;

	plan->size = wants->size;
	if (max == 0)
		return 0;
	if (max > VIRTQ_SIZE_MAX || (!packed && (max & (max - 1)) != 0))
		return folio_fail(err, -EPROTO, "queues of %u descriptors are offered: allowed are %s "
				  "up to %u", max, packed ? "any" : "powers of two", VIRTQ_SIZE_MAX);
	if (floor_power(max) < plan->size)
		plan->size = floor_power(max);
	if (plan->size < wants->min_size)
		return folio_fail(err, -ENOTSUP, "queues of %u descriptors are offered: needed are %u "
				  "or more", max, wants->min_size);
	return 0;
}

int
folio_virtio_offer_judge(struct folio_virtio_offer *offer,
			 const struct folio_virtio_wants *wants, struct folio_virtio_plan *plan,
			 struct folio_error *err)
{
	uint64_t required = wants->required | BIT(VIRTIO_F_VERSION_1);
	uint64_t bad = nonsense(offer, offer->features & (wants->features | required));
	uint64_t missing;
	int ret;

	offer->features &= ~bad;
	plan->features = offer->features & (wants->features | required);
	missing = required & ~plan->features;
	if (missing != 0)
		return folio_fail(err, -ENOTSUP, "features 0x%" PRIx64 " are offered: needed are 0x%"
				  PRIx64 ", of which bit %d is missing%s", offer->features, required,
				  __builtin_ctzll(missing), (missing & BIT(VIRTIO_F_VERSION_1)) != 0
				  ? " (VERSION_1: it is no virtio 1.x device)" : "");
	plan->pairs = (plan->features & BIT(VIRTIO_NET_F_MQ)) != 0 ? offer->pairs : 1;
	if (plan->pairs == 0 || plan->pairs > PAIRS_MAX)
		return folio_fail(err, -EPROTO, "%u queue pairs are offered: allowed are 1 to %u",
				  plan->pairs, PAIRS_MAX);
	if (plan->pairs > wants->pairs)
		plan->pairs = wants->pairs;
	if (plan->pairs > FOLIO_VIRTIO_PAIRS_MAX)
		plan->pairs = FOLIO_VIRTIO_PAIRS_MAX;
	ret = judge_size(offer->queue_max, wants, plan, err);
	return ret != 0 ? ret : bad != 0;
}
