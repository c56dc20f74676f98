#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The benchmark's generator: it counts right, answers wrong input, and survives a peer's rubbish.

usage: test_generator.py BENCH-GENERATOR
"""

import ctypes
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from generator import Generator
from side import Failure  # also finds the scripts' modules
from testpmd import RegionFile, memory_args, plugin_path

CLONE_NEWNET = 0x40000000   # linux/sched.h
ETHER_TYPE = 0x88b5         # of messages
MUST_BE = (12, 13, 14, 15, 16, 17, 18, 19, 21)  # bytes of a request that have one value each
DEADLINE = 60
PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else ""


class GeneratorCase(unittest.TestCase):
    """A test with generators; every one is gone at its end."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="folio-generator-", dir="/run")
        self.region = RegionFile()
        self.running = []

    def tearDown(self):
        for generator in self.running:
            generator.end()
        shutil.rmtree(self.folder)
        self.region.remove()

    def spawn(self, vdev, *arguments):
        """Start a generator; returns when it takes commands."""
        number = len(self.running)
        command = [PROGRAM, "--lcores=0@(0,1),1@%d" % (number % 2), "--no-pci", "--no-telemetry",
                   "--file-prefix=%s-%d" % (os.path.basename(self.folder), number),
                   *memory_args(128), "--vdev=" + vdev, "-d", plugin_path(), "--", *arguments]
        generator = Generator("generator %d" % number, command,
                              dict(os.environ, RUNTIME_DIRECTORY=self.folder),
                              "%s/%d.log" % (self.folder, number))
        self.running.append(generator)
        generator.ready = generator.wait_ready()
        return generator

    def pair(self, *arguments, queues=1):
        """A guest and a host, connected."""
        more = ["--queues", str(queues), *arguments]
        sides = [self.spawn("net_folio0,role=%s,path=%s,queues=%d"
                            % (role, self.region.path, queues), *more)
                 for role in ("guest", "host")]
        for side in sides:
            side.wait_link()
        return sides

    def wait_count(self, generator, name, least):
        """Wait until a counter is so high; returns all."""
        deadline = time.monotonic() + DEADLINE
        while True:
            count = generator.ask("count")
            if count[name] >= least:
                return count
            if time.monotonic() > deadline:
                raise Failure("%s is %d after %d s, not %d" % (name, count[name], DEADLINE, least))
            time.sleep(0.01)


