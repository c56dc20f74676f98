/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef ACTS_H
#define ACTS_H

/*
 * What a hostile device does to a driver's queue. Each act is done once, between two bursts of
 * honest traffic; model_storm() is for a thread that does nothing else. A driver must reach nothing
 * but its queues and buffers, whatever happens, and work again when its queue was set up anew.
 */

#include "model.h"

struct model_act {
	const char *row; /* Q1 used ring, Q2 what the driver wrote, Q3 header of a frame */
	const char *name;
	const char *what; /* for people */
	/* Do it; r chooses among its forms. False: not possible now, or with this kind of queue. */
	bool (*act)(struct model_queue *q, uint64_t r);
};

extern const struct model_act model_acts[];
extern const unsigned int model_n_acts;

/* The act of this name, NULL if there is none. */
const struct model_act *model_find_act(const char *name);

/* One change of anything that a queue has in shared memory, by r: near what is right, or any. */
void model_storm(struct model_queue *q, uint64_t r);

#endif /* ACTS_H */
