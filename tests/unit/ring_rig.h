/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef RING_RIG_H
#define RING_RIG_H

/*
 * One ring, both ends in one thread, over two private areas between inaccessible pages: the area
 * of the producer's side holds the ring, the area of the consumer's side its index. The ring under
 * test is the middle one of three.
 */

#include "native/ring.h"
#include "util.h"

#define QUEUES 3
#define QUEUE 1
#define RING 64
#define STRIDE 320
#define MAX_FRAME (RING * STRIDE)

struct rig {
	struct folio_layout l;
	uint8_t *area;	/* the producer's */
	uint8_t *index; /* the consumer's */
	struct folio_prod p;
	struct folio_cons c;
	folio_copy_fn exact;
	folio_copy_fn padded;
	uint8_t out[MAX_FRAME + 64]; /* what is sent */
	uint8_t in[MAX_FRAME + 64];  /* what was received */
};

int rig_setup(void **state);
int rig_teardown(void **state);

/* What the peer of either end writes. */
folio_shared_u32 *rig_produced(struct rig *r);
folio_shared_u32 *rig_consumed(struct rig *r);
uint8_t *rig_data(struct rig *r);

/* Both ends at rest at an index, as after so many slots of traffic. */
void rig_move_to(struct rig *r, uint32_t at);
uint64_t rig_violations(const struct folio_cons *c);

/* Frame number n: a piece of the pattern that no other nearby frame has. */
const uint8_t *frame_data(const struct rig *r, uint32_t n);

/* Where indices stand when the peer lies: anywhere, and at every edge of 32 bits. */
extern const uint32_t places[10];

/* A full ring, and the descriptor of its first slot as the peer likes it. */
enum folio_verdict judge(struct rig *r, uint64_t desc, struct folio_frame *frame);

#endif /* RING_RIG_H */
