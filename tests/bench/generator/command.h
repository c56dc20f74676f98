/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef COMMAND_H
#define COMMAND_H

/**
 * @file
 * Commands as text, "send size=64 burst=32 touch=1", and as messages to a peer.
 */

#include <stdbool.h>
#include <stdint.h>

#include "message.h"

#define BURST_MAX 512
#define COMMAND_ERROR_MAX 256

enum op {
	OP_BOTH,
	OP_COUNT,
	OP_ECHO,
	OP_LATENCY,
	OP_LINK,
	OP_LOOP,
	OP_NEXT,
	OP_QUIT,
	OP_RECEIVE,
	OP_RESPOND,
	OP_SEND,
	OP_STOP,
	OPS,
};

enum key {
	KEY_BURST,
	KEY_INJECT,
	KEY_MS,
	KEY_RATE,
	KEY_SECONDS, /* as milliseconds */
	KEY_SIZE,
	KEY_TOUCH,
	KEYS,
};

struct command {
	enum op op;
	bool remote; /**< the peer is to do it */
	uint64_t value[KEYS]; /**< where the command takes one: what was given, or the default */
};

/**
 * @param line Is cut into pieces.
 * @param frame The longest frame.
 * @param error Where to put what is wrong, COMMAND_ERROR_MAX bytes.
 * @return 0, or a negative errno.
 */
int command_parse(char *line, uint32_t frame, struct command *c, char *error);

const char *command_name(enum op op);

/** Add a remote command to a message. */
void command_to_message(const struct command *c, struct message *m);

/** @return Whether it is allowed. Nobody has looked at the message's values before. */
bool command_from_message(const struct message *m, uint32_t frame, struct command *c);

#endif /* COMMAND_H */
