/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "virtio.h"
#include "virtio/spec.h"

/*
 * Virtio-net functions, which any host has: virtio=BDF drives one. The kernel's own driver may have
 * it, and often that is the machine's network: this is as it should be.
 */

#define AREA "virtio device"

#define VIRTIO_VENDOR 0x1af4
#define VIRTIO_NET 0x1041
#define VIRTIO_NET_TRANSITIONAL 0x1000

struct function {
	char bdf[PROBE_NAME];
	char driver[PROBE_NAME];    /* empty: none */
	char interface[PROBE_NAME]; /* of the kernel's */
	struct folio_pci_access access;
	struct folio_pci_regs regs;
	struct folio_error no_modern; /* why its modern interface cannot be used; empty: it can */
	int unknown;		      /* errno: what it offers is not known */
	struct virtio_offer offer;
};

struct bars {
	uint64_t *size;
	unsigned int n;
};

static bool
take_bar(char *line, void *ctx)
{
	struct bars *b = ctx;
	uint64_t first, last;

	if (sscanf(line, "%" SCNx64 " %" SCNx64, &first, &last) == 2 && last > first)
		b->size[b->n] = last - first + 1;
	return ++b->n == FOLIO_PCI_BARS;
}

/* Its capability list, which the device wrote, is judged as the driver judges it. */
static void
look_at_registers(struct function *f, const struct probe *p)
{
	struct bars bars = {.size = f->access.size};
	uint8_t config[FOLIO_PCI_CONFIG_BYTES] = {0};

	if (probe_bytes(p, config, sizeof(config), 0, "/sys/bus/pci/devices/%s/config", f->bdf) !=
	    sizeof(config)) {
		f->unknown = EACCES; /* who is not root reads less */
		return;
	}
	probe_lines(p, take_bar, &bars, "/sys/bus/pci/devices/%s/resource", f->bdf);
	f->access.fd = -1;
	(void)folio_pci_regs_find(&f->regs, &f->access, config, "its modern interface",
				  &f->no_modern);
}

/* What the kernel's driver agreed to: a digit for each feature. */
static void
look_at_agreed(struct function *f, const struct probe *p)
{
	struct probe_names names = probe_list(p, "/sys/bus/pci/devices/%s", f->bdf);
	const char *name = NULL;
	char digits[80];
	uint64_t mtu = 0;
	unsigned int i;

	f->unknown = ENODATA;
	for (i = 0; i < names.n; i++) {
		if (strncmp(names.name[i], "virtio", 6) == 0)
			name = names.name[i];
	}
	if (name != NULL && probe_text(p, digits, sizeof(digits),
				       "/sys/bus/pci/devices/%s/%s/features", f->bdf, name)) {
		struct probe_names net = probe_list(p, "/sys/bus/pci/devices/%s/%s/net", f->bdf,
						    name);

		f->unknown = 0;
		for (i = 0; i < 64 && digits[i] != '\0'; i++)
			f->offer.features |= (uint64_t)(digits[i] == '1') << i;
		if (net.n > 0) {
			snprintf(f->interface, sizeof(f->interface), "%s", net.name[0]);
			probe_number(p, &mtu, "/sys/bus/pci/devices/%s/%s/net/%s/mtu", f->bdf,
				     name, f->interface);
			f->offer.mtu = (uint32_t)mtu;
		}
		probe_names_free(&net);
	}
	probe_names_free(&names);
}

static bool
has(const struct function *f, unsigned int feature)
{
	return (f->offer.features >> feature & 1) != 0;
}

static void
say_offer(struct line *l, const struct function *f)
{
	line_bool(l, "access_platform", has(f, VIRTIO_F_ACCESS_PLATFORM));
	line_bool(l, "packed", has(f, VIRTIO_F_RING_PACKED));
	line_number(l, "mtu", f->offer.mtu);
	line_say(l, "%s ACCESS_PLATFORM, %s rings", has(f, VIRTIO_F_ACCESS_PLATFORM) ? "" : " no",
		 has(f, VIRTIO_F_RING_PACKED) ? "packed" : "split");
	if (f->driver[0] == '\0') {
		line_number(l, "pairs", f->offer.pairs);
		line_number(l, "queue_size", f->offer.size);
		line_number(l, "status", f->offer.status);
		line_say(l, ", %u queue pairs, %u descriptors", f->offer.pairs, f->offer.size);
	}
	if (f->offer.mtu != 0)
		line_say(l, ", MTU %u", f->offer.mtu);
}

