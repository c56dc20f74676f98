# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The kernel module in a guest: its interface, loading and unloading, devices that go away."""

import re

import common
from common import PCI

DEVICE = "/sys/bus/pci/devices/0000:00:04.0"
DRIVER = "/sys/bus/pci/drivers/folio"
ROUNDS = 200


class Module(common.GuestCase):
    """Every test looks at the kernel's log in the end, see common.py."""

    def run_in_guest(self, program):
        """A program of cmocka tests; prints a line a case, as if it had run here."""
        guest, _ = self.boot(4, memory=768, cpus=2)
        status, text = guest.shells[0].run(f"cd /tmp; FOLIO_ROUNDS={ROUNDS} /opt/folio/{program} 2>&1",
                                           900)
        print("\n" + "\n".join(re.findall(r"^\[ .*(?:OK|FAILED|SKIPPED).*\] test_\w+$", text, re.M)))
        self.assertEqual(status, 0, text[-4000:])
        self.assertRegex(text, r"PASSED  \] [1-9]\d* test")

    def test_interface(self):
        """Good calls, wrong calls, and what is left of an owner that is killed."""
        self.run_in_guest("test_kmod")

    def test_races(self):
        """Owners that open, map, close and are killed, against each other."""
        self.run_in_guest("test_kmod_races")

    def test_loaded_a_hundred_times(self):
        guest, _ = self.boot()
        shell = guest.shells[0]
        shell.check("for i in $(seq 100); do rmmod folio && insmod /lib/modules/folio.ko && "
                    "test -c /dev/folio0 -a -c /dev/folio_alloc || exit 1; done", 300)
        side = guest.testpmd(PCI).wait_prompt()
        self.assertEqual(side.quit(), 0)
        self.assertEqual(shell.check("rmmod folio; ls /dev | grep -c folio || true").strip(), "0")

    def test_device_goes_away_under_traffic(self):
        """Unbound, then removed from the bus: the link goes down, and comes back with the device."""
        guest, _, inside, host = self.connected()
        shell = guest.shells[0]
        for away, back in (
                (f"echo 0000:00:04.0 > {DRIVER}/unbind", f"echo 0000:00:04.0 > {DRIVER}/bind"),
                (f"echo 1 > {DEVICE}/remove", "echo 1 > /sys/bus/pci/rescan")):
            shell.check(away)
            inside.wait_link(False, timeout=60)
            shell.check(back)
            inside.wait_link(timeout=60)
            host.wait_link(timeout=60)
            self.flow(inside, host)
        self.assertEqual(inside.quit(), 0)

    def test_bar_through_sysfs_goes_away_under_traffic(self):
        guest, _, inside, host = self.connected("folio.module=0")
        shell = guest.shells[0]
        shell.check(f"echo 1 > {DEVICE}/remove")
        inside.wait_link(False, timeout=60)
        shell.check("echo 1 > /sys/bus/pci/rescan")
        inside.wait_link(timeout=60)
        self.flow(inside, host)
        self.assertEqual(inside.quit(), 0)

    def test_write_back_above_4_gib(self):
        """A BAR that the firmware puts above 4 GiB is cached, and the driver says so."""
        guest, _ = self.boot(1024)
        side = guest.testpmd(PCI).wait_prompt()
        self.assertIn("mapped write-back", side.report())
        self.assertEqual(side.quit(), 0)


if __name__ == "__main__":
    common.main()
