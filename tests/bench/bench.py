#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Compare folio with the other ways of moving packets between two processes: `./run bench`.

Two processes, a guest and a host, each poll on a CPU of their own: unmodified testpmds, or a packet
generator where testpmd has no mode. The contestants take turns, and only samples that were taken at
one distance of the two CPUs are compared; virtual CPUs move. docs/benchmark.md says how to read it.

Needs root, two idle CPUs and huge pages.
"""

import argparse
import collections
import hashlib
import os
import shutil
import statistics
import sys
import tempfile
import time

import cases
import contestants
import halves
import offline
import plots
import protections
import published
import report
from halves import list_option, number_option
from pairs import Failure, MIXED, PLACEMENTS, Place, distance
from ready import Ready
from record import RECORD, check_same, default_folder, machine, note, now, read, write_results
from results import FAILED, FIELDS, PREFERRED, Results
import ending
from busy import text_of

PLUGIN = "drivers/net/folio/librte_net_folio.so"
PROGRAMS = {"generator": "tests/bench/generator/bench-generator",
            "limit": "tests/bench/limit/bench-limit",
            "pingpong": "tests/bench/bench-pingpong",
            "echo": "examples/folio-echo"}
ATTEMPTS = 2        # a sample that does not count is taken once more
GIVE_UP = 4         # failures of a contestant in a case: another one would fail, too
WAIT = 1            # seconds until the CPUs' distance is probed again


def facts(contestant):
    """What the report has to know of a contestant. Builds without a protection differ from run to
    run, by the folder in which they are made."""
    found = {"ours": contestant.ours, "peer": contestant.peer, "family": contestant.family}
    if contestant.plugin and not contestant.only:
        found["plugin_sha256"] = sha256(contestant.plugin)
    return found


def sha256(path):
    """Tells one build of a program from another."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class Bench:
    """One run: the record, and what fills it."""

    def __init__(self, args, place, who, left_out):
        self.args = args
        self.place = place
        self.who = who
        self.groups = chosen_groups(args)
        self.all = self.tasks()
        self.order = {case: number for number, (_, _, case) in reversed(list(enumerate(self.all)))}
        self.ready = Ready(args.ready)
        # What came back at most, in packets a second, by contestant and placement.
        self.maxima = collections.defaultdict(list)
        self.counts = collections.Counter()     # samples by case, contestant, placement or FAILED
        self.skipped = collections.Counter()    # turns that gave none, the same
        self.record = {"date": now(), "machine": machine(), "command": sys.argv,
                       "programs": {name: sha256(path) for name, path in place.programs.items()
                                    if os.path.isfile(path)},
                       "huge_pages": bool(os.environ.get("FOLIO_HUGE_DIR")),
                       "options": vars(args), "contestants": {c.name: facts(c) for c in who},
                       "left_out": left_out, "pairs": [], "samples": []}
        if args.resume:
            self.resume(args.resume)

    def resume(self, folder):
        """Go on with the samples of an earlier run of the same programs on the same machine."""
        old = read(os.path.join(folder, RECORD))
        check_same(old, self.record, "--resume=" + folder)
        self.record["contestants"] = {**old["contestants"], **self.record["contestants"]}
        self.record["resumed"] = old.get("resumed", []) + [old["date"]]
        for name in ("pairs", "samples"):
            self.record[name] = old[name]
        for sample in old["samples"]:
            self.count(sample, tuple(sample[name] for name in FIELDS))

    def takes_part(self, contestant, group, case):
        """Further builds of folio are in every group."""
        if contestant.only and group.name not in contestant.only:
            return False
        if group.name == "protections":
            return contestant.name == "folio" or contestant.only
        if contestant.family == "limit":
            return case.size != "imix" and case.direction in ("", cases.DIRECTIONS[0])
        return not group.who or contestant.name in group.who or \
            contestant.family == "null" or contestant.name in [n for n, *_ in self.args.plugin]

    def tasks(self):
        """What there is to measure: (setup's number, contestant, case)."""
        setups = {}
        found = []
        for group in self.groups:
            for case in group.make(self.args.sizes):
                number = setups.setdefault(case.setup, len(setups))
                found += [(number, contestant, case) for contestant in self.who
                          if self.takes_part(contestant, group, case)]
        return found

    def run(self):
        """The contestants take turns until there are enough samples of all at the preferred
        distance of the CPUs, or the time is up. What is measured next is what the distance that the
        CPUs have now lacks most. What ends it early leaves the record as it is until then."""
        try:
            self.run_until(time.monotonic() + 60 * self.args.minutes)
        except (KeyboardInterrupt, Failure) as err:
            note("interrupted%s; these are the results until then" % (str(err) and ": %s" % err))
            self.record["interrupted"] = True
        finally:
            self.ready.close()

    def run_until(self, end):
        """The same; leaves pairs of processes behind."""
        only = self.args.placement
        seen = set()
        while time.monotonic() < end:
            ending.check()
            where = distance(self.place.recent())
            seen.add(where)
            wanted = only or where
            tasks = sorted((task for task in self.all if self.possible(task, wanted)),
                           key=lambda task: self.turn(task, wanted))
            if self.turn(tasks[0], wanted)[0]:
                if where == PREFERRED or only or len(seen) == 1:
                    return      # CPUs that have not moved so far are not waited for
                time.sleep(WAIT)
            elif where == wanted:
                self.take(tasks[0], where)
            elif not self.prepare(tasks, wanted):
                time.sleep(WAIT)

    def turn(self, task, where):
        """When it is this task's turn: the most telling cases first, then what was done least
        often, if possible by processes that run; for a case all contestants after each other, with
        another one in front in each round."""
        setup, contestant, case = task
        number = self.done(case, contestant.name, where)
        first = (self.who.index(contestant) - number) % len(self.who)
        return (number >= self.args.rounds, case.group in cases.LATER,
                number + self.skipped[case, contestant.name, where],
                not self.ready.serves(case.setup), setup, self.order[case], first)

    def done(self, case, name, where):
        """Samples that there are; as many as are wanted of a contestant that is given up."""
        key = tuple(case.key().values())
        if self.counts[key, name, FAILED] >= GIVE_UP:
            return self.args.rounds
        return self.counts[key, name, where]

    def possible(self, task, where):
        """Loads are parts of a maximum, which has to be known."""
        _, contestant, case = task
        if case.load.startswith("common"):
            return self.common_maximum(where) is not None
        return not case.load.startswith("own") or self.maxima[contestant.name, where]

    def own_maximum(self, name, where):
        """What a contestant returned at most, in packets a second: the median so far; else None."""
        found = self.maxima[name, where]
        return statistics.median(found) if found else None

    def common_maximum(self, where):
        """The best peer's; None until all had their first turn."""
        peers = [(case, c.name) for _, c, case in self.all
                 if c.peer and case.load == cases.MAXIMUM]
        if not all(self.done(case, name, where) for case, name in peers):
            return None
        return max((self.own_maximum(name, where) for _, name in peers
                    if self.maxima[name, where]), default=None)

    def prepare(self, tasks, where):
        """Start the processes that another distance wants first. False: there are as many as may
        be."""
        for task in tasks:
            if self.ready.full() or self.turn(task, where)[0]:
                break
            if not self.ready.has(task[1], task[2].setup):
                self.pair_for(task)
                return True
        return False

    def pair_for(self, task):
        """The pair of processes for a task; None if it does not start, which fails its cases."""
        _, contestant, case = task
        try:
            pair, fresh = self.ready.get(self.place, contestant, case.setup)
        except (OSError, Failure) as err:
            for _, who, other in self.all:
                if who is contestant and other.setup == case.setup:
                    sample = self.new_sample(other, contestant)
                    sample["error"] = str(err) if other is case else "did not start"
                    self.add(other, contestant, sample)
                    if other is case:
                        progress(case, sample)
            return None
        if fresh:
            pair.number = len(self.record["pairs"])
            self.record["pairs"].append(pair.commands())
        return pair

    def take(self, task, where):
        """A sample, and another one if that does not count; then it is somebody else's turn."""
        _, contestant, case = task
        for _ in range(ATTEMPTS):
            pair = self.pair_for(task)
            if pair is None:
                break
            sample = self.new_sample(case, contestant)
            sample["pair"] = pair.number
            try:
                with pair.awake():
                    self.measure(pair, case, sample, where)
                sample["status"] = "ok"
            except (OSError, Failure) as err:
                sample["error"] = str(err)
                self.ready.drop(contestant, case.setup)
            self.add(case, contestant, sample)
            progress(case, sample)
            if sample["placement"] in PLACEMENTS:
                return
        self.skipped[case, contestant.name, where] += 1

    def add(self, case, contestant, sample):
        """Put it into the record."""
        sample["round"] = self.count(sample, tuple(case.key().values()))
        self.record["samples"].append(sample)

    def count(self, sample, key):
        """Samples of that case, contestant and placement so far."""
        name, where = sample["contestant"], sample["placement"]
        if sample["status"] != "ok":
            where = FAILED
        elif sample["load"] == cases.MAXIMUM:
            self.maxima[name, where].append(sample["mpps"] * 1e6)
        self.counts[key, name, where] += 1
        return self.counts[key, name, where]

    @staticmethod
    def new_sample(case, contestant):
        """A sample that is still to be taken."""
        return dict(case.key(), contestant=contestant.name, round=None, time=now(),
                    status=FAILED, error=None, placement=None, pair=None)

    def measure(self, pair, case, sample, where):
        """Fill in a sample."""
        if case.host.verb == "latency":
            rate = case.rate(self.common_maximum(where),
                             self.own_maximum(sample["contestant"], where))
            pair.measure_latency(case, sample, rate)
            if "%" in case.load and sample["placement"] in PLACEMENTS and \
                    sample["placement"] != where:
                sample["placement"] = MIXED     # it is a part of another placement's maximum
        elif case.host.verb == "restart":
            pair.measure_start(sample)
        else:
            pair.measure(case, sample)


