# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Run folio-doctor, and read what it says in both forms."""

import json
import os
import re
import subprocess
import unittest

from machine import Machine

DOCTOR = os.environ["FOLIO_DOCTOR"]
PLUGIN = os.environ.get("FOLIO_PLUGIN")
VERDICTS = ("ok", "warn", "fail")
KEYS = ("area", "check", "verdict", "text", "advice")
NOBODY = 65534


def run(*args, env=None, **kwargs):
    """Run the doctor; returns the finished process."""
    env = dict(os.environ, LC_ALL="C", **(env or {}))
    return subprocess.run([DOCTOR, *args], capture_output=True, timeout=120, env=env, check=False,
                          **kwargs)


def libraries(path):
    """What ldd says."""
    return subprocess.check_output(["ldd", path], text=True)


def as_shown(string):
    """How a string of the JSON is shown in the text."""
    return string and re.sub("[\0-\x1f\x7f\ufffd]", "?", string)


def comparable(lines, moved):
    """Lines of two reports on this machine: a measurement does not come out the same twice, and if
    its verdict does not, the conclusions do not."""
    areas = ("verdict",) if moved else ()
    return [line for line in lines if line[1] != "distance" and line[0] not in areas]


def parse_text(text):
    """The lines of a text report, with their KEYS."""
    lines, area = [], None
    for line in text.splitlines():
        found = re.match(r"^  (ok|warn|fail) +(\S+) +(\S.*)$", line)
        if found:
            verdict, check, said = found.groups()
            lines.append([area, check, verdict, said, None])
        elif line.startswith(" "):
            lines[-1][4] = re.match(r"^ +-> (.*)$", line).group(1)
        elif line:
            area = line
    return lines


class DoctorCase(unittest.TestCase):
    """Each look is taken twice, as text and as JSON, and both have to agree."""

    longMessage = True
    maxDiff = None

    def setUp(self):
        self.machine = Machine()
        self.addCleanup(self.machine.remove)

    def look(self, *args, **kwargs):
        """The report on this machine. Returns its JSON, with the lines by name as .lines."""
        shown, data = run(*args, **kwargs), run("--json", *args, **kwargs)
        self.assertEqual((shown.stderr, data.stderr), (b"", b""))
        self.assertEqual(shown.returncode, data.returncode)
        report = json.loads(data.stdout.decode())
        self.assertEqual((report["format"], report["version"]), ("folio-doctor", 1))
        self.assertEqual(data.returncode, 0 if report["can_run"] else 1)
        self.assertEqual(report["can_run"],
                         any(line["verdict"] != "fail" for line in report["lines"]
                             if line["area"] == "verdict"))
        text = parse_text(shown.stdout.decode())
        lines = [[as_shown(line[key]) for key in KEYS] for line in report["lines"]]
        self.assertEqual([line[:2] for line in text], [line[:2] for line in lines])
        if report["root"] is None:
            moved = [line[2] for line in text] != [line[2] for line in lines]
            text, lines = comparable(text, moved), comparable(lines, moved)
        self.assertEqual(text, lines)
        for line in report["lines"]:
            self.assertIn(line["verdict"], VERDICTS)
            self.assertEqual(line["advice"] is None, line["verdict"] == "ok", line)
            self.assertTrue(set(line["roles"]) & set(report["roles"]), line)
        report["by_name"] = {line["check"]: line for line in report["lines"]}
        self.assertEqual(len(report["by_name"]), len(report["lines"]), "two lines of one name")
        return report

    def examine(self, *args, **kwargs):
        """The report on the machine of files."""
        self.machine.write_answers()
        return self.look("--root", self.machine.root, *args, env={"PATH": "/bin:/usr/bin"},
                         **kwargs)

    def check(self, report, name, verdict, text, advice=None):
        """A line has this verdict, and says this."""
        self.assertIn(name, report["by_name"])
        line = report["by_name"][name]
        self.assertEqual(line["verdict"], verdict, line)
        self.assertIn(text, line["text"])
        if advice is not None:
            self.assertIn(advice, line["advice"])
        return line["facts"]
