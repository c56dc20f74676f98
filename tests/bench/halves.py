# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The benchmark with its ends on two machines, or in a guest and on its host.

Start both, in any order:

  ./run bench --host  --port NAME=EAL-ARGUMENTS [--port ...]
  ./run bench --guest --port NAME=EAL-ARGUMENTS [--port ...]

The guest half drives, and tells the host half over the port itself what to do; the host half obeys
until it is told to quit, or by Ctrl-C. NAME is for the tables. Both name the same ports in the same
order; every port gets its turn in every round. For example

  --port folio=--vdev=net_folio0,role=host,path=/dev/hugepages/folio0     on the host
  --port folio=--vdev=net_folio0,pci=0000:00:04.0                         in the guest
"""

import argparse
import collections
import dataclasses
import itertools
import os
import select
import shlex
import shutil
import sys
import tempfile
import time

import cases
import plots
import report
from generator import Generator
from pairs import DISTURBED, UNDISTURBED, UNPROBED, WARM_UP, check_arrived
from record import default_folder, machine, note, now, write_results
from results import FAILED, Results
from side import Failure
from testpmd import memory_args

PLUGIN = "drivers/net/folio/librte_net_folio.so"
GENERATOR = "tests/bench/generator/bench-generator"
GROUPS = ("one-way", "touched", "loop", "both-ways", "latency", "bursts")
MEGABYTES = 256
MARGIN = 0.2            # seconds that the host sends for longer than it takes
MEET_DEADLINE = 120     # for the other half to be there
PAUSE = 0.5             # between attempts to meet
EXTRA = 0.01            # of what was sent may come from others on the same network
LATENCY_DEADLINE = 60   # beyond the window

Port = collections.namedtuple("Port", "name arguments")
# Our counters before a case, at the window's ends and after the case; the host half's; CPU seconds.
Counts = collections.namedtuple("Counts", "before first last after host_before host_after used")


class Half:
    """What both halves do: start generators in a private folder. Use it in a `with` statement."""

    def __init__(self, args):
        self.args = args
        self.folder = tempfile.mkdtemp(prefix="folio-bench-", dir="/run")
        self.count = 0
        # EAL refuses plugins below a world-writable folder such as /tmp: load a copy.
        self.plugin = shutil.copy(os.path.join(args.build, PLUGIN), self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def command(self, port):
        """The command line for a port."""
        cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        pci = any(word.startswith(("-a", "--allow")) for word in port.arguments)
        return [os.path.join(self.args.build, GENERATOR),
                "--lcores=0@(%s),1@%d" % (cpus, self.args.cpu), *([] if pci else ["--no-pci"]),
                *memory_args(MEGABYTES), "--no-telemetry",
                "--file-prefix=" + os.path.basename(self.folder), "-d", self.plugin,
                *port.arguments, "--", "--frame", str(self.args.frame)]

    def start(self, port):
        """A generator that takes commands; the caller ends it."""
        self.count += 1
        generator = Generator(port.name, self.command(port),
                              dict(os.environ, RUNTIME_DIRECTORY=self.folder),
                              "%s/%d.log" % (self.folder, self.count))
        try:
            generator.ready = generator.wait_ready()
        except BaseException:
            generator.end()
            raise
        return generator


def serve(half):
    """The host half: one port after the other, for ever, until the other half says quit."""
    for port in itertools.cycle(half.args.port):
        generator = half.start(port)
        try:
            generator.ask("respond")
            note("%s: ready for the guest half" % port.name)
            select.select([generator.process.stdout], [], [])   # it may take days
            if "quit" in generator.answer():
                return 0
        finally:
            generator.end()
    raise AssertionError("there is a port")


class Drive:
    """The guest half: measures, and fills the record."""

    def __init__(self, half):
        self.half = half
        self.args = half.args
        self.plan = [self.turned(case) for group in cases.GROUPS if group.name in self.args.groups
                     for case in group.make(self.args.sizes) if not case.load.startswith("common")]
        self.generator = None
        self.record = {"date": now(), "machine": machine(), "command": sys.argv,
                       "options": dict(vars(self.args), port=[p._asdict() for p in self.args.port]),
                       "contestants": {}, "left_out": [], "pairs": [], "samples": []}

    @staticmethod
    def turned(case):
        """The host half only obeys: what it would have to drive begins here."""
        if case.group in ("latency", "loop"):
            return dataclasses.replace(case, guest=case.host, host=case.guest, figure="guest")
        return case

    def run(self):
        """Every port once a round. However it ends, the host half is told.

        Returns whether it came to its end: what was measured until the other half is gone is kept.
        """
        try:
            for number in range(self.args.rounds):
                for port in self.args.port:
                    if self.generator:
                        self.leave("next")
                    self.meet(port)
                    self.take_all(port, number + 1)
            return True
        except (Failure, KeyboardInterrupt) as err:
            if not self.record["samples"]:
                raise
            note("ended early: %s" % (str(err) or "interrupted"))
            return False
        finally:
            self.leave("quit")

    def leave(self, what):
        """Tell the other half that this port was all, and end ours."""
        if self.generator:
            try:
                self.generator.try_to("stop")
                self.generator.try_to("remote " + what)
            except Failure:
                pass        # it is gone; and so will be the other half, by hand
            self.generator.end()
            self.generator = None

    def meet(self, port):
        """Start our end, and wait until the other half answers."""
        deadline = time.monotonic() + MEET_DEADLINE
        said = False
        while self.generator is None:
            try:
                self.generator = self.half.start(port)
                self.check(self.wait_answer(deadline))
            except Failure as err:
                # The device may be there when the other half has started.
                if self.generator or time.monotonic() > deadline:
                    raise
                if not said:
                    note("%s: trying until the host half is there: %s" % (port.name, err))
                said = True
                time.sleep(PAUSE)
        ready = self.generator.ready
        ours = ready["driver"] == "net_folio"
        self.record["contestants"][port.name] = {"ours": ours, "peer": not ours,
                                                 "family": ready["driver"]}
        self.record["pairs"].append({"guest": " ".join(self.half.command(port)), "ready": ready})

    def wait_answer(self, deadline):
        """The other half's first answer."""
        self.generator.wait_link(max(0, deadline - time.monotonic()))
        while True:
            answer = self.generator.try_to("remote count")
            if "error" not in answer:
                return answer
            if time.monotonic() > deadline:
                raise self.generator.failure("says: " + answer["error"])

    def check(self, answer):
        """Do the other half's frames suffice?"""
        longest = max((int(size) for size in self.args.sizes if size != "imix"), default=0)
        if longest > answer["frame"]:
            raise Failure("the host half takes frames of up to %d bytes: start it with --frame=%d"
                          % (answer["frame"], longest))

    def take_all(self, port, number):
        """A sample of each case."""
        maximum = 0     # packets a second that come back at most
        for case in self.plan:
            sample = dict(case.key(), contestant=port.name, round=number, time=now(),
                          status=FAILED, error=None, placement=None,
                          pair=len(self.record["pairs"]) - 1)
            self.record["samples"].append(sample)
            try:
                if case.guest.verb == "latency":
                    self.take_latency(case, sample, case.rate(0, maximum))
                else:
                    self.take(case, sample)
                sample["status"] = "ok"
            except Failure as err:
                sample["error"] = str(err)
                self.generator.ask("stop")          # or else there is no point in going on
                self.generator.ask("remote stop")
            if case.load == cases.MAXIMUM:
                maximum = sample.get("mpps", 0) * 1e6
            progress(case, sample)

    @staticmethod
    def words(action, burst):
        """An action as a command."""
        verb = {"inject": "loop"}.get(action.verb, action.verb)
        words = [verb, "burst=%d" % burst]
        words += ["size=" + action.size] if action.starts_traffic else []
        words += ["touch=1"] if action.touch else []
        return " ".join(words)

    def ask_host(self, case):
        """Make the other half do its part; returns its counters before."""
        command = "remote " + self.words(case.host, case.burst)
        if case.host.starts_traffic:
            command += " ms=%d" % (1000 * (WARM_UP + self.args.window + MARGIN))
        return self.generator.ask(command)

    def take(self, case, sample):
        """Rates of a window, and whether all that was sent arrived.

        The host half cannot be asked while packets flow. What arrived of all that we sent is what
        arrived of those in the window, too.
        """
        counts = self.count(case)
        seconds = (counts.last["ns"] - counts.first["ns"]) / 1e9
        rx_pps, tx_pps = ((counts.last[name] - counts.first[name]) / seconds
                          for name in ("rx_packets", "tx_packets"))
        sent, received = (counts.after[name] - counts.before[name]
                          for name in ("tx_packets", "rx_packets"))
        host_sent, host_received = (counts.host_after[name] - counts.host_before[name]
                                    for name in ("tx_packets", "rx_packets"))
        host_pps = tx_pps * host_received / sent if sent else 0
        sample["rates"] = {"guest": {"rx_pps": rx_pps, "tx_pps": tx_pps},
                           "host": {"rx_pps": host_pps}}
        sample["missing"] = {"to host": sent - host_received, "to guest": host_sent - received}
        if max(host_received - sent, received - host_sent) > EXTRA * (sent + host_sent):
            raise Failure("more packets arrived than were sent: missing %(to host)d to host, "
                          "%(to guest)d to guest" % sample["missing"])
        figure = {"guest": rx_pps, "host": host_pps, "both": rx_pps + host_pps}[case.figure]
        self.finish(sample, figure, counts.used / seconds)

    def count(self, case):
        """Let packets flow, and count them at all times that matter."""
        generator = self.generator
        before, host_before = generator.ask("count"), self.ask_host(case)
        generator.ask(self.words(case.guest, case.burst))
        time.sleep(WARM_UP)
        first, used = generator.ask("count"), generator.cpu_time()
        time.sleep(self.args.window)
        last, used = generator.ask("count"), generator.cpu_time() - used
        if case.host.starts_traffic:
            time.sleep(2 * MARGIN)      # until the host half listens again
        generator.ask("stop")
        host_after, after = generator.ask("remote stop"), generator.ask("count")
        return Counts(before, first, last, after, host_before, host_after, used)

    def take_latency(self, case, sample, rate):
        """The host half returns what we send at a rate, 0: one packet at a time."""
        generator = self.generator
        self.ask_host(case)
        used, start = generator.cpu_time(), time.monotonic()
        found = generator.ask("latency size=%s burst=%d rate=%d seconds=%g" % (
            case.size, case.burst, rate, self.args.window + WARM_UP),
            self.args.window + LATENCY_DEADLINE)
        used, seconds = generator.cpu_time() - used, time.monotonic() - start
        generator.ask("remote stop")
        sample.update(found)
        self.finish(sample, found["achieved_pps"], used / seconds, case.came_back(found))

    @staticmethod
    def finish(sample, packets, share, arrived=True):
        """What every sample has. Only our own share of a CPU is known."""
        sample.update(mpps=packets / 1e6, cpu_share=[share],
                      placement=UNPROBED if share >= UNDISTURBED else DISTURBED)
        check_arrived(sample, arrived and packets > 0)


