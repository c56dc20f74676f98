/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef ORACLE_H
#define ORACLE_H

/*
 * What docs/wire-format.md makes of the values that a call loaded: written from the text, not from
 * the core, so that the two check each other. Both take the ring's end as it was before the call,
 * turn it into what it must be after the call, and fail if the call loaded anything else.
 */

#include "hook.h"
#include "native/ring.h"

#define ORACLE_BURST 64

struct oracle_burst {
	uint32_t n;			/* frames that were handed over */
	uint32_t len[ORACLE_BURST];	/* of each */
	uint32_t at[ORACLE_BURST];	/* its first slot */
	bool published;			/* our index was written */
	int result;			/* of folio_send() */
};

/* folio_recv() with n buffers of such room. */
void oracle_recv(struct folio_cons *c, const uint32_t *room, uint32_t n, const struct hook_log *log,
		 struct oracle_burst *out);

/* folio_send() of n frames of such lengths. */
void oracle_send(struct folio_prod *p, const uint32_t *len, uint32_t n, const struct hook_log *log,
		 struct oracle_burst *out);

/* The end is what the oracle says, and sound by itself. */
void oracle_same_cons(const struct folio_cons *is, const struct folio_cons *should);
void oracle_same_prod(const struct folio_prod *is, const struct folio_prod *should);

#endif /* ORACLE_H */
