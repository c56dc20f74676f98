/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * The transport for virtio-pci and a hostile device: configuration space, registers, control queue.
 * Each ends with an error that says what the device did, and begins anew when it behaves.
 */

#include <errno.h>
#include <string.h>

#include "../virtio/pcirig.h"

static const struct folio_virtio_transport *const ops = &folio_virtio_pci_transport;

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
		{PCIDEV_CAP_COMMON + 2, 1, 0xff, -EPROTO,
		 "0x50 has 255 bytes: needed are 16, within"},
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
		{PCIDEV_CAP_NOTIFY + 16, 4, 6, -EPROTO,
		 "6 bytes apart: allowed is 0, or a power of"},
		{PCIDEV_CAP_NOTIFY + 16, 4, 0xffffffff, -EPROTO, "4294967295 bytes apart"},
	};
	struct pcirig *e = *state;
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		pcirig_begin(e, ALL, 1);
		pcidev_put(&e->dev, bad[i].offset, bad[i].len, bad[i].value);
		pcirig_check(e, pcirig_ask(e), bad[i].error, bad[i].says);
		pcirig_end(e);
	}
}

/* The first of a type counts, whatever follows; a reserved type or BAR is passed over. */
static void
test_first_capability_counts(void **state)
{
	struct pcirig *e = *state;
	uint32_t i;

	pcirig_begin(e, ALL, 1);
	e->dev.config[PCIDEV_CAP_WINDOW + 1] = 0xa0;
	for (i = 0; i < 4; i++) {
		uint32_t at = 0xa0 + 0x14 * i;

		memcpy(e->dev.config + at, e->dev.config + PCIDEV_CAP_NOTIFY, 20);
		e->dev.config[at + 3] = (uint8_t)(i == 3 ? 9 : i + 1);
		e->dev.config[at + 1] = (uint8_t)(i == 3 ? 0 : at + 0x14);
		pcidev_put(&e->dev, at + 8, 4, 0xfff0);
	}
	assert_int_equal(pcirig_tell(e, ALL), 0);
	pcirig_end(e);
	/* In front of the one that counts. */
	pcirig_begin(e, ALL, 1);
	e->dev.config[0x34] = 0xa0;
	memcpy(e->dev.config + 0xa0, e->dev.config + PCIDEV_CAP_COMMON, 16);
	e->dev.config[0xa1] = PCIDEV_CAP_OTHER;
	e->dev.config[0xa4] = 6;
	assert_int_equal(pcirig_tell(e, ALL), 0);
	pcirig_end(e);
}

/* As many capabilities as there is room for, in the wrong order, end. */
static void
test_longest_capability_list(void **state)
{
	struct pcirig *e = *state;
	uint32_t at;

	pcirig_begin(e, ALL, 1);
	memset(e->dev.config + 0x40, 0x11, FOLIO_PCI_CONFIG_BYTES - 0x40);
	for (at = 0x40; at < FOLIO_PCI_CONFIG_BYTES; at += 4)
		e->dev.config[at + 1] = (uint8_t)(at == 0x40 ? 0 : at - 4);
	e->dev.config[0x34] = 0xfc;
	pcirig_check(e, pcirig_reach(e), -EPROTO, "no common configuration");
	/* A vendor's at the very end. */
	e->dev.config[0xfc] = 0x09;
	pcirig_check(e, pcirig_reach(e), -EPROTO, "0xfc reaches beyond the configuration space");
	pcirig_end(e);
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
	struct pcirig *e = *state;

	pcirig_begin(e, ALL, 1);
	e->dev.lie = lie_status_stays;
	pcirig_check(e, pcirig_reach(e), -EAGAIN, "has not finished its reset: its status is 0x0f");
	e->dev.lie = NULL;
	assert_int_equal(pcirig_tell(e, ALL), 0);
	assert_int_equal(pcirig_watch(e, &health), 0);
	e->dev.lie = lie_status_stays;
	assert_int_equal(ops->part(&e->pci, &e->err), -EAGAIN);
	assert_int_equal(ops->part(&e->pci, &e->err), -EAGAIN);
	/* It may go on with its queues, but reaches none. */
	ops->drop(&e->pci);
	assert_false(pcidev_is_master(&e->dev));
	pcirig_end(e);
}

