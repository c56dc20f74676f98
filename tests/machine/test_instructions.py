# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Instructions a packet: not more than the baseline in the repository, and few for validation.

Argument: the build folder. Counts are compared where compiler, flags, DPDK and instruction set are
the baseline's, and else skipped: `./run instructions --update` makes a new one.
"""

import json
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../bench/instructions"))

import instructions as bench  # noqa: E402
import tables  # noqa: E402

BUILD = os.path.realpath(sys.argv.pop(1) if len(sys.argv) > 1 else "build")
VALIDATION_MAX = 0.05  # of the instructions of a frame of 64 B, received and sent
DRIFT = 0.005  # by which that part may differ from the source of what pages quote


class Instructions(unittest.TestCase):
    """The libraries of the build, and some that are linked from changed sources."""

    @classmethod
    def setUpClass(cls):
        if shutil.which("valgrind") is None or \
                not os.path.exists(os.path.join(BUILD, "tests/bench/instructions/count_core")):
            raise unittest.SkipTest("valgrind is not installed, or was not when the build was set "
                                    "up: nothing was counted")
        cls.now, cls.isa = bench.count(BUILD)
        with open(bench.BASELINE, encoding="utf-8") as file:
            cls.baseline = json.load(file)

    def test_not_more_than_the_baseline(self):
        here, there = bench.conditions(BUILD, self.isa), self.baseline["conditions"]
        if here != there:
            self.skipTest(f"the baseline was counted with {there}, this is {here}: not compared")
        self.assertEqual(set(self.now), set(self.baseline["instructions"]))
        slower, faster = bench.compare(self.baseline["instructions"], self.now)
        if faster:
            print("\n".join(["fewer instructions than the baseline: when that is meant to be, run "
                             "./run instructions --update", *faster]))
        self.assertEqual(slower, [], "more instructions than the baseline")

    def test_price_of_validation(self):
        """Checking all that the peer writes is at most 5 % of the datapath."""
        name = "all validation"
        found = {"everything": self.now,
                 name: bench.count_changed(BUILD, bench.WITHOUT[name], self.isa,
                                           programs=("driver",))}
        for burst in bench.BURSTS:
            more, part = bench.share(found, name, [f"driver RX 64 {burst}",
                                                   f"driver TX 64 {burst}"])
            print(f"burst of {burst}: {more:.1f} instructions, {part:.1%}")
            self.assertGreater(more, 0, "nothing was taken out")
            self.assertLessEqual(part, VALIDATION_MAX, f"burst of {burst}")
            if bench.conditions(BUILD, self.isa) == self.baseline["conditions"]:
                _, quoted = tables.price(self.baseline, name, ["RX", "TX"], burst)
                self.assertAlmostEqual(part, quoted, delta=DRIFT, msg="what the pages quote is "
                                       "not true any more: ./run instructions --update")

    def test_slower_code_is_noticed(self):
        """A few instructions more in a loop are found, and where."""
        changes = [(bench.BURST, "\t\tsum += len;",
                    "\t\tsum += len + (desc * 0x9e3779b97f4a7c15 >> 60 ^\n"
                    "\t\t\t      desc * 0xbf58476d1ce4e5b9 >> 61);")]
        changed = bench.count_changed(BUILD, changes, self.isa, programs=("driver",),
                                      directions=("RX",))
        slower, faster = bench.compare(self.now, changed)
        self.assertEqual(faster, [])
        self.assertTrue(any(line.startswith("driver RX 64 32:") and "receive (folio_native_burst.c) +"
                            in line for line in slower), slower)
        self.assertEqual(bench.compare(self.now, self.now), ([], []))

    def test_what_is_taken_out_is_still_there(self):
        """The changes of ./run instructions fit the sources."""
        for name, changes in bench.WITHOUT.items():
            with self.subTest(name), tempfile.TemporaryDirectory() as temp:
                bench.Changed(BUILD, temp, changes)


class Pages(unittest.TestCase):
    """What pages quote of the baseline."""

    def test_up_to_date(self):
        """./run instructions --update has written them."""
        self.assertEqual(tables.stale(tables.source()), [])

    def test_other_figures_are_noticed(self):
        """In the tables, and wherever the price of validation is quoted."""
        found = tables.source()
        for counts in found["protections"]["all validation"], found["instructions"]:
            what = "driver RX 64 32"
            kept = counts[what]
            counts[what] = kept - 2 if isinstance(kept, float) else {"": bench.total(kept) + 2}
            wrong = tables.stale(found)
            counts[what] = kept
            self.assertIn(tables.PAGE + ": prices", wrong)
            self.assertIn(tables.PAGE + ": sums", wrong)
            self.assertIn(os.path.join(bench.ROOT, "README.md"), wrong)
        self.assertEqual(tables.stale(found), [])

    def test_somebody_quotes_it(self):
        """The README does; else nothing was looked for."""
        with open(os.path.join(bench.ROOT, "README.md"), encoding="utf-8") as file:
            self.assertEqual(len(tables.VALIDATION.findall(file.read())), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
