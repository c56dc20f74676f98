# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The kernel module in a guest: its interface, loading and unloading, devices that go away."""

import re

import common
from common import PCI, Guest

DEVICE = "/sys/bus/pci/devices/0000:00:04.0"
DRIVER = "/sys/bus/pci/drivers/folio"
ROUNDS = 200
# In the order in which they need each other; some kernels have some of them built in.
DRIVERS = ("uio", "uio_pci_generic", "irqbypass", "vfio", "vfio_virqfd", "vfio_iommu_type1",
           "vfio-pci-core", "vfio-pci")


class Module(common.GuestCase):
    """Every test looks at the kernel's log in the end, see common.py."""

    def run_in_guest(self, program, prepare="true", more=(), size=4, append=""):
        """A program of cmocka tests; prints a line a case, as if it had run here."""
        guest = Guest(*common.image(), [(self.region(), size)], memory=768, cpus=2,
                      append=f"{common.DEBUG} {append}")
        guest.args += more
        self.guests.append(guest)
        shell = guest.boot().shells[0]
        shell.check(prepare, 120)
        status, text = shell.run(f"cd /tmp; FOLIO_ROUNDS={ROUNDS} /opt/folio/{program} 2>&1", 900)
        print("\n" + "\n".join(re.findall(r"^\[ .*(?:OK|FAILED|SKIPPED).*\] test_\w+$", text, re.M)))
        self.assertEqual(status, 0, text[-4000:])
        self.assertRegex(text, r"PASSED  \] [1-9]\d* test")
        return guest

    def test_interface(self):
        """Good calls, wrong calls, and what is left of an owner that is killed."""
        self.run_in_guest("test_kmod")

    def test_mappings(self):
        """What may be mapped by whom; when the module has gone the BAR can be mapped through sysfs."""
        guest = self.run_in_guest("test_kmod_map", size=common.REGION_MB)
        guest.shells[0].check("rmmod folio")
        side = guest.testpmd(PCI).wait_prompt()
        self.assertEqual(side.quit(), 0)

    def test_memory(self):
        """Sizes, limits, who pays; with memory set aside."""
        self.run_in_guest("test_kmod_memory", "rmmod folio && insmod /lib/modules/folio.ko reserve=16")

    def test_parked(self):
        """Memory that somebody has pinned, or that a device writes to, when its owner goes."""
        modules = " ".join(f"/lib/modules/{name}.ko" for name in DRIVERS)
        guest = self.run_in_guest("test_kmod_parked", "rmmod folio && insmod /lib/modules/folio.ko "
                                  f"reserve=2 && for m in {modules}; do "
                                  "[ ! -e $m ] || insmod $m || exit 1; done",
                                  more=["-device", "intel-iommu", "-device",
                                        f"edu,addr=10,dma_mask={2 ** 64 - 1}"],
                                  append="intel_iommu=on iommu=pt")
        # All has come back, so nothing keeps the module.
        guest.shells[0].check("rmmod folio")

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

    def test_takes_only_regions_of_folio(self):
        """Others use ivshmem devices too: such a one is taken only if the user says so."""
        path = self.region()
        with open(path, "wb") as file:
            file.write(b"something of somebody else's")
            file.truncate(common.REGION_MB << 20)
        shell = self.boot_with([path]).shells[0]
        node, device = "/dev/folio0", PCI.removeprefix("pci=")
        shell.check(f"test ! -e {node} && test -c /dev/folio_alloc")
        # For this one device, by the kernel's own means.
        shell.check(f"echo folio > {DEVICE}/driver_override; "
                    f"echo {device} > /sys/bus/pci/drivers_probe; test -c {node}")
        shell.check(f"echo {device} > {DRIVER}/unbind; echo > {DEVICE}/driver_override; "
                    f"echo {device} > /sys/bus/pci/drivers_probe; test ! -e {node}")
        for bind, taken in ((f"0000:00:05.0,{device}", True), ("0:0:4.0,0:0:5.0", True),
                            ("all", True), ("none", False),
                            ("0000:00:05.0", False), ("auto", False)):
            with self.subTest(bind=bind):
                shell.check(f"rmmod folio && insmod /lib/modules/folio.ko bind={bind} && "
                            f"test {'' if taken else '!'} -e {node}")
        for bind in "ALL", f"{device},", f"{device};0000:00:05.0", "04.0":
            with self.subTest(bind=bind):
                shell.check("! grep -q ^folio /proc/modules || rmmod folio; "
                            f"! insmod /lib/modules/folio.ko 'bind={bind}'")
        self.assertIn("allowed are auto, all, none, or PCI addresses", shell.check("dmesg"))

    def test_device_goes_away_under_traffic(self):
        """Unbound, then removed from the bus: the link goes down, and comes back with the device."""
        guest, _, inside, host = self.connected()
        shell = guest.shells[0]
        for away, back in (
                (f"echo 0000:00:04.0 > {DRIVER}/unbind", f"echo 0000:00:04.0 > {DRIVER}/bind"),
                (f"echo 1 > {DEVICE}/remove", "echo 1 > /sys/bus/pci/rescan")):
            shell.check(away)
            inside.wait_link(False)
            shell.check(back)
            inside.wait_link()
            host.wait_link()
            self.flow(inside, host)
        self.assertEqual(inside.quit(), 0)

    def test_bar_through_sysfs_goes_away_under_traffic(self):
        guest, _, inside, host = self.connected("folio.module=0")
        shell = guest.shells[0]
        shell.check(f"echo 1 > {DEVICE}/remove")
        inside.wait_link(False)
        shell.check("echo 1 > /sys/bus/pci/rescan")
        inside.wait_link()
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
