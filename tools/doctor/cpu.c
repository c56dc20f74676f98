/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <boundary/copy.h>

#include "doctor.h"

/* Which CPUs may poll, which of them are near each other, and how they copy. */

#define AREA "cpu"

#define MAX_CPUS 4096
#define MAX_GROUPS 64
#define MAX_PAIRS 28	  /* whose distance is measured: all of 8 CPUs */
#define NEAR_NS 250	  /* two CPUs of one L3; tests/bench/pairs.py draws the same line */

struct cpu_set {
	uint64_t word[MAX_CPUS / 64];
};

static bool
has_cpu(const struct cpu_set *s, unsigned int cpu)
{
	return cpu < MAX_CPUS && (s->word[cpu / 64] >> (cpu % 64) & 1) != 0;
}

static unsigned int
count_cpus(const struct cpu_set *s)
{
	unsigned int i, n = 0;

	for (i = 0; i < MAX_CPUS / 64; i++)
		n += (unsigned int)__builtin_popcountll(s->word[i]);
	return n;
}

/* "0-3,8" */
static struct cpu_set
parse_cpus(const char *text)
{
	struct cpu_set s = {0};
	unsigned long first, last;
	char *end;

	while (*text >= '0' && *text <= '9') {
		first = strtoul(text, &end, 10);
		last = first;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && first < MAX_CPUS; first++)
			s.word[first / 64] |= UINT64_C(1) << (first % 64);
		if (*end != ',')
			break;
		text = end + 1;
	}
	return s;
}

static bool
find_allowed(char *line, void *ctx)
{
	return sscanf(line, "Cpus_allowed_list: %511s", (char *)ctx) == 1;
}

/* Online, and allowed by affinity and cpuset. */
static struct cpu_set
usable_cpus(const struct probe *p, char text[512])
{
	struct cpu_set online, allowed;
	char list[512] = "";
	unsigned int i;

	probe_text(p, text, 512, "/sys/devices/system/cpu/online");
	online = parse_cpus(text);
	probe_lines(p, find_allowed, list, "/proc/self/status");
	if (list[0] == '\0')
		return online;
	allowed = parse_cpus(list);
	strcpy(text, list);
	for (i = 0; i < MAX_CPUS / 64; i++)
		allowed.word[i] &= online.word[i];
	return allowed;
}

static void
report_count(struct doctor *d, const struct cpu_set *cpus, const char *list)
{
	struct line *l = report_add(&d->report, AREA, ROLE_BOTH, "cpus");
	unsigned int n = count_cpus(cpus);

	line_number(l, "usable", n);
	line_string(l, "list", list);
	line_say(l, "%u usable: %s", n, list[0] != '\0' ? list : "unknown");
	if (n < 2)
		line_judge(l, VERDICT_WARN, "a CPU for each polling thread, and another for the "
					    "rest: more CPUs, or a wider cpuset or affinity");
}

/* The CPUs that share an L3 cache with this one. */
static bool
l3_of(const struct probe *p, unsigned int cpu, char list[256])
{
	unsigned int i;
	uint64_t level;

	for (i = 0; i < 8; i++)
		if (probe_number(p, &level, "/sys/devices/system/cpu/cpu%u/cache/index%u/level",
				 cpu, i) && level == 3)
			return probe_text(p, list, 256, "/sys/devices/system/cpu/cpu%u/cache/"
					  "index%u/shared_cpu_list", cpu, i);
	return false;
}

static struct cpu_set
siblings_of(const struct probe *p, unsigned int cpu)
{
	char text[256];

	probe_text(p, text, sizeof(text), "/sys/devices/system/cpu/cpu%u/topology/"
		   "thread_siblings_list", cpu);
	return parse_cpus(text);
}

/* Two usable CPUs of a group, of different cores if there are such. */
static bool
find_pair(const struct probe *p, const struct cpu_set *group, const struct cpu_set *usable,
	  unsigned int pair[2])
{
	struct cpu_set siblings = {0};
	unsigned int i, n = 0;

	for (i = 0; i < MAX_CPUS; i++) {
		if (!has_cpu(group, i) || !has_cpu(usable, i))
			continue;
		if (n == 0) {
			pair[0] = i;
			siblings = siblings_of(p, i);
			n = 1;
		} else if (!has_cpu(&siblings, i)) {
			pair[1] = i;
			return true;
		} else if (n == 1) {
			pair[1] = i;
			n = 2;
		}
	}
	return n == 2;
}

