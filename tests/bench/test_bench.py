#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The benchmark runs, takes its turns as it should, and refuses wrong input.

How fast anything is plays no part in it.

usage: test_bench.py BUILD
"""

import contextlib
import functools
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import bench as bench_module
import cases
import contestants
import ready
from ending import INTERRUPTED
from limit import Limit
from pairs import Failure, Pair, UNDISTURBED, check_arrived, distance
from record import write_results
from side import HERE, TestpmdSide

BUILD = sys.argv.pop(1) if len(sys.argv) > 1 else ""
BENCH = [sys.executable, os.path.join(HERE, "bench.py"), BUILD]
DEADLINE = 900
SAMPLE = re.compile(r"^round \d+  ([\w-]+), .* (\S+) +[\d.]+ Mpps")  # its group and contestant


def bench(*arguments, **env):
    """Run the program."""
    return subprocess.run([*BENCH, *arguments], capture_output=True, text=True, timeout=DEADLINE,
                          check=False, env=dict(os.environ, **env))


def bench_until(wanted, *arguments, **env):
    """Run the program until there is a sample of each (group, contestant), however long that takes on
    a machine that is busy; or to its end. An interrupted run keeps its results."""
    found, lines = set(), []
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output, \
            subprocess.Popen([*BENCH, *arguments], stdout=output, stderr=subprocess.PIPE, text=True,
                             env=dict(os.environ, **env)) as run:
        for line in run.stderr:
            lines.append(line)
            found.update(SAMPLE.findall(line))
            if wanted and found >= wanted:
                run.send_signal(signal.SIGTERM)
                wanted = None
        run.wait()
        output.seek(0)
        return subprocess.CompletedProcess(run.args, run.returncode, output.read(), "".join(lines))


def leftovers():
    """What a run could leave on this machine: files, and processes."""
    found = set()
    for pattern in ("/run/folio-bench-*", "/var/run/dpdk/folio-bench-*",
                    (os.environ.get("FOLIO_HUGE_DIR") or "/dev/shm") + "/folio-bench-*"):
        found |= set(glob.glob(pattern))
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            if b"folio-bench-" in file.read():
                found.add(path)
    return found


class FakePlace:
    """CPUs that move as a test wants it; a probe is a step in time."""

    window = 1
    cpus = ("0", "1")

    def __init__(self, distances):
        self.distances = list(distances)

    programs = {}

    @staticmethod
    def paths():
        """None."""
        return {}

    def spin(self, on):
        """Nothing."""

    def recent(self):
        """The next distance; the last one stays."""
        found = self.distances.pop(0) if len(self.distances) > 1 else self.distances[0]
        if found is None:
            raise Failure("the probe failed")
        return found, 1

    probe = recent


class FakePair(Limit):
    """Takes its sample where the CPUs are."""

    disturbed = None    # a contestant with somebody in its way

    def __init__(self, place, contestant, setup):
        super().__init__(place, contestant, setup)
        self.name = contestant.name

    def start_all(self):
        """Nothing."""

    close = start_all

    def commands(self):
        """None."""
        return {}

    failures = []       # contestants whose next sample fails

    def measure_latency(self, case, sample, rate):
        """The rate that is asked for."""
        self.measure(case, sample)
        sample.update(rate=rate)

    def measure(self, _case, sample):
        """10 Mpps."""
        if self.name in self.failures:
            self.failures.remove(self.name)
            raise Failure("made to fail")
        sample.update(mpps=10, probe_ns=[1, 1], cpu_share=[1, 1],
                      placement="disturbed" if self.name == self.disturbed
                      else distance(self.place.recent()))


NEAR, FAR = 100, 500


class Schedule(unittest.TestCase):
    """What is measured next."""

    def setUp(self):
        self.out = tempfile.mkdtemp(prefix="folio-bench-out-")
        self.real = ready.Pair, ready.Limit, bench_module.WAIT
        ready.Pair, ready.Limit, bench_module.WAIT = FakePair, FakePair, 0

    def tearDown(self):
        ready.Pair, ready.Limit, bench_module.WAIT = self.real
        shutil.rmtree(self.out)

    def run_on(self, distances, *arguments, who=contestants.PEERS[:3]):
        """The record of a run on CPUs that move like that."""
        args = bench_module.parse_args([BUILD, "--cases", "one-way", "--sizes", "64,4096",
                                        "--rounds", "2", "--minutes", "0.1", *arguments])
        run = bench_module.Bench(args, FakePlace(distances), who, [])
        run.run()
        return run.record

    def test_turns(self):
        """Contestants of a case follow each other, and take turns at being first."""
        record = self.run_on([NEAR])
        samples = record["samples"]
        first = [c.name for c in contestants.PEERS[:3]]
        self.assertEqual([s["contestant"] for s in samples],
                         4 * first + 4 * (first[1:] + first[:1]))
        self.assertEqual(len(record["pairs"]), 6)       # which were started once
        self.assertEqual([s["size"] for s in samples], (["64"] * 6 + ["4096"] * 6) * 2)

    def test_disturbed(self):
        """A case that cannot be measured now does not keep the others from their turns."""
        FakePair.disturbed = "memif"
        record = self.run_on([NEAR], "--minutes", "0.05")
        FakePair.disturbed = None
        names = [s["contestant"] for s in record["samples"] if s["placement"] == "near"]
        self.assertEqual({name: names.count(name) for name in names},
                         {"memif-zero-copy": 8, "virtio-packed-vec": 8})
        self.assertIn("memif", {s["contestant"] for s in record["samples"]})

    def test_failure(self):
        """One is made good; who fails again and again is given up."""
        FakePair.failures = ["memif"]
        record = self.run_on([NEAR])
        self.assertEqual([s["contestant"] for s in record["samples"] if s["error"]], ["memif"])
        self.assertEqual(len(record["samples"]), 2 * 4 * 3 + 1)
        FakePair.failures = ["memif"] * 100
        record = self.run_on([NEAR])
        FakePair.failures = []
        self.assertEqual(len([s for s in record["samples"] if s["error"]]), 4 * 4)
        self.assertEqual(len([s for s in record["samples"] if not s["error"]]), 2 * 4 * 2)

    def test_loads(self):
        """Parts of what came back at most, where the CPUs are now."""
        record = self.run_on([NEAR], "--cases", "latency")
        rates = {s["load"]: s["rate"] for s in record["samples"]}
        self.assertEqual((rates["common 10 %"], rates["own 90 %"]), (10 ** 6, 9 * 10 ** 6))
        record = self.run_on([NEAR, NEAR] * 13 + [NEAR, FAR, FAR] + [NEAR], "--cases", "latency")
        moved = [s for s in record["samples"] if s["placement"] == "mixed"]
        self.assertTrue(moved)
        self.assertTrue(all("%" in s["load"] for s in moved))

    def test_few_pairs(self):
        """With little memory processes start again and again."""
        self.assertEqual(len(self.run_on([NEAR], "--ready", "1")["pairs"]), 24)

    def test_bare_threads(self):
        """They take no pair's place."""
        record = self.run_on([NEAR], "--ready", "3", who=(
            *contestants.PEERS[:3], *(c for c in contestants.LIMITS if c.family == "limit")))
        self.assertIn("limit", {s["contestant"] for s in record["samples"]})
        self.assertEqual(len(record["pairs"]), 9)       # one set-up, then the other, then the first

    def test_one_placement(self):
        """Others are waited out, and not measured."""
        record = self.run_on([FAR] * 5 + [NEAR], "--placement", "near")
        self.assertEqual({s["placement"] for s in record["samples"]}, {"near"})
        self.assertEqual(len(record["samples"]), 2 * 2 * 2 * 3)
        self.assertEqual(self.run_on([FAR], "--placement", "near", "--minutes", "0.05")["samples"],
                         [])

    def test_probe_fails(self):
        """What was measured until then is kept."""
        record = self.run_on([NEAR] * 8 + [None])
        self.assertEqual(len(record["samples"]), 4)     # each takes two probes
        self.assertTrue(record["interrupted"])

    def test_resume(self):
        """What an earlier run lacked is all that is measured."""
        record = self.run_on([NEAR], "--rounds", "1")
        write_results(self.out, record, "")
        more = self.run_on([NEAR], "--resume", self.out)
        self.assertEqual(more["samples"][:12], record["samples"])
        self.assertEqual([s["round"] for s in more["samples"]], [1] * 12 + [2] * 12)
        self.assertEqual(more["resumed"], [record["date"]])

    def test_resume_elsewhere(self):
        """Nor are another machine's."""
        record = self.run_on([NEAR], "--rounds", "1")
        record["machine"]["lscpu"] = "Model name: other"
        write_results(self.out, record, "")
        with self.assertRaisesRegex(Failure, "--resume=.*another machine"):
            self.run_on([NEAR], "--resume", self.out)

    def test_resume_otherwise(self):
        """Nor are those of other conditions."""
        record = self.run_on([NEAR], "--rounds", "1")
        write_results(self.out, record, "")
        with self.assertRaisesRegex(Failure, "--resume=.*another --window there: 0.25; it is 1"):
            self.run_on([NEAR], "--resume", self.out, "--window", "1")
        with mock.patch.dict(os.environ, FOLIO_HUGE_DIR=""), mock.patch.dict(
                record, huge_pages=True):
            write_results(self.out, record, "")
            with self.assertRaisesRegex(Failure, "another kind of pages there: huge; it is ordinary"):
                self.run_on([NEAR], "--resume", self.out)

    def test_resume_of_something_else(self):
        """Samples of another build are not mixed with these."""
        record = self.run_on([NEAR], "--rounds", "1")
        record["contestants"]["memif"]["plugin_sha256"] = "other"
        write_results(self.out, record, "")
        with self.assertRaisesRegex(Failure, "--resume=.*memif.*another build"):
            self.run_on([NEAR], "--resume", self.out)


