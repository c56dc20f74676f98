/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * The handshake of lib/native/session.c between two live sides, each of which ends the session
 * whenever it likes (GENERATIONS times in all): no side may find in the peer's ring what was
 * written in another session than its own, nor that the peer zeroed it in mid-session. The steps
 * are those of folio_session_step(), a store or a load at a time.
 *
 * A session's generation changes when it ends, before its side waits and resets; what a burst that
 * was not waited for makes of that is in epoch.pml. Taken as given here: a live peer lets go within
 * the 200 ms that SETTLE waits. Generations never repeat: they are 64 random bits.
 *
 * NO_RELEASE_ACK, NO_ACQUIRE_ACK, NO_RESET, NO_SETTLE and NO_NAME_LAST (who looks then may take the
 * new generation for one that it was answered in) take one thing away each.
 */

#ifndef GENERATIONS
#define GENERATIONS 3
#endif

mtype = { SETTLE, OFFER, UP };

byte generation[2], ack[2]; /* of the header pages */
bool started[2];
byte ring[2];		    /* what is in the ring that a side fills: 0, or the session */

#define SESSION(mine, theirs) ((mine) * (GENERATIONS + 2) + (theirs))

inline reset()
{
#ifndef NO_RESET
	ring[me] = 0;
#endif
	dirty = false
}

/* Zero our ring and answer. The release of `ack` keeps the zeroes before it. */
inline reset_and_ack(value)
{
#ifdef NO_RELEASE_ACK
	ack[me] = value;
	ring[me] = 0;
#else
#ifndef NO_RESET
	ring[me] = 0;
#endif
	ack[me] = value;
#endif
	dirty = false
}

inline begin_settle()
{
	state = SETTLE;
	acked = 0;
	held = own;
	own++;
#ifdef NO_NAME_LAST
	generation[me] = own;
#endif
	started[me] = false;
	ack[me] = 0;
	generation[me] = own
}

/* Each field once, as look() does. */
inline look()
{
#ifdef NO_ACQUIRE_ACK
	early = ring[1 - me]; /* the burst that follows reads before `ack` is read */
#endif
	there = started[1 - me];
	peer = generation[1 - me];
	answer = ack[1 - me];
	if
	:: !there -> peer = 0
	:: else
	fi
}

inline step_settle()
{
	if
#ifndef NO_SETTLE
	:: held != 0 && answer == held /* the peer holds on */
#endif
	:: else ->
		if
		:: own > GENERATIONS -> break
		:: else
		fi;
		if
		:: dirty -> reset_and_ack(0)
		:: else
		fi;
		generation[me] = own;
		started[me] = true;
		held = 0;
		state = OFFER
	fi
}

inline step_offer()
{
	if
	:: peer == 0 && !dirty && acked == 0
	:: peer == 0 && (dirty || acked != 0) -> /* it let go: this session is over, too */
		if
		:: dirty -> reset()
		:: else
		fi;
		begin_settle()
	:: peer != 0 && peer != acked && dirty ->
		acked = peer;
		reset_and_ack(acked)
	:: peer != 0 && peer == acked && dirty ->
		begin_settle()
	:: peer != 0 && !dirty ->
		if
		:: peer != acked -> acked = peer; ack[me] = acked
		:: else
		fi;
		if
		:: answer == own -> state = UP; dirty = true; seen = false
#ifdef NO_ACQUIRE_ACK
			assert(early == 0 || early == SESSION(acked, own))
#endif
		:: else
		fi
	fi
}

inline step_up()
{
	if
	:: peer == acked && answer == own
	:: else -> state = OFFER /* the gates are closed */
	fi
}

proctype side(byte me)
{
	mtype state = SETTLE;
	bool dirty, seen;
	byte found; /* in the peer's ring */
	byte own = 1, held, acked, peer, answer, early;
	bool there;

	do
	:: look();
		if
		:: state == SETTLE -> step_settle()
		:: state == OFFER -> step_offer()
		:: state == UP -> step_up()
		fi;
		peer = 0; answer = 0; early = 0; there = false
	:: state == UP -> ring[me] = SESSION(own, acked) /* send */
	:: state == UP -> /* receive */
		found = ring[1 - me];
		assert(found == SESSION(acked, own) || (found == 0 && !seen));
		seen = seen || found != 0;
		found = 0
	:: state == UP -> begin_settle() /* framing was lost, or the user restarts the port */
	od
}

init
{
	atomic { run side(0); run side(1) }
}
