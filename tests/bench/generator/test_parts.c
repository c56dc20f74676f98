/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* The generator's parts that need no port: commands, messages of a peer, the histogram. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command.h"
#include "frame.h"
#include "histogram.h"
#include "message.h"

#define FRAME 1518
#define ROUNDS 200000

static const struct message request = {
	.kind = MESSAGE_REQUEST,
	.op = MESSAGE_SEND,
	.asker = 0x12345678,
	.sequence = 0xfffffffe,
	.frame = FRAME,
	.value = {[MESSAGE_BURST] = 32, [MESSAGE_SIZE] = 64, [MESSAGE_TOUCH] = 1, [MESSAGE_MS] = 9},
	.count = {1, 2, 3, 4, UINT64_MAX},
	.ns = UINT64_MAX - 1,
	.src = {{2, 0, 0, 0, 0, 1}},
	.dst = {{2, 0, 0, 0, 0, 2}},
};

static void
accepts(const char *text, struct command *c)
{
	char line[128], error[COMMAND_ERROR_MAX] = "";

	snprintf(line, sizeof(line), "%s", text);
	if (command_parse(line, FRAME, c, error) != 0)
		fail_msg("'%s' is refused: %s", text, error);
}

static void
refuses(const char *text, const char *expected)
{
	char line[128], error[COMMAND_ERROR_MAX] = "";
	struct command c;

	snprintf(line, sizeof(line), "%s", text);
	if (command_parse(line, FRAME, &c, error) == 0)
		fail_msg("'%s' is accepted", text);
	assert_string_equal(error, expected);
}

static void
test_commands(void **state)
{
	struct command c;

	(void)state;
	accepts("send size=64", &c);
	assert_int_equal(c.op, OP_SEND);
	assert_false(c.remote);
	assert_int_equal(c.value[KEY_SIZE], 64);
	assert_int_equal(c.value[KEY_BURST], 32);
	assert_int_equal(c.value[KEY_TOUCH], 0);
	accepts(" loop\tinject=7 size=imix burst=512 touch=1\r", &c);
	assert_int_equal(c.op, OP_LOOP);
	assert_int_equal(c.value[KEY_SIZE], FRAME_IMIX);
	assert_int_equal(c.value[KEY_INJECT], 7);
	assert_int_equal(c.value[KEY_BURST], 512);
	assert_int_equal(c.value[KEY_TOUCH], 1);
	accepts("latency size=1518 rate=1000000000 seconds=0.25", &c);
	assert_int_equal(c.value[KEY_RATE], 1000000000);
	assert_int_equal(c.value[KEY_SECONDS], 250);
	accepts("remote both size=9000 ms=60000", &c);
	assert_true(c.remote);
	assert_int_equal(c.op, OP_BOTH);
	assert_int_equal(c.value[KEY_MS], 60000);
}

static void
test_wrong_commands(void **state)
{
	(void)state;
	refuses("", "command '' is unknown: allowed are both count echo latency link loop quit "
		    "receive respond send stop remote");
	refuses("remote loop size=64", "remote command 'loop' is unknown: allowed are both count "
				       "echo next quit receive send stop");
	refuses("next", "command 'next' is unknown: allowed are both count echo latency link loop "
			"quit receive respond send stop remote");
	refuses("send", "send needs size=N");
	refuses("remote send size=64", "send needs ms=N");
	refuses("send size=64 ms=5", "argument 'ms=5' is unknown: send takes burst size touch");
	refuses("count now", "argument 'now' is unknown: count takes none");
	refuses("send size", "size has no value: write size=N");
	refuses("send size=64 size=64", "size is given twice");
	refuses("send size=0", "size=0 is out of range: allowed is 60 to 1518, or imix");
	refuses("send size=1519", "size=1519 is out of range: allowed is 60 to 1518, or imix");
	refuses("send size=+64", "size=+64 is out of range: allowed is 60 to 1518, or imix");
	refuses("send size=64x", "size=64x is out of range: allowed is 60 to 1518, or imix");
	refuses("echo burst=0", "burst=0 is out of range: allowed is 1 to 512");
	refuses("echo burst=18446744073709551648",
		"burst=18446744073709551648 is out of range: allowed is 1 to 512");
	refuses("echo touch=2", "touch=2 is out of range: allowed is 0 to 1");
	refuses("latency size=64 seconds=0", "seconds=0 is out of range: allowed is 0.01 to 60");
	refuses("latency size=64 seconds=1e1",
		"seconds=1e1 is out of range: allowed is 0.01 to 60");
	refuses("latency size=64 seconds=.", "seconds=. is out of range: allowed is 0.01 to 60");
	refuses("latency size=64 rate=-1", "rate=-1 is out of range: allowed is 0 to 1000000000");
}

static void
test_message(void **state)
{
	uint8_t frame[MESSAGE_LEN], again[MESSAGE_LEN];
	struct message m;

	(void)state;
	message_write(frame, &request);
	assert_true(message_read(frame, sizeof(frame), &m));
	message_write(again, &m);
	assert_memory_equal(frame, again, sizeof(frame));
	assert_int_equal(m.asker, request.asker);
	assert_int_equal(m.value[MESSAGE_MS], request.value[MESSAGE_MS]);
	assert_int_equal(m.count.tx_dropped, request.count.tx_dropped);
}

