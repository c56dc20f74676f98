/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "frame.h"

#define BLANKS " \t\r\n"
#define BIT(key) (1U << (key))

struct key_def {
	const char *name;
	uint64_t min;
	uint64_t max;
	uint64_t initial;
};

struct op_def {
	const char *name;
	uint32_t needed; /* keys, as bits */
	uint32_t optional;
	uint32_t remote_needed; /* the peer needs these as well */
	enum message_op message; /* 0: not for a peer */
	bool only_remote;
};

static const struct key_def keys[KEYS] = {
	[KEY_BURST] = {"burst", 1, BURST_MAX, 32},
	[KEY_INJECT] = {"inject", 1, 1 << 16, 512},
	[KEY_MS] = {"ms", 1, 60000, 1},
	[KEY_RATE] = {"rate", 0, 1000000000, 0},
	[KEY_SECONDS] = {"seconds", 10, 60000, 1000},
	[KEY_SIZE] = {"size", FRAME_MIN, FRAME_MAX, FRAME_MIN}, /* a port's frames may be shorter */
	[KEY_TOUCH] = {"touch", 0, 1, 0},
};

#define TRAFFIC_KEYS (BIT(KEY_BURST) | BIT(KEY_TOUCH))

static const struct op_def ops[OPS] = {
	[OP_BOTH] = {"both", BIT(KEY_SIZE), TRAFFIC_KEYS, BIT(KEY_MS), MESSAGE_BOTH, false},
	[OP_COUNT] = {"count", 0, 0, 0, MESSAGE_COUNT, false},
	[OP_ECHO] = {"echo", 0, TRAFFIC_KEYS, 0, MESSAGE_ECHO, false},
	[OP_LATENCY] = {"latency", BIT(KEY_SIZE), BIT(KEY_BURST) | BIT(KEY_RATE) | BIT(KEY_SECONDS),
			0, 0, false},
	[OP_LINK] = {"link", 0, 0, 0, 0, false},
	[OP_LOOP] = {"loop", BIT(KEY_SIZE), TRAFFIC_KEYS | BIT(KEY_INJECT), 0, 0, false},
	[OP_NEXT] = {"next", 0, 0, 0, MESSAGE_NEXT, true},
	[OP_QUIT] = {"quit", 0, 0, 0, MESSAGE_QUIT, false},
	[OP_RECEIVE] = {"receive", 0, TRAFFIC_KEYS, 0, MESSAGE_RECEIVE, false},
	[OP_RESPOND] = {"respond", 0, 0, 0, 0, false},
	[OP_SEND] = {"send", BIT(KEY_SIZE), TRAFFIC_KEYS, BIT(KEY_MS), MESSAGE_SEND, false},
	[OP_STOP] = {"stop", 0, 0, 0, MESSAGE_STOP, false},
};

/* The values of a message, in their order there. */
static const enum key message_keys[MESSAGE_VALUES] = {
	[MESSAGE_BURST] = KEY_BURST,
	[MESSAGE_MS] = KEY_MS,
	[MESSAGE_SIZE] = KEY_SIZE,
	[MESSAGE_TOUCH] = KEY_TOUCH,
};

static bool
is_for(enum op op, bool remote)
{
	return remote ? ops[op].message != 0 : !ops[op].only_remote;
}

static uint32_t
needed_keys(enum op op, bool remote)
{
	return ops[op].needed | (remote ? ops[op].remote_needed : 0);
}

static uint32_t
allowed_keys(enum op op, bool remote)
{
	return needed_keys(op, remote) | ops[op].optional;
}

static bool
is_in_range(enum key key, uint64_t value, uint32_t frame)
{
	if (key == KEY_SIZE)
		return value == FRAME_IMIX || (value >= FRAME_MIN && value <= frame);
	return value >= keys[key].min && value <= keys[key].max;
}

const char *
command_name(enum op op)
{
	return ops[op].name;
}

/* Append to an error text. */
static void
add_text(char *error, const char *text)
{
	size_t used = strlen(error);

	snprintf(error + used, COMMAND_ERROR_MAX - used, " %s", text);
}

static int
parse_op(const char *word, struct command *c, char *error)
{
	uint32_t op;

	for (op = 0; op < OPS; op++)
		if (is_for(op, c->remote) && strcmp(word, ops[op].name) == 0) {
			c->op = op;
			return 0;
		}
	snprintf(error, COMMAND_ERROR_MAX, "%scommand '%.40s' is unknown: allowed are",
		 c->remote ? "remote " : "", word);
	for (op = 0; op < OPS; op++)
		if (is_for(op, c->remote))
			add_text(error, ops[op].name);
	if (!c->remote)
		add_text(error, "remote");
	return -EINVAL;
}

