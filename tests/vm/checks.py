# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""What the tests of guests look at, in whichever guest: contents, isolation, errors, zeroes."""

import json
import re
import time

import common
from common import PCI, REGION_MB
from verifier import COUNTERS, Verify


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
        deadline = time.monotonic() + 600
        while self.counters()[1] <= more_than:
            if time.monotonic() > deadline:
                raise AssertionError("no traffic:\n" + self._shell.run("cat /tmp/verify")[1])
            time.sleep(0.1)

    def finish(self):
        """SIGTERM; returns the exit status and the last lines that were printed."""
        return self._shell.run(f"kill {self._pid}; wait {self._pid}; s=$?; tail -n 20 /tmp/verify; "
                               "(exit $s)")


class Checks(common.GuestCase):
    """Each takes a guest that has booted."""

    def converse(self, guest, path, more="", app=""):
        """Traffic both ways at once."""
        outside = Verify(f"net_folio0,role=host,path={path}{more}", 1, app=app.split())
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

    def start(self, guest, devargs=PCI):
        """testpmd in the guest, sending and receiving."""
        side = guest.testpmd(devargs).wait_prompt()
        side.wait_link()
        self.both_ways(side)
        return side

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

    def check_maps(self, guest, path, host):
        """The region is all that the guest's and the host's process share."""
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

    def check_secret(self, guest, path, inside, host):
        """Bytes in the guest's memory are found in QEMU's anonymous memory, and nowhere else."""
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

    def refused(self, guest, devargs, *says):
        """testpmd's port is not created; the log says why."""
        side = guest.testpmd(devargs)
        text = side.terminal.wait(side._start, lambda t: "testpmd> " in t or "Bye" in t or
                                  "No probed" in t, "testpmd to refuse", 600, side.report)
        side.quit()
        text = side.report()
        self.assertIn("No probed ethernet devices", text)
        for words in says:
            self.assertIn(words, re.sub(r"\s+", " ", text))

    COMMAND = "folio-doctor --json --role guest --plugin /opt/folio/librte_net_folio.so"

    def verdicts(self, guest, status):
        """Its lines by name; the exit status is as expected."""
        got, text = guest.shells[0].run(self.COMMAND)
        report = json.loads(text)
        self.assertEqual(got, status, text)
        self.assertEqual(report["can_run"], status == 0)
        return {line["check"]: (line["verdict"], line["text"]) for line in report["lines"]}

    def content(self, path):
        """All of it."""
        with open(path, "rb") as region:
            return region.read()

    def run_and_kill(self, guest, path, devargs=PCI):
        """A testpmd that sends until it is full, and SIGKILL."""
        side = guest.testpmd(devargs).wait_prompt()
        host = self.host(path)
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

    def check_module_zeroes(self, guest, path):
        """After SIGKILL nothing is left in the region."""
        self.run_and_kill(guest, path)
        content = self.content(path)
        self.assertEqual(content.count(0), len(content))
        self.assertEqual(len(content), REGION_MB << 20)

    def check_next_zeroes(self, guest, path):
        """Without the module: what SIGKILL left, the next owner zeroes."""
        self.run_and_kill(guest, path, PCI + ",ring_size=4096")
        content = self.content(path)
        self.assertNotEqual(content.count(0), len(content), "this is what the module is for")
        # A smaller geometry: what reached beyond it must go too.
        side = guest.testpmd(PCI + ",ring_size=64").wait_prompt()
        self.assertEqual(side.quit(), 0)
        content = self.content(path)
        self.assertEqual(content.count(0), len(content))
