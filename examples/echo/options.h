/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>

#include <rte_byteorder.h>

#define OPTIONS_BURST_MAX 512

/** What stands behind the "--" that ends EAL's arguments. */
struct options {
	rte_be32_t ip;
	uint16_t port;
	uint16_t burst;
	uint16_t mtu; /**< 0: the port's */
};

/**
 * @param argv argv[0] is not looked at.
 * @return 0, 1 if help was asked for and printed, or a negative errno after an error message.
 */
int options_parse(int argc, char **argv, struct options *o);

#endif /* OPTIONS_H */
