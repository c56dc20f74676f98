# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""DPDK's examples that forward: what goes in comes out where it should, with its bytes."""

import unittest

import common
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw


def flow(count, length=64, dst="198.18.0.1", sport=1000, mac="02:00:00:00:00:01"):
    """UDP packets of one size; no two have the same bytes."""
    packets = []
    for i in range(count):
        head = Ether(dst=mac, src="02:00:00:00:00:99") / \
            IP(src="10.0.0.1", dst=dst, ttl=64, id=i) / UDP(sport=sport + i, dport=9)
        payload = bytes((i + k) % 251 for k in range(length - len(head)))
        packets.append(Ether(bytes(head / Raw(payload))))
    return packets


def payloads(packets):
    """What no forwarding program changes."""
    return sorted(bytes(p[UDP].payload) for p in packets)


class Forwarding(common.AppCase):
    """Each example with as many ports as it takes."""

    def check_swapped(self, sent, came):
        """Two ports, each one's packets came out of the other."""
        self.assertEqual(payloads(came[1]), payloads(sent[0]))
        self.assertEqual(payloads(came[0]), payloads(sent[1]))
        for packet in came[0] + came[1]:
            self.check_sums(packet)

    def check_sums(self, packet):
        """Checksums are complete, whoever wrote them."""
        again = packet.copy()
        del again[IP].chksum, again[UDP].chksum
        again = Ether(bytes(again))
        self.assertEqual((packet[IP].chksum, packet[UDP].chksum),
                         (again[IP].chksum, again[UDP].chksum))

    def two(self, length=64):
        """What to send into two ports."""
        return [flow(200, length), flow(200, length, sport=3000)]

    def test_l2fwd(self):
        program = self.run_program([self.example("l2fwd")], self.ports(2),
                                   ["-p", "3", "-q", "2", "-T", "0"])
        program.wait("L2FWD: entering main loop")
        sent = self.two()
        self.check_swapped(sent, self.through(program, sent, 400))
        self.assertEqual(program.interrupt(), 0, program.report())

    def test_skeleton(self):
        program = self.run_program([self.example("basicfwd")], self.ports(2))
        program.wait("forwarding packets")
        sent = self.two(1400)
        self.check_swapped(sent, self.through(program, sent, 400))

    def test_qos_meter(self):
        program = self.run_program([self.example("qos_meter")], self.ports(2), ["-p", "3"])
        program.wait("port TX = 1")
        # The last byte of the address is the colour: what comes in green is passed on.
        sent = [flow(50, mac="02:00:00:00:00:00"), []]
        came = self.through(program, sent, 50)
        self.assertEqual(payloads(came[1]), payloads(sent[0]))

    def l3fwd(self, name, *more, queues=2):
        """A router whose table has 198.18.N.0/24 on port N."""
        config = ",".join(f"({port},{queue},{queue})" for port in (0, 1)
                          for queue in range(queues))
        lcores = ",".join(f"{lcore}@0" for lcore in range(queues))
        program = self.run_program([self.example(name)], self.ports(2, f",queues={queues}"),
                                   ["-p", "3", "-P", f"--config={config}", *more], lcores=lcores)
        program.wait("entering main loop on lcore 0")
        sent = [flow(100, dst="198.18.1.7"), flow(100, dst="198.18.0.7", sport=3000)]
        came = self.through(program, sent, 200, queues)
        self.check_swapped(sent, came)
        for packet in came[0] + came[1]:
            self.assertEqual(packet[IP].ttl, 63)
        return program

    def test_l3fwd_lpm(self):
        program = self.l3fwd("l3fwd", "--lookup=lpm")
        self.assertEqual(program.interrupt(), 0, program.report())

    def test_l3fwd_em(self):
        """Exact match needs the packets' types."""
        config = "(0,0,0),(1,0,0)"
        program = self.run_program([self.example("l3fwd")], self.ports(2),
                                   ["-p", "3", "-P", "--lookup=fib", f"--config={config}"])
        program.wait("entering main loop on lcore 0")
        sent = [flow(100, dst="198.18.1.7"), flow(100, dst="198.18.0.7", sport=3000)]
        self.check_swapped(sent, self.through(program, sent, 200))

    def test_l3fwd_graph(self):
        program = self.run_program([self.example("l3fwd-graph")], self.ports(2, ",queues=2"),
                                   ["-p", "3", "-P", "--config=(0,0,1),(1,0,1)"],
                                   lcores="0@0,1@0")
        program.wait("Entering main loop on lcore 1")
        sent = [flow(100, dst="198.18.1.7"), flow(100, dst="198.18.0.7", sport=3000)]
        came = self.through(program, sent, 200, 2)
        self.assertEqual(payloads(came[1]), payloads(sent[0]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
