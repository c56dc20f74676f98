# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""--help of every command says what the command can do, and runs nothing.

usage: test_help.py BUILD
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD = sys.argv.pop(1)
ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
HELP = {"--help"}


def call(*command, **kwargs):
    """Run something; returns the finished process."""
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **kwargs)


def commands():
    """As `./run` lists them."""
    listed = re.findall(r"^  ([a-z-]+) +\S", call(os.path.join(ROOT, "run")).stdout, re.M)
    return sorted(set(listed))


def options(text):
    """All options that a text names."""
    return set(OPTION.findall(text)) - HELP


class HelpTest(unittest.TestCase):
    """A copy of the scripts that leave a mark when they run."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="folio-help-")
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copy(os.path.join(ROOT, "run"), self.folder)
        shutil.copytree(os.path.join(ROOT, "scripts"), os.path.join(self.folder, "scripts"))
        self.mark = os.path.join(self.folder, "ran")
        for name in commands():
            path = os.path.join(self.folder, "scripts", name)
            with open(path, encoding="utf-8") as file:
                first, rest = file.read().split("\n", 1)
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"{first}\n# \n: > {self.mark}; exit 7\n{rest}")

    def run_copy(self, *args):
        """The copy's `./run`."""
        return call(os.path.join(self.folder, "run"), *args)

    def test_all(self):
        """Usage on standard output, whatever else is on the command line."""
        self.assertGreaterEqual(set(commands()), {"bench", "build", "demo", "doctor", "fuzz",
                                                  "hostile", "instructions", "proof", "test", "vm"})
        for name in commands():
            for args in (["--help"], ["-h"], ["--quick", "--help"]):
                with self.subTest(name, args=args):
                    done = self.run_copy(name, *args)
                    self.assertEqual((done.returncode, done.stderr), (0, ""))
                    self.assertTrue(done.stdout.startswith(f"usage: ./run {name} [OPTIONS]\n\n"))
                    self.assertGreater(len(done.stdout.splitlines()), 2)
                    self.assertFalse(os.path.exists(self.mark), "it was run")

    def test_mark(self):
        """The check above could fail: without --help it is run."""
        self.assertEqual(self.run_copy("demo").returncode, 7)
        self.assertTrue(os.path.exists(self.mark))

    def test_unknown(self):
        done = self.run_copy("nothing", "--help")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("'nothing' is unknown", done.stderr)


class OptionsTest(unittest.TestCase):
    """The text is that of the script; the options are those of a program."""

    def compare(self, name, *programs):
        """Both name the same options."""
        known = set()
        for program in programs:
            done = call(*program)
            self.assertEqual(done.returncode, 0, done.stderr)
            known |= options(done.stdout)
        text = call(os.path.join(ROOT, "run"), name, "--help").stdout
        self.assertEqual(options(text), known)

    @unittest.skipUnless(importlib.util.find_spec("matplotlib"), "matplotlib is not installed")
    def test_bench(self):
        program = [sys.executable, os.path.join(ROOT, "tests/bench/bench.py"), BUILD]
        self.compare("bench", [*program, "--help"], [*program, "--guest", "--help"],
                     [*program, "--report", "--help"])

    def test_doctor(self):
        self.compare("doctor", [os.path.join(BUILD, "tools/doctor/folio-doctor"), "--help"])

    def test_instructions(self):
        self.compare("instructions", [sys.executable, os.path.join(
            ROOT, "tests/bench/instructions/command.py"), BUILD, "--help"])

    def test_demo(self):
        self.assertEqual(options(call(os.path.join(ROOT, "run"), "demo", "--help").stdout),
                         {"--virtio"})

    def test_vm(self):
        self.compare("vm", [sys.executable, os.path.join(ROOT, "scripts/vm.py"), BUILD, "--help"])

    def test_wrong_options(self):
        """Are named before anything is installed or built."""
        for name, args, text in (
                ("build", ["--fast"], "'--fast' is unknown: it has no options"),
                ("demo", ["64"], "'64' is unknown: allowed is --virtio"),
                ("vm", ["--virtio", "--ovs"], "not allowed with argument --virtio"),
                ("vm", ["--kvm", "--tcg"], "not allowed with argument --kvm"),
                ("vm", ["--what"], "unrecognized arguments: --what"),
                ("hostile", ["--minutes", "x"], "--minutes wants a number"),
                ("proof", ["--what"], "'--what' is unknown"),
                ("test", ["--what"], "'--what' is unknown")):
            with self.subTest(name, args=args):
                done = call(os.path.join(ROOT, "run"), name, *args)
                self.assertEqual(done.returncode, 2)
                self.assertIn(text, done.stderr)
                self.assertNotIn("building", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
