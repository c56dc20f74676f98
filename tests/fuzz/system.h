/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef SYSTEM_H
#define SYSTEM_H

/*
 * The system as the core sees it in a fuzzer (load.h sends its calls here): time that only passes
 * when somebody looks or sleeps, random numbers from the input, files whose content is memory
 * (content.h), and failures on demand.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void system_reset(void);

/* The time as it is now is what it is again after going back. */
void system_keep(void);
void system_go_back(void);

/* Another number: since then something was mapped or unmapped, or a file changed. */
unsigned long system_changes(void);

/* What the rest of the world does while the core sleeps. */
void system_on_sleep(void (*fn)(void));

/* The calls to come of mmap() and fallocate(): let the n-th fail, counted from 1; 0: none. */
void system_fail_in(unsigned int n);

/*
 * A name, a size or a mode of a file is another now. What looks at files remembers it until then.
 */
void system_changed(void);

/* A process that is being killed removes no file. */
void system_dying(bool dying);

/* len bytes (whole pages) of private memory between inaccessible pages. */
uint8_t *system_guarded(size_t len);

/*
 * A buffer of exactly len bytes: every byte beside it is forbidden. Cheaper than one of the heap;
 * all go at once.
 */
uint8_t *system_buffer(size_t len);
void system_buffers_free(void);

/* Forbid or allow again every access by the core; the memory keeps its content. */
void system_forbid(const uint8_t *from, const uint8_t *to);
void system_allow(const uint8_t *from, const uint8_t *to);

/* Unmap what a port left behind because a burst was stuck in it. */
void system_sweep(unsigned int owner);

#endif /* SYSTEM_H */
