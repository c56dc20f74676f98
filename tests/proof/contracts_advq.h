/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_PROOF_CONTRACTS_ADVQ_H
#define FOLIO_PROOF_CONTRACTS_ADVQ_H

/*
 * Contracts of lib/vf/advq.[ch] for WP, for rings of every size: a frame that is taken as a whole is
 * no longer than is asked for, and what is free is what the card has not.
 */

#include "vf/advq.h"

/*@ requires \true;
    assigns \nothing;
    ensures \result == (uint16_t)(word >> 32);
*/
static uint32_t folio_advq_rx_len(uint64_t word);

/*@ requires \valid_read(q) && 14 <= max <= 65535;
    assigns \nothing;
    ensures fits: \result != 0 ==> 14 <= (uint16_t)(word >> 32) <= max;
*/
static bool folio_advq_rx_is_plain(const struct folio_advq *q, uint64_t word, uint32_t max);

#endif /* FOLIO_PROOF_CONTRACTS_ADVQ_H */
