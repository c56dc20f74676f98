# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""A guest and its host: traffic, restarts of every kind, and what the host can see of the guest."""

import common
from checks import Checks
from common import PCI

REGION_MB_SMALL = 16


class Contents(Checks):
    """Never a wrong byte between a guest and its host."""

    def test_contents(self):
        """Plain frames; four queues; jumbo frames over many slots. With the module and without."""
        for module in 1, 0:
            with self.subTest(module=module):
                guest, (path,) = self.boot(append=f"folio.module={module}")
                self.converse(guest, path)
                self.converse(guest, path, ",queues=4,ring_size=256", "--queues 4 --max-len 9600")
                self.converse(guest, path, ",ring_size=64,slot_size=256", "--max-len 9600")
                guest.end()


class Lifecycle(Checks):
    """A guest and its host come and go as they like; the other one sees a link flap."""

    def test_guest_is_reset_powered_off_and_killed(self):
        guest, (path,) = self.boot()
        host = self.host(path)
        self.both_ways(host)
        self.flow(self.start(guest), host)

        guest.reset()
        host.wait_link(False)
        guest.wait_boot()
        self.flow(self.start(guest), host)

        guest.shells[0].terminal.write("poweroff -f\n")
        host.wait_link(False)
        guest.wait_end()
        guest = self.boot_with([path])
        self.flow(self.start(guest), host)

        guest.power_off()
        host.wait_link(False)
        guest = self.boot_with([path])
        self.flow(self.start(guest), host)

        guest.kill()
        host.wait_link(False)
        guest = self.boot_with([path], append="folio.module=0")
        self.flow(self.start(guest), host)
        self.assertEqual(host.violations(), 0)

    def test_host_is_killed(self):
        guest, (path,) = self.boot()
        inside = guest.testpmd(PCI).wait_prompt()
        self.both_ways(inside)
        for _ in range(3):
            host = self.host(path)
            inside.wait_link()
            host.wait_link()
            self.both_ways(host)
            self.flow(inside, host)
            host.kill()
            inside.wait_link(False)
        self.assertEqual(inside.violations(), 0)
        self.assertEqual(inside.quit(), 0)

    def test_two_guests_on_one_host(self):
        """One sends, the host forwards, the other receives; and each has its own region only."""
        paths = [self.region(), self.region()]
        first, second = (self.boot_with([path]) for path in paths)
        host = self.host(*paths)
        host.cmd("set fwd io")
        host.cmd("start")
        sender, receiver = (g.testpmd(PCI).wait_prompt() for g in (first, second))
        receiver.cmd("set fwd rxonly")
        receiver.cmd("start")
        for port in 0, 1:
            host.wait_link(port=port)
        sender.cmd("set fwd txonly")
        sender.cmd("start")
        receiver.wait_received(1000)
        sender.cmd("stop")
        second.kill()
        host.wait_link(False, port=1)
        self.assertTrue(host.link_is_up(0), "the other guest's link must not care")
        self.assertEqual(host.violations(0) + host.violations(1), 0)


class Isolation(Checks):
    """What the host's process has of the guest is the region, and nothing else."""

    def test_host_process_maps_the_region_only(self):
        guest, path, _, host = self.connected()
        self.check_maps(guest, path, host)

    def test_a_secret_of_the_guest_stays_there(self):
        """Bytes in the guest's memory are found in QEMU's anonymous memory, and nowhere else."""
        guest, path, inside, host = self.connected()
        self.check_secret(guest, path, inside, host)


