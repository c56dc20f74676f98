# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The region between two testpmds is rewritten at random, at full speed; or cut again and again.

FOLIO_MUTATE_SECONDS is the time a role, FOLIO_CUTS how often the file is cut.
"""

import os
import random
import signal
import subprocess
import time

import hostile

MUTATOR = os.environ["FOLIO_MUTATOR"]
SECONDS = int(os.environ.get("FOLIO_MUTATE_SECONDS", "4"))
CUTS = int(os.environ.get("FOLIO_CUTS", "20"))
AREA = 2 << 20


class Mutated(hostile.HostilePair):
    """Whatever is in the memory, both sides stay alive, and meet again when it is over."""

    def mutate(self, reader):
        """One run; `reader` sees most of it."""
        sides = self.busy_pair()
        with subprocess.Popen([MUTATOR, self.region.path, reader, str(hostile.SEED)],
                              stdout=subprocess.PIPE, text=True) as mutator:
            hostile.sleep_until(time.monotonic() + SECONDS)
            mutator.send_signal(signal.SIGTERM)
            done = int(mutator.stdout.read())
            self.assertEqual(mutator.wait(), 0)
        for side in sides:
            self.assertIsNone(side.process.poll(), side.report())
        victim = sides[0] if reader == "guest" else sides[1]
        found = victim.violations()
        self.traffic_flows(*sides)
        print(f"seed {hostile.SEED}: {done} mutations in {SECONDS} s, "
              f"{found} violations, {victim.xstats()['link_ups']} sessions")
        self.assertGreater(found, 0)
        self.finish(*sides)

    def test_mutated_under_a_guest(self):
        self.mutate("guest")

    def test_mutated_under_a_host(self):
        self.mutate("host")


class Cut(hostile.HostilePair):
    """L3: memory that goes away under bursts of both sides."""

    def test_L3_cut_under_traffic(self):
        """Traffic comes back each time, through a file that is whole again."""
        choose = random.Random(hostile.SEED)
        sides = self.busy_pair()
        for _ in range(CUTS):
            for side in sides:
                self.wait_traffic(side, 100)
            left = choose.randrange(2) * AREA + choose.randrange(40000)
            if os.environ.get("FOLIO_HUGE_DIR"):
                left -= left % AREA  # hugetlbfs has whole pages only
            while True:
                try:
                    os.truncate(self.region.path, left)
                    break
                except FileNotFoundError:  # both are between the old file and a new one
                    time.sleep(0.01)
        self.traffic_flows(*sides)
        counted = [side.xstats()["violation_peer_cut_region"] for side in sides]
        print(f"{CUTS} cuts, counted by the guest {counted[0]}, by the host {counted[1]}")
        for count in counted:
            self.assertGreater(count, CUTS // 2)
        self.finish(*sides)


if __name__ == "__main__":
    hostile.common.main()
