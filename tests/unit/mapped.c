/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <folio.h>

#include "mapped.h"

void
mapped_open(struct mapped *m, const char *dir, size_t len, int prot)
{
	snprintf(m->path, sizeof(m->path), "%s/file", dir);
	m->fd = open(m->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(m->fd >= 0);
	assert_int_equal(ftruncate(m->fd, (off_t)len), 0);
	m->mem = mmap(NULL, len, prot, MAP_SHARED, m->fd, 0);
	assert_ptr_not_equal(m->mem, MAP_FAILED);
}

void
mapped_close(struct mapped *m, size_t len)
{
	folio_fault_unwatch(m->mem);
	munmap(m->mem, len);
	close(m->fd);
	unlink(m->path);
}

void
no_handler(void)
{
	struct sigaction act = {.sa_handler = SIG_DFL};

	sigaction(SIGBUS, &act, NULL);
}

volatile uint8_t *
mapped_bytes(const struct mapped *m)
{
	return m->mem;
}
