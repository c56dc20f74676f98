/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * A guest's and a host's state machine over two header pages, stepped in any order, with anything
 * written into either page at any time. After each step: what the machine did must follow from what
 * it loaded. At the end both behave, and the link must come up and stay up.
 */

#include "check.h"
#include "hook.h"
#include "input.h"
#include "session_checks.h"
#include "system.h"

#define MAX_OPS 300
#define ROUNDS 150 /* in which two that behave get together */
#define STAY 60	   /* more than a silent peer is given */

static const struct folio_geometry limit = {4, 1024, 4096, 21};
static const struct folio_geometry shapes[] = {
	{1, 64, 256, 12}, {4, 1024, 4096, 21}, {2, 128, 2048, 21}, {5, 64, 256, 12},
	{1, 2048, 256, 12}, {1, 64, 8192, 12},
};
#define ACCEPTABLE 3 /* of them, from the first on */

static uint8_t *
view_of(int fd, int prot)
{
	uint8_t *mem = system_guarded(PAGE);

	CHECK(mmap(mem, PAGE, prot, MAP_SHARED | MAP_FIXED, fd, 0) == mem);
	return mem;
}

static void
make_memory(void)
{
	int i;

	for (i = GUEST; i <= HOST; i++) {
		int fd = memfd_create("fuzz-session", MFD_CLOEXEC);

		CHECK(fd >= 0 && ftruncate(fd, PAGE) == 0);
		both.raw[i] = view_of(fd, PROT_READ | PROT_WRITE);
		both.own[i] = view_of(fd, PROT_READ | PROT_WRITE);
		both.peer[i] = view_of(fd, PROT_READ);
		close(fd);
	}
}

static void
call_start(int who)
{
	hook_enter("start", (unsigned int)who);
	folio_session_start(&both.side[who].s);
	hook_leave();
	check_published(who);
}

static void
attach(int who, const struct folio_geometry *g)
{
	struct side *me = &both.side[who];

	hook_enter("attach", (unsigned int)who);
	folio_session_wipe_header(both.own[who]);
	hook_leave();
	CHECK(memcmp(both.raw[who], both.raw[who] + 1, PAGE - 1) == 0 && both.raw[who][0] == 0);
	hook_enter("attach", (unsigned int)who);
	folio_session_attach(&me->s, (enum folio_role)who, both.own[who], both.peer[other(who)], g);
	hook_leave();
	me->mapped = true;
	me->open = me->stale = false;
	check_published(who);
	if (me->started)
		call_start(who);
}

/* A host without a guest decides on a copy, as the port does. */
static void
look_for_guest(void)
{
	struct side *me = &both.side[HOST];
	struct folio_session before = me->s;
	struct folio_wire_header copy;
	struct folio_geometry g;
	struct folio_layout l;
	struct view v = {0};
	uint64_t generation = 0;
	uint32_t code;
	bool there;
	int ret, fault;

	if (!me->started)
		return;
	memcpy(&copy, both.raw[GUEST], sizeof(copy));
	v.magic = copy.magic.raw;
	v.version = copy.version.raw;
	v.role = copy.role.raw;
	v.state = copy.state.raw;
	v.generation = copy.generation.raw;
	fault = fault_of(&v, GUEST, &there);
	hook_enter("peek", HOST);
	ret = folio_session_peek(&me->s, &copy, &g, &generation);
	hook_leave();
	CHECK(ret == (there ? 1 : fault < 0 ? 0 : -1));
	check_counted(&before, &me->s, fault);
	if (ret != 1)
		return;
	CHECK(generation == v.generation && g.queues == copy.queues.raw &&
	      g.ring_size == copy.ring_size.raw && g.slot_size == copy.slot_size.raw &&
	      g.page_shift == copy.page_shift.raw);
	before = me->s;
	me->s.detail.text[0] = '\0';
	if (folio_layout_init(&l, &g, 0, &me->s.detail) != 0) {
		folio_session_reject(&me->s, FOLIO_PEER_BAD_GEOMETRY, generation);
		check_counted(&before, &me->s, FOLIO_PEER_BAD_GEOMETRY);
		return;
	}
	code = folio_session_over_limit(&me->s, &g, &limit, generation);
	if (code != FOLIO_WIRE_REFUSED_NOT) {
		CHECK(code == (g.queues > limit.queues ? FOLIO_WIRE_REFUSED_QUEUES
			       : g.ring_size > limit.ring_size ? FOLIO_WIRE_REFUSED_RING_SIZE
			       : g.slot_size > limit.slot_size ? FOLIO_WIRE_REFUSED_SLOT_SIZE
							       : FOLIO_WIRE_REFUSED_GEOMETRY));
		check_counted(&before, &me->s, FOLIO_PEER_OVER_LIMIT);
		return;
	}
	CHECK(g.queues <= limit.queues && g.ring_size <= limit.ring_size &&
	      g.slot_size <= limit.slot_size && g.page_shift <= limit.page_shift);
	attach(HOST, &g);
}

