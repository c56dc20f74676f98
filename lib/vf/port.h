/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_VF_PORT_H
#define FOLIO_VF_PORT_H

/*
 * A port whose other end is a network card's virtual function: memory, rings, card and PCI put
 * together. As virtio/vport.h, for bursts that enter the gate, use the ring behind it, and leave.
 * The card, its physical function's driver, and all of the shared memory are not trusted.
 *
 * Thread safety: gates and rings are for one thread per queue and direction; all other functions
 * take the port's lock, but where it says otherwise.
 */

#include <folio.h>

#include "boundary/fault.h"
#include "boundary/gate.h"
#include "pci/access.h"
#include "vf/advq.h"

#define FOLIO_VF_ALIGNED __attribute__((aligned(128)))

/* The longest frame of a port. The 82599 adds four bytes of checksum, and has room for 9728. */
#define FOLIO_VF_FRAME_MAX 9724u
#define FOLIO_VF_DEFAULT_SIZE 1024u

struct folio_vf_port;

/* An end of a queue pair. */
struct folio_vf_end {
	struct folio_gate gate;
	struct folio_advq q;
	struct folio_vf_port *port;
	folio_shared_u32 *tail; /* the register, where it is mapped; else NULL */
	uint32_t tail_reg;
	uint32_t number; /* of the pair */
	uint64_t ended; /* bursts that delivered nothing */
	uint32_t epoch; /* of faults: see folio_vf_stands() */
	/* Control only. */
	bool rx;
	bool enabled;
	uint32_t stuck; /* ticks for which the card has sent nothing of what it has */
	uint32_t seen;	/* how far it had come then */
	uint64_t *addr; /* private, as the next */
	uint32_t *mark;
} FOLIO_VF_ALIGNED;

/* Strings are used during the open only. */
struct folio_vf_port_config {
	const char *vf;	  /* PCI address of the virtual function */
	const char *path; /* memory: see memory/shm.h */
	const char *pci;
	uint64_t size;	    /* bytes of it; 0: what is needed */
	uint32_t queues;    /* pairs; 0: 1 */
	uint32_t ring_size; /* descriptors of a ring, a power of two; 0: default */
	uint32_t slot_size; /* bytes of a buffer; 0: FOLIO_DEFAULT_SLOT_SIZE */
	int numa_node;	    /* negative: anywhere */
	enum folio_isa isa;
	folio_alloc_fn alloc; /* private memory */
	folio_free_fn free;
	void *alloc_ctx;
};

/* What a port counts, nothing but uint64_t. */
struct folio_vf_counters {
	uint64_t rx_bad_length;
	uint64_t rx_bad_chain;
	uint64_t rx_bad_frame;
	uint64_t bad_answers; /* what the physical function said made no sense */
	uint64_t refusals;    /* it did not want what it was asked for */
	uint64_t link_ups;
	uint64_t resets;      /* a card that ran was given up, and set up again */
	uint64_t stalls;      /* of these: it did not send */
	uint64_t ended_bursts; /* delivered nothing: the memory was going */
	uint64_t card_rx;     /* frames, by the card's own word */
	uint64_t card_tx;
};

/* As their namesakes of struct folio_vport. */
struct folio_vf_port *folio_vf_port_open(const struct folio_vf_port_config *cfg,
					 struct folio_error *err);
void folio_vf_port_close(struct folio_vf_port *v);
int folio_vf_port_start(struct folio_vf_port *v, uint32_t frame_max);
void folio_vf_port_set_frame_max(struct folio_vf_port *v, uint32_t frame_max);
bool folio_vf_port_stop(struct folio_vf_port *v);
bool folio_vf_port_needs_ticks(struct folio_vf_port *v);
void folio_vf_port_tick(struct folio_vf_port *v);
void folio_vf_port_status(struct folio_vf_port *v, struct folio_status *st);
bool folio_vf_port_mac(struct folio_vf_port *v, uint8_t mac[6]);
void folio_vf_port_set_mac(struct folio_vf_port *v, const uint8_t mac[6]);
bool folio_vf_port_enable(struct folio_vf_port *v, struct folio_vf_end *end, bool on);

/* Any thread, takes no lock; the address is in memory that the allocator gave. */
bool folio_vf_port_is_up(const struct folio_vf_port *v);
void folio_vf_port_counters(const struct folio_vf_port *v, struct folio_vf_counters *c);
uint32_t folio_vf_port_ring_size(const struct folio_vf_port *v);
uint32_t folio_vf_port_max_frame(const struct folio_vf_port *v);
const struct folio_copy *folio_vf_port_copy(const struct folio_vf_port *v);
const char *folio_vf_port_path(const struct folio_vf_port *v);
bool folio_vf_port_has_rings(const struct folio_vf_port *v, uint32_t q);

/* Valid until close. q is below the number of pairs. */
struct folio_vf_end *folio_vf_port_end(struct folio_vf_port *v, bool rx, uint32_t q);

/* Descriptors that are filled, or not sent yet. Takes no lock. */
uint32_t folio_vf_port_used(struct folio_vf_port *v, bool rx, uint32_t q);

/* Cold half of the next. */
bool folio_vf_stands_still(struct folio_vf_end *end);

/* As folio_vq_stands(). */
static inline bool
folio_vf_stands(struct folio_vf_end *end)
{
	return __builtin_expect(folio_fault_epoch() == end->epoch, 1) || folio_vf_stands_still(end);
}

/*
 * The doorbell, for a burst inside the gate: one store to the tail register, which is a system call
 * where the register is not mapped.
 */
void folio_vf_ring(const struct folio_vf_end *end, uint32_t value);

#endif /* FOLIO_VF_PORT_H */
