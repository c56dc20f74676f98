/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * A virtual function's reset, mailbox and queues (lib/vf/card.c, talk.c, mailbox.c) against a model of
 * the card and of its physical function, of both families, honest and lying.
 */

#include <string.h>

#include "util.h"
#include "vf/card.h"
#include "../vf/vfmodel.h"

/* More ticks than any deadline has. */
#define LONG 400

struct rig {
	struct vfmodel m;
	struct folio_card c;
	struct folio_card_wants wants;
	uint64_t now;
};

static bool
rig_read(void *ctx, uint32_t reg, uint32_t *value)
{
	return vfmodel_read(&((struct rig *)ctx)->m, reg, value);
}

static bool
rig_write(void *ctx, uint32_t reg, uint32_t value)
{
	return vfmodel_write(&((struct rig *)ctx)->m, reg, value);
}

static bool
rig_master(void *ctx, bool on)
{
	struct vfmodel *m = &((struct rig *)ctx)->m;

	if (m->lies.gone)
		return false;
	if (on || !m->lies.stuck_master)
		m->config[4] = (uint8_t)(on ? 4 : 0);
	return vfmodel_is_master(m) == on;
}

static const struct folio_vf_regs regs = {rig_read, rig_write, rig_master};
static const uint16_t devices[] = {0x10ca, 0x1520, 0x10ed, 0x1515, 0x1565, 0x15a8, 0x15c5};

static void
begin(struct rig *r, uint16_t device)
{
	memset(r, 0, sizeof(*r));
	vfmodel_init(&r->m, device);
	folio_card_init(&r->c, folio_vf_family_of(0x8086, device), &regs, r);
	r->now = 1000;
	r->wants = (struct folio_card_wants){.pairs = 8, .size = 256, .kib = 2, .frame_max = 1522};
}

static void
end(struct rig *r)
{
	folio_card_end(&r->c);
	assert_int_equal(r->c.state, FOLIO_CARD_DOWN);
	if (!r->m.lies.gone && !r->m.lies.stuck_master) {
		assert_false(vfmodel_is_master(&r->m));
		assert_false(r->c.loose);
	} else {
		assert_true(r->c.loose);
	}
	if (r->m.error != NULL)
		fail_msg("the driver: %s", r->m.error);
	vfmodel_end(&r->m);
}

/* Tick until it is in that state, at most so often. The owner does its part. */
static bool
tick_to(struct rig *r, enum folio_card_state state, int ticks)
{
	uint32_t q;

	for (; ticks > 0; ticks--, r->now += FOLIO_TICK_MS) {
		switch (folio_card_tick(&r->c, r->now)) {
		case FOLIO_CARD_SET_UP:
			for (q = 0; q < r->c.pairs; q++)
				r->c.rings[q] = (struct folio_card_rings){
					UINT64_C(0x180000000) + q * 65536,
					UINT64_C(0x190000000) + q * 65536};
			folio_card_prepared(&r->c);
			break;
		case FOLIO_CARD_SHUT:
			folio_card_quiet(&r->c);
			break;
		default:
			break;
		}
		if (r->c.state == state)
			return true;
	}
	return false;
}

static void
come_up(struct rig *r)
{
	folio_card_start(&r->c, &r->wants);
	if (!tick_to(r, FOLIO_CARD_UP, LONG))
		fail_msg("not up: %s", r->c.detail.text);
}

/* Both families come up, with what they were asked for. */
static void
test_honest(void **state)
{
	struct rig r;
	size_t i;
	uint32_t q;

	(void)state;
	for (i = 0; i < ARRAY_LEN(devices); i++) {
		begin(&r, devices[i]);
		come_up(&r);
		assert_string_equal(r.c.detail.text, "");
		assert_int_equal(r.c.pairs, r.m.queues);
		assert_memory_equal(r.c.mac, r.m.mac, 6);
		assert_int_equal(r.m.longest, 1518);
		assert_true(vfmodel_is_master(&r.m));
		for (q = 0; q < r.c.pairs; q++) {
			assert_true(vfmodel_runs(&r.m, true, q));
			assert_true(vfmodel_runs(&r.m, false, q));
			assert_int_equal(r.m.regs[folio_card_tail(r.c.family, true, q) / 4], 255);
			assert_int_equal(r.m.regs[folio_card_tail(r.c.family, false, q) / 4], 0);
		}
		tick_to(&r, FOLIO_CARD_DOWN, 3);
		assert_true(r.c.link);
		vfmodel_set_link(&r.m, false);
		tick_to(&r, FOLIO_CARD_DOWN, 2);
		assert_false(r.c.link);
		assert_int_equal(r.c.state, FOLIO_CARD_UP);
		folio_card_stop(&r.c);
		assert_true(tick_to(&r, FOLIO_CARD_DOWN, 10));
		assert_false(vfmodel_is_master(&r.m));
		assert_false(vfmodel_runs(&r.m, true, 0));
		assert_int_equal(r.c.resets, 0);
		end(&r);
	}
	assert_null(folio_vf_family_of(0x8086, 0x10c9));
	assert_null(folio_vf_family_of(0x1af4, 0x10ca));
}

