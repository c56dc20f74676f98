/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* What a virtio-pci network device offers. The device is not trusted. */

#include <inttypes.h>
#include <string.h>

#include "virtio/pci_common.h"

/* How often the configuration may change while it is read. */
#define GENERATION_TRIES 16

int
folio_pci_check_status(struct folio_virtio_pci *p, uint32_t want, struct folio_error *err)
{
	uint32_t status;

	if (!folio_pci_get(p, PCI_DEVICE_STATUS, 1, &status) || status == STATUS_GONE)
		return folio_pci_gone(p, err);
	if ((status & STATUS_NEEDS_RESET) != 0)
		return folio_fail(err, -EIO, "%s asks to be reset (status 0x%02x)", p->name,
				  status);
	if ((status & want) != want)
		return folio_fail(err, -EIO,
				  "%s has status 0x%02x, where 0x%02x was set: somebody else "
				  "resets it, or it is broken",
				  p->name, status, want);
	return 0;
}

static int
read_features(struct folio_virtio_pci *p, struct folio_error *err)
{
	uint32_t low, high;
	int ret;

	if (!folio_pci_set(p, PCI_DEVICE_STATUS, 1, STATUS_ACKNOWLEDGE) ||
	    !folio_pci_set(p, PCI_DEVICE_STATUS, 1, STATUS_NEGOTIATING))
		return folio_pci_gone(p, err);
	ret = folio_pci_check_status(p, STATUS_NEGOTIATING, err);
	if (ret != 0)
		return ret;
	if (!folio_pci_set(p, PCI_DEVICE_FEATURE_SELECT, 4, 0) ||
	    !folio_pci_get(p, PCI_DEVICE_FEATURE, 4, &low) ||
	    !folio_pci_set(p, PCI_DEVICE_FEATURE_SELECT, 4, 1) ||
	    !folio_pci_get(p, PCI_DEVICE_FEATURE, 4, &high))
		return folio_pci_gone(p, err);
	p->offered = (uint64_t)high << 32 | low;
	return 0;
}

/* The fields that it has by its features are within what the capability list says. */
static int
check_config_length(const struct folio_virtio_pci *p, struct folio_error *err)
{
	uint32_t has = p->regs.part[FOLIO_PCI_DEVICE].len, need = 0;

	if ((p->offered & FEATURE(NET_F_MAC)) != 0)
		need = NET_MAC + 6;
	if ((p->offered & FEATURE(NET_F_STATUS)) != 0)
		need = NET_STATUS + 2;
	if ((p->offered & FEATURE(NET_F_MQ)) != 0)
		need = NET_PAIRS + 2;
	if ((p->offered & FEATURE(NET_F_MTU)) != 0)
		need = NET_MTU + 2;
	if (need <= has)
		return 0;
	return folio_fail(err, -EPROTO,
			  "%s: its configuration has %u bytes: its features "
			  "(0x%" PRIx64 ") need %u",
			  p->name, has, p->offered, need);
}

/* Once, whole; stable: it did not change meanwhile. False: no answer. */
static bool
read_config_once(struct folio_virtio_pci *p, struct folio_virtio_offer *offer, bool *stable)
{
	uint32_t before, after, value, i;

	if (!folio_pci_get(p, PCI_CONFIG_GENERATION, 1, &before))
		return false;
	for (i = 0; i < 6 && (p->offered & FEATURE(NET_F_MAC)) != 0; i++) {
		if (!folio_pci_net_get(p, NET_MAC + i, 1, &value))
			return false;
		offer->mac[i] = (uint8_t)value;
	}
	if (((p->offered & FEATURE(NET_F_MQ)) != 0 &&
	     !folio_pci_net_get(p, NET_PAIRS, 2, &offer->pairs)) ||
	    ((p->offered & FEATURE(NET_F_MTU)) != 0 &&
	     !folio_pci_net_get(p, NET_MTU, 2, &offer->mtu)) ||
	    !folio_pci_get(p, PCI_CONFIG_GENERATION, 1, &after))
		return false;
	*stable = before == after;
	return true;
}

static int
read_config(struct folio_virtio_pci *p, struct folio_virtio_offer *offer, struct folio_error *err)
{
	bool stable = false;
	int i;

	for (i = 0; i < GENERATION_TRIES && !stable; i++) {
		if (!read_config_once(p, offer, &stable))
			return folio_pci_gone(p, err);
	}
	if (!stable)
		return folio_fail(err, -EPROTO,
				  "%s: its configuration changed each of %d times that it was "
				  "read",
				  p->name, GENERATION_TRIES);
	p->pairs = offer->pairs;
	return 0;
}

/*
 * The first pair's limits are those of all. Devices know their other queues only when features are
 * negotiated (QEMU's has fewer, if its last driver had but one pair): pci.c looks at each then.
 */
static int
read_sizes(struct folio_virtio_pci *p, struct folio_error *err)
{
	uint32_t q, size;

	p->queue_max = UINT16_MAX;
	for (q = 0; q < 2; q++) {
		if (!folio_pci_set(p, PCI_QUEUE_SELECT, 2, q) ||
		    !folio_pci_get(p, PCI_QUEUE_SIZE, 2, &size))
			return folio_pci_gone(p, err);
		if (size == 0)
			return folio_fail(err, -EPROTO, "%s has no queue %u (its size is 0)",
					  p->name, q);
		if (size < p->queue_max)
			p->queue_max = size;
	}
	return 0;
}

int
folio_pci_ask(void *transport, struct folio_virtio_offer *offer, struct folio_error *err)
{
	struct folio_virtio_pci *p = transport;
	int ret;

	memset(offer, 0, sizeof(*offer));
	offer->pairs = 1;
	ret = read_features(p, err);
	if (ret == 0)
		ret = check_config_length(p, err);
	if (ret == 0)
		ret = read_config(p, offer, err);
	if (ret == 0)
		ret = read_sizes(p, err);
	if (ret != 0)
		return ret;
	p->step = FOLIO_VIRTIO_PCI_TELL;
	offer->features = p->offered;
	offer->queue_max = p->queue_max;
	return 0;
}
