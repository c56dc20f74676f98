/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * The end of a session under a burst that stands still, on the machine of ring.pml: a consumer
 * copies two words of a frame and then looks at the peer's generation (folio_cons_stands() of
 * lib/native/ring.h); the producer, which was not waited for, or did not wait, lets go
 * (begin_settle(), folio_session_stop(), folio_session_wipe_header() of lib/native/session.c), and
 * uses its memory for the next session. What is delivered must be whole and of the session that the
 * burst began in.
 *
 * A session's number is its generation, and the content of its frames; 0 is zeroed memory. The
 * burst takes place in any order that nothing forbids, and at any moment of the producer's life;
 * the producer's stores, too, but for its fence (of publish() and folio_session_wipe_header()).
 *
 * NO_RECHECK, NO_READ_FENCE, NO_NEW_GENERATION (it changes at the next offer only) and
 * NO_WRITE_FENCE take one thing away each.
 */

#define SESSIONS 3

#define DATA0 1
#define DATA1 2
#define ALL 3

byte generation = 1;
byte data0 = 1, data1 = 1;

#define TODO(what) ((done & (what)) == 0)

/* One session ends and the next begins: stores 1 to 5 of the program, in any order that is left. */
#define NAMED 1 /* the new generation */
#define ZERO0 2
#define ZERO1 4
#define FILL0 8
#define FILL1 16
#define OVER 31
#ifdef NO_WRITE_FENCE
#define FENCED true
#else
#define FENCED ((stored & NAMED) != 0)
#endif

active proctype producer()
{
	byte session = 1;
	byte stored;

	do
	:: session < SESSIONS ->
		stored = 0;
		do
#ifdef NO_NEW_GENERATION
		:: atomic { (stored & NAMED) == 0 && (stored & (ZERO0 | ZERO1)) == (ZERO0 | ZERO1) ->
			generation = session + 1; stored = stored | NAMED }
		:: atomic { (stored & ZERO0) == 0 -> data0 = 0; stored = stored | ZERO0 }
		:: atomic { (stored & ZERO1) == 0 -> data1 = 0; stored = stored | ZERO1 }
#else
		:: atomic { (stored & NAMED) == 0 ->
			generation = session + 1; stored = stored | NAMED }
		:: atomic { (stored & ZERO0) == 0 && FENCED -> data0 = 0; stored = stored | ZERO0 }
		:: atomic { (stored & ZERO1) == 0 && FENCED -> data1 = 0; stored = stored | ZERO1 }
#endif
		:: atomic { (stored & FILL0) == 0 && (stored & ZERO0) != 0 && FENCED ->
			data0 = session + 1; stored = stored | FILL0 }
		:: atomic { (stored & FILL1) == 0 && (stored & ZERO1) != 0 && FENCED ->
			data1 = session + 1; stored = stored | FILL1 }
		:: atomic { stored == OVER -> session++; break }
		od
	:: else -> break
	od
}

/* Bursts of the session that the consumer is in; which one that is, its control thread says. */
active proctype consumer()
{
	byte mine = 1;
	byte done, got0, got1, seen;

	do
	:: done = 0; got0 = 0; got1 = 0; seen = 0;
		do
		:: atomic { TODO(DATA0) -> got0 = data0; done = done | DATA0 }
		:: atomic { TODO(DATA1) -> got1 = data1; done = done | DATA1 }
#ifdef NO_READ_FENCE
		:: atomic { seen == 0 -> seen = generation }
		:: atomic { done == ALL && seen != 0 -> break }
#else
		:: atomic { done == ALL -> seen = generation; break }
#endif
		od;
#ifndef NO_RECHECK
		if
		:: seen == mine -> assert(got0 == mine && got1 == mine)
		:: else
		fi
#else
		assert(got0 == mine && got1 == mine)
#endif
	:: atomic { /* rings are reset and answered: the next session is open */
		generation != mine && data0 == generation && data1 == generation -> mine = generation }
	od
}