/* A peer may send anything: no prefix and no change of a message may be misread. */
static void
test_wrong_messages(void **state)
{
	uint8_t frame[MESSAGE_LEN];
	struct message m;
	uint32_t i;

	(void)state;
	message_write(frame, &request);
	for (i = 0; i < sizeof(frame); i++) {
		uint8_t *copy = malloc(i + 1); /* a sanitizer sees what is read behind it */

		memcpy(copy, frame, i);
		assert_false(message_read(copy, i, &m));
		free(copy);
	}
	/* EtherType, magic, version, kind, operation, refused. */
	for (i = 12; i < 22; i++) {
		frame[i] ^= 0x80;
		assert_false(message_read(frame, sizeof(frame), &m));
		frame[i] ^= 0x80;
	}
	frame[RTE_ETHER_ADDR_LEN] |= 1; /* nobody's source address */
	assert_false(message_read(frame, sizeof(frame), &m));
}

static void
test_random_messages(void **state)
{
	uint8_t frame[MESSAGE_LEN];
	struct command c;
	struct message m;
	uint32_t i, round;

	(void)state;
	srand(1);
	for (round = 0; round < ROUNDS; round++) {
		message_write(frame, &request);
		for (i = (uint32_t)rand() % 4 + 1; i > 0; i--)
			frame[rand() % 48] = (uint8_t)rand();
		if (!message_read(frame, sizeof(frame), &m))
			continue;
		assert_in_range(m.op, MESSAGE_RECEIVE, MESSAGE_QUIT);
		if (m.kind != MESSAGE_REQUEST || !command_from_message(&m, FRAME, &c))
			continue;
		assert_in_range(c.op, 0, OPS - 1);
		if (c.op != OP_SEND && c.op != OP_BOTH)
			continue;
		assert_in_range(c.value[KEY_BURST], 1, BURST_MAX);
		assert_in_range(c.value[KEY_MS], 1, 60000);
		if (c.value[KEY_SIZE] != FRAME_IMIX)
			assert_in_range(c.value[KEY_SIZE], FRAME_MIN, FRAME);
	}
}

static void
refuses_value(enum message_op op, enum message_value which, uint32_t value)
{
	struct message m = request;
	struct command c;

	m.op = op;
	m.value[which] = value;
	assert_false(command_from_message(&m, FRAME, &c));
}

static void
test_requests(void **state)
{
	struct message m = {.kind = MESSAGE_REQUEST};
	struct command c, back;

	(void)state;
	accepts("remote both size=imix burst=8 ms=3", &c);
	command_to_message(&c, &m);
	assert_true(command_from_message(&m, FRAME, &back));
	assert_int_equal(back.op, OP_BOTH);
	assert_int_equal(back.value[KEY_SIZE], FRAME_IMIX);
	assert_int_equal(back.value[KEY_BURST], 8);
	assert_int_equal(back.value[KEY_MS], 3);

	refuses_value(MESSAGE_SEND, MESSAGE_BURST, 0);
	refuses_value(MESSAGE_SEND, MESSAGE_BURST, BURST_MAX + 1);
	refuses_value(MESSAGE_SEND, MESSAGE_SIZE, FRAME_MIN - 1);
	refuses_value(MESSAGE_SEND, MESSAGE_SIZE, FRAME + 1);
	refuses_value(MESSAGE_SEND, MESSAGE_TOUCH, 2);
	refuses_value(MESSAGE_SEND, MESSAGE_MS, 0);
	refuses_value(MESSAGE_SEND, MESSAGE_MS, 60001);
	/* What an operation does not take. */
	refuses_value(MESSAGE_RECEIVE, MESSAGE_MS, 1);
	refuses_value(MESSAGE_COUNT, MESSAGE_BURST, 32);
}

static void
test_histogram(void **state)
{
	static struct histogram h;
	uint64_t value;
	double found;

	(void)state;
	for (value = 1; value < UINT64_C(1) << 40; value += value / 3 + 1) {
		h = (struct histogram){0};
		histogram_add(&h, value);
		histogram_add(&h, UINT64_MAX); /* so that the maximum does not help */
		found = histogram_quantile(&h, 0.5);
		assert_true(found >= 0.995 * (double)value && found <= 1.005 * (double)value);
	}
	h = (struct histogram){0};
	assert_true(histogram_quantile(&h, 0.5) == 0);
	for (value = 0; value < 200; value++)
		histogram_add(&h, value); /* each has a class of its own */
	assert_true(histogram_quantile(&h, 0.5) == 99);
	assert_true(histogram_quantile(&h, 0.99) == 197);
	assert_true(histogram_quantile(&h, 1) == 199);
	assert_int_equal(h.count, 200);
	assert_int_equal(h.max, 199);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_wrong_commands),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_wrong_messages),
		cmocka_unit_test(test_random_messages),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_histogram),
	};

	return cmocka_run_group_tests_name("bench-generator", tests, NULL, NULL);
}
