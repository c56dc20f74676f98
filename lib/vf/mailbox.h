/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VF_MAILBOX_H
#define FOLIO_VF_MAILBOX_H

/*
 * How a virtual function asks its physical function for what only that may do: 64 bytes of memory in
 * the card, and a register in which both say whose it is (82576 and 82599 data sheets, "Mailbox").
 * The driver of the physical function is the host's, and is not trusted: an answer is copied once,
 * and is one to what was asked, or none.
 *
 * No call waits. Control thread only.
 */

#include <stdbool.h>
#include <stdint.h>

#define FOLIO_MAILBOX_WORDS 16u

/* Of a message's first word: what it says about itself. */
#define FOLIO_MAILBOX_ACK UINT32_C(0x80000000)
#define FOLIO_MAILBOX_NACK UINT32_C(0x40000000)
#define FOLIO_MAILBOX_CTS UINT32_C(0x20000000) /* the physical function takes requests */

/* How the registers are reached, and whether the function may use memory. False: it is gone. */
struct folio_vf_regs {
	bool (*read)(void *ctx, uint32_t reg, uint32_t *value);
	bool (*write)(void *ctx, uint32_t reg, uint32_t value);
	/* Switch bus mastering, and see that it was done. */
	bool (*master)(void *ctx, bool on);
};

enum folio_mailbox_answer {
	FOLIO_MAILBOX_PENDING,
	FOLIO_MAILBOX_DONE,
	FOLIO_MAILBOX_REFUSED,
	FOLIO_MAILBOX_WRONG, /* it answers what was not asked */
	FOLIO_MAILBOX_RESET, /* the physical function is being reset, or has been */
	FOLIO_MAILBOX_GONE,  /* all ones, or not to be reached */
};

enum folio_mailbox_step {
	FOLIO_MAILBOX_IDLE,
	FOLIO_MAILBOX_LOCK, /* the memory is to become ours */
	FOLIO_MAILBOX_TAKEN,/* the physical function is to have seen it */
	FOLIO_MAILBOX_READ, /* its answer is to be there */
};

struct folio_mailbox {
	const struct folio_vf_regs *regs;
	void *ctx;
	uint32_t reg;
	uint32_t memory;
	uint32_t latched; /* bits that are cleared by reading, and wait to be looked at */
	enum folio_mailbox_step step;
	uint32_t len;
	uint32_t request[FOLIO_MAILBOX_WORDS];
	uint32_t answer[FOLIO_MAILBOX_WORDS]; /* a private copy, when DONE or REFUSED */
};

void folio_mailbox_init(struct folio_mailbox *m, const struct folio_vf_regs *regs, void *ctx,
			uint32_t reg, uint32_t memory);

/* Forget what was asked and what was seen. */
void folio_mailbox_clear(struct folio_mailbox *m);

/* Is the physical function out of its reset? DONE, RESET or GONE. */
enum folio_mailbox_answer folio_mailbox_ready(struct folio_mailbox *m);

/* Ask. The answer to the one before was had. len: 1 to FOLIO_MAILBOX_WORDS, for both. */
void folio_mailbox_ask(struct folio_mailbox *m, const uint32_t *words, uint32_t len);

/* Go on with it, some register accesses at most. */
enum folio_mailbox_answer folio_mailbox_look(struct folio_mailbox *m);

/* Nothing was asked: has the physical function something to say? DONE: no, or all is well. */
enum folio_mailbox_answer folio_mailbox_watch(struct folio_mailbox *m);

#endif /* FOLIO_VF_MAILBOX_H */
