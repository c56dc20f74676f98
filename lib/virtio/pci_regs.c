/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <string.h>

#include "error.h"
#include "virtio/pci_regs.h"

/* Configuration space, PCI 3.0. */
#define PCI_VENDOR 0x00u
#define PCI_DEVICE 0x02u
#define PCI_STATUS 0x06u
#define PCI_STATUS_CAPS (1u << 4)
#define PCI_HEADER_TYPE 0x0eu
#define PCI_FIRST_CAP 0x34u
#define PCI_CAPS_START 0x40u
#define PCI_CAP_VENDOR 0x09u

/* As many as there is room for. */
#define CAPS_MAX ((FOLIO_PCI_CONFIG_BYTES - PCI_CAPS_START) / 4)

#define VIRTIO_VENDOR 0x1af4u
#define VIRTIO_NET 0x1041u
#define VIRTIO_NET_TRANSITIONAL 0x1000u

/* struct virtio_pci_cap, section 4.1.4. */
#define CAP_NEXT 1u
#define CAP_LEN 2u
#define CAP_TYPE 3u
#define CAP_BAR 4u
#define CAP_OFFSET 8u
#define CAP_LENGTH 12u
#define CAP_BYTES 16u
#define CAP_MORE 16u /* notify: the multiplier; the window: its data */

#define TYPE_COMMON 1u
#define TYPE_NOTIFY 2u
#define TYPE_DEVICE 4u
#define TYPE_WINDOW 5u

static const char *const part_names[] = {"common", "notify", "device"};
static const uint32_t part_types[] = {TYPE_COMMON, TYPE_NOTIFY, TYPE_DEVICE};
static const uint32_t part_bytes[] = {PCI_COMMON_BYTES, 2, 1};
static const uint32_t part_align[] = {4, 2, 4};

static uint32_t
get(const uint8_t *from, uint32_t len)
{
	uint32_t value = 0, i;

	for (i = 0; i < len; i++)
		value |= (uint32_t)from[i] << 8 * i;
	return value;
}

static void
put(uint8_t *to, uint32_t len, uint32_t value)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

static int
check_device(const uint8_t *config, const char *name, struct folio_error *err)
{
	uint32_t vendor = get(config + PCI_VENDOR, 2), device = get(config + PCI_DEVICE, 2);

	if (vendor == 0xffff)
		return folio_fail(err, -ENODEV,
				  "%s does not answer: its configuration space reads as ones",
				  name);
	if (vendor != VIRTIO_VENDOR || (device != VIRTIO_NET && device != VIRTIO_NET_TRANSITIONAL))
		return folio_fail(err, -ENODEV,
				  "%s is a device %04x:%04x: allowed is a virtio network "
				  "device, 1af4:1041 or 1af4:1000",
				  name, vendor, device);
	if ((config[PCI_HEADER_TYPE] & 0x7f) != 0)
		return folio_fail(err, -EPROTO, "%s: header type %u is not that of a device (0)",
				  name, config[PCI_HEADER_TYPE] & 0x7f);
	if ((get(config + PCI_STATUS, 2) & PCI_STATUS_CAPS) == 0)
		return folio_fail(err, -EPROTO,
				  "%s has no capability list: it is no modern virtio device "
				  "(QEMU: disable-modern=off)",
				  name);
	return 0;
}

/* A capability that says where a part is, at `at`. */
static int
take_part(struct folio_pci_regs *r, enum folio_pci_part part, const uint8_t *config, uint32_t at,
	  const char *name, struct folio_error *err)
{
	struct folio_pci_range range = {
		.bar = config[at + CAP_BAR],
		.offset = get(config + at + CAP_OFFSET, 4),
		.len = get(config + at + CAP_LENGTH, 4),
	};
	uint64_t end = (uint64_t)range.offset + range.len, size = r->access->size[range.bar];

	if (range.len < part_bytes[part] || range.offset % part_align[part] != 0 || end > size ||
	    end > UINT32_MAX)
		return folio_fail(err, -EPROTO,
				  "%s: its %s configuration is %u bytes at 0x%x of BAR%u: "
				  "needed are %u bytes, aligned to %u, within the BAR's %llu",
				  name, part_names[part], range.len, range.offset, range.bar,
				  part_bytes[part], part_align[part], (unsigned long long)size);
	r->part[part] = range;
	return 0;
}

static int
take_notify(struct folio_pci_regs *r, const uint8_t *config, uint32_t at, const char *name,
	    struct folio_error *err)
{
	r->multiplier = get(config + at + CAP_MORE, 4);
	/* Section 4.1.4.4.1: an even power of two, or zero. */
	if ((r->multiplier & (r->multiplier - 1)) != 0 || r->multiplier == 1)
		return folio_fail(err, -EPROTO,
				  "%s: its doorbells are %u bytes apart: allowed is 0, or a "
				  "power of two from 2 on",
				  name, r->multiplier);
	return take_part(r, FOLIO_PCI_NOTIFY, config, at, name, err);
}

/* A vendor-specific capability at `at`, of which CAP_BYTES are within the configuration space. */
static int
take_capability(struct folio_pci_regs *r, const uint8_t *config, uint32_t at, const char *name,
		struct folio_error *err)
{
	uint32_t type = config[at + CAP_TYPE], len = config[at + CAP_LEN], part;
	uint32_t need = type == TYPE_NOTIFY || type == TYPE_WINDOW ? CAP_MORE + 4 : CAP_BYTES;

