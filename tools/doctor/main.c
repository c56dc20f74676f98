/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

#define EXIT_USAGE 2

static void
usage(FILE *out)
{
	fputs("usage: folio-doctor [OPTIONS]\n"
	      "What this machine is, what it has for folio, and what to do next.\n"
	      "  --role guest|host  judge this role only; default: what the machine suggests\n"
	      "  --json             the same for scripts\n"
	      "  --plugin FILE      the driver to look at, as in EAL's -d FILE: without a slash "
	      "the\n"
	      "                     current folder's, else the loader's; default: the built or\n"
	      "                     installed one\n"
	      "  --no-dpdk          leave DPDK out: for programs that use libfolio alone\n"
	      "  --root DIR         look at the files of another machine, copied to DIR\n"
	      "  --help             this text\n"
	      "  --version          the version of folio\n"
	      "Exit status: 0 if folio can run here in a role, 1 if not, 2 for wrong options.\n",
	      out);
}

static bool
parse_role(const char *text, unsigned int *role)
{
	if (strcmp(text, "guest") == 0)
		*role = ROLE_GUEST;
	else if (strcmp(text, "host") == 0)
		*role = ROLE_HOST;
	else
		return false;
	return true;
}

/* Returns -1 to go on, or an exit status. */
static int
parse_options(int argc, char **argv, struct options *o, const char **root)
{
	static const struct option known[] = {
		{"role", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'},
		{"plugin", required_argument, NULL, 'p'},
		{"no-dpdk", no_argument, NULL, 'n'},
		{"root", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'r':
			if (!parse_role(optarg, &o->role)) {
				fprintf(stderr, "folio-doctor: --role=%s is unknown: allowed are "
					"guest and host\n", optarg);
				return EXIT_USAGE;
			}
			break;
		case 'j':
			o->json = true;
			break;
		case 'p':
			o->plugin = optarg;
			break;
		case 'n':
			o->no_dpdk = true;
			break;
		case 'd':
			*root = optarg;
			break;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		case 'v':
			puts("folio-doctor " FOLIO_VERSION);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "folio-doctor: unexpected argument \"%s\"\n", argv[optind]);
		return EXIT_USAGE;
	}
	if (o->no_dpdk && o->plugin != NULL) {
		fprintf(stderr, "folio-doctor: --no-dpdk and --plugin exclude each other\n");
		return EXIT_USAGE;
	}
	return -1;
}

static bool
examine(struct doctor *d)
{
	d->region_size = region_bytes(0);
	machine_look(d);
	pci_look(d);
	module_look(d);
	d->report.roles = roles_choose(d);

	machine_report(d);
	kernel_report(d);
	module_report(d);
	pci_report(d);
	virtio_report(d);
	memory_report(d);
	cpu_report(d);
	if (!d->opt.no_dpdk)
		dpdk_report(d);
	return roles_report(d);
}

int
main(int argc, char **argv)
{
	static struct doctor doctor;
	struct doctor *d = &doctor;
	const char *root = NULL;
	bool can_run;
	int ret;

	ret = parse_options(argc, argv, &d->opt, &root);
	if (ret >= 0)
		return ret;
	if (!probe_init(&d->probe, root)) {
		fprintf(stderr, "folio-doctor: --root=%s: %s\n", root, strerror(errno));
		return EXIT_USAGE;
	}
	can_run = examine(d);
	if (d->opt.json)
		report_json(&d->report, d->probe.root, can_run, stdout);
	else
		report_text(&d->report, stdout);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "folio-doctor: cannot write the report: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	return can_run ? EXIT_SUCCESS : EXIT_FAILURE;
}
