/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "play.h"

#define BIT(n) (UINT64_C(1) << (n))
#define MS UINT64_C(1000000)
#define ENOUGH 50u /* frames that show that traffic flows */
#define CHANGES 512u /* of a storm between two looks at the connection */
#define PROTOCOL (BIT(0) | BIT(3)) /* several queue pairs; replies to any request */

volatile int play_stop;

static uint64_t
random_word(struct play *p)
{
	p->random ^= p->random << 13;
	p->random ^= p->random >> 7;
	p->random ^= p->random << 17;
	return p->random;
}

/* Regions and what they are, whenever they are others than before. */
static void
print_regions(struct play *p)
{
	const struct backend_region *r;
	char text[sizeof(p->regions)] = "";
	unsigned int n, i;
	size_t at = 0;

	r = backend_regions(p->b, &n);
	for (i = 0; i < n && at < sizeof(text); i++) {
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "memory: region %u of %u: %llu bytes of %s at offset %llu, "
				       "device address 0x%llx, %s\n", i, n,
				       (unsigned long long)r[i].size, r[i].file,
				       (unsigned long long)r[i].offset,
				       (unsigned long long)r[i].guest_addr,
				       r[i].seals < 0 ? "no seals" : (r[i].seals & 2) != 0
				       ? "sealed: cannot shrink" : "not sealed");
	}
	if (n > 0 && strcmp(text, p->regions) != 0) {
		fputs(text, stdout);
		fflush(stdout);
		memcpy(p->regions, text, sizeof(text));
	}
}

static void
step(struct play *p)
{
	const struct timespec nap = {.tv_nsec = 50000};
	unsigned int n;

	if (!backend_step(p->b))
		nanosleep(&nap, NULL);
	(void)backend_regions(p->b, &n);
	if (n > 0 && p->regions[0] == '\0')
		print_regions(p);
}

/* Until so many frames more have come back. False: they did not in time. */
static bool
flows(struct play *p, uint64_t frames, uint64_t ms)
{
	const uint64_t enough = p->source.counts.back + frames, end = source_now() + ms * MS;

	while (p->source.counts.back < enough) {
		if (play_stop || source_now() > end || backend_error(p->b) != NULL)
			return false;
		step(p);
	}
	return true;
}

/* Did the driver give up, or stop, since these were counted? */
static bool
gave_up(const struct play *p, const struct backend_counts *before)
{
	const struct backend_counts *now = backend_counts(p->b);

	return now->left != before->left || now->stopped != before->stopped;
}

/* What the driver does, within the time that is given to it. */
static enum play_answer
observe(struct play *p, const struct backend_counts *before)
{
	const uint64_t end = source_now() + p->o->wait_ms * MS;

	source_mark(&p->source);
	while (!play_stop && source_now() < end) {
		step(p);
		if (gave_up(p, before))
			return PLAY_RESET;
		if (p->source.counts.fresh >= ENOUGH && backend_error(p->b) == NULL)
			return PLAY_GOES_ON;
	}
	return PLAY_NOTHING;
}

/* A ring of that direction, any pair. */
static struct model_queue *
some_ring(struct play *p, bool receive)
{
	unsigned int first = (unsigned int)(random_word(p) % SOURCE_PAIRS), i;

	for (i = 0; i < SOURCE_PAIRS; i++) {
		unsigned int pair = (first + i) % SOURCE_PAIRS;
		struct model_queue *q = backend_ring(p->b, 2 * pair + !receive);

		if (q != NULL && q->n_regions > 0)
			return q;
	}
	return NULL;
}

/* What is honest would hide an act in a receive ring: let the driver look. */
static void
let_look(struct play *p, const struct backend_counts *before)
{
	const uint64_t end = source_now() + p->o->wait_ms * MS / 4;

	p->source.paused = true;
	while (!play_stop && source_now() < end && !gave_up(p, before))
		step(p);
	p->source.paused = false;
}

/* An act may need buffers that the driver has not given yet. */
static bool
act(struct play *p, const struct device_case *c, const struct backend_counts *before)
{
	const uint64_t end = source_now() + p->o->wait_ms * MS;
	uint64_t r = random_word(p);

	while (!play_stop && source_now() < end) {
		struct model_queue *q = some_ring(p, c->receive);

		if (q != NULL && c->act->act(q, r)) {
			if (c->receive)
				let_look(p, before);
			return true;
		}
		step(p);
	}
	return false;
}

/* The next connection meets the trick. */
static bool
trick(struct play *p, const struct device_case *c)
{
	const uint64_t end = source_now() + p->o->wait_ms * MS * 5;
	const uint64_t before = backend_counts(p->b)->tricks;

	backend_set_trick(p->b, c->trick, c->at);
	/* A ring's base is asked for at the end of a connection, which is the driver's to make. */
	if (c->at != BACKEND_GET_VRING_BASE)
		backend_forgive(p->b);
	while (!play_stop && backend_counts(p->b)->tricks == before && source_now() < end)
		step(p);
	return backend_counts(p->b)->tricks != before;
}

