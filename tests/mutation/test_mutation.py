# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Deliberate bugs are noticed; a case each. argv[1]: a build. With $FOLIO_TEST_ALL all of them, else
the fastest of each kind."""

import os
import re
import sys
import unittest

from checks import Checks
from mutation import noticed
from mutations import MUTATIONS
from tree import Broken

BUILD = sys.argv.pop(1) if len(sys.argv) > 1 else "build"
ALL = bool(os.environ.get("FOLIO_TEST_ALL"))


class Mutations(unittest.TestCase):
    """What is changed, and the check that says so."""

    checks = Checks(BUILD)

    def test_each_fits_the_sources(self):
        for mutation in MUTATIONS:
            with Broken(*mutation.bugs(), parts=("lib", "include", "drivers")):
                pass

    def test_nothing_is_noticed_of_the_sources_as_they_are(self):
        self.assertEqual(self.checks.one_fetch([]), [])
        self.assertEqual(self.checks.order([]), [])


def add(mutation):
    """A test method."""
    def test(self):
        self.assertNotEqual(noticed(self.checks, mutation), [], f"{mutation.check} says nothing")

    setattr(Mutations, "test_" + re.sub(r"\W+", "_", mutation.name), test)


for one in MUTATIONS:
    if one.quick or ALL:
        add(one)

if __name__ == "__main__":
    unittest.main(verbosity=2)