class Invented(unittest.TestCase):
    """Packets that nobody sent."""

    NONE = {"guest": (0, 0), "host": (0, 0)}

    def test_more_than_sent(self):
        """A ring's worth more than could have been under way is a failure."""
        pair = Pair(FakePlace([NEAR]), contestants.PEERS[0], cases.Setup(ring=256))
        pair.check_invented(self.NONE, {"guest": (0, 1000), "host": (1000 + 4 * 256, 0)})
        pair.check_invented({"guest": (0, 0), "host": (1024, 0)},
                            {"guest": (0, 1000), "host": (3048, 0)})
        with self.assertRaisesRegex(Failure, "host received 2025 .*1000"):
            pair.check_invented(self.NONE, {"guest": (0, 1000), "host": (2025, 0)})
        with self.assertRaisesRegex(Failure, "guest received 3000 .* 1 that"):
            pair.check_invented(self.NONE, {"guest": (3000, 9000), "host": (0, 1)})

    def test_sample(self):
        """A sample looks at what was counted in it, not before."""
        pair = Pair(FakePlace([NEAR]), contestants.PEERS[0], cases.Setup(ring=256))
        case = next(c for c in cases.GROUPS[0].make(["64"]) if c.figure == "host")
        for received, problem in ((9000, contextlib.nullcontext()),
                                  (19000, self.assertRaisesRegex(Failure, "received 19000 .*9000"))):
            totals = {"guest": iter([(0, 10 ** 6), (0, 10 ** 6 + 9000)]),
                      "host": iter([(10 ** 7, 0), (10 ** 7 + received, 0)])}
            pair.sides = {name: mock.Mock(totals=functools.partial(next, values), **{
                "rates.return_value": (1e6, 1e6), "process.pid": os.getpid()})
                          for name, values in totals.items()}
            with self.subTest(received), mock.patch("time.sleep"), problem:
                pair.measure(case, {})

    def test_who_does_not_count(self):
        """The echo example says nothing of what it sends."""
        pair = Pair(FakePlace([NEAR]), contestants.PEERS[0], cases.Setup("echo", "generator"))
        pair.check_invented({"guest": None, "host": (0, 0)}, {"guest": None, "host": (9999, 1)})


