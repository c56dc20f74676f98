/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_FILE_H
#define FOLIO_FILE_H

/*
 * A file that shared memory lies in: how it is opened without waiting, and who has it. Byte 1 is
 * the guest's lock, byte 2 the host's (enum folio_role). The kernel drops them when their owner
 * dies.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <folio.h>

/*
 * What folio made it may resize, wipe and remove: the sticky bit says so to whoever comes later,
 * also after a crash. The bit alone has been seen on files of others.
 */
#define FOLIO_FILE_OURS (S_ISVTX | S_IRUSR | S_IWUSR)

/* A file can be removed by somebody who closes between our open and our lock: then try again. */
#define FOLIO_FILE_TRIES 8

/*
 * One attempt to open it for reading and writing, or to create it with this mode. Never waits.
 *
 * Returns the descriptor or a negative errno with a line for the user; -EAGAIN without one: it
 * vanished, or appeared, under us.
 */
int folio_file_open(const char *path, const char *name, mode_t mode, bool *created,
		    struct folio_error *err);

/* Is it a regular file, and on which pages? Returns 0 or a negative errno with a line. */
int folio_file_look(int fd, const char *name, struct stat *st, uint32_t *page_size,
		    struct folio_error *err);

/* Take so many roles from this one on. Returns 0, -EBUSY if somebody has one, or another errno. */
int folio_file_lock(int fd, enum folio_role first, unsigned int count);
int folio_file_unlock(int fd, enum folio_role first, unsigned int count);
bool folio_file_is_free(int fd, enum folio_role first, unsigned int count);

/*
 * EAL removes every file "*map_*" of a hugetlbfs that nobody has locked by flock(), when a program
 * starts; other tools have such habits, too. True: it is locked against that. An exclusive lock of
 * somebody else, which makes us fail, keeps them away as well.
 */
bool folio_file_guard(int fd);

/* Does the path lead to this file? */
bool folio_file_is_at(int fd, const char *path);

/* Was it removed, replaced, or made shorter than this? Another name does no harm. */
bool folio_file_is_lost(int fd, const char *path, uint64_t size);

/* Remove it, if it is at the path. */
void folio_file_remove(int fd, const char *path);

#endif /* FOLIO_FILE_H */