/* Longer frames, another address, fewer queues, older messages. */
static void
test_agreements(void **state)
{
	static const uint8_t mac[6] = {2, 1, 2, 3, 4, 5}, other[6] = {2, 9, 9, 9, 9, 9};
	struct rig r;

	(void)state;
	begin(&r, 0x10ed);
	r.wants.frame_max = 9022;
	r.wants.kib = 10;
	r.wants.pairs = 2;
	memcpy(r.wants.mac, mac, 6);
	r.m.api_max = 3;
	come_up(&r);
	assert_int_equal(r.c.api, 3);
	assert_int_equal(r.c.pairs, 2);
	assert_int_equal(r.m.longest, 9018);
	assert_memory_equal(r.m.asked_mac, mac, 6);
	folio_card_set_mac(&r.c, other);
	tick_to(&r, FOLIO_CARD_DOWN, 3);
	assert_memory_equal(r.m.asked_mac, other, 6);
	assert_int_equal(r.c.refusals, 0);
	assert_int_equal(r.c.state, FOLIO_CARD_UP);
	end(&r);

	/* No version at all: one queue pair for each that it cannot be asked for. */
	begin(&r, 0x10ed);
	r.m.lies.refuse = 1u << 8;
	come_up(&r);
	assert_int_equal(r.c.api, 0);
	assert_int_equal(r.m.seen & 1u << 9, 0);
	assert_int_equal(r.m.seen & 1u << 12, 0);
	end(&r);
}

/* C1: refusals. An address of its own it need not have, and it may keep the one it gave. */
static void
test_C1_refusals(void **state)
{
	static const uint8_t mac[6] = {2, 1, 2, 3, 4, 5};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(devices); i++) {
		struct rig r;

		begin(&r, devices[i]);
		r.m.lies.refuse = 1u << 1 | 1u << 2 | 1u << 6 | 1u << 9 | 1u << 12;
		memcpy(r.wants.mac, mac, 6);
		come_up(&r);
		assert_false(r.c.has_mac);
		assert_int_equal(r.c.refusals, 2);
		assert_int_equal(r.c.bad_answers, 0);
		end(&r);

		begin(&r, devices[i]);
		r.m.lies.refuse = 1u << 5;
		folio_card_start(&r.c, &r.wants);
		assert_false(tick_to(&r, FOLIO_CARD_UP, LONG));
		assert_non_null(strstr(r.c.detail.text, "refuses frames of 1518 bytes"));
		end(&r);
	}
}

/* A card that lies like this never comes up, says why, and does when it is honest again. */
static void
never_up(uint16_t device, const struct vfmodel_lies *lies, const char *why, bool counted)
{
	struct rig r;

	begin(&r, device);
	r.m.lies = *lies;
	folio_card_start(&r.c, &r.wants);
	assert_false(tick_to(&r, FOLIO_CARD_UP, LONG));
	/* Between two attempts the detail stays. */
	if (strstr(r.c.detail.text, why) == NULL)
		fail_msg("\"%s\", not \"%s\"", r.c.detail.text, why);
	assert_int_equal(r.c.bad_answers > 0, counted);
	assert_int_equal(r.c.resets, 0);
	memset(&r.m.lies, 0, sizeof(r.m.lies));
	assert_true(tick_to(&r, FOLIO_CARD_UP, LONG));
	end(&r);
}

/* C1: the mailbox, every way in which it may be wrong. */
static void
test_C1_mailbox(void **state)
{
	static const struct {
		struct vfmodel_lies lies;
		const char *why;
		bool counted, only_ix;
	} cases[] = {
		{{.mute = true}, "has not answered message 0x1", false, false},
		{{.silent = true}, "has not answered message 0x1", false, false},
		{{.pfu = true}, "has not answered message 0x1", false, false},
		{{.in_reset = true}, "is being reset", false, false},
		{{.no_enable = true}, "is not enabled yet", false, false},
		{{.gone = true}, "it is gone", false, false},
		{{.zero_mac = true}, "an address that is zero or multicast", true, false},
		{{.mac_first = 0x01}, "an address that is zero or multicast", true, false},
		{{.mac_first = 0xff}, "an address that is zero or multicast", true, false},
		{{.answer_xor = 0x00000001}, "what was not asked", true, false},
		{{.answer_xor = 0x00000200}, "what was not asked", true, false},
		{{.answer_xor = 0x40000000}, "what was not asked", true, false},
		{{.answer_xor = 0x80000000}, "what was not asked", true, false},
		{{.answer_xor = 0x01000000}, "what was not asked", true, false},
		{{.no_queues = true}, "there are no queues", true, true},
	};
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_LEN(devices); i += 2) {
		for (k = 0; k < ARRAY_LEN(cases); k++) {
			if (!cases[k].only_ix || devices[i] != 0x10ca)
				never_up(devices[i], &cases[k].lies, cases[k].why,
					 cases[k].counted);
		}
	}
}

