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
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include "answer.h"
#include "control.h"
#include "generator.h"
#include "input.h"
#include "traffic.h"
#include "worker.h"

static const job_fn jobs[OPS] = {
	[OP_BOTH] = traffic_both,
	[OP_ECHO] = traffic_echo,
	[OP_LATENCY] = latency_run,
	[OP_LOOP] = traffic_loop,
	[OP_RECEIVE] = traffic_receive,
	[OP_RESPOND] = control_respond,
	[OP_SEND] = traffic_send,
};

static volatile sig_atomic_t signalled;

static void
on_signal(int sig)
{
	RTE_SET_USED(sig);
	signalled = 1;
}

/* These end of themselves, and have something to say then. */
static bool
answers_at_end(const struct command *c)
{
	return c->remote || c->op == OP_LATENCY;
}

/* The job has ended of itself. */
static void
finish_job(struct worker *w)
{
	worker_wait(w);
	if (w->g->told_to_leave)
		answer_done(w->g->leave);
	else if (w->command.remote)
		answer_remote(w->g, &w->command);
	else if (w->command.op == OP_LATENCY)
		answer_latency(w->g, &w->command);
}

static void
start_job(struct worker *w, const struct command *c)
{
	char error[COMMAND_ERROR_MAX];

	if (w->job != NULL) {
		snprintf(error, sizeof(error), "%s needs an idle worker: it runs %s until stop",
			 c->remote ? "remote" : command_name(c->op), command_name(w->command.op));
		answer_error(error);
		return;
	}
	worker_start(w, c->remote ? control_ask : jobs[c->op], c);
	if (!answers_at_end(c))
		answer_done(c->op);
}

/* Answer one line. Returns whether to go on. */
static bool
handle_line(struct worker *w, char *line)
{
	char error[COMMAND_ERROR_MAX];
	struct command c;

	if (command_parse(line, w->g->options.frame, &c, error) != 0) {
		answer_error(error);
	} else if (c.remote || jobs[c.op] != NULL) {
		start_job(w, &c);
	} else if (c.op == OP_COUNT) {
		answer_count(w->g, false);
	} else if (c.op == OP_LINK) {
		answer_link();
	} else if (c.op == OP_STOP) {
		worker_stop(w);
		answer_count(w->g, true);
	} else {
		answer_done(c.op);
		return false;
	}
	return true;
}

/* Sleep until the job ends or, if that is not needed first, there is input. */
static void
wait_for_news(struct worker *w, struct input *in, bool job_first, const sigset_t *unblocked)
{
	struct pollfd fds[] = {
		{.fd = w->done_fd, .events = POLLIN},
		{.fd = STDIN_FILENO, .events = POLLIN},
	};

	if (ppoll(fds, job_first ? 1 : 2, NULL, unblocked) < 0)
		return; /* a signal */
	if (fds[0].revents != 0)
		finish_job(w);
	else if (fds[1].revents != 0)
		input_read(in);
}

/* Until it is told to quit, its input ends, or a signal comes. */
static void
serve(struct worker *w, const sigset_t *unblocked)
{
	struct input in = {0};
	bool job_first;
	char *line;

	while (!signalled) {
		if (w->job == NULL && w->g->told_to_leave)
			return;
		job_first = w->job != NULL && answers_at_end(&w->command);
		line = job_first ? NULL : input_line(&in);
		if (line != NULL && !handle_line(w, line))
			return;
		if (line != NULL)
			continue;
		if (in.ended && !job_first)
			return;
		wait_for_news(w, &in, job_first, unblocked);
	}
}

static int
generate(const struct options *o, const sigset_t *unblocked)
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
	g->control.asker = (uint32_t)rte_rand();
	g->peer = o->peer; /* until the peer has said who it is */
	ret = worker_init(&w, g);
	if (ret == 0) {
		ret = port_start(&g->port, o);
		if (ret == 0) {
			answer_ready(g);
			serve(&w, unblocked);
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
	const struct sigaction action = {.sa_handler = on_signal};
	sigset_t blocked, unblocked;
	struct options o;
	int ret;

	/* Only the wait for commands takes signals: none is missed. EAL's threads inherit this. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &unblocked);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN); /* whoever reads no answers closes our input, too */
	setvbuf(stdout, NULL, _IOLBF, 0);

	ret = rte_eal_init(argc, argv);
	if (ret < 0) {
		fprintf(stderr, "bench-generator: EAL does not start: %s\n",
			rte_strerror(rte_errno));
		return EXIT_FAILURE;
	}
	ret = options_parse(argc - ret, argv + ret, &o);
	if (ret == 0)
		ret = generate(&o, &unblocked);
	rte_eal_cleanup();
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
