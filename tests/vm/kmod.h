/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef KMOD_H
#define KMOD_H

/*
 * What the tests of the kernel module share. They run inside a virtual machine, as root, with the
 * module loaded. Environment: FOLIO_DEV, the device (/dev/folio0); FOLIO_ROUNDS, how many rounds
 * the races take (2000).
 */

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>
#include <folio_ioctl.h>

#define ALLOC_DEV "/dev/folio_alloc"
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIB (UINT64_C(1) << 20)
#define ANY_NODE UINT32_MAX
#define PATTERN 0xab

extern uint64_t page_size;

/* Fixture: whatever a failed test has left open or mapped goes. */
int start_afresh(void **state);

const char *bar_dev(void);
unsigned int rounds(void);

/* Of the PCI device behind FOLIO_DEV: e.g. /sys/bus/pci/devices/0000:00:03.0. */
const char *bar_sysfs(void);

/* Write a word into a file of sysfs; returns 0 or an errno. */
int write_word(const char *path, const char *word);

/* A parameter of the module, as a number. */
#define PARAMETER(name) "/sys/module/folio/parameters/" name
uint64_t number_in(const char *path);

/* Wait until it is that number: a minute at most. */
void wait_for_number(const char *path, uint64_t number);

/* Of a line of /proc/self/status, in bytes. */
uint64_t status_bytes(const char *key);

/* These fail the test where they do not succeed. */
int open_bar(void);
int open_alloc(uint64_t size); /* 0: nothing allocated yet */
int open_kind(uint32_t kind);  /* either, for what they have in common */
struct folio_ioctl_info info_of(int fd);
uint8_t *map(int fd, uint64_t offset, uint64_t len);
void child_ok(pid_t pid); /* wait for it: it must exit with 0 */
void kill_child(pid_t pid);
uint64_t pfn_of(const void *mem);

/* These return 0 or an errno. */
int try_alloc(int fd, uint64_t size, uint32_t node, uint32_t min_chunk);
int call(int fd, unsigned long request, void *arg);
int try_map(int fd, uint64_t len, int prot, int flags, uint64_t offset);

bool all_bytes(const void *mem, uint8_t value, size_t len);

/* A page that may be written, between two that may not be touched. */
uint8_t *guarded_page(void);

/* Read a byte of mem; returns 0, or the signal that it brought. */
int touch(const volatile uint8_t *mem);

uint64_t next_random(uint64_t *seed);

#endif /* KMOD_H */
