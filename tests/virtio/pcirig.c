/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pcirig.h"

#define MEM_ADDR UINT64_C(0x1f8000000)
#define LOOKS 64 /* ticks that a test has patience for */

static const struct folio_virtio_transport *const ops = &folio_virtio_pci_transport;

int
pcirig_setup(void **state)
{
	struct pcirig *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return -1;
	e->mem = util_guarded_map(4096);
	*state = e;
	return e->mem != NULL ? 0 : -1;
}

int
pcirig_teardown(void **state)
{
	struct pcirig *e = *state;

	util_guarded_unmap(e->mem, 4096);
	free(e);
	return 0;
}

/* A device with these features and pairs, opened. */
void
pcirig_begin(struct pcirig *e, uint64_t features, uint32_t pairs)
{
	struct folio_virtio_pci_config cfg = {
		.place = {.address = "0000:00:03.0", .sysfs = (const char *)&e->dev},
		/* At the end of the memory: a byte too many faults. */
		.control = (uint8_t *)e->mem + 4096 - FOLIO_CONTROL_BYTES,
		.control_addr = MEM_ADDR,
		.opener = pcidev_open,
	};

	pcidev_init(&e->dev, features, pairs);
	e->dev.mem = cfg.control;
	e->dev.mem_addr = MEM_ADDR;
	e->dev.mem_len = FOLIO_CONTROL_BYTES;
	assert_int_equal(folio_virtio_pci_open(&e->pci, &cfg, &e->err), 0);
	e->err.text[0] = '\0';
}

void
pcirig_end(struct pcirig *e)
{
	folio_virtio_pci_close(&e->pci);
	folio_virtio_pci_close(&e->pci);
	if (!e->dev.gone && !e->dev.mute)
		assert_false(pcidev_is_master(&e->dev));
	assert_false(e->dev.beyond);
	if (e->dev.error != NULL)
		fail_msg("the driver: %s", e->dev.error);
	pcidev_end(&e->dev);
}

int
pcirig_reach(struct pcirig *e)
{
	int ret = -EAGAIN, i;

	for (i = 0; i < LOOKS && ret == -EAGAIN; i++)
		ret = ops->reach(&e->pci, &e->err);
	return ret;
}

int
pcirig_ask(struct pcirig *e)
{
	int ret = pcirig_reach(e), i;

	if (ret != 0)
		return ret;
	ret = -EAGAIN;
	for (i = 0; i < LOOKS && ret == -EAGAIN; i++)
		ret = ops->ask(&e->pci, &e->offer, &e->err);
	return ret;
}

int
pcirig_tell_more(struct pcirig *e)
{
	int ret = -EAGAIN, i;

	for (i = 0; i < LOOKS && ret == -EAGAIN; i++)
		ret = ops->tell(&e->pci, &e->plan, &e->err);
	return ret;
}

/* All of it, with as much as is offered, but for what is not in `features`. */
int
pcirig_tell(struct pcirig *e, uint64_t features)
{
	int ret = pcirig_ask(e);
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
	return pcirig_tell_more(e);
}

int
pcirig_watch(struct pcirig *e, struct folio_virtio_health *health)
{
	return ops->watch(&e->pci, health, &e->err);
}

/* It ended with this errno and a line that begins with the devarg and says so. */
void
pcirig_check(struct pcirig *e, int ret, int wanted, const char *says)
{
	if (ret != wanted || strstr(e->err.text, says) == NULL ||
	    strncmp(e->err.text, "virtio=0000:00:03.0", 19) != 0)
		fail_msg("%d \"%s\", not %d \"%s\"", ret, e->err.text, wanted, says);
	ops->drop(&e->pci);
}
