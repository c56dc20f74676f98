/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef VFRIG_H
#define VFRIG_H

/*
 * The driver's plugin with a model of a card in place of PCI, and a memfd in place of the kernel
 * module's memory: both are put in by the linker (--wrap). The card is a thread: what is sent comes
 * back on the same queue. A test finds the rig by the plugin's symbol `vfrig`.
 */

#include <pthread.h>

#include "vfmodel.h"

struct vfrig {
	pthread_mutex_t lock; /* of the model */
	struct vfmodel m;
	bool absent;	      /* the function cannot be opened */
	bool refused;	      /* a mapping of the BAR: doorbells are the kernel's */
	bool quit;
	bool deaf;	      /* the card sends, and nothing comes back */
	uint64_t sent;	      /* frames */
	uint64_t lost;	      /* of these, no room to receive */
	const char *error;
	pthread_t thread;
	/* As vfmodel_run(), for who holds the lock and has no model of his own. */
	uint32_t (*run)(struct vfmodel *m);
	/* Called for every frame that is sent, before it comes back. */
	void (*look)(void *user, const uint8_t *frame, uint32_t len);
	void *user;
};

extern struct vfrig vfrig;

void vfrig_start(uint16_t device);
void vfrig_stop(void);

#endif /* VFRIG_H */
