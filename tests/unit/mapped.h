/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef MAPPED_H
#define MAPPED_H

/* A file and a mapping of it, for tests that take the memory away. */

#include "boundary/fault.h"
#include "util.h"

#define PAGES 16
#define LEN (PAGES * 4096u)

struct mapped {
	char path[PATH_MAX];
	int fd;
	uint8_t *mem;
};

void mapped_open(struct mapped *m, const char *dir, size_t len, int prot);
void mapped_close(struct mapped *m, size_t len);

/* SIGBUS kills. */
void no_handler(void);

/* The compiler loads and stores each byte where it says so. */
volatile uint8_t *mapped_bytes(const struct mapped *m);

#endif /* MAPPED_H */