/* One step, and what its caller owes. A burst may still be inside: then a reset has to wait. */
static void
step(int who, bool stuck)
{
	struct side *me = &both.side[who];
	struct folio_session before = me->s;
	enum folio_action action;

	if (!me->mapped) {
		look_for_guest();
		me->violations = session_violations(&me->s);
		return;
	}
	hook_enter("step", (unsigned int)who);
	action = folio_session_step(&me->s);
	hook_leave();
	check_step(who, &before, action);
	if (action == FOLIO_DO_RESET && !stuck) {
		CHECK(me->stale);
		me->stale = false;
		hook_enter("answer", (unsigned int)who);
		folio_session_answer(&me->s);
		hook_leave();
		check_published(who);
	} else if (action == FOLIO_DO_REMAP) {
		hook_enter("remap", (unsigned int)who);
		folio_session_wipe_header(both.own[who]);
		hook_leave();
		me->mapped = me->stale = false;
	}
	CHECK(session_violations(&me->s) >= me->violations);
	me->violations = session_violations(&me->s);
}

static void
start(int who)
{
	struct side *me = &both.side[who];

	if (me->started)
		return;
	me->started = true;
	if (me->mapped)
		call_start(who);
}

static void
stop(int who)
{
	struct side *me = &both.side[who];

	if (!me->started)
		return;
	me->started = me->open = false;
	if (!me->mapped)
		return;
	hook_enter("stop", (unsigned int)who);
	folio_session_stop(&me->s);
	hook_leave();
	check_published(who);
	hook_enter("holds", (unsigned int)who);
	(void)folio_session_peer_holds(&me->s);
	hook_leave();
}

static void
renegotiate(int who)
{
	struct side *me = &both.side[who];

	if (!me->mapped || me->s.state != FOLIO_SESSION_UP)
		return;
	me->open = false;
	hook_enter("renegotiate", (unsigned int)who);
	folio_session_renegotiate(&me->s);
	hook_leave();
	check_published(who);
	CHECK(me->s.state == FOLIO_SESSION_SETTLE && me->s.acked == 0);
}

static void
tamper(struct input *in)
{
	static const uint8_t fields[] = {0, 8, 12, 16, 20, 24, 28, 32,
					 36, 40, 44, 48, 56, 60, 64, 68};
	uint8_t how = input_u8(in);
	int who = GUEST + how % 2;
	uint8_t *at = both.raw[who] + fields[how / 2 % 16];
	const struct folio_session *s = &both.side[other(who)].s;
	uint64_t generation;
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	switch (input_below(in, 6)) {
	case 0:
		value = (uint32_t)hook_evil(value, 32);
		break;
	case 1:
		value = input_u32(in);
		break;
	case 2:
		value = input_below(in, 4);
		break;
	case 3: /* a lie that fits: the generation that the other side offers */
		memcpy(both.raw[who] + 24, &s->generation, sizeof(s->generation));
		return;
	case 4: /* the other's page, as if it were this one's */
		memcpy(both.raw[who], both.raw[other(who)], 72);
		return;
	default:
		generation = hook_random();
		memcpy(both.raw[who] + 16, &generation, sizeof(generation));
		return;
	}
	memcpy(at, &value, sizeof(value));
}

