/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* A hostile virtio-net device, for drivers: docs/hostile-device.md. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "play.h"

static void
on_signal(int sig)
{
	(void)sig;
	play_stop = 1;
}

static bool
play_one(struct play *p, const struct device_case *c)
{
	struct play_result r;

	play_case(p, c, &r);
	if (play_stop && r.played == 0)
		return true;
	play_print(c, &r);
	return play_is_good(&r);
}

/* Names from standard input. An empty line, as its end, is the end. */
static bool
play_what_is_asked(struct play *p)
{
	char line[sizeof(((struct device_case *)NULL)->name) + 2];
	bool good = true;

	while (!play_stop && fgets(line, sizeof(line), stdin) != NULL) {
		const struct device_case *c;

		line[strcspn(line, "\n")] = '\0';
		c = device_find_case(line);
		if (c == NULL) {
			printf("%s: no such case\n", line);
			fflush(stdout);
			good = false;
			continue;
		}
		good &= play_one(p, c);
	}
	return good;
}

/* Say now and then how it goes. */
static bool
be_honest(struct play *p)
{
	bool good = true;

	while (!play_stop)
		good &= play_one(p, device_find_case("honest"));
	return good;
}

int
main(int argc, char **argv)
{
	const struct sigaction end = {.sa_handler = on_signal};
	struct options o;
	struct play p;
	unsigned int i;
	bool good = true;

	device_cases_init();
	switch (options_parse(&o, argc, argv)) {
	case OPTIONS_DONE:
		return ferror(stdout) || fflush(stdout) != 0;
	case OPTIONS_BAD:
		return 2;
	default:
		break;
	}
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* A driver that cuts its memory short is not this program's subject: it dies of it. */
	if (!play_open(&p, &o)) {
		fprintf(stderr, "folio-hostile-device: %s: cannot listen: %s\n", o.path,
			strerror(errno));
		return 2;
	}
	if (o.ask)
		good = play_what_is_asked(&p);
	else if (!o.all && o.n_chosen == 0)
		good = be_honest(&p);
	for (i = 0; i < o.n_chosen && !play_stop; i++)
		good &= play_one(&p, o.chosen[i]);
	for (i = 0; o.all && i < device_n_cases && !play_stop; i++)
		good &= play_one(&p, &device_cases[i]);
	play_close(&p);
	return good ? 0 : 1;
}
