/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VIRTIO_OFFER_H
#define FOLIO_VIRTIO_OFFER_H

/* What is agreed on with a device: what it offers, judged by what its owner wants. */

#include "virtio/spec.h"
#include "virtio/transport.h"

/* What the owner wants. */
struct folio_virtio_wants {
	uint64_t features; /* those it can do; the rest is declined */
	uint64_t required; /* without these it cannot do at all; VERSION_1 always is */
	uint32_t pairs;	   /* most */
	uint32_t size;	   /* of a queue, most: a power of two */
	uint32_t min_size; /* of a queue, least */
};

/*
 * Judge an offer (virtio 1.2, sections 2.2, 2.7, 2.8 and 5.1.3.1). The device is not trusted: offer
 * is a private copy of what it said. Of that copy, what makes no sense and can be done without is
 * taken out. plan gets features, pairs and size.
 *
 * Returns 0, 1 if something was taken out, or a negative errno with a line that names what was
 * offered and what is allowed: -ENOTSUP if the device cannot do what is required, -EPROTO if it
 * contradicts the standard. Never blocks.
 */
int folio_virtio_offer_judge(struct folio_virtio_offer *offer,
			     const struct folio_virtio_wants *wants, struct folio_virtio_plan *plan,
			     struct folio_error *err);

#endif /* FOLIO_VIRTIO_OFFER_H */
