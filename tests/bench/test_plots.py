# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Plots of every group of cases. The samples are made up; nothing is measured."""

import os
import shutil
import tempfile
import unittest
from unittest import mock

import cases
import plots
from results import Results
from test_tables import made_up


class Plots(unittest.TestCase):
    """What is drawn, and what is not."""

    def test_kinds(self):
        """Each as SVG and as PNG."""
        folder = tempfile.mkdtemp(prefix="folio-plots-")
        try:
            names = []
            for group in cases.GROUPS:
                drawn, empty = plots.draw(
                    Results(made_up(group=group.name, sizes=cases.SIZES)), folder)
                self.assertEqual(empty, [])
                names += drawn
            self.assertEqual(set(names), {
                "headline", "one-way", "touched", "round-trips", "ratios", "latency", "bursts",
                "queues", "rings", "work", "protections"})
            for name in names:
                for kind, start in (("svg", b"<?xml"), ("png", b"\x89PNG")):
                    with open("%s/%s.%s" % (folder, name, kind), "rb") as file:
                        self.assertTrue(file.read().startswith(start), name)
        finally:
            shutil.rmtree(folder)

    def test_nothing_to_plot(self):
        """A plot without a sample that counts is named instead, for every kind; a panel says so."""
        folder = tempfile.mkdtemp(prefix="folio-plots-")
        try:
            for group in cases.GROUPS:
                record = made_up(group=group.name, sizes=cases.EXTREMES)
                drawn, _ = plots.draw(Results(record), folder)
                for sample in record["samples"]:
                    sample["placement"] = "disturbed"
                shutil.rmtree(folder)
                os.mkdir(folder)
                self.assertEqual(plots.draw(Results(record), folder), ([], drawn))
                self.assertEqual(os.listdir(folder), [])
            record = made_up(sizes=("64", "1518"))
            for sample in record["samples"]:
                if sample["size"] == "64":
                    sample["placement"] = "disturbed"
            with mock.patch.object(plots.plt.Axes, "text", autospec=True) as text:
                drawn, empty = plots.draw(Results(record), folder)
            said = [call.args[3] for call in text.call_args_list if len(call.args) > 3]
            self.assertEqual(said.count(plots.EMPTY), 2)    # a panel for each direction
            self.assertEqual((set(drawn), empty), ({"headline", "one-way", "ratios"}, []))
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    unittest.main(verbosity=2)
