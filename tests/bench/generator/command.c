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
};

static const struct key_def keys[KEYS] = {
	[KEY_BURST] = {"burst", 1, BURST_MAX, 32},
	[KEY_INJECT] = {"inject", 1, 1 << 16, 512},
	[KEY_RATE] = {"rate", 0, 1000000000, 0},
	[KEY_SECONDS] = {"seconds", 10, 60000, 1000},
	[KEY_SIZE] = {"size", FRAME_MIN, FRAME_MAX, FRAME_MIN}, /* the port's frames may be shorter */
	[KEY_TOUCH] = {"touch", 0, 1, 0},
};

static const struct op_def ops[OPS] = {
	[OP_BOTH] = {"both", BIT(KEY_SIZE), BIT(KEY_BURST) | BIT(KEY_TOUCH)},
	[OP_COUNT] = {"count", 0, 0},
	[OP_ECHO] = {"echo", 0, BIT(KEY_BURST) | BIT(KEY_TOUCH)},
	[OP_LATENCY] = {"latency", BIT(KEY_SIZE),
			BIT(KEY_BURST) | BIT(KEY_RATE) | BIT(KEY_SECONDS)},
	[OP_LINK] = {"link", 0, 0},
	[OP_LOOP] = {"loop", BIT(KEY_SIZE), BIT(KEY_BURST) | BIT(KEY_INJECT) | BIT(KEY_TOUCH)},
	[OP_QUIT] = {"quit", 0, 0},
	[OP_RECEIVE] = {"receive", 0, BIT(KEY_BURST) | BIT(KEY_TOUCH)},
	[OP_SEND] = {"send", BIT(KEY_SIZE), BIT(KEY_BURST) | BIT(KEY_TOUCH)},
	[OP_STOP] = {"stop", 0, 0},
};

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
	for (c->op = 0; c->op < OPS; c->op++)
		if (strcmp(word, ops[c->op].name) == 0)
			return 0;
	snprintf(error, COMMAND_ERROR_MAX, "command '%.40s' is unknown: allowed are", word);
	for (c->op = 0; c->op < OPS; c->op++)
		add_text(error, ops[c->op].name);
	return -EINVAL;
}

static int
find_key(const char *word, size_t len, enum op op, enum key *key, char *error)
{
	uint32_t allowed = ops[op].needed | ops[op].optional;
	uint32_t k;

	for (k = 0; k < KEYS; k++)
		if ((allowed & BIT(k)) != 0 && strlen(keys[k].name) == len &&
		    strncmp(word, keys[k].name, len) == 0) {
			*key = k;
			return 0;
		}
	snprintf(error, COMMAND_ERROR_MAX, "argument '%.40s' is unknown: %s takes%s", word,
		 ops[op].name, allowed == 0 ? " none" : "");
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
	bool ok = text[strspn(text, "0123456789.")] == '\0';
	char *end;
	double seconds;

	seconds = strtod(text, &end);
	*out = (uint64_t)fmin(1000 * seconds, 1e9);
	return ok && end != text && *end == '\0';
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
	if (ok && *out >= min && *out <= max)
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

	ret = find_key(word, (size_t)(equals - word), c->op, &key, error);
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

	ret = parse_op(word == NULL ? "" : word, c, error);
	if (ret != 0)
		return ret;
	for (k = 0; k < KEYS; k++)
		c->value[k] = keys[k].initial;
	while (ret == 0 && (word = strtok_r(NULL, BLANKS, &rest)) != NULL)
		ret = parse_argument(word, frame, c, &given, error);
	for (k = 0; ret == 0 && k < KEYS; k++)
		if ((ops[c->op].needed & ~given & BIT(k)) != 0) {
			snprintf(error, COMMAND_ERROR_MAX, "%s needs %s=N", ops[c->op].name,
				 keys[k].name);
			ret = -EINVAL;
		}
	return ret;
}
