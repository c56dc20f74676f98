/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef ANSWER_H
#define ANSWER_H

/** @file What is printed: a line of JSON for the start, and for every command. */

#include "generator.h"

void answer_ready(const struct generator *g);
void answer_done(enum op op);
void answer_count(const struct generator *g, bool stopped);
void answer_latency(const struct generator *g, const struct command *c);
void answer_link(void);
void answer_remote(const struct generator *g, const struct command *c);
void answer_error(const char *text);

#endif /* ANSWER_H */
