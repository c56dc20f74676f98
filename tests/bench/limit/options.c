/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

#define SIZE_LIMIT 65536
#define STRIDE_LIMIT (2 * SIZE_LIMIT)

static const char help[] =
	"usage: bench-limit --size N [options]\n"
	"How many million packets a second can two threads copy through shared memory?\n"
	"  --size N       bytes of a packet; whole cache lines are copied\n"
	"  --seconds S    length of the measurement, default 1; before it a fifth to warm up\n"
	"  --cpus A,B     the sender's CPU and the receiver's, default 0,1\n"
	"  --touch        the sender writes each packet first, the receiver reads it afterwards\n"
	"  --loop         both forward; 512 packets circulate\n"
	"  --best         try neighbours of what follows, a quarter of the time each, and measure\n"
	"                 with the best\n"
	"  --copy NAME    instruction set: avx512, avx2 or portable; default the widest\n"
	"  --slots N      of a ring, a power of two, default 2048\n"
	"  --burst N      packets from one look at an index to the next, default 32\n"
	"  --stride N     bytes from slot to slot, whole lines; default as few as possible\n"
	"  --buffers N    private buffers of a thread, a power of two, default 32\n"
	"  --ahead N      slots from the one that is written to one that is prefetched, default 8\n"
	"  --fetch N      the same for reading, default 0: no prefetch\n";

static void
fail(const char *name, const char *value, const char *allowed)
{
	fprintf(stderr, "bench-limit: --%s=%s: allowed is %s\n", name, value, allowed);
	exit(2);
}

static uint32_t
parse_number(const char *name, const char *value, uint32_t min, uint32_t max)
{
	char *end, allowed[40];
	unsigned long v;

	errno = 0;
	v = strtoul(value, &end, 10);
	/* strtoul alone takes signs and blanks. */
	if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || v < min || v > max) {
		snprintf(allowed, sizeof(allowed), "%u to %u", min, max);
		fail(name, value, allowed);
	}
	return (uint32_t)v;
}

static uint32_t
parse_power(const char *name, const char *value, uint32_t min, uint32_t max)
{
	uint32_t v = parse_number(name, value, min, max);

	if ((v & (v - 1)) != 0)
		fail(name, value, "a power of two");
	return v;
}

static double
parse_seconds(const char *value)
{
	char *end;
	double v = strtod(value, &end);

	if (value[strspn(value, "0123456789.")] != '\0' || end == value || *end != '\0' ||
	    v < 0.01 || v > 60)
		fail("seconds", value, "0.01 to 60");
	return v;
}

static void
parse_cpus(const char *value, int *cpus)
{
	char *copy = strdup(value), *comma = copy == NULL ? NULL : strchr(copy, ',');

	if (comma == NULL)
		fail("cpus", value, "two numbers: A,B");
	*comma = '\0';
	cpus[0] = (int)parse_number("cpus", copy, 0, CPU_SETSIZE - 1);
	cpus[1] = (int)parse_number("cpus", comma + 1, 0, CPU_SETSIZE - 1);
	free(copy);
	if (cpus[0] == cpus[1])
		fail("cpus", value, "two different CPUs");
}

static void
check_together(struct options *o)
{
	uint32_t closest = (o->size + LINE - 1) / LINE * LINE;
	char given[16], allowed[48];

	if (o->size == 0) {
		fputs("bench-limit: --size is missing: the bytes of a packet\n", stderr);
		exit(2);
	}
	if (o->tuning.buffers < o->tuning.burst) {
		snprintf(given, sizeof(given), "%u", o->tuning.buffers);
		fail("buffers", given, "--burst and more");
	}
	if (o->loop && o->tuning.slots < SLOTS_MIN_LOOP) {
		snprintf(given, sizeof(given), "%u", o->tuning.slots);
		snprintf(allowed, sizeof(allowed), "%u to %u with --loop", SLOTS_MIN_LOOP,
			 SLOTS_MAX);
		fail("slots", given, allowed);
	}
	if (o->tuning.stride == 0)
		o->tuning.stride = closest;
	if (o->tuning.stride < closest || o->tuning.stride % LINE != 0) {
		snprintf(given, sizeof(given), "%u", o->tuning.stride);
		snprintf(allowed, sizeof(allowed), "a multiple of %u from %u on", LINE, closest);
		fail("stride", given, allowed);
	}
}

void
options_parse(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{"ahead", required_argument, NULL, 'a'},
		{"best", no_argument, NULL, 'b'},
		{"buffers", required_argument, NULL, 'u'},
		{"burst", required_argument, NULL, 'r'},
		{"copy", required_argument, NULL, 'y'},
		{"cpus", required_argument, NULL, 'c'},
		{"fetch", required_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{"loop", no_argument, NULL, 'l'},
		{"seconds", required_argument, NULL, 's'},
		{"size", required_argument, NULL, 'z'},
		{"slots", required_argument, NULL, 'n'},
		{"stride", required_argument, NULL, 'd'},
		{"touch", no_argument, NULL, 't'},
		{NULL, 0, NULL, 0},
	};
	struct tuning *t = &o->tuning;
	int c;

	*o = (struct options){.seconds = 1, .cpus = {0, 1},
			      .tuning = {.slots = 2048, .burst = 32, .buffers = 32, .ahead = 8}};
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'a':
			t->ahead = parse_number("ahead", optarg, 0, AHEAD_MAX);
			break;
		case 'b':
			o->best = true;
			break;
		case 'c':
			parse_cpus(optarg, o->cpus);
			break;
		case 'd':
			t->stride = parse_number("stride", optarg, LINE, STRIDE_LIMIT);
			break;
		case 'f':
			t->fetch = parse_number("fetch", optarg, 0, AHEAD_MAX);
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		case 'l':
			o->loop = true;
			break;
		case 'n':
			t->slots = parse_power("slots", optarg, SLOTS_MIN, SLOTS_MAX);
			break;
		case 'r':
			t->burst = parse_number("burst", optarg, 1, BURST_MAX);
			break;
		case 's':
			o->seconds = parse_seconds(optarg);
			break;
		case 't':
			o->touch = true;
			break;
		case 'u':
			t->buffers = parse_power("buffers", optarg, 1, BUFFERS_MAX);
			break;
		case 'y':
			o->copy = optarg;
			break;
		case 'z':
			o->size = parse_number("size", optarg, 1, SIZE_LIMIT);
			break;
		default:
			fputs(help, stderr);
			exit(2);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "bench-limit: unexpected argument \"%s\"\n", argv[optind]);
		exit(2);
	}
	check_together(o);
}
