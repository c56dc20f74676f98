/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * A session of either role, any calls in any order, and a peer that writes anything at any time.
 * The peer's area is constant memory: to write into it would be an alarm.
 */

#include <string.h>
#include <sys/random.h>

#include "eva.h"
#include "native/session.h"

extern const uint8_t peer_area[FOLIO_WIRE_PAGE];
static uint8_t own_area[FOLIO_WIRE_PAGE];
static struct folio_session s;

/* Fails, or brings anything. */
ssize_t
getrandom(void *buf, size_t len, unsigned int flags)
{
	if (maybe())
		return -1;
	Frama_C_make_unknown(buf, len);
	return Frama_C_interval(0, (int)len);
}

static struct folio_geometry
any_geometry(void)
{
	struct folio_geometry g = {any_u32, any_u32, any_u32, any_u32};

	return g;
}

static void
step(void)
{
	if (folio_session_step(&s) == FOLIO_DO_RESET && maybe())
		folio_session_answer(&s);
}

static void
look_for_a_guest(void)
{
	struct folio_wire_header copy;
	struct folio_geometry g, limit = any_geometry();
	uint64_t generation;

	Frama_C_make_unknown((char *)&copy, sizeof(copy));
	if (folio_session_peek(&s, &copy, &g, &generation) == 1 &&
	    folio_session_over_limit(&s, &g, &limit, generation) == FOLIO_WIRE_REFUSED_NOT)
		folio_session_reject(&s, FOLIO_PEER_BAD_GEOMETRY, generation);
}

void
main(void)
{
	struct folio_geometry geom = any_geometry();

	s.reject = -1;
	s.role = maybe() ? FOLIO_GUEST : FOLIO_HOST;
	look_for_a_guest();
	folio_session_attach(&s, s.role, own_area, (void *)peer_area, &geom);
	while (maybe()) {
		switch (any_int) {
		case 0:
			folio_session_start(&s);
			break;
		case 1:
			folio_session_stop(&s);
			break;
		case 2:
			folio_session_renegotiate(&s);
			break;
		case 3:
			(void)folio_session_peer_holds(&s);
			break;
		case 4:
			look_for_a_guest();
			break;
		case 5:
			folio_session_wipe_header(own_area);
			break;
		default:
			step();
			break;
		}
		/*@ assert link: FOLIO_LINK_STOPPED <= s.link <= FOLIO_LINK_UP; */
		/*@ assert state: FOLIO_SESSION_STOPPED <= s.state <= FOLIO_SESSION_UP; */
		/*@ assert reject: s.reject == -1 ||
		      FOLIO_PEER_BAD_MAGIC <= s.reject < FOLIO_VIOLATIONS; */
	}
}
