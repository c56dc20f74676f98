/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>

#include <rte_ether.h>

#define QUEUES_MAX 16
#define MBUFS_MIN 1024
#define MBUFS_MAX (1U << 20)

/** What stands behind the "--" that ends EAL's arguments. */
struct options {
	uint16_t queues;
	uint32_t mbufs;
	uint32_t frame; /**< the longest, without checksum */
	struct rte_ether_addr peer; /**< whom frames are for */
};

/**
 * @param argv argv[0] is not looked at.
 * @return 0, 1 if help was asked for and printed, or a negative errno after an error message.
 */
int options_parse(int argc, char **argv, struct options *o);

#endif /* OPTIONS_H */
