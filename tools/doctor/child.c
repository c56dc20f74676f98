/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <poll.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"

#define REAP_SECONDS 5 /* the kernel may be at work for it, and then not even SIGKILL ends it */

/* What is loaded must not write into the report. */
static void
silence(void)
{
	int null = open("/dev/null", O_RDWR);
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			close(fd);
}

static long
milliseconds_left(const struct timespec *end)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (end->tv_sec - now.tv_sec) * 1000L + (end->tv_nsec - now.tv_nsec) / 1000000L;
}

/* Returns whether the child closed its end in time. */
static bool
collect(int fd, unsigned int seconds, char *out, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct timespec end;
	size_t got = 0;
	char drop[256];
	ssize_t n;
	long left;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	while ((left = milliseconds_left(&end)) > 0) {
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = got < size - 1 ? read(fd, out + got, size - 1 - got)
				   : read(fd, drop, sizeof(drop));
		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		if (n > 0 && got < size - 1)
			got += (size_t)n;
	}
	out[got] = '\0';
	return left > 0;
}

/* Returns whether it has ended. It is not waited for longer than REAP_SECONDS. */
static bool
reap(pid_t pid, int *status)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += REAP_SECONDS;
	do {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		nanosleep(&pause, NULL);
	} while (milliseconds_left(&end) > 0);
	return false;
}

bool
child_run(child_fn fn, const char *arg, unsigned int seconds, char *out, size_t size)
{
	int fds[2], status = 0;
	bool in_time;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0) {
		snprintf(out, size, "cannot make a pipe: %s", strerror(errno));
		return false;
	}
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		silence();
		_exit(fn(arg, fds[1]) ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	close(fds[1]);
	if (pid < 0) {
		snprintf(out, size, "cannot fork: %s", strerror(errno));
		close(fds[0]);
		return false;
	}
	in_time = collect(fds[0], seconds, out, size);
	close(fds[0]);
	if (!in_time)
		kill(pid, SIGKILL);
	if (!reap(pid, &status))
		in_time = false;
	if (!in_time)
		snprintf(out, size, "it did not end within %u s", seconds);
	else if (WIFSIGNALED(status))
		snprintf(out, size, "it crashed: %s", strsignal(WTERMSIG(status)));
	else if (out[0] == '\0')
		snprintf(out, size, "it ended the process with status %d", WEXITSTATUS(status));
	else
		return WEXITSTATUS(status) == EXIT_SUCCESS;
	return false;
}