/* It is for folio: what would be better? */
static void
judge_offer(struct line *l, const struct doctor *d, const struct function *f)
{
	const char *also = "";

	if (!has(f, VIRTIO_F_ACCESS_PLATFORM) && machine_is_confidential(d)) {
		line_judge(l, VERDICT_WARN, "host: iommu_platform=on for the device, and its back "
					    "end with iommu-support=1 (Open vSwitch: "
					    "other_config:vhost-iommu-support=true)");
		also = "; ";
	}
	if (!has(f, VIRTIO_F_RING_PACKED))
		line_judge(l, VERDICT_WARN, "%shost: packed=on for the device, which is faster",
			   also);
}

static void
report_free(struct doctor *d, struct line *l, struct function *f)
{
	if (f->unknown == 0)
		f->unknown = virtio_ask(&d->probe, f->bdf, &f->regs, &f->offer);
	if (f->unknown == EBUSY) {
		line_say(l, "; a program drives it");
		return;
	}
	line_say(l, "; no driver has it: virtio=%s", f->bdf);
	if (f->unknown != 0) {
		line_say(l, "; what it offers is not known: %s", strerror(f->unknown));
		line_judge(l, VERDICT_WARN, d->locked_down
			   ? "the kernel is locked down: bind it to vfio-pci, which folio uses, too"
			   : "as root, or bind it to vfio-pci, which folio uses, too");
		return;
	}
	line_say(l, "; it offers");
	say_offer(l, f);
	if (f->offer.status != 0)
		line_say(l, "; its last driver left it running (status 0x%02x), which does no harm",
			 f->offer.status);
	judge_offer(l, d, f);
}

static void
report_function(struct doctor *d, struct function *f)
{
	struct line *l = report_add(&d->report, AREA, ROLE_GUEST, "%.31s", f->bdf);
	bool modern = f->no_modern.text[0] == '\0';

	line_bool(l, "modern", modern);
	line_string(l, "driver", f->driver);
	line_string(l, "interface", f->interface);
	line_say(l, "virtio-net");
	if (f->driver[0] == '\0' && !modern) {
		line_say(l, "; %s", f->no_modern.text);
		line_judge(l, VERDICT_WARN, "host: disable-legacy=on,disable-modern=off for the "
					    "device");
	} else if (f->driver[0] == '\0') {
		report_free(d, l, f);
	} else if (strcmp(f->driver, "vfio-pci") == 0) {
		line_say(l, "; bound to vfio-pci: virtio=%s", f->bdf);
	} else if (strcmp(f->driver, "virtio-pci") == 0) {
		line_say(l, "; the kernel has it%s%s", f->interface[0] != '\0' ? " as " : "",
			 f->interface);
		if (f->unknown == 0) {
			line_say(l, ", agreed on:");
			say_offer(l, f);
		}
		line_say(l, ". Only if folio is to drive it: echo %s > "
			 "/sys/bus/pci/devices/%s/driver/unbind", f->bdf, f->bdf);
	} else {
		line_say(l, ", held by the driver %s", f->driver);
		line_judge(l, VERDICT_WARN, "echo %s > /sys/bus/pci/devices/%s/driver/unbind",
			   f->bdf, f->bdf);
	}
}

void
virtio_report(struct doctor *d)
{
	struct probe_names names = probe_list(&d->probe, "/sys/bus/pci/devices");
	unsigned int i, found = 0;
	uint64_t vendor, device;

	for (i = 0; i < names.n && found < MAX_DEVICES; i++) {
		struct function f = {.unknown = 0};

		if (!probe_number(&d->probe, &vendor, "/sys/bus/pci/devices/%s/vendor",
				  names.name[i]) ||
		    !probe_number(&d->probe, &device, "/sys/bus/pci/devices/%s/device",
				  names.name[i]) ||
		    vendor != VIRTIO_VENDOR ||
		    (device != VIRTIO_NET && device != VIRTIO_NET_TRANSITIONAL))
			continue;
		strcpy(f.bdf, names.name[i]);
		probe_link(&d->probe, f.driver, "/sys/bus/pci/devices/%s/driver", f.bdf);
		if (f.driver[0] == '\0')
			look_at_registers(&f, &d->probe);
		else
			look_at_agreed(&f, &d->probe);
		report_function(d, &f);
		found++;
	}
	probe_names_free(&names);
}
