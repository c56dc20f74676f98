/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <stdio.h>
#include <string.h>

#include "doctor.h"

/* What all that was found means for the two roles. docs/doctor.md states the same rules. */

#define AREA "verdict"

unsigned int
roles_choose(const struct doctor *d)
{
	if (d->opt.role != 0)
		return d->opt.role;
	if (machine_is_confidential(d))
		return ROLE_GUEST;
	if (d->kind == MACHINE_VM &&
	    (d->n_devices > 0 || d->n_nodes > 0 || d->module_loaded))
		return ROLE_BOTH;
	return ROLE_HOST;
}

static const char *
name_of(unsigned int role)
{
	return role == ROLE_GUEST ? "guest" : "host";
}

static bool
report_role(struct doctor *d, unsigned int role, const char *obstacle, const char *devargs)
{
	enum verdict worst = report_worst(&d->report, role);
	struct line *l = report_add(&d->report, AREA, role, "%s", name_of(role));

	line_string(l, "obstacle", obstacle != NULL ? obstacle : "");
	line_string(l, "devargs", obstacle != NULL ? "" : devargs);
	if (obstacle != NULL) {
		line_say(l, "folio cannot run here as %s: %s", name_of(role), obstacle);
		line_judge(l, VERDICT_FAIL, "the lines above that begin with fail say what to do");
		return false;
	}
	line_say(l, "folio can run here as %s: --vdev=net_folio0,role=%s,%s", name_of(role),
		 name_of(role), devargs);
	if (worst != VERDICT_OK)
		line_judge(l, VERDICT_WARN, "the lines above that begin with warn or fail say what "
					    "would be better");
	return true;
}

bool
roles_report(struct doctor *d)
{
	bool driver = d->opt.no_dpdk || d->plugin_ok;
	const char *obstacle;
	char devargs[280];
	bool can_run = false;

	if ((d->report.roles & ROLE_GUEST) != 0) {
		obstacle = d->guest_path[0] == '\0' ? "there is no region that it can use" :
			   !driver ? "the driver cannot be loaded" : NULL;
		can_run |= report_role(d, ROLE_GUEST, obstacle, d->guest_path);
	}
	if ((d->report.roles & ROLE_HOST) != 0) {
		snprintf(devargs, sizeof(devargs), "path=%s", d->host_path);
		obstacle = machine_is_confidential(d) ? "a confidential machine hosts no other" :
			   d->host_path[0] == '\0' ? "there is no place for a region" :
			   !driver ? "the driver cannot be loaded" : NULL;
		can_run |= report_role(d, ROLE_HOST, obstacle, devargs);
	}
	return can_run;
}
