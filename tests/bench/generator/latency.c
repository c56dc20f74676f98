/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <string.h>

#include <rte_cycles.h>
#include <rte_random.h>

#include "burst.h"
#include "latency.h"

/* How long to wait for packets that are on their way. */
#define LOST_MS 100
#define POLLS 64 /* between two looks at the clock */
#define QUEUE 0
#define FRACTION 20 /* bits of a cycle that an interval has */

/* Behind the headers; the shortest frame has room for it. */
struct stamp {
	uint64_t due;
	uint32_t run;
} __attribute__((packed));

/* Times are in cycles of the time stamp counter. */
struct run {
	struct generator *g;
	struct latency *result;
	uint32_t id;
	uint16_t burst;
	uint64_t start; /* of what counts */
	uint64_t end;
};

static void
stamp(const struct run *r, struct rte_mbuf *m, uint64_t due)
{
	const struct stamp s = {.due = due, .run = r->id};

	RTE_BUILD_BUG_ON(FRAME_HEADER_LEN + sizeof(s) > FRAME_MIN);
	memcpy(rte_pktmbuf_mtod_offset(m, void *, FRAME_HEADER_LEN), &s, sizeof(s));
}

static void
record(struct run *r, const struct rte_mbuf *m, uint64_t now)
{
	struct latency *l = r->result;
	struct stamp s = {0};

	if (m->data_len >= FRAME_HEADER_LEN + sizeof(s))
		memcpy(&s, rte_pktmbuf_mtod_offset(m, const void *, FRAME_HEADER_LEN), sizeof(s));
	if (s.run != r->id || s.due > now) {
		l->foreign++;
		return;
	}
	l->received++;
	l->returned += now >= r->start && now < r->end;
	if (s.due >= r->start)
		histogram_add(&l->cycles, now - s.due);
}

/* Packets have arrived when the application has them: a burst arrives at once. */
static void
collect(struct run *r)
{
	struct rte_mbuf *pkts[BURST_MAX];
	uint16_t n = burst_receive(r->g, QUEUE, pkts, r->burst, false), i;
	uint64_t now;

	if (n == 0)
		return;
	now = rte_get_tsc_cycles();
	for (i = 0; i < n; i++)
		record(r, pkts[i], now);
	rte_pktmbuf_free_bulk(pkts, n);
}

/* Until so many are back, or nothing has come for a while. */
static void
collect_until(struct run *r, uint64_t goal)
{
	const uint64_t patience = rte_get_tsc_hz() / 1000 * LOST_MS;
	uint64_t seen = r->result->received, since = 0;
	uint32_t polls = 0;

	for (;;) {
		collect(r);
		if (r->result->received >= goal)
			return;
		/* Looking at the clock would take time from polling. */
		if (++polls % POLLS != 0)
			continue;
		if (since == 0 || r->result->received != seen) {
			seen = r->result->received;
			since = rte_get_tsc_cycles();
		} else if (rte_get_tsc_cycles() - since > patience || !job_goes_on(r->g)) {
			return;
		}
	}
}

static void
send_waiting(struct run *r, struct pending *p)
{
	uint32_t before = p->n;

	burst_send(r->g, QUEUE, p);
	r->result->sent += before - p->n;
}

/* One packet at a time. */
static void
ping(struct run *r)
{
	struct pending *p = &r->g->pending[QUEUE];

	while (rte_get_tsc_cycles() < r->end && job_goes_on(r->g)) {
		if (burst_fill(r->g, p, 1, false) == 0)
			continue;
		stamp(r, p->pkts[0], rte_get_tsc_cycles());
		while (p->n > 0 && job_goes_on(r->g))
			send_waiting(r, p);
		collect_until(r, r->result->received + 1);
	}
}

/* Packets that are due at even intervals. Those that are late go together, up to a burst. */
static void
pace(struct run *r, uint64_t begin, uint64_t rate)
{
	struct pending *p = &r->g->pending[QUEUE];
	const uint64_t step = (rte_get_tsc_hz() << FRACTION) / rate;
	uint64_t next = 0, due, now;
	uint32_t n;

	while ((now = rte_get_tsc_cycles()) < r->end && job_goes_on(r->g)) {
		due = next;
		for (n = p->n; n < r->burst && due >> FRACTION <= now - begin; n++)
			due += step;
		n = burst_fill(r->g, p, n, false);
		for (; n > 0; n--, next += step)
			stamp(r, p->pkts[p->n - n], begin + (next >> FRACTION));
		if (p->n > 0)
			send_waiting(r, p);
		collect(r);
	}
}

void
latency_run(struct generator *g)
{
	const uint64_t *value = g->command.value;
	const uint64_t begin = rte_get_tsc_cycles();
	const uint64_t time = rte_get_tsc_hz() / 1000 * value[KEY_SECONDS];
	struct run r = {
		.g = g,
		.result = &g->latency,
		.id = (uint32_t)rte_rand(),
		.burst = (uint16_t)value[KEY_BURST],
		.start = begin + time / 10,
		.end = begin + time,
	};
	uint64_t end;

	g->latency = (struct latency){0};
	if (value[KEY_RATE] == 0)
		ping(&r);
	else
		pace(&r, begin, value[KEY_RATE]);
	end = RTE_MIN(rte_get_tsc_cycles(), r.end);
	if (end > r.start)
		g->latency.seconds = (double)(end - r.start) / (double)rte_get_tsc_hz();
	burst_forget(&g->pending[QUEUE]);
	collect_until(&r, g->latency.sent);
}
