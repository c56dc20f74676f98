/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* A file that is cut under a port: what a burst touches of it is watched, in either half. */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "port.h"

/* Without a watch this is a SIGBUS that ends the program. */
static void
test_both_halves_are_watched(void **state)
{
	char folder[] = "/dev/shm/folio-watch-XXXXXX", path[64];
	struct folio_config cfg = {.role = FOLIO_GUEST, .queues = 1, .ring_size = 64,
				   .slot_size = 256};
	struct folio_error err;
	const struct folio_cons *c;
	const struct folio_prod *p;
	struct folio *f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/region", folder);
	cfg.path = path;
	f = folio_open(&cfg, &err);
	assert_non_null(f);
	p = &folio_port_txq(f, 0)->ring;
	c = &folio_port_rxq(f, 0)->ring;
	assert_int_equal(truncate(path, 0), 0);

	assert_int_equal(folio_fetch32(c->produced), 0);
	assert_int_equal(folio_fetch64(c->desc), 0);
	assert_int_equal(folio_fetch32(p->consumed), 0);
	folio_put32(p->produced, 1);
	folio_put64(p->desc, 14);
	folio_put32(c->consumed, 1);

	folio_close(f);
	(void)unlink(path);
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_halves_are_watched),
	};

	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
