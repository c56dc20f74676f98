/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "virtio.h"
#include "virtio/spec.h"

#define STATUS_GONE 0xffu

/* Of the device's configuration (virtio 1.2, section 5.1.4). */
#define NET_PAIRS 8u
#define NET_MTU 10u

static bool
config_read(const struct folio_pci_access *a, uint32_t space, uint64_t offset, void *to,
	    uint32_t len)
{
	return space == FOLIO_PCI_CONFIG &&
	       pread(a->fd, to, len, (off_t)offset) == (ssize_t)len;
}

static bool
config_write(const struct folio_pci_access *a, uint32_t space, uint64_t offset, const void *from,
	     uint32_t len)
{
	return space == FOLIO_PCI_CONFIG &&
	       pwrite(a->fd, from, len, (off_t)offset) == (ssize_t)len;
}

static const struct folio_pci_access_ops config_ops = {
	.read = config_read,
	.write = config_write,
};

static bool
read_half(const struct folio_pci_regs *r, uint32_t select, uint32_t *half)
{
	return folio_pci_reg_write(r, FOLIO_PCI_COMMON, PCI_DEVICE_FEATURE_SELECT, 4, select) &&
	       folio_pci_reg_read(r, FOLIO_PCI_COMMON, PCI_DEVICE_FEATURE, 4, half);
}

static bool
read_offer(const struct folio_pci_regs *r, struct virtio_offer *offer)
{
	uint32_t low, high;

	if (!folio_pci_reg_read(r, FOLIO_PCI_COMMON, PCI_DEVICE_STATUS, 1, &offer->status) ||
	    offer->status == STATUS_GONE || !read_half(r, 0, &low) || !read_half(r, 1, &high) ||
	    !folio_pci_reg_write(r, FOLIO_PCI_COMMON, PCI_QUEUE_SELECT, 2, 0) ||
	    !folio_pci_reg_read(r, FOLIO_PCI_COMMON, PCI_QUEUE_SIZE, 2, &offer->size))
		return false;
	offer->features = (uint64_t)high << 32 | low;
	if ((offer->features >> VIRTIO_NET_F_MQ & 1) != 0 &&
	    !folio_pci_reg_read(r, FOLIO_PCI_DEVICE, NET_PAIRS, 2, &offer->pairs))
		return false;
	return (offer->features >> VIRTIO_NET_F_MTU & 1) == 0 ||
	       folio_pci_reg_read(r, FOLIO_PCI_DEVICE, NET_MTU, 2, &offer->mtu);
}

static int
ask_here(const char *bdf, const struct folio_pci_regs *regs, struct virtio_offer *offer)
{
	struct folio_pci_access access = *regs->access;
	struct folio_pci_regs r = *regs;
	char path[PROBE_PATH];
	int ret = 0;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	access.ops = &config_ops;
	access.fd = open(path, O_RDWR | O_CLOEXEC);
	r.access = &access;
	if (access.fd < 0)
		return errno;
	errno = EIO; /* of what is too short */
	if (flock(access.fd, LOCK_EX | LOCK_NB) != 0)
		ret = EBUSY;
	else if (!read_offer(&r, offer))
		ret = errno;
	close(access.fd);
	return ret;
}

int
virtio_ask(const struct probe *p, const char *bdf, const struct folio_pci_regs *regs,
	   struct virtio_offer *offer)
{
	char key[PROBE_NAME + 8], text[128];

	memset(offer, 0, sizeof(*offer));
	offer->pairs = 1;
	if (probe_is_here(p))
		return ask_here(bdf, regs, offer);
	snprintf(key, sizeof(key), "virtio %s", bdf);
	if (!probe_answer(p, key, text, sizeof(text)))
		return ENODATA;
	if (strcmp(text, "busy") == 0)
		return EBUSY;
	return sscanf(text, "%" SCNx32 " %" SCNx64 " %" SCNu32 " %" SCNu32 " %" SCNu32,
		      &offer->status, &offer->features, &offer->pairs, &offer->size,
		      &offer->mtu) == 5 ? 0 : ENODATA;
}