class Errors(Checks):
    """What can be wrong with a device says so, and leaves nothing behind."""

    def test_without_the_module(self):
        guest, _ = self.boot(REGION_MB_SMALL, 2, append="folio.module=0")
        self.refused(guest, "path=/dev/folio0", "load the folio kernel module")
        self.refused(guest, "pci=0000:00:1f.2", "is a device 8086:2922: allowed is an ivshmem")
        self.refused(guest, "pci=0000:00:1e.0", "no such PCI device")
        self.refused(guest, "pci=0000:00:05.0", "region too small: the BAR of pci=0000:00:05.0 has "
                     "2097152 bytes", "size=16M")
        # The device is good, so it works, and says how.
        side = guest.testpmd(PCI).wait_prompt()
        self.assertIn("resource2_wc", side.report())
        self.assertIn("write-combining", side.report())
        self.assertEqual(guest.shells[0].run("/usr/bin/dpdk-testpmd --no-huge -m 64 --no-pci "
                                             "--file-prefix=b -d /opt/folio/librte_net_folio.so "
                                             f"--vdev=net_folio0,{PCI} -- --help 2>&1 | "
                                             "grep 'role=guest is taken'")[0], 0)
        self.assertEqual(side.quit(), 0)
        # As with Secure Boot: from now on the kernel does not give BARs away.
        guest.shells[0].check("echo integrity > /sys/kernel/security/lockdown")
        self.refused(guest, PCI, "locked down (none [integrity] confidentiality)",
                     "load the signed folio kernel module")
        self.assertNotEqual(guest.shells[0].run("insmod /lib/modules/folio.ko")[0], 0)

    def test_with_the_module(self):
        guest, _ = self.boot(REGION_MB_SMALL, 2)
        shell = guest.shells[0]
        self.refused(guest, "pci=0000:00:05.0", "has 2097152 bytes")
        self.refused(guest, "path=/dev/folio1", "has 2097152 bytes")
        self.refused(guest, "path=/dev/folio7", "load the folio kernel module")
        self.refused(guest, "path=/dev/null", "nor a device of the folio kernel module")
        self.refused(guest, "path=/dev/folio_alloc,role=host", "allowed with it is role=guest")
        limit = "/sys/module/folio/parameters/max_alloc"
        before = shell.check(f"cat {limit}; echo 1 > {limit}").strip()
        self.refused(guest, "path=/dev/folio_alloc", "RLIMIT_MEMLOCK", "max_alloc and min_chunk")
        shell.check(f"echo {before} > {limit}")
        side = guest.testpmd(PCI).wait_prompt()
        self.assertIn("through the kernel module", side.report())
        self.assertNotEqual(shell.run("(exec 3<> /dev/folio0)")[0], 0)
        self.assertNotEqual(shell.run("rmmod folio")[0], 0)
        self.assertEqual(side.quit(), 0)
        shell.check("echo integrity > /sys/kernel/security/lockdown")
        side = guest.testpmd(PCI).wait_prompt()  # the module may
        self.assertEqual(side.quit(), 0)
        side = guest.testpmd("path=/dev/folio_alloc").wait_prompt()
        self.assertIn("shared by the kernel module", side.report())
        self.assertEqual(side.quit(), 0)


class Doctor(Checks):
    """folio-doctor in a guest, where all that it looks at is real."""

    def test_doctor(self):
        guest, (path,) = self.boot(REGION_MB_SMALL, append="folio.huge=40")
        with open(path, "r+b") as region:
            region.write(b"a host's header")
        lines = self.verdicts(guest, 0)
        with open(path, "rb") as region:
            self.assertEqual(region.read(15), b"a host's header", "a look owns nothing")
        self.assertIn("QEMU TCG", lines["kind"][1])
        self.assertEqual(lines["folio.ko"][0], "ok")
        self.assertIn("uncached", lines["/dev/folio0"][1])
        guest.shells[0].check("exec 9<> /dev/folio0")
        self.assertIn("16 MiB", self.verdicts(guest, 0)["/dev/folio0"][1])
        guest.shells[0].check("exec 9>&-")
        self.assertEqual(lines["plugin"][0], "ok", lines["plugin"])
        guest.shells[0].check("rmmod folio")
        self.assertIn("16 MiB", self.verdicts(guest, 0)["0000:00:04.0"][1])
        guest.shells[0].check("echo integrity > /sys/kernel/security/lockdown")
        self.assertEqual(self.verdicts(guest, 1)["folio.ko"][0], "fail")


class Zeroing(Checks):
    """What is left in the file behind the region, seen from outside."""

    def test_module_zeroes_after_sigkill(self):
        guest, (path,) = self.boot()
        self.check_module_zeroes(guest, path)

    def test_next_guest_zeroes_without_the_module(self):
        guest, (path,) = self.boot(append="folio.module=0")
        self.check_next_zeroes(guest, path)


if __name__ == "__main__":
    common.main()
