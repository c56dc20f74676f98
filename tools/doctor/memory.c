/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <native/layout.h>

#include "doctor.h"

/* Memory: huge pages, where a host can put a region, what limits it. */

#define AREA "memory"

#define MAX_SIZES 8
#define MAX_MOUNTS 4

/*
 * Private memory of a testpmd with 16384 mbufs, as in README.md. With DPDK 22.11 it takes 26 pages
 * of 2 MiB; others need a little more or less.
 */
#define APP_BYTES (64u << 20)

struct huge_size {
	uint64_t kib; /* of a page */
	uint64_t total, free;
	uint64_t want; /* pages for a region and a testpmd */
};

struct mount {
	char path[256];
	uint64_t kib; /* of its pages */
	bool writable;
};

struct memory {
	struct huge_size sizes[MAX_SIZES];
	unsigned int n_sizes;
	bool enough; /* free pages of some size */
	uint64_t default_kib;
	struct mount mounts[MAX_MOUNTS];
	unsigned int n_mounts;
	const struct probe *probe;
};

uint64_t
region_bytes(unsigned int page_shift)
{
	struct folio_geometry g = {
		.queues = FOLIO_DEFAULT_QUEUES,
		.ring_size = FOLIO_DEFAULT_RING_SIZE,
		.slot_size = FOLIO_DEFAULT_SLOT_SIZE,
		.page_shift = page_shift > FOLIO_LAYOUT_SHIFT ? page_shift : FOLIO_LAYOUT_SHIFT,
	};
	struct folio_layout l;

	return folio_layout_init(&l, &g, 0, NULL) == 0 ? l.region_size : UINT64_MAX;
}

static uint64_t
pages(uint64_t bytes, uint64_t kib)
{
	return (bytes + kib * 1024 - 1) / (kib * 1024);
}

/* Only a host puts its region on this machine's huge pages. */
static uint64_t
pages_wanted(const struct doctor *d, uint64_t kib)
{
	unsigned int shift = 10 + (unsigned int)__builtin_ctzll(kib);
	uint64_t want = pages(APP_BYTES, kib);

	if ((d->report.roles & ROLE_HOST) != 0)
		want += pages(region_bytes(shift), kib);
	return want;
}

static void
look_at_sizes(const struct doctor *d, struct memory *m)
{
	struct probe_names names = probe_list(m->probe, "/sys/kernel/mm/hugepages");
	struct huge_size *s;
	unsigned int i;

	for (i = 0; i < names.n && m->n_sizes < MAX_SIZES; i++) {
		s = &m->sizes[m->n_sizes];
		if (sscanf(names.name[i], "hugepages-%" SCNu64 "kB", &s->kib) != 1 ||
		    s->kib == 0 || (s->kib & (s->kib - 1)) != 0 || s->kib > 1u << 20)
			continue;
		probe_number(m->probe, &s->total, "/sys/kernel/mm/hugepages/%s/nr_hugepages",
			     names.name[i]);
		probe_number(m->probe, &s->free, "/sys/kernel/mm/hugepages/%s/free_hugepages",
			     names.name[i]);
		s->want = pages_wanted(d, s->kib);
		m->enough = m->enough || s->free >= s->want;
		m->n_sizes++;
	}
	probe_names_free(&names);
}

static bool
find_default_size(char *line, void *ctx)
{
	return sscanf(line, "Hugepagesize: %" SCNu64, (uint64_t *)ctx) == 1;
}