static void
test_status_makes_no_sense(void **state)
{
	struct folio_virtio_health health;
	struct pcirig *e = *state;

	pcirig_begin(e, ALL, 1);
	e->dev.lie = lie_status_is_zero;
	pcirig_check(e, pcirig_ask(e), -EIO, "status 0x00, where 0x03 was set");
	pcirig_end(e);
	pcirig_begin(e, ALL, 1);
	e->dev.lie = lie_does_not_start;
	pcirig_check(e, pcirig_tell(e, ALL), -EIO, "status 0x0b, where 0x0f was set");
	pcirig_end(e);
	/* While it runs: it asks for a reset; is reset by somebody else; is unplugged. */
	pcirig_begin(e, ALL, 1);
	assert_int_equal(pcirig_tell(e, ALL), 0);
	e->dev.status |= 0x40;
	pcirig_check(e, pcirig_watch(e, &health), -EIO, "asks to be reset (status 0x4f)");
	assert_int_equal(pcirig_tell(e, ALL), 0);
	e->dev.status = 0;
	pcirig_check(e, pcirig_watch(e, &health), -EIO, "status 0x00, where 0x0f was set");
	assert_int_equal(pcirig_tell(e, ALL), 0);
	e->dev.status = 0xff;
	pcirig_check(e, pcirig_watch(e, &health), -ENODEV, "the device is gone");
	pcirig_end(e);
}

static void
test_features_refused(void **state)
{
	struct pcirig *e = *state;

	pcirig_begin(e, ALL, 1);
	e->dev.lie = lie_features_refused;
	pcirig_check(e, pcirig_tell(e, ALL), -EPROTO, "FEATURES_OK stays off (status 0x03)");
	assert_null(strstr(e->err.text, "wants"));
	pcirig_check(e, pcirig_tell(e, ALL & ~BIT(F_ACCESS_PLATFORM)), -EPROTO,
		     "it wants ACCESS_PLATFORM");
	pcirig_end(e);
}

/* What was offered once counts: a device that offers something else later refuses, or takes it. */
static void
test_features_change(void **state)
{
	struct pcirig *e = *state;

	pcirig_begin(e, PLAIN, 1);
	e->dev.lie = lie_features_change;
	e->dev.lies = 1;
	assert_int_equal(pcirig_ask(e), 0);
	assert_int_not_equal(e->offer.features, PLAIN);
	pcirig_check(e, pcirig_tell(e, UINT64_MAX), -EPROTO, "FEATURES_OK stays off");
	pcirig_end(e);
}

static void
test_configuration_changes(void **state)
{
	struct pcirig *e = *state;

	pcirig_begin(e, ALL, 1);
	e->dev.lie = lie_settles;
	assert_int_equal(pcirig_ask(e), 0);
	assert_int_equal(e->offer.mtu, 1500);
	assert_memory_equal(e->offer.mac, e->dev.net, 6);
	pcirig_end(e);
	pcirig_begin(e, ALL, 1);
	e->dev.lie = lie_generation;
	e->dev.lies = 0;
	pcirig_check(e, pcirig_ask(e), -EPROTO, "its configuration changed each of 16 times");
	pcirig_end(e);
}

/* They are handed on as they are, for the judge of offers. */
static void
test_odd_mtu_mac_and_pairs(void **state)
{
	struct pcirig *e = *state;

	pcirig_begin(e, ALL, 1);
	memset(e->dev.net, 0xff, sizeof(e->dev.net));
	assert_int_equal(pcirig_ask(e), 0);
	assert_int_equal(e->offer.mtu, 0xffff);
	assert_int_equal(e->offer.pairs, 0xffff);
	assert_true(util_all_bytes(e->offer.mac, 0xff, 6));
	memset(e->dev.net, 0, sizeof(e->dev.net));
	assert_int_equal(pcirig_ask(e), 0);
	assert_int_equal(e->offer.mtu, 0);
	assert_int_equal(e->offer.pairs, 0);
	pcirig_end(e);
}

