/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* What a virtual function and its physical function have to say to each other. */

#include <errno.h>
#include <string.h>

#include "count.h"
#include "error.h"
#include "vf/card.h"

/* Opcodes. The first five are the same in both families. */
#define RESET 0x01u
#define SET_MAC 0x02u
#define SET_LONGEST 0x05u
#define SET_API 0x08u
#define GET_QUEUES 0x09u

/* What the longest frame is counted with (its checksum) and without (VLAN tags). */
#define CHECKSUM 4u
#define TAGS 8u
#define LONGEST_MIN 1518u

/* Messages that one call gets answers to. */
#define AT_ONCE 4

/* Ticks for the answer to a new address. */
#define ANSWER_TICKS 150u

/* In the order in which they are sent. */
enum message {
	TELL_RESET,
	TELL_API,
	ASK_QUEUES,
	TELL_MAC,
	TELL_LONGEST,
	TELL_MULTICAST,
	MESSAGES,
};

static bool
is_zero(const uint8_t mac[6])
{
	static const uint8_t zero[6];

	return memcmp(mac, zero, sizeof(zero)) == 0;
}

/* A frame's limit as cards count it. */
static uint32_t
longest(const struct folio_card *c)
{
	uint32_t len = c->wants.frame_max - TAGS + CHECKSUM;

	return len > LONGEST_MIN ? len : LONGEST_MIN;
}

static uint32_t
mac_message(const struct folio_card *c, uint32_t *words)
{
	words[0] = SET_MAC;
	memcpy(&words[1], c->wants.mac, sizeof(c->wants.mac));
	return 3;
}

/* The message at hand. Returns its length, 0 if this card needs none. */
static uint32_t
compose(const struct folio_card *c, uint32_t *words)
{
	const struct folio_vf_family *f = c->family;

	memset(words, 0, FOLIO_MAILBOX_WORDS * sizeof(*words));
	switch (c->message) {
	case TELL_RESET:
		words[0] = RESET;
		return f->reset_words;
	case TELL_API:
		words[0] = SET_API;
		words[1] = f->api[c->offer];
		return c->offer < f->apis ? 3 : 0;
	case ASK_QUEUES:
		words[0] = GET_QUEUES;
		return f->apis > 0 && c->api >= f->api_queues ? 5 : 0;
	case TELL_MAC:
		if (is_zero(c->wants.mac) ||
		    (c->has_mac && memcmp(c->wants.mac, c->mac, sizeof(c->mac)) == 0))
			return 0;
		return mac_message(c, words);
	case TELL_LONGEST:
		words[0] = SET_LONGEST;
		words[1] = longest(c);
		return 2;
	default:
		words[0] = f->multicast[0];
		words[1] = f->multicast[1];
		if (f->apis > 0 && c->api < f->api_multicast)
			return 0;
		return words[1] != 0 ? 2 : 1;
	}
}

static int
bad(struct folio_card *c, struct folio_error *err, const char *what)
{
	folio_count(&c->bad_answers);
	return folio_fail(err, -EPROTO, "its physical function answers %s", what);
}

/* The physical function is not trusted: an address that nobody can have is none. */
static int
take_mac(struct folio_card *c, const uint32_t *answer, struct folio_error *err)
{
	uint8_t mac[6];

	memcpy(mac, &answer[1], sizeof(mac));
	if (is_zero(mac) || (mac[0] & 1) != 0)
		return bad(c, err, "with an address that is zero or multicast");
	memcpy(c->mac, mac, sizeof(mac));
	c->has_mac = true;
	return 0;
}

static int
take_queues(struct folio_card *c, const uint32_t *answer, struct folio_error *err)
{
	uint32_t tx = answer[1], rx = answer[2], pairs = tx < rx ? tx : rx;

	if (pairs == 0)
		return bad(c, err, "that there are no queues");
	if (c->pairs > pairs)
		c->pairs = pairs;
	return 0;
}

/* It says yes. */
static int
agree(struct folio_card *c, const uint32_t *answer, struct folio_error *err)
{
	switch (c->message) {
	case TELL_RESET:
		return take_mac(c, answer, err);
	case TELL_API:
		c->api = c->family->api[c->offer];
		return 0;
	case ASK_QUEUES:
		return take_queues(c, answer, err);
	default:
		return 0;
	}
}

