# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Bonding over two folio ports: traffic goes on when one peer is gone."""

import time
import unittest

import common
from testpmd import Testpmd


class Redundancy(common.AppCase):
    """The guest's testpmd has both ports in one; each peer is a process."""

    def peers(self):
        """A testpmd behind each region, that counts what it receives."""
        sides = []
        for region in self.regions:
            sides.append(self.start_peer(region))
        return sides

    def start_peer(self, region):
        """One of them."""
        peer = Testpmd([f"net_folio0,role=host,path={region.path}"], 1)
        self.processes.append(peer)
        peer.wait_prompt()
        peer.cmd("set fwd rxonly")
        peer.cmd("start")
        return peer

    def guest(self, vdevs, app_args=()):
        """The testpmd that sends."""
        side = Testpmd(vdevs, 0, app_args=app_args)
        self.processes.append(side)
        return side.wait_prompt()

    def grows(self, sides, port=0):
        """Do these peers receive, all together?"""
        before = sum(side.stats(port)["RX-packets"] for side in sides)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if sum(side.stats(port)["RX-packets"] for side in sides) > before + 100:
                return True
            time.sleep(0.1)
        return False

    def fail_over(self, guest, peers, port):
        """Each peer goes and comes back; traffic goes on over the other."""
        guest.cmd("set fwd txonly")
        guest.wait_link(port=port)
        guest.cmd("start")
        self.assertTrue(self.grows(peers), "before")
        for gone in 0, 1:
            peers[gone].quit()
            stays = peers[1 - gone]
            self.assertTrue(self.grows([stays]), f"without peer {gone}")
            self.assertTrue(guest.link_is_up(port))
            peers[gone] = self.start_peer(self.regions[gone])
            guest.wait_link(port=gone)
        guest.cmd("stop")

    def bond(self, side, mode):
        """Make ports 0 and 1 of a testpmd one, port 2."""
        for command in (f"create bonded device {mode} 0", "add bonding slave 0 2",
                        "add bonding slave 1 2", "set bonding mon_period 2 20", "port start 2",
                        "set portlist 2"):
            answer = side.cmd(command)
            self.assertNotIn("ailed", answer, command)

    def bonding(self, mode):
        """A guest with a bond over two ports; a peer for each."""
        vdevs = self.ports(2)
        peers = self.peers()
        guest = self.guest(vdevs, ["--portmask=0x4", "--disable-device-start"])
        self.bond(guest, mode)
        return guest, peers

    def test_active_backup(self):
        guest, peers = self.bonding(1)
        self.fail_over(guest, peers, 2)

    def test_balance(self):
        guest, peers = self.bonding(2)
        self.fail_over(guest, peers, 2)

    def test_round_robin(self):
        guest, peers = self.bonding(0)
        self.fail_over(guest, peers, 2)

    def test_lacp(self):
        """802.3ad: both sides agree on the links by frames that they send each other."""
        hosts = [v.replace("role=guest", "role=host") for v in self.ports(2)]
        guests = [v.replace("role=host", "role=guest") for v in hosts]
        sides = []
        for vdevs in hosts, guests:
            side = self.guest(vdevs, ["--portmask=0x4", "--disable-device-start"])
            self.bond(side, 4)
            side.cmd("set fwd flowgen")     # LACP needs both bursts of the bond, all the time
            sides.append(side)
        host, guest = sides
        for side in host, guest:
            side.cmd("start")
        self.assertTrue(self.grows([host], 2), "before")
        for gone in 0, 1:
            host.cmd(f"port stop {gone}")
            self.assertTrue(self.grows([host], 2), f"without port {gone}")
            host.cmd(f"port start {gone}")
            guest.wait_link(port=gone)
            self.assertTrue(self.grows([host], 2), f"with port {gone} again")


if __name__ == "__main__":
    unittest.main(verbosity=2)
