/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef CASES_H
#define CASES_H

/* What the hostile device can do, by name. Names are stable: scripts use them. */

#include "acts.h"
#include "backend.h"

enum device_kind {
	DEVICE_HONEST,	  /* nothing: for what a driver says, and whether it serves */
	DEVICE_ACT,	  /* one act in a ring, between two bursts of honest traffic */
	DEVICE_TRICK,	  /* one wrong answer in the protocol, at a new connection */
	DEVICE_STORM,	  /* all that is shared rewritten, at full speed */
	DEVICE_RECONNECT, /* connections that end anywhere in their beginning */
	DEVICE_HOLD,	  /* takes nothing, returns nothing; looks whether its buffers change */
	DEVICE_DOORBELL,  /* wants doorbells and wants none, at full speed */
};

struct device_case {
	char name[48];
	const char *row; /* of docs/hostile-peer.md */
	const char *what;
	enum device_kind kind;
	bool receive; /* act: in a ring on which the driver receives */
	const struct model_act *act;
	enum backend_trick trick;
	enum backend_request at;
};

#define DEVICE_CASES_MAX 256

/* All of them, in the order in which --all plays them. */
extern struct device_case device_cases[DEVICE_CASES_MAX];
extern unsigned int device_n_cases;

/* Fill the list in; before anything else. */
void device_cases_init(void);

/* NULL: there is none of this name. */
const struct device_case *device_find_case(const char *name);

/* One a line; or as tables of docs/hostile-device.md. */
void device_list_cases(void);
void device_list_markdown(void);

#endif /* CASES_H */
