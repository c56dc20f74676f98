/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef TRAFFIC_H
#define TRAFFIC_H

/**
 * @file
 * The jobs that move packets until they are stopped. They run on the worker lcore and take their
 * arguments from g->command.
 */

#include "generator.h"

/** Send as fast as the port takes it. What it does not take is offered to it again. */
void traffic_send(struct generator *g);

/** Receive and free. */
void traffic_receive(struct generator *g);

/** By turns a receive burst and a transmit burst. */
void traffic_both(struct generator *g);

/** Send back what is received. */
void traffic_echo(struct generator *g);

/** Send some packets, then send back what is received: with an echo as peer they circulate. */
void traffic_loop(struct generator *g);

/** Send, or do both, until a time in cycles of the time stamp counter. */
void traffic_exchange_until(struct generator *g, bool receive, uint64_t until);

/** Send back a burst. What finds no room for a while is dropped. */
void traffic_forward(struct generator *g, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);

#endif /* TRAFFIC_H */
