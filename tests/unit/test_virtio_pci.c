/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * The transport for virtio-pci and a device of tests/virtio/pcidev.h, honest and hostile: handshake,
 * configuration space, registers, control queue. What needs a real device is tested in a guest.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../virtio/pcidev.h"
#include "util.h"

#define BIT(name) (UINT64_C(1) << VIRTIO_##name)
#define PLAIN (BIT(F_VERSION_1) | BIT(NET_F_MAC))
#define ALL (PLAIN | FOLIO_VIRTIO_PCI_FEATURES | BIT(F_RING_PACKED) | BIT(F_ACCESS_PLATFORM))

#define MEM_ADDR UINT64_C(0x1f8000000)
#define LOOKS 64 /* ticks that a test has patience for */

struct env {
	struct pcidev dev;
	struct folio_virtio_pci pci;
	struct folio_virtio_offer offer;
	struct folio_virtio_plan plan;
	struct folio_error err;
	void *mem;
};

static const struct folio_virtio_transport *const ops = &folio_virtio_pci_transport;

static int
setup(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return -1;
	e->mem = util_guarded_map(4096);
	*state = e;
	return e->mem != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	struct env *e = *state;

	util_guarded_unmap(e->mem, 4096);
	free(e);
	return 0;
}

/* A device with these features and pairs, opened. */
static void
begin(struct env *e, uint64_t features, uint32_t pairs)
{
	struct folio_virtio_pci_config cfg = {
		.where = {.address = "0000:00:03.0", .sysfs = (const char *)&e->dev},
		/* At the end of the memory: a byte too many faults. */
		.control = (uint8_t *)e->mem + 4096 - FOLIO_CONTROL_BYTES,
		.control_addr = MEM_ADDR,
		.open = pcidev_open,
	};

	pcidev_init(&e->dev, features, pairs);
	e->dev.mem = cfg.control;
	e->dev.mem_addr = MEM_ADDR;
	e->dev.mem_len = FOLIO_CONTROL_BYTES;
	assert_int_equal(folio_virtio_pci_open(&e->pci, &cfg, &e->err), 0);
	e->err.text[0] = '\0';
}

static void
end(struct env *e)
{
	folio_virtio_pci_close(&e->pci);
	folio_virtio_pci_close(&e->pci);
	if (!e->dev.gone && !e->dev.mute)
		assert_false(pcidev_is_master(&e->dev));
	if (e->dev.error != NULL)
		fail_msg("the driver: %s", e->dev.error);
	pcidev_end(&e->dev);
}

static int
reach(struct env *e)
{
	int ret = -EAGAIN, i;

	for (i = 0; i < LOOKS && ret == -EAGAIN; i++)
		ret = ops->reach(&e->pci, &e->err);
	return ret;
}

static int
ask(struct env *e)
{
	int ret = reach(e), i;

	if (ret != 0)
		return ret;
	ret = -EAGAIN;
	for (i = 0; i < LOOKS && ret == -EAGAIN; i++)
		ret = ops->ask(&e->pci, &e->offer, &e->err);
	return ret;
}

static int
tell_more(struct env *e)
{
	int ret = -EAGAIN, i;

	for (i = 0; i < LOOKS && ret == -EAGAIN; i++)
		ret = ops->tell(&e->pci, &e->plan, &e->err);
	return ret;
}

/* All of it, with as much as is offered, but for what is not in `features`. */
static int
tell(struct env *e, uint64_t features)
{
	int ret = ask(e);
	uint32_t q;

	if (ret != 0)
		return ret;
	memset(&e->plan, 0, sizeof(e->plan));
	e->plan.features = e->offer.features & features;
	e->plan.pairs = (e->plan.features & BIT(NET_F_MQ)) != 0 ? e->offer.pairs : 1;
	if (e->plan.pairs > FOLIO_VIRTIO_PAIRS_MAX)
		e->plan.pairs = FOLIO_VIRTIO_PAIRS_MAX;
	e->plan.size = 128;
	for (q = 0; q < 2 * e->plan.pairs; q++) {
		e->plan.ring[q].desc = UINT64_C(0x200000000) + q * 0x10000;
		e->plan.ring[q].driver = e->plan.ring[q].desc + 0x4000;
		e->plan.ring[q].device = e->plan.ring[q].desc + 0x8000;
	}
	return tell_more(e);
}

static int
watch(struct env *e, struct folio_virtio_health *health)
{
	return ops->watch(&e->pci, health, &e->err);
}

/* It ended with this errno and a line that begins with the devarg and says so. */
static void
check_says(struct env *e, int ret, int wanted, const char *says)
{
	if (ret != wanted || strstr(e->err.text, says) == NULL ||
	    strncmp(e->err.text, "virtio=0000:00:03.0", 19) != 0)
		fail_msg("%d \"%s\", not %d \"%s\"", ret, e->err.text, wanted, says);
	ops->drop(&e->pci);
}

