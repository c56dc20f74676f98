# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Regions of a guest: ivshmem devices, the kernel module, lockdown."""

import os
import shutil
import unittest

from common import DoctorCase
from machine import DEVICE, MIB


class GuestTest(DoctorCase):
    """Lines that concern the guest."""

    def setUp(self):
        super().setUp()
        self.machine.virtual()

    def guest(self):
        """The report on the guest."""
        return self.examine("--role", "guest")

    def test_lockdown_without_the_module(self):
        self.machine.snp().ivshmem().lockdown()
        report = self.examine()
        self.assertEqual(report["roles"], ["guest"])
        self.check(report, "lockdown", "warn",
                   "integrity: no PCI device can be mapped through sysfs", "mokutil --import")
        self.check(report, "secure-boot", "warn", "Secure Boot is on; the kernel takes signed "
                   "modules", "mok.pub")
        self.check(report, "folio.ko", "fail", "not installed; with lockdown nothing else gives "
                   "access", "build, install, sign and load it")
        self.check(report, "0000:00:04.0", "fail", "lockdown forbids to map it", "signed")
        self.check(report, "guest", "fail", "folio cannot run here as guest: there is no region")
        self.assertFalse(report["can_run"])

    def test_lockdown_of_a_plain_machine(self):
        self.machine.ivshmem().lockdown("confidentiality")
        report = self.examine()
        self.check(report, "lockdown", "warn", "confidentiality: no PCI device")
        self.check(report, "guest", "fail", "there is no region that it can use")
        self.assertTrue(report["can_run"], "it still can be a host")
        self.assertFalse(self.guest()["can_run"])

    def test_lockdown_with_the_module(self):
        self.machine.module().lockdown()
        report = self.guest()
        self.check(report, "lockdown", "ok", "the kernel module can")
        self.check(report, "secure-boot", "ok", "Secure Boot is on; the kernel takes signed")
        self.check(report, "guest", "ok", "path=/dev/folio0")

    def test_lockdown_is_unknown(self):
        self.machine.ivshmem().drop("/sys/kernel/security/lockdown")
        self.check(self.guest(), "lockdown", "ok", "unknown: there is no /sys/kernel/security/")
        self.machine.put("/sys/kernel/security/lockdown", "something else")
        self.check(self.guest(), "lockdown", "ok", 'lockdown says "something else"')
        self.check(self.guest(), "guest", "warn", "pci=0000:00:04.0")

    def test_signatures(self):
        self.machine.ivshmem()
        self.check(self.guest(), "secure-boot", "ok", "Secure Boot is off; the kernel takes any")
        self.machine.put("/sys/module/module/parameters/sig_enforce", "Y")
        self.check(self.guest(), "secure-boot", "warn", "the kernel takes signed modules")

    def test_bar_too_small(self):
        self.machine.ivshmem(size=8 * MIB)
        report = self.guest()
        facts = self.check(report, "0000:00:04.0", "fail", "BAR2 8 MiB at 0x380000000000 (above 4 "
                           "GiB), too small: the default geometry needs 12 MiB", "backend of 16M")
        self.assertFalse(facts["fits"])
        self.check(report, "guest", "fail", "there is no region")

    def test_bar_of_exactly_the_size(self):
        self.machine.ivshmem(size=12 * MIB)
        self.check(self.guest(), "guest", "warn", "pci=0000:00:04.0")

    def test_bar_without_address(self):
        self.machine.ivshmem(address=0)
        self.check(self.guest(), "0000:00:04.0", "fail", "BAR2 has no address", "pci=realloc")

    def test_bar_below_4_gib(self):
        self.machine.ivshmem(address=0xC0000000)
        facts = self.check(self.guest(), "0000:00:04.0", "warn", "at 0xc0000000 (below 4 GiB)")
        self.assertFalse(facts["above_4g"])

    def test_held_by_another_driver(self):
        for driver in ("vfio-pci", "uio_pci_generic"):
            self.machine.ivshmem(driver=driver)
            report = self.guest()
            self.check(report, "0000:00:04.0", "fail", f"held by the driver {driver}",
                       "echo 0000:00:04.0 > /sys/bus/pci/devices/0000:00:04.0/driver/unbind")
            self.check(report, "guest", "fail", "there is no region")
            os.remove(self.machine.path(f"{DEVICE}/driver"))

    def test_device_switched_off(self):
        self.machine.ivshmem(enable=0)
        self.check(self.guest(), "0000:00:04.0", "warn", "switched off",
                   "echo 1 > /sys/bus/pci/devices/0000:00:04.0/enable")
        self.machine.put(f"{DEVICE}/config", b"\xf4\x1a\x10\x11\x02\x00" + bytes(58))
        facts = self.check(self.guest(), "0000:00:04.0", "warn", "through sysfs")
        self.assertTrue(facts["decodes"])

    def test_device_uncached(self):
        self.machine.ivshmem().drop(f"{DEVICE}/resource2_wc")
        self.check(self.guest(), "0000:00:04.0", "warn", "through sysfs, uncached", "slow")

    def test_device_cannot_be_mapped(self):
        self.machine.ivshmem().drop(f"{DEVICE}/resource2")
        self.machine.folder(f"{DEVICE}/resource2")
        report = self.guest()
        self.check(report, "0000:00:04.0", "fail", "resource2 cannot be mapped: Is a directory",
                   "iomem=strict")
        self.check(report, "guest", "fail", "there is no region")

    def test_other_devices_do_not_count(self):
        self.machine.ivshmem().put(f"{DEVICE}/device", "0x1041")
        self.check(self.guest(), "ivshmem", "fail", "no such device (PCI 1af4:1110)",
                   "size=16M -device ivshmem-plain")

    def test_many_devices(self):
        self.machine.ivshmem()
        for i in range(40):
            shutil.copytree(self.machine.path(DEVICE),
                            self.machine.path(f"/sys/bus/pci/devices/0000:01:{i:02x}.0"))
            self.machine.info(f"folio{i}")
        report = self.guest()
        self.assertEqual(len([n for n in report["by_name"] if n.startswith("0000:")]), 16)
        self.assertEqual(len([n for n in report["by_name"] if n.startswith("/dev/folio")]), 16)

    def test_module_not_loaded(self):
        self.machine.ivshmem()
        self.check(self.guest(), "folio.ko", "warn", "not installed; without it a region is "
                   "uncached and slow", "build, install and load it")
        release = "/lib/modules/6.8.0-31-generic"
        self.machine.put(f"{release}/extra/folio.ko.xz", "")
        self.check(self.guest(), "folio.ko", "warn", "installed (extra/folio.ko.xz), not loaded",
                   "modprobe folio")
        self.machine.put(f"{release}/modules.dep", "kernel/a.ko:\nupdates/dkms/folio.ko.zst: x\n")
        self.check(self.guest(), "folio.ko", "warn", "installed (updates/dkms/folio.ko.zst)")
        self.machine.lockdown()
        self.check(self.guest(), "folio.ko", "fail", "not loaded", "it has to be signed")

    def test_module_without_version(self):
        self.machine.module().drop("/sys/module/folio/version")
        self.machine.folder("/sys/module/folio")
        self.check(self.guest(), "folio.ko", "ok", "loaded, version unknown")

    def test_caching_of_a_node(self):
        for caching, name in ((0, "unknown"), (2, "write-combining"), (3, "uncached")):
            self.machine.info("folio0", caching=caching)
            report = self.guest()
            facts = self.check(report, "/dev/folio0", "warn", f"16 MiB, caching {name}",
                               "/proc/mtrr")
            self.assertEqual(facts["caching"], name)
            self.check(report, "guest", "warn", "path=/dev/folio0")

    def test_nodes_that_will_not_do(self):
        self.machine.info("folio0", size=4 * MIB)
        report = self.guest()
        self.check(report, "/dev/folio0", "fail", "4 MiB, caching write-back; the default geometry "
                   "needs 12 MiB", "a larger region")
        self.check(report, "guest", "fail", "there is no region")
        self.machine.snp().info("folio0")
        self.check(self.guest(), "/dev/folio0", "fail", "not decrypted, although this machine is "
                   "confidential", "ciphertext")
        self.machine.virtual()

    def test_second_node_will_do(self):
        self.machine.info("folio0", size=4 * MIB)
        self.machine.info("folio1")
        self.machine.put("/dev/foliox", "")
        report = self.guest()
        self.check(report, "guest", "warn", "path=/dev/folio1")
        self.assertNotIn("/dev/foliox", report["by_name"])

    def test_node_in_use(self):
        self.machine.info("folio0")
        self.machine.answers["info folio0"] = "errno 16"
        report = self.guest()
        facts = self.check(report, "/dev/folio0", "ok", "in use: its owner alone may ask about it")
        self.assertTrue(facts["busy"])
        self.check(report, "guest", "warn", "path=/dev/folio0")

    def test_node_without_permission(self):
        self.machine.info("folio0")
        self.machine.answers["info folio0"] = "errno 13"
        report = self.guest()
        self.check(report, "/dev/folio0", "warn", "no permission to open it", "udev")
        self.check(report, "guest", "fail", "there is no region")

    def test_node_of_something_else(self):
        self.machine.info("folio0")
        self.machine.answers["info folio0"] = "errno 25"
        self.check(self.guest(), "/dev/folio0", "warn", "does not answer as folio's: "
                   "Inappropriate ioctl", "dmesg")

    def test_node_of_another_version(self):
        self.machine.info("folio0", version=2)
        self.check(self.guest(), "/dev/folio0", "warn", "speaks version 2 of its interface, not 1",
                   "from the same folio")

    def test_shared_memory_of_its_own(self):
        self.machine.put("/dev/folio_alloc", "")
        report = self.guest()
        self.check(report, "/dev/folio_alloc", "ok", "it is no region of its host's")
        self.check(report, "guest", "fail", "there is no region")


if __name__ == "__main__":
    unittest.main(verbosity=2)
