/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"

/* The kernel module folio, and the files that it made. */

#define AREA "module"

static bool
is_region_node(const char *name)
{
	return strncmp(name, "folio", 5) == 0 && name[5] != '\0' &&
	       strspn(name + 5, "0123456789") == strlen(name + 5);
}

void
module_look(struct doctor *d)
{
	struct probe_names names;
	struct node *n;
	unsigned int i;

	/* Whoever lets go of a region zeroes it: a host's doctor has no business there. */
	if (d->opt.role == ROLE_HOST)
		return;
	names = probe_list(&d->probe, "/dev");
	d->module_loaded = probe_is_dir(&d->probe, "/sys/module/folio");
	for (i = 0; i < names.n && d->n_nodes < MAX_NODES; i++) {
		if (!is_region_node(names.name[i]))
			continue;
		n = &d->nodes[d->n_nodes++];
		strcpy(n->name, names.name[i]);
		n->open_errno = probe_info(&d->probe, n->name, &n->info);
	}
	probe_names_free(&names);
}

static bool
find_module(char *line, void *ctx)
{
	size_t len = strcspn(line, ":");
	char *last;

	line[len] = '\0';
	last = strrchr(line, '/');
	last = last != NULL ? last + 1 : line;
	if (strncmp(last, "folio.ko", 8) != 0)
		return false;
	snprintf(ctx, 256, "%s", line);
	return true;
}

/* modules.dep knows them all, if depmod ran. */
static bool
module_is_installed(const struct probe *p, char file[256])
{
	static const char *const folders[] = {"updates/dkms", "updates", "extra"};
	static const char *const ends[] = {"", ".xz", ".zst", ".gz"};
	char release[128];
	size_t i, j;

	if (!probe_text(p, release, sizeof(release), "/proc/sys/kernel/osrelease"))
		return false;
	if (probe_lines(p, find_module, file, "/lib/modules/%s/modules.dep", release))
		return true;
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		for (j = 0; j < sizeof(ends) / sizeof(ends[0]); j++) {
			snprintf(file, 256, "%s/folio.ko%s", folders[i], ends[j]);
			if (probe_exists(p, "/lib/modules/%s/%s", release, file))
				return true;
		}
	}
	return false;
}

static void
report_module(struct doctor *d)
{
	struct line *l = report_add(&d->report, AREA, ROLE_GUEST, "folio.ko");
	/* Nothing but the module brings a region here. */
	enum verdict v = d->locked_down ? VERDICT_FAIL : VERDICT_WARN;
	char version[64], file[256] = "";
	bool installed;

	line_bool(l, "loaded", d->module_loaded);
	if (d->module_loaded) {
		probe_text(&d->probe, version, sizeof(version), "/sys/module/folio/version");
		line_string(l, "version", version);
		line_say(l, "loaded, version %s", version[0] != '\0' ? version : "unknown");
		return;
	}
	installed = module_is_installed(&d->probe, file);
	line_bool(l, "installed", installed);
	if (installed) {
		line_say(l, "installed (%s), not loaded", file);
		line_judge(l, v, "modprobe folio%s", d->signed_only ? "; it has to be signed" : "");
	} else {
		line_say(l, "not installed; %s", d->locked_down
				? "with lockdown nothing else gives access to a region"
				: "without it a region is uncached and slow");
		line_judge(l, v, "build, install%s and load it: drivers/kernel/folio",
			   d->signed_only ? ", sign" : "");
	}
}

static const char *
caching_name(uint32_t caching)
{
	switch (caching) {
	case FOLIO_IOCTL_CACHING_WRITE_BACK:
		return "write-back";
	case FOLIO_IOCTL_CACHING_WRITE_COMBINING:
		return "write-combining";
	case FOLIO_IOCTL_CACHING_UNCACHED:
		return "uncached";
	default:
		return "unknown";
	}
}

static void
judge_info(struct line *l, const struct doctor *d, const struct folio_ioctl_info *info)
{
	char size[32], need[32];

	line_say(l, "%s, caching %s%s", size_text(info->size, size), caching_name(info->caching),
		 (info->flags & FOLIO_IOCTL_DECRYPTED) != 0 ? ", shared with the host (decrypted)"
							    : "");
	line_number(l, "size", info->size);
	line_string(l, "caching", caching_name(info->caching));
	line_bool(l, "decrypted", (info->flags & FOLIO_IOCTL_DECRYPTED) != 0);
	if (info->version != FOLIO_IOCTL_VERSION) {
		line_say(l, "; the module speaks version %u of its interface, not %u",
			 info->version, FOLIO_IOCTL_VERSION);
		line_judge(l, VERDICT_WARN, "module and folio-doctor from the same folio");
	}
	if (info->size < d->region_size) {
		line_say(l, "; the default geometry needs %s", size_text(d->region_size, need));
		line_judge(l, VERDICT_FAIL, "a larger region from the host, or a smaller ring_size "
					    "or slot_size");
	}
	if (info->caching != FOLIO_IOCTL_CACHING_WRITE_BACK)
		line_judge(l, VERDICT_WARN, "reads will be slow: look for MTRRs (cat /proc/mtrr) "
					    "that cover the device, and in dmesg");
	if (machine_is_confidential(d) && (info->flags & FOLIO_IOCTL_DECRYPTED) == 0) {
		line_say(l, "; not decrypted, although this machine is confidential");
		line_judge(l, VERDICT_FAIL, "the host would see only ciphertext: look in dmesg");
	}
}

static void
report_node(struct doctor *d, const struct node *n)
{
	struct line *l = report_add(&d->report, AREA, ROLE_GUEST, "/dev/%.25s", n->name);

	line_bool(l, "busy", n->open_errno == EBUSY);
	switch (n->open_errno) {
	case 0:
		judge_info(l, d, &n->info);
		break;
	case EBUSY:
		line_say(l, "in use: its owner alone may ask about it");
		break;
	case EACCES:
	case EPERM:
		line_say(l, "no permission to open it");
		line_judge(l, VERDICT_WARN, "as root, or give this user the file (a udev rule)");
		break;
	default:
		line_say(l, "does not answer as folio's: %s", strerror(n->open_errno));
		line_judge(l, VERDICT_WARN, "look in dmesg; load the module that belongs to this "
					    "version of folio");
	}
	if (l->verdict != VERDICT_FAIL && (n->open_errno == 0 || n->open_errno == EBUSY) &&
	    d->guest_path[0] == '\0')
		snprintf(d->guest_path, sizeof(d->guest_path), "path=/dev/%.32s", n->name);
}

static void
report_alloc(struct doctor *d)
{
	struct line *l;

	if (!probe_exists(&d->probe, "/dev/folio_alloc"))
		return;
	l = report_add(&d->report, AREA, ROLE_GUEST, "/dev/folio_alloc");
	if (probe_may(&d->probe, R_OK | W_OK, "/dev/folio_alloc")) {
		line_say(l, "memory of this machine can be shared; it is no region of its host's");
		line_bool(l, "usable", true);
	} else {
		line_say(l, "no permission to open it");
		line_bool(l, "usable", false);
		line_judge(l, VERDICT_WARN, "as root, or give this user the file (a udev rule)");
	}
}

void
module_report(struct doctor *d)
{
	unsigned int i;

	report_module(d);
	for (i = 0; i < d->n_nodes; i++)
		report_node(d, &d->nodes[i]);
	report_alloc(d);
}
