/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef CONTROL_H
#define CONTROL_H

/** @file The two halves of a set-up with a machine on either side: one asks, the other obeys. */

#include <stdbool.h>
#include <stdint.h>

#include "message.h"

struct generator;

/** What the asking half remembers. */
struct control {
	uint32_t asker;
	uint32_t sequence;
	bool answered;
	struct message answer; /**< to the latest request */
};

/**
 * A job that does what the peer asks for, until it is stopped or told to leave: g->told_to_leave.
 *
 * It is at anybody's service who reaches the port: there is no authentication.
 */
void control_respond(struct generator *g);

/** A job that asks the peer for g->command; ends with its answer, or after two seconds without. */
void control_ask(struct generator *g);

#endif /* CONTROL_H */
