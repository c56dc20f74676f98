# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Programs of others on folio ports, and a peer that replays packets into them.

The program is the guest. Outside is a testpmd with a folio port and a capture port (net_pcap) for
each of the program's ports: what a test wrote into a capture goes in, what comes out is in another.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts"))

try:
    from scapy.utils import PcapReader, wrpcap  # noqa: E402
except ImportError:
    print("skipped: python3-scapy is missing")
    sys.exit(77)
from testpmd import (PATIENCE, ProcessTerminal, RegionFile, Testpmd, memory_args,  # noqa: E402
                     plugin_path, remove_runtime)

EXAMPLES = os.environ.get("FOLIO_EXAMPLES", "")


class Program:
    """A DPDK program that is not testpmd."""

    _serial = 0

    def __init__(self, args, vdevs, app_args=(), lcores="0@0", memory=None, prefix=None):
        """args: the program and what comes first. vdevs: its ports. memory: EAL arguments."""
        Program._serial += 1
        self.prefix = prefix or f"folio-app-{os.getpid()}-{Program._serial}"
        self.args = [*args, "--lcores", lcores, "--no-pci", "--no-telemetry",
                     "--file-prefix", self.prefix, *(memory or memory_args(1024)),
                     "-d", plugin_path()]
        for vdev in vdevs:
            self.args += ["--vdev", vdev]
        self.args += ["--", *app_args]
        self.terminal = ProcessTerminal(self.args, dict(os.environ, LD_LIBRARY_PATH=EXAMPLES),
                                        group=0)
        self.process = self.terminal.process

    def report(self):
        """For the reader of a failure."""
        return f"{' '.join(self.args)}\n{self.terminal.text()[-3000:]}\n" \
               f"--- log:\n{self.terminal.log[-3000:]}"

    def said(self):
        """All that it printed so far, wherever."""
        return self.terminal.text() + self.terminal.log

    def wait(self, words, timeout=PATIENCE):
        """Wait until it says so."""
        deadline = time.monotonic() + timeout
        while words not in self.said():
            if self.process.poll() is not None:
                raise AssertionError(f"ended waiting for '{words}':\n{self.report()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"timed out waiting for '{words}':\n{self.report()}")
            time.sleep(0.05)
        return self

    def interrupt(self, timeout=PATIENCE):
        """Ctrl-C; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.terminal.wait_end(timeout)

    def end(self):
        """Make sure that it is gone."""
        if self.process.poll() is None:
            self.process.kill()
            self.terminal.wait_end(PATIENCE)
        remove_runtime(self.prefix)


class Peer(Testpmd):
    """What is outside: port 2n is folio's, port 2n + 1 the captures of it."""

    def __init__(self, regions, folder, packets, queues=1):
        """packets: for each region, what is sent into it, by the first queue."""
        vdevs = []
        self.outputs = []
        empty = os.path.join(folder, "empty.pcap")
        wrpcap(empty, [], linktype=1)
        for i, (region, burst) in enumerate(zip(regions, packets)):
            came_in = os.path.join(folder, f"{i}-in.pcap")
            wrpcap(came_in, burst, linktype=1)
            outputs = [os.path.join(folder, f"{i}-{queue}-out.pcap") for queue in range(queues)]
            captures = [f"rx_pcap={came_in if queue == 0 else empty},tx_pcap={output}"
                        for queue, output in enumerate(outputs)]
            vdevs += [f"net_folio{i},role=host,path={region.path},queues={queues}",
                      f"net_pcap{i},{','.join(captures)}"]
            self.outputs.append(outputs)
        super().__init__(vdevs, 1, app_args=["--max-pkt-len=9022", "--mbuf-size=9472",
                                             "--no-flush-rx", f"--rxq={queues}",
                                             f"--txq={queues}", "--disable-rss"], memory=512)

    def replay(self, expected, settle=0.5):
        """Forward until so many packets came out of all ports, and nothing follows them."""
        for port in range(0, 2 * len(self.outputs), 2):
            self.wait_link(port=port)
        self.cmd("set fwd io")
        self.cmd("start")
        deadline = time.monotonic() + PATIENCE
        since, before = time.monotonic(), None
        while True:
            now = [self.stats(port)["RX-packets"] for port in range(0, 2 * len(self.outputs), 2)]
            if now != before:
                since, before = time.monotonic(), now
            if sum(now) >= expected and time.monotonic() > since + settle:
                break
            if time.monotonic() > deadline:
                break       # whoever looks at the packets sees what is missing
            time.sleep(0.05)
        self.cmd("stop")
        self.cmd("port stop all")       # writes the captures down
        return [[packet for path in paths for packet in read(path)] for paths in self.outputs]


def read(path):
    """The packets of a capture."""
    with PcapReader(path) as reader:
        return list(reader)


class AppCase(unittest.TestCase):
    """Regions, a folder for captures, and processes that are gone at the end."""

    longMessage = True
    maxDiff = 2000

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="folio-apps-")
        self.regions = []
        self.processes = []

    def tearDown(self):
        for process in reversed(self.processes):
            process.end()
        for region in self.regions:
            region.remove()
        shutil.rmtree(self.folder)

    def example(self, name):
        """One of DPDK's examples, as scripts/dpdk-examples built it."""
        path = os.path.join(EXAMPLES, name)
        if not os.path.exists(path):
            self.skipTest(f"{name} is not built: scripts/dpdk-examples makes it")
        return path

    def ports(self, count, more=""):
        """vdev arguments of so many guest ports, each on a region of its own."""
        vdevs = []
        for i in range(count):
            self.regions.append(RegionFile())
            vdevs.append(f"net_folio{i},role=guest,path={self.regions[-1].path}{more}")
        return vdevs

    def run_program(self, *args, **kwargs):
        """Start one; it is gone when the test ends."""
        program = Program(*args, **kwargs)
        self.processes.append(program)
        return program

    def peer(self, packets, queues=1):
        """Start what is outside of the ports."""
        peer = Peer(self.regions, self.folder, packets, queues)
        self.processes.append(peer)
        return peer.wait_prompt()

    def through(self, program, packets, expected, queues=1):
        """Send packets into each port of a running program; returns what came out of each."""
        peer = self.peer(packets, queues)
        out = peer.replay(expected)
        if sum(len(o) for o in out) != expected:
            raise AssertionError(f"{[len(o) for o in out]} packets came out, expected {expected}:\n"
                                 f"{program.report()}\n--- peer:\n{peer.report()}")
        return out


def tool(*args, timeout=PATIENCE):
    """Run a tool to its end; returns what it printed."""
    done = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=timeout, check=False)
    return done.returncode, done.stdout + done.stderr


def main():
    """Run the tests of the calling file, a line each."""
    unittest.main(verbosity=2)
