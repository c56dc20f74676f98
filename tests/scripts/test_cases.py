# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""What ./run test makes of the log of meson: a line a case, the sum, and why something was skipped."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/cases.py")


def add(programs, before="0 0 0"):
    """Lines, sum and reasons for programs of (name, result, stdout, stderr)."""
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "meson-logs"))
        with open(os.path.join(folder, "meson-logs/testlog.json"), "w", encoding="utf-8") as log:
            for name, result, stdout, stderr in programs:
                print(json.dumps({"name": name, "result": result, "stdout": stdout,
                                  "stderr": stderr}), file=log)
        tally = os.path.join(folder, "tally")
        with open(tally, "w", encoding="ascii") as file:
            print(before, file=file)
        lines = subprocess.run([sys.executable, CASES, folder, tally], check=True,
                               stdout=subprocess.PIPE, text=True).stdout.splitlines()
        with open(tally, encoding="ascii") as file, \
                open(tally + ".skips", encoding="utf-8") as skips:
            return lines, file.read().strip(), skips.read().splitlines()


class Cases(unittest.TestCase):
    """A program of each kind."""

    def test_cmocka(self):
        lines, total, skips = add([("folio:unit / test_a", "OK",
                                    "[ RUN      ] test_one\nskipped: no mount\n"
                                    "[  SKIPPED ] test_one\n[       OK ] test_two\n", "")])
        self.assertEqual(lines, ["test_a: test_one: skipped", "test_a: test_two: ok"])
        self.assertEqual((total, skips), ("1 0 1", ["test_a: test_one: no mount"]))

    def test_unittest(self):
        lines, total, skips = add([("folio:docs / docs", "OK", "",
                                    "test_a (m.C.test_a) ... skipped 'no pages'\n"
                                    "test_b (m.C.test_b)\nWhat it is. ... skipped \"it's so\"\n"
                                    "test_c (m.C.test_c) ... ok\ntest_d (m.C.test_d) ... FAIL\n")],
                                  "1 1 1")
        self.assertEqual(lines[2:], ["docs: test_c: ok", "docs: test_d: FAILED"])
        self.assertEqual((total, skips), ("2 2 3", ["docs: test_a: no pages",
                                                    "docs: test_b: it's so"]))

    def test_whole_programs(self):
        lines, total, skips = add([("x / vm", "SKIP", "", "no guest image\n"),
                                   ("x / ping", "SKIP", "skipped: no namespaces\nmore\n", ""),
                                   ("x / late", "TIMEOUT", "", ""), ("x / good", "OK", "", "")])
        self.assertEqual(lines[2:], ["late: (the program): FAILED", "good: (the program): ok"])
        self.assertEqual((total, skips), ("1 1 2", ["vm: (the program): no guest image",
                                                    "ping: (the program): no namespaces"]))

    def test_failure_without_a_case(self):
        """A program that dies behind its last case has failed."""
        lines, total, _ = add([("x / a", "FAIL", "[       OK ] test_one\n", "")])
        self.assertEqual(lines[1], "a: (the program): FAILED")
        self.assertEqual(total, "1 1 0")


if __name__ == "__main__":
    unittest.main(verbosity=2)
