# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The order of accesses is the one that the models and the wire format have. argv[1]: a build."""

import os
import re
import sys
import unittest

import order
from onefetch.units import commands, read_units

BUILD = sys.argv.pop(1) if len(sys.argv) > 1 else "build"


def read(build):
    """The functions of a build's sources that RULES are about, one instruction set each."""
    jobs = {}
    for job in commands(build, order.ROOT):
        if job[0] in order.UNITS:
            jobs.setdefault(job[0], job)
    return [f for functions, _ in read_units(list(jobs.values()), order.ROOT) for f in functions]


class Order(unittest.TestCase):
    """As the code is."""

    @classmethod
    def setUpClass(cls):
        cls.orders = order.Orders(read(BUILD))

    def test_rules(self):
        self.assertEqual(self.orders.broken(), [])

    def test_models(self):
        """What spin can be told is missing is what some model knows, and nothing of it is."""
        for model in order.MODELS:
            self.assertEqual(self.orders.missing(model), [], model)
            known = set()
            for part in (model, "virtq.h"):  # which the virtqueues' models include
                with open(os.path.join(order.HERE, part), encoding="utf-8") as file:
                    known |= set(re.findall(r"^#\w+ .*?\b(NO_\w+)", file.read(), re.M))
            self.assertEqual(set(order.MODELS[model]) - known, set(), model)


if __name__ == "__main__":
    unittest.main(verbosity=2)
