/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef LOAD_H
#define LOAD_H

/*
 * Included in front of every file of a fuzzer, the core's too: each load from shared memory has a
 * peer that acts before and after it, and what the core asks of the system goes through system.c.
 */

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void hook_before_load(const void *field, size_t len);
void hook_after_load(const void *field, size_t len, uint64_t value);

#define FOLIO_LOAD(p, order)                                                                       \
	({                                                                                         \
		hook_before_load((p), sizeof((p)->raw));                                           \
		__typeof__((p)->raw) loaded_ = __atomic_load_n(&(p)->raw, order);                  \
		hook_after_load((p), sizeof(loaded_), loaded_);                                    \
		loaded_;                                                                           \
	})

void *system_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off);
int system_munmap(void *addr, size_t len);
int system_nanosleep(const struct timespec *want, struct timespec *left);
int system_clock_gettime(clockid_t clock, struct timespec *now);
ssize_t system_getrandom(void *to, size_t len, unsigned int flags);
ssize_t system_pread(int fd, void *to, size_t len, off_t off);
int system_unlink(const char *path);
int system_fallocate(int fd, int mode, off_t off, off_t len);
int system_ftruncate(int fd, off_t size);
int system_open(const char *path, int flags, ...);
int system_close(int fd);
int system_stat(const char *path, struct stat *st);
int system_fstat(int fd, struct stat *st);
int system_sigaction(int sig, const struct sigaction *act, struct sigaction *old);
long system_syscall(long number, ...);
int system_madvise(void *addr, size_t len, int advice);

#define FOLIO_GATE_LOOKS 2

#ifdef FUZZED
#define mmap system_mmap
#define munmap system_munmap
#define nanosleep system_nanosleep
#define clock_gettime system_clock_gettime
#define getrandom system_getrandom
#define pread system_pread
#define unlink system_unlink
#define fallocate system_fallocate
#define ftruncate system_ftruncate
#define madvise system_madvise
#define open(...) system_open(__VA_ARGS__)
#define close(fd) system_close(fd)
#define stat(path, st) system_stat(path, st)
#define fstat(fd, st) system_fstat(fd, st)
#define sigaction(sig, act, old) system_sigaction(sig, act, old)
#define syscall(...) system_syscall(__VA_ARGS__)
#endif

#endif /* LOAD_H */
