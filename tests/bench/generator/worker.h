/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef WORKER_H
#define WORKER_H

/**
 * @file
 * The one lcore that runs jobs. It sleeps between them; the main lcore sleeps all the time.
 */

#include "generator.h"

typedef void (*job_fn)(struct generator *g);

struct worker {
	struct generator *g;
	unsigned int lcore;
	job_fn job;		/**< NULL: idle */
	struct command command; /**< the job's */
	int done_fd;		/**< readable when the job has ended, of itself or stopped */
};

/** @return 0, or a negative errno after an error message. */
int worker_init(struct worker *w, struct generator *g);

/** The worker must be idle. The job gets a copy of the command. */
void worker_start(struct worker *w, job_fn job, const struct command *c);

/** After done_fd became readable, or to wait for that: the worker is idle. */
void worker_wait(struct worker *w);

/** End the job, if there is one. */
void worker_stop(struct worker *w);

#endif /* WORKER_H */