static void
test_queue_sizes(void **state)
{
	struct pcirig *e = *state;

	pcirig_begin(e, ALL, 2);
	e->dev.queue[1].limit = 0;
	pcirig_check(e, pcirig_ask(e), -EPROTO, "has no queue 1 (its size is 0)");
	e->dev.queue[1].limit = 300;
	assert_int_equal(pcirig_ask(e), 0);
	assert_int_equal(e->offer.queue_max, 256);
	e->dev.queue[0].limit = 65535;
	e->dev.queue[1].limit = 65535;
	assert_int_equal(pcirig_ask(e), 0);
	assert_int_equal(e->offer.queue_max, 65535);
	/* A later one is smaller than the first two, or not there. */
	e->dev.queue[3].limit = 64;
	pcirig_check(e, pcirig_tell(e, ALL), -EPROTO,
		     "queue 3 has 64 descriptors at most: needed are 128");
	e->dev.queue[3].limit = 0;
	pcirig_check(e, pcirig_tell(e, ALL), -EPROTO, "queue 3 has 0 descriptors");
	e->dev.queue[3].limit = 256;
	e->dev.queue[4].limit = 2;
	pcirig_check(e, pcirig_tell(e, ALL), -EPROTO,
		     "queue 4 has 2 descriptors at most: needed are 4");
	e->dev.queue[4].limit = 64;
	assert_int_equal(pcirig_tell(e, ALL), 0);
	/* It keeps a size of its own. */
	e->dev.lie = lie_size;
	e->dev.lies = 256;
	pcirig_check(e, pcirig_tell(e, ALL), -EPROTO,
		     "queue 0 with 128 descriptors: its size is 256");
	e->dev.lie = lie_never_enabled;
	pcirig_check(e, pcirig_tell(e, ALL), -EPROTO, "its size is 128, enabled 0");
	pcirig_end(e);
}

static void
test_too_few_queues(void **state)
{
	struct pcirig *e = *state;

	pcirig_begin(e, ALL, 4);
	e->dev.num_queues = 8;
	pcirig_check(e, pcirig_tell(e, ALL), -EPROTO,
		     "8 queues: 4 pairs and a control queue need 9");
	e->dev.num_queues = 0;
	pcirig_check(e, pcirig_tell(e, ALL), -EPROTO, "0 queues");
	/* Pairs that nobody can have. */
	e->dev.num_queues = 9;
	e->dev.net[8] = 0xff;
	e->dev.net[9] = 0xff;
	pcirig_check(e, pcirig_tell(e, ALL), -EPROTO,
		     "65535 pairs and a control queue need 131071");
	pcirig_end(e);
	pcirig_begin(e, PLAIN, 1);
	e->dev.num_queues = 1;
	pcirig_check(e, pcirig_tell(e, ALL), -EPROTO, "1 queues: 1 pairs need 2");
	pcirig_end(e);
}

static void
test_doorbells(void **state)
{
	struct pcirig *e = *state;
	uint32_t value;

	pcirig_begin(e, ALL, 1);
	e->dev.queue[1].notify_off = 0xffff;
	pcirig_check(e, pcirig_tell(e, ALL), -EPROTO,
		     "doorbell of queue 1 is at 262140 of a notify");
	e->dev.queue[1].notify_off = 0x400;
	pcirig_check(e, pcirig_tell(e, ALL), -EPROTO,
		     "at 4096 of a notify configuration of 4096 bytes");
	e->dev.queue[1].notify_off = 0x3ff;
	assert_int_equal(pcirig_tell(e, ALL), 0);
	ops->notify(&e->pci, 1);
	assert_int_equal(e->dev.queue[1].rung, 1);
	ops->notify(&e->pci, FOLIO_VIRTIO_QUEUES_MAX); /* nobody's */
	/* Nor is there a register beyond a part. */
	assert_true(folio_pci_reg_read(&e->pci.regs, FOLIO_PCI_DEVICE, 8, 4, &value));
	assert_false(folio_pci_reg_read(&e->pci.regs, FOLIO_PCI_DEVICE, 10, 4, &value));
	assert_false(folio_pci_reg_read(&e->pci.regs, FOLIO_PCI_DEVICE, UINT32_MAX, 2, &value));
	assert_false(folio_pci_reg_write(&e->pci.regs, FOLIO_PCI_NOTIFY, 0xfff, 2, 0));
	pcirig_end(e);
	pcirig_begin(e, ALL, 1);
	pcidev_put(&e->dev, PCIDEV_CAP_NOTIFY + 16, 4, 0x80000000);
	e->dev.queue[1].notify_off = 2; /* 0 in 32 bits */
	pcirig_check(e, pcirig_tell(e, ALL), -EPROTO, "is at 4294967296 of a notify");
	pcirig_end(e);
}