class Died(unittest.TestCase):
    """A testpmd that is gone."""

    def test_end(self):
        """What it was still told is no second failure."""
        side = TestpmdSide("gone", ["sh", "-c", "exit 3"], None, None)
        side.process.wait(DEADLINE)
        side.quit()
        side.end()
        self.assertEqual(side.process.returncode, 3)


class Arrived(unittest.TestCase):
    """No packet in the window."""

    def test_nothing_arrived(self):
        """It is the contestant's failure, if nobody was in its way."""
        for where in ("near", "far", "mixed"):
            with self.assertRaisesRegex(Failure, "no packet"):
                check_arrived({"placement": where}, False)
            check_arrived({"placement": where}, True)
        check_arrived({"placement": "disturbed"}, False)


class BareThreads(unittest.TestCase):
    """The limit."""

    def test_disturbed(self):
        """Whoever runs on a thread's CPU is in the sample."""
        with subprocess.Popen([sys.executable, "-c", "import os\nos.sched_setaffinity(0, {0})\n"
                               "print(flush=True)\nwhile True: pass"],
                              stdout=subprocess.PIPE) as other:
            try:
                other.stdout.readline()
                found = Limit.ask([os.path.join(BUILD, bench_module.PROGRAMS["limit"]),
                                   "--size", "64", "--cpus", "0,1", "--seconds", "0.2"])
            finally:
                other.kill()
        self.assertLess(found["cpu_share"][0], UNDISTURBED)


class Script(unittest.TestCase):
    """What ./run bench does around it."""

    def test_told_to_end(self):
        """First the program ends, then what was set up for it is taken away."""
        child = ("import os, signal, sys, time\n"
                 "def end(*_):\n    time.sleep(0.3); os.write(1, b'child\\n'); sys.exit(3)\n"
                 "signal.signal(signal.SIGTERM, end)\nos.write(1, b'ready\\n')\n"
                 "while True: time.sleep(1)\n")
        script = ". scripts/common.sh; trap 'echo tidy' EXIT; to_end python3 -c \"$1\""
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

        def obey():     # nohup, among others, has its children ignore some
            for number in numbers:
                signal.signal(number, signal.SIG_DFL)

        for number in numbers:
            with subprocess.Popen(["bash", "-c", script, "bash", child], stdout=subprocess.PIPE,
                                  preexec_fn=obey, cwd=os.path.join(HERE, "../.."),
                                  text=True) as run:
                self.assertEqual(run.stdout.readline(), "ready\n")
                run.send_signal(number)
                self.assertEqual(run.communicate(timeout=DEADLINE)[0], "child\ntidy\n")
            self.assertEqual(run.returncode, 3)


