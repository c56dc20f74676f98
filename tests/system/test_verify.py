# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Two processes that check every byte they receive, on every queue, also across SIGKILL."""

import os
import re
import signal
import subprocess
import threading
import time
import unittest

import common
from testpmd import RegionFile, memory_args, plugin_path, remove_runtime

KILLS = 20 if os.environ.get("FOLIO_TEST_ALL") else 4
COUNTERS = re.compile(r"sent (\d+) received (\d+) bad (\d+) order (\d+)")


class Verify:
    """One side of the conversation."""

    _serial = 0

    def __init__(self, role, region, more="", eal=(), app=()):
        Verify._serial += 1
        cpu = 0 if role == "guest" else 1
        self.prefix = f"folio-verify-{os.getpid()}-{Verify._serial}"
        self.counters = (0, 0, 0, 0)
        self.text = []
        self.process = subprocess.Popen(
            [os.environ["FOLIO_VERIFY"], "--lcores", f"0@{cpu}", "--no-pci", "--no-telemetry",
             "--file-prefix", self.prefix, *memory_args(128),
             "-d", plugin_path(), *eal,
             f"--vdev=net_folio0,role={role},path={region}{more}", "--", *app],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        with self.process.stdout as output:
            for line in output:
                self.text.append(line)
                found = COUNTERS.search(line)
                if found:
                    self.counters = tuple(int(n) for n in found.groups())

    def wait_received(self, more_than, timeout=240):
        """Wait for traffic."""
        deadline = time.monotonic() + timeout
        while self.counters[1] <= more_than:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError("no traffic:\n" + "".join(self.text[-30:]))
            time.sleep(0.02)

    def finish(self):
        """SIGTERM; returns exit status and the last counters."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(180)
        self.reader.join(180)
        return status

    def end(self):
        """Whatever happened."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        remove_runtime(self.prefix)


class Contents(unittest.TestCase):
    """Never a wrong byte."""

    def setUp(self):
        self.region = RegionFile()
        self.sides = []

    def tearDown(self):
        for side in self.sides:
            side.end()
        self.region.remove()

    def spawn(self, *args, **kwargs):
        """Start a side."""
        side = Verify(*args, **kwargs)
        self.sides.append(side)
        return side

    def converse(self, more="", eal=(), app=()):
        """Some traffic both ways, and a good end."""
        guest = self.spawn("guest", self.region.path, more, eal, app)
        host = self.spawn("host", self.region.path, more, eal, app)
        guest.wait_received(20000)
        host.wait_received(20000)
        for side in guest, host:
            self.assertEqual(side.finish(), 0, "".join(side.text[-10:]))
            self.assertEqual(side.counters[2:], (0, 0))

    def test_plain(self):
        self.converse()

    def test_jumbo_queues(self):
        app = ["--queues", "4", "--max-len", "9600"]
        self.converse(",queues=4,ring_size=256", app=app)

    def test_small_slots(self):
        self.converse(",ring_size=64,slot_size=256", app=["--max-len", "9600"])

    def test_every_kernel(self):
        for bits in 64, 128, 256, 512:
            with self.subTest(bits=bits):
                self.converse(eal=[f"--force-max-simd-bitwidth={bits}"], app=["--max-len", "4000"])

    def kill_repeatedly(self, victim):
        """SIGKILL a side again and again; what arrives is always right."""
        survivor = "host" if victim == "guest" else "guest"
        app = ["--max-len", "4000"]
        lasting = self.spawn(survivor, self.region.path, app=app)
        for _ in range(KILLS):
            dying = self.spawn(victim, self.region.path, app=app)
            dying.wait_received(100)
            lasting.wait_received(lasting.counters[1] + 100)
            self.assertEqual(dying.counters[2:], (0, 0))
            dying.end()
        self.assertEqual(lasting.finish(), 0, "".join(lasting.text[-10:]))
        self.assertEqual(lasting.counters[2:], (0, 0))

    def test_kill_guest(self):
        self.kill_repeatedly("guest")

    def test_kill_host(self):
        self.kill_repeatedly("host")


if __name__ == "__main__":
    common.main()
