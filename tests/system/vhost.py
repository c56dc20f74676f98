# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""What the tests with an unmodified vhost-user back end share: testpmd with net_vhost, without a
line of ours in it."""

import os
import unittest

import common  # noqa: F401  the path of testpmd
from testpmd import RegionFile, Testpmd
from verifier import Verify

ALL = bool(os.environ.get("FOLIO_TEST_ALL"))
RINGS = {"packed": "", "split": ",packed=0"}


class VhostCase(unittest.TestCase):
    """A test with a socket, a back end on CPU 1, and folio on CPU 0; all are gone at its end."""

    longMessage = True

    def setUp(self):
        self.region = RegionFile("/dev/shm")
        self.socket = os.path.join(self.region.folder, "vhost.sock")
        self.processes = []

    def tearDown(self):
        for process in self.processes:
            process.end()
        self.region.remove()

    def start(self, process):
        """One more that is to be gone."""
        self.processes.append(process)
        return process

    def back_end(self, more="", queues=1, forward=True):
        """A testpmd that sends back what it gets."""
        if "client" not in more and os.path.exists(self.socket):
            os.unlink(self.socket)      # of one that was killed: rte_vhost does not take it over
        side = self.start(Testpmd([f"net_vhost0,iface={self.socket},queues={queues}{more}"], 1,
                                  [f"--rxq={queues}", f"--txq={queues}"], plugin=False))
        side.wait_prompt()
        side.cmd("set fwd io")
        if forward:
            side.cmd("start")
        return side

    def vdev(self, more=""):
        """A port of folio for the back end."""
        return f"net_folio0,vhost_user={self.socket}{more}"

    def front_end(self, more="", app=()):
        """A testpmd with that port."""
        return self.start(Testpmd([self.vdev(more)], 0, app)).wait_prompt()

    def verify(self, more="", app=()):
        """A program with that port which checks what it gets back."""
        return self.start(Verify(self.vdev(more), 0, app=app))

    def finish(self, *verifiers):
        """Not a byte was wrong, and no mbuf is missing."""
        for side in verifiers:
            self.assertEqual(side.finish(), 0, "".join(side.text[-10:]))
            self.assertEqual(side.counters[2:], (0, 0))
