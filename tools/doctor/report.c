/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

static void
append(char *buf, size_t size, const char *fmt, va_list ap)
{
	size_t used = strlen(buf);

	vsnprintf(buf + used, size - used, fmt, ap);
}

struct line *
report_add(struct report *r, const char *area, unsigned int roles, const char *check, ...)
{
	struct line *l;
	va_list ap;

	if (r->n_lines == REPORT_LINES) /* the areas' limits add up to less */
		abort();
	l = &r->lines[r->n_lines++];
	l->area = area;
	l->roles = roles;
	va_start(ap, check);
	append(l->check, sizeof(l->check), check, ap);
	va_end(ap);
	return l;
}

void
line_say(struct line *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(l->text, sizeof(l->text), fmt, ap);
	va_end(ap);
}

void
line_judge(struct line *l, enum verdict v, const char *advice, ...)
{
	va_list ap;

	if (v > l->verdict)
		l->verdict = v;
	if (l->advice[0] != '\0')
		strncat(l->advice, "; ", sizeof(l->advice) - strlen(l->advice) - 1);
	va_start(ap, advice);
	append(l->advice, sizeof(l->advice), advice, ap);
	va_end(ap);
}

static struct fact *
add_fact(struct line *l, const char *name)
{
	if (l->n_facts == REPORT_FACTS)
		abort();
	l->facts[l->n_facts].name = name;
	return &l->facts[l->n_facts++];
}

void
line_number(struct line *l, const char *name, uint64_t value)
{
	struct fact *f = add_fact(l, name);

	f->type = FACT_NUMBER;
	f->number = value;
}

void
line_bool(struct line *l, const char *name, bool value)
{
	struct fact *f = add_fact(l, name);

	f->type = FACT_BOOL;
	f->number = value;
}

void
line_string(struct line *l, const char *name, const char *value)
{
	struct fact *f = add_fact(l, name);

	f->type = FACT_STRING;
	snprintf(f->string, sizeof(f->string), "%s", value);
}

const char *
verdict_name(enum verdict v)
{
	static const char *const names[] = {"ok", "warn", "fail"};

	return names[v];
}

enum verdict
report_worst(const struct report *r, unsigned int role)
{
	enum verdict worst = VERDICT_OK;
	unsigned int i;

	for (i = 0; i < r->n_lines; i++)
		if ((r->lines[i].roles & role) != 0 && r->lines[i].verdict > worst)
			worst = r->lines[i].verdict;
	return worst;
}

const char *
size_text(uint64_t bytes, char buf[32])
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	unsigned int u = 0;

	while (u < 4 && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		u++;
	}
	snprintf(buf, 32, "%" PRIu64 " %s", bytes, units[u]);
	return buf;
}

/*
 * Length of the UTF-8 character at s if it is one that may be printed: names come from the host and
 * from whoever made a file, and must not steer a terminal. 0 otherwise.
 */
static unsigned int
printable(const unsigned char *s)
{
	unsigned int len, i;
	uint32_t c;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	c = s[0] & (0x7f >> len);
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	/* C1 controls, overlong forms, surrogates, beyond Unicode. */
	if (c < 0xa0 || (len == 3 && c < 0x800) || (len == 4 && c < 0x10000) ||
	    (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		return 0;
	return len;
}

static void
put_text(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned int len;

	while (*s != '\0') {
		len = printable(s);
		if (len == 0)
			fputc('?', out);
		else
			fwrite(s, 1, len, out);
		s += len == 0 ? 1 : len;
	}
}

static void
put_string(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned int len;

	fputc('"', out);
	while (*s != '\0') {
		len = printable(s);
		if (len == 0)
			fprintf(out, "\\u%04x", *s < 0x80 ? *s : 0xfffdu);
		else if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else
			fwrite(s, 1, len, out);
		s += len == 0 ? 1 : len;
	}
	fputc('"', out);
}

void
report_text(const struct report *r, FILE *out)
{
	const struct line *l;
	const char *area = "";
	int width = 0;
	unsigned int i;

	for (i = 0; i < r->n_lines; i++)
		if ((r->lines[i].roles & r->roles) != 0 && (int)strlen(r->lines[i].check) > width)
			width = (int)strlen(r->lines[i].check);
	for (i = 0; i < r->n_lines; i++) {
		l = &r->lines[i];
		if ((l->roles & r->roles) == 0)
			continue;
		if (strcmp(area, l->area) != 0)
			fprintf(out, "%s%s\n", area[0] == '\0' ? "" : "\n", l->area);
		area = l->area;
		fprintf(out, "  %-4s  ", verdict_name(l->verdict));
		put_text(out, l->check);
		fprintf(out, "%*s  ", width - (int)strlen(l->check), "");
		put_text(out, l->text);
		fputc('\n', out);
		if (l->advice[0] != '\0') {
			fprintf(out, "        %*s  -> ", width, "");
			put_text(out, l->advice);
			fputc('\n', out);
		}
	}
}

static void
put_roles(FILE *out, unsigned int roles)
{
	fprintf(out, "[%s%s%s]", (roles & ROLE_GUEST) != 0 ? "\"guest\"" : "",
		roles == ROLE_BOTH ? ", " : "", (roles & ROLE_HOST) != 0 ? "\"host\"" : "");
}

static void
put_fact(FILE *out, const struct fact *f)
{
	put_string(out, f->name);
	fputs(": ", out);
	if (f->type == FACT_NUMBER)
		fprintf(out, "%" PRIu64, f->number);
	else if (f->type == FACT_BOOL)
		fputs(f->number != 0 ? "true" : "false", out);
	else
		put_string(out, f->string);
}

static void
put_line(FILE *out, const struct line *l)
{
	unsigned int i;

	fputs("    {\"area\": ", out);
	put_string(out, l->area);
	fputs(", \"check\": ", out);
	put_string(out, l->check);
	fprintf(out, ", \"verdict\": \"%s\", \"roles\": ", verdict_name(l->verdict));
	put_roles(out, l->roles);
	fputs(",\n     \"text\": ", out);
	put_string(out, l->text);
	fputs(",\n     \"advice\": ", out);
	if (l->advice[0] == '\0')
		fputs("null", out);
	else
		put_string(out, l->advice);
	fputs(",\n     \"facts\": {", out);
	for (i = 0; i < l->n_facts; i++) {
		fputs(i == 0 ? "" : ", ", out);
		put_fact(out, &l->facts[i]);
	}
	fputs("}}", out);
}

void
report_json(const struct report *r, const char *root, bool can_run, FILE *out)
{
	bool first = true;
	unsigned int i;

	fprintf(out, "{\n  \"format\": \"folio-doctor\",\n  \"version\": %u,\n"
		"  \"folio\": \"%s\",\n  \"root\": ", REPORT_JSON_VERSION, FOLIO_VERSION);
	if (root[0] == '\0')
		fputs("null", out);
	else
		put_string(out, root);
	fprintf(out, ",\n  \"can_run\": %s,\n  \"roles\": ", can_run ? "true" : "false");
	put_roles(out, r->roles);
	fputs(",\n  \"lines\": [\n", out);
	for (i = 0; i < r->n_lines; i++) {
		if ((r->lines[i].roles & r->roles) == 0)
			continue;
		fputs(first ? "" : ",\n", out);
		first = false;
		put_line(out, &r->lines[i]);
	}
	fputs("\n  ]\n}\n", out);
}