/* It says no. Returns true if the same message is to be sent in another way. */
static bool
refused(struct folio_card *c, int *ret, struct folio_error *err)
{
	switch (c->message) {
	case TELL_RESET: /* it has no address for us */
		return false;
	case TELL_API:
		return ++c->offer < c->family->apis;
	case ASK_QUEUES:
		c->pairs = 1;
		return false;
	case TELL_LONGEST:
		*ret = folio_fail(err, -EPROTO,
				  "its physical function refuses frames of %u bytes: give that a "
				  "larger MTU, or the port a smaller one", longest(c));
		return false;
	default: /* it keeps its address, or gets fewer multicast frames */
		folio_count(&c->refusals);
		return false;
	}
}

void
folio_card_talk_begin(struct folio_card *c)
{
	folio_mailbox_clear(&c->mailbox);
	c->message = TELL_RESET;
	c->offer = 0;
	c->api = 0;
	c->has_mac = false;
	c->asked = 0;
	memcpy(c->told, c->wants.mac, sizeof(c->told));
	c->pairs = c->wants.pairs < c->family->pairs ? c->wants.pairs : c->family->pairs;
}

/* An answer after which the card is to be reset. */
static int
give_up(struct folio_card *c, enum folio_mailbox_answer answer, struct folio_error *err)
{
	switch (answer) {
	case FOLIO_MAILBOX_WRONG:
		return bad(c, err, "what was not asked");
	case FOLIO_MAILBOX_RESET:
		return folio_fail(err, -ECONNRESET, "its physical function is being reset");
	default:
		return folio_card_gone(c, err);
	}
}

/* Go on with the message at hand. 0: it was answered, or is not needed. */
static int
step(struct folio_card *c, struct folio_error *err)
{
	uint32_t words[FOLIO_MAILBOX_WORDS], len;
	enum folio_mailbox_answer answer;
	int ret = 0;

	if (c->mailbox.step == FOLIO_MAILBOX_IDLE) {
		len = compose(c, words);
		if (len == 0)
			return 0;
		folio_mailbox_ask(&c->mailbox, words, len);
	}
	answer = folio_mailbox_look(&c->mailbox);
	switch (answer) {
	case FOLIO_MAILBOX_PENDING:
		return folio_fail(err, -EAGAIN, "its physical function has not answered message "
				  "0x%x: is that up, with a driver?", c->mailbox.request[0]);
	case FOLIO_MAILBOX_DONE:
		return agree(c, c->mailbox.answer, err);
	case FOLIO_MAILBOX_REFUSED:
		return refused(c, &ret, err) ? step(c, err) : ret;
	default:
		return give_up(c, answer, err);
	}
}

int
folio_card_talk(struct folio_card *c, struct folio_error *err)
{
	int i, ret;

	for (i = 0; i < AT_ONCE; i++) {
		ret = step(c, err);
		if (ret != 0)
			return ret;
		if (++c->message == MESSAGES)
			return 0;
	}
	return folio_fail(err, -EAGAIN, "its physical function has answered %u messages",
			  c->message);
}

/* The answer to a new address. It is the same to us whatever it is: the card's filter is its own. */
static int
finish_mac(struct folio_card *c, struct folio_error *err)
{
	enum folio_mailbox_answer answer = folio_mailbox_look(&c->mailbox);

	switch (answer) {
	case FOLIO_MAILBOX_PENDING:
		if (c->asked++ < ANSWER_TICKS)
			return 0;
		return folio_fail(err, -ETIMEDOUT, "its physical function does not answer");
	case FOLIO_MAILBOX_REFUSED:
		folio_count(&c->refusals);
		/* fall through */
	case FOLIO_MAILBOX_DONE:
		c->asked = 0;
		return 0;
	default:
		return give_up(c, answer, err);
	}
}

int
folio_card_listen(struct folio_card *c, struct folio_error *err)
{
	uint32_t words[FOLIO_MAILBOX_WORDS] = {0};

	if (c->asked != 0)
		return finish_mac(c, err);
	if (!is_zero(c->wants.mac) && memcmp(c->wants.mac, c->told, sizeof(c->told)) != 0) {
		folio_mailbox_ask(&c->mailbox, words, mac_message(c, words));
		memcpy(c->told, c->wants.mac, sizeof(c->told));
		c->asked = 1;
		return finish_mac(c, err);
	}
	switch (folio_mailbox_watch(&c->mailbox)) {
	case FOLIO_MAILBOX_DONE:
		return 0;
	case FOLIO_MAILBOX_GONE:
		return folio_card_gone(c, err);
	default:
		return folio_fail(err, -ECONNRESET, "its physical function was reset");
	}
}
