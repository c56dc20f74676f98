/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <folio.h>

#include "files.h"

const struct folio_config small = {.ring_size = 64, .slot_size = 256};

struct folio *
try_open(const struct duo *e, enum folio_role role, uint64_t size, struct folio_error *err)
{
	struct folio_config cfg = small;
	struct folio *f;

	cfg.role = role;
	cfg.path = e->path;
	cfg.size = size;
	f = folio_open(&cfg, err);
	if (f != NULL)
		folio_start(f);
	return f;
}

struct folio *
open_side(const struct duo *e, enum folio_role role, uint64_t size)
{
	struct folio_error err = {.text = ""};
	struct folio *f = try_open(e, role, size, &err);

	if (f == NULL)
		fail_msg("folio_open: %s", err.text);
	return f;
}

void
tick(const struct duo *e, unsigned int n)
{
	while (n-- > 0) {
		if (e->guest != NULL)
			folio_tick(e->guest);
		if (e->host != NULL)
			folio_tick(e->host);
	}
}

void
check_link(const struct duo *e)
{
	struct folio_status g, h;

	tick(e, TICKS);
	folio_status(e->guest, &g);
	folio_status(e->host, &h);
	if (g.link != FOLIO_LINK_UP || h.link != FOLIO_LINK_UP)
		fail_msg("no link: guest %s (%s), host %s (%s)", folio_link_name(g.link), g.detail,
			 folio_link_name(h.link), h.detail);
	assert_string_equal(g.detail, "");
	assert_string_equal(h.detail, "");
}

void
check_says(struct folio *f, enum folio_link link, const char *words)
{
	struct folio_status st;

	folio_status(f, &st);
	assert_int_equal(st.link, link);
	if (strstr(st.detail, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", st.detail, words);
}

void
make_file(const char *path, mode_t mode, off_t size, off_t at, const char *text)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, text, strlen(text), at), strlen(text));
	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int
die(void *arg)
{
	struct duo *e = arg;

	e->guest = open_side(e, FOLIO_GUEST, 0);
	e->host = open_side(e, FOLIO_HOST, 0);
	tick(e, TICKS);
	_exit(folio_link_is_up(e->guest) ? 0 : 1);
}

void
leave_a_region(struct duo *e)
{
	assert_true(util_exited(util_run_child(die, e), 0));
}
