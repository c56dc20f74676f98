# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""What the system tests share: pairs of testpmds on a region, and cleaning up."""

import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts"))

from testpmd import RegionFile, Testpmd  # noqa: E402


class PairCase(unittest.TestCase):
    """A test with a region, a guest and a host; every process is gone at its end."""

    longMessage = True

    def setUp(self):
        self.region = RegionFile()
        self.processes = []

    def tearDown(self):
        for process in self.processes:
            process.end()
        left = os.listdir(self.region.folder)
        self.region.remove()
        if not any(p.process.returncode == -9 for p in self.processes):
            self.assertEqual(left, [], "the region's file was left behind")

    def spawn(self, role, more="", **kwargs):
        """Start a testpmd in a role; returns when it takes commands."""
        cpu = 0 if role == "guest" else 1
        side = Testpmd([f"net_folio0,role={role},path={self.region.path}{more}"], cpu, **kwargs)
        self.processes.append(side)
        return side.wait_prompt()

    def pair(self, more="", **kwargs):
        """Guest and host, connected."""
        guest, host = self.spawn("guest", more, **kwargs), self.spawn("host", more, **kwargs)
        guest.wait_link()
        host.wait_link()
        return guest, host

    def drain(self, *sides):
        """Stop sending; receive until nothing more comes."""
        for side in sides:
            side.cmd("stop")
            side.cmd("set fwd rxonly")
            side.cmd("start")
        before = None
        while True:
            now = [side.stats()["RX-packets"] for side in sides]
            if now == before:
                break
            before = now
            time.sleep(0.05)
        for side in sides:
            side.cmd("stop")

    def check_clean(self, *sides):
        """Nobody did anything wrong."""
        for side in sides:
            wrong = {k: v for k, v in side.xstats().items()
                     if v and (k.startswith("violation_") or k.endswith(("_errors", "nombuf")))}
            self.assertEqual(wrong, {})

    def check_mbufs(self, side):
        """With its ports stopped a testpmd has all its mbufs back."""
        side.cmd("stop")
        side.cmd("port stop all")
        text = side.cmd("dump_mempool mb_pool_0")
        size = int(re.search(r"\bsize=(\d+)", text).group(1))
        cached = int(re.search(r"total_cache_count=(\d+)", text).group(1))
        common = int(re.search(r"common_pool_count=(\d+)", text).group(1))
        self.assertEqual(cached + common, size, "mbufs are missing:\n" + text)


def main():
    """Run the tests of the calling file, a line each."""
    unittest.main(verbosity=2)
