/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* What is agreed on with a device, whatever it offers: row Q4 in what a hostile device does. */

#include <stdio.h>
#include <string.h>

#include "util.h"
#include "virtio/offer.h"

#define BIT(n) (UINT64_C(1) << (n))

static const struct folio_virtio_wants wants = {
	.features = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_MTU) |
		    BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_STATUS) | BIT(VIRTIO_NET_F_CTRL_VQ) |
		    BIT(VIRTIO_NET_F_MQ) | BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) |
		    BIT(VIRTIO_F_ACCESS_PLATFORM) | BIT(VIRTIO_F_ORDER_PLATFORM) |
		    BIT(VIRTIO_F_RING_PACKED),
	.pairs = 4,
	.size = 1024,
	.min_size = 64,
};

struct bad_offer {
	struct folio_virtio_offer offer;
	uint64_t required;
	uint64_t wanted; /* 0: as above */
	const char *says; /* NULL: it is taken, less what makes no sense */
	uint64_t features;
	uint32_t pairs;
	uint32_t size;
};

#define BASE (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_CTRL_VQ))
#define PACKED (BASE | BIT(VIRTIO_F_RING_PACKED))
#define MQ (BASE | BIT(VIRTIO_NET_F_MQ))

static const struct bad_offer bad_offers[] = {
	{{.features = 0},
	 .says = "features 0x0 are offered: needed are 0x100000000, of which bit 32 is missing"},
	{{.features = UINT64_MAX & ~BIT(32), .pairs = 1}, .says = "bit 32 is missing (VERSION_1"},
	{{.features = BASE}, .required = BIT(VIRTIO_F_ACCESS_PLATFORM), .says = "bit 33 is missing"},
	{{.features = MQ, .pairs = 0}, .says = "0 queue pairs are offered: allowed are 1 to 32768"},
	{{.features = MQ, .pairs = 32769}, .says = "32769 queue pairs"},
	{{.features = MQ, .pairs = UINT32_MAX}, .says = "4294967295 queue pairs"},
	{{.features = BASE, .queue_max = 100},
	 .says = "queues of 100 descriptors are offered: allowed are powers of two"},
	{{.features = BASE, .queue_max = 65535}, .says = "queues of 65535"},
	{{.features = BASE, .queue_max = 65536}, .says = "up to 32768"},
	{{.features = BASE, .queue_max = 32},
	 .says = "queues of 32 descriptors are offered: needed are 64 or more"},
	{{.features = PACKED, .queue_max = 32769}, .says = "allowed are any up to 32768"},
	{{.features = PACKED, .queue_max = 63},
	 .says = "queues of 63 descriptors are offered: needed are 64"},
	{{.features = PACKED, .queue_max = 1}, .says = "queues of 1 descr"},
	/* Required, and there only in a form that makes no sense. */
	{{.features = BASE | BIT(VIRTIO_NET_F_MAC)},
	 .required = BIT(VIRTIO_NET_F_MAC),
	 .says = "bit 5 is missing"},
	{{.features = BIT(32) | BIT(VIRTIO_NET_F_MQ), .pairs = 2}, .required = BIT(VIRTIO_NET_F_MQ),
	 .says = "bit 22 is missing"},
	/* Done without. */
	{{.features = BASE | BIT(VIRTIO_NET_F_MTU), .mtu = 67}, 0, 0, NULL, BASE, 1, 1024},
	{{.features = BASE | BIT(VIRTIO_NET_F_MTU), .mtu = 0}, 0, 0, NULL, BASE, 1, 1024},
	{{.features = BASE | BIT(VIRTIO_NET_F_MTU), .mtu = 65536}, 0, 0, NULL, BASE, 1, 1024},
	{{.features = BASE | BIT(VIRTIO_NET_F_MAC), .mac = {1, 2, 3, 4, 5, 6}}, 0, 0, NULL, BASE, 1, 1024},
	{{.features = BASE | BIT(VIRTIO_NET_F_MAC), .mac = {0}}, 0, 0, NULL, BASE, 1, 1024},
	{{.features = BASE | BIT(VIRTIO_NET_F_MAC), .mac = {255, 255, 255, 255, 255, 255}}, 0, 0,
	 NULL, BASE, 1, 1024},
	{{.features = BIT(32) | BIT(VIRTIO_NET_F_MQ), .pairs = 8}, 0, 0, NULL, BIT(32), 1, 1024},
	{{.features = BASE | BIT(VIRTIO_NET_F_GUEST_ANNOUNCE)}, 0, 0, NULL, BASE, 1, 1024},
};

