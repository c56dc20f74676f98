/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "options.h"

#define MBUFS_DEFAULT 8192
#define FRAME_DEFAULT 1518

static void
usage(FILE *out)
{
	fprintf(out,
		"usage: bench-generator [EAL arguments] -- [--queues N] [--mbufs N] [--frame N] "
		"[--peer MAC]\n"
		"  --queues N  queue pairs, 1 to %u, default 1\n"
		"  --mbufs N   buffers, %u to %u, default %u\n"
		"  --frame N   the longest frame in bytes without checksum, %u to %u, default %u\n"
		"  --peer MAC  whom frames are for, default a random address\n",
		QUEUES_MAX, MBUFS_MIN, MBUFS_MAX, MBUFS_DEFAULT, FRAME_DEFAULT, FRAME_MAX,
		FRAME_DEFAULT);
}

static int
parse_number(const char *name, const char *value, unsigned long min, unsigned long max,
	     uint32_t *out)
{
	unsigned long v;

	/* strtoul alone takes signs and blanks. */
	if (value[0] == '\0' || value[strspn(value, "0123456789")] != '\0') {
		fprintf(stderr, "bench-generator: --%s=%s is not a decimal number: allowed is "
			"%lu to %lu\n", name, value, min, max);
		return -EINVAL;
	}
	errno = 0;
	v = strtoul(value, NULL, 10);
	if (errno != 0 || v < min || v > max) {
		fprintf(stderr, "bench-generator: --%s=%s is out of range: allowed is %lu to %lu\n",
			name, value, min, max);
		return -EINVAL;
	}
	*out = (uint32_t)v;
	return 0;
}

static int
parse_mac(const char *name, const char *value, struct rte_ether_addr *out)
{
	if (rte_ether_unformat_addr(value, out) == 0)
		return 0;
	fprintf(stderr, "bench-generator: --%s=%s is no MAC address: allowed is "
		"XX:XX:XX:XX:XX:XX\n", name, value);
	return -EINVAL;
}

int
options_parse(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{"queues", required_argument, NULL, 'q'},
		{"mbufs", required_argument, NULL, 'm'},
		{"frame", required_argument, NULL, 'f'},
		{"peer", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	uint32_t queues = 1;
	int c, ret = 0;

	*o = (struct options){.mbufs = MBUFS_DEFAULT, .frame = FRAME_DEFAULT};
	rte_eth_random_addr(o->peer.addr_bytes);
	optind = 1; /* EAL has used getopt before */
	while (ret == 0 && (c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'q':
			ret = parse_number("queues", optarg, 1, QUEUES_MAX, &queues);
			break;
		case 'm':
			ret = parse_number("mbufs", optarg, MBUFS_MIN, MBUFS_MAX, &o->mbufs);
			break;
		case 'f':
			ret = parse_number("frame", optarg, FRAME_DEFAULT, FRAME_MAX, &o->frame);
			break;
		case 'p':
			ret = parse_mac("peer", optarg, &o->peer);
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
		fprintf(stderr, "bench-generator: unexpected argument \"%s\"\n", argv[optind]);
		ret = -EINVAL;
	}
	o->queues = (uint16_t)queues;
	return ret;
}