static void
check_command_fails(struct pcirig *e, uint64_t features, enum pcidev_answer answer, int error,
		    const char *says)
{
	pcirig_begin(e, features, 2);
	e->dev.answer = answer;
	pcirig_check(e, pcirig_tell(e, ALL), error, says);
	e->dev.answer = PCIDEV_ACCEPT;
	assert_int_equal(pcirig_tell(e, ALL), 0);
	pcirig_end(e);
}

static void
test_hostile_control_queue(void **state)
{
	static const char *const nonsense = "answers on its control queue what was not asked";
	uint64_t features = ALL;
	struct pcirig *e = *state;
	int packed;

	for (packed = 0; packed < 2; packed++, features &= ~BIT(F_RING_PACKED)) {
		check_command_fails(e, features, PCIDEV_ID, -EPROTO, nonsense);
		check_command_fails(e, features, PCIDEV_LENGTH, -EPROTO, nonsense);
		check_command_fails(e, features, PCIDEV_REFUSE, -EPROTO,
				    "refuses 2 queue pairs of its 2");
		check_command_fails(e, features, PCIDEV_NOTHING, -EPROTO, "refuses 2 queue pairs");
		check_command_fails(e, features, PCIDEV_LATE, -EAGAIN,
				    "not answered on its control");
	}
	check_command_fails(e, features, PCIDEV_TWICE, -EPROTO, nonsense);
	check_command_fails(e, features, PCIDEV_BACK, -EPROTO, nonsense);
}

/* What it wrote over our rings changes nothing that we do next. */
static void
test_rings_are_overwritten(void **state)
{
	uint64_t features = ALL;
	struct pcirig *e = *state;
	int packed;

	for (packed = 0; packed < 2; packed++, features &= ~BIT(F_RING_PACKED)) {
		pcirig_begin(e, features, 2);
		e->dev.answer = PCIDEV_SCRIBBLE;
		assert_int_equal(pcirig_tell(e, ALL), 0);
		assert_int_equal(e->dev.commands, 2);
		assert_int_equal(e->dev.last, FOLIO_CONTROL_PROMISC);
		assert_int_equal(e->dev.data[0], 1);
		pcirig_end(e);
	}
}

/* A command while it runs that is never answered ends the device, after a while. */
static void
test_silent_control_queue(void **state)
{
	struct folio_virtio_health health;
	struct pcirig *e = *state;
	int ret = 0;
	uint32_t i;

	pcirig_begin(e, ALL, 1);
	assert_int_equal(pcirig_tell(e, ALL), 0);
	e->dev.net[6] = 3;
	e->dev.answer = PCIDEV_LATE;
	for (i = 0; i < 2 * FOLIO_VIRTIO_PCI_LOOKS && ret == 0; i++)
		ret = pcirig_watch(e, &health);
	assert_int_equal(i, FOLIO_VIRTIO_PCI_LOOKS + 1);
	pcirig_check(e, ret, -ETIMEDOUT, "does not answer on its control queue");
	assert_int_equal(pcirig_watch(e, &health), -EIO);
	pcirig_end(e);
}

/* Whatever it says, there is an end, and an errno. */
static void
test_every_register_lies(void **state)
{
	struct pcirig *e = *state;
	uint32_t seed;
	int ret;

	for (seed = 1; seed < 3000; seed++) {
		pcirig_begin(e, ALL, 1 + seed % 3);
		e->dev.lie = lie_always;
		e->dev.lies = seed * 2654435761u;
		ret = pcirig_tell(e, ALL);
		assert_true(ret <= 0);
		ops->drop(&e->pci);
		e->dev.lie = NULL;
		e->dev.error = NULL; /* a driver that is lied to does odd things */
		e->dev.status = 0;
		assert_int_equal(pcirig_tell(e, ALL), 0);
		pcirig_end(e);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
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
		cmocka_unit_test(test_hostile_control_queue),
		cmocka_unit_test(test_rings_are_overwritten),
		cmocka_unit_test(test_silent_control_queue),
		cmocka_unit_test(test_every_register_lies),
	};

	return cmocka_run_group_tests(tests, pcirig_setup, pcirig_teardown);
}