static void
run_handshake(struct env *e, uint64_t features, uint32_t pairs, bool has_bars)
{
	struct folio_virtio_health health;
	uint32_t q, resets;

	begin(e, features, pairs);
	e->dev.has_bars = has_bars;
	e->pci.access.has_bars = has_bars;
	e->dev.reset_takes = 3;
	assert_int_equal(tell(e, ALL), 0);
	assert_int_equal(e->offer.features, features);
	assert_int_equal(e->offer.queue_max, 256);
	assert_int_equal(e->offer.pairs, (features & BIT(NET_F_MQ)) != 0 ? pairs : 1);
	assert_int_equal(e->offer.mtu, (features & BIT(NET_F_MTU)) != 0 ? 1500 : 0);
	assert_memory_equal(e->offer.mac, e->dev.net, 6);
	assert_int_equal(e->dev.status, 0x0f);
	assert_int_equal(e->dev.driver_features, features);
	assert_int_equal(e->dev.vector, 0xffff);
	assert_true(pcidev_is_master(&e->dev));
	for (q = 0; q < 2 * e->plan.pairs; q++) {
		const struct pcidev_queue *dq = &e->dev.queue[q];

		assert_int_equal(dq->size, 128);
		assert_int_equal(dq->vector, 0xffff);
		assert_int_equal(dq->enable, 1);
		assert_int_equal(dq->area[0], e->plan.ring[q].desc);
		assert_int_equal(dq->area[1], e->plan.ring[q].driver);
		assert_int_equal(dq->area[2], e->plan.ring[q].device);
		ops->notify(&e->pci, q);
		assert_int_equal(dq->rung, 1);
	}
	assert_int_equal(watch(e, &health), 0);
	assert_true(health.link);
	assert_false(health.announce);
	resets = e->dev.resets;
	e->dev.reset_takes = 1;
	while (ops->part(&e->pci, &e->err) == -EAGAIN)
		;
	assert_int_equal(e->dev.resets, resets + 1);
	assert_int_equal(e->dev.status, 0);
	assert_false(pcidev_is_master(&e->dev));
	/* Once more, from the start. */
	assert_int_equal(tell(e, ALL), 0);
	assert_int_equal(e->dev.status, 0x0f);
	end(e);
	assert_int_equal(e->dev.status, 0);
}

static void
test_handshake(void **state)
{
	int has_bars;

	for (has_bars = 0; has_bars < 2; has_bars++) {
		run_handshake(*state, PLAIN, 1, has_bars);
		run_handshake(*state, ALL & ~BIT(F_RING_PACKED), 1, has_bars);
		run_handshake(*state, ALL & ~BIT(F_RING_PACKED), 4, has_bars);
		run_handshake(*state, ALL, 64, has_bars);
		run_handshake(*state, ALL & ~BIT(NET_F_STATUS) & ~BIT(NET_F_GUEST_ANNOUNCE), 3,
			      has_bars);
	}
}

/* QEMU without disable-legacy=on. */
static void
test_transitional_device(void **state)
{
	struct env *e = *state;

	begin(e, ALL, 1);
	pcidev_put(&e->dev, 2, 2, 0x1000);
	assert_int_equal(tell(e, ALL), 0);
	end(e);
}

