#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Compare folio with the other ways of moving packets between two processes: `./run bench`.

Two processes, a guest and a host, each poll on a CPU of their own: unmodified testpmds, or a packet
generator where testpmd has no mode. The contestants take turns, round by round, and only samples
that were taken at one distance of the two CPUs are compared. docs/benchmark.md says how to read it.

Needs root, two idle CPUs and huge pages.
"""

import argparse
import hashlib
import os
import shutil
import signal
import sys
import tempfile

import cases
import contestants
import halves
import plots
import protections
import report
import results
from limit import Limit
from pairs import Failure, PLACEMENTS, Pair, Place
from record import default_folder, machine, note, now, write_results
from side import HERE

PLUGIN = "drivers/net/folio/librte_net_folio.so"
PROGRAMS = {"generator": "tests/bench/generator/bench-generator",
            "limit": "tests/bench/limit/bench-limit",
            "echo": "examples/folio-echo"}


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
        self.common = None      # packets a second that the loads which all have in common refer to
        self.record = {"date": now(), "machine": machine(), "command": sys.argv,
                       "options": vars(args), "contestants": {c.name: facts(c) for c in who},
                       "left_out": left_out, "pairs": [], "samples": []}

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

    def run(self):
        """Every contestant once a round in every setup, the order rotated."""
        plan = {}       # what a pair, once started, is used for
        for group in self.groups:
            for case in group.make(self.args.sizes):
                plan.setdefault(case.setup, []).append((group, case))
        for number in range(self.args.rounds):
            for setup, listed in plan.items():
                for i in range(len(self.who)):
                    contestant = self.who[(i + number) % len(self.who)]
                    mine = [case for group, case in listed
                            if self.takes_part(contestant, group, case)
                            and (self.common or not case.load.startswith("common"))]
                    if mine:
                        self.take(contestant, setup, mine, number + 1)
            self.common = self.common or self.best_maximum()

    def best_maximum(self):
        """What the best peer returned at most in the first round, None if that was not asked."""
        return max((s["mpps"] * 1e6 for s in self.record["samples"]
                    if s["load"] == cases.MAXIMUM and s["status"] == "ok"
                    and self.record["contestants"][s["contestant"]]["peer"]), default=None)

    def new_sample(self, case, contestant, number):
        """A sample that is still to be taken."""
        sample = dict(case.key(), contestant=contestant.name, round=number, time=None,
                      status="failed", error="not reached", placement=None, pair=None)
        self.record["samples"].append(sample)
        return sample

    def take(self, contestant, setup, mine, number):
        """One pair: a sample of each case, and another one of those that do not count."""
        samples = [self.new_sample(case, contestant, number) for case in mine]
        case, sample = mine[0], samples[0]
        own = 0     # packets a second that this contestant returns at most
        try:
            with (Limit if contestant.family == "limit" else Pair)(self.place, contestant,
                                                                   setup) as pair:
                self.record["pairs"].append(pair.commands())
                for case, sample in zip(mine, samples):
                    self.measure(pair, case, sample, own)
                    if sample["placement"] not in PLACEMENTS:
                        sample = self.new_sample(case, contestant, number)
                        self.measure(pair, case, sample, own)
                    if case.load == cases.MAXIMUM:
                        own = sample["mpps"] * 1e6
        except (OSError, Failure) as err:
            sample["error"] = str(err)
            progress(case, sample)

    def measure(self, pair, case, sample, own):
        """Fill in a sample."""
        sample.update(time=now(), pair=len(self.record["pairs"]) - 1)
        if case.host.verb == "latency":
            pair.measure_latency(case, sample, case.rate(self.common, own))
        elif case.host.verb == "restart":
            pair.measure_start(sample)
        else:
            pair.measure(case, sample)
        sample.update(status="ok", error=None)
        progress(case, sample)


def progress(case, sample):
    """One line on stderr for a sample."""
    text = "round %d  %-32s %-18s" % (sample["round"], case.label(), sample["contestant"])
    if sample["status"] == "ok":
        text += "%8.2f Mpps  %s (%.0f, %.0f ns; %.0f, %.0f %% of the CPU)" % (
            sample["mpps"], sample["placement"], *sample["probe_ns"],
            *(100 * share for share in sample["cpu_share"]))
        if sample.get("p50_ns"):
            text += "  %.0f ns, p99 %.0f ns" % (sample["p50_ns"], sample["p99_ns"])
    else:
        lines = sample["error"].splitlines()
        text += "FAILED: " + "\n  | ".join(lines[:1] + lines[1:][-5:])
    print(text, file=sys.stderr, flush=True)


def chosen(text, allowed, parser, option):
    """A list from the command line, checked."""
    found = text.split(",")
    for word in found:
        if word not in allowed:
            parser.error("%s: '%s' is unknown: allowed are %s" % (option, word, ", ".join(allowed)))
    return found


def bounded(kind, least, most):
    """The type of an option with a range."""
    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise argparse.ArgumentTypeError("'%s': allowed is %s to %s" % (text, least, most))
        return value
    return parse


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
    parser.add_argument("--cases", metavar="LIST", help="of %s" % ", ".join(names))
    parser.add_argument("--contestants", metavar="LIST", help="only these")
    parser.add_argument("--sizes", metavar="LIST", help="of %s" % ", ".join(cases.SIZES))
    parser.add_argument("--rounds", type=bounded(int, 1, 100), metavar="N",
                        help="how often everybody's turn comes (default: 5; with --quick 3)")
    parser.add_argument("--window", type=bounded(float, 0.01, 60), default=0.25,
                        metavar="SECONDS", help="how long a sample takes (default: 0.25)")
    parser.add_argument("--plugin", type=plugin_option, action="append", default=[],
                        metavar="NAME=FILE", help="another build of folio as a contestant, "
                        "repeatable; +avx512 and +DEVARG=VALUE may follow")
    parser.add_argument("--cpus", type=two_cpus, default="0,1", metavar="GUEST,HOST",
                        help="where they poll (default: 0,1)")
    parser.add_argument("--out", metavar="FOLDER", help="for tables, plots and JSON "
                        "(default: build/bench/DATE)")
    parser.add_argument("--publish", action="store_true",
                        help="copy the results into docs/, where its pages refer to them")
    args = parser.parse_args(argv)
    args.out = args.out or default_folder(args.build)
    default = "64,1518" if args.quick else ",".join(cases.SIZES)
    args.sizes = chosen(args.sizes or default, cases.SIZES, parser, "--sizes")
    args.rounds = args.rounds or (3 if args.quick else 5)
    args.groups = chosen(args.cases or ",".join(cases.QUICK if args.quick else names), names,
                         parser, "--cases")
    if os.geteuid() != 0:
        parser.error("huge pages and pinned threads need root")
    return args, parser


def everybody(args, parser, folder):
    """(contestants that the command line asks for, who cannot take part and why)."""
    def private(file):
        # EAL refuses plugins below a world-writable folder such as /tmp: load a copy.
        target = os.path.join(folder, "%d-librte_net_folio.so" % len(os.listdir(folder)))
        return shutil.copy(file, target)

    plugin = private(os.path.join(args.build, PLUGIN))
    found = [contestants.folio("folio", plugin), contestants.folio("folio-avx512", plugin, True)]
    found += [contestants.folio(name, private(file), wide, devargs)
              for name, file, wide, devargs in args.plugin]
    found += [*contestants.PEERS, *contestants.LIMITS]
    extra = [name for name, *_ in args.plugin]
    if args.contestants:
        wanted = chosen(args.contestants, [c.name for c in found], parser, "--contestants") + extra
    elif args.quick:
        wanted = [*cases.QUICK_WHO, *extra]
    else:
        wanted = [c.name for c in found]
    found = [c for c in found if c.name in wanted]
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
        target = {".md": "results/%s-summary.md" % date, ".json": "results/%s-bench.json" % date,
                  ".svg": "img/bench-%s.svg" % base, ".png": "img/bench-%s.png" % base}[kind]
        shutil.copy(os.path.join(folder, name), os.path.join(docs, target))
    note("copied to docs/results and docs/img")


def main():
    """Exit status: 0 if every contestant gave a sample of each of its cases."""
    if {"--host", "--guest"} & set(sys.argv):
        return halves.main(sys.argv[1:])
    args, parser = parse_args(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))   # so that everything is cleaned up
    folder = tempfile.mkdtemp(prefix="folio-bench-", dir="/run")
    try:
        programs = {name: os.path.join(args.build, path) for name, path in PROGRAMS.items()}
        place = Place(args.cpus, folder, {"testpmd": "dpdk-testpmd", **programs}, args.window)
        who, left_out = everybody(args, parser, folder)
        bench = Bench(args, place, who, left_out)
        spinner = place.start_spinner()
        try:
            bench.run()
        finally:
            spinner.kill()
            spinner.wait()
            spinner.stdout.close()
    finally:
        shutil.rmtree(folder)
    text = report.report(bench.record)
    print(text)
    write_results(args.out, bench.record, text)
    files = plots.draw(results.Results(bench.record), args.out)
    note("tables, JSON and %d plots are in %s" % (len(files), args.out))
    if args.publish:
        publish(args.out, bench.record["date"][:10])
    return 0 if all(s["status"] != "failed" for s in bench.record["samples"]) else 1


if __name__ == "__main__":
    sys.exit(main())
