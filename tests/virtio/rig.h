/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef RIG_H
#define RIG_H

/*
 * A receive and a transmit queue of lib/virtio and the device of model.h, in memory between
 * inaccessible pages: what is behind a ring or a buffer faults.
 */

#include "../../tools/hostile-device/acts.h"
#include "bursts.h"

struct rig_config {
	bool packed;
	bool mergeable;
	bool in_order;
	uint32_t size;
	uint32_t room; /* of a buffer, whole lines */
	uint32_t max_frame;
};

struct rig_queue {
	struct folio_virtq q;
	struct model_queue dev;
	struct folio_virtq_memory m;
	uint64_t *addr;
	void *map[2];
	size_t map_len[2];
	struct model_region region; /* of its buffers */
};

struct rig {
	struct rig_config cfg;
	struct rig_queue rx, tx;
	folio_copy_fn exact;
};

struct rig *rig_open(const struct rig_config *cfg);
void rig_close(struct rig *r);

/* Both queues set up anew, as if `base` buffers had gone through each: a multiple of 2 * size. */
void rig_attach(struct rig *r, uint32_t base);

/* Nothing was counted, nothing is broken. */
bool rig_is_clean(const struct rig *r);

/* Frame `number`: its content, in a heap block of exactly that length; and whether it is that. */
uint8_t *rig_frame(uint32_t number, uint32_t len);
bool rig_is_frame(const uint8_t *data, uint32_t number, uint32_t len);

/*
 * Honest traffic for so many rounds: bursts of frames of all lengths are sent, echoed by the
 * device, in the order given or (`shuffle`) in any, and received. Asserts what must hold.
 */
void rig_traffic(struct rig *r, uint32_t rounds, bool shuffle, uint64_t seed);

#endif /* RIG_H */
