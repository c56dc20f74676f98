/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "error.h"
#include "vf/pci.h"

/* Bytes of registers that all families have. */
#define REGISTERS 0x4000u

static bool
vf_read(void *ctx, uint32_t reg, uint32_t *value)
{
	const struct folio_vf_pci *p = ctx;

	return folio_vf_pci_is_open(p) &&
	       folio_pci_read(&p->access, 0, reg, value, sizeof(*value));
}

static bool
vf_write(void *ctx, uint32_t reg, uint32_t value)
{
	const struct folio_vf_pci *p = ctx;

	return folio_vf_pci_is_open(p) &&
	       folio_pci_write(&p->access, 0, reg, &value, sizeof(value));
}

static bool
vf_master(void *ctx, bool on)
{
	const struct folio_vf_pci *p = ctx;
	uint16_t now;

	return folio_vf_pci_is_open(p) &&
	       folio_pci_command(&p->access, on ? FOLIO_PCI_MASTER : 0, on ? 0 : FOLIO_PCI_MASTER,
				 &now) == 0;
}

const struct folio_vf_regs folio_vf_pci_regs = {
	.read = vf_read,
	.write = vf_write,
	.master = vf_master,
};

/*
 * In a guest with encrypted memory a mapping has to be of memory that is not: vfio sees to it from
 * Linux 6.12 on. Before, the first store would end the process.
 */
static bool
may_map(const struct folio_vf_pci *p)
{
	struct utsname kernel;
	unsigned int major, minor;

	if (!p->shm->decrypted)
		return true;
	return uname(&kernel) == 0 && sscanf(kernel.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 12));
}

/* The device is not trusted: it may say that it is anything. */
static int
find_family(struct folio_vf_pci *p, struct folio_error *err)
{
	uint16_t id[2];

	if (!p->access.has_bars)
		return folio_fail(err, -ENODEV,
				  "%s: no driver has it, so its registers cannot be reached: bind "
				  "it to vfio-pci", p->name);
	if (!folio_pci_read(&p->access, FOLIO_PCI_CONFIG, 0, id, sizeof(id)))
		return folio_fail(err, -ENODEV, "%s does not answer", p->name);
	p->family = folio_vf_family_of(id[0], id[1]);
	if (p->family == NULL)
		return folio_fail(err, -ENODEV,
				  "%s is %04x:%04x: allowed are virtual functions of Intel's "
				  "82576, I350, 82599, X540 and X550",
				  p->name, id[0], id[1]);
	if (p->access.size[0] < REGISTERS)
		return folio_fail(err, -ENODEV,
				  "%s: its BAR 0 has %llu bytes of registers: needed are %u",
				  p->name, (unsigned long long)p->access.size[0], REGISTERS);
	return 0;
}

int
folio_vf_pci_open(struct folio_vf_pci *p, struct folio_error *err)
{
	int ret;

	snprintf(p->name, sizeof(p->name), "vf=%s", p->place.address);
	ret = folio_pci_access_open(&p->access, &p->place, p->shm, p->name, err);
	if (ret != 0)
		return ret;
	ret = find_family(p, err);
	if (ret != 0)
		folio_vf_pci_close(p);
	else if (p->access.ops->map != NULL && may_map(p))
		p->map = p->access.ops->map(&p->access, 0);
	return ret;
}

void
folio_vf_pci_close(struct folio_vf_pci *p)
{
	if (p->map != NULL)
		p->access.ops->unmap(&p->access, 0, p->map);
	p->map = NULL;
	folio_pci_access_close(&p->access);
}

folio_shared_u32 *
folio_vf_pci_mapped(const struct folio_vf_pci *p, uint32_t reg)
{
	return p->map != NULL ? (folio_shared_u32 *)((uint8_t *)p->map + reg) : NULL;
}
