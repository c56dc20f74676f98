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
import json
import lzma
import os
import shutil
import signal
import sys
import tempfile
import time

import cases
import contestants
import halves
import plots
import protections
import report
from halves import list_option, number_option
from limit import Limit
from pairs import Failure, PLACEMENTS, Pair, Place, distance
from record import RECORD, default_folder, machine, note, now, write_results
from results import FIELDS, PREFERRED, Results
from side import HERE

PLUGIN = "drivers/net/folio/librte_net_folio.so"
PROGRAMS = {"generator": "tests/bench/generator/bench-generator",
            "limit": "tests/bench/limit/bench-limit",
            "pingpong": "tests/bench/bench-pingpong",
            "echo": "examples/folio-echo"}
ATTEMPTS = 2        # a sample that does not count is taken once more
WAIT = 0.5          # seconds until the CPUs' distance is probed again


def facts(contestant):
    """What the report has to know of a contestant."""
    found = {"ours": contestant.ours, "peer": contestant.peer, "family": contestant.family}
    if contestant.plugin:
        with open(contestant.plugin, "rb") as file:
            found["plugin_sha256"] = hashlib.sha256(file.read()).hexdigest()
    return found


class Bench:
    """One run: the record, and what fills it."""

    def __init__(self, args, place, who, left_out):
        self.args = args
        self.place = place
        self.who = who
        self.groups = chosen_groups(args)
        # Packets a second that loads refer to which all have in common: known after a round.
        self.common = dict.fromkeys(PLACEMENTS)
        self.counts = collections.Counter()     # samples by case, contestant, placement
        self.record = {"date": now(), "machine": machine(), "command": sys.argv,
                       "options": vars(args), "contestants": {c.name: facts(c) for c in who},
                       "left_out": left_out, "pairs": [], "samples": []}
        if args.resume:
            self.resume(args.resume)

    def resume(self, folder):
        """Go on with the samples of an earlier run of the same programs on the same machine."""
        with open(os.path.join(folder, RECORD), encoding="utf-8") as file:
            old = json.load(file)
        for name in sorted(set(old["contestants"]) & set(self.record["contestants"])):
            if old["contestants"][name] != self.record["contestants"][name]:
                raise Failure("--resume=%s: '%s' was another build there" % (folder, name))
        if old["machine"]["lscpu"] != self.record["machine"]["lscpu"]:
            raise Failure("--resume=%s: was made on another machine" % folder)
        self.record["contestants"] = {**old["contestants"], **self.record["contestants"]}
        self.record["resumed"] = old.get("resumed", []) + [old["date"]]
        for name in ("pairs", "samples"):
            self.record[name] = old[name]
        for sample in old["samples"]:
            self.count(sample, tuple(sample[name] for name in FIELDS))
        self.common = {where: self.best_maximum(where) for where in PLACEMENTS}

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

    def jobs(self):
        """What a pair of processes is used for, once started: (setup's number, contestant, setup,
        cases)."""
        plan = {}
        for group in self.groups:
            for case in group.make(self.args.sizes):
                plan.setdefault(case.setup, []).append((group, case))
        found = []
        for number, (setup, listed) in enumerate(plan.items()):
            for contestant in self.who:
                mine = [case for group, case in listed if self.takes_part(contestant, group, case)]
                if mine:
                    found.append((number, contestant, setup, mine))
        return found

    def run(self):
        """The contestants take turns until there are enough samples of all at the preferred
        distance of the CPUs, or the time is up. What is measured next is what the distance that the
        CPUs have now lacks most."""
        jobs = self.jobs()
        end = time.monotonic() + 60 * self.args.minutes
        only = self.args.placement
        seen = set()
        while time.monotonic() < end:
            where = distance(self.place.recent())
            seen.add(where)
            job = min(jobs, key=lambda job: self.turn(job, where))
            if self.turn(job, where)[0] or not self.suits(where):
                if where == (only or PREFERRED) or (len(seen) == 1 and not only):
                    return      # CPUs that have not moved so far are not waited for
                time.sleep(WAIT)
                continue
            self.take(*job[1:], end)
            self.common[where] = self.common[where] or self.best_maximum(where)

    def suits(self, where):
        """Are samples of this distance wanted?"""
        return self.args.placement in (None, where)

    def turn(self, job, where):
        """When it is this job's turn: the most telling cases first, then what was done least often;
        all contestants of a setup after each other, with another one in front in each round."""
        setup_number, contestant, _setup, mine = job
        done = [self.done(case, contestant, where) for case in mine if self.possible(case, where)]
        number = min(done, default=self.args.rounds)
        later = all(case.group in cases.LATER for case in mine)
        first = (self.who.index(contestant) - number) % len(self.who)
        return (number >= self.args.rounds, later, number, setup_number, first)

    def done(self, case, contestant, where):
        """Samples that there are; where one failed another one would, too."""
        return self.counts[tuple(case.key().values()), contestant.name, where]

    def possible(self, case, where):
        """The load that all have in common is not known from the beginning."""
        return not case.load.startswith("common") or self.common[where]

    def best_maximum(self, where):
        """What the best peer returned at most, None if that was not measured at this placement."""
        return max((s["mpps"] * 1e6 for s in self.record["samples"]
                    if s["load"] == cases.MAXIMUM and s["placement"] == where
                    and self.record["contestants"][s["contestant"]]["peer"]), default=None)

    def take(self, contestant, setup, mine, end):
        """One pair: a sample of each case that lacks some where the CPUs are."""
        left = list(mine)
        own = None      # packets a second that this contestant returns at most
        try:
            with (Limit if contestant.family == "limit" else Pair)(self.place, contestant,
                                                                   setup) as pair:
                self.record["pairs"].append(pair.commands())
                while left and time.monotonic() < end:
                    where = distance(self.place.recent())
                    wanted = self.done(left[0], contestant, where) < self.args.rounds or \
                        left[0].load == cases.MAXIMUM
                    if wanted and self.suits(where) and self.possible(left[0], where):
                        sample = self.take_case(pair, left[0], contestant, own)
                        if left[0].load == cases.MAXIMUM:
                            own = sample["mpps"] * 1e6
                    left.pop(0)
        except (OSError, Failure) as err:
            for case in left:
                sample = self.new_sample(case, contestant)
                sample["error"] = str(err) if case is left[0] else "not reached"
                self.add(case, contestant, sample)
            progress(left[0], self.record["samples"][-len(left)])

    def take_case(self, pair, case, contestant, own):
        """A sample, and another one if that does not count; returns the last one."""
        for _ in range(ATTEMPTS):
            sample = self.new_sample(case, contestant)
            if not self.measure(pair, case, sample, own):
                return None
            self.add(case, contestant, sample)
            progress(case, sample)
            if sample["placement"] in PLACEMENTS:
                break
        return sample

    def add(self, case, contestant, sample):
        """Put it into the record."""
        sample["round"] = self.count(sample, tuple(case.key().values()))
        self.record["samples"].append(sample)

    def count(self, sample, key):
        """Samples of that case, contestant and placement so far."""
        for where in PLACEMENTS if sample["status"] != "ok" else (sample["placement"],):
            self.counts[key, sample["contestant"], where] += 1
        return self.counts[key, sample["contestant"], where]

    @staticmethod
    def new_sample(case, contestant):
        """A sample that is still to be taken."""
        return dict(case.key(), contestant=contestant.name, round=None, time=now(),
                    status="failed", error=None, placement=None, pair=None)

    def measure(self, pair, case, sample, own):
        """Fill in a sample. False: not now, the load that all have in common is not known yet."""
        sample["pair"] = len(self.record["pairs"]) - 1
        if case.host.verb == "latency":
            common = self.common[distance(self.place.recent())]
            if case.load.startswith("common") and not common:
                return False
            pair.measure_latency(case, sample, case.rate(common, own))
        elif case.host.verb == "restart":
            pair.measure_start(sample)
        else:
            pair.measure(case, sample)
        sample["status"] = "ok"
        return True


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
                        "--quick 2.5)")
    parser.add_argument("--placement", choices=PLACEMENTS, help="wait for this distance of the CPUs "
                        "and take samples then only")
    parser.add_argument("--resume", metavar="FOLDER", help="go on with an earlier run's results")
    parser.add_argument("--window", type=number_option(float, 0.01, 60), default=0.25,
                        metavar="SECONDS", help="how long a sample takes (default: 0.25)")
    parser.add_argument("--cpus", type=two_cpus, default="0,1", metavar="GUEST,HOST",
                        help="where they poll (default: 0,1)")
    parser.add_argument("--out", metavar="FOLDER", help="for tables, plots and JSON "
                        "(default: build/bench/DATE; with --resume that folder)")
    parser.add_argument("--publish", action="store_true",
                        help="copy the results into docs/, where its pages refer to them")
    parser.epilog = ("With the ends on two machines, or in a guest and on its host: ./run bench "
                     "--guest --help")
    args = parser.parse_args(argv)
    args.groups = args.cases or (list(cases.QUICK) if args.quick else names)
    args.sizes = args.sizes or (list(cases.EXTREMES) if args.quick else list(cases.SIZES))
    args.rounds = args.rounds or (3 if args.quick else 5)
    args.minutes = args.minutes or (2.5 if args.quick else 38)
    args.out = args.out or args.resume or default_folder(args.build)
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