/* C1: more queues than there are is not believed; messages that nobody asked for are passed over. */
static void
test_C1_more(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 0x10ed);
	r.m.lies.queues = UINT32_MAX;
	r.m.lies.controls = 5;
	come_up(&r);
	assert_int_equal(r.c.pairs, 8);
	end(&r);
}

/* C1: what happens to a card that runs: it is set up anew, and runs again. */
static void
test_C1_running(void **state)
{
	static const uint8_t mac[6] = {2, 1, 2, 3, 4, 5};
	size_t i;
	int k;

	(void)state;
	for (i = 0; i < ARRAY_LEN(devices); i += 2) {
		struct rig r;

		begin(&r, devices[i]);
		come_up(&r);
		/* Its physical function still knows us. */
		vfmodel_pf_message(&r.m, 0x100 | 0x20000000);
		tick_to(&r, FOLIO_CARD_DOWN, 3);
		assert_int_equal(r.c.state, FOLIO_CARD_UP);
		for (k = 0; k < 5; k++) {
			uint64_t resets = r.c.resets;

			if (k == 0)
				vfmodel_pf_reset(&r.m);
			else if (k == 1)
				vfmodel_pf_message(&r.m, 0x100); /* it does not */
			else if (k == 2)
				r.m.lies.in_reset = true;
			else if (k == 3)
				r.m.lies.gone = true;
			else
				folio_card_fail(&r.c, "stalled");
			assert_true(tick_to(&r, FOLIO_CARD_DOWN, 4));
			if (k != 3) {
				assert_false(vfmodel_is_master(&r.m));
				assert_false(r.c.loose);
			} else {
				assert_true(r.c.lost && r.c.loose);
			}
			assert_false(r.c.link);
			memset(&r.m.lies, 0, sizeof(r.m.lies));
			assert_true(tick_to(&r, FOLIO_CARD_UP, LONG));
			assert_int_equal(r.c.resets, resets + 1);
			tick_to(&r, FOLIO_CARD_DOWN, 2);
			assert_true(r.c.link);
		}
		/* A new address that is never answered. */
		r.m.lies.silent = true;
		folio_card_set_mac(&r.c, mac);
		assert_true(tick_to(&r, FOLIO_CARD_DOWN, LONG));
		assert_non_null(strstr(r.c.detail.text, "does not answer"));
		end(&r);
	}
}

/* Bus mastering that stays on is said, so that nobody gives the memory back. */
static void
test_C1_stuck_master(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 0x10ca);
	come_up(&r);
	r.m.lies.stuck_master = true;
	folio_card_stop(&r.c);
	assert_true(tick_to(&r, FOLIO_CARD_DOWN, 10));
	assert_true(r.c.loose);
	end(&r);
}

/* Counters are differences of 32 bits, whatever the card makes of them. */
static void
test_C1_counters(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, 0x10ca);
	r.m.regs[0xf10 / 4] = UINT32_MAX - 1;
	come_up(&r);
	tick_to(&r, FOLIO_CARD_DOWN, 2);
	r.m.regs[0xf10 / 4] = 3;
	tick_to(&r, FOLIO_CARD_DOWN, 60);
	assert_int_equal(r.c.frames[0], 5);
	assert_int_equal(r.c.frames[1], 0);
	end(&r);
}

/* A hundred times down and up. */
static void
test_again(void **state)
{
	struct rig r;
	int i;

	(void)state;
	begin(&r, 0x10ed);
	r.m.reset_behind = true;
	for (i = 0; i < 100; i++) {
		come_up(&r);
		folio_card_stop(&r.c);
		assert_true(tick_to(&r, FOLIO_CARD_DOWN, 10));
	}
	assert_int_equal(r.c.resets, 0);
	end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_honest),
		cmocka_unit_test(test_agreements),
		cmocka_unit_test(test_C1_refusals),
		cmocka_unit_test(test_C1_mailbox),
		cmocka_unit_test(test_C1_more),
		cmocka_unit_test(test_C1_running),
		cmocka_unit_test(test_C1_stuck_master),
		cmocka_unit_test(test_C1_counters),
		cmocka_unit_test(test_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
