# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""What tools say of a port: ethtool inside of a program, proc-info from outside."""

import os
import unittest

import common
from test_forwarding import flow, payloads
from testpmd import plugin_path


class Processes(common.AppCase):
    """Memory that a program shares with a tool has files in a folder of their own."""

    def shared(self):
        """EAL arguments for memory that a secondary can map."""
        folder = os.environ.get("FOLIO_HUGE_DIR")
        if not folder:
            self.skipTest("secondary processes need huge pages")
        return ["--huge-dir", folder, "-m", "256"]

    def test_proc_info(self):
        """Statistics of a running program, from outside."""
        memory, ports = self.shared(), self.ports(2)
        prefix = f"folio-info-{os.getpid()}"
        program = self.run_program([self.example("basicfwd")], ports, (), "0@0", memory, prefix)
        program.wait("forwarding packets")
        sent = [flow(100), flow(100, sport=3000)]
        self.through(program, sent, 200)
        for what, figure in (("--stats", "RX-packets: 100"), ("--xstats", "rx_q0_packets: 100")):
            status, said = common.tool("dpdk-proc-info", "--no-pci", "--no-telemetry",
                                       f"--file-prefix={prefix}", "-d", plugin_path(), "--", what,
                                       "-p", "3")
            self.assertEqual(status, 0, said)
            self.assertIn(figure, said)

    def test_ethtool(self):
        """Driver, link, rings, registers."""
        program = self.run_program([self.example("ethtool")], self.ports(1), lcores="0@0,1@0")
        program.wait("EthApp>")
        program.terminal.write("drvinfo\nlink\nringparam 0\nportstats 0\nregs 0 /dev/null\nquit\n")
        self.assertEqual(program.terminal.wait_end(60), 0, program.report())
        self.assertIn("net_folio", program.said())


if __name__ == "__main__":
    unittest.main(verbosity=2)
