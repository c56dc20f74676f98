# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Break a copy of lib/ in one place at a time: what is proved of it must no longer be."""

import glob
import os
import subprocess
import sys
import tempfile
import unittest

import tools

sys.path.insert(0, os.path.join(os.path.dirname(tools.HERE), "mutation"))

from tree import Broken  # noqa: E402

RING = (1, 64, 256)
INDEX_CHECK = "produced - c->seen > c->size - (c->seen - c->head)"


class Sensitivity(unittest.TestCase):
    """One mutation a test."""

    def wp(self, function, file, old, new):
        """A goal of this function can't be proved any more."""
        with Broken(("lib/" + file, old, new)) as root:
            goals = tools.wp(root, [function], patience=20)
        self.assertIn(False, goals[function].values())

    def eva(self, analysis, alarm, file, old, new):
        """An alarm with this text."""
        with Broken(("lib/" + file, old, new)) as root:
            alarms = analysis(root=root).alarms
        self.assertTrue(any(alarm in a for a in alarms), alarms)

    @staticmethod
    def rings(root):
        """EVA on one geometry."""
        return tools.eva_rings(*RING, root=root)

    @staticmethod
    def virtq(root):
        """EVA on one virtqueue."""
        return tools.eva_virtq(8, 256, 65535, root=root)

    @staticmethod
    def advq(root):
        """EVA on one ring of a card."""
        return tools.eva_advq(64, 2112, root=root)

    def test_producer_index_unbounded(self):
        """More filled slots than the ring has."""
        self.wp("folio_cons_refresh", "native/ring.c", INDEX_CHECK,
                "produced - c->head < c->seen - c->head")

    def test_producer_index_back(self):
        """The producer's index goes back."""
        self.wp("folio_cons_refresh", "native/ring.c", INDEX_CHECK, "produced - c->head > c->size")

    def test_consumer_index_unbounded(self):
        """The consumer's index is ahead of ours."""
        self.wp("folio_prod_refresh", "native/ring.c",
                "FOLIO_UNLIKELY(consumed - p->seen > p->head - p->seen)", "FOLIO_UNLIKELY(0)")

    def test_no_length_check(self):
        """A frame longer than the longest."""
        self.wp("folio_cons_judge", "native/ring.c",
                "len < FOLIO_WIRE_FRAME_MIN || len > c->max_frame", "len < FOLIO_WIRE_FRAME_MIN")

    def test_chain_one_too_long(self):
        """One slot more than was published."""
        self.wp("folio_cons_judge", "native/ring.c", "frame->slots > avail", "frame->slots > avail + 1")

    def test_plain_length_off_by_one(self):
        """The one comparison of an ordinary frame."""
        self.wp("folio_desc_is_plain", "native/ring.h", "max - FOLIO_WIRE_FRAME_MIN;",
                "max - FOLIO_WIRE_FRAME_MIN + 1;")

    def test_plain_bound_too_long(self):
        """An ordinary frame longer than its slot: what one line of burst.c asks for."""
        self.eva(self.rings, "function memcpy", "native/burst.c", "folio_desc_is_plain(desc, c->plain_max)",
                 "folio_desc_is_plain(desc, c->max_frame)")

    def test_plain_max_above_the_slot(self):
        """An ordinary frame longer than its slot: what the end was given."""
        self.wp("plain_max", "native/ring.c", "return l->stride < l->max_frame ? l->stride : l->max_frame;",
                "return l->max_frame;")

    def test_used_index_ahead(self):
        """A device that returned one buffer more than it has."""
        self.wp("folio_split_refresh", "virtio/split.c", "(uint16_t)(q->avail - q->used) - known)",
                "(uint16_t)(q->avail - q->used) - known + 1)")

    def test_any_returned_id(self):
        """A buffer that was not the expected one."""
        self.wp("folio_split_rx_is_plain", "virtio/split.h",
                "return (uint32_t)word == folio_virtq_at(q, s) &&", "return s == s &&")

    def test_plain_length_of_a_packed_ring(self):
        """The one comparison of an ordinary frame."""
        self.wp("folio_packed_rx_is_plain", "virtio/packed.h", "<= max - FOLIO_VIRTQ_FRAME_MIN;",
                "<= max - FOLIO_VIRTQ_FRAME_MIN + 1;")

    def test_unknown_id_taken(self):
        """Any id is one that the device has."""
        self.wp("folio_virtq_find", "virtio/queue.c", "\t\tif (found != id)\n\t\t\tcontinue;\n", "")

    def test_returned_length_not_clamped(self):
        """More than the buffer has."""
        self.wp("keep_len", "virtio/judge.c", "= fits ? len : 0;", "= len;")

    def test_frame_too_long(self):
        """More in all buffers than the longest frame."""
        self.wp("by_length", "virtio/judge.c",
                " ||\n\t    total > VIRTIO_NET_HDR_LEN + (uint64_t)q->max_frame", "")

    def test_piece_longer_than_its_buffer(self):
        """Transmit: the last buffer's would end behind the queue's."""
        self.wp("folio_virtq_tx_piece", "virtio/queue.c",
                "uint32_t part = end - offset < len ? end - offset : len;", "uint32_t part = len;")

    def test_piece_longer_than_returned(self):
        """Receive: the same."""
        self.wp("folio_virtq_rx_piece", "virtio/queue.c",
                "part = has - offset < len ? has - offset : len;", "part = len;")

    def test_element_without_mask(self):
        """An element of the used ring behind its end."""
        self.eva(self.virtq, "out of bounds read", "virtio/split.h", "&q->elem[s & q->mask]",
                 "&q->elem[s]")

    def test_card_length_off_by_one(self):
        """A byte more than the longest frame that a card may give."""
        self.wp("folio_advq_rx_is_plain", "vf/advq.h",
                "len - FOLIO_ADVQ_FRAME_MIN <= max - FOLIO_ADVQ_FRAME_MIN;",
                "len - FOLIO_ADVQ_FRAME_MIN <= max - FOLIO_ADVQ_FRAME_MIN + 1;")

    def test_card_descriptor_without_mask(self):
        """A descriptor behind a card's ring."""
        self.eva(self.advq, "out of bounds write", "vf/advq.h", "&q->desc[q->head & q->mask];",
                 "&q->desc[q->head];")

    def test_card_buffer_without_mask(self):
        """A buffer behind them."""
        self.eva(self.advq, "valid_dest", "vf/advq.h", "(uint64_t)(s & q->mask) * q->stride",
                 "(uint64_t)s * q->stride")

    def test_publish_in_a_broken_end(self):
        """A broken producer that finds room again."""
        self.wp("folio_prod_publish_slow", "native/ring.c", "p->seen = head - p->size; /* stay full */", "")

    def test_piece_start_off_by_one(self):
        """The byte behind the ring."""
        self.wp("piece_start", "native/ring.c", "return pos < ring ? pos", "return pos <= ring ? pos")

    def test_piece_first_unbounded(self):
        """A copy that does not wrap."""
        self.wp("piece_first", "native/ring.c", "return len < to_end ? len : (uint32_t)to_end;",
                "return len <= to_end + 1 ? len : (uint32_t)to_end;")

    def test_piece_longer_than_its_slot(self):
        """The last slot's would end behind the ring."""
        self.wp("folio_prod_piece", "native/ring.c",
                "uint32_t part = p->stride - offset < len ? p->stride - offset : len;",
                "uint32_t part = len;")

    def test_no_mask_proof(self):
        """A slot behind the ring: the contract."""
        self.wp("folio_layout_slot", "native/layout.h", "(uint64_t)(i & mask)", "(uint64_t)i")

    def test_no_mask_value(self):
        """A slot behind the ring: the values."""
        self.eva(self.rings, "function memcpy", "native/layout.h", "(uint64_t)(i & mask)", "(uint64_t)i")

    def test_descriptor_without_mask(self):
        """A descriptor behind the ring."""
        self.eva(self.rings, "out of bounds read", "native/ring.h", "&c->desc[at & c->mask]", "&c->desc[at]")

    def test_no_room_check(self):
        """A frame longer than the caller's buffer."""
        self.eva(self.rings, "folio_cons_piece: precondition", "native/burst.c",
                 "verdict == FOLIO_TAKE && frame.len <= bufs[got].room", "verdict == FOLIO_TAKE")

    def test_send_without_length_check(self):
        """A frame longer than a ring, from the application."""
        self.eva(self.rings, "folio_prod_piece: precondition", "native/burst.c",
                 " || len > p->max_frame", "")

    def test_padded_copy_too_long(self):
        """A line too many."""
        self.eva(self.rings, "function memcpy", "boundary/copy_kernel.h", "(len + 63)", "(len + 127)")

    def test_peer_area_is_not_ours(self):
        """A producer that takes the peer's area for its own."""
        self.eva(self.rings, "out of bounds write", "native/ring.c",
                 "p->produced = &folio_layout_index(l, area, q)->produced;",
                 "p->produced = &folio_layout_index(l, index_area, q)->produced;")

    def test_shift_unchecked(self):
        """A geometry whose areas are aligned to 2^4294967295."""
        self.eva(tools.eva_layout, "shift", "native/layout.c",
                 "g->page_shift, FOLIO_WIRE_SHIFT_MIN, FOLIO_WIRE_SHIFT_MAX,",
                 "g->page_shift, FOLIO_WIRE_SHIFT_MIN, UINT32_MAX,")

    def test_shift_too_far(self):
        """A violation that has no bit."""
        self.eva(tools.eva_session, "invalid RHS operand for shift", "native/session.c",
                 "s->reject_kinds |= 1u << v;", "s->reject_kinds |= 1u << (v * 4);")

    def test_rings_overlap(self):
        """Metadata forgotten in the layout."""
        with Broken(("lib/native/layout.c", "n.meta_off + g->queues * n.meta_len",
                     "n.meta_off")) as root:
            log, status = tools.layouts(root)
        self.assertNotEqual(status, 0)
        self.assertIn("slots:", log)


