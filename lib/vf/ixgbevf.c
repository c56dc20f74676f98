/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* 82599, X540 and X550 (Intel's data sheets, chapters on virtual functions). */

#include "vf/family.h"

/* Large receive, and hints to caches: off. */
static const uint32_t survivors[] = {0x0c, 0x2c};

const struct folio_vf_family folio_ixgbevf = {
	.name = "ixgbevf",
	.mailbox = 0x02fc,
	.memory = 0x0200,
	.rx = 0x1000,
	.tx = 0x2000,
	.step = 0x40,
	.buffers = 0x14,
	.buffers_form = 0x12000000,
	.kib_max = 16,
	.tx_control = 32 | 1 << 8,
	.write_back = 0x38,
	.no_interrupts = 0x010c,
	.link = 0x0010,
	.link_up = 0x40000000,
	.rx_packets = 0x101c,
	.tx_packets = 0x201c,
	.errors = 0x3b000000,
	.pairs = FOLIO_VF_PAIRS_MAX,
	.reset_words = 4,
	.apis = 4,
	.api = {4, 3, 2, 0}, /* 1.3, 1.2, 1.1, 1.0 */
	.api_queues = 2,
	.api_multicast = 3,
	.multicast = {0x0c, 2},
	.clear = survivors,
	.clears = sizeof(survivors) / sizeof(survivors[0]),
};
