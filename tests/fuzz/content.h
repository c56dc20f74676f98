/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef CONTENT_H
#define CONTENT_H

/*
 * What is in the files of a fuzzer. The files are real, with their names, sizes, modes and locks,
 * but empty: their content lies in memory that is mapped once and for all, as often as ports may
 * map it. To make, fault in and drop mappings would take most of an execution.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* All files are empty again. Nothing may be mapped. */
void content_reset(void);

/* A mapping of a file: its address, NULL if there is none to be had. prot as for mmap(). */
uint8_t *content_map(int fd, int prot, off_t off, size_t len);

/* Writable, at the same place of the same file as a mapping. */
uint8_t *content_alias(const uint8_t *mapped);

/* Of a mapping, only the first `used` bytes are written; all of it, where nobody has said so. */
void content_used(const uint8_t *mapped, size_t used);

void content_unmap(const uint8_t *mapped, size_t len);

/* As pread() and pwrite() with the whole length, or -1. */
ssize_t content_read(int fd, void *to, size_t len, off_t off);
ssize_t content_write(int fd, const void *from, size_t len, off_t off);

/* A hole in a file, or its end: reads as zeroes from now on. */
void content_zero(int fd, off_t off, off_t len);

#endif /* CONTENT_H */
