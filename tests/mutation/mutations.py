# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Deliberate bugs, each with the check that has to notice it.

The fuzzers' are in tests/fuzz/mutants.py, the provers' in tests/proof/test_sensitivity.py.
"""

from typing import NamedTuple

from mutations_meta import META_BUGS
from mutations_pci import PCI_BUGS
from mutations_rx import RX_BUGS
from mutations_tx import TX_BUGS
from mutations_vf import VF_BUGS


class Mutation(NamedTuple):
    """Replace `old`, which is in `file` exactly once, by `new`; `check` must fail.

    `check` is a method of Checks, with what is to be run behind a colon.
    """

    name: str
    check: str
    file: str
    old: str
    new: str
    quick: bool = False  # part of the default tests
    more: tuple = ()     # further (old, new) of the same file

    def bugs(self):
        """(file, old, new) of each replacement."""
        return [(self.file, old, new) for old, new in ((self.old, self.new), *self.more)]


GATE = "lib/boundary/gate.c"
RING = "lib/native/ring.c"
RING_H = "lib/native/ring.h"
SESSION = "lib/native/session.c"
REGION = "lib/native/region.c"
CORE_BURST = "lib/native/burst.c"
PORT = "lib/port.c"
BURST = "drivers/net/folio/folio_native_burst.c"
VIRTQ, VIRTQ_H = "lib/virtio/queue.c", "lib/virtio/queue.h"
SPLIT, SPLIT_H = "lib/virtio/split.c", "lib/virtio/split.h"
PACKED_H, JUDGE = "lib/virtio/packed.h", "lib/virtio/judge.c"
ARENA, SHM, SHM_FILE = "lib/memory/arena.c", "lib/memory/shm.c", "lib/memory/shm_open_file.c"
SHM_NODE = "lib/memory/shm_open_node.c"
ATTACKED = "hostile:test_hostile_virtq"
VMSG, VUSER = "lib/virtio/vhost_message.c", "lib/virtio/vhost_user.c"
DEVICE, JUDGED = "lib/virtio/device.c", "lib/virtio/offer.c"
TRICKED = "unit:test_vhost_hostile"
RX = "drivers/net/folio/folio_rx.c"
VPORT, VPORT_QUEUES = "lib/virtio/vport.c", "lib/virtio/vport_queues.c"
VPORT_WATCH, WANTS = "lib/virtio/vport_watch.c", "lib/virtio/vport_wants.c"
VIRTIO, VIRTIO_BURST = "drivers/net/folio/folio_virtio.c", "drivers/net/folio/folio_virtio_burst.c"
RINGS = "device:Packed.test_Q1_Q2_Q3_rings"

LOOK_STATE = "\tv->state = folio_fetch32_acquire(&h->state);\n\tfolio_shared_fence();\n"
LOOK_LAST = "\tv->geom.page_shift = folio_fetch32(&h->page_shift);\n"
FENCE = "\t\tfolio_shared_fence();\n"
ACK = "\t\tfolio_put64_release(&h->ack, s->acked);\n"
GENERATION = "\t\tfolio_put64_release(&h->generation, s->generation);\n"
STARTED = "\t\tfolio_put32_release(&h->state, FOLIO_WIRE_STATE_STARTED);\n"
OFFER = GENERATION + FENCE + STARTED + FENCE + ACK
LET_GO = ACK + FENCE + GENERATION
STANDS = "if (FOLIO_LIKELY(folio_cons_stands(c)))"
DRIVER_STANDS = "if (unlikely(!folio_cons_stands(c)))"
DELIVER = "\tn = deliver(q, pkts, n, head, bytes);\nleave:"
WIPED_AT_CLOSE = "\t\tfolio_shm_wipe(m);\n\t\tfolio_fault_unwatch(m->base);\n"
PUT_PACKED = "folio_packed_tx_put(&q, rte_pktmbuf_mtod(m, const void *), len,\n" \
             "\t\t\t\t\t    folio_kernel_exact);"
LIMIT = "RTE_MIN(frame_max, RTE_ALIGN_FLOOR(q->room, FOLIO_WIRE_LINE));"

MUTATIONS = [
    # Order of accesses.
    Mutation("gate without membarrier", "order", GATE,
             "if (!membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))", "if (n > LOOKS)", quick=True),
    Mutation("gate with another membarrier", "order", GATE,
             "membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)", "membarrier(MEMBARRIER_CMD_QUERY)"),
    Mutation("gate looks whether a burst is inside before it closes", "order", GATE,
             "\t\tif (g->phase == FOLIO_GATE_OPEN) {\n",
             "\t\tif (g->phase == FOLIO_GATE_OPEN &&\n"
             "\t\t    __atomic_load_n(&g->busy, __ATOMIC_SEQ_CST) == 0) {\n"),
    Mutation("gate opens without release", "order", GATE,
             "__atomic_store_n(&g->open, 1, __ATOMIC_RELEASE);",
             "__atomic_store_n(&g->open, 1, __ATOMIC_RELAXED);"),
    Mutation("gate looks before it says busy", "order", "lib/boundary/gate.h",
             "\t\t__atomic_store_n(&g->busy, 1, __ATOMIC_RELAXED);\n"
             "\t\t__atomic_signal_fence(__ATOMIC_SEQ_CST);\n"
             "\t\topen = __atomic_load_n(&g->open, __ATOMIC_ACQUIRE);\n",
             "\t\topen = __atomic_load_n(&g->open, __ATOMIC_ACQUIRE);\n"
             "\t\t__atomic_signal_fence(__ATOMIC_SEQ_CST);\n"
             "\t\t__atomic_store_n(&g->busy, 1, __ATOMIC_RELAXED);\n"),
    Mutation("gate without its compiler barrier", "order", "lib/boundary/gate.h",
             "\t\t__atomic_signal_fence(__ATOMIC_SEQ_CST);\n", ""),
    Mutation("state read last", "order", SESSION, LOOK_STATE, "", quick=True,
             more=((LOOK_LAST, LOOK_LAST + LOOK_STATE),)),
    Mutation("ack stored before generation and state", "order", SESSION, OFFER,
             ACK + FENCE + GENERATION + FENCE + STARTED, quick=True),
    Mutation("generation stored after state", "order", SESSION, OFFER,
             STARTED + FENCE + GENERATION + FENCE + ACK),
    Mutation("release of ack gone", "order", SESSION, OFFER,
             GENERATION + FENCE + STARTED + FENCE + "\t\tfolio_put64(&h->ack, s->acked);\n"),
    Mutation("the next generation stored before the last answer is taken back", "order", SESSION,
             LET_GO, GENERATION + FENCE + ACK),
    Mutation("generation published after the reset", "order", SESSION,
             "\ts->generation = new_generation(s->generation);\n}", "}", quick=True,
             more=(("\t\tif (s->generation == 0)\n\t\t\ts->generation = new_generation(0);\n",
                    "\t\ts->generation = new_generation(s->generation);\n"),)),
    Mutation("header wiped behind the rings", "order", "lib/attach.c",
             "\tfolio_session_wipe_header(f->region.own);\n"
             "\treturn folio_region_zero(&f->region, &f->layout);\n",
             "\tif (!folio_region_zero(&f->region, &f->layout))\n\t\treturn false;\n"
             "\tfolio_session_wipe_header(f->region.own);\n\treturn true;\n"),
    Mutation("header wiped without a word of the generation", "order", SESSION,
             "\tfolio_put64_release(&h->generation, 0);\n\tmemset", "\tmemset"),
    Mutation("core does not look at the generation again", "order", CORE_BURST, STANDS,
             "if (FOLIO_LIKELY(head > 0))", quick=True),
    Mutation("core looks at the generation before the copies", "order", CORE_BURST, STANDS,
             "if (FOLIO_LIKELY(head > 0))",
             more=(("\tavail = folio_cons_avail(c, n);\n",
                    "\tavail = folio_cons_stands(c) ? folio_cons_avail(c, n) : 0;\n"),)),
    Mutation("core delivers what it copied of an ended session", "unit:test_ending", CORE_BURST,
             "\telse\n\t\tgot = 0;\nleave:", "leave:"),
    Mutation("driver does not look at the generation again", "order", BURST, DRIVER_STANDS,
             "if (unlikely(head == c->head))", quick=True),
    Mutation("driver looks at the generation before the copies", "order", BURST, DRIVER_STANDS,
             "if (unlikely(head == c->head))",
             more=(("\tstop = folio_cons_avail(&end->ring, n);\n",
                    "\tstop = folio_cons_stands(&end->ring) ? folio_cons_avail(&end->ring, n) : 0;\n"),)),
    Mutation("driver does not look again behind frames that are not plain", "order", BURST,
             "p->got = deliver(q, pkts, p->got, p->head, p->bytes);",
             "folio_cons_commit(&q->end->ring, p->head);"),
    Mutation("driver delivers what it copied of an ended session", "driver:test_control", BURST,
             "\t\tdiscard(pkts, n);\n\t\treturn 0;\n", "\t\treturn n;\n"),
    Mutation("driver loses the mbufs of an ended session", "driver:test_control", BURST,
             "\t\tdiscard(pkts, n);\n\t\treturn 0;\n", "\t\treturn 0;\n"),
    Mutation("generation loaded without its fence", "order", RING_H,
             "\tfolio_read_fence();\n\treturn folio_fetch64(generation) == value;",
             "\treturn folio_fetch64(generation) == value;"),
    Mutation("fence of loads is none", "order", "lib/boundary/shared.h",
             "__atomic_signal_fence(__ATOMIC_ACQUIRE);", "__atomic_signal_fence(__ATOMIC_RELAXED);"),
    Mutation("release is none", "order", "lib/boundary/shared.h",
             "folio_put32_release(folio_shared_u32 *p, uint32_t v)\n{\n"
             "\t__atomic_store_n(&p->raw, v, __ATOMIC_RELEASE);",
             "folio_put32_release(folio_shared_u32 *p, uint32_t v)\n{\n"
             "\t__atomic_store_n(&p->raw, v, __ATOMIC_RELAXED);"),
    Mutation("acquire of produced gone", "order", RING,
             "produced = folio_fetch32_acquire(c->produced);", "produced = folio_fetch32(c->produced);"),
    Mutation("core publishes before the copy", "order", CORE_BURST,
             "\t\t\tfolio_prod_put(p, head, bufs[i].data, len, exact);",
             "\t\t\tfolio_prod_publish(p, head + 1);\n"
             "\t\t\tfolio_prod_put(p, head, bufs[i].data, len, exact);"),
    Mutation("driver publishes before the copy", "order", BURST,
             "\t\t\tfolio_prod_put(&p, head, ",
             "\t\t\tfolio_prod_publish(&end->ring, head + 1);\n\t\t\tfolio_prod_put(&p, head, ",
             quick=True),
    Mutation("core leaves the gate before the commit", "order", CORE_BURST,
             "\t\tfolio_cons_commit(c, head);\n",
             "\t\tfolio_gate_leave(&rxq->gate), folio_cons_commit(c, head);\n"),
    Mutation("driver leaves the gate before the commit", "order", BURST,
             DELIVER, "\tfolio_gate_leave(&end->gate);\n" + DELIVER),
    Mutation("driver returns inside the gate", "order", BURST,
             "\tif (n == 0)\n\t\tgoto leave;\n", "\tif (n == 0)\n\t\treturn 0;\n"),
    # Ends that are broken, or in memory that keeps no order; sessions that end.
    Mutation("a broken producer finds room again", "unit:test_ring", RING,
             "p->broken | p->weak)) {\n\t\tif (p->broken)\n\t\t\treturn 0;\n",
             "p->broken | p->weak)) {\n", quick=True),
    Mutation("a broken consumer finds frames again", "unit:test_ring", RING,
             "c->broken | c->weak)) {\n\t\tif (c->broken)\n\t\t\treturn 0;\n",
             "c->broken | c->weak)) {\n"),
    Mutation("a weak producer is not fenced when it looks for room", "order", RING,
             "FOLIO_UNLIKELY(p->broken | p->weak)", "FOLIO_UNLIKELY(p->broken)"),
    Mutation("a weak consumer is not fenced when it looks for more", "order", RING,
             "\t\t/* Behind the loads of what was read, and before those of what comes. */\n"
             "\t\tfolio_shared_fence();\n", ""),
    Mutation("a weak consumer says nothing when it looks for more", "unit:test_ring", RING,
             "FOLIO_UNLIKELY(c->broken | c->weak)", "FOLIO_UNLIKELY(c->broken)"),
    Mutation("a starved burst of an ended session is delivered", "driver:test_control", BURST,
             "\tp->got = deliver(q, pkts, p->got, p->head, p->bytes);",
             "\tif (p->starved)\n\t\tfolio_cons_commit(&q->end->ring, p->head);\n\telse\n"
             "\t\tp->got = deliver(q, pkts, p->got, p->head, p->bytes);"),
    Mutation("a region that is lost for a moment ends no session", "unit:test_ending", PORT,
             "\tif (lost && f->state == FOLIO_PORT_CLOSING)"
             " /* it may be back before the burst has left */\n"
             "\t\tf->session.state = FOLIO_SESSION_STOPPED;\n", "", quick=True),
    # When a peer is silent, and who is late.
    Mutation("own late ticks give a peer no more time", "unit:test_silence", SESSION,
             "return s->starved ? 2 * QUIET_STEPS : QUIET_STEPS;", "return QUIET_STEPS;", quick=True),
    Mutation("own late ticks give a peer more and more time", "unit:test_silence", SESSION,
             "\t\ts->starved = true;\n", "\t\ts->starved = true, s->quiet = 0;\n"),
    Mutation("a late tick counts for ever", "unit:test_silence", SESSION,
             "\t\ts->quiet = 0;\n\t\ts->starved = false;\n", "\t\ts->quiet = 0;\n"),
    Mutation("any tick is late", "unit:test_silence", SESSION,
             "if (ms > STARVED_MS && !s->silent)", "if (ms > FOLIO_TICK_MS && !s->silent)"),
    Mutation("a silent peer is not silent when we are late", "unit:test_silence", SESSION,
             "if (ms > STARVED_MS && !s->silent)", "if (ms > STARVED_MS)"),
    Mutation("no tick says how late it is", "unit:test_silence", PORT,
             "\t\tfolio_session_late(&f->session, now - f->ticked);\n", "\t\t;\n"),
    # How shared memory is read and written.
    Mutation("driver fetches a descriptor twice", "one_fetch", BURST,
             "\t\tlen = (uint32_t)desc;", "\t\tlen = (uint32_t)folio_cons_desc(c, at);"),
    Mutation("driver reads a descriptor by a cast pointer", "one_fetch", BURST,
             "\t\tlen = (uint32_t)desc;",
             "\t\tconst uint64_t *d = (const uint64_t *)c->desc;\n\n"
             "\t\tlen = (uint32_t)d[at & c->mask];", quick=True),
    Mutation("transmit copies whole lines", "one_fetch", BURST,
             "\t\t\t\t       folio_kernel_exact);\n\t\t\tbytes += len;",
             "\t\t\t\t       folio_kernel_padded);\n\t\t\tbytes += len;"),
    Mutation("whole lines reach the peer", "driver:test_bytes", BURST,
             "\t\t\t\t       folio_kernel_exact);\n\t\t\tbytes += len;",
             "\t\t\t\t       folio_kernel_padded);\n\t\t\tbytes += len;", quick=True),
    # Limits.
    Mutation("padded limit not rounded down", "driver:test_bytes", RX, LIMIT,
             "RTE_MIN(frame_max, q->room);"),
    Mutation("padded limit a line too long", "driver:test_bytes", RX, LIMIT,
             "RTE_MIN(frame_max, RTE_ALIGN_FLOOR(q->room, FOLIO_WIRE_LINE) + 64);"),
    Mutation("a frame takes a slot too many", "unit:test_ring_frames", RING_H,
             "return len <= stride ? 1 : (len + stride - 1) / stride;",
             "return (len <= stride ? 1 : (len + stride - 1) / stride) + 1;", quick=True),
    Mutation("descriptor number without a mask", "unit:test_ring", RING_H,
             "return folio_fetch64(&c->desc[at & c->mask]);", "return folio_fetch64(&c->desc[at]);"),
    Mutation("slot number without a mask", "unit:test_ring", "lib/native/layout.h",
             "(uint64_t)(i & mask) * stride", "(uint64_t)(i + 0 * mask) * stride"),
    Mutation("a chain that is too short is sent", "driver:test_frames", BURST,
             "\tif (done < len) {\n", "\tif (done < len && len == 0) {\n"),
    # Virtqueues.
    Mutation("split: any id is the one that is expected", ATTACKED, SPLIT_H,
             "return (uint32_t)word == folio_virtq_at(q, s) &&\n\t       ", "return ((void)q, (void)s, true) &&\n\t       ",
             quick=True),
    Mutation("packed: any id is the one that is expected", ATTACKED, PACKED_H,
             "\treturn ((uint32_t)(word >> 32) & FOLIO_PACKED_STATE) == expected &&",
             "\treturn ((uint32_t)(word >> 32) & FOLIO_PACKED_STATE & 0xffff0000) == (expected & 0xffff0000) &&"),
    Mutation("split: any id is the oldest", ATTACKED, SPLIT_H, "\treturn id == oldest &&",
             "\treturn id <= UINT32_MAX &&"),
    Mutation("packed: any id is the oldest", ATTACKED, PACKED_H,
             "\t       (id | folio_packed_back(q, q->head) << 16) &&", "\t       "
             "(((uint32_t)(word >> 32) & 0xffff) | folio_packed_back(q, q->head) << 16) &&"),
    Mutation("split: the oldest may head a chain", ATTACKED, SPLIT_H,
             "\treturn id == oldest && (q->note[oldest] & FOLIO_VIRTQ_MORE) == 0;",
             "\treturn id == oldest;"),
    Mutation("packed: the oldest may head a chain", ATTACKED, PACKED_H,
             "<< 16) &&\n\t       (q->note[id] & FOLIO_VIRTQ_MORE) == 0;", "<< 16);"),
    Mutation("buffers changed places and nobody says so", "unit:test_virtq", VIRTQ,
             "\t\tq->shuffled |= s != q->head;\n", ""),
    Mutation("split: any length is plain", ATTACKED, SPLIT_H,
             "folio_split_rx_len(word) - FOLIO_VIRTQ_FRAME_MIN <= max - FOLIO_VIRTQ_FRAME_MIN;",
             "max != 0;"),
    Mutation("packed: any length is plain", ATTACKED, PACKED_H,
             "folio_packed_rx_len(word) - FOLIO_VIRTQ_FRAME_MIN <= max - FOLIO_VIRTQ_FRAME_MIN;",
             "max != 0;"),
    Mutation("returned length one too long", ATTACKED, JUDGE, "&& len <= q->room + VIRTIO_NET_HDR_LEN;",
             "&& len <= q->room + VIRTIO_NET_HDR_LEN + 1;"),
    Mutation("no shortest frame of a virtqueue", ATTACKED, JUDGE,
             "total < VIRTIO_NET_HDR_LEN + FOLIO_VIRTQ_FRAME_MIN ||", "total == 0 ||"),
    Mutation("no longest frame of a virtqueue", "unit:test_virtq", JUDGE,
             "total > VIRTIO_NET_HDR_LEN + (uint64_t)q->max_frame) {", "total > UINT32_MAX) {"),
    Mutation("used index ahead by one", ATTACKED, SPLIT,
             "> (uint16_t)(q->avail - q->used) - known)", "> (uint16_t)(q->avail - q->used) - known + 1)"),
    Mutation("used index unchecked", ATTACKED, SPLIT,
             "> (uint16_t)(q->avail - q->used) - known)", "> UINT16_MAX)"),
    Mutation("split: a frame may go on beyond the used index", ATTACKED, JUDGE,
             "if (s - q->head >= (uint16_t)(q->seen - q->used))", "if (s - q->head >= q->size)"),
    Mutation("packed: a frame may go on where nothing was returned", ATTACKED, JUDGE,
             "return folio_packed_is_back(q, s, word);", "return true;"),
    Mutation("a buffer may be received twice", ATTACKED, VIRTQ,
             "for (i = s; i != q->tail && !q->in_order; i++) {",
             "for (i = q->head; i != q->tail && !q->in_order; i++) {"),
    Mutation("order that was agreed on is not asked for", ATTACKED, VIRTQ,
             "for (i = s; i != q->tail && !q->in_order; i++) {", "for (i = s; i != q->tail; i++) {"),
    Mutation("what the device has not may come back", ATTACKED, VIRTQ,
             "while (s != q->tail && q->at", "while (s != q->head + q->size && q->at"),
    Mutation("the middle of a chain may come back", ATTACKED, VIRTQ,
             "s += 1 + (q->note[q->at[s & q->mask]] & FOLIO_VIRTQ_MORE);", "s++;"),
    Mutation("a batch may end beyond the used index", ATTACKED, SPLIT, "if (chains > known)",
             "if (chains > q->size)"),
    Mutation("a header is not cleaned", "unit:test_virtq", VIRTQ_H,
             "\tfolio_header_clear(folio_virtq_header(q, id));\n", "", quick=True),
    Mutation("where a header was is forgotten", "unit:test_virtq", VIRTQ,
             "q->note[id] |= FOLIO_VIRTQ_DIRTY;", ";"),
    Mutation("split: a byte behind the frame", "unit:test_virtq", SPLIT_H,
             "FOLIO_VIRTQ_LINE, src, len);", "FOLIO_VIRTQ_LINE, src, len + 1);"),
    Mutation("packed: a byte behind the frame", "unit:test_virtq", PACKED_H,
             "FOLIO_VIRTQ_LINE, src, len);", "FOLIO_VIRTQ_LINE, src, len + 1);"),
    Mutation("split: published with each frame", "unit:test_virtq", SPLIT_H,
             "\tfolio_split_say(q, id);\n\tq->tail++;\n}",
             "\tfolio_split_say(q, id);\n\tq->tail++;\n\tfolio_put16_release(&q->ring->idx, q->avail);\n}"),
    Mutation("packed: the first one first", "unit:test_virtq", PACKED_H, "\tif (q->held) {", "\tif (true) {"),
    Mutation("a ring entry says what it said before", "unit:test_virtq", SPLIT_H,
             "\t\tfolio_split_rx_say(q, n);\n", "\t\t;\n"),
    Mutation("a poll in vain writes", "unit:test_virtq", SPLIT_H, "\tif (n == 0)\n\t\treturn;", "\tif (n > q->size)\n\t\treturn;"),
    Mutation("one id is one buffer, whatever was agreed on", "unit:test_virtq", "lib/virtio/used.c",
             "if (q->in_order && !receive)", "if (q->in_order && receive)"),
    Mutation("a doorbell is rung once", "unit:test_virtq", VIRTQ, "return !polls && was < 2;",
             "return !polls && was < 1;"),
    Mutation("rings are not zeroed", "unit:test_virtq", VIRTQ,
             "\tmemset(rings, 0, folio_virtq_ring_bytes(m->size));\n", ""),
    Mutation("buffers are not zeroed", "unit:test_virtq", VIRTQ,
             "\tmemset(q->bufs, 0, (size_t)m->size * m->stride);\n", ""),
    Mutation("a chain is never over", "unit:test_virtq", VIRTQ, "\t*note &= FOLIO_VIRTQ_DIRTY;\n", ""),
    # A port on virtio.
    Mutation("virtio: a device that stands still is let be", "driver:test_backend", VPORT_WATCH,
             "return end->stuck > v->tolerance;", "return end->stuck > UINT32_MAX - 1;"),
    Mutation("virtio: stalls are not counted", "driver:test_backend", VPORT_WATCH,
             "\t\tfolio_count(&v->stalls);\n", ""),
    Mutation("virtio: nobody is told that the link is down", "driver:test_backend", VPORT,
             "\tset_up(v, false);\n\tv->open = false;", "\tv->open = false;"),
    Mutation("virtio: the link is down for ever", "driver:test_backend", VPORT,
             "set_up(v, v->device.link);", "set_up(v, v->device.link && v->link_ups == 0);"),
    Mutation("virtio: several buffers a frame asked for a byte too late", "driver:test_backend", WANTS,
             "if (frame_max > v->room)", "if (frame_max > v->room + 1)"),
    Mutation("virtio: several buffers a frame asked for a byte too early", "driver:test_virtio", WANTS,
             "if (frame_max > v->room)", "if (frame_max >= v->room)"),
    Mutation("virtio: a larger MTU changes nothing while the port runs", "driver:test_backend",
             "drivers/net/folio/folio_ethdev.c", "if (folio_datapath(a)->set_frame_max != NULL)",
             "if (folio_datapath(a)->set_frame_max == folio_datapath(a)->tick)"),
    Mutation("virtio: memory kept at the end", "driver:test_backend", VPORT,
             "\tfolio_shm_close(&v->shm);\n\tfolio_vport_queues_free(v);\n",
             "\tfolio_vport_queues_free(v);\n"),
    Mutation("virtio: counters begin anew with the device", "driver:test_backend", VIRTQ,
             "\tq->avail = 0;\n", "\tq->avail = 0;\n\tq->bad_id = 0;\n"),
    Mutation("virtio: queue 1 sends on ring 0", "driver:test_virtio", VIRTIO,
             "folio_vport_txq(port, q);", "folio_vport_txq(port, q * 0);"),
    Mutation("virtio: queues that the device has not have rings", "driver:test_virtio", VPORT_QUEUES,
             "return folio_vport_is_up(v) && q < __atomic_load_n(&v->device.pairs, __ATOMIC_RELAXED);",
             "return folio_vport_is_up(v) && q < v->queues;"),
    Mutation("virtio: each segment begins the frame anew", "driver:test_virtio", VIRTIO_BURST,
             "folio_virtq_tx_piece(q, q->tail, done,", "folio_virtq_tx_piece(q, q->tail, done & 1,"),
    Mutation("virtio: each mbuf of a chain has the frame's beginning", "driver:test_virtio", VIRTIO_BURST,
             "folio_virtq_rx_piece(ring, at, offset,", "folio_virtq_rx_piece(ring, at, offset & 1,"),
    Mutation("virtio: mbufs that a burst did not need are lost", "driver:test_virtio", VIRTIO_BURST,
             "if (p.got < p.n)", "if (p.got > p.n)"),
    Mutation("virtio: room that there is is not used", "driver:test_frames:guest-split", VIRTIO_BURST,
             "\t\tif (room == 0 && i > 0)\n\t\t\troom = tx_room(q, packed, 1);\n",
             ""),
    Mutation("virtio: a burst starves twice", "driver:test_mbufs:host-packed", VIRTIO_BURST,
             "rq->stats.nombuf += !p->starved;", "rq->stats.nombuf++;"),
    Mutation("virtio: whole lines reach the device", "driver:test_bytes:guest-packed", VIRTIO_BURST,
             "\t\t\tfolio_packed_tx_put(&q, rte_pktmbuf_mtod(m, const void *), len,\n"
             "\t\t\t\t\t    folio_kernel_exact);",
             "\t\t\tfolio_packed_tx_put(&q, rte_pktmbuf_mtod(m, const void *), len,\n"
             "\t\t\t\t\t    folio_kernel_padded);"),
    Mutation("virtio: whole lines are written beyond an mbuf", "driver:test_bytes:host-split",
             VIRTIO_BURST, "RTE_MIN(rq->fast_max, from->plain_max);",
             "RTE_MIN(rq->frame_max, from->plain_max);"),
    Mutation("virtio: a port stops while a burst is inside", "driver:test_stop:host-packed", VPORT_QUEUES,
             "\treturn folio_gates_close(gates, 2 * v->queues);",
             "\t(void)folio_gates_close(gates, 2 * v->queues);\n\treturn true;"),
    # What is left in memory, and what happens when it goes.
    Mutation("end of the last queue not zeroed", "unit:test_region", REGION,
             "memset((uint8_t *)r->own + s.offset, 0, s.len);",
             "memset((uint8_t *)r->own + s.offset, 0,\n"
             "\t\t       s.offset + s.len == l->used ? s.len - FOLIO_WIRE_PAGE : s.len);", quick=True),
    Mutation("host never learns whose file it is", "unit:test_file", "lib/memory/shm_file.c",
             "if (r->role == FOLIO_HOST && !r->ours", "if (r->role == FOLIO_GUEST && !r->ours"),
    Mutation("a file that was cut is left to the other side", "unit:test_file",
             "lib/memory/shm_file.c", "if (is_odd(r) || (role_is_free", "if ((role_is_free"),
    Mutation("a host waits in a file of odd length", "unit:test_file", "lib/memory/shm_file.c",
             "return is_odd(r) || folio_file_is_lost", "return folio_file_is_lost"),
    Mutation("nothing cleared at take-over", "unit:test_region_takeover", REGION,
             "\t\tif (!zero(r, l, &budget))\n\t\t\treturn 1;\n", ""),
    Mutation("a region is made ready in one tick", "unit:test_footprint", REGION,
             "\tuint64_t budget = FOLIO_REGION_PIECE;\n\tint ret;\n",
             "\tuint64_t budget = UINT64_MAX;\n\tint ret;\n", quick=True),
    Mutation("a region is zeroed in one tick before its first use", "unit:test_footprint", REGION,
             "\t\tif (!zero(r, l, &budget))\n\t\t\treturn 1;\n",
             "\t\twhile (!zero(r, l, &budget))\n\t\t\tbudget = FOLIO_REGION_PIECE;\n"),
    Mutation("a predecessor's rest is wiped in one tick", "unit:test_region_takeover", REGION,
             "\t\tif (!wipe_predecessor(r, &budget))\n\t\t\treturn 1;\n",
             "\t\twhile (!wipe_predecessor(r, &budget))\n\t\t\tbudget = FOLIO_REGION_PIECE;\n"),
    Mutation("a region is zeroed in one tick when it is left", "unit:test_footprint", REGION,
             "\tuint64_t budget = FOLIO_REGION_PIECE;\n\n\treturn zero(r, l, &budget);",
             "\tuint64_t budget = UINT64_MAX;\n\n\treturn zero(r, l, &budget);"),
    Mutation("a peer's area is populated in one tick", "unit:test_footprint", REGION,
             "\tuint64_t budget = FOLIO_REGION_PIECE;\n\tstruct span s;\n",
             "\tuint64_t budget = UINT64_MAX;\n\tstruct span s;\n"),
    Mutation("a memfd that may be executed", "unit:test_memfd", "lib/memory/sealed.c",
             "flags | MFD_CLOEXEC | MFD_NOEXEC_SEAL);", "flags | MFD_CLOEXEC);"),
    Mutation("a memfd by a flag that older kernels lack", "unit:test_memfd", "lib/memory/sealed.c",
             "if (fd < 0 && errno == EINVAL)", "if (fd < 0 && errno == ENOSYS)"),
    Mutation("peer's mapping not watched", "unit:test_watch", REGION,
             " ||\n\t    folio_fault_watch(r->peer, r->mapped, PROT_READ) != 0) {", ") {"),
    # A device's states, its offer, and vhost-user.
    Mutation("the version of an answer is not looked at", TRICKED, VMSG,
             "h->flags == REPLY_FLAGS &&", "(h->flags & FOLIO_VHOST_REPLY) != 0 &&"),
    Mutation("the size of an answer is not looked at", TRICKED, VMSG,
             " && h->size == FOLIO_VHOST_REPLY_SIZE)", ")"),
    Mutation("an answer to another request is taken", TRICKED, VMSG,
             "if (h->request == request && h->flags", "if (h->request != 0 && h->flags"),
    Mutation("descriptors of a back end are taken", TRICKED, VMSG,
             "if ((msg.msg_flags & MSG_CTRUNC) != 0)", "if (n == INT32_MAX)"),
    Mutation("a second answer is not seen", TRICKED, VMSG,
             "l->sent == 0 ? folio_vhost_link_is_quiet(l, err) : 0;", "0;", quick=True),
    Mutation("a refusal is not seen", TRICKED, VMSG, "return ack == 0 ? 0 :", "return ack != 1 ? 0 :"),
    Mutation("an answer in pieces begins anew", TRICKED, VMSG,
             "\t\tl->received += (uint32_t)ret;\n", "\t\tl->received = (uint32_t)ret;\n"),
    Mutation("a message is sent twice", "unit:test_vhost_user", VMSG,
             "while (l->sent < all) {", "if (l->sent == all)\n\t\tl->sent = 0;\n\twhile (l->sent < all) {"),
    Mutation("a ring is not kicked", "unit:test_vhost_user", VUSER,
             "\t\tnotify(u, i); /* a ring starts", "\t\t(void)i; /* a ring starts"),
    Mutation("a doorbell is not closed", TRICKED, VUSER,
             "\t\tclose_fd(&u->kick[i]);\n", "\t\tu->kick[i] = -1;\n"),
    Mutation("the other end of a doorbell is not closed", "unit:test_vhost_user", VUSER,
             "\tif (ret == 0)\n\t\tclose_fd(&u->other_end);", "\tif (ret == 0)\n\t\tu->other_end = -1;"),
    Mutation("features may change", TRICKED, VUSER, "features != u->features)", "features == 0)"),
    Mutation("a packed ring begins as a split one", "unit:test_vhost_user", VUSER,
             "packed ? PACKED_BASE : 0", "0"),
    Mutation("ACCESS_PLATFORM is asked of a back end", "unit:test_vhost_user", VUSER,
             " | \\\n\t\t     BIT(VIRTIO_F_ACCESS_PLATFORM))", ")"),
    Mutation("CTRL_VQ is asked of a back end", "unit:test_vhost_user", VUSER,
             "(plan->features & ~BIT(VIRTIO_NET_F_CTRL_VQ)) | extended", "plan->features | extended"),
    Mutation("rings are not stopped", "unit:test_vhost_user", VUSER,
             "for (; u->step < 2 * u->rings; u->step++) {", "for (; u->step < u->rings; u->step++) {"),
    Mutation("a second back end waits for ever", TRICKED, VUSER, "\trefuse_another(u);\n",
             "\t(void)refuse_another;\n"),
    Mutation("a device is waited for without end", "unit:test_virtio_device", DEVICE,
             "waited < PATIENCE", "waited < UINT64_MAX", quick=True),
    Mutation("a device is given up before it is looked at", "unit:test_virtio_device", DEVICE,
             "\tbool over = d->leave || d->failed;",
             "\tbool over = d->leave || d->failed || now - d->since > 10 * PATIENCE;"),
    Mutation("a device is dropped under a burst", "unit:test_virtio_device", DEVICE,
             "\tcase FOLIO_VIRTIO_SHUTTING:\n\t\tif (!d->answered)\n\t\t\tbreak;\n",
             "\tcase FOLIO_VIRTIO_SHUTTING:\n"),
    Mutation("a device is told before its queues are there", "unit:test_virtio_device", DEVICE,
             "\tcase FOLIO_VIRTIO_PREPARE:\n\t\tif (!d->answered)\n\t\t\tbreak;\n",
             "\tcase FOLIO_VIRTIO_PREPARE:\n"),
    Mutation("a failed device is parted from", "unit:test_virtio_device", DEVICE,
             "d->failed ? -ECANCELED : d->ops->part", "d->ops->part"),
    Mutation("a pause does not grow", "unit:test_virtio_device", DEVICE,
             "d->pause = d->pause < PAUSE_MAX / 2 ? 2 * d->pause : PAUSE_MAX;", "d->pause = PAUSE_MIN;"),
    Mutation("a pause stays long", "unit:test_virtio_device", DEVICE,
             "if (now - d->since >= SETTLED)", "if (now - d->since >= 1000 * SETTLED)"),
    Mutation("a failing device is tried without a pause", "unit:test_virtio_device", DEVICE,
             "if (now - d->since >= SETTLED)", "if (now >= d->since)"),
    Mutation("a start behind a stop changes nothing", "unit:test_virtio_device", DEVICE,
             "\td->leave = true;\n", "\td->leave = d->state != FOLIO_VIRTIO_UP;\n"),
    Mutation("any number of queue pairs", "unit:test_virtio_offer", JUDGED,
             "if (plan->pairs == 0 || plan->pairs > PAIRS_MAX)", "if (plan->pairs > PAIRS_MAX)"),
    Mutation("more queue pairs than wanted", "unit:test_virtio_offer", JUDGED,
             "\tif (plan->pairs > wants->pairs)\n", "\tif (plan->pairs > wants->pairs + 4)\n"),
    Mutation("any size of a split queue", "unit:test_virtio_offer", JUDGED,
             "|| (!packed && (max & (max - 1)) != 0))", "|| (packed && max == 0))"),
    Mutation("a queue larger than the device has", "unit:test_virtio_offer", JUDGED,
             "if (floor_power(max) < plan->size)", "if (floor_power(max) == 0)"),
    Mutation("a multicast address is taken", "unit:test_virtio_offer", JUDGED,
             "return (mac[0] & 1) == 0 && memcmp", "return memcmp", quick=True),
    Mutation("any MTU is taken", "unit:test_virtio_offer", JUDGED,
             "offer->mtu < MTU_MIN || offer->mtu > MTU_MAX", "offer->mtu > MTU_MAX"),
    Mutation("queue pairs without a control queue", "unit:test_virtio_offer", JUDGED,
             "\t\tbad |= features & NEED_CTRL_VQ;\n", "\t\tbad |= 0;\n"),
    Mutation("what is required is not looked for", "unit:test_virtio_offer", JUDGED,
             "missing = required & ~plan->features;", "missing = BIT(VIRTIO_F_VERSION_1) & ~plan->features;"),
    # The whole port against a device, and what reaches its memory.
    Mutation("a device that broke the rules is kept", RINGS, VPORT_WATCH,
             "\t\tif (__atomic_load_n(&rx->q.broken, __ATOMIC_RELAXED) != 0 ||",
             "\t\tif (__atomic_load_n(&rx->q.broken, __ATOMIC_RELAXED) > 1 ||"),
    Mutation("a violation under another name", RINGS, VPORT,
             "c->rx_bad_length += folio_counted(&rx->bad_length);",
             "c->rx_bad_chain += folio_counted(&rx->bad_length);"),
    Mutation("a violation under another name in the driver", RINGS, VIRTIO,
             "COUNTER(rx_bad_id, true, false)", "COUNTER(rx_bad_id, false, false)"),
    Mutation("resets are not counted", RINGS, DEVICE, "\t\tfolio_count(&d->resets);\n", ""),
    Mutation("header of a buffer that had data stays", "disclosure:test_virtio_disclosure", VIRTQ_H,
             "\tfolio_header_clear(folio_virtq_header(q, id));\n\tq->note[id] = 0;\n",
             "\tq->note[id] = 0;\n"),
    Mutation("a long frame's buffers are not noted", "disclosure:test_virtio_disclosure", VIRTQ,
             "\t\t\tq->note[id] |= FOLIO_VIRTQ_DIRTY;\n", "\t\t\t;\n"),
    Mutation("the region stays as it was at close", "disclosure:test_virtio_disclosure",
             "lib/memory/shm.c", WIPED_AT_CLOSE, WIPED_AT_CLOSE.split("\n")[1] + "\n"),
    Mutation("a whole line of a frame's end goes out", "disclosure:test_virtio_disclosure",
             VIRTIO_BURST, PUT_PACKED, PUT_PACKED.replace("exact", "padded")),
    # Memory for devices, and what is carved out of it.
    Mutation("arena: a stride crosses a boundary", "unit:test_arena", ARENA,
             "\t\tif (here % stride != 0)\n\t\t\treturn false;\n", "", quick=True),
    Mutation("arena: an array begins within a line", "unit:test_arena", ARENA,
             "if (*base % LINE == 0)", "if (LINE > 0)"),
    Mutation("arena: device address not aligned", "unit:test_arena", ARENA,
             "((p->addr - p->offset) & (align - 1)) != 0 || ", ""),
    Mutation("arena: sum of offset and length wraps", "unit:test_arena", ARENA,
             "len > piece_end(p) - from)", "from + len > piece_end(p))"),
    Mutation("arena: the last byte is handed out again", "unit:test_arena", ARENA,
             "a->used = from + len;", "a->used = from + len - 1;"),
    Mutation("arena: looks at the memory", "unit:test_arena", ARENA, "a->used = from + len;",
             "a->used = from + len + (a->shm->base != NULL ? a->shm->base[from] & 1 : 0);"),
    Mutation("arena: gaps do not matter", "unit:test_arena", ARENA,
             " || shm->piece[i].offset != at)", ")"),
    Mutation("shm: not wiped at the end", "unit:test_shm", SHM,
             "\t\tfolio_shm_wipe(m);\n\t\tfolio_fault_unwatch", "\t\tfolio_fault_unwatch"),
    Mutation("shm: not wiped at first", "unit:test_shm_device", SHM,
             "\telse\n\t\tfolio_shm_wipe(m);\n", ""),
    Mutation("shm: an address behind the end of a piece", "unit:test_shm", SHM,
             "len > p->len - (offset - p->offset)", "offset - p->offset + len > p->len"),
    Mutation("shm: not watched for faults", "unit:test_shm", SHM,
             "\tif (folio_fault_watch(m->base, m->size, PROT_READ | PROT_WRITE) == 0)\n",
             "\tif (m->base != NULL)\n"),
    Mutation("shm: two ports on the same memory", "unit:test_shm_device", SHM,
             "folio_file_lock(m->fd, FOLIO_GUEST, 2)", "folio_file_lock(m->fd, FOLIO_GUEST, 1)"),
    Mutation("shm: memfd not sealed", "unit:test_shm", "lib/memory/shm_open_memfd.c",
             "(F_SEAL_SHRINK | F_SEAL_GROW)", "F_SEAL_GROW"),
    Mutation("shm: a stranger's file is taken", "unit:test_shm", SHM_FILE,
             "!m->made && !starts_with_zeroes(m->fd)", "m->fd < 0"),
    Mutation("shm: the sticky bit is enough", "unit:test_shm", SHM_FILE,
             "(st->st_mode & ALLPERMS) == FOLIO_FILE_OURS", "(st->st_mode & S_ISVTX) != 0"),
    Mutation("shm: addresses beyond what is mapped", "unit:test_shm_device", SHM_NODE,
             "c->len < left ? c->len : left)", "c->len)"),
    Mutation("shm: chunks of any kind", "unit:test_shm_device", SHM_NODE,
             " ||\n\t    c->len > UINT64_MAX - c->gpa)", ")"),
    Mutation("shm: no second try in small pieces", "unit:test_shm_device", SHM_NODE,
             "ret == -ENOMEM || ret == -EINVAL", "ret == -ENOMEM"),
    # Virtqueues: what spin's models take as given.
    Mutation("a split index without release", "order", "lib/virtio/split.h",
             "\t\tfolio_virtq_before_publish(q);\n\tfolio_put16_release(&q->ring->idx, q->avail);\n}\n\n"
             "/*\n * After publishing",
             "\t\tfolio_virtq_before_publish(q);\n\tfolio_put16(&q->ring->idx, q->avail);\n}\n\n"
             "/*\n * After publishing", quick=True),
    Mutation("a used index without acquire", "order", "lib/virtio/split.c",
             "folio_fetch16_acquire(&q->back->idx)", "folio_fetch16(&q->back->idx)"),
    Mutation("a returned descriptor without acquire", "order", "lib/virtio/packed.h",
             "folio_fetch64_acquire(&q->desc[s & q->mask].rest)",
             "folio_fetch64(&q->desc[s & q->mask].rest)"),
    Mutation("the first descriptor is given first", "order", "lib/virtio/packed.h",
             "\tif (q->held) {\n\t\tfolio_put64(&q->desc[i].rest, rest);\n\t\treturn;\n\t}\n",
             "\tfolio_put64(&q->desc[i].rest, rest);\n\tif (q->held)\n\t\treturn;\n", quick=True),
    Mutation("a doorbell is looked for too early", "order", "lib/virtio/packed.h",
             "\tfolio_shared_fence();\n\treturn folio_fetch16(&q->dev_event->flags)",
             "\treturn folio_fetch16(&q->dev_event->flags)"),
]

MUTATIONS += [Mutation(f"pci: {name}", *bug) for name, *bug in PCI_BUGS]
MUTATIONS += [Mutation(f"transmit offloads: {name}", *bug) for name, *bug in TX_BUGS]
MUTATIONS += [Mutation(f"receive offloads: {name}", *bug) for name, *bug in RX_BUGS]
MUTATIONS += [Mutation(f"meta: {name}", *bug) for name, *bug in META_BUGS]
MUTATIONS += [Mutation(*bug) for bug in VF_BUGS]
