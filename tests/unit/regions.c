/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "regions.h"

struct folio_layout small_layout;

bool
exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

void
make_file(const char *path, const void *content, size_t len, off_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), len);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

void
write_at(const char *path, off_t offset, uint8_t value, size_t len)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *junk = malloc(len);

	assert_non_null(junk);
	memset(junk, value, len);
	assert_int_equal(pwrite(fd, junk, len, offset), len);
	free(junk);
	close(fd);
}

void
open_region(struct folio_region *r, const char *path, enum folio_role role)
{
	struct folio_error err = {.text = ""};

	if (folio_region_open(r, path, role, false, &err) != 0)
		fail_msg("%s", err.text);
}

void
map_region(struct folio_region *r)
{
	struct folio_error err = {.text = ""};

	if (folio_region_grow(r, small_layout.region_size, &err) != 0 ||
	    folio_region_map(r, &small_layout, &err) != 0)
		fail_msg("%s", err.text);
}

int
write_to(void *arg)
{
	*(volatile uint8_t *)arg = 1;
	return 0;
}
