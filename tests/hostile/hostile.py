# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""What the hostile tests share: seeds, sanitized testpmds, pairs under traffic."""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../system"))

import common  # noqa: E402

SEED = int(os.environ.get("FOLIO_SEED", "20261125"), 0)
SLOTS = ",ring_size=64,slot_size=256"


def victim_env():
    """Environment of a testpmd; with a sanitized plugin the sanitizers have to come first."""
    preload = os.environ.get("FOLIO_PRELOAD")
    if not preload:
        return None
    libraries = [subprocess.run(["gcc", f"-print-file-name={name}"], check=True, text=True,
                                stdout=subprocess.PIPE).stdout.strip()
                 for name in preload.split(":")]
    # DPDK keeps much for the life of the process; what it says is no leak of ours.
    return dict(os.environ, LD_PRELOAD=":".join(libraries),
                ASAN_OPTIONS="detect_leaks=0:abort_on_error=1:allocator_may_return_null=1",
                UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")


class HostilePair(common.PairCase):
    """Two real sides that send and receive all the time, and are never restarted."""

    def busy_pair(self):
        """Guest and host under traffic, small rings."""
        sides = []
        for role, more in ("guest", SLOTS), ("host", ""):
            sides.append(self.spawn(role, more, memory=128, env=victim_env()))
        for side in sides:
            side.wait_link()
            side.cmd("set fwd flowgen")
            side.cmd("start")
        self.traffic_flows(*sides)
        return sides

    def traffic_flows(self, *sides):
        """Both receive, with the link up."""
        for side in sides:
            side.wait_link()
        before = [side.stats()["RX-packets"] for side in sides]
        for side, packets in zip(sides, before):
            side.wait_received(packets + 1000)

    def finish(self, *sides):
        """All mbufs are back, and both end in good order."""
        for side in sides:
            self.check_mbufs(side)
        for side in sides:
            self.assertEqual(side.quit(), 0, side.report())

    def wait_traffic(self, side, packets):
        """Wait for so many packets more."""
        return side.wait_received(side.stats()["RX-packets"] + packets)


def sleep_until(deadline):
    """Sleep in small pieces."""
    while time.monotonic() < deadline:
        time.sleep(0.05)