class Runs(unittest.TestCase):
    """The whole program."""

    def test_short_run(self):
        """Every kind of program takes part, and nothing stays behind."""
        before = leftovers()
        out = tempfile.mkdtemp(prefix="folio-bench-out-")
        wanted = {(group, name) for group in ("one-way", "touched", "loop") for name in
                  ("folio", "virtio-packed", "null", "limit")} | {("latency", "folio")}
        try:
            done = bench_until(wanted, "--cases", "one-way,touched,loop,latency,work", "--sizes", "64",
                               "--contestants", "folio,virtio-packed,null,limit", "--rounds", "1",
                               "--window", "0.05", "--minutes", "8", "--ready", "3", "--out", out)
            self.assertIn(done.returncode, (0, INTERRUPTED), done.stdout + done.stderr)
            with open(os.path.join(out, "bench.json"), encoding="utf-8") as file:
                record = json.load(file)
            with open(os.path.join(out, "bench.md"), encoding="utf-8") as file:
                text = file.read()
        finally:
            shutil.rmtree(out)
        self.assertIn(text, done.stdout)
        self.assertEqual([s["error"] for s in record["samples"] if s["status"] != "ok"], [])
        found = {(s["group"], s["contestant"]) for s in record["samples"] if s["mpps"] > 0}
        self.assertGreaterEqual(found, wanted)
        self.assertIn("net_folio0,role=guest", record["pairs"][0]["guest"])
        self.assertEqual(leftovers(), before)

    def test_ordinary_pages(self):
        """Several pairs of processes live beside each other without huge pages, too."""
        out = tempfile.mkdtemp(prefix="folio-bench-out-")
        try:
            done = bench_until({("one-way", "folio"), ("one-way", "virtio-packed")}, "--cases",
                               "one-way", "--sizes", "64", "--contestants", "folio,virtio-packed",
                               "--rounds", "1", "--window", "0.05", "--minutes", "8", "--ready",
                               "3", "--out", out, FOLIO_HUGE_DIR="")
        finally:
            shutil.rmtree(out)
        self.assertIn(done.returncode, (0, INTERRUPTED), done.stdout + done.stderr)
        self.assertRegex(done.stderr, "virtio-packed .* Mpps")
        self.assertNotIn("FAILED", done.stderr)

    def test_interrupted(self):
        """What was measured until then is kept."""
        out = tempfile.mkdtemp(prefix="folio-bench-out-")
        try:
            command = [*BENCH, "--cases", "one-way", "--sizes", "64", "--contestants", "folio",
                       "--rounds", "100", "--window", "0.05", "--minutes", "1", "--ready", "1",
                       "--out", out]
            with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                  text=True) as run:
                for line in run.stderr:
                    if line.startswith("round"):
                        run.send_signal(signal.SIGTERM)
                        break
                text = run.communicate(timeout=DEADLINE)[1]
            self.assertEqual(run.returncode, INTERRUPTED)
            self.assertIn("interrupted", text)
            with open(os.path.join(out, "bench.json"), encoding="utf-8") as file:
                record = json.load(file)
        finally:
            shutil.rmtree(out)
        self.assertGreater(len(record["samples"]), 0)
        self.assertTrue(record["interrupted"])

    def test_wrong_input(self):
        """The argument, its value and what is allowed."""
        for arguments, *words in ((["--rounds", "0"], "--rounds", "'0'", "1 to 100"),
                                  (["--window", "x"], "--window", "'x'", "0.01 to 50"),
                                  (["--cpus", "0,0"], "--cpus", "'0,0'", "0,1"),
                                  (["--sizes", "65"], "--sizes", "'65'", "imix"),
                                  (["--cases", "none"], "--cases", "'none'", "one-way"),
                                  (["--contestants", "x"], "--contestants", "'x'", "memif"),
                                  (["--placement", "x"], "--placement", "'x'", "near"),
                                  (["--resume", "/none"], "--resume", "'/none'", "bench.json"),
                                  (["--sizes", "128", "--cases", "loop"], "--sizes", "128", "loop"),
                                  (["--plugin", "x=/none"], "--plugin", "'x=/none'", "NAME=FILE"),
                                  (["--plugin", "memif=" + __file__], "--plugin", "'memif'")):
            with self.subTest(arguments):
                done = bench(*arguments)
                self.assertEqual(done.returncode, 2)
                for word in words:
                    self.assertIn(word, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
