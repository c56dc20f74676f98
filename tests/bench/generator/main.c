/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * bench-generator EAL-ARGUMENTS -- [--queues N] [--mbufs N] [--frame N]
 *
 * A traffic generator for what testpmd cannot do: payloads that are touched, mixed sizes, latency.
 * It drives the first ethdev port, of whatever driver. Commands come in on standard input, a line
 * each, and each is answered by a line of JSON: see README.md. It ends with its input.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#include "answer.h"
#include "generator.h"
#include "input.h"
#include "traffic.h"
#include "worker.h"

static const job_fn jobs[OPS] = {
	[OP_BOTH] = traffic_both,
	[OP_ECHO] = traffic_echo,
	[OP_LOOP] = traffic_loop,
	[OP_RECEIVE] = traffic_receive,
	[OP_SEND] = traffic_send,
};

static volatile sig_atomic_t signalled;

static void
on_signal(int sig)
{
	RTE_SET_USED(sig);
	signalled = 1;
}

static void
start_job(struct worker *w, const struct command *c)
{
	struct generator *g = w->g;

	g->command = *c;
	frames_init(&g->frames, (uint32_t)c->value[KEY_SIZE], &g->port.mac, &g->peer);
	worker_start(w, jobs[c->op]);
	answer_done(c->op);
}

/* Answer one line. Returns whether to go on. */
static bool
handle_line(struct worker *w, char *line)
{
	struct generator *g = w->g;
	char error[COMMAND_ERROR_MAX];
	struct command c;

	if (command_parse(line, g->options.frame, &c, error) != 0) {
		answer_error(error);
		return true;
	}
	switch (c.op) {
	case OP_COUNT:
		answer_count(g, false);
		break;
	case OP_LINK:
		answer_link();
		break;
	case OP_QUIT:
		answer_done(c.op);
		return false;
	case OP_STOP:
		worker_stop(w);
		answer_count(g, true);
		break;
	default:
		if (w->job == NULL) {
			start_job(w, &c);
			break;
		}
		snprintf(error, sizeof(error), "%s needs an idle worker: it runs %s until stop",
			 command_name(c.op), command_name(g->command.op));
		answer_error(error);
	}
	return true;
}

/* Until it is told to quit, its input ends, or a signal comes. */
static void
serve(struct worker *w)
{
	struct input in = {0};
	char *line;

	while (!signalled) {
		line = input_line(&in);
		if (line == NULL && in.ended)
			return;
		if (line == NULL)
			input_read(&in);
		else if (!handle_line(w, line))
			return;
	}
}

static int
generate(const struct options *o)
{
	struct generator *g;
	struct worker w;
	int ret;

	if (!rte_eth_dev_is_valid_port(PORT)) {
		fprintf(stderr, "bench-generator: there is no port: EAL's --vdev or --allow adds "
			"one\n");
		return -ENODEV;
	}
	g = rte_zmalloc("generator", sizeof(*g), RTE_CACHE_LINE_SIZE);
	if (g == NULL) {
		fprintf(stderr, "bench-generator: no memory\n");
		return -ENOMEM;
	}
	g->options = *o;
	g->touch = touch_select();
	rte_eth_random_addr(g->peer.addr_bytes);
	ret = worker_init(&w, g);
	if (ret == 0) {
		ret = port_start(&g->port, o);
		if (ret == 0) {
			answer_ready(g);
			serve(&w);
			worker_stop(&w);
		}
		port_close(&g->port);
		close(w.done_fd);
	}
	rte_free(g);
	return ret;
}

int
main(int argc, char **argv)
{
	/* Without SA_RESTART: a signal ends a wait for input. */
	const struct sigaction action = {.sa_handler = on_signal};
	struct options o;
	int ret;

	/* Before EAL: whoever stops us while it starts has its devices closed, too. */
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN); /* if nobody reads answers any more, commands end, too */
	setvbuf(stdout, NULL, _IOLBF, 0);

	ret = rte_eal_init(argc, argv);
	if (ret < 0) {
		fprintf(stderr, "bench-generator: EAL does not start: %s\n",
			rte_strerror(rte_errno));
		return EXIT_FAILURE;
	}
	ret = options_parse(argc - ret, argv + ret, &o);
	if (ret == 0)
		ret = generate(&o);
	rte_eal_cleanup();
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
