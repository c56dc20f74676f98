# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Where others used the CPUs: what the record and the tables say."""

import contextlib
import os
import subprocess
import sys
import time
import unittest
from unittest import mock

import report
from pairs import Pair, UNDISTURBED
from test_tables import made_up


class Told(unittest.TestCase):
    """What is made of samples that do not count."""

    def test_who_else(self):
        """How many samples others spoiled, and who they were, by what they took on average."""
        record = made_up()
        self.assertNotIn("others used the CPUs", report.report(record))
        for sample, others in zip(record["samples"], ([["cc1", 0.5], ["ld", 0.1]], [["cc1", 0.3]])):
            sample.update(placement="disturbed", others=others)
        text = report.report(record)
        self.assertIn("**2 of %d samples do not count: others used the CPUs**"
                      % len(record["samples"]), text)
        self.assertIn("in % of a CPU: cc1 40 %, ld 5 %.", text)
        for sample in record["samples"]:
            sample.pop("others", None)     # as in records of older versions
        text = report.report(record)
        self.assertIn("**2 of", text)
        self.assertNotIn("They were", text)


class Others(unittest.TestCase):
    """Who else is on a pair's CPUs."""

    def test_in_the_way(self):
        """Named in the sample if a side has too little of its CPU."""
        # However many others this machine has: these two share a CPU, and all who took part are named.
        code = ("import os\nos.sched_setaffinity(0, {0})\nos.setpriority(os.PRIO_PROCESS, 0, -20)\n"
                "print(flush=True)\nwhile True: pass")
        with contextlib.ExitStack() as stack:
            sides = []
            for _ in range(2):
                sides.append(stack.enter_context(subprocess.Popen([sys.executable, "-c", code],
                                                                  stdout=subprocess.PIPE)))
                stack.callback(sides[-1].kill)
                sides[-1].stdout.readline()
            pair = Pair(mock.Mock(cpus=["0", "1"], window=0.5), None, None)
            pair.sides = {"guest": mock.Mock(process=sides[0])}
            sample = {}
            with mock.patch("busy.NAMED", 1000), mock.patch("busy.MENTIONED", 0), \
                    pair.shares(sample):
                time.sleep(0.5)
        self.assertLess(sample["cpu_share"][0], UNDISTURBED)
        self.assertIn(os.path.basename(sys.executable)[:15], dict(sample["others"]))
        with mock.patch("pairs.Watch") as watch:
            watch.return_value.__enter__.return_value = mock.Mock(shares=[1, 0.95], others=[])
            sample = {}
            with pair.shares(sample):
                pass
        self.assertEqual(sample, {"cpu_share": [1, 0.95]})


if __name__ == "__main__":
    unittest.main(verbosity=2)
