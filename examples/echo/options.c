/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "options.h"
#include "reply.h"

#define BURST_DEFAULT 32

static void
usage(FILE *out)
{
	fprintf(out,
		"usage: folio-echo [EAL arguments] -- --ip A.B.C.D [--port N] [--mtu N] "
		"[--burst N]\n"
		"  --ip A.B.C.D  the address to answer for\n"
		"  --port N      ethdev port, default 0\n"
		"  --mtu N       largest IP packet, default the port's\n"
		"  --burst N     frames a burst, 1 to %u, default %u\n",
		OPTIONS_BURST_MAX, BURST_DEFAULT);
}

static int
parse_number(const char *name, const char *value, unsigned long min, unsigned long max,
	     uint16_t *out)
{
	unsigned long v;

	/* strtoul alone takes signs and blanks. */
	if (value[0] == '\0' || value[strspn(value, "0123456789")] != '\0') {
		fprintf(stderr, "folio-echo: --%s=%s is not a decimal number: allowed is %lu to "
			"%lu\n", name, value, min, max);
		return -EINVAL;
	}
	errno = 0;
	v = strtoul(value, NULL, 10);
	if (errno != 0 || v < min || v > max) {
		fprintf(stderr, "folio-echo: --%s=%s is out of range: allowed is %lu to %lu\n",
			name, value, min, max);
		return -EINVAL;
	}
	*out = (uint16_t)v;
	return 0;
}

static int
parse_ip(const char *value, rte_be32_t *out)
{
	if (inet_pton(AF_INET, value, out) != 1 || !reply_is_host_addr(*out)) {
		fprintf(stderr, "folio-echo: --ip=%s is not the IPv4 address of a host: allowed "
			"is A.B.C.D below 224.0.0.0, without 0/8 and 127/8\n", value);
		return -EINVAL;
	}
	return 0;
}

int
options_parse(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{"ip", required_argument, NULL, 'i'},
		{"port", required_argument, NULL, 'p'},
		{"mtu", required_argument, NULL, 'm'},
		{"burst", required_argument, NULL, 'b'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c, ret = 0;

	*o = (struct options){.burst = BURST_DEFAULT};
	optind = 1; /* EAL has used getopt before */
	while (ret == 0 && (c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'i':
			ret = parse_ip(optarg, &o->ip);
			break;
		case 'p':
			ret = parse_number("port", optarg, 0, RTE_MAX_ETHPORTS - 1, &o->port);
			break;
		case 'm':
			ret = parse_number("mtu", optarg, RTE_ETHER_MIN_MTU, UINT16_MAX, &o->mtu);
			break;
		case 'b':
			ret = parse_number("burst", optarg, 1, OPTIONS_BURST_MAX,
					   &o->burst);
			break;
		case 'h':
			usage(stdout);
			return 1;
		default:
			usage(stderr);
			return -EINVAL;
		}
	}
	if (ret == 0 && optind < argc) {
		fprintf(stderr, "folio-echo: unexpected argument \"%s\"\n", argv[optind]);
		ret = -EINVAL;
	} else if (ret == 0 && o->ip == 0) {
		fprintf(stderr, "folio-echo: --ip is missing: the address to answer for\n");
		ret = -EINVAL;
	}
	return ret;
}
