# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Two processes with folio on Debian's Open vSwitch with DPDK, which knows nothing of folio.

usage: test_ovs.py BUILD

kernel - net_tap - testpmd - net_folio - Open vSwitch - net_folio - folio-echo
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = os.path.abspath(sys.argv.pop(1))
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, os.path.join(ROOT, "scripts"))

from ovs import Switch  # noqa: E402
from testpmd import Testpmd, plugin_path, remove_runtime  # noqa: E402

UNPACKED = os.path.join(BUILD, "ovs")
TAP = "folio0"
TAP_ADDRESS = "10.213.2.1/24"
ECHO_ADDRESS = "10.213.2.2"
DEADLINE = 120  # seconds for what is waited for: the machine may be busy


@unittest.skipUnless(os.path.exists(UNPACKED), "no build/ovs: scripts/ovs-unpack has it")
@unittest.skipUnless(os.access("/dev/net/tun", os.R_OK | os.W_OK), "no TAP interfaces")
class OvsTest(unittest.TestCase):
    """A switch with two ports, a kernel's interface at one, an address that answers at the other."""

    def setUp(self):
        self.prefix = f"folio-ovs-echo-{os.getpid()}"
        self.switch = Switch(UNPACKED, 2)
        self.addCleanup(self.switch.end)
        self.switch.start()
        self.start_echo()
        self.tap = Testpmd([f"net_tap0,iface={TAP}",
                            f"net_folio0,vhost_user={self.switch.sockets[0]},server=1"],
                           namespace=self.switch.namespace)
        self.addCleanup(self.tap.end)
        self.tap.wait_prompt()
        self.tap.wait_link(port=1, timeout=DEADLINE)
        self.ip("addr", "add", TAP_ADDRESS, "dev", TAP)
        self.ip("link", "set", TAP, "up")
        self.tap.cmd("start")

    def start_echo(self):
        """folio-echo, at the second port."""
        self.log = tempfile.TemporaryFile("w+")
        self.addCleanup(self.log.close)
        cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        self.echo = subprocess.Popen(
            [os.path.join(BUILD, "examples/folio-echo"), "--lcores", f"0@({cpus})", "--no-pci",
             "--no-huge", "-m", "128", "--no-shconf", "--file-prefix", self.prefix,
             "-d", plugin_path(), f"--vdev=net_folio0,vhost_user={self.switch.sockets[1]},server=1",
             "--", "--ip", ECHO_ADDRESS], stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log)
        self.addCleanup(remove_runtime, self.prefix)
        self.addCleanup(self.echo.wait)
        self.addCleanup(self.echo.kill)

    def ip(self, *args):
        """In the switch's namespace."""
        subprocess.run(["ip", "-n", self.switch.namespace, *args], check=True)

    def ping(self, count, size):
        """The exit status and what ping says."""
        done = subprocess.run(["ip", "netns", "exec", self.switch.namespace, "ping", "-n", "-c",
                               str(count), "-i", "0.2", "-W", "20", "-s", str(size), "-M", "do",
                               ECHO_ADDRESS], text=True, capture_output=True, check=False)
        return done.returncode, done.stdout

    def wait_ping(self):
        """Until one is answered."""
        deadline = time.monotonic() + DEADLINE
        while self.ping(1, 56)[0] != 0:
            self.log.seek(0)
            self.assertLess(time.monotonic(), deadline, self.log.read() + self.tap.report())

    def check_pings(self):
        """None is lost or changed."""
        for size in 0, 1472:
            status, text = self.ping(10, size)
            self.assertEqual(status, 0, text)
            self.assertIn("10 packets transmitted, 10 received", text)
            self.assertIsNone(re.search("BAD|DUP|wrong", text), text)

    def check_isolation(self):
        """What the switch has of either is the port's memory."""
        for port in 0, 1:
            table = self.switch.memory_table(port)
            self.assertEqual(len(table), 1, table)
            self.assertIn("memfd:folio", table[0].file)

    def test_ping(self):
        """And again behind a switch that was killed."""
        self.wait_ping()
        self.check_pings()
        self.check_isolation()
        self.switch.kill_and_restart()
        self.wait_ping()
        self.check_pings()
        self.check_isolation()
        self.assertEqual(self.tap.violations(1), 0)


if __name__ == "__main__":
    if shutil.which("ip") is None or os.geteuid() != 0:
        print("skipped: it needs iproute2 and root")
        sys.exit(77)
    unittest.main(verbosity=2)
