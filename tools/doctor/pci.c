/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"

/* ivshmem devices: how the host gives a region to a virtual machine. */

#define AREA "region device"

#define IVSHMEM_VENDOR 0x1af4
#define IVSHMEM_DEVICE 0x1110
#define PCI_COMMAND 4
#define PCI_COMMAND_MEMORY 0x2

struct bar_search {
	unsigned int line;
	struct device *dev;
};

/* "resource" has a line a BAR: first address, last address, flags. */
static bool
find_bar2(char *line, void *ctx)
{
	struct bar_search *s = ctx;
	uint64_t first, last;

	if (s->line++ != 2)
		return false;
	if (sscanf(line, "%" SCNx64 " %" SCNx64, &first, &last) == 2 && last > first) {
		s->dev->bar = first;
		s->dev->size = last - first + 1;
	}
	return true;
}

static void
look_at(struct device *dev, const struct probe *p, const char *bdf)
{
	struct bar_search search = {.dev = dev};
	uint64_t enabled = 0;
	uint16_t command = 0;
	struct probe_names nodes;

	strcpy(dev->bdf, bdf);
	probe_lines(p, find_bar2, &search, "/sys/bus/pci/devices/%s/resource", bdf);
	/* Firmware may have switched it on, or a driver; "enable" counts drivers only. */
	probe_number(p, &enabled, "/sys/bus/pci/devices/%s/enable", bdf);
	(void)probe_bytes(p, &command, sizeof(command), PCI_COMMAND,
			  "/sys/bus/pci/devices/%s/config", bdf);
	dev->decodes = enabled > 0 || (command & PCI_COMMAND_MEMORY) != 0;
	probe_link(p, dev->driver, "/sys/bus/pci/devices/%s/driver", bdf);
	dev->has_wc = probe_exists(p, "/sys/bus/pci/devices/%s/resource2_wc", bdf);
	dev->map_errno = probe_map(p, "/sys/bus/pci/devices/%s/resource2", bdf);
	nodes = probe_list(p, "/sys/bus/pci/devices/%s/folio", bdf);
	if (nodes.n > 0)
		strcpy(dev->node, nodes.name[0]);
	probe_names_free(&nodes);
}

void
pci_look(struct doctor *d)
{
	struct probe_names names = probe_list(&d->probe, "/sys/bus/pci/devices");
	uint64_t vendor, device;
	unsigned int i;

	for (i = 0; i < names.n && d->n_devices < MAX_DEVICES; i++) {
		if (probe_number(&d->probe, &vendor, "/sys/bus/pci/devices/%s/vendor",
				 names.name[i]) &&
		    probe_number(&d->probe, &device, "/sys/bus/pci/devices/%s/device",
				 names.name[i]) &&
		    vendor == IVSHMEM_VENDOR && device == IVSHMEM_DEVICE)
			look_at(&d->devices[d->n_devices++], &d->probe, names.name[i]);
	}
	probe_names_free(&names);
}

/* What to give the host's QEMU: BARs are powers of two. */
static const char *
backend_size(uint64_t bytes, char buf[32])
{
	uint64_t size = 1u << 20;

	while (size < bytes)
		size *= 2;
	snprintf(buf, 32, "%" PRIu64 "M", size >> 20);
	return buf;
}

/* Nothing else is wrong with it: can it be had through sysfs? */
static void
judge_access(struct line *l, struct doctor *d, const struct device *dev)
{
	if (dev->node[0] != '\0') {
		line_say(l, "; /dev/%s", dev->node);
		return;
	}
	if (d->locked_down) {
		line_say(l, "; lockdown forbids to map it");
		line_judge(l, VERDICT_FAIL, "load the kernel module folio, signed");
		return;
	}
	if (dev->map_errno != 0) {
		line_say(l, "; resource2 cannot be mapped: %s", strerror(dev->map_errno));
		line_judge(l, VERDICT_FAIL, dev->map_errno == EACCES
			   ? "as root, or load the kernel module folio"
			   : "load the kernel module folio; is the kernel locked down, or started "
			     "with iomem=strict?");
		return;
	}
	line_say(l, "; through sysfs, %s", dev->has_wc ? "write-combining" : "uncached");
	line_judge(l, VERDICT_WARN, "reads of it are uncached and slow: load the kernel module "
				    "folio");
	if (d->guest_path[0] == '\0')
		snprintf(d->guest_path, sizeof(d->guest_path), "pci=%.32s", dev->bdf);
}

static void
report_device(struct doctor *d, const struct device *dev)
{
	struct line *l = report_add(&d->report, AREA, ROLE_GUEST, "%.31s", dev->bdf);
	char size[32], need[32];
	bool foreign = dev->driver[0] != '\0' && strcmp(dev->driver, "folio") != 0;

	line_number(l, "bar2", dev->bar);
	line_number(l, "size", dev->size);
	line_bool(l, "above_4g", dev->bar >= UINT64_C(1) << 32);
	line_bool(l, "decodes", dev->decodes);
	line_string(l, "driver", dev->driver);
	line_bool(l, "resource2_wc", dev->has_wc);
	line_bool(l, "fits", dev->size >= d->region_size);
	line_string(l, "node", dev->node);

	if (dev->bar == 0) {
		line_say(l, "ivshmem without memory: BAR2 has no address");
		line_judge(l, VERDICT_FAIL, "a smaller region, or firmware with a larger 64-bit "
					    "PCI window; kernel argument pci=realloc");
		return;
	}
	line_say(l, "ivshmem, BAR2 %s at 0x%" PRIx64 " (%s 4 GiB)", size_text(dev->size, size),
		 dev->bar, dev->bar >= UINT64_C(1) << 32 ? "above" : "below");
	if (dev->size < d->region_size) {
		line_say(l, ", too small: the default geometry needs %s",
			 size_text(d->region_size, need));
		line_judge(l, VERDICT_FAIL, "host: a memory backend of %s; or a smaller ring_size "
					    "or slot_size", backend_size(d->region_size, need));
		return;
	}
	if (foreign) {
		line_say(l, ", held by the driver %s", dev->driver);
		line_judge(l, VERDICT_FAIL, "echo %s > /sys/bus/pci/devices/%s/driver/unbind",
			   dev->bdf, dev->bdf);
		return;
	}
	if (!dev->decodes && dev->driver[0] == '\0') {
		line_say(l, ", switched off");
		line_judge(l, VERDICT_WARN, "echo 1 > /sys/bus/pci/devices/%s/enable", dev->bdf);
	}
	judge_access(l, d, dev);
}

void
pci_report(struct doctor *d)
{
	struct line *l;
	unsigned int i;
	char size[32];

	for (i = 0; i < d->n_devices; i++)
		report_device(d, &d->devices[i]);
	if (d->n_devices > 0)
		return;
	l = report_add(&d->report, AREA, ROLE_GUEST, "ivshmem");
	line_say(l, "no such device (PCI %04x:%04x)", IVSHMEM_VENDOR, IVSHMEM_DEVICE);
	line_judge(l, VERDICT_FAIL, "host: start the machine with -object memory-backend-file,id=r,"
				    "mem-path=FILE,share=on,size=%s -device ivshmem-plain,memdev=r",
		   backend_size(d->region_size, size));
}
