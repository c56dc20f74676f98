/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * What split.pml and packed.pml have in common. There is one memory, as in ring.pml, and the
 * operations of a side take place in any order that acquire, release and sameness of place do not
 * forbid; no dependency forbids anything. The driver handles a burst of one or two frames, the
 * device one at a time. A frame is known by its place: who sees another one's content sees a stale
 * or a torn one.
 *
 * The driver transmits (-DTRANSMIT) or receives. NO_ACQUIRE and NO_RELEASE take away the driver's
 * acquire and release, NO_DEVICE_ACQUIRE and NO_DEVICE_RELEASE the device's.
 */

#ifndef SIZE
#define SIZE 2
#endif
#define WRAP (4 * SIZE) /* of places: rings go around, and wrap counters, too */
#define SLOT(n) ((n) % SIZE)
#define PLACE(j) ((head + j) % WRAP)

/* What is done of a frame. */
#define LOOK 1
#define DATA 2
#define WORD 4
#define GIVE 8

#define DONE(j, what) ((done[j] & (what)) == (what))
#define TODO(j, what) (j < n && (done[j] & (what)) == 0)
#define OLDER(j, what) (j == 0 || DONE(0, what))

#ifdef NO_ACQUIRE
#define ACQUIRED(j) true
#else
#define ACQUIRED(j) (DONE(j, LOOK) && OLDER(j, LOOK))
#endif
#ifdef NO_DEVICE_ACQUIRE
#define DEVICE_ACQUIRED true
#else
#define DEVICE_ACQUIRED ((did & LOOK) != 0)
#endif

byte data[SIZE];
