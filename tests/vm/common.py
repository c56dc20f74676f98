# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""What the tests in a guest share: booting one, a host's testpmd beside it, and cleaning up."""

import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../scripts"))
sys.path.insert(0, os.path.join(HERE, "../system"))

from guest import Guest  # noqa: E402
from testpmd import Failure, RegionFile, Testpmd  # noqa: E402

REGION_MB = 32
# Where guest.py puts the first device.
PCI = "pci=0000:00:04.0"
# Debian's cloud kernel has neither KASAN nor page poisoning. This finds overruns and uses after free
# in slabs, and pages that are used after they were freed read as zeroes.
DEBUG = "slub_debug=FZPU init_on_free=1 init_on_alloc=1"
TROUBLE = re.compile(r"WARNING:|\bBUG\b|Oops|general protection|Call Trace|Redzone|Poison|Object already free|"
                     r"refcount_t|list_(add|del) corruption|unable to handle|stuck for|hung_task")


def image():
    """Kernel and initramfs of the test guest."""
    folder = os.environ["FOLIO_GUEST"]
    return os.path.join(folder, "vmlinuz"), os.path.join(folder, "initrd")


class GuestCase(unittest.TestCase):
    """Tests with guests and testpmds; all are gone at the end, and no kernel complained."""

    longMessage = True

    def setUp(self):
        self.guests = []
        self.hosts = []
        self.regions = []

    def tearDown(self):
        # A failure must not keep the rest from being cleaned up.
        trouble = [t for g in self.guests for t in self.kernel_trouble(g)]
        self.end_all()
        self.assertEqual(trouble, [], "the guest's kernel complained")

    def end_all(self):
        """Whatever state it is in."""
        for one in self.guests + self.hosts:
            one.end()
        for region in self.regions:
            region.remove()

    @staticmethod
    def kernel_trouble(guest):
        """Lines of the kernel's log that nobody wants to see."""
        text = guest.console()
        if guest.process is not None and guest.process.poll() is None and guest.shells:
            text += guest.shells[0].run("dmesg")[1]
        return [line for line in text.splitlines() if TROUBLE.search(line)]

    def region(self):
        """A path for a region file."""
        self.regions.append(RegionFile())
        return self.regions[-1].path

    def boot(self, *sizes, append="", **kwargs):
        """A guest with a region of each size (in MiB); returns it and the paths."""
        paths = [self.region() for _ in sizes or (REGION_MB,)]
        return self.boot_with(paths, sizes or (REGION_MB,), append, **kwargs), paths

    def boot_with(self, paths, sizes=(REGION_MB,), append="", **kwargs):
        """A guest with regions that are there already, or not."""
        guest = Guest(*image(), list(zip(paths, sizes)), append=f"{DEBUG} {append}", **kwargs)
        self.guests.append(guest)
        return guest.boot()

    def host(self, *paths, more="", **kwargs):
        """A testpmd outside, with a port for each region."""
        vdevs = [f"net_folio{n},role=host,path={path}{more}" for n, path in enumerate(paths)]
        self.hosts.append(Testpmd(vdevs, 1, **kwargs))
        return self.hosts[-1].wait_prompt()

    def connected(self, append=""):
        """A guest and its host, each a testpmd that sends and receives."""
        guest, (path,) = self.boot(append=append)
        host = self.host(path)
        inside = guest.testpmd(PCI).wait_prompt()
        inside.wait_link()
        self.both_ways(inside, host)
        self.flow(inside, host)
        return guest, path, inside, host

    def flow(self, *sides):
        """Each receives something new."""
        for side in sides:
            side.wait_received(side.stats()["RX-packets"] + 100)

    def both_ways(self, *sides):
        """Start forwarding that sends and receives at once."""
        for side in sides:
            side.cmd("set fwd flowgen")
            side.cmd("start")


class SharedGuest(GuestCase):
    """Tests that take turns in one guest, as an emulated one is slow to boot. One that was ended is
    booted anew for who comes next."""

    sizes = (REGION_MB,)
    append = ""
    shared = []     # of the class: the guest and the paths of its regions

    def __init_subclass__(cls):
        cls.shared = []

    def setUp(self):
        super().setUp()
        if self.shared and self.shared[0].process.poll() is not None:
            self.tearDownClass()
        if not self.shared:
            try:
                self.shared += self.boot(*self.sizes, append=self.append)[0], self.regions
            except Failure:
                self.end_all()
                raise
            self.guests, self.regions = [], []
        self.guest, self.path = self.shared[0], self.shared[1][0].path

    def tearDown(self):
        trouble = []
        try:
            if self.guest.process.poll() is None:
                shell = self.guest.shells[0]
                shell.run("kill -9 $(pidof dpdk-testpmd verify) 2>/dev/null")
                self.guest.shells[1].run("true")    # it has its port again
                trouble = self.kernel_trouble(self.guest)
        except Failure:
            self.guest.end()    # it does not answer: whoever comes next boots another one
            raise
        finally:
            super().tearDown()
        self.assertEqual(trouble, [], "the guest's kernel complained")

    @classmethod
    def tearDownClass(cls):
        if cls.shared:
            guest, regions = cls.shared
            guest.end()
            for region in regions:
                region.remove()
            cls.shared.clear()


def main():
    """Run the tests of the calling file, a line each."""
    if not os.path.exists(image()[1]):
        print("no guest image: ./run test makes it", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)
