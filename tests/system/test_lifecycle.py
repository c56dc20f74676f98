# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Start order, restart, SIGKILL, silence: the other side sees a link flap and nothing more."""

import os
import signal
import subprocess
import unittest

import common
from testpmd import remove_runtime

KILLS = 20 if os.environ.get("FOLIO_TEST_ALL") else 4


class Lifecycle(common.PairCase):
    """Each side comes and goes as it likes."""

    def flow(self, guest, host):
        """Both send and receive until both have received something new."""
        before = guest.stats()["RX-packets"], host.stats()["RX-packets"]
        guest.wait_received(before[0] + 1000)
        host.wait_received(before[1] + 1000)

    def both_ways(self, *sides):
        """Start forwarding that sends and receives at once."""
        for side in sides:
            side.cmd("set fwd flowgen")
            side.cmd("start")

    def test_guest_first(self):
        guest = self.spawn("guest")
        self.assertFalse(guest.link_is_up())
        host = self.spawn("host")
        guest.wait_link()
        host.wait_link()
        self.both_ways(guest, host)
        self.flow(guest, host)

    def test_host_first(self):
        host = self.spawn("host")
        self.assertFalse(host.link_is_up())
        guest = self.spawn("guest")
        guest.wait_link()
        host.wait_link()
        self.both_ways(guest, host)
        self.flow(guest, host)

    def test_restart(self):
        """Each side quits and returns under traffic, three times."""
        sides = {"guest": self.spawn("guest"), "host": self.spawn("host")}
        for role in ("guest", "host") * 3:
            for side in sides.values():
                side.wait_link()
            self.both_ways(*sides.values())
            self.flow(sides["guest"], sides["host"])
            self.assertEqual(sides[role].quit(), 0)
            other = sides["host" if role == "guest" else "guest"]
            other.wait_link(False)
            other.cmd("stop")
            sides[role] = self.spawn(role)
        for side in sides.values():
            side.wait_link()
        self.both_ways(*sides.values())
        self.flow(sides["guest"], sides["host"])
        for side in sides.values():
            self.check_mbufs(side)
            self.assertEqual(side.quit(), 0)

    def test_other_geometry(self):
        """The guest returns with other rings; the host adopts them."""
        host = self.spawn("host", ",queues=4")
        for more in ",ring_size=64", ",slot_size=4096", ",queues=4,ring_size=4096", "":
            guest = self.spawn("guest", more)
            guest.wait_link()
            host.wait_link()
            self.both_ways(guest, host)
            self.flow(guest, host)
            self.assertEqual(guest.quit(), 0)
            host.wait_link(False)
            host.cmd("stop")
        self.assertEqual(host.violations(), 0)
        self.check_mbufs(host)
        self.assertEqual(host.quit(), 0)

    def kill_repeatedly(self, victim):
        """SIGKILL a side under traffic, again and again; traffic comes back each time."""
        survivor = "host" if victim == "guest" else "guest"
        sides = {victim: self.spawn(victim), survivor: self.spawn(survivor)}
        for _ in range(KILLS):
            for side in sides.values():
                side.wait_link()
            self.both_ways(*sides.values())
            self.flow(sides["guest"], sides["host"])
            sides[victim].kill()
            sides[victim] = self.spawn(victim)
            # The survivor's forwarding goes on: it is not told to stop.
            sides[victim].wait_link()
        sides[victim].cmd("set fwd flowgen")
        sides[victim].cmd("start")
        self.flow(sides["guest"], sides["host"])
        self.assertEqual(sides[survivor].violations(), 0)
        for side in sides.values():
            self.check_mbufs(side)
        for side in sides.values():
            self.assertEqual(side.quit(), 0)
        self.assertFalse(os.path.exists(self.region.path))

    def test_kill_guest(self):
        self.kill_repeatedly("guest")

    def test_kill_host(self):
        self.kill_repeatedly("host")

    def test_silence(self):
        """A peer that is stopped takes the link down; when it goes on, the link comes back."""
        guest, host = self.pair()
        self.both_ways(guest, host)
        self.flow(guest, host)
        guest.process.send_signal(signal.SIGSTOP)
        host.wait_link(False)
        guest.process.send_signal(signal.SIGCONT)
        host.wait_link()
        guest.wait_link()
        self.flow(guest, host)
        self.check_clean(guest, host)

    def test_file_removed(self):
        """Somebody unlinks the region under both; they meet again in a new one."""
        guest, host = self.pair()
        inode = os.stat(self.region.path).st_ino
        os.unlink(self.region.path)
        guest.wait_link(False)
        host.wait_link(False)
        guest.wait_link()
        host.wait_link()
        self.assertNotEqual(os.stat(self.region.path).st_ino, inode)
        self.both_ways(guest, host)
        self.flow(guest, host)
        self.assertEqual((guest.quit(), host.quit()), (0, 0))

    @unittest.skipUnless(os.environ.get("FOLIO_HUGE_DIR"), "no huge pages")
    def test_other_program_cleans_up(self):
        """EAL removes what looks like forgotten memory of its own; our file has such a name."""
        self.region.path = os.path.join(self.region.folder, "guest_map_0")
        guest, host = self.pair()
        self.both_ways(guest, host)
        inode = os.stat(self.region.path).st_ino
        forgotten = os.path.join(self.region.folder, "other_map_0")
        with open(forgotten, "x", encoding="ascii"):
            pass
        prefix = f"folio-{os.getpid()}-cleaner"
        subprocess.run(["dpdk-testpmd", "--no-pci", "--no-telemetry", "--file-prefix", prefix,
                        "--huge-dir", self.region.folder, "-m", "2", "--", "--help"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        remove_runtime(prefix)
        self.assertFalse(os.path.exists(forgotten), "EAL did not clean up: nothing was tested")
        self.assertEqual(os.stat(self.region.path).st_ino, inode)
        self.flow(guest, host)
        self.assertTrue(guest.link_is_up() and host.link_is_up())

    def test_zeroed(self):
        """What a side wrote is gone when it has closed, and when a crashed one is taken over."""
        guest, host = self.pair()
        self.both_ways(guest, host)
        self.flow(guest, host)
        with open(self.region.path, "rb") as region:
            size = os.fstat(region.fileno()).st_size
            self.assertEqual(guest.quit(), 0)
            # The host created nothing and still holds the file that the guest removed.
            half = os.pread(region.fileno(), size // 2, 0)
            self.assertEqual(half.count(0), len(half))
            self.assertEqual(host.quit(), 0)
            half = os.pread(region.fileno(), size // 2, size // 2)
            self.assertEqual(half.count(0), len(half))


if __name__ == "__main__":
    common.main()
