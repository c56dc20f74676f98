/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include "worker.h"

int
worker_init(struct worker *w, struct generator *g)
{
	*w = (struct worker){.g = g, .lcore = rte_get_next_lcore(UINT32_MAX, 1, 0)};
	if (rte_lcore_count() != 2) {
		fprintf(stderr, "bench-generator: --lcores names %u lcores: allowed are 2, one "
			"that takes commands and one that polls\n", rte_lcore_count());
		return -EINVAL;
	}
	w->done_fd = eventfd(0, EFD_CLOEXEC);
	if (w->done_fd < 0) {
		fprintf(stderr, "bench-generator: no eventfd: %s\n", strerror(errno));
		return -errno;
	}
	return 0;
}

static int
run(void *arg)
{
	struct worker *w = arg;

	w->job(w->g);
	return eventfd_write(w->done_fd, 1);
}

void
worker_start(struct worker *w, job_fn job, const struct command *c)
{
	struct generator *g = w->g;

	w->command = *c;
	g->command = *c;
	frames_init(&g->frames, (uint32_t)c->value[KEY_SIZE], &g->port.mac, &g->peer);
	atomic_store(&g->stop, false);
	w->job = job;
	rte_eal_remote_launch(run, w, w->lcore);
}

void
worker_wait(struct worker *w)
{
	eventfd_t done;

	/* Asleep until the job has ended: rte_eal_wait_lcore() polls. */
	while (eventfd_read(w->done_fd, &done) != 0 && errno == EINTR)
		;
	rte_eal_wait_lcore(w->lcore);
	w->job = NULL;
}

void
worker_stop(struct worker *w)
{
	if (w->job == NULL)
		return;
	atomic_store(&w->g->stop, true);
	worker_wait(w);
}