/* Each write of the configuration space, with each number. */
static void
test_hostile_configuration_space(void **state)
{
	static const struct {
		uint32_t offset, len, value;
		int error;
		const char *says;
	} bad[] = {
		{0x00, 2, 0x8086, -ENODEV, "is a device 8086:1041"},
		{0x02, 2, 0x1110, -ENODEV, "is a device 1af4:1110"},
		{0x02, 2, 0x1042, -ENODEV, "allowed is a virtio network device"},
		{0x0e, 1, 0x81, -EPROTO, "header type 1"},
		{0x06, 2, 0, -EPROTO, "no capability list"},
		{0x34, 1, 0, -EPROTO, "no common configuration"},
		{0x34, 1, 0x3c, -EPROTO, "goes to 0x3c: allowed is a multiple of 4 from 0x40 on"},
		{0x34, 1, 0x42, -EPROTO, "goes to 0x42: allowed"},
		{0x34, 1, 0x01, -EPROTO, "goes to 0x01: allowed"},
		{0x34, 1, 0xff, -EPROTO, "goes to 0xff: allowed"},
		{0x34, 1, 0xfc, -EPROTO, "no common configuration"},
		{0x34, 1, PCIDEV_CAP_NOTIFY, -EPROTO, "no common configuration"},
		{PCIDEV_CAP_OTHER + 1, 1, PCIDEV_CAP_OTHER, -EPROTO, "0x40 for a second time"},
		{PCIDEV_CAP_WINDOW + 1, 1, PCIDEV_CAP_OTHER, -EPROTO, "0x40 for a second time"},
		{PCIDEV_CAP_WINDOW + 1, 1, PCIDEV_CAP_WINDOW, -EPROTO, "0x88 for a second time"},
		{PCIDEV_CAP_WINDOW + 1, 1, 0x04, -EPROTO, "goes to 0x04"},
		{PCIDEV_CAP_NET + 1, 1, 0, -EPROTO, "no window in its configuration space"},
		{PCIDEV_CAP_NOTIFY + 1, 1, 0, -EPROTO, "no device configuration"},
		{PCIDEV_CAP_COMMON + 1, 1, 0, -EPROTO, "no notify configuration"},
		/* Lengths of capabilities. */
		{PCIDEV_CAP_COMMON + 2, 1, 15, -EPROTO, "0x50 has 15 bytes: needed are 16"},
		{PCIDEV_CAP_COMMON + 2, 1, 0, -EPROTO, "0x50 has 0 bytes"},
		{PCIDEV_CAP_COMMON + 2, 1, 0xff, -EPROTO, "0x50 has 255 bytes: needed are 16, within"},
		{PCIDEV_CAP_NOTIFY + 2, 1, 16, -EPROTO, "0x60 has 16 bytes: needed are 20"},
		{PCIDEV_CAP_WINDOW + 2, 1, 19, -EPROTO, "0x88 has 19 bytes: needed are 20"},
		/* BARs: of no memory, or reserved, which counts as not there. */
		{PCIDEV_CAP_COMMON + 4, 1, 0, -EPROTO, "within the BAR's 0"},
		{PCIDEV_CAP_COMMON + 4, 1, 5, -EPROTO, "at 0x0 of BAR5"},
		{PCIDEV_CAP_COMMON + 4, 1, 6, -EPROTO, "no common configuration"},
		{PCIDEV_CAP_NOTIFY + 4, 1, 255, -EPROTO, "no notify configuration"},
		{PCIDEV_CAP_NET + 4, 1, 7, -EPROTO, "no device configuration"},
		/* Places in it. */
		{PCIDEV_CAP_COMMON + 8, 4, 0x4000, -EPROTO, "common configuration is 4096 bytes"},
		{PCIDEV_CAP_COMMON + 8, 4, 0x3004, -EPROTO, "within the BAR's 16384"},
		{PCIDEV_CAP_COMMON + 8, 4, 0xfffff000, -EPROTO, "at 0xfffff000 of BAR4"},
		{PCIDEV_CAP_COMMON + 8, 4, 2, -EPROTO, "aligned to 4"},
		{PCIDEV_CAP_NOTIFY + 8, 4, 0x3001, -EPROTO, "aligned to 2"},
		{PCIDEV_CAP_NOTIFY + 8, 4, 0x3002, -EPROTO, "within the BAR's 16384"},
		{PCIDEV_CAP_NET + 8, 4, 0x3ffc, -EPROTO, "device configuration is 12 bytes"},
		{PCIDEV_CAP_COMMON + 12, 4, 0x37, -EPROTO, "needed are 56 bytes"},
		{PCIDEV_CAP_COMMON + 12, 4, 0, -EPROTO, "common configuration is 0 bytes"},
		{PCIDEV_CAP_COMMON + 12, 4, 0xffffffff, -EPROTO, "is 4294967295 bytes"},
		{PCIDEV_CAP_NOTIFY + 12, 4, 1, -EPROTO, "needed are 2 bytes"},
		{PCIDEV_CAP_NOTIFY + 12, 4, 0x80000000, -EPROTO, "within the BAR's 16384"},
		{PCIDEV_CAP_NET + 12, 4, 0, -EPROTO, "device configuration is 0 bytes"},
		{PCIDEV_CAP_NET + 12, 4, 11, -EPROTO, "its configuration has 11 bytes"},
		{PCIDEV_CAP_NET + 12, 4, 1, -EPROTO, "need 12"},
		{PCIDEV_CAP_NOTIFY + 16, 4, 1, -EPROTO, "1 bytes apart"},
		{PCIDEV_CAP_NOTIFY + 16, 4, 6, -EPROTO, "6 bytes apart: allowed is 0, or a power of"},
		{PCIDEV_CAP_NOTIFY + 16, 4, 0xffffffff, -EPROTO, "4294967295 bytes apart"},
	};
	struct env *e = *state;
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		begin(e, ALL, 1);
		pcidev_put(&e->dev, bad[i].offset, bad[i].len, bad[i].value);
		check_says(e, ask(e), bad[i].error, bad[i].says);
		end(e);
	}
}

/* The first of a type counts, whatever follows; a reserved type or BAR is passed over. */
static void
test_first_capability_counts(void **state)
{
	struct env *e = *state;
	uint32_t i;

	begin(e, ALL, 1);
	e->dev.config[PCIDEV_CAP_WINDOW + 1] = 0xa0;
	for (i = 0; i < 4; i++) {
		uint32_t at = 0xa0 + 0x14 * i;

		memcpy(e->dev.config + at, e->dev.config + PCIDEV_CAP_NOTIFY, 20);
		e->dev.config[at + 3] = (uint8_t)(i == 3 ? 9 : i + 1);
		e->dev.config[at + 1] = (uint8_t)(i == 3 ? 0 : at + 0x14);
		pcidev_put(&e->dev, at + 8, 4, 0xfff0);
	}
	assert_int_equal(tell(e, ALL), 0);
	end(e);
	/* In front of the one that counts. */
	begin(e, ALL, 1);
	e->dev.config[0x34] = 0xa0;
	memcpy(e->dev.config + 0xa0, e->dev.config + PCIDEV_CAP_COMMON, 16);
	e->dev.config[0xa1] = PCIDEV_CAP_OTHER;
	e->dev.config[0xa4] = 6;
	assert_int_equal(tell(e, ALL), 0);
	end(e);
}

