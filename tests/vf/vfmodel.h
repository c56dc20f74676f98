/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef VFMODEL_H
#define VFMODEL_H

/*
 * A virtual function of a network card and its physical function, written from the data sheets:
 * registers, mailbox, and what the card does to memory. Honest, or with lies that a test sets. Knows
 * nothing of lib/vf.
 */

#include <stdbool.h>
#include <stdint.h>

#define VFMODEL_REGS 0x4000u
#define VFMODEL_RSTI 0x40u
#define VFMODEL_RSTD 0x80u

struct vfmodel;

struct vfmodel_lies {
	bool gone;	     /* every register reads as ones */
	bool mute;	     /* the physical function never takes a message */
	bool silent;	     /* it takes messages and does not answer */
	bool in_reset;	     /* RSTI never goes */
	bool no_enable;	     /* queues never say that they are enabled */
	bool stuck_master;   /* bus mastering cannot be switched off */
	bool pfu;	     /* the mailbox's memory never becomes ours */
	uint32_t refuse;     /* bit n: message n is refused */
	uint32_t answer_xor; /* of the first word of every answer */
	uint32_t queues;     /* GET_QUEUES; 0: as it has */
	bool no_queues;
	uint8_t mac_first;   /* of the address that is given; 0: as it is */
	bool zero_mac;
	uint32_t controls;   /* messages that nobody asked for, before each answer */
	bool no_done;	     /* transmitted frames are not reported */
	uint64_t rx_xor;     /* of the word of each received frame */
};

struct vfmodel {
	uint32_t *regs; /* VFMODEL_REGS bytes, a mapping of their own */
	uint8_t config[256];
	bool ix;	    /* ixgbevf; else igbvf */
	uint32_t mailbox, memory, rx, tx, step, buffers, link, link_up;
	uint32_t queues;
	uint8_t mac[6];	    /* that the physical function gives */
	uint32_t api_max;   /* newest version of messages */
	struct vfmodel_lies lies;
	uint8_t *mem;	    /* shared memory, as the card finds it at addr */
	uint64_t addr;
	uint64_t len;
	/* What happened. */
	uint32_t longest;   /* SET_LPE */
	uint8_t asked_mac[6];
	uint32_t seen;	    /* bit n: message n was had */
	uint32_t resets;
	uint32_t opened;    /* times that the function was opened, and is open */
	bool is_open;
	bool beyond;	    /* an address outside of the memory */
	const char *error;  /* the driver's mistake */
	uint32_t rx_head[8], tx_head[8]; /* private: registers may be overwritten */
	bool reset_behind;  /* RSTI for one look behind a reset */
	bool cts;
	void (*sent)(struct vfmodel *m, uint32_t q, const uint8_t *frame, uint32_t len);
	void *user;
};

void vfmodel_init(struct vfmodel *m, uint16_t device);
void vfmodel_end(struct vfmodel *m);

/* As the driver has them. */
bool vfmodel_read(struct vfmodel *m, uint32_t reg, uint32_t *value);
bool vfmodel_write(struct vfmodel *m, uint32_t reg, uint32_t value);
bool vfmodel_is_master(const struct vfmodel *m);

/* The physical function: its driver was reset, and has forgotten us; or only says so. */
void vfmodel_pf_reset(struct vfmodel *m);
void vfmodel_pf_message(struct vfmodel *m, uint32_t word);
void vfmodel_set_link(struct vfmodel *m, bool up);

/* Send all that the driver has given. Returns how many frames that were. */
uint32_t vfmodel_run(struct vfmodel *m);

/* Put a frame into a receive ring, in several buffers if it is long. False: no room. */
bool vfmodel_deliver(struct vfmodel *m, uint32_t q, const void *frame, uint32_t len);

/* Write so many bytes of any descriptor: what a card does that does not care. */
uint64_t *vfmodel_desc(struct vfmodel *m, bool rx, uint32_t q, uint32_t i);
uint32_t vfmodel_ring_size(const struct vfmodel *m, bool rx, uint32_t q);

/* May it use memory at all? */
bool vfmodel_runs(const struct vfmodel *m, bool rx, uint32_t q);

#endif /* VFMODEL_H */