	if (type != TYPE_COMMON && type != TYPE_NOTIFY && type != TYPE_DEVICE &&
	    type != TYPE_WINDOW)
		return 0;
	if (len < need || at + len > FOLIO_PCI_CONFIG_BYTES)
		return folio_fail(err, -EPROTO,
				  "%s: the capability at 0x%02x has %u bytes: needed are %u, "
				  "within %u",
				  name, at, len, need, FOLIO_PCI_CONFIG_BYTES);
	if (type == TYPE_WINDOW) {
		r->window = r->window != 0 ? r->window : at;
		return 0;
	}
	for (part = 0; part_types[part] != type; part++)
		;
	if (r->part[part].len != 0 || config[at + CAP_BAR] >= FOLIO_PCI_BARS)
		return 0;
	return type == TYPE_NOTIFY ? take_notify(r, config, at, name, err) :
				     take_part(r, part, config, at, name, err);
}

static int
walk(struct folio_pci_regs *r, const uint8_t *config, const char *name, struct folio_error *err)
{
	bool seen[FOLIO_PCI_CONFIG_BYTES / 4] = {false};
	uint32_t at = config[PCI_FIRST_CAP], n;
	int ret;

	for (n = 0; n < CAPS_MAX && at != 0; n++) {
		if (at < PCI_CAPS_START || at % 4 != 0 || seen[at / 4])
			return folio_fail(err, -EPROTO, "%s: its capability list goes to 0x%02x%s",
					  name, at,
					  at >= PCI_CAPS_START && at % 4 == 0 ?
						  " for a second time" :
						  ": allowed is a multiple of 4 from 0x40 on");
		seen[at / 4] = true;
		if (config[at] == PCI_CAP_VENDOR) {
			if (at + CAP_BYTES > FOLIO_PCI_CONFIG_BYTES)
				return folio_fail(err, -EPROTO,
						  "%s: the capability at 0x%02x reaches beyond "
						  "the configuration space",
						  name, at);
			ret = take_capability(r, config, at, name, err);
			if (ret != 0)
				return ret;
		}
		at = config[at + CAP_NEXT];
	}
	return 0;
}

int
folio_pci_regs_find(struct folio_pci_regs *r, const struct folio_pci_access *access,
		    const uint8_t config[FOLIO_PCI_CONFIG_BYTES], const char *name,
		    struct folio_error *err)
{
	uint32_t part;
	int ret;

	memset(r, 0, sizeof(*r));
	r->access = access;
	ret = check_device(config, name, err);
	if (ret == 0)
		ret = walk(r, config, name, err);
	if (ret != 0)
		return ret;
	for (part = 0; part < FOLIO_PCI_PARTS; part++) {
		if (r->part[part].len == 0)
			return folio_fail(err, -EPROTO,
					  "%s: its capability list has no %s configuration: it "
					  "is no modern virtio device",
					  name, part_names[part]);
	}
	if (!access->has_bars && r->window == 0)
		return folio_fail(err, -EPROTO,
				  "%s: it has no window in its configuration space "
				  "(VIRTIO_PCI_CAP_PCI_CFG): bind it to vfio-pci",
				  name);
	return 0;
}

/* The window's fields: BAR, offset, and length of the access. Data follow. */
static uint32_t
fill_window(uint8_t *window, uint32_t bar, uint32_t offset, uint32_t len)
{
	put(window, 4, bar);
	put(window + CAP_OFFSET - CAP_BAR, 4, offset);
	put(window + CAP_LENGTH - CAP_BAR, 4, len);
	return CAP_MORE - CAP_BAR;
}

static bool
window_read(const struct folio_pci_regs *r, uint32_t bar, uint32_t offset, uint32_t len,
	    uint8_t *to)
{
	uint8_t window[CAP_MORE - CAP_BAR];
	uint32_t fields = fill_window(window, bar, offset, len);

	return folio_pci_write(r->access, FOLIO_PCI_CONFIG, r->window + CAP_BAR, window, fields) &&
	       folio_pci_read(r->access, FOLIO_PCI_CONFIG, r->window + CAP_MORE, to, len);
}

/*
 * All fields by one write, which the kernel does whole and in ascending order, whatever other
 * threads do (it holds the open file's mutex, fs/kernfs/file.c).
 */
static bool
window_write(const struct folio_pci_regs *r, uint32_t bar, uint32_t offset, uint32_t len,
	     const uint8_t *from)
{
	uint8_t window[CAP_MORE - CAP_BAR + 4];
	uint32_t fields = fill_window(window, bar, offset, len);

	memcpy(window + fields, from, len);
	return folio_pci_write(r->access, FOLIO_PCI_CONFIG, r->window + CAP_BAR, window,
			       fields + len);
}

static bool
is_within(const struct folio_pci_range *part, uint32_t offset, uint32_t len)
{
	return offset <= part->len && len <= part->len - offset;
}

bool
folio_pci_reg_read(const struct folio_pci_regs *r, enum folio_pci_part part, uint32_t offset,
		   uint32_t len, uint32_t *value)
{
	const struct folio_pci_range *range = &r->part[part];
	uint8_t data[4];
	bool done;

	if (!is_within(range, offset, len))
		return false;
	if (r->access->has_bars)
		done = folio_pci_read(r->access, range->bar, (uint64_t)range->offset + offset, data,
				      len);
	else
		done = window_read(r, range->bar, range->offset + offset, len, data);
	*value = done ? get(data, len) : 0;
	return done;
}

bool
folio_pci_reg_write(const struct folio_pci_regs *r, enum folio_pci_part part, uint32_t offset,
		    uint32_t len, uint32_t value)
{
	const struct folio_pci_range *range = &r->part[part];
	uint8_t data[4];

	if (!is_within(range, offset, len))
		return false;
	put(data, len, value);
	if (r->access->has_bars)
		return folio_pci_write(r->access, range->bar, (uint64_t)range->offset + offset,
				       data, len);
	return window_write(r, range->bar, range->offset + offset, len, data);
}