/* Blanks and the like are octal in /proc/mounts. */
static void
decode_octal(char *s)
{
	char *to = s;

	while (*s != '\0') {
		if (s[0] == '\\' && isdigit((unsigned char)s[1]) && isdigit((unsigned char)s[2]) &&
		    isdigit((unsigned char)s[3])) {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

static uint64_t
page_size_option(const char *options)
{
	const char *at = strstr(options, "pagesize=");
	uint64_t n;
	char unit;

	if (at == NULL || sscanf(at, "pagesize=%" SCNu64 "%c", &n, &unit) != 2)
		return 0;
	return unit == 'G' ? n << 20 : unit == 'M' ? n << 10 : n;
}

static bool
look_at_mount(char *line, void *ctx)
{
	struct memory *m = ctx;
	char type[32], options[512];
	struct mount *mount = &m->mounts[m->n_mounts];

	if (sscanf(line, "%*s %255s %31s %511s", mount->path, type, options) != 3 ||
	    strcmp(type, "hugetlbfs") != 0)
		return false;
	decode_octal(mount->path);
	mount->kib = page_size_option(options);
	if (mount->kib == 0)
		mount->kib = m->default_kib;
	mount->writable = probe_may(m->probe, W_OK | X_OK, "%s", mount->path);
	return ++m->n_mounts == MAX_MOUNTS;
}

static const char *
purpose(const struct doctor *d)
{
	return (d->report.roles & ROLE_HOST) != 0 ? "a default region and a testpmd" : "a testpmd";
}

static void
report_sizes(struct doctor *d, const struct memory *m)
{
	char size[32];
	struct line *l;
	unsigned int i;

	for (i = 0; i < m->n_sizes; i++) {
		const struct huge_size *s = &m->sizes[i];

		l = report_add(&d->report, AREA, ROLE_BOTH, "hugepages-%" PRIu64 "kB", s->kib);
		size_text(s->kib * 1024, size);
		line_number(l, "total", s->total);
		line_number(l, "free", s->free);
		line_number(l, "wanted", s->want);
		line_say(l, "%" PRIu64 " pages of %s, %" PRIu64 " free; for %s: %" PRIu64, s->total,
			 size, s->free, purpose(d), s->want);
		/* One recommendation is enough. */
		if (!m->enough && (s->kib == m->default_kib || m->n_sizes == 1))
			line_judge(l, VERDICT_WARN, "echo %" PRIu64 " > /sys/kernel/mm/hugepages/"
				   "hugepages-%" PRIu64 "kB/nr_hugepages; or run on ordinary "
				   "pages, slower (EAL: --no-huge)", s->total - s->free + s->want,
				   s->kib);
	}
	if (m->n_sizes > 0)
		return;
	l = report_add(&d->report, AREA, ROLE_BOTH, "hugepages");
	line_say(l, "the kernel has no huge pages");
	line_judge(l, VERDICT_WARN, "a kernel with CONFIG_HUGETLBFS; or run on ordinary pages, "
				    "slower (EAL: --no-huge)");
}

/* A mount on which a region would find enough pages; NULL: none. */
static const struct mount *
best_mount(const struct memory *m)
{
	unsigned int i, j;

	for (i = 0; i < m->n_mounts; i++)
		for (j = 0; j < m->n_sizes; j++)
			if (m->mounts[i].writable && m->sizes[j].kib == m->mounts[i].kib &&
			    m->sizes[j].free >= m->sizes[j].want)
				return &m->mounts[i];
	return NULL;
}

static void
report_mounts(struct doctor *d, const struct memory *m)
{
	struct line *l = report_add(&d->report, AREA, ROLE_BOTH, "hugetlbfs");
	char list[256] = "", size[32];
	bool writable = false;
	unsigned int i;

	for (i = 0; i < m->n_mounts; i++) {
		size_t used = strlen(list);

		snprintf(list + used, sizeof(list) - used, "%s%s (%s%s)", i > 0 ? ", " : "",
			 m->mounts[i].path, size_text(m->mounts[i].kib * 1024, size),
			 m->mounts[i].writable ? "" : ", not writable");
		writable = writable || m->mounts[i].writable;
	}
	line_string(l, "mounts", list);
	line_bool(l, "writable", writable);
	if (m->n_mounts == 0) {
		line_say(l, "not mounted");
		line_judge(l, VERDICT_WARN, "mkdir -p /dev/hugepages && mount -t hugetlbfs "
					    "hugetlbfs /dev/hugepages");
		return;
	}
	line_say(l, "%s", list);
	if (!writable)
		line_judge(l, VERDICT_WARN, "as root, or a mount with uid= of this user");
}

static bool
shm_has_room(const struct doctor *d)
{
	char path[PROBE_PATH];
	struct statvfs fs;

	return probe_path(&d->probe, path, "/dev/shm") && access(path, W_OK | X_OK) == 0 &&
	       statvfs(path, &fs) == 0 &&
	       (uint64_t)fs.f_bavail * fs.f_frsize >= d->region_size;
}

/* Where a host can make a region's file. */
static void
report_place(struct doctor *d, const struct memory *m)
{
	struct line *l = report_add(&d->report, AREA, ROLE_HOST, "region-place");
	const struct mount *mount = best_mount(m);
	char size[32];

	if (mount != NULL) {
		snprintf(d->host_path, sizeof(d->host_path), "%.240s/folio0", mount->path);
		line_say(l, "on huge pages, e.g. %s", d->host_path);
	} else if (shm_has_room(d)) {
		strcpy(d->host_path, "/dev/shm/folio0");
		line_say(l, "on ordinary pages, e.g. %s", d->host_path);
	} else {
		line_say(l, "none: no huge pages that can be used, and no room for %s in /dev/shm",
			 size_text(d->region_size, size));
		line_judge(l, VERDICT_FAIL, "huge pages and a hugetlbfs mount (see above), or "
					    "mount -t tmpfs tmpfs /dev/shm");
	}
	line_string(l, "path", d->host_path);
	line_bool(l, "huge", mount != NULL);
	line_number(l, "region_bytes", d->region_size);
}

static void
report_thp(struct doctor *d, const struct memory *m)
{
	struct line *l = report_add(&d->report, AREA, ROLE_HOST, "thp-shmem");
	char text[128], *mode;
	bool off;

	if (!probe_text(m->probe, text, sizeof(text),
			"/sys/kernel/mm/transparent_hugepage/shmem_enabled")) {
		line_say(l, "the kernel has no transparent huge pages for /dev/shm");
		line_string(l, "mode", "unknown");
		return;
	}
	mode = strchr(text, '[');
	mode = mode != NULL ? mode + 1 : text;
	mode[strcspn(mode, "]")] = '\0';
	off = strcmp(mode, "never") == 0 || strcmp(mode, "deny") == 0;
	line_string(l, "mode", mode);
	line_say(l, "%s%s", mode, off ? ": a region in /dev/shm lies on small pages" : "");
	if (off && best_mount(m) == NULL)
		line_judge(l, VERDICT_WARN, "a region on hugetlbfs, or echo advise > "
					    "/sys/kernel/mm/transparent_hugepage/shmem_enabled");
}

static void
report_nodes(struct doctor *d, const struct memory *m)
{
	struct line *l = report_add(&d->report, AREA, ROLE_BOTH, "numa");
	struct probe_names names = probe_list(m->probe, "/sys/devices/system/node");
	unsigned int i, n = 0;
	char cpus[64];

	for (i = 0; i < names.n; i++) {
		if (strncmp(names.name[i], "node", 4) != 0 ||
		    !isdigit((unsigned char)names.name[i][4]))
			continue;
		probe_text(m->probe, cpus, sizeof(cpus), "/sys/devices/system/node/%s/cpulist",
			   names.name[i]);
		/* A line for people: the first few. */
		if (n < 4)
			line_say(l, "%s%s: CPUs %s", n > 0 ? "; " : "", names.name[i],
				 cpus[0] != '\0' ? cpus : "none");
		n++;
	}
	probe_names_free(&names);
	line_number(l, "nodes", n);
	if (n == 0)
		line_say(l, "no nodes: all memory is equally near");
	else if (n > 4)
		line_say(l, "; %u nodes in all", n);
	if (n > 1)
		line_say(l, "; region, mbufs and polling CPUs belong on one node");
}

static bool
find_cgroup(char *line, void *ctx)
{
	if (strncmp(line, "0::", 3) != 0)
		return false;
	snprintf(ctx, 256, "%s", line[3] == '/' && line[4] == '\0' ? "" : line + 3);
	return true;
}

static void
report_cgroup(struct doctor *d, const struct memory *m)
{
	struct line *l = report_add(&d->report, AREA, ROLE_BOTH, "cgroup");
	char group[256] = "", limit[32] = "";
	uint64_t bytes, want;
	bool found;

	probe_lines(m->probe, find_cgroup, group, "/proc/self/cgroup");
	found = probe_text(m->probe, limit, sizeof(limit),
			   "/sys/fs/cgroup%s/hugetlb.2MB.max", group);
	line_string(l, "hugetlb_2mb_max", found ? limit : "max");
	if (!found || sscanf(limit, "%" SCNu64, &bytes) != 1) {
		line_say(l, "no limit on huge pages seen");
		return;
	}
	want = pages_wanted(d, 2048) * 2048 * 1024;
	line_say(l, "huge pages of 2 MiB limited to %s", size_text(bytes, limit));
	if (bytes < want)
		line_judge(l, VERDICT_WARN, "for %s raise hugetlb.2MB.max of the cgroup (the "
			   "container's limit) to %s", purpose(d), size_text(want, limit));
}

void
memory_report(struct doctor *d)
{
	struct memory m = {.probe = &d->probe, .default_kib = 2048};

	look_at_sizes(d, &m);
	probe_lines(m.probe, find_default_size, &m.default_kib, "/proc/meminfo");
	probe_lines(m.probe, look_at_mount, &m, "/proc/mounts");

	report_sizes(d, &m);
	report_mounts(d, &m);
	report_place(d, &m);
	report_thp(d, &m);
	report_nodes(d, &m);
	report_cgroup(d, &m);
}
