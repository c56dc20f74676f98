/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef TOUCH_H
#define TOUCH_H

/**
 * @file
 * What touching a payload means: an application that makes its packets writes every byte, one that
 * uses them loads every byte. In whole cache lines, which costs the least beside what is measured.
 */

#include <stdint.h>

#include <rte_mbuf.h>

/** For one instruction set. */
struct touch {
	const char *isa;

	/** Write all behind the headers of frames that are one mbuf each, from a buffer's start. */
	void (*write)(struct rte_mbuf **pkts, uint32_t n, uint64_t value);

	/** Load all of received frames. Returns the sum, so that the loads are needed. */
	uint64_t (*read)(struct rte_mbuf **pkts, uint32_t n);
};

/** The widest that this CPU has, up to 256 bit: wider ones could slow down what is measured. */
const struct touch *touch_select(void);

#endif /* TOUCH_H */
