/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "input.h"

char *
input_line(struct input *in)
{
	char *end;

	in->len -= in->used;
	memmove(in->text, in->text + in->used, in->len);
	in->used = 0;
	end = memchr(in->text, '\n', in->len);
	if (end == NULL)
		return NULL;
	*end = '\0';
	in->used = (size_t)(end - in->text) + 1;
	return in->text;
}

void
input_read(struct input *in)
{
	ssize_t n = read(STDIN_FILENO, in->text + in->len, sizeof(in->text) - in->len);

	if (n > 0)
		in->len += (size_t)n;
	else if (n == 0 || errno != EINTR)
		in->ended = true;
}
