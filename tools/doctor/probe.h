/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef PROBE_H
#define PROBE_H

/*
 * Every look at the machine goes through here, so that --root can replace it by a tree of files.
 * What is no file (CPUID, system calls, who we are) is then answered by the file ROOT/answers;
 * what it does not mention is unknown. Every read is bounded, absent files are normal.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <folio_ioctl.h>

#define PROBE_NAME 64	  /* longest name in a folder that is looked at, with its NUL */
#define PROBE_PATH 1024
#define PROBE_ANSWERS 16384
#define PROBE_WHY 160	  /* longest reason */

#define PROBE_FMT(fmt, args) __attribute__((format(printf, fmt, args)))

struct probe {
	const char *root; /* "": this machine */
	char answers[PROBE_ANSWERS];
};

/* root NULL: this machine. False: it is no folder. */
bool probe_init(struct probe *p, const char *root);
bool probe_is_here(const struct probe *p);

/* Where path is really. False if that is too long. */
bool probe_path(const struct probe *p, char out[PROBE_PATH], const char *fmt, ...) PROBE_FMT(3, 4);

bool probe_exists(const struct probe *p, const char *fmt, ...) PROBE_FMT(2, 3);
bool probe_is_dir(const struct probe *p, const char *fmt, ...) PROBE_FMT(2, 3);

/* access(2): may we? */
bool probe_may(const struct probe *p, int mode, const char *fmt, ...) PROBE_FMT(3, 4);

/* Up to len bytes at an offset. Returns how many, or -1 with errno. */
ssize_t probe_bytes(const struct probe *p, void *buf, size_t len, off_t offset, const char *fmt,
		    ...) PROBE_FMT(5, 6);

/* The beginning of a file as a string without white space at its end. False, and "", if absent. */
bool probe_text(const struct probe *p, char *buf, size_t size, const char *fmt, ...)
	PROBE_FMT(4, 5);

/* A file that begins with a number, decimal or 0x. */
bool probe_number(const struct probe *p, uint64_t *out, const char *fmt, ...) PROBE_FMT(3, 4);

/* The last part of what a symbolic link points to. */
bool probe_link(const struct probe *p, char out[PROBE_NAME], const char *fmt, ...)
	PROBE_FMT(3, 4);

/*
 * Call fn for each line of a file, without its newline, until fn returns true. Returns whether it
 * did. Longer lines come in pieces; at most 64 MiB are read.
 */
typedef bool (*probe_line_fn)(char *line, void *ctx);
bool probe_lines(const struct probe *p, probe_line_fn fn, void *ctx, const char *fmt, ...)
	PROBE_FMT(4, 5);

/* The names in a folder, in the order of their numbers; at most 4096. Free them. */
struct probe_names {
	char (*name)[PROBE_NAME];
	unsigned int n;
};
struct probe_names probe_list(const struct probe *p, const char *fmt, ...) PROBE_FMT(2, 3);
void probe_names_free(struct probe_names *names);

/* What no file says. Each returns false if it is unknown. */
struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};
bool probe_cpuid(const struct probe *p, uint32_t leaf, uint32_t subleaf, struct cpuid *out);
bool probe_uid(const struct probe *p, unsigned int *uid);

/* 0 and the mask of membarrier's commands, or an errno. */
int probe_membarrier(const struct probe *p, unsigned int *commands);

/* Open /dev/NAME and ask for FOLIO_IOCTL_INFO: 0, or an errno. */
int probe_info(const struct probe *p, const char *name, struct folio_ioctl_info *info);

/* What stands behind a key in ROOT/answers. */
bool probe_answer(const struct probe *p, const char *key, char *out, size_t size);

/* Run a guest under KVM, for a second at the most; why says what went wrong. */
enum guest_state { GUEST_UNKNOWN, GUEST_RUNS, GUEST_FAILS };
enum guest_state probe_guest(const struct probe *p, char why[PROBE_WHY]);

/*
 * Time of a cache line's way from one CPU to another and back: for some ms, or some 100 ms if
 * others use the CPUs. False if it is unknown, and why.
 */
bool probe_round_trip(const struct probe *p, unsigned int a, unsigned int b, unsigned int *ns,
		      char why[PROBE_WHY]);

/* Map a page of a file for reading, without touching it: 0, or an errno. */
int probe_map(const struct probe *p, const char *fmt, ...) PROBE_FMT(2, 3);

#endif /* PROBE_H */