def progress(case, sample):
    """One line on stderr for a sample."""
    text = "round %d  %-32s %-18s" % (sample["round"], case.label(), sample["contestant"])
    if sample["status"] == "ok":
        text += "%8.2f Mpps  %s (%.0f, %.0f ns; %.0f, %.0f %% of the CPU)" % (
            sample["mpps"], sample["placement"], *sample["probe_ns"],
            *(100 * share for share in sample["cpu_share"]))
        if "cpu_ms" in sample:
            text += "  %.1f ms of CPU time" % sample["cpu_ms"]
        if sample.get("p50_ns"):
            text += "  %.0f ns, p99 %.0f ns" % (sample["p50_ns"], sample["p99_ns"])
        if sample.get("others"):
            text += "\n         others on the CPUs: " + text_of(sample["others"])
    else:
        lines = sample["error"].splitlines()
        text += "FAILED: " + "\n  | ".join(lines[:1] + lines[1:][-5:])
    print(text, file=sys.stderr, flush=True)


def two_cpus(text):
    """GUEST,HOST: two different CPUs that this process may use."""
    allowed = sorted(os.sched_getaffinity(0))
    found = text.split(",")
    if len(set(found)) != 2 or not set(found) <= set(map(str, allowed)):
        raise argparse.ArgumentTypeError("'%s': allowed are two different ones of %s"
                                         % (text, ",".join(map(str, allowed))))
    return found


