/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef INPUT_H
#define INPUT_H

/** @file Lines of standard input. */

#include <stdbool.h>
#include <stddef.h>

#define INPUT_LINE_MAX 1024

struct input {
	char text[INPUT_LINE_MAX];
	size_t len;
	size_t used; /**< the line handed out last, with its end */
	bool ended;
};

/**
 * @return The next line that has already been read, without its end, valid until the next call; or
 * NULL.
 */
char *input_line(struct input *in);

/** Wait for more and read it. A line that is too long ends the input. */
void input_read(struct input *in);

#endif /* INPUT_H */
