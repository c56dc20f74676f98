# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""A guest and its host, each property once: two guests for all of it. test_guest.py has it in full."""

import common
from checks import Checks
from common import PCI, REGION_MB


class WithModule(common.SharedGuest, Checks):
    """The region through the kernel module."""

    sizes = (REGION_MB, 2)
    append = "folio.huge=40"

    def test_contents(self):
        """Every byte; jumbo frames over many slots, four queues."""
        self.converse(self.guest, self.path, ",queues=4,ring_size=256", "--queues 4 --max-len 9600")

    def test_doctor(self):
        lines = self.verdicts(self.guest, 0)
        self.assertIn("QEMU TCG", lines["kind"][1])
        for name in "folio.ko", "plugin":
            self.assertEqual(lines[name][0], "ok", lines[name])

    def test_errors(self):
        self.refused(self.guest, "pci=0000:00:05.0", "has 2097152 bytes")

    def test_host_sees_the_region_only_and_both_come_back(self):
        """Isolation under traffic; then the host is killed, then the guest is reset."""
        host = self.host(self.path)
        self.both_ways(host)
        inside = self.start(self.guest)
        self.flow(inside, host)
        self.check_maps(self.guest, self.path, host)
        self.check_secret(self.guest, self.path, inside, host)

        host.kill()
        inside.wait_link(False)
        host = self.host(self.path)
        self.both_ways(host)
        inside.wait_link()
        self.flow(inside, host)
        self.assertEqual(inside.violations(), 0)

        self.guest.reset()
        host.wait_link(False)
        self.guest.wait_boot()
        self.flow(self.start(self.guest), host)
        self.assertEqual(host.violations(), 0)

    def test_zeroed_after_sigkill(self):
        self.check_module_zeroes(self.guest, self.path)


class WithoutModule(common.SharedGuest, Checks):
    """The region through sysfs."""

    append = "folio.module=0"

    def test_contents(self):
        """Every byte, plain frames."""
        self.converse(self.guest, self.path)

    def test_next_guest_zeroes(self):
        self.check_next_zeroes(self.guest, self.path)

    def test_virtual_machine_is_killed(self):
        """Its host sees the link go down, and no more."""
        host = self.host(self.path)
        self.both_ways(host)
        self.flow(self.start(self.guest, PCI), host)
        self.guest.kill()
        host.wait_link(False)
        self.assertEqual(host.violations(), 0)


if __name__ == "__main__":
    common.main()