class Traffic(GeneratorCase):
    """Two generators over folio."""

    def one_way(self, sender, receiver, what):
        """Nothing gets lost or changes its length."""
        before = receiver.ask("count"), sender.ask("count")
        receiver.ask("receive touch=1")
        sender.ask("send " + what)
        self.wait_count(sender, "tx_packets", before[1]["tx_packets"] + 5000)
        sent = sender.ask("stop")
        packets = sent["tx_packets"] - before[1]["tx_packets"]
        self.wait_count(receiver, "rx_packets", before[0]["rx_packets"] + packets)
        received = receiver.ask("stop")
        self.assertEqual(received["rx_packets"] - before[0]["rx_packets"], packets)
        self.assertEqual(received["rx_bytes"] - before[0]["rx_bytes"],
                         sent["tx_bytes"] - before[1]["tx_bytes"])
        return (sent["tx_bytes"] - before[1]["tx_bytes"]) / packets

    def test_one_way(self):
        guest, host = self.pair("--frame", "9000", queues=2)
        self.assertEqual(guest.ready["driver"], "net_folio")
        for size in (60, 64, 65, 1518, 9000):
            for touch in (0, 1):
                mean = self.one_way(guest, host, "size=%d touch=%d" % (size, touch))
                self.assertEqual(mean, size)
        mean = self.one_way(host, guest, "size=imix burst=12")
        self.assertAlmostEqual(mean, (7 * 64 + 4 * 570 + 1518) / 12, delta=2)

    def test_both_ways(self):
        guest, host = self.pair()
        for side in (guest, host):
            side.ask("both size=64 touch=1")
        for side in (guest, host):
            self.wait_count(side, "rx_packets", 5000)
        self.assertTrue(guest.ask("stop")["stopped"])
        self.assertTrue(host.ask("stop")["stopped"])

    def test_loop(self):
        guest, host = self.pair()
        guest.ask("echo touch=1")
        host.ask("loop size=64 inject=100")
        count = self.wait_count(host, "rx_packets", 5000)
        self.assertEqual(count["tx_dropped"], 0)
        host.ask("stop")
        # Whoever still has them, there are as many as were injected.
        time.sleep(0.1)
        count, others = host.ask("count"), guest.ask("count")
        self.assertEqual(others["rx_packets"], count["tx_packets"])
        self.assertEqual(others["tx_packets"] - count["rx_packets"], 100)

    def test_latency(self):
        guest, host = self.pair()
        guest.ask("echo")
        for rate in (0, 20000):
            found = host.ask("latency size=64 rate=%d seconds=0.2" % rate)
            self.assertGreater(found["count"], 0)
            self.assertEqual((found["lost"], found["foreign"]), (0, 0))
            times = [found[name + "_ns"] for name in ("p50", "p99", "p999", "max")]
            self.assertEqual(times, sorted(times))
            self.assertGreater(times[0], 0)
        guest.ask("stop")
        # Nobody answers: the packet is lost, and the job ends.
        found = host.ask("latency size=64 seconds=0.05")
        self.assertEqual((found["count"], found["lost"], found["p50_ns"]), (0, 1, None))
        # It arrives after all, in somebody else's time.
        guest.ask("echo")
        self.assertEqual(host.ask("latency size=64 seconds=0.05")["foreign"], 1)

    def test_wrong_input(self):
        _, host = self.pair()
        for text in ("", "send", "send size=1519", "jump", 'quote"\\', "\x01\xff", "receive x=1"):
            self.assertIn("error", host.try_to(text), text)
        self.assertIn("1519", host.try_to("send size=1519")["error"])
        host.ask("receive")
        for text in ("receive", "send size=64", "remote count", "latency size=64"):
            self.assertIn("runs receive", host.try_to(text)["error"])
        host.ask("stop")
        host.ask("stop")

    def test_input_ends(self):
        """With its input it ends, in order, whatever it does."""
        guest, host = self.pair()
        guest.ask("echo")
        host.ask("loop size=64")
        self.assertEqual((host.end(), guest.end()), (0, 0))
        self.assertFalse(os.path.exists(self.region.path))

    def test_wrong_arguments(self):
        for arguments, expected in ((["--queues", "17"], "--queues=17 is out of range"),
                                    (["--queues", "2"], "allows 1 to 1"),
                                    (["--frame", "x"], "--frame=x is not a decimal number"),
                                    (["--mbufs", "1"], "--mbufs=1 is out of range"),
                                    (["y"], 'unexpected argument "y"')):
            with self.assertRaises(Failure) as caught:
                self.spawn("net_null0" if "2" not in arguments else
                           "net_folio0,path=%s" % self.region.path, *arguments)
            self.assertIn(expected, str(caught.exception))


class Remote(GeneratorCase):
    """The other half obeys."""

    def test_obeys(self):
        guest, host = self.pair()
        host.ask("respond")
        before = guest.ask("remote receive touch=1")
        guest.ask("send size=64 touch=1")
        self.wait_count(guest, "tx_packets", 5000)
        sent = guest.ask("stop")["tx_packets"]
        after = guest.ask("remote count")
        self.assertEqual(after["rx_packets"] - before["rx_packets"], sent)

        before = guest.ask("remote send size=imix ms=100")
        guest.ask("receive")
        self.wait_count(guest, "rx_packets", 5000)
        time.sleep(0.2)
        received = guest.ask("stop")["rx_packets"]
        after = guest.ask("remote count")
        self.assertEqual(after["tx_packets"] - before["tx_packets"], received)

        guest.ask("remote both size=64 ms=50")
        guest.ask("both size=64")
        self.wait_count(guest, "rx_packets", received + 5000)
        guest.ask("stop")
        guest.ask("remote echo")
        self.assertGreater(guest.ask("latency size=64 seconds=0.05")["count"], 0)
        self.assertIn("the peer refuses send", guest.try_to("remote send size=9000 ms=1")["error"])
        guest.ask("remote stop")
        guest.ask("remote quit")
        self.assertEqual(host.answer(), {"quit": True})
        self.assertEqual(host.end(), 0)

    def test_nobody(self):
        """Without a responder there is no answer; one that comes later is not confused."""
        guest, host = self.pair()
        self.assertIn("no answer", guest.try_to("remote count")["error"])
        host.ask("respond")
        self.assertEqual(guest.ask("remote count")["rx_packets"], 0)