/* New generations without end; the victim steps in between. */
static void
storm(struct input *in)
{
	int who = GUEST + input_below(in, 2);
	uint32_t n = input_below(in, 64);
	uint64_t g;

	while (n-- > 0) {
		g = hook_random();
		memcpy(both.raw[other(who)] + 16, &g, sizeof(g));
		step(who, false);
	}
}

static void
one_op(struct input *in)
{
	uint8_t op = input_u8(in);
	int who = GUEST + op % 2;
	uint32_t n;

	switch (op / 2 % 12) {
	case 0:
		step(who, false);
		break;
	case 1: /* one alone */
		for (n = input_below(in, 64); n > 0; n--)
			step(who, false);
		break;
	case 2: /* both in turns */
		for (n = input_below(in, 48); n > 0; n--) {
			step(GUEST, false);
			step(HOST, false);
		}
		break;
	case 3:
		start(who);
		break;
	case 4:
		stop(who);
		break;
	case 5:
		renegotiate(who);
		break;
	case 6: /* a new process */
		if (who == HOST) {
			both.side[HOST].mapped = both.side[HOST].open = both.side[HOST].stale =
				false;
			both.side[HOST].s.suspicion = 0;
		} else {
			both.guest = shapes[input_below(in, 6)];
			attach(GUEST, &both.guest);
		}
		break;
	case 7:
		hook_hostility(input_u8(in));
		break;
	case 8:
		storm(in);
		break;
	case 9:
		step(who, true);
		break;
	default:
		tamper(in);
		break;
	}
}

static void
step_both(void)
{
	step(GUEST, false);
	step(HOST, false);
}

static void
must_come_up(void)
{
	const struct side *guest = &both.side[GUEST], *host = &both.side[HOST];
	uint64_t counted[2], generation;
	int i;

	hook_hostility(0);
	if (!host->mapped) /* it writes nothing before there is a guest, and left zeros */
		memset(both.raw[HOST], 0, PAGE);
	if (both.guest.queues > limit.queues || both.guest.ring_size > limit.ring_size ||
	    both.guest.slot_size > limit.slot_size) {
		both.guest = shapes[0];
		attach(GUEST, &both.guest);
	}
	start(GUEST);
	start(HOST);
	/*
	 * What others wrote is gone after a step of each, and has been seen after the next. What
	 * the host believed of it stays longer: it may have adopted a geometry that the guest never
	 * offered, and is counted for it.
	 */
	step_both();
	step(GUEST, false);
	counted[0] = guest->violations - guest->s.violations[FOLIO_PEER_BAD_GEOMETRY];
	counted[1] = host->violations;
	for (i = 0; i < ROUNDS && !(guest->open && host->open); i++)
		step_both();
	generation = guest->s.generation;
	counted[0] += guest->s.violations[FOLIO_PEER_BAD_GEOMETRY];
	for (i = 0; i < STAY; i++) {
		CHECK(guest->open && host->open);
		step_both();
	}
	CHECK(guest->s.generation == generation);
	CHECK(guest->violations == counted[0] && host->violations == counted[1]);
	CHECK(same_geometry(&host->s.geom, &both.guest));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct input in = {bytes, len};
	int i;

	if (both.raw[GUEST] == NULL)
		make_memory();
	hook_reset(input_u32(&in));
	system_reset();
	memset(both.side, 0, sizeof(both.side));
	for (i = GUEST; i <= HOST; i++) {
		memset(both.raw[i], 0, PAGE);
		hook_enter("map", (unsigned int)i);
		hook_add(both.own[i], PAGE, both.raw[i], HOOK_OWN);
		hook_add(both.peer[other(i)], PAGE, both.raw[other(i)], HOOK_PEER);
		hook_leave();
		both.side[i].s.reject = -1;
	}
	both.guest = shapes[input_below(&in, ACCEPTABLE)];
	attach(GUEST, &both.guest);
	if (input_u8(&in) % 4 != 0) { /* most interesting things happen to a link that is up */
		start(GUEST);
		start(HOST);
		for (i = 0; i < 12; i++) {
			step(GUEST, false);
			step(HOST, false);
		}
	}
	for (i = 0; i < MAX_OPS && in.left > 0; i++)
		one_op(&in);
	must_come_up();
	return 0;
}
