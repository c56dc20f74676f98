/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "options.h"

static const char help[] =
	"folio-hostile-device [OPTIONS] SOCKET\n"
	"\n"
	"A virtio-net device that breaks the rules, to test drivers with: a vhost-user back end on\n"
	"a UNIX socket. It sends numbered frames, which the driver's application has to send back\n"
	"(testpmd: forward mode io or macswap), and checks them. Each case begins and ends with\n"
	"honest traffic; a line says what the driver did. Without a case it stays honest.\n"
	"\n"
	"  --case NAME      play this case; may be given again\n"
	"  --all            play all of them\n"
	"  --ask            play what standard input names, a case a line\n"
	"  --list           print the cases: name, row of docs/hostile-peer.md, what it is\n"
	"  --markdown       print them as the tables of docs/hostile-device.md\n"
	"\n"
	"  --client         connect to a driver that listens; default: listen at SOCKET\n"
	"  --split          offer split rings only\n"
	"  --plain          offer no mergeable receive buffers\n"
	"  --in-order       offer VIRTIO_F_IN_ORDER\n"
	"  --queues N       queue pairs that are offered, 1 to 64 (default 1)\n"
	"  --echo           send back what the driver sends, instead of frames of its own\n"
	"  --macswap        the same, with the addresses swapped\n"
	"  --rate N         frames a second (default 0: as many as the driver takes)\n"
	"  --max-frame N    longest frame, 60 to 9728 bytes (default 1514)\n"
	"\n"
	"  --rounds N       how often a case is played (default 1)\n"
	"  --seed N         of all that is chosen at random (default 1)\n"
	"  --wait MS        for what the driver does about a case (default 1000)\n"
	"  --storm MS       how long storms and the like last (default 1000)\n"
	"  --patience MS    for traffic to come (default 30000)\n"
	"  --find TEXT      look for TEXT in all of the driver's memory that the device was given\n"
	"  --version, --help\n"
	"\n"
	"Exit status: 0 nothing was wrong with the driver, 1 something was, 2 wrong options.\n";

enum {
	CASE = 256, ALL, ASK, LIST, MARKDOWN, CLIENT, SPLIT, PLAIN, IN_ORDER, QUEUES, ECHO, MACSWAP,
	RATE, MAX_FRAME, ROUNDS, SEED, WAIT, STORM, PATIENCE, FIND, PRINT_VERSION, HELP
};

static const struct option known[] = {
	{"case", required_argument, NULL, CASE},
	{"all", no_argument, NULL, ALL},
	{"ask", no_argument, NULL, ASK},
	{"list", no_argument, NULL, LIST},
	{"markdown", no_argument, NULL, MARKDOWN},
	{"client", no_argument, NULL, CLIENT},
	{"split", no_argument, NULL, SPLIT},
	{"plain", no_argument, NULL, PLAIN},
	{"in-order", no_argument, NULL, IN_ORDER},
	{"queues", required_argument, NULL, QUEUES},
	{"echo", no_argument, NULL, ECHO},
	{"macswap", no_argument, NULL, MACSWAP},
	{"rate", required_argument, NULL, RATE},
	{"max-frame", required_argument, NULL, MAX_FRAME},
	{"rounds", required_argument, NULL, ROUNDS},
	{"seed", required_argument, NULL, SEED},
	{"wait", required_argument, NULL, WAIT},
	{"storm", required_argument, NULL, STORM},
	{"patience", required_argument, NULL, PATIENCE},
	{"find", required_argument, NULL, FIND},
	{"version", no_argument, NULL, PRINT_VERSION},
	{"help", no_argument, NULL, HELP},
	{NULL, 0, NULL, 0},
};

static bool
number(const char *name, const char *text, uint64_t min, uint64_t max, uint64_t *to)
{
	char *end;

	errno = 0;
	*to = strtoull(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *to >= min &&
	    *to <= max)
		return true;
	fprintf(stderr, "folio-hostile-device: --%s %s: allowed is %llu to %llu\n", name, text,
		(unsigned long long)min, (unsigned long long)max);
	return false;
}