static void
storm(struct play *p)
{
	const uint64_t end = source_now() + p->o->storm_ms * MS;
	unsigned int i;

	while (!play_stop && source_now() < end) {
		for (i = 0; i < CHANGES; i++) {
			struct model_queue *q = some_ring(p, i % 2 == 0);

			if (q == NULL)
				break;
			model_storm(q, random_word(p));
		}
		step(p);
		/* It cannot follow its own queues for long. The driver may not have noticed. */
		if (backend_error(p->b) != NULL && random_word(p) % 256 == 0)
			backend_forgive(p->b);
	}
}

static void
honest(struct play *p)
{
	const uint64_t end = source_now() + p->o->storm_ms * MS;

	while (!play_stop && source_now() < end && backend_error(p->b) == NULL)
		step(p);
}

static void
doorbells(struct play *p)
{
	const uint64_t end = source_now() + p->o->storm_ms * MS;

	while (!play_stop && source_now() < end) {
		struct model_queue *q = some_ring(p, random_word(p) % 2 == 0);

		if (q != NULL)
			model_want_doorbell(q, random_word(p) % 2 == 0);
		step(p);
	}
}

static void
reconnect(struct play *p)
{
	const uint64_t end = source_now() + p->o->storm_ms * MS;
	unsigned int steps;

	while (!play_stop && source_now() < end) {
		const uint64_t met = backend_counts(p->b)->connections;

		while (!play_stop && backend_counts(p->b)->connections == met && source_now() < end)
			step(p);
		for (steps = (unsigned int)(random_word(p) % 40); steps > 0; steps--)
			step(p);
		backend_forgive(p->b);
	}
}

static uint64_t
hash_ring(const struct model_queue *q)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	uint32_t i, j, k;

	for (i = 0; i < q->n_held; i++) {
		for (j = 0; j < q->held[i]->n; j++) {
			for (k = 0; k < q->held[i]->part[j].len; k++)
				h = (h ^ q->held[i]->part[j].mem[k]) * UINT64_C(0x100000001b3);
		}
	}
	return h;
}

/* Returns how many rings have buffers that changed while they were the device's. */
static uint64_t
hold(struct play *p, const struct backend_counts *before)
{
	const uint64_t end = source_now() + p->o->storm_ms * MS;
	uint64_t hash[2 * SOURCE_PAIRS] = {0}, changed = 0;
	struct model_queue *q[2 * SOURCE_PAIRS];
	unsigned int i;

	p->source.paused = true;
	for (i = 0; i < 2 * SOURCE_PAIRS; i++) {
		q[i] = backend_ring(p->b, i);
		if (q[i] != NULL && model_collect(q[i]) >= 0)
			hash[i] = hash_ring(q[i]);
	}
	while (!play_stop && source_now() < end && !gave_up(p, before))
		step(p);
	/* A driver that reset the device may do what it likes. */
	for (i = 0; i < 2 * SOURCE_PAIRS && !gave_up(p, before); i++)
		changed += q[i] != NULL && hash_ring(q[i]) != hash[i];
	p->source.paused = false;
	return changed;
}

static uint64_t
find(const struct play *p)
{
	const char *text = p->o->find != NULL ? p->o->find : "";
	const size_t len = strlen(text);
	const struct backend_region *r;
	unsigned int n, i;
	uint64_t found = 0;

	r = backend_regions(p->b, &n);
	for (i = 0; i < n && len > 0; i++) {
		const uint8_t *at = r[i].mem, *end = at + r[i].size;

		while ((at = memmem(at, (size_t)(end - at), text, len)) != NULL) {
			found++;
			at++;
		}
	}
	return found;
}

static bool
do_it(struct play *p, const struct device_case *c, struct play_result *r)
{
	const struct backend_counts before = *backend_counts(p->b);

	switch (c->kind) {
	case DEVICE_HONEST:
		honest(p);
		break;
	case DEVICE_ACT:
		return act(p, c, &before);
	case DEVICE_TRICK:
		return trick(p, c);
	case DEVICE_STORM:
		storm(p);
		break;
	case DEVICE_RECONNECT:
		reconnect(p);
		break;
	case DEVICE_HOLD:
		r->written += hold(p, &before);
		break;
	case DEVICE_DOORBELL:
		doorbells(p);
		break;
	}
	return true;
}

/* Two sides that do not agree on where they are can wait for each other for ever. */
static bool
loses_its_place(const struct device_case *c)
{
	if (c->kind == DEVICE_ACT)
		return strcmp(c->act->row, "Q3") != 0 && strncmp(c->act->name, "length-", 7) != 0;
	return c->kind == DEVICE_STORM;
}

