/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "standstill.h"

struct fake_time fake_time = {.now = 1};

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	(void)id;
	ts->tv_sec = (time_t)(fake_time.now / 1000000000);
	ts->tv_nsec = (long)(fake_time.now % 1000000000);
	return 0;
}

int
nanosleep(const struct timespec *step, struct timespec *left)
{
	uint64_t ns = (uint64_t)step->tv_sec * 1000000000 + (uint64_t)step->tv_nsec;

	(void)left;
	fake_time.now += ns;
	fake_time.slept += ns;
	fake_time.sleeps++;
	if (fake_time.meanwhile != NULL)
		fake_time.meanwhile();
	return 0;
}

struct stall stall;
const struct folio_config standstill_shape = {.ring_size = 256, .slot_size = 2048};

void
set_busy(struct folio *f, uint32_t busy)
{
	uint32_t q;

	for (q = 0; q < f->queues; q++) {
		f->txq[q].gate.busy = busy;
		f->rxq[q].gate.busy = busy;
	}
}

void
bring_up(struct duo *d)
{
	duo_tick(d, ENOUGH);
	assert_true(duo_is_up(d));
}

void
open_duo(struct duo *d, uint32_t queues)
{
	struct folio_config shape = standstill_shape;

	shape.queues = queues;
	d->guest = duo_open(d, FOLIO_GUEST, shape);
	d->host = duo_open(d, FOLIO_HOST, (struct folio_config){.queues = queues});
	assert_int_equal(folio_start(d->guest), 0);
	assert_int_equal(folio_start(d->host), 0);
	bring_up(d);
}

int
standstill_setup(void **state)
{
	if (duo_setup(state) != 0)
		return -1;
	fake_time.meanwhile = NULL;
	stall.then = NULL;
	stall.duo = *state;
	return 0;
}

uint8_t frame[FRAME];
static uint8_t landing[FRAMES][FRAME + 64];

void
send_frames(struct folio *f, unsigned int n, uint32_t len)
{
	const struct folio_buf buf = {.data = frame, .len = len};
	unsigned int i;

	for (i = 0; i < n; i++) {
		memset(frame, (int)i + 1, len);
		assert_int_equal(folio_send(f, 0, &buf, 1), 1);
	}
}

unsigned int
recv_frames(struct folio *f, unsigned int n, uint32_t len)
{
	struct folio_buf bufs[FRAMES];
	unsigned int i, got;

	for (i = 0; i < n; i++)
		bufs[i] = (struct folio_buf){.data = landing[i], .room = sizeof(landing[i])};
	got = folio_recv(f, 0, bufs, (uint16_t)n);
	for (i = 0; i < got; i++) {
		assert_int_equal(bufs[i].len, len);
		assert_true(landing[i][0] != 0);
		assert_true(util_all_bytes(landing[i], landing[i][0], len));
	}
	return got;
}

void
check_traffic(struct duo *d)
{
	bring_up(d);
	send_frames(d->guest, 8, FRAME);
	assert_int_equal(recv_frames(d->host, FRAMES, FRAME), 8);
	send_frames(d->host, 8, 60);
	assert_int_equal(recv_frames(d->guest, FRAMES, 60), 8);
}

void
tick_guest(struct duo *d, unsigned int n)
{
	while (n-- > 0)
		folio_tick(d->guest);
}

void
restarts(struct duo *d)
{
	folio_stop(d->guest);
	assert_int_equal(folio_start(d->guest), 0);
	tick_guest(d, SETTLE + 2); /* it leaves us behind, and begins anew */
}