/* The extremes of what was measured. */
struct distances {
	unsigned int n; /* pairs */
	unsigned int nearest[2], farthest[2];
	unsigned int near_ns, far_ns;
	bool tried;
	char why[PROBE_WHY]; /* why the last pair that was not measured was not */
};

static void
measure_pair(const struct probe *p, unsigned int a, unsigned int b, struct distances *found)
{
	unsigned int ns;

	found->tried = true;
	if (!probe_round_trip(p, a, b, &ns, found->why))
		return;
	if (found->n == 0 || ns < found->near_ns) {
		found->near_ns = ns;
		found->nearest[0] = a;
		found->nearest[1] = b;
	}
	if (found->n == 0 || ns > found->far_ns) {
		found->far_ns = ns;
		found->farthest[0] = a;
		found->farthest[1] = b;
	}
	found->n++;
}

/*
 * Pairs that sysfs says to share an L3, or any if it does not say; of different cores, or, where
 * there are no such pairs, of one.
 */
static struct distances
measure_distances(const struct probe *p, const struct cpu_set *usable)
{
	struct distances found = {0};
	struct cpu_set group, siblings;
	unsigned int a, b, tries = 0;
	char list[256];
	int one_core;

	for (one_core = 0; one_core < 2 && !found.tried; one_core++) {
		for (a = 0; a < MAX_CPUS && tries < MAX_PAIRS; a++) {
			if (!has_cpu(usable, a))
				continue;
			siblings = siblings_of(p, a);
			group = l3_of(p, a, list) ? parse_cpus(list) : *usable;
			for (b = a + 1; b < MAX_CPUS && tries < MAX_PAIRS; b++) {
				if (!has_cpu(usable, b) || !has_cpu(&group, b) ||
				    has_cpu(&siblings, b) != (one_core != 0))
					continue;
				measure_pair(p, a, b, &found);
				tries++;
			}
		}
	}
	return found;
}

static void
report_distance(struct doctor *d, const struct distances *found, bool l3_is_known)
{
	struct line *l = report_add(&d->report, AREA, ROLE_BOTH, "distance");
	char text[32] = "";

	line_number(l, "pairs", found->n);
	if (!found->tried) {
		line_say(l, "no two CPUs to measure");
		return;
	}
	if (found->n == 0) {
		line_say(l, "not measured: %s; let guest and host poll on two CPUs of one L3",
			 found->why);
		if (probe_is_here(&d->probe))
			line_judge(l, VERDICT_WARN, "run it again when the CPUs have less to do");
		return;
	}
	snprintf(text, sizeof(text), "%u,%u", found->nearest[0], found->nearest[1]);
	line_string(l, "nearest", text);
	line_number(l, "nearest_ns", found->near_ns);
	snprintf(text, sizeof(text), "%u,%u", found->farthest[0], found->farthest[1]);
	line_string(l, "farthest", text);
	line_number(l, "farthest_ns", found->far_ns);
	line_say(l, "a cache line takes %u ns from CPU %u to %u and back", found->near_ns,
		 found->nearest[0], found->nearest[1]);
	if (found->n > 1)
		line_say(l, ", the nearest of %u pairs", found->n);
	if (found->near_ns < NEAR_NS)
		line_say(l, ": let guest and host poll on them");
	if ((l3_is_known ? found->far_ns : found->near_ns) < NEAR_NS)
		return;
	if (found->n > 1)
		line_say(l, "; %u ns between %u and %u", found->far_ns, found->farthest[0],
			 found->farthest[1]);
	if (l3_is_known)
		line_say(l, "; sysfs says one L3, but that is more than within one");
	line_judge(l, VERDICT_WARN,
		   "a virtual machine: its host should pin the CPUs to one L3, and "
		   "show the guest what is there; else poll on CPUs that are near");
}

