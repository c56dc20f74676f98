/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef MESSAGE_H
#define MESSAGE_H

/**
 * @file
 * What two generators tell each other, in frames of their own between those that are measured:
 * requests, and an answer to each. Whatever comes from the network is checked here.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include "count.h"

#define MESSAGE_LEN 128 /**< of a frame */
#define MESSAGE_ETHER_TYPE 0x88b5 /**< IEEE: local experiments */

enum message_kind {
	MESSAGE_REQUEST = 1,
	MESSAGE_ANSWER = 2,
};

enum message_op {
	MESSAGE_RECEIVE = 1,
	MESSAGE_ECHO,
	MESSAGE_SEND,
	MESSAGE_BOTH,
	MESSAGE_COUNT,
	MESSAGE_STOP,
	MESSAGE_NEXT,
	MESSAGE_QUIT,
};

enum message_value {
	MESSAGE_BURST,
	MESSAGE_SIZE,
	MESSAGE_TOUCH,
	MESSAGE_MS,
	MESSAGE_VALUES,
};

struct message {
	enum message_kind kind;
	enum message_op op;
	bool refused;	   /**< an answer to a request that is not allowed */
	uint32_t asker;	   /**< a random number, another one for each start of a program */
	uint32_t sequence; /**< of a request, also when it is repeated, and of its answer */
	uint32_t frame;	   /**< the longest that the sender takes */
	uint32_t value[MESSAGE_VALUES]; /**< of a request; 0 where the operation has none */
	struct counters count;
	uint64_t ns; /**< the sender's clock at counting */
	struct rte_ether_addr src;
	struct rte_ether_addr dst;
};

/** @param frame MESSAGE_LEN bytes. */
void message_write(uint8_t *frame, const struct message *m);

/**
 * @param frame At least MESSAGE_LEN bytes are read if len says that they are there.
 * @return Whether this is a message, of our version, and its kind and operation are known. Nothing
 * is known about the values.
 */
bool message_read(const uint8_t *frame, uint32_t len, struct message *m);

#endif /* MESSAGE_H */