def plugin_option(text):
    """NAME=FILE[+avx512][+DEVARG=VALUE]: (name, file, wide, devargs)."""
    name, _, rest = text.partition("=")
    file, *more = rest.split("+")
    if not name or not os.path.isfile(file):
        raise argparse.ArgumentTypeError("'%s': NAME=FILE is wanted, with a file that is there"
                                         % text)
    return (name, file, "avx512" in more, ",".join(m for m in more if m != "avx512"))


def parse_args(argv):
    """The command line."""
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [group.name for group in cases.GROUPS]
    parser.add_argument("build", metavar="BUILD", help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="the most telling cases: 3 minutes")
    parser.add_argument("--cases", type=list_option(names), metavar="LIST",
                        help="of %s" % ", ".join(names))
    parser.add_argument("--sizes", type=list_option(cases.SIZES), metavar="LIST",
                        help="of %s" % ", ".join(cases.SIZES))
    parser.add_argument("--contestants", type=list_option(contestants.NAMES), metavar="LIST",
                        help="of %s" % ", ".join(contestants.NAMES))
    parser.add_argument("--plugin", type=plugin_option, action="append", default=[],
                        metavar="NAME=FILE", help="another build of folio as a contestant, "
                        "repeatable; +avx512 and +DEVARG=VALUE may follow")
    parser.add_argument("--rounds", type=number_option(int, 1, 100), metavar="N",
                        help="samples of everybody at each distance of the CPUs "
                        "(default: 5; with --quick 3)")
    parser.add_argument("--minutes", type=number_option(float, 0.05, 1440), metavar="N",
                        help="end then at the latest, with what there is (default: 38; with "
                        "--quick 2.75)")
    parser.add_argument("--placement", choices=PLACEMENTS, help="wait for this distance of the CPUs "
                        "and take samples then only")
    parser.add_argument("--resume", metavar="FOLDER", help="go on with an earlier run's results")
    parser.add_argument("--ready", type=number_option(int, 1, 100), default=9, metavar="N",
                        help="pairs of processes that are kept, 560 MB each (default: 9)")
    parser.add_argument("--window", type=number_option(float, 0.01, 50), default=0.25,
                        metavar="SECONDS", help="how long a sample takes (default: 0.25)")
    parser.add_argument("--cpus", type=two_cpus, default="0,1", metavar="GUEST,HOST",
                        help="where they poll (default: 0,1)")
    parser.add_argument("--out", metavar="FOLDER", help="for tables, plots and JSON "
                        "(default: build/bench/DATE; with --resume that folder)")
    parser.add_argument("--publish", choices=published.PLACES, help="copy the record into "
                        "docs/results as one of this placement, where --pages finds it")
    parser.epilog = ("With the ends on two machines, or in a guest and on its host: ./run bench "
                     "--guest --help\nTables and plots of earlier records, without measuring: ./run "
                     "bench --report --help")
    args = parser.parse_args(argv)
    args.groups = args.cases or (list(cases.QUICK) if args.quick else names)
    args.sizes = args.sizes or (list(cases.EXTREMES) if args.quick else list(cases.SIZES))
    args.rounds = args.rounds or (3 if args.quick else 5)
    args.minutes = args.minutes or (2.75 if args.quick else 38)
    args.out = args.out or args.resume or default_folder(args.build)
    if not any(group.make(args.sizes) for group in chosen_groups(args)):
        parser.error("--sizes: %s: none of these is measured in %s"
                     % (",".join(args.sizes), ",".join(args.groups)))
    if args.resume and not os.path.isfile(os.path.join(args.resume, RECORD)):
        parser.error("--resume: '%s': a folder with a %s is wanted" % (args.resume, RECORD))
    for name, *_ in args.plugin:
        if [n for n, *_ in args.plugin].count(name) > 1 or name in contestants.NAMES:
            parser.error("--plugin: '%s' is the name of another contestant" % name)
    if os.geteuid() != 0:
        parser.error("huge pages and pinned threads need root")
    return args


