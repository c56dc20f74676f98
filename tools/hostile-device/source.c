/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <string.h>
#include <time.h>

#include "source.h"

#define WINDOW 128u	      /* frames in flight */
#define LOST_NS 50000000u     /* what is not back by then is lost */
#define ROUND 64u
#define TYPE_AT 12u
#define SECOND UINT64_C(1000000000)

/* Behind the addresses, which the application may swap. */
struct tag {
	uint8_t type[2]; /* 0x88b5: for local experiments */
	uint8_t number[8];
	uint8_t pair;
};

static const uint8_t addresses[TYPE_AT] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};

uint64_t
source_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Most are short, so that many are in flight; all lengths occur. */
static uint32_t
length_of(const struct source *s, uint64_t number)
{
	uint64_t r = mix(number);
	uint32_t most = r % 4 == 0 ? s->cfg.max_frame : 200;

	if (most > s->cfg.max_frame)
		most = s->cfg.max_frame;
	return SOURCE_FRAME_MIN + (uint32_t)(r >> 8) % (most - SOURCE_FRAME_MIN + 1);
}

static uint32_t
make(const struct source *s, unsigned int pair, uint64_t number, uint8_t *frame)
{
	struct tag t = {.type = {0x88, 0xb5}, .pair = (uint8_t)pair};
	uint32_t len = length_of(s, number), i;

	memcpy(t.number, &number, sizeof(number));
	memcpy(frame, addresses, sizeof(addresses));
	memcpy(frame + TYPE_AT, &t, sizeof(t));
	for (i = TYPE_AT + sizeof(t); i < len; i++)
		frame[i] = (uint8_t)mix(number ^ (uint64_t)i << 48);
	return len;
}

void
source_attack_begins(struct source *s)
{
	unsigned int i;

	for (i = 0; i < SOURCE_PAIRS; i++)
		s->pair[i].barrier = UINT64_MAX;
}

void
source_attack_ends(struct source *s)
{
	unsigned int i;

	for (i = 0; i < SOURCE_PAIRS; i++)
		s->pair[i].barrier = s->pair[i].next;
}

void
source_mark(struct source *s)
{
	unsigned int i;

	for (i = 0; i < SOURCE_PAIRS; i++)
		s->pair[i].mark = s->pair[i].next;
	s->counts.fresh = 0;
}

/* Nothing that was sent behind an attack has come yet: what comes may be of it. */
static bool
may_be_ours(const struct source_pair *p)
{
	return p->expected < p->barrier || p->barrier == UINT64_MAX;
}

static void
note(struct source *s, struct source_pair *p, const char *why, uint64_t number, uint32_t len)
{
	if (may_be_ours(p)) {
		s->counts.forged++;
		return;
	}
	s->counts.wrong++;
	s->wrong = why;
	s->wrong_at = number;
	s->wrong_len = len;
}

static void
check(struct source *s, unsigned int pair, const uint8_t *frame, uint32_t len)
{
	static uint8_t good[SOURCE_FRAME_MAX];
	struct source_pair *p = &s->pair[pair];
	struct tag t = {.type = {0}};
	uint64_t number;

	if (p->in_flight > 0)
		p->in_flight--;
	p->moved_at = source_now();
	if (len >= TYPE_AT + sizeof(t))
		memcpy(&t, frame + TYPE_AT, sizeof(t));
	memcpy(&number, t.number, sizeof(number));
	if (t.type[0] != 0x88 || t.type[1] != 0xb5 || t.pair != pair)
		note(s, p, "not one of ours", 0, len);
	else if (number >= p->next)
		note(s, p, "never sent", number, len);
	else if (number < p->expected)
		note(s, p, "twice, or out of order", number, len);
	else if (make(s, pair, number, good) != len)
		note(s, p, "its length changed", number, len);
	else if (memcmp(good + TYPE_AT, frame + TYPE_AT, len - TYPE_AT) != 0)
		note(s, p, "its content changed", number, len);
	else {
		p->expected = number + 1;
		s->counts.back++;
		s->counts.fresh += number >= p->mark;
	}
}

/* How many frames may be sent now. */
static uint64_t
allowed(struct source *s)
{
	uint64_t now = source_now();

	if (s->cfg.rate == 0)
		return ROUND;
	/* What could not be sent in time is not made up for. */
	if (s->begun == 0 || now - s->begun > SECOND) {
		s->begun = now;
		s->due = 0;
	}
	return (now - s->begun) * s->cfg.rate / SECOND - s->due;
}

static bool
send(struct source *s, unsigned int pair, struct model_queue *rx)
{
	static uint8_t frame[SOURCE_FRAME_MAX];
	struct source_pair *p = &s->pair[pair];
	uint64_t may = allowed(s), n = 0;

	if (p->in_flight > 0 && source_now() - p->moved_at > LOST_NS)
		p->in_flight = 0;
	for (; n < may && n < ROUND && p->in_flight < WINDOW && rx->n_held > 0; n++) {
		if (p->in_flight == 0)
			p->moved_at = source_now();
		if (!model_deliver(rx, 0, frame, make(s, pair, p->next, frame), NULL))
			break;
		p->next++;
		p->in_flight++;
		s->counts.sent++;
	}
	s->due += n;
	return n > 0;
}

static void
swap_addresses(uint8_t *frame, uint32_t len)
{
	uint8_t first[6];

	if (len < TYPE_AT)
		return;
	memcpy(first, frame, sizeof(first));
	memcpy(frame, frame + 6, sizeof(first));
	memcpy(frame + 6, first, sizeof(first));
}

static bool
is_zero(const uint8_t *header)
{
	static const uint8_t none[MODEL_HEADER];

	return memcmp(header, none, MODEL_HEADER) == 0;
}

bool
source_serve(void *ctx, unsigned int pair, struct model_queue *rx, struct model_queue *tx)
{
	static uint8_t frame[65536];
	uint8_t header[MODEL_HEADER];
	struct source *s = ctx;
	bool busy = false;
	uint32_t n;
	int len;

	if (s->paused || pair >= SOURCE_PAIRS || model_collect(rx) < 0)
		return false;
	for (n = 0; n < ROUND; n++) {
		if (s->cfg.echo && rx->n_held == 0)
			break;
		len = model_read(tx, frame, sizeof(frame), header);
		if (len <= 0)
			break;
		s->counts.headers += !is_zero(header) && !may_be_ours(&s->pair[pair]);
		if (!s->cfg.echo) {
			check(s, pair, frame, (uint32_t)len);
			continue;
		}
		if (s->cfg.macswap)
			swap_addresses(frame, (uint32_t)len);
		s->counts.sent += model_deliver(rx, 0, frame, (uint32_t)len, NULL);
		s->counts.back++;
		s->counts.fresh++;
	}
	busy = n > 0;
	while (tx->n_held > 0)
		model_return(tx, 0, 0);
	if (!s->cfg.echo)
		busy |= send(s, pair, rx);
	model_publish(rx);
	model_publish(tx);
	return busy;
}