class Rubbish(GeneratorCase):
    """A responder on a network where anybody may send anything."""

    def setUp(self):
        super().setUp()
        self.responder = self.spawn("net_af_packet0,iface=bench0")
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHER_TYPE))
        self.socket.bind(("bench1", ETHER_TYPE))
        self.socket.settimeout(DEADLINE)
        self.responder.wait_link()
        self.responder.ask("respond")
        self.sequence = 0

    def tearDown(self):
        self.socket.close()
        super().tearDown()

    def request(self, op, values=(0, 0, 0, 0)):
        """A frame as message.c writes it."""
        self.sequence += 1
        words = (1, self.sequence, 1518, *values)
        return (b"\xff" * 6 + b"\x02\0\0\0\0\1" + ETHER_TYPE.to_bytes(2, "big") + b"folb" +
                bytes((1, 1, op, 0)) + b"".join(w.to_bytes(4, "big") for w in words)).ljust(128,
                                                                                             b"\0")

    def answer(self):
        """The next answer: (operation, refused, sequence)."""
        while True:
            frame = self.socket.recv(2048)
            if frame[19] == 2:      # not a frame of ours
                return frame[20], frame[21], int.from_bytes(frame[26:30], "big")

    def asked(self, op, values=(0, 0, 0, 0)):
        """Its answer to a request, which is sent again if it was lost behind all the rubbish."""
        frame = self.request(op, values)
        self.socket.settimeout(2)
        for _ in range(DEADLINE // 2):
            self.socket.send(frame)
            try:
                answer = self.answer()
                while answer[2] < self.sequence:    # to what was sent twice
                    answer = self.answer()
                return answer
            except TimeoutError:
                continue
        self.fail("no answer")

    def test_rubbish(self):
        rand = random.Random(1)
        count = self.request(5)
        for _ in range(2000):
            frame = bytearray(count)
            for _ in range(rand.randint(1, 4)):
                frame[rand.choice(MUST_BE)] ^= 1 << rand.randrange(8)
            if frame != count:
                self.socket.send(frame[:rand.choice((60, 127, 128))])
            self.socket.send(count[:14] + rand.randbytes(rand.randint(46, 1000)))
        for values in ((1 << 31, 64, 0, 5), (32, 65535, 0, 5), (32, 64, 9, 5), (32, 64, 0, 1 << 30)):
            self.assertEqual(self.asked(3, values), (3, 1, self.sequence))
        self.assertEqual(self.asked(5), (5, 0, self.sequence))

    def test_repeated(self):
        """A request that comes again is answered again, and not obeyed again."""
        echo, stop = self.request(2, (32, 0, 0, 0)), self.request(6)
        for frame in (echo, stop, stop):
            self.socket.send(frame)
            self.assertEqual(self.answer()[1:], (0, int.from_bytes(frame[26:30], "big")))
        self.socket.send(echo)      # long outdated: no answer
        self.socket.send(self.request(5))
        self.assertEqual(self.answer(), (5, 0, self.sequence))


def main():
    """In a network namespace of its own, which ends with it."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        sys.exit("no network namespace: " + os.strerror(ctypes.get_errno()))
    for command in ("link add bench0 type veth peer name bench1", "link set bench0 up",
                    "link set bench1 up"):
        subprocess.run(["ip", *command.split()], check=True, timeout=DEADLINE)
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