/* As many capabilities as there is room for, in the wrong order, end. */
static void
test_longest_capability_list(void **state)
{
	struct env *e = *state;
	uint32_t at;

	begin(e, ALL, 1);
	memset(e->dev.config + 0x40, 0x11, FOLIO_PCI_CONFIG_BYTES - 0x40);
	for (at = 0x40; at < FOLIO_PCI_CONFIG_BYTES; at += 4)
		e->dev.config[at + 1] = (uint8_t)(at == 0x40 ? 0 : at - 4);
	e->dev.config[0x34] = 0xfc;
	check_says(e, reach(e), -EPROTO, "no common configuration");
	/* A vendor's at the very end. */
	e->dev.config[0xfc] = 0x09;
	check_says(e, reach(e), -EPROTO, "0xfc reaches beyond the configuration space");
	end(e);
}

/* Registers that lie, each in its way. */

static uint32_t
lie_status_stays(struct pcidev *d, enum folio_pci_part part, uint32_t offset, uint32_t value)
{
	(void)d;
	return part == FOLIO_PCI_COMMON && offset == PCI_DEVICE_STATUS ? 0x0f : value;
}

static uint32_t
lie_status_is_zero(struct pcidev *d, enum folio_pci_part part, uint32_t offset, uint32_t value)
{
	(void)d;
	return part == FOLIO_PCI_COMMON && offset == PCI_DEVICE_STATUS ? 0 : value;
}

static uint32_t
lie_features_refused(struct pcidev *d, enum folio_pci_part part, uint32_t offset, uint32_t value)
{
	(void)d;
	return part == FOLIO_PCI_COMMON && offset == PCI_DEVICE_STATUS ? value & ~8u : value;
}

static uint32_t
lie_does_not_start(struct pcidev *d, enum folio_pci_part part, uint32_t offset, uint32_t value)
{
	(void)d;
	return part == FOLIO_PCI_COMMON && offset == PCI_DEVICE_STATUS ? value & ~4u : value;
}

static uint32_t
lie_generation(struct pcidev *d, enum folio_pci_part part, uint32_t offset, uint32_t value)
{
	return part == FOLIO_PCI_COMMON && offset == PCI_CONFIG_GENERATION ? d->lies++ & 0xff :
									     value;
}

/* As QEMU does when the host changes something: twice, then it settles. */
static uint32_t
lie_settles(struct pcidev *d, enum folio_pci_part part, uint32_t offset, uint32_t value)
{
	if (part == FOLIO_PCI_DEVICE && d->lies < 3)
		return 0xee;
	if (part == FOLIO_PCI_COMMON && offset == PCI_CONFIG_GENERATION)
		return d->lies < 3 ? d->lies++ : 3;
	return value;
}

static uint32_t
lie_size(struct pcidev *d, enum folio_pci_part part, uint32_t offset, uint32_t value)
{
	return part == FOLIO_PCI_COMMON && offset == PCI_QUEUE_SIZE ? d->lies : value;
}

static uint32_t
lie_never_enabled(struct pcidev *d, enum folio_pci_part part, uint32_t offset, uint32_t value)
{
	(void)d;
	return part == FOLIO_PCI_COMMON && offset == PCI_QUEUE_ENABLE ? 0 : value;
}

static uint32_t
lie_features_change(struct pcidev *d, enum folio_pci_part part, uint32_t offset, uint32_t value)
{
	return part == FOLIO_PCI_COMMON && offset == PCI_DEVICE_FEATURE ? value ^ d->lies++ : value;
}

/* Every read is another number. */
static uint32_t
lie_always(struct pcidev *d, enum folio_pci_part part, uint32_t offset, uint32_t value)
{
	(void)part;
	(void)offset;
	d->lies = d->lies * 1664525 + 1013904223;
	return value ^ d->lies >> 8;
}

static void
test_reset_never_done(void **state)
{
	struct folio_virtio_health health;
	struct env *e = *state;

	begin(e, ALL, 1);
	e->dev.lie = lie_status_stays;
	check_says(e, reach(e), -EAGAIN, "has not finished its reset: its status is 0x0f");
	e->dev.lie = NULL;
	assert_int_equal(tell(e, ALL), 0);
	assert_int_equal(watch(e, &health), 0);
	e->dev.lie = lie_status_stays;
	assert_int_equal(ops->part(&e->pci, &e->err), -EAGAIN);
	assert_int_equal(ops->part(&e->pci, &e->err), -EAGAIN);
	/* It may go on with its queues, but reaches none. */
	ops->drop(&e->pci);
	assert_false(pcidev_is_master(&e->dev));
	end(e);
}

static void
test_status_makes_no_sense(void **state)
{
	struct folio_virtio_health health;
	struct env *e = *state;

	begin(e, ALL, 1);
	e->dev.lie = lie_status_is_zero;
	check_says(e, ask(e), -EIO, "status 0x00, where 0x03 was set");
	end(e);
	begin(e, ALL, 1);
	e->dev.lie = lie_does_not_start;
	check_says(e, tell(e, ALL), -EIO, "status 0x0b, where 0x0f was set");
	end(e);
	/* While it runs: it asks for a reset; is reset by somebody else; is unplugged. */
	begin(e, ALL, 1);
	assert_int_equal(tell(e, ALL), 0);
	e->dev.status |= 0x40;
	check_says(e, watch(e, &health), -EIO, "asks to be reset (status 0x4f)");
	assert_int_equal(tell(e, ALL), 0);
	e->dev.status = 0;
	check_says(e, watch(e, &health), -EIO, "status 0x00, where 0x0f was set");
	assert_int_equal(tell(e, ALL), 0);
	e->dev.status = 0xff;
	check_says(e, watch(e, &health), -ENODEV, "the device is gone");
	end(e);
}

