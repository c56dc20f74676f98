/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef OPTIONS_H
#define OPTIONS_H

#include "limit.h"

struct options {
	uint32_t size;
	double seconds;
	bool touch;
	bool loop;
	bool best;
	const char *copy; /**< an instruction set; NULL: the widest that there is */
	int cpus[2];
	struct tuning tuning; /**< stride 0: packets as close as lines allow */
};

/** Leaves the program with a message if something is wrong, or if help is asked for. */
void options_parse(int argc, char **argv, struct options *o);

#endif /* OPTIONS_H */
