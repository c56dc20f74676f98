# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Records are read again, and the pages say what the published ones say. Nothing is measured."""

import contextlib
import io
import json
import lzma
import os
import re
import shutil
import sys
import tempfile
import unittest

import offline
import pages
import published
import report
from record import merge, read, write_results
from results import Results
from side import Failure, HERE

README = os.path.normpath(os.path.join(HERE, "../../README.md"))
FIGURE = r"(?<![\w.])\d+\.\d+(?![\w.])"     # a number with a fraction


def text_of(path):
    """A file's text."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def section(path, heading):
    """A page from a heading to the next one."""
    return text_of(path).split("\n## %s\n" % heading)[1].split("\n## ")[0]


class Pages(unittest.TestCase):
    """What docs/ and the README quote."""

    @classmethod
    def setUpClass(cls):
        cls.found = {where: published.load(where) for where in published.PLACES}

    def test_tables(self):
        """The published tables are those of the published records."""
        for where, results in self.found.items():
            with self.subTest(where):
                table = text_of(os.path.join(published.folder(where), published.TABLES))
                self.assertEqual(table, report.report(results.record), "./run bench --pages")

    def stale_parts(self, page):
        """Tables of docs/results.md that are not those of the records."""
        return [name for name, text in published.parts(self.found).items()
                if pages.part(page, name) != text]

    def wrong_figures(self, page):
        """Ratios in the README that are not those of docs/results.md for the same case and placement:
        [(where, what is quoted, what is true)]."""
        rows = {}
        for line in published.one_way_table(self.found).splitlines()[2:]:
            name, _, *cells = [c.strip() for c in line.strip("|").split("|")]
            middles = [re.search(FIGURE, c).group() if c != "-" else "-" for c in cells]
            rows[name.replace(",", "")] = [", ".join(middles[:2]), ", ".join(middles[2:])]
        text = section(page, "Performance")
        quoted = re.findall(r"^\| (\d.*?) \| (.*?) \| (.*?) \|$", text, re.M)
        wrong = [(name, cells, rows[name]) for name, *cells in quoted
                 if [c.strip("*") for c in cells] != rows[name]]
        prose = re.findall(FIGURE, "\n".join(line for line in text.splitlines()
                                             if not line.startswith("|")))
        others = re.findall(FIGURE, published.others_table(self.found))
        self.assertTrue(quoted and prose)
        return wrong + [("prose", figure, others) for figure in prose if figure not in others]

    def test_parts(self):
        """The tables of docs/results.md are those of the records."""
        self.assertEqual(self.stale_parts(published.PAGE), [], "./run bench --pages")

    def test_readme(self):
        """So are the ratios in the README."""
        self.assertEqual(self.wrong_figures(README), [])

    def test_prose(self):
        """Each figure that docs/results.md explains is in a published table, or a ratio of the one or
        two far samples that a record of near placement has."""
        tables = "".join(published.parts(self.found).values()) + "".join(
            report.report(results.record) for results in self.found.values())
        record = read(Again.NEAR[1])
        record["options"]["rounds"] = 1
        few = Results(record)
        known = set(re.findall(FIGURE, tables)) | {
            "%.2f" % ratio for key in few.group("work")
            for ratio in few.best_rival(key, "folio", "far")[1]}
        text = section(published.PAGE, "How to read it")
        self.assertLessEqual(set(re.findall(FIGURE, text)), known)

    def test_links(self):
        """Plots and files that the pages show are there."""
        for page in (published.PAGE, README):
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text_of(page)):
                path = os.path.join(os.path.dirname(page), target)
                self.assertTrue(os.path.exists(path), "%s: %s" % (page, target))

    def test_a_changed_figure_is_noticed(self):
        """The checks above fail if a page says something else."""
        with tempfile.TemporaryDirectory() as folder:
            page = shutil.copy(published.PAGE, folder)
            pages.put(page, published.ONE_WAY,
                      pages.part(page, published.ONE_WAY).replace("1.69", "1.96"))
            self.assertEqual(self.stale_parts(page), [published.ONE_WAY])
            page = os.path.join(folder, "README.md")
            with open(page, "w", encoding="utf-8") as file:
                file.write(text_of(README).replace("| 1.69, 1.77 |", "| 1.96, 1.77 |")
                           .replace("in 0.53 (near)", "in 0.35 (near)"))
            self.assertEqual([(where, quoted) for where, quoted, _ in self.wrong_figures(page)],
                             [("64 B", ["1.96, 1.77", "2.23, 2.13"]), ("prose", "0.35")])


class Again(unittest.TestCase):
    """./run bench --report."""

    NEAR = [os.path.join(published.folder("near"), name)
            for name in ("2026-11-30-all.json.xz", "2026-11-30-work.json.xz")]

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="folio-bench-report-")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def changed(self, change):
        """A copy of a record that was changed."""
        record = read(self.NEAR[1])
        change(record)
        write_results(self.folder, record, "")
        return os.path.join(self.folder, "bench.json")

    def test_together(self):
        """Samples of both count."""
        one, both = Results(read(self.NEAR[0])), Results(merge(self.NEAR))
        key = next(key for key in one.group("loop") if dict(key)["size"] == "64")
        self.assertEqual([len(r.good(key, "folio", "near")) for r in (one, both)], [3, 6])

    def test_report(self):
        """Tables and plots of some contestants, from a file as it is or compressed."""
        plain = self.changed(lambda record: None)
        texts = []
        for path in (self.NEAR[1], plain):
            out = os.path.join(self.folder, "out")
            with contextlib.redirect_stdout(io.StringIO()) as printed, \
                    contextlib.redirect_stderr(io.StringIO()):
                status = offline.main(["build", "--report", path, "--contestants", "folio,memif",
                                       "--out", out])
            self.assertEqual(status, 0)
            texts.append(text_of(os.path.join(out, "bench.md")))
            self.assertEqual(printed.getvalue(), texts[-1] + "\n")
            self.assertTrue(os.path.exists(os.path.join(out, "headline.svg")))
        self.assertEqual(*texts)
        self.assertNotIn("| virtio-packed-vec", texts[0])
        self.assertIn("virtio-packed-vec (not asked for)", texts[0])

    def test_not_comparable(self):
        """What may not be evaluated together, and why."""
        def other_build(record):
            record["contestants"]["folio"]["plugin_sha256"] = "other"

        def other_machine(record):
            record["machine"]["lscpu"] = "Model name: other"

        for change, word in ((other_build, "'folio' was another build"),
                             (other_machine, "another machine there: other; it is AMD EPYC")):
            path = self.changed(change)
            with self.subTest(word), self.assertRaisesRegex(Failure, "bench.json: .*" + word):
                merge([self.NEAR[0], path])
        with self.assertRaisesRegex(Failure, "samples in common"):
            merge([self.NEAR[0], self.NEAR[0]])

    def test_no_record(self):
        """The file, and what is wanted."""
        path = os.path.join(self.folder, "x.json")
        for content, word in ((None, "No such file"), ("{", "Expecting"), ("[]", "it has no"),
                              ('{"samples": []}', "it has no contestants, machine, options")):
            if content is not None:
                with open(path, "w", encoding="utf-8") as file:
                    file.write(content)
            with self.subTest(word), self.assertRaisesRegex(
                    Failure, "x.json': a record of ./run bench is wanted: .*" + word):
                read(path)
        with lzma.open(path + ".xz", "wt") as file:
            json.dump({}, file)
        with open(path + ".xz", "r+b") as file:
            file.truncate(20)
        with self.assertRaisesRegex(Failure, "x.json.xz': a record"):
            read(path + ".xz")

    def test_wrong_input(self):
        """The argument, and what is wanted; a file that is no record is no success."""
        for arguments, word in ((["--report"], "--report: a FILE is wanted"),
                                (["--pages", "--out", "x"], "--out belong to --report"),
                                (["--report", "x", "--contestants", "y"], "'y' is unknown")):
            with self.subTest(word), contextlib.redirect_stderr(io.StringIO()) as said, \
                    self.assertRaises(SystemExit):
                offline.main(["build", *arguments])
            self.assertIn(word, said.getvalue())
        with contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertEqual(offline.main(["build", "--report", "/none"]), 1)
        self.assertIn("'/none': a record", said.getvalue())

    def test_no_part(self):
        """A page without the comments is not overwritten."""
        path = os.path.join(self.folder, "page.md")
        with open(path, "w", encoding="utf-8") as file:
            file.write("text\n")
        with self.assertRaisesRegex(pages.Missing, "no part 'one way'"):
            pages.put(path, "one way", "x")
        self.assertEqual(text_of(path), "text\n")


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=sys.argv[:1])