static void
test_features_refused(void **state)
{
	struct env *e = *state;

	begin(e, ALL, 1);
	e->dev.lie = lie_features_refused;
	check_says(e, tell(e, ALL), -EPROTO, "FEATURES_OK stays off (status 0x03)");
	assert_null(strstr(e->err.text, "wants"));
	check_says(e, tell(e, ALL & ~BIT(F_ACCESS_PLATFORM)), -EPROTO, "it wants ACCESS_PLATFORM");
	end(e);
}

/* What was offered once counts: a device that offers something else later refuses, or takes it. */
static void
test_features_change(void **state)
{
	struct env *e = *state;

	begin(e, PLAIN, 1);
	e->dev.lie = lie_features_change;
	e->dev.lies = 1;
	assert_int_equal(ask(e), 0);
	assert_int_not_equal(e->offer.features, PLAIN);
	check_says(e, tell(e, UINT64_MAX), -EPROTO, "FEATURES_OK stays off");
	end(e);
}

static void
test_configuration_changes(void **state)
{
	struct env *e = *state;

	begin(e, ALL, 1);
	e->dev.lie = lie_settles;
	assert_int_equal(ask(e), 0);
	assert_int_equal(e->offer.mtu, 1500);
	assert_memory_equal(e->offer.mac, e->dev.net, 6);
	end(e);
	begin(e, ALL, 1);
	e->dev.lie = lie_generation;
	e->dev.lies = 0;
	check_says(e, ask(e), -EPROTO, "its configuration changed each of 16 times");
	end(e);
}

/* They are handed on as they are, for the judge of offers. */
static void
test_odd_mtu_mac_and_pairs(void **state)
{
	struct env *e = *state;

	begin(e, ALL, 1);
	memset(e->dev.net, 0xff, sizeof(e->dev.net));
	assert_int_equal(ask(e), 0);
	assert_int_equal(e->offer.mtu, 0xffff);
	assert_int_equal(e->offer.pairs, 0xffff);
	assert_true(util_all_bytes(e->offer.mac, 0xff, 6));
	memset(e->dev.net, 0, sizeof(e->dev.net));
	assert_int_equal(ask(e), 0);
	assert_int_equal(e->offer.mtu, 0);
	assert_int_equal(e->offer.pairs, 0);
	end(e);
}

static void
test_queue_sizes(void **state)
{
	struct env *e = *state;

	begin(e, ALL, 2);
	e->dev.queue[1].limit = 0;
	check_says(e, ask(e), -EPROTO, "has no queue 1 (its size is 0)");
	e->dev.queue[1].limit = 300;
	assert_int_equal(ask(e), 0);
	assert_int_equal(e->offer.queue_max, 256);
	e->dev.queue[0].limit = 65535;
	e->dev.queue[1].limit = 65535;
	assert_int_equal(ask(e), 0);
	assert_int_equal(e->offer.queue_max, 65535);
	/* A later one is smaller than the first two, or not there. */
	e->dev.queue[3].limit = 64;
	check_says(e, tell(e, ALL), -EPROTO, "queue 3 has 64 descriptors at most: needed are 128");
	e->dev.queue[3].limit = 0;
	check_says(e, tell(e, ALL), -EPROTO, "queue 3 has 0 descriptors");
	e->dev.queue[3].limit = 256;
	e->dev.queue[4].limit = 2;
	check_says(e, tell(e, ALL), -EPROTO, "queue 4 has 2 descriptors at most: needed are 4");
	e->dev.queue[4].limit = 64;
	assert_int_equal(tell(e, ALL), 0);
	/* It keeps a size of its own. */
	e->dev.lie = lie_size;
	e->dev.lies = 256;
	check_says(e, tell(e, ALL), -EPROTO, "queue 0 with 128 descriptors: its size is 256");
	e->dev.lie = lie_never_enabled;
	check_says(e, tell(e, ALL), -EPROTO, "its size is 128, enabled 0");
	end(e);
}

static void
test_too_few_queues(void **state)
{
	struct env *e = *state;

	begin(e, ALL, 4);
	e->dev.num_queues = 8;
	check_says(e, tell(e, ALL), -EPROTO, "8 queues: 4 pairs and a control queue need 9");
	e->dev.num_queues = 0;
	check_says(e, tell(e, ALL), -EPROTO, "0 queues");
	/* Pairs that nobody can have. */
	e->dev.num_queues = 9;
	e->dev.net[8] = 0xff;
	e->dev.net[9] = 0xff;
	check_says(e, tell(e, ALL), -EPROTO, "65535 pairs and a control queue need 131071");
	end(e);
	begin(e, PLAIN, 1);
	e->dev.num_queues = 1;
	check_says(e, tell(e, ALL), -EPROTO, "1 queues: 1 pairs need 2");
	end(e);
}

