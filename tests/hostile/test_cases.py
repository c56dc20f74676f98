# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The hostile device by itself: its cases are those of the page, and bad options are named."""

import os
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEVICE = os.environ["FOLIO_HOSTILE_DEVICE"]


def run(*args):
    """Exit status and what it said, to either."""
    done = subprocess.run([DEVICE, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, text=True, timeout=60, check=False)
    return done.returncode, done.stdout


class Cases(unittest.TestCase):
    """Without a driver."""

    def test_page_has_all_cases(self):
        status, tables = run("--markdown")
        self.assertEqual(status, 0)
        with open(os.path.join(ROOT, "docs", "hostile-device.md"), encoding="utf-8") as page:
            self.assertIn(tables, page.read())

    def test_list(self):
        """Names are unique, and are what the tables say."""
        names = [line.split()[0] for line in run("--list")[1].splitlines()]
        tables = run("--markdown")[1]
        self.assertEqual(len(names), len(set(names)))
        self.assertGreater(len(names), 150)
        for name in names:
            if name.startswith(("get-", "set-")):
                self.assertTrue(any(name.endswith(f"-{t}") for t in tables.split("`")), name)
            else:
                self.assertIn(f"`{name}`", tables)

    def test_help_and_version(self):
        self.assertIn("--seed", run("--help")[1])
        self.assertRegex(run("--version")[1], r"^folio-hostile-device \d")

    def test_wrong_options_are_named(self):
        for args, words in ((("--case", "x", "s"), "--case x"),
                            (("--queues", "65", "s"), "1 to 64"),
                            (("--rate", "-1", "s"), "--rate -1"), ((), "SOCKET"), (("a", "b"), "2"),
                            (("--all", "--ask", "s"), "not several"),
                            (("--find", "", "s"), "--find"),
                            (("--nonsense",), "nonsense"), (("x" * 200,), "107 bytes"),
                            (("--max-frame", "59", "s"), "60 to 9728"),
                            (("/nowhere/at/all",), "cannot listen")):
            status, said = run(*args)
            self.assertEqual(status, 2, said)
            self.assertIn(words, said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
