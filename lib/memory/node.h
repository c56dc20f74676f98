/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_NODE_H
#define FOLIO_NODE_H

/* A file of the kernel module: /dev/folioN or /dev/folio_alloc. The module is trusted. */

#include <stdbool.h>
#include <stdint.h>

#include <folio.h>
#include <folio_ioctl.h>

/*
 * Open it and own what is behind it. Waits for the module to zero what a former owner left.
 *
 * Returns the descriptor or a negative errno with a line for the user; -EINVAL, too, if it is
 * something else than a file of the module's.
 */
int folio_node_open(const char *path, const char *name, struct folio_ioctl_info *info,
		    struct folio_error *err);

enum folio_caching folio_node_caching(const struct folio_ioctl_info *info);

/*
 * Allocate and share so many bytes in pieces of min_chunk; 0: any. May take seconds. Negative node:
 * anywhere. Returns 0 or a negative errno with a line for the user.
 */
int folio_node_alloc(int fd, const char *name, uint64_t size, int numa_node, uint32_t min_chunk,
		     struct folio_error *err);

/* Was the device removed? */
bool folio_node_is_gone(int fd);

#endif /* FOLIO_NODE_H */
