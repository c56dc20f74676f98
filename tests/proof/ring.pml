/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * One ring: the publish and consume protocol of lib/native/ring.h on a weakly ordered machine.
 *
 * There is one memory, as on x86, Armv8 and RISC-V, but the operations of a side take place in any
 * order that nothing forbids. Accesses to one place stay in order; an acquire is before everything
 * behind it, a release after everything before it. Dependencies forbid nothing, which is weaker
 * than those machines: a load may come late, and what was done on a guess of its value then counts
 * only when the guess is right. Each side has two packets in flight.
 *
 * A packet is three words, the descriptor and two of payload, so that a torn one is seen. Indices
 * are counts modulo WRAP. The consumer publishes every LAG slots and when it is idle; that ends
 * which wait say their index again brings nothing new here, where nobody overwrites one. Memory
 * that is mapped write-combining, and its fences, are no part of this.
 *
 * NO_RELEASE_PRODUCED, NO_ACQUIRE_PRODUCED, NO_RELEASE_CONSUMED, NO_ACQUIRE_CONSUMED and
 * NO_IDLE_PUBLISH take one thing away each.
 */

#ifndef SIZE
#define SIZE 2
#endif
#ifndef LAG
#define LAG 1
#endif
#ifndef NEED
#define NEED 1 /* slots that the producer wants free: a frame of several waits for all of them */
#endif
#define WRAP (4 * SIZE) /* of indices; a packet's content is its index: a stale one is seen */

/* What is done of a packet. */
#define DESC 1
#define DATA0 2
#define DATA1 4
#define INDEX 8 /* the peer's index says that its slot is ours */
#define PUBLISH 16
#define WORDS (DESC | DATA0 | DATA1)
#define ALL (WORDS | INDEX | PUBLISH)

/* Of the older (0) and the younger (1) packet in flight. */
#define TODO(j, what) ((done[j] & (what)) == 0)
#define AFTER_OLDER(j, what) (j == 0 || (done[0] & (what)) == (what))
#define ACQUIRED(j) (!TODO(j, INDEX) && AFTER_OLDER(j, INDEX))
#define BEHIND_ALL(j) ((done[j] & (WORDS | INDEX)) == (WORDS | INDEX) && AFTER_OLDER(j, ALL))

#ifdef NO_ACQUIRE_CONSUMED
#define MAY_WRITE(j) true
#else
#define MAY_WRITE(j) ACQUIRED(j)
#endif
#ifdef NO_RELEASE_PRODUCED
#define MAY_PRODUCE(j) (AFTER_OLDER(j, PUBLISH) && ACQUIRED(j))
#else
#define MAY_PRODUCE(j) (AFTER_OLDER(j, PUBLISH) && BEHIND_ALL(j))
#endif
#ifdef NO_ACQUIRE_PRODUCED
#define MAY_READ(j) true
#else
#define MAY_READ(j) ACQUIRED(j)
#endif
#ifdef NO_RELEASE_CONSUMED
#define MAY_CONSUME(j) (AFTER_OLDER(j, PUBLISH) && ACQUIRED(j))
#else
#define MAY_CONSUME(j) (AFTER_OLDER(j, PUBLISH) && BEHIND_ALL(j))
#endif

byte produced, consumed;
byte desc[SIZE], data0[SIZE], data1[SIZE];

#define NUMBER(j) ((head + j) % WRAP)
#define SLOT(j) ((head + j) % SIZE)
#define FILLED(from, to) ((to + WRAP - from) % WRAP)

inline produce(j)
{
	if
	:: TODO(j, INDEX) && AFTER_OLDER(j, INDEX) && FILLED(consumed, NUMBER(j)) + NEED <= SIZE ->
		done[j] = done[j] | INDEX
	:: TODO(j, DESC) && MAY_WRITE(j) ->
		desc[SLOT(j)] = NUMBER(j); done[j] = done[j] | DESC
	:: TODO(j, DATA0) && MAY_WRITE(j) ->
		data0[SLOT(j)] = NUMBER(j); done[j] = done[j] | DATA0
	:: TODO(j, DATA1) && MAY_WRITE(j) ->
		data1[SLOT(j)] = NUMBER(j); done[j] = done[j] | DATA1
	:: TODO(j, PUBLISH) && MAY_PRODUCE(j) ->
		produced = (NUMBER(j) + 1) % WRAP; done[j] = done[j] | PUBLISH
	fi
}

active proctype producer()
{
	byte head, done[2];

	do
	:: atomic { produce(0) }
	:: atomic { produce(1) }
	:: atomic { done[0] == ALL ->
		head = NUMBER(1); done[0] = done[1]; done[1] = 0 }
	od
}

inline consume(j)
{
	if
	:: TODO(j, INDEX) && AFTER_OLDER(j, INDEX) &&
	   FILLED(NUMBER(j), produced) >= 1 && FILLED(NUMBER(j), produced) <= SIZE ->
		done[j] = done[j] | INDEX
	:: TODO(j, DESC) && MAY_READ(j) ->
		got_desc[j] = desc[SLOT(j)]; done[j] = done[j] | DESC
	:: TODO(j, DATA0) && MAY_READ(j) ->
		got_data0[j] = data0[SLOT(j)]; done[j] = done[j] | DATA0
	:: TODO(j, DATA1) && MAY_READ(j) ->
		got_data1[j] = data1[SLOT(j)]; done[j] = done[j] | DATA1
	:: TODO(j, PUBLISH) && MAY_CONSUME(j) ->
		if
		:: FILLED(published, NUMBER(j)) + 1 >= LAG ->
			published = (NUMBER(j) + 1) % WRAP;
			consumed = published
		:: else
		fi;
		done[j] = done[j] | PUBLISH
	fi
}

active proctype consumer()
{
	byte head, published, done[2];
	byte got_desc[2], got_data0[2], got_data1[2];

	do
	:: atomic { consume(0) }
	:: atomic { consume(1) }
	:: atomic { done[0] == ALL ->
		assert(got_desc[0] == head && got_data0[0] == head && got_data1[0] == head);
		head = NUMBER(1);
		done[0] = done[1]; done[1] = 0;
		got_desc[0] = got_desc[1]; got_data0[0] = got_data0[1]; got_data1[0] = got_data1[1];
		got_desc[1] = 0; got_data0[1] = 0; got_data1[1] = 0 }
#ifndef NO_IDLE_PUBLISH
	:: atomic { done[0] == 0 && done[1] == 0 && produced == head && published != head ->
		published = head; consumed = head }
#endif
	od
}
