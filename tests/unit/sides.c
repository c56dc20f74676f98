/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "port.h"
#include "sides.h"

const struct folio_config sides_small = {.ring_size = 64, .slot_size = 256};

int
sides_setup(void **state)
{
	struct sides *e = calloc(1, sizeof(*e));

	if (e == NULL || util_dir_setup(&e->dir) != 0)
		return -1;
	snprintf(e->socket, sizeof(e->socket), "%s/socket", (const char *)e->dir);
	snprintf(e->path, sizeof(e->path), "unix:%s", e->socket);
	e->fds = util_open_fds();
	*state = e;
	return 0;
}

/* Neither a descriptor nor a file is left behind. */
int
sides_teardown(void **state)
{
	struct sides *e = *state;
	bool clean;
	int ret;

	folio_close(e->guest);
	folio_close(e->host);
	clean = util_dir_entries(e->dir) == 0 && util_open_fds() == e->fds;
	if (!clean)
		fprintf(stderr, "%u files and %d descriptors are left\n", util_dir_entries(e->dir),
			(int)util_open_fds() - (int)e->fds);
	ret = util_dir_teardown(&e->dir);
	free(e);
	return clean ? ret : -1;
}

struct folio *
sides_open_side(const struct sides *e, enum folio_role role, struct folio_config cfg)
{
	struct folio_error err = {.text = ""};
	struct folio *f;

	cfg.role = role;
	cfg.path = e->path;
	f = folio_open(&cfg, &err);
	if (f == NULL)
		fail_msg("folio_open: %s", err.text);
	folio_start(f);
	return f;
}

void
sides_open_guest(struct sides *e)
{
	e->guest = sides_open_side(e, FOLIO_GUEST, sides_small);
}

void
sides_open_host(struct sides *e)
{
	e->host = sides_open_side(e, FOLIO_HOST, (struct folio_config){.queues = 1});
}

void
sides_tick(const struct sides *e, unsigned int n)
{
	while (n-- > 0) {
		if (e->guest != NULL)
			folio_tick(e->guest);
		if (e->host != NULL)
			folio_tick(e->host);
	}
}

bool
sides_comes_up(const struct sides *e)
{
	unsigned int i;

	for (i = 0; i < SIDES_TICKS; i++) {
		sides_tick(e, 1);
		if (folio_link_is_up(e->guest) && folio_link_is_up(e->host))
			return true;
	}
	return false;
}

bool
sides_comes_down(const struct sides *e, struct folio *f)
{
	unsigned int i;

	for (i = 0; i < SIDES_TICKS && folio_link_is_up(f); i++)
		sides_tick(e, 1);
	return !folio_link_is_up(f);
}

static void
pass(struct folio *from, struct folio *to)
{
	uint8_t data[200], room[256];
	struct folio_buf out = {.data = data, .len = sizeof(data)};
	struct folio_buf in = {.data = room, .room = sizeof(room)};

	util_random_fill(data, sizeof(data), 7);
	assert_int_equal(folio_send(from, 0, &out, 1), 1);
	assert_int_equal(folio_recv(to, 0, &in, 1), 1);
	assert_int_equal(in.len, sizeof(data));
	assert_memory_equal(data, room, sizeof(data));
}

void
sides_check_traffic(const struct sides *e)
{
	struct folio_status st;

	if (!sides_comes_up(e)) {
		folio_status(e->guest, &st);
		print_message("guest: %s, %s\n", folio_link_name(st.link), st.detail);
		folio_status(e->host, &st);
		print_message("host: %s, %s\n", folio_link_name(st.link), st.detail);
		fail_msg("no link");
	}
	pass(e->guest, e->host);
	pass(e->host, e->guest);
	folio_status(e->guest, &st);
	assert_string_equal(st.detail, "");
	folio_status(e->host, &st);
	assert_string_equal(st.detail, "");
}

uint64_t
sides_violations(const struct folio *f, enum folio_violation v)
{
	struct folio_counters c;

	folio_counters(f, &c);
	return c.violations[v];
}

void
sides_check_says(struct folio *f, const char *words)
{
	struct folio_status st;

	folio_status(f, &st);
	if (strstr(st.detail, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", st.detail, words);
}

int
sides_listen_at(const struct sides *e, int type)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(strlen(e->socket) < sizeof(addr.sun_path));
	memcpy(addr.sun_path, e->socket, strlen(e->socket));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	if (type != SOCK_DGRAM)
		assert_int_equal(listen(fd, 16), 0);
	return fd;
}