/* Returns whether sysfs says who shares a cache. */
static bool
report_l3(struct doctor *d, const struct cpu_set *usable)
{
	struct line *l = report_add(&d->report, AREA, ROLE_BOTH, "l3");
	struct cpu_set done = {0}, group;
	unsigned int cpu, i, n = 0, pair[2], found[2];
	char list[256], all[256] = "", text[32] = "";
	bool has_pair = false;

	for (cpu = 0; cpu < MAX_CPUS && n < MAX_GROUPS; cpu++) {
		if (!has_cpu(usable, cpu) || has_cpu(&done, cpu) || !l3_of(&d->probe, cpu, list))
			continue;
		group = parse_cpus(list);
		for (i = 0; i < MAX_CPUS / 64; i++)
			done.word[i] |= group.word[i];
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", n > 0 ? "; " : "",
			 list);
		if (!has_pair && find_pair(&d->probe, &group, usable, found)) {
			has_pair = true;
			memcpy(pair, found, sizeof(pair));
		}
		n++;
	}
	if (has_pair)
		snprintf(text, sizeof(text), "%u,%u", pair[0], pair[1]);
	line_number(l, "groups", n);
	line_string(l, "shared", all);
	line_string(l, "pair", text);
	if (n == 0) {
		line_say(l, "unknown which CPUs share an L3 cache: no cache in sysfs");
		line_judge(l, VERDICT_WARN, "host: show the guest its caches (QEMU: -cpu host,"
					    "host-cache-info=on) and pin its CPUs to one L3");
		return false;
	}
	line_say(l, "%u L3 cache%s, shared by CPUs %s", n, n == 1 ? "" : "s", all);
	if (has_pair)
		line_say(l, "; of one are, e.g., %u and %u", pair[0], pair[1]);
	else
		line_judge(l, VERDICT_WARN, "allow two CPUs that share an L3 cache: a packet that "
					    "crosses from one to another costs several times more");
	return true;
}

/* Instruction sets that the copy kernels want; see lib/boundary/copy.c. */
struct features {
	bool avx2, bmi2, avx512f, avx512bw, avx512vl, prefetchw, flags;
};

static bool
look_at_flags(char *line, void *ctx)
{
	struct features *f = ctx;
	char *word, *rest;

	if (strncmp(line, "flags", 5) != 0)
		return false;
	f->flags = true;
	for (word = strtok_r(line, " \t:", &rest); word != NULL;
	     word = strtok_r(NULL, " \t:", &rest)) {
		f->avx2 |= strcmp(word, "avx2") == 0;
		f->bmi2 |= strcmp(word, "bmi2") == 0;
		f->avx512f |= strcmp(word, "avx512f") == 0;
		f->avx512bw |= strcmp(word, "avx512bw") == 0;
		f->avx512vl |= strcmp(word, "avx512vl") == 0;
		f->prefetchw |= strcmp(word, "3dnowprefetch") == 0;
	}
	return true;
}

static void
report_copy(struct doctor *d)
{
	struct line *l = report_add(&d->report, AREA, ROLE_BOTH, "copy");
	struct features f = {0};
	const char *isa;

	probe_lines(&d->probe, look_at_flags, &f, "/proc/cpuinfo");
	if (probe_is_here(&d->probe))
		isa = folio_isa_name(folio_copy_select(FOLIO_ISA_AUTO)->isa);
	else if (!f.flags)
		isa = "portable";
	else if (f.avx512f && f.avx512bw && f.avx512vl && f.bmi2)
		isa = "avx512";
	else
		isa = f.avx2 && f.bmi2 ? "avx2" : "sse";
	line_string(l, "kernels", isa);
	line_bool(l, "prefetchw", f.prefetchw);
	line_say(l, "%s kernels%s", isa, f.prefetchw ? ", prefetchw" : "");
	if (!f.flags)
		return; /* no x86, or no /proc: nothing to choose */
	if (strcmp(isa, "sse") == 0)
		line_judge(l, VERDICT_WARN, "a CPU model with AVX2 and BMI2 (QEMU: -cpu host): "
					    "large packets are copied faster with it");
	if (!f.prefetchw) {
		line_say(l, ", no prefetchw");
		line_judge(l, VERDICT_WARN, "a CPU model with 3dnowprefetch (QEMU: -cpu host): "
					    "small packets are sent faster with it");
	}
}

void
cpu_report(struct doctor *d)
{
	char list[512];
	struct cpu_set usable = usable_cpus(&d->probe, list);
	struct distances found;
	bool l3_is_known;

	report_count(d, &usable, list);
	found = measure_distances(&d->probe, &usable);
	l3_is_known = report_l3(d, &usable);
	report_distance(d, &found, l3_is_known);
	report_copy(d);
}
