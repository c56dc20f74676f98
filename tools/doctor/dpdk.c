/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "doctor.h"

/*
 * DPDK, an application, and the driver. Code is loaded from this machine only, never from the tree
 * of --root, and by EAL's rule never from where others may write.
 */

#define AREA "dpdk"

#define PLUGIN "librte_net_folio.so"
#define MAX_FOLDERS 24

/* Folders where libraries are: the usual ones, and those of Debian's architectures. */
struct folders {
	char path[MAX_FOLDERS][PROBE_NAME + 32];
	unsigned int n;
};

struct dpdk {
	struct folders libs;
	char eal[PROBE_PATH]; /* librte_eal.so.N, empty: none */
	char version[128];
};

static void
add_folder(struct folders *f, const char *base, const char *name)
{
	if (f->n < MAX_FOLDERS)
		snprintf(f->path[f->n++], sizeof(f->path[0]), "%s/%s", base, name);
}

static void
list_folders(const struct probe *p, struct folders *f)
{
	static const char *const bases[] = {"/usr/local", "/usr"};
	struct probe_names names;
	unsigned int i, j;

	for (i = 0; i < 2; i++) {
		char lib[32];

		snprintf(lib, sizeof(lib), "%s/lib", bases[i]);
		names = probe_list(p, "%s", lib);
		for (j = 0; j < names.n; j++)
			if (strstr(names.name[j], "-linux-") != NULL)
				add_folder(f, lib, names.name[j]);
		probe_names_free(&names);
		add_folder(f, bases[i], "lib64");
		add_folder(f, bases[i], "lib");
	}
}

/* The name ends in a version of one number, as in librte_eal.so.23. */
static bool
is_eal(const char *name)
{
	static const char prefix[] = "librte_eal.so.";
	const char *version = name + sizeof(prefix) - 1;

	return strncmp(name, prefix, sizeof(prefix) - 1) == 0 && *version != '\0' &&
	       strspn(version, "0123456789") == strlen(version);
}

static bool
ask_version(const char *path, int fd)
{
	const char *(*version)(void);
	void *eal = dlopen(path, RTLD_NOW);

	if (eal == NULL) {
		dprintf(fd, "%s", dlerror());
		return false;
	}
	*(void **)&version = dlsym(eal, "rte_version");
	if (version == NULL)
		return false;
	dprintf(fd, "%s", version());
	return true;
}

static bool
find_version(char *line, void *ctx)
{
	char version[64];

	if (sscanf(line, "Version: %63s", version) != 1)
		return false;
	snprintf(ctx, 128, "DPDK %s", version);
	return true;
}

static void
find_dpdk(const struct probe *p, struct dpdk *k)
{
	struct probe_names names;
	unsigned int i, j;

	for (i = 0; i < k->libs.n && k->eal[0] == '\0'; i++) {
		names = probe_list(p, "%s", k->libs.path[i]);
		for (j = 0; j < names.n; j++)
			if (is_eal(names.name[j]))
				snprintf(k->eal, sizeof(k->eal), "%s/%s", k->libs.path[i],
					 names.name[j]);
		probe_names_free(&names);
	}
	if (k->eal[0] == '\0' ||
	    (probe_is_here(p) && child_run(ask_version, k->eal, CHILD_SECONDS, k->version,
					sizeof(k->version))))
		return;
	k->version[0] = '\0';
	for (i = 0; i < k->libs.n && k->version[0] == '\0'; i++)
		probe_lines(p, find_version, k->version, "%s/pkgconfig/libdpdk.pc",
			    k->libs.path[i]);
}

static void
report_dpdk(struct doctor *d, const struct dpdk *k)
{
	struct line *l = report_add(&d->report, AREA, ROLE_BOTH, "dpdk");

	line_string(l, "version", k->version);
	line_string(l, "eal", k->eal);
	if (k->eal[0] == '\0') {
		line_say(l, "no librte_eal.so.N found");
		line_judge(l, VERDICT_WARN, "apt-get install dpdk, or ldconfig after an "
					    "installation by hand; programs on libfolio need "
					    "none (--no-dpdk)");
		return;
	}
	line_say(l, "%s (%s)", k->version[0] != '\0' ? k->version : "of unknown version", k->eal);
}

