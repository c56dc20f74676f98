#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Both halves of the benchmark on one machine: they find each other, measure, and end.

usage: test_halves.py BUILD
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from side import HERE  # also finds the scripts' modules
from testpmd import RegionFile

BUILD = sys.argv.pop(1) if len(sys.argv) > 1 else ""
PORTS = ("folio", "again")
CASES = ("one-way", "touched", "loop", "both-ways", "latency")
DEADLINE = 600


class Halves(unittest.TestCase):
    """Whatever was started is gone at a test's end."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="folio-halves-")
        self.regions = {name: RegionFile() for name in PORTS}
        self.running = []

    def tearDown(self):
        for process in self.running:
            process.kill()
            process.communicate()
        for region in self.regions.values():
            region.remove()
        shutil.rmtree(self.folder)

    def spawn(self, role, *arguments):
        """Start a half."""
        ports = ["--port=%s=--vdev=net_folio0,role=%s,path=%s" % (name, role, region.path)
                 for name, region in self.regions.items()]
        command = [sys.executable, os.path.join(HERE, "bench.py"), BUILD, "--" + role, *ports,
                   *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        self.running.append(process)
        return process

    def end(self, process, status=0):
        """See it end; returns what it printed and its messages."""
        output = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, status, output)
        self.running.remove(process)
        return output

    def test_measure(self):
        guest = self.spawn("guest", "--cpu=0", "--rounds=1", "--window=0.02", "--sizes=64",
                           "--cases=" + ",".join(CASES), "--out=" + self.folder)
        host = self.spawn("host", "--cpu=1")
        text, _ = self.end(guest)
        self.end(host)
        with open(os.path.join(self.folder, "bench.json"), encoding="utf-8") as file:
            record = json.load(file)
        self.assertEqual({s["group"] for s in record["samples"]}, set(CASES))
        self.assertEqual({s["contestant"] for s in record["samples"]}, set(PORTS))
        for sample in record["samples"]:
            self.assertEqual(sample["status"], "ok", sample)
            self.assertEqual(sample.get("missing", {"to host": 0, "to guest": 0}),
                             {"to host": 0, "to guest": 0}, sample)
        with open(os.path.join(self.folder, "bench.md"), encoding="utf-8") as file:
            self.assertIn(file.read(), text)
        for name in PORTS:
            self.assertIn("| %s " % name, text)
        for region in self.regions.values():
            self.assertFalse(os.path.exists(region.path))

    def test_interrupt(self):
        """The host half waits for ever, but for Ctrl-C."""
        host = self.spawn("host", "--cpu=1")
        self.assertTrue(select.select([host.stderr], [], [], DEADLINE)[0])
        self.assertIn("ready", host.stderr.readline())
        host.send_signal(signal.SIGINT)
        self.end(host, 130)

    def test_wrong_arguments(self):
        for arguments, expected in (
                (("--sizes=9000",), "9000 needs --frame=9000"),
                (("--sizes=65",), "'65' is unknown: allowed are"),
                (("--window=0",), "'0': allowed is 0.01 to 50"),
                (("--frame=100",), "'100': allowed is 1518 to 65000"),
                (("--port=x",), "'x': allowed is NAME=EAL-ARGUMENTS"),
                (("--port=folio=--no-pci",), "a name is given twice"),
                (("--host",), "not allowed with argument")):
            self.assertIn(expected, self.end(self.spawn("guest", *arguments), 2)[1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
