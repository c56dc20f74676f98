/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <stdio.h>
#include <string.h>

#include "cases.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

struct device_case device_cases[DEVICE_CASES_MAX];
unsigned int device_n_cases;

static const struct {
	const char *name, *row, *what;
	enum device_kind kind;
} others[] = {
	{"honest", "-", "does nothing wrong", DEVICE_HONEST},
	{"storm", "T1", "rings, headers, buffers rewritten at full speed, some of it plausible",
	 DEVICE_STORM},
	{"hold", "Q7", "takes and returns nothing; buffers that it has must not change",
	 DEVICE_HOLD},
	{"doorbells", "L7", "wants doorbells and wants none, in turn, at full speed",
	 DEVICE_DOORBELL},
	{"reconnect", "Q6", "hangs up again and again, anywhere in the handshake",
	 DEVICE_RECONNECT},
};

enum where {
	ANSWERS,   /* at requests that have an answer */
	ANYWHERE,  /* at any request */
	DOORBELLS, /* at SET_VRING_KICK */
};

static const struct {
	enum backend_trick trick;
	enum where where;
	const char *what;
} tricks[] = {
	{BACKEND_SIZE_0, ANSWERS, "an answer without content"},
	{BACKEND_SIZE_SHORT, ANSWERS, "an answer of 4 bytes rather than 8"},
	{BACKEND_SIZE_LONG, ANSWERS, "an answer of 16 bytes"},
	{BACKEND_SIZE_HUGE, ANSWERS, "an answer that says that it has 2^32-1 bytes"},
	{BACKEND_WRONG_REQUEST, ANSWERS, "an answer to another request"},
	{BACKEND_WRONG_VERSION, ANSWERS, "version 2 of the protocol"},
	{BACKEND_NO_REPLY_FLAG, ANSWERS, "an answer that is not marked as one"},
	{BACKEND_ALL_FLAGS, ANSWERS, "all 32 bits of the flags"},
	{BACKEND_GARBAGE, ANSWERS, "4096 random bytes"},
	{BACKEND_ALL_ONES, ANSWERS, "all bits of the content: features, numbers, results"},
	{BACKEND_ZERO, ANSWERS, "none of them"},
	{BACKEND_OTHER_BIT, ANSWERS, "lowest bit flipped"},
	{BACKEND_FD, ANSWERS, "a descriptor comes along"},
	{BACKEND_FDS, ANSWERS, "253 descriptors come along"},
	{BACKEND_BYTES, ANSWERS, "byte by byte (which is allowed)"},
	{BACKEND_TWICE, ANSWERS, "the answer twice"},
	{BACKEND_CLOSE_HALF, ANSWERS, "half of an answer, then hangs up"},
	{BACKEND_UNASKED, ANYWHERE, "an answer that nobody asked for"},
	{BACKEND_SILENT, ANYWHERE, "reads on, never answers again"},
	{BACKEND_DEAF, ANYWHERE, "never reads again"},
	{BACKEND_CLOSE, ANYWHERE, "hangs up"},
	{BACKEND_KICK_FULL, DOORBELLS, "fills the doorbell up and clears its O_NONBLOCK"},
	{BACKEND_KICK_CLOSE, DOORBELLS, "closes the doorbell"},
};

static bool
is_answered(enum backend_request r)
{
	return r == BACKEND_GET_FEATURES || r == BACKEND_GET_PROTOCOL_FEATURES ||
	       r == BACKEND_GET_QUEUE_NUM || r == BACKEND_SET_MEM_TABLE ||
	       r == BACKEND_GET_VRING_BASE;
}

static bool
plays_at(enum where where, enum backend_request r)
{
	return backend_request_name(r) != NULL &&
	       (where == ANYWHERE || (where == ANSWERS && is_answered(r)) ||
		(where == DOORBELLS && r == BACKEND_SET_VRING_KICK));
}

static struct device_case *
add(const char *row, const char *what, enum device_kind kind)
{
	struct device_case *c = &device_cases[device_n_cases++];

	*c = (struct device_case){.row = row, .what = what, .kind = kind};
	return c;
}

/* Headers are of what the driver receives only. */
static bool
is_for(const struct model_act *a, bool receive)
{
	return receive || strcmp(a->row, "Q3") != 0;
}

void
device_cases_init(void)
{
	struct device_case *c;
	unsigned int i, r;

	device_n_cases = 0;
	for (i = 0; i < N(others); i++) {
		c = add(others[i].row, others[i].what, others[i].kind);
		snprintf(c->name, sizeof(c->name), "%s", others[i].name);
	}
	for (i = 0; i < 2 * model_n_acts; i++) {
		const struct model_act *a = &model_acts[i / 2];
		const bool receive = i % 2 == 0;

		if (!is_for(a, receive))
			continue;
		c = add(a->row, a->what, DEVICE_ACT);
		c->act = a;
		c->receive = receive;
		snprintf(c->name, sizeof(c->name), "%s-%s", receive ? "rx" : "tx", a->name);
	}
	for (i = 0; i < N(tricks); i++) {
		for (r = 0; r < BACKEND_REQUESTS; r++) {
			if (!plays_at(tricks[i].where, r))
				continue;
			c = add("Q6", tricks[i].what, DEVICE_TRICK);
			c->trick = tricks[i].trick;
			c->at = r;
			snprintf(c->name, sizeof(c->name), "%s-%s", backend_request_name(r),
				 backend_trick_name(c->trick));
		}
	}
}

const struct device_case *
device_find_case(const char *name)
{
	unsigned int i;

	for (i = 0; i < device_n_cases; i++) {
		if (strcmp(device_cases[i].name, name) == 0)
			return &device_cases[i];
	}
	return NULL;
}

void
device_list_cases(void)
{
	unsigned int i;

	for (i = 0; i < device_n_cases; i++)
		printf("%-40s %-2s %s\n", device_cases[i].name, device_cases[i].row,
		       device_cases[i].what);
}

static void
print_requests(enum where where)
{
	const char *comma = "";
	unsigned int r;

	for (r = 0; r < BACKEND_REQUESTS; r++) {
		if (plays_at(where, r)) {
			printf("%s`%s`", comma, backend_request_name(r));
			comma = ", ";
		}
	}
}

void
device_list_markdown(void)
{
	unsigned int i;

	printf("| case | row | what the device does |\n|---|---|---|\n");
	for (i = 0; i < N(others); i++)
		printf("| `%s` | %s | %s |\n", others[i].name, others[i].row, others[i].what);
	for (i = 0; i < model_n_acts; i++) {
		const struct model_act *a = &model_acts[i];
		bool both = is_for(a, false);

		printf("| `rx-%s`%s%s%s | %s | %s |\n", a->name, both ? ", `tx-" : "",
		       both ? a->name : "", both ? "`" : "", a->row, a->what);
	}
	printf("\n| case | requests | what the device does |\n|---|---|---|\n");
	for (i = 0; i < N(tricks); i++)
		printf("| REQUEST-`%s` | %s | %s |\n", backend_trick_name(tricks[i].trick),
		       tricks[i].where == ANSWERS ? "with an answer"
		       : tricks[i].where == ANYWHERE ? "all" : "`set-vring-kick`", tricks[i].what);
	printf("\nRequests with an answer: ");
	print_requests(ANSWERS);
	printf(". All: ");
	print_requests(ANYWHERE);
	printf(".\n");
}
