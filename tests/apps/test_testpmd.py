# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""testpmd's forward modes on a folio port, and its checksum, TSO, VLAN and MAC address commands."""

import unittest

import common
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw
from testpmd import Testpmd

MAC, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:99"


def frames(count, make, length=200):
    """So many, of no two the same bytes."""
    return [Ether(bytes(make(i) / Raw(bytes((i + k) % 251 for k in range(length)))))
            for i in range(count)]


def udp(i):
    """A UDP packet."""
    return Ether(dst=MAC, src=OTHER) / IP(src="10.0.0.1", dst="10.0.0.2", id=i) / \
        UDP(sport=1000 + i, dport=9)


def tcp(i):
    """A TCP packet."""
    return Ether(dst=MAC, src=OTHER) / IP(src="10.0.0.1", dst="10.0.0.2", id=i) / \
        TCP(sport=1000 + i, dport=80, seq=1, ack=1, flags="A")


def resummed(packet):
    """The same packet with the checksums that it should have."""
    again = packet.copy()
    for layer in (IP, UDP, TCP, ICMP):
        if again.haslayer(layer):
            del again[layer].chksum
    return Ether(bytes(again))


class Modes(common.AppCase):
    """The guest is a testpmd; what comes back is looked at."""

    def guest(self, *app_args, more=""):
        """A testpmd on one port."""
        side = Testpmd(self.ports(1, more), 0, app_args=app_args)
        self.processes.append(side)
        return side.wait_prompt()

    def back(self, commands, sent, expected=None, app_args=()):
        """Send through a testpmd that was told so; returns what came back."""
        guest = self.guest(*app_args)
        for command in commands:
            answer = guest.cmd(command)
            for word in ("Bad arguments", "Command not found", "not support", "ailed", "Error"):
                self.assertNotIn(word, answer, command)
        guest.cmd("start")
        came = self.through(guest, [sent], len(sent) if expected is None else expected)[0]
        wrong = {k: v for k, v in guest.xstats().items()
                 if v and (k.startswith("violation_") or k.endswith("_errors"))}
        self.assertEqual(wrong, {})
        return came

    def test_io(self):
        sent = frames(200, udp)
        self.assertEqual([bytes(p) for p in self.back(["set fwd io"], sent)],
                         [bytes(p) for p in sent])

    def test_mac(self):
        sent = frames(100, udp)
        came = self.back(["set fwd mac"], sent)
        self.assertEqual([bytes(p)[12:] for p in came], [bytes(p)[12:] for p in sent])
        self.assertNotEqual(came[0].src, OTHER)

    def test_macswap(self):
        sent = frames(100, udp)
        for before, after in zip(sent, self.back(["set fwd macswap"], sent)):
            self.assertEqual((after.dst, after.src, bytes(after)[12:]),
                             (before.src, before.dst, bytes(before)[12:]))

    def test_5tswap(self):
        sent = frames(100, udp)
        for before, after in zip(sent, self.back(["set fwd 5tswap"], sent)):
            self.assertEqual((after[IP].src, after[UDP].dport),
                             (before[IP].dst, before[UDP].sport))
            self.assertEqual(bytes(resummed(after)), bytes(after))

    def test_icmpecho(self):
        ask = [Ether(dst="ff:ff:ff:ff:ff:ff", src=OTHER) /
               ARP(op=1, hwsrc=OTHER, psrc="10.0.0.1", pdst="10.0.0.2")]
        echo = [Ether(bytes(Ether(dst=MAC, src=OTHER) / IP(src="10.0.0.1", dst="10.0.0.2") /
                            ICMP(id=7, seq=i) / Raw(b"x" * 56))) for i in range(50)]
        came = self.back(["set fwd icmpecho"], ask + echo)
        self.assertEqual(came[0][ARP].op, 2)
        self.assertEqual([p[ICMP].seq for p in came[1:]], list(range(50)))
        for packet in came[1:]:
            self.assertEqual((packet[ICMP].type, packet[IP].dst), (0, "10.0.0.1"))
            self.assertEqual(bytes(resummed(packet)), bytes(packet))

    def test_noisy(self):
        sent = frames(100, udp)
        came = self.back(["set fwd noisy"], sent, app_args=["--forward-mode=noisy"])
        self.assertEqual(len(came), 100)

    def test_csum(self):
        """Wrong checksums go in, complete ones come out: those that testpmd asks the port for."""
        sent = frames(50, udp) + frames(50, tcp)
        for packet in sent:
            packet[IP].chksum = 0x1234
            packet[UDP if packet.haslayer(UDP) else TCP].chksum = 0x4321
        sent = [Ether(bytes(p)) for p in sent]
        came = self.back(["port stop 0", "csum set ip hw 0", "csum set udp hw 0",
                          "csum set tcp hw 0", "port start 0", "set fwd csum"], sent)
        for packet in came:
            self.assertEqual(bytes(resummed(packet)), bytes(packet), packet.show2(dump=True))

    def test_tso(self):
        """A large segment comes out in pieces, each a TCP packet with the right sequence number."""
        sent = frames(10, tcp, 7000)
        came = self.back(["port stop 0", "csum set ip hw 0", "csum set tcp hw 0", "tso set 1000 0",
                          "port start 0", "set fwd csum"], sent, 70,
                         ["--max-pkt-len=9022", "--mbuf-size=9472"])
        for i, packet in enumerate(sent):
            parts = [p for p in came if p[TCP].sport == packet[TCP].sport]
            self.assertEqual([p[TCP].seq for p in parts], [1 + 1000 * n for n in range(7)])
            self.assertEqual(b"".join(bytes(p[TCP].payload) for p in parts),
                             bytes(packet[TCP].payload), i)
            for part in parts:
                self.assertEqual(bytes(resummed(part)), bytes(part))

    def test_vlan_insert(self):
        sent = frames(50, udp)
        came = self.back(["port stop 0", "tx_vlan set 0 42", "port start 0", "set fwd mac"], sent)
        for before, after in zip(sent, came):
            self.assertEqual(after[Dot1Q].vlan, 42)
            self.assertEqual(bytes(after)[16:], bytes(before)[12:])

    def test_vlan_strip(self):
        sent = frames(50, lambda i: Ether(dst=MAC, src=OTHER) / Dot1Q(vlan=42) /
                      IP(src="10.0.0.1", dst="10.0.0.2", id=i) / UDP(sport=1000 + i, dport=9))
        came = self.back(["vlan set strip on 0", "set fwd io"], sent)
        for before, after in zip(sent, came):
            self.assertEqual(bytes(after), bytes(before)[:12] + bytes(before)[16:])

    def test_vlan_filter(self):
        sent = [Ether(bytes(Ether(dst=MAC, src=OTHER) / Dot1Q(vlan=v) / Raw(b"x" * 60)))
                for v in range(1, 100)]
        came = self.back(["vlan set filter on 0", "rx_vlan add 42 0", "set fwd io"], sent, 1)
        self.assertEqual(came[0][Dot1Q].vlan, 42)

    def test_mac_filter(self):
        sent = [Ether(bytes(Ether(dst=mac, src=OTHER) / IP() / UDP() / Raw(b"x" * 60)))
                for mac in (MAC, "02:00:00:00:00:07", "02:00:00:00:00:08", "01:00:5e:00:00:01",
                            "ff:ff:ff:ff:ff:ff")]
        came = self.back([f"mac_addr set 0 {MAC}", "mac_addr add 0 02:00:00:00:00:07",
                          "set promisc 0 off", "set allmulti 0 off", "set fwd io"], sent, 3)
        self.assertEqual([p.dst for p in came], [sent[0].dst, sent[1].dst, sent[4].dst])

    def test_generators(self):
        """flowgen and txonly send, rxonly counts: as fast as they can."""
        for mode in "flowgen", "txonly":
            guest = self.guest()
            peer = Testpmd([f"net_folio0,role=host,path={self.regions[-1].path}"], 1)
            self.processes.append(peer)
            peer.wait_prompt()
            guest.wait_link()
            peer.cmd("set fwd rxonly")
            peer.cmd("start")
            guest.cmd(f"set fwd {mode}")
            guest.cmd("start")
            peer.wait_received(10000)
            guest.cmd("stop")
            self.assertEqual((guest.quit(), peer.quit()), (0, 0))


if __name__ == "__main__":
    unittest.main(verbosity=2)
