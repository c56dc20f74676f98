/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef UTIL_H
#define UTIL_H

/* What several unit tests need. Includes cmocka with the headers that it wants before it. */

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A private folder, in memory where possible. Fixtures: *state is its path. */
int util_dir_setup(void **state);
int util_dir_teardown(void **state);

/* The same with a path in it that is of nothing yet. Fixtures: *state is a struct util_place. */
struct util_place {
	void *dir;
	char path[PATH_MAX];
};

int util_place_setup(void **state);
int util_place_teardown(void **state);

/* Entries in such a folder. */
unsigned int util_dir_entries(const char *dir);

/* Descriptors that this process has open. */
unsigned int util_open_fds(void);

/* Shared mappings that this process has. */
unsigned int util_shared_maps(void);

/* len bytes (whole pages), zeroed, with an inaccessible page on either side. */
void *util_guarded_map(size_t len);
void util_guarded_unmap(void *mem, size_t len);

/* A reproducible sequence. seed is the state, and not zero. */
uint64_t util_random(uint64_t *seed);
void util_random_fill(void *mem, size_t len, uint64_t seed);

bool util_all_bytes(const void *mem, uint8_t value, size_t len);

/*
 * Run fn(arg) in a child process and return its wait status. The child has the default signal
 * handlers, so that a fault is seen as such under sanitizers too; fn's return is its exit code.
 */
int util_run_child(int (*fn)(void *arg), void *arg);

/* The child died of this signal, or left with this exit code. */
bool util_died_of(int status, int sig);
bool util_exited(int status, int code);

#endif /* UTIL_H */
