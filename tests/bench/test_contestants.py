# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Contestants are what their names say, or are left out with the reason.

usage: test_contestants.py BUILD
"""

import contextlib
import dataclasses
import os
import re
import shutil
import sys
import tempfile
import unittest
from unittest import mock

import bench as bench_module
import cases
import contestants
import report
from pairs import Failure, Pair, Place
from test_tables import made_up

BUILD = sys.argv.pop(1) if len(sys.argv) > 1 else ""


class Wide(unittest.TestCase):
    """Contestants that use 512 bit."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="folio-bench-wide-", dir="/run")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def everybody(self, *arguments):
        """(who takes part, who does not and why) on a CPU without AVX-512."""
        plugin = os.path.join(BUILD, bench_module.PLUGIN)
        args = bench_module.parse_args([BUILD, "--cases", "one-way", "--plugin",
                                        "wide=%s+avx512" % plugin, *arguments])
        with mock.patch.object(contestants, "has_avx512", lambda: False):
            return bench_module.everybody(args, self.folder)

    def test_left_out(self):
        """Without AVX-512 they are left out, and the tables say why."""
        able, left_out = self.everybody()
        self.assertEqual([c.name for c in able],
                         [name for name in contestants.NAMES
                          if name not in ("folio-avx512", "virtio-packed-vec")])
        self.assertEqual(left_out, [name + " (this CPU has no AVX-512)"
                                    for name in ("folio-avx512", "wide", "virtio-packed-vec")])
        text = report.report(dict(made_up(), left_out=left_out))
        self.assertIn("Not here: folio-avx512 (this CPU has no AVX-512); wide (", text)

    def test_nobody_left(self):
        """Nothing to measure is said, and is no success."""
        with mock.patch.object(contestants, "has_avx512", lambda: False):
            args = bench_module.parse_args([BUILD, "--cases", "one-way", "--contestants",
                                            "folio-avx512"])
            with self.assertRaisesRegex(Failure, "nobody is left .*folio-avx512 .*no AVX-512"):
                bench_module.run(args)

    def test_every_program_names_its_copies(self):
        """Whichever program the guest is, it says which copies it uses: else a contestant could not
        be told from another one."""
        plugin = shutil.copy(os.path.join(BUILD, bench_module.PLUGIN), self.folder)
        programs = {name: os.path.join(BUILD, path)
                    for name, path in bench_module.PROGRAMS.items()}
        narrow = contestants.folio("folio", plugin)
        wide = dataclasses.replace(narrow, proofs=("avx512 copy",))     # which it is not
        with Place(["0", "1"], self.folder, dict(programs, testpmd="dpdk-testpmd"), 0.1) as place:
            for program in Pair.CLASSES:
                setup = cases.Setup(guest=program, host="generator")
                with self.subTest(program):
                    pair = Pair(place, narrow, setup)
                    pair.start_all()
                    try:
                        with pair.awake():
                            said = pair.sides["guest"].describe()
                    finally:
                        pair.close()
                    copies = set(re.findall(r"\w+ copy", said))
                    self.assertEqual(len(copies), 1, said)
                    good = dataclasses.replace(narrow, proofs=tuple(copies))
                    for contestant, problem in (
                            (good, contextlib.nullcontext()),
                            (wide, self.assertRaisesRegex(Failure, "not what its name says"))):
                        pair = Pair(place, contestant, setup)
                        with problem:
                            pair.start_all()
                            pair.close()

class OnVhost(unittest.TestCase):
    """folio's guest and virtio-user, each on the same unmodified host."""

    def test_every_case_runs(self):
        """Both ways of every group that they take part in: packets arrive, and none is invented."""
        with tempfile.TemporaryDirectory(prefix="folio-bench-vhost-", dir="/run") as folder:
            plugin = shutil.copy(os.path.join(BUILD, bench_module.PLUGIN), folder)
            programs = {name: os.path.join(BUILD, path)
                        for name, path in bench_module.PROGRAMS.items()}
            who = [contestants.folio_on_vhost(name, plugin, packed)
                   for name, packed in contestants.ON_VHOST]
            groups = [g for g in cases.GROUPS if g.name in contestants.ON_VHOST_GROUPS]
            self.assertEqual(len(groups), len(contestants.ON_VHOST_GROUPS))
            with Place(["0", "1"], folder, dict(programs, testpmd="dpdk-testpmd"), 0.1) as place:
                for contestant in who:
                    self.run_cases(place, contestant, [c for g in groups for c in g.make(("1518",))])

    def run_cases(self, place, contestant, which):
        """A sample of each; the processes stay for cases that are set up alike."""
        for setup in dict.fromkeys(case.setup for case in which):
            pair = Pair(place, contestant, setup)
            pair.start_all()
            try:
                for case in which:
                    if case.setup != setup:
                        continue
                    with self.subTest(contestant.name, case=case.label()), pair.awake():
                        pair.measure(case, {})
            finally:
                pair.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
