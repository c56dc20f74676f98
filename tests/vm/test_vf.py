# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""A virtual function of QEMU 10's 82576 in a guest with an IOMMU, and a peer outside that checks every
frame: what a model of the card cannot show, which is where a card's DMA really goes."""

import mmap
import os
import re
import struct
import sys
import tempfile
import time
import unittest

import common
import vm_vf
from mirror import Mirrored
from testpmd import Failure

FRAMES = 500
KILLS = 20
RESETS = 100
BAR = "path=/dev/folio0"
STRAY = 0x12345000      # of the guest's own memory
RING = 64               # descriptors
MODULE = "/sys/module/folio/parameters"
IMAGE = os.environ["FOLIO_GUEST"] + "-vf"
QEMU = os.path.join(os.path.dirname(IMAGE), "qemu")


def wait(done, what, timeout=60):
    """Until it is so."""
    deadline = time.monotonic() + timeout
    while not done():
        if time.monotonic() > deadline:
            raise Failure(f"timed out waiting for {what}")
        time.sleep(0.05)


class Function(common.GuestCase):
    """Each in a guest of its own: what the IOMMU has refused is counted from its boot."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="folio-vf.")
        self.addCleanup(folder.cleanup)
        self.peer = vm_vf.Peer(folder.name)
        self.addCleanup(self.peer.close)
        self.path = self.region()
        self.guest = vm_vf.boot(IMAGE, QEMU, self.path, self.peer)
        self.guests.append(self.guest)
        self.guest.boot()
        self.address = vm_vf.make_function(self.guest)
        self.shell = self.guest.shells[0]

    def start(self, memory, app="--max-len 1500"):
        """Frames go out and come back."""
        return Mirrored(self.guest, f"vf={self.address},{memory}", app)

    def more(self, inside, frames=FRAMES):
        """So many more come back, and all were right at both ends."""
        inside.wait_received(inside.counters()[1] + frames)
        self.assertEqual(self.peer.wrong, 0)

    def is_master(self):
        """May the card use memory?"""
        return int(self.shell.check(f"od -A n -t u1 -j 4 -N 1 "
                                    f"/sys/bus/pci/devices/{self.address}/config")) & 4 != 0

    def test_contents(self):
        for memory, app in ((vm_vf.ALLOC, "--max-len 1500"), (BAR, "--max-len 1500"),
                            (f"{vm_vf.ALLOC},ring_size=256,slot_size=9216", "--max-len 9000")):
            with self.subTest(memory=memory):
                inside = self.start(memory, app)
                self.more(inside, 4 * FRAMES)
                self.assertTrue(self.is_master())
                inside.finish()
                self.assertFalse(self.is_master())
        self.assertEqual(vm_vf.faults(self.guest), [])

    def test_isolation(self):
        """The host has the card write to the guest's own memory: that is refused, and nothing else was."""
        inside = self.start(f"{BAR},ring_size={RING}")
        self.more(inside)
        self.assertEqual(vm_vf.faults(self.guest), [])
        with open(self.path, "r+b") as file, mmap.mmap(file.fileno(), 0) as region:
            def refused():
                for n in range(RING):   # the first ring is the first that receives
                    struct.pack_into("<Q", region, 16 * n, STRAY)
                return vm_vf.faults(self.guest)

            wait(refused, "a DMA fault")
        inside.kill()
        addresses = {int(a, 16) & ~0xfff for line in vm_vf.faults(self.guest)
                     for a in re.findall(r"fault addr (0x[0-9a-f]+)", line)}
        self.assertTrue(addresses)
        self.assertLessEqual(addresses, {STRAY, STRAY + 0x1000}, vm_vf.faults(self.guest))

    def test_physical_function_is_reset(self):
        inside = self.start(vm_vf.ALLOC)
        self.more(inside)
        for _ in range(5):
            self.shell.check("cd /sys/bus/pci/drivers/igb/0000:*/net/* && pf=${PWD##*/} && cd / && "
                             "/opt/folio/ip link set $pf down && /opt/folio/ip link set $pf up")
            self.more(inside, 100)
        inside.finish()
        self.assertEqual(vm_vf.faults(self.guest), [])

    def test_set_up_a_hundred_times(self):
        inside = self.guest.testpmd(f"vf={self.address},{vm_vf.ALLOC}").wait_prompt()
        inside.cmd("set fwd flowgen")
        for _ in range(RESETS):
            inside.wait_link()
            inside.cmd("start")
            inside.cmd("stop")
            inside.cmd("port stop 0")
            inside.cmd("port start 0")
        self.assertEqual(inside.violations(), 0)
        inside.quit()
        self.assertEqual(vm_vf.faults(self.guest), [])

    def is_zero(self):
        """Nothing is in the region."""
        with open(self.path, "rb") as file:
            return not any(any(chunk) for chunk in iter(lambda: file.read(1 << 20), b""))

    def test_killed(self):
        """SIGKILL in the middle of traffic: the card's DMA ends, and the memory is zeroed behind it."""
        for n in range(KILLS):
            with self.subTest(kill=n):
                inside = self.start(BAR if n % 2 else vm_vf.ALLOC)
                inside.wait_received(100)
                inside.kill()
                self.assertFalse(self.is_master())
                time.sleep(0.5)     # the peer has seen what was on its way
                before = self.peer.right + self.peer.wrong
                wait(self.is_zero, "the region to be zeroed")
                self.peer.flood(200)
                self.assertTrue(self.is_zero(), "the card still writes")
                self.assertEqual(self.peer.right + self.peer.wrong, before, "the card still sends")
        for name in ("allocated", "parked"):
            wait(lambda n=name: int(self.shell.check(f"cat {MODULE}/{n}").split()[0]) == 0,
                 f"{name} memory to come back")
        self.assertEqual(self.peer.wrong, 0)
        self.assertEqual(vm_vf.faults(self.guest), [])


if __name__ == "__main__":
    if not os.path.isdir(QEMU) or not os.path.isdir(IMAGE):
        print("no build/qemu or build/guest-vf: scripts/qemu-unpack and scripts/guest-image --vf have "
              "them", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)
