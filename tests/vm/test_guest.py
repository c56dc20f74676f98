# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""A guest and its host: traffic, restarts of every kind, and what the host can see of the guest."""

import json
import re
import time

import common
from common import PCI, REGION_MB
from test_verify import COUNTERS, Verify

REGION_MB_SMALL = 16


class GuestVerify:
    """The program that checks every byte, in the guest."""

    def __init__(self, shell, more="", app=""):
        self._shell = shell
        self._pid = shell.check(
            "cd /tmp; FOLIO_HUGE_DIR= /opt/folio/verify --lcores 0@0 --no-pci --no-telemetry --no-huge "
            f"-m 96 -d /opt/folio/librte_net_folio.so --vdev=net_folio0,{PCI}{more} -- {app} "
            "> /tmp/verify 2>&1 & echo $!").split()[-1]

    def counters(self):
        """Sent, received, bad, out of order; as last printed."""
        found = COUNTERS.findall(self._shell.run("tail -n 2 /tmp/verify")[1])
        return tuple(int(n) for n in found[-1]) if found else (0, 0, 0, 0)

    def wait_received(self, more_than):
        """Wait for traffic."""
        deadline = time.monotonic() + 120
        while self.counters()[1] <= more_than:
            if time.monotonic() > deadline:
                raise AssertionError("no traffic:\n" + self._shell.run("cat /tmp/verify")[1])
            time.sleep(0.1)

    def finish(self):
        """SIGTERM; returns the exit status and the last lines that were printed."""
        return self._shell.run(f"kill {self._pid}; wait {self._pid}; s=$?; tail -n 20 /tmp/verify; "
                               "(exit $s)")


class Contents(common.GuestCase):
    """Never a wrong byte between a guest and its host."""

    def converse(self, guest, path, more="", app=""):
        """Traffic both ways at once."""
        outside = Verify("host", path, more, app=app.split())
        try:
            inside = GuestVerify(guest.shells[1], more, app)
            inside.wait_received(5000)
            outside.wait_received(5000)
            status, text = inside.finish()
            self.assertEqual(status, 0, text)
            self.assertEqual(outside.finish(), 0, "".join(outside.text[-10:]))
            self.assertEqual(inside.counters()[2:], (0, 0))
            self.assertEqual(outside.counters[2:], (0, 0))
        finally:
            outside.end()

    def test_contents(self):
        """Plain frames; four queues; jumbo frames over many slots. With the module and without."""
        for module in 1, 0:
            with self.subTest(module=module):
                guest, (path,) = self.boot(append=f"folio.module={module}")
                self.converse(guest, path)
                self.converse(guest, path, ",queues=4,ring_size=256", "--queues 4 --max-len 9600")
                self.converse(guest, path, ",ring_size=64,slot_size=256", "--max-len 9600")
                guest.end()


class Lifecycle(common.GuestCase):
    """A guest and its host come and go as they like; the other one sees a link flap."""

    def start(self, guest, devargs=PCI):
        """testpmd in the guest, sending and receiving."""
        side = guest.testpmd(devargs).wait_prompt()
        side.wait_link()
        self.both_ways(side)
        return side

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
        receiver.wait_received(1000, timeout=60)
        sender.cmd("stop")
        second.kill()
        host.wait_link(False, port=1)
        self.assertTrue(host.link_is_up(0), "the other guest's link must not care")
        self.assertEqual(host.violations(0) + host.violations(1), 0)