/* Honest from here on. What is broken for good is begun anew. */
static void
behave(struct play *p, const struct device_case *c, enum play_answer answer)
{
	unsigned int i;

	backend_set_trick(p->b, BACKEND_HONEST, 0);
	if (answer == PLAY_NOTHING || backend_error(p->b) != NULL ||
	    (loses_its_place(c) && answer == PLAY_GOES_ON) ||
	    (c->kind == DEVICE_TRICK && answer != PLAY_GOES_ON))
		backend_forgive(p->b);
	for (i = 0; c->kind == DEVICE_DOORBELL && i < 2 * SOURCE_PAIRS; i++) {
		struct model_queue *q = backend_ring(p->b, i);

		if (q != NULL)
			model_want_doorbell(q, true);
	}
	source_attack_ends(&p->source);
}

static void
note_error(struct play *p, struct play_result *r)
{
	const char *why = backend_error(p->b);

	if (r->error[0] != '\0')
		return;
	if (why != NULL)
		snprintf(r->error, sizeof(r->error), "%s", why);
	else if (p->source.counts.wrong > 0)
		snprintf(r->error, sizeof(r->error), "frame %llu of %u bytes: %s",
			 (unsigned long long)p->source.wrong_at, p->source.wrong_len,
			 p->source.wrong);
}

static bool
play_round(struct play *p, const struct device_case *c, struct play_result *r)
{
	struct backend_counts before;

	if (!flows(p, ENOUGH, p->o->patience_ms)) {
		note_error(p, r);
		return false;
	}
	if (c->kind != DEVICE_HONEST)
		source_attack_begins(&p->source);
	before = *backend_counts(p->b);
	if (do_it(p, c, r)) {
		r->played++;
		r->answer = gave_up(p, &before) ? PLAY_RESET : observe(p, &before);
	} else if (r->played == 0) {
		r->answer = PLAY_NOT_PLAYED;
	}
	if (play_stop)
		return true;
	behave(p, c, r->answer);
	if (flows(p, 2 * ENOUGH, p->o->patience_ms))
		return true;
	note_error(p, r);
	backend_forgive(p->b);
	return false;
}

void
play_case(struct play *p, const struct device_case *c, struct play_result *r)
{
	uint64_t i;

	memset(&p->source.counts, 0, sizeof(p->source.counts));
	*r = (struct play_result){.recovered = true};
	for (i = 0; i < p->o->rounds && r->recovered && !play_stop; i++)
		r->recovered = play_round(p, c, r);
	print_regions(p);
	if (p->source.counts.wrong > 0)
		note_error(p, r);
	r->back = p->source.counts.back;
	r->forged = p->source.counts.forged;
	r->wrong = p->source.counts.wrong;
	r->headers = p->source.counts.headers;
	r->found = find(p);
}

void
play_print(const struct device_case *c, const struct play_result *r)
{
	static const char *const answers[] = {"-", "goes-on", "reset", "nothing"};

	printf("%s: played=%llu driver=%s traffic=%s back=%llu forged=%llu wrong=%llu headers=%llu "
	       "written=%llu found=%llu%s%s\n", c->name, (unsigned long long)r->played,
	       answers[r->answer], r->recovered ? "yes" : "no", (unsigned long long)r->back,
	       (unsigned long long)r->forged, (unsigned long long)r->wrong,
	       (unsigned long long)r->headers, (unsigned long long)r->written,
	       (unsigned long long)r->found, r->error[0] != '\0' ? " error: " : "", r->error);
	fflush(stdout);
}

bool
play_is_good(const struct play_result *r)
{
	return r->recovered && r->wrong == 0 && r->headers == 0 && r->written == 0 &&
	       r->found == 0 && r->error[0] == '\0';
}

bool
play_open(struct play *p, const struct options *o)
{
	struct backend_config cfg = {
		.path = o->path,
		.client = o->client,
		.features = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_MQ) | BIT(30) |
			    (o->split ? 0 : BIT(VIRTIO_F_RING_PACKED)) |
			    (o->plain ? 0 : BIT(VIRTIO_NET_F_MRG_RXBUF)) |
			    (o->in_order ? BIT(VIRTIO_F_IN_ORDER) : 0),
		.protocol = PROTOCOL,
		.pairs = o->queues,
		.serve = source_serve,
		.serve_ctx = &p->source,
	};

	memset(p, 0, sizeof(*p));
	p->o = o;
	p->source.cfg = o->source;
	p->random = o->seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	p->b = backend_open(&cfg);
	return p->b != NULL;
}

void
play_close(struct play *p)
{
	backend_close(p->b);
}
