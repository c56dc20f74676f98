/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef PCIDEV_H
#define PCIDEV_H

/*
 * A virtio-pci network device over a configuration space that is an array: what is behind the reads
 * and writes of lib/virtio/pci*.c in tests. As it is made it is honest, and says in `error` what
 * its driver does wrong; a test makes it hostile by what it writes into it, and by its hooks.
 */

#include <pthread.h>

#include "virtio/pci.h"

#define PCIDEV_QUEUES 132u
#define PCIDEV_BAR 4u
#define PCIDEV_BAR_BYTES 0x4000u
#define PCIDEV_COMMON 0x0000u
#define PCIDEV_NET 0x2000u
#define PCIDEV_NET_BYTES 12u
#define PCIDEV_NOTIFY 0x3000u
#define PCIDEV_MULTIPLIER 4u

/* Where its capabilities are in configuration space. */
#define PCIDEV_CAP_OTHER 0x40u
#define PCIDEV_CAP_COMMON 0x50u
#define PCIDEV_CAP_NOTIFY 0x60u
#define PCIDEV_CAP_NET 0x78u
#define PCIDEV_CAP_WINDOW 0x88u

/* What the control queue does with a command. */
enum pcidev_answer {
	PCIDEV_ACCEPT,
	PCIDEV_REFUSE,
	PCIDEV_LATE,	 /* accepted when pcidev_answer_now() is called */
	PCIDEV_ID,	 /* another id */
	PCIDEV_LENGTH,	 /* more bytes than there were */
	PCIDEV_TWICE,	 /* split: the index says so */
	PCIDEV_BACK,	 /* split: the index goes back */
	PCIDEV_NOTHING,	 /* returned, but no answer was written */
	PCIDEV_SCRIBBLE, /* accepted, and all else in shared memory overwritten */
};

struct pcidev_queue {
	uint16_t limit; /* the device's; read as queue_size until the driver writes its own */
	uint16_t size;
	uint16_t vector;
	uint16_t enable;
	uint16_t notify_off;
	uint64_t area[3];
	uint32_t rung; /* doorbells */
};

struct pcidev {
	pthread_mutex_t lock; /* as the kernel has one for each open file */
	uint8_t config[FOLIO_PCI_CONFIG_BYTES];
	bool has_bars; /* as through vfio; else the window has to do */
	uint64_t features;
	uint64_t driver_features;
	uint32_t device_select, driver_select;
	uint16_t num_queues;
	uint16_t selected;
	uint16_t vector;
	uint8_t status;
	uint8_t generation;
	uint8_t net[PCIDEV_NET_BYTES];
	struct pcidev_queue queue[PCIDEV_QUEUES];
	uint32_t resets;
	uint32_t reset_takes; /* looks until a reset is done */
	bool gone;	      /* it was unplugged: all ones */
	bool mute;	      /* the kernel reports errors */
	/* Of shared memory, for the control queue: one range. */
	uint8_t *mem;
	uint64_t mem_addr;
	uint32_t mem_len;
	enum pcidev_answer answer;
	uint32_t control;  /* its index; 0: none yet */
	uint32_t commands; /* seen */
	uint32_t last;	   /* class << 8 | command */
	uint8_t data[FOLIO_CONTROL_DATA];
	uint32_t data_len;
	uint32_t at; /* split: commands taken; packed: descriptors */
	bool pending;
	/* Hostile: what a register reads as. */
	uint32_t (*lie)(struct pcidev *d, enum folio_pci_part part, uint32_t offset,
			uint32_t value);
	uint32_t lies;
	void (*rang)(uint32_t q); /* a doorbell */
	const char *error;	  /* what the driver did wrong */
	bool beyond;		  /* it reached for what is outside of its BAR */
	uint32_t accesses;	  /* reads and writes */
};

/* A device of so many pairs with these features, reached through its window. */
void pcidev_init(struct pcidev *d, uint64_t features, uint32_t pairs);
void pcidev_end(struct pcidev *d);

/* Its access, for folio_virtio_pci_config.opener. place->sysfs is the device. */
int pcidev_open(struct folio_pci_access *a, const struct folio_pci_place *place,
		const struct folio_shm *shm, const char *name, struct folio_error *err);

/* Bytes of configuration space, little-endian. */
void pcidev_put(struct pcidev *d, uint32_t offset, uint32_t len, uint32_t value);

/* Answer the command that waits. */
void pcidev_answer_now(struct pcidev *d);

/* Was bus mastering on? */
bool pcidev_is_master(const struct pcidev *d);

#endif /* PCIDEV_H */
