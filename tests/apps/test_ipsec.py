# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""ipsec-secgw with AES-GCM: one gateway encrypts, another decrypts, a folio link between them."""

import os
import unittest

import common
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

KEY = ":".join(f"{b:02x}" for b in range(0xd0, 0xe4))   # 16 bytes, and 4 of salt
INSIDE = "192.168.105.0/24"

SP = "sp ipv4 {way} esp protect {spi} pri 1 dst {inside} sport 0:65535 dport 0:65535\n"
SA = ("sa {way} {spi} aead_algo aes-128-gcm aead_key {key} mode ipv4-tunnel src 172.16.1.5 "
      "dst 172.16.2.5{more}\n")
ROUTE = "rt ipv4 dst {net} port {port}\nneigh port {port} {mac}\n"

SIZES = (64, 65, 100, 511, 1000, 1430, 1441, 1442, 1443, 1446)


def plain():
    """What is to be hidden on the way."""
    packets = []
    for i in range(100):
        length = SIZES[i % len(SIZES)]
        head = Ether(dst="02:00:00:00:00:0a", src="02:00:00:00:00:99") / \
            IP(src="192.168.10.1", dst="192.168.105.7", id=i) / UDP(sport=1000 + i, dport=9)
        packets.append(Ether(bytes(
            head / Raw(bytes((i + 3 * k) % 251 for k in range(length - len(head)))))))
    return packets


class Ipsec(common.AppCase):
    """Plain port, gateway, ESP on a folio link, gateway, plain port."""

    def gateway(self, name, vdevs, config, crypto, more):
        """One of the two. Port 0 is where packets come in, port 1 where they go out."""
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(config)
        unprotected = "2" if name == "encrypts" else "1"
        program = self.run_program([self.example("ipsec-secgw")], [*vdevs, crypto],
                                   ["-p", "3", "-P", "-u", unprotected,
                                    "--config=(0,0,0),(1,0,0)", *more, "-f", path])
        return program.wait("entering main loop on lcore 0")

    def both_ways(self, used, other, action):
        """What is for the packets, and what it does not start without."""
        return "".join(SP.format(way=way, spi=spi, inside=inside) +
                       SA.format(way=way, spi=spi, key=KEY, more=action)
                       for way, spi, inside in ((used, 5, INSIDE), (other, 6, "192.168.200.0/24")))

    def check(self, crypto, action="", more=()):
        """Every packet comes out as it went in, two hops on."""
        first, last, link = self.ports(3)
        outer = "172.16.2.5/32"
        encrypts = self.both_ways("out", "in", action) + \
            ROUTE.format(net=outer, port=1, mac="02:00:00:00:00:0b")
        decrypts = self.both_ways("in", "out", action) + \
            ROUTE.format(net=INSIDE, port=1, mac="02:00:00:00:00:0c")
        entry = self.gateway("encrypts", [first, link.replace("folio2", "folio1")], encrypts,
                             crypto, more)
        host = f"net_folio0,role=host,path={self.regions[2].path}"
        leave = self.gateway("decrypts", [host, last], decrypts, crypto, more)
        between = self.regions.pop()
        self.addCleanup(between.remove)
        sent = plain()
        came = self.through(entry, [sent, []], len(sent))
        self.assertEqual(sorted((p[UDP].sport, bytes(p[UDP].payload)) for p in came[1]),
                         sorted((p[UDP].sport, bytes(p[UDP].payload)) for p in sent))
        for packet in came[1]:
            self.assertEqual(packet.dst, "02:00:00:00:00:0c")
        self.assertEqual((entry.interrupt(), leave.interrupt()), (0, 0))

    def test_aesni_mb(self):
        self.check("crypto_aesni_mb0")

    def test_aesni_gcm(self):
        self.check("crypto_aesni_gcm0", more=["-l"])

    def test_cpu_crypto(self):
        self.check("crypto_aesni_mb0", " type cpu-crypto", ["-l"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
