# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Unmodified testpmds: traffic in both directions, queues, hot plug, bad arguments."""

import os
import subprocess

import common
from testpmd import Testpmd, memory_args, plugin_path, remove_runtime

JUMBO = ["--max-pkt-len=9022", "--enable-scatter"]
SIZES = {64: "64", 1518: "1518", 9000: "2000,2000,2000,2000,1000"}


class Traffic(common.PairCase):
    """What is sent arrives."""

    def one_way(self, sender, receiver):
        """Send for a moment; returns packets sent and received."""
        for side in sender, receiver:
            side.cmd("clear port stats all")
        sender.cmd("set fwd txonly")
        receiver.cmd("set fwd rxonly")
        receiver.cmd("start")
        sender.cmd("start")
        receiver.wait_received(10000)
        self.drain(sender, receiver)
        return sender.stats()["TX-packets"], receiver.stats()["RX-packets"]

    def test_both_directions(self):
        guest, host = self.pair(app_args=JUMBO)
        for size, segments in SIZES.items():
            for sender, receiver in (guest, host), (host, guest):
                sender.cmd(f"set txpkts {segments}")
                sent, received = self.one_way(sender, receiver)
                self.assertEqual(sent, received, f"{size} bytes")
        self.check_clean(guest, host)
        self.check_mbufs(guest)
        self.check_mbufs(host)
        self.assertEqual((guest.quit(), host.quit()), (0, 0))

    def test_loop(self):
        guest, host = self.pair()
        for side in guest, host:
            side.cmd("set fwd io")
        guest.cmd("start")
        host.cmd("start tx_first 16")
        guest.wait_received(100000)
        self.drain(guest, host)
        self.assertEqual(guest.stats()["TX-packets"], host.stats()["RX-packets"])
        self.assertEqual(host.stats()["TX-packets"], guest.stats()["RX-packets"])
        self.check_clean(guest, host)
        self.check_mbufs(guest)
        self.check_mbufs(host)

    def test_queues(self):
        # What txonly sends is one flow: by RSS it would all be in one queue.
        guest, host = self.pair(",queues=4", app_args=["--rxq=4", "--txq=4", "--disable-rss"])
        sent, received = self.one_way(guest, host)
        self.assertEqual(sent, received)
        counts = [host.xstats()[f"rx_q{q}_packets"] for q in range(4)]
        self.assertEqual(sum(counts), received)
        self.assertTrue(all(counts), counts)
        self.check_clean(guest, host)

    def test_several_ports(self):
        """Two regions between the same two processes."""
        other = os.path.join(self.region.folder, "region2")
        sides = []
        for cpu, role in enumerate(("guest", "host")):
            vdevs = [f"net_folio{i},role={role},path={path}"
                     for i, path in enumerate((self.region.path, other))]
            side = Testpmd(vdevs, cpu)
            self.processes.append(side)
            sides.append(side.wait_prompt())
        for side in sides:
            side.wait_link(port=0)
            side.wait_link(port=1)
        guest, host = sides
        guest.cmd("set fwd txonly")
        host.cmd("set fwd rxonly")
        host.cmd("start")
        guest.cmd("start")
        host.wait_received(1000, port=0)
        host.wait_received(1000, port=1)
        self.drain(guest, host)
        for port in 0, 1:
            self.assertEqual(guest.stats(port)["TX-packets"], host.stats(port)["RX-packets"])
        self.assertEqual((guest.quit(), host.quit()), (0, 0))
        self.assertFalse(os.path.exists(other))

    def test_hot_plug(self):
        """Attach and detach a port in a running testpmd."""
        guest = self.spawn("guest")
        host = Testpmd(["net_null0"], 1)
        self.processes.append(host)
        host.wait_prompt()
        descriptors = None
        for _ in range(5):
            host.cmd(f"port attach net_folio5,role=host,path={self.region.path}")
            host.cmd("port start 1")
            host.wait_link(port=1)
            guest.wait_link()
            guest.cmd("set fwd txonly")
            host.cmd("set fwd rxonly")
            host.cmd("start")
            guest.cmd("start")
            host.wait_received(1000, port=1)
            guest.cmd("stop")
            host.cmd("stop")
            host.cmd("port stop 1")
            self.assertIn("detached", host.cmd("port detach 1"))
            guest.wait_link(False)
            now = len(os.listdir(f"/proc/{host.process.pid}/fd"))
            descriptors = descriptors or now
            self.assertEqual(now, descriptors, "file descriptors leak")
        self.check_mbufs(host)
        self.assertEqual((guest.quit(), host.quit()), (0, 0))

    def test_bad_devargs(self):
        """testpmd has no port, our line says why, and nothing is left."""
        for args, words in (("ring_size=100", "not a power of two"),
                            ("queue=1", "queue=1 is unknown"),
                            ("queues=65", "1 to 64")):
            done = subprocess.run(
                ["dpdk-testpmd", "--no-pci", "--no-telemetry", "-l", "0,1", *memory_args(128),
                 "--file-prefix", f"folio-bad-{os.getpid()}", "-d", plugin_path(),
                 f"--vdev=net_folio0,path={self.region.path},{args}", "--", "--auto-start"],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
            remove_runtime(f"folio-bad-{os.getpid()}")
            self.assertIn("No probed ethernet devices", done.stdout + done.stderr)
            self.assertIn(words, done.stdout + done.stderr)
            self.assertFalse(os.path.exists(self.region.path))

    def test_no_huge(self):
        """Both sides on ordinary pages, the region too."""
        huge = os.environ.pop("FOLIO_HUGE_DIR", None)
        try:
            self.region.remove()
            self.region = common.RegionFile()
            guest, host = self.pair()
            sent, received = self.one_way(guest, host)
            self.assertEqual(sent, received)
            self.check_clean(guest, host)
            self.assertEqual((guest.quit(), host.quit()), (0, 0))
        finally:
            if huge is not None:
                os.environ["FOLIO_HUGE_DIR"] = huge

    def test_peer_pages_are_read_only(self):
        """/proc shows one writable and one read-only mapping of the region a side."""
        guest, host = self.pair()
        own = {}
        for name, side in ("guest", guest), ("host", host):
            with open(f"/proc/{side.process.pid}/maps", encoding="ascii") as maps:
                lines = [line.split() for line in maps if self.region.path in line]
            modes = {line[1]: int(line[2], 16) for line in lines}
            self.assertEqual(sorted(modes), ["r--s", "rw-s"])
            own[name] = modes["rw-s"]
            self.assertNotEqual(modes["rw-s"], modes["r--s"])
        self.assertNotEqual(own["guest"], own["host"])


if __name__ == "__main__":
    common.main()
