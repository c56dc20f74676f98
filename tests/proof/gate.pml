/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * The gate of lib/boundary/gate.[ch], on the machine of ring.pml: the datapath thread enters and
 * leaves for ever, in any order that nothing forbids, with two bursts in flight; control closes,
 * touches the rings and opens. A burst that found the gate open must not have touched them
 * meanwhile.
 *
 * membarrier(2) puts a full barrier where the datapath thread happens to be: what it has done then
 * is all of its program up to a point. FENCED is the gate without membarrier.
 *
 * NO_MEMBARRIER, NO_FENCE (with FENCED), NO_ACQUIRE_OPEN, NO_RELEASE_OPEN, NO_RELEASE_BUSY and
 * NO_ACQUIRE_BUSY take one thing away each.
 */

/* What is done of a burst, in the order of the program. */
#define ENTER 1 /* busy = 1 */
#define LOOK 2	/* open? */
#define TOUCH 4 /* the ring; nothing if it was closed */
#define LEAVE 8 /* busy = 0 */
#define ALL 15

#define TODO(j, what) ((done[j] & (what)) == 0)
#define DONE(j, what) ((done[j] & (what)) == (what))
#define AFTER_OLDER(j, what) (j == 0 || DONE(0, what))

#if defined(FENCED) && !defined(NO_FENCE)
#define MAY_LOOK(j) (AFTER_OLDER(j, ALL) && DONE(j, ENTER))
#else
#define MAY_LOOK(j) AFTER_OLDER(j, LOOK)
#endif
#ifdef NO_ACQUIRE_OPEN
#define ACQUIRED(j) true
#else
#define ACQUIRED(j) (DONE(j, LOOK) && AFTER_OLDER(j, LOOK))
#endif
#ifdef NO_RELEASE_BUSY
#define MAY_LEAVE(j) DONE(j, ENTER | LOOK)
#else
#define MAY_LEAVE(j) (DONE(j, ENTER | LOOK | TOUCH) && AFTER_OLDER(j, ALL))
#endif

#define IS_PREFIX(mask) (mask == 0 || mask == 1 || mask == 3 || mask == 7 || mask == 15)

bool open, busy;
bool inside; /* control is: no shared memory, but what must not overlap */
byte done[2];
bool found_open[2], hurt[2];

inline burst(j)
{
	if
	:: TODO(j, ENTER) && AFTER_OLDER(j, LEAVE) && AFTER_OLDER(j, LOOK) ->
		busy = true; done[j] = done[j] | ENTER
	:: TODO(j, LOOK) && MAY_LOOK(j) ->
		found_open[j] = open; done[j] = done[j] | LOOK
	:: TODO(j, TOUCH) && ACQUIRED(j) && AFTER_OLDER(j, LOOK) ->
		hurt[j] = inside; done[j] = done[j] | TOUCH
	:: TODO(j, LEAVE) && MAY_LEAVE(j) ->
		busy = false; done[j] = done[j] | LEAVE
	fi
}

active proctype datapath()
{
	do
	:: atomic { burst(0) }
	:: atomic { burst(1) }
	:: atomic { done[0] == ALL ->
		assert(!(found_open[0] && hurt[0]));
		done[0] = done[1]; found_open[0] = found_open[1]; hurt[0] = hurt[1];
		done[1] = 0; found_open[1] = false; hurt[1] = false }
	od
}

active proctype control()
{
	do
	:: open = false;
#if !defined(FENCED) && !defined(NO_MEMBARRIER)
		atomic { IS_PREFIX(done[0]) && IS_PREFIX(done[1]) && (done[1] == 0 || done[0] == ALL) }
#endif
#ifdef NO_ACQUIRE_BUSY
		inside = true;
		!busy;
#else
		!busy;
		inside = true;
#endif
#ifdef NO_RELEASE_OPEN
		open = true;
		inside = false
#else
		inside = false;
		open = true
#endif
	od
}
