# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Virtio-net devices of a guest: who has them, what they offer, what the host should change."""

import os
import unittest

from common import DoctorCase
from machine import VIRTIO

NAME = "0000:00:08.0"
# Features: MAC, MRG_RXBUF and VERSION_1, and then what matters here.
BASE = 1 << 5 | 1 << 15 | 1 << 32
PLATFORM, PACKED = 1 << 33, 1 << 34


class VirtioTest(DoctorCase):
    """Lines of the area."""

    def setUp(self):
        super().setUp()
        self.machine.virtual()

    def offer(self, features, **more):
        """A free device with these features."""
        fields = dict(status=0, pairs=1, size=256, mtu=0) | more
        return (f"{fields['status']:x} {features:x} {fields['pairs']} {fields['size']} "
                f"{fields['mtu']}")

    def guest(self):
        """The report on the guest."""
        return self.examine("--role", "guest")

    def test_all_is_offered(self):
        self.machine.virtio(self.offer(BASE | PLATFORM | PACKED, pairs=4, size=1024, mtu=9000))
        facts = self.check(self.guest(), NAME, "ok", f"virtio-net; no driver has it: virtio={NAME}; it "
                           "offers ACCESS_PLATFORM, packed rings, 4 queue pairs, 1024 descriptors, "
                           "MTU 9000")
        self.assertEqual(facts, {"modern": True, "driver": "", "interface": "", "packed": True,
                                 "access_platform": True, "mtu": 9000, "pairs": 4,
                                 "queue_size": 1024, "status": 0})

    def test_what_the_host_can_change(self):
        self.machine.virtio(self.offer(BASE))
        self.check(self.guest(), NAME, "warn", "no ACCESS_PLATFORM, split rings", "packed=on")
        self.assertNotIn("iommu", self.guest()["by_name"][NAME]["advice"])
        self.machine.snp()
        self.check(self.guest(), NAME, "warn", "no ACCESS_PLATFORM", "iommu-support=1")
        self.check(self.guest(), NAME, "warn", "split rings", "packed=on")
        self.machine.virtio(self.offer(BASE | PLATFORM | PACKED))
        self.check(self.guest(), NAME, "ok", "ACCESS_PLATFORM")

    def test_left_running(self):
        self.machine.virtio(self.offer(BASE | PACKED, status=15))
        self.check(self.guest(), NAME, "ok", "left it running (status 0x0f)")

    def test_in_use_by_a_program(self):
        self.machine.virtio("busy")
        self.check(self.guest(), NAME, "ok", "a program drives it")

    def test_not_known(self):
        self.machine.virtio()
        del self.machine.answers["virtio " + NAME]
        self.check(self.guest(), NAME, "warn", "not known: No data", "vfio-pci")
        self.machine.lockdown()
        self.check(self.guest(), NAME, "warn", "not known", "locked down")
        self.machine.put(f"{VIRTIO}/config", bytes(64))
        self.check(self.guest(), NAME, "warn", "not known: Permission denied")

    def test_not_modern(self):
        self.machine.virtio(modern=False)
        facts = self.check(self.guest(), NAME, "warn", "no modern virtio device",
                           "disable-legacy=on,disable-modern=off")
        self.assertFalse(facts["modern"])

    def test_hostile_list(self):
        """A list that goes in a circle."""
        self.machine.virtio()
        with open(self.machine.path(f"{VIRTIO}/config"), "r+b") as config:
            config.seek(0x41)
            config.write(b"\x40")
        self.check(self.guest(), NAME, "warn", "0x40 for a second time")

    def test_of_the_kernel(self):
        self.machine.virtio(driver="virtio-pci")
        bits = "".join("1" if (BASE | PACKED) >> i & 1 else "0" for i in range(64))
        self.machine.put(f"{VIRTIO}/virtio2/features", bits + "\n")
        self.machine.put(f"{VIRTIO}/virtio2/net/ens8/mtu", "1500\n")
        facts = self.check(self.guest(), NAME, "ok", "the kernel has it as ens8, agreed on: no "
                           "ACCESS_PLATFORM, packed rings, MTU 1500. Only if folio is to drive it: echo "
                           f"{NAME} > {VIRTIO}/driver/unbind")
        self.assertEqual((facts["driver"], facts["interface"]), ("virtio-pci", "ens8"))
        self.machine.drop(f"{VIRTIO}/virtio2")
        self.check(self.guest(), NAME, "ok", "the kernel has it.")

    def test_other_drivers(self):
        self.machine.virtio(driver="vfio-pci")
        self.check(self.guest(), NAME, "ok", f"bound to vfio-pci: virtio={NAME}")
        os.remove(self.machine.path(f"{VIRTIO}/driver"))
        self.machine.virtio(driver="uio_pci_generic")
        self.check(self.guest(), NAME, "warn", "held by the driver uio_pci_generic", "unbind")


if __name__ == "__main__":
    unittest.main(verbosity=2)
