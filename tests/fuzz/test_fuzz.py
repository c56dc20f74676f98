# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The fuzzers in ./run test: the same inputs each time, and deliberate bugs that they must find."""

import shutil
import sys
import tempfile
import unittest

import fuzz
from mutants import MUTANTS

# One of each kind; ./run fuzz --self-test has them all.
SAMPLE = [
    "length loaded twice, past the accessor",
    "upper bound of the producer's index off by one",
    "session: up without the peer's answer",
    "layout: an even stride",
]


@unittest.skipUnless(shutil.which(fuzz.CLANG), f"{fuzz.CLANG} is not installed")
class Fuzz(unittest.TestCase):
    """Corpus first, then from a fixed seed."""

    figures = []

    @classmethod
    def setUpClass(cls):
        cls.programs = fuzz.Builder().build([t.name for t in fuzz.TARGETS], fuzz.BUILD)

    @classmethod
    def tearDownClass(cls):
        print("\n".join(cls.figures))

    def run_target(self, name):
        """No finding, and the corpus is there."""
        target = next(t for t in fuzz.TARGETS if t.name == name)
        self.assertIsNotNone(fuzz.kept(target))
        outcome = fuzz.run_ci(target, self.programs[name])
        self.figures.append(fuzz.report(target, outcome))
        self.assertEqual(outcome.finding, "", self.figures[-1])
        self.assertGreaterEqual(outcome.runs, target.runs)

    def test_fuzz_layout(self):
        self.run_target("layout")

    def test_fuzz_session(self):
        self.run_target("session")

    def test_fuzz_ring(self):
        self.run_target("ring")

    def test_fuzz_port(self):
        self.run_target("port")

    def test_fuzz_traffic(self):
        self.run_target("traffic")

    def test_fuzz_virtq(self):
        self.run_target("virtq")

    def test_fuzz_pci(self):
        self.run_target("pci")

    def test_fuzz_vhost(self):
        self.run_target("vhost")

    def test_fuzz_advq(self):
        self.run_target("advq")

    def test_finds_deliberate_bugs(self):
        with tempfile.TemporaryDirectory() as folder:
            fuzz.share_objects(folder)
            for mutant in MUTANTS:
                if mutant.name in SAMPLE:
                    self.assertNotEqual(fuzz.kill(mutant, folder).finding, "", mutant.name)


if __name__ == "__main__":
    unittest.main(testRunner=unittest.TextTestRunner(stream=sys.stdout, verbosity=2))