def everybody(args, folder):
    """(contestants that the command line asks for, who cannot take part and why)."""
    def private(file):
        # EAL refuses plugins below a world-writable folder such as /tmp: load a copy.
        target = os.path.join(folder, "%d-librte_net_folio.so" % len(os.listdir(folder)))
        return shutil.copy(file, target)

    plugin = private(os.path.join(args.build, PLUGIN))
    found = [contestants.folio(name, plugin, wide) for name, wide in contestants.OURS]
    found += [contestants.folio_on_vhost(name, plugin, packed)
              for name, packed in contestants.ON_VHOST]
    found += [contestants.folio(name, private(file), wide, devargs)
              for name, file, wide, devargs in args.plugin]
    found += [*contestants.PEERS, *contestants.LIMITS]
    wanted = args.contestants or (cases.QUICK_WHO if args.quick else contestants.NAMES)
    found = [c for c in found if c.name in wanted or c.name not in contestants.NAMES]
    able = [c for c in found if not c.wide or contestants.has_avx512()]
    left_out = ["%s (this CPU has no AVX-512)" % c.name for c in found if c not in able]
    if "protections" in args.groups:
        note("building folio without its protections, one at a time")
        weaker, failed = protections.build_all(args.build, folder)
        able += weaker
        left_out += failed
    return able, left_out


def chosen_groups(args):
    """The groups of cases that are measured."""
    groups = [group for group in cases.GROUPS if group.name in args.groups]
    if args.quick:
        groups = [cases.Group(g.name, cases.QUICK.get(g.name, g.make), g.who) for g in groups]
    return groups


def run(args):
    """Measure; returns the record."""
    folder = tempfile.mkdtemp(prefix="folio-bench-", dir="/run")
    try:
        programs = {name: os.path.join(args.build, path) for name, path in PROGRAMS.items()}
        programs["testpmd"] = "dpdk-testpmd"
        who, left_out = everybody(args, folder)
        with Place(args.cpus, folder, programs, args.window) as place:
            bench = Bench(args, place, who, left_out)
            if not bench.all:
                raise Failure("nobody is left to be measured; left out: %s"
                              % ", ".join(left_out or ["who takes no part in these cases"]))
            bench.run()
        return bench.record
    finally:
        shutil.rmtree(folder)


def main():
    """Exit status: 0 if no sample failed. An interrupted run has kept its results."""
    words = {word.partition("=")[0] for word in sys.argv}
    for program, options in ((halves, ("--host", "--guest")), (offline, ("--report", "--pages"))):
        if words.intersection(options):
            return program.main(sys.argv[1:])
    args = parse_args(sys.argv[1:])
    record = run(args)
    text = report.report(record)
    print(text)
    write_results(args.out, record, text)
    files, empty = plots.draw(Results(record), args.out)
    note("tables, JSON and %d plots are in %s" % (len(files), args.out))
    if empty:
        note("not drawn, as too few samples count: %s" % ", ".join(empty))
    if args.publish:
        published.add(record, args.publish)
    if record.get("interrupted"):
        return ending.INTERRUPTED
    return 1 if any(s["status"] != "ok" for s in record["samples"]) else 0


if __name__ == "__main__":
    sys.exit(ending.run("bench", main, Failure))
