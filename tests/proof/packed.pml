/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * A packed virtqueue: lib/virtio/packed.[ch] and an honest device. A descriptor's length, id and
 * flags are one word, loaded and stored at once. The driver stores the first of a burst last, with
 * release; the others in any order. NO_FIRST_LAST: the last one last.
 */

#include "virtq.h"

#define AVAIL 1
#define USED 2
#define EVEN(n) (((n) / SIZE) % 2 == 0)
#define GIVEN(n) (EVEN(n) -> AVAIL : USED)
#define BACK(n) (EVEN(n) -> (AVAIL | USED) : 0)
#define LAP_BEFORE(n) (((n) + WRAP - SIZE) % WRAP)

byte flags[SIZE], length[SIZE];

#ifdef TRANSMIT
#define NEXT(n) (n)
#define EXPECTED(n) BACK(LAP_BEFORE(n))
#else
#define NEXT(n) (((n) + SIZE) % WRAP)
#define EXPECTED(n) BACK(n)
#endif

#ifdef NO_FIRST_LAST
#define LAST (n - 1)
#else
#define LAST 0
#endif
#ifdef NO_RELEASE
#define MAY_GIVE(j) true
#else
#define MAY_GIVE(j) (j != LAST || (DONE(0, LOOK | DATA) && \
	(n == 1 || (DONE(1, LOOK | DATA) && DONE(1 - LAST, GIVE)))))
#endif
#ifdef NO_DEVICE_RELEASE
#define DEVICE_RELEASED true
#else
#define DEVICE_RELEASED ((did & DATA) != 0)
#endif

inline drive(j)
{
	if
#ifdef NO_ACQUIRE
	:: TODO(j, LOOK) && flags[SLOT(PLACE(j))] == EXPECTED(PLACE(j)) ->
#else
	:: TODO(j, LOOK) && OLDER(j, LOOK) && flags[SLOT(PLACE(j))] == EXPECTED(PLACE(j)) ->
#endif
		got_length[j] = length[SLOT(PLACE(j))]; done[j] = done[j] | LOOK
#ifdef TRANSMIT
	:: TODO(j, DATA) && ACQUIRED(j) -> data[SLOT(PLACE(j))] = PLACE(j); done[j] = done[j] | DATA
#else
	:: TODO(j, DATA) && ACQUIRED(j) -> got_data[j] = data[SLOT(PLACE(j))]; done[j] = done[j] | DATA
#endif
	:: TODO(j, GIVE) && DONE(j, LOOK) && MAY_GIVE(j) ->
		flags[SLOT(PLACE(j))] = GIVEN(NEXT(PLACE(j))); length[SLOT(PLACE(j))] = PLACE(j);
		done[j] = done[j] | GIVE
	fi
}

proctype driver()
{
	byte head, n = 1, done[2], got_data[2], got_length[2];

	do
	:: atomic { drive(0) }
	:: atomic { drive(1) }
	:: atomic { done[0] == 0 && done[1] == 0 -> n = 3 - n }
	:: atomic { DONE(0, LOOK | DATA | GIVE) && (n == 1 || DONE(1, LOOK | DATA | GIVE)) ->
#ifndef TRANSMIT
		assert(got_data[0] == PLACE(0) && got_length[0] == PLACE(0));
		assert(n == 1 || (got_data[1] == PLACE(1) && got_length[1] == PLACE(1)));
#endif
		head = PLACE(n); done[0] = 0; done[1] = 0; n = 1;
		got_data[0] = 0; got_data[1] = 0; got_length[0] = 0; got_length[1] = 0 }
	od
}

proctype device()
{
	byte at, did, got_data, got_length;

	do
	:: atomic { (did & LOOK) == 0 && flags[SLOT(at)] == GIVEN(at) ->
		got_length = length[SLOT(at)]; did = did | LOOK }
#ifdef TRANSMIT
	:: atomic { (did & DATA) == 0 && DEVICE_ACQUIRED -> got_data = data[SLOT(at)]; did = did | DATA }
#else
	:: atomic { (did & DATA) == 0 && DEVICE_ACQUIRED -> data[SLOT(at)] = at; did = did | DATA }
#endif
	:: atomic { (did & GIVE) == 0 && (did & LOOK) != 0 && DEVICE_RELEASED ->
		flags[SLOT(at)] = BACK(at); length[SLOT(at)] = at; did = did | GIVE }
	:: atomic { did == (LOOK | DATA | GIVE) ->
#ifdef TRANSMIT
		assert(got_data == at && got_length == at);
#endif
		at = (at + 1) % WRAP; did = 0; got_data = 0; got_length = 0 }
	od
}

init
{
	byte i;

	atomic {
#ifndef TRANSMIT
		do
		:: i < SIZE -> flags[i] = AVAIL; i++
		:: else -> break
		od;
#endif
		run driver();
		run device()
	}
}
