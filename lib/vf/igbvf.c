/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* 82576 and I350 (Intel's data sheets, chapters on virtual functions). */

#include "vf/family.h"

const struct folio_vf_family folio_igbvf = {
	.name = "igbvf",
	.mailbox = 0x0c40,
	.memory = 0x0800,
	.rx = 0x2800,
	.tx = 0x3800,
	.step = 0x100,
	.buffers = 0x0c,
	.buffers_form = 0x82000000,
	.kib_max = 127,
	/* Write back each descriptor at once: an erratum of the 82576's functions asks for it. */
	.rx_control = 16 | 8 << 8 | 1 << 16,
	.tx_control = 8 | 1 << 8 | 1 << 16,
	.write_back = 0x38,
	.no_interrupts = 0x1528,
	.link = 0x0008,
	.link_up = 0x2,
	.rx_packets = 0x0f10,
	.tx_packets = 0x0f14,
	.errors = 0x97000000, /* not the three of checksums */
	.pairs = 2,
	.reset_words = 3,
	.late_head = true,
	.multicast = {0x00020006},
};
