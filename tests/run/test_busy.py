# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Who had the CPUs: what is said of processes whose work is known.

usage: test_busy.py BUILD
"""

import os
import subprocess
import sys
import time
import types
import unittest

sys.argv.pop(1)
ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.path.insert(0, os.path.join(ROOT, "scripts"))

import traffic  # noqa: E402
from busy import UNDISTURBED, Watch, cpu_time, process_times, text_of  # noqa: E402

SPIN = ("import ctypes, os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\n"
        "ctypes.CDLL(None).prctl(1, 9)\n"               # it dies with us
        "open('/proc/self/comm', 'w').write(sys.argv[2])\nprint(flush=True)\nwhile True: pass")
CAME_AND_WENT = "processes that came and went"


class BusyTest(unittest.TestCase):
    """Processes that spin on one CPU."""

    longMessage = True

    def setUp(self):
        self.cpu = min(os.sched_getaffinity(0))

    def spin(self, name):
        """A process of that name that takes what it gets."""
        process = subprocess.Popen([sys.executable, "-c", SPIN, str(self.cpu), name],
                                   stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        process.stdout.readline()
        return process

    def watch(self, pids, seconds=1.0, during=None):
        """Who had our CPU for a while."""
        with Watch(pids, {self.cpu}) as watch:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                if during:
                    during()
                time.sleep(0.01)
        return watch

    def test_two(self):
        """Neither has all of it; the one that is not ours is named."""
        ours, _ = self.spin("ours"), self.spin("hog of (a) CPU")
        watch = self.watch([ours.pid])
        self.assertEqual(len(watch.shares), 1)
        self.assertLess(watch.shares[0], UNDISTURBED)
        others = dict(watch.others)
        self.assertIn("hog of (a) C", "".join(others))      # the kernel cuts it
        self.assertNotIn("ours", others)
        self.assertLess(sum(others.values()) + watch.shares[0], 1.5)

    def test_short_lived(self):
        """Compilers, for instance: each is gone before it can be looked at again."""
        code = f"import os; os.sched_setaffinity(0, {{{self.cpu}}}); sum(range(2000000))"
        ours = self.spin("ours")
        watch = self.watch([ours.pid], 2.0,
                           lambda: subprocess.run([sys.executable, "-S", "-c", code], check=True))
        self.assertIn(CAME_AND_WENT, dict(watch.others))

    def test_other_cpu(self):
        """Who is elsewhere is in nobody's way."""
        others = os.sched_getaffinity(0) - {self.cpu}
        if not others:
            self.skipTest("one CPU")
        self.spin("elsewhere")
        with Watch([], {max(others)}) as watch:
            time.sleep(0.5)
        self.assertNotIn("elsewhere", dict(watch.others))

    def test_own_time(self):
        """All threads count, and a process that is gone is an error, as it was."""
        before = cpu_time(os.getpid())
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
        self.assertGreater(cpu_time(os.getpid()), before + 0.15)
        self.assertIn(os.getpid(), process_times())
        with self.assertRaises(OSError):
            cpu_time(1 << 30)

    def test_text(self):
        """What the demo says below a line of its table, if there is anything to say."""
        watch = types.SimpleNamespace(shares=[0.5, 0.97], others=[("cc1", 0.41), ("ld", 0.05)])
        self.assertEqual(traffic.busy_text(watch).strip(),
                         "CPU: guest 50 %, host 97 %; others: cc1 41 %, ld 5 %")
        watch.others = []
        self.assertIn("nobody that is seen", traffic.busy_text(watch))
        watch.shares = [0.95, 0.97]
        self.assertEqual(traffic.busy_text(watch), "")
        self.assertEqual(text_of([]), "")


if __name__ == "__main__":
    unittest.main(verbosity=2)
