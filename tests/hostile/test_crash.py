# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""SIGKILL at random moments: what the other side receives is right or nothing, and nothing leaks.

A DPDK program that checks every byte survives; a light program of libfolio on the other side is
killed FOLIO_KILLS times. tests/system/test_verify.py kills whole DPDK processes, too.
"""

import os
import random
import subprocess
import time
import unittest

import hostile
from verifier import Verify
from testpmd import RegionFile, Testpmd

LIGHT = os.environ["FOLIO_LIGHT"]
KILLS = int(os.environ.get("FOLIO_KILLS", "200" if os.environ.get("FOLIO_TEST_ALL") else "30"))
WINDOW = 0.2  # a session is up after about half of it
WARM = 20  # after so many kills the survivor has all the memory that it will need
SLACK = 4 << 10  # KiB


class Pair:
    """A survivor, and whoever is killed."""

    def __init__(self, victim):
        self.victim = victim
        self.region = RegionFile()
        survivor = "host" if victim == "guest" else "guest"
        more = "" if survivor == "host" else ",ring_size=256"
        self.lasting = Verify(f"net_folio0,role={survivor},path={self.region.path}{more}",
                              0 if survivor == "guest" else 1, app=["--max-len", "4000"])
        self.light = None

    def start_light(self):
        """Another one to be killed."""
        self.light = subprocess.Popen([LIGHT, self.region.path, self.victim],
                                      stderr=subprocess.PIPE, text=True)

    def kill_light(self):
        """It must not have ended by itself: it does that on a wrong byte."""
        self.light.kill()
        said = self.light.communicate()[1]
        if self.light.returncode != -9:
            raise AssertionError(f"light ({self.victim}): {self.light.returncode}: {said}")

    def resources(self):
        """Resident KiB and open descriptors of the survivor."""
        pid = self.lasting.process.pid
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            rss = [int(line.split()[1]) for line in status if line.startswith("VmRSS")][0]
        return rss, len(os.listdir(f"/proc/{pid}/fd"))

    def end(self):
        """Whatever happened."""
        if self.light is not None and self.light.poll() is None:
            self.light.kill()
            self.light.communicate()
        self.lasting.end()
        self.region.remove()


class Crash(unittest.TestCase):
    """Both sides at once, in a region each."""

    def setUp(self):
        self.shm = set(os.listdir("/dev/shm"))
        self.pairs = [Pair("guest"), Pair("host")]

    def tearDown(self):
        for pair in self.pairs:
            pair.end()

    def test_L5_killed_at_random(self):
        """Traffic comes back; bytes, mbufs, files, descriptors and memory are as they should be."""
        choose = random.Random(hostile.SEED)
        before = None
        with_traffic = 0
        for i in range(KILLS):
            counted = [pair.lasting.counters[1] for pair in self.pairs]
            for pair in self.pairs:
                pair.start_light()
            if i % 10 == 0:
                for pair, packets in zip(self.pairs, counted):
                    pair.lasting.wait_received(packets + 50)
            for pair in choose.sample(self.pairs, 2):
                time.sleep(choose.random() * WINDOW)
                pair.kill_light()
            with_traffic += sum(pair.lasting.counters[1] > packets
                                for pair, packets in zip(self.pairs, counted))
            if i == WARM:
                before = [pair.resources() for pair in self.pairs]
        print(f"seed {hostile.SEED}: {KILLS} kills a side, {with_traffic} of them with traffic, "
              f"received {[pair.lasting.counters[1] for pair in self.pairs]}")
        self.assertGreater(with_traffic, 0)
        for pair in self.pairs:
            pair.start_light()
            pair.lasting.wait_received(pair.lasting.counters[1] + 50)
        after = [pair.resources() for pair in self.pairs]
        for pair, old, new in zip(self.pairs, before or after, after):
            self.assertLess(new[0], old[0] + SLACK, "resident memory grew")
            self.assertLessEqual(new[1], old[1] + 1, "descriptors leak")
            pair.kill_light()
            # Its exit status tells of wrong bytes, order and mbufs.
            self.assertEqual(pair.lasting.finish(), 0, "".join(pair.lasting.text[-10:]))
            self.assertFalse(os.path.exists(pair.region.path), "the file was left behind")


class KilledAndTakenOver(unittest.TestCase):
    """D2, D3 between processes: two testpmds."""

    def setUp(self):
        self.region = RegionFile()
        self.sides = []

    def tearDown(self):
        for side in self.sides:
            side.end()
        self.region.remove()

    def spawn(self, role):
        """A testpmd, with traffic unless somebody was killed before."""
        more = hostile.SLOTS if role == "guest" else ""
        side = Testpmd([f"net_folio0,role={role},path={self.region.path}{more}"],
                       0 if role == "guest" else 1, memory=128, env=hostile.victim_env())
        self.sides.append(side)
        side.wait_prompt()
        return side

    def halves(self):
        """The guest's area and the host's."""
        with open(self.region.path, "rb") as region:
            content = region.read()
        return content[:len(content) // 2], content[len(content) // 2:]

    def busy_pair(self):
        """Guest and host, after traffic in both directions."""
        guest, host = self.spawn("guest"), self.spawn("host")
        for side in guest, host:
            side.wait_link()
            side.cmd("set fwd flowgen")
            side.cmd("start")
        for side in guest, host:
            side.wait_received(5000)
        return guest, host

    def test_D2_zeroed_at_takeover(self):
        """What was killed had frames in its rings; its successor, which sends nothing, has not."""
        for victim in "guest", "host":
            with self.subTest(victim=victim):
                sides = dict(zip(("guest", "host"), self.busy_pair()))
                survivor = sides["host" if victim == "guest" else "guest"]
                half = 0 if victim == "guest" else 1
                sides[victim].kill()
                self.assertNotEqual(self.halves()[half][4096:].strip(b"\0"), b"")
                survivor.wait_link(False)
                survivor.cmd("stop")
                successor = self.spawn(victim)
                successor.wait_link()
                survivor.wait_link()
                # Behind the header page: nothing at all.
                self.assertEqual(self.halves()[half][4096:].strip(b"\0"), b"")
                self.assertEqual((successor.quit(), survivor.quit()), (0, 0))

    def test_D3_no_addresses_of_either_process(self):
        """Words that are an address in one of the processes: none behind the headers' fields."""
        sides = self.busy_pair()
        for side in sides:
            side.cmd("stop")
        ranges = []
        for side in sides:
            with open(f"/proc/{side.process.pid}/maps", encoding="ascii") as maps:
                for line in maps:
                    span, mode = line.split()[:2]
                    if mode.startswith("r"):
                        ranges.append(tuple(int(n, 16) for n in span.split("-")))
        self.assertGreater(len(ranges), 100)
        for half in self.halves():
            words = {int.from_bytes(half[at:at + 8], "little")
                     for at in range(72, len(half), 8)}
            found = [hex(word) for word in words
                     if any(first <= word < last for first, last in ranges)]
            self.assertEqual(found, [])


if __name__ == "__main__":
    hostile.common.main()
