/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef REPORT_H
#define REPORT_H

/* The lines of the report, and how they are printed: as text, or as JSON with the same content. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The version of the JSON. It changes when something goes or is renamed, not when it comes. */
#define REPORT_JSON_VERSION 1

#define REPORT_LINES 112
#define REPORT_FACTS 12
#define REPORT_TEXT 640

#define ROLE_GUEST 1u
#define ROLE_HOST 2u
#define ROLE_BOTH 3u

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

struct fact {
	const char *name;
	enum { FACT_NUMBER, FACT_BOOL, FACT_STRING } type;
	uint64_t number;
	char string[256];
};

struct line {
	const char *area;
	char check[32]; /* what was looked at; unique in a report */
	unsigned int roles; /* whom it concerns */
	enum verdict verdict;
	char text[REPORT_TEXT];
	char advice[REPORT_TEXT]; /* what to do next; not empty unless ok */
	struct fact facts[REPORT_FACTS];
	unsigned int n_facts;
};

struct report {
	unsigned int roles; /* which are judged */
	struct line lines[REPORT_LINES];
	unsigned int n_lines;
};

/* A new line, ok so far. It stays where it is. */
struct line *report_add(struct report *r, const char *area, unsigned int roles,
			const char *check, ...) __attribute__((format(printf, 4, 5)));

/* Appended to the text. */
void line_say(struct line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The verdict gets worse if it was better, and the advice is appended. */
void line_judge(struct line *l, enum verdict v, const char *advice, ...)
	__attribute__((format(printf, 3, 4)));

void line_number(struct line *l, const char *name, uint64_t value);
void line_bool(struct line *l, const char *name, bool value);
void line_string(struct line *l, const char *name, const char *value);

const char *verdict_name(enum verdict v);

/* The worst verdict of the lines so far that concern a role. */
enum verdict report_worst(const struct report *r, unsigned int role);

/* can_run: in at least one role. root "": this machine. */
void report_text(const struct report *r, FILE *out);
void report_json(const struct report *r, const char *root, bool can_run, FILE *out);

/* A number of bytes as people write it: "12 MiB". */
const char *size_text(uint64_t bytes, char buf[32]);

#endif /* REPORT_H */
