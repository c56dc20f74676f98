# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The event device's receive adapter polls a folio port; a pipeline sends what it got out again."""

import unittest

import common
from test_forwarding import flow, payloads


class Events(common.AppCase):
    """DPDK's eventdev_pipeline on the software event device."""

    def test_pipeline(self):
        program = self.run_program(
            [self.example("eventdev_pipeline")], [*self.ports(2), "event_sw0"],
            ["-r1", "-t1", "-e4", "-w8", "-s1", "-n0", "-c32", "-W0", "-D"],
            lcores="0@0,1@0,2@0,3@0")
        program.wait("Port 1")
        sent = [flow(100), []]
        came = self.through(program, sent, 100)
        self.assertEqual(payloads(came[0] + came[1]), payloads(sent[0]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