static void
test_doorbells(void **state)
{
	struct env *e = *state;

	begin(e, ALL, 1);
	e->dev.queue[1].notify_off = 0xffff;
	check_says(e, tell(e, ALL), -EPROTO, "doorbell of queue 1 is at 262140 of a notify");
	e->dev.queue[1].notify_off = 0x400;
	check_says(e, tell(e, ALL), -EPROTO, "at 4096 of a notify configuration of 4096 bytes");
	e->dev.queue[1].notify_off = 0x3ff;
	assert_int_equal(tell(e, ALL), 0);
	ops->notify(&e->pci, 1);
	assert_int_equal(e->dev.queue[1].rung, 1);
	ops->notify(&e->pci, FOLIO_VIRTIO_QUEUES_MAX); /* nobody's */
	end(e);
	begin(e, ALL, 1);
	pcidev_put(&e->dev, PCIDEV_CAP_NOTIFY + 16, 4, 0x80000000);
	e->dev.queue[1].notify_off = 2; /* 0 in 32 bits */
	check_says(e, tell(e, ALL), -EPROTO, "is at 4294967296 of a notify");
	end(e);
}

static void
test_plan_of_more_than_is_offered(void **state)
{
	struct env *e = *state;

	begin(e, ALL & ~BIT(F_RING_PACKED), 2);
	assert_int_equal(ask(e), 0);
	e->plan = (struct folio_virtio_plan){.features = ALL, .pairs = 1, .size = 64};
	check_says(e, tell_more(e), -EINVAL, "are more than it offers");
	assert_int_equal(ask(e), 0);
	e->plan.features = e->offer.features;
	e->plan.pairs = 3;
	check_says(e, tell_more(e), -EINVAL, "3 pairs of queues");
	assert_int_equal(ask(e), 0);
	e->plan.pairs = 2;
	e->plan.size = 512;
	check_says(e, tell_more(e), -EINVAL, "queues of 512");
	assert_int_equal(ask(e), 0);
	e->plan.size = 64;
	e->plan.features &= ~BIT(NET_F_MQ);
	check_says(e, tell_more(e), -EINVAL, "2 pairs without MQ");
	end(e);
}

/* While the window is in use a doorbell waits, and is rung by its user. */
static void
test_doorbell_waits_for_the_window(void **state)
{
	struct folio_virtio_health health = {.link = true};
	struct env *e = *state;
	uint32_t q;

	begin(e, ALL, 64);
	assert_int_equal(tell(e, ALL), 0);
	e->pci.window_busy = 1;
	for (q = 0; q < 128; q += 9)
		ops->notify(&e->pci, q);
	assert_int_equal(e->dev.queue[9].rung, 0);
	assert_int_equal(watch(e, &health), -EAGAIN);
	assert_true(health.link);
	e->pci.window_busy = 0;
	assert_int_equal(watch(e, &health), 0);
	for (q = 0; q < 128; q++)
		assert_int_equal(e->dev.queue[q].rung, q % 9 == 0);
	ops->notify(&e->pci, 9);
	assert_int_equal(e->dev.queue[9].rung, 2);
	end(e);
}

#define RINGS 20000

/* What was given to a queue before its doorbell, and what the device saw behind the last. */
static struct {
	struct folio_virtio_pci *pci;
	uint32_t given, seen;
} rings[2];

static void
note_doorbell(uint32_t q)
{
	if (q < 2)
		rings[q].seen = __atomic_load_n(&rings[q].given, __ATOMIC_ACQUIRE);
}

static void *
ring_doorbells(void *arg)
{
	uint32_t q = (uint32_t)(uintptr_t)arg, i;

	for (i = 1; i <= RINGS; i++) {
		__atomic_store_n(&rings[q].given, i, __ATOMIC_RELEASE);
		ops->notify(rings[q].pci, q);
	}
	return NULL;
}

/* The device hears of all that was given, and no doorbell gets into the read of a register. */
static void
test_doorbells_while_it_is_watched(void **state)
{
	struct folio_virtio_health health;
	struct env *e = *state;
	pthread_t thread[2];
	uint32_t q, seen = 0;
	int ret;

	begin(e, ALL, 1);
	assert_int_equal(tell(e, ALL), 0);
	e->dev.rang = note_doorbell;
	for (q = 0; q < 2; q++) {
		rings[q].pci = &e->pci;
		rings[q].given = rings[q].seen = 0;
		assert_int_equal(pthread_create(&thread[q], NULL, ring_doorbells,
						(void *)(uintptr_t)q), 0);
	}
	while (seen < 2 * RINGS) {
		ret = watch(e, &health);
		assert_true(ret == -EAGAIN || (ret == 0 && health.link && !health.announce));
		seen = __atomic_load_n(&rings[0].given, __ATOMIC_RELAXED) +
		       __atomic_load_n(&rings[1].given, __ATOMIC_RELAXED);
	}
	for (q = 0; q < 2; q++)
		pthread_join(thread[q], NULL);
	for (q = 0; q < 2; q++)
		assert_int_equal(rings[q].seen, RINGS);
	end(e);
}

