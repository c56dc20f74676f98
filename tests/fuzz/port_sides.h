/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef PORT_SIDES_H
#define PORT_SIDES_H

/* What the parts of fuzz_port.c and fuzz_traffic.c share: up to three ports on a file. */

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "check.h"
#include "content.h"
#include "copies.h"
#include "hook.h"
#include "input.h"
#include "oracle.h"
#include "port.h"
#include "system.h"

#define SIDES 3
#define QUEUES 3
#define MAX_OPS 100
#define ROUNDS 400		   /* in which two that behave get together and exchange frames */
#define IDLE 3			   /* ticks of ports that are up change nothing any more */
#define GOOD 2			   /* of them are seen in which they do */
#define LIVENESS 4		   /* of so many inputs one ends with peers that behave */
#define BURST_BYTES (16u << 10)
#define FENCE (128u << 10) /* behind a half: all of the 2 MiB would be slow */
#define FILE_MAX_BYTES (12u << 20) /* a host reserves what a lying guest asks for */
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))

struct side {
	struct folio *f; /* NULL: closed */
	struct folio_config cfg;
	bool started;
	struct folio_counters counters;
	bool attached; /* for sure */
};

struct fuzzed_ports {
	char folder[64], path[96], spare[96];
	struct side side[SIDES];
	uint32_t number;  /* of the next frame */
	uint32_t haste;	  /* rows of ticks are shortened by so many bits */
	bool file_is_odd; /* not as the ports made it: they may rightly refuse it */
	uint32_t alloc_fails_in;
	unsigned int allocated;
	uint8_t *before; /* a half in front of a burst */
};

extern struct fuzzed_ports t;

static inline unsigned int
owner_of(const struct side *s)
{
	return (unsigned int)(s - t.side) + 1;
}

/* port_sides.c */
void sides_prepare(void);
bool layout_of(struct side *s, struct folio_layout *l);
struct hook_span *own_span(struct side *s);
struct hook_span *peer_span(struct side *s);
void check_side(struct side *s);
void keep_half(const struct hook_span *own, const struct folio_layout *l);
void step(struct side *s);
void tick(struct side *s);
void tick_all(uint32_t n);
void others_run(void);
void open_side(struct side *s, struct folio_config cfg);
void close_side(struct side *s);
void crash_side(struct side *s);
void start(struct side *s);
void stop(struct side *s);
void open_op(struct input *in, struct side *s);

/* port_bursts.c */
uint32_t send_frames(struct side *s, uint32_t q, const uint32_t *len, uint32_t n);
void send_op(struct input *in, struct side *s);
uint32_t recv_frames(struct side *s, uint32_t q, uint32_t room, uint32_t n, uint32_t number);
void recv_op(struct input *in, struct side *s);

/* port_traffic.c */
void traffic_op(struct input *in, struct side *s, unsigned int kind);
void sides_link(void);
void frames_must_flow(void);

/* port_peer.c */
uint8_t *raw_half(struct side *s, struct folio_layout *l, bool peers);
void header_op(struct input *in, struct side *s);
void index_op(struct input *in, struct side *s);
void bytes_op(struct input *in, struct side *s);
void storm_op(struct input *in, struct side *s);
void file_op(struct input *in);
void stuck_op(struct input *in, struct side *s);

#endif /* PORT_SIDES_H */
