/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "memory/shm_name.h"

#define NAME_HEAD 40
#define NAME_TAIL 80

char *
folio_shm_name(const char *key, const char *value)
{
	size_t len = strlen(value);
	char *name;
	int ret;

	if (len <= NAME_HEAD + NAME_TAIL)
		ret = asprintf(&name, "%s=%s", key, value);
	else
		ret = asprintf(&name, "%s=%.*s...%s", key, NAME_HEAD, value,
			       value + len - NAME_TAIL);
	return ret < 0 ? NULL : name;
}

bool
folio_shm_is_device_name(const char *path)
{
	return strncmp(path, "/dev/", 5) == 0 && strchr(path + 5, '/') == NULL;
}

int
folio_shm_no_device(const char *name, struct folio_error *err)
{
	return folio_fail(err, -ENODEV, "%s: there is no such device: load the folio kernel module "
			  "(modprobe folio); a file lies in a folder below /dev", name);
}