static bool
choose(struct options *o, const char *name)
{
	const struct device_case *c = device_find_case(name);

	if (c == NULL)
		fprintf(stderr, "folio-hostile-device: --case %s: no such case, see --list\n",
			name);
	else if (o->n_chosen == DEVICE_CASES_MAX)
		fprintf(stderr, "folio-hostile-device: --case: at most %d\n", DEVICE_CASES_MAX);
	else
		o->chosen[o->n_chosen++] = c;
	return c != NULL && o->chosen[o->n_chosen - 1] == c;
}

static bool
with_value(struct options *o, int which, const char *name, const char *text)
{
	const uint64_t hour = 3600000;
	uint64_t v;

	switch (which) {
	case CASE:
		return choose(o, text);
	case FIND:
		o->find = text;
		if (text[0] == '\0')
			fprintf(stderr, "folio-hostile-device: --find '': allowed is any text\n");
		return text[0] != '\0';
	case QUEUES:
		return number(name, text, 1, SOURCE_PAIRS, &o->queues);
	case RATE:
		return number(name, text, 0, 1000000000, &o->source.rate);
	case MAX_FRAME:
		if (!number(name, text, SOURCE_FRAME_MIN, SOURCE_FRAME_MAX, &v))
			return false;
		o->source.max_frame = (uint32_t)v;
		return true;
	case ROUNDS:
		return number(name, text, 1, 1000000000, &o->rounds);
	case SEED:
		return number(name, text, 0, UINT64_MAX, &o->seed);
	case WAIT:
		return number(name, text, 1, hour, &o->wait_ms);
	case STORM:
		return number(name, text, 1, hour, &o->storm_ms);
	default:
		return number(name, text, 1, hour, &o->patience_ms);
	}
}

static void
without_value(struct options *o, int which)
{
	switch (which) {
	case ALL:
		o->all = true;
		break;
	case ASK:
		o->ask = true;
		break;
	case CLIENT:
		o->client = true;
		break;
	case SPLIT:
		o->split = true;
		break;
	case PLAIN:
		o->plain = true;
		break;
	case IN_ORDER:
		o->in_order = true;
		break;
	case MACSWAP:
		o->source.macswap = true;
		/* fall through */
	default:
		o->source.echo = true;
		break;
	}
}

static bool
is_sound(struct options *o, int argc, char **argv)
{
	if (optind + 1 != argc) {
		fprintf(stderr, "folio-hostile-device: one SOCKET is needed, %d were given; see "
			"--help\n", argc - optind);
		return false;
	}
	o->path = argv[optind];
	if (strlen(o->path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		fprintf(stderr, "folio-hostile-device: %s: allowed is a path of %zu bytes\n",
			o->path, sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
		return false;
	}
	if (o->all + o->ask + (o->n_chosen > 0) > 1) {
		fprintf(stderr, "folio-hostile-device: --all, --ask or --case, not several\n");
		return false;
	}
	return true;
}

enum options_next
options_parse(struct options *o, int argc, char **argv)
{
	int which, index = 0;

	*o = (struct options){.queues = 1, .rounds = 1, .seed = 1, .wait_ms = 1000,
			      .storm_ms = 1000, .patience_ms = 30000, .source.max_frame = 1514};
	while ((which = getopt_long(argc, argv, "", known, &index)) != -1) {
		switch (which) {
		case '?':
			return OPTIONS_BAD;
		case HELP:
			fputs(help, stdout);
			return OPTIONS_DONE;
		case PRINT_VERSION:
			puts("folio-hostile-device " FOLIO_VERSION);
			return OPTIONS_DONE;
		case LIST:
			device_list_cases();
			return OPTIONS_DONE;
		case MARKDOWN:
			device_list_markdown();
			return OPTIONS_DONE;
		default:
			if (known[index].has_arg == no_argument)
				without_value(o, which);
			else if (!with_value(o, which, known[index].name, optarg))
				return OPTIONS_BAD;
		}
	}
	return is_sound(o, argc, argv) ? OPTIONS_RUN : OPTIONS_BAD;
}