def progress(case, sample):
    """One line on stderr for a sample."""
    text = "round %d  %-36s %-16s" % (sample["round"], case.label(), sample["contestant"])
    if sample["status"] == "ok":
        text += "%8.2f Mpps  (%.0f %% of the CPU)" % (sample["mpps"], 100 * sample["cpu_share"][0])
        if sample.get("p50_ns"):
            text += "  %.0f ns, p99 %.0f ns" % (sample["p50_ns"], sample["p99_ns"])
        if any(sample.get("missing", {}).values()):
            text += "  missing: %(to host)d to host, %(to guest)d to guest" % sample["missing"]
    else:
        text += "FAILED: " + sample["error"].splitlines()[0]
    print(text, file=sys.stderr, flush=True)


def report_of(record):
    """The tables."""
    results = Results(record)
    text = report.heading(record)
    for name in GROUPS:
        if name in report.SHAPES and results.group(name):
            text += report.group_section(results, name)
    return text + report.latency_section(results) + (
        "Median (min-max; samples that count of all taken) of what arrives, %g s a sample, bursts "
        "of %d.\nA sample does not count if the guest half had less than %d %% of its CPU; the "
        "host half's share and the\nCPUs' distance are not known. What the host half received is "
        "known for a whole sample only.\n"
        % (record["options"]["window"], cases.BURST, round(100 * UNDISTURBED)))


