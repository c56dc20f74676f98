/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef VF_PORT_H
#define VF_PORT_H

/* A port on a virtual function, in a plugin that has a model of the card in place of PCI. */

#include "../vf/vfrig.h"
#include "pair.h"

extern struct vfrig *rig;

/* A card of each family. */
extern const uint16_t vf_devices[2];

/* Ends with the card stopped, and nothing that the driver did wrong. */
void rig_begin(uint16_t device);
void rig_end(void);

/* Around what a test does to the model. */
void rig_hold(void);
void rig_release(void);

/* A port that is started and up; `more` are devargs. */
uint16_t vf_port(const char *more, const struct port_setup *setup);

/* A frame there and back. What is shorter than a card sends comes back with zeroes behind it. */
void vf_one(uint16_t port, uint16_t queue, uint32_t len, uint32_t seed, uint32_t segs);

void expect_no_violation(uint16_t port);
void wait_counter(uint16_t port, const char *name, uint64_t least);

/* The card has been stopped. */
void wait_stopped(void);

#endif /* VF_PORT_H */
