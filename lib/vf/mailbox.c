/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <string.h>

#include "vf/mailbox.h"

/* The register. */
#define REQUEST 0x01u
#define ACKNOWLEDGE 0x02u
#define OURS 0x04u
#define ANSWERED 0x10u
#define TAKEN 0x20u
#define IN_RESET 0x40u
#define WAS_RESET 0x80u
#define ONCE (ANSWERED | TAKEN | WAS_RESET) /* cleared by reading */

/* A message that nobody asked for: the link may have changed, or the physical function its mind. */
#define CONTROL 0x0100u
#define OPCODE 0xffffu
#define INFO 0x00ff0000u /* belongs to the opcode; Linux's igb does not always send it back */

/* Messages of this kind that are passed over in one look. */
#define CONTROLS 4

void
folio_mailbox_init(struct folio_mailbox *m, const struct folio_vf_regs *regs, void *ctx,
		   uint32_t reg, uint32_t memory)
{
	memset(m, 0, sizeof(*m));
	m->regs = regs;
	m->ctx = ctx;
	m->reg = reg;
	m->memory = memory;
}

void
folio_mailbox_clear(struct folio_mailbox *m)
{
	m->step = FOLIO_MAILBOX_IDLE;
	m->latched = 0;
}

/* What it says now, and what it said and nobody has looked at. False: gone. */
static bool
look(struct folio_mailbox *m, uint32_t *value)
{
	uint32_t v;

	if (!m->regs->read(m->ctx, m->reg, &v) || v == UINT32_MAX)
		return false;
	m->latched |= v & ONCE;
	*value = v | m->latched;
	return true;
}

/* True: the memory is ours until the register is written again. */
static bool
lock(struct folio_mailbox *m, bool *gone)
{
	uint32_t v = 0;

	*gone = !m->regs->write(m->ctx, m->reg, OURS) || !look(m, &v);
	return !*gone && (v & OURS) != 0;
}

static bool
send(struct folio_mailbox *m)
{
	uint32_t i;

	m->latched &= ~(ANSWERED | TAKEN); /* of earlier messages */
	for (i = 0; i < m->len; i++) {
		if (!m->regs->write(m->ctx, m->memory + 4 * i, m->request[i]))
			return false;
	}
	return m->regs->write(m->ctx, m->reg, REQUEST);
}

/* Copy a message, once, and say so. */
static enum folio_mailbox_answer
receive(struct folio_mailbox *m, uint32_t *words, uint32_t len)
{
	bool gone;
	uint32_t i;

	if (!lock(m, &gone))
		return gone ? FOLIO_MAILBOX_GONE : FOLIO_MAILBOX_PENDING;
	for (i = 0; i < len; i++) {
		if (!m->regs->read(m->ctx, m->memory + 4 * i, &words[i]))
			return FOLIO_MAILBOX_GONE;
	}
	m->latched &= ~ANSWERED;
	return m->regs->write(m->ctx, m->reg, ACKNOWLEDGE) ? FOLIO_MAILBOX_DONE :
							    FOLIO_MAILBOX_GONE;
}

enum folio_mailbox_answer
folio_mailbox_ready(struct folio_mailbox *m)
{
	uint32_t v;

	if (!look(m, &v))
		return FOLIO_MAILBOX_GONE;
	m->latched = 0;
	return (v & (IN_RESET | WAS_RESET)) != 0 ? FOLIO_MAILBOX_RESET : FOLIO_MAILBOX_DONE;
}

void
folio_mailbox_ask(struct folio_mailbox *m, const uint32_t *words, uint32_t len)
{
	memcpy(m->request, words, len * sizeof(*words));
	m->len = len;
	m->step = FOLIO_MAILBOX_LOCK;
}

/* The physical function is not trusted: anything else than what was asked, and yes or no, is wrong. */
static enum folio_mailbox_answer
judge(struct folio_mailbox *m)
{
	uint32_t said = m->answer[0] & ~(FOLIO_MAILBOX_CTS | INFO);
	uint32_t asked = m->request[0] & ~INFO;

	m->step = FOLIO_MAILBOX_IDLE;
	if (said == (asked | FOLIO_MAILBOX_ACK))
		return FOLIO_MAILBOX_DONE;
	if (said == (asked | FOLIO_MAILBOX_NACK))
		return FOLIO_MAILBOX_REFUSED;
	return FOLIO_MAILBOX_WRONG;
}

static enum folio_mailbox_answer
read_answer(struct folio_mailbox *m)
{
	enum folio_mailbox_answer got;
	uint32_t v;
	int i;

	for (i = 0; i < CONTROLS; i++) {
		if (!look(m, &v))
			return FOLIO_MAILBOX_GONE;
		if ((v & ANSWERED) == 0)
			return FOLIO_MAILBOX_PENDING;
		got = receive(m, m->answer, m->len);
		if (got != FOLIO_MAILBOX_DONE)
			return got;
		if ((m->answer[0] & OPCODE) != CONTROL)
			return judge(m);
	}
	return FOLIO_MAILBOX_PENDING;
}

enum folio_mailbox_answer
folio_mailbox_look(struct folio_mailbox *m)
{
	bool gone;
	uint32_t v;

	if (m->step == FOLIO_MAILBOX_LOCK) {
		if (!lock(m, &gone))
			return gone ? FOLIO_MAILBOX_GONE : FOLIO_MAILBOX_PENDING;
		if (!send(m))
			return FOLIO_MAILBOX_GONE;
		m->step = FOLIO_MAILBOX_TAKEN;
	}
	if (!look(m, &v))
		return FOLIO_MAILBOX_GONE;
	if ((v & IN_RESET) != 0)
		return FOLIO_MAILBOX_RESET;
	if (m->step == FOLIO_MAILBOX_TAKEN && (v & TAKEN) != 0) {
		m->latched &= ~TAKEN;
		m->step = FOLIO_MAILBOX_READ;
	}
	return m->step == FOLIO_MAILBOX_READ ? read_answer(m) : FOLIO_MAILBOX_PENDING;
}

enum folio_mailbox_answer
folio_mailbox_watch(struct folio_mailbox *m)
{
	enum folio_mailbox_answer got;
	uint32_t v, word;

	if (!look(m, &v))
		return FOLIO_MAILBOX_GONE;
	if ((v & (IN_RESET | WAS_RESET)) != 0)
		return FOLIO_MAILBOX_RESET;
	if ((v & ANSWERED) == 0)
		return FOLIO_MAILBOX_DONE;
	got = receive(m, &word, 1);
	if (got != FOLIO_MAILBOX_DONE)
		return got == FOLIO_MAILBOX_PENDING ? FOLIO_MAILBOX_DONE : got;
	/* Who does not say that he takes requests has forgotten us. */
	return (word & FOLIO_MAILBOX_CTS) != 0 ? FOLIO_MAILBOX_DONE : FOLIO_MAILBOX_RESET;
}