static void
test_device_that_goes_away(void **state)
{
	struct folio_virtio_health health;
	struct env *e = *state;
	int mute;

	for (mute = 0; mute < 2; mute++) {
		begin(e, ALL, 1);
		assert_int_equal(tell(e, ALL), 0);
		e->dev.gone = mute == 0;
		e->dev.mute = mute == 1;
		ops->notify(&e->pci, 0);
		check_says(e, watch(e, &health), -ENODEV, "the device is gone");
		check_says(e, reach(e), -ENODEV, "does not answer");
		ops->drop(&e->pci);
		/* Another one in its place. */
		e->dev.gone = false;
		e->dev.mute = false;
		assert_int_equal(tell(e, ALL), 0);
		end(e);
	}
}

static void
test_link_and_announcements(void **state)
{
	struct folio_virtio_health health;
	struct env *e = *state;

	begin(e, ALL, 1);
	assert_int_equal(tell(e, ALL), 0);
	e->dev.net[6] = 0;
	assert_int_equal(watch(e, &health), 0);
	assert_false(health.link);
	e->dev.net[6] = 3;
	e->dev.answer = PCIDEV_LATE;
	assert_int_equal(watch(e, &health), 0);
	assert_true(health.link);
	assert_true(health.announce);
	assert_int_equal(watch(e, &health), 0);
	assert_false(health.announce); /* once for each time it is asked */
	pcidev_answer_now(&e->dev);
	assert_int_equal(e->dev.last, FOLIO_CONTROL_ANNOUNCED);
	assert_int_equal(e->dev.data_len, 0);
	e->dev.net[6] = 1;
	assert_int_equal(watch(e, &health), 0);
	assert_false(health.announce);
	end(e);
	/* Not agreed on: the bits mean nothing. */
	begin(e, ALL, 1);
	assert_int_equal(tell(e, ALL & ~BIT(NET_F_GUEST_ANNOUNCE) & ~BIT(NET_F_STATUS)), 0);
	e->dev.net[6] = 2;
	assert_int_equal(watch(e, &health), 0);
	assert_true(health.link);
	assert_false(health.announce);
	end(e);
}

static void
test_commands_at_the_start(void **state)
{
	static const uint8_t mac[6] = {0x06, 5, 4, 3, 2, 1};
	uint64_t features = ALL;
	struct env *e = *state;
	int packed;

	for (packed = 0; packed < 2; packed++, features &= ~BIT(F_RING_PACKED)) {
		begin(e, features, 4);
		e->dev.answer = PCIDEV_LATE;
		assert_int_equal(tell(e, ALL), -EAGAIN);
		assert_non_null(strstr(e->err.text, "not answered on its control queue yet"));
		assert_int_equal(e->dev.control, 8);
		pcidev_answer_now(&e->dev);
		assert_int_equal(e->dev.last, FOLIO_CONTROL_PAIRS);
		assert_int_equal(e->dev.data_len, 2);
		assert_int_equal(e->dev.data[0] | e->dev.data[1] << 8, 4);
		memcpy(e->plan.mac, mac, sizeof(mac));
		assert_int_equal(tell_more(e), -EAGAIN);
		pcidev_answer_now(&e->dev);
		assert_int_equal(e->dev.last, FOLIO_CONTROL_PROMISC);
		assert_int_equal(e->dev.data_len, 1);
		assert_int_equal(e->dev.data[0], 1);
		assert_int_equal(tell_more(e), -EAGAIN);
		pcidev_answer_now(&e->dev);
		assert_int_equal(e->dev.last, FOLIO_CONTROL_MAC);
		assert_int_equal(e->dev.data_len, 6);
		assert_memory_equal(e->dev.data, mac, 6);
		assert_int_equal(tell_more(e), 0);
		assert_int_equal(e->dev.commands, 3);
		assert_int_equal(e->pci.refused, 0);
		end(e);
	}
}

/* One pair of several: the control queue stays behind all of them; without MQ it is the third. */
static void
test_place_of_the_control_queue(void **state)
{
	struct env *e = *state;

	begin(e, ALL, 4);
	assert_int_equal(tell(e, ALL & ~BIT(NET_F_CTRL_VQ) & ~BIT(NET_F_MQ)), 0);
	assert_int_equal(e->dev.commands, 0);
	e->dev.control = 2;
	e->dev.queue[2].limit = 64;
	assert_int_equal(tell(e, ALL & ~BIT(NET_F_MQ)), 0);
	assert_int_equal(e->dev.commands, 1);
	assert_int_equal(e->dev.queue[2].rung, 1);
	end(e);
}

static void
check_command_fails(struct env *e, uint64_t features, enum pcidev_answer answer, int error,
		    const char *says)
{
	begin(e, features, 2);
	e->dev.answer = answer;
	check_says(e, tell(e, ALL), error, says);
	e->dev.answer = PCIDEV_ACCEPT;
	assert_int_equal(tell(e, ALL), 0);
	end(e);
}

