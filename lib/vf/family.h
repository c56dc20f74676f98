/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VF_FAMILY_H
#define FOLIO_VF_FAMILY_H

/*
 * Two families of virtual functions, and all in which they differ: where registers are, what fits,
 * which messages their physical functions know. What they have in common is in card.c.
 */

#include <stdbool.h>
#include <stdint.h>

#define FOLIO_VF_PAIRS_MAX 8u
#define FOLIO_VF_APIS_MAX 4u

/* Of a ring, from its base: the same in both. */
#define FOLIO_VF_RING_LOW 0x00u
#define FOLIO_VF_RING_HIGH 0x04u
#define FOLIO_VF_RING_BYTES 0x08u
#define FOLIO_VF_RING_HEAD 0x10u
#define FOLIO_VF_RING_TAIL 0x18u
#define FOLIO_VF_RING_CONTROL 0x28u
#define FOLIO_VF_RING_ENABLE (UINT32_C(1) << 25)

/* Of the whole function: the same in both. */
#define FOLIO_VF_CONTROL 0x0000u
#define FOLIO_VF_RESET (UINT32_C(1) << 26)

struct folio_vf_family {
	const char *name;
	uint32_t mailbox, memory;
	uint32_t rx, tx, step; /* rings of queue 0, and from one queue to the next */
	uint32_t buffers;      /* from a receive ring's base: size and form of its buffers */
	uint32_t buffers_form; /* advanced descriptors of one buffer; without room frames are lost */
	uint32_t kib_max;      /* of a receive buffer */
	uint32_t rx_control, tx_control; /* thresholds, without ENABLE */
	uint32_t write_back;   /* from a transmit ring's base: to memory, which is off; two registers */
	uint32_t no_interrupts;
	uint32_t link, link_up; /* register, and its bit */
	uint32_t rx_packets, tx_packets; /* counters of 32 bits */
	uint32_t errors;	 /* in a received descriptor: the frame is damaged */
	uint32_t pairs;		 /* most queue pairs, or what there are if it cannot be asked */
	uint32_t reset_words;	 /* of the answer to a reset */
	bool late_head;		 /* the head is set when the ring is enabled */
	uint32_t apis;		 /* versions of messages that are offered, best first; 0: none */
	uint32_t api[FOLIO_VF_APIS_MAX];
	uint32_t api_queues;	 /* from this version on it is asked for its queues */
	uint32_t api_multicast;	 /* and takes the next */
	uint32_t multicast[2];	 /* asks for all multicast frames; as many words as are not 0 */
	const uint32_t *clear;	 /* registers that survive a reset: from a receive ring's base */
	uint32_t clears;
};

extern const struct folio_vf_family folio_igbvf, folio_ixgbevf;

/* The family of a function by its PCI ids. NULL: none that we know. */
const struct folio_vf_family *folio_vf_family_of(uint16_t vendor, uint16_t device);

#endif /* FOLIO_VF_FAMILY_H */
