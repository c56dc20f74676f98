/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "error.h"
#include "memory/shm.h"
#include "pci/access.h"
#include "vfrig.h"

int __real_folio_shm_open(struct folio_shm *m, const struct folio_shm_config *cfg,
			  struct folio_error *err);
void __real_folio_shm_close(struct folio_shm *m);
int __wrap_folio_shm_open(struct folio_shm *m, const struct folio_shm_config *cfg,
			  struct folio_error *err);
void __wrap_folio_shm_close(struct folio_shm *m);
int __wrap_folio_pci_access_open(struct folio_pci_access *a, const struct folio_pci_place *place,
				 const struct folio_shm *shm, const char *name,
				 struct folio_error *err);

struct vfrig vfrig = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool
rig_read(const struct folio_pci_access *a, uint32_t space, uint64_t offset, void *to, uint32_t len)
{
	bool done = true;

	(void)a;
	pthread_mutex_lock(&vfrig.lock);
	if (space == FOLIO_PCI_CONFIG && vfrig.m.lies.gone)
		memset(to, 0xff, len);
	else if (space == FOLIO_PCI_CONFIG)
		memcpy(to, vfrig.m.config + offset, len);
	else
		done = vfmodel_read(&vfrig.m, (uint32_t)offset, to);
	pthread_mutex_unlock(&vfrig.lock);
	return done;
}

static bool
rig_write(const struct folio_pci_access *a, uint32_t space, uint64_t offset, const void *from,
	  uint32_t len)
{
	uint32_t value;
	bool done = true;

	(void)a;
	pthread_mutex_lock(&vfrig.lock);
	if (space == FOLIO_PCI_CONFIG) {
		if (!vfrig.m.lies.gone)
			memcpy(vfrig.m.config + offset, from, len);
	} else {
		memcpy(&value, from, sizeof(value));
		done = vfmodel_write(&vfrig.m, (uint32_t)offset, value);
	}
	pthread_mutex_unlock(&vfrig.lock);
	return done;
}

static void *
rig_map(const struct folio_pci_access *a, uint32_t space)
{
	(void)a;
	(void)space;
	return vfrig.refused ? NULL : vfrig.m.regs;
}

static void
rig_unmap(const struct folio_pci_access *a, uint32_t space, void *map)
{
	(void)a;
	(void)space;
	(void)map;
}

static const struct folio_pci_access_ops ops = {rig_read, rig_write, rig_map, rig_unmap};

int
__wrap_folio_pci_access_open(struct folio_pci_access *a, const struct folio_pci_place *place,
			     const struct folio_shm *shm, const char *name,
			     struct folio_error *err)
{
	(void)place;
	memset(a, 0, sizeof(*a));
	if (vfrig.absent)
		return folio_fail(err, -ENODEV, "%s: there is no such device", name);
	a->ops = &ops;
	a->fd = -1;
	a->group = -1;
	a->container = -1;
	a->has_bars = true;
	a->size[0] = VFMODEL_REGS;
	a->size[FOLIO_PCI_CONFIG] = sizeof(vfrig.m.config);
	pthread_mutex_lock(&vfrig.lock);
	vfrig.m.config[4] = 0; /* as the kernel's reset leaves it */
	vfrig.m.opened++;
	vfrig.m.mem = shm->base;
	vfrig.m.addr = shm->piece[0].addr;
	vfrig.m.len = shm->size;
	pthread_mutex_unlock(&vfrig.lock);
	return 0;
}

int
__wrap_folio_shm_open(struct folio_shm *m, const struct folio_shm_config *cfg,
		      struct folio_error *err)
{
	struct folio_shm_config own = *cfg;

	own.path = NULL;
	own.pci = NULL;
	own.needs_addr = false;
	return __real_folio_shm_open(m, &own, err);
}

void
__wrap_folio_shm_close(struct folio_shm *m)
{
	pthread_mutex_lock(&vfrig.lock);
	if (m->base != NULL && m->base == vfrig.m.mem) {
		if (vfmodel_is_master(&vfrig.m))
			vfrig.error = "memory is given back while the card may use it";
		vfrig.m.mem = NULL;
		vfrig.m.len = 0;
	}
	pthread_mutex_unlock(&vfrig.lock);
	__real_folio_shm_close(m);
}

static void
echo(struct vfmodel *m, uint32_t q, const uint8_t *frame, uint32_t len)
{
	vfrig.sent++;
	if (vfrig.look != NULL)
		vfrig.look(vfrig.user, frame, len);
	if (!vfrig.deaf && !vfmodel_deliver(m, q, frame, len))
		vfrig.lost++;
}

static void *
run(void *arg)
{
	bool quit = false;

	(void)arg;
	while (!quit) {
		pthread_mutex_lock(&vfrig.lock);
		quit = vfrig.quit;
		vfmodel_run(&vfrig.m);
		pthread_mutex_unlock(&vfrig.lock);
		sched_yield();
	}
	return NULL;
}

void
vfrig_start(uint16_t device)
{
	vfmodel_init(&vfrig.m, device);
	vfrig.m.sent = echo;
	vfrig.run = vfmodel_run;
	vfrig.absent = vfrig.refused = vfrig.quit = vfrig.deaf = false;
	vfrig.sent = vfrig.lost = 0;
	vfrig.error = NULL;
	vfrig.look = NULL;
	pthread_create(&vfrig.thread, NULL, run, NULL);
}

void
vfrig_stop(void)
{
	pthread_mutex_lock(&vfrig.lock);
	vfrig.quit = true;
	pthread_mutex_unlock(&vfrig.lock);
	pthread_join(vfrig.thread, NULL);
	vfmodel_end(&vfrig.m);
}
