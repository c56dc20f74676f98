/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef COUNT_DEVICE_H
#define COUNT_DEVICE_H

/*
 * A vhost-user back end in the process whose bursts are counted: tools/hostile-device/backend.h, which polls
 * and sends back what it gets. A thread of its own serves it while a port is set up; then the caller
 * does, between two bursts, so that every burst finds the same.
 */

#include <stdbool.h>

/* Listen at `path`, and serve. Exits if that cannot be. */
void count_device_open(const char *path, bool packed, bool mergeable);

/* From now on count_device_step() serves. */
void count_device_hold(void);

/* Send back all that was sent. Exits if the driver did something wrong. */
void count_device_step(void);

/* Its own thread serves again: a port that is stopped asks for something. */
void count_device_release(void);

void count_device_close(void);

#endif /* COUNT_DEVICE_H */
