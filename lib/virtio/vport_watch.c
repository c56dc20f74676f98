/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * A device's status does not show that it fails: one that was given an address it cannot reach, or
 * whose process is gone, says that all is well. What it does not do tells.
 */

#include <errno.h>
#include <string.h>

#include "count.h"
#include "error.h"
#include "virtio/vport_state.h"

/*
 * How long a device may keep what it was sent. One that has never taken anything since its last
 * reset gets twice the time after each, so that a back end which does not run yet is not reset
 * every second.
 */
#define STALLED_STEPS (1000 / FOLIO_TICK_MS)
#define STALLED_STEPS_MAX (32 * STALLED_STEPS)

/* A frame without offloads, padded to what Ethernet asks for. */
#define RARP_LEN 60u

void
folio_vport_watch_begin(struct folio_vport *v)
{
	uint32_t q;

	if (v->tolerance == 0 || v->taken != 0)
		v->tolerance = STALLED_STEPS;
	else if (v->tolerance < STALLED_STEPS_MAX)
		v->tolerance *= 2;
	v->taken = 0;
	for (q = 0; q < v->device.pairs; q++)
		v->txq[q].stuck = 0;
}

/* The device polls no more, or never did: a burst may have been given without a doorbell. */
static void
watch_doorbell(struct folio_vq *end)
{
	if (folio_vq_is_packed(end) ? folio_packed_watch(&end->q) : folio_split_watch(&end->q))
		folio_vq_ring(end);
}

/* Device not trusted: what it says that it returned is compared with what it said before. */
static bool
is_stalled(struct folio_vport *v, struct folio_vq *end)
{
	uint32_t left = folio_virtq_used(&end->q, folio_vq_is_packed(end), false);
	uint16_t given = (uint16_t)__atomic_load_n(&end->q.tail, __ATOMIC_RELAXED);
	uint16_t returned = (uint16_t)(given - left);

	if (!v->device.link)
		return false; /* it says that it does not send */
	if (returned != end->seen) {
		end->seen = returned;
		end->stuck = 0;
		v->taken++;
		return false;
	}
	if (left == 0)
		end->stuck = 0;
	else
		end->stuck++;
	return end->stuck > v->tolerance;
}

int
folio_vport_watch(struct folio_vport *v, struct folio_error *err)
{
	uint32_t q;

	for (q = 0; q < v->device.pairs; q++) {
		struct folio_vq *rx = &v->rxq[q], *tx = &v->txq[q];

		if (__atomic_load_n(&rx->q.broken, __ATOMIC_RELAXED) != 0 ||
		    __atomic_load_n(&tx->q.broken, __ATOMIC_RELAXED) != 0)
			return folio_fail(err, -EPROTO, "the device broke the rules of queue pair %u "
					  "(see the violations that are counted)", q);
		watch_doorbell(rx);
		watch_doorbell(tx);
		if (!is_stalled(v, tx))
			continue;
		folio_count(&v->stalls);
		return folio_fail(err, -ETIMEDOUT, "the device takes nothing from transmit queue %u, "
				  "although it says that it runs", q);
	}
	if (folio_shm_is_lost(&v->shm))
		return folio_fail(err, -EIO, "the shared memory is gone");
	return 0;
}

/* RFC 903: who asks for its own address tells switches where it is. */
static void
make_rarp(uint8_t frame[RARP_LEN], const uint8_t mac[6])
{
	static const uint8_t head[] = {0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3};

	memset(frame, 0, RARP_LEN);
	memset(frame, 0xff, 6);
	memcpy(frame + 6, mac, 6);
	memcpy(frame + 12, head, sizeof(head));
	memcpy(frame + 22, mac, 6);
	memcpy(frame + 32, mac, 6);
}

void
folio_vport_announce(struct folio_vport *v)
{
	struct folio_vq *end = &v->txq[0];
	struct folio_gate *gate = &end->gate;
	uint8_t frame[RARP_LEN];

	if (!v->announce)
		return;
	if (!folio_gates_close(&gate, 1))
		return; /* at the next tick; the burst that is inside is the last until then */
	make_rarp(frame, v->mac);
	if (folio_vq_is_packed(end) && folio_packed_tx_room(&end->q, 1) > 0) {
		folio_packed_tx_put(&end->q, frame, sizeof(frame), v->copy->exact);
		folio_packed_tx_publish(&end->q);
		v->announce = false;
	} else if (!folio_vq_is_packed(end) && folio_split_tx_room(&end->q, 1) > 0) {
		folio_split_tx_put(&end->q, frame, sizeof(frame), v->copy->exact);
		folio_split_tx_publish(&end->q);
		v->announce = false;
	}
	if (!v->announce) {
		folio_count(&v->announces);
		if (folio_vq_is_packed(end) ? folio_packed_wants_doorbell(&end->q)
				   : folio_split_wants_doorbell(&end->q))
			folio_vq_ring(end);
	}
	if (end->enabled)
		folio_gate_open(gate);
}
