/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef COPIES_H
#define COPIES_H

/*
 * The copy kernels with a peer that rewrites the source while it is copied: linked with
 * --wrap=folio_copy_select, every user of the core gets these. Only where a peer can write, and
 * only while it is hostile.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Did that happen since the last time this was asked? Then what arrived is some mixture. */
bool copies_under_fire(void);

/*
 * The content of frame `number`: reproducible, and different at every offset. copies_frame() makes
 * one of exactly len bytes on the heap; copies_is_frame() compares.
 */
void copies_fill(uint8_t *data, uint32_t number, uint32_t len);
uint8_t *copies_frame(uint32_t number, uint32_t len);
bool copies_is_frame(const uint8_t *data, uint32_t number, uint32_t len);

/* Buffers before they are received into, and what must be left of that. */
#define COPIES_CANARY 0xc5
bool copies_untouched(const uint8_t *from, const uint8_t *to);

#endif /* COPIES_H */
