# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Two testpmds that do not trust each other: path=unix:..., sealed memory over a socket."""

import glob
import mmap
import os
import socket

import common
import test_lifecycle

STORM = 500


class OverSocket(test_lifecycle.Lifecycle):
    """The life of a pair is the same as with a file, but for what is about files."""

    test_file_removed = None
    test_other_program_cleans_up = None
    test_zeroed = None

    def setUp(self):
        super().setUp()
        self.socket = os.path.join(self.region.folder, "socket")
        self.region.path = "unix:" + self.socket

    def memory_of(self, side):
        """The memfds of a process, opened anew, as its peer has them."""
        opened = []
        for link in glob.glob(f"/proc/{side.process.pid}/fd/*"):
            if "memfd:folio" in os.readlink(link):
                opened.append(os.open(link, os.O_RDWR | os.O_CLOEXEC))
        return opened

    def test_cut(self):
        """What cuts a file under traffic, of either side's memory: nothing comes of it."""
        guest, host = self.pair()
        self.both_ways(guest, host)
        self.flow(guest, host)
        areas = 0
        for side in guest, host:
            for memory in self.memory_of(side):
                size = os.fstat(memory).st_size
                if size == 0:
                    os.close(memory)
                    continue
                areas += 1
                with self.assertRaises(PermissionError):
                    os.ftruncate(memory, 0)
                with self.assertRaises(PermissionError):
                    os.posix_fallocate(memory, 0, 2 * size)
                with self.assertRaises(PermissionError):
                    mmap.mmap(memory, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
                os.close(memory)
        self.assertGreaterEqual(areas, 4)       # each has its own and the other's
        self.flow(guest, host)
        self.check_clean(guest, host)
        self.assertEqual((guest.quit(), host.quit()), (0, 0))

    def test_storm(self):
        """Connections without end: the link that is up stays up, and they are told so."""
        guest, host = self.pair()
        self.both_ways(guest, host)
        before = [side.xstats()["link_ups"] for side in (guest, host)]
        answered = 0
        for n in range(STORM):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
                peer.settimeout(5)
                peer.connect(self.socket)
                if n % 2:
                    try:
                        peer.send(os.urandom(n))
                    except (BrokenPipeError, ConnectionResetError):
                        pass
                try:
                    answered += len(peer.recv(64)) > 0
                except ConnectionResetError:
                    pass
        self.assertGreater(answered, 0)
        self.flow(guest, host)
        self.assertEqual([side.xstats()["link_ups"] for side in (guest, host)], before)
        self.assertEqual((guest.quit(), host.quit()), (0, 0))


if __name__ == "__main__":
    common.main()
