/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cases.h"
#include "source.h"

struct options {
	const char *path;
	bool client;
	bool split, plain, in_order; /* no packed rings, no mergeable buffers; one id for many */
	bool all, ask;
	uint64_t queues, rounds, seed, wait_ms, storm_ms, patience_ms;
	const char *find;
	struct source_config source;
	const struct device_case *chosen[DEVICE_CASES_MAX];
	unsigned int n_chosen;
};

/* What to do next. */
enum options_next {
	OPTIONS_RUN,
	OPTIONS_DONE, /* said what was asked for */
	OPTIONS_BAD,  /* said what is wrong */
};

enum options_next options_parse(struct options *o, int argc, char **argv);

#endif /* OPTIONS_H */
