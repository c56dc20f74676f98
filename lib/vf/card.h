/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VF_CARD_H
#define FOLIO_VF_CARD_H

/*
 * A virtual function from the driver's side: reset, what is agreed on with its physical function,
 * its queues, and what to do when any of it fails. A state machine that the control thread ticks; no
 * call waits, and every state that waits for somebody has a deadline. Neither the card nor the
 * physical function's driver is trusted: each register and message is read once.
 *
 *	DOWN -> RESET -> TALK -> PREPARE -> ENABLE -> UP -> SHUTTING -> DOWN
 *
 * An error or a deadline anywhere stops the card and begins again after a pause, which doubles from
 * 100 ms to 2 s. In DOWN its queues are disabled, it was reset, and its bus mastering is off; if the
 * last could not be seen, `loose` is set, and whoever owns the memory has to have it stopped
 * otherwise.
 *
 * Control thread only.
 */

#include <folio.h>

#include "vf/family.h"
#include "vf/mailbox.h"

enum folio_card_state {
	FOLIO_CARD_DOWN,
	FOLIO_CARD_RESET,
	FOLIO_CARD_TALK,
	FOLIO_CARD_PREPARE, /* the owner sets rings up and calls folio_card_prepared() */
	FOLIO_CARD_ENABLE,
	FOLIO_CARD_UP,
	FOLIO_CARD_SHUTTING, /* the owner shuts its gates and calls folio_card_quiet() */
};

/* What the owner is to do after a tick. */
enum folio_card_action {
	FOLIO_CARD_NOTHING,
	FOLIO_CARD_SET_UP, /* zero and fill the rings of card->pairs pairs */
	FOLIO_CARD_OPEN,   /* bursts may run */
	FOLIO_CARD_SHUT,   /* no burst may run; then folio_card_quiet() */
};

struct folio_card_wants {
	uint32_t pairs;	    /* most */
	uint32_t size;	    /* descriptors of a ring */
	uint32_t kib;	    /* of a receive buffer, at most family->kib_max */
	uint32_t frame_max; /* longest frame, with two VLAN tags, without its checksum */
	uint8_t mac[6];	    /* zeroes: whatever it has */
};

/* Device addresses of a pair's rings. */
struct folio_card_rings {
	uint64_t rx;
	uint64_t tx;
};

struct folio_card {
	const struct folio_vf_family *family;
	const struct folio_vf_regs *regs;
	void *ctx;
	struct folio_mailbox mailbox;
	struct folio_card_wants wants;
	enum folio_card_state state;
	bool wanted, leave, failed, answered, lost, loose;
	bool link;	   /* the card's own word, while UP */
	bool has_mac;	   /* the physical function has given this one */
	uint8_t mac[6];
	uint8_t told[6];   /* the address that it was asked for in this session */
	uint32_t asked;	   /* ticks since, while UP and not answered; 0: nothing is asked */
	uint32_t pairs;
	uint32_t message;  /* at hand, in TALK */
	uint32_t offer;	   /* which version of messages is offered */
	uint32_t api;	   /* that was agreed on */
	struct folio_card_rings rings[FOLIO_VF_PAIRS_MAX];
	uint64_t since;	   /* ms, when the state was entered */
	uint64_t retry_at; /* ms */
	uint32_t pause;	   /* ms */
	uint32_t ticks;	   /* since UP */
	uint32_t seen[2];  /* counters of received and sent frames, as last read */
	uint64_t frames[2];/* what they grew by: the card's word */
	uint64_t resets;   /* counted: a card that ran was given up */
	uint64_t bad_answers; /* counted: what the physical function said made no sense */
	uint64_t refusals; /* counted: it did not want what it was asked for */
	struct folio_error detail; /* why it is not up; empty: it is, or nobody wants it */
};

void folio_card_init(struct folio_card *c, const struct folio_vf_family *family,
		     const struct folio_vf_regs *regs, void *ctx);

/* As of folio_virtio_device_start() and its companions (virtio/device.h). */
void folio_card_start(struct folio_card *c, const struct folio_card_wants *wants);
void folio_card_stop(struct folio_card *c);
enum folio_card_action folio_card_tick(struct folio_card *c, uint64_t now);
void folio_card_prepared(struct folio_card *c);
void folio_card_quiet(struct folio_card *c);
void folio_card_fail(struct folio_card *c, const char *why);

/* Stop the card whatever its state: for the end. No burst is inside. */
void folio_card_end(struct folio_card *c);

/* The port has another address: the physical function is asked for it, now if the card is UP. */
void folio_card_set_mac(struct folio_card *c, const uint8_t mac[6]);

/* The address that the physical function has given. False: none yet. */
bool folio_card_mac(const struct folio_card *c, uint8_t mac[6]);

/* Offset of a queue's tail register. */
static inline uint32_t
folio_card_tail(const struct folio_vf_family *f, bool rx, uint32_t q)
{
	return (rx ? f->rx : f->tx) + q * f->step + FOLIO_VF_RING_TAIL;
}

/* For card.c, in talk.c: one message after the other. 0: all were had; -EAGAIN, or an error. */
int folio_card_talk(struct folio_card *c, struct folio_error *err);
void folio_card_talk_begin(struct folio_card *c);

/* In talk.c: a look at the mailbox of a card that is UP. 0, or an error: it is to be reset. */
int folio_card_listen(struct folio_card *c, struct folio_error *err);

/* In card.c: it did not answer. */
int folio_card_gone(struct folio_card *c, struct folio_error *err);

#endif /* FOLIO_VF_CARD_H */