static void
report_testpmd(struct doctor *d)
{
	struct line *l = report_add(&d->report, AREA, ROLE_BOTH, "testpmd");
	const char *path = getenv("PATH"), *end;
	char found[256] = "";
	int len;

	for (; path != NULL && *path != '\0'; path = *end == ':' ? end + 1 : end) {
		end = path + strcspn(path, ":");
		len = (int)(end - path);
		if (*path == '/' && len < 200 &&
		    probe_may(&d->probe, X_OK, "%.*s/dpdk-testpmd", len, path)) {
			snprintf(found, sizeof(found), "%.*s/dpdk-testpmd", len, path);
			break;
		}
	}
	line_string(l, "path", found);
	if (found[0] != '\0') {
		line_say(l, "%s", found);
		return;
	}
	line_say(l, "no dpdk-testpmd in PATH");
	line_judge(l, VERDICT_WARN, "apt-get install dpdk; any other DPDK application will do");
}

/*
 * EAL takes no plugin that anybody could have replaced: neither it nor a folder above it may be
 * writable by all (verify_perms in eal_common_options.c). Returns the part that is, or "".
 */
static void
find_exposed(const struct probe *p, const char *file, char out[PROBE_PATH])
{
	char top[PATH_MAX] = "/", path[PATH_MAX];
	struct stat st;
	char *slash;

	out[0] = '\0';
	if (realpath(file, path) == NULL)
		return;
	if (!probe_is_here(p) && (realpath(p->root, top) == NULL ||
				  strncmp(path, top, strlen(top)) != 0))
		strcpy(top, "/");
	for (;;) {
		if (stat(path, &st) == 0 && (st.st_mode & S_IWOTH) != 0) {
			snprintf(out, PROBE_PATH, "%.*s", PROBE_PATH - 1, path);
			return;
		}
		if (strcmp(path, top) == 0 || strcmp(path, "/") == 0)
			return;
		slash = strrchr(path, '/');
		slash[slash == path] = '\0';
	}
}

/* As EAL would, and is it ours? */
static bool
try_plugin(const char *path, int fd)
{
	void *plugin = dlopen(path, RTLD_NOW);

	if (plugin == NULL) {
		dprintf(fd, "%s", dlerror());
		return false;
	}
	if (dlsym(plugin, "rte_pmd_folio_status_get") == NULL) {
		dprintf(fd, "it is not folio's driver: it has no rte_pmd_folio_status_get");
		return false;
	}
	dprintf(fd, "ok");
	return true;
}

/* Where meson put it, seen from build/tools/doctor/folio-doctor. */
static bool
find_in_build(const struct probe *p, char out[PROBE_PATH])
{
	char exe[PROBE_PATH];
	bool found;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	unsigned int up;
	char *slash;

	if (!probe_is_here(p) || n <= 0)
		return false;
	exe[n] = '\0';
	for (up = 0; up < 3; up++) {
		slash = strrchr(exe, '/');
		if (slash == NULL)
			return false;
		*slash = '\0';
	}
	n = snprintf(out, PROBE_PATH, "%s/drivers/net/folio/" PLUGIN, exe);
	found = n < PROBE_PATH && access(out, F_OK) == 0;
	if (!found)
		out[0] = '\0';
	return found;
}

/* In a folder of DPDK's from which EAL loads by itself, such as dpdk/pmds-23.0. */
static bool
find_installed(const struct probe *p, const struct folders *libs, char out[PROBE_PATH])
{
	struct probe_names names;
	unsigned int i, j;
	bool found = false;

	for (i = 0; i < libs->n && !found; i++) {
		names = probe_list(p, "%s/dpdk", libs->path[i]);
		for (j = 0; j < names.n && !found; j++)
			found = strncmp(names.name[j], "pmds", 4) == 0 &&
				probe_exists(p, "%s/dpdk/%s/" PLUGIN, libs->path[i],
					     names.name[j]);
		if (found) /* j went one too far */
			found = probe_path(p, out, "%s/dpdk/%s/" PLUGIN, libs->path[i],
					   names.name[j - 1]);
		probe_names_free(&names);
	}
	return found;
}

/* Which file the loader takes for a name without a slash. */
static bool
ask_loader(const char *name, int fd)
{
	struct link_map *map;
	void *plugin = dlopen(name, RTLD_NOW);

	if (plugin == NULL || dlinfo(plugin, RTLD_DI_LINKMAP, &map) != 0) {
		dprintf(fd, "%s", dlerror());
		return false;
	}
	dprintf(fd, "%s", map->l_name);
	return true;
}

