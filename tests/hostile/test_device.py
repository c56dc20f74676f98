# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""A hostile virtio-net device against the driver in an unmodified testpmd under traffic.

The device (tools/hostile-device) sends numbered frames, testpmd sends them back, the device checks
them. A testpmd is the victim of all cases of its class: it is never restarted. By default each kind
of ring meets a part of the acts, and a few wrong answers; with FOLIO_TEST_ALL everything.
"""

import os
import random
import re
import subprocess
import time
import unittest

import hostile
from testpmd import RegionFile, Testpmd

DEVICE = os.environ["FOLIO_HOSTILE_DEVICE"]
ALL = bool(os.environ.get("FOLIO_TEST_ALL"))
TRIES = 5
WAIT_MS = "400"  # less than the watchdog takes: what is reset by then was seen to be wrong
STORM_MS = "5000" if ALL else "700"

# What is counted, by the name of an act. The driver must notice the first kind. An id that is said
# in vain is one more than was given, and an index that is wrong for the device may be one that the
# driver has just made possible: then the entries behind it are old ones. Whatever it sees first.
SURE = {"rx-id-": ("rx_bad_id",),
        "rx-index-": ("rx_bad_index", "rx_bad_chain", "rx_bad_id", "rx_bad_length"),
        "rx-length-": ("rx_bad_length",), "rx-buffers-": ("rx_bad_chain",),
        "tx-id-": ("tx_bad_id", "tx_bad_index")}
# What may be right again before the driver has a reason to look at it.
PERHAPS = {"tx-index-": ("tx_bad_index",), "tx-id-after-flags": ("tx_bad_id",),
           "rx-index-back": ("rx_bad_index", "rx_bad_chain", "rx_bad_id", "rx_bad_length")}
# The device itself is lost, and what it does then is wrong, too; or the driver has just given what
# the device says, and its header is any. Under which name does not matter.
ANY = ("rx-id-not-outstanding", "rx-flags-of-wrong-wrap", "tx-flags-of-wrong-wrap",
       "rx-rewrite-driver-area", "tx-rewrite-driver-area")
# What makes no sense and cannot be told from what does.
NOTHING = ("rx-header-", "rx-flags-", "tx-flags-", "tx-length-", "rx-rewrite-", "tx-rewrite-")
# Of a kind of ring, or of what the other sides do with it, that is not here.
MAY_BE_IMPOSSIBLE = (*ANY, "rx-id-inside-a-chain")
OF_SPLIT = ("id-of-more-bits", "index-ahead", "index-back", "index-far")
OF_PACKED = ("id-after-flags", "flags-without-id", "flags-of-wrong-wrap")
# At the end of a connection that the driver parts from; tests/unit/test_vhost_hostile.c has these.
AT_THE_END = "get-vring-base-"


def lookup(table, name):
    """The value of the prefix that a name has."""
    return next((v for k, v in table.items() if name.startswith(k)), None)


class Device:
    """The attacker, a program of its own."""

    def __init__(self, path, *more):
        self.process = subprocess.Popen(
            [DEVICE, "--ask", "--seed", str(hostile.SEED), "--wait", WAIT_MS, "--storm", STORM_MS,
             "--find", "mb_pool_0", *more, path],
            text=True, bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.memory = []

    def play(self, name):
        """One case; what came of it, by name."""
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("memory: "):
                self.memory.append(line.strip())
            elif line.startswith(name + ": "):
                found = dict(re.findall(r"(\w+)=(\S+)", line))
                return found, line
        raise AssertionError("the device ended")

    def end(self):
        """End of input is its end. What it found is checked case by case."""
        self.process.stdin.close()
        status = self.process.wait(60)
        self.process.stdout.close()
        return status


class Attacked:
    """What all kinds of victims have in common."""

    device_args = ()
    victim_args = ",slot_size=1024"
    victim_app = ("--mbuf-size=4224", "--max-pkt-len=4018")
    other_rings = ()
    share = 0
    calm_at = 0

    @classmethod
    def setUpClass(cls):
        cls.place = RegionFile()
        listed = subprocess.run([DEVICE, "--list"], check=True, text=True,
                                stdout=subprocess.PIPE).stdout
        cls.cases = [line.split()[0] for line in listed.splitlines()]
        cls.device = Device(cls.place.path, *cls.device_args)
        cls.victim = Testpmd([f"net_folio0,vhost_user={cls.place.path},ring_size=64"
                              f"{cls.victim_args}"], 1, memory=128, env=hostile.victim_env(),
                             app_args=["--port-topology=loop", "--forward-mode=io",
                                       *cls.victim_app])
        cls.victim.wait_prompt()
        cls.victim.cmd("start")

    @classmethod
    def tearDownClass(cls):
        try:
            cls.device.end()
        finally:
            cls.victim.end()
            cls.place.remove()

    def counters(self):
        """Of what a device can do wrong, and resets."""
        return {k: v for k, v in self.victim.xstats().items()
                if k.startswith("violation_") or k == "resets"}

    def moved(self, before):
        """The violations that were counted since."""
        return {k: v - before[k] for k, v in self.counters().items()
                if v != before[k] and k != "resets"}

    def calm(self):
        """A port that is started anew begins with a short pause; each failure makes it longer."""
        if self.counters()["resets"] < type(self).calm_at:
            return
        for command in "stop", "port stop 0", "port start 0", "start":
            self.victim.cmd(command)
        type(self).calm_at = self.counters()["resets"] + 3

    def play(self, name):
        """A case, with all that holds for any of them."""
        self.calm()
        before = self.counters()
        found, line = self.device.play(name)
        self.assertIsNone(self.victim.process.poll(), self.victim.report())
        self.assertEqual(found["traffic"], "yes", line + self.victim.report())
        for what in "wrong", "headers", "written", "found":
            # A header that the device scribbled on stays so until the next set-up: it was zeroes,
            # and the driver does not look.
            if (what, name) != ("headers", "tx-rewrite-buffers"):
                self.assertEqual(found[what], "0", line)
        self.assertNotIn("error:", line)
        return found, self.moved(before), self.counters()["resets"] - before["resets"]

    def play_act(self, name):
        """An act in a ring: under its own counter and no other, and then the device is reset."""
        perhaps = lookup(PERHAPS, name)
        sure = lookup(SURE, name) if perhaps is None else None
        self.assertEqual((sure or perhaps) is None, name.startswith(NOTHING), name)
        for _ in range(TRIES):
            found, moved, resets = self.play(name)
            if found["played"] == "0":
                self.assertIn(name, MAY_BE_IMPOSSIBLE)
                return
            if name in ANY:
                return
            # In a packed ring an entry too much ends on one that the driver has not seen yet: then
            # nothing seems to come back, which is for the watchdog.
            stalls = name.startswith("tx-id-") and found["driver"] != "goes-on"
            if moved == {} and sure and not stalls:
                continue  # the driver did not look while it was so
            if moved == {} or not (sure or perhaps):
                self.assertEqual(moved, {}, name)
                return
            self.assertIn(moved, [{f"violation_{c}": 1} for c in sure or perhaps], name)
            if name.startswith("rx-length-"):
                return
            self.assertGreater(resets, 0, name)
            if found["driver"] == "reset":
                return
        self.fail(f"{name} was not noticed in time in {TRIES} rounds")

    def acts(self):
        """Of these rings."""
        mine = [c for c in self.cases if c[:3] in ("rx-", "tx-") and c[3:] not in self.other_rings]
        self.assertGreater(len(mine), 20)
        return mine if ALL else [c for i, c in enumerate(mine) if i % 12 == self.share]

    def test_Q1_Q2_Q3_rings(self):
        """Used ids, lengths, indices, flags; what the driver wrote; headers."""
        for name in self.acts():
            self.play_act(name)

    def test_Q6_protocol(self):
        """Nothing that is said on the socket is a violation but an offer that makes no sense."""
        mine = [c for c in self.cases if c.startswith(("get-", "set-")) and
                not c.startswith(AT_THE_END)]
        self.assertGreater(len(mine), 100)
        for name in mine if ALL else random.Random(hostile.SEED + self.share).sample(mine, 3):
            found, moved, _ = self.play(name)
            self.assertLessEqual(set(moved), {"violation_bad_offers"}, name)
            self.assertEqual(found["played"], "1", name)

    def test_Q6_reconnect_storm(self):
        _, moved, _ = self.play("reconnect")
        self.assertEqual(moved, {})

    def test_Q7_takes_nothing(self):
        """What the device has is left alone."""
        _, moved, _ = self.play("hold")
        self.assertEqual(moved, {})

    def test_L7_doorbells(self):
        _, moved, _ = self.play("doorbells")
        self.assertEqual(moved, {})

    def test_T1_storm(self):
        """Everything shared is rewritten at full speed."""
        for _ in range(TRIES):
            _, moved, _ = self.play("storm")
            if moved:
                break
        self.assertTrue(moved)

    def test_memory_is_the_region(self):
        """All that the device was ever given: one sealed file of ours."""
        self.play("honest")
        self.assertEqual(len(self.device.memory), 1)
        self.assertIn("region 0 of 1", self.device.memory[0])
        self.assertIn("/memfd:folio", self.device.memory[0])
        self.assertIn("sealed: cannot shrink", self.device.memory[0])

    def test_z_mbufs(self):
        """After all (unittest sorts by name): every mbuf is back, the victim ends well."""
        self.play("honest")
        hostile.common.PairCase.check_mbufs(self, self.victim)
        self.assertEqual(self.victim.quit(), 0)


class Packed(Attacked, unittest.TestCase):
    """Packed rings, the device listens; frames of up to four buffers."""

    device_args = ("--max-frame", "4000")
    other_rings = OF_SPLIT


class Split(Attacked, unittest.TestCase):
    """Split rings, the driver listens."""

    device_args = ("--max-frame", "4000", "--split", "--client")
    victim_args = ",slot_size=1024,server=1"
    other_rings = OF_PACKED
    share = 1


class InOrder(Attacked, unittest.TestCase):
    """Packed rings, a buffer for each frame, one id may stand for many."""

    device_args = ("--in-order", "--plain")
    victim_args = ""
    victim_app = ()
    other_rings = (*OF_SPLIT, "id-inside-a-chain", "buffers-none", "buffers-most", "buffers-more")
    share = 2


if __name__ == "__main__":
    hostile.common.main()