def publish(folder, date):
    """Copy the table and the JSON to docs/results, the plots to docs/img."""
    docs = os.path.join(HERE, "../../docs")
    os.makedirs(os.path.join(docs, "img"), exist_ok=True)
    for name in sorted(os.listdir(folder)):
        base, kind = os.path.splitext(name)
        target = {".md": "results/%s-summary.md" % date, ".json": "results/%s-bench.json.xz" % date,
                  ".svg": "img/bench-%s.svg" % base, ".png": "img/bench-%s.png" % base}[kind]
        target = os.path.join(docs, target)
        if kind == ".json":     # megabytes
            with open(os.path.join(folder, name), "rb") as file, lzma.open(target, "wb") as packed:
                shutil.copyfileobj(file, packed)
        else:
            shutil.copy(os.path.join(folder, name), target)
    note("copied to docs/results and docs/img")


def run(args):
    """Measure; returns the record."""
    folder = tempfile.mkdtemp(prefix="folio-bench-", dir="/run")
    try:
        programs = {name: os.path.join(args.build, path) for name, path in PROGRAMS.items()}
        programs["testpmd"] = "dpdk-testpmd"
        who, left_out = everybody(args, folder)
        with Place(args.cpus, folder, programs, args.window) as place:
            bench = Bench(args, place, who, left_out)
            try:
                bench.run()
            except KeyboardInterrupt:
                note("interrupted: these are the results until then")
                bench.record["interrupted"] = True
        return bench.record
    finally:
        shutil.rmtree(folder)


def main():
    """Exit status: 0 if no sample failed."""
    if {"--host", "--guest"} & set(sys.argv):
        return halves.main(sys.argv[1:])
    args = parse_args(sys.argv[1:])
    signal.signal(signal.SIGTERM, signal.default_int_handler)   # clean up, keep the results
    try:
        record = run(args)
    except Failure as err:
        note(str(err))
        return 1
    text = report.report(record)
    print(text)
    write_results(args.out, record, text)
    files = plots.draw(Results(record), args.out)
    note("tables, JSON and %d plots are in %s" % (len(files), args.out))
    if args.publish:
        publish(args.out, record["date"][:10])
    failed = any(s["status"] != "ok" for s in record["samples"])
    return 1 if failed or record.get("interrupted") else 0


if __name__ == "__main__":
    sys.exit(main())
