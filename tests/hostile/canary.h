/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef CANARY_H
#define CANARY_H

/*
 * Frames of a few byte values (0x20 to 0x3f), in mbufs all of whose other bytes are one other
 * value, which must be found nowhere.
 */

#include "../driver/pair.h"

#define CANARY 0xc5
#define CANARY_FRAME_MAX 20480
#define CANARY_MBUFS 512 /* of a frame, at most */

/* How a frame lies in its mbufs. */
struct canary_form {
	const char *name;
	uint32_t first; /* bytes in the first segment */
	uint32_t rest;	/* and in each further one */
	uint32_t step;	/* from one length to the next, beyond three slots */
	uint64_t offloads;
};

/* Address ranges of this process that can be read: heap, stacks, libraries, DPDK's memory. */
struct canary_range {
	uint64_t from, to;
};

/* Group fixture: EAL, and every mbuf of the common pool filled. */
int canary_setup(void **state);

/* An mbuf that nobody uses is filled again. */
void canary_fill(struct rte_mbuf *m);

/* A frame of this form; its mbufs go to `all`. */
struct rte_mbuf *canary_make(const struct canary_form *form, uint32_t len, struct rte_mbuf **all,
			     unsigned int *count);

/* What is received is the frame of that length, and no field of an offload came along. */
void canary_take(uint16_t port, uint32_t len);

bool canary_is_zero(const uint8_t *mem, size_t len);

/* Returns how many there are. */
unsigned int canary_ranges(struct canary_range *r, unsigned int max);

#endif /* CANARY_H */
