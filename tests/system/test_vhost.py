# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""A port of folio on an unmodified vhost-user back end: every byte both ways, and what the back end
can see."""

import glob
import os
import re
import subprocess
import unittest

import common
import vhost
from testpmd import RegionFile, Testpmd, plugin_path
from verifier import Verify


class Traffic(vhost.VhostCase):
    """What is sent arrives."""

    def test_there_and_back(self):
        self.back_end()
        for rings, args in vhost.RINGS.items():
            with self.subTest(rings=rings):
                side = self.verify(args)
                side.wait_received(10000)
                self.finish(side)

    def test_jumbo_queues(self):
        self.back_end(queues=4)
        for rings, args in vhost.RINGS.items():
            with self.subTest(rings=rings):
                side = self.verify(",queues=4,ring_size=256" + args,
                                   ["--queues", "4", "--max-len", "9600"])
                side.wait_received(5000)
                self.finish(side)

    def test_small_buffers(self):
        """Every frame but the shortest takes several, both ways."""
        self.back_end()
        for rings, args in vhost.RINGS.items():
            with self.subTest(rings=rings):
                side = self.verify(",ring_size=256,slot_size=256" + args, ["--max-len", "9600"])
                side.wait_received(5000)
                self.finish(side)

    def test_two_who_verify(self):
        """Either end sends by itself, and checks what the other sent."""
        app = ["--queues", "2", "--max-len", "4000"]
        for rings, args in vhost.RINGS.items():
            with self.subTest(rings=rings):
                host = self.start(Verify(f"net_vhost0,iface={self.socket},queues=2", 1, app=app))
                guest = self.verify(",queues=2" + args, app)
                guest.wait_received(5000)
                host.wait_received(5000)
                self.finish(guest, host)

    def test_kernels(self):
        self.back_end()
        for bits in (64, 128, 256, 512) if vhost.ALL else (64,):
            with self.subTest(bits=bits):
                side = self.start(Verify(self.vdev(), 0, [f"--force-max-simd-bitwidth={bits}"],
                                         ["--max-len", "4000"]))
                side.wait_received(5000)
                self.finish(side)


class Isolation(vhost.VhostCase):
    """The back end has the region, and no other memory of ours."""

    @staticmethod
    def shared(process):
        """Shared mappings of a process: (address, path) -> bytes."""
        found = {}
        with open(f"/proc/{process.pid}/maps", encoding="ascii") as maps:
            for line in maps:
                span, mode, _, _, _, *path = line.split(maxsplit=5)
                if mode[3] == "s":
                    begin, end = (int(n, 16) for n in span.split("-"))
                    found[begin, "".join(path).strip()] = end - begin
        return found

    def region_sizes(self, process):
        """Sizes of the memfds that a process of folio shares."""
        return [os.stat(link).st_size for link in glob.glob(f"/proc/{process.pid}/fd/*")
                if "memfd:folio" in os.readlink(link)]

    def test_memory_table(self):
        for rings, args in vhost.RINGS.items():
            with self.subTest(rings=rings):
                back = self.back_end()
                before = self.shared(back.process)
                front = self.front_end(args)
                front.wait_link()
                size, = self.region_sizes(front.process)
                sizes = re.findall(r"guest memory region size: 0x([0-9a-f]+)", back.terminal.log)
                self.assertEqual([int(n, 16) for n in sizes], [size])
                new = {key: n for key, n in self.shared(back.process).items() if key not in before}
                self.assertEqual([path for _, path in new], ["/memfd:folio (deleted)"], new)
                self.assertEqual(list(new.values()), [size])
                self.assertEqual((front.quit(), back.quit()), (0, 0))

    def test_path(self):
        """The region may be a file of the user's choice: then that is what it has."""
        back = self.back_end()
        before = self.shared(back.process)
        front = self.front_end(f",path={self.region.path}")
        front.wait_link()
        new = {key: n for key, n in self.shared(back.process).items() if key not in before}
        self.assertEqual([path for _, path in new], [self.region.path], new)
        self.assertEqual(list(new.values()), [os.stat(self.region.path).st_size])
        self.assertEqual(front.quit(), 0)
        self.assertFalse(os.path.exists(self.region.path))


class Secondary(vhost.VhostCase):
    """Another process of the same application."""

    @unittest.skipUnless(os.environ.get("FOLIO_HUGE_DIR"), "no huge pages: no secondary processes")
    def test_counters(self):
        """dpdk-proc-info sees the counters and the link of a running port."""
        self.back_end()
        pages = RegionFile()
        self.addCleanup(pages.remove)
        front = self.start(Testpmd([self.vdev()], 0,
                                   memory=["--huge-dir", pages.folder, "-m", "128"])).wait_prompt()
        front.wait_link()
        front.cmd("set fwd flowgen")
        front.cmd("start")
        front.wait_received(1000)
        text = ""
        for what in "--stats", "--xstats":
            done = subprocess.run(
                ["dpdk-proc-info", "--no-pci", "--no-telemetry", "--file-prefix", front.prefix,
                 "-d", plugin_path(), "--", what],
                capture_output=True, text=True, timeout=60, check=False)
            text += done.stdout + done.stderr
        self.assertRegex(text, r"RX-packets:\s+[1-9]")
        self.assertRegex(text, r"rx_q0_packets: [1-9]")
        self.assertRegex(text, r"link_ups: 1")
        front.wait_received(front.stats()["RX-packets"] + 1000)
        self.assertEqual(front.quit(), 0)


if __name__ == "__main__":
    common.main()