/*
 * The file that EAL takes for -d NAME (eal_dlopen in eal_common_options.c): the one of that name,
 * seen from the current folder, else what the loader finds. Returns NULL, or why there is none; out
 * is NAME then.
 */
static const char *
resolve_plugin(const char *name, char out[PROBE_PATH], bool *by_loader)
{
	char path[PATH_MAX];
	const char *why;

	*by_loader = false;
	if (realpath(name, path) != NULL && strlen(path) < PROBE_PATH) {
		strcpy(out, path);
		return NULL;
	}
	why = strerror(errno);
	if (errno == ENOENT && strchr(name, '/') == NULL) {
		why = "neither in the current folder nor where the loader looks";
		*by_loader = child_run(ask_loader, name, CHILD_SECONDS, out, PROBE_PATH);
	}
	if (*by_loader)
		return NULL;
	snprintf(out, PROBE_PATH, "%s", name);
	return why;
}

static void
judge_load(struct line *l, struct doctor *d, const struct dpdk *k, const char *path)
{
	char answer[512];

	d->plugin_ok = child_run(try_plugin, path, CHILD_SECONDS, answer, sizeof(answer));
	line_bool(l, "loadable", d->plugin_ok);
	line_string(l, "error", d->plugin_ok ? "" : answer);
	if (d->plugin_ok)
		return;
	line_say(l, " cannot be loaded: %s", answer);
	if (strstr(answer, "librte_") == NULL || strstr(answer, "cannot open shared") == NULL)
		line_judge(l, VERDICT_FAIL, "build it anew on this machine: ./run build");
	else if (k->eal[0] == '\0')
		line_judge(l, VERDICT_FAIL, "install the DPDK that it was built for (apt-get "
					    "install dpdk)");
	else
		line_judge(l, VERDICT_FAIL, "it was built for another DPDK than %s: build it "
			   "against this one (./run build)", k->version);
}

static void
report_plugin(struct doctor *d, const struct dpdk *k)
{
	struct line *l = report_add(&d->report, AREA, ROLE_BOTH, "plugin");
	char path[PROBE_PATH] = "", exposed[PROBE_PATH];
	bool installed = false, in_tree = false, by_loader = false;
	const char *why = NULL;

	if (d->opt.plugin != NULL) {
		why = resolve_plugin(d->opt.plugin, path, &by_loader);
	} else {
		installed = !find_in_build(&d->probe, path) &&
			    find_installed(&d->probe, &k->libs, path);
		in_tree = installed && !probe_is_here(&d->probe);
	}
	line_string(l, "path", path);
	line_bool(l, "installed", installed);
	if (path[0] == '\0' || why != NULL) {
		if (path[0] == '\0')
			line_say(l, "no " PLUGIN " found");
		else
			line_say(l, "%s: %s", path, why);
		line_bool(l, "loadable", false);
		line_judge(l, VERDICT_FAIL, "./run build, or meson install; --plugin FILE if it is "
					    "somewhere else");
		return;
	}
	line_say(l, "%s", path);
	exposed[0] = '\0';
	if (!by_loader) /* EAL leaves that to the loader */
		find_exposed(&d->probe, path, exposed);
	line_string(l, "world_writable", exposed);
	if (exposed[0] != '\0') {
		line_say(l, ": EAL refuses it, because everybody may write to %s", exposed);
		line_bool(l, "loadable", false);
		line_judge(l, VERDICT_FAIL, "move or install it, or chmod o-w %s; "
					    "scripts/with-plugin PLUGIN COMMAND runs a command "
					    "with a private copy", exposed);
		return;
	}
	if (in_tree) {
		d->plugin_ok = true;
		line_say(l, " is there; code from another machine is not tried");
		return;
	}
	judge_load(l, d, k, path);
	if (d->plugin_ok)
		line_say(l, installed ? " can be loaded; EAL does so by itself"
	     : by_loader ? " can be loaded: the loader finds it for EAL's -d and this name"
				      : " can be loaded: give EAL -d and this path");
}

void
dpdk_report(struct doctor *d)
{
	struct dpdk k = {0};

	list_folders(&d->probe, &k.libs);
	find_dpdk(&d->probe, &k);
	report_dpdk(d, &k);
	report_testpmd(d);
	report_plugin(d, &k);
}