def port_option(text):
    """NAME=EAL-ARGUMENTS."""
    name, _, rest = text.partition("=")
    arguments = shlex.split(rest)
    if not name or not arguments:
        raise argparse.ArgumentTypeError(
            "'%s': allowed is NAME=EAL-ARGUMENTS, e.g. nic=--allow=0000:03:00.0" % text)
    return Port(name, arguments)


def number_option(convert, least, most):
    """A number in a range."""
    def check(text):
        try:
            value = convert(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise argparse.ArgumentTypeError("'%s': allowed is %s to %s" % (text, least, most))
        return value
    return check


def list_option(allowed):
    """A list of words."""
    def check(text):
        for word in text.split(","):
            if word not in allowed:
                raise argparse.ArgumentTypeError("'%s' is unknown: allowed are %s"
                                                 % (word, ", ".join(allowed)))
        return text.split(",")
    return check


def parse_args(argv):
    """The command line."""
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    allowed_cpus = sorted(os.sched_getaffinity(0))
    parser.add_argument("build", metavar="BUILD", help=argparse.SUPPRESS)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--host", action="store_true", help="the half that obeys")
    which.add_argument("--guest", action="store_true", help="the half that measures")
    parser.add_argument("--port", type=port_option, action="append", required=True,
                        metavar="NAME=ARGS", help="a port, by EAL's arguments; repeatable")
    parser.add_argument("--cpu", type=int, default=allowed_cpus[-1], choices=allowed_cpus,
                        help="where this half polls (default: %(default)s)")
    parser.add_argument("--frame", type=number_option(int, 1518, 65000), default=1518, metavar="N",
                        help="the longest frame, the same for both halves (default: 1518)")
    driving = parser.add_argument_group("the guest half's")
    driving.add_argument("--cases", dest="groups", type=list_option(GROUPS), metavar="LIST",
                         default=list(GROUPS), help="of " + ", ".join(GROUPS))
    driving.add_argument("--sizes", type=list_option(cases.SIZES), metavar="LIST",
                         help="of %s; those above 1518 need --frame" % ", ".join(cases.SIZES))
    driving.add_argument("--rounds", type=number_option(int, 1, 100), default=5, metavar="N",
                         help="how often every port's turn comes (default: 5)")
    driving.add_argument("--window", type=number_option(float, 0.01, 50), default=0.25,
                         metavar="SECONDS", help="how long a sample takes (default: 0.25)")
    driving.add_argument("--out", metavar="FOLDER", help="for tables, plots and JSON "
                         "(default: build/bench/DATE)")
    args = parser.parse_args(argv)
    args.sizes = args.sizes or [s for s in cases.SIZES if s == "imix" or int(s) <= args.frame]
    for size in args.sizes:
        if size != "imix" and int(size) > args.frame:
            parser.error("--sizes: %s needs --frame=%s, on both halves" % (size, size))
    if len({port.name for port in args.port}) < len(args.port):
        parser.error("--port: a name is given twice")
    if os.geteuid() != 0:
        parser.error("huge pages and pinned threads need root")
    return args


def main(argv):
    """Exit status: 0 if every sample could be taken."""
    args = parse_args(argv)
    with Half(args) as half:
        if args.host:
            return serve(half)
        drive = Drive(half)
        whole = drive.run()
    text = report_of(drive.record)
    print(text)
    out = args.out or default_folder(args.build)
    write_results(out, drive.record, text)
    plots.draw(Results(drive.record), out)
    note("tables, JSON and plots are in %s" % out)
    return 0 if whole and all(s["status"] == "ok" for s in drive.record["samples"]) else 1
