/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * A split virtqueue: lib/virtio/split.[ch] and an honest device. Indices are counts modulo WRAP. A
 * word is a descriptor with its ring entry (transmit), or a used element (receive).
 */

#include "virtq.h"

#define AHEAD(from, to) ((to + WRAP - from) % WRAP)

#ifdef TRANSMIT
#define START 0
#define READY(n) (AHEAD(used, n) < SIZE)
#define GIVEN(n) (AHEAD(n, avail) > 0 && AHEAD(n, avail) <= SIZE)
#else
#define START SIZE
#define READY(n) (AHEAD(n, used) > 0 && AHEAD(n, used) <= SIZE)
#define GIVEN(n) (AHEAD(n, avail) > 0 && AHEAD(n, avail) <= SIZE)
#endif

byte avail = START, used, word[SIZE];

#ifdef NO_RELEASE
#define RELEASED (DONE(0, LOOK) && (n == 1 || DONE(1, LOOK)))
#else
#define RELEASED (DONE(0, LOOK | DATA | WORD) && (n == 1 || DONE(1, LOOK | DATA | WORD)))
#endif
#ifdef NO_DEVICE_RELEASE
#define DEVICE_RELEASED ((did & LOOK) != 0)
#else
#define DEVICE_RELEASED ((did & (LOOK | DATA | WORD)) == (LOOK | DATA | WORD))
#endif

inline drive(j)
{
	if
	:: TODO(j, LOOK) && OLDER(j, LOOK) && READY(PLACE(j)) -> done[j] = done[j] | LOOK
#ifdef TRANSMIT
	:: TODO(j, DATA) && ACQUIRED(j) -> data[SLOT(PLACE(j))] = PLACE(j); done[j] = done[j] | DATA
	:: TODO(j, WORD) && ACQUIRED(j) -> word[SLOT(PLACE(j))] = PLACE(j); done[j] = done[j] | WORD
#else
	:: TODO(j, DATA) && ACQUIRED(j) -> got_data[j] = data[SLOT(PLACE(j))]; done[j] = done[j] | DATA
	:: TODO(j, WORD) && ACQUIRED(j) -> got_word[j] = word[SLOT(PLACE(j))]; done[j] = done[j] | WORD
#endif
	fi
}

active proctype driver()
{
	byte head, n = 1, done[2], got_data[2], got_word[2];
	bool given;

	do
	:: atomic { drive(0) }
	:: atomic { drive(1) }
	:: atomic { done[0] == 0 && done[1] == 0 && !given -> n = 3 - n }
	:: atomic { !given && RELEASED -> avail = (head + START + n) % WRAP; given = true }
	:: atomic { given && DONE(0, LOOK | DATA | WORD) && (n == 1 || DONE(1, LOOK | DATA | WORD)) ->
#ifndef TRANSMIT
		assert(got_data[0] == PLACE(0) && got_word[0] == PLACE(0));
		assert(n == 1 || (got_data[1] == PLACE(1) && got_word[1] == PLACE(1)));
#endif
		head = PLACE(n); done[0] = 0; done[1] = 0; given = false; n = 1;
		got_data[0] = 0; got_data[1] = 0; got_word[0] = 0; got_word[1] = 0 }
	od
}

active proctype device()
{
	byte at, did, got_data, got_word;

	do
	:: atomic { (did & LOOK) == 0 && GIVEN(at) -> did = did | LOOK }
#ifdef TRANSMIT
	:: atomic { (did & DATA) == 0 && DEVICE_ACQUIRED -> got_data = data[SLOT(at)]; did = did | DATA }
	:: atomic { (did & WORD) == 0 && DEVICE_ACQUIRED -> got_word = word[SLOT(at)]; did = did | WORD }
#else
	:: atomic { (did & DATA) == 0 && DEVICE_ACQUIRED -> data[SLOT(at)] = at; did = did | DATA }
	:: atomic { (did & WORD) == 0 && DEVICE_ACQUIRED -> word[SLOT(at)] = at; did = did | WORD }
#endif
	:: atomic { (did & GIVE) == 0 && DEVICE_RELEASED -> used = (at + 1) % WRAP; did = did | GIVE }
	:: atomic { did == (LOOK | DATA | WORD | GIVE) ->
#ifdef TRANSMIT
		assert(got_data == at && got_word == at);
#endif
		at = (at + 1) % WRAP; did = 0; got_data = 0; got_word = 0 }
	od
}
