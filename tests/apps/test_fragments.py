# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""ip_fragmentation: what was cut is what was sent; and what ip_reassembly is told."""

import unittest

import common
from scapy.layers.inet import IP, UDP, defragment
from scapy.layers.l2 import Ether
from scapy.packet import Raw

BEHIND_1 = "100.20.0.1"


def datagrams(count, length, dst):
    """UDP datagrams; no two have the same bytes."""
    return [Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:99") /
            IP(src="10.0.0.1", dst=dst, id=i + 1) / UDP(sport=1000 + i, dport=9) /
            Raw(bytes((7 * i + k) % 251 for k in range(length)))
            for i in range(count)]


def contents(packets):
    """Ports and payload of whole datagrams."""
    return sorted((p[UDP].sport, bytes(p[UDP].payload)) for p in packets)


class Fragments(common.AppCase):
    """One port in, one port out."""

    def test_fragmentation(self):
        program = self.run_program([self.example("ip_fragmentation")], self.ports(2),
                                   ["-p", "3", "-q", "2"])
        program.wait("entering main loop on lcore")
        sent = datagrams(60, 3000, BEHIND_1)
        came = self.through(program, [sent, []], 180)
        whole = defragment(came[1])
        self.assertEqual(contents(whole), contents(sent))
        for packet in came[1]:
            self.assertLessEqual(len(packet), 1518)
            again = packet.copy()
            del again[IP].chksum
            self.assertEqual(Ether(bytes(again))[IP].chksum, packet[IP].chksum,
                             "each fragment's header checksum is complete")

    def test_reassembly(self):
        """It asks for an MTU of 9710 in mbufs of 2 KiB, but not for chains: a line says so."""
        program = self.run_program([self.example("ip_reassembly")], self.ports(2),
                                   ["-p", "3", "-q", "2", "--maxflows=256"])
        program.wait("allowed is an MTU of 2026 at most, or larger mbufs, or RX_OFFLOAD_SCATTER")


if __name__ == "__main__":
    unittest.main(verbosity=2)
