# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The hostile peer against the driver in an unmodified testpmd under traffic, row by row.

One testpmd a role is the victim of all rows: it is never restarted.
"""

import os
import subprocess
import time
import unittest

import hostile
from testpmd import RegionFile, Testpmd

PEER = os.environ["FOLIO_PEER"]


class Peer:
    """The attacker, a program of its own."""

    def __init__(self, path, role):
        self.process = subprocess.Popen([PEER, path, role, str(hostile.SEED)], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def do(self, word):
        """One command, one answer."""
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self):
        """End of input is its end."""
        self.process.stdin.close()
        self.process.stdout.close()
        if self.process.wait(30) != 0:
            raise AssertionError("the peer itself failed")


class Attacks:
    """What both roles have in common; role is the victim's."""

    role = None
    attacker = None

    @classmethod
    def setUpClass(cls):
        cls.region = RegionFile()
        listed = subprocess.run([PEER, "--list", cls.role], check=True, text=True,
                                stdout=subprocess.PIPE).stdout
        cls.attacks = [line.split() for line in listed.splitlines()]
        cls.victim = cls.start_victim()
        cls.peer = Peer(cls.region.path, cls.attacker)

    @classmethod
    def start_victim(cls):
        """A testpmd that sends and receives all the time, and is let be."""
        more = hostile.SLOTS if cls.role == "guest" else ""
        victim = Testpmd([f"net_folio0,role={cls.role},path={cls.region.path}{more}"], 1,
                         memory=128, env=hostile.victim_env())
        victim.wait_prompt()
        victim.cmd("set fwd flowgen")
        victim.cmd("start")
        return victim

    @classmethod
    def tearDownClass(cls):
        try:
            cls.peer.end()
        finally:
            cls.victim.end()
            cls.region.remove()

    def violations(self):
        """The counters of what a peer can do wrong, and of sessions."""
        return {k: v for k, v in self.victim.xstats().items()
                if k.startswith("violation_") or k == "renegotiations"}

    def wait_for(self, what, done):
        """Poll for a state that the victim's next ticks bring about."""
        deadline = time.monotonic() + 180
        while not done():
            self.assertLess(time.monotonic(), deadline, f"{what}:\n{self.victim.report()}")
            time.sleep(0.01)

    def traffic_flows(self, session=None):
        """A well-behaved peer is served: in both directions, and nothing is counted."""
        if session is None:
            self.assertEqual(self.peer.do("up"), "up", self.victim.report())
        self.victim.wait_link()
        before = self.victim.stats()["RX-packets"], self.violations()
        answer = self.peer.do("talk")
        received, sent = map(int, answer.split()[1:4:2])
        self.assertGreater(min(received, sent), 100, answer + self.victim.report())
        self.victim.wait_received(before[0] + 100)
        self.assertEqual(self.violations(), before[1])

    def check(self, effect, counter, times, before):
        """The named counter moved as far as it should, and no other did."""
        after = self.violations()
        moved = {k: v - before[k] for k, v in after.items() if v != before[k]}
        expected = {} if counter == "-" else {f"violation_{counter}": int(times)}
        if effect == "ends":
            expected["renegotiations"] = 1
        if effect == "leaves":
            # Memory that is gone reads as zero: a burst may take that for a bad index.
            moved = {k: v for k, v in moved.items() if k.startswith("violation_peer")}
        self.assertEqual(moved, expected)

    def run_attack(self, name, effect, counter, times):
        """One attack on a session with traffic; if that should go on it is the next one's, too."""
        before = self.violations()
        link_ups = self.victim.xstats()["link_ups"]
        self.assertEqual(self.peer.do(name), "done", self.victim.report())
        if counter != "-":
            self.wait_for(counter, lambda: self.violations()[f"violation_{counter}"] >=
                          before[f"violation_{counter}"] + int(times))
        if effect == "goes-on":
            self.assertTrue(self.victim.link_is_up())
            self.assertEqual(self.victim.xstats()["link_ups"], link_ups)
        elif effect != "any":
            self.victim.wait_link(False)
        if effect != "any":
            self.check(effect, counter, times, before)
        if effect == "leaves":
            self.assertEqual(self.peer.do("close"), "closed")
        # After T3 the peer does not know where the victim is.
        goes_on = effect == "goes-on" and not name.startswith("T3")
        self.traffic_flows(session="the same" if goes_on else None)

    def run_row(self, row):
        """All attacks of a row; then traffic."""
        mine = [a for a in self.attacks if a[0].startswith(row + "_")]
        self.assertTrue(mine)
        self.traffic_flows()
        for attack in mine:
            self.run_attack(*attack)
        self.assertIsNone(self.victim.process.poll())

    def test_V1_packet_lengths(self):
        self.run_row("V1")

    def test_V2_over_the_end_of_the_ring(self):
        self.run_row("V2")

    def test_V3_larger_than_the_mbuf(self):
        """Counted as longer than the MTU allows; no mbuf is written beyond its end."""
        before = self.victim.xstats()["rx_q0_oversize"]
        self.run_row("V3")
        self.assertEqual(self.victim.xstats()["rx_q0_oversize"], before + 2)

    def test_V4_shorter_than_the_header(self):
        self.run_row("V4")

    def test_V5_indices(self):
        self.run_row("V5")

    def test_V6_unknown_bits(self):
        self.run_row("V6")

    def test_V7_no_offload_fields(self):
        """Checksums are verified by the receiver; what only a peer could claim is not offered."""
        self.run_row("V7")
        text = self.victim.cmd("show port 0 rx_offload capabilities")
        for word in "TCP_LRO", "TIMESTAMP", "SECURITY", "OUTER_":
            self.assertNotIn(word, text)

    def test_V8_chains(self):
        self.run_row("V8")

    def test_V9_no_ids_to_replay(self):
        self.run_row("V9")

    def test_T1_flipped_fields(self):
        self.run_row("T1")

    def test_T2_rewritten_payload(self):
        self.run_row("T2")

    def test_T3_own_state_overwritten(self):
        self.run_row("T3")

    def test_T4_no_crypto(self):
        self.run_row("T4")

    def test_L1_header(self):
        self.run_row("L1")

    def test_L2_queue_counts(self):
        self.run_row("L2")

    def test_L3_file(self):
        self.run_row("L3")

    def test_L4_generation_storm(self):
        self.run_row("L4")

    def test_L5_peer_that_stalls_or_returns(self):
        self.run_row("L5")

    def test_L6_two_peers(self):
        self.run_row("L6")

    def test_L7_no_doorbells(self):
        """No receive interrupt to storm; bytes without a meaning have none."""
        self.run_row("L7")
        with open(f"/proc/{self.victim.process.pid}/maps", encoding="ascii") as maps:
            self.assertEqual(maps.read().count(self.region.path), 2)

    def test_z_mbufs(self):
        """After all rows (unittest sorts by name): every mbuf is back, the victim ends well."""
        self.traffic_flows()
        hostile.common.PairCase.check_mbufs(self, self.victim)
        self.assertEqual(self.victim.quit(), 0)
        type(self).victim.end()
        type(self).victim = self.start_victim()


class GuestVictim(Attacks, unittest.TestCase):
    """A guest attacked by its host."""

    role, attacker = "guest", "host"


class HostVictim(Attacks, unittest.TestCase):
    """A host attacked by its guest."""

    role, attacker = "host", "guest"


if __name__ == "__main__":
    hostile.common.main()