static int
find_key(const char *word, size_t len, const struct command *c, enum key *key, char *error)
{
	uint32_t allowed = allowed_keys(c->op, c->remote);
	uint32_t k;

	for (k = 0; k < KEYS; k++)
		if ((allowed & BIT(k)) != 0 && strlen(keys[k].name) == len &&
		    strncmp(word, keys[k].name, len) == 0) {
			*key = k;
			return 0;
		}
	snprintf(error, COMMAND_ERROR_MAX, "argument '%.40s' is unknown: %s takes%s", word,
		 ops[c->op].name, allowed == 0 ? " none" : "");
	for (k = 0; k < KEYS; k++)
		if ((allowed & BIT(k)) != 0)
			add_text(error, keys[k].name);
	return -EINVAL;
}

/* strtoull() and strtod() alone take signs, blanks and more. */
static bool
parse_number(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

static bool
parse_milliseconds(const char *text, uint64_t *out)
{
	char *end;

	if (text[0] == '\0' || text[strspn(text, "0123456789.")] != '\0')
		return false;
	*out = (uint64_t)fmin(1000 * strtod(text, &end), 1e9);
	return *end == '\0';
}

static int
parse_value(enum key key, const char *text, uint32_t frame, uint64_t *out, char *error)
{
	uint64_t min = keys[key].min, max = key == KEY_SIZE ? frame : keys[key].max;
	double unit = key == KEY_SECONDS ? 1000 : 1;
	bool ok;

	if (key == KEY_SIZE && strcmp(text, "imix") == 0) {
		*out = FRAME_IMIX;
		return 0;
	}
	ok = key == KEY_SECONDS ? parse_milliseconds(text, out) : parse_number(text, out);
	if (ok && is_in_range(key, *out, frame) && *out >= min) /* FRAME_IMIX is no number */
		return 0;
	snprintf(error, COMMAND_ERROR_MAX, "%s=%.40s is out of range: allowed is %.10g to %.10g%s",
		 keys[key].name, text, (double)min / unit, (double)max / unit,
		 key == KEY_SIZE ? ", or imix" : "");
	return -ERANGE;
}

/* One KEY=VALUE. */
static int
parse_argument(char *word, uint32_t frame, struct command *c, uint32_t *given, char *error)
{
	char *equals = strchrnul(word, '=');
	enum key key;
	int ret;

	ret = find_key(word, (size_t)(equals - word), c, &key, error);
	if (ret != 0)
		return ret;
	if (*equals == '\0') {
		snprintf(error, COMMAND_ERROR_MAX, "%s has no value: write %s=N", keys[key].name,
			 keys[key].name);
		return -EINVAL;
	}
	if ((*given & BIT(key)) != 0) {
		snprintf(error, COMMAND_ERROR_MAX, "%s is given twice", keys[key].name);
		return -EINVAL;
	}
	*given |= BIT(key);
	return parse_value(key, equals + 1, frame, &c->value[key], error);
}

int
command_parse(char *line, uint32_t frame, struct command *c, char *error)
{
	char *rest = NULL, *word = strtok_r(line, BLANKS, &rest);
	uint32_t given = 0, k;
	int ret;

	c->remote = word != NULL && strcmp(word, "remote") == 0;
	if (c->remote) {
		word = strtok_r(NULL, BLANKS, &rest);
		frame = FRAME_MAX; /* the peer knows its own */
	}
	ret = parse_op(word == NULL ? "" : word, c, error);
	if (ret != 0)
		return ret;
	for (k = 0; k < KEYS; k++)
		c->value[k] = keys[k].initial;
	while (ret == 0 && (word = strtok_r(NULL, BLANKS, &rest)) != NULL)
		ret = parse_argument(word, frame, c, &given, error);
	for (k = 0; ret == 0 && k < KEYS; k++)
		if ((needed_keys(c->op, c->remote) & ~given & BIT(k)) != 0) {
			snprintf(error, COMMAND_ERROR_MAX, "%s needs %s=N", ops[c->op].name,
				 keys[k].name);
			ret = -EINVAL;
		}
	return ret;
}

void
command_to_message(const struct command *c, struct message *m)
{
	uint32_t allowed = allowed_keys(c->op, true), i;

	m->op = ops[c->op].message;
	for (i = 0; i < MESSAGE_VALUES; i++)
		if ((allowed & BIT(message_keys[i])) != 0)
			m->value[i] = (uint32_t)c->value[message_keys[i]];
}

bool
command_from_message(const struct message *m, uint32_t frame, struct command *c)
{
	uint32_t allowed, i;

	*c = (struct command){.op = 0};
	while (c->op < OPS && ops[c->op].message != m->op)
		c->op++;
	if (c->op == OPS)
		return false;
	allowed = allowed_keys(c->op, true);
	for (i = 0; i < MESSAGE_VALUES; i++) {
		enum key key = message_keys[i];

		c->value[key] = m->value[i];
		if ((allowed & BIT(key)) != 0 ? !is_in_range(key, m->value[i], frame)
					      : m->value[i] != 0)
			return false;
	}
	return true;
}