static void
test_hostile_control_queue(void **state)
{
	static const char *const nonsense = "answers on its control queue what was not asked";
	uint64_t features = ALL;
	struct env *e = *state;
	int packed;

	for (packed = 0; packed < 2; packed++, features &= ~BIT(F_RING_PACKED)) {
		check_command_fails(e, features, PCIDEV_ID, -EPROTO, nonsense);
		check_command_fails(e, features, PCIDEV_LENGTH, -EPROTO, nonsense);
		check_command_fails(e, features, PCIDEV_REFUSE, -EPROTO, "refuses 2 queue pairs of its 2");
		check_command_fails(e, features, PCIDEV_NOTHING, -EPROTO, "refuses 2 queue pairs");
		check_command_fails(e, features, PCIDEV_LATE, -EAGAIN, "not answered on its control");
	}
	check_command_fails(e, features, PCIDEV_TWICE, -EPROTO, nonsense);
	check_command_fails(e, features, PCIDEV_BACK, -EPROTO, nonsense);
}

/* What it wrote over our rings changes nothing that we do next. */
static void
test_rings_are_overwritten(void **state)
{
	uint64_t features = ALL;
	struct env *e = *state;
	int packed;

	for (packed = 0; packed < 2; packed++, features &= ~BIT(F_RING_PACKED)) {
		begin(e, features, 2);
		e->dev.answer = PCIDEV_SCRIBBLE;
		assert_int_equal(tell(e, ALL), 0);
		assert_int_equal(e->dev.commands, 2);
		assert_int_equal(e->dev.last, FOLIO_CONTROL_PROMISC);
		assert_int_equal(e->dev.data[0], 1);
		end(e);
	}
}

static void
test_optional_commands_may_be_refused(void **state)
{
	struct env *e = *state;

	begin(e, ALL & ~BIT(NET_F_MQ), 1);
	e->dev.answer = PCIDEV_REFUSE;
	assert_int_equal(tell(e, ALL), 0);
	assert_int_equal(e->pci.refused, 1);
	end(e);
}

/* A command while it runs that is never answered ends the device, after a while. */
static void
test_silent_control_queue(void **state)
{
	struct folio_virtio_health health;
	struct env *e = *state;
	int ret = 0;
	uint32_t i;

	begin(e, ALL, 1);
	assert_int_equal(tell(e, ALL), 0);
	e->dev.net[6] = 3;
	e->dev.answer = PCIDEV_LATE;
	for (i = 0; i < 2 * FOLIO_VIRTIO_PCI_LOOKS && ret == 0; i++)
		ret = watch(e, &health);
	assert_int_equal(i, FOLIO_VIRTIO_PCI_LOOKS + 1);
	check_says(e, ret, -ETIMEDOUT, "does not answer on its control queue");
	assert_int_equal(watch(e, &health), -EIO);
	end(e);
}

/* Many commands: indices and wrap counters go round. */
static void
test_many_commands(void **state)
{
	struct folio_virtio_health health;
	uint64_t features = ALL;
	struct env *e = *state;
	uint32_t i, packed;

	for (packed = 0; packed < 2; packed++, features &= ~BIT(F_RING_PACKED)) {
		begin(e, features, 1);
		assert_int_equal(tell(e, ALL), 0);
		e->dev.net[6] = 3;
		for (i = 0; i < 70000; i++) {
			assert_int_equal(watch(e, &health), 0);
			assert_true(health.announce);
		}
		assert_int_equal(e->dev.commands, 70001);
		end(e);
	}
}

/* Whatever it says, there is an end, and an errno. */
static void
test_every_register_lies(void **state)
{
	struct env *e = *state;
	uint32_t seed;
	int ret;

	for (seed = 1; seed < 3000; seed++) {
		begin(e, ALL, 1 + seed % 3);
		e->dev.lie = lie_always;
		e->dev.lies = seed * 2654435761u;
		ret = tell(e, ALL);
		assert_true(ret <= 0);
		ops->drop(&e->pci);
		e->dev.lie = NULL;
		e->dev.error = NULL; /* a driver that is lied to does odd things */
		e->dev.status = 0;
		assert_int_equal(tell(e, ALL), 0);
		end(e);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_transitional_device),
		cmocka_unit_test(test_hostile_configuration_space),
		cmocka_unit_test(test_first_capability_counts),
		cmocka_unit_test(test_longest_capability_list),
		cmocka_unit_test(test_reset_never_done),
		cmocka_unit_test(test_status_makes_no_sense),
		cmocka_unit_test(test_features_refused),
		cmocka_unit_test(test_features_change),
		cmocka_unit_test(test_configuration_changes),
		cmocka_unit_test(test_odd_mtu_mac_and_pairs),
		cmocka_unit_test(test_queue_sizes),
		cmocka_unit_test(test_too_few_queues),
		cmocka_unit_test(test_doorbells),
		cmocka_unit_test(test_plan_of_more_than_is_offered),
		cmocka_unit_test(test_doorbell_waits_for_the_window),
		cmocka_unit_test(test_doorbells_while_it_is_watched),
		cmocka_unit_test(test_device_that_goes_away),
		cmocka_unit_test(test_link_and_announcements),
		cmocka_unit_test(test_commands_at_the_start),
		cmocka_unit_test(test_place_of_the_control_queue),
		cmocka_unit_test(test_hostile_control_queue),
		cmocka_unit_test(test_rings_are_overwritten),
		cmocka_unit_test(test_optional_commands_may_be_refused),
		cmocka_unit_test(test_silent_control_queue),
		cmocka_unit_test(test_many_commands),
		cmocka_unit_test(test_every_register_lies),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