class Isolation(common.GuestCase):
    """What the host's process has of the guest is the region, and nothing else."""

    def maps(self, pid):
        """What a process has mapped and can read: file, is it shared, first and last address."""
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
            for line in maps:
                span, mode, _, _, inode, *name = line.split(maxsplit=5)
                low, high = (int(n, 16) for n in span.split("-"))
                if mode[0] != "r":  # addresses that EAL keeps for later: many gigabytes of nothing
                    continue
                yield (name[0].strip() if inode != "0" and name else "", "s" in mode, low, high)

    def search(self, pid, token, wanted):
        """Names of the mappings of a process that hold the token; "" is anonymous memory."""
        found = set()
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for name, _, low, high in self.maps(pid):
                if wanted(name, high - low) and high < 1 << 63:  # the last page is the kernel's
                    for start in range(low, high, 1 << 24):
                        try:
                            memory.seek(start)
                            block = memory.read(min((1 << 24) + len(token), high - start))
                        except OSError:
                            break
                        if token in block:
                            found.add(name)
                            break
        return found

    def test_host_process_maps_the_region_only(self):
        guest, path, _, host = self.connected()

        shared_with = [name for name, shared, _, _ in self.maps(host.process.pid)
                       if shared and name == path]
        self.assertEqual(len(shared_with), 2, "the two halves of the region")
        ours = {name for name, shared, _, _ in self.maps(host.process.pid) if shared and name}
        theirs = {name for name, _, _, _ in self.maps(guest.process.pid) if name}
        self.assertEqual(ours & theirs, {path}, "what both processes have mapped")

        # The guest's memory is one anonymous, private mapping of QEMU's, of its whole size.
        ram = [high - low for name, shared, low, high in self.maps(guest.process.pid)
               if not name and not shared and high - low >= guest.memory << 20]
        self.assertTrue(ram, "no anonymous mapping of QEMU is as large as the guest's memory")

    def test_a_secret_of_the_guest_stays_there(self):
        """Bytes in the guest's memory are found in QEMU's anonymous memory, and nowhere else."""
        guest, path, inside, host = self.connected()
        # Made in the guest, so that the serial port's way in does not spread it.
        guest.shells[0].check("head -c 4096 /dev/urandom > /dev/shm/secret")
        token = bytes.fromhex(guest.shells[0].check("od -An -v -tx1 -N64 /dev/shm/secret")
                              .replace("\n", "").replace(" ", ""))
        self.flow(inside, host)
        self.assertEqual(self.search(guest.process.pid, token,
                                     lambda name, size: size >= guest.memory << 20), {""})
        self.assertEqual(self.search(host.process.pid, token,
                                     lambda name, _: not name.startswith("[v")), set())
        with open(path, "rb") as region:
            self.assertNotIn(token, region.read())


class Errors(common.GuestCase):
    """What can be wrong with a device says so, and leaves nothing behind."""

    def refused(self, guest, devargs, *says):
        """testpmd's port is not created; the log says why."""
        side = guest.testpmd(devargs)
        text = side.terminal.wait(side._start, lambda t: "testpmd> " in t or "Bye" in t or
                                  "No probed" in t, "testpmd to refuse", 120, side.report)
        side.quit()
        text = side.report()
        self.assertIn("No probed ethernet devices", text)
        for words in says:
            self.assertIn(words, re.sub(r"\s+", " ", text))

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


class Doctor(common.GuestCase):
    """folio-doctor in a guest, where all that it looks at is real."""

    COMMAND = "folio-doctor --json --role guest --plugin /opt/folio/librte_net_folio.so"

    def verdicts(self, guest, status):
        """Its lines by name; the exit status is as expected."""
        got, text = guest.shells[0].run(self.COMMAND)
        report = json.loads(text)
        self.assertEqual(got, status, text)
        self.assertEqual(report["can_run"], status == 0)
        return {line["check"]: (line["verdict"], line["text"]) for line in report["lines"]}

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


class Zeroing(common.GuestCase):
    """What is left in the file behind the region, seen from outside."""

    def content(self, path):
        """All of it."""
        with open(path, "rb") as region:
            return region.read()

    def run_and_kill(self, guest, devargs=PCI):
        """A testpmd that sends until it is full, and SIGKILL."""
        side = guest.testpmd(devargs).wait_prompt()
        host = self.host(self.regions[0].path)
        side.wait_link()
        side.cmd("set fwd txonly")
        side.cmd("start")
        host.cmd("set fwd rxonly")
        host.cmd("start")
        self.flow(host)
        guest.shells[0].check("kill -9 $(pidof dpdk-testpmd)")
        guest.shells[1].run("true")  # the shell has its port again: the owner is gone
        host.wait_link(False)
        self.assertEqual(host.quit(), 0)

    def test_module_zeroes_after_sigkill(self):
        guest, (path,) = self.boot()
        self.run_and_kill(guest)
        content = self.content(path)
        self.assertEqual(content.count(0), len(content))
        self.assertEqual(len(content), REGION_MB << 20)

    def test_next_guest_zeroes_without_the_module(self):
        guest, (path,) = self.boot(append="folio.module=0")
        self.run_and_kill(guest, PCI + ",ring_size=4096")
        content = self.content(path)
        self.assertNotEqual(content.count(0), len(content), "this is what the module is for")
        # A smaller geometry: what reached beyond it must go too.
        side = guest.testpmd(PCI + ",ring_size=64").wait_prompt()
        self.assertEqual(side.quit(), 0)
        content = self.content(path)
        self.assertEqual(content.count(0), len(content))


if __name__ == "__main__":
    common.main()
