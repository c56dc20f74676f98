# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Deliberate bugs of the vf datapath, as in mutations.py: (name, test, file, old, new)."""

RING, HEAD = "lib/vf/advq.c", "lib/vf/advq.h"
CARD, TALK, BOX = "lib/vf/card.c", "lib/vf/talk.c", "lib/vf/mailbox.c"
QUEUES = "lib/vf/port_queues.c"
BURST = "drivers/net/folio/folio_vf_burst.c"
WORDS, REGS = "unit:test_vf_advq", "unit:test_vf_card"
FRAMES, LIFE = "card:test_vf", "card:test_vf_life"

VF_BUGS = [
    ("vf: a frame as long as it says", WORDS, HEAD,
     "(word & (whole | q->errors)) == whole &&\n\t       len - FOLIO_ADVQ_FRAME_MIN <= max - "
     "FOLIO_ADVQ_FRAME_MIN", "(word & (whole | q->errors)) == whole && len + max > 0"),
    ("vf: a frame that does not end", WORDS, HEAD, "(word & (whole | q->errors)) == whole",
     "(word & (FOLIO_ADVQ_RX_DONE | q->errors)) == FOLIO_ADVQ_RX_DONE"),
    ("vf: a damaged frame", WORDS, HEAD, "(whole | q->errors)", "whole"),
    ("vf: the rest of a frame passes", WORDS, RING, "q->dropping = !ends;", "q->dropping = 0;"),
    ("vf: what is not done is judged", WORDS, RING,
     "\tif ((word & FOLIO_ADVQ_RX_DONE) == 0)\n\t\treturn FOLIO_ADVQ_NONE;\n\tif (q->dropping",
     "\tif (q->dropping"),
    ("vf: a slow frame that is too long", WORDS, RING, " || len > q->max_frame", ""),
    ("vf: the card's address stays", WORDS, HEAD,
     "\t\tfolio_put64(&d->addr, q->addr[q->head & q->mask]);\n", ""),
    ("vf: the card's word stays", WORDS, HEAD, "\t\tfolio_put64(&d->state, 0);\n", ""),
    ("vf: a frame is not padded", WORDS, HEAD, "\treturn FOLIO_ADVQ_PAD;\n", "\treturn len;\n"),
    ("vf: what is padded is what was there", WORDS, HEAD, "\t\tfolio_put64(&line[i], 0);\n", "\t\t;\n"),
    ("vf: nothing is reported", WORDS, HEAD, "FOLIO_ADVQ_TX_REPORT | last_len", "last_len"),
    ("vf: room for one more than there is", WORDS, HEAD,
     "uint32_t room = q->size - 1 - (q->tail - q->head);\n\n\tif (room < want) {",
     "uint32_t room = q->size - (q->tail - q->head);\n\n\tif (room < want) {"),
    ("vf: any answer will do", REGS, BOX, "\tif (said == (asked | FOLIO_MAILBOX_ACK))",
     "\tif ((said & FOLIO_MAILBOX_ACK) != 0)"),
    ("vf: an answer of any opcode refuses", REGS, BOX, "\tif (said == (asked | FOLIO_MAILBOX_NACK))",
     "\tif ((said & FOLIO_MAILBOX_NACK) != 0)"),
    ("vf: a message without clearance is none", REGS, BOX,
     "(word & FOLIO_MAILBOX_CTS) != 0 ?", "word != 0 ?"),
    ("vf: a reset of the physical function is not seen", REGS, BOX,
     "\tif ((v & (IN_RESET | WAS_RESET)) != 0)\n\t\treturn FOLIO_MAILBOX_RESET;\n"
     "\tif ((v & ANSWERED) == 0)", "\tif ((v & ANSWERED) == 0)"),
    ("vf: registers of ones are believed", REGS, BOX, " || v == UINT32_MAX", ""),
    ("vf: the mailbox is written without its lock", REGS, BOX,
     "return !*gone && (v & OURS) != 0;", "return !*gone;"),
    ("vf: a multicast address", REGS, TALK, " || (mac[0] & 1) != 0", ""),
    ("vf: an address of zeroes", REGS, TALK, "is_zero(mac) || ", ""),
    ("vf: queues as many as it says", REGS, TALK, "\tif (c->pairs > pairs)\n", ""),
    ("vf: no queues", REGS, TALK, "if (pairs == 0)", "if (pairs > UINT32_MAX - 1)"),
    ("vf: a refused length is none", REGS, TALK, "*ret = folio_fail(err, -EPROTO,",
     "*ret = 0 * folio_fail(err, -EPROTO,"),
    ("vf: an answer is waited for without end", REGS, TALK, "c->asked++ < ANSWER_TICKS",
     "c->asked < ANSWER_TICKS"),
    ("vf: a queue is waited for without end", REGS, CARD,
     "ret != -EAGAIN || now - c->since < PATIENCE", "ret != -EAGAIN || now > 0"),
    ("vf: bus mastering stays on", REGS, CARD, "c->loose = !c->regs->master(c->ctx, false);",
     "c->loose = false;"),
    ("vf: what cannot be stopped is called stopped", REGS, CARD,
     "c->loose = !c->regs->master(c->ctx, false);", "(void)c->regs->master(c->ctx, false);"),
    ("vf: counters are not differences", REGS, CARD, "(uint32_t)(now - c->seen[i])", "now"),
    ("vf: queues run before all are enabled", REGS, CARD,
     "if ((rx & tx & FOLIO_VF_RING_ENABLE) == 0)", "if ((rx | tx) == UINT32_MAX)"),
    ("vf: a card's word on checksums is passed on", FRAMES, BURST,
     "\t\tfolio_mbuf_fill(m, rearm, len);\n",
     "\t\tfolio_mbuf_fill(m, rearm, len);\n\t\tm->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;\n"),
    ("vf: frames longer than the port takes", FRAMES, BURST,
     "verdict == FOLIO_ADVQ_TAKE && folio_mbuf_takes(rq, len)", "verdict == FOLIO_ADVQ_TAKE"),
    ("vf: what is dropped is delivered", FRAMES, BURST, "verdict == FOLIO_ADVQ_TAKE && ", ""),
    ("vf: a row takes what is being dropped", FRAMES, BURST, "\tif (unlikely(from->dropping != 0))\n"
     "\t\treturn false;\n", ""),
    ("vf: the card is never told of buffers", FRAMES, BURST, "\tif (folio_advq_rx_tell(q, &tail))\n",
     "\tif (folio_advq_rx_tell(q, &tail) && n == 0)\n"),
    ("vf: a chain is its first segment", FRAMES, BURST, "folio_advq_buf(q, q->tail) + done,\n",
     "folio_advq_buf(q, q->tail),\n"),
    ("vf: a card that stands still is waited for", LIFE, QUEUES,
     "return ++end->stuck > STALLED_TICKS;", "return false;"),
]