static const struct bad_offer good_offers[] = {
	{{.features = BASE, .pairs = 77, .queue_max = 64}, 0, 0, NULL, BASE, 1, 64},
	{{.features = MQ, .pairs = 1}, 0, 0, NULL, MQ, 1, 1024},
	{{.features = MQ, .pairs = 3, .queue_max = 32768}, 0, 0, NULL, MQ, 3, 1024},
	{{.features = MQ, .pairs = 32768, .queue_max = 1024}, 0, 0, NULL, MQ, 4, 1024},
	{{.features = PACKED, .queue_max = 1000}, 0, 0, NULL, PACKED, 1, 512},
	{{.features = PACKED, .queue_max = 64}, 0, 0, NULL, PACKED, 1, 64},
	{{.features = BASE | BIT(VIRTIO_NET_F_MTU), .mtu = 68}, 0, 0,
	 NULL, BASE | BIT(VIRTIO_NET_F_MTU), 1, 1024},
	/* What is not wanted may make no sense. */
	{{.features = MQ | BIT(VIRTIO_NET_F_MTU), .pairs = 0}, 0, BIT(32), NULL, BIT(32), 1, 1024},
	/* VERSION_1 need not be named. */
	{{.features = BASE}, 0, BIT(VIRTIO_NET_F_CTRL_VQ), NULL, BASE, 1, 1024},
};

static void
check_offer(const struct bad_offer *o, bool bad)
{
	struct folio_virtio_wants w = wants;
	struct folio_virtio_offer offer = o->offer;
	struct folio_virtio_plan plan;
	struct folio_error err = {""};
	int ret;

	w.required = o->required;
	if (o->wanted != 0)
		w.features = o->wanted;
	ret = folio_virtio_offer_judge(&offer, &w, &plan, &err);
	if (o->says != NULL) {
		assert_true(ret < 0);
		if (strstr(err.text, o->says) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", err.text, o->says);
		return;
	}
	assert_int_equal(ret, bad);
	assert_int_equal(plan.features, o->features);
	assert_int_equal(offer.features & w.features & ~plan.features, 0);
	assert_int_equal(plan.pairs, o->pairs);
	assert_int_equal(plan.size, o->size);
}

static void
test_offers(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad_offers); i++)
		check_offer(&bad_offers[i], true);
	for (i = 0; i < ARRAY_LEN(good_offers); i++)
		check_offer(&good_offers[i], false);
}

/* Any offer: what comes of it is within the limits, or it is refused with a line. */
static void
test_random_offers(void **state)
{
	uint64_t seed = 1;
	unsigned int i, taken = 0;

	(void)state;
	for (i = 0; i < 200000; i++) {
		uint64_t r = util_random(&seed);
		struct folio_virtio_offer o = {
			.features = util_random(&seed) | (r & 1) << 32,
			.pairs = (uint32_t)util_random(&seed) >> (r >> 8 & 31),
			.queue_max = (uint32_t)util_random(&seed) >> (r >> 16 & 31),
			.mtu = (uint32_t)util_random(&seed) >> (r >> 24 & 31),
			.mac = {(uint8_t)(r >> 32)},
		};
		struct folio_virtio_plan plan;
		struct folio_error err = {""};
		int ret = folio_virtio_offer_judge(&o, &wants, &plan, &err);

		if (ret < 0) {
			assert_true(err.text[0] != '\0');
			continue;
		}
		taken++;
		assert_int_equal(plan.features & ~(o.features & wants.features), 0);
		assert_true((plan.features & BIT(VIRTIO_F_VERSION_1)) != 0);
		assert_true(plan.pairs >= 1 && plan.pairs <= wants.pairs);
		assert_true(plan.size >= wants.min_size && plan.size <= wants.size);
		assert_true((plan.size & (plan.size - 1)) == 0);
		assert_true((plan.features & BIT(VIRTIO_NET_F_MTU)) == 0 ||
			    (o.mtu >= 68 && o.mtu <= 65535));
	}
	assert_true(taken > 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offers),
		cmocka_unit_test(test_random_offers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
