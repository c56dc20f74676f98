/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"

/* The running kernel: what it allows and what it offers. */

#define AREA "kernel"

/* The kernel module is built for kernels from here on. */
#define MODULE_MAJOR 6
#define MODULE_MINOR 1

#define MEMBARRIER_WANTED ((1u << 3) | (1u << 4)) /* private expedited, and to register for it */

static void
report_release(struct doctor *d)
{
	struct line *l = report_add(&d->report, AREA, ROLE_BOTH, "release");
	unsigned int major = 0, minor = 0;
	char text[128];
	bool recent;

	probe_text(&d->probe, text, sizeof(text), "/proc/sys/kernel/osrelease");
	recent = sscanf(text, "%u.%u", &major, &minor) == 2 &&
		 (major > MODULE_MAJOR || (major == MODULE_MAJOR && minor >= MODULE_MINOR));
	line_say(l, "Linux %s", text[0] != '\0' ? text : "of unknown version");
	line_string(l, "release", text);
	line_bool(l, "module_supported", recent);
	if (!recent) {
		line_say(l, ": too old for the kernel module, which a guest may need");
		line_judge(l, VERDICT_WARN, "Linux %u.%u or newer", MODULE_MAJOR, MODULE_MINOR);
	}
}

static void
report_lockdown(struct doctor *d)
{
	struct line *l = report_add(&d->report, AREA, ROLE_GUEST, "lockdown");
	char text[128], *mode;

	if (!probe_text(&d->probe, text, sizeof(text), "/sys/kernel/security/lockdown")) {
		line_say(l, "unknown: there is no /sys/kernel/security/lockdown");
		line_string(l, "mode", "unknown");
		return;
	}
	/* "none [integrity] confidentiality" */
	mode = strchr(text, '[');
	if (mode == NULL) {
		line_say(l, "unknown: /sys/kernel/security/lockdown says \"%s\"", text);
		line_string(l, "mode", "unknown");
		return;
	}
	mode++;
	mode[strcspn(mode, "]")] = '\0';
	line_string(l, "mode", mode);
	d->locked_down = strcmp(mode, "none") != 0;
	if (!d->locked_down) {
		line_say(l, "none: a PCI device can be mapped through sysfs");
	} else if (d->module_loaded) {
		line_say(l, "%s: no PCI device can be mapped through sysfs; the kernel module can",
			 mode);
	} else {
		line_say(l, "%s: no PCI device can be mapped through sysfs", mode);
		line_judge(l, VERDICT_WARN, "load the kernel module folio, signed with a key that "
					    "this kernel trusts (mokutil --import)");
	}
}

static void
report_secure_boot(struct doctor *d)
{
	struct line *l = report_add(&d->report, AREA, ROLE_GUEST, "secure-boot");
	char enforce[8];
	uint8_t var[5];
	bool on;

	/* Four bytes of attributes, then the variable. */
	on = probe_bytes(&d->probe, var, sizeof(var), 0, "/sys/firmware/efi/efivars/SecureBoot-"
			 "8be4df61-93ca-11d2-aa0d-00e098032b8c") == sizeof(var) && var[4] == 1;
	d->signed_only = d->locked_down ||
			 (probe_text(&d->probe, enforce, sizeof(enforce),
				     "/sys/module/module/parameters/sig_enforce") &&
			  (enforce[0] == 'Y' || enforce[0] == '1'));
	line_bool(l, "secure_boot", on);
	line_bool(l, "signed_modules_only", d->signed_only);
	line_say(l, "Secure Boot is %s; the kernel takes %s modules", on ? "on" : "off",
		 d->signed_only ? "signed" : "any");
	if (d->signed_only && !d->module_loaded)
		line_judge(l, VERDICT_WARN, "enrol the key that DKMS signs with: mokutil --import "
					    "/var/lib/dkms/mok.pub, and reboot");
}

static void
report_iommu(struct doctor *d)
{
	struct line *l = report_add(&d->report, AREA, ROLE_BOTH, "iommu");
	struct probe_names units = probe_list(&d->probe, "/sys/class/iommu");
	struct probe_names groups = probe_list(&d->probe, "/sys/kernel/iommu_groups");

	line_say(l, "%u units, %u groups; folio needs none", units.n, groups.n);
	line_number(l, "units", units.n);
	line_number(l, "groups", groups.n);
	probe_names_free(&units);
	probe_names_free(&groups);
}

/* lib/boundary/gate.h: without it every burst pays for an atomic exchange. */
static void
report_membarrier(struct doctor *d)
{
	struct line *l = report_add(&d->report, AREA, ROLE_BOTH, "membarrier");
	unsigned int commands = 0;
	int err = probe_membarrier(&d->probe, &commands);
	bool usable = err == 0 && (commands & MEMBARRIER_WANTED) == MEMBARRIER_WANTED;

	line_bool(l, "usable", usable);
	if (usable) {
		line_say(l, "private expedited membarrier(2) is there");
		return;
	}
	line_say(l, "no private expedited membarrier(2)%s%s: every burst is a little slower",
		 err != 0 ? ": " : "", err != 0 ? strerror(err) : "");
	line_judge(l, VERDICT_WARN,
		   err == EPERM ? "allow membarrier in the seccomp filter (of the container?)"
				: "a kernel with CONFIG_MEMBARRIER, 4.14 or newer; allow it in the "
				  "seccomp filter if there is one");
}

static bool
find_seccomp(char *line, void *ctx)
{
	return sscanf(line, "Seccomp: %u", (unsigned int *)ctx) == 1;
}

static void
report_seccomp(struct doctor *d)
{
	struct line *l = report_add(&d->report, AREA, ROLE_BOTH, "seccomp");
	unsigned int mode = 0;

	probe_lines(&d->probe, find_seccomp, &mode, "/proc/self/status");
	line_number(l, "mode", mode);
	line_say(l, mode == 0 ? "no filter on this process"
			      : "a filter is on this process (a container?): it must allow mmap, "
				"ftruncate, fallocate and fcntl, and should allow membarrier");
}

static void
report_user(struct doctor *d)
{
	struct line *l = report_add(&d->report, AREA, ROLE_BOTH, "user");
	unsigned int uid;

	if (!probe_uid(&d->probe, &uid)) {
		line_say(l, "unknown");
		return;
	}
	line_number(l, "uid", uid);
	if (uid == 0) {
		line_say(l, "root");
		return;
	}
	line_say(l, "user %u, not root: devices and huge pages may be out of reach", uid);
	line_judge(l, VERDICT_WARN, "as root; or give this user the region's file or device, and a "
				    "hugetlbfs mount");
}

static bool
find_memlock(char *line, void *ctx)
{
	return sscanf(line, "Max locked memory %31s", (char *)ctx) == 1;
}

static void
report_memlock(struct doctor *d)
{
	struct line *l = report_add(&d->report, AREA, ROLE_BOTH, "memlock");
	char limit[32] = "unknown";

	probe_lines(&d->probe, find_memlock, limit, "/proc/self/limits");
	line_string(l, "limit", limit);
	line_say(l, "RLIMIT_MEMLOCK is %s; folio locks no memory", limit);
}

void
kernel_report(struct doctor *d)
{
	report_release(d);
	report_lockdown(d);
	report_secure_boot(d);
	report_membarrier(d);
	report_seccomp(d);
	report_user(d);
	report_memlock(d);
	report_iommu(d);
}
