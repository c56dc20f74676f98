# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Two processes that check every byte they receive, on every queue, also across SIGKILL."""

import os
import unittest

import common
from testpmd import RegionFile
from verifier import Verify

KILLS = 20 if os.environ.get("FOLIO_TEST_ALL") else 4


class Contents(unittest.TestCase):
    """Never a wrong byte."""

    def setUp(self):
        self.region = RegionFile()
        self.sides = []

    def tearDown(self):
        for side in self.sides:
            side.end()
        self.region.remove()

    def spawn(self, role, more="", eal=(), app=()):
        """Start a side."""
        side = Verify(f"net_folio0,role={role},path={self.region.path}{more}",
                      0 if role == "guest" else 1, eal, app)
        self.sides.append(side)
        return side

    def converse(self, more="", eal=(), app=()):
        """Some traffic both ways, and a good end."""
        guest = self.spawn("guest", more, eal, app)
        host = self.spawn("host", more, eal, app)
        guest.wait_received(20000)
        host.wait_received(20000)
        for side in guest, host:
            self.assertEqual(side.finish(), 0, "".join(side.text[-10:]))
            self.assertEqual(side.counters[2:], (0, 0))

    def test_plain(self):
        self.converse()

    def test_jumbo_queues(self):
        app = ["--queues", "4", "--max-len", "9600"]
        self.converse(",queues=4,ring_size=256", app=app)

    def test_small_slots(self):
        self.converse(",ring_size=64,slot_size=256", app=["--max-len", "9600"])

    def test_every_kernel(self):
        for bits in 64, 128, 256, 512:
            with self.subTest(bits=bits):
                self.converse(eal=[f"--force-max-simd-bitwidth={bits}"], app=["--max-len", "4000"])

    def kill_repeatedly(self, victim):
        """SIGKILL a side again and again; what arrives is always right."""
        survivor = "host" if victim == "guest" else "guest"
        app = ["--max-len", "4000"]
        lasting = self.spawn(survivor, app=app)
        for _ in range(KILLS):
            dying = self.spawn(victim, app=app)
            dying.wait_received(100)
            lasting.wait_new(100)
            self.assertEqual(dying.counters[2:], (0, 0))
            dying.end()
        self.assertEqual(lasting.finish(), 0, "".join(lasting.text[-10:]))
        self.assertEqual(lasting.counters[2:], (0, 0))

    def test_kill_guest(self):
        self.kill_repeatedly("guest")

    def test_kill_host(self):
        self.kill_repeatedly("host")


if __name__ == "__main__":
    common.main()