class Threads(unittest.TestCase):
    """ThreadSanitizer sees a release or an acquire that is missing (tests/unit/test_threads.c)."""

    def threads(self, root):
        """Reports of the ring test of a tree."""
        sources = sorted(set(glob.glob(os.path.join(root, "lib/**/*.c"), recursive=True)) -
                         {os.path.join(root, "lib/boundary/copy_isa.c")})
        unit = os.path.join(tools.ROOT, "tests/unit")
        with tempfile.TemporaryDirectory(prefix="folio-proof-") as folder:
            flags = ["-std=gnu11", "-O2", "-g", "-D_GNU_SOURCE", "-fsanitize=thread",
                     f"-I{root}/lib", f"-I{root}/include", f"-I{unit}"]
            objects = []
            for isa, isa_flags in (("portable", ["-DFOLIO_COPY_PORTABLE"]), ("sse", []),
                                   ("avx2", ["-mavx2", "-mbmi2"]),
                                   ("avx512", ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mbmi2"])):
                objects.append(os.path.join(folder, isa + ".o"))
                subprocess.run(["gcc", *flags, *isa_flags, f"-DFOLIO_COPY_OPS=folio_copy_{isa}",
                                "-c", os.path.join(root, "lib/boundary/copy_isa.c"), "-o", objects[-1]],
                               check=True)
            program = os.path.join(folder, "threads")
            subprocess.run(["gcc", *flags, *sources, *objects, f"{unit}/test_threads.c",
                            f"{unit}/util.c", "-o", program, "-lcmocka", "-lnuma", "-lpthread"],
                           check=True)
            env = dict(os.environ, TSAN_OPTIONS="halt_on_error=1")
            return tools.run([program], env=env)

    def races(self, file, old, new):
        """A data race is reported."""
        with Broken(("lib/" + file, old, new)) as root:
            log, status = self.threads(root)
        self.assertIn("ThreadSanitizer: data race", log)
        self.assertNotEqual(status, 0)

    def test_as_it_is(self):
        """Nothing to report."""
        log, status = self.threads(tools.ROOT)
        self.assertEqual((status, "ThreadSanitizer" in log), (0, False), log)

    def test_release_of_produced(self):
        """The slots may come after their index."""
        self.races("native/ring.h", "folio_put32_release(p->produced, head);",
                   "folio_put32(p->produced, head);")

    def test_acquire_of_produced(self):
        """The slots may be read before their index."""
        self.races("native/ring.c", "produced = folio_fetch32_acquire(c->produced);",
                   "produced = folio_fetch32(c->produced);")

    def test_release_of_consumed(self):
        """The slots may be read after they were given back."""
        self.races("native/ring.h", "folio_put32_release(c->consumed, head);",
                   "folio_put32(c->consumed, head);")

    def test_acquire_of_consumed(self):
        """The slots may be written before they were given back."""
        self.races("native/ring.c", "consumed = folio_fetch32_acquire(p->consumed);",
                   "consumed = folio_fetch32(p->consumed);")


if __name__ == "__main__":
    tools.main()
